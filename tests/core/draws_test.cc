// SPDX-License-Identifier: Apache-2.0
#include "router/core/draws.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace homing::core {
namespace {

TEST(Draws, PhiloxGivesTheKnownAnswersOfItsAuthors) {
  // Random123's kat_vectors, philox4x64-10.
  const philox4x64_key_t zero_key = {{0, 0}};
  const philox4x64_ctr_t zero = {{0, 0, 0, 0}};
  const philox4x64_ctr_t from_zero = philox4x64_R(10, zero, zero_key);
  EXPECT_EQ(from_zero.v[0], 0x16554d9eca36314cu);
  EXPECT_EQ(from_zero.v[1], 0xdb20fe9d672d0fdcu);
  EXPECT_EQ(from_zero.v[2], 0xd7e772cee186176bu);
  EXPECT_EQ(from_zero.v[3], 0x7e68b68aec7ba23bu);
}

TEST(Draws, AKeyHasTheGoldenWords) {
  DrawSequence draws = Draws(1, purpose("golden")).at({.high = 2, .low = 3, .visit = 4, .attempt = 5});
  const std::array<std::uint64_t, 6> golden = {0x67c102d5944f345c, 0xd0c1db77b9c9b147, 0x15b8809e5637a257,
                                               0x41fea70dc9e71b43, 0x318e10d95a380188, 0xb63486d0f75775cd};
  for (const std::uint64_t word : golden) EXPECT_EQ(draws.u64(), word);
}

TEST(Draws, PurposesAreFnvOfTheirNames) {
  EXPECT_EQ(purpose("").value, 0xcbf29ce484222325u);
  EXPECT_EQ(purpose("a").value, 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(purpose("foobar").value, 0x85944171f73967e8u);
  static_assert(purpose("arrival") != purpose("length"));
}

TEST(Draws, EveryPartOfTheKeyChangesTheDraw) {
  const DrawId id{.high = 1, .low = 2, .visit = 3, .attempt = 4};
  const std::vector<std::uint64_t> words = {
      Draws(9, purpose("a")).u64(id),
      Draws(8, purpose("a")).u64(id),
      Draws(9, purpose("b")).u64(id),
      Draws(9, purpose("a")).u64({.high = 0, .low = 2, .visit = 3, .attempt = 4}),
      Draws(9, purpose("a")).u64({.high = 1, .low = 0, .visit = 3, .attempt = 4}),
      Draws(9, purpose("a")).u64({.high = 1, .low = 2, .visit = 0, .attempt = 4}),
      Draws(9, purpose("a")).u64({.high = 1, .low = 2, .visit = 3, .attempt = 0}),
      Draws(9, purpose("a")).u64({.high = 2, .low = 1, .visit = 3, .attempt = 4}),
      Draws(9, purpose("a")).u64({.high = 1, .low = 2, .visit = 4, .attempt = 3})};
  EXPECT_EQ(std::set<std::uint64_t>(words.begin(), words.end()).size(), words.size());
}

TEST(Draws, ASequenceDependsOnItsKeyOnlyAndACopyGoesOnIdentically) {
  const Draws draws(5, purpose("copy"));
  DrawSequence first = draws.at({.low = 1});
  DrawSequence other = draws.at({.low = 2});
  (void)other.u64();
  for (int i = 0; i < 3; ++i) (void)first.u64();
  DrawSequence copy = first;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(first.u64(), copy.u64());
  DrawSequence again = draws.at({.low = 1});
  EXPECT_EQ(again.u64(), draws.u64({.low = 1}));
}

TEST(Draws, UniformStaysInsideTheOpenIntervalAndIsUniform) {
  DrawSequence draws = Draws(1, purpose("uniform")).at({});
  constexpr int kDraws = 200'000;
  constexpr int kCells = 64;
  std::array<int, kCells> cells{};
  double sum = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = draws.uniform();
    ASSERT_GT(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    ++cells[static_cast<std::size_t>(u * kCells)];
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12.0 / kDraws));
  double chi_square = 0.0;
  for (const int count : cells) {
    const double expected = static_cast<double>(kDraws) / kCells;
    chi_square += (count - expected) * (count - expected) / expected;
  }
  EXPECT_LT(chi_square, 63 + 5 * std::sqrt(2.0 * 63));
  EXPECT_GT(chi_square, 63 - 5 * std::sqrt(2.0 * 63));
}

TEST(Draws, BelowIsTheMultiplyAndRejectOfLemire) {
  DrawSequence raw = Draws(3, purpose("below")).at({});
  DrawSequence draws = Draws(3, purpose("below")).at({});
  for (int i = 0; i < 1000; ++i) {  // n is small: a rejection has probability 2^-61
    const std::uint64_t word = raw.u64();
    EXPECT_EQ(draws.below(6),
              static_cast<std::uint64_t>((static_cast<long double>(word) * 6) / 18446744073709551616.0L));
  }
}

TEST(Draws, BelowRejectsFromFurtherWordsOfTheSameSequence) {
  // n = 2^63 + 1 rejects almost every second word, so the words must run out faster than the numbers.
  constexpr std::uint64_t kN = (std::uint64_t{1} << 63) + 1;
  DrawSequence draws = Draws(4, purpose("reject")).at({});
  DrawSequence words = Draws(4, purpose("reject")).at({});
  int taken = 0;
  constexpr int kNumbers = 2000;
  for (int i = 0; i < kNumbers; ++i) {
    const std::uint64_t number = draws.below(kN);
    ASSERT_LT(number, kN);
    // floor(word n / 2^64) for this n is within 1 of word / 2.
    for (;;) {
      const std::uint64_t half = words.u64() / 2;
      ++taken;
      if (number == half || number == half + 1) break;
      ASSERT_LT(taken, 10 * kNumbers);
    }
  }
  EXPECT_NEAR(taken, 2 * kNumbers, 5 * std::sqrt(2.0 * kNumbers));
}

TEST(Draws, BelowOneIsZeroAndBelowZeroIsABug) {
  DrawSequence draws = Draws(3, purpose("one")).at({});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(draws.below(1), 0u);
  EXPECT_DEATH((void)draws.below(0), "CHECK failed");
}

}  // namespace
}  // namespace homing::core
