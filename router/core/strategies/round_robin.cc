// SPDX-License-Identifier: Apache-2.0
//
// round-robin: the next node in id order after the one chosen last, round and round.
//
// Known from every balancer; without weights here. Occupancy of N nodes under long sessions varies half as much between
// nodes as under random (the arrivals of one node are every N-th of the stream: GI/G/inf).
//
// Reads: no figure, only who is eligible, and its cursor (saved: it cannot be rebuilt). Scores: all 0.
//
// Traps: it forgets departures: a node that lost its sessions is refilled no faster than the others. Each router has a
// cursor of its own; N routers with independent cursors approach random. A node that was skipped for lack of room is
// not made up for.
// Thread class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

class RoundRobin final : public IndexedStrategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<RoundRobin>(*this); }
  void update(NodeId node, const NodeFigures&) override { nodes_.set(node, 0); }
  Picked pick(const PlacementQuery&, std::span<const NodeId> excluded) override {
    const Hidden hidden(nodes_, excluded);
    const Picked picked = pick_circle(nodes_, cursor_);
    if (picked.count > 0) cursor_ = NodeId{picked.candidates[0].node.value + 1};
    return picked;
  }
  void save(Writer& out) const override { out(cursor_); }
  void load(Reader& in) override { in(cursor_); }

 private:
  NodeId cursor_{0};  // where the search for the next choice begins
};

}  // namespace

std::unique_ptr<Strategy> make_round_robin(const StrategyParams&) {
  return std::make_unique<RoundRobin>();
}

std::span<const StrategyParam> params_round_robin() {
  return {};
}

}  // namespace homing::core
