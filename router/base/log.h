// SPDX-License-Identifier: Apache-2.0
//
// The structured log: one JSON object a line, for `jq` and for machines.
//
//   log.info("session.started", {{"session", id}, {"epoch", 3}, {"took_s", 1.25}});
//   {"ts":"2026-11-22T18:20:01.123456Z","level":"info","program":"router","node":"n1","event":"session.started",...}
//
// `event` is a fixed dotted name, never a sentence with values in it; a sentence for people goes into the field "text".
// Secrets (cookies, keys, tokens) are never fields. A line is one write, so lines of several threads and processes do
// not mix. A log that cannot be written loses lines silently: it never disturbs its program.
// Thread class: thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace homing::base {

enum class LogLevel : std::uint8_t { kDebug = 0, kInfo, kWarn, kError };
std::string_view to_string(LogLevel level);

struct LogField {
  template <typename T>
  LogField(std::string_view field_name, const T& what) : name(field_name), value(converted(what)) {}

  std::string_view name;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

 private:
  using Held = decltype(value);
  template <typename T>
  static Held converted(const T& what) {
    if constexpr (std::is_same_v<T, bool>) {
      return Held(std::in_place_type<bool>, what);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      return Held(static_cast<std::int64_t>(what));
    } else if constexpr (std::is_integral_v<T>) {
      return Held(static_cast<std::uint64_t>(what));
    } else if constexpr (std::is_floating_point_v<T>) {
      return Held(static_cast<double>(what));
    } else {
      return Held(std::string_view(what));
    }
  }
};
using LogFields = std::initializer_list<LogField>;

class Log {
 public:
  // To standard error.
  Log(std::string program, std::string node, LogLevel least = LogLevel::kInfo);
  // Appends to a file (mode 0640).
  static std::expected<Log, std::string> to_file(const std::string& path, std::string program, std::string node,
                                                 LogLevel least = LogLevel::kInfo);
  // Writes to a descriptor that somebody else owns.
  static Log to_descriptor(int descriptor, std::string program, std::string node, LogLevel least = LogLevel::kInfo);
  Log(Log&& other) noexcept;
  Log& operator=(Log&&) = delete;
  ~Log();

  void write(LogLevel level, std::string_view event, LogFields fields = {});
  void debug(std::string_view event, LogFields fields = {}) { write(LogLevel::kDebug, event, fields); }
  void info(std::string_view event, LogFields fields = {}) { write(LogLevel::kInfo, event, fields); }
  void warn(std::string_view event, LogFields fields = {}) { write(LogLevel::kWarn, event, fields); }
  void error(std::string_view event, LogFields fields = {}) { write(LogLevel::kError, event, fields); }

  bool writes(LogLevel level) const { return level >= least_; }
  // Another descriptor of the same file or pipe, for who writes lines of another kind there; negative: none can be had.
  int duplicate();
  // Opens the file again under its name, after a rotation. Nothing for other logs.
  void reopen();

 private:
  Log(int descriptor, bool owned, std::string path, std::string program, std::string node, LogLevel least);

  std::mutex mutex_;  // guards descriptor_ against reopen
  int descriptor_;
  bool owned_;
  std::string path_;
  std::string head_;  // ,"program":"router","node":"n1"
  LogLevel least_;
};

// Wall time as RFC 3339 in UTC with microseconds. `unix_ns`: nanoseconds since 1970.
std::string rfc3339(std::int64_t unix_ns);
std::int64_t wall_clock_ns();

}  // namespace homing::base
