// SPDX-License-Identifier: Apache-2.0
//
// Waiting in line as one core keeps it: when a ticket is asked for, when it leaves, who serves the head. The cluster is
// this one machine with one place, which is taken.
#include <gtest/gtest.h>

#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

class Line : public ::testing::Test {
 protected:
  Line() {
    desk.boot(1);
    desk.show(placed(holder, UserId{7}, 0, 1, 1));
    desk.tell(SessionStarted{holder, Epoch{1}});
    desk.answer_all();
  }
  void want(std::uint64_t request, SessionId session, KindId kind = KindId{0}) {
    desk.tell(SessionWanted{RequestId{request}, session, UserId{session.hi}, kind, Intent::kStart});
    desk.answer_all();
  }
  // Somebody waits at another router.
  QueueRow put_ticket(SessionId session) {
    QueueRow row;
    row.session = session;
    row.user = UserId{session.hi};
    row.asked = 1;
    desk.show(row);
    return row;
  }
  static RowKey key(SessionId session) { return {RowKind::kQueue, session.hi, session.lo}; }
  QueueRow ticket(SessionId session) const { return std::get<QueueRow>(desk.store.rows.at(key(session)).row); }
  void free_the_place() {
    desk.tell(SessionExited{holder, Epoch{1}, EndReason::kProcessExited});
    desk.answer_all();
  }

  Desk desk{config_of(true)};
  const Duration third = Config{}.queue_ask_max / 3;
  const SessionId holder{7, 7};
  const SessionId first{1, 1};
  const SessionId second{2, 2};
};

TEST_F(Line, ATicketIsAskedForEveryThirdOfTheTimeAfterWhichItWouldBeForgotten) {
  want(1, first);
  for (std::uint64_t asked = 1; asked <= 4; ++asked) {
    desk.live(third - milliseconds(100));
    EXPECT_EQ(ticket(first).asked, asked);
    desk.live(milliseconds(100));
    EXPECT_EQ(ticket(first).asked, asked + 1);
  }
}

TEST_F(Line, WhoComesHereWithHisPlaceIsNotAskedForBeforeThat) {
  put_ticket(first);
  desk.live(seconds(1));
  want(1, first);
  desk.live(third - milliseconds(200));
  EXPECT_EQ(ticket(first).asked, 1u);
  desk.live(milliseconds(300));
  EXPECT_EQ(ticket(first).asked, 2u);
}

TEST_F(Line, ATicketThatNobodyAsksForLeavesAfterItsTimeAndNotBefore) {
  put_ticket(first);
  desk.live(Config{}.queue_ask_max - milliseconds(200));
  EXPECT_TRUE(ticket(first).waiting);
  desk.live(milliseconds(300));
  EXPECT_FALSE(ticket(first).waiting);
  EXPECT_EQ(desk.core().queue_length(), 0u);
}

TEST_F(Line, ATicketThatAnotherRouterAsksForStays) {
  QueueRow row = put_ticket(first);
  for (int i = 0; i < 5; ++i) {
    desk.live(Config{}.queue_ask_max - seconds(1));
    row = ticket(first);
    ++row.asked;
    desk.show(row);
  }
  EXPECT_TRUE(ticket(first).waiting);
}

TEST_F(Line, AfterAStoreOutageATicketIsGivenItsWholeTimeAnew) {
  put_ticket(first);
  for (int i = 0; i < 40; ++i) {
    desk.pass(milliseconds(500));
    desk.silence();
  }
  desk.live(Config{}.queue_ask_max - seconds(1));  // nobody could ask for it in the twenty seconds before
  EXPECT_TRUE(ticket(first).waiting);
  desk.live(Config{}.queue_ask_max + seconds(2));
  EXPECT_FALSE(ticket(first).waiting);
}

TEST_F(Line, OneCallAtATimeIsMadeForATicket) {
  want(1, first);
  desk.pass(third);
  desk.calls.erase(desk.calls.begin(), desk.calls.end() - 1);
  ASSERT_EQ(desk.writes_of(key(first)), 1) << "it is being asked for";
  desk.tell(WantWithdrawn{RequestId{1}});
  EXPECT_EQ(desk.writes_of(key(first)), 1) << "whoever goes away now leaves it to expire";
}

TEST_F(Line, WhileTheStoreIsAwayNobodyCallsItToLeave) {
  want(1, first);
  desk.tell(StoreHint{});
  desk.silence();
  desk.tell(WantWithdrawn{RequestId{1}});
  EXPECT_EQ(desk.writes_of(key(first)), 0);
  desk.live(Config{}.queue_ask_max * 3);
  EXPECT_FALSE(ticket(first).waiting) << "it expires";
}

