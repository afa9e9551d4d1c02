// SPDX-License-Identifier: Apache-2.0
//
// The world as a whole: people are served, crashes and drains cost what they should, copies and restored cores go on
// identically.
#include "sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "router/core/draws.h"
#include "router/core/strategy.h"
#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using testing::scenario_from;
using testing::world_of;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;

const char* const kOffice = R"(
format = 1
title = "A small office"
start = "Mon 08:00"
horizon = "2 h"
warm-up = "30 min"
[cluster]
heartbeat = "5 s"
nodes = [{ count = 4, cores = 8, memory = "64 GiB" }]
[[users]]
name = "analysts"
count = 480
day-shape = "office"
kinds = { jupyter = 1.0 }
)";

std::string with(const std::string& more) {
  return kOffice + more;
}

TEST(WorldTest, APlannedDayWithoutFaultsServesEveryoneAndLosesNobody) {
  auto scenario = scenario_from(kOffice);
  World world = world_of(scenario, 1);
  world.run();
  Journal& journal = world.finish();
  RunRecord record;
  journal.fill(record);
  std::map<int, double> values(record.values.begin(), record.values.end());
  EXPECT_EQ(values.at(kSessionsLost), 0);
  EXPECT_EQ(values.at(kUserMinutesLost), 0);
  EXPECT_GT(values.at(kSignInWaitP95), 1.0);
  EXPECT_LT(values.at(kSignInWaitP95), 20.0);
  EXPECT_GE(values.at(kFeltCrowding), 0.0);
  EXPECT_GT(world.decisions(), 50u);
  std::size_t present = 0;
  for (const Stay& stay : world.stays()) {
    if (stay.phase != Stay::Phase::kPresent) continue;
    ++present;
    if (stay.feeling != Feeling::kWorking) continue;
    EXPECT_EQ(stay.ready, 1u);
  }
  EXPECT_GT(present, 20u);
}

const char* const kCrash = R"(
[[fault]]
at = "Mon 08:40"
kind = "crash"
target = ["n2"]
lasts = "20 min"
)";

TEST(WorldTest, ACrashCostsExactlyTheSessionsOfThatMachineAndTheirOwnersGetNewOnes) {
  World world = world_of(scenario_from(with(kCrash) + "[[strategy]]\nname = \"sessions\"\n"), 1);
  world.run_until(40 * kMinute);
  std::size_t ready_there = 0;
  for (const auto& [name, slot] : world.machines()[1].processes) {
    ready_there += world.processes()[slot].state == Process::State::kReady ? 1 : 0;
  }
  ASSERT_GT(ready_there, 3u);
  world.run();
  Journal& journal = world.finish();
  EXPECT_EQ(journal.losses().size(), ready_there);
  std::size_t back = 0;
  for (const SessionLoss& loss : journal.losses()) {
    EXPECT_EQ(loss.node, 1);
    EXPECT_EQ(loss.cause, "node-crash");
    EXPECT_EQ(loss.at_ns, 40 * kMinute);
    if (!loss.back_ns) continue;
    ++back;
    // Declared dead after 10 heartbeats, noticed, clicked, started.
    EXPECT_GT(*loss.back_ns - loss.at_ns, 45 * kSecond);
    EXPECT_LT(*loss.back_ns - loss.at_ns, 4 * kMinute);
  }
  EXPECT_GT(back, ready_there / 2);  // the others went home meanwhile
  bool cut = false;
  for (const DownInterval& down : journal.downs()) cut = cut || down.cause == Feeling::kCut;
  EXPECT_TRUE(cut);  // whose router was there although their session was not
}

TEST(WorldTest, AMachineThatRebootsBeforeItIsDeclaredDeadTellsAtOnceThatItsSessionsAreGone) {
  World world = world_of(scenario_from(with(kCrash)), 1);
  world.run_until(30 * kMinute);
  const std::size_t there = world.machines()[2].processes.size();
  ASSERT_GT(there, 0u);
  world.crash(2);
  world.run_until(30 * kMinute + 10 * kSecond);
  world.come_back(2);
  world.run_until(32 * kMinute);
  for (const SessionLoss& loss : world.journal().losses()) {
    if (loss.node != 2 || !loss.back_ns) continue;
    EXPECT_LT(*loss.back_ns - loss.at_ns, 90 * kSecond);
  }
  EXPECT_TRUE(world.machines()[2].core.has_value());
}

