// SPDX-License-Identifier: Apache-2.0
//
// A small made-up experiment and a scratch folder that disappears: shared by the tests of results, reports and
// commands.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "router/base/diagnostics.h"
#include "sim/commands.h"
#include "sim/results.h"

namespace homing::sim {

class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "homing-results-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline constexpr const char* kSmallScenario = R"(format = 1
title = "One of three nodes dies"
start = "Mon 08:00"
horizon = "1 h"
seeds = 10
[cluster]
nodes = [{ count = 3, cores = 4, memory = "8 GiB", labels = ["a", "b"] }]
[[users]]
name = "all"
count = 10
day-shape = "flat"
kinds = { jupyter = 1.0 }
[margins]
"felt-crowding" = 0.5
[[strategy]]
name = "sessions"
[[strategy]]
name = "random"
[[expect]]
metric = "sessions-lost"
strategy = "random"
than = "sessions"
verdict = "worse"
because = "made up"
)";

inline Scenario small_scenario() {
  ScenarioResult result = parse_scenario(kSmallScenario, "scenarios/small/scenario.toml", known_names());
  EXPECT_TRUE(result.ok()) << base::render_report(result.diagnostics);
  return std::move(*result.scenario);
}

// Twenty finished runs, by id: ten seeds of each strategy; "random" loses two sessions more.
inline std::vector<RunRecord> small_runs() {
  std::vector<RunRecord> runs;
  for (int strategy = 0; strategy < 2; ++strategy) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      RunRecord run;
      run.id = strategy * 10 + static_cast<int>(seed) - 1;
      run.strategy = strategy;
      run.seed = seed;
      run.plan_hash = "plan-" + std::to_string(seed);
      run.fingerprint = "print-" + std::to_string(run.id);
      run.horizon_ns = 3'600'000'000'000;
      run.events = 1000 + run.id;
      run.decisions = 12;
      run.values = {{kSessionsLost, 3.0 + 2 * strategy + 0.1 * static_cast<double>(seed)},
                    {kUserMinutesLost, 1.0 / 3.0},
                    {kFeltCrowding, 0.25 * static_cast<double>(seed % 3)}};
      run.faults = {{2, "crash", 60'000'000'000, std::nullopt, "n3 crash"},
                    {1, "drain", 70'000'000'000, 80'000'000'000, "n2 drain"}};
      run.losses = {{60'000'000'000, 4, 1, 2, "jupyter", true, "node-crash", 90'000'000'000},
                    {60'000'000'000, 5, 0, 2, "jupyter", false, "node-crash", std::nullopt}};
      run.downs = {{4, 1, 60'000'000'000, 90'000'000'000, Feeling::kLost, false},
                   {5, 0, 95'000'000'000, 99'000'000'000, Feeling::kCut, true}};
      if (seed == 1) {
        const double nothing = std::numeric_limits<double>::quiet_NaN();
        run.series = {{0, "sessions", 2'000'000'000, {{1, 1.5, 2, 2}, {2, 2, 2, 2}}},
                      {2, "sessions", 2'000'000'000, {{1, 1, 1, 1}, {nothing, nothing, nothing, nothing}}}};
      }
      run.host = "here";
      run.started_utc = "2026-01-01T00:00:00Z";
      run.wall_ms = 5;
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

// Writes the small experiment to `path`.
inline void write_small(const std::string& path, const std::vector<RunRecord>& runs = small_runs()) {
  auto writer = ResultWriter::create(path, {small_scenario()}, {{"host", "here"}}, false);
  ASSERT_TRUE(writer.has_value()) << writer.error();
  for (const RunRecord& run : runs) {
    const auto written = writer->write(run);
    ASSERT_TRUE(written.has_value()) << written.error();
  }
}

}  // namespace homing::sim
