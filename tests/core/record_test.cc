// SPDX-License-Identifier: Apache-2.0
//
// What the record of a decision says, number by number, where one core decides among machines whose figures are known;
// and what those who wait are told on the way.
#include <gtest/gtest.h>

#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

class Record : public ::testing::Test {
 protected:
  Record() {
    config.strategy = "sessions";
    config.kinds[0].memory_bytes = 1000;
  }
  // A desk whose own machine takes nobody.
  void open(Desk& desk) {
    desk.boot();
    NodeRow self = desk.store.node(0);
    self.admin = NodeAdmin::kDrain;
    desk.show(self);
  }
  static NodeRow roomy(std::uint32_t node, std::uint32_t sessions, std::uint64_t memory = 4000) {
    NodeRow row = machine(node, sessions);
    row.load.memory_total = 4000;
    row.load.memory_available = memory;
    return row;
  }
  DecisionRecord decide(Desk& desk) {
    desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
    desk.answer_all();
    const auto made = desk.said<DecisionMade>();
    EXPECT_FALSE(made.empty());
    return made.empty() ? DecisionRecord{} : made.back().record;
  }
  static std::uint32_t refused(const DecisionRecord& record, NodeRefusal why) {
    return record.refused[static_cast<std::size_t>(why)];
  }

  Config config = config_of(true);
  const SessionId session{1, 1};
};

TEST_F(Record, NamesTheRunnerUpAndByHowMuchItWasWorse) {
  Desk desk(config);
  open(desk);
  desk.put(roomy(1, 5));
  desk.put(roomy(2, 3));
  desk.show(roomy(3, 9));
  const DecisionRecord record = decide(desk);
  EXPECT_EQ(record.session, session);
  EXPECT_EQ(record.user, UserId{1});
  EXPECT_EQ(record.epoch, Epoch{1});
  EXPECT_EQ(record.attempt, 1u);
  EXPECT_EQ(record.chosen, NodeId{2});
  EXPECT_EQ(record.runner_up, NodeId{1});
  EXPECT_EQ(record.candidate_count, 3u);
  EXPECT_EQ(record.candidates[0].node, NodeId{2});
  EXPECT_EQ(record.candidates[1].node, NodeId{1});
  EXPECT_EQ(record.candidates[2].node, NodeId{3});
  EXPECT_GT(record.score_gap, 0u);
  EXPECT_EQ(record.score_gap, record.candidates[1].score - record.candidates[0].score);
  EXPECT_EQ(record.eligible, 3u);
}

TEST_F(Record, CountsByReasonEveryNodeThatCouldNotBeChosen) {
  config.kinds[0].labels = 1;
  Desk desk(config);
  open(desk);  // drained: 1
  const auto put = [&](NodeRow row) {
    row.labels |= 1;
    desk.put(row);
  };
  put(roomy(1, 5));
  put(roomy(2, 6, 10));   // lacks memory, but is not looked at
  desk.put(roomy(3, 0));  // lacks the label
  for (const std::uint32_t full : {4u, 5u}) {
    NodeRow row = roomy(full, 1);
    row.max_sessions = 1;
    put(row);
  }
  for (const std::uint32_t gone : {6u, 7u, 8u}) {
    NodeRow row = roomy(gone, 0);
    row.life = NodeLife::kLeft;
    put(row);
  }
  desk.tell(StoreHint{});
  desk.answer_all(1000);
  const DecisionRecord record = decide(desk);
  EXPECT_EQ(record.chosen, NodeId{1});
  EXPECT_EQ(record.eligible, 2u);
  EXPECT_EQ(refused(record, NodeRefusal::kAdmin), 1u);
  EXPECT_EQ(refused(record, NodeRefusal::kLabels), 1u);
  EXPECT_EQ(refused(record, NodeRefusal::kFull), 2u);
  EXPECT_EQ(refused(record, NodeRefusal::kNotUp), 3u);
  EXPECT_EQ(refused(record, NodeRefusal::kSuspect), 0u);
  EXPECT_EQ(refused(record, NodeRefusal::kMemory), 0u);
  EXPECT_EQ(refused(record, NodeRefusal::kExcluded), 0u);
}

