// SPDX-License-Identifier: Apache-2.0
//
// The schedule of faults: scripted, drawn, replayed; and what a wrong [[fault]] is told.
#include "sim/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using ::testing::HasSubstr;
using testing::scenario_from;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kHourNs = 3600 * kSecondNs;

const char* const kCluster = R"toml(
format = 1
title = "Faults"
start = "Mon 08:00"
horizon = "1000 h"
warm-up = "1 h"
[cluster]
nodes = [{ count = 8, cores = 4, memory = "16 GiB" }]
[[users]]
name = "few"
count = 1
day-shape = "office"
kinds = { jupyter = 1.0 }
)toml";

std::vector<PlannedFault> planned(const std::string& faults, std::uint64_t seed = 1) {
  return draw_faults(*scenario_from(kCluster + faults), seed);
}

std::string errors(const std::string& faults, const std::string& file = "test.toml") {
  ScenarioNames names;
  names.strategies = {"sessions"};
  const ScenarioResult result = parse_scenario(kCluster + faults, file, names);
  EXPECT_FALSE(result.ok());
  return base::render_report(result.diagnostics);
}

TEST(FaultTable, RowsStandInTheOrderOfTheKindsAndNamesDiffer) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < fault_kinds().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(fault_kinds()[i].kind), i);
    EXPECT_TRUE(names.insert(fault_kinds()[i].name).second) << fault_kinds()[i].name;
    EXPECT_STRNE(fault_kinds()[i].what, "");
  }
}

TEST(FaultTable, EveryKindCanBeWrittenWithItsTargetAloneAndHasAFunctionInTheWorld) {
  for (const FaultInfo& info : fault_kinds()) {
    std::string text = kCluster;
    text.replace(text.find("1000 h"), 6, "1 h");
    text += std::string("[[fault]]\nkind = \"") + info.name + "\"\nat = \"10 min\"\n";
    if (info.hits != FaultHits::kCluster) text += "target = [\"n2\", \"n3\"]\n";
    const auto scenario = scenario_from(text);
    const auto faults = draw_faults(*scenario, 1);
    ASSERT_FALSE(faults.empty()) << info.name;
    EXPECT_EQ(faults[0].values.size(), info.keys.size());
    auto world = testing::world_of(scenario, 1);
    world.run();
    EXPECT_EQ(world.finish().faults().size(), faults.size()) << info.name;
  }
}

TEST(FaultSchedule, ARackFailsAsOneFaultOfAllItsMachines) {
  const auto faults =
      planned("[[fault]]\nkind = \"rack\"\nat = \"Mon 09:00\"\ntarget = [\"n2\", \"n5\"]\nlasts = \"1 h\"\n");
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].nodes, (std::vector<std::uint32_t>{1, 4}));
  EXPECT_EQ(faults[0].start_ns, kHourNs);
  EXPECT_EQ(faults[0].end_ns, 2 * kHourNs);
  EXPECT_EQ(faults[0].label, "n2 n5 rack");
}

TEST(FaultSchedule, AnyDrawsAnotherVictimForAnotherSeedAndNoneTwice) {
  std::set<std::uint32_t> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto faults = planned("[[fault]]\nkind = \"crash\"\nat = \"1 h\"\ntarget = \"any\"\ncount = 3\n", seed);
    ASSERT_EQ(faults.size(), 3u);
    std::set<std::uint32_t> victims;
    for (const PlannedFault& fault : faults) victims.insert(fault.node);
    EXPECT_EQ(victims.size(), 3u);
    seen.insert(victims.begin(), victims.end());
  }
  EXPECT_EQ(seen.size(), 8u);
}

TEST(FaultSchedule, DrawnFailuresKeepTheirRateAndTheMachinesTheirAvailability) {
  const char* const text =
      "[[fault]]\nkind = \"crash\"\ntarget = \"all\"\nevery = \"weibull(shape 0.7, mean 18 h)\"\nlasts = "
      "\"lognormal(median 59 min, p90 329 min)\"\n";
  const auto scenario = scenario_from(kCluster + std::string(text));
  const double up = core::mean_of(*scenario->faults[0].every);
  const double down = core::mean_of(*scenario->faults[0].lasts);
  EXPECT_NEAR(up, 18.0 * 3600e9, 1e3);
  double count = 0;
  double down_time = 0;
  constexpr int kSeeds = 200;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    std::vector<std::int64_t> free_from(8, 0);
    for (const PlannedFault& fault : draw_faults(*scenario, seed)) {
      EXPECT_GE(fault.start_ns, free_from[fault.node]) << "a machine that is down does not fail";
      free_from[fault.node] = fault.end_ns;
      count += fault.start_ns > 0 ? 1 : 0;
      down_time += static_cast<double>(std::min(fault.end_ns, 1000 * kHourNs) - fault.start_ns);
    }
  }
  const double machine_time = kSeeds * 8 * 1000.0 * 3600e9;
  EXPECT_NEAR(count, machine_time / (up + down), 0.02 * machine_time / (up + down));
  EXPECT_NEAR(down_time / machine_time, down / (up + down), 0.03 * down / (up + down));
}

