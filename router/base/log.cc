// SPDX-License-Identifier: Apache-2.0
#include "router/base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "router/base/json.h"

namespace homing::base {
namespace {

constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
constexpr int kMode = 0640;

std::string head_of(const std::string& program, const std::string& node) {
  std::string head = ",\"program\":" + json_quoted(program);
  if (!node.empty()) head += ",\"node\":" + json_quoted(node);
  return head;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "info";
}

std::int64_t wall_clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::string rfc3339(std::int64_t unix_ns) {
  std::int64_t nanoseconds = unix_ns % 1'000'000'000;
  if (nanoseconds < 0) nanoseconds += 1'000'000'000;
  const time_t seconds = static_cast<time_t>((unix_ns - nanoseconds) / 1'000'000'000);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, nanoseconds / 1000);
}

Log::Log(int descriptor, bool owned, std::string path, std::string program, std::string node, LogLevel least)
    : descriptor_(descriptor), owned_(owned), path_(std::move(path)), head_(head_of(program, node)), least_(least) {}

Log::Log(std::string program, std::string node, LogLevel least)
    : Log(STDERR_FILENO, false, "", std::move(program), std::move(node), least) {}

Log Log::to_descriptor(int descriptor, std::string program, std::string node, LogLevel least) {
  return Log(descriptor, false, "", std::move(program), std::move(node), least);
}

std::expected<Log, std::string> Log::to_file(const std::string& path, std::string program, std::string node,
                                             LogLevel least) {
  const int descriptor = ::open(path.c_str(), kFlags, kMode);
  if (descriptor < 0) {
    return std::unexpected(
        fmt::format("{}: the log cannot be written: {}", path, std::generic_category().message(errno)));
  }
  return Log(descriptor, true, path, std::move(program), std::move(node), least);
}

Log::Log(Log&& other) noexcept
    : descriptor_(other.descriptor_),
      owned_(other.owned_),
      path_(std::move(other.path_)),
      head_(std::move(other.head_)),
      least_(other.least_) {
  other.owned_ = false;
}

Log::~Log() {
  if (owned_) ::close(descriptor_);
}

void Log::write(LogLevel level, std::string_view event, LogFields fields) {
  if (!writes(level)) return;
  std::string line = "{\"ts\":\"" + rfc3339(wall_clock_ns()) + "\",\"level\":\"";
  line += to_string(level);
  line += '"';
  line += head_;
  line += ",\"event\":" + json_quoted(event);
  for (const LogField& field : fields) {
    line += ',' + json_quoted(field.name) + ':';
    JsonWriter value;
    std::visit([&value](const auto& held) { value.value(held); }, field.value);
    line += value.text();
  }
  line += "}\n";
  const std::lock_guard<std::mutex> guard(mutex_);
  const ssize_t written = ::write(descriptor_, line.data(), line.size());
  (void)written;  // a full disk must not stop a router
}

int Log::duplicate() {
  const std::lock_guard lock(mutex_);
  return ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
}

void Log::reopen() {
  if (!owned_) return;
  const int fresh = ::open(path_.c_str(), kFlags, kMode);
  if (fresh < 0) return;
  const std::lock_guard<std::mutex> guard(mutex_);
  ::close(descriptor_);
  descriptor_ = fresh;
}

}  // namespace homing::base
