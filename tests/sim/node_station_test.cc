// SPDX-License-Identifier: Apache-2.0
//
// Processor sharing against cases worked by hand, and the load average against the kernel's recurrence.
#include "sim/node_station.h"

#include <gtest/gtest.h>

#include <cmath>

#include "router/core/draws.h"

namespace homing::sim {
namespace {

using core::Instant;
using core::milliseconds;
using core::seconds;

constexpr std::int64_t kSecond = 1'000'000'000;

Instant at(double s) {
  return Instant(core::Duration(static_cast<std::int64_t>(s * 1e9)));
}

TEST(NodeStationTest, ATaskAloneTakesItsSoloTime) {
  NodeStation station(at(0), 2, 1.0);
  station.add(at(1), 7, 1, 3 * kSecond);
  EXPECT_EQ(station.next_completion(), at(4));
  EXPECT_EQ(station.take_completed(at(4)), std::vector<TaskId>{7});
  EXPECT_EQ(station.next_completion(), core::kNever);
  EXPECT_DOUBLE_EQ(station.busy_core_seconds(), 3.0);
}

TEST(NodeStationTest, TwoTasksOnOneCoreShareItFromTheMomentTheyMeet) {
  // A wants 3 s from 0, B 1 s from 1. Until 1 A has 1 s. Then halves: B is done at 3, A has 2 s by then and is done
  // at 4.
  NodeStation station(at(0), 1, 1.0);
  station.add(at(0), 1, 1, 3 * kSecond);
  station.add(at(1), 2, 1, 1 * kSecond);
  EXPECT_EQ(station.next_completion(), at(3));
  EXPECT_EQ(station.take_completed(at(3)), std::vector<TaskId>{2});
  EXPECT_EQ(station.next_completion(), at(4));
  EXPECT_EQ(station.take_completed(at(4)), std::vector<TaskId>{1});
}

TEST(NodeStationTest, CoresBeyondTheRunnableThreadsSpeedNobodyUp) {
  NodeStation station(at(0), 8, 1.0);
  station.add(at(0), 1, 1, 2 * kSecond);
  station.add(at(0), 2, 4, 4 * kSecond);  // 1 s a thread
  EXPECT_EQ(station.next_completion(), at(1));
  EXPECT_EQ(station.take_completed(at(1)), std::vector<TaskId>{2});
  EXPECT_EQ(station.next_completion(), at(2));
  EXPECT_DOUBLE_EQ(station.busy_core_seconds(), 5.0);
}

TEST(NodeStationTest, AThreadedTaskCrowdsOthersByItsThreads) {
  // 2 cores, 1 + 3 threads: everyone at half speed. The 3 threads want 1 s each: done at 2; the single one wants 2 s,
  // has 1 s by then, goes on alone: done at 3.
  NodeStation station(at(0), 2, 1.0);
  station.add(at(0), 1, 1, 2 * kSecond);
  station.add(at(0), 2, 3, 3 * kSecond);
  EXPECT_EQ(station.next_completion(), at(2));
  EXPECT_EQ(station.take_completed(at(2)), std::vector<TaskId>{2});
  EXPECT_EQ(station.next_completion(), at(3));
}

TEST(NodeStationTest, ASlowMachineStretchesEverything) {
  NodeStation station(at(0), 1, 0.25);
  station.add(at(0), 1, 1, kSecond);
  EXPECT_EQ(station.next_completion(), at(4));
}

TEST(NodeStationTest, ARemovedTaskGivesItsShareBackAndSaysWhatItStillWanted) {
  NodeStation station(at(0), 1, 1.0);
  station.add(at(0), 1, 1, 2 * kSecond);
  station.add(at(0), 2, 1, 2 * kSecond);
  EXPECT_EQ(station.remove(at(2), 2), kSecond);  // each had 1 s
  EXPECT_EQ(station.remove(at(2), 2), std::nullopt);
  EXPECT_EQ(station.next_completion(), at(3));
}

TEST(NodeStationTest, EqualTasksEndTogetherInTheOrderOfTheirIds) {
  NodeStation station(at(0), 1, 1.0);
  for (const TaskId task : {5u, 3u, 4u}) station.add(at(0), task, 1, kSecond);
  EXPECT_EQ(station.next_completion(), at(3));
  EXPECT_EQ(station.take_completed(at(3)), (std::vector<TaskId>{3, 4, 5}));
}

TEST(NodeStationTest, ATaskOfNoWorkIsDoneAtOnce) {
  NodeStation station(at(0), 1, 1.0);
  station.add(at(5), 1, 1, 0);
  EXPECT_EQ(station.next_completion(), at(5));
  EXPECT_EQ(station.take_completed(at(5)).size(), 1u);
}

TEST(NodeStationTest, NoCompletionIsEarlyAndNoneIsMoreThanANanosecondLate) {
  // Conservation: at every completion of a busy single core, work done = time passed, to a nanosecond a task.
  NodeStation station(at(0), 1, 1.0);
  core::DrawSequence draws(1, core::purpose("station"), {});
  std::int64_t wanted = 0;
  for (TaskId task = 0; task < 200; ++task) {
    const auto work = static_cast<std::int64_t>(draws.below(10 * kSecond));
    wanted += work;
    station.add(at(0), task, 1, work);
  }
  Instant now = at(0);
  std::size_t done = 0;
  while (station.next_completion() != core::kNever) {
    now = station.next_completion();
    done += station.take_completed(now).size();
  }
  EXPECT_EQ(done, 200u);
  const std::int64_t late = now.time_since_epoch().count() - wanted;
  EXPECT_GE(late, -200);
  EXPECT_LE(late, 400);
}

TEST(NodeStationTest, ACopyGoesOnIdentically) {
  NodeStation station(at(0), 2, 1.0);
  for (TaskId task = 0; task < 9; ++task) station.add(at(task), task, 1 + task % 3, kSecond * (1 + task));
  NodeStation copy = station;
  while (station.next_completion() != core::kNever) {
    ASSERT_EQ(station.next_completion(), copy.next_completion());
    const Instant now = station.next_completion();
    ASSERT_EQ(station.take_completed(now), copy.take_completed(now));
  }
}

TEST(LoadAverageTest, LazyAdvanceEqualsTheKernelsRecurrenceTickByTick) {
  core::DrawSequence draws(2, core::purpose("load"), {});
  LoadAverage lazy(at(0));
  std::uint64_t direct[3] = {0, 0, 0};
  Instant now = at(0);
  std::int64_t ticks_done = 0;
  for (int change = 0; change < 500; ++change) {
    const auto active = static_cast<std::uint32_t>(draws.below(40));
    now += milliseconds(static_cast<std::int64_t>(draws.below(change % 50 == 0 ? 20'000'000 : 60'000)));
    lazy.advance(now, active);
    for (; (ticks_done + 1) * 5 * kSecond <= now.time_since_epoch().count(); ++ticks_done) {
      for (int i = 0; i < 3; ++i) direct[i] = LoadAverage::tick(direct[i], LoadAverage::kDecay[i], active);
    }
    ASSERT_EQ(lazy.one_milli(), direct[0] * 1000 / 2048);
    ASSERT_EQ(lazy.five_milli(), direct[1] * 1000 / 2048);
    ASSERT_EQ(lazy.fifteen_milli(), direct[2] * 1000 / 2048);
  }
}

TEST(LoadAverageTest, LookingMoreOftenChangesNothing) {
  LoadAverage rarely(at(0));
  LoadAverage often(at(0));
  for (int i = 1; i <= 3000; ++i) often.advance(at(i), 7);
  rarely.advance(at(3000), 7);
  EXPECT_EQ(rarely.fifteen_milli(), often.fifteen_milli());
  EXPECT_EQ(rarely.one_milli(), often.one_milli());
}

TEST(LoadAverageTest, AStepOfOneShows63PercentAfterItsTimeConstant) {
  LoadAverage load(at(0));
  load.advance(at(300), 10);
  EXPECT_NEAR(load.five_milli(), 10'000 * (1 - std::exp(-1.0)), 60);  // fixed point rounds the rising load up
  load.advance(at(360), 10);
  EXPECT_NEAR(load.one_milli(), 10'000, 60);
}

}  // namespace
}  // namespace homing::sim
