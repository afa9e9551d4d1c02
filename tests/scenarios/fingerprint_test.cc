// SPDX-License-Identifier: Apache-2.0
//
// The gallery's fingerprints: seed 1 of every scenario under every strategy, with one job and with two. The expected
// ones are in fingerprints.txt; a change of one is explained in the commit that makes it. The same file holds for
// release, dev and sanitizer builds, for clang and g++, with and without the processor's FMA variants of libm.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "sim/commands.h"
#include "sim/experiment.h"
#include "sim/scenario.h"
#include "sim/sweep.h"

namespace homing::sim {
namespace {

constexpr const char* kExpected = "tests/scenarios/fingerprints.txt";

// "scenario strategy" -> "plan fingerprint"
std::map<std::string, std::string> expected() {
  std::map<std::string, std::string> lines;
  std::ifstream file(kExpected);
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string scenario, strategy, plan, fingerprint;
    words >> scenario >> strategy >> plan >> fingerprint;
    lines[fmt::format("{} {}", scenario, strategy)] = fmt::format("{} {}", plan, fingerprint);
  }
  return lines;
}

std::map<std::string, std::string> found(const std::string& name, int jobs) {
  std::vector<Scenario> scenarios = load_scenarios("scenarios/" + name, known_names()).scenarios;
  EXPECT_FALSE(scenarios.empty());
  for (Scenario& scenario : scenarios) scenario.seeds = 1;
  std::map<std::string, std::string> lines;
  ExperimentOptions options;
  options.jobs = jobs;
  options.done = [&](const RunRecord& record) {
    const Scenario& scenario = scenarios[static_cast<std::size_t>(record.scenario)];
    const std::string& strategy = scenario.strategies[static_cast<std::size_t>(record.strategy)].name;
    lines[fmt::format("{} {}", scenario.name, strategy)] = fmt::format("{} {}", record.plan_hash, record.fingerprint);
    return true;
  };
  run_experiment(scenarios, options);
  return lines;
}

class ScenarioFingerprintTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ScenarioFingerprintTest, IsTheRecordedOneWithOneJobAndWithTwo) {
  const auto recorded = expected();
  const auto lines = found(GetParam(), 2);
  ASSERT_FALSE(lines.empty());
  for (const auto& [name, line] : lines) {
    const auto at = recorded.find(name);
    EXPECT_TRUE(at != recorded.end() && at->second == line)
        << "in " << kExpected << ", with the reason in the commit:\n"
        << name << " " << line;
  }
#ifdef NDEBUG
  // Unoptimised builds are ten times slower; tests/sim/experiment_test.cc compares one job with two in these.
  EXPECT_EQ(found(GetParam(), 1), lines);
#endif
}

INSTANTIATE_TEST_SUITE_P(Gallery, ScenarioFingerprintTest,
                         ::testing::Values("ordinary-day", "class-at-nine", "node-lost-at-peak", "rolling-drain",
                                           "stale-load", "stale-load-at-once.toml", "gray-failure",
                                           "heterogeneous-nodes", "recovered-empty-node", "partition-between-routers",
                                           "store-outage", "rolling-upgrade"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace homing::sim
