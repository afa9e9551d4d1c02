// SPDX-License-Identifier: Apache-2.0
#include "sim/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "router/core/distributions.h"
#include "router/core/draws.h"

namespace homing::sim {
namespace {

using testing::HasSubstr;

std::vector<double> repeated(std::vector<double> pattern, std::size_t n) {
  std::vector<double> result;
  for (std::size_t i = 0; i < n; ++i) result.push_back(pattern[i % pattern.size()]);
  return result;
}

Verdict verdict(const std::vector<double>& differences, double margin, Better better = Better::kLower,
                int comparisons = 1) {
  return judge(differences, better, margin, comparisons).verdict;
}

TEST(Verdict, NineRunsAreTooFewWhateverTheyShow) {
  EXPECT_EQ(verdict(repeated({100, 101}, 9), 1), Verdict::kTooFewRuns);
  EXPECT_EQ(verdict(repeated({0}, 9), 1), Verdict::kTooFewRuns);
  EXPECT_EQ(verdict({}, 1), Verdict::kTooFewRuns);
}

TEST(Verdict, EqualPairsAreIdentical) {
  EXPECT_EQ(verdict(repeated({0}, 10), 1), Verdict::kIdentical);
  EXPECT_EQ(verdict(repeated({0}, 10), 0), Verdict::kIdentical);
}

TEST(Verdict, AnIntervalInsideTheMarginMeansNoDifferenceThatMatters) {
  EXPECT_EQ(verdict(repeated({0.1, -0.1, 0.2}, 20), 1), Verdict::kNoDifferenceThatMatters);
  // Significant, but too small to matter: the margin comes first.
  EXPECT_EQ(verdict(repeated({0.5, 0.6}, 20), 1), Verdict::kNoDifferenceThatMatters);
}

TEST(Verdict, AnIntervalOnOneSideOfZeroIsBetterOrWorseByTheMetricsDirection) {
  const auto up = repeated({4, 5, 6}, 12);
  const auto down = repeated({-4, -5, -6}, 12);
  EXPECT_EQ(verdict(up, 1, Better::kLower), Verdict::kWorse);
  EXPECT_EQ(verdict(down, 1, Better::kLower), Verdict::kBetter);
  EXPECT_EQ(verdict(up, 1, Better::kHigher), Verdict::kBetter);
  EXPECT_EQ(verdict(down, 1, Better::kHigher), Verdict::kWorse);
  EXPECT_EQ(verdict(up, 1, Better::kNeither), Verdict::kTooFewRuns);
}

TEST(Verdict, AWideIntervalAroundZeroIsTooFewRuns) {
  EXPECT_EQ(verdict(repeated({50, -45}, 10), 1), Verdict::kTooFewRuns);
}

TEST(Verdict, AConstantDifferenceIsJudgedWithoutSpread) {
  EXPECT_EQ(verdict(repeated({3}, 10), 1), Verdict::kWorse);
  EXPECT_EQ(verdict(repeated({0.5}, 10), 1), Verdict::kNoDifferenceThatMatters);
}

TEST(Verdict, WhenMostPairsTieTheSignTestDecides) {
  // 12 ties and 8 losses of very different size: t cannot see it, eight equal signs have p = 1/128.
  std::vector<double> d(12, 0.0);
  for (const double loss : {1.0, 2.0, 1.0, 500.0, 3.0, 1.0, 2.0, 1.0}) d.push_back(loss);
  const Judgement j = judge(d, Better::kLower, 1, 1);
  EXPECT_LT(j.interval->low, 0.0) << "the t interval alone would not decide";
  EXPECT_EQ(j.method, Method::kSignTest);
  EXPECT_EQ(j.verdict, Verdict::kWorse);
  // For seven comparisons 1/128 is no longer below 0.05 / 7.
  EXPECT_EQ(judge(d, Better::kLower, 1, 7).verdict, Verdict::kTooFewRuns);
}

TEST(Verdict, ASignTestAgainstTheMeanDecidesNothing) {
  std::vector<double> d(12, 0.0);
  for (const double x : {1.0, 2.0, 1.0, 1.0, 3.0, 1.0, 2.0, 1.0, -900.0}) d.push_back(x);
  EXPECT_EQ(verdict(d, 1), Verdict::kTooFewRuns);
}

TEST(Verdict, LooksComeAtTenTwentyFortyAndEighty) {
  EXPECT_EQ(next_look(3), 10);
  EXPECT_EQ(next_look(10), 20);
  EXPECT_EQ(next_look(20), 40);
  EXPECT_EQ(next_look(79), 80);
  EXPECT_FALSE(next_look(80).has_value());
}

TEST(Verdict, IdenticalMeetsAnExpectedNoDifference) {
  EXPECT_TRUE(meets(Verdict::kIdentical, Verdict::kNoDifferenceThatMatters));
  EXPECT_FALSE(meets(Verdict::kNoDifferenceThatMatters, Verdict::kIdentical));
  EXPECT_TRUE(meets(Verdict::kBetter, Verdict::kBetter));
  EXPECT_FALSE(meets(Verdict::kTooFewRuns, Verdict::kBetter));
}

TEST(Verdict, TheFivePhrasesReadBack) {
  for (const char* text : {"too few runs", "identical", "no difference that matters", "better", "worse"}) {
    ASSERT_TRUE(verdict_of(text).has_value()) << text;
    EXPECT_STREQ(words(*verdict_of(text)), text);
  }
  EXPECT_FALSE(verdict_of("fine").has_value());
}

// ---- known truths: how often a verdict is wrong when the truth is known

// Differences of experiment `e`, strategy `k`; pair by pair, so that a later look sees the earlier pairs again.
double draw(const char* purpose, std::uint32_t e, std::uint32_t k, std::uint32_t pair, const core::Distribution& law) {
  core::DrawSequence draws = core::Draws(11, core::purpose(purpose)).at({.low = e, .visit = pair, .attempt = k});
  return core::sample(law, draws);
}

constexpr int kExperiments = 1500;
// Five of a hundred, and four standard errors.
const int kMostErrors = static_cast<int>(kExperiments * 0.05 + 4 * std::sqrt(0.05 * 0.95 * kExperiments));

TEST(KnownTruth, WithoutADifferenceAtMostOneExperimentInTwentyNamesAnyOfFourStrategiesBetterOrWorse) {
  for (const bool ties : {false, true}) {
    int wrong = 0;
    for (std::uint32_t e = 0; e < kExperiments; ++e) {
      bool named = false;
      for (std::uint32_t k = 0; k < 4; ++k) {
        std::vector<double> d;
        for (std::uint32_t pair = 0; pair < 20; ++pair) {
          const double x = draw("null", e, k, pair, core::Distribution::normal(0, 10));
          // Three of four pairs tie and the rest has a long tail: losses of whole nodes.
          d.push_back(!ties ? x : std::fabs(x) < 11.5 ? 0.0 : x * x * x);
        }
        const Verdict found = verdict(d, 0.001, Better::kLower, 4);
        named = named || found == Verdict::kBetter || found == Verdict::kWorse;
      }
      wrong += named ? 1 : 0;
    }
    EXPECT_LE(wrong, kMostErrors) << (ties ? "most pairs tie" : "no ties");
  }
}

// Looks at 10, 20, 40 and 80 until settled() says stop. A true difference of twice the margin must not be called none,
// and a true difference of 0 not better or worse, in more than one experiment of twenty.
TEST(KnownTruth, StoppingByTheWidthOfTheIntervalKeepsItsPromise) {
  constexpr double kMargin = 1.0;
  for (const double truth : {0.0, 2 * kMargin}) {
    int wrong = 0;
    for (std::uint32_t e = 0; e < kExperiments; ++e) {
      std::vector<double> d;
      Judgement judgement;
      while (const auto look = next_look(static_cast<int>(d.size()))) {
        while (d.size() < static_cast<std::size_t>(*look)) {
          d.push_back(draw("looks", e, 0, static_cast<std::uint32_t>(d.size()), core::Distribution::normal(truth, 3)));
        }
        judgement = judge(d, Better::kLower, kMargin, 1);
        if (settled(judgement, kMargin)) break;
      }
      const bool side = judgement.verdict == Verdict::kBetter || judgement.verdict == Verdict::kWorse;
      const bool none = judgement.verdict == Verdict::kNoDifferenceThatMatters;
      wrong += (truth == 0.0 ? side : none || judgement.verdict == Verdict::kBetter) ? 1 : 0;
    }
    EXPECT_LE(wrong, kMostErrors) << "true difference " << truth;
  }
}

TEST(KnownTruth, ADifferenceThatIsThereIsFound) {
  int found = 0;
  for (std::uint32_t e = 0; e < 300; ++e) {
    std::vector<double> d;
    for (std::uint32_t pair = 0; pair < 20; ++pair) {
      d.push_back(draw("power", e, 0, pair, core::Distribution::normal(3, 3)));
    }
    found += verdict(d, 0.5) == Verdict::kWorse ? 1 : 0;
  }
  EXPECT_GT(found, 280);  // power of a t test with effect 1 and n 20: 0.99
}

TEST(Verdict, IsSettledWhenNobodyNeedLookAgain) {
  EXPECT_FALSE(settled(judge(repeated({0}, 9), Better::kLower, 1, 1), 1)) << "nine are too few";
  EXPECT_TRUE(settled(judge(repeated({0}, 10), Better::kLower, 0, 1), 0)) << "identical";
  EXPECT_TRUE(settled(judge(repeated({5}, 10), Better::kLower, 1, 1), 1));
  EXPECT_TRUE(settled(judge(repeated({5, 5.5}, 10), Better::kLower, 1, 1), 1));
  EXPECT_FALSE(settled(judge(repeated({50, 59}, 10), Better::kLower, 1, 1), 1)) << "worse, but by how much?";
}

// Two strategies, ten seeds, one metric; strategy 1 loses two sessions more.
struct Fixture {
  ScenarioRow scenario;
  std::vector<MetricRow> metric_rows;
  std::vector<RunRow> runs;

