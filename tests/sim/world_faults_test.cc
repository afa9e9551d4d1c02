// SPDX-License-Identifier: Apache-2.0
//
// Every kind of fault does in the world what its row says, and the cluster recovers from it. Four machines, forty
// people who come in the first two minutes and stay; what is done to them comes at ten minutes.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using testing::scenario_from;
using testing::world_of;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;

const char* const kClass = R"toml(
format = 1
title = "A class that stays"
start = "Mon 08:00"
horizon = "40 min"
warm-up = "1 min"
[cluster]
nodes = [{ count = 4, cores = 8, memory = "64 GiB" }]
FRONT
[[users]]
name = "class"
count = 40
burst = { at = "1 min", within = "1 min" }
kinds = { seat = 1.0 }
[kind.seat]
length = "10 h"
actions = false
start = { solo = "2 s", cpu = "0 s", memory = "1 MiB" }
[[strategy]]
name = "sessions"
)toml";

std::string scenario_text(const std::string& faults, const std::string& front = "") {
  std::string text = kClass;
  text.replace(text.find("FRONT"), 5, front);
  return text + faults;
}

World world_with(const std::string& faults, const std::string& front = "", std::uint64_t seed = 1,
                 WorldOptions options = {}) {
  return world_of(scenario_from(scenario_text(faults, front)), seed, {}, std::move(options));
}

std::map<std::string, double> measured(World& world) {
  RunRecord record;
  world.finish().fill(record);
  std::map<std::string, double> values;
  for (const auto& [metric, value] : record.values) values[metrics()[static_cast<std::size_t>(metric)].name] = value;
  return values;
}

int feeling_count(const World& world, Feeling feeling) {
  int count = 0;
  for (const Stay& stay : world.stays()) {
    count += stay.phase == Stay::Phase::kPresent && stay.feeling == feeling ? 1 : 0;
  }
  return count;
}

void expect_everybody_works(const World& world) {
  EXPECT_EQ(feeling_count(world, Feeling::kWorking), 40);
  for (const Stay& stay : world.stays()) EXPECT_EQ(stay.ready, 1u) << "one process a session";
}

// Sessions with two processes that routers which see the store reach.
int served_twice(const World& world) {
  int twice = 0;
  for (std::uint32_t v = 0; v < world.stays().size(); ++v) {
    std::set<std::uint32_t> reached;
    for (std::uint32_t router = 0; router < world.machines().size(); ++router) {
      const Machine& machine = world.machines()[router];
      if (!machine.core || world.now() - machine.saw_store > core::seconds(2)) continue;
      const auto user = user_id(world.plan().seed, world.plan().visits[v].user);
      const Reach way = world.reach(router, world.stays()[v].session, user);
      if (way.served) reached.insert(way.process);
    }
    twice += reached.size() > 1 ? 1 : 0;
  }
  return twice;
}

TEST(WorldFaults, AFullPartitionServesNobodyTwiceThroughRoutersThatSeeTheStoreAndHeals) {
  World world =
      world_with("[[fault]]\nkind = \"partition\"\nat = \"10 min\"\nlasts = \"10 min\"\ntarget = [\"n1\", \"n2\"]\n");
  world.run_until(9 * kMinute);
  expect_everybody_works(world);
  for (std::int64_t t = 600 * kSecond; t < 1320 * kSecond; t += kSecond) {
    world.run_until(t);
    ASSERT_EQ(served_twice(world), 0) << "at " << t / kSecond << " s";
  }
  EXPECT_TRUE(world.links().peers_talk(0, 3));
  expect_everybody_works(world);
  world.run();
  auto values = measured(world);
  EXPECT_GT(values["double-life"], 60.0) << "the cut-off machines' sessions lived on beside their successors";
  EXPECT_GT(values["session-minutes-without-store"], 10.0);
  EXPECT_GT(values["user-minutes-lost"], 0.0);
  EXPECT_EQ(values["stickiness-violations"], 0.0);
}

