// SPDX-License-Identifier: Apache-2.0
//
// What a node does with a session whose claim names it: the table of core_hosting.cc, row (the right) by fact (what the
// launcher said), one story a cell; and news that come too late.
#include <gtest/gtest.h>

#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

class HostedHere : public ::testing::Test {
 protected:
  static Config two_kinds() {
    Config config = config_of(true);
    config.kinds.push_back(KindConfig{"frozen", 0, 0, seconds(20), seconds(40), WithoutStore::kFreeze});
    return config;
  }
  HostedHere() { desk.boot(); }
  SessionRow claim(KindId kind = KindId{0}, std::uint32_t epoch = 1) const {
    SessionRow row = placed(session, UserId{1}, 0, 1, epoch);
    row.kind = kind;
    return row;
  }
  void accept(KindId kind = KindId{0}) {
    desk.show(claim(kind));
    ASSERT_EQ(state(), SessionState::kStarting);
    ASSERT_EQ(desk.said<StartSession>().size(), 1u);
  }
  void run(KindId kind = KindId{0}) {
    accept(kind);
    desk.tell(SessionStarted{session, Epoch{1}});
    desk.answer_all();
    ASSERT_EQ(state(), SessionState::kReady);
  }
  SessionState state() const { return desk.store.session(session)->state; }
  EndReason reason() const { return desk.store.session(session)->reason; }
  // The store does not answer until the lease has lapsed.
  void lapse() {
    for (int i = 0; i < 16; ++i) {
      desk.pass(milliseconds(500));
      desk.silence();
    }
    ASSERT_FALSE(desk.core().may_order(desk.now));
  }

  Desk desk{two_kinds()};
  const SessionId session{1, 1};
};

TEST_F(HostedHere, AClaimIsRefusedWhileTheLauncherIsAway) {
  desk.tell(LauncherDown{});
  desk.show(claim());
  EXPECT_EQ(state(), SessionState::kRefused);
  EXPECT_EQ(reason(), EndReason::kLauncherAway);
  EXPECT_TRUE(desk.said<StartSession>().empty());
  EXPECT_EQ(desk.core().hosted_count(), 0u);
}

TEST_F(HostedHere, AnAcceptedStartIsGivenBackWhenTheLauncherWentAwayMeanwhile) {
  desk.put(claim());
  desk.tell(StoreHint{});
  desk.answer_one();  // the acceptance is under way
  desk.tell(LauncherDown{});
  desk.answer_all();
  EXPECT_EQ(state(), SessionState::kRefused);
  EXPECT_EQ(reason(), EndReason::kLauncherAway);
}

TEST_F(HostedHere, AnOrderNamesTheInstantAtWhichTheProcessIsKilled) {
  accept();
  const StartSession order = desk.said<StartSession>()[0];
  EXPECT_EQ(order.session, session);
  EXPECT_EQ(order.user, UserId{1});
  EXPECT_EQ(order.deadline, desk.now + seconds(20) - Config{}.lease_margin);
  desk.live(order.deadline - desk.now - nanoseconds(1));
  EXPECT_TRUE(desk.kills.empty());
  desk.live(nanoseconds(1));
  ASSERT_EQ(desk.kills.size(), 1u);
  EXPECT_EQ(desk.kills[0].reason, EndReason::kStartTimeout);
  EXPECT_EQ(state(), SessionState::kRefused);
  EXPECT_EQ(reason(), EndReason::kStartTimeout);
}

TEST_F(HostedHere, AStartThatFailsOrExitsIsRefusedWithTheLaunchersReason) {
  accept();
  desk.tell(SessionFailed{session, Epoch{1}, EndReason::kStartFailed});
  desk.answer_all();
  EXPECT_EQ(state(), SessionState::kRefused);
  EXPECT_EQ(reason(), EndReason::kStartFailed);
  desk.show(claim(KindId{0}, 2));
  desk.tell(SessionExited{session, Epoch{2}, EndReason::kProcessExited});
  desk.answer_all();
  EXPECT_EQ(state(), SessionState::kRefused);
  EXPECT_EQ(reason(), EndReason::kProcessExited);
}

