// SPDX-License-Identifier: Apache-2.0
//
// least-memory: the node with the most memory left. Known as worst fit.
//
// Source: Johnson, "Near-optimal bin packing algorithms", MIT thesis (1973), for the rule's name and its packing; for
// sessions it is the balance that counts: a node near its end of memory loses all its sessions at once, and the node
// that is emptiest is farthest from that.
//
// Reads: memory available: the node's last report (as old as report-every and the way through the store) less what
// claims since then are expected to take (`expect.memory` of their kinds). Neither sessions nor load nor weight.
//
// Score: 2^62 less the available bytes, so that a gap is bytes. Ties are drawn uniformly.
//
// Traps: a kind without an expectation of memory takes nothing in this count until the next report, so a class that
// starts in between meets on one node; and sessions grow after they were placed, which no placement sees. By choosing
// the emptiest it leaves no node with room for a very large session: in a loss model of eight nodes it refuses two to
// three times as many large sessions as least sessions do, for a tenth of the hours above 95 %.
// Thread class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

constexpr Purpose kTie = purpose("strategy.least-memory.tie");
constexpr std::uint64_t kTop = std::uint64_t{1} << 62;

class LeastMemory final : public IndexedStrategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<LeastMemory>(*this); }
  void update(NodeId node, const NodeFigures& figures) override {
    nodes_.set(node, kTop - std::min(figures.memory_available, kTop));
  }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    const Hidden hidden(nodes_, excluded);
    return pick_least(nodes_, query, kTie);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_least_memory(const StrategyParams&) {
  return std::make_unique<LeastMemory>();
}

std::span<const StrategyParam> params_least_memory() {
  return {};
}

}  // namespace homing::core
