// SPDX-License-Identifier: Apache-2.0
//
// The tree under a Document (config_text.h): TOML values with their places, members in file order, and the marks of
// what readers asked for. Only config_text.cc and config_parse.cc look at it; it keeps toml++, which is slow to
// compile, inside one file. Thread class: thread-compatible.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/diagnostics.h"

namespace homing::base {

struct ConfigNode {
  enum class Kind { kString, kInteger, kNumber, kBoolean, kDate, kList, kTable };

  Kind kind = Kind::kTable;
  Where where;
  std::string text;  // a string's contents, a date as written
  std::int64_t integer = 0;
  double number = 0;
  bool boolean = false;
  std::vector<ConfigNode> children;  // elements of a list, members of a table in file order

  // As a member of a table:
  std::string name;
  Where name_where;
  bool asked = false;

  // As a table:
  bool opened = false;             // somebody read it as a section, so unknown keys in it are errors
  std::vector<std::string> known;  // the names asked for, whether they were there or not
};

// TOML 1.0 text as a tree; an error has the place and the parser's words.
std::expected<ConfigNode, Diagnostic> parse_toml(std::string_view text, const std::string& name);

}  // namespace homing::base
