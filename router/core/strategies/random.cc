// SPDX-License-Identifier: Apache-2.0
//
// random: any eligible node, each equally likely. The yardstick: a strategy that is not better than this is not worth
// its figures.
//
// Sessions on a node are then Poisson: variance equals mean, and the fullest of N nodes is far above the others.
//
// Reads: no figure, only who is eligible. Scores: all 0. The draws are keyed by session and epoch, so replays agree.
//
// Traps: ignores weights; refills a node that came back only as fast as its sessions turn over.
// Thread class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

constexpr Purpose kChoice = purpose("strategy.random.choice");

class Random final : public IndexedStrategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<Random>(*this); }
  void update(NodeId node, const NodeFigures&) override { nodes_.set(node, 0); }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    const Hidden hidden(nodes_, excluded);
    return pick_uniform(nodes_, query, kChoice);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_random(const StrategyParams&) {
  return std::make_unique<Random>();
}

std::span<const StrategyParam> params_random() {
  return {};
}

}  // namespace homing::core