TEST(WorldFaults, APartitionInWhichBothSidesSeeTheStoreCutsButLosesNobody) {
  World world = world_with(
      "[[fault]]\nkind = \"partition\"\nat = \"10 min\"\nlasts = \"10 min\"\ntarget = [\"n1\", \"n2\"]\nstore = "
      "\"both\"\n");
  world.run_until(15 * kMinute);
  const int cut = feeling_count(world, Feeling::kCut);
  EXPECT_GT(cut, 5);
  EXPECT_EQ(feeling_count(world, Feeling::kWorking) + cut, 40);
  world.run_until(21 * kMinute);
  expect_everybody_works(world);
  world.run();
  EXPECT_EQ(measured(world)["sessions-lost"], 0.0);
}

TEST(WorldFaults, UsersWhoAreCutFromTheTargetsAreMovedByTheFront) {
  World world = world_with(
      "[[fault]]\nkind = \"partition\"\nat = \"10 min\"\nlasts = \"10 min\"\ntarget = [\"n1\"]\nstore = "
      "\"both\"\nusers "
      "= \"others\"\n");
  world.run_until(15 * kMinute);
  for (const Stay& stay : world.stays()) EXPECT_NE(stay.router, 0u);
  world.run_until(22 * kMinute);
  expect_everybody_works(world);
}

TEST(WorldFaults, InAOneWayPartitionTheSilentMachineIsDeclaredDeadAndFencesItselfAfterwards) {
  for (const char* loses : {"sent", "received"}) {
    World world = world_with(std::string("[[fault]]\nkind = \"one-way-partition\"\nat = \"10 min\"\nlasts = \"10 "
                                         "min\"\ntarget = [\"n2\"]\nloses = \"") +
                             loses + "\"\n");
    for (std::int64_t t = 600 * kSecond; t < 1320 * kSecond; t += kSecond) {
      world.run_until(t);
      ASSERT_EQ(served_twice(world), 0) << loses << " at " << t / kSecond << " s";
    }
    expect_everybody_works(world);
  }
}

TEST(WorldFaults, OneHeartbeatInTwentyLostKillsNobody) {
  World world = world_with(
      "[[fault]]\nkind = \"heartbeat-loss\"\nat = \"10 min\"\nlasts = \"20 min\"\ntarget = [\"n2\"]\nloss = 0.05\n");
  world.run_until(35 * kMinute);
  expect_everybody_works(world);
  world.run();
  EXPECT_EQ(measured(world)["sessions-lost"], 0.0);
}

TEST(WorldFaults, EveryCallLostLooksLikeADeadMachine) {
  World world = world_with(
      "[[fault]]\nkind = \"heartbeat-loss\"\nat = \"10 min\"\nlasts = \"20 min\"\ntarget = [\"n2\"]\nloss = 1.0\n");
  world.run_until(35 * kMinute);
  expect_everybody_works(world);
  world.run();
  EXPECT_GT(measured(world)["double-life"], 0.0);
}

TEST(WorldFaults, AStoreOutageStopsNoWorkAndIsCountedApart) {
  World world = world_with("[[fault]]\nkind = \"store-outage\"\nat = \"10 min\"\nlasts = \"10 min\"\n");
  for (std::int64_t t = 600 * kSecond; t < 1260 * kSecond; t += 5 * kSecond) {
    world.run_until(t);
    ASSERT_EQ(feeling_count(world, Feeling::kWorking), 40) << "at " << t / kSecond << " s";
  }
  world.run();
  auto values = measured(world);
  EXPECT_EQ(values["sessions-lost"], 0.0);
  EXPECT_EQ(values["user-minutes-lost"], 0.0);
  // 40 people for ten minutes, less the lease time of 8 s (and the last call before).
  EXPECT_NEAR(values["session-minutes-without-store"], 40 * 9.8, 10.0);
}

TEST(WorldFaults, WithoutTheStoreNobodyNewIsServedUntilItIsBack) {
  const std::string late =
      "[[users]]\nname = \"late\"\ncount = 10\nburst = { at = \"12 min\", within = \"1 min\" }\n"
      "kinds = { seat = 1.0 }\n";
  for (const char* kind : {"store-outage", "store-read-only"}) {
    World world = world_with(late + "[[fault]]\nkind = \"" + kind + "\"\nat = \"10 min\"\nlasts = \"10 min\"\n");
    world.run_until(19 * kMinute);
    EXPECT_EQ(feeling_count(world, Feeling::kWorking), 40) << kind;
    world.run_until(25 * kMinute);
    EXPECT_EQ(feeling_count(world, Feeling::kWorking), 50) << kind;
  }
}

