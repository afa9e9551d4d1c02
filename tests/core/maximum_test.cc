// SPDX-License-Identifier: Apache-2.0
//
// What one core does exactly at each maximum of its Config, and one below.
#include <gtest/gtest.h>

#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

class Maximum : public ::testing::Test {
 protected:
  static SessionWanted wanted(std::uint64_t n, Intent intent = Intent::kStart) {
    return SessionWanted{RequestId{n}, {n, n}, UserId{n}, KindId{0}, intent};
  }
  static void want(Desk& desk, std::uint64_t n, Intent intent = Intent::kStart) {
    desk.tell(wanted(n, intent));
    desk.answer_all();
  }
};

TEST_F(Maximum, OfNodesTheLastThatFitsIsKnownAndARowOfAFurtherOneIsIgnored) {
  Config config = config_of(true);
  config.max_nodes = 3;
  Desk desk(config);
  desk.boot();
  desk.show(machine(2));
  desk.show(machine(3));
  EXPECT_TRUE(desk.core().node(NodeId{2}, desk.now).known);
  EXPECT_FALSE(desk.core().node(NodeId{3}, desk.now).known);
  desk.show(placed({1, 1}, UserId{1}, 3, 1, 1));  // and a claim on it is only a row
  EXPECT_EQ(desk.core().route({1, 1})->node, NodeId{3});
  EXPECT_EQ(desk.core().node_count(), 3u);
}

TEST_F(Maximum, OfRoutesNoFurtherOneIsCachedOrStarted) {
  Config config = config_of(true);
  config.max_routes = 2;
  Desk desk(config);
  desk.boot();
  desk.show(placed({1, 1}, UserId{1}, 5, 1, 1));
  want(desk, 2);
  EXPECT_EQ(desk.answers.back().outcome, Outcome::kWaiting) << "one below the maximum";
  desk.show(placed({3, 3}, UserId{3}, 5, 1, 1));
  EXPECT_TRUE(desk.core().route({2, 2}).has_value());
  EXPECT_FALSE(desk.core().route({3, 3}).has_value());
  want(desk, 4);
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kOverloaded);
  desk.show(placed({5, 5}, UserId{5}, 0, 1, 1));
  EXPECT_TRUE(desk.core().route({5, 5}).has_value()) << "what runs here is always known";
  desk.tell(wanted(1, Intent::kReach));
  EXPECT_EQ(desk.answers.back().outcome, Outcome::kWaiting) << "what is cached is served";
}

TEST_F(Maximum, OfRoutesCountsNoSessionThatIsOverAndHasBeenRead) {
  Config config = config_of(true);
  config.max_routes = 1;
  Desk desk(config);
  desk.boot();
  for (std::uint64_t n = 1; n <= 5; ++n) {
    want(desk, n);
    ASSERT_EQ(desk.store.session({n, n})->state, SessionState::kStarting) << n;
    desk.tell(EndWanted{{n, n}, EndReason::kOwner});
    desk.live(seconds(1));
    ASSERT_EQ(desk.store.session({n, n})->state, SessionState::kEnded) << n;
  }
}

TEST_F(Maximum, OfRequestsThatWaitAFurtherOneIsRefusedUntilOneIsOver) {
  Config config = config_of(true);
  config.max_wishes = 2;
  Desk desk(config);
  desk.boot();
  for (std::uint64_t n = 1; n <= 3; ++n) desk.tell(wanted(n));
  EXPECT_EQ(desk.answers.back().request, RequestId{3});
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kOverloaded);
  EXPECT_EQ(desk.writes_of(SessionId{2, 2}).size(), 1u);
  desk.tell(WantWithdrawn{RequestId{1}});
  desk.tell(wanted(4));
  EXPECT_EQ(desk.writes_of(SessionId{4, 4}).size(), 1u);
}

TEST_F(Maximum, OfOperatorsWordsAFurtherOneIsDroppedButOneThatIsThereMayChange) {
  Config config = config_of(true);
  config.max_wishes = 2;
  config.strategy = "sessions";
  Desk desk(config);
  desk.boot();
  desk.put(machine(1, 5));
  desk.show(machine(2, 5));  // the strategy itself takes node 0
  for (std::uint64_t n = 1; n <= 3; ++n) desk.tell(PlaceWanted{{n, n}, Epoch{1}, NodeId{1}});
  desk.tell(PlaceWanted{{1, 1}, Epoch{1}, NodeId{2}});
  for (const std::uint64_t n : {3u, 2u, 1u}) {
    want(desk, n);
    desk.tell(WantWithdrawn{RequestId{n}});
  }
  EXPECT_EQ(desk.store.session({1, 1})->node, NodeId{2});
  EXPECT_EQ(desk.store.session({2, 2})->node, NodeId{1});
  EXPECT_EQ(desk.store.session({3, 3})->node, NodeId{0}) << "the third word came to a full table";
}

