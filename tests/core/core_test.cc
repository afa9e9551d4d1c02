// SPDX-License-Identifier: Apache-2.0
//
// The core's machines on a small cluster: placement, takeover, leases, limits, the line, failover of the store.
#include "router/core/core.h"

#include <gtest/gtest.h>

#include "tests/core/cluster_harness.h"

namespace homing::core::testing {
namespace {

constexpr UserId kAnn{101};
constexpr UserId kBob{102};

int serving_count(const Cluster& c, SessionId id) {
  int n = 0;
  for (const auto& node : c.nodes) n += node.serving.contains(id) ? 1 : 0;
  return n;
}

TEST(Core, ASessionStartsOnceAndEveryRouterForwardsToItsHolder) {
  Cluster c(3);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  const RequestId r = c.want(0, id, kAnn);
  c.run(seconds(2));
  const auto a = c.answer(0, r);
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->outcome, Outcome::kForward);
  EXPECT_EQ(a->epoch, Epoch{1});
  EXPECT_EQ(serving_count(c, id), 1);
  EXPECT_TRUE(c.nodes[a->node.value].serving.contains(id));
  for (int i = 0; i < 3; ++i) {
    const auto route = c.nodes[static_cast<std::size_t>(i)].core->route(id);
    ASSERT_TRUE(route.has_value()) << i;
    EXPECT_EQ(route->node, a->node);
    EXPECT_EQ(route->state, SessionState::kReady);
  }
  EXPECT_EQ(c.store.live(kAnn), 1u);
}

TEST(Core, TwoRoutersThatPlaceTheSameSessionAtTheSameInstantStartItOnce) {
  Cluster c(4);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  const RequestId r0 = c.want(0, id, kAnn);
  const RequestId r1 = c.want(1, id, kAnn);
  const RequestId r2 = c.want(2, id, kAnn);
  c.run(seconds(3));
  EXPECT_EQ(serving_count(c, id), 1);
  EXPECT_EQ(c.store.session(id)->epoch, Epoch{1});
  EXPECT_EQ(c.store.live(kAnn), 1u);
  for (const auto& [router, r] : {std::pair{0, r0}, {1, r1}, {2, r2}}) {
    ASSERT_TRUE(c.answer(router, r).has_value());
    EXPECT_EQ(c.answer(router, r)->outcome, Outcome::kForward);
    EXPECT_EQ(c.answer(router, r)->node, c.store.session(id)->node);
  }
}

TEST(Core, AForeignUserIsRefusedWithoutALook) {
  Cluster c(2);
  c.run(seconds(2));
  c.want(0, session_id(1), kAnn);
  c.run(seconds(2));
  const RequestId r = c.want(1, session_id(1), kBob, Intent::kRestart);
  ASSERT_TRUE(c.answer(1, r).has_value());
  EXPECT_EQ(c.answer(1, r)->refusal, Refusal::kNotOwner);
}

TEST(Core, AnUnknownSessionIsRefusedOnlyAfterAFreshRead) {
  Cluster c(2);
  c.run(seconds(2));
  const RequestId r = c.want(0, session_id(9), kAnn, Intent::kReach);
  EXPECT_FALSE(c.answer(0, r).has_value());
  c.run(milliseconds(50));
  ASSERT_TRUE(c.answer(0, r).has_value());
  EXPECT_EQ(c.answer(0, r)->refusal, Refusal::kUnknownSession);
}

TEST(Core, LeastSessionsSpreadsABurstThatArrivesFasterThanTheStoreAnswers) {
  Cluster c(4);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 40; ++i) c.want(0, session_id(i), UserId{i});
  c.run(seconds(5));
  for (const auto& node : c.nodes) EXPECT_EQ(node.serving.size(), 10u);
}

TEST(Core, BurstsThroughSeveralRoutersAreSpreadWithinOneSessionARouter) {
  Cluster c(4);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 80; ++i) {
    c.want(static_cast<int>(i % 4), session_id(i), UserId{i});
    c.run(milliseconds(100));
  }
  c.run(seconds(5));
  for (const auto& node : c.nodes) {
    EXPECT_GE(node.serving.size(), 16u);
    EXPECT_LE(node.serving.size(), 24u);
  }
}

