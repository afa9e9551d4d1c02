// SPDX-License-Identifier: Apache-2.0
//
// A fault scenario and its control twin have the same people; the fault moves the metric that the scenario is about by
// more than its margin, or the scenario says nothing.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "sim/commands.h"
#include "sim/experiment.h"
#include "sim/plan.h"
#include "sim/scenario.h"

namespace homing::sim {
namespace {

struct Twin {
  const char* folder;
  const char* metric;
};

class ControlTwinTest : public ::testing::TestWithParam<Twin> {};

Scenario load(const std::string& path) {
  ScenarioResult result = load_scenario(path, known_names());
  EXPECT_TRUE(result.ok()) << path;
  return std::move(result.scenario).value_or(Scenario{});
}

// Seed 1 under the baseline.
double value_of(Scenario scenario, const std::string& metric) {
  scenario.seeds = 1;
  scenario.strategies = {scenario.strategies[static_cast<std::size_t>(scenario.baseline)]};
  scenario.baseline = 0;
  double value = -1;
  ExperimentOptions options;
  options.jobs = 1;
  options.done = [&](const RunRecord& record) {
    for (const auto& [index, measured] : record.values) {
      if (metrics()[static_cast<std::size_t>(index)].name == metric) value = measured;
    }
    return true;
  };
  run_experiment({scenario}, options);
  return value;
}

TEST_P(ControlTwinTest, HasTheSamePeopleAndTheFaultMovesItsMetric) {
  const std::string folder = std::string("scenarios/") + GetParam().folder;
  const Scenario faulty = load(folder);
  const Scenario control = load(folder + "/control.toml");
  EXPECT_FALSE(faulty.faults.empty());
  EXPECT_TRUE(control.faults.empty());
  const Plan one = draw_plan(faulty, 1);
  const Plan other = draw_plan(control, 1);
  ASSERT_EQ(one.visits.size(), other.visits.size());
  for (std::size_t v = 0; v < one.visits.size(); ++v) {
    ASSERT_EQ(one.visits[v].arrival_ns, other.visits[v].arrival_ns);
    ASSERT_EQ(one.visits[v].user, other.visits[v].user);
  }
  double margin = 0;
  for (const MetricInfo& info : metrics()) {
    if (info.name == GetParam().metric) margin = info.margin;
  }
  const double moved = value_of(faulty, GetParam().metric) - value_of(control, GetParam().metric);
  EXPECT_GT(moved, margin) << GetParam().metric;
  RecordProperty("moved", std::to_string(moved));
}

INSTANTIATE_TEST_SUITE_P(Gallery, ControlTwinTest,
                         ::testing::Values(Twin{"partition-between-routers", "user-minutes-lost"},
                                           Twin{"store-outage", "session-minutes-without-store"},
                                           Twin{"rolling-upgrade", "user-minutes-lost"}),
                         [](const auto& tested) {
                           std::string name = tested.param.folder;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace homing::sim
