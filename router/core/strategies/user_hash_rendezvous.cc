// SPDX-License-Identifier: Apache-2.0
//
// user-hash-rendezvous: every user has a home, the first node of their weighted rendezvous order (rendezvous.h has
// rule, cost and source). All sessions of a user meet there, and a change of membership moves only whom it must.
//
// Against `user-hash` (modulo): when one of N equal nodes leaves, 1 / N of the users move and not (N - 1) / N, and
// nodes may have weights.
//
// Reads: weight, and who is eligible. Neither sessions nor load nor memory. Scores: those of rendezvous.h, which order
// nodes for this one user and say nothing about how full they are; not ranked, therefore.
//
// Candidates are the user's order, so a home that is full, suspect or draining sends its users each to a second home of
// their own, spread over all other nodes by weight, and they come back with their next session once it is eligible.
//
// Traps: homes are balanced only as random draws are: with U users on N equal nodes the coefficient of variation of
// users is sqrt((N - 1) / U), and unlike under `random` the same node stays hot until users come or go. Equal numbers
// of users are not equal load. When a home has no room for a session, the user is split until it ends.
// `user-hash-bounded` trades some of the home for balance.
// Thread class: single-owner.
#include "router/core/strategies/rendezvous.h"

namespace homing::core {

namespace {

class UserHashRendezvous final : public Strategy {
 public:
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<UserHashRendezvous>(*this); }
  void update(NodeId node, const NodeFigures& figures) override { nodes_.set(node, figures); }
  void remove(NodeId node) override { nodes_.erase(node); }
  std::uint32_t eligible() const override { return nodes_.size(); }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    return nodes_.order(query.user, excluded, [](const Rendezvous::Cell&) { return false; });
  }

 private:
  Rendezvous nodes_;
};

}  // namespace

std::unique_ptr<Strategy> make_user_hash_rendezvous(const StrategyParams&) {
  return std::make_unique<UserHashRendezvous>();
}

std::span<const StrategyParam> params_user_hash_rendezvous() {
  return {};
}

}  // namespace homing::core
