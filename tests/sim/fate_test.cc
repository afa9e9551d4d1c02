// SPDX-License-Identifier: Apache-2.0
//
// Mixed fates, in a safety phase in which they happen at drawn times, then a healing phase that must converge.
//
// While every holder reaches the store, the promise is the strict one: never two serving processes of one session. Its
// fates: starts that are accepted late, time out, meet a full node; a store that forgets its last commits. Once a
// holder may be cut off from the store (all of it, or by lost calls during the whole wait after a failover) or crash, a
// `keep` kind serves on there by design while others may start the session again; then the promise is about who reaches
// what: routers that see the store reach one process. Each checker is shown to be able to fail.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "router/core/draws.h"
#include "tests/sim/protocol.h"

namespace homing::sim {
namespace {

using testing::advance;
using testing::empty_world;
using testing::kMs;
using testing::kSec;
using testing::NeverTwoServing;
using testing::not_converged;
using testing::OneServingProcess;
using testing::only_process;
using testing::seed_count;
using testing::want;
using testing::Wanted;
using testing::wanted;

constexpr std::uint32_t kPlaces = 2;  // of each of the three nodes
constexpr std::int64_t kSafetyEnds = 40 * kSec;
// Longest wait after healing: one lease time of hold, a declaration of death, a start that times out, then quiet.
constexpr std::int64_t kHealed = kSafetyEnds + 60 * kSec;

// What befalls one world; counted over all seeds, so that the test shows it was not vacuous.
struct Fates {
  std::uint64_t slow = 0;
  std::uint64_t isolated = 0;
  std::uint64_t crashed = 0;
  std::uint64_t tails = 0;
  std::uint64_t full = 0;  // wishes while a node had no place left
  std::uint64_t served = 0;
  std::uint64_t second_epochs = 0;
};

enum class Holders { kReachTheStore, kMayBeCutOffOrDie };

struct Cluster {
  World world;
  std::uint32_t away = kNone;
  std::uint32_t down = kNone;
};

void befall(Cluster& cluster, Holders holders, core::DrawSequence& draws, const std::vector<Wanted>& sessions,
            Fates& fates) {
  World& world = cluster.world;
  const auto machine = static_cast<std::uint32_t>(draws.below(3));
  const std::uint64_t fate = draws.below(16);
  const bool spared = holders == Holders::kReachTheStore && fate >= 2 && fate <= 5;
  switch (fate) {
    case 0:
      world.slow_starts(machine, core::milliseconds(static_cast<std::int64_t>(draws.below(9000))));
      ++fates.slow;
      break;
    case 1:
      world.slow_starts(machine, std::nullopt);
      break;
    case 2:
      if (spared || cluster.away != kNone) break;
      world.isolate(cluster.away = machine, true);
      ++fates.isolated;
      break;
    case 3:
      if (spared || cluster.away == kNone) break;
      world.isolate(std::exchange(cluster.away, kNone), false);
      break;
    case 4:
      if (spared || cluster.down != kNone) break;
      world.crash(cluster.down = machine);
      ++fates.crashed;
      break;
    case 5:
      if (spared || cluster.down == kNone) break;
      world.come_back(std::exchange(cluster.down, kNone));
      break;
    case 6:
      fates.tails += draws.below(4) == 0 && world.lose_tail(draws.below(12)) ? 1 : 0;
      break;
    default: {
      const auto which = static_cast<std::size_t>(draws.below(sessions.size()));
      const auto is_full = [](const Machine& m) { return m.processes.size() >= kPlaces; };
      fates.full += std::ranges::any_of(world.machines(), is_full) ? 1 : 0;
      want(world, machine, sessions[which], draws.below(2) == 0 ? core::Intent::kStart : core::Intent::kRestart);
    }
  }
}

template <class Checker>
void one_world(std::uint64_t seed, Holders holders, Fates& fates) {
  core::DrawSequence draws(seed, core::purpose("fates"), {});
  WorldOptions options;
  options.kept_history = 256;
  options.store_jitter = core::milliseconds(static_cast<std::int64_t>(draws.below(40)));
  if (holders == Holders::kMayBeCutOffOrDie) {
    options.lost_calls_milli = static_cast<int>(draws.below(60));
    options.lost_answers_milli = static_cast<int>(draws.below(60));
  } else if (draws.below(4) == 0) {  // acceptances later than accept_max: a call and its answer take up to 3 s
    options.store_jitter = core::milliseconds(static_cast<std::int64_t>(draws.below(1500)));
  }
  options.adjust = [](core::NodeId, core::Config& config) {
    config.kinds[0].start_timeout = core::seconds(6);
    config.accept_max = core::seconds(2);
  };
  Cluster cluster{.world = empty_world(seed, options)};
  World& world = cluster.world;
  std::vector<Wanted> sessions;
  const std::uint32_t count = holders == Holders::kReachTheStore ? 5 : 3;
  for (std::uint32_t i = 0; i < count; ++i) sessions.push_back(wanted(seed, i));
  Checker checker(sessions);
  for (std::int64_t now = kSec; now < kSafetyEnds; now += kSec / 2) {
    advance(world, now + static_cast<std::int64_t>(draws.below(kSec / 2)), checker);
    befall(cluster, holders, draws, sessions, fates);
    ASSERT_EQ(checker.violations(), 0u) << "seed " << seed << " at " << world.now_ns() / kMs << " ms; first "
                                        << checker.first();
  }
  // Healing: everything works again, the owners click once more.
  world.store_loss(0, 0);
  if (cluster.away != kNone) world.isolate(cluster.away, false);
  if (cluster.down != kNone) world.come_back(cluster.down);
  for (std::uint32_t i = 0; i < 3; ++i) world.slow_starts(i, std::nullopt);
  advance(world, kSafetyEnds + 30 * kSec, checker);
  for (const Wanted& what : sessions) want(world, 0, what, core::Intent::kRestart);
  advance(world, kHealed, checker);
  ASSERT_EQ(checker.violations(), 0u) << "seed " << seed << "; first " << checker.first();
  ASSERT_EQ(not_converged(world, sessions), "") << "seed " << seed;
  for (const Wanted& what : sessions) {
    const std::uint32_t slot = only_process(world, what.session);
    ASSERT_NE(slot, kNone) << "seed " << seed;
    fates.second_epochs += world.processes()[slot].epoch > core::Epoch(1) ? 1 : 0;
  }
  fates.served += checker.served();
}

template <class Checker>
void run(std::uint64_t seeds, Holders holders) {
  Fates fates;
  for (std::uint64_t seed = 1; seed <= seeds && !::testing::Test::HasFatalFailure(); ++seed)
    one_world<Checker>(seed, holders, fates);
  fmt::print(
      "{} seeds: {} slowed, {} cut from the store, {} crashes, {} lost tails, {} full nodes, {} sessions placed "
      "again\n",
      seeds, fates.slow, fates.isolated, fates.crashed, fates.tails, fates.full, fates.second_epochs);
  EXPECT_GT(fates.served, 0u);
  EXPECT_GT(fates.tails, 0u);
  EXPECT_GT(fates.full, 0u);
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
  run<NeverTwoServing>(seed_count(10'000), Holders::kReachTheStore);
}

TEST(FateTest, WhenHoldersAreCutOffOrDieRoutersThatSeeTheStoreReachOneProcess) {
  run<OneServingProcess>(seed_count(10'000), Holders::kMayBeCutOffOrDie);
}

// The seed that showed the difference between the two promises: a holder cut off from the store serves on (a `keep`
// kind), the store forgets its claim, and another node starts the session.
TEST(FateTest, Seed8105AHolderCutOffWhoseClaimIsForgottenIsReachedByNobodyWhoSeesTheStore) {
  Fates fates;
  one_world<OneServingProcess>(8105, Holders::kMayBeCutOffOrDie, fates);
  EXPECT_GT(fates.tails, 0u);
  EXPECT_GT(fates.isolated, 0u);
}

// The same by hand, and the proof that the checkers see what they are for: both lives are there, the strict checker
// says so, and so does the other one as soon as it believes routers that have lost the store.
TEST(FateTest, BothCheckersCanFail) {
  WorldOptions options;
  options.kept_history = 256;
  World world = empty_world(1, options);
  const Wanted what = wanted(1, 0);
  OneServingProcess promise({what});
  OneServingProcess gullible({what}, core::seconds(3600));
  NeverTwoServing strict({what});
  const auto look = [&](std::int64_t until) {
    while (world.next_event_ns() < until && world.step()) {
      promise.look(world);
      gullible.look(world);
      strict.look(world);
    }
  };
  look(2 * kSec);
  want(world, 0, what, core::Intent::kStart);
  look(10 * kSec);
  const std::uint32_t slot = only_process(world, what.session);
  ASSERT_NE(slot, kNone);
  const std::uint32_t holder = world.processes()[slot].machine;
  world.isolate(holder, true);
  look(12 * kSec);
  // Back before the claim.
  const core::Version claimed =
      world.store().find({core::RowKind::kSession, what.session.hi, what.session.lo})->version;
  ASSERT_TRUE(world.lose_tail(world.store().latest().value - claimed.value + 4));
  ASSERT_EQ(world.store().find({core::RowKind::kSession, what.session.hi, what.session.lo}), nullptr);
  look(40 * kSec);
  want(world, (holder + 1) % 3, what, core::Intent::kStart);
  look(60 * kSec);
  EXPECT_EQ(promise.violations(), 0u) << promise.first();
  EXPECT_GT(strict.violations(), 0u);
  EXPECT_GT(gullible.violations(), 0u);
  world.isolate(holder, false);
  look(120 * kSec);
  EXPECT_EQ(promise.violations(), 0u) << promise.first();
  EXPECT_EQ(not_converged(world, {what}), "");
}

}  // namespace
}  // namespace homing::sim
