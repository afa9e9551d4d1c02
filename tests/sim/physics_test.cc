// SPDX-License-Identifier: Apache-2.0
//
// The physics of sessions in the world, each on a cluster small enough to say by hand what must happen and when: idle
// rules, suspend and resume, start slots, memory that grows until none is left, slow and gray machines, double life.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "sim/commands.h"
#include "sim/world.h"
#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using testing::scenario_from;
using testing::world_of;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;

// `people` come at 00:10 within a second, stay five hours and think 90 minutes before each action.
std::string scenario(int people, const std::string& nodes, const std::string& kind, const std::string& cluster = "") {
  return R"(
format = 1
title = "physics"
start = "Mon 00:00"
horizon = "8 h"
warm-up = "10 min"
routers = 1
[cluster]
heartbeat = "5 s"
)" + cluster +
         "\nnodes = [" + nodes + "]\n" + R"(
[[users]]
name = "people"
count = )" +
         std::to_string(people) + R"(
burst = { at = "Mon 00:10", within = "1 s" }
kinds = { thing = 1.0 }
[kind.thing]
length = "5 h"
think = "90 min"
action = { cpu = "10 s", threads = 1, memory-step = "1 MiB" }
)" + kind;
}

const char* const kOneNode = R"({ count = 1, cores = 8, memory = "64 GiB" })";
const char* const kTwoNodes = R"({ count = 2, cores = 8, memory = "64 GiB" })";
const char* const kStart = R"(start = { solo = "2 s", cpu = "1 s", memory = "1 GiB" }
)";

std::int64_t scenario_ns(const World& world, core::Instant t) {
  return world.now_ns() - (world.now() - t).count();
}

std::size_t working(const World& world) {
  std::size_t n = 0;
  for (const Stay& stay : world.stays()) {
    n += stay.phase == Stay::Phase::kPresent && stay.feeling == Feeling::kWorking ? 1 : 0;
  }
  return n;
}

// What the world would report if it ended now.
double value(World world, int metric) {
  RunRecord record;
  world.finish().fill(record);
  for (const auto& [id, number] : record.values) {
    if (id == metric) return number;
  }
  ADD_FAILURE() << "no value of metric " << metric;
  return 0;
}

