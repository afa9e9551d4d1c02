// SPDX-License-Identifier: Apache-2.0
//
// Idle rules, suspended sessions and who may wake them, start slots; on a small cluster.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/core/cluster_harness.h"

namespace homing::core::testing {
namespace {

constexpr UserId kAnn{101};

Cluster with_rule(int nodes, IdleThen then, Duration after = seconds(60)) {
  return Cluster(nodes, [=](Config& c) {
    for (KindConfig& kind : c.kinds) {
      kind.idle_after = after;
      kind.idle_then = then;
      kind.can_suspend = then == IdleThen::kSuspend;
    }
  });
}

int holder_of(const Cluster& c, SessionId id) {
  for (std::size_t i = 0; i < c.nodes.size(); ++i) {
    if (c.nodes[i].serving.contains(id)) return static_cast<int>(i);
  }
  return -1;
}

std::size_t processes(const Cluster& c, SessionId id) {
  std::size_t n = 0;
  for (const auto& node : c.nodes) n += node.processes.count(id);
  return n;
}

TEST(Idle, AnUnusedSessionIsSuspendedAndHoldsNoPlaceAnyMore) {
  Cluster c = with_rule(3, IdleThen::kSuspend);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(50));
  ASSERT_EQ(c.store.session(id)->state, SessionState::kReady);
  const int holder = holder_of(c, id);
  ASSERT_GE(holder, 0);
  c.run(seconds(15));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kSuspended);
  EXPECT_EQ(c.store.session(id)->reason, EndReason::kIdle);
  EXPECT_EQ(c.store.session(id)->node, NodeId{static_cast<std::uint32_t>(holder)});
  EXPECT_EQ(processes(c, id), 0u);
  EXPECT_EQ(c.store.live(kAnn), 0u);
  for (const auto& node : c.nodes) {
    EXPECT_EQ(node.core->node(NodeId{static_cast<std::uint32_t>(holder)}, c.now).sessions_seen, 0u);
    EXPECT_EQ(node.core->route(id)->state, SessionState::kSuspended);
  }
}

TEST(Idle, ASessionInUseIsLeftAloneAndTheRuleCountsFromItsLastUse) {
  Cluster c = with_rule(2, IdleThen::kSuspend);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(40));
  const int holder = holder_of(c, id);
  const Instant last = c.now;
  c.nodes[static_cast<std::size_t>(holder)].used[id] = last;
  c.run(seconds(58));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kReady);
  c.run(seconds(4));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kSuspended);
}

TEST(Idle, OnlyARequestThatMayWakeASuspendedSessionWakesItWithTheNextEpoch) {
  Cluster c = with_rule(3, IdleThen::kSuspend);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(70));
  ASSERT_EQ(c.store.session(id)->state, SessionState::kSuspended);
  const RequestId poll = c.want(1, id, kAnn, Intent::kReach);
  c.run(seconds(3));
  EXPECT_EQ(c.answer(1, poll)->refusal, Refusal::kSuspended);
  EXPECT_EQ(c.store.session(id)->state, SessionState::kSuspended);
  const RequestId page = c.want(1, id, kAnn, Intent::kWake);
  c.run(seconds(3));
  EXPECT_EQ(c.answer(1, page)->outcome, Outcome::kForward);
  EXPECT_EQ(c.answer(1, page)->epoch, Epoch{2});
  EXPECT_EQ(processes(c, id), 1u);
  EXPECT_EQ(c.store.live(kAnn), 1u);
}

TEST(Idle, AWakingThatComesWhileTheSuspendIsUnderWayWaitsForItsEnd) {
  Cluster c = with_rule(2, IdleThen::kSuspend);
  for (auto& node : c.nodes) node.suspend_takes = seconds(10);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(64));  // the order is out, the process still saves
  ASSERT_EQ(c.store.session(id)->state, SessionState::kReady);
  ASSERT_EQ(processes(c, id), 1u);
  c.after_step = [&] { ASSERT_LE(processes(c, id), 1u); };
  c.run(seconds(12));
  ASSERT_EQ(c.store.session(id)->state, SessionState::kSuspended);
  c.want(1, id, kAnn, Intent::kWake);
  c.run(seconds(3));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kReady);
  EXPECT_EQ(c.store.session(id)->epoch, Epoch{2});
}