  Fixture() {
    scenario.name = "test";
    scenario.strategies = {{0, "sessions", "sessions", "{}"}, {1, "random", "random", "{}"}};
    metric_rows = {{0, metrics()[kSessionsLost]}};
    for (int strategy = 0; strategy < 2; ++strategy) {
      for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        RunRow run;
        run.id = strategy * 10 + static_cast<int>(seed);
        run.strategy = strategy;
        run.seed = seed;
        run.plan_hash = "plan-" + std::to_string(seed);
        run.values[0] = 10.0 + static_cast<double>(seed) + 2 * strategy;
        runs.push_back(run);
      }
    }
  }
};

TEST(CompareStrategies, DifferencesArePairedBySeed) {
  const Fixture f;
  const auto result = compare_strategies(f.scenario, f.metric_rows, f.runs, 0);
  ASSERT_TRUE(result.has_value());
  ASSERT_EQ(result->rows.size(), 1u);
  EXPECT_DOUBLE_EQ(result->rows[0].judgement.summary.mean, 2.0);
  EXPECT_DOUBLE_EQ(result->rows[0].judgement.summary.standard_error, 0.0) << "the seeds' own spread cancels";
  EXPECT_EQ(result->rows[0].judgement.verdict, Verdict::kWorse);
  EXPECT_DOUBLE_EQ(result->baseline_means[0].mean, 15.5);
}

TEST(CompareStrategies, AScenariosOwnMarginReplacesTheMetrics) {
  Fixture f;
  f.scenario.margins[0] = 3.0;
  EXPECT_EQ(compare_strategies(f.scenario, f.metric_rows, f.runs, 0)->rows[0].judgement.verdict,
            Verdict::kNoDifferenceThatMatters);
}

TEST(CompareStrategies, UnequalPlansAreRefused) {
  Fixture f;
  f.runs[3].plan_hash = "another";
  const auto result = compare_strategies(f.scenario, f.metric_rows, f.runs, 0);
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().text, HasSubstr("seed 4"));
}