TEST_F(Record, CountsANodeThatIsSuspectAndNoMoreOnceItIsHeardOfAgain) {
  Desk desk(config);
  open(desk);
  desk.put(roomy(1, 5));
  NodeRow late = roomy(2, 0);
  desk.show(late);
  for (int i = 1; i <= 5; ++i) {  // only the first one renews
    NodeRow row = roomy(1, 5);
    row.lease = static_cast<std::uint64_t>(i);
    desk.show(row);
    desk.live(seconds(1));
  }
  DecisionRecord record = decide(desk);
  EXPECT_EQ(record.chosen, NodeId{1});
  EXPECT_EQ(refused(record, NodeRefusal::kSuspect), 1u);
  late.lease = 7;
  desk.show(late);
  desk.tell(SessionWanted{RequestId{2}, {2, 2}, UserId{2}, KindId{0}, Intent::kStart});
  desk.answer_all();
  record = desk.said<DecisionMade>().back().record;
  EXPECT_EQ(record.chosen, NodeId{2});
  EXPECT_EQ(refused(record, NodeRefusal::kSuspect), 0u);
}

TEST_F(Record, OfAScanSaysHowManyLackedMemoryAndClaimsNoGap) {
  config.max_misfits = 4;
  Desk desk(config);
  open(desk);
  for (std::uint32_t n = 1; n <= 12; ++n) desk.put(roomy(n, n, n >= 11 ? 2000 : 10));
  desk.tell(StoreHint{});
  desk.answer_all(1000);
  const DecisionRecord record = decide(desk);
  EXPECT_EQ(record.chosen, NodeId{11}) << "of those that fit the one with the fewest sessions";
  EXPECT_EQ(record.candidates[0], (Candidate{NodeId{11}, 0}));
  EXPECT_EQ(refused(record, NodeRefusal::kMemory), 4u);
  EXPECT_EQ(record.score_gap, 0u) << "the scan does not rank";
  EXPECT_EQ(record.runner_up, NodeId{2});
}

TEST_F(Record, OfACandidateThatDidNotFitSaysSoAndNamesItAsRunnerUpWithoutAGap) {
  Desk desk(config);
  open(desk);
  desk.put(roomy(1, 1, 10));
  desk.show(roomy(2, 2));
  const DecisionRecord record = decide(desk);
  EXPECT_EQ(record.chosen, NodeId{2});
  EXPECT_EQ(refused(record, NodeRefusal::kMemory), 1u);
  EXPECT_EQ(record.runner_up, NodeId{1});
  EXPECT_EQ(record.score_gap, 0u) << "its score was the better one";
}

TEST_F(Record, OfASecondTryCountsItAndLeavesOutTheNodeThatDidNotAccept) {
  Desk desk(config);
  open(desk);
  desk.put(roomy(1, 1));
  desk.show(roomy(2, 9));
  EXPECT_EQ(decide(desk).chosen, NodeId{1});
  for (int i = 1; i <= 12; ++i) {  // both live, and the first does not accept
    for (const std::uint32_t n : {1u, 2u}) {
      NodeRow row = roomy(n, n == 1 ? 1 : 9);
      row.lease = static_cast<std::uint64_t>(i);
      desk.put(row);
    }
    desk.live(milliseconds(500));
  }
  const DecisionRecord record = desk.said<DecisionMade>().back().record;
  EXPECT_EQ(record.epoch, Epoch{2});
  EXPECT_EQ(record.attempt, 2u);
  EXPECT_EQ(record.chosen, NodeId{2});
  EXPECT_EQ(refused(record, NodeRefusal::kExcluded), 1u);
  EXPECT_EQ(desk.store.session(session)->attempt, 2u);
  EXPECT_EQ(desk.store.session(session)->previous_node, NodeId{1});
}

