// SPDX-License-Identifier: Apache-2.0
#include "router/wire/path.h"

#include <cstdint>

#include "router/wire/text.h"

namespace homing::wire {

namespace {

// Value of a hexadecimal digit, or -1.
int hex(char c) {
  if (is_digit(c)) return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// The byte of an escape's two digits at the front of `text`, or -1.
int escaped(std::string_view digits) {
  if (digits.size() < 2) return -1;
  const int high = hex(digits[0]);
  const int low = hex(digits[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool is_unreserved(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string_view path_part(std::string_view target) {
  return target.substr(0, target.find('?'));
}

// A byte as the most thorough reader sees it: `%252e` is `%2e` is a dot.
struct Read {
  char c = 0;
  bool literal = true;  // it stood there as it is
};

Read read_one(std::string_view& text) {
  Read read{text.front(), true};
  text.remove_prefix(1);
  while (read.c == '%') {
    const int value = escaped(text);
    if (value < 0) break;
    read = {static_cast<char>(value), false};
    text.remove_prefix(2);
  }
  return read;
}

std::string_view why_not_escaped(int value) {
  if (value < 0) return "a percent sign in the path that begins no escape";
  if (value < 0x20 || value == 0x7f) return "an escaped control byte in the path";
  const char c = static_cast<char>(value);
  if (c == '/' || c == '\\') return "an escaped slash where the route is decided";
  if (c == '.') return "an escaped dot where the route is decided";
  if (c == '%') return "an escaped percent sign where the route is decided";
  if (value < 0x80 && is_unreserved(c)) return "an escape of a character that needs none, where the route is decided";
  return {};
}

// What the pieces of a path between two separators are: 1 and 2 for `.` and `..`, else 0.
int dots_for_browsers(std::string_view segment) {
  int dots = 0;
  while (!segment.empty()) {
    if (segment.front() == '.') {
      segment.remove_prefix(1);
    } else if (segment.starts_with("%2e") || segment.starts_with("%2E")) {
      segment.remove_prefix(3);
    } else {
      return 0;
    }
    if (++dots > 2) return 0;
  }
  return dots;
}

// One piece between separators, literal or hidden ones, as climbs() reads it.
struct Piece {
  int dots = 0;
  bool other = false;  // it has a byte that is no dot
  bool over = false;   // a parameter or a zero byte came: nothing behind it counts
  void see(char c) {
    if (over) return;
    if (c == ';' || c == 0) {
      over = true;
    } else if (c == '.') {
      ++dots;
    } else {
      other = true;
    }
  }
  bool up() const { return !other && dots == 2; }
  bool down() const { return other || dots > 2; }
};

}  // namespace

std::string_view unsafe_prefix(std::string_view path) {
  path = path_part(path);
  if (!path.starts_with('/')) return "a path that does not begin with a slash";
  std::size_t segment = 0;  // where it begins, behind its slash
  for (std::size_t i = 0; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      const std::string_view piece = path.substr(segment, i - segment);
      if (piece == "." || piece == "..") return "a dot segment where the route is decided";
      if (i > 0 && i < path.size() && path[i - 1] == '/') return "an empty segment where the route is decided";
      segment = i + 1;
      continue;
    }
    if (path[i] == '\\') return "a backslash in the path";
    if (path[i] == ';') return "a parameter where the route is decided";
    if (is_control(path[i]) || path[i] == '#') return "a byte that no path has";
    if (path[i] == '%') {
      if (const std::string_view why = why_not_escaped(escaped(path.substr(i + 1))); !why.empty()) return why;
    }
  }
  return {};
}

bool climbs(std::string_view rest) {
  rest = path_part(rest);
  long depth = 0;
  Piece piece;
  bool hidden = false;  // this segment has separators that only some readers see
  bool cut = false;     // and a piece before the last ended early: to some readers the whole segment did
  while (!rest.empty()) {
    const Read read = read_one(rest);
    if (read.c != '/' && read.c != '\\') {
      piece.see(read.c);
      continue;
    }
    if (piece.up() && --depth < 0) return true;
    const bool slash = read.literal && read.c == '/';
    if (slash && piece.down() && !(hidden && cut)) ++depth;  // once, though some see several segments in it
    hidden = !slash;
    cut = !slash && (cut || piece.over);
    piece = {};
  }
  return piece.up() && depth == 0;
}

std::string_view unsafe_target(std::string_view target, std::size_t prefix_size) {
  if (const std::string_view why = unsafe_prefix(target.substr(0, prefix_size)); !why.empty()) return why;
  if (climbs(target.substr(prefix_size))) return "a path that leads out of its session";
  return {};
}

void append_without_dots(std::string_view path, std::string& out) {
  const std::size_t begin = out.size();
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = path.find_first_of("/\\");
    const std::string_view segment = path.substr(0, end);
    const bool last = end == std::string_view::npos;
    const int dots = dots_for_browsers(segment);
    if (dots == 2) {
      const std::size_t parent = out.rfind('/');
      out.resize(parent == std::string::npos || parent < begin ? begin : parent);
    }
    if (dots == 0 || last) out += '/';
    if (dots == 0) out += segment;
    path = last ? std::string_view() : path.substr(end);
  }
  if (out.size() == begin) out += '/';
}

}  // namespace homing::wire
