// SPDX-License-Identifier: Apache-2.0
//
// The alphabet of HTTP/1 (RFC 9110 section 5.6): tokens, control bytes, comma lists, numbers. ASCII only, never the
// locale's; nothing here allocates.
//
// Thread class: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace homing::wire {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

namespace internal {
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<std::uint8_t>(c)] = true;
  for (int c = 0; c < 256; ++c) {
    if (c < 128 && (is_digit(static_cast<char>(c)) || is_alpha(static_cast<char>(c)))) {
      table[static_cast<std::size_t>(c)] = true;
    }
  }
  return table;
}
inline constexpr std::array<bool, 256> kTokenTable = make_token_table();
}  // namespace internal

constexpr bool is_token(char c) {
  return internal::kTokenTable[static_cast<std::uint8_t>(c)];
}
// A byte that ends a line or must not stand in one: below 0x20 but the tab, and 0x7f.
constexpr bool is_control(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

bool is_token(std::string_view text);  // not empty
bool same_text(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);  // spaces and tabs
bool has_control(std::string_view text);
bool has_obs_text(std::string_view text);  // a byte of 0x80 or above

// Position of the first control byte (is_control) at or after `from`; size() when there is none. The plain one is the
// definition, tests compare the two.
std::size_t find_control(std::string_view bytes, std::size_t from);
std::size_t find_control_plain(std::string_view bytes, std::size_t from);

// One to eighteen decimal digits and nothing else, so it fits 63 bits.
std::optional<std::uint64_t> parse_number(std::string_view text);
// Decimal digits of `value`, written to the end of `buffer`.
std::string_view decimal(std::uint64_t value, std::array<char, 20>& buffer);

// Calls `see(item)` for each element of a comma list, trimmed; empty elements are left out.
template <class See>
void for_each_item(std::string_view list, See see) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view item = trim(list.substr(0, comma));
    if (!item.empty()) see(item);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace homing::wire