TEST_F(Maximum, OfThoseInLineAFurtherOneIsToldSo) {
  Config config = config_of(true);
  config.max_queue = 2;
  Desk desk(config);
  desk.boot(1);
  for (std::uint64_t n = 1; n <= 4; ++n) want(desk, n);
  EXPECT_EQ(desk.core().queue_length(), 2u);
  EXPECT_EQ(desk.answers.back().request, RequestId{4});
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kQueueFull);
}

TEST_F(Maximum, OfAttemptsTheLastIsMadeAndThenTheUserIsToldWhy) {
  Config config = config_of(true);
  config.max_attempts = 2;
  Desk desk(config);
  desk.boot();
  desk.tell(wanted(1));
  for (std::uint32_t epoch = 1; epoch <= 2; ++epoch) {
    desk.answer_all();
    ASSERT_EQ(desk.store.session({1, 1})->epoch, Epoch{epoch});
    EXPECT_EQ(desk.store.session({1, 1})->attempt, epoch);
    desk.tell(SessionFailed{{1, 1}, Epoch{epoch}, EndReason::kStartFailed});
  }
  desk.answer_all();
  EXPECT_EQ(desk.store.session({1, 1})->epoch, Epoch{2});
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kStartFailed);
  EXPECT_EQ(desk.answers.back().reason, EndReason::kStartFailed);
}

TEST_F(Maximum, OfAttemptsCountsThoseThatOtherRoutersMade) {
  Config config = config_of(true);
  config.max_attempts = 2;
  Desk desk(config);
  desk.boot();
  SessionRow row = placed({1, 1}, UserId{1}, 5, 1, 2);
  row.attempt = 2;
  desk.show(row);
  want(desk, 1);
  row.state = SessionState::kRefused;
  row.reason = EndReason::kNodeFull;
  desk.show(row);
  EXPECT_EQ(desk.store.session({1, 1})->epoch, Epoch{2});
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kStartFailed);
  EXPECT_EQ(desk.answers.back().reason, EndReason::kNodeFull);
}

TEST_F(Maximum, OfAUsersSessionsIsReachedAndNotPassed) {
  Config config = config_of(true);
  config.max_sessions_per_user = 2;
  Desk desk(config);
  desk.boot();
  for (std::uint64_t n = 1; n <= 3; ++n) {
    desk.tell(SessionWanted{RequestId{n}, {n, n}, UserId{1}, KindId{0}, Intent::kStart});
    desk.answer_all();
  }
  EXPECT_EQ(desk.store.live(UserId{1}), 2u);
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kUserLimit);
}

TEST_F(Maximum, OfAUsersSessionsDoesNotStopASecondTryOfOneThatHoldsAPlace) {
  Config config = config_of(true);
  config.max_sessions_per_user = 1;
  Desk desk(config);
  desk.boot();
  desk.put(machine(1));
  UserRow user;
  user.user = UserId{1};
  user.live = 1;
  desk.put(user);
  desk.show(placed({1, 1}, UserId{1}, 1, 1, 1));  // its node does not answer
  want(desk, 1);
  desk.live(seconds(6));
  EXPECT_EQ(desk.store.session({1, 1})->epoch, Epoch{2});
  EXPECT_EQ(desk.store.live(UserId{1}), 1u);
}

