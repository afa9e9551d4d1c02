// SPDX-License-Identifier: Apache-2.0
//
// The plan: the same for every strategy, and shaped as the scenario says.
#include "sim/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using testing::scenario_from;

constexpr std::int64_t kHour = 3'600'000'000'000;

const char* const kOffice = R"toml(
format = 1
title = "An office"
start = "Mon 00:00"
horizon = "5 d"
warm-up = "6 h"
[cluster]
nodes = [{ count = 2, cores = 4, memory = "16 GiB" }]
[[users]]
name = "analysts"
count = 400
day-shape = "office"
sessions-per-active-day = 1.5
active-share = 0.5
kinds = { jupyter = 0.75, rstudio = 0.25 }
[[users]]
name = "class"
count = 80
burst = { at = "Tue 09:00", within = "5 min" }
kinds = { jupyter = 1.0 }
[[fault]]
at = "Wed 10:00"
kind = "crash"
target = ["n1", "n2"]
stagger = "10 min"
lasts = "lognormal(median 59 min, p90 329 min)"
)toml";

TEST(PlanTest, TheSameSeedGivesTheSamePlanAndAnotherSeedAnother) {
  const auto scenario = scenario_from(kOffice);
  EXPECT_EQ(draw_plan(*scenario, 1).hash, draw_plan(*scenario, 1).hash);
  EXPECT_NE(draw_plan(*scenario, 1).hash, draw_plan(*scenario, 2).hash);
}

TEST(PlanTest, StrategiesDoNotEnterThePlan) {
  const auto one = scenario_from(std::string(kOffice) + "[[strategy]]\nname = \"random\"\n");
  const auto other = scenario_from(std::string(kOffice) + "[[strategy]]\nname = \"sessions\"\n");
  EXPECT_EQ(draw_plan(*one, 5).hash, draw_plan(*other, 5).hash);
}

TEST(PlanTest, VisitsAreOrderedUniqueAndInsideTheirWindow) {
  const auto scenario = scenario_from(kOffice);
  const Plan plan = draw_plan(*scenario, 1);
  EXPECT_TRUE(std::is_sorted(plan.visits.begin(), plan.visits.end(),
                             [](const Visit& a, const Visit& b) { return a.arrival_ns < b.arrival_ns; }));
  std::set<std::pair<std::uint32_t, std::uint32_t>> names;
  for (const Visit& visit : plan.visits) {
    EXPECT_TRUE(names.emplace(visit.user, visit.number).second);
    EXPECT_GT(visit.end_ns, -6 * kHour);
    EXPECT_LT(visit.arrival_ns, 5 * 24 * kHour);
  }
}

TEST(PlanTest, TheDayHasItsShapeAndKindsTheirShares) {
  const Plan plan = draw_plan(*scenario_from(kOffice), 1);
  std::array<int, 24> hours{};
  std::array<int, 2> kinds{};
  int analysts = 0;
  for (const Visit& visit : plan.visits) {
    if (visit.user >= 400 || visit.arrival_ns < 0) continue;
    ++analysts;
    ++hours[static_cast<std::size_t>(visit.arrival_ns / kHour % 24)];
    ++kinds[visit.kind];
  }
  // 400 users x 0.5 x (1.23 + 1.22 + 1.29 + 1.10 + 1.02) x 1.5 = 1758 expected; sd about 50.
  EXPECT_NEAR(analysts, 1758, 200);
  EXPECT_GT(hours[9], 3 * hours[6]);
  EXPECT_LT(hours[3], hours[9] / 10);
  EXPECT_NEAR(static_cast<double>(kinds[0]) / analysts, 0.75, 0.04);
}

TEST(PlanTest, AClassComesWithinItsBurst) {
  const Plan plan = draw_plan(*scenario_from(kOffice), 1);
  int students = 0;
  for (const Visit& visit : plan.visits) {
    if (visit.user < 400) continue;
    ++students;
    EXPECT_GE(visit.arrival_ns, 33 * kHour);
    EXPECT_LT(visit.arrival_ns, 33 * kHour + kHour / 12);
  }
  EXPECT_EQ(students, 80);
}