TEST_F(HostedHere, AProcessThatEndsIsLostWithItsReasonAndHoldsNoPlace) {
  run();
  EXPECT_EQ(desk.core().node(NodeId{0}, desk.now).sessions_seen, 1u);
  desk.tell(SessionExited{session, Epoch{1}, EndReason::kProcessExited});
  desk.answer_all();
  EXPECT_EQ(state(), SessionState::kLost);
  EXPECT_EQ(reason(), EndReason::kProcessExited);
  EXPECT_EQ(desk.core().node(NodeId{0}, desk.now).sessions_seen, 0u);
  EXPECT_EQ(desk.core().hosted_count(), 0u);
  EXPECT_TRUE(desk.kills.empty()) << "there is nothing left to kill";
}

TEST_F(HostedHere, AProcessIsKilledWhenItsOwnerEndsItAndToldWhy) {
  run();
  desk.tell(EndWanted{session, EndReason::kOwner});
  desk.answer_all();
  EXPECT_EQ(state(), SessionState::kEnded);
  ASSERT_EQ(desk.kills.size(), 1u);
  EXPECT_EQ(desk.kills[0].reason, EndReason::kOwner);
  EXPECT_EQ(desk.counters().fenced, 0u);
}

TEST_F(HostedHere, AProcessIsFencedWhenItsSessionHasMovedOn) {
  run();
  SessionRow moved = claim(KindId{0}, 2);
  moved.node = NodeId{5};
  desk.show(moved);
  ASSERT_EQ(desk.kills.size(), 1u);
  EXPECT_EQ(desk.kills[0].epoch, Epoch{1});
  EXPECT_EQ(desk.kills[0].reason, EndReason::kFenced);
  EXPECT_EQ(desk.counters().fenced, 1u);
}

TEST_F(HostedHere, AProcessIsFencedAndItsNextEpochAcceptedWhenBothAreOurs) {
  run();
  desk.show(claim(KindId{0}, 2));
  ASSERT_EQ(desk.kills.size(), 1u);
  EXPECT_EQ(desk.kills[0].epoch, Epoch{1});
  EXPECT_EQ(state(), SessionState::kStarting);
  EXPECT_EQ(desk.said<StartSession>().back().epoch, Epoch{2});
}

TEST_F(HostedHere, AStartThatAnEarlierRouterAcceptedAndTheLauncherDoesNotKnowIsGivenBack) {
  SessionRow row = claim();
  row.state = SessionState::kStarting;
  desk.show(row);
  EXPECT_EQ(state(), SessionState::kRefused);
  EXPECT_EQ(reason(), EndReason::kStartFailed);
  ASSERT_EQ(desk.kills.size(), 1u) << "its order may still be on the way";
}

TEST_F(HostedHere, ASessionThatRunsHereInTheStoreButNotAtTheLauncherIsLost) {
  SessionRow row = claim();
  row.state = SessionState::kReady;
  desk.show(row);
  EXPECT_EQ(state(), SessionState::kLost);
  EXPECT_EQ(reason(), EndReason::kProcessGone);
}

