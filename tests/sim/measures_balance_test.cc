// SPDX-License-Identifier: Apache-2.0
//
// The hand-worked examples of sim/METRICS.md for balance, the corners, and the same numbers recomputed from nothing.
#include "sim/measures_balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "router/core/draws.h"
#include "tests/sim/plain_balance.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;

Balance nodes(std::size_t count, std::int64_t from_ns = 0, Balance::Capacity each = {4, 8 * kGiB, 10}) {
  return Balance(std::vector<Balance::Capacity>(count, each), from_ns);
}

std::optional<double> crowding(const Balance& balance, std::int64_t now_ns) {
  return balance.result(Balance::kSessions, now_ns).felt;
}

TEST(FeltCrowding, TheHandWorkedExampleGivesOneFifth) {
  Balance balance = nodes(2);
  balance.sessions(0 * kMinute, 0, 2);
  balance.sessions(1 * kMinute, 1, 1);
  balance.sessions(2 * kMinute, 0, 1);
  balance.ready(4 * kMinute, 1, false);
  ASSERT_TRUE(crowding(balance, 5 * kMinute).has_value());
  EXPECT_DOUBLE_EQ(*crowding(balance, 5 * kMinute), 0.2);
}

TEST(FeltCrowding, TheBestIntegerSplitIsPerfectAtEveryCount) {
  for (int sessions = 1; sessions <= 20; ++sessions) {
    Balance balance = nodes(3);
    for (std::size_t node = 0; node < 3; ++node) {
      balance.sessions(0, node, sessions / 3 + (static_cast<int>(node) < sessions % 3 ? 1 : 0));
    }
    EXPECT_NEAR(*crowding(balance, kMinute), 0.0, 1e-12) << sessions;
  }
}

TEST(FeltCrowding, AllOnOneOfManyNodesIsWorst) {
  Balance balance = nodes(4);
  balance.sessions(0, 2, 8);
  EXPECT_DOUBLE_EQ(*crowding(balance, kMinute), 3.0);  // c = 4, best = 1
}

TEST(FeltCrowding, AnEmptyClusterHasNoValue) {
  const Balance balance = nodes(4);
  EXPECT_FALSE(crowding(balance, kMinute).has_value());
}

TEST(FeltCrowding, TheWarmUpIsForgottenButItsSessionsStay) {
  Balance balance = nodes(2, -10 * kMinute);
  balance.sessions(-10 * kMinute, 0, 4);
  balance.restart(0);
  EXPECT_FALSE(crowding(balance, 0).has_value());
  EXPECT_DOUBLE_EQ(*crowding(balance, kMinute), 1.0);
}

TEST(FeltCrowding, SessionsThatChangeWhileANodeIsOutCountWhenItReturns) {
  Balance balance = nodes(2);
  balance.sessions(0, 0, 2);
  balance.sessions(0, 1, 2);
  balance.ready(0, 1, false);
  balance.sessions(0, 1, 0);
  balance.ready(0, 1, true);
  EXPECT_DOUBLE_EQ(*crowding(balance, kMinute), 1.0);  // (2, 0)
}

TEST(FeltCrowding, TheBestSplitOfAnyCountHasTheSmallestSumOfSquares) {
  EXPECT_EQ(best_split_squares(0, 3), 0);
  EXPECT_EQ(best_split_squares(7, 3), 9 + 4 + 4);
  EXPECT_EQ(best_split_squares(2, 5), 2);
}

// Two nodes of 4 cores. 10:00 n1 runs 4 threads. 10:01 n2 runs 2. 10:02 n1 is down to 2. 10:03 both are idle.
TEST(FeltCrowding, TheHandWorkedExampleOfTheCpuGivesOneThird) {
  Balance balance = nodes(2);
  balance.cpu(0 * kMinute, 0, 4);
  balance.cpu(1 * kMinute, 1, 2);
  balance.cpu(2 * kMinute, 0, 2);
  balance.cpu(3 * kMinute, 0, 0);
  balance.cpu(3 * kMinute, 1, 0);
  // (4, 0): 2 - 1, weight 4; (4, 2): 20 / 18 - 1 = 1/9, weight 6; (2, 2): 0, weight 4. (4 + 2/3) / 14 = 1/3.
  EXPECT_NEAR(*balance.result(Balance::kCpu, 5 * kMinute).felt, 1.0 / 3.0, 1e-12);
}

