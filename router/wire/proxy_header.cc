// SPDX-License-Identifier: Apache-2.0
#include "router/wire/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "router/wire/text.h"

namespace homing::wire {

namespace {

using Result = ProxyHeader::Result;
using State = ProxyHeader::State;
using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::string_view kLineStart = "PROXY "sv;

Result refused(std::string_view why) {
  return {State::kRefused, 0, why};
}

// Up to the next space, which is taken too; the last word ends with the text.
std::string_view next_word(std::string_view& text) {
  const std::size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  return word;
}

bool read_address(std::string_view text, int family, ProxyAddress& address) {
  char buffer[64] = {};
  if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(buffer, text.data(), text.size());
  return inet_pton(family, buffer, address.bytes.data()) == 1;
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  if (text.size() > 5 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto value = parse_number(text);
  if (!value || *value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::uint16_t big_endian(std::string_view bytes) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[0]) << 8U | static_cast<std::uint8_t>(bytes[1]));
}

}  // namespace

Result ProxyHeader::parse(std::string_view so_far) {
  if (so_far.empty()) return {};
  const std::string_view start = so_far.front() == kSignature.front() ? kSignature : kLineStart;
  const std::size_t known = std::min(so_far.size(), start.size());
  if (so_far.substr(0, known) != start.substr(0, known)) return refused("no PROXY header where one must be");
  if (known < start.size()) return {};
  family_ = Family::kNone;
  source_ = {};
  destination_ = {};
  return start == kSignature ? parse_binary(so_far) : parse_line(so_far);
}

Result ProxyHeader::parse_line(std::string_view so_far) {
  const std::string_view line = so_far.substr(0, kMaxProxyLine);
  const std::size_t end = find_control(line, 0);
  if (end == line.size() || (line[end] == '\r' && end + 1 == line.size())) {
    return line.size() < kMaxProxyLine ? Result{} : refused("a PROXY line of more than 107 bytes");
  }
  if (line[end] != '\r' || line[end + 1] != '\n') return refused("a PROXY line that does not end in CRLF");
  if (!read_line(line.substr(kLineStart.size(), end - kLineStart.size()))) {
    return refused("a PROXY line that is not TCP4|TCP6 address address port port");
  }
  return {State::kDone, end + 2, {}};
}

bool ProxyHeader::read_line(std::string_view line) {
  const std::string_view protocol = next_word(line);
  if (protocol == "UNKNOWN") return true;  // whatever follows is not for us
  if (protocol != "TCP4" && protocol != "TCP6") return false;
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  if (!read_address(next_word(line), family, source_) || !read_address(next_word(line), family, destination_)) {
    return false;
  }
  const auto source_port = read_port(next_word(line));
  const auto destination_port = read_port(line);
  if (!source_port || !destination_port) return false;
  source_.port = *source_port;
  destination_.port = *destination_port;
  family_ = family == AF_INET ? Family::kIpv4 : Family::kIpv6;
  return true;
}

Result ProxyHeader::parse_binary(std::string_view so_far) {
  if (so_far.size() < 16) return {};
  const auto command = static_cast<std::uint8_t>(so_far[12]);
  const auto family = static_cast<std::uint8_t>(so_far[13]);
  const std::size_t length = big_endian(so_far.substr(14));
  if (command >> 4U != 2) return refused("a PROXY header of an unknown version");
  if (command != 0x20 && command != 0x21) return refused("a PROXY command that is neither LOCAL nor PROXY");
  if (length > kMaxProxyBytes) return refused("a PROXY header that is too long");
  const bool local = command == 0x20;
  const std::size_t address = family == 0x11 ? 4 : 16;
  if (!local && family != 0x00 && family != 0x11 && family != 0x21) {
    return refused("a PROXY address that is not of TCP over IPv4 or IPv6");
  }
  const bool told = !local && family != 0x00;
  if (told && length < 2 * address + 4) return refused("a PROXY header that is shorter than its addresses");
  if (so_far.size() < 16 + length) return {};
  if (told) {
    const std::string_view body = so_far.substr(16, length);
    std::memcpy(source_.bytes.data(), body.data(), address);
    std::memcpy(destination_.bytes.data(), body.data() + address, address);
    source_.port = big_endian(body.substr(2 * address));
    destination_.port = big_endian(body.substr(2 * address + 2));
    family_ = address == 4 ? Family::kIpv4 : Family::kIpv6;
  }
  return {State::kDone, 16 + length, {}};
}

}  // namespace homing::wire
