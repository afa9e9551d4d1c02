// SPDX-License-Identifier: Apache-2.0
//
// What the swarm (tests/swarm) found in the core, each as a short story with one core, a store, and the test deciding
// which call is executed when. The names carry the seed that found it, at the time.
#include <gtest/gtest.h>

#include <vector>

#include "router/core/core.h"
#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

// A node with one place, which another router has claimed; this one has not read it and claims it for somebody else.
class TwoClaimsForOnePlace : public ::testing::Test {
 protected:
  TwoClaimsForOnePlace() {
    desk.boot(1);
    desk.put(placed(theirs, UserId{1}, 0, 1, 1));
    desk.tell(SessionWanted{RequestId{1}, ours, UserId{2}, KindId{0}, Intent::kStart});
    EXPECT_EQ(desk.writes_of(ours).size(), 1u);
    desk.answer_one();  // the claim is won; its acceptance waits
    EXPECT_EQ(desk.writes_of(ours).size(), 1u);
    acceptance = std::get<CompareAndSet>(desk.calls.front());
    desk.calls.clear();
  }
  // Now the other claim, which is older, is read.
  void expect_theirs_refused() {
    desk.tell(StoreHint{});
    desk.answer_one();
    ASSERT_EQ(desk.writes_of(theirs).size(), 1u);
    EXPECT_EQ(desk.writes_of(theirs).front().state, SessionState::kRefused) << "two sessions on a node with one place";
    EXPECT_EQ(desk.writes_of(theirs).front().reason, EndReason::kNodeFull);
  }

  Desk desk{config_of(true)};
  const SessionId theirs{1, 1};
  const SessionId ours{2, 2};
  CompareAndSet acceptance;
};

TEST_F(TwoClaimsForOnePlace, Seed33ANodeCountsASessionWhoseAcceptanceIsUnderWay) {
  ASSERT_EQ(std::get<SessionRow>(acceptance.writes.front().row).state, SessionState::kStarting);
  expect_theirs_refused();
}

TEST_F(TwoClaimsForOnePlace, Seed25023ANodeCountsASessionWhoseAcceptanceWasMetBySilence) {
  desk.store.write(acceptance);
  desk.tell(Silent{acceptance.token});
  expect_theirs_refused();
}

TEST(SwarmFindings, Seed218AMachineThatServesNobodyLetsGoOfASessionThatMovedOn) {
  Desk desk(config_of(false));
  const SessionId session{1, 1};
  NodeRow me;
  me.node = NodeId{0};
  me.incarnation = Incarnation{1};
  me.machine = 1;
  desk.put(me);
  SessionRow held = placed(session, UserId{1}, 0, 1, 1);
  held.state = SessionState::kReady;
  desk.put(held);
  Boot boot;
  boot.machine = 2;  // the machine was started again: what it held is gone
  desk.tell(boot);
  desk.tell(LauncherUp{});
  desk.hidden = [&](const VersionedRow& row) {
    const auto* s = std::get_if<SessionRow>(&row.row);
    return s != nullptr && s->node != NodeId{0};
  };
  for (int i = 0; i < 20 && desk.writes_of(session).empty(); ++i) {
    desk.pass(milliseconds(100));
    if (!desk.calls.empty()) desk.answer_one();
  }
  ASSERT_EQ(desk.writes_of(session).size(), 1u);
  ASSERT_EQ(desk.writes_of(session).front().state, SessionState::kLost);
  desk.put(placed(session, UserId{1}, 1, 1, 2));  // meanwhile its owner has clicked at a router
  desk.answer_all();
  EXPECT_TRUE(desk.writes_of(session).empty()) << "the lost write is repeated for ever";
}