TEST(WorldFaults, AFailoverThatLosesItsTailIsANewTimelineAndLosesNobody) {
  World world =
      world_with("[[fault]]\nkind = \"store-failover\"\nat = \"90 s\"\nlasts = \"20 s\"\nlost-tail = \"20 s\"\n");
  world.run_until(80 * kSecond);
  const auto timeline = world.store().timeline();
  world.run_until(89 * kSecond);
  const auto before = world.store().latest();
  world.run_until(110 * kSecond + 1);
  EXPECT_LT(world.store().latest(), before) << "commits are gone";
  EXPECT_NE(world.store().timeline(), timeline);
  for (std::int64_t t = 111 * kSecond; t < 600 * kSecond; t += kSecond) {
    world.run_until(t);
    ASSERT_EQ(served_twice(world), 0) << "at " << t / kSecond << " s";
  }
  expect_everybody_works(world);
}

TEST(WorldFaults, ASlowStoreDelaysSignIn) {
  World slow = world_with("[[fault]]\nkind = \"slow-store\"\nat = \"10 s\"\nlasts = \"20 min\"\ndelay = \"700 ms\"\n");
  World plain = world_with("");
  slow.run();
  plain.run();
  EXPECT_GT(measured(slow)["sign-in-wait-p95"], measured(plain)["sign-in-wait-p95"] + 1.0);
}

TEST(WorldFaults, ARouterThatDiesAloneCostsNobodyASession) {
  World world =
      world_with("[[fault]]\nkind = \"router-crash\"\nat = \"10 min\"\nlasts = \"5 min\"\ntarget = [\"n2\"]\n");
  world.run_until(12 * kMinute);
  EXPECT_TRUE(world.machines()[1].on);
  EXPECT_FALSE(world.machines()[1].core);
  EXPECT_GT(world.machines()[1].processes.size(), 5u) << "the launcher and its sessions live";
  EXPECT_EQ(feeling_count(world, Feeling::kCut), static_cast<int>(world.machines()[1].processes.size()));
  world.run_until(17 * kMinute);
  expect_everybody_works(world);
  world.run();
  EXPECT_EQ(measured(world)["sessions-lost"], 0.0) << "the launcher's word held back the declaration of death";
}