TEST(Core, ADeadNodeCostsExactlyItsSessionsOnceAndTheyRestartOnlyOnTheClick) {
  Cluster c(3);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 12; ++i) c.want(0, session_id(i), UserId{i});
  c.run(seconds(3));
  ASSERT_EQ(c.nodes[2].serving.size(), 4u);
  const auto victims = c.nodes[2].serving;
  c.kill_machine(2);
  c.run(seconds(16));
  std::uint64_t declared = 0;
  std::uint64_t takeovers = 0;
  for (int i = 0; i < 2; ++i) {
    declared += c.nodes[static_cast<std::size_t>(i)].core->counters().sessions_declared_lost;
    takeovers += c.nodes[static_cast<std::size_t>(i)].core->counters().takeovers;
  }
  EXPECT_EQ(takeovers, 1u);
  EXPECT_EQ(declared, victims.size());
  for (std::uint64_t i = 0; i < 12; ++i) {
    const auto row = c.store.session(session_id(i));
    if (victims.contains(session_id(i))) {
      EXPECT_EQ(row->state, SessionState::kLost);
      EXPECT_EQ(row->reason, EndReason::kNodeDead);
      EXPECT_EQ(c.store.live(row->user), 0u);
    } else {
      EXPECT_EQ(row->state, SessionState::kReady);
      EXPECT_EQ(row->epoch, Epoch{1});
    }
  }
  const SessionId victim = victims.begin()->first;
  const UserId owner = c.store.session(victim)->user;
  const RequestId page = c.want(1, victim, owner, Intent::kWake);
  c.run(seconds(2));
  EXPECT_EQ(c.answer(1, page)->refusal, Refusal::kLost);
  EXPECT_EQ(serving_count(c, victim), 0);
  const RequestId click = c.want(1, victim, owner, Intent::kRestart);
  c.run(seconds(2));
  ASSERT_EQ(c.answer(1, click)->outcome, Outcome::kForward);
  EXPECT_EQ(c.answer(1, click)->epoch, Epoch{2});
  EXPECT_NE(c.answer(1, click)->node, NodeId{2});
}

TEST(Core, ARouterThatRestartsBesideItsLauncherLosesNobody) {
  Cluster c(3);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 9; ++i) c.want(1, session_id(i), UserId{i});
  c.run(seconds(3));
  const auto before = c.nodes[0].serving;
  c.kill_router(0);
  c.run(seconds(4));
  c.boot(0);
  c.run(seconds(20));
  EXPECT_EQ(c.nodes[0].serving, before);
  EXPECT_EQ(c.store.node(0).incarnation, Incarnation{1});
  EXPECT_EQ(c.store.node(0).generation, 2u);
  for (std::uint64_t i = 0; i < 9; ++i) EXPECT_EQ(c.store.session(session_id(i))->state, SessionState::kReady);
}

TEST(Core, ARouterThatStaysDownLosesNobodyWhileItsLauncherAnswers) {
  Cluster c(3);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 9; ++i) c.want(1, session_id(i), UserId{i});
  c.run(seconds(3));
  const auto before = c.nodes[0].serving;
  ASSERT_FALSE(before.empty());
  c.kill_router(0);
  c.run(seconds(120));
  EXPECT_EQ(c.store.node(0).life, NodeLife::kUp);
  EXPECT_EQ(c.nodes[1].core->node(NodeId{0}, c.now).view, NodeView::kLeaseExpired);
  c.nodes[0].launcher_vouches = false;  // now the machine itself is gone
  c.run(seconds(6));
  EXPECT_EQ(c.store.node(0).life, NodeLife::kDead);
  for (const auto& [id, epoch] : before) EXPECT_EQ(c.store.session(id)->state, SessionState::kLost);
}

TEST(Core, AMachineThatRestartsAtOnceLosesItsSessionsAndComesBackAsALaterIncarnation) {
  Cluster c(3);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 9; ++i) c.want(1, session_id(i), UserId{i});
  c.run(seconds(3));
  const auto victims = c.nodes[0].serving;
  ASSERT_FALSE(victims.empty());
  c.kill_machine(0);
  c.run(seconds(1));
  c.boot(0);
  c.run(seconds(5));
  EXPECT_EQ(c.store.node(0).incarnation, Incarnation{2});
  for (const auto& [id, epoch] : victims) {
    EXPECT_EQ(c.store.session(id)->state, SessionState::kLost);
    EXPECT_EQ(c.store.session(id)->reason, EndReason::kProcessGone);
  }
}

