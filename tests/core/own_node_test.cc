// SPDX-License-Identifier: Apache-2.0
//
// A node about itself: its lease and what it may order, its reports, its row after deaths and failovers; and what it
// makes of the others' rows and of an operator's word. One core, its store, and exact instants.
#include <gtest/gtest.h>

#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

class OwnNode : public ::testing::Test {
 protected:
  static constexpr RowKey kOwnRow{RowKind::kNode, 0, 0};
  // A router of a machine that is switched on; nothing is answered yet.
  static void switch_on(Desk& desk, std::uint64_t machine = 1) {
    Boot boot;
    boot.machine = machine;
    desk.tell(boot);
    desk.tell(LauncherUp{});
  }
  SessionRow running(std::uint32_t epoch = 1) const {
    SessionRow row = placed(session, UserId{1}, 0, 1, epoch);
    row.state = SessionState::kReady;
    return row;
  }
  void start_one() {
    desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
    desk.answer_all();
    desk.tell(SessionStarted{session, Epoch{1}});
    desk.answer_all();
    ASSERT_EQ(desk.store.session(session)->state, SessionState::kReady);
  }

  Desk desk{config_of(true)};
  const SessionId session{1, 1};
};

TEST_F(OwnNode, AsksToJoinOnceHoweverLongTheStoreTakesToAnswer) {
  switch_on(desk);
  desk.answer_one();  // the first look
  for (int i = 0; i < 5; ++i) desk.pass(seconds(1));
  EXPECT_EQ(desk.writes_of(kOwnRow), 1);
}

TEST_F(OwnNode, RenewsItsLeaseOnceHoweverLongTheStoreTakesToAnswer) {
  desk.boot();
  for (int i = 0; i < 5; ++i) desk.pass(seconds(1));
  EXPECT_EQ(desk.writes_of(kOwnRow), 1);
  EXPECT_EQ(desk.calls.size(), 2u) << "one renewal, one look";
}

TEST_F(OwnNode, LeavesOnceAndThenIsSilent) {
  desk.boot();
  desk.tell(LeaveWanted{});
  for (int i = 0; i < 5; ++i) desk.pass(seconds(1));
  EXPECT_EQ(desk.writes_of(kOwnRow), 1);
  desk.answer_all();
  EXPECT_EQ(desk.store.node(0).life, NodeLife::kLeft);
  const std::uint64_t lease = desk.store.node(0).lease;
  desk.live(seconds(20));
  EXPECT_EQ(desk.store.node(0).lease, lease);
  EXPECT_TRUE(desk.calls.empty());
}

TEST_F(OwnNode, ThatLeavesBeforeItHasJoinedNeverJoins) {
  switch_on(desk);
  desk.tell(LeaveWanted{});
  desk.live(seconds(5));
  EXPECT_FALSE(desk.store.rows.contains(kOwnRow));
}

TEST_F(OwnNode, MayOrderUntilAMarginBeforeItsLeaseEndsAndNotAtThatInstant) {
  desk.boot();
  const Instant sent = desk.now;
  const Instant until = sent + Config{}.lease_ttl - Config{}.lease_margin;
  ASSERT_EQ(desk.said<LeaseUntil>().size(), 1u);
  EXPECT_EQ(desk.said<LeaseUntil>()[0].until, until);
  EXPECT_TRUE(desk.core().may_order(until - nanoseconds(1)));
  EXPECT_FALSE(desk.core().may_order(until));
  desk.forget();
  desk.pass(until - desk.now - nanoseconds(1));
  EXPECT_TRUE(desk.said<StandingChanged>().empty());
  desk.pass(nanoseconds(1));
  ASSERT_EQ(desk.said<StandingChanged>().size(), 1u) << "said at that instant, not at the next event";
  EXPECT_FALSE(desk.said<StandingChanged>()[0].orders);
  EXPECT_EQ(desk.said<StandingChanged>()[0].why, Refusal::kLeaseExpired);
}

