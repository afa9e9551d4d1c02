// SPDX-License-Identifier: Apache-2.0
//
// Weighted rendezvous hashing (highest random weight, HRW): every user has an order of all nodes of their own, in which
// a node's place depends on that user, that node and its weight, and on no other node. So a node that leaves moves only
// the users whose first it was, each to their second; one that comes takes from every other its fair share and nothing
// else moves.
//
// Score of user k on node i: -ln(u) / w, where u in (0, 1) is a hash of (k, i) and w the weight; the least is first.
// -ln(u) is exponential with mean 1, so node i is the first of a share w_i / W of all users (the race of exponentials).
// Told as an integer: floor(-ln(u) 2^56) / w; equal scores go by node id. ln is the core's exact_log, so that every
// machine agrees to the last bit.
//
// Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM ToN 6 (1998); the
// logarithmic weighting as in Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005.
// The hash is user_hash's finalizer of SplitMix64 (Stafford's "Mix13"), applied to the user, to the node and to the
// exclusive or of the two.
//
// Cost: O(nodes) a pick, about two multiplications a node: since -ln(u) >= 1 - u, the logarithm is taken only for the
// few nodes that could still be among the best (O(8 ln nodes) on average). No tree can do better and stay minimal: a
// share that depends on sums over other nodes moves users between survivors when one leaves.
// Invariant: the answer depends only on the set of (node, weight), never on the order of calls (cells lie in arbitrary
// order; the best are taken by (score, id)).
// Thread class: thread-compatible value.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "router/core/decision.h"
#include "router/core/exact_math.h"
#include "router/core/ids.h"
#include "router/core/strategies/indexed.h"
#include "router/core/strategy.h"

namespace homing::core {

class Rendezvous {
 public:
  struct Cell {
    std::uint64_t salt = 0;  // hash of the node
    std::uint32_t weight = 1;
    std::uint32_t sessions = 0;  // not part of the order; for those who bound it
    NodeId node{};
  };

  void set(NodeId node, const NodeFigures& figures) {
    if (node.value >= place_.size()) place_.resize(node.value + 1, kNowhere);
    if (place_[node.value] == kNowhere) {
      place_[node.value] = static_cast<std::uint32_t>(cells_.size());
      cells_.push_back({.salt = mix13((node.value + std::uint64_t{1}) * 0x9e3779b97f4a7c15u), .node = node});
    } else {
      forget(cells_[place_[node.value]]);
    }
    Cell& cell = cells_[place_[node.value]];
    cell.weight = std::max(figures.weight, 1u);
    cell.sessions = figures.sessions;
    weight_ += cell.weight;
    sessions_ += cell.sessions;
  }
  void erase(NodeId node) {
    if (node.value >= place_.size() || place_[node.value] == kNowhere) return;
    Cell& cell = cells_[place_[node.value]];
    forget(cell);
    place_[cells_.back().node.value] = place_[node.value];
    cell = cells_.back();
    cells_.pop_back();
    place_[node.value] = kNowhere;
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(cells_.size()); }
  std::uint64_t total_weight() const { return weight_; }
  std::uint64_t total_sessions() const { return sessions_; }

  // The first eight of the user's order; nodes for which `behind(cell)` holds come after all the others, and their
  // scores have kBehind added. `excluded` (sorted) are left out.
  static constexpr std::uint64_t kBehind = std::uint64_t{1} << 63;
  template <class Behind>
  Picked order(UserId user, std::span<const NodeId> excluded, const Behind& behind) const {
    const std::uint64_t salt = mix13(user.value);
    Picked picked;
    auto& best = picked.candidates;
    std::uint64_t worst = std::numeric_limits<std::uint64_t>::max();  // of eight
    double limit = std::numeric_limits<double>::infinity();           // no (1 - u) / w above it can be among them
    for (const Cell& cell : cells_) {
      const double u = static_cast<double>((mix13(salt ^ cell.salt) >> 11) | 1u) * 0x1p-53;
      if (1.0 - u > limit * static_cast<double>(cell.weight)) continue;
      std::uint64_t score = static_cast<std::uint64_t>(-exact_log(u) * 0x1p56) / cell.weight;
      if (behind(cell)) score += kBehind;
      const Candidate candidate{cell.node, score};
      if (score > worst || std::binary_search(excluded.begin(), excluded.end(), cell.node)) continue;
      std::size_t at = picked.count;
      if (at < best.size()) {
        ++picked.count;
      } else if (!before(candidate, best[--at])) {
        continue;
      }
      for (; at > 0 && before(candidate, best[at - 1]); --at) best[at] = best[at - 1];
      best[at] = candidate;
      if (picked.count == best.size()) {
        worst = best.back().score;
        // A score is cut off below, u and ln are rounded: the margin is far above all that.
        if (worst < kBehind) limit = (static_cast<double>(worst) + 1.0) * 0x1p-56 * (1.0 + 0x1p-30);
      }
    }
    return picked;
  }

 private:
  static constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

  static bool before(const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score < b.score : a.node < b.node;
  }
  void forget(const Cell& cell) {
    weight_ -= cell.weight;
    sessions_ -= cell.sessions;
  }

  std::vector<Cell> cells_;           // in arbitrary order
  std::vector<std::uint32_t> place_;  // by node id: index into cells_
  std::uint64_t weight_ = 0;
  std::uint64_t sessions_ = 0;
};

}  // namespace homing::core