TEST(FaultSchedule, OneMachinesFailuresDoNotDependOnTheOthers) {
  const std::string rest = "every = \"exponential(20 h)\"\nlasts = \"1 h\"\n";
  const auto two = planned("[[fault]]\nkind = \"crash\"\ntarget = [\"n1\", \"n2\"]\n" + rest);
  const auto three = planned("[[fault]]\nkind = \"crash\"\ntarget = [\"n1\", \"n2\", \"n3\"]\n" + rest);
  const auto starts = [](const std::vector<PlannedFault>& faults, std::uint32_t node) {
    std::vector<std::int64_t> result;
    for (const PlannedFault& fault : faults) {
      if (fault.node == node) result.push_back(fault.start_ns);
    }
    return result;
  };
  EXPECT_GT(starts(two, 1).size(), 10u);
  EXPECT_EQ(starts(two, 0), starts(three, 0));
  EXPECT_EQ(starts(two, 1), starts(three, 1));
}

TEST(FaultSchedule, AFaultOfTheBusiestNodeMarksTheRunAsUnpaired) {
  const auto scenario =
      scenario_from(std::string(kCluster) + "[[fault]]\nkind = \"crash\"\nat = \"1 h\"\ntarget = \"busiest\"\n");
  EXPECT_TRUE(victims_depend_on_state(*scenario));
  ASSERT_FALSE(scenario->notes.empty());
  EXPECT_THAT(scenario->notes.back(), HasSubstr("not paired"));
  const auto faults = draw_faults(*scenario, 1);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].node, kNoFaultNode);
}

struct Mistake {
  const char* name;
  const char* fault;
  const char* expected;
};

class FaultMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(FaultMistakes, AreRefusedWithTheFix) {
  EXPECT_THAT(errors(std::string("[[fault]]\n") + GetParam().fault), HasSubstr(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    All, FaultMistakes,
    ::testing::Values(
        Mistake{"an_unknown_kind", "kind = \"crush\"\nat = \"1 h\"\ntarget = \"n1\"\n", "did you mean \"crash\"?"},
        Mistake{"no_time", "kind = \"crash\"\ntarget = \"n1\"\n", "none of at, every and trace"},
        Mistake{"two_times", "kind = \"crash\"\ntarget = \"n1\"\nat = \"1 h\"\nevery = \"20 h\"\n",
                "more than one of at"},
        Mistake{"no_target", "kind = \"crash\"\nat = \"1 h\"\n", "target"},
        Mistake{"too_many_of_any", "kind = \"crash\"\nat = \"1 h\"\ntarget = \"any\"\ncount = 9\n", "count"},
        Mistake{"a_count_of_named_ones", "kind = \"crash\"\nat = \"1 h\"\ntarget = \"n1\"\ncount = 2\n",
                "count: unknown key"},
        Mistake{"a_busiest_rack", "kind = \"rack\"\nat = \"1 h\"\ntarget = \"busiest\"\n", "takes a set"},
        Mistake{"a_million_faults", "kind = \"crash\"\ntarget = \"n1\"\nevery = \"1 ms\"\nlasts = \"1 ms\"\n",
                "more than a million faults"},
        Mistake{"a_stagger_of_drawn_ones", "kind = \"crash\"\ntarget = \"all\"\nevery = \"20 h\"\nstagger = \"1 h\"\n",
                "stagger: unknown key"},
        Mistake{"a_loss_above_one", "kind = \"heartbeat-loss\"\nat = \"1 h\"\ntarget = \"n1\"\nloss = 1.5\n",
                "fault[1].loss"},
        Mistake{"a_side_nobody_knows", "kind = \"partition\"\nat = \"1 h\"\ntarget = \"n1\"\nstore = \"other\"\n",
                "did you mean \"others\"?"},
        Mistake{"a_duration_without_unit", "kind = \"slow-link\"\nat = \"1 h\"\ntarget = \"n1\"\ndelay = \"5\"\n",
                "fault[1].delay"},
        Mistake{"too_much_drift", "kind = \"clock-drift\"\nat = \"1 h\"\ntarget = \"n1\"\nppm = 200000\n",
                "fault[1].ppm"},
        Mistake{"a_step_that_lasts", "kind = \"clock-step\"\nat = \"1 h\"\ntarget = \"n1\"\nlasts = \"1 h\"\n",
                "lasts: unknown key"},
        Mistake{"a_target_of_the_store", "kind = \"store-outage\"\nat = \"1 h\"\ntarget = \"n1\"\n",
                "target: unknown key"},
        Mistake{"everybody_joins_late", "kind = \"scale-out\"\nat = \"1 h\"\ntarget = \"all\"\n",
                "leaves no node in the cluster"},
        Mistake{"somebody_joins_again_and_again", "kind = \"scale-out\"\nevery = \"20 h\"\ntarget = \"n1\"\n",
                "happens once, to named nodes"},
        Mistake{"a_key_of_another_kind", "kind = \"crash\"\nat = \"1 h\"\ntarget = \"n1\"\nspeed = 0.5\n",
                "speed: unknown key"},
        Mistake{"a_missing_trace", "kind = \"crash\"\ntarget = \"all\"\ntrace = { file = \"none.csv\" }\n",
                "fault[1].trace.file: \"none.csv\" cannot be read"}),
    [](const ::testing::TestParamInfo<Mistake>& row) { return row.param.name; });

class TraceOnDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("homing-trace-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ScenarioResult read(const std::string& csv, const std::string& fault) {
    std::ofstream(folder_ / "failures.csv") << csv;
    ScenarioNames names;
    names.strategies = {"sessions"};
    return parse_scenario(kCluster + fault, (folder_ / "test.toml").string(), names);
  }

  std::filesystem::path folder_;
};

TEST_F(TraceOnDisk, IsReplayedRelativeToTheScenarioAndItsContentsAreInTheHash) {
  const std::string fault =
      "[[fault]]\nkind = \"crash\"\ntarget = [\"n4\", \"n6\"]\ntrace = { file = \"failures.csv\" }\n";
  const ScenarioResult one = read("node,down_s,up_s\na,100,200\nb,160,400\na,7200,7300\nc,1,2000\n", fault);
  ASSERT_TRUE(one.ok()) << base::render_report(one.diagnostics);
  const auto faults = draw_faults(*one.scenario, 7);
  ASSERT_EQ(faults.size(), 3u) << "the third node of the trace has no machine here";
  EXPECT_EQ(faults[0].node, 3u);
  EXPECT_EQ(faults[0].start_ns, 99 * kSecondNs) << "the trace begins with its first failure, that of c";
  EXPECT_EQ(faults[1].node, 5u);
  EXPECT_EQ(faults[1].end_ns, 399 * kSecondNs);
  EXPECT_EQ(faults[2].start_ns, 7199 * kSecondNs);
  const ScenarioResult other = read("node,down_s,up_s\na,100,201\nb,160,400\na,7200,7300\nc,1,2000\n", fault);
  ASSERT_TRUE(other.ok());
  EXPECT_NE(one.scenario->hash, other.scenario->hash);
}

TEST_F(TraceOnDisk, HitsSingleNodesThatAreNamed) {
  const ScenarioResult result =
      read("node,down_s,up_s\na,100,200\n",
           "[[fault]]\nkind = \"rack\"\ntarget = \"all\"\ntrace = { file = \"failures.csv\" }\n");
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(base::render_report(result.diagnostics), HasSubstr("a kind that hits nodes one by one"));
}

TEST_F(TraceOnDisk, AWrongLineIsNamed) {
  const std::string fault = "[[fault]]\nkind = \"crash\"\ntarget = \"all\"\ntrace = { file = \"failures.csv\" }\n";
  const auto report = [&](const std::string& csv) {
    const ScenarioResult result = read(csv, fault);
    EXPECT_FALSE(result.ok());
    return base::render_report(result.diagnostics);
  };
  EXPECT_THAT(report("node,down_s,up_s\na,100,x\n"), HasSubstr("failures.csv: line 2: \"x\" is no number of seconds"));
  EXPECT_THAT(report("# ours\nnode,down_s,up_s\na,100\n"), HasSubstr("line 3: has 2 fields"));
  EXPECT_THAT(report("node,down_s,up_s\na,100,100\n"), HasSubstr("expected up after down"));
  EXPECT_THAT(report(""), HasSubstr("expected the header node,down_s,up_s"));
  EXPECT_THAT(report("host,down,up\n"), HasSubstr("expected the header node,down_s,up_s"));
}

}  // namespace
}  // namespace homing::sim
