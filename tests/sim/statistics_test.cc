// SPDX-License-Identifier: Apache-2.0
#include "sim/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "router/core/distributions.h"

namespace homing::sim {
namespace {

TEST(Statistics, TQuantilesAreTheTables) {
  EXPECT_NEAR(t_quantile(0.975, 9), 2.262157, 1e-6);
  EXPECT_NEAR(t_quantile(0.975, 19), 2.093024, 1e-6);
  EXPECT_NEAR(t_quantile(0.995, 9), 3.249836, 1e-6);  // Bonferroni for five comparisons
  EXPECT_NEAR(t_quantile(0.975, 1), 12.706205, 1e-6);
  EXPECT_NEAR(t_quantile(0.5, 7), 0.0, 1e-12);
}

TEST(Statistics, ASmallSampleWorkedByHand) {
  const std::vector<double> d = {1, 2, 3, 4, 5};
  const PairedSummary s = summarise(d);
  EXPECT_EQ(s.n, 5);
  EXPECT_EQ(s.ties, 0);
  EXPECT_EQ(s.positive, 5);
  EXPECT_DOUBLE_EQ(s.mean, 3.0);
  EXPECT_DOUBLE_EQ(s.standard_error, std::sqrt(0.5));  // variance 2.5 / 5
  const auto interval = mean_interval(s, 1);
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(interval->low, 3 - 2.776445 * std::sqrt(0.5), 1e-5);
  EXPECT_NEAR(interval->high, 3 + 2.776445 * std::sqrt(0.5), 1e-5);
}

TEST(Statistics, MoreComparisonsWidenTheInterval) {
  const std::vector<double> d = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const PairedSummary s = summarise(d);
  EXPECT_LT(mean_interval(s, 1)->high, mean_interval(s, 5)->high);
  EXPECT_NEAR(mean_interval(s, 5)->high, 5.5 + 3.249836 * s.standard_error, 1e-5);
}

// Two runs with 1 of 10 and 5 of 20: 6/30 = 0.2; without the first 0.25, without the second 0.1; pseudo-values 0.4 -
// 0.25 and 0.4 - 0.1, mean 0.225, standard error 0.075, t of one degree 12.706.
TEST(Statistics, ARatioOfSumsWorkedByHand) {
  const std::vector<double> above = {1, 5}, below = {10, 20};
  const auto interval = ratio_interval(above, below, 1);
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(interval->low, 0.225 - 12.706205 * 0.075, 1e-6);
  EXPECT_NEAR(interval->high, 0.225 + 12.706205 * 0.075, 1e-6);
  EXPECT_FALSE(ratio_interval(above, std::vector<double>{0, 0}, 1).has_value());
  EXPECT_FALSE(ratio_interval(std::vector<double>{1}, std::vector<double>{2}, 1).has_value());
}

TEST(Statistics, AQuantileOfWhichOneRunKnowsAllHasNoInterval) {
  EXPECT_FALSE(quantile_interval(std::vector<std::vector<double>>{{}, {1, 2, 3}, {}}, 0.5, 1).has_value());
  EXPECT_FALSE(quantile_interval(std::vector<std::vector<double>>{{1, 2, 3}}, 0.5, 1).has_value());
  EXPECT_TRUE(quantile_interval(std::vector<std::vector<double>>{{1}, {2, 3}}, 0.5, 1).has_value());
}

TEST(Statistics, AQuantilesIntervalHoldsItsQuantileAndNarrowsWithRuns) {
  const auto width = [](std::uint32_t runs) {
    std::vector<std::vector<double>> values(runs);
    for (std::uint32_t run = 0; run < runs; ++run) {
      core::DrawSequence draws =
          core::Draws(1, core::purpose("quantile")).at({.high = 0, .low = run, .visit = 0, .attempt = 0});
      for (int i = 0; i < 200; ++i) values[run].push_back(core::sample(core::Distribution::exponential(1), draws));
    }
    const auto interval = quantile_interval(values, 0.95, 1);
    EXPECT_LT(interval->low, 2.996);  // -ln 0.05
    EXPECT_GT(interval->high, 2.996);
    return interval->high - interval->low;
  };
  EXPECT_LT(width(80), width(10));
  EXPECT_FALSE(quantile_interval(std::vector<std::vector<double>>{{1, 2}}, 0.5, 1).has_value());
}

TEST(Statistics, OneDifferenceHasNoInterval) {
  const std::vector<double> one = {1.0};
  EXPECT_FALSE(mean_interval(summarise(one), 1).has_value());
  EXPECT_FALSE(mean_interval(summarise({}), 1).has_value());
}

TEST(Statistics, TheSignTestIsExact) {
  EXPECT_DOUBLE_EQ(sign_test(0, 0), 1.0);
  EXPECT_DOUBLE_EQ(sign_test(5, 5), 2.0 / 32);
  EXPECT_DOUBLE_EQ(sign_test(0, 5), 2.0 / 32);
  EXPECT_NEAR(sign_test(1, 8), 2.0 * 9 / 256, 1e-12);
  EXPECT_DOUBLE_EQ(sign_test(4, 8), 1.0);
  EXPECT_NEAR(sign_test(2, 10), 2.0 * 56 / 1024, 1e-12);
}

// The promise behind every verdict: an interval for k comparisons misses any of the true means in at most 5 % of all
// experiments. 2,000 experiments, 10 pairs each, 4 strategies against one baseline with a shared noise.
TEST(Statistics, SimultaneousIntervalsCoverTheTruthInNineteenOfTwentyExperiments) {
  constexpr int kExperiments = 2000;
  constexpr int kPairs = 10;
  constexpr int kStrategies = 4;
  int misses = 0;
  for (std::uint32_t experiment = 0; experiment < kExperiments; ++experiment) {
    bool missed = false;
    for (std::uint32_t strategy = 0; strategy < kStrategies; ++strategy) {
      std::vector<double> differences;
      for (std::uint32_t pair = 0; pair < kPairs; ++pair) {
        core::DrawSequence base = core::Draws(1, core::purpose("coverage-base")).at({.low = experiment, .visit = pair});
        core::DrawSequence own =
            core::Draws(1, core::purpose("coverage")).at({.low = experiment, .visit = pair, .attempt = strategy});
        const auto noise = core::Distribution::normal(0, 1);
        const double other = 0.5 * strategy + core::sample(noise, own);
        differences.push_back(other - core::sample(noise, base));
      }
      const auto interval = mean_interval(summarise(differences), kStrategies);
      missed = missed || interval->low > 0.5 * strategy || interval->high < 0.5 * strategy;
    }
    misses += missed ? 1 : 0;
  }
  // Bonferroni is a little careful: between 3 % and 5 % plus four standard errors of a proportion.
  EXPECT_LT(misses, kExperiments * 0.05 + 4 * std::sqrt(0.05 * 0.95 * kExperiments));
  EXPECT_GT(misses, kExperiments * 0.02) << "intervals this careful hide real differences";
}

}  // namespace
}  // namespace homing::sim