TEST(Idle, ARuleThatEndsEndsAndTheSessionIsOver) {
  Cluster c = with_rule(2, IdleThen::kEnd);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(66));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kEnded);
  EXPECT_EQ(c.store.session(id)->reason, EndReason::kIdle);
  EXPECT_EQ(processes(c, id), 0u);
  EXPECT_EQ(c.store.live(kAnn), 0u);
}

TEST(Idle, ASuspendThatTheLauncherCannotDoLeavesTheSessionInServiceAndIsTriedAgain) {
  Cluster c = with_rule(2, IdleThen::kSuspend);
  for (auto& node : c.nodes) node.suspend_fails = true;
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(100));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kReady);
  EXPECT_EQ(processes(c, id), 1u);
  for (auto& node : c.nodes) node.suspend_fails = false;
  c.run(seconds(40));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kSuspended);
}

// Starts its session, waits for the rule, and lets every later start of it take that long.
SessionId suspended_and_then_large(Cluster& c, Duration start_takes) {
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(70));
  for (auto& node : c.nodes) node.start_takes = start_takes;
  return id;
}

TEST(Idle, AResumeMayTakeLongerThanAStartSinceItLoadsWhatWasSaved) {
  Cluster c = with_rule(3, IdleThen::kSuspend);
  const SessionId id = suspended_and_then_large(c, seconds(35));
  ASSERT_EQ(c.store.session(id)->state, SessionState::kSuspended);
  const RequestId page = c.want(1, id, kAnn, Intent::kWake);
  c.run(seconds(30));  // a start is given 20 s, a resume 40 s
  EXPECT_EQ(c.store.session(id)->state, SessionState::kStarting);
  c.run(seconds(8));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kReady);
  EXPECT_EQ(c.store.session(id)->epoch, Epoch{2}) << "the first try";
  EXPECT_EQ(c.answer(1, page)->outcome, Outcome::kForward);
}

TEST(Idle, AResumeThatRanOutOfTimeIsGivenTwiceAsMuchTheNextTime) {
  Cluster c = with_rule(3, IdleThen::kSuspend);
  const SessionId id = suspended_and_then_large(c, seconds(100));
  c.want(1, id, kAnn, Intent::kWake);
  c.run(seconds(40 + 80 + 100 + 10));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kReady);
  EXPECT_EQ(c.store.session(id)->epoch, Epoch{4}) << "40 s, 80 s, 160 s";
}

TEST(Idle, AMachineThatDiesDuringAResumeDoesNotShortenTheNextTry) {
  Cluster c = with_rule(3, IdleThen::kSuspend);
  const SessionId id = suspended_and_then_large(c, seconds(35));
  c.want(1, id, kAnn, Intent::kWake);
  c.run(seconds(25));
  ASSERT_EQ(c.store.session(id)->state, SessionState::kStarting);
  const NodeId first = c.store.session(id)->node;
  c.kill_machine(static_cast<int>(first.value));
  c.run(seconds(20));
  const int other = first == NodeId{0} ? 2 : 0;
  c.want(other, id, kAnn, Intent::kRestart);
  c.run(seconds(39));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kReady);
}

TEST(Idle, WhatHasRunSinceItsResumeStartsAfreshAndIsGivenNoMoreThanAnyStart) {
  Cluster c = with_rule(3, IdleThen::kSuspend, seconds(600));
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(620));
  c.want(0, id, kAnn, Intent::kWake);
  c.run(seconds(5));
  ASSERT_EQ(c.store.session(id)->state, SessionState::kReady);
  ASSERT_EQ(c.store.session(id)->epoch, Epoch{2});
  const NodeId holder = c.store.session(id)->node;
  c.kill_machine(static_cast<int>(holder.value));
  c.run(seconds(20));
  for (auto& node : c.nodes) node.start_hangs = true;
  c.want(holder == NodeId{0} ? 1 : 0, id, kAnn, Intent::kRestart);
  c.run(seconds(15));
  EXPECT_EQ(c.store.session(id)->epoch, Epoch{3});
  c.run(seconds(10));
  EXPECT_GE(c.store.session(id)->epoch, Epoch{4}) << "given up after 20 s";
}

