// SPDX-License-Identifier: Apache-2.0
//
// A node with one start slot: whatever frees it, the start that waits is ordered in that very turn.
#include <gtest/gtest.h>

#include "tests/core/desk.h"

namespace homing::core::testing {
namespace {

Config config_with_rule() {
  Config config = config_of(true);
  KindConfig& kind = config.kinds.front();
  kind.can_suspend = true;
  kind.idle_after = seconds(60);
  kind.idle_then = IdleThen::kSuspend;
  config.kinds.push_back(KindConfig{"slow", 0, 0, seconds(300), seconds(300), WithoutStore::kKeep});
  return config;
}

// The first start takes the slot; the second, of a kind with more time, waits for it.
class OneSlot : public ::testing::Test {
 protected:
  OneSlot() {
    desk.boot(0, 1);
    claim(first, KindId{0});
    claim(second, KindId{1});
  }
  void claim(SessionId session, KindId kind) {
    SessionRow row = placed(session, UserId{session.hi}, 0, 1, 1);
    row.kind = kind;
    row.timeout = desk.core().config().kinds[kind.value].start_timeout;
    desk.show(row);
  }
  bool ordered(SessionId session) const {
    for (const StartSession& order : desk.said<StartSession>()) {
      if (order.session == session) return true;
    }
    return false;
  }
  void expect_waits() {
    ASSERT_TRUE(ordered(first));
    ASSERT_FALSE(ordered(second)) << "there is one slot";
  }
  void expect_ordered() { EXPECT_TRUE(ordered(second)) << "the slot is free"; }
  // The first runs, the second too; then the first is unused, its suspend takes the slot, and a third waits.
  void suspend_first() {
    desk.tell(SessionStarted{first, Epoch{1}});
    desk.answer_all();
    desk.tell(SessionStarted{second, Epoch{1}});
    desk.answer_all();
    desk.live(seconds(61));
    desk.tell(ActivitySeen{first, Epoch{1}, desk.now - seconds(60)});
    ASSERT_EQ(desk.said<SuspendSession>().size(), 1u);
    claim(third, KindId{1});
    ASSERT_FALSE(ordered(third)) << "a suspend takes a slot like a start";
  }

  Desk desk{config_with_rule()};
  const SessionId first{1, 1};
  const SessionId second{2, 2};
  const SessionId third{3, 3};
};

TEST_F(OneSlot, IsFreeWhenTheStartHasSucceeded) {
  expect_waits();
  desk.tell(SessionStarted{first, Epoch{1}});
  expect_ordered();
}

TEST_F(OneSlot, IsFreeWhenTheStartHasFailed) {
  expect_waits();
  desk.tell(SessionFailed{first, Epoch{1}, EndReason::kStartFailed});
  expect_ordered();
}

TEST_F(OneSlot, IsFreeWhenTheProcessHasExited) {
  expect_waits();
  desk.tell(SessionExited{first, Epoch{1}, EndReason::kProcessExited});
  expect_ordered();
}

TEST_F(OneSlot, IsFreeWhenTheStartWasGivenToAnotherNode) {
  expect_waits();
  desk.show(placed(first, UserId{1}, 3, 1, 2));
  expect_ordered();
}

TEST_F(OneSlot, IsFreeWhenTheStartHasRunOutOfTime) {
  expect_waits();
  desk.live(seconds(18));
  ASSERT_TRUE(desk.kills.empty());
  desk.live(seconds(1));
  ASSERT_EQ(desk.kills.size(), 1u) << "20 s less the margin";
  EXPECT_EQ(desk.kills[0].reason, EndReason::kStartTimeout);
  expect_ordered();
}

TEST_F(OneSlot, IsFreeWhenTheLauncherComesBackWithoutTheProcess) {
  expect_waits();
  desk.tell(LauncherUp{});
  expect_ordered();
}

TEST_F(OneSlot, IsFreeWhenTheSuspendIsDone) {
  expect_waits();
  suspend_first();
  desk.tell(SessionSuspended{first, Epoch{1}, true});
  EXPECT_TRUE(ordered(third));
}

TEST_F(OneSlot, IsFreeWhenTheSuspendHasFailed) {
  expect_waits();
  suspend_first();
  desk.tell(SessionSuspended{first, Epoch{1}, false});
  EXPECT_TRUE(ordered(third));
}

TEST_F(OneSlot, IsFreeWhenTheSuspendIsNotAnswered) {
  expect_waits();
  suspend_first();
  desk.live(seconds(39));
  ASSERT_FALSE(ordered(third)) << "it is given its resume-timeout, 40 s";
  desk.live(seconds(2));
  EXPECT_TRUE(ordered(third));
}

TEST_F(OneSlot, ASuspendWaitsForItToo) {
  desk.tell(SessionStarted{first, Epoch{1}});
  desk.answer_all();
  ASSERT_TRUE(ordered(second));  // and it takes its time
  desk.live(seconds(61));
  desk.tell(ActivitySeen{first, Epoch{1}, desk.now - seconds(60)});
  EXPECT_TRUE(desk.said<SuspendSession>().empty());
  desk.tell(SessionStarted{second, Epoch{1}});
  desk.answer_all();
  desk.live(seconds(1));
  EXPECT_FALSE(desk.said<AskActivity>().empty()) << "asked again after a heartbeat";
  desk.tell(ActivitySeen{first, Epoch{1}, desk.now - seconds(61)});
  EXPECT_EQ(desk.said<SuspendSession>().size(), 1u);
}

}  // namespace
}  // namespace homing::core::testing
