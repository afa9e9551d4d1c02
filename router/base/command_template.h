// SPDX-License-Identifier: Apache-2.0
//
// Command templates of kinds: {placeholder} -> the values of one session. "{{" and "}}" stand for braces.
//
// A template is split into arguments by its author (a list in the configuration) and never by us: no shell, no word
// splitting, so a user's name cannot become a second argument. Templates are checked when the configuration is read.
// Thread class: stateless.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace homing::base {

struct CommandValues {
  std::string socket;       // {socket}: path of the Unix socket to listen on
  std::string port;         // {port}: loopback port to listen on
  std::string secret_file;  // {secret-file}: holds the per-session secret that the router injects
  std::string prefix;       // {prefix}: "/s/ID/" as the browser sees it
  std::string session;      // {session}: 32 hexadecimal digits
  std::string user;         // {user}: the owner's name
  std::string state_dir;    // {state-dir}: a directory of this session alone
};

// The names of the placeholders, in the order above.
std::span<const std::string> placeholder_names();

// REQUIRES: !template_error(text).
std::string expand(std::string_view text, const CommandValues& values);

// What is wrong with a template (for a diagnostic), or nothing.
std::optional<std::string> template_error(std::string_view text);

// True when the template holds this placeholder.
bool uses_placeholder(std::string_view text, std::string_view name);

}  // namespace homing::base
