// SPDX-License-Identifier: Apache-2.0
//
// The index that the strategies share: nodes by dense id, each absent or present with a 64-bit key (lower is better).
// It answers "who has the least", "how many share it, and which is the j-th of them", "which is the k-th node", "who
// comes next", "which are the best eight" in O(log n), and is told about a change in O(log n).
//
// Intuition: a tournament. Leaves lie in id order in blocks of eight keys (one cache line). Above them, each entry of
// an inner block summarises one block below: its least key, how many leaves share that key, how many leaves are
// present. A change rewrites one entry a level and stops at the first level whose summary stays the same; a question
// walks one path down and looks at eight neighbours a level. 16,384 nodes are five levels.
//
// Why not a heap or an ordered set: neither counts ties nor finds the j-th of them, so a uniform draw among ties would
// cost a walk over all of them, and an arbitrary tie order would leak insertion history into decisions.
//
// Invariants: answers depend only on the present (id, key) pairs, never on the order of calls nor on ids that are gone.
// Cost: 8 bytes a leaf and 2.3 bytes a leaf of summaries, up to the greatest id ever set.
// Thread class: thread-compatible value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "router/core/decision.h"
#include "router/core/ids.h"

namespace homing::core {

class RankTree {
 public:
  // The key of an absent leaf; no present leaf may have it.
  static constexpr std::uint64_t kAbsent = std::numeric_limits<std::uint64_t>::max();

  // Makes `id` present with `key`. REQUIRES: key != kAbsent; id != kNoNode.
  void set(NodeId id, std::uint64_t key);
  // Makes `id` absent; nothing when it is.
  void erase(NodeId id);

  // Returns the key of `id`; kAbsent when absent.
  std::uint64_t key(NodeId id) const {
    const std::size_t block = id.value / kFan;
    return block < leaves_.size() ? leaves_[block].min[id.value % kFan] : kAbsent;
  }
  bool contains(NodeId id) const { return key(id) != kAbsent; }

  // Present leaves.
  std::uint32_t size() const { return total_.count; }
  // Least key; kAbsent when empty.
  std::uint64_t min_key() const { return total_.min; }
  // Leaves that share the least key; 0 when empty.
  std::uint32_t ties() const { return total_.ties; }

  // The j-th leaf, in id order from 0, of those that share the least key. REQUIRES: j < ties().
  NodeId tied(std::uint32_t j) const;
  // The k-th present leaf, in id order from 0. REQUIRES: k < size().
  NodeId at(std::uint32_t k) const;
  // The first present leaf with an id >= `from`; kNoNode when there is none.
  NodeId next(NodeId from) const;

  // Writes the best leaves by (key, id), best first, with their keys as scores. Returns how many: min(size,
  // out.size()). REQUIRES: out.size() <= kMaxCandidates.
  std::uint32_t best(std::span<Candidate> out) const;

 private:
  static constexpr std::size_t kFan = 8;
  static constexpr unsigned kFanBits = 3;

  struct Summary {
    std::uint64_t min = kAbsent;
    std::uint32_t ties = 0;
    std::uint32_t count = 0;
    friend bool operator==(const Summary&, const Summary&) = default;
  };
  struct alignas(64) Leaves {
    std::array<std::uint64_t, kFan> min;
    Leaves() { min.fill(kAbsent); }
  };
  struct alignas(64) Inner {
    std::array<std::uint64_t, kFan> min;
    std::array<std::uint32_t, kFan> ties{};
    std::array<std::uint32_t, kFan> count{};
    Inner() { min.fill(kAbsent); }
  };

  static Summary summarise(const Leaves& block);
  static Summary summarise(const Inner& block);
  const std::array<std::uint64_t, kFan>& keys_at(std::size_t level, std::size_t block) const;
  void grow(std::size_t leaf_blocks);
  void put(NodeId id, std::uint64_t key);

  std::vector<Leaves> leaves_;
  // inner_[0] summarises leaves_, inner_[l] summarises inner_[l - 1]; the last has one block. Empty below nine leaves.
  std::vector<std::vector<Inner>> inner_;
  Summary total_;
  std::uint32_t end_ = 0;  // one past the greatest id ever set
};

// Makes some leaves absent for the length of a scope: how a strategy skips the few nodes that a placement excludes.
class Hidden {
 public:
  Hidden(RankTree& tree, std::span<const NodeId> ids);
  ~Hidden();
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  RankTree& tree_;
  std::vector<Candidate> taken_;
};

}  // namespace homing::core
