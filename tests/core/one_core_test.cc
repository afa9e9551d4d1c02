// SPDX-License-Identifier: Apache-2.0
//
// Small promises of one core that nothing else would miss: found by taking single tokens out of it (tests/mutation).
#include <gtest/gtest.h>

#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

class OneCore : public ::testing::Test {
 protected:
  const SessionId session{1, 1};
};

TEST_F(OneCore, AnAnswerAboutARunningSessionNamesItsNodeAndEpoch) {
  Desk desk(config_of(true));
  desk.boot();
  SessionRow row = placed(session, UserId{1}, 0, 1, 4);
  row.state = SessionState::kReady;
  row.node = NodeId{3};
  desk.put(row);
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kReach});
  ASSERT_EQ(desk.answers.size(), 1u);
  EXPECT_EQ(desk.answers[0].session, session);
  EXPECT_EQ(desk.answers[0].outcome, Outcome::kForward);
  EXPECT_EQ(desk.answers[0].node, NodeId{3});
  EXPECT_EQ(desk.answers[0].epoch, Epoch{4});
}

TEST_F(OneCore, RequestsThatWereAnsweredLeaveRoomForOthers) {
  Config config = config_of(true);
  config.max_wishes = 2;
  Desk desk(config);
  desk.boot();
  for (std::uint64_t i = 1; i <= 6; ++i) {
    desk.tell(SessionWanted{RequestId{i}, {i, i}, UserId{i}, KindId{0}, Intent::kReach});
    desk.answer_all();
    desk.pass(milliseconds(100));
    ASSERT_FALSE(desk.answers.empty());
    EXPECT_EQ(desk.answers.back().refusal, Refusal::kUnknownSession) << "request " << i;
  }
}

TEST_F(OneCore, AStartThatWaitsForASlotIsGivenUpAtItsDeadline) {
  Config config = config_of(true);
  config.kinds.push_back(KindConfig{"slow", 0, 0, seconds(300), seconds(300), WithoutStore::kKeep});
  Desk desk(config);
  desk.boot(0, 1);
  desk.tell(SessionWanted{RequestId{1}, {7, 7}, UserId{7}, KindId{1}, Intent::kStart});
  desk.answer_all();
  SessionRow row = placed(session, UserId{1}, 0, 1, 1);  // another router's claim
  desk.put(row);
  desk.tell(StoreHint{});
  for (int i = 0; i < 70; ++i) {  // lease and reads go on; nothing starts
    desk.answer_all();
    desk.pass(milliseconds(300));
  }
  desk.answer_all();
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kRefused);
  EXPECT_EQ(desk.store.session(session)->reason, EndReason::kStartTimeout);
  EXPECT_EQ(desk.store.session({7, 7})->state, SessionState::kStarting);
}

TEST_F(OneCore, WhereNobodyMayBePlacedNoNodeIsScannedForRoom) {
  Config config = config_of(true);
  config.kinds[0].memory_bytes = 1;
  Desk desk(config);
  desk.boot(1);
  desk.put(placed({7, 7}, UserId{7}, 0, 1, 1));
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  EXPECT_EQ(desk.answers.back().outcome, Outcome::kQueued);
  EXPECT_EQ(desk.counters().misfit_scans, 0u);
  const RowKey ticket{RowKind::kQueue, session.hi, session.lo};
  EXPECT_EQ(std::get<QueueRow>(desk.store.rows.at(ticket).row).asked, 1u) << "whoever joins has asked once";
}

TEST_F(OneCore, AClaimLostToAnotherRouterIsCounted) {
  Desk desk(config_of(true));
  desk.boot();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  ASSERT_EQ(desk.writes_of(session).size(), 1u);
  desk.put(placed(session, UserId{1}, 3, 1, 1));
  desk.answer_all();
  EXPECT_EQ(desk.counters().claims_lost, 1u);
}

TEST_F(OneCore, AClaimIsWatchedAlsoWhenAReadShowedItBeforeItsAnswer) {
  Desk desk(config_of(true));
  desk.boot();
  NodeRow other;
  other.node = NodeId{1};
  other.incarnation = Incarnation{1};
  other.machine = 7;
  desk.put(other);
  desk.put(placed({7, 7}, UserId{7}, 0, 1, 1));  // so that the other node is the emptier one
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  ASSERT_EQ(desk.writes_of(session).size(), 1u);
  ASSERT_EQ(desk.writes_of(session)[0].node, NodeId{1});
  const auto claim = std::get<CompareAndSet>(desk.calls.front());
  desk.calls.clear();
  const Event won = desk.store.write(claim);
  desk.tell(StoreHint{});
  while (!desk.calls.empty()) desk.answer_one();
  desk.tell(won);
  // Nobody accepts it, and the store is not read any more.
  desk.pass(Config{}.accept_max + seconds(1));
  EXPECT_EQ(desk.writes_of(session).size(), 1u) << "its time is over: the next claim is due";
}

TEST_F(OneCore, AMachineWithRoomIsFoundBehindManyThatLackTheMemory) {
  Config config = config_of(true);
  config.strategy = "sessions";
  config.kinds[0].memory_bytes = 1000;
  Desk desk(config);
  desk.boot();
  for (std::uint32_t n = 1; n <= 12; ++n) {  // the fuller a machine, the later the strategy names it
    NodeRow row;
    row.node = NodeId{n};
    row.incarnation = Incarnation{1};
    row.machine = n;
    row.load.memory_total = 4000;
    row.load.memory_available = n == 12 ? 2000 : 10;
    row.load.sessions = n;
    desk.put(row);
  }
  NodeRow self = desk.store.node(0);
  self.max_sessions = 0;
  self.admin = NodeAdmin::kDrain;
  desk.put(self);
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  ASSERT_EQ(desk.writes_of(session).size(), 1u);
  EXPECT_EQ(desk.writes_of(session)[0].node, NodeId{12});
  EXPECT_EQ(desk.counters().misfit_scans, 1u);
}