TEST(WorldFaults, PastTheLeaseTheLauncherFreezesByItselfWhatMustNotRunBesideASuccessor) {
  WorldOptions options;
  options.adjust = [](core::NodeId, core::Config& config) {
    for (core::KindConfig& kind : config.kinds) kind.without_store = core::WithoutStore::kFreeze;
  };
  World world = world_with(
      "[[fault]]\nkind = \"router-crash\"\nat = \"10 min\"\nlasts = \"5 min\"\ntarget = [\"n2\"]\n", "", 1, options);
  const auto frozen = [&] {
    std::size_t count = 0;
    for (const auto& [name, slot] : world.machines()[1].processes) count += world.processes()[slot].frozen ? 1 : 0;
    return count;
  };
  world.run_until(10 * kMinute + 1'000'000'000);
  EXPECT_EQ(frozen(), 0u) << "its lease still stands";
  world.run_until(12 * kMinute);
  EXPECT_GT(frozen(), 5u);
  EXPECT_EQ(frozen(), world.machines()[1].processes.size());
  world.run_until(17 * kMinute);
  EXPECT_EQ(frozen(), 0u) << "the router that came back has seen the store";
  expect_everybody_works(world);
}

TEST(WorldFaults, ARouterAndItsLauncherCutOffTogetherAreDeclaredDead) {
  World world = world_with(
      "[[fault]]\nkind = \"router-crash\"\nat = \"10 min\"\nlasts = \"5 min\"\ntarget = [\"n2\"]\n[[fault]]\nkind = "
      "\"partition\"\nat = \"10 min\"\nlasts = \"5 min\"\ntarget = [\"n2\"]\n");
  world.run_until(14 * kMinute);
  EXPECT_EQ(feeling_count(world, Feeling::kWorking), 40) << "everybody started again elsewhere";
  world.run_until(17 * kMinute);
  expect_everybody_works(world);
}

TEST(WorldFaults, AShortRebootLosesItsSessionsThoughNobodyDeclaredItDead) {
  World world = world_with("[[fault]]\nkind = \"short-reboot\"\nat = \"10 min\"\ntarget = [\"n2\"]\nlasts = \"4 s\"\n");
  world.run_until(9 * kMinute);
  const auto lost = world.machines()[1].processes.size();
  world.run_until(13 * kMinute);
  expect_everybody_works(world);
  world.run();
  EXPECT_EQ(measured(world)["sessions-lost"], static_cast<double>(lost));
}

TEST(WorldFaults, ARackGoesAndReturnsAsOne) {
  World world =
      world_with("[[fault]]\nkind = \"rack\"\nat = \"10 min\"\ntarget = [\"n1\", \"n2\"]\nlasts = \"5 min\"\n");
  world.run_until(12 * kMinute);
  EXPECT_FALSE(world.machines()[0].on);
  EXPECT_FALSE(world.machines()[1].on);
  EXPECT_EQ(feeling_count(world, Feeling::kWorking), 40);
  world.run_until(16 * kMinute);
  EXPECT_TRUE(world.machines()[0].core && world.machines()[1].core);
}

TEST(WorldFaults, TwoFaultsThatOverlapKeepTheMachineOffUntilBothAreOver) {
  World world = world_with(
      "[[fault]]\nkind = \"crash\"\nat = \"10 min\"\ntarget = \"n2\"\nlasts = \"5 min\"\n[[fault]]\nkind = "
      "\"crash\"\nat = \"12 min\"\ntarget = \"n2\"\nlasts = \"10 min\"\n");
  world.run_until(16 * kMinute);
  EXPECT_FALSE(world.machines()[1].on);
  world.run_until(23 * kMinute);
  EXPECT_TRUE(world.machines()[1].on);
}

TEST(WorldFaults, FlappingEndsWithTheMachineInOrder) {
  for (const char* what : {"network", "router", "machine"}) {
    World world = world_with(std::string("[[fault]]\nkind = \"flapping\"\nat = \"10 min\"\ntarget = "
                                         "\"n2\"\nlasts = \"10 min\"\nwhat = \"") +
                             what + "\"\n");
    bool was_down = false;
    for (std::int64_t t = 600 * kSecond; t < 1200 * kSecond; t += kSecond) {
      world.run_until(t);
      was_down = was_down || !world.links().sees_store(1) || !world.machines()[1].core;
      ASSERT_EQ(served_twice(world), 0) << what << " at " << t / kSecond << " s";
    }
    EXPECT_TRUE(was_down) << what;
    world.run_until(24 * kMinute);
    EXPECT_TRUE(world.machines()[1].core && world.links().sees_store(1)) << what;
    expect_everybody_works(world);
  }
}

TEST(WorldFaults, ASlowLinkSlowsWhatGoesOverIt) {
  World slow = world_with(
      "[[fault]]\nkind = \"slow-link\"\nat = \"10 s\"\nlasts = \"20 min\"\ndelay = \"700 ms\"\ntarget = \"all\"\n");
  World plain = world_with("");
  slow.run();
  plain.run();
  EXPECT_GT(measured(slow)["sign-in-wait-p95"], measured(plain)["sign-in-wait-p95"] + 1.0);
}

TEST(WorldFaults, AStepOfAWallClockChangesNoDecision) {
  World plain = world_with("");
  World machine = world_with("[[fault]]\nkind = \"clock-step\"\nat = \"10 min\"\ntarget = \"all\"\nby = \"-3 h\"\n");
  World store = world_with(
      "[[fault]]\nkind = \"clock-step\"\nat = \"10 min\"\ntarget = \"n1\"\nclock = \"store\"\nby = \"1 d\"\n");
  for (World* world : {&plain, &machine, &store}) world->run();
  EXPECT_EQ(machine.machines()[2].wall_offset, core::seconds(-3 * 3600));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(machine.machines()[i].core->fingerprint(), plain.machines()[i].core->fingerprint());
    EXPECT_EQ(store.machines()[i].core->fingerprint(), plain.machines()[i].core->fingerprint());
  }
}

