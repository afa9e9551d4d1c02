// SPDX-License-Identifier: Apache-2.0
//
// p2c-sessions: draw `d` distinct nodes (two unless told otherwise), take the one with the fewest sessions per
// capacity. The power of two choices.
//
// Source: Mitzenmacher, "The power of two choices in randomized load balancing", IEEE TPDS 12 (2001); for sessions that
// leave independently of each other, Luczak and McDiarmid, "On the power of two choices: balls and bins in continuous
// time", Ann. Appl. Prob. 15 (2005). Same idea: Envoy's LEAST_REQUEST with equal weights, HAProxy's `random(2)`.
//
// Reads: sessions (current to this core's view of the store, pending counted) and weight. Score: millionths of a
// session per weight of 100.
//
// The d are drawn without replacement: with ten nodes or fewer that matters. On a tie the one drawn first wins, which
// is uniform. Candidates are the d by score, then further draws in the order drawn, for placements that the d cannot
// take; only the d were compared, so only they are ranked. With fewer than d nodes all of them are compared.
//
// Traps: weights decide only between the d; a light node is drawn as often as a heavy one, so with very unequal weights
// it stays fuller than under `sessions`. It gives up some balance for not herding on stale figures: the greater d, the
// better with fresh figures and the worse with old ones (d = number of nodes is `sessions`).
// Thread class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

constexpr Purpose kChoice = purpose("strategy.p2c-sessions.choice");

constexpr StrategyParam kChoices{
    .name = "d",
    .unit = ParamUnit::kCount,
    .standard = 2,
    .least = 2,
    .most = kMaxCandidates,
    .meaning = "distinct nodes drawn, of which the least loaded is taken",
    .source = "Mitzenmacher 2001: the second choice gains most, every further one only a constant factor",
};

class P2cSessions final : public IndexedStrategy {
 public:
  explicit P2cSessions(std::uint8_t choices) : choices_(choices) {}
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<P2cSessions>(*this); }
  void update(NodeId node, const NodeFigures& figures) override { nodes_.set(node, weighted_sessions(figures)); }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    const Hidden hidden(nodes_, excluded);
    Picked picked = pick_uniform(nodes_, query, kChoice);
    picked.ranked = std::min(choices_, picked.count);
    const auto drawn = std::span(picked.candidates).first(picked.ranked);
    // Insertion keeps the order drawn among equals (std::stable_sort would allocate).
    for (std::size_t i = 1; i < drawn.size(); ++i) {
      for (std::size_t j = i; j > 0 && drawn[j].score < drawn[j - 1].score; --j) std::swap(drawn[j], drawn[j - 1]);
    }
    return picked;
  }

 private:
  std::uint8_t choices_;
};

}  // namespace

std::unique_ptr<Strategy> make_p2c_sessions(const StrategyParams& params) {
  return std::make_unique<P2cSessions>(static_cast<std::uint8_t>(params[kChoices]));
}

std::span<const StrategyParam> params_p2c_sessions() {
  return {&kChoices, 1};
}

}  // namespace homing::core
