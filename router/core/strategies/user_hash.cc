// SPDX-License-Identifier: Apache-2.0
//
// user-hash: every user has a place of their own: a hash of the user modulo the number of eligible nodes, counted in id
// order. All sessions of a user meet on one node.
//
// Workbench's `user-hash` hashes the user's name with CityHash; whether it takes the modulus or a ring, and what
// happens to other users when a node leaves, is not documented. This one takes the modulus, the plainest reading, for
// comparison; it does not claim to put a user on the node on which Workbench would. The hash is the finalizer of
// SplitMix64 (Stafford's "Mix13": xor-shift 30, x 0xbf58476d1ce4e5b9, xor-shift 27, x 0x94d049bb133111eb, xor-shift 31)
// of the 64-bit user id; the bias of the modulus is below 2^-50.
//
// Reads: no figure, only who is eligible. Scores: all 0.
//
// Traps: when the number of eligible nodes changes from N to N - 1, about (N - 1) / N of all users move, not 1 / N; and
// a node that is full, suspect or draining is not eligible, so filling one node moves the homes of other users too.
// Equal user counts are not equal load: few users are skewed and heavy ones stay together. When a user's home has no
// room for a session, the next node round the circle of ids takes it, and the user is split until it ends.
// Thread class: single-owner.
#include "router/core/strategies/indexed.h"

namespace homing::core {

namespace {

class UserHash final : public IndexedStrategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<UserHash>(*this); }
  void update(NodeId node, const NodeFigures&) override { nodes_.set(node, 0); }
  // The home is counted before the excluded are skipped: a full home sends its user to the neighbour and nobody else
  // anywhere.
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    if (nodes_.size() == 0) return {};
    const NodeId home = nodes_.at(static_cast<std::uint32_t>(mix13(query.user.value) % nodes_.size()));
    const Hidden hidden(nodes_, excluded);
    return pick_circle(nodes_, home);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_user_hash(const StrategyParams&) {
  return std::make_unique<UserHash>();
}

std::span<const StrategyParam> params_user_hash() {
  return {};
}

}  // namespace homing::core