TEST_F(OwnNode, OrdersNothingForOneLeaseTimeAfterAFailoverAndGoesOnAtItsEnd) {
  desk.boot();
  desk.store.timeline = Timeline{2};
  desk.tell(StoreHint{});
  desk.forget();
  desk.answer_all();
  const Instant end = desk.now + Config{}.lease_ttl;
  ASSERT_EQ(desk.said<StandingChanged>().size(), 1u);
  EXPECT_EQ(desk.said<StandingChanged>()[0].why, Refusal::kTimelineChange);
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kTimelineChange);
  desk.live(Config{}.lease_ttl - nanoseconds(1));
  EXPECT_EQ(desk.now, end - nanoseconds(1));
  EXPECT_FALSE(desk.core().may_order(desk.now));
  EXPECT_FALSE(desk.store.session(session).has_value());
  desk.forget();
  desk.pass(nanoseconds(1));
  EXPECT_TRUE(desk.core().may_order(desk.now));
  ASSERT_EQ(desk.said<StandingChanged>().size(), 1u);
  EXPECT_TRUE(desk.said<StandingChanged>()[0].orders);
  EXPECT_EQ(desk.writes_of(session).size(), 1u);
}

TEST_F(OwnNode, ReportsWhatItMeasuredAndHowManySessionsItHolds) {
  desk.boot();
  LoadMeasured measured;
  measured.load.load5_milli = 1250;
  measured.load.memory_available = 77;
  desk.tell(measured);
  start_one();
  const Version counted = desk.store.latest;
  desk.live(seconds(2));
  const NodeRow row = desk.store.node(0);
  EXPECT_EQ(row.load.load5_milli, 1250u);
  EXPECT_EQ(row.load.memory_available, 77u);
  EXPECT_EQ(row.load.sessions, 1u);
  EXPECT_GE(row.load.counted, counted);
}

TEST_F(OwnNode, ReportsAsOftenAsItIsToldAndRenewsInBetween) {
  Config config = config_of(true);
  config.report_every = seconds(5);
  Desk slow(config);
  slow.boot();
  std::vector<Instant> reports;
  std::uint32_t load = 0;
  NodeRow before = slow.store.node(0);
  for (int i = 0; i < 120; ++i) {
    LoadMeasured measured;
    measured.load.load1_milli = ++load;
    slow.tell(measured);
    slow.live(milliseconds(100));
    const NodeRow row = slow.store.node(0);
    if (row.load.load1_milli != before.load.load1_milli) reports.push_back(slow.now);
    before = row;
  }
  ASSERT_GE(reports.size(), 2u);
  EXPECT_EQ(reports[1] - reports[0], seconds(5));
  EXPECT_GE(before.lease, 12u);
}

TEST_F(OwnNode, KeepsItsIncarnationBesideItsLauncherAndTakesTheNextAfterAReboot) {
  desk.boot();
  const NodeRow first = desk.store.node(0);
  Desk again(config_of(true));
  again.store = desk.store;
  switch_on(again, 1);
  again.answer_all();
  EXPECT_EQ(again.store.node(0).incarnation, first.incarnation);
  EXPECT_EQ(again.store.node(0).generation, first.generation + 1);
  EXPECT_GT(again.store.node(0).lease, first.lease);
  Desk rebooted(config_of(true));
  rebooted.store = again.store;
  switch_on(rebooted, 2);
  rebooted.answer_all();
  EXPECT_EQ(rebooted.store.node(0).incarnation, Incarnation{first.incarnation.value + 1});
  EXPECT_EQ(rebooted.store.node(0).generation, 1u);
}

TEST_F(OwnNode, ThatWasDeclaredDeadKillsWhatItRunsAndComesBackUpAndUndeclared) {
  desk.boot();
  start_one();
  NodeRow dead = desk.store.node(0);
  dead.life = NodeLife::kDead;
  dead.declared_by = NodeId{3};
  desk.show(dead);
  ASSERT_EQ(desk.kills.size(), 1u);
  EXPECT_EQ(desk.kills[0].reason, EndReason::kFenced);
  desk.live(seconds(2));
  const NodeRow back = desk.store.node(0);
  EXPECT_EQ(back.life, NodeLife::kUp);
  EXPECT_EQ(back.declared_by, kNoNode);
  EXPECT_EQ(back.incarnation, Incarnation{dead.incarnation.value + 1});
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kLost) << "what the earlier instance held is given up";
}

