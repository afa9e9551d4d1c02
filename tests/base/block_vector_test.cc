// SPDX-License-Identifier: Apache-2.0
#include "router/base/block_vector.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <numeric>

namespace homing::base {
namespace {

TEST(BlockVectorTest, HoldsWhatWasPushedInItsOrder) {
  BlockVector<std::size_t, 8> numbers;
  EXPECT_TRUE(numbers.empty());
  for (std::size_t i = 0; i < 100; ++i) {
    numbers.push_back(i);
    ASSERT_EQ(numbers.size(), i + 1);
  }
  for (std::size_t i = 0; i < 100; ++i) ASSERT_EQ(numbers[i], i);
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), std::size_t{0}), 4950u);
}

TEST(BlockVectorTest, NothingMovesOnceTheFirstBlockIsFull) {
  BlockVector<int, 4> numbers;
  for (int i = 0; i < 5; ++i) numbers.push_back(i);
  const int* const first = &numbers[0];
  const int* const fifth = &numbers[4];
  for (int i = 0; i < 1000; ++i) numbers.push_back(i);
  EXPECT_EQ(first, &numbers[0]);
  EXPECT_EQ(fifth, &numbers[4]);
}

TEST(BlockVectorTest, ACopyIsItsOwnAndGrowsOn) {
  BlockVector<int, 4> numbers;
  for (int i = 0; i < 6; ++i) numbers.push_back(i);
  BlockVector<int, 4> copy = numbers;
  copy[5] = 50;
  for (int i = 6; i < 20; ++i) copy.push_back(i);
  EXPECT_EQ(numbers[5], 5);
  EXPECT_EQ(numbers.size(), 6u);
  EXPECT_EQ(copy[5], 50);
  EXPECT_EQ(copy[19], 19);
}

}  // namespace
}  // namespace homing::base
