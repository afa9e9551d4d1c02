// SPDX-License-Identifier: Apache-2.0
//
// Paths and what is rewritten for stripped prefixes. What passes as safe stays below its prefix however it is read:
// readers of several kinds walk it here, none of which shares code with the check. What was rewritten begins with the
// prefix, and rewriting again changes nothing.
#include <string>
#include <vector>

#include "router/core/check.h"
#include "router/wire/path.h"
#include "router/wire/rewrite.h"
#include "router/wire/text.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace homing;

int digit(char c) {
  const std::string_view digits = "0123456789abcdef";
  const std::size_t at = digits.find(wire::lower(c));
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Reader {
  int decodes = 0;          // how often
  bool backslash = false;   // is a separator
  bool merges = false;      // empty segments are none
  bool parameters = false;  // end at `;`
  bool c_strings = false;   // a segment ends at a zero byte
};

// True when this reader ever stands above where it began.
bool walks_out(std::string path, const Reader& reader) {
  for (int i = 0; i < reader.decodes; ++i) path = decoded(path);
  if (reader.backslash) {
    for (char& c : path) c = c == '\\' ? '/' : c;
  }
  long depth = 0;
  std::size_t begin = path.starts_with('/') ? 1 : 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    std::string segment = path.substr(begin, end - begin);
    if (reader.parameters) segment = segment.substr(0, segment.find(';'));
    if (reader.c_strings) segment = segment.substr(0, segment.find('\0'));
    if (segment == "..") {
      if (--depth < 0) return true;
    } else if (segment != "." && !(segment.empty() && (reader.merges || end == path.size()))) {
      ++depth;
    }
    begin = end + 1;
  }
  return false;
}

void check_rest(const std::string& rest) {
  if (wire::climbs(rest)) return;
  const std::string path = rest.substr(0, rest.find('?'));
  for (int bits = 0; bits < 64; ++bits) {
    const Reader reader{bits % 4, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0, (bits & 32) != 0};
    CHECK(!walks_out(path, reader));
  }
}

void check_prefix(const std::string& path) {
  if (!wire::unsafe_prefix(path).empty()) return;
  const std::string plain = path.substr(0, path.find('?'));
  std::string without;
  wire::append_without_dots(plain, without);
  CHECK(without == plain);
  CHECK(plain.find("//") == std::string::npos && plain.find('\\') == std::string::npos);
  const std::string once = decoded(plain);
  CHECK(decoded(once) == once);
  CHECK(wire::unsafe_prefix(plain.substr(0, plain.rfind('/') + 1)).empty());
}

void check_rewriting(const std::string& value, std::string target) {
  std::erase_if(target, [](char c) { return c <= ' ' || c > '~'; });  // a judged head has no others
  if (!target.starts_with('/')) target.insert(0, "/");
  const wire::Stripped where{"/s/ID", target.size() % 2 == 0 ? "http" : "https", "h.example:80", target};
  std::string once;
  wire::rewrite_location(value, where, once);
  std::string twice;
  wire::rewrite_location(once, where, twice);
  CHECK(once == twice);
  const bool absolute = value.starts_with('/') && !value.starts_with("//") && value.find('\t') == std::string::npos;
  if (absolute) CHECK(once.starts_with("/s/ID"));
  std::string cookie;
  wire::rewrite_set_cookie(value, where, cookie);
  std::string again;
  wire::rewrite_set_cookie(cookie, where, again);
  CHECK(cookie == again);
  std::string stripped;
  wire::append_stripped_target(target, stripped);
  CHECK(stripped.starts_with('/') && !stripped.starts_with("//") && !stripped.starts_with("/\\"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  check_rest(text);
  check_prefix(text);
  const std::size_t half = text.find('\n');
  check_rewriting(text.substr(0, half), half == std::string::npos ? "" : text.substr(half + 1));
  return 0;
}