TEST_F(OwnNode, AnOlderRowOfItThatAFailoverPutBackIsPutRight) {
  desk.boot();
  NodeRow dead = desk.store.node(0);
  dead.life = NodeLife::kDead;
  dead.declared_by = NodeId{3};
  desk.show(dead);
  desk.live(seconds(2));
  ASSERT_EQ(desk.store.node(0).incarnation, Incarnation{2});
  desk.kills.clear();
  desk.store.timeline = Timeline{2};
  desk.put(dead);
  desk.live(seconds(3));
  const NodeRow row = desk.store.node(0);
  EXPECT_EQ(row.life, NodeLife::kUp);
  EXPECT_EQ(row.declared_by, kNoNode);
  EXPECT_EQ(row.incarnation, Incarnation{2});
  EXPECT_TRUE(desk.kills.empty());
}

TEST_F(OwnNode, AClaimOnAnEarlierInstanceOfItIsGivenUpInTheLookThatShowsIt) {
  NodeRow earlier = machine(0);
  earlier.machine = 99;
  desk.put(earlier);
  desk.boot();
  ASSERT_EQ(desk.store.node(0).incarnation, Incarnation{2});
  desk.put(running());  // placed by a router that had not heard of the reboot
  desk.tell(StoreHint{});
  desk.answer_one();
  ASSERT_EQ(desk.writes_of(session).size(), 1u);
  EXPECT_EQ(desk.writes_of(session)[0].state, SessionState::kLost);
  EXPECT_EQ(desk.writes_of(session)[0].reason, EndReason::kProcessGone);
}

TEST_F(OwnNode, AnyAnswerShowsThatTheStoreIsBack) {
  for (const bool wins : {true, false}) {
    Desk one(config_of(true));
    one.boot();
    one.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
    const auto claim = std::get<CompareAndSet>(one.calls.front());
    one.calls.clear();
    one.tell(StoreHint{});
    one.silence();
    if (!wins) one.put(UserRow{UserId{1}, 3});  // somebody else was faster
    one.tell(one.store.write(claim));
    ASSERT_EQ(one.writes_of(session).size(), 1u) << "the next step is made at once";
    EXPECT_EQ(one.writes_of(session)[0].state, wins ? SessionState::kStarting : SessionState::kPlaced);
  }
}

TEST_F(OwnNode, AClaimMetBySilenceIsLookedForBeforeTheNext) {
  desk.boot();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  const auto claim = std::get<CompareAndSet>(desk.calls.front());
  desk.store.write(claim);  // it was heard, the answer was not
  desk.silence();
  desk.pass(seconds(1));
  EXPECT_TRUE(desk.writes_of(session).empty());
  desk.live(seconds(2));
  EXPECT_EQ(desk.store.session(session)->epoch, Epoch{1}) << "its own claim is found and gone on with";
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kStarting);
}

// --- the others ---

TEST_F(OwnNode, WhateverAnothersRowSaysAnewIsKnownAtOnce) {
  desk.boot();
  NodeRow row = machine(1, 3);
  desk.show(row);
  const std::function<void(NodeRow&)> changes[] = {
      [](NodeRow& r) { r.load.load1_milli = 7; },
      [](NodeRow& r) { r.generation = 9; },
      [](NodeRow& r) { r.admin = NodeAdmin::kDrain; },
      [](NodeRow& r) { r.declared_by = NodeId{4}; },
      [](NodeRow& r) { r.labels = 5; },
      [](NodeRow& r) { r.weight = 50; },
      [](NodeRow& r) { r.max_sessions = 8; },
      [](NodeRow& r) { r.machine = 99; },
      [](NodeRow& r) { r.incarnation = Incarnation{2}; },
      [](NodeRow& r) { r.life = NodeLife::kLeft; },
  };
  for (const auto& change : changes) {
    change(row);
    ++row.lease;
    desk.show(row);
    EXPECT_EQ(desk.core().node(NodeId{1}, desk.now).row, row);
    EXPECT_EQ(desk.core().node(NodeId{1}, desk.now).version, desk.store.latest);
  }
}