TEST(Core, AStartWhoseNodeDiesIsPlacedAgainWithAHigherEpoch) {
  Cluster c(2);
  c.run(seconds(2));
  c.nodes[1].start_takes = seconds(15);
  // Least sessions: of two starts one goes to node 1.
  SessionId id = session_id(1);
  RequestId r = c.want(0, id, kAnn);
  c.run(seconds(1));
  if (c.store.session(id)->node != NodeId{1}) {
    id = session_id(2);
    r = c.want(0, id, kAnn);
    c.run(seconds(1));
  }
  ASSERT_EQ(c.store.session(id)->node, NodeId{1});
  c.kill_machine(1);
  c.run(seconds(20));
  ASSERT_TRUE(c.answer(0, r).has_value());
  EXPECT_EQ(c.answer(0, r)->outcome, Outcome::kForward);
  EXPECT_EQ(c.answer(0, r)->epoch, Epoch{2});
  EXPECT_EQ(c.answer(0, r)->node, NodeId{0});
}

TEST(Core, AFailedStartIsTriedElsewhereAndTheUserIsToldAfterTheLastAttempt) {
  Cluster c(3);
  c.run(seconds(2));
  for (auto& n : c.nodes) n.start_fails = true;
  const RequestId r = c.want(0, session_id(1), kAnn);
  c.run(seconds(10));
  ASSERT_TRUE(c.answer(0, r).has_value());
  EXPECT_EQ(c.answer(0, r)->outcome, Outcome::kRefused);
  EXPECT_EQ(c.answer(0, r)->refusal, Refusal::kStartFailed);
  EXPECT_EQ(c.answer(0, r)->reason, EndReason::kStartFailed);
  EXPECT_EQ(c.nodes[0].decisions.size(), 3u);
  std::set<NodeId> tried;
  for (const auto& d : c.nodes[0].decisions) tried.insert(d.chosen);
  EXPECT_EQ(tried.size(), 3u);
  EXPECT_EQ(c.store.live(kAnn), 0u);
  for (auto& n : c.nodes) n.start_fails = false;
  const RequestId again = c.want(1, session_id(1), kAnn, Intent::kRestart);
  c.run(seconds(3));
  EXPECT_EQ(c.answer(1, again)->outcome, Outcome::kForward);
}

TEST(Core, AHangingStartIsKilledBeforeItsTimeOutAndPlacedAgain) {
  Cluster c(2);
  c.run(seconds(2));
  c.nodes[0].start_hangs = true;
  c.nodes[1].start_hangs = true;
  const RequestId r = c.want(0, session_id(1), kAnn);
  c.run(seconds(5));
  const NodeId first = c.store.session(session_id(1))->node;
  c.nodes[1 - first.value].start_hangs = false;
  c.run(seconds(20));
  ASSERT_TRUE(c.answer(0, r).has_value());
  EXPECT_EQ(c.answer(0, r)->outcome, Outcome::kForward);
  EXPECT_NE(c.answer(0, r)->node, first);
  EXPECT_TRUE(c.nodes[first.value].processes.empty());
}

TEST(Core, ANodeThatNeverAcceptsIsPassedOver) {
  Cluster c(2);
  c.run(seconds(2));
  c.nodes[1].store_up = false;  // it renews nothing and reads nothing, but is not suspect yet
  const RequestId r1 = c.want(0, session_id(1), kAnn);
  const RequestId r2 = c.want(0, session_id(2), kBob);
  c.run(seconds(12));
  EXPECT_EQ(c.answer(0, r1)->outcome, Outcome::kForward);
  EXPECT_EQ(c.answer(0, r2)->outcome, Outcome::kForward);
  EXPECT_EQ(c.answer(0, r1)->node, NodeId{0});
  EXPECT_EQ(c.answer(0, r2)->node, NodeId{0});
}

