// SPDX-License-Identifier: Apache-2.0
//
// The hand-worked examples of sim/METRICS.md, and the corners of each definition.
#include "sim/measures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "router/core/draws.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;

TEST(UserMinutesLost, TheHandWorkedExampleGivesElevenMinutes) {
  std::vector<DownInterval> downs;
  VisitFeeling visit(7, 1, 30 * kSecond);
  visit.feel(0, Feeling::kWaiting, downs);
  visit.feel(50 * kSecond, Feeling::kWorking, downs);
  visit.feel(5 * kMinute, Feeling::kCut, downs);
  visit.feel(5 * kMinute + 40 * kSecond, Feeling::kWorking, downs);
  visit.feel(10 * kMinute, Feeling::kLost, downs);
  visit.end(20 * kMinute, false, downs);
  ASSERT_EQ(downs.size(), 3u);
  EXPECT_EQ(downs[0], (DownInterval{7, 1, 30 * kSecond, 50 * kSecond, Feeling::kWaiting, false}));
  EXPECT_EQ(downs[1], (DownInterval{7, 1, 5 * kMinute, 5 * kMinute + 40 * kSecond, Feeling::kCut, false}));
  EXPECT_EQ(downs[2], (DownInterval{7, 1, 10 * kMinute, 20 * kMinute, Feeling::kLost, false}));
  EXPECT_DOUBLE_EQ(user_minutes_lost(downs, 0, 60 * kMinute), 11.0);
  EXPECT_DOUBLE_EQ(user_minutes_lost(downs, 0, 60 * kMinute, Feeling::kWaiting), 20.0 / 60);
  EXPECT_DOUBLE_EQ(user_minutes_lost(downs, 0, 60 * kMinute, Feeling::kCut), 40.0 / 60);
  EXPECT_DOUBLE_EQ(user_minutes_lost(downs, 0, 60 * kMinute, Feeling::kLost), 10.0);
}

TEST(UserMinutesLost, AWaitWithinItsPatienceCostsNothingAndPatienceStartsAnew) {
  std::vector<DownInterval> downs;
  VisitFeeling visit(0, 0, 30 * kSecond);
  visit.feel(0, Feeling::kWaiting, downs);
  visit.feel(30 * kSecond, Feeling::kWorking, downs);
  visit.feel(31 * kSecond, Feeling::kWaiting, downs);
  visit.feel(45 * kSecond, Feeling::kWaiting, downs);  // said again: still one wait
  visit.feel(61 * kSecond, Feeling::kSlow, downs);
  visit.end(90 * kSecond, false, downs);
  EXPECT_TRUE(downs.empty());
}

TEST(UserMinutesLost, WhatTheHorizonCutsIsCountedAndFlagged) {
  std::vector<DownInterval> downs;
  VisitFeeling visit(0, 0, 0);
  visit.feel(kMinute, Feeling::kLost, downs);
  visit.end(3 * kMinute, true, downs);
  ASSERT_EQ(downs.size(), 1u);
  EXPECT_TRUE(downs[0].cut_by_horizon);
  EXPECT_DOUBLE_EQ(user_minutes_lost(downs, 0, 3 * kMinute), 2.0);
}

TEST(UserMinutesLost, OnlyThePartInsideTheWindowCounts) {
  const std::vector<DownInterval> downs = {{0, 0, -kMinute, kMinute, Feeling::kCut, false},
                                           {0, 0, 9 * kMinute, 12 * kMinute, Feeling::kCut, false},
                                           {0, 0, 20 * kMinute, 30 * kMinute, Feeling::kCut, false}};
  EXPECT_DOUBLE_EQ(user_minutes_lost(downs, 0, 10 * kMinute), 2.0);
}

TEST(SignInWait, TheHandWorkedExampleGivesTheLongestOfFive) {
  std::vector<std::int64_t> waits = {3 * kSecond, 40 * kSecond, kSecond, 2 * kSecond, 2 * kSecond};
  EXPECT_EQ(nearest_rank(waits, 950), 40 * kSecond);
  EXPECT_EQ(nearest_rank(waits, 500), 2 * kSecond);
}

