// SPDX-License-Identifier: Apache-2.0
//
// p2c-sessions: draw two distinct nodes, take the one with fewer sessions per capacity. The power of two choices.
//
// Source: Mitzenmacher, "The power of two choices in randomized load balancing", IEEE TPDS 12 (2001); for sessions that
// leave independently of each other, Luczak and McDiarmid, "On the power of two choices: balls and bins in continuous
// time", Ann. Appl. Prob. 15 (2005). Same idea: Envoy's LEAST_REQUEST with equal weights, HAProxy's `random(2)`.
//
// Reads: sessions (current to this core's view of the store, pending counted) and weight. Score: millionths of a
// session per weight of 100.
//
// The two are drawn without replacement: with ten nodes or fewer that matters. On a tie the one drawn first wins, which
// is uniform. Candidates are the winner, the loser, then further draws in the order drawn; these were never compared
// with the pair, so the list is not ranked, although every score is told.
//
// Traps: weights decide only between the two; a light node is drawn as often as a heavy one, so with very unequal
// weights it stays fuller than under `sessions`. It gives up some balance for not herding on stale figures. Thread
// class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

constexpr Purpose kChoice = purpose("strategy.p2c-sessions.choice");

class P2cSessions final : public IndexedStrategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<P2cSessions>(*this); }
  void update(NodeId node, const NodeFigures& figures) override { nodes_.set(node, weighted_sessions(figures)); }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    const Hidden hidden(nodes_, excluded);
    Picked picked = pick_uniform(nodes_, query, kChoice);
    auto& pair = picked.candidates;
    if (picked.count > 1 && pair[1].score < pair[0].score) std::swap(pair[0], pair[1]);
    return picked;
  }
};

}  // namespace

std::unique_ptr<Strategy> make_p2c_sessions(const StrategyParams&) {
  return std::make_unique<P2cSessions>();
}

}  // namespace homing::core