TEST_F(HostedHere, NewsOfWhatIsNotExpectedIsCountedAndAProcessOfItKilled) {
  run();
  std::uint64_t stale = desk.counters().stale_events;
  const auto one_more = [&] { return desk.counters().stale_events == ++stale; };
  for (const SessionId whose : {session, SessionId{9, 9}}) {
    desk.tell(SessionFailed{whose, Epoch{7}, EndReason::kStartFailed});
    EXPECT_TRUE(one_more());
    desk.tell(SessionExited{whose, Epoch{7}, EndReason::kProcessExited});
    EXPECT_TRUE(one_more());
    desk.tell(SessionSuspended{whose, Epoch{7}, true});
    EXPECT_TRUE(one_more());
    desk.tell(ActivitySeen{whose, Epoch{7}, desk.now});
    EXPECT_TRUE(one_more());
    EXPECT_TRUE(desk.kills.empty());
    desk.tell(SessionStarted{whose, Epoch{7}});
    EXPECT_TRUE(one_more());
    ASSERT_EQ(desk.kills.size(), 1u);
    EXPECT_EQ(desk.kills[0].epoch, Epoch{7});
    desk.kills.clear();
  }
  EXPECT_EQ(state(), SessionState::kReady);
  desk.tell(Silent{StoreToken{123}});
  EXPECT_TRUE(one_more());
  desk.tell(Won{StoreToken{123}, Version{1}});
  EXPECT_TRUE(one_more());
  desk.tell(Lost{StoreToken{123}, Timeline{1}, {}});
  EXPECT_TRUE(one_more());
  desk.tell(Rows{StoreToken{123}, Timeline{1}, Version{1}, true, {}});
  EXPECT_TRUE(one_more());
}

TEST_F(HostedHere, AStartThatAnswersAfterItWasGivenUpIsKilled) {
  accept();
  desk.live(seconds(18));
  desk.calls.clear();
  desk.pass(seconds(1));  // its time is over; the store has not heard of it yet
  ASSERT_EQ(desk.kills.size(), 1u);
  desk.tell(SessionStarted{session, Epoch{1}});
  EXPECT_EQ(desk.kills.size(), 2u);
  desk.live(seconds(3));
  EXPECT_NE(state(), SessionState::kReady);
}

TEST_F(HostedHere, AnAcceptanceThatALookShowsBeforeItsAnswerIsGoneOnWith) {
  desk.put(claim());
  desk.tell(StoreHint{});
  desk.answer_one();
  const auto acceptance = std::get<CompareAndSet>(desk.calls.front());
  desk.calls.clear();
  const Event won = desk.store.write(acceptance);
  desk.tell(StoreHint{});
  desk.answer_all();
  EXPECT_TRUE(desk.said<StartSession>().empty()) << "one call at a time";
  desk.tell(won);
  EXPECT_EQ(desk.said<StartSession>().size(), 1u);
}

TEST_F(HostedHere, WhatIsOverWakesNobodyAnyMore) {
  Config config = two_kinds();
  for (KindConfig& kind : config.kinds) kind.idle_after = seconds(30);
  Desk one(config);
  one.boot(2);
  one.live(milliseconds(350));  // so that nothing falls together with a heartbeat
  const auto want = [&](std::uint64_t n) {
    one.tell(SessionWanted{RequestId{n}, {n, n}, UserId{n}, KindId{0}, Intent::kStart});
    one.answer_all();
  };
  want(1);  // runs, and is ended
  one.tell(SessionStarted{{1, 1}, Epoch{1}});
  one.answer_all();
  want(2);  // is ended while it starts
  want(3);  // gives up in line
  ASSERT_EQ(one.core().queue_length(), 1u);
  one.tell(WantWithdrawn{RequestId{3}});
  one.answer_all();
  one.show(placed({4, 4}, UserId{4}, 9, 1, 1));
  want(4);  // does not wait for a start elsewhere
  one.tell(WantWithdrawn{RequestId{4}});
  for (const std::uint64_t n : {1u, 2u}) one.tell(EndWanted{{n, n}, EndReason::kOwner});
  one.live(seconds(2));
  ASSERT_EQ(one.core().hosted_count(), 0u);
  const std::uint64_t before = one.counters().deadlines;
  one.live(seconds(100));
  EXPECT_EQ(one.counters().deadlines - before, 100u) << "its heartbeats";
}

// --- the lease lapses ---