// Two nodes of 8 GiB. 10:00 n1 uses 4 GiB, 10:02 n2 uses 4 GiB, 10:04 end.
TEST(FeltCrowding, TheHandWorkedExampleOfMemoryGivesOneThird) {
  Balance balance = nodes(2);
  balance.memory(0 * kMinute, 0, 4 * kGiB);
  balance.memory(2 * kMinute, 1, 4 * kGiB);
  EXPECT_DOUBLE_EQ(*balance.result(Balance::kMemory, 4 * kMinute).felt, 1.0 / 3.0);  // (1 x 2 + 0 x 4) / 6
}

// The example of the plain averages: 10:00 (8, 4), 10:01 n1 7, 10:02 n2 5, 10:03 n1 6, 10:04 n1 1: too few; 10:05 end.
TEST(PlainAverages, TheHandWorkedExampleCountsOnlyInstantsWithFiveSessionsANode) {
  Balance balance = nodes(2);
  balance.sessions(0, 0, 8);
  balance.sessions(0, 1, 4);
  balance.sessions(1 * kMinute, 0, 7);
  balance.sessions(2 * kMinute, 1, 5);
  balance.sessions(3 * kMinute, 0, 6);
  balance.sessions(4 * kMinute, 0, 1);
  const Balance::Result result = balance.result(Balance::kSessions, 5 * kMinute);
  EXPECT_DOUBLE_EQ(balance.counted_share(5 * kMinute), 0.8);
  EXPECT_NEAR(*result.max_over_mean, (8 / 6.0 + 7 / 5.5 + 7 / 6.0 + 6 / 5.5) / 4, 1e-12);
  EXPECT_NEAR(*result.jain, (144 / 160.0 + 121 / 130.0 + 144 / 148.0 + 121 / 122.0) / 4, 1e-12);
  EXPECT_NEAR(*result.cov, (2 / 6.0 + 1.5 / 5.5 + 1 / 6.0 + 0.5 / 5.5) / 4, 1e-12);
  EXPECT_NEAR(*result.jain, 0.9489, 5e-5);
  EXPECT_NEAR(*result.cov, 0.2159, 5e-5);
  EXPECT_NEAR(*result.max_over_mean, 1.2159, 5e-5);
}

TEST(PlainAverages, WithoutASingleInstantThatCountsThereIsNoValue) {
  Balance balance = nodes(2);
  balance.sessions(0, 0, 9);  // 4.5 a node
  const Balance::Result result = balance.result(Balance::kSessions, kMinute);
  EXPECT_FALSE(result.jain.has_value());
  EXPECT_FALSE(result.cov.has_value());
  EXPECT_DOUBLE_EQ(balance.counted_share(kMinute), 0.0);
}

// 10:00 n1 4 threads of 4 cores; 10:01 down to 3; 10:02 n2 5; 10:03 n2 0; 10:10 end: minutes 1 and 3 of ten.
TEST(AboveNinety, TheHandWorkedExampleGivesTwoTenths) {
  Balance balance = nodes(2);
  balance.cpu(0, 0, 4);
  balance.cpu(1 * kMinute, 0, 3);
  balance.cpu(2 * kMinute, 1, 5);
  balance.cpu(3 * kMinute, 1, 0);
  EXPECT_DOUBLE_EQ(*balance.result(Balance::kCpu, 10 * kMinute).above, 0.2);
}

TEST(AboveNinety, SessionsHaveNoSuchShareWhereNoNodeLimitsThem) {
  Balance limited = nodes(1);
  limited.sessions(0, 0, 10);
  limited.sessions(kMinute, 0, 9);
  EXPECT_DOUBLE_EQ(*limited.result(Balance::kSessions, 4 * kMinute).above, 0.25);
  const Balance free = nodes(1, 0, {4, 8 * kGiB, 0});
  EXPECT_FALSE(free.result(Balance::kSessions, kMinute).above.has_value());
}

// Nodes of 4, 4 and 8 cores: 10:00 all ready, 10:02 the large one drains, 10:04 a small one crashes, 10:05 the large
// one is back, 10:06 the small one too; 10:10 end.
TEST(CapacityNotReady, TheHandWorkedExampleGivesOneFifth) {
  Balance balance({{4, kGiB, 0}, {4, kGiB, 0}, {8, kGiB, 0}}, 0);
  balance.ready(2 * kMinute, 2, false);
  balance.ready(4 * kMinute, 0, false);
  balance.ready(5 * kMinute, 2, true);
  balance.ready(6 * kMinute, 0, true);
  EXPECT_DOUBLE_EQ(balance.not_ready_share(10 * kMinute), (3 * 8 + 2 * 4) / 160.0);
}

