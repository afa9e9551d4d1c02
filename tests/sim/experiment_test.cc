// SPDX-License-Identifier: Apache-2.0
//
// Experiments: the same records whatever the number of threads, whole pairs first, a stop that keeps what is finished.
#include "sim/experiment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using testing::scenario_from;

std::vector<Scenario> small() {
  std::vector<Scenario> scenarios = {*scenario_from(R"toml(
format = 1
title = "Small"
horizon = "20 min"
warm-up = "5 min"
seeds = 3
[cluster]
heartbeat = "5 s"
nodes = [{ count = 3, cores = 4, memory = "32 GiB" }]
[[users]]
name = "class"
count = 30
burst = { at = "Mon 00:02", within = "2 min" }
kinds = { jupyter = 1.0 }
[[fault]]
at = "Mon 00:08"
kind = "crash"
target = ["n2"]
lasts = "5 min"
[[strategy]]
name = "sessions"
[[strategy]]
name = "random"
)toml")};
  scenarios[0].name = "small";
  return scenarios;
}

std::map<int, RunRecord> run_with(int jobs) {
  std::map<int, RunRecord> records;
  ExperimentOptions options;
  options.jobs = jobs;
  options.done = [&](RunRecord record) {
    records[record.id] = std::move(record);
    return true;
  };
  EXPECT_EQ(run_experiment(small(), options), 6);
  return records;
}

TEST(ExperimentTest, OneJobAndTwoJobsGiveTheSameRecords) {
  const auto one = run_with(1);
  const auto two = run_with(2);
  ASSERT_EQ(one.size(), 6u);
  ASSERT_EQ(two.size(), 6u);
  for (const auto& [id, record] : one) {
    const RunRecord& other = two.at(id);
    EXPECT_EQ(record.fingerprint, other.fingerprint);
    EXPECT_EQ(record.plan_hash, other.plan_hash);
    EXPECT_EQ(record.values, other.values);
    EXPECT_EQ(record.events, other.events);
    EXPECT_EQ(record.strategy, id / 3);
    EXPECT_EQ(record.seed, static_cast<std::uint64_t>(id % 3 + 1));
    EXPECT_EQ(record.series.empty(), id % 3 != 0);  // of the first seed only
  }
  EXPECT_EQ(one.at(0).plan_hash, one.at(3).plan_hash);
  EXPECT_NE(one.at(0).plan_hash, one.at(1).plan_hash);
  EXPECT_NE(one.at(0).fingerprint, one.at(3).fingerprint);
}

TEST(ExperimentTest, ARunAloneIsTheRunOfTheExperiment) {
  const auto records = run_with(2);
  const RunRecord alone = run_once(small()[0], 1, 2, false);
  EXPECT_EQ(alone.fingerprint, records.at(4).fingerprint);
}

TEST(ExperimentTest, AStopKeepsTheFinishedRunsAndGivesUpTheOthers) {
  int kept = 0;
  ExperimentOptions options;
  options.jobs = 1;
  options.done = [&](const RunRecord&) { return ++kept < 2; };
  EXPECT_EQ(run_experiment(small(), options), 2);
  EXPECT_EQ(kept, 2);
}

TEST(ExperimentTest, ProgressEndsWhereItShould) {
  ExperimentOptions options;
  options.jobs = 2;
  Progress last;
  options.pulse = [&](const Progress& progress) {
    EXPECT_GE(progress.finished, last.finished);
    last = progress;
    return true;
  };
  EXPECT_EQ(run_experiment(small(), options), 6);
  EXPECT_EQ(last.runs, 6);
  EXPECT_EQ(last.finished, 6);
  EXPECT_DOUBLE_EQ(last.fraction, 1.0);
}

}  // namespace
}  // namespace homing::sim