TEST_F(Maximum, OfMisfitsIsPoppedBeforeAllNodesAreScanned) {
  Config config = config_of(true);
  config.strategy = "sessions";
  config.max_misfits = 3;
  config.kinds[0].memory_bytes = 1000;
  for (const std::uint32_t roomy : {4u, 5u}) {  // the node that fits is the third, or the fourth, of the strategy
    Desk desk(config);
    desk.boot();
    for (std::uint32_t n = 2; n <= 6; ++n) {
      NodeRow row = machine(n, n);
      row.load.memory_total = 4000;
      row.load.memory_available = n == roomy ? 1000 : 999;  // exactly what it takes is enough
      desk.put(row);
    }
    NodeRow self = desk.store.node(0);
    self.admin = NodeAdmin::kDrain;
    desk.show(self);
    want(desk, 1);
    EXPECT_EQ(desk.store.session({1, 1})->node, NodeId{roomy});
    EXPECT_EQ(desk.counters().misfits, roomy == 4 ? 2u : 3u);
    EXPECT_EQ(desk.counters().misfit_scans, roomy == 4 ? 0u : 1u);
  }
}

TEST_F(Maximum, OfMisfitsIsNotReachedWhereFewMachinesAllLackTheMemory) {
  Config config = config_of(true);
  config.kinds[0].memory_bytes = 1000;
  Desk desk(config);
  desk.boot();
  LoadMeasured measured;
  measured.load.memory_total = 4000;
  measured.load.memory_available = 999;
  desk.tell(measured);
  NodeRow row = machine(1);
  row.load.memory_total = 4000;
  row.load.memory_available = 10;
  desk.show(row);
  desk.live(seconds(2));
  want(desk, 1);
  EXPECT_EQ(desk.answers.back().outcome, Outcome::kQueued) << "until one has room";
  measured.load.memory_available = 1000;
  desk.tell(measured);
  desk.live(seconds(3));
  EXPECT_EQ(desk.store.session({1, 1})->node, NodeId{0});
}

TEST_F(Maximum, OfSessionsOnANodeIsReachedAndNotPassed) {
  Desk desk(config_of(true));
  desk.boot(2);
  for (std::uint64_t n = 1; n <= 3; ++n) want(desk, n);
  EXPECT_EQ(desk.store.session({2, 2})->state, SessionState::kStarting);
  EXPECT_FALSE(desk.store.session({3, 3}).has_value());
  EXPECT_EQ(desk.answers.back().outcome, Outcome::kQueued);
}

TEST_F(Maximum, OfClaimsLostInARowIsFiftyAndThenTheRouterSaysItCannotDoIt) {
  Desk desk(config_of(true));
  desk.boot();
  desk.tell(wanted(1));
  UserRow user;  // the user's row changes under every claim
  user.user = UserId{1};
  for (int i = 0; i < 60 && !desk.writes_of(SessionId{1, 1}).empty(); ++i) {
    ++user.live;
    desk.put(user);
    desk.answer_one();
  }
  EXPECT_EQ(desk.counters().claims_lost, 51u);
  EXPECT_EQ(desk.answers.back().refusal, Refusal::kOverloaded);
}

TEST_F(Maximum, OfASweepsWritesUnderWayIsSixteen) {
  Desk desk(config_of(true));
  desk.boot();
  desk.put(machine(1));
  for (std::uint64_t n = 1; n <= 40; ++n) desk.put(placed({n, n}, UserId{n}, 1, 1, 1));
  desk.tell(StoreHint{});
  desk.answer_all(1000);
  NodeRow dead = machine(1);
  dead.life = NodeLife::kDead;
  desk.put(dead);
  desk.tell(StoreHint{});
  desk.answer_all(1);
  desk.pass(Config{}.dead);
  const auto under_way = [&] {
    int found = 0;
    for (std::uint64_t n = 1; n <= 40; ++n) found += desk.writes_of(RowKey{RowKind::kSession, n, n});
    return found;
  };
  EXPECT_EQ(under_way(), 16);
  for (int i = 0; i < 100 && !desk.calls.empty(); ++i) {
    desk.answer_one();
    EXPECT_LE(under_way(), 16);
  }
  EXPECT_EQ(desk.counters().sessions_declared_lost, 40u);
}

TEST_F(Maximum, OfAResumesTimeIsADayHoweverOftenItRanOut) {
  Config config = config_of(true);
  config.kinds[0].can_suspend = true;
  Desk desk(config);
  desk.boot();
  SessionRow row = placed({1, 1}, UserId{1}, 5, 1, 9);
  row.state = SessionState::kRefused;
  row.reason = EndReason::kStartTimeout;
  row.timeout = seconds(50'000);
  desk.show(row);
  want(desk, 1, Intent::kRestart);
  EXPECT_EQ(desk.store.session({1, 1})->timeout, seconds(86'400));
}

}  // namespace
}  // namespace homing::core::testing
