// SPDX-License-Identifier: Apache-2.0
//
// host:port, as configuration writes it: "127.0.0.11:8800", "[::1]:8800", "n1.example.org:8800".
// Text only: nothing is resolved here.
// Thread class: plain value.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace homing::base {

struct Endpoint {
  std::string host;  // name, IPv4, or IPv6 without brackets
  std::uint16_t port = 0;

  std::string text() const;  // "host:port", IPv6 in brackets
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);

}  // namespace homing::base
