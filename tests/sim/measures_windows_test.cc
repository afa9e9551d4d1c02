// SPDX-License-Identifier: Apache-2.0
#include "sim/measures_windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "router/core/draws.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;

DownInterval down(std::int64_t from_ns, std::int64_t to_ns) {
  return {0, 0, from_ns, to_ns, Feeling::kLost, false};
}

// 10:00 A comes. 10:04 A's session is lost. 10:05 B comes. 10:06 A works again. 10:10 the end.
TEST(UserUptime, TheHandWorkedExampleGivesThirteenFifteenthsAndItsWorstWindows) {
  const std::vector<Presence> visits = {{0, 10 * kMinute}, {5 * kMinute, 10 * kMinute}};
  const std::vector<DownInterval> downs = {down(4 * kMinute, 6 * kMinute)};
  EXPECT_DOUBLE_EQ(planned_minutes(visits, 0, 10 * kMinute), 15.0);
  EXPECT_DOUBLE_EQ(1.0 - user_minutes_lost(downs, 0, 10 * kMinute) / 15.0, 13.0 / 15.0);
  EXPECT_NEAR(*worst_window(visits, downs, kMinute, 10 * kMinute), 0.0, 1e-12);             // 10:04 to 10:05
  EXPECT_NEAR(*worst_window(visits, downs, 5 * kMinute, 10 * kMinute), 2.0 / 3.0, 1e-12);   // 10:01 to 10:06: 2 of 6
  EXPECT_NEAR(*worst_window(visits, downs, 10 * kMinute, 10 * kMinute), 13.0 / 15, 1e-12);  // all of it
  EXPECT_FALSE(worst_window(visits, downs, 11 * kMinute, 10 * kMinute).has_value()) << "longer than the horizon";
}

TEST(UserUptime, WithoutDownTimeEveryWindowIsPerfectAndWithoutVisitsThereIsNone) {
  const std::vector<Presence> visits = {{0, kMinute}};
  EXPECT_DOUBLE_EQ(*worst_window(visits, {}, kSecond, kMinute), 1.0);
  EXPECT_FALSE(worst_window({}, {}, kSecond, kMinute).has_value());
}

TEST(UserUptime, OnlyTheMeasuredTimeCounts) {
  const std::vector<Presence> visits = {{-10 * kMinute, 5 * kMinute}, {8 * kMinute, 30 * kMinute}};
  EXPECT_DOUBLE_EQ(planned_minutes(visits, 0, 10 * kMinute), 7.0);
  EXPECT_NEAR(*worst_window(visits, std::vector{down(0, 1 * kMinute)}, 5 * kMinute, 10 * kMinute), 0.8, 1e-12);
}

// Every window on a grid of seconds, one after the other: with all times on that grid none is worse than the one found.
TEST(UserUptime, TheWorstWindowOfRandomHistoriesIsTheWorstOfAllWindows) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    core::DrawSequence draws = core::Draws(seed, core::purpose("windows")).at({});
    constexpr std::int64_t kHorizon = 300;
    std::vector<Presence> visits;
    std::vector<DownInterval> downs;
    std::vector<int> planned(kHorizon, 0), lost(kHorizon, 0);
    for (std::uint64_t i = 0, n = 1 + draws.below(5); i < n; ++i) {
      const auto from = static_cast<std::int64_t>(draws.below(250));
      const auto to = from + 1 + static_cast<std::int64_t>(draws.below(120));
      visits.push_back({from * kSecond, to * kSecond});
      for (std::int64_t t = from; t < std::min(to, kHorizon); ++t) ++planned[static_cast<std::size_t>(t)];
      if (draws.below(2) == 0) continue;
      const auto hurt = from + static_cast<std::int64_t>(draws.below(static_cast<std::uint64_t>(to - from)));
      const auto well = std::min(to, hurt + 1 + static_cast<std::int64_t>(draws.below(40)));
      downs.push_back(down(hurt * kSecond, well * kSecond));
      for (std::int64_t t = hurt; t < std::min(well, kHorizon); ++t) ++lost[static_cast<std::size_t>(t)];
    }
    for (const std::int64_t window : {1, 7, 60, 300}) {
      double worst = 1.0;
      for (std::int64_t t = 0; t + window <= kHorizon; ++t) {
        int there = 0, out = 0;
        for (std::int64_t s = t; s < t + window; ++s) {
          there += planned[static_cast<std::size_t>(s)];
          out += lost[static_cast<std::size_t>(s)];
        }
        if (there > 0) worst = std::min(worst, 1.0 - static_cast<double>(out) / there);
      }
      EXPECT_NEAR(*worst_window(visits, downs, window * kSecond, kHorizon * kSecond), worst, 1e-9)
          << "seed " << seed << ", window " << window;
    }
  }
}

}  // namespace
}  // namespace homing::sim