TEST(WorldTest, ADrainTakesNothingNewAndEndsWhatIsLeftAtItsDeadlineWithoutALoss) {
  World world = world_of(scenario_from(with(R"(
[[fault]]
at = "Mon 08:30"
kind = "drain"
target = ["n3"]
lasts = "30 min"
)")),
                         1);
  world.run_until(31 * kMinute);
  const std::size_t before = world.machines()[2].processes.size();
  ASSERT_GT(before, 1u);
  world.run_until(60 * kMinute - kSecond);
  const std::size_t left = world.machines()[2].processes.size();
  EXPECT_LE(left, before);
  EXPECT_GT(left, 0u);
  world.run_until(61 * kMinute);
  EXPECT_EQ(world.machines()[2].processes.size(), 0u);
  world.run();
  EXPECT_GT(world.machines()[2].processes.size(), 0u);  // ready again
  EXPECT_TRUE(world.finish().losses().empty());
}

TEST(WorldTest, EveryStrategySeesTheSamePeople) {
  for (const auto name : core::strategy_names()) {
    auto scenario = scenario_from(with(kCrash) + "[[strategy]]\nname = \"" + std::string(name) + "\"\n");
    World world = world_of(scenario, 3);
    world.run();
    EXPECT_EQ(world.plan().hash, draw_plan(*scenario_from(with(kCrash)), 3).hash) << name;
    EXPECT_GT(world.decisions(), 50u) << name;
  }
}

TEST(WorldTest, ACopyGoesOnIdentically) {
  World world = world_of(scenario_from(with(kCrash)), 2);
  world.run_until(39 * kMinute);
  World copy = world;
  world.run();
  copy.run();
  EXPECT_EQ(world.fingerprint(), copy.fingerprint());
  EXPECT_EQ(world.events(), copy.events());
}

TEST(WorldTest, AWorldCutAndRestoredAt100RandomPointsGoesOnIdentically) {
  const auto scenario = scenario_from(with(kCrash));
  World whole = world_of(scenario, 4);
  whole.run();
  World cut = world_of(scenario, 4);
  core::DrawSequence draws(4, core::purpose("cuts"), {});
  std::vector<std::int64_t> points;
  for (int i = 0; i < 100; ++i) points.push_back(static_cast<std::int64_t>(draws.below(150 * kMinute)) - 30 * kMinute);
  std::sort(points.begin(), points.end());
  for (const std::int64_t point : points) {
    cut.run_until(point);
    World copy = cut;
    copy.cut_and_restore();
    cut = std::move(copy);
  }
  cut.run();
  EXPECT_EQ(cut.fingerprint(), whole.fingerprint());
  EXPECT_EQ(cut.events(), whole.events());
}

TEST(WorldTest, NothingIsLeftBehindWhenEverybodyHasGoneHome) {
  World world = world_of(scenario_from(R"toml(
format = 1
title = "Short visits, then nobody"
horizon = "3 h"
warm-up = "1 min"
[cluster]
heartbeat = "5 s"
nodes = [{ count = 3, cores = 4, memory = "32 GiB" }]
[[users]]
name = "class"
count = 60
burst = { at = "Mon 00:10", within = "2 min" }
kinds = { jupyter = 1.0 }
[kind.jupyter]
length = "uniform(1 min, 60 min)"
[[fault]]
at = "Mon 00:20"
kind = "crash"
target = ["n2"]
lasts = "5 min"
)toml"),
                         1);
  world.run();
  for (const Machine& machine : world.machines()) {
    EXPECT_TRUE(machine.processes.empty());
    EXPECT_EQ(machine.memory_used, 0);
    EXPECT_EQ(machine.core->hosted_count(), 0u);
    EXPECT_TRUE(machine.core->routes().empty());
  }
  for (const Stay& stay : world.stays()) EXPECT_EQ(stay.phase, Stay::Phase::kOver);
}

}  // namespace
}  // namespace homing::sim
