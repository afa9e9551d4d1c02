// SPDX-License-Identifier: Apache-2.0
#include "router/core/deadline_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "router/core/archive.h"

namespace homing::core {
namespace {

enum class Due : std::uint8_t { kHeartbeat = 1, kStart = 2 };

Instant at_ms(std::int64_t ms) {
  return Instant{milliseconds(ms)};
}

std::vector<DeadlineKey> pop_all(DeadlineIndex& index, Instant now) {
  std::vector<DeadlineKey> keys;
  while (const std::optional<DeadlineKey> key = index.pop_due(now)) keys.push_back(*key);
  return keys;
}

TEST(DeadlineIndexTest, IsNeverDueWhileEmpty) {
  DeadlineIndex index;
  EXPECT_EQ(index.next(), kNever);
  EXPECT_EQ(index.pop_due(kNever), std::nullopt);
  EXPECT_FALSE(index.disarm(deadline_key(Due::kStart)));
}

TEST(DeadlineIndexTest, ArmingAgainMovesTheDeadlineBothWays) {
  DeadlineIndex index;
  const DeadlineKey key = deadline_key(Due::kStart, SessionId{1, 2});
  index.arm(key, at_ms(10));
  index.arm(key, at_ms(30));
  EXPECT_EQ(index.next(), at_ms(30));
  EXPECT_EQ(index.pop_due(at_ms(10)), std::nullopt);
  index.arm(key, at_ms(5));
  EXPECT_EQ(index.size(), 1u);
  EXPECT_EQ(index.pop_due(at_ms(5)), key);
  EXPECT_TRUE(index.empty());
}

TEST(DeadlineIndexTest, ArmingForNeverDisarms) {
  DeadlineIndex index;
  index.arm(deadline_key(Due::kHeartbeat), at_ms(1));
  index.arm(deadline_key(Due::kHeartbeat), kNever);
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(index.due(deadline_key(Due::kHeartbeat)), kNever);
}

TEST(DeadlineIndexTest, FiresAtItsInstantAndNotBefore) {
  DeadlineIndex index;
  index.arm(deadline_key(Due::kHeartbeat), at_ms(10));
  EXPECT_EQ(index.pop_due(at_ms(10) - nanoseconds(1)), std::nullopt);
  EXPECT_EQ(index.pop_due(at_ms(10)), deadline_key(Due::kHeartbeat));
}

TEST(DeadlineIndexTest, PopsByInstantThenKeyWhateverTheOrderOfArming) {
  std::vector<std::pair<DeadlineKey, Instant>> armed;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const Due due = i % 2 == 0 ? Due::kHeartbeat : Due::kStart;
    armed.emplace_back(deadline_key(due, i % 3, i), at_ms(static_cast<std::int64_t>(i % 4)));
  }
  auto expected = armed;
  std::sort(expected.begin(), expected.end(),
            [](const auto& a, const auto& b) { return std::pair(a.second, a.first) < std::pair(b.second, b.first); });
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::shuffle(armed.begin(), armed.end(), std::mt19937_64(seed));
    DeadlineIndex index;
    for (const auto& [key, at] : armed) index.arm(key, at);
    const std::vector<DeadlineKey> popped = pop_all(index, at_ms(100));
    ASSERT_EQ(popped.size(), expected.size());
    for (std::size_t i = 0; i < popped.size(); ++i) ASSERT_EQ(popped[i], expected[i].first);
  }
}

TEST(DeadlineIndexTest, AgreesWithAPlainMapUnderRandomUse) {
  std::mt19937_64 random(7);
  DeadlineIndex index;
  std::map<DeadlineKey, Instant> model;
  for (int step = 0; step < 20'000; ++step) {
    // A third are about nobody in particular, with every purpose there may be and one that is beyond the table.
    const auto purpose = static_cast<std::uint8_t>(random() % 18);
    const std::uint64_t whom = random() % 3 == 0 ? 0 : random() % 6;
    const DeadlineKey key{purpose, 0, whom};
    const Instant at = at_ms(static_cast<std::int64_t>(random() % 200));
    const std::uint64_t what = random() % 4;
    if (what < 2) {
      index.arm(key, at);
      model[key] = at;
    } else if (what == 2) {
      ASSERT_EQ(index.disarm(key), model.erase(key) == 1);
    } else {
      std::optional<DeadlineKey> expected;
      Instant earliest = kNever;
      for (const auto& [k, t] : model) {
        if (t < earliest) {
          earliest = t;
          expected = k;
        }
      }
      ASSERT_EQ(index.next(), earliest);
      if (earliest > at) expected.reset();
      ASSERT_EQ(index.pop_due(at), expected);
      if (expected) model.erase(*expected);
    }
    ASSERT_EQ(index.size(), model.size());
  }
}

TEST(DeadlineIndexTest, ComesBackFromItsArchiveAndGoesOnIdentically) {
  DeadlineIndex index;
  for (std::uint64_t i = 0; i < 100; ++i) {
    index.arm(deadline_key(Due::kStart, SessionId{i, ~i}), at_ms(static_cast<std::int64_t>(i * 37 % 50)));
  }
  Writer out;
  out(index);
  DeadlineIndex restored;
  restored.arm(deadline_key(Due::kHeartbeat), at_ms(1));  // must be gone afterwards
  Reader in(out.bytes());
  in(restored);
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(pop_all(restored, at_ms(100)), pop_all(index, at_ms(100)));
}

TEST(DeadlineIndexTest, ItsArchiveAndHashDoNotTellTheOrderOfArming) {
  DeadlineIndex forward;
  DeadlineIndex backward;
  for (std::uint64_t i = 0; i < 200; ++i) {
    forward.arm(deadline_key(Due::kStart, i), at_ms(static_cast<std::int64_t>(i % 7)));
    backward.arm(deadline_key(Due::kStart, 199 - i), at_ms(static_cast<std::int64_t>((199 - i) % 7)));
  }
  Writer a;
  Writer b;
  a(forward);
  b(backward);
  EXPECT_EQ(a.bytes(), b.bytes());
  Hasher ha;
  Hasher hb;
  ha(forward);
  hb(backward);
  EXPECT_EQ(ha.value(), hb.value());
}

}  // namespace
}  // namespace homing::core
