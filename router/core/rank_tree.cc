// SPDX-License-Identifier: Apache-2.0
#include "router/core/rank_tree.h"

#include <algorithm>

#include "router/core/check.h"

namespace homing::core {

namespace {

std::uint64_t least(const std::array<std::uint64_t, 8>& keys) {
  const std::uint64_t a = std::min(keys[0], keys[1]);
  const std::uint64_t b = std::min(keys[2], keys[3]);
  const std::uint64_t c = std::min(keys[4], keys[5]);
  const std::uint64_t d = std::min(keys[6], keys[7]);
  return std::min(std::min(a, b), std::min(c, d));
}

// A subtree (or, at level 0, a leaf) that may still hold one of the best leaves. `first` is its lowest id.
struct Branch {
  std::uint64_t key = 0;
  std::uint32_t first = 0;
  std::uint32_t level = 0;
  bool before(const Branch& other) const { return key != other.key ? key < other.key : first < other.first; }
};

// The most promising branches, best first, never more than are still wanted: each holds at least one leaf as good as
// its key, so what falls off the end cannot be among the wanted.
class Frontier {
 public:
  void keep(std::size_t wanted) {
    wanted_ = wanted;
    size_ = std::min(size_, wanted);
  }
  bool empty() const { return size_ == 0; }
  Branch pop() {
    const Branch best = branches_[0];
    --size_;
    for (std::size_t i = 0; i < size_; ++i) branches_[i] = branches_[i + 1];
    return best;
  }
  void offer(const Branch& branch) {
    if (size_ == wanted_) {
      if (size_ == 0 || !branch.before(branches_[size_ - 1])) return;
      --size_;
    }
    std::size_t i = size_++;
    for (; i > 0 && branch.before(branches_[i - 1]); --i) branches_[i] = branches_[i - 1];
    branches_[i] = branch;
  }

