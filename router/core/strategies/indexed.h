// SPDX-License-Identifier: Apache-2.0
//
// What the strategies of this folder have in common: eligible nodes in a RankTree, keyed draws, and three ways to take
// candidates from it (the least with ties drawn, distinct uniform draws, the next ones round the circle). A strategy
// adds which figure is the key and which of the ways it goes.
//
// Excluded nodes are hidden from the tree while a pick lasts, so that "the least", "the k-th" and "how many" already
// mean the nodes that are left.
// Thread class: single-owner.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "router/core/decision.h"
#include "router/core/draws.h"
#include "router/core/ids.h"
#include "router/core/rank_tree.h"
#include "router/core/strategy.h"

namespace homing::core {

class IndexedStrategy : public Strategy {
 public:
  void remove(NodeId node) override { nodes_.erase(node); }
  std::uint32_t eligible() const override { return nodes_.size(); }

 protected:
  RankTree nodes_;
};

// Sessions per capacity: millionths of a session per weight of 100. The order is exact while weights stay at or below
// 10,000; above, quotients closer than 1e-8 count as equal.
inline std::uint64_t weighted_sessions(const NodeFigures& figures) {
  return std::uint64_t{figures.sessions} * 100'000'000u / std::max(figures.weight, 1u);
}

// The finalizer of SplitMix64 (Stafford's "Mix13"): every bit of the word changes every bit of the result.
inline std::uint64_t mix13(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// The draws of one placement. Keyed by session and epoch, so that two routers that place it at once and see the same
// nodes choose the same one.
inline DrawSequence placement_draws(const PlacementQuery& query, Purpose purpose) {
  return Draws(query.seed, purpose)
      .at({.high = query.session.hi, .low = query.session.lo, .visit = query.epoch.value, .attempt = 0});
}

// The node with the least key, drawn uniformly among all that share it; then the others that share it, from the chosen
// one round the circle of ids (so that a misfit does not send everybody to the lowest id); then the next best by (key,
// id).
inline Picked pick_least(const RankTree& nodes, const PlacementQuery& query, Purpose purpose) {
  Picked picked;
  const std::uint32_t ties = nodes.ties();
  if (ties == 0) return picked;
  std::uint32_t j = 0;
  if (ties > 1) j = static_cast<std::uint32_t>(placement_draws(query, purpose).below(ties));
  auto& candidates = picked.candidates;
  if (ties < candidates.size()) {
    picked.count = static_cast<std::uint8_t>(nodes.best(candidates));
    std::rotate(candidates.begin(), candidates.begin() + j, candidates.begin() + ties);
  } else {
    for (Candidate& candidate : candidates) {
      candidate = {nodes.tied(j), nodes.min_key()};
      j = j + 1 == ties ? 0 : j + 1;
    }
    picked.count = static_cast<std::uint8_t>(candidates.size());
  }
  picked.ranked = picked.count;
  return picked;
}

// Up to kMaxCandidates distinct nodes, each uniform among those not drawn before it, in the order drawn.
inline Picked pick_uniform(const RankTree& nodes, const PlacementQuery& query, Purpose purpose) {
  Picked picked;
  const std::uint32_t size = nodes.size();
  if (size == 0) return picked;
  DrawSequence draws = placement_draws(query, purpose);
  std::array<std::uint32_t, kMaxCandidates> taken{};  // positions drawn, ascending
  const std::uint32_t wanted = std::min<std::uint32_t>(size, kMaxCandidates);
  for (std::uint32_t n = 0; n < wanted; ++n) {
    auto place = static_cast<std::uint32_t>(draws.below(size - n));
    std::uint32_t i = 0;
    for (; i < n && taken[i] <= place; ++i) ++place;
    std::copy_backward(taken.begin() + i, taken.begin() + n, taken.begin() + n + 1);
    taken[i] = place;
    const NodeId node = nodes.at(place);
    picked.candidates[n] = {node, nodes.key(node)};
  }
  picked.count = static_cast<std::uint8_t>(wanted);
  return picked;
}

// The first node at or after `from`, and the ones that follow it round the circle of ids.
inline Picked pick_circle(const RankTree& nodes, NodeId from) {
  Picked picked;
  const std::uint32_t wanted = std::min<std::uint32_t>(nodes.size(), kMaxCandidates);
  NodeId place = from;
  for (std::uint32_t n = 0; n < wanted; ++n) {
    NodeId node = nodes.next(place);
    if (node == kNoNode) node = nodes.next(NodeId{0});
    picked.candidates[n] = {node, nodes.key(node)};
    place = NodeId{node.value + 1};
  }
  picked.count = static_cast<std::uint8_t>(wanted);
  return picked;
}

}  // namespace homing::core