TEST(PlanTest, ThinkingNeverTakesLongerThanTheVisit) {
  const auto scenario = scenario_from(kOffice);
  const Plan plan = draw_plan(*scenario, 1);
  std::size_t all = 0;
  for (const Visit& visit : plan.visits) {
    std::int64_t thought = 0;
    ActionCursor actions;
    while (const PlannedAction* action = actions.look(scenario->kinds[visit.kind], plan.seed, visit)) {
      thought += action->think_ns;
      actions.done();
    }
    EXPECT_LT(thought, visit.end_ns - visit.arrival_ns);
    all += actions.index();
  }
  EXPECT_GT(all, plan.visits.size());
}

TEST(PlanTest, AnActionIsTheSameHoweverOftenOneLooks) {
  const auto scenario = scenario_from(kOffice);
  const Plan plan = draw_plan(*scenario, 1);
  const Visit& visit = *std::max_element(plan.visits.begin(), plan.visits.end(), [](const Visit& a, const Visit& b) {
    return a.end_ns - a.arrival_ns < b.end_ns - b.arrival_ns;
  });
  const KindSpec& kind = scenario->kinds[visit.kind];
  ActionCursor often, once;
  for (int i = 0; i < 3; ++i) {
    for (int looks = 0; looks < 4; ++looks) ASSERT_NE(often.look(kind, plan.seed, visit), nullptr);
    ASSERT_NE(once.look(kind, plan.seed, visit), nullptr);
    EXPECT_EQ(often.current()->think_ns, once.current()->think_ns);
    EXPECT_EQ(often.current()->cpu_ns, once.current()->cpu_ns);
    often.done();
    once.done();
  }
  EXPECT_EQ(once.current(), nullptr) << "not looked at yet";
}

TEST(PlanTest, FaultsNameTheirVictimsStaggeredAndWithLengthsOfTheirOwn) {
  const Plan plan = draw_plan(*scenario_from(kOffice), 1);
  ASSERT_EQ(plan.faults.size(), 2u);
  EXPECT_EQ(plan.faults[0].start_ns, 58 * kHour);
  EXPECT_EQ(plan.faults[1].start_ns, 58 * kHour + kHour / 6);
  EXPECT_EQ(plan.faults[0].label, "n1 crash");
  EXPECT_NE(plan.faults[0].end_ns - plan.faults[0].start_ns, plan.faults[1].end_ns - plan.faults[1].start_ns);
}

TEST(PlanTest, MoreUsersShiftNobodyElsesDraws) {
  std::string more = kOffice;
  more.replace(more.find("count = 80"), 10, "count = 90");
  const Plan few = draw_plan(*scenario_from(kOffice), 1);
  const Plan many = draw_plan(*scenario_from(more), 1);
  std::set<std::int64_t> arrivals;
  for (const Visit& visit : many.visits) arrivals.insert(visit.arrival_ns);
  for (const Visit& visit : few.visits) EXPECT_TRUE(arrivals.contains(visit.arrival_ns));
}

TEST(PlanTest, AStreamHasItsRate) {
  const auto scenario = scenario_from(R"toml(
format = 1
title = "A stream"
horizon = "10000 s"
warm-up = "0 s"
[cluster]
nodes = [{ cores = 4, memory = "16 GiB" }]
[[stream]]
name = "jobs"
rate = "0.9 per s"
kind = "job"
[kind.job]
ends = "work-done"
work = "exponential(2 s)"
)toml");
  const Plan plan = draw_plan(*scenario, 1);
  EXPECT_NEAR(static_cast<double>(plan.visits.size()), 9000, 4 * std::sqrt(9000));
  double work = 0;
  for (const Visit& visit : plan.visits) {
    ActionCursor actions;
    work += static_cast<double>(actions.look(scenario->kinds[0], plan.seed, visit)->cpu_ns) * 1e-9;
    actions.done();
    EXPECT_EQ(actions.look(scenario->kinds[0], plan.seed, visit), nullptr) << "its work is one action";
  }
  EXPECT_NEAR(work / static_cast<double>(plan.visits.size()), 2.0, 0.1);
}

}  // namespace
}  // namespace homing::sim
