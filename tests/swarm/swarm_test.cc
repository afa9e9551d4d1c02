// SPDX-License-Identifier: Apache-2.0
//
// Some hundreds of seeds guard a merge; HOMING_SWARM_SEEDS sets how many, HOMING_SWARM_FIRST where they begin. The full
// run is homing-swarm's.
#include "tests/swarm/swarm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace homing::sim::swarm {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

void run(std::uint64_t seeds) {
#ifndef NDEBUG
  seeds /= 20;
#endif
  seeds = from_environment("HOMING_SWARM_SEEDS", seeds);
  const std::uint64_t first = from_environment("HOMING_SWARM_FIRST", 1);
  Coverage coverage;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const Outcome outcome = run_seed(seed, coverage);
    ASSERT_FALSE(outcome.violation) << "seed " << seed << ", " << outcome.violation->checker << " at "
                                    << outcome.violation->at_ns / kMs << " ms: " << outcome.violation->text
                                    << "\nagain: homing-swarm --seed " << seed;
  }
}

TEST(SwarmTest, SomeSeedsKeepEveryPromise) {
  run(200);
}

TEST(SwarmLongTest, ThousandsOfSeedsKeepEveryPromise) {
  run(5000);
}

TEST(SwarmTest, EveryCaseIsLargeEnoughAndTheSameEachTime) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const SwarmCase drawn = draw_case(seed);
    EXPECT_GE(drawn.scenario->nodes.size(), 4u) << "seed " << seed;
    EXPECT_GE(drawn.scenario->routers, 2) << "seed " << seed;
    EXPECT_GE(drawn.plan->visits.size(), 200u) << "seed " << seed;
    EXPECT_GE(drawn.plan->faults.size(), 3u) << "seed " << seed;
    EXPECT_GE(drawn.scenario->horizon, core::seconds(7200)) << "seed " << seed;
    EXPECT_EQ(drawn.plan->hash, draw_case(seed).plan->hash) << "seed " << seed;
  }
}

TEST(SwarmTest, WhatIsKeptOfACaseIsWrittenAndReadBack) {
  const SwarmCase drawn = draw_case(3);
  Kept kept = keep_all(drawn);
  kept.visits[1] = false;
  kept.hurts.assign(kept.hurts.size(), false);
  const SwarmCase less = reduced(drawn, kept);
  EXPECT_EQ(less.plan->visits.size(), drawn.plan->visits.size() - 1);
  EXPECT_TRUE(less.hurts.empty());
  Kept again = keep_all(drawn);
  ASSERT_TRUE(parse_kept("all", "none", fmt::format("0,2-{}", kept.visits.size() - 1), again));
  EXPECT_EQ(again.visits, kept.visits);
  EXPECT_EQ(again.hurts, kept.hurts);
}

}  // namespace
}  // namespace homing::sim::swarm