TEST(SwarmFindings, Seed194AfterAFailoverAMachineThatServesNobodyHearsOfTheOtherHolder) {
  Desk desk(config_of(false));
  desk.hidden = [&](const VersionedRow& row) {
    const auto* s = std::get_if<SessionRow>(&row.row);
    return s != nullptr && s->node != NodeId{0};
  };
  desk.boot();
  const PlainStore before = desk.store;
  const SessionId session{1, 1};
  desk.put(placed(session, UserId{1}, 0, 1, 1));
  desk.tell(StoreHint{});
  desk.answer_all();
  ASSERT_EQ(desk.store.session(session)->state, SessionState::kStarting);
  desk.tell(SessionStarted{session, Epoch{1}});
  // The store forgets it all, and a router places the session on another node before this one looks again.
  desk.calls.clear();
  desk.store = before;
  desk.store.timeline = Timeline{2};
  desk.put(placed(session, UserId{1}, 1, 1, 1));
  desk.pass(seconds(1));
  desk.answer_all(40);
  EXPECT_TRUE(desk.calls.empty()) << "a call is made again and again at one instant";
  EXPECT_TRUE(desk.writes_of(session).empty());
  ASSERT_EQ(desk.kills.size(), 1u) << "the process of the other history goes on";
  EXPECT_EQ(desk.kills.front().reason, EndReason::kFenced);
}

TEST(SwarmFindings, Seed139AnAnnouncementThatIsMetBySilenceIsMadeAgain) {
  Desk desk(config_of(true));
  desk.boot();
  const PlainStore before = desk.store;
  const SessionId session{1, 1};
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  desk.tell(SessionStarted{session, Epoch{1}});
  desk.answer_all();
  ASSERT_EQ(desk.store.session(session)->state, SessionState::kReady);
  // The store fails over to a copy without the session, and cannot be written for a moment.
  desk.store = before;
  desk.store.timeline = Timeline{2};
  for (int i = 0; i < 5; ++i) {
    desk.pass(seconds(1));
    for (int rounds = 0; rounds < 20 && !desk.calls.empty(); ++rounds) {
      const auto* write = std::get_if<CompareAndSet>(&desk.calls.front());
      if (write == nullptr) {
        desk.answer_one();
      } else {
        const StoreToken token = write->token;
        desk.calls.erase(desk.calls.begin());
        desk.tell(Silent{token});
      }
    }
  }
  EXPECT_FALSE(desk.store.session(session).has_value());
  for (int i = 0; i < 5; ++i) {
    desk.pass(seconds(1));
    desk.answer_all();
  }
  ASSERT_TRUE(desk.store.session(session).has_value()) << "the process runs on and nobody knows of it";
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kReady);
}

TEST(SwarmFindings, Seed177ALeaseThatLapsesInTheWaitAfterAFailoverFreezesAndIsThawed) {
  Config config = config_of(true);
  config.kinds.front().without_store = WithoutStore::kFreeze;
  Desk desk(config);
  desk.boot();
  const SessionId session{1, 1};
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  desk.answer_all();
  desk.tell(SessionStarted{session, Epoch{1}});
  desk.answer_all();
  // The store fails over and can be read but not written, until the lease is over; the wait is longer.
  desk.pass(seconds(4));
  desk.store.timeline = Timeline{2};
  const auto read_only = [&] {
    for (int rounds = 0; rounds < 20 && !desk.calls.empty(); ++rounds) {
      const auto* write = std::get_if<CompareAndSet>(&desk.calls.front());
      if (write == nullptr) {
        desk.answer_one();
      } else {
        const StoreToken token = write->token;
        desk.calls.erase(desk.calls.begin());
        desk.tell(Silent{token});
      }
    }
  };
  for (int i = 0; i < 20; ++i) {
    read_only();
    desk.pass(milliseconds(500));
  }
  ASSERT_EQ(desk.freezes.size(), 1u) << "its process may run beside the next one";
  EXPECT_TRUE(desk.thaws.empty());
  for (int i = 0; i < 20; ++i) {
    desk.answer_all();
    desk.pass(milliseconds(500));
  }
  EXPECT_EQ(desk.thaws.size(), 1u);
}

