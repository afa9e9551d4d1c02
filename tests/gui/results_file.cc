// SPDX-License-Identifier: GPL-3.0-only
#include "tests/gui/results_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace homing::gui {
namespace {

constexpr int kNodes = 3;
constexpr int kStrategies = 3;
constexpr int kBuckets = 120;
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::vector<sim::Bucket> buckets(int node, int strategy) {
  std::vector<sim::Bucket> made;
  for (int i = 0; i < kBuckets; ++i) {
    const bool down = node == 1 && i >= 30 && i < 60;
    const double value = 5 + i / 12 + node * strategy;
    made.push_back(down ? sim::Bucket{kNothing, kNothing, kNothing, kNothing}
                        : sim::Bucket{value - 1, value, value + 1, value});
  }
  return made;
}

}  // namespace

sim::Scenario small_scenario(const std::string& name) {
  sim::Scenario scenario;
  scenario.name = name;
  scenario.title = "A small test with one crash";
  scenario.text = "format = 1\n";
  scenario.hash = std::string(32, 'a');
  scenario.start = core::Duration(8 * 60 * kMinuteNs);
  scenario.horizon = core::Duration(2 * 60 * kMinuteNs);
  scenario.seeds = kSeeds;
  for (int node = 1; node <= kNodes; ++node) {
    sim::NodeSpec spec;
    spec.name = "n" + std::to_string(node);
    spec.cores = 4;
    spec.memory_bytes = 1LL << 34;
    scenario.nodes.push_back(spec);
  }
  scenario.strategies = {{"sessions", "sessions", {}}, {"random", "random", {}}, {"p2c-sessions", "p2c-sessions", {}}};
  return scenario;
}

std::vector<sim::RunRecord> small_runs(int scenario, int first_id) {
  std::vector<sim::RunRecord> runs;
  for (int strategy = 0; strategy < kStrategies; ++strategy) {
    for (int i = 0; i < kSeeds; ++i) {
      sim::RunRecord run;
      run.id = first_id++;
      run.scenario = scenario;
      run.strategy = strategy;
      run.seed = static_cast<std::uint64_t>(i + 1);
      run.plan_hash = std::string(30, 'b') + std::to_string(10 + i);
      run.fingerprint = std::string(30, 'c') + std::to_string(10 + i);
      run.horizon_ns = 2 * 60 * kMinuteNs;
      run.host = "test";
      run.started_utc = "2026-01-05T08:00:00Z";
      const double noise = 0.01 * (i % 4);
      run.values = {
          {sim::kSessionsLost, 10.0 + i},
          {sim::kUserMinutesLost, 300 - 60 * (strategy == 2 ? 1 : 0) + (strategy == 2 ? noise : 0) + i},
          {sim::kSignInWaitP95, 5 + (strategy == 1 ? 3 + noise : 0)},
          {sim::kFeltCrowding, 0.1 + (strategy == 1 ? 0.2 + noise : 0) + (strategy == 2 ? 0.001 * (i % 3) : 0)}};
      if (i == 0) {
        for (int node = 0; node < kNodes; ++node)
          run.series.push_back({node, "sessions", kMinuteNs, buckets(node, strategy)});
        run.faults = {{1, "crash", 30 * kMinuteNs, 60 * kMinuteNs, "n2 crash"},
                      {2, "drain", 90 * kMinuteNs, std::nullopt, "n3 drain"}};
      }
      runs.push_back(run);
    }
  }
  return runs;
}

void write_results(const QString& file, const std::vector<sim::Scenario>& scenarios,
                   const std::vector<sim::RunRecord>& runs) {
  auto writer = sim::ResultWriter::create(file.toStdString(), scenarios, {}, false);
  ASSERT_TRUE(writer.has_value()) << writer.error();
  for (const sim::RunRecord& run : runs) {
    const auto written = writer->write(run);
    ASSERT_TRUE(written.has_value()) << written.error();
  }
}

}  // namespace homing::gui
