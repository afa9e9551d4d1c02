// SPDX-License-Identifier: Apache-2.0
//
// user-hash-bounded: the user's home as under `user-hash-rendezvous`, unless it has more than its share already; then
// the first node of the user's order that has not.
//
// The bound: with m sessions on the eligible nodes, a node of weight w among a total of W takes another one while it
// has fewer than
//     max(floor, ceil((1 + epsilon) (m + 1) w / W)).
// The bounds add up to more than m, so some node is always below its own.
//
// Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads", SODA 2018 (arXiv:1608.01350);
// HAProxy's `hash-balance-factor` is the same on a ring. Theirs has no floor: on a quiet cluster the bound is then 1 or
// 2, and the second session of one person already leaves home.
//
// Reads: sessions (current to this core's view of the store, pending counted), weight, and who is eligible. Neither
// load nor memory. Compared exactly, in integers. Scores: those of rendezvous.h, 2^63 added for nodes at their bound;
// they order nodes for this one user, so they are not ranked.
//
// A spilled session changes nothing for its user's next one: every placement walks from the home again, and lands there
// if there is room by then. So nothing needs to be remembered or shared between routers, two routers that see the same
// counts agree, and users gather at home again as the cluster quietens; meanwhile a user can be split over two nodes or
// more. (The alternative, to follow the user's latest session, keeps users together away from home, but makes a
// placement depend on history that a new router would have to learn.)
//
// Traps: the share of sessions away from home grows quickly as epsilon falls and with few sessions a node: with 200
// users on 10 nodes 28 % at epsilon 0.05, 10 % at 0.25, 4 % at 0.5. A node that leaves moves more than its own users:
// everybody's bound changes. Counts as old as the store's answers let routers overshoot a bound by what they place at
// the same moment.
// Thread class: single-owner.
#include <array>

#include "router/core/strategies/rendezvous.h"

namespace homing::core {

namespace {

constexpr StrategyParam kEpsilon{
    .name = "epsilon",
    .unit = ParamUnit::kFraction,
    .standard = kWhole / 4,
    .least = 0,
    .most = 100 * kWhole,
    .meaning = "how far above its fair share a node may go before users spill over",
    .source = "the middle of what is used: Mirrokni, Thorup and Zadimoghaddam 2018 try 0.1 to 1",
};
constexpr StrategyParam kFloor{
    .name = "floor",
    .unit = ParamUnit::kCount,
    .standard = 4,
    .least = 0,
    .most = 1'000'000,
    .meaning = "sessions that every node may have whatever its share",
    .source = "assumed: a person's sessions stay together on a quiet cluster",
};
constexpr std::array kParams{kEpsilon, kFloor};

__extension__ using Wide = unsigned __int128;

class UserHashBounded final : public Strategy {
 public:
  UserHashBounded(std::int64_t epsilon, std::int64_t floor)
      : factor_(static_cast<std::uint64_t>(kWhole + epsilon)), floor_(static_cast<std::uint64_t>(floor)) {}
  std::unique_ptr<Strategy> clone() const override { return std::make_unique<UserHashBounded>(*this); }
  void update(NodeId node, const NodeFigures& figures) override { nodes_.set(node, figures); }
  void remove(NodeId node) override { nodes_.erase(node); }
  std::uint32_t eligible() const override { return nodes_.size(); }
  Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) override {
    // sessions < ceil(share) exactly when sessions < share; both sides times W and a million.
    const Wide scale = Wide{static_cast<std::uint64_t>(kWhole)} * nodes_.total_weight();
    const Wide whole = Wide{factor_} * (nodes_.total_sessions() + 1);
    return nodes_.order(query.user, excluded, [&](const Rendezvous::Cell& cell) {
      return cell.sessions >= floor_ && scale * cell.sessions >= whole * cell.weight;
    });
  }

 private:
  std::uint64_t factor_;  // 1 + epsilon, in millionths
  std::uint64_t floor_;
  Rendezvous nodes_;
};

}  // namespace

std::unique_ptr<Strategy> make_user_hash_bounded(const StrategyParams& params) {
  return std::make_unique<UserHashBounded>(params[kEpsilon], params[kFloor]);
}

std::span<const StrategyParam> params_user_hash_bounded() {
  return kParams;
}

}  // namespace homing::core
