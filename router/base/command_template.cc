// SPDX-License-Identifier: Apache-2.0
#include "router/base/command_template.h"

#include <fmt/format.h>

#include <array>

#include "router/base/suggest.h"
#include "router/core/check.h"

namespace homing::base {
namespace {

// Walks a template: `literal(char)` and `placeholder(name)` in order. Returns what is wrong, or nothing.
template <typename Literal, typename Placeholder>
std::optional<std::string> walk(std::string_view text, Literal literal, Placeholder placeholder) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c) {
      literal(c);
      ++i;
    } else if (c == '{') {
      const std::size_t end = text.find('}', i);
      if (end == std::string_view::npos) return "has a \"{\" without \"}\"; write \"{{\" for a brace";
      if (auto wrong = placeholder(text.substr(i + 1, end - i - 1))) return wrong;
      i = end;
    } else if (c == '}') {
      return "has a \"}\" without \"{\"; write \"}}\" for a brace";
    } else {
      literal(c);
    }
  }
  return std::nullopt;
}

const std::string* value_of(const CommandValues& values, std::string_view name) {
  const std::array<const std::string*, 7> in_order = {&values.socket,   &values.port,    &values.secret_file,
                                                      &values.prefix,   &values.session, &values.user,
                                                      &values.state_dir};
  const auto names = placeholder_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return in_order[i];
  }
  return nullptr;
}

}  // namespace

std::span<const std::string> placeholder_names() {
  static const std::array<std::string, 7> names = {"socket",  "port", "secret-file", "prefix",
                                                   "session", "user", "state-dir"};
  return names;
}

std::string expand(std::string_view text, const CommandValues& values) {
  std::string out;
  const auto wrong = walk(
      text, [&out](char c) { out += c; },
      [&](std::string_view name) -> std::optional<std::string> {
        const std::string* value = value_of(values, name);
        CHECK(value != nullptr);
        out += *value;
        return std::nullopt;
      });
  CHECK(!wrong);
  return out;
}

std::optional<std::string> template_error(std::string_view text) {
  return walk(
      text, [](char) {},
      [](std::string_view name) -> std::optional<std::string> {
        const CommandValues none;
        if (value_of(none, name) != nullptr) return std::nullopt;
        std::string what = fmt::format("unknown placeholder \"{{{}}}\"; expected {}",
                                       fmt::string_view(name.data(), name.size()), quoted_list(placeholder_names()));
        if (const auto near = nearest_name(name, placeholder_names()))
          what += fmt::format("; did you mean \"{{{}}}\"?", *near);
        return what;
      });
}

bool uses_placeholder(std::string_view text, std::string_view name) {
  bool found = false;
  (void)walk(
      text, [](char) {},
      [&](std::string_view used) -> std::optional<std::string> {
        found = found || used == name;
        return std::nullopt;
      });
  return found;
}

}  // namespace homing::base