TEST_F(Record, TellsTheAgeOfTheOldestFigureThatWasCompared) {
  Desk desk(config);
  open(desk);
  NodeRow old = roomy(1, 1);
  old.load.counted = Version{1};
  desk.show(old);
  desk.live(seconds(1));
  NodeRow newer = roomy(2, 2);
  newer.load.counted = Version{1};
  desk.show(newer);
  old.lease = 1;  // it renews, and reports nothing new
  old.load.load1_milli = 1;
  desk.show(old);
  desk.live(seconds(1));
  EXPECT_EQ(decide(desk).view_age, seconds(2));
  EXPECT_EQ(desk.core().node(NodeId{1}, desk.now).report_age, seconds(2));
  EXPECT_EQ(desk.core().node(NodeId{2}, desk.now).report_age, seconds(1));
  old.lease = 2;
  old.load.counted = Version{2};  // now it reports
  desk.show(old);
  EXPECT_EQ(desk.core().node(NodeId{1}, desk.now).report_age, Duration{0});
}

TEST_F(Record, NamesTheVersionOfTheStoreThatWasSeen) {
  Desk desk(config);
  open(desk);
  desk.show(roomy(1, 1));
  const Version seen = desk.store.latest;
  desk.put(roomy(2, 0));  // not read yet
  EXPECT_EQ(decide(desk).view, seen);
}

TEST_F(Record, AnOperatorsWordPutsTheStrategysOwnChoiceSecondWithoutAGap) {
  Desk desk(config);
  open(desk);
  desk.put(roomy(1, 1));
  desk.put(roomy(2, 2));
  desk.show(roomy(3, 3, 10));
  desk.tell(PlaceWanted{session, Epoch{1}, NodeId{2}});
  DecisionRecord record = decide(desk);
  EXPECT_EQ(record.chosen, NodeId{2});
  EXPECT_EQ(record.runner_up, NodeId{1});
  EXPECT_EQ(record.score_gap, 0u);
  desk.tell(PlaceWanted{{2, 2}, Epoch{1}, NodeId{3}});
  desk.tell(SessionWanted{RequestId{2}, {2, 2}, UserId{2}, KindId{0}, Intent::kStart});
  desk.answer_all();
  EXPECT_NE(desk.store.session({2, 2})->node, NodeId{3}) << "there is no room for it";
}

TEST_F(Record, TheFullTableSaysWhyEachNodeWasPassedOver) {
  Desk desk(config);
  open(desk);
  desk.put(roomy(1, 1));
  desk.put(roomy(2, 2, 10));
  desk.put(roomy(3, 3, 1000));
  NodeRow silent = machine(4, 4);  // says nothing of its memory: it is not asked for
  desk.show(silent);
  desk.core().explain_decisions(UserId{1});
  decide(desk);
  const auto tables = desk.core().take_decision_tables();
  ASSERT_EQ(tables.size(), 1u);
  const DecisionTable& table = tables[0];
  EXPECT_EQ(table.at, desk.now);
  EXPECT_FALSE(table.wanted);
  ASSERT_EQ(table.nodes.size(), 5u);
  EXPECT_EQ(table.eligible, 4u);
  EXPECT_EQ(table.ranked, 4u);
  for (std::uint32_t place = 0; place < 4; ++place) {
    EXPECT_EQ(table.nodes[place].node, NodeId{place + 1});
    EXPECT_EQ(table.nodes[place].rank, place + 1);
    EXPECT_EQ(table.nodes[place].figures.sessions, place + 1);
    EXPECT_EQ(table.nodes[place].refusal.has_value(), place == 1) << place;
  }
  EXPECT_EQ(table.nodes[1].refusal, NodeRefusal::kMemory);
  EXPECT_EQ(table.nodes[4].node, NodeId{0});
  EXPECT_EQ(table.nodes[4].refusal, NodeRefusal::kAdmin);
}