TEST_F(OneCore, WhoeverGoesAwayLeavesTheLineAtOnce) {
  Desk desk(config_of(true));
  desk.boot(1);
  desk.put(placed({7, 7}, UserId{7}, 0, 1, 1));
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  const RowKey ticket{RowKind::kQueue, session.hi, session.lo};
  ASSERT_TRUE(std::get<QueueRow>(desk.store.rows.at(ticket).row).waiting);
  desk.tell(WantWithdrawn{RequestId{1}});
  desk.answer_all();
  EXPECT_FALSE(std::get<QueueRow>(desk.store.rows.at(ticket).row).waiting);
}

// A session runs here; then the launcher comes back and says what it has.
class LauncherBack : public OneCore {
 protected:
  LauncherBack() {
    desk.boot();
    desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
    desk.answer_all();
    desk.tell(SessionStarted{session, Epoch{1}});
    desk.answer_all();
    EXPECT_EQ(desk.store.session(session)->state, SessionState::kReady);
    desk.tell(LauncherDown{});
  }
  void back(const LauncherUp& up) {
    desk.tell(up);
    for (int i = 0; i < 4; ++i) {
      desk.answer_all();
      desk.pass(milliseconds(500));
    }
  }
  Desk desk{config_of(true)};
};

TEST_F(LauncherBack, AProcessThatIsGoneIsWrittenLostWithThatReason) {
  back(LauncherUp{});
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kLost);
  EXPECT_EQ(desk.store.session(session)->reason, EndReason::kProcessGone);
}

TEST_F(LauncherBack, AProcessOfAKindThatServesOnIsNotThawed) {
  LauncherUp up;
  up.processes.push_back({session, Epoch{1}, true});
  back(up);
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kReady);
  EXPECT_TRUE(desk.thaws.empty()) << "it was never frozen";
}

TEST_F(OneCore, AStartThatAnotherMachineDoesNotFinishIsGivenUpHoweverOftenOneLooks) {
  Desk desk(config_of(true));
  desk.boot();
  SessionRow row = placed(session, UserId{1}, 3, 1, 1);
  desk.put(row);
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  row.state = SessionState::kStarting;
  desk.put(row);
  for (int i = 0; i < 50; ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  EXPECT_EQ(desk.store.session(session)->epoch, Epoch{2}) << "its time was over after 20 s";
}

TEST_F(OneCore, ATicketIsAskedForAgainAfterTheStoreWasSilent) {
  Desk desk(config_of(true));
  desk.boot(1);
  desk.put(placed({7, 7}, UserId{7}, 0, 1, 1));
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionStarted{{7, 7}, Epoch{1}});
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  const auto asked = [&] {
    return std::get<QueueRow>(desk.store.rows.at({RowKind::kQueue, session.hi, session.lo}).row).asked;
  };
  ASSERT_EQ(asked(), 1u);
  // The store says nothing while the first time to ask comes and goes.
  for (int i = 0; i < 30; ++i) {
    desk.pass(milliseconds(500));
    const std::vector<Effect> calls = std::move(desk.calls);
    desk.calls.clear();
    for (const Effect& call : calls) {
      const auto* write = std::get_if<CompareAndSet>(&call);
      desk.tell(Silent{write != nullptr ? write->token : std::get<ReadSince>(call).token});
    }
  }
  for (int i = 0; i < 60; ++i) {
    desk.answer_all();
    desk.pass(milliseconds(500));
  }
  EXPECT_GT(asked(), 1u) << "others take it for forgotten";
}

TEST_F(OneCore, ARouterThatIsStartedAgainWithOtherLabelsSaysSo) {
  Desk before(config_of(true));
  Boot boot;
  boot.machine = 1;
  boot.labels = 1;
  before.tell(boot);
  before.tell(LauncherUp{});
  before.answer_all();
  ASSERT_EQ(before.store.node(0).labels, 1u);
  Desk after(config_of(true));
  after.store = before.store;
  boot.labels = 2;
  after.tell(boot);
  after.tell(LauncherUp{});
  after.answer_all();
  EXPECT_EQ(after.store.node(0).labels, 2u);
}

TEST_F(OneCore, ANodeThatAFailoverForgotSaysAgainWhatItIs) {
  Desk desk(config_of(true));
  const PlainStore empty = desk.store;
  Boot boot;
  boot.machine = 1;
  boot.labels = 2;
  boot.weight = 50;
  boot.max_sessions = 3;
  desk.tell(boot);
  desk.tell(LauncherUp{});
  desk.answer_all();
  const NodeRow before = desk.store.node(0);
  desk.store = empty;
  desk.store.timeline = Timeline{2};
  for (int i = 0; i < 6; ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  const NodeRow after = desk.store.node(0);
  EXPECT_EQ(after.incarnation, before.incarnation);
  EXPECT_EQ(after.generation, before.generation);
  EXPECT_EQ(after.machine, before.machine);
  EXPECT_EQ(after.labels, 2u);
  EXPECT_EQ(after.weight, 50u);
  EXPECT_EQ(after.max_sessions, 3u);
}

}  // namespace
}  // namespace homing::core::testing
