// SPDX-License-Identifier: Apache-2.0
//
// A whole world beside an onlooker who recomputes, from what can be seen of it after every event, what the journal was
// told of: nothing may have been forgotten to be told, and nothing told twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/plain_balance.h"
#include "tests/sim/worlds.h"

namespace homing::sim {
namespace {

using testing::scenario_from;
using testing::world_of;

constexpr const char* kTroubled = R"(
format = 1
title = "A crash, a drain, people at work"
start = "Mon 09:00"
horizon = "2 h"
warm-up = "1 h"
[cluster]
heartbeat = "5 s"
nodes = [{ count = 2, cores = 4, memory = "32 GiB", max-sessions = 24 }, { count = 2, cores = 8, memory = "64 GiB" }]
[[users]]
name = "analysts"
count = 400
day-shape = "office"
kinds = { jupyter = 1.0 }
[[fault]]
at = "Mon 09:20"
kind = "crash"
target = ["n3"]
lasts = "20 min"
[[fault]]
at = "Mon 10:00"
kind = "drain"
target = ["n1"]
lasts = "15 min"
[[strategy]]
name = "random"
)";

// What people feel, counted one by one.
struct Felt {
  double cut_ns = 0, lost_ns = 0, planned_ns = 0;
  void pass(const World& world, double span) {
    for (const Stay& stay : world.stays()) {
      if (stay.phase != Stay::Phase::kPresent) continue;
      planned_ns += span;
      if (stay.feeling == Feeling::kCut) cut_ns += span;
      if (stay.feeling == Feeling::kLost) lost_ns += span;
    }
  }
};

TEST(JournalOfAWorld, SaysWhatAnOnlookerCountsAfterEveryEvent) {
  for (const std::uint64_t seed : {1u, 2u}) {
    const auto scenario = scenario_from(kTroubled);
    World world = world_of(scenario, seed);
    Plain plain;
    for (const NodeSpec& node : scenario->nodes) {
      plain.capacity.push_back({node.cores, node.memory_bytes, node.max_sessions});
    }
    const std::size_t n = plain.capacity.size();
    plain.sessions = plain.threads = plain.bytes = std::vector<std::int64_t>(n, 0);
    plain.ready.assign(n, false);
    Felt felt;
    const std::int64_t horizon = scenario->horizon.count();
    for (bool more = true; more;) {
      more = world.step();
      const std::int64_t from = std::max<std::int64_t>(0, world.now_ns());
      const std::int64_t to = more ? world.next_event_ns() : horizon;
      if (!more || to <= from) continue;
      for (std::size_t i = 0; i < n; ++i) {
        const Machine& machine = world.machines()[i];
        plain.sessions[i] = static_cast<std::int64_t>(machine.processes.size());
        plain.threads[i] = machine.station ? machine.station->runnable() : 0;
        plain.bytes[i] = machine.memory_used;
        plain.ready[i] = machine.core.has_value() && !machine.draining;
      }
      plain.pass(static_cast<double>(to - from));
      felt.pass(world, static_cast<double>(to - from));
    }
    RunRecord record;
    world.finish().fill(record);
    const std::map<int, double> values(record.values.begin(), record.values.end());
    constexpr Metric kIds[3][5] = {{kFeltCrowding, kJainSessions, kCovSessions, kMaxOverMeanSessions, kAbove90Sessions},
                                   {kFeltCrowdingCpu, kJainCpu, kCovCpu, kMaxOverMeanCpu, kAbove90Cpu},
                                   {kFeltCrowdingMemory, kJainMemory, kCovMemory, kMaxOverMeanMemory, kAbove90Memory}};
    for (int resource = 0; resource < 3; ++resource) {
      const Plain::Sums& sums = plain.sums[resource];
      // The best split of threads is that of equal nodes; shares of memory are kept to 2^-20.
      const double near = resource == 2 ? 1e-4 : 1e-9;
      EXPECT_NEAR(values.at(kIds[resource][0]), sums.felt / sums.weight, near) << resource;
      ASSERT_GT(sums.counted, 0) << "the scenario is too quiet";
      EXPECT_NEAR(values.at(kIds[resource][1]), sums.jain / sums.counted, near) << resource;
      EXPECT_NEAR(values.at(kIds[resource][2]), sums.cov / sums.counted, 100 * near) << resource;
      EXPECT_NEAR(values.at(kIds[resource][3]), sums.max / sums.counted, near) << resource;
      EXPECT_NEAR(values.at(kIds[resource][4]), sums.above / plain.time, 1e-3) << resource;
    }
    EXPECT_NEAR(values.at(kBalanceCounted), plain.counted_time / plain.time, 1e-9);
    EXPECT_NEAR(values.at(kCapacityNotReady), plain.out / plain.time, 1e-9);
    EXPECT_GT(values.at(kCapacityNotReady), 0.05);
    EXPECT_NEAR(values.at(kMinutesCut), felt.cut_ns / 60e9, 1e-6);
    EXPECT_NEAR(values.at(kMinutesGone), felt.lost_ns / 60e9, 1e-6);
    EXPECT_GT(felt.lost_ns, 0) << "the crash hurt nobody";
    EXPECT_NEAR(values.at(kUserUptime), 1.0 - values.at(kUserMinutesLost) / (felt.planned_ns / 60e9), 1e-9);
    EXPECT_NEAR(values.at(kUserMinutesLost),
                values.at(kMinutesCut) + values.at(kMinutesGone) + values.at(kMinutesWaiting), 1e-6);
    EXPECT_GE(values.at(kRegret), 0.0);
  }
}

}  // namespace
}  // namespace homing::sim