TEST(Core, ThePerUserLimitHoldsAcrossRouters) {
  Cluster c(3, [](Config& k) { k.max_sessions_per_user = 2; });
  c.run(seconds(2));
  std::vector<RequestId> r;
  for (int i = 0; i < 3; ++i) r.push_back(c.want(i, session_id(static_cast<std::uint64_t>(i)), kAnn));
  c.run(seconds(4));
  int forwarded = 0;
  int limited = 0;
  for (int i = 0; i < 3; ++i) {
    const auto a = c.answer(i, r[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(a.has_value());
    forwarded += a->outcome == Outcome::kForward ? 1 : 0;
    limited += a->refusal == Refusal::kUserLimit ? 1 : 0;
  }
  EXPECT_EQ(forwarded, 2);
  EXPECT_EQ(limited, 1);
  EXPECT_EQ(c.store.live(kAnn), 2u);
}

TEST(Core, AFullClusterQueuesInOrderAndServesTheHeadWhenAPlaceIsFree) {
  Cluster c(2);
  for (int i = 0; i < 2; ++i) {
    c.nodes[static_cast<std::size_t>(i)].max_sessions = 1;
    c.kill_machine(i);
    c.boot(i);
  }
  c.run(seconds(3));
  c.want(0, session_id(1), UserId{1});
  c.want(0, session_id(2), UserId{2});
  c.run(seconds(3));
  const RequestId third = c.want(0, session_id(3), UserId{3});
  c.run(seconds(1));
  const RequestId fourth = c.want(1, session_id(4), UserId{4});
  c.run(seconds(2));
  ASSERT_EQ(c.answer(0, third)->outcome, Outcome::kQueued) << to_string(c.answer(0, third)->refusal);
  EXPECT_EQ(c.answer(0, third)->position, 1u);
  ASSERT_EQ(c.answer(1, fourth)->outcome, Outcome::kQueued);
  EXPECT_EQ(c.answer(1, fourth)->position, 2u);
  c.feed(1, EndWanted{session_id(1), EndReason::kOwner});
  c.run(seconds(3));
  EXPECT_EQ(c.answer(0, third)->outcome, Outcome::kForward);
  EXPECT_EQ(c.answer(1, fourth)->outcome, Outcome::kQueued)
      << to_string(c.answer(1, fourth)->refusal) << ": " << to_string(c.answer(1, fourth)->reason);
  EXPECT_EQ(c.answer(1, fourth)->position, 1u);
  c.feed(0, EndWanted{session_id(2), EndReason::kOwner});
  c.run(seconds(3));
  EXPECT_EQ(c.answer(1, fourth)->outcome, Outcome::kForward);
}

TEST(Core, ATicketNobodyAsksForLeavesTheLine) {
  Cluster c(2);
  c.nodes[0].max_sessions = 1;
  c.nodes[1].max_sessions = 1;
  c.kill_machine(0), c.kill_machine(1);
  c.boot(0), c.boot(1);
  c.run(seconds(3));
  c.want(0, session_id(1), UserId{1});
  c.want(0, session_id(2), UserId{2});
  c.run(seconds(3));
  c.want(0, session_id(3), UserId{3});
  c.run(seconds(3));
  EXPECT_EQ(c.nodes[1].core->queue_length(), 1u);
  c.kill_router(0);
  c.run(seconds(45));
  EXPECT_EQ(c.nodes[1].core->queue_length(), 0u);
}

TEST(Core, ADrainedNodeKeepsItsSessionsAndGetsNoNewOnes) {
  Cluster c(2);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 4; ++i) c.want(0, session_id(i), UserId{i});
  c.run(seconds(3));
  c.feed(0, AdminWanted{NodeId{1}, NodeAdmin::kDrain});
  c.run(seconds(3));
  EXPECT_EQ(c.store.node(1).admin, NodeAdmin::kDrain);
  for (std::uint64_t i = 10; i < 14; ++i) c.want(1, session_id(i), UserId{i});
  c.run(seconds(3));
  EXPECT_EQ(c.nodes[1].serving.size(), 2u);
  EXPECT_EQ(c.nodes[0].serving.size(), 6u);
  c.feed(1, AdminWanted{NodeId{1}, NodeAdmin::kReady});
  c.run(seconds(3));
  c.want(0, session_id(20), UserId{20});
  c.run(seconds(3));
  EXPECT_EQ(c.nodes[1].serving.size(), 3u);
}

TEST(Core, AStoreOutageLosesNobodyAndDeclaresNobodyDead) {
  Cluster c(3);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 6; ++i)
    c.want(0, session_id(i), UserId{i}, Intent::kStart, i < 3 ? KindId{0} : KindId{1});
  c.run(seconds(3));
  for (auto& n : c.nodes) n.store_up = false;
  c.run(seconds(6));
  std::size_t frozen = 0;
  c.run(seconds(6));
  for (const auto& n : c.nodes) frozen += n.frozen.size();
  EXPECT_EQ(frozen, 3u) << "freeze kinds stop before the lease can lapse for others";
  const RequestId r = c.want(0, session_id(50), kAnn);
  c.run(seconds(30));
  EXPECT_EQ(c.answer(0, r)->outcome, Outcome::kWaiting);
  EXPECT_EQ(c.answer(0, r)->refusal, Refusal::kStoreAway);
  for (auto& n : c.nodes) n.store_up = true;
  c.run(seconds(10));
  frozen = 0;
  for (const auto& n : c.nodes) {
    frozen += n.frozen.size();
    EXPECT_EQ(n.core->counters().takeovers, 0u);
  }
  EXPECT_EQ(frozen, 0u);
  for (std::uint64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(c.store.session(session_id(i))->state, SessionState::kReady);
    EXPECT_EQ(c.store.session(session_id(i))->epoch, Epoch{1});
  }
  EXPECT_EQ(c.answer(0, r)->outcome, Outcome::kForward);
}

