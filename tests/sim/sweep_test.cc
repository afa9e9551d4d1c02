// SPDX-License-Identifier: Apache-2.0
//
// A grid of scenarios: its points are the scenarios that one would write by hand, and every mistake in it is told with
// its place.
#include "sim/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "router/core/strategy.h"
#include "sim/commands.h"
#include "sim/experiment.h"

namespace homing::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kFile = R"toml(format = 1
title = "small"
horizon = "10 min"
warm-up = "1 min"
[cluster]
heartbeat = "1 s"
report-every = "5 s"
nodes = [{ count = 3, cores = 4, memory = "8 GiB" }]
[[stream]]
name = "jobs"
rate = "0.1 per s"
kind = "job"
[kind.job]
ends = "work-done"
work = "exponential(mean 1 s)"
[[strategy]]
name = "sessions"
[[strategy]]
name = "few"
base = "p2c-sessions"
params = { d = 2 }
)toml";

constexpr const char* kGrid = R"toml([sweep]
"cluster.report-every" = ["5 s", "60 s"]
"strategy.few.params.d" = [2, 3, 4]
)toml";

constexpr const char* kExpectations = R"toml([[expect]]
metric = "sessions-lost"
strategy = "few"
than = "sessions"
verdict = "identical"
because = "nothing fails"
[[expect]]
metric = "felt-crowding"
strategy = "few"
than = "sessions"
verdict = "worse"
because = "old reports"
at = { "cluster.report-every" = "60 s" }
)toml";

ScenariosResult parse(const std::string& text) {
  return parse_scenarios(text, "folder/grid.toml", known_names());
}

std::string errors(const std::string& text) {
  const ScenariosResult result = parse(text);
  EXPECT_FALSE(result.ok());
  EXPECT_TRUE(result.points.empty());
  return base::render_report(result.diagnostics);
}

std::string file_with(std::string from, const std::string& to) {
  std::string text = kFile;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Sweep, AFileWithoutOneIsItsOneScenario) {
  const ScenariosResult result = parse(kFile);
  ASSERT_THAT(result.scenarios, SizeIs(1));
  EXPECT_EQ(result.scenarios[0].name, "grid");
  EXPECT_EQ(result.scenarios[0].text, kFile);
  EXPECT_THAT(result.points, ElementsAre(""));
}

TEST(Sweep, EveryCombinationIsAPointAndTheLastPathVariesFastest) {
  const ScenariosResult result = parse(std::string(kFile) + kGrid);
  ASSERT_TRUE(result.ok()) << base::render_report(result.diagnostics);
  std::vector<std::string> names;
  for (const Scenario& scenario : result.scenarios) names.push_back(scenario.name);
  EXPECT_THAT(names,
              ElementsAre("grid@report-every=5s,d=2", "grid@report-every=5s,d=3", "grid@report-every=5s,d=4",
                          "grid@report-every=60s,d=2", "grid@report-every=60s,d=3", "grid@report-every=60s,d=4"));
  EXPECT_EQ(result.points[4], "cluster.report-every = 60 s, strategy.few.params.d = 3");
  const Scenario& point = result.scenarios[4];
  EXPECT_EQ(point.cluster.report_every, std::chrono::seconds(60));
  EXPECT_EQ(point.strategies[1].params[core::strategy_params("p2c-sessions")[0]], 3);
}

TEST(Sweep, APointIsTheScenarioThatOneWouldWriteByHand) {
  const ScenariosResult result = parse(std::string(kFile) + kGrid);
  ASSERT_TRUE(result.ok());
  std::string by_hand = file_with("report-every = \"5 s\"", "report-every = \"60 s\"");
  by_hand.replace(by_hand.find("d = 2"), 5, "d = 4");
  const ScenarioResult written = parse_scenario(by_hand, "by_hand.toml", known_names());
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(result.scenarios[5].hash, written.scenario->hash);
  const RunRecord a = run_once(result.scenarios[5], 1, 1, false);
  const RunRecord b = run_once(*written.scenario, 1, 1, false);
  EXPECT_EQ(a.fingerprint, b.fingerprint);
  EXPECT_EQ(a.plan_hash, b.plan_hash);
}

TEST(Sweep, TheTextOfAPointReadsBackAsThatPoint) {
  const ScenariosResult result = parse(std::string(kFile) + kExpectations + kGrid);
  ASSERT_TRUE(result.ok()) << base::render_report(result.diagnostics);
  for (const Scenario& point : result.scenarios) {
    const ScenarioResult again = parse_scenario(point.text, "again.toml", known_names());
    ASSERT_TRUE(again.ok()) << base::render_report(again.diagnostics);
    EXPECT_EQ(again.scenario->hash, point.hash);
    EXPECT_EQ(again.scenario->expect.size(), point.expect.size());
  }
}

