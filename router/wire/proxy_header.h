// SPDX-License-Identifier: Apache-2.0
//
// Receives the PROXY protocol, versions 1 and 2: what a load balancer in front of us says about the client's address.
//
// Intuition: it is a claim about identity, so it is read only where the configuration says that it must come (never
// guessed from the bytes) and every deviation ends the connection. The bytes behind it belong to the client.
//
// Rules: version 1 is one line of at most 107 bytes with its CRLF, single spaces, decimal ports without leading zeros;
// version 2 is its signature, version 2, a length of at most kMaxProxyBytes, and addresses of TCP over IPv4 or IPv6,
// UNSPEC or the command LOCAL; what follows the addresses (TLVs) is skipped. Unix sockets and datagrams are refused:
// they have no address that a log or a limit could use. UNKNOWN, UNSPEC and LOCAL mean: the connection's own address
// counts.
//
// Invariants: constant memory; the verdict does not depend on how the bytes were split.
// Source: HAProxy's doc/proxy-protocol.txt.
// Thread class: single-owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homing::wire {

inline constexpr std::size_t kMaxProxyLine = 107;    // version 1
inline constexpr std::size_t kMaxProxyBytes = 2048;  // version 2, behind the first 16

struct ProxyAddress {
  std::array<std::uint8_t, 16> bytes{};  // an IPv4 address in the first four
  std::uint16_t port = 0;
  bool operator==(const ProxyAddress&) const = default;
};

class ProxyHeader {
 public:
  enum class State : std::uint8_t { kMore, kDone, kRefused };
  enum class Family : std::uint8_t {
    kNone,  // nothing is said about the client
    kIpv4,
    kIpv6,
  };
  struct Result {
    State state = State::kMore;
    std::size_t size = 0;  // kDone: bytes of the header
    std::string_view why;  // kRefused: words for the log; a literal
  };

  // `so_far` is everything received on the connection.
  Result parse(std::string_view so_far);

  // After kDone.
  Family family() const { return family_; }
  const ProxyAddress& source() const { return source_; }
  const ProxyAddress& destination() const { return destination_; }

 private:
  Result parse_line(std::string_view so_far);
  Result parse_binary(std::string_view so_far);
  bool read_line(std::string_view line);

  Family family_ = Family::kNone;
  ProxyAddress source_;
  ProxyAddress destination_;
};

}  // namespace homing::wire