TEST(SwarmFindings, Seed10178NobodyClaimsInTheTurnThatHearsOfAFailover) {
  Desk desk(config_of(true));
  desk.boot();
  const PlainStore before = desk.store;
  // Somebody waits for a claim that another node does not accept.
  const SessionId session{1, 1};
  desk.put(placed(session, UserId{1}, 3, 1, 1));
  desk.tell(StoreHint{});
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kStart});
  ASSERT_TRUE(desk.writes_of(session).empty());
  desk.store = before;
  desk.store.timeline = Timeline{2};
  desk.tell(StoreHint{});
  desk.answer_all();
  EXPECT_FALSE(desk.store.session(session).has_value()) << "its holder has had no time to say that it runs";
  for (int i = 0; i < 40 && !desk.store.session(session).has_value(); ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  EXPECT_TRUE(desk.store.session(session).has_value()) << "after the wait it is placed";
}

// A router that takes up a ticket somebody else's router took for somebody who wants to restart what was lost.
class TakenUpFromTheLine : public ::testing::Test {
 protected:
  TakenUpFromTheLine() {
    desk.boot(1);
    ticket.session = session;
    ticket.user = UserId{1};
    ticket.waiting = true;
    ticket.asked = 1;
    desk.put(ticket);
    ticket.ticket = desk.store.version_of(key_of(ticket));
    for (int i = 0; i < 100 && desk.writes_of(session).empty(); ++i) {
      desk.pass(milliseconds(100));
      while (!desk.calls.empty() && desk.writes_of(session).empty()) desk.answer_one();
    }
    EXPECT_EQ(desk.writes_of(session).size(), 1u) << "nobody else serves the head of the line: this one does";
  }
  void put_ticket(bool waiting) {
    ticket.waiting = waiting;
    ++ticket.asked;
    desk.put(ticket);
  }
  bool waits() const { return std::get<QueueRow>(desk.store.rows.at(key_of(ticket)).row).waiting; }

  Desk desk{config_of(true)};
  const SessionId session{1, 1};
  QueueRow ticket;
};

TEST_F(TakenUpFromTheLine, Seed9316WhatItsOwnRouterServedIsNotStartedOnceMore) {
  SessionRow theirs = placed(session, UserId{1}, 3, 1, 1);
  desk.put(theirs);
  put_ticket(false);
  theirs.state = SessionState::kLost;
  theirs.reason = EndReason::kNodeDead;
  desk.put(theirs);
  for (int i = 0; i < 20; ++i) {
    desk.answer_all();
    desk.pass(milliseconds(500));
  }
  EXPECT_EQ(desk.store.session(session)->epoch, Epoch{1}) << "nobody has asked for another";
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kLost);
}

TEST_F(TakenUpFromTheLine, Seed36118APollDoesNotGoAsFarAsATicketThatIsGone) {
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kReach});
  desk.store.timeline = Timeline{2};
  desk.store.rows.erase(key_of(ticket));
  for (int i = 0; i < 80; ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  EXPECT_FALSE(desk.store.session(session).has_value()) << "a poll has started a session";
}

TEST_F(TakenUpFromTheLine, TheTicketIsNotKeptAliveByTheRouterThatTookItUp) {
  desk.put(placed({7, 7}, UserId{7}, 0, 1, 1));  // the place is taken
  put_ticket(true);
  for (int i = 0; i < 20; ++i) {
    desk.answer_all();
    desk.pass(milliseconds(100));
  }
  desk.tell(SessionStarted{{7, 7}, Epoch{1}});
  ASSERT_TRUE(waits());
  for (int i = 0; i < 200; ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  EXPECT_FALSE(waits()) << "its owner is long gone";
  EXPECT_FALSE(desk.store.session(session).has_value());
}

TEST_F(TakenUpFromTheLine, WhoComesToAnotherRouterKeepsHisPlaceInLine) {
  desk.put(placed({7, 7}, UserId{7}, 0, 1, 1));  // the place is taken
  put_ticket(true);
  for (int i = 0; i < 20; ++i) {
    desk.answer_all();
    desk.pass(milliseconds(100));
  }
  desk.tell(SessionStarted{{7, 7}, Epoch{1}});
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kRestart});
  for (int i = 0; i < 200; ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  ASSERT_TRUE(waits());
  const QueueRow row = std::get<QueueRow>(desk.store.rows.at(key_of(ticket)).row);
  EXPECT_EQ(row.ticket, ticket.ticket);
  EXPECT_GT(row.asked, ticket.asked) << "other routers take it for forgotten, and it expires under somebody who waits";
}