TEST_F(HostedHere, AStartIsKilledWhenTheLeaseLapses) {
  accept();
  lapse();
  ASSERT_EQ(desk.kills.size(), 1u);
  EXPECT_EQ(desk.kills[0].reason, EndReason::kStartTimeout);
  desk.live(seconds(3));
  EXPECT_EQ(state(), SessionState::kRefused);
}

TEST_F(HostedHere, AProcessThatIsNotYetWrittenReadyIsKilledWhenTheLeaseLapses) {
  accept();
  desk.tell(StoreHint{});
  desk.silence();
  desk.tell(SessionStarted{session, Epoch{1}});
  lapse();
  ASSERT_EQ(desk.kills.size(), 1u) << "nobody may serve it, and its claim may be given to another";
}

TEST_F(HostedHere, WhatServesOnServesOnAndWhatFreezesIsFrozenOnceAndThawedAfterALook) {
  for (const KindId kind : {KindId{0}, KindId{1}}) {
    Desk one(two_kinds());
    one.boot();
    one.show(claim(kind));
    one.tell(SessionStarted{session, Epoch{1}});
    one.answer_all();
    for (int i = 0; i < 40; ++i) {
      one.pass(milliseconds(500));
      one.silence();
    }
    EXPECT_TRUE(one.kills.empty());
    EXPECT_EQ(one.freezes.size(), kind == KindId{1} ? 1u : 0u);
    EXPECT_TRUE(one.thaws.empty());
    one.live(seconds(3));
    EXPECT_EQ(one.thaws.size(), kind == KindId{1} ? 1u : 0u);
    EXPECT_EQ(one.store.session(session)->state, SessionState::kReady);
    one.live(seconds(10));
    EXPECT_EQ(one.thaws.size(), kind == KindId{1} ? 1u : 0u);
  }
}

TEST_F(HostedHere, WhatTheLauncherMayHaveFrozenIsThawedWhenItsRouterComesBack) {
  run(KindId{1});
  Desk again(two_kinds());
  again.store = desk.store;
  Boot boot;
  boot.machine = 1;
  again.tell(boot);
  LauncherUp up;
  up.processes.push_back({session, Epoch{1}, true});
  up.processes.push_back({SessionId{9, 9}, Epoch{1}, true});
  again.tell(up);
  again.live(seconds(2));
  ASSERT_EQ(again.thaws.size(), 1u);
  EXPECT_EQ(again.thaws[0].session, session);
  ASSERT_EQ(again.kills.size(), 1u) << "nobody knows of the other process";
  EXPECT_EQ(again.kills[0].session, (SessionId{9, 9}));
  EXPECT_EQ(again.counters().fenced, 1u);
  EXPECT_EQ(again.store.session(session)->state, SessionState::kReady);
}

// --- the launcher's word and the store's, when one of them is behind ---

TEST_F(HostedHere, AProcessThatWasPutToSleepBeforeTheLookIsNotTakenToRun) {
  run();
  Desk again(two_kinds());
  again.store = desk.store;
  Boot boot;
  boot.machine = 1;
  again.tell(boot);
  LauncherUp up;
  up.processes.push_back({session, Epoch{1}, true});
  again.tell(up);
  again.tell(SessionSuspended{session, Epoch{1}, true});
  again.live(seconds(2));
  EXPECT_EQ(again.store.session(session)->state, SessionState::kLost);
}

TEST_F(HostedHere, ASuspendThatAFailoverForgotIsSaidAgainAndTakenFromTheUsersCountOnce) {
  for (const SessionId which : {session, SessionId{2, 2}}) {
    desk.tell(SessionWanted{RequestId{which.hi}, which, UserId{1}, KindId{0}, Intent::kStart});
    desk.answer_all();
    desk.tell(SessionStarted{which, Epoch{1}});
    desk.answer_all();
  }
  const PlainStore before = desk.store;
  ASSERT_EQ(before.live(UserId{1}), 2u);
  desk.tell(SessionSuspended{session, Epoch{1}, true});
  desk.calls.clear();  // the store fails over before it has heard of it
  desk.store.timeline = Timeline{2};
  desk.live(seconds(2));
  EXPECT_EQ(state(), SessionState::kSuspended);
  EXPECT_EQ(reason(), EndReason::kIdle);
  EXPECT_EQ(desk.store.live(UserId{1}), 1u);
}