TEST(Core, ANodeThatWasDeclaredDeadFencesItselfAndRejoins) {
  Cluster c(3);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 6; ++i) c.want(0, session_id(i), UserId{i});
  c.run(seconds(3));
  const auto held = c.nodes[1].serving;
  ASSERT_FALSE(held.empty());
  c.nodes[1].store_up = false;
  c.run(seconds(15));
  EXPECT_EQ(c.store.node(1).life, NodeLife::kDead);
  EXPECT_EQ(c.nodes[1].serving, held) << "keep kinds serve on while the store is away";
  c.nodes[1].store_up = true;
  c.run(seconds(5));
  EXPECT_TRUE(c.nodes[1].serving.empty());
  EXPECT_EQ(c.store.node(1).life, NodeLife::kUp);
  EXPECT_EQ(c.store.node(1).incarnation, Incarnation{2});
  EXPECT_EQ(c.nodes[1].core->counters().fenced, held.size());
}

TEST(Core, AProcessThatEndsByItselfIsLostWithItsReason) {
  Cluster c(2);
  c.run(seconds(2));
  c.want(0, session_id(1), kAnn);
  c.run(seconds(3));
  const auto row = c.store.session(session_id(1));
  c.feed(static_cast<int>(row->node.value), SessionExited{session_id(1), row->epoch, EndReason::kOutOfMemory});
  c.run(seconds(1));
  EXPECT_EQ(c.store.session(session_id(1))->state, SessionState::kLost);
  EXPECT_EQ(c.store.session(session_id(1))->reason, EndReason::kOutOfMemory);
}

TEST(Core, AnEndWantedAtAnyRouterEndsTheProcess) {
  Cluster c(3);
  c.run(seconds(2));
  c.want(0, session_id(1), kAnn);
  c.run(seconds(3));
  const NodeId holder = c.store.session(session_id(1))->node;
  c.feed(static_cast<int>((holder.value + 1) % 3), EndWanted{session_id(1), EndReason::kOwner});
  c.run(seconds(1));
  EXPECT_EQ(serving_count(c, session_id(1)), 0);
  EXPECT_EQ(c.store.session(session_id(1))->state, SessionState::kEnded);
  EXPECT_EQ(c.store.live(kAnn), 0u);
  for (const auto& n : c.nodes) EXPECT_FALSE(n.core->route(session_id(1)).has_value());
}

TEST(Core, AfterAFailoverThatLostItsTailHoldersAnnounceAndNothingRunsTwice) {
  Cluster c(3);
  c.run(seconds(2));
  c.want(0, session_id(1), kAnn);
  c.run(seconds(3));
  const PlainStore old = c.store;
  c.want(1, session_id(2), kBob);
  c.run(seconds(3));
  ASSERT_EQ(serving_count(c, session_id(2)), 1);
  const NodeId holder = c.store.session(session_id(2))->node;
  c.store = old;  // session 2 was in the lost tail
  c.store.timeline = Timeline{2};
  ASSERT_FALSE(c.store.session(session_id(2)).has_value());
  const RequestId r = c.want(2, session_id(2), kBob, Intent::kRestart);
  c.run(seconds(20));
  EXPECT_EQ(serving_count(c, session_id(1)), 1);
  EXPECT_EQ(serving_count(c, session_id(2)), 1);
  ASSERT_TRUE(c.store.session(session_id(2)).has_value());
  EXPECT_EQ(c.store.session(session_id(2))->node, holder);
  EXPECT_EQ(c.store.session(session_id(2))->epoch, Epoch{1});
  EXPECT_EQ(c.answer(2, r)->outcome, Outcome::kForward);
  EXPECT_EQ(c.store.live(kBob), 1u);
}