TEST(SignInWait, TheNearestRankIsTheSmallestValueThatCoversTheShare) {
  for (std::size_t n = 1; n <= 60; ++n) {
    std::vector<std::int64_t> values;
    core::DrawSequence draws = core::Draws(n, core::purpose("ranks")).at({});
    for (std::size_t i = 0; i < n; ++i) values.push_back(static_cast<std::int64_t>(draws.below(20)));
    for (const int per_mille : {1, 500, 900, 950, 999, 1000}) {
      std::vector<std::int64_t> copy = values;
      const std::int64_t found = *nearest_rank(copy, per_mille);
      const auto at_or_below = [&](std::int64_t limit) {
        return std::count_if(values.begin(), values.end(), [&](std::int64_t v) { return v <= limit; });
      };
      const auto needed = static_cast<double>(n) * per_mille / 1000.0;
      EXPECT_GE(static_cast<double>(at_or_below(found)), needed - 1e-9);
      EXPECT_LT(static_cast<double>(at_or_below(found - 1)), needed - 1e-9);
    }
  }
}

TEST(SignInWait, NoSignInHasNoPercentile) {
  std::vector<std::int64_t> none;
  EXPECT_FALSE(nearest_rank(none, 950).has_value());
}

TEST(SessionsLost, TheHandWorkedExampleCountsASessionEachTimeItIsLost) {
  const std::vector<ProcessEnding> endings = {{5 * kMinute, core::EndReason::kOwner},       // A
                                              {10 * kMinute, core::EndReason::kNodeDead},   // B
                                              {20 * kMinute, core::EndReason::kNodeDead},   // B again
                                              {20 * kMinute, core::EndReason::kNodeDead}};  // C
  EXPECT_EQ(sessions_lost(endings, 0, 60 * kMinute), 3);
  EXPECT_EQ(sessions_lost(endings, 0, 20 * kMinute), 1) << "the end of the window lies outside";
  EXPECT_EQ(sessions_lost(endings, 20 * kMinute, 60 * kMinute), 2);
}

TEST(SessionsLost, OwnersIdleRulesAndPlannedStopsLoseNothing) {
  using core::EndReason;
  for (const EndReason reason : {EndReason::kOwner, EndReason::kIdle, EndReason::kDrained})
    EXPECT_FALSE(is_loss(reason));
  for (const EndReason reason : {EndReason::kNodeDead, EndReason::kOutOfMemory, EndReason::kProcessExited,
                                 EndReason::kProcessGone, EndReason::kFenced}) {
    EXPECT_TRUE(is_loss(reason)) << static_cast<int>(reason);
  }
}

TEST(Metrics, TheIndexOfEachNameIsItsPlace) {
  EXPECT_EQ(metric_index("sessions-lost"), kSessionsLost);
  EXPECT_EQ(metric_index("user-minutes-lost"), kUserMinutesLost);
  EXPECT_EQ(metric_index("sign-in-wait-p95"), kSignInWaitP95);
  EXPECT_EQ(metric_index("felt-crowding"), kFeltCrowding);
  EXPECT_EQ(metric_index("user-uptime-worst-7-d"), kWorst7D);
  EXPECT_EQ(metric_index("stickiness-violations"), kStickinessViolations);
  EXPECT_EQ(metric_index("above-90-memory"), kAbove90Memory);
  EXPECT_EQ(metric_index("time-to-repair-max"), kRepairMax);
  EXPECT_FALSE(metric_index("happiness").has_value());
  for (const MetricInfo& metric : metrics()) {
    EXPECT_GT(metric.margin, 0.0) << metric.name;
    EXPECT_FALSE(metric.description.empty()) << metric.name;
    EXPECT_EQ(metric_index(metric.name), &metric - metrics().data()) << "two metrics have this name";
  }
}

TEST(Metrics, EachIsExplainedInMetricsMd) {
  std::ifstream in("sim/METRICS.md");
  ASSERT_TRUE(in.good()) << "run from the top of the tree";
  const std::string text(std::istreambuf_iterator<char>(in), {});
  for (const MetricInfo& metric : metrics()) {
    const bool heading = text.find("\n## " + metric.name + "\n") != std::string::npos;
    const bool named = text.find("**" + metric.name + "**") != std::string::npos;
    EXPECT_TRUE(heading || named) << metric.name;
  }
}

TEST(Metrics, NamesThatRoutersExportAreTheirs) {
  EXPECT_EQ(metrics()[kSessionsLost].exported, "homing_sessions_lost_total");
  EXPECT_EQ(metrics()[kUserUptime].exported, "homing_user_uptime_ratio");
  EXPECT_EQ(metrics()[kSignInWaitP95].exported, "homing_sign_in_wait_seconds{quantile=\"0.95\"}");
  EXPECT_EQ(metrics()[kWorst6H].exported, "homing_user_uptime_ratio{worst=\"6-h\"}");
  EXPECT_EQ(metrics()[kLostAbsent].exported, "homing_sessions_lost_total{owner=\"absent\"}");
}

}  // namespace
}  // namespace homing::sim