TEST_F(OwnNode, TellsOfAnotherWhenItsViewItsInstanceOrItsOperatorsWordChanges) {
  desk.boot();
  NodeRow row = machine(1);
  const auto show = [&] {
    desk.forget();
    ++row.lease;
    desk.show(row);
    std::vector<NodeView> views;
    for (const NodeChanged& c : desk.said<NodeChanged>()) {
      EXPECT_EQ(c.node, NodeId{1});
      EXPECT_EQ(c.incarnation, row.incarnation);
      EXPECT_EQ(c.admin, row.admin);
      views.push_back(c.view);
    }
    return views;
  };
  using Views = std::vector<NodeView>;
  EXPECT_EQ(show(), Views{NodeView::kUp});
  EXPECT_EQ(show(), Views{}) << "a renewal is no news";
  row.admin = NodeAdmin::kMaintenance;
  EXPECT_EQ(show(), Views{NodeView::kUp});
  row.incarnation = Incarnation{2};
  EXPECT_EQ(show(), Views{NodeView::kUp});
  row.life = NodeLife::kLeft;
  EXPECT_EQ(show(), Views{NodeView::kLeft});
  row.life = NodeLife::kUp;
  row.incarnation = Incarnation{3};
  EXPECT_EQ(show(), Views{NodeView::kUp});
  row.life = NodeLife::kDead;
  EXPECT_EQ(show(), Views{NodeView::kDead});
}

TEST_F(OwnNode, FindsAnotherSuspectThenExpiredThenDeadAtTheNamedTimes) {
  desk.boot();
  desk.show(machine(1));
  const Instant shown = desk.now;
  const auto view_after = [&](Duration d) {
    desk.live(shown + d - desk.now);
    desk.tell(StoreHint{});
    desk.answer_all();
    return desk.core().node(NodeId{1}, desk.now).view;
  };
  EXPECT_EQ(view_after(Config{}.suspect - nanoseconds(1)), NodeView::kUp);
  EXPECT_EQ(view_after(Config{}.suspect), NodeView::kSuspect);
  EXPECT_EQ(view_after(Config{}.lease_ttl - nanoseconds(1)), NodeView::kSuspect);
  EXPECT_TRUE(desk.said<AskAlive>().empty());
  EXPECT_EQ(view_after(Config{}.lease_ttl), NodeView::kLeaseExpired);
  EXPECT_EQ(desk.said<AskAlive>().size(), 1u) << "its launcher is asked";
  EXPECT_EQ(view_after(Config{}.dead - nanoseconds(1)), NodeView::kLeaseExpired);
  EXPECT_EQ(desk.said<AskAlive>().size(), 2u) << "and asked again after a heartbeat";
  EXPECT_EQ(desk.counters().takeovers, 0u);
  EXPECT_EQ(view_after(Config{}.dead), NodeView::kDead);
  EXPECT_EQ(desk.store.node(1).declared_by, NodeId{0});
  EXPECT_EQ(desk.counters().takeovers, 1u);
}

TEST_F(OwnNode, TheWordOfALauncherHoldsBackTheDeclarationForAFewHeartbeatsAndOnlyThatOfTheInstanceAskedAbout) {
  desk.boot();
  desk.show(machine(1));
  desk.live(seconds(9));
  desk.tell(StillAlive{NodeId{1}, Incarnation{7}});
  desk.tell(StillAlive{NodeId{9}, Incarnation{1}});
  EXPECT_EQ(desk.counters().stale_events, 2u);
  desk.tell(StillAlive{NodeId{1}, Incarnation{1}});
  EXPECT_EQ(desk.counters().stale_events, 2u);
  const Instant said = desk.now;
  const Duration counts_for = Config{}.dead - Config{}.lease_ttl + Config{}.heartbeat;
  desk.live(counts_for);
  EXPECT_EQ(desk.store.node(1).life, NodeLife::kUp);
  desk.live(said + counts_for + seconds(2) - desk.now);
  EXPECT_EQ(desk.store.node(1).life, NodeLife::kDead) << "it was not said again";
}