TEST(Core, LoadSeenByEveryRouterIsExactOnceEverythingIsRead) {
  Cluster c(3, [](Config& k) { k.report_every = seconds(7); });
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 20; ++i) {
    c.want(static_cast<int>(i % 3), session_id(i), UserId{i});
    c.run(milliseconds(700));
    if (i % 4 == 3) c.feed(static_cast<int>(i % 3), EndWanted{session_id(i - 2), EndReason::kOwner});
  }
  c.run(seconds(2));
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::uint32_t n = 0; n < 3; ++n) {
      EXPECT_EQ(c.nodes[i].core->node(NodeId{n}, c.now).sessions_seen, c.nodes[n].serving.size())
          << "router " << i << " node " << n;
    }
  }
}

TEST(Core, ACoreRestoredFromItsSnapshotGoesOnIdentically) {
  for (const std::string_view strategy : strategy_names()) {
    Cluster c(3, [&](Config& k) { k.strategy = std::string(strategy); });
    c.run(seconds(2));
    for (std::uint64_t i = 0; i < 30; ++i) {
      c.want(static_cast<int>(i % 3), session_id(i), UserId{i});
      c.run(milliseconds(333));
      if (i == 14) c.kill_machine(1);
      for (auto& n : c.nodes) {
        if (!n.core) continue;
        const std::string bytes = n.core->snapshot();
        auto restored = Core::restore(bytes);
        ASSERT_TRUE(restored.has_value()) << restored.error();
        EXPECT_EQ(restored->snapshot(), bytes);
        EXPECT_EQ(restored->fingerprint(), n.core->fingerprint());
        if (i % 2 == 0)
          n.core = std::move(*restored);
        else
          n.core = Core(*n.core);
      }
    }
    // The same story without cutting gives the same fingerprints.
    Cluster d(3, [&](Config& k) { k.strategy = std::string(strategy); });
    d.run(seconds(2));
    for (std::uint64_t i = 0; i < 30; ++i) {
      d.want(static_cast<int>(i % 3), session_id(i), UserId{i});
      d.run(milliseconds(333));
      if (i == 14) d.kill_machine(1);
    }
    EXPECT_EQ(c.nodes[0].core->fingerprint(), d.nodes[0].core->fingerprint()) << strategy;
    EXPECT_EQ(c.nodes[2].core->fingerprint(), d.nodes[2].core->fingerprint()) << strategy;
  }
}

TEST(Core, TheStrategyIsMadeWithTheConfiguredParametersAndKeepsThemOverASnapshot) {
  // With as many choices as nodes, two choices become least sessions: four sessions on four nodes are one each.
  Cluster c(4, [](Config& k) {
    k.strategy = "p2c-sessions";
    k.strategy_params.set("d", 4);
  });
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 40; ++i) {
    c.want(0, session_id(i), UserId{i});
    c.run(milliseconds(300));
    auto restored = Core::restore(c.nodes[0].core->snapshot());
    ASSERT_TRUE(restored.has_value()) << restored.error();
    c.nodes[0].core = std::move(*restored);
  }
  c.run(seconds(2));
  for (std::uint32_t n = 0; n < 4; ++n) {
    EXPECT_EQ(c.nodes[0].core->node(NodeId{n}, c.now).sessions_seen, 10u) << "node " << n;
  }
}

TEST(Core, ADamagedSnapshotIsRefusedWithASentence) {
  Cluster c(2);
  c.run(seconds(2));
  const std::string bytes = c.nodes[0].core->snapshot();
  for (std::size_t n = 0; n < bytes.size(); n += 7) {
    EXPECT_FALSE(Core::restore(std::string_view(bytes).substr(0, n)).has_value());
  }
}

}  // namespace
}  // namespace homing::core::testing