TEST_F(Record, TheFullTableOfASecondTryShowsWhoWasLeftOut) {
  Desk desk(config);
  open(desk);
  desk.put(roomy(1, 1));
  desk.show(roomy(2, 9));
  desk.core().explain_decisions(UserId{1});
  desk.tell(PlaceWanted{session, Epoch{1}, NodeId{1}});
  decide(desk);
  for (int i = 1; i <= 12; ++i) {
    for (const std::uint32_t n : {1u, 2u}) {
      NodeRow row = roomy(n, n == 1 ? 1 : 9);
      row.lease = static_cast<std::uint64_t>(i);
      desk.put(row);
    }
    desk.live(milliseconds(500));
  }
  const auto tables = desk.core().take_decision_tables();
  ASSERT_EQ(tables.size(), 2u);
  ASSERT_EQ(tables[1].nodes.size(), 3u);
  EXPECT_EQ(tables[1].nodes[0].node, NodeId{2});
  EXPECT_EQ(tables[1].eligible, 1u);
  for (const NodeWeighed& node : tables[1].nodes) {
    if (node.node != NodeId{1}) continue;
    EXPECT_EQ(node.refusal, NodeRefusal::kExcluded);
    EXPECT_EQ(node.rank, 0u);
  }
}

// --- what those who wait are told ---

class Told : public ::testing::Test {
 protected:
  void want(std::uint64_t request, Intent intent = Intent::kStart, UserId user = UserId{1}, KindId kind = KindId{0}) {
    desk.tell(SessionWanted{RequestId{request}, session, user, kind, intent});
  }
  const Answer& last() const { return desk.answers.back(); }

  Desk desk{config_of(true)};
  const SessionId session{1, 1};
};

TEST_F(Told, WhoComesBeforeTheFirstLookWaitsAndHearsWhenTheStoreIsAway) {
  Boot boot;
  boot.machine = 1;
  desk.tell(boot);
  desk.tell(LauncherUp{});
  want(1);
  EXPECT_EQ(last().outcome, Outcome::kWaiting);
  EXPECT_EQ(last().refusal, Refusal::kNone);
  desk.silence();
  EXPECT_EQ(last().outcome, Outcome::kWaiting);
  EXPECT_EQ(last().refusal, Refusal::kStoreAway);
  desk.live(seconds(3));
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kStarting);
}

TEST_F(Told, EveryStepOnTheWayAndNothingTwice) {
  desk.boot();
  want(1);
  desk.answer_all();
  desk.live(seconds(2));
  desk.tell(SessionStarted{session, Epoch{1}});
  desk.answer_all();
  ASSERT_EQ(desk.answers.size(), 2u) << "being started on node 0; runs there";
  EXPECT_EQ(desk.answers[0].outcome, Outcome::kWaiting);
  EXPECT_EQ(desk.answers[0].node, NodeId{0});
  EXPECT_EQ(desk.answers[0].epoch, Epoch{1});
  EXPECT_EQ(desk.answers[1].outcome, Outcome::kForward);
  EXPECT_EQ(desk.answers[1].node, NodeId{0});
}

TEST_F(Told, ANewcomerHearsWhereThingsStand) {
  desk.boot();
  want(1);
  desk.answer_all();
  want(2);
  EXPECT_EQ(last().request, RequestId{2});
  EXPECT_EQ(last().outcome, Outcome::kWaiting);
  EXPECT_EQ(last().node, NodeId{0});
  desk.tell(SessionStarted{session, Epoch{1}});
  desk.answer_all();
  ASSERT_GE(desk.answers.size(), 2u);
  EXPECT_EQ(desk.answers[desk.answers.size() - 2].request, RequestId{1});
  EXPECT_EQ(last().request, RequestId{2});
  EXPECT_EQ(last().outcome, Outcome::kForward);
}

TEST_F(Told, AForeignerNothingButThatItIsNotHis) {
  desk.boot();
  want(1);  // nobody has heard of it yet
  want(2, Intent::kStart, UserId{2});
  EXPECT_EQ(last().refusal, Refusal::kNotOwner);
  desk.answer_all();
  want(3, Intent::kReach, UserId{2});
  EXPECT_EQ(last().request, RequestId{3});
  EXPECT_EQ(last().outcome, Outcome::kRefused);
  EXPECT_EQ(last().refusal, Refusal::kNotOwner);
  EXPECT_EQ(last().node, kNoNode);
  EXPECT_EQ(last().epoch, Epoch{});
}