TEST_F(OwnNode, DeclaresAnotherDeadAgainThatSpokeUpOnceMoreAndThenWasSilent) {
  desk.boot();
  NodeRow row = machine(1);
  desk.show(row);
  const auto silent_until_declared = [&] {
    for (int i = 0; i < 300 && desk.writes_of(RowKey{RowKind::kNode, 0, 1}) == 0; ++i) {
      desk.pass(milliseconds(100));
      while (!desk.calls.empty() && desk.writes_of(RowKey{RowKind::kNode, 0, 1}) == 0) desk.answer_one();
    }
    return desk.writes_of(RowKey{RowKind::kNode, 0, 1});
  };
  ASSERT_EQ(silent_until_declared(), 1);
  row.lease = 1;
  desk.put(row);  // it renews first: the declaration is lost
  desk.answer_all();
  EXPECT_EQ(desk.core().node(NodeId{1}, desk.now).view, NodeView::kUp);
  ASSERT_EQ(silent_until_declared(), 1);
  desk.answer_all();
  EXPECT_EQ(desk.store.node(1).life, NodeLife::kDead);
}

TEST_F(OwnNode, AfterAFailoverAMachineThatTheNewHistoryDoesNotKnowIsNoMachine) {
  desk.boot();
  const PlainStore before = desk.store;
  desk.show(machine(1));
  NodeRow self = before.node(0);
  desk.store = before;
  desk.store.timeline = Timeline{2};
  self.admin = NodeAdmin::kDrain;
  desk.put(self);
  desk.live(seconds(10));
  EXPECT_FALSE(desk.core().node(NodeId{1}, desk.now).known);
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  EXPECT_EQ(desk.answers.back().outcome, Outcome::kQueued);
  EXPECT_FALSE(desk.store.session(session).has_value());
}

TEST_F(OwnNode, LooksAtTheStoreWhenAPeerRefusesConnectionsAndNotOtherwise) {
  desk.boot();
  TrafficSummary summary;
  summary.node = NodeId{1};
  summary.ok = 5;
  summary.cut = 2;
  desk.tell(summary);
  EXPECT_TRUE(desk.calls.empty());
  summary.connect_failed = 1;
  desk.tell(summary);
  EXPECT_EQ(desk.calls.size(), 1u);
}

// --- operators ---

TEST_F(OwnNode, AnOperatorsWordIsWrittenOnceAndForANodeThatNobodyKnowsWhenItComes) {
  desk.boot();
  desk.show(machine(1));
  const RowKey other{RowKind::kNode, 0, 1};
  desk.tell(AdminWanted{NodeId{1}, NodeAdmin::kDrain});
  for (int i = 0; i < 3; ++i) {
    desk.pass(seconds(1));
    for (std::size_t n = 0; n < desk.calls.size(); ++n) {  // the store answers looks only
      if (!std::holds_alternative<ReadSince>(desk.calls[n])) continue;
      const Rows rows = desk.store.read(std::get<ReadSince>(desk.calls[n]));
      desk.calls.erase(desk.calls.begin() + static_cast<std::ptrdiff_t>(n));
      desk.tell(rows);
      break;
    }
  }
  EXPECT_EQ(desk.writes_of(other), 1) << "it is under way";
  desk.answer_all();
  EXPECT_EQ(desk.store.node(1).admin, NodeAdmin::kDrain);
  desk.tell(AdminWanted{NodeId{2}, NodeAdmin::kMaintenance});
  desk.live(seconds(2));
  desk.show(machine(2));
  desk.live(seconds(1));
  EXPECT_EQ(desk.store.node(2).admin, NodeAdmin::kMaintenance);
}

TEST_F(OwnNode, AnOperatorsWordIsDoneOnlyWhenALookThatWasSentLaterShowsIt) {
  desk.boot();
  NodeRow row = machine(1);
  desk.show(row);
  desk.tell(StoreHint{});  // this look was sent before the word, at the same instant
  desk.tell(AdminWanted{NodeId{1}, NodeAdmin::kReady});
  desk.answer_all();
  row.admin = NodeAdmin::kDrain;  // an earlier word of another, written only now
  desk.put(row);
  desk.live(seconds(2));
  EXPECT_EQ(desk.store.node(1).admin, NodeAdmin::kReady);
}