 private:
  std::array<Branch, kMaxCandidates> branches_;
  std::size_t size_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace

RankTree::Summary RankTree::summarise(const Leaves& block) {
  Summary s;
  s.min = least(block.min);
  for (const std::uint64_t key : block.min) {
    s.ties += key == s.min ? 1u : 0u;
    s.count += key != kAbsent ? 1u : 0u;
  }
  if (s.count == 0) s.ties = 0;
  return s;
}

RankTree::Summary RankTree::summarise(const Inner& block) {
  Summary s;
  s.min = least(block.min);
  for (std::size_t i = 0; i < kFan; ++i) {
    s.ties += block.min[i] == s.min ? block.ties[i] : 0u;
    s.count += block.count[i];
  }
  return s;
}

// Level 1 is the leaf blocks, level 2 inner_[0], and so on; a branch of level l covers 8^l ids.
const std::array<std::uint64_t, RankTree::kFan>& RankTree::keys_at(std::size_t level, std::size_t block) const {
  return level == 1 ? leaves_[block].min : inner_[level - 2][block].min;
}

void RankTree::grow(std::size_t leaf_blocks) {
  if (leaf_blocks <= leaves_.size()) return;
  leaves_.resize(leaf_blocks);
  std::size_t below = leaf_blocks;
  for (std::size_t level = 0; below > 1; ++level) {
    const std::size_t blocks = (below + kFan - 1) / kFan;
    if (level < inner_.size()) {
      inner_[level].resize(blocks);
    } else {  // a new top: only the old top below it can hold anything
      inner_.emplace_back(blocks);
      inner_[level][0].min[0] = total_.min;
      inner_[level][0].ties[0] = total_.ties;
      inner_[level][0].count[0] = total_.count;
    }
    below = blocks;
  }
}

void RankTree::put(NodeId id, std::uint64_t key) {
  std::size_t block = id.value / kFan;
  leaves_[block].min[id.value % kFan] = key;
  Summary s = summarise(leaves_[block]);
  for (std::vector<Inner>& level : inner_) {
    const std::size_t slot = block % kFan;
    block /= kFan;
    Inner& inner = level[block];
    if (inner.min[slot] == s.min && inner.ties[slot] == s.ties && inner.count[slot] == s.count) return;
    inner.min[slot] = s.min;
    inner.ties[slot] = s.ties;
    inner.count[slot] = s.count;
    s = summarise(inner);
  }
  total_ = s;
}

void RankTree::set(NodeId id, std::uint64_t key) {
  CHECK(key != kAbsent && id != kNoNode);
  if (this->key(id) == key) return;
  grow(id.value / kFan + 1);
  end_ = std::max(end_, id.value + 1);
  put(id, key);
}

void RankTree::erase(NodeId id) {
  if (contains(id)) put(id, kAbsent);
}

NodeId RankTree::tied(std::uint32_t j) const {
  CHECK(j < total_.ties);
  std::size_t block = 0;
  for (std::size_t level = inner_.size(); level-- > 0;) {
    const Inner& inner = inner_[level][block];
    std::size_t slot = 0;
    for (;; ++slot) {
      const std::uint32_t here = inner.min[slot] == total_.min ? inner.ties[slot] : 0;
      if (j < here) break;
      j -= here;
    }
    block = block * kFan + slot;
  }
  std::size_t slot = 0;
  for (;; ++slot) {
    if (leaves_[block].min[slot] == total_.min && j-- == 0) break;
  }
  return NodeId{static_cast<std::uint32_t>(block * kFan + slot)};
}

NodeId RankTree::at(std::uint32_t k) const {
  CHECK(k < total_.count);
  if (total_.count == end_) return NodeId{k};  // nobody is missing
  std::size_t block = 0;
  for (std::size_t level = inner_.size(); level-- > 0;) {
    const Inner& inner = inner_[level][block];
    std::size_t slot = 0;
    for (; k >= inner.count[slot]; ++slot) k -= inner.count[slot];
    block = block * kFan + slot;
  }
  std::size_t slot = 0;
  for (;; ++slot) {
    if (leaves_[block].min[slot] != kAbsent && k-- == 0) break;
  }
  return NodeId{static_cast<std::uint32_t>(block * kFan + slot)};
}

// Up while nothing at or after the place is present in the block, then down to the first that is.
NodeId RankTree::next(NodeId from) const {
  const std::size_t top = inner_.size() + 1;
  std::size_t level = 1;
  std::size_t place = from.value;  // index, among all entries of this level, of the first that may be taken
  for (;; ++level) {
    const std::size_t block = place / kFan;
    const std::size_t blocks = level == 1 ? leaves_.size() : inner_[level - 2].size();
    std::size_t slot = place % kFan;
    if (block < blocks) {
      const auto& keys = keys_at(level, block);
      while (slot < kFan && keys[slot] == kAbsent) ++slot;
      if (slot < kFan) {
        place = block * kFan + slot;
        break;
      }
    }
    if (level == top) return kNoNode;
    place = block + 1;
  }
  while (--level > 0) {
    const auto& keys = keys_at(level, place);
    std::size_t slot = 0;
    while (keys[slot] == kAbsent) ++slot;
    place = place * kFan + slot;
  }
  return NodeId{static_cast<std::uint32_t>(place)};
}

std::uint32_t RankTree::best(std::span<Candidate> out) const {
  CHECK(out.size() <= static_cast<std::size_t>(kMaxCandidates));
  if (total_.count == 0 || out.empty()) return 0;
  Frontier frontier;
  frontier.keep(out.size());
  frontier.offer({total_.min, 0, static_cast<std::uint32_t>(inner_.size() + 1)});
  std::uint32_t found = 0;
  while (!frontier.empty()) {
    Branch branch = frontier.pop();
    frontier.keep(out.size() - found - 1);
    while (branch.level > 0) {  // down to the best leaf; its siblings on the way wait in the frontier
      const auto& keys = keys_at(branch.level, branch.first >> (kFanBits * branch.level));
      const std::uint32_t level = branch.level - 1;
      const std::uint32_t first = branch.first;
      bool descended = false;
      for (std::uint32_t slot = 0; slot < kFan; ++slot) {
        if (keys[slot] == kAbsent) continue;
        const Branch child{keys[slot], first + (slot << (kFanBits * level)), level};
        if (!descended && child.key == branch.key) {
          branch = child;
          descended = true;
        } else {
          frontier.offer(child);
        }
      }
    }
    out[found++] = {NodeId{branch.first}, branch.key};
  }
  return found;
}

Hidden::Hidden(RankTree& tree, std::span<const NodeId> ids) : tree_(tree) {
  for (const NodeId id : ids) {
    const std::uint64_t key = tree_.key(id);
    if (key == RankTree::kAbsent) continue;
    taken_.push_back({id, key});
    tree_.erase(id);
  }
}

Hidden::~Hidden() {
  for (const Candidate& leaf : taken_) tree_.set(leaf.node, leaf.score);
}

}  // namespace homing::core
