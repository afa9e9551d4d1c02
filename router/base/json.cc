// SPDX-License-Identifier: Apache-2.0
#include "router/base/json.h"

#include <fmt/format.h>

#include <cmath>

namespace homing::base {
namespace {

// Length of the UTF-8 sequence at the front (1 to 4), or 0 when it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;  // longer than needed
  if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogates
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;  // beyond U+10FFFF
  return length;
}

}  // namespace

void append_json_quoted(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;  // bytes at the front that stay as they are
  const auto flush = [&](std::size_t used) {
    out.append(text, 0, plain);
    text.remove_prefix(plain + used);
    plain = 0;
  };
  while (plain < text.size()) {
    const std::size_t length = utf8_length(text.substr(plain));
    const auto c = static_cast<unsigned char>(text[plain]);
    if (length == 0) {
      flush(1);
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      flush(1);
      (out += '\\') += static_cast<char>(c);
    } else if (c == '\n' || c == '\t') {
      flush(1);
      out += c == '\n' ? "\\n" : "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      flush(1);
      ((out += "\\u00") += kHex[c >> 4U]) += kHex[c & 15U];
    } else {
      plain += length;
    }
  }
  flush(0);
  out += '"';
}

std::string json_quoted(std::string_view text) {
  std::string out;
  append_json_quoted(text, out);
  return out;
}

void JsonWriter::new_line() {
  if (style_ == Style::kCompact) return;
  out_ += '\n';
  out_.append(2 * levels_.size(), ' ');
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) return;
  if (!levels_.back().empty) out_ += ',';
  levels_.back().empty = false;
  new_line();
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  levels_.emplace_back();
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  const bool empty = levels_.back().empty;
  levels_.pop_back();
  if (!empty) new_line();
  out_ += bracket;
  if (levels_.empty() && style_ == Style::kPretty) out_ += '\n';
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  out_ += json_quoted(name);
  out_ += style_ == Style::kPretty ? ": " : ":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  return raw(json_quoted(text));
}
JsonWriter& JsonWriter::value(bool flag) {
  return raw(flag ? "true" : "false");
}
JsonWriter& JsonWriter::value(double number) {
  return std::isfinite(number) ? raw(fmt::format("{}", number)) : null();
}
JsonWriter& JsonWriter::integer(std::int64_t number) {
  return raw(fmt::format("{}", number));
}
JsonWriter& JsonWriter::unsigned_integer(std::uint64_t number) {
  return raw(fmt::format("{}", number));
}
JsonWriter& JsonWriter::null() {
  return raw("null");
}

}  // namespace homing::base
