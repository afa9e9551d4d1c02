// SPDX-License-Identifier: Apache-2.0
//
// system-load: the node with the lowest 5-minute load average per core, as Posit Workbench has it, for comparison.
//
// Source: Workbench's administration guide, "Balancing methods": 5-minute load average divided by the number of cores,
// the lowest wins. Its tie-break and how often its nodes exchange loads are not documented: ties are drawn here, and
// the age is the cluster's `report-every`, a parameter. Sessions placed since the report are deliberately not added.
//
// Reads: load5 and cores, both as old as the node's last report (report-every + the way through the store). Neither
// sessions nor weight nor memory.
//
// Score: millionths of load per core.
//
// Traps: the average follows with a time constant of 300 s: of a step it shows 18 % after a minute and 63 % after five,
// so a class that starts within a minute lands on the node that looked best before it began (Mitzenmacher, "How useful
// is old information?", IEEE TPDS 11 (2000); Dahlin, "Interpreting stale load information", same volume). Linux counts
// tasks in uninterruptible sleep too, so a hanging file server looks like load.
// Thread class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

constexpr Purpose kTie = purpose("strategy.system-load.tie");

class SystemLoad final : public IndexedStrategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<SystemLoad>(*this); }
  void update(NodeId node, const NodeFigures& figures) override {
    nodes_.set(node, std::uint64_t{figures.load5_milli} * 1'000'000u / std::max(figures.cores_milli, 1u));
  }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    const Hidden hidden(nodes_, excluded);
    return pick_least(nodes_, query, kTie);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_system_load(const StrategyParams&) {
  return std::make_unique<SystemLoad>();
}

std::span<const StrategyParam> params_system_load() {
  return {};
}

}  // namespace homing::core