TEST(CompareStrategies, RunsWithAStateDependentVictimAreRefused) {
  Fixture f;
  f.runs[3].paired = false;
  EXPECT_FALSE(compare_strategies(f.scenario, f.metric_rows, f.runs, 0).has_value());
}

TEST(CompareStrategies, ASeedWithoutAValueOnOneSideIsLeftOutAndSaid) {
  Fixture f;
  f.runs[0].values.clear();
  f.runs.pop_back();
  const auto result = compare_strategies(f.scenario, f.metric_rows, f.runs, 0);
  EXPECT_EQ(result->rows[0].judgement.summary.n, 8);
  EXPECT_EQ(result->rows[0].left_out, 2);
  EXPECT_EQ(result->rows[0].judgement.verdict, Verdict::kTooFewRuns);
}

TEST(CompareFiles, AStrategyIsComparedWithItselfByName) {
  const Fixture before;
  Fixture after;
  std::swap(after.scenario.strategies[0].name, after.scenario.strategies[1].name);
  const auto result = compare_files(before.scenario, before.runs, after.scenario, after.runs, after.metric_rows);
  ASSERT_TRUE(result.has_value());
  ASSERT_EQ(result->rows.size(), 2u);
  EXPECT_DOUBLE_EQ(result->rows[0].judgement.summary.mean, -2.0);  // id 0 is "random" here, id 1 there
  EXPECT_EQ(result->rows[0].judgement.verdict, Verdict::kBetter);
  EXPECT_EQ(result->rows[1].judgement.verdict, Verdict::kWorse);
}

