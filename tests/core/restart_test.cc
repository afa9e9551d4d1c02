// SPDX-License-Identifier: Apache-2.0
//
// A router that comes back beside its launcher: the list of processes it is given, the news that overtake the first
// look at the store, and what they make of each other.
#include <gtest/gtest.h>

#include "router/core/core.h"
#include "tests/core/cluster_harness.h"

namespace homing::core::testing {
namespace {

constexpr UserId kAnn{101};
constexpr UserId kBob{102};

// One node; two starts under way when its router dies and comes back, the first look at the store takes 0.8 s.
class RestartInTheMiddleOfTwoStarts : public ::testing::Test {
 protected:
  RestartInTheMiddleOfTwoStarts() {
    c.nodes[0].start_hangs = true;  // the tests say themselves what became of the starts
    c.run(seconds(2));
    c.want(0, ann, kAnn);
    c.want(0, bob, kBob);
    c.run(seconds(1));
    c.kill_router(0);
    c.run(milliseconds(100));
    c.latency = milliseconds(400);
    c.boot(0);
    c.run(milliseconds(100));
  }
  void look_arrives() {
    c.latency = milliseconds(2);
    c.run(seconds(2));
  }

  Cluster c{1};
  const SessionId ann = session_id(1);
  const SessionId bob = session_id(2);
};

TEST_F(RestartInTheMiddleOfTwoStarts, WithoutNewsBothGoOnStarting) {
  look_arrives();
  EXPECT_EQ(c.store.session(ann)->state, SessionState::kStarting);
  EXPECT_EQ(c.store.session(bob)->state, SessionState::kStarting);
  EXPECT_EQ(c.nodes[0].core->counters().fenced, 0u);
}

TEST_F(RestartInTheMiddleOfTwoStarts, AProcessThatAnswersBeforeTheLookIsWrittenReady) {
  c.feed(0, SessionStarted{bob, Epoch{1}});
  look_arrives();
  EXPECT_EQ(c.store.session(ann)->state, SessionState::kStarting);
  EXPECT_EQ(c.store.session(bob)->state, SessionState::kReady);
  EXPECT_EQ(c.store.session(bob)->epoch, Epoch{1});
}

TEST_F(RestartInTheMiddleOfTwoStarts, AProcessThatFailsBeforeTheLookIsNotWaitedFor) {
  c.feed(0, SessionFailed{bob, Epoch{1}, EndReason::kStartFailed});
  look_arrives();
  EXPECT_EQ(c.store.session(ann)->state, SessionState::kStarting);
  EXPECT_EQ(c.store.session(bob)->state, SessionState::kRefused);
}

TEST_F(RestartInTheMiddleOfTwoStarts, NewsOfAnOlderEpochChangesNothing) {
  c.feed(0, SessionFailed{bob, Epoch{7}, EndReason::kStartFailed});
  c.feed(0, SessionStarted{bob, Epoch{7}});
  look_arrives();
  EXPECT_EQ(c.store.session(ann)->state, SessionState::kStarting);
  EXPECT_EQ(c.store.session(bob)->state, SessionState::kStarting);
}

}  // namespace
}  // namespace homing::core::testing
