// SPDX-License-Identifier: Apache-2.0
//
// The full table of a placement, made only for the user that a replay asks about. It reads what choose() has just read
// and changes nothing: scores beyond the first candidates come from a clone of the strategy, asked again and again with
// all it has named left out.
#include <algorithm>
#include <span>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

void Core::explain_decisions(std::optional<UserId> user) {
  state_->explained_user = user;
  state_->tables.clear();
}

std::vector<DecisionTable> Core::take_decision_tables() {
  return std::exchange(state_->tables, {});
}

// REQUIRES: `strategy` is as it was before the pick.
void Core::State::explain(const LabelClass& c, const Strategy& strategy, std::span<const NodeId> excluded,
                          const DecisionRecord& record, bool wanted) {
  DecisionTable table;
  table.at = now;
  table.record = record;
  table.wanted = wanted;
  std::vector<NodeWeighed> weighed(nodes.size());
  std::vector<NodeId> named(excluded.begin(), excluded.end());
  const PlacementQuery query{config.seed, record.session, record.user, record.kind, record.epoch};
  const std::uint64_t memory = config.kinds[record.kind.value].memory_bytes;
  for (;;) {
    const auto again = strategy.clone();
    const Picked picked = again->pick(query, named);
    if (picked.count == 0) break;
    // Candidates of a further pick follow the ones before in rank only where all of those were ranked.
    if (table.ranked == table.eligible) table.ranked += picked.ranked;
    for (int i = 0; i < picked.count; ++i) {
      const Candidate& candidate = picked.candidates[static_cast<std::size_t>(i)];
      NodeWeighed& node = weighed[candidate.node.value];
      node.rank = ++table.eligible;
      node.score = candidate.score;
      named.insert(std::lower_bound(named.begin(), named.end(), candidate.node), candidate.node);
    }
  }
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    NodeWeighed& node = weighed[n];
    if (!nodes[n].known) continue;
    node.node = NodeId{n};
    node.figures = figures_of(nodes[n]);
    node.report_age = now - nodes[n].report_received;
    if (c.verdict[n] < kNodeRefusals) node.refusal = static_cast<NodeRefusal>(c.verdict[n]);
    if (std::binary_search(excluded.begin(), excluded.end(), NodeId{n})) node.refusal = NodeRefusal::kExcluded;
    if (!node.refusal && memory != 0 && node.figures.memory_total != 0 && node.figures.memory_available < memory) {
      node.refusal = NodeRefusal::kMemory;
    }
    table.nodes.push_back(node);
  }
  std::sort(table.nodes.begin(), table.nodes.end(), [](const NodeWeighed& a, const NodeWeighed& b) {
    const auto place = [](const NodeWeighed& w) { return w.rank == 0 ? ~std::uint32_t{0} : w.rank; };
    return std::pair(place(a), a.node) < std::pair(place(b), b.node);
  });
  tables.push_back(std::move(table));
}

// An operator's word counts where the strategy could have chosen the same.
bool Core::State::may_choose(const LabelClass& c, std::span<const NodeId> excluded, NodeId node,
                             std::uint64_t memory) const {
  if (node.value >= nodes.size() || c.verdict[node.value] != kEligible) return false;
  if (std::binary_search(excluded.begin(), excluded.end(), node)) return false;
  const NodeFigures& told = c.told[node.value];
  return memory == 0 || told.memory_total == 0 || told.memory_available >= memory;
}

// kNoNode: nobody wants this epoch anywhere.
NodeId Core::State::wanted_place(SessionId id, Epoch epoch) const {
  const auto found = places.find(id);
  return found == places.end() || found->second.epoch != epoch ? kNoNode : found->second.node;
}

void Core::State::on(const PlaceWanted& e) {
  if (places.size() >= config.max_wishes && !places.contains(e.session)) return;
  places[e.session] = e;
}

}  // namespace homing::core