TEST(WorldFaults, ClocksThatDriftWithinReasonLoseNobodyAndDecideDifferently) {
  World plain = world_with("");
  World drifting = world_with(
      "[[fault]]\nkind = \"clock-drift\"\nat = \"5 min\"\ntarget = [\"n1\"]\nppm = 20000\nlasts = \"10 min\"\n"
      "[[fault]]\nkind = \"clock-drift\"\nat = \"5 min\"\ntarget = [\"n2\"]\nppm = -20000\n");
  plain.run();
  drifting.run();
  EXPECT_NE(plain.machines()[0].core->fingerprint(), drifting.machines()[0].core->fingerprint());
  // Ten minutes at two per cent.
  const auto gained = drifting.machines()[0].clock.local(drifting.now()) - drifting.now();
  EXPECT_EQ(gained, core::seconds(12));
  expect_everybody_works(drifting);
  EXPECT_EQ(measured(drifting)["sessions-lost"], 0.0);
}

TEST(WorldFaults, EveryRouterHasADriftOfItsOwnWhenTheScenarioSaysSo) {
  std::string text = scenario_text("");
  text.replace(text.find("[cluster]\n"), 10, "[cluster]\nclock-drift-ppm = 50\n");
  World world = world_of(scenario_from(text), 1);
  std::set<std::int64_t> drifts;
  for (const Machine& machine : world.machines()) {
    drifts.insert(machine.clock.drift());
    EXPECT_LE(std::abs(machine.clock.drift()), 50'000'000);
  }
  EXPECT_EQ(drifts.size(), 4u);
  world.run();
  expect_everybody_works(world);
}

TEST(WorldFaults, ARollingUpgradeTakesEveryMachineOnceAndServesThroughout) {
  World world = world_with(
      "[[fault]]\nkind = \"rolling-upgrade\"\nat = \"5 min\"\ntarget = \"all\"\ndeadline = \"1 min\"\nmaintenance = "
      "\"2 "
      "min\"\npause = \"30 s\"\n");
  std::set<std::size_t> down;
  for (std::int64_t t = 300 * kSecond; t < 2300 * kSecond; t += kSecond) {
    world.run_until(t);
    int off = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      if (world.machines()[i].on) continue;
      ++off;
      down.insert(i);
    }
    ASSERT_LE(off, 1);
  }
  EXPECT_EQ(down.size(), 4u);
  expect_everybody_works(world);
  for (const Machine& machine : world.machines()) EXPECT_FALSE(machine.draining);
  auto values = measured(world);
  EXPECT_EQ(values["sessions-lost"], 0.0) << "stopped as planned";
  ASSERT_EQ(world.journal().faults().size(), 1u);
  EXPECT_TRUE(world.journal().faults()[0].end_ns.has_value());
}

TEST(WorldFaults, AMachineThatJoinsIsAwayBeforeAndTakesSessionsAfterwards) {
  const std::string late =
      "[[users]]\nname = \"late\"\ncount = 20\nburst = { at = \"12 min\", within = \"1 min\" }\n"
      "kinds = { seat = 1.0 }\n";
  World world = world_with(late + "[[fault]]\nkind = \"scale-out\"\nat = \"10 min\"\ntarget = \"n4\"\n");
  world.run_until(9 * kMinute);
  EXPECT_FALSE(world.machines()[3].on);
  EXPECT_EQ(feeling_count(world, Feeling::kWorking), 40);
  world.run_until(15 * kMinute);
  EXPECT_EQ(feeling_count(world, Feeling::kWorking), 60);
  EXPECT_GT(world.machines()[3].processes.size(), 10u) << "the emptiest machine fills first";
}

TEST(WorldFaults, AMachineThatIsTakenOutStaysOut) {
  World world = world_with("[[fault]]\nkind = \"scale-in\"\nat = \"10 min\"\ntarget = \"n1\"\ndeadline = \"2 min\"\n");
  world.run_until(20 * kMinute);
  EXPECT_FALSE(world.machines()[0].on);
  EXPECT_EQ(feeling_count(world, Feeling::kWorking), 40);
  world.run();
  EXPECT_FALSE(world.machines()[0].on);
  EXPECT_EQ(measured(world)["sessions-lost"], 0.0);
}

