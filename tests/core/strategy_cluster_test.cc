// SPDX-License-Identifier: Apache-2.0
//
// Every strategy inside a whole core: a small cluster is filled to the last place whatever the rule prefers, and the
// one too many waits.
#include <gtest/gtest.h>

#include "tests/core/cluster_harness.h"
#include "tests/core/strategy_models.h"

namespace homing::core::testing {
namespace {

class StrategyClusterTest : public ::testing::TestWithParam<Variant> {};

TEST_P(StrategyClusterTest, FillsTheClusterToItsLastPlaceAndThenPeopleWait) {
  Cluster c(0, [](Config& k) {
    k.strategy = GetParam().name;
    k.strategy_params = GetParam().values();
  });
  c.nodes.resize(3);
  for (Cluster::Node& n : c.nodes) n.max_sessions = 3;
  for (int i = 0; i < 3; ++i) c.boot(i);
  c.run(seconds(2));
  for (std::uint64_t i = 0; i < 9; ++i) {
    c.want(0, session_id(i), UserId{i % 2});  // two people: a hash would like two nodes
    c.run(seconds(2));
  }
  for (const Cluster::Node& n : c.nodes) EXPECT_EQ(n.serving.size(), 3u);
  const RequestId late = c.want(0, session_id(99), UserId{7});
  c.run(seconds(2));
  ASSERT_TRUE(c.answer(0, late).has_value());
  EXPECT_EQ(c.answer(0, late)->outcome, Outcome::kQueued);
  c.feed(0, EndWanted{session_id(4), EndReason::kOwner});
  for (int i = 0; i < 5; ++i) {
    c.want(0, session_id(99), UserId{7});
    c.run(seconds(2));
  }
  std::size_t there = 0;
  for (const Cluster::Node& n : c.nodes) there += n.serving.count(session_id(99));
  EXPECT_EQ(there, 1u) << "the place that came free is taken";
}

TEST_P(StrategyClusterTest, PlacesOnTheNodesThatAreLeftWhenOneDies) {
  Cluster c(3, [](Config& k) {
    k.strategy = GetParam().name;
    k.strategy_params = GetParam().values();
  });
  c.run(seconds(2));
  c.kill_machine(2);
  c.run(seconds(12));
  for (std::uint64_t i = 0; i < 20; ++i) c.want(static_cast<int>(i % 2), session_id(i), UserId{i});
  c.run(seconds(5));
  EXPECT_EQ(c.nodes[0].serving.size() + c.nodes[1].serving.size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Every, StrategyClusterTest, ::testing::ValuesIn(every_variant()),
                         [](const ::testing::TestParamInfo<Variant>& of) { return of.param.label(); });

}  // namespace
}  // namespace homing::core::testing