TEST(CheckExpectations, AreMetNotMetOrNotRun) {
  Fixture f;
  f.scenario.expect = {{"sessions-lost", "random", "sessions", "worse", "it does not look"},
                       {"sessions-lost", "random", "sessions", "better", "wrong"},
                       {"sessions-lost", "user-hash", "sessions", "worse", "did not run"}};
  const auto results = check_expectations(f.scenario, f.metric_rows, f.runs);
  ASSERT_TRUE(results.has_value());
  EXPECT_EQ((*results)[0].standing, Standing::kMet);
  EXPECT_EQ((*results)[1].standing, Standing::kNotMet);
  EXPECT_EQ((*results)[1].found, Verdict::kWorse);
  EXPECT_FALSE((*results)[2].found.has_value());
  EXPECT_EQ((*results)[2].standing, Standing::kNotRun);
}

TEST(CheckExpectations, AreUndecidedWhileTheRunsAreTooFewToSpeakForThemOrAgainstThem) {
  Fixture f;
  f.scenario.expect = {{"sessions-lost", "random", "sessions", "worse", "it does not look"}};
  // Differences of 3 and -1 in turn: mean 1, interval [-0.5, 2.5], margin 1.
  for (std::size_t i = 0; i < f.runs.size(); ++i) {
    if (f.runs[i].strategy == 0) continue;
    f.runs[i].values[0] = f.runs[i - f.runs.size() / 2].values[0] + (i % 2 == 0 ? 3 : -1);
  }
  const auto results = check_expectations(f.scenario, f.metric_rows, f.runs);
  ASSERT_TRUE(results.has_value());
  EXPECT_EQ((*results)[0].found, Verdict::kTooFewRuns);
  EXPECT_EQ((*results)[0].standing, Standing::kUndecided);
  EXPECT_EQ((*results)[0].runs, 10);
  EXPECT_EQ((*results)[0].look, 20);
}

Judgement found(Verdict verdict, Interval interval) {
  Judgement judgement;
  judgement.verdict = verdict;
  judgement.summary = {10, 0, 10, (interval.low + interval.high) / 2, (interval.high - interval.low) / 2 / 2.262};
  judgement.interval = interval;
  return judgement;
}

TEST(Standing, ADifferenceThatMayBeTooSmallToMatterDoesNotRefuteThatNoneMatters) {
  const Verdict expected = Verdict::kNoDifferenceThatMatters;
  EXPECT_EQ(standing_of(found(Verdict::kWorse, {0.2, 1.4}), expected, 1), Standing::kUndecided);
  EXPECT_EQ(standing_of(found(Verdict::kBetter, {-1.4, -0.2}), expected, 1), Standing::kUndecided);
  EXPECT_EQ(standing_of(found(Verdict::kWorse, {1.2, 2.4}), expected, 1), Standing::kNotMet);
  EXPECT_EQ(standing_of(found(Verdict::kWorse, {0.2, 1.4}), Verdict::kIdentical, 1), Standing::kNotMet);
  EXPECT_EQ(standing_of(found(Verdict::kNoDifferenceThatMatters, {0.2, 0.9}), Verdict::kWorse, 1), Standing::kNotMet);
  EXPECT_EQ(standing_of(found(Verdict::kIdentical, {0, 0}), expected, 1), Standing::kMet);
}

TEST(Standing, TheLookThatWouldDecideIsTheFirstWhoseIntervalLeavesZeroOrStaysOnOneSideOfTheMargin) {
  // Half-width 1.2 at ten: 0.78 at twenty, 0.53 at forty, 0.37 at eighty (t 2.262, 2.093, 2.023, 1.990).
  EXPECT_EQ(look_that_decides(found(Verdict::kTooFewRuns, {-0.3, 2.1}), 1, 1), 20) << "0.9 > 0.78";
  EXPECT_EQ(look_that_decides(found(Verdict::kTooFewRuns, {-0.6, 1.8}), 1, 1), 40) << "0.6 > 0.53";
  EXPECT_EQ(look_that_decides(found(Verdict::kTooFewRuns, {-1.2, 1.2}), 1, 1), 20) << "0 + 0.78 < 1";
  EXPECT_EQ(look_that_decides(found(Verdict::kTooFewRuns, {-1.1, 1.3}), 0.2, 1), std::nullopt);
  EXPECT_EQ(look_that_decides(found(Verdict::kWorse, {0.1, 2.5}), 1, 1), std::nullopt) << "1.3 is too near the margin";
  EXPECT_EQ(look_that_decides(found(Verdict::kWorse, {0.3, 2.7}), 1, 1), 80) << "1.5 - 0.37 > 1";
}

}  // namespace
}  // namespace homing::sim