TEST(WorldFaults, TheBusiestMachineIsChosenWhenItHappens) {
  World world = world_with("[[fault]]\nkind = \"crash\"\nat = \"10 min\"\ntarget = \"busiest\"\nlasts = \"5 min\"\n");
  world.run_until(600 * kSecond);
  std::size_t most = 0;
  for (const Machine& machine : world.machines()) most = std::max(most, machine.processes.size());
  world.run_until(601 * kSecond);
  int down = 0;
  for (const Machine& machine : world.machines()) down += machine.on ? 0 : 1;
  EXPECT_EQ(down, 1);
  world.run();
  EXPECT_EQ(measured(world)["sessions-lost"], static_cast<double>(most));
}

// One router of four answers nobody: the front needs 9 s to notice; who clicks again meets it again (sticky), or the
// next one (round robin).
TEST(WorldFaults, PeopleWhoTryAgainGetToAnotherRouterWhereThePolicyAllows) {
  const std::string fault =
      "[[fault]]\nkind = \"partition\"\nat = \"10 min\"\nlasts = \"10 min\"\ntarget = [\"n1\", \"n2\"]\nstore = "
      "\"both\"\n";
  const std::string retry = "retry = { policy = \"fixed\", every = \"2 s\" }\n";
  World waits = world_with(fault, "[front]\npolicy = \"round-robin\"\n");
  World tries = world_with(fault, "[front]\npolicy = \"round-robin\"\n" + retry);
  World sticky = world_with(fault, "[front]\npolicy = \"sticky-cookie\"\n" + retry);
  for (World* world : {&waits, &tries, &sticky}) world->run_until(15 * kMinute);
  EXPECT_GT(feeling_count(waits, Feeling::kCut), 5);
  EXPECT_EQ(feeling_count(tries, Feeling::kCut), 0) << "some router on the session's side answers";
  EXPECT_GT(feeling_count(sticky, Feeling::kCut), 5);
}

TEST(WorldFaults, BackOffMeansFewerTries) {
  const std::string fault =
      "[[fault]]\nkind = \"partition\"\nat = \"10 min\"\nlasts = \"10 min\"\ntarget = [\"n1\", \"n2\"]\nstore = "
      "\"both\"\n";
  const auto tries = [&](const std::string& retry) {
    World world = world_with(fault, "[front]\npolicy = \"sticky-cookie\"\n" + retry);
    world.run_until(19 * kMinute);
    std::uint32_t most = 0;
    for (const Stay& stay : world.stays()) most = std::max(most, stay.tries);
    return most;
  };
  const std::uint32_t fixed = tries("retry = { policy = \"fixed\", every = \"2 s\" }\n");
  const std::uint32_t back_off = tries("retry = { policy = \"back-off\", every = \"2 s\", most = \"2 min\" }\n");
  EXPECT_GT(fixed, 100u);
  EXPECT_GT(back_off, 3u);
  EXPECT_LT(back_off, 20u);
}

TEST(WorldFaults, ACopyGoesOnIdenticallyInTheMiddleOfEverything) {
  World world = world_with(
      "[[fault]]\nkind = \"partition\"\nat = \"5 min\"\nlasts = \"2 min\"\ntarget = [\"n1\", \"n2\"]\n[[fault]]\nkind "
      "= "
      "\"flapping\"\nat = \"6 min\"\ntarget = \"n3\"\nlasts = \"5 min\"\n[[fault]]\nkind = \"store-failover\"\nat = "
      "\"9 "
      "min\"\n[[fault]]\nkind = \"clock-drift\"\nat = \"4 min\"\ntarget = \"n4\"\n[[fault]]\nkind = "
      "\"rolling-upgrade\"\nat = \"12 min\"\ntarget = [\"n1\", \"n4\"]\ndeadline = \"1 min\"\n");
  world.run_until(6 * kMinute + 30 * kSecond);
  World copy = world;
  world.run_until(13 * kMinute);
  World other = world;
  for (World* each : {&world, &copy, &other}) each->run();
  EXPECT_EQ(copy.fingerprint(), world.fingerprint());
  EXPECT_EQ(other.fingerprint(), world.fingerprint());
}

}  // namespace
}  // namespace homing::sim