TEST(IdleWorld, AThinkingPersonsSessionIsSuspendedUnnoticedAndResumesWhenTheyPressAKey) {
  World world = world_of(scenario_from(scenario(1, kOneNode, std::string(kStart) + R"(
idle = { after = "60 min", then = "suspend" }
)")),
                         1);
  world.run_until(11 * kMinute);
  ASSERT_EQ(world.processes()[0].state, Process::State::kReady);
  const std::int64_t ready = scenario_ns(world, world.processes()[0].since);
  world.run_until(ready + 60 * kMinute + 5 * kSecond);
  EXPECT_EQ(world.processes()[0].state, Process::State::kSuspending) << "1 s and 8 s for the GiB";
  EXPECT_EQ(world.stays()[0].feeling, Feeling::kWorking);
  world.run_until(ready + 60 * kMinute + 10 * kSecond);
  EXPECT_TRUE(world.machines()[0].processes.empty());
  EXPECT_EQ(world.memory_used(0), 0);
  const core::SessionId session = world.stays()[0].session;
  EXPECT_EQ(world.machines()[0].core->route(session)->state, core::SessionState::kSuspended);
  EXPECT_EQ(world.stays()[0].feeling, Feeling::kWorking);
  world.run_until(ready + 90 * kMinute + 9 * kSecond);
  EXPECT_EQ(world.stays()[0].feeling, Feeling::kWaiting) << "2 s of start and 8 s to load";
  world.run_until(ready + 90 * kMinute + 11 * kSecond);
  EXPECT_EQ(world.stays()[0].feeling, Feeling::kWorking);
  EXPECT_EQ(world.machines()[0].core->route(session)->epoch, core::Epoch{2});
  EXPECT_EQ(world.memory_used(0), kGiB);
  world.run_until(ready + 90 * kMinute + 25 * kSecond);
  EXPECT_EQ(world.stays()[0].actions.index(), 1u) << "the thought was not thought again";
  world.run();
  Journal& journal = world.finish();
  EXPECT_TRUE(journal.losses().empty());
  for (const DownInterval& down : journal.downs()) ADD_FAILURE() << "ten seconds are within patience, " << down.from_ns;
}

TEST(IdleWorld, ASuspendUnderLoadIsStretchedByTheNodesProcessors) {
  // One core: eight suspends, each 1 s by the clock and then (with cpu = 0.5) 4.5 s of CPU, share it.
  World world = world_of(scenario_from(scenario(8, R"({ count = 1, cores = 1, memory = "64 GiB" })",
                                                R"(start = { solo = "1 s", cpu = "1 ms", memory = "1 GiB" }
idle = { after = "60 min", then = "suspend" }
)")),
                         1);
  world.run_until(70 * kMinute + 30 * kSecond);
  EXPECT_FALSE(world.machines()[0].processes.empty());
  world.run_until(70 * kMinute + 50 * kSecond);
  EXPECT_TRUE(world.machines()[0].processes.empty());
}

TEST(IdleWorld, ALargeSessionIsGivenTheTimeItsResumeTakesAndItsOwnerGetsItBack) {
  World world = world_of(scenario_from(scenario(1, kOneNode, R"(start = { solo = "2 s", cpu = "1 s", memory = "20 GiB" }
idle = { after = "60 min", then = "suspend" }
)")),
                         1);
  world.run_until(70 * kMinute + 30 * kSecond);
  ASSERT_EQ(world.processes()[0].state, Process::State::kSuspending) << "160 s to save";
  world.run_until(11 * kMinute + 90 * kMinute + 150 * kSecond);
  const core::SessionId session = world.stays()[0].session;
  EXPECT_EQ(working(world), 1u) << "162 s to load, at about 01:40";
  EXPECT_EQ(world.machines()[0].core->route(session)->epoch, core::Epoch{2}) << "the first try";
  world.run();
  const std::vector<DownInterval>& downs = world.finish().downs();
  EXPECT_EQ(downs.size(), 3u) << "three thoughts of 90 minutes in five hours";
  for (const DownInterval& down : downs) {
    EXPECT_NEAR(static_cast<double>(down.to_ns - down.from_ns), 132e9, 1e9) << "what is beyond a patience of 30 s";
  }
}

TEST(IdleWorld, ARuleThatEndsIsNoLossAndThePersonGetsANewSession) {
  World world = world_of(scenario_from(scenario(1, kOneNode, std::string(kStart) + R"(
idle = { after = "60 min", then = "end" }
)")),
                         1);
  world.run_until(11 * kMinute);
  const core::SessionId first = world.stays()[0].session;
  world.run_until(75 * kMinute);
  EXPECT_TRUE(world.machines()[0].processes.empty());
  EXPECT_EQ(world.stays()[0].feeling, Feeling::kWorking);
  world.run_until(102 * kMinute);
  EXPECT_EQ(world.stays()[0].feeling, Feeling::kWorking);
  EXPECT_NE(world.stays()[0].session, first);
  EXPECT_EQ(world.machines()[0].processes.size(), 1u);
  world.run();
  EXPECT_TRUE(world.finish().losses().empty());
}

TEST(IdleWorld, WhoLeavesASessionOpenLosesItAbsentWhenItsMachineDies) {
  World world = world_of(scenario_from(scenario(4, kTwoNodes, std::string(kStart) + R"(
idle = { after = "2 h", then = "suspend" }
leave = "open"
)")),
                         1);
  world.run_until(330 * kMinute);  // all went home at 5 h 10, an action ended at about 4 h 42
  ASSERT_EQ(working(world), 0u);
  const std::size_t there = world.machines()[1].processes.size();
  ASSERT_GT(there, 0u);
  world.crash(1);
  world.come_back(1);
  world.run();
  for (const Machine& machine : world.machines()) EXPECT_TRUE(machine.processes.empty()) << "the rule took the others";
  Journal& journal = world.finish();
  ASSERT_EQ(journal.losses().size(), there);
  for (const SessionLoss& loss : journal.losses()) EXPECT_FALSE(loss.owner_present);
}

TEST(StartSlotsWorld, ABurstStartsAsManyAtOnceAsTheNodeHasSlots) {
  const char* kind = R"(start = { solo = "4 s", cpu = "1 ms", memory = "1 GiB" }
)";
  World free = world_of(scenario_from(scenario(20, kOneNode, kind)), 1);
  World slots =
      world_of(scenario_from(scenario(20, R"({ count = 1, cores = 8, memory = "64 GiB", start-slots = 2 })", kind)), 1);
  free.run_until(10 * kMinute + 6 * kSecond);
  slots.run_until(10 * kMinute + 6 * kSecond);
  EXPECT_EQ(working(free), 20u);
  EXPECT_EQ(working(slots), 2u);
  slots.run_until(10 * kMinute + 22 * kSecond);
  EXPECT_EQ(working(slots), 10u);
  slots.run_until(10 * kMinute + 43 * kSecond);
  EXPECT_EQ(working(slots), 20u);
}

TEST(MemoryWorld, ALeakEndsItsSessionAtTheVeryNanosecondItReachesItsLimit) {
  World world = world_of(scenario_from(scenario(1, kOneNode, std::string(kStart) + R"(
leak-per-hour = "1 GiB"
memory-limit = "2 GiB"
)")),
                         1);
  world.run_until(11 * kMinute);
  const std::int64_t ready = scenario_ns(world, world.processes()[0].since);
  world.run_until(ready + 61 * kMinute);
  ASSERT_EQ(world.journal().losses().size(), 1u);
  EXPECT_EQ(world.journal().losses()[0].cause, "out-of-memory");
  // More than 2 GiB: one byte beyond, at 2^30 bytes in 3.6e12 ns.
  const std::int64_t beyond = (3600 * kSecond + 0) + (3600 * kSecond + kGiB - 1) / kGiB;
  EXPECT_EQ(world.journal().losses()[0].at_ns, ready + beyond);
}

TEST(MemoryWorld, ANodeWithoutMemoryEndsItsLargestSessionOrAllAsTheScenarioSays) {
  const std::string node = R"({ count = 1, cores = 8, memory = "6 GiB" })";
  const std::string kind = std::string(kStart) + "leak-per-hour = \"1 GiB\"\n";
  for (const bool all : {false, true}) {
    World world = world_of(
        scenario_from(scenario(
            3, node, kind, std::string("memory-reserve = 0\nout-of-memory = ") + (all ? "\"all\"" : "\"largest\""))),
        1);
    world.run_until(11 * kMinute);
    Int128 sum_of_births = 0;
    std::int64_t oldest = 0;
    for (const auto& [name, slot] : world.machines()[0].processes) {
      const std::int64_t since = scenario_ns(world, world.processes()[slot].since);
      sum_of_births += since;
      oldest = oldest == 0 || since < oldest ? since : oldest;
    }
    // 3 GiB and 3 GiB an hour, counted from the mean of their births, exceed 6 GiB an hour later.
    const auto mean = static_cast<std::int64_t>(sum_of_births / 3);
    world.run_until(mean + 61 * kMinute);
    const auto& losses = world.journal().losses();
    ASSERT_EQ(losses.size(), all ? 3u : 1u);
    EXPECT_NEAR(static_cast<double>(losses[0].at_ns), static_cast<double>(mean + 60 * kMinute), 3.0);
    EXPECT_EQ(losses[0].cause, "out-of-memory");
    EXPECT_LE(world.memory_used(0), 6 * kGiB);
  }
}

TEST(MemoryWorld, ALeakOfTheMachineItselfShowsInItsReportsAndEndsSessions) {
  World world = world_of(scenario_from(scenario(2, kOneNode, kStart, "memory-reserve = 0")), 1);
  world.run_until(30 * kMinute);
  EXPECT_EQ(world.memory_used(0), 2 * kGiB);
  world.leak(0, 62 * kGiB);
  world.run_until(60 * kMinute);
  EXPECT_NEAR(static_cast<double>(world.memory_used(0)), 33.0 * kGiB, 1e6);
  EXPECT_TRUE(world.journal().losses().empty());
  world.run_until(91 * kMinute);
  EXPECT_FALSE(world.journal().losses().empty());
  world.leak(0, 0);
  world.run_until(95 * kMinute);
  EXPECT_LE(world.memory_used(0), 2 * kGiB) << "restarted daemons give it back";
}

TEST(SlowWorld, AtHalfTheSpeedAnActionTakesTwice) {
  World world = world_of(scenario_from(scenario(1, kOneNode, kStart)), 1);
  world.run_until(11 * kMinute);
  const std::int64_t ready = scenario_ns(world, world.processes()[0].since);
  world.slow_down(0, 0.5);
  world.run_until(ready + 90 * kMinute + 19 * kSecond);
  EXPECT_EQ(world.stays()[0].actions.index(), 0u);
  world.run_until(ready + 90 * kMinute + 21 * kSecond);
  EXPECT_EQ(world.stays()[0].actions.index(), 1u);
}

TEST(SlowWorld, ANodesOwnSpeedCounts) {
  World world =
      world_of(scenario_from(scenario(1, R"({ count = 1, cores = 8, memory = "64 GiB", speed = 2.0 })", kStart)), 1);
  world.run_until(11 * kMinute);
  const std::int64_t ready = scenario_ns(world, world.processes()[0].since);
  world.run_until(ready + 90 * kMinute + 4 * kSecond);
  EXPECT_EQ(world.stays()[0].actions.index(), 0u);
  world.run_until(ready + 90 * kMinute + 6 * kSecond);
  EXPECT_EQ(world.stays()[0].actions.index(), 1u);
}

TEST(GrayWorld, StartsOnAGrayMachineHangUntilTheirTimeoutAndComeUpElsewhere) {
  World world = world_of(scenario_from(scenario(6, kTwoNodes, kStart)), 1);
  world.run_until(9 * kMinute);
  world.make_gray(1, true);
  world.run_until(10 * kMinute + 30 * kSecond);
  EXPECT_EQ(world.machines()[0].core->node(core::NodeId{1}, world.now()).view, core::NodeView::kUp);
  EXPECT_EQ(working(world), 3u) << "least sessions sends half of them there";
  world.run_until(12 * kMinute);
  EXPECT_EQ(working(world), 6u);
  EXPECT_TRUE(world.machines()[1].processes.empty());
}

std::string fault(const std::string& what) {
  return "\n[[fault]]\nat = \"30 min\"\ntarget = [\"n2\"]\n" + what;
}

TEST(BodyFaults, AScenarioSlowsLeaksAndGraysAMachineForAsLongAsItSays) {
  const auto text = [](const std::string& what) { return scenario(6, kTwoNodes, std::string(kStart) + fault(what)); };
  World slow = world_of(scenario_from(text("kind = \"slow-node\"\nspeed = 0.5\nlasts = \"1 h\"\n")), 1);
  World leaking = world_of(scenario_from(text("kind = \"memory-leak\"\nper-hour = \"8 GiB\"\nlasts = \"1 h\"\n")), 1);
  World gray = world_of(scenario_from(text("kind = \"gray\"\nlasts = \"1 h\"\n")), 1);
  for (World* world : {&slow, &leaking, &gray}) world->run_until(89 * kMinute);
  EXPECT_EQ(slow.machines()[1].slowness, 0.5);
  EXPECT_EQ(slow.machines()[0].slowness, 1.0);
  EXPECT_GT(leaking.memory_used(1), leaking.memory_used(0) + 7 * kGiB);
  EXPECT_TRUE(gray.machines()[1].gray);
  for (World* world : {&slow, &leaking, &gray}) world->run_until(91 * kMinute);
  EXPECT_EQ(slow.machines()[1].slowness, 1.0);
  EXPECT_LT(leaking.memory_used(1), 4 * kGiB);
  EXPECT_FALSE(gray.machines()[1].gray);
}

TEST(BodyFaults, AMachineThatCrashesWhileItLeaksComesBackWithItsMemory) {
  World world = world_of(
      scenario_from(scenario(2, kTwoNodes, std::string(kStart) + fault("kind = \"memory-leak\"\nlasts = \"2 h\"\n"))),
      1);
  world.run_until(60 * kMinute);
  world.crash(1);
  EXPECT_EQ(world.memory_used(1), 0);
  world.come_back(1);
  world.run();
  EXPECT_EQ(world.memory_used(1), 0);
}

TEST(ReloginStorm, EverybodyOfTheDeadMachineIsBackAsSoonAsItIsDeclaredDead) {
  const auto back_after = [](const std::string& what) {
    World world = world_of(scenario_from(scenario(40, kTwoNodes, std::string(kStart) + fault(what))), 1);
    world.run_until(40 * kMinute);
    std::vector<std::int64_t> back;
    for (const SessionLoss& loss : world.journal().losses()) {
      EXPECT_TRUE(loss.back_ns.has_value());
      if (loss.back_ns) back.push_back(*loss.back_ns - loss.at_ns);
    }
    EXPECT_EQ(back.size(), 20u);
    return back;
  };
  const auto storm = back_after("kind = \"relogin-storm\"\n");
  for (const std::int64_t ns : storm) EXPECT_LT(ns, 70 * kSecond) << "50 s to be declared dead, then one start";
}

TEST(DoubleLife, AWrongDeclarationOfDeathLetsBothProcessesLiveUntilTheOlderIsFenced) {
  World world = world_of(scenario_from(scenario(6, kTwoNodes, kStart)), 1);
  world.run_until(20 * kMinute);
  World crashed = world;
  const auto there = static_cast<double>(world.machines()[1].processes.size());
  ASSERT_GT(there, 0);
  world.isolate(1, true);
  world.run_until(30 * kMinute);
  EXPECT_EQ(working(world), 6u) << "their owners have new ones";
  world.isolate(1, false);
  world.run_until(32 * kMinute);
  const double seconds = value(world, kDoubleLife);
  EXPECT_GT(seconds, there * 7 * 60);
  EXPECT_LT(seconds, there * 10 * 60);
  for (const Stay& stay : world.stays()) EXPECT_EQ(stay.ready, 1u);
  crashed.crash(1);
  crashed.run_until(32 * kMinute);
  EXPECT_EQ(value(crashed, kDoubleLife), 0);
}

TEST(WorkLost, IsTheCpuSinceTheLastSavePoint) {
  const auto lost = [](const std::string& saving) {
    World world = world_of(scenario_from(scenario(1, kOneNode, std::string(kStart) + saving)), 1);
    world.run_until(11 * kMinute);
    const std::int64_t ready = scenario_ns(world, world.processes()[0].since);
    world.run_until(ready + 195 * kMinute);  // two actions of 10 s are done, at about 90 and 180 minutes
    world.crash(0);
    return value(world, kWorkLost);
  };
  EXPECT_NEAR(lost(""), 20.0, 1e-6);
  EXPECT_NEAR(lost("save-every = \"120 min\"\n"), 10.0, 1e-6);
  EXPECT_NEAR(lost("save-every = \"5 min\"\n"), 0.0, 1e-6);
}

// simulation.md 1.5: under least sessions the machine that comes back empty takes every start until it has caught up,
// for t* = D ln(N / (N - 1)) if all others were equal all the time. They are not: with nobody new their numbers drift
// apart, so it reaches the least of them before t* and their mean after it.
TEST(RecoveredEmptyNode, LeastSessionsFillsItAroundTheClosedFormsTime) {
  ScenarioResult read = load_scenario("scenarios/recovered-empty-node", known_names());
  ASSERT_TRUE(read.ok());
  const auto scenario = std::make_shared<Scenario>(std::move(*read.scenario));
  ASSERT_EQ(scenario->strategies[0].base, "sessions");
  constexpr int kSeeds = 5;
  double least_reached = 0;
  double mean_reached = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world = world_of(scenario, seed);
    const std::int64_t back = 300 * kMinute;
    world.run_until(back);
    ASSERT_FALSE(world.machines()[7].core.has_value());
    std::optional<std::int64_t> least_at;
    std::optional<std::int64_t> mean_at;
    for (std::int64_t now = back; !mean_at && now < back + 180 * kMinute; now += 15 * kSecond) {
      world.run_until(now);
      const std::size_t mine = world.machines()[7].processes.size();
      std::size_t sum = 0;
      std::size_t least = 1000;
      for (std::size_t i = 0; i < 7; ++i) sum += world.machines()[i].processes.size();
      for (std::size_t i = 0; i < 7; ++i) least = std::min(least, world.machines()[i].processes.size());
      if (!least_at && mine >= least) least_at = now - back;
      if (mine * 7 >= sum) mean_at = now - back;
    }
    ASSERT_TRUE(least_at.has_value() && mean_at.has_value());
    least_reached += static_cast<double>(*least_at) / (60.0 * kMinute) / kSeeds;
    mean_reached += static_cast<double>(*mean_at) / (60.0 * kMinute) / kSeeds;
  }
  const double closed_form = 4.0 * std::log(8.0 / 7.0);
  EXPECT_GT(least_reached, 0.7 * closed_form);
  EXPECT_LT(least_reached, 1.05 * closed_form);
  EXPECT_GT(mean_reached, 0.95 * closed_form);
  EXPECT_LT(mean_reached, 1.8 * closed_form);
}

TEST(WarmStart, AgreesWithThreeWeeksFromEmptyAndWithTheExactMean) {
  const auto occupancy = [](const char* beginning, std::uint64_t seed) {
    const std::string text = std::string(R"(
format = 1
title = "open"
horizon = "6 h"
routers = 1
)") + beginning + R"x(
[cluster]
heartbeat = "3600 s"
report-every = "3600 s"
user-delay = "0 s"
peer-delay = "0 s"
store-delay = "0 s"
nodes = [{ count = 2, cores = 8, memory = "64 GiB" }]
[[stream]]
name = "visitors"
rate = "10 per h"
kind = "place"
[kind.place]
start = { solo = "1 ms", cpu = "1 ms", memory = "1 B" }
length = "gamma(1.74, 2.06 h)"
actions = false
)x";
    WorldOptions options;
    options.record_feelings = false;
    World world = world_of(scenario_from(text), seed, 0, options);
    world.run();
    world.finish();
    return world.journal().moments().mean() * 2;
  };
  constexpr int kSeeds = 40;
  const auto study = [&](const char* beginning, std::uint64_t first) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < kSeeds; ++i) {
      const double x = occupancy(beginning, first + static_cast<std::uint64_t>(i));
      sum += x;
      squares += x * x;
    }
    const double mean = sum / kSeeds;
    return std::pair(mean, std::sqrt((squares / kSeeds - mean * mean) / (kSeeds - 1)));
  };
  const auto [warm, warm_error] = study("warm-up = \"1 h\"", 1);
  const auto [empty, empty_error] = study("warm-up = \"21 d\"\nwarm-start = false", 1001);
  const double exact = 10 * 1.74 * 2.06;
  EXPECT_NEAR(warm, exact, 3 * warm_error);
  EXPECT_NEAR(empty, exact, 3 * empty_error);
  EXPECT_NEAR(warm, empty, 3 * std::hypot(warm_error, empty_error));
}

}  // namespace
}  // namespace homing::sim