TEST(SwarmFindings, Seed34305AStartThatAFailoverTookBackDoesNotExcuseARestart) {
  Desk desk(config_of(true));
  Boot boot;
  boot.machine = 1;
  desk.tell(boot);
  desk.tell(LauncherUp{});
  const SessionId session{1, 1};
  SessionRow row = placed(session, UserId{1}, 0, 1, 1);
  row.state = SessionState::kLost;
  desk.put(row);
  const PlainStore before = desk.store;  // lost, then written asleep after all
  row.state = SessionState::kSuspended;
  desk.put(row);
  desk.answer_all();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kWake});
  ASSERT_EQ(desk.writes_of(session).size(), 1u);
  desk.store = before;
  desk.store.timeline = Timeline{2};
  for (int i = 0; i < 80; ++i) {
    desk.answer_all();
    desk.pass(milliseconds(500));
  }
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kLost) << "only a click starts what was lost again";
}

TEST(SwarmFindings, Seed72292AnOperatorsWordIsNotTakenForDoneByARouterThatHasLongNotLooked) {
  Desk desk(config_of(true));
  Boot boot;
  boot.machine = 1;
  desk.tell(boot);
  desk.tell(LauncherUp{});
  NodeRow other;
  other.node = NodeId{1};
  other.incarnation = Incarnation{1};
  other.machine = 7;
  desk.put(other);
  desk.answer_all();
  other.admin = NodeAdmin::kDrain;
  desk.put(other);  // said to another router; this one has not read it
  desk.tell(AdminWanted{NodeId{1}, NodeAdmin::kReady});
  for (int i = 0; i < 10; ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  EXPECT_EQ(desk.store.node(1).admin, NodeAdmin::kReady);
  // Once it is written, another's later word stands.
  other.admin = NodeAdmin::kMaintenance;
  desk.put(other);
  for (int i = 0; i < 10; ++i) {
    desk.pass(milliseconds(500));
    desk.answer_all();
  }
  EXPECT_EQ(desk.store.node(1).admin, NodeAdmin::kMaintenance);
}

TEST(SwarmFindings, WhoLeavesTakesHisIntentAlong) {
  Desk desk(config_of(true));
  Boot boot;
  boot.machine = 1;
  desk.tell(boot);
  desk.tell(LauncherUp{});
  const SessionId session{1, 1};
  SessionRow row = placed(session, UserId{1}, 0, 1, 1);
  row.state = SessionState::kLost;
  desk.put(row);
  desk.answer_all();
  desk.tell(StoreHint{});
  desk.tell(Silent{std::get<ReadSince>(desk.calls.front()).token});
  desk.calls.clear();
  desk.tell(SessionWanted{RequestId{1}, session, UserId{1}, KindId{0}, Intent::kRestart});
  desk.tell(SessionWanted{RequestId{2}, session, UserId{1}, KindId{0}, Intent::kReach});
  desk.tell(WantWithdrawn{RequestId{1}});
  desk.tell(StoreHint{});
  desk.answer_all();
  EXPECT_EQ(desk.store.session(session)->state, SessionState::kLost) << "the poll that stayed has started it again";
}

}  // namespace
}  // namespace homing::core::testing