TEST_F(Told, ThatAKindIsUnknownUnlessTheSessionHasOneAlready) {
  desk.boot();
  want(1, Intent::kStart, UserId{1}, KindId{1});
  EXPECT_EQ(last().refusal, Refusal::kUnknownKind);
  SessionRow row = placed(session, UserId{1}, 5, 1, 1);
  row.state = SessionState::kLost;
  row.reason = EndReason::kNodeDead;
  desk.show(row);
  want(2, Intent::kRestart, UserId{1}, KindId{1});
  desk.answer_all();
  EXPECT_EQ(desk.store.session(session)->kind, KindId{0});
  EXPECT_EQ(desk.store.session(session)->epoch, Epoch{2});
}

TEST_F(Told, WhyHisSessionIsNotThereByWhatBecameOfIt) {
  struct Case {
    SessionState state;
    EndReason reason;
    Intent intent;
    Refusal refusal;
  };
  const Case cases[] = {
      {SessionState::kSuspended, EndReason::kIdle, Intent::kReach, Refusal::kSuspended},
      {SessionState::kLost, EndReason::kNodeDead, Intent::kStart, Refusal::kLost},
      {SessionState::kLost, EndReason::kDrained, Intent::kWake, Refusal::kLost},
      {SessionState::kRefused, EndReason::kStartFailed, Intent::kWake, Refusal::kStartFailed},
      {SessionState::kEnded, EndReason::kOwner, Intent::kRestart, Refusal::kEnded},
  };
  desk.boot();
  std::uint64_t n = 10;
  for (const Case& c : cases) {
    ++n;
    desk.hidden = [](const VersionedRow&) { return false; };
    SessionRow row = placed({n, n}, UserId{1}, 5, 1, 1);
    row.state = c.state;
    row.reason = c.reason;
    desk.show(row);
    desk.tell(SessionWanted{RequestId{n}, {n, n}, UserId{1}, KindId{0}, c.intent});
    desk.answer_all();
    EXPECT_EQ(last().request, RequestId{n});
    EXPECT_EQ(last().outcome, Outcome::kRefused);
    if (c.state == SessionState::kEnded) continue;  // over and forgotten: nothing more is known of it
    EXPECT_EQ(last().refusal, c.refusal) << n;
    EXPECT_EQ(last().reason, c.reason) << n;
    EXPECT_EQ(desk.store.session({n, n})->epoch, Epoch{1}) << n;
  }
}

TEST_F(Told, ThatItIsLostWhenItsMachineIsNoMoreAndOnlyAClickPlacesItAgain) {
  desk.boot();
  SessionRow row = placed(session, UserId{1}, 1, 1, 1);
  row.state = SessionState::kReady;
  desk.put(row);
  NodeRow gone = machine(1);
  gone.incarnation = Incarnation{2};
  desk.show(gone);
  for (const Intent intent : {Intent::kReach, Intent::kWake, Intent::kStart}) {
    want(1, intent);
    EXPECT_EQ(last().session, session);
    EXPECT_EQ(last().outcome, Outcome::kRefused);
    EXPECT_EQ(last().refusal, Refusal::kLost);
    EXPECT_EQ(last().reason, EndReason::kNodeDead);
  }
  want(2, Intent::kRestart);
  ASSERT_EQ(desk.writes_of(session).size(), 1u);
  EXPECT_EQ(desk.writes_of(session)[0].epoch, Epoch{2});
}

TEST_F(Told, HisPlaceInLineAsItChanges) {
  desk.boot(1);
  desk.show(placed({7, 7}, UserId{7}, 0, 1, 1));
  for (std::uint64_t n = 1; n <= 3; ++n) {
    desk.tell(SessionWanted{RequestId{n}, {n, n}, UserId{n}, KindId{0}, Intent::kStart});
    EXPECT_EQ(last().outcome, Outcome::kQueued);
    EXPECT_EQ(last().position, n) << "said before the store has answered";
    desk.answer_all();
  }
  desk.tell(WantWithdrawn{RequestId{1}});
  desk.answer_all();
  const auto position = [&](std::uint64_t n) {
    std::uint32_t found = 0;
    for (const Answer& a : desk.answers) found = a.request == RequestId{n} ? a.position : found;
    return found;
  };
  EXPECT_EQ(position(2), 1u);
  EXPECT_EQ(position(3), 2u);
}

}  // namespace
}  // namespace homing::core::testing
