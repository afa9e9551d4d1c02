// SPDX-License-Identifier: Apache-2.0
//
// sessions: the node with the fewest sessions per capacity. The default.
//
// Known elsewhere as least connections and, for queues, as join the shortest queue (JSQ): Winston, "Optimality of the
// shortest line discipline", J. Appl. Prob. 14 (1977); with weights it is HAProxy's `leastconn`. Posit Workbench's
// `sessions` is this without weights; how Workbench breaks ties is not documented, here every tie is drawn uniformly.
//
// Reads: sessions (current to this core's view of the store: placements still starting are counted, whoever made them,
// and so are ends since the report) and weight. Neither load nor memory.
//
// Score: millionths of a session per weight of 100.
//
// Traps: a node that comes back empty takes every new session until it has caught up, for D ln(N / (N - 1)) with
// sessions of mean length D on N nodes. Sessions are counted as equal, whatever they burn. Counting only sessions that
// run, and not those that start, would send a whole class to one node.
// Thread class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

constexpr Purpose kTie = purpose("strategy.sessions.tie");

class Sessions final : public IndexedStrategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<Sessions>(*this); }
  void update(NodeId node, const NodeFigures& figures) override { nodes_.set(node, weighted_sessions(figures)); }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    const Hidden hidden(nodes_, excluded);
    return pick_least(nodes_, query, kTie);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_sessions(const StrategyParams&) {
  return std::make_unique<Sessions>();
}

std::span<const StrategyParam> params_sessions() {
  return {};
}

}  // namespace homing::core