TEST(Sweep, AnExpectationHoldsAtItsPointsOnly) {
  const ScenariosResult result = parse(std::string(kFile) + kExpectations + kGrid);
  ASSERT_TRUE(result.ok()) << base::render_report(result.diagnostics);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_THAT(result.scenarios[i].expect, SizeIs(1));
  for (std::size_t i = 3; i < 6; ++i) EXPECT_THAT(result.scenarios[i].expect, SizeIs(2));
  EXPECT_EQ(result.scenarios[5].expect[1].metric, "felt-crowding");
}

TEST(Sweep, PathsThatEndAlikeAreNamedInFull) {
  const ScenariosResult result =
      parse(std::string(kFile) + "[sweep]\n\"strategy.few.params.d\" = [3]\n\"strategy.2.params.d\" = [2]\n");
  ASSERT_TRUE(result.ok()) << base::render_report(result.diagnostics);
  EXPECT_EQ(result.scenarios[0].name, "grid@strategy.few.params.d=3,strategy.2.params.d=2");
}

struct Mistake {
  const char* name;
  const char* sweep;
  const char* expected;
};

class SweepMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(SweepMistakes, AreRefusedWithPlaceAndFix) {
  const std::string name = GetParam().name;
  const char* expectations = name.starts_with("an_expectation") ? kExpectations : "";
  EXPECT_THAT(errors(std::string(kFile) + expectations + GetParam().sweep), HasSubstr(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    All, SweepMistakes,
    ::testing::Values(
        Mistake{"no_list", "[sweep]\n\"cluster.report-every\" = \"5 s\"\n",
                "expected a list of values, e.g. [\"5 s\"]"},
        Mistake{"no_values", "[sweep]\n\"cluster.report-every\" = []\n", "is an empty list"},
        Mistake{"nothing", "[sweep]\n", "sweep: holds nothing; expected e.g."},
        Mistake{"no_quotation_marks", "[sweep]\ncluster.report-every = [\"60 s\"]\n",
                "write the whole path in quotation marks"},
        Mistake{"a_list_of_lists", "[sweep]\n\"cluster.report-every\" = [\"60 s\", [\"5 s\"]]\n", "is no single value"},
        Mistake{"a_value_twice", "[sweep]\n\"cluster.report-every\" = [\"60 s\", \"60 s\"]\n", "stands twice"},
        Mistake{"no_such_element", "[sweep]\n\"strategy.fewer.params.d\" = [2]\n",
                "\"strategy.fewer.params.d\" leads to nothing in this file"},
        Mistake{"a_misspelt_key", "[sweep]\n\"cluster.report-evry\" = [\"60 s\"]\n",
                "grid.toml:23:26: cluster.report-evry: unknown key; did you mean \"report-every\"?"},
        Mistake{"a_wrong_value", "[sweep]\n\"cluster.report-every\" = [\"60 s\", 5]\n",
                "grid.toml:23:35: cluster.report-every: 5 has no unit"},
        Mistake{"a_parameter_out_of_range", "[sweep]\n\"strategy.few.params.d\" = [2, 9]\n",
                "strategy[2].params.d: 9 is out of range; expected 2 to 8"},
        Mistake{"an_expectation_elsewhere", "[sweep]\n\"cluster.heartbeat\" = [\"1 s\"]\n",
                "\"cluster.report-every\" is not swept; expected \"cluster.heartbeat\""},
        Mistake{"an_expectation_at_no_point", "[sweep]\n\"cluster.report-every\" = [\"5 s\", \"15 s\"]\n",
                "\"60 s\" is no value of this sweep; expected \"5 s\", \"15 s\""}),
    [](const ::testing::TestParamInfo<Mistake>& row) { return std::string(row.param.name); });

TEST(Sweep, TooManyPointsAreRefused) {
  std::string grid = "[sweep]\n";
  for (const char* path : {"seeds", "kind.job.patience", "first-seed"}) {
    grid += "\"" + std::string(path) + "\" = [1";
    for (int i = 2; i <= 11; ++i) grid += ", " + std::to_string(i);
    grid += "]\n";
  }
  EXPECT_THAT(errors(std::string(kFile) + grid), HasSubstr("makes more than 1000 scenarios"));
}

TEST(Sweep, AMistakeOfTheFileIsToldOnce) {
  const std::string report = errors(file_with("cores = 4", "cores = 0") + kGrid);
  EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 1) << report;
}

TEST(Sweep, TheCommandListsThePoints) {
  std::ostringstream out, err;
  const std::vector<std::string> arguments{"scenarios/stale-load", "--list"};
  EXPECT_EQ(sweep_command(arguments, out, err), kExitOk) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("stale-load@report-every=15s: cluster.report-every = 15 s ("));
  const std::vector<std::string> no_list{"scenarios/stale-load"};
  EXPECT_EQ(sweep_command(no_list, out, err), kExitUsage);
  const std::vector<std::string> no_sweep{"scenarios/ordinary-day", "--list"};
  EXPECT_EQ(sweep_command(no_sweep, out, err), kExitUsage);
  EXPECT_THAT(err.str(), HasSubstr("has no [sweep]"));
}

}  // namespace
}  // namespace homing::sim
