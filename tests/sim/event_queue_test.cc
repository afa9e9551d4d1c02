// SPDX-License-Identifier: Apache-2.0
#include "sim/event_queue.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "router/core/draws.h"

namespace homing::sim {
namespace {

struct Subject {
  std::uint32_t index;
  std::uint32_t generation;
};
using Queue = EventQueue<Subject>;
static_assert(sizeof(Queue::Entry) == 24);

TEST(EventQueue, EarlierTimesComeFirst) {
  Queue queue;
  for (const std::int64_t time : {30, 10, 20, -5, 40}) queue.push(time, 0, {});
  std::vector<std::int64_t> times;
  while (!queue.empty()) times.push_back(queue.pop().time_ns);
  EXPECT_EQ(times, (std::vector<std::int64_t>{-5, 10, 20, 30, 40}));
}

TEST(EventQueue, AtOneInstantPriorityDecidesAndThenTheOrderOfPushing) {
  Queue queue;
  queue.push(1, 2, {0, 0});
  queue.push(1, 1, {1, 0});
  queue.push(1, 2, {2, 0});
  queue.push(1, 1, {3, 0});
  std::vector<std::uint32_t> order;
  while (!queue.empty()) {
    EXPECT_EQ(queue.top().priority(), order.size() < 2 ? 1u : 2u);
    order.push_back(queue.pop().payload.index);
  }
  EXPECT_EQ(order, (std::vector<std::uint32_t>{1, 3, 0, 2}));
}

class EventQueueAndMap : public testing::TestWithParam<std::uint64_t> {};
// Few instants: most pushes join a run, also while it is being taken; many: few do.
INSTANTIATE_TEST_SUITE_P(Instants, EventQueueAndMap, testing::Values(1, 2, 10, 500));

TEST_P(EventQueueAndMap, AgreeUnderRandomPushesAndPops) {
  core::DrawSequence draws = core::Draws(1, core::purpose("event-queue")).at({});
  Queue queue;
  std::map<std::tuple<std::int64_t, unsigned, std::uint64_t>, std::uint32_t> model;
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    if (draws.below(5) < 3 || model.empty()) {
      const auto time = static_cast<std::int64_t>(draws.below(GetParam()));
      const auto priority = static_cast<std::uint8_t>(draws.below(GetParam() < 3 ? 2 : 3));
      model[{time, priority, queue.pushed()}] = i;
      queue.push(time, priority, {i, 0});
    } else {
      const Queue::Entry entry = queue.pop();
      const auto expected = model.begin();
      ASSERT_EQ(entry.time_ns, std::get<0>(expected->first));
      ASSERT_EQ(entry.priority(), std::get<1>(expected->first));
      ASSERT_EQ(entry.payload.index, expected->second);
      model.erase(expected);
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

// Times over days, near and far, also before what was popped last: buckets are entered, skipped and left.
TEST(EventQueue, WhatLiesFarAheadComesInOrderToo) {
  core::DrawSequence draws = core::Draws(2, core::purpose("event-queue")).at({});
  Queue queue;
  std::map<std::tuple<std::int64_t, unsigned, std::uint64_t>, std::uint32_t> model;
  std::int64_t now = -5'000'000'000;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    if (draws.below(model.size() < 300 ? 3 : 2) > 0 || model.empty()) {
      const std::uint64_t magnitude = draws.below(60);
      const std::int64_t time = now + static_cast<std::int64_t>(draws.below(std::uint64_t{1} << magnitude)) - 1;
      const auto priority = static_cast<std::uint8_t>(draws.below(3));
      model[{time, priority, queue.pushed()}] = i;
      queue.push(time, priority, {i, 0});
    } else {
      const Queue::Entry entry = queue.pop();
      const auto expected = model.begin();
      now = entry.time_ns;
      ASSERT_EQ(entry.time_ns, std::get<0>(expected->first));
      ASSERT_EQ(entry.payload.index, expected->second);
      model.erase(expected);
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
    if (!model.empty()) ASSERT_EQ(queue.top().time_ns, std::get<0>(model.begin()->first));
  }
}

TEST(EventQueue, ACopyGoesOnIdentically) {
  Queue queue;
  for (std::uint32_t i = 0; i < 100; ++i) queue.push((i * 37) % 11, 0, {i, 0});
  for (int i = 0; i < 20; ++i) (void)queue.pop();
  Queue copy = queue;
  queue.push(3, 0, {1000, 0});
  copy.push(3, 0, {1000, 0});
  while (!queue.empty()) {
    ASSERT_FALSE(copy.empty());
    EXPECT_EQ(queue.pop().payload.index, copy.pop().payload.index);
  }
  EXPECT_TRUE(copy.empty());
}

TEST(EventQueue, AStaleEventIsDroppedByItsGeneration) {
  // The pattern that every user of the queue follows: schedule again, leave the old entry where it is.
  std::vector<std::uint32_t> generation(1, 0);
  Queue queue;
  queue.push(10, 0, {0, generation[0]});
  generation[0] = 1;
  queue.push(20, 0, {0, generation[0]});
  std::vector<std::int64_t> happened;
  while (!queue.empty()) {
    const Queue::Entry entry = queue.pop();
    if (entry.payload.generation == generation[entry.payload.index]) happened.push_back(entry.time_ns);
  }
  EXPECT_EQ(happened, std::vector<std::int64_t>{20});
}

TEST(EventQueueDeathTest, PoppingNothingIsABug) {
  Queue queue;
  EXPECT_DEATH((void)queue.pop(), "CHECK failed");
}

}  // namespace
}  // namespace homing::sim