TEST(Idle, ASuspendedSessionSurvivesTheDeathOfTheMachineItRanOn) {
  Cluster c = with_rule(3, IdleThen::kSuspend);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(70));
  const NodeId last = c.store.session(id)->node;
  c.kill_machine(static_cast<int>(last.value));
  c.run(seconds(20));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kSuspended);
  const int other = last == NodeId{0} ? 1 : 0;
  const RequestId page = c.want(other, id, kAnn, Intent::kWake);
  c.run(seconds(3));
  EXPECT_EQ(c.answer(other, page)->outcome, Outcome::kForward);
  EXPECT_NE(c.store.session(id)->node, last);
}

TEST(Idle, NothingIsSuspendedWhileTheNodeCannotRenewItsLease) {
  Cluster c = with_rule(1, IdleThen::kSuspend);
  c.run(seconds(2));
  const SessionId id = session_id(1);
  c.want(0, id, kAnn);
  c.run(seconds(30));
  c.nodes[0].store_up = false;
  c.run(seconds(60));
  EXPECT_EQ(processes(c, id), 1u);
  c.nodes[0].store_up = true;
  c.run(seconds(10));
  EXPECT_EQ(c.store.session(id)->state, SessionState::kSuspended);
}

TEST(Idle, AKindThatCannotBeSuspendedMayNotHaveSuchARule) {
  Config config;
  config.kinds.push_back(KindConfig{"notepad"});
  config.kinds[0].idle_after = seconds(60);
  config.kinds[0].idle_then = IdleThen::kSuspend;
  ASSERT_EQ(validate(config).size(), 1u);
  EXPECT_EQ(validate(config)[0].field, "kind.notepad.idle");
  config.kinds[0].can_suspend = true;
  EXPECT_TRUE(validate(config).empty());
  config.kinds[0].idle_after = config.heartbeat;
  EXPECT_EQ(validate(config).size(), 1u);
}

TEST(StartSlots, AtMostThatManyStartAtOnceAndTheOthersFollowInTheOrderOfTheirClaims) {
  Cluster c(1);
  c.kill_machine(0);
  c.nodes[0].start_slots = 2;
  c.boot(0);
  c.run(seconds(3));
  for (std::uint64_t i = 0; i < 9; ++i) {
    c.want(0, session_id(20 - i), UserId{i});
    c.run(milliseconds(20));
  }
  c.run(seconds(1));
  EXPECT_LT(c.nodes[0].serving.size(), 5u);
  c.run(seconds(5));
  EXPECT_EQ(c.nodes[0].serving.size(), 9u);
  EXPECT_EQ(c.nodes[0].most_starting, 2u);
  ASSERT_EQ(c.nodes[0].start_order.size(), 9u);
  for (std::uint64_t i = 0; i < 9; ++i) EXPECT_EQ(c.nodes[0].start_order[i], session_id(20 - i)) << i;
}

TEST(StartSlots, AStartThatWaitsLongerThanItsTimeoutIsPlacedElsewhere) {
  Cluster c(2);
  c.kill_machine(0);
  c.nodes[0].start_slots = 1;
  c.nodes[0].start_takes = seconds(15);
  c.boot(0);
  c.run(seconds(3));
  for (std::uint64_t i = 0; i < 8; ++i) c.want(1, session_id(i), UserId{i});
  c.run(seconds(60));
  std::size_t ready = 0;
  for (std::uint64_t i = 0; i < 8; ++i) ready += c.store.session(session_id(i))->state == SessionState::kReady ? 1 : 0;
  EXPECT_EQ(ready, 8u);
  EXPECT_GE(c.nodes[1].serving.size(), 6u);
}

}  // namespace
}  // namespace homing::core::testing