TEST_F(Line, WhileTheStoreIsAwayOrHasNotAnsweredItIsNotAskedAgain) {
  want(1, first);
  desk.pass(third * 2);
  EXPECT_EQ(desk.writes_of(key(first)), 1) << "the first ask is not answered";
  desk.silence();
  desk.pass(third - milliseconds(1));
  desk.silence();
  desk.pass(milliseconds(1));
  EXPECT_EQ(desk.writes_of(key(first)), 0) << "the store is away";
  desk.live(third);
  EXPECT_EQ(ticket(first).asked, 2u);
}

TEST_F(Line, ALeaveThatAnotherRouterCrossedIsMadeAgainWhenTheTicketExpires) {
  want(1, first);
  desk.tell(WantWithdrawn{RequestId{1}});
  QueueRow crossed = ticket(first);
  crossed.ticket = desk.store.version_of(key(first));
  ++crossed.asked;
  desk.put(crossed);
  desk.answer_all();
  ASSERT_TRUE(ticket(first).waiting);
  desk.live(Config{}.queue_ask_max * 2);
  EXPECT_FALSE(ticket(first).waiting);
}

TEST_F(Line, AnAskThatAnotherRouterCrossedDoesNotStopTheAsking) {
  want(1, first);
  desk.pass(third);
  QueueRow crossed = ticket(first);
  crossed.ticket = desk.store.version_of(key(first));
  crossed.asked = 5;
  desk.put(crossed);
  desk.live(third + seconds(1));
  EXPECT_EQ(ticket(first).asked, 6u);
}

TEST_F(Line, ServesTheOneWhoCameFirstAndTellsTheNextThatHeIsNext) {
  want(1, first);
  want(2, second);
  free_the_place();
  EXPECT_EQ(desk.store.session(first)->state, SessionState::kStarting);
  EXPECT_FALSE(ticket(first).waiting) << "the claim takes the ticket";
  EXPECT_FALSE(desk.store.session(second).has_value());
  EXPECT_EQ(desk.answers.back().request, RequestId{2});
  EXPECT_EQ(desk.answers.back().position, 1u);
}

TEST_F(Line, AHeadThatWaitsAtAnotherRouterIsServedHereAfterTwoHeartbeats) {
  put_ticket(first);
  desk.live(seconds(1));
  free_the_place();
  const Duration two = Config{}.heartbeat * 2;
  desk.live(two - milliseconds(100));
  EXPECT_FALSE(desk.store.session(first).has_value()) << "his own router comes first";
  desk.live(milliseconds(200));
  ASSERT_TRUE(desk.store.session(first).has_value());
  EXPECT_FALSE(ticket(first).waiting);
}

TEST_F(Line, NobodyWaitsForWhatNoMachineCouldEverRunButForADrainedOneHeDoes) {
  Config config = config_of(true);
  config.kinds.push_back(KindConfig{"labelled", 4, 0, seconds(20), seconds(40), WithoutStore::kKeep});
  Desk other(config);
  other.boot();
  const auto ask = [&](std::uint64_t n) {
    other.tell(SessionWanted{RequestId{n}, {n, n}, UserId{n}, KindId{1}, Intent::kStart});
    other.answer_all();
    return other.answers.back();
  };
  EXPECT_EQ(ask(1).refusal, Refusal::kNoNode);
  NodeRow row = machine(1);
  row.labels = 6;
  row.admin = NodeAdmin::kDrain;
  other.show(row);
  EXPECT_EQ(ask(2).outcome, Outcome::kQueued);
  row.life = NodeLife::kLeft;
  row.admin = NodeAdmin::kReady;
  other.show(row);
  EXPECT_EQ(ask(3).refusal, Refusal::kNoNode);
}

TEST_F(Line, WhoWaitsForASpecialMachineDoesNotHoldUpTheOthers) {
  Config config = config_of(true);
  config.kinds.push_back(KindConfig{"labelled", 4, 0, seconds(20), seconds(40), WithoutStore::kKeep});
  Desk other(config);
  other.boot();
  NodeRow row = machine(1);
  row.labels = 4;
  row.admin = NodeAdmin::kDrain;
  other.show(row);
  other.tell(SessionWanted{RequestId{1}, first, UserId{1}, KindId{1}, Intent::kStart});
  other.answer_all();
  ASSERT_EQ(other.answers.back().outcome, Outcome::kQueued);
  other.tell(SessionWanted{RequestId{2}, second, UserId{2}, KindId{0}, Intent::kStart});
  other.answer_all();
  EXPECT_EQ(other.store.session(second)->state, SessionState::kStarting);
}

}  // namespace
}  // namespace homing::core::testing
