// SPDX-License-Identifier: Apache-2.0
//
// Mixed fates: starts that are accepted late, time out, meet a full node, calls and answers of the store that are lost,
// a machine that loses the store, one that crashes, a store that forgets its last commits. A safety phase in which all
// of it happens at drawn times, then a healing phase that must converge.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "router/core/draws.h"
#include "tests/sim/protocol.h"

namespace homing::sim {
namespace {

using testing::advance;
using testing::empty_world;
using testing::kMs;
using testing::kSec;
using testing::not_converged;
using testing::OneServingProcess;
using testing::only_process;
using testing::seed_count;
using testing::want;
using testing::Wanted;
using testing::wanted;

constexpr std::uint32_t kSessions = 3;
constexpr std::int64_t kSafetyEnds = 40 * kSec;
// Longest wait after healing: one lease time of hold, a declaration of death, a start that times out, then quiet.
constexpr std::int64_t kHealed = kSafetyEnds + 60 * kSec;

// What befalls one world; counted over all seeds, so that the test shows it was not vacuous.
struct Fates {
  std::uint64_t slow = 0;
  std::uint64_t isolated = 0;
  std::uint64_t crashed = 0;
  std::uint64_t tails = 0;
  std::uint64_t served = 0;
  std::uint64_t second_epochs = 0;
};

void one_world(std::uint64_t seed, Fates& fates) {
  core::DrawSequence draws(seed, core::purpose("fates"), {});
  WorldOptions options;
  options.kept_history = 256;
  options.store_jitter = core::milliseconds(static_cast<std::int64_t>(draws.below(40)));
  options.lost_calls_milli = static_cast<int>(draws.below(60));
  options.lost_answers_milli = static_cast<int>(draws.below(60));
  options.adjust = [](core::NodeId, core::Config& config) {
    config.kinds[0].start_timeout = core::seconds(6);
    config.accept_max = core::seconds(2);
  };
  World world = empty_world(seed, options);
  std::vector<Wanted> sessions;
  for (std::uint32_t i = 0; i < kSessions; ++i) sessions.push_back(wanted(seed, i));
  OneServingProcess checker(sessions);
  std::uint32_t away = kNone;
  std::uint32_t down = kNone;
  for (std::int64_t now = kSec; now < kSafetyEnds; now += kSec / 2) {
    advance(world, now + static_cast<std::int64_t>(draws.below(kSec / 2)), checker);
    const auto machine = static_cast<std::uint32_t>(draws.below(3));
    switch (draws.below(16)) {
      case 0:
        world.slow_starts(machine, core::milliseconds(static_cast<std::int64_t>(draws.below(9000))));
        ++fates.slow;
        break;
      case 1:
        world.slow_starts(machine, std::nullopt);
        break;
      case 2:
        if (away != kNone) break;
        world.isolate(away = machine, true);
        ++fates.isolated;
        break;
      case 3:
        if (away == kNone) break;
        world.isolate(away, false);
        away = kNone;
        break;
      case 4:
        if (down != kNone) break;
        world.crash(down = machine);
        ++fates.crashed;
        break;
      case 5:
        if (down == kNone) break;
        world.come_back(down);
        down = kNone;
        break;
      case 6:
        fates.tails += draws.below(4) == 0 && world.lose_tail(draws.below(12)) ? 1 : 0;
        break;
      default: {
        const auto which = static_cast<std::uint32_t>(draws.below(kSessions));
        want(world, machine, sessions[which], draws.below(2) == 0 ? core::Intent::kStart : core::Intent::kRestart);
      }
    }
    ASSERT_EQ(checker.violations(), 0u) << "seed " << seed << " at " << world.now_ns() / kMs << " ms; first "
                                        << checker.first();
  }
  // Healing: everything works again, the owners click once more.
  world.store_loss(0, 0);
  if (away != kNone) world.isolate(away, false);
  if (down != kNone) world.come_back(down);
  for (std::uint32_t i = 0; i < 3; ++i) world.slow_starts(i, std::nullopt);
  advance(world, kSafetyEnds + 30 * kSec, checker);
  for (const Wanted& what : sessions) want(world, 0, what, core::Intent::kRestart);
  advance(world, kHealed, checker);
  ASSERT_EQ(checker.violations(), 0u) << "seed " << seed;
  ASSERT_EQ(not_converged(world, sessions), "") << "seed " << seed;
  for (const Wanted& what : sessions) {
    const std::uint32_t slot = only_process(world, what.session);
    ASSERT_NE(slot, kNone) << "seed " << seed;
    fates.second_epochs += world.processes()[slot].epoch > core::Epoch(1) ? 1 : 0;
  }
  fates.served += checker.served();
}

void run(std::uint64_t seeds) {
  Fates fates;
  for (std::uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFatalFailure(); ++seed) one_world(seed, fates);
  fmt::print("{} seeds: {} slowed, {} cut from the store, {} crashes, {} lost tails, {} sessions placed again\n", seeds,
             fates.slow, fates.isolated, fates.crashed, fates.tails, fates.second_epochs);
  EXPECT_GT(fates.served, 0u);
  EXPECT_GT(fates.tails, 0u);
  EXPECT_GT(fates.second_epochs, 0u);
}

// Starts that time out: every machine is slower than the kind allows, then one is not.
TEST(FateTest, AStartThatTimesOutIsTriedElsewhereAndServesOnce) {
  for (std::uint64_t seed = 1; seed <= seed_count(10'000); ++seed) {
    WorldOptions options;
    options.adjust = [](core::NodeId, core::Config& config) { config.kinds[0].start_timeout = core::seconds(4); };
    World world = empty_world(seed, options);
    const Wanted what = wanted(seed, 0);
    OneServingProcess checker({what});
    advance(world, 2 * kSec, checker);
    const auto good = static_cast<std::uint32_t>(seed % 3);
    for (std::uint32_t i = 0; i < 3; ++i) {
      if (i != good) world.slow_starts(i, core::seconds(60));
    }
    want(world, 0, what, core::Intent::kStart);
    advance(world, 30 * kSec, checker);
    const std::uint32_t slot = only_process(world, what.session);
    ASSERT_NE(slot, kNone) << "seed " << seed;
    ASSERT_EQ(world.processes()[slot].machine, good) << "seed " << seed;
    ASSERT_EQ(not_converged(world, {what}), "") << "seed " << seed;
    ASSERT_EQ(checker.violations(), 0u) << "seed " << seed;
  }
}

TEST(FateTest, MixedFatesNeverGiveTwoServingProcessesAndHeal) {
  run(seed_count(10'000));
}

}  // namespace
}  // namespace homing::sim
