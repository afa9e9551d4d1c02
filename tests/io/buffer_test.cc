// SPDX-License-Identifier: Apache-2.0
#include "router/io/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace homing::io {
namespace {

void add(Buffer& buffer, std::string_view text, bool large = false) {
  while (!text.empty()) {
    const std::span<char> room = buffer.room(large);
    ASSERT_FALSE(room.empty());
    const std::size_t size = std::min(room.size(), text.size());
    std::memcpy(room.data(), text.data(), size);
    buffer.commit(size);
    text.remove_prefix(size);
  }
}

TEST(BufferTest, HoldsWhatAStringWouldHold) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const auto roll = [&random](std::size_t below) { return random() % below; };
    BlockPool pool;
    Buffer buffer(pool);
    std::string model;
    char next = 0;
    for (int i = 0; i < 3000; ++i) {
      switch (roll(6)) {
        case 0:
          buffer.consume(model.size());
          model.clear();
          break;
        case 1:
          if (roll(4) == 0) {
            buffer.clear();
            model.clear();
          } else {
            buffer.release();
          }
          break;
        case 2:
        case 3: {
          const std::size_t size = roll(model.size() + 1);
          buffer.consume(size);
          model.erase(0, size);
          break;
        }
        default: {
          const std::span<char> room = buffer.room(roll(3) == 0);
          ASSERT_TRUE(!room.empty() || model.size() == BlockPool::kLarge) << "no room with " << model.size() << " held";
          const std::size_t size = std::min(room.size(), roll(2) == 0 ? roll(100) : roll(60'000));
          for (std::size_t at = 0; at < size; ++at) model.push_back(room[at] = next++);
          buffer.commit(size);
        }
      }
      ASSERT_TRUE(buffer.data() == model);
      ASSERT_EQ(buffer.size(), model.size());
      ASSERT_EQ(buffer.empty(), model.empty());
    }
  }
}

TEST(BufferTest, ThereIsRoomUntilTheLargestBlockIsFull) {
  BlockPool pool;
  Buffer buffer(pool);
  add(buffer, std::string(BlockPool::kLarge, 'x'));
  EXPECT_EQ(buffer.size(), BlockPool::kLarge);
  EXPECT_TRUE(buffer.room(true).empty());
  buffer.consume(1);  // less than is worth moving for, unless there is no room at all
  EXPECT_EQ(buffer.room(true).size(), 1U);
}

TEST(BufferTest, WhatIsHeldMovesIntoALargeBlockUnchanged) {
  BlockPool pool;
  Buffer buffer(pool);
  add(buffer, "0123456789");
  buffer.consume(3);
  EXPECT_GT(buffer.room(true).size(), BlockPool::kSmall);
  EXPECT_EQ(buffer.data(), "3456789");
}

}  // namespace
}  // namespace homing::io