TEST_F(HostedHere, AClaimThatAFailoverForgotIsSaidAgainAndCountsForItsUserOnce) {
  const PlainStore before = desk.store;
  run();
  desk.tell(SessionWanted{RequestId{2}, {2, 2}, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  desk.store = before;
  desk.store.timeline = Timeline{2};
  desk.live(seconds(3));
  EXPECT_EQ(state(), SessionState::kReady);
  EXPECT_EQ(desk.store.session({2, 2})->state, SessionState::kStarting);
  EXPECT_EQ(desk.store.session(session)->epoch, Epoch{1});
  EXPECT_EQ(desk.store.live(UserId{1}), 2u);
  EXPECT_TRUE(desk.kills.empty());
}

// --- whom it concerns ---

TEST_F(HostedHere, TheNodeThatWasChosenIsToldToLookAndEverybodyWhenItIsReady) {
  desk.show(machine(1));
  desk.show(placed({7, 7}, UserId{7}, 0, 1, 1));
  const auto hints = [&] {
    std::vector<NodeId> found;
    for (const HintPeer& hint : desk.said<HintPeer>()) found.push_back(hint.node);
    desk.forget();
    return found;
  };
  using Nodes = std::vector<NodeId>;
  hints();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  ASSERT_EQ(desk.store.session(session)->node, NodeId{1});
  EXPECT_EQ(hints(), Nodes{NodeId{1}});
  desk.tell(SessionStarted{{7, 7}, Epoch{1}});
  desk.answer_all();
  EXPECT_EQ(hints(), Nodes{kNoNode});
  desk.tell(EndWanted{{7, 7}, EndReason::kOwner});
  desk.answer_all();
  EXPECT_EQ(hints(), Nodes{kNoNode});
  desk.tell(EndWanted{session, EndReason::kOwner});
  desk.answer_all();
  EXPECT_EQ(hints(), (Nodes{NodeId{1}, kNoNode}));
}

TEST_F(HostedHere, APlannedStopLosesTheSessionToItsOwnersClickAndLeavesAloneWhatHoldsNoPlace) {
  run();
  desk.tell(EndWanted{session, EndReason::kDrained});
  desk.answer_all();
  EXPECT_EQ(state(), SessionState::kLost);
  EXPECT_EQ(reason(), EndReason::kDrained);
  EXPECT_EQ(desk.store.live(UserId{1}), 0u);
  SessionRow asleep = placed({2, 2}, UserId{2}, 0, 1, 1);
  asleep.state = SessionState::kSuspended;
  desk.show(asleep);
  desk.tell(EndWanted{{2, 2}, EndReason::kDrained});
  desk.answer_all();
  EXPECT_EQ(desk.store.session({2, 2})->state, SessionState::kSuspended);
  desk.tell(EndWanted{{2, 2}, EndReason::kOwner});
  desk.answer_all();
  EXPECT_EQ(desk.store.session({2, 2})->state, SessionState::kEnded);
}

TEST_F(HostedHere, AnEndThatTheStoreDidNotHearIsWrittenWhenItAnswersAgain) {
  run();
  desk.tell(StoreHint{});
  desk.silence();
  desk.tell(EndWanted{session, EndReason::kOwner});
  EXPECT_EQ(desk.writes_of(session).size(), 0u);
  desk.live(seconds(2));
  EXPECT_EQ(state(), SessionState::kEnded);
}

}  // namespace
}  // namespace homing::core::testing