// Two nodes of 10 sessions; n1 goes on to 20, 12, 5 and 4.
TEST(Oscillation, TheHandWorkedExampleCountsOneSwingInTwoNodeHours) {
  Balance balance = nodes(2);
  balance.sessions(0, 1, 10);
  balance.sessions(0, 0, 10);
  balance.sessions(10 * kMinute, 0, 20);  // mean 15: at 1.33 of it
  balance.sessions(20 * kMinute, 0, 12);  // mean 11: neither
  balance.sessions(30 * kMinute, 0, 5);   // mean 7.5: at 0.67, a swing
  balance.sessions(40 * kMinute, 0, 4);   // still low
  EXPECT_DOUBLE_EQ(*balance.swings_per_node_hour(60 * kMinute), 0.5);
}

TEST(MaxTree, IsTheLargestAfterAnyChange) {
  core::DrawSequence draws = core::Draws(7, core::purpose("max")).at({});
  for (const std::size_t n : {1u, 2u, 3u, 16u, 17u}) {
    MaxTree tree(n);
    std::vector<std::int64_t> values(n, MaxTree::kAbsent);
    EXPECT_EQ(tree.max(), MaxTree::kAbsent);
    for (int i = 0; i < 500; ++i) {
      const std::size_t at = draws.below(n);
      values[at] = static_cast<std::int64_t>(draws.below(9)) - 1;
      tree.set(at, values[at]);
      ASSERT_EQ(tree.max(), *std::max_element(values.begin(), values.end()));
    }
  }
}

TEST(Balance, EveryMeasureOfARandomHistoryEqualsTheOneRecomputedFromNothing) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    core::DrawSequence draws = core::Draws(seed, core::purpose("balance")).at({});
    const std::size_t n = 1 + draws.below(6);
    Plain plain;
    for (std::size_t i = 0; i < n; ++i) {
      const auto cores = static_cast<std::int64_t>(4 << draws.below(3));
      plain.capacity.push_back({cores, cores * kGiB, static_cast<std::int64_t>(draws.below(2) * 12)});
    }
    plain.sessions = plain.threads = plain.bytes = std::vector<std::int64_t>(n, 0);
    plain.ready.assign(n, true);
    Balance balance(plain.capacity, -kMinute);
    std::int64_t now = -kMinute;
    for (int i = 0; i < 400; ++i) {
      const auto span = static_cast<std::int64_t>(draws.below(3) * (1 + draws.below(40)) * kSecond);
      if (now < 0 && now + span >= 0) {
        now = 0;
        balance.restart(0);
      } else {
        if (now >= 0) plain.pass(static_cast<double>(span));
        now += span;
      }
      const std::size_t node = draws.below(n);
      switch (draws.below(4)) {
        case 0:
          plain.sessions[node] = static_cast<std::int64_t>(draws.below(14));
          balance.sessions(now, node, plain.sessions[node]);
          break;
        case 1:
          plain.threads[node] = static_cast<std::int64_t>(draws.below(9));
          balance.cpu(now, node, plain.threads[node]);
          break;
        case 2:
          plain.bytes[node] = static_cast<std::int64_t>(draws.below(17)) * (plain.capacity[node].memory_bytes / 16);
          balance.memory(now, node, plain.bytes[node]);
          break;
        default:
          plain.ready[node] = draws.below(3) > 0;
          balance.ready(now, node, plain.ready[node]);
      }
    }
    ASSERT_GT(now, 0);
    EXPECT_NEAR(balance.counted_share(now), plain.counted_time / plain.time, 1e-9) << seed;
    EXPECT_NEAR(balance.not_ready_share(now), plain.out / plain.time, 1e-9) << seed;
    for (int resource = 0; resource < 3; ++resource) {
      const Balance::Result found = balance.result(static_cast<Balance::Resource>(resource), now);
      const Plain::Sums& sums = plain.sums[resource];
      ASSERT_EQ(found.felt.has_value(), sums.weight > 0);
      if (found.felt) EXPECT_NEAR(*found.felt, sums.felt / sums.weight, 1e-9) << seed << ' ' << resource;
      ASSERT_EQ(found.jain.has_value(), sums.counted > 0);
      if (found.above) EXPECT_NEAR(*found.above, sums.above / plain.time, 1e-9) << seed << ' ' << resource;
      if (!found.jain) continue;
      EXPECT_NEAR(*found.jain, sums.jain / sums.counted, 1e-9) << seed << ' ' << resource;
      EXPECT_NEAR(*found.cov, sums.cov / sums.counted, 1e-6) << seed << ' ' << resource;
      EXPECT_NEAR(*found.max_over_mean, sums.max / sums.counted, 1e-9) << seed << ' ' << resource;
    }
  }
}

}  // namespace
}  // namespace homing::sim
