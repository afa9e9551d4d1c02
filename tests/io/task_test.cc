// SPDX-License-Identifier: Apache-2.0
#include "router/io/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "router/io/loop.h"
#include "router/io/waiting.h"

namespace homing::io {
namespace {

// Where the stack is, roughly.
std::uintptr_t here() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

struct Gate {
  std::vector<std::coroutine_handle<>> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) { waiting.push_back(who); }
  void await_resume() const noexcept {}
  void open() {
    for (const auto who : std::exchange(waiting, {})) who.resume();
  }
};

Task<int> depth(int left, Gate* gate, std::uintptr_t& lowest) {
  if (left == 0) {
    if (gate != nullptr) co_await *gate;
    lowest = std::min(lowest, here());
    co_return 0;
  }
  const int below = co_await depth(left - 1, gate, lowest);
  lowest = std::min(lowest, here());
  co_return below + 1;
}

Task<void> dive(int levels, Gate* gate, std::uintptr_t& lowest, int& reached) {
  reached = co_await depth(levels, gate, lowest);
}

TEST(TaskTest, DepthCostsNoStackOnTheWayInNorOnTheWayOut) {
  constexpr int kLevels = 200'000;
  constexpr std::uintptr_t kAFewFrames = 64 * 1024;
  for (const bool suspended : {false, true}) {
    Gate gate;
    const std::uintptr_t top = here();
    std::uintptr_t lowest = top;
    int reached = 0;
    spawn(dive(kLevels, suspended ? &gate : nullptr, lowest, reached));
    if (suspended) {
      EXPECT_EQ(reached, 0);
      gate.open();
    }
    EXPECT_EQ(reached, kLevels);
    EXPECT_LT(top - lowest, kAFewFrames);
  }
}

Task<int> one() {
  co_return 1;
}

TEST(TaskTest, ALoopOfTasksThatNeverWaitCostsNoStack) {
  const std::uintptr_t top = here();
  std::uintptr_t lowest = top;
  const auto add = [](std::uintptr_t& low, int& sum) -> Task<void> {
    for (int i = 0; i < 1'000'000; ++i) {
      sum += co_await one();
      low = std::min(low, here());
    }
  };
  int sum = 0;
  spawn(add(lowest, sum));
  EXPECT_EQ(sum, 1'000'000);
  EXPECT_LT(top - lowest, 64U * 1024);
}

Task<void> wait_at(Gate& gate, int& over) {
  co_await gate;
  ++over;
}

Task<void> at_once(int& over) {
  ++over;
  co_return;
}

TEST(TaskTest, BothGoesOnWhenTheLaterIsOverInWhateverOrder) {
  for (int order = 0; order < 4; ++order) {
    Gate first;
    Gate second;
    int over = 0;
    bool joined = false;
    const auto parent = [](Task<void> a, Task<void> b, bool& done) -> Task<void> {
      co_await both(std::move(a), std::move(b));
      done = true;
    };
    spawn(parent(order == 2 ? at_once(over) : wait_at(first, over), order == 3 ? at_once(over) : wait_at(second, over),
                 joined));
    EXPECT_FALSE(joined);
    if (order == 0) first.open();
    second.open();
    EXPECT_EQ(joined, order == 0 || order == 2);
    first.open();
    EXPECT_TRUE(joined);
    EXPECT_EQ(over, 2);
  }
}

TEST(TaskTest, BothOfTwoThatNeverWaitGoesOnAtOnceAndManyInARowCostNoStack) {
  const std::uintptr_t top = here();
  std::uintptr_t lowest = top;
  int over = 0;
  const auto parent = [](int& count, std::uintptr_t& low) -> Task<void> {
    for (int i = 0; i < 100'000; ++i) {
      co_await both(at_once(count), at_once(count));
      low = std::min(low, here());
    }
  };
  spawn(parent(over, lowest));
  EXPECT_EQ(over, 200'000);
  EXPECT_LT(top - lowest, 64U * 1024);
}

// The frame of whoever waits for both is gone before the one that was later has returned.
TEST(TaskTest, TheAwaiterOfBothMayEndAtOnce) {
  auto held = std::make_shared<int>(0);
  Gate gate;
  int over = 0;
  {
    const auto parent = [](std::shared_ptr<int>, Gate& g, int& n) -> Task<void> {
      co_await both(wait_at(g, n), wait_at(g, n));
    };
    spawn(parent(held, gate, over));
  }
  EXPECT_EQ(held.use_count(), 2);
  gate.open();
  EXPECT_EQ(over, 2);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TaskTest, ATaskThatNobodyAwaitedNeverRunsAndIsFreed) {
  auto held = std::make_shared<int>(0);
  const auto task = [](std::shared_ptr<int> mine) -> Task<void> {
    ++*mine;
    co_return;
  };
  {
    const Task<void> never = task(held);
  }
  EXPECT_EQ(*held, 0);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TaskTest, AValueThatCanOnlyBeMovedArrives) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  int got = 0;
  const auto take = [&]() -> Task<void> { got = *co_await make(); };
  const auto scope = take;
  spawn(scope());
  EXPECT_EQ(got, 7);
}

TEST(FramesTest, AFrameIsUsedAgainByTheNextOfItsSize) {
  for (const std::size_t size : {1U, 64U, 65U, 100U, 1000U, 4096U}) {
    void* first = allocate_frame(size);
    free_frame(first, size);
    void* again = allocate_frame(size);
    EXPECT_EQ(first, again) << size;
    free_frame(again, size);
  }
}

}  // namespace
}  // namespace homing::io
