// SPDX-License-Identifier: Apache-2.0
#include "sim/looks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

// Plays a world: every run of a batch has this many sessions lost; other metrics are equal.
template <typename Lost>
void play(Looks& looks, const std::vector<Scenario>& batch, Lost lost, std::vector<RunRecord>& all) {
  for (std::size_t s = 0; s < batch.size(); ++s) {
    for (int strategy = 0; strategy < 2; ++strategy) {
      for (int i = 0; i < batch[s].seeds; ++i) {
        RunRecord run;
        run.scenario = static_cast<int>(s);
        run.strategy = strategy;
        run.seed = batch[s].first_seed + static_cast<std::uint64_t>(i);
        run.plan_hash = std::to_string(run.seed);
        run.values = {{kSessionsLost, lost(strategy, run.seed)}};
        run.series = {{0, "sessions", 1, {}}};
        looks.place(run);
        all.push_back(std::move(run));
      }
    }
  }
}

int seeds_run(double noise, MetricChoice choice = std::nullopt) {
  const std::vector<Scenario> scenarios = {small_scenario()};
  Looks looks(scenarios, choice);
  std::vector<RunRecord> all;
  for (;;) {
    const std::vector<Scenario> batch = looks.next();
    if (batch.empty()) break;
    // Alternating differences: a standard deviation of about `noise`.
    play(
        looks, batch, [&](int strategy, std::uint64_t seed) { return strategy * noise * (seed % 2 == 0 ? 1 : -1); },
        all);
  }
  std::set<int> ids;
  for (const RunRecord& run : all) ids.insert(run.id);
  EXPECT_EQ(ids.size(), all.size());
  return static_cast<int>(all.size()) / 2;
}

TEST(Looks, StopAtTheFirstLookAtWhichTheHalfWidthIsBelowTheMargin) {
  // The margin is 1 session. Half-width: t(0.975, n - 1) x noise x sqrt(n / (n - 1)) / sqrt(n).
  EXPECT_EQ(seeds_run(0.0), 10) << "identical";
  EXPECT_EQ(seeds_run(1.3), 10);  // 2.262 x 1.37 / 3.162 = 0.98
  EXPECT_EQ(seeds_run(1.4), 20);  // 1.06, then 2.093 x 1.44 / 4.47 = 0.67
  EXPECT_EQ(seeds_run(2.5), 40);  // 1.89, 1.20, then 0.81
  EXPECT_EQ(seeds_run(4.0), 80);
  EXPECT_EQ(seeds_run(400.0), 80) << "80 is the last look";
}

TEST(Looks, AskHowWideTheIntervalIsNeverOnWhichSideOfZero) {
  const std::vector<Scenario> scenarios = {small_scenario()};
  Looks looks(scenarios, std::nullopt);
  std::vector<RunRecord> all;
  // Clearly worse at ten runs, but by how much is open: half-width 1.9.
  play(
      looks, looks.next(),
      [](int strategy, std::uint64_t seed) { return strategy * (50 + (seed % 2 == 0 ? 2.5 : -2.5)); }, all);
  EXPECT_EQ(looks.next().size(), 1u);
}

TEST(Looks, OnlyTheChosenMetricsAreAsked) {
  EXPECT_EQ(seeds_run(400.0, MetricChoice{{"user-minutes-lost"}}), 10);
}

TEST(Looks, EachScenarioStopsByItself) {
  std::vector<Scenario> scenarios = {small_scenario(), small_scenario()};
  scenarios[0].name = "quiet";
  Looks looks(scenarios, std::nullopt);
  std::vector<RunRecord> all;
  play(looks, looks.next(), [](int, std::uint64_t) { return 0.0; }, all);
  all.clear();
  // The second one is noisy from its next look on; so far both are settled.
  EXPECT_TRUE(looks.next().empty());
  Looks again(scenarios, std::nullopt);
  const std::vector<Scenario> first = again.next();
  ASSERT_EQ(first.size(), 2u);
  for (int s = 0; s < 2; ++s) {
    for (int strategy = 0; strategy < 2; ++strategy) {
      for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        RunRecord run;
        run.scenario = s;
        run.strategy = strategy;
        run.seed = seed;
        run.values = {{kSessionsLost, s * strategy * 9.0 * static_cast<double>(seed % 2)}};
        again.place(run);
        EXPECT_EQ(run.id, s * 160 + strategy * 80 + static_cast<int>(seed) - 1);
      }
    }
  }
  const std::vector<Scenario> second = again.next();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].name, "small");
  EXPECT_EQ(second[0].first_seed, 11u);
  EXPECT_EQ(second[0].seeds, 10);
  RunRecord run;
  run.scenario = 0;
  run.seed = 11;
  run.series = {{0, "sessions", 1, {}}};
  again.place(run);
  EXPECT_EQ(run.scenario, 1) << "its place in the whole experiment";
  EXPECT_EQ(run.id, 160 + 10);
  EXPECT_TRUE(run.series.empty()) << "of the first seed only";
}

TEST(RunInLooks, WritesWhatARunOfThatManySeedsWouldHave) {
  std::vector<Scenario> scenarios = {small_scenario()};
  scenarios[0].strategies[1].base = scenarios[0].strategies[0].base;  // two names of one strategy: identical
  scenarios[0].warm_up = core::seconds(600);
  std::vector<RunRecord> runs;
  ExperimentOptions options;
  options.done = [&](RunRecord run) {
    runs.push_back(std::move(run));
    return true;
  };
  EXPECT_EQ(run_in_looks(scenarios, MetricChoice{{"sessions-lost"}}, options), 20);
  ASSERT_EQ(runs.size(), 20u);
  for (const RunRecord& run : runs) {
    const RunRecord alone = run_once(scenarios[0], run.strategy, run.seed, run.seed == 1);
    EXPECT_EQ(run.fingerprint, alone.fingerprint);
    EXPECT_EQ(run.values, alone.values);
    EXPECT_EQ(run.series.size(), alone.series.size());
  }
}

TEST(RunInLooks, StopsWhenItIsTold) {
  std::vector<Scenario> scenarios = {small_scenario()};
  scenarios[0].warm_up = core::seconds(600);
  ExperimentOptions options;
  int runs = 0;
  options.done = [&](RunRecord) { return ++runs < 3; };
  EXPECT_LE(run_in_looks(scenarios, std::nullopt, options), 3);
}

}  // namespace
}  // namespace homing::sim
