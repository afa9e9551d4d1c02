// SPDX-License-Identifier: Apache-2.0
#include "router/core/failure_detector.h"

#include <gtest/gtest.h>

namespace homing::core {
namespace {

constexpr LeaseLimits kLimits{seconds(3), seconds(8), seconds(10)};
constexpr Instant at(std::int64_t s) {
  return Instant{seconds(s)};
}

TEST(FailureDetector, AgeRunsFromReceivingTheFirstAnswerToSendingTheNewestRead) {
  Continuity reads;
  LeaseWatch watch;
  reads.read_succeeded(at(9), at(10));
  EXPECT_TRUE(watch.shown(1, at(10)));
  EXPECT_EQ(watch.age(reads), Duration{0});
  reads.read_succeeded(at(12), at(13));  // sent at 12, still showed it
  EXPECT_EQ(watch.age(reads), seconds(2));
  EXPECT_EQ(watch.view(reads, kLimits), NodeView::kUp);
  reads.read_succeeded(at(13), at(14));
  EXPECT_EQ(watch.view(reads, kLimits), NodeView::kSuspect);
  reads.read_succeeded(at(18), at(18));
  EXPECT_EQ(watch.view(reads, kLimits), NodeView::kLeaseExpired);
  EXPECT_FALSE(watch.dead(reads, kLimits));
  reads.read_succeeded(at(20), at(21));
  EXPECT_TRUE(watch.dead(reads, kLimits));
}

TEST(FailureDetector, AnyChangeOfTheCounterIsARenewalEvenAFallingOne) {
  Continuity reads;
  LeaseWatch watch;
  reads.read_succeeded(at(0), at(0));
  watch.shown(5, at(0));
  EXPECT_FALSE(watch.shown(5, at(4)));
  EXPECT_TRUE(watch.shown(4, at(4)));
  reads.read_succeeded(at(6), at(6));
  EXPECT_EQ(watch.age(reads), seconds(2));
}

TEST(FailureDetector, AfterAFailedReadEveryAgeStartsAgainAtTheNextAnswer) {
  Continuity reads;
  LeaseWatch watch;
  reads.read_succeeded(at(0), at(0));
  watch.shown(1, at(0));
  reads.read_succeeded(at(9), at(9));
  EXPECT_EQ(watch.view(reads, kLimits), NodeView::kLeaseExpired);
  reads.read_failed();
  EXPECT_EQ(watch.age(reads), Duration{0});
  reads.read_succeeded(at(100), at(101));
  EXPECT_EQ(watch.age(reads), Duration{0});
  reads.read_succeeded(at(110), at(110));
  EXPECT_EQ(watch.age(reads), seconds(9));
  EXPECT_FALSE(watch.dead(reads, kLimits));
  reads.read_succeeded(at(111), at(111));
  EXPECT_TRUE(watch.dead(reads, kLimits));
}

TEST(FailureDetector, TheNextThresholdIsTheEarliestReadThatCouldChangeTheView) {
  Continuity reads;
  LeaseWatch watch;
  reads.read_succeeded(at(0), at(0));
  watch.shown(1, at(0));
  EXPECT_EQ(watch.next_threshold(reads, kLimits), at(3));
  reads.read_succeeded(at(4), at(4));
  EXPECT_EQ(watch.next_threshold(reads, kLimits), at(8));
  reads.read_succeeded(at(9), at(9));
  EXPECT_EQ(watch.next_threshold(reads, kLimits), at(10));
}

}  // namespace
}  // namespace homing::core
