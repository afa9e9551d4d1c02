// SPDX-License-Identifier: Apache-2.0
#include "router/base/endpoint.h"

#include <fmt/format.h>

namespace homing::base {

std::string Endpoint::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  const auto fail = [text](const char* what) {
    return std::unexpected(fmt::format("\"{}\" {}; expected host:port, e.g. \"10.0.0.1:8800\" or \"[::1]:8800\"",
                                       fmt::string_view(text.data(), text.size()), what));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail("has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (!host.empty() && host.front() == '[') {
    if (host.size() < 4 || host.back() != ']') return fail("has an unclosed bracket");
    host = host.substr(1, host.size() - 2);
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return fail("is no IPv6 address");
  } else if (host.find(':') != std::string_view::npos) {
    return fail("has several colons; write an IPv6 address in brackets");
  } else if (host.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._") !=
             std::string_view::npos) {
    return fail("has a character that no host name has");
  }
  if (host.empty()) return fail("has no host");
  if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return fail("has no port number");
  }
  unsigned port = 0;
  for (const char c : digits) port = port * 10 + static_cast<unsigned>(c - '0');
  if (port == 0 || port > 65535) return fail("has a port outside 1 to 65535");
  return Endpoint{std::string(host), static_cast<std::uint16_t>(port)};
}

}  // namespace homing::base
