// SPDX-License-Identifier: Apache-2.0
//
// Starting once: whatever routers do at the same instant, however a holder dies, one process of one epoch serves.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "router/base/store.h"
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
using testing::processes_of;
using testing::seed_count;
using testing::want;
using testing::Wanted;
using testing::wanted;

core::DrawSequence draws_of(std::uint64_t seed, const char* name) {
  return core::DrawSequence(seed, core::purpose(name), {});
}

core::Epoch row_epoch(const World& world, const Wanted& what) {
  const core::VersionedRow* row = world.store().find({core::RowKind::kSession, what.session.hi, what.session.lo});
  return row == nullptr ? core::Epoch{} : std::get<core::SessionRow>(row->row).epoch;
}

std::string state_of(const World& world, const Wanted& what) {
  std::string text = fmt::format("{} processes", processes_of(world, what.session).size());
  const core::VersionedRow* row = world.store().find({core::RowKind::kSession, what.session.hi, what.session.lo});
  if (row != nullptr) text += ", " + base::describe(row->row);
  for (const Machine& machine : world.machines()) {
    text += machine.core ? fmt::format(", up (queue {}, {})", machine.core->queue_length(),
                                       machine.core->may_order(world.now()) ? "orders" : "orders nothing")
                         : ", down";
  }
  return text;
}

void two_routers_at_once(std::uint64_t seeds) {
  WorldOptions options;
  options.store_jitter = core::milliseconds(3);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto draws = draws_of(seed, "at-once");
    World world = empty_world(seed, options);
    const Wanted what = wanted(seed, 0);
    OneServingProcess checker({what});
    const auto when = kSec + static_cast<std::int64_t>(draws.below(kSec));
    advance(world, when, checker);
    const auto first = static_cast<std::uint32_t>(draws.below(3));
    want(world, first, what, core::Intent::kStart);
    want(world, (first + 1) % 3, what, core::Intent::kStart);
    std::size_t most = 0;
    while (world.next_event_ns() < when + 8 * kSec && world.step()) {
      checker.look(world);
      most = std::max(most, processes_of(world, what.session).size());
    }
    ASSERT_EQ(most, 1u) << "seed " << seed;
    ASSERT_EQ(row_epoch(world, what), core::Epoch(1)) << "seed " << seed;
    ASSERT_EQ(not_converged(world, {what}), "") << "seed " << seed;
    ASSERT_EQ(checker.violations(), 0u) << "seed " << seed;
  }
}

void holder_dies_while_starting(std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto draws = draws_of(seed, "dies");
    World world = empty_world(seed);
    const Wanted what = wanted(seed, 0);
    OneServingProcess checker({what});
    for (std::uint32_t i = 0; i < 3; ++i) world.slow_starts(i, core::seconds(4));
    const auto when = kSec + static_cast<std::int64_t>(draws.below(kSec));
    advance(world, when, checker);
    want(world, 0, what, core::Intent::kStart);
    want(world, 1, what, core::Intent::kStart);
    // Any moment between the claim and the answer of the process.
    advance(world, when + 20 * kMs + static_cast<std::int64_t>(draws.below(3000)) * kMs, checker);
    const std::uint32_t slot = only_process(world, what.session);
    ASSERT_NE(slot, kNone) << "seed " << seed;
    const std::uint32_t holder = world.processes()[slot].machine;
    world.crash(holder);
    advance(world, when + 25 * kSec, checker);
    const std::uint32_t again = only_process(world, what.session);
    ASSERT_NE(again, kNone) << "seed " << seed << ", " << state_of(world, what);
    const Process& process = world.processes()[again];
    ASSERT_NE(process.machine, holder) << "seed " << seed;
    ASSERT_GT(process.epoch, core::Epoch(1)) << "seed " << seed;
    ASSERT_EQ(not_converged(world, {what}), "") << "seed " << seed;
    ASSERT_EQ(checker.violations(), 0u) << "seed " << seed;
    ASSERT_GT(checker.served(), 0u) << "seed " << seed;
  }
}

// A machine that lost the store is declared dead wrongly: its process lives on while the owner starts another
// elsewhere.
void old_epoch_is_refused(std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto draws = draws_of(seed, "old-epoch");
    World world = empty_world(seed);
    const Wanted what = wanted(seed, 0);
    OneServingProcess checker({what});
    advance(world, 2 * kSec, checker);
    want(world, 0, what, core::Intent::kStart);
    advance(world, 10 * kSec + static_cast<std::int64_t>(draws.below(kSec)), checker);
    const std::uint32_t slot = only_process(world, what.session);
    ASSERT_NE(slot, kNone) << "seed " << seed;
    const std::uint32_t holder = world.processes()[slot].machine;
    const std::uint32_t other = (holder + 1) % 3;
    world.isolate(holder, true);
    advance(world, 30 * kSec, checker);
    want(world, other, what, core::Intent::kRestart);
    advance(world, 40 * kSec, checker);
    ASSERT_EQ(processes_of(world, what.session).size(), 2u) << "seed " << seed;  // both live ...
    const Reach reach = world.reach(other, what.session, what.user);
    ASSERT_TRUE(reach.served) << "seed " << seed;
    ASSERT_EQ(world.processes()[reach.process].epoch, core::Epoch(2)) << "seed " << seed;  // ... one is served
    world.isolate(holder, false);
    advance(world, 50 * kSec, checker);
    const std::uint32_t last = only_process(world, what.session);
    ASSERT_NE(last, kNone) << "seed " << seed;
    ASSERT_EQ(world.processes()[last].epoch, core::Epoch(2)) << "seed " << seed;
    ASSERT_EQ(not_converged(world, {what}), "") << "seed " << seed;
    ASSERT_EQ(checker.violations(), 0u) << "seed " << seed;
  }
}

TEST(DoubleStartTest, TwoCoresThatPlaceTheSameSessionAtTheSameInstantStartItOnce) {
  two_routers_at_once(seed_count(10'000));
}
TEST(DoubleStartTest, AStartWhoseNodeDiesIsPlacedAgainWithAHigherEpoch) {
  holder_dies_while_starting(seed_count(10'000));
}
TEST(DoubleStartTest, AnOldEpochsProcessIsReachedByNobodyWhoSeesTheStoreAndEndsAtTheReunion) {
  old_epoch_is_refused(seed_count(10'000));
}

}  // namespace
}  // namespace homing::sim
