// SPDX-License-Identifier: Apache-2.0
#include "sim/links.h"

#include <gtest/gtest.h>

#include "router/core/draws.h"
#include "sim/router_clock.h"

namespace homing::sim {
namespace {

core::Instant at_ns(std::int64_t ns) {
  return core::Instant(core::Duration(ns));
}

TEST(Links, APartitionCutsOnlyAcrossItAndInItsDirections) {
  Links links(4);
  links.part(7, {0, 1}, true, false);
  EXPECT_FALSE(links.peer_up(0, 2));
  EXPECT_TRUE(links.peer_up(2, 0)) << "one way";
  EXPECT_TRUE(links.peer_up(0, 1));
  EXPECT_TRUE(links.peer_up(3, 2));
  EXPECT_FALSE(links.peers_talk(2, 0));
  EXPECT_TRUE(links.peers_talk(0, 1));
  EXPECT_TRUE(links.peers_talk(0, 0));
}

TEST(Links, WhatTwoFaultsCutOneAloneDoesNotHeal) {
  Links links(3);
  links.part(1, {0}, true, true);
  links.part(2, {0, 1}, true, true);
  links.heal(1);
  EXPECT_FALSE(links.peers_talk(0, 2));
  EXPECT_TRUE(links.peers_talk(0, 1));
  links.heal(2);
  EXPECT_TRUE(links.peers_talk(0, 2));
  links.store(1, Way::kIn).cuts = 2;
  links.store(1, Way::kIn).cuts -= 1;
  EXPECT_FALSE(links.sees_store(1));
  EXPECT_TRUE(links.sees_store(0));
}

TEST(RouterClock, WithoutDriftShowsTrueTime) {
  const RouterClock clock;
  EXPECT_EQ(clock.local(at_ns(123)), at_ns(123));
  EXPECT_EQ(clock.true_time(core::kNever), core::kNever);
}

TEST(RouterClock, GainsWhatItsDriftSays) {
  RouterClock clock;
  clock.set_drift(at_ns(0), 500'000'000);  // 500 ppm
  EXPECT_EQ(clock.local(at_ns(1'000'000'000)), at_ns(1'000'500'000));
  clock.set_drift(at_ns(1'000'000'000), -500'000'000);
  EXPECT_EQ(clock.local(at_ns(1'000'000'000)), at_ns(1'000'500'000)) << "a change of drift is no jump";
  EXPECT_EQ(clock.local(at_ns(2'000'000'000)), at_ns(2'000'000'000));
  EXPECT_EQ(clock.true_time(core::kNever), core::kNever);
}

TEST(RouterClock, MapsBackToTheFirstInstantThatShowsIt) {
  core::DrawSequence draws = core::Draws(1, core::purpose("clock-test")).at({});
  for (int round = 0; round < 2000; ++round) {
    RouterClock clock;
    std::int64_t now = 0;
    for (int change = 0; change < 3; ++change) {
      now += static_cast<std::int64_t>(draws.below(40'000'000'000'000));
      const auto drift = static_cast<std::int64_t>(draws.below(2 * RouterClock::kMostDrift + 1));
      const core::Instant before = clock.local(at_ns(now));
      clock.set_drift(at_ns(now), drift - RouterClock::kMostDrift);
      ASSERT_EQ(clock.local(at_ns(now)), before);
    }
    const core::Instant base = clock.local(at_ns(now));
    const core::Instant wanted = base + core::Duration(static_cast<std::int64_t>(draws.below(90'000'000'000'000)));
    const core::Instant when = clock.true_time(wanted);
    ASSERT_GE(clock.local(when), wanted);
    if (when > at_ns(now)) ASSERT_LT(clock.local(when - core::Duration(1)), wanted);
  }
}

}  // namespace
}  // namespace homing::sim
