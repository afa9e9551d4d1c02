// SPDX-License-Identifier: Apache-2.0
//
// Counters that workers raise and others read: requests by outcome and, per node, what the core is told as
// TrafficSummary. Relaxed atomics: each number is right by itself, they are not one snapshot.
// Thread class: thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "router/core/event.h"
#include "router/core/ids.h"

namespace homing::net {

class Traffic {
 public:
  explicit Traffic(std::size_t nodes) : nodes_(nodes) {}

  struct Counters {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> refused{0};  // answered by us, status 4xx or 5xx
    std::atomic<std::uint64_t> served_here{0};
    std::atomic<std::uint64_t> forwarded{0};  // one hop to the holder
    std::atomic<std::uint64_t> served_for_peer{0};
    std::atomic<std::uint64_t> misdirected{0};  // a peer thought we hold it
    std::atomic<std::uint64_t> upstream_failed{0};
    std::atomic<std::uint64_t> tunnels{0};  // opened
    std::atomic<std::int64_t> tunnels_open{0};
    std::atomic<std::int64_t> connections_open{0};
    std::atomic<std::uint64_t> shed{0};        // connections that there was no room for
    std::atomic<std::uint64_t> handshakes{0};  // TLS, with people and peers
    std::atomic<std::uint64_t> handshakes_failed{0};
    std::atomic<std::uint64_t> bytes_up{0};
    std::atomic<std::uint64_t> bytes_down{0};
  };
  Counters counters;

  enum class Fate : std::uint8_t { kOk, kConnectFailed, kCut };
  void count(core::NodeId node, Fate fate);
  void in_flight(core::NodeId node, int change);
  // What happened at `node` since the last call; nothing when nothing did. One caller.
  bool take(core::NodeId node, core::TrafficSummary& out);

 private:
  struct PerNode {
    std::atomic<std::uint64_t> ok{0};
    std::atomic<std::uint64_t> connect_failed{0};
    std::atomic<std::uint64_t> cut{0};
    std::atomic<std::int32_t> in_flight{0};
  };
  std::vector<PerNode> nodes_;
};

}  // namespace homing::net
