// SPDX-License-Identifier: Apache-2.0
#include "router/net/traffic.h"

#include <algorithm>

namespace homing::net {

void Traffic::count(core::NodeId node, Fate fate) {
  if (node.value >= nodes_.size()) return;
  PerNode& at = nodes_[node.value];
  auto& counter = fate == Fate::kOk ? at.ok : fate == Fate::kCut ? at.cut : at.connect_failed;
  counter.fetch_add(1, std::memory_order_relaxed);
}

void Traffic::in_flight(core::NodeId node, int change) {
  if (node.value < nodes_.size()) nodes_[node.value].in_flight.fetch_add(change, std::memory_order_relaxed);
}

bool Traffic::take(core::NodeId node, core::TrafficSummary& out) {
  PerNode& at = nodes_[node.value];
  out.node = node;
  out.ok = at.ok.exchange(0, std::memory_order_relaxed);
  out.connect_failed = at.connect_failed.exchange(0, std::memory_order_relaxed);
  out.cut = at.cut.exchange(0, std::memory_order_relaxed);
  out.in_flight = static_cast<std::uint32_t>(std::max(0, at.in_flight.load(std::memory_order_relaxed)));
  return out.ok != 0 || out.connect_failed != 0 || out.cut != 0;
}

}  // namespace homing::net
