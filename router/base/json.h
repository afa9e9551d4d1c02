// SPDX-License-Identifier: Apache-2.0
//
// Writing JSON: keys in the order in which the program names them, so that the same facts are the same bytes. Compact
// (log lines, progress) or pretty (what a person asked for with -o json). Reading is Boost.JSON's business.
//
//   JsonWriter json;
//   json.begin_object().key("node").value("n1").key("sessions").value(3).end_object();
//   std::string line = json.take();
//
// Text is made valid: control characters are escaped and bytes that are no UTF-8 become U+FFFD. Doubles are the
// shortest text that reads back the same; NaN and infinities, which JSON lacks, become null. Thread class:
// thread-compatible.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace homing::base {

class JsonWriter {
 public:
  enum class Style { kCompact, kPretty };
  explicit JsonWriter(Style style = Style::kCompact) : style_(style) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(double number);
  template <std::integral T>
  JsonWriter& value(T number) {
    if constexpr (std::signed_integral<T>) {
      return integer(static_cast<std::int64_t>(number));
    } else {
      return unsigned_integer(static_cast<std::uint64_t>(number));
    }
  }
  JsonWriter& null();
  // `json` is a whole JSON value already.
  JsonWriter& raw(std::string_view json);

  template <typename T>
  JsonWriter& member(std::string_view name, const T& what) {
    return key(name).value(what);
  }

  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  struct Level {
    bool empty = true;
  };
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& integer(std::int64_t number);
  JsonWriter& unsigned_integer(std::uint64_t number);
  void separate();
  void new_line();

  Style style_;
  std::string out_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

// `"text"` with escapes.
std::string json_quoted(std::string_view text);
// The same behind `out`, which grows at most.
void append_json_quoted(std::string_view text, std::string& out);

}  // namespace homing::base