TEST_F(OwnNode, ANewConfigurationCountsFromThenOnAndOneThatIsNotSoundIsNotTaken) {
  desk.boot();
  Config config = desk.core().config();
  config.kinds.push_back(KindConfig{"second", 0, 0, seconds(20), seconds(40), WithoutStore::kKeep});
  config.max_nodes = 0;
  desk.tell(ConfigChanged{config});
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{1}, Intent::kStart});
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kUnknownKind);
  config.max_nodes = 100;
  desk.tell(ConfigChanged{config});
  desk.tell(SessionWanted{RequestId{2}, session, UserId{1}, KindId{1}, Intent::kStart});
  desk.answer_all();
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kStarting);
  EXPECT_EQ(desk.store.session(session)->kind, KindId{1});
}

TEST_F(OwnNode, AnIdleRuleThatIsTakenAwayAsksNoMoreAndANewOneBeginsWithWhatRunsAlready) {
  desk.boot();
  start_one();
  Config config = desk.core().config();
  config.kinds[0].idle_after = seconds(60);
  desk.tell(ConfigChanged{config});
  desk.live(seconds(59));
  EXPECT_TRUE(desk.said<AskActivity>().empty());
  desk.live(seconds(3));
  EXPECT_EQ(desk.said<AskActivity>().size(), 1u);
  config.kinds[0].idle_after = Duration{0};
  desk.tell(ConfigChanged{config});
  desk.forget();
  desk.live(seconds(120));
  EXPECT_TRUE(desk.said<AskActivity>().empty());
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kReady);
}

// --- copies ---

TEST_F(OwnNode, ACopyGoesOnAsTheOriginalDoesAndApart) {
  desk.boot();
  desk.put(machine(1, 2));
  NodeRow drained = machine(3);
  drained.admin = NodeAdmin::kDrain;
  desk.put(drained);
  desk.show(machine(2, 4));
  start_one();
  Desk copy = desk;
  Desk assigned(config_of(false));
  assigned = desk;
  const auto go_on = [&](Desk& d) {
    drained.admin = NodeAdmin::kReady;
    d.show(drained);
    for (std::uint64_t n = 2; n < 9; ++n) {
      d.tell(SessionWanted{RequestId{n}, {n, n}, UserId{n}, KindId{0}, Intent::kStart});
      d.live(milliseconds(300));
    }
    return d.core().fingerprint();
  };
  const std::uint64_t original = go_on(desk);
  EXPECT_EQ(go_on(copy), original);
  EXPECT_EQ(go_on(assigned), original);
  EXPECT_EQ(assigned.core().routes(), desk.core().routes());
}

TEST_F(OwnNode, ARestoredCoreGoesOnAsTheOriginalDoesForEveryKindOfMachine) {
  Config config = config_of(true);
  config.strategy = "round-robin";
  for (const std::uint64_t labels : {2u, 4u}) {
    config.kinds.push_back(KindConfig{"labelled", labels, 0, seconds(20), seconds(40), WithoutStore::kKeep});
  }
  Desk original(config);
  original.boot();
  for (std::uint32_t n = 1; n <= 6; ++n) {
    NodeRow row = machine(n);
    row.labels = n % 2 == 0 ? 2 : 4;
    original.show(row);
  }
  const auto go_on = [](Desk& d, std::uint64_t from) {
    for (std::uint64_t n = from; n < from + 8; ++n) {
      d.tell(SessionWanted{RequestId{n}, {n, n}, UserId{n}, KindId{static_cast<std::uint16_t>(n % 3)}, Intent::kStart});
      d.answer_all();
    }
    return d.core().fingerprint();
  };
  go_on(original, 1);
  Desk restored = original;
  auto core = Core::restore(original.core().snapshot());
  ASSERT_TRUE(core.has_value()) << core.error();
  restored.core() = std::move(*core);
  EXPECT_EQ(go_on(restored, 20), go_on(original, 20));
}

TEST_F(OwnNode, CountsWhatItWasToldAndTheDeadlinesThatCame) {
  const std::uint64_t before = desk.counters().events;
  desk.tell(StoreHint{});
  desk.tell(StoreHint{});
  EXPECT_EQ(desk.counters().events, before + 2);
  EXPECT_EQ(desk.counters().deadlines, 0u);
  desk.boot();
  desk.pass(Config{}.heartbeat);
  EXPECT_EQ(desk.counters().deadlines, 1u);
}

}  // namespace
}  // namespace homing::core::testing
