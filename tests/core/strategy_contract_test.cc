// SPDX-License-Identifier: Apache-2.0
//
// What every registered strategy must keep, whatever its rule: one suite over strategy_names(). A new file in
// router/core/strategies/ is held to it without a line here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/archive.h"
#include "router/core/strategy.h"

namespace homing::core {
namespace {

using Figures = std::map<std::uint32_t, NodeFigures>;

PlacementQuery query(std::uint64_t n) {
  PlacementQuery q;
  q.seed = 11;
  q.session = SessionId{n * 0x9e3779b97f4a7c15u, ~n};
  q.user = UserId{n * 0xd1342543de82ef95u};
  q.epoch = Epoch{static_cast<std::uint32_t>(n % 3)};
  return q;
}

// Few distinct values, so that ties are common.
NodeFigures some_figures(std::mt19937_64& random) {
  NodeFigures f;
  f.sessions = static_cast<std::uint32_t>(random() % 4);
  f.weight = random() % 3 == 0 ? 200 : 100;
  f.load5_milli = static_cast<std::uint32_t>(random() % 3) * 500;
  f.cores_milli = random() % 2 == 0 ? 4000 : 8000;
  f.memory_total = 64;
  f.memory_available = random() % 64;
  return f;
}

Figures some_nodes(std::mt19937_64& random, std::size_t count, std::uint32_t ids) {
  Figures nodes;
  while (nodes.size() < count) nodes[static_cast<std::uint32_t>(random() % ids)] = some_figures(random);
  return nodes;
}

void tell(Strategy& strategy, const Figures& nodes) {
  for (const auto& [id, figures] : nodes) strategy.update(NodeId{id}, figures);
}

// The same set of nodes, told in another order, with old figures, repetitions, removals and passers-by on the way.
void tell_in_disorder(Strategy& strategy, const Figures& nodes, std::mt19937_64& random) {
  std::vector<std::uint32_t> ids;
  for (const auto& [id, figures] : nodes) ids.push_back(id);
  std::shuffle(ids.begin(), ids.end(), random);
  for (const std::uint32_t id : ids) {
    if (random() % 2 == 0) strategy.update(NodeId{id}, some_figures(random));
    if (random() % 3 == 0) strategy.remove(NodeId{id});
    const NodeId passer_by{static_cast<std::uint32_t>(random() % 5000)};
    if (!nodes.contains(passer_by.value)) {
      strategy.update(passer_by, some_figures(random));
      strategy.remove(passer_by);
    }
    strategy.update(NodeId{id}, nodes.at(id));
  }
  std::shuffle(ids.begin(), ids.end(), random);
  for (const std::uint32_t id : ids) {
    if (random() % 4 != 0) continue;
    strategy.remove(NodeId{id});
    strategy.update(NodeId{id}, nodes.at(id));
  }
}

std::vector<Candidate> candidates(const Picked& picked) {
  return {picked.candidates.begin(), picked.candidates.begin() + picked.count};
}

void expect_equal(const Picked& a, const Picked& b) {
  ASSERT_EQ(candidates(a), candidates(b));
  ASSERT_EQ(a.ranked, b.ranked);
}

class StrategyContractTest : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Strategy> make() const { return make_strategy(GetParam(), StrategyParams{}); }
};

TEST_P(StrategyContractTest, AnswersDoNotDependOnHowTheIndexWasBuilt) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    std::mt19937_64 random(seed);
    const Figures nodes = some_nodes(random, 1 + random() % 60, seed % 2 == 0 ? 70 : 3000);
    const auto plain = make();
    const auto messy = make();
    tell(*plain, nodes);
    tell_in_disorder(*messy, nodes, random);
    ASSERT_EQ(plain->eligible(), nodes.size());
    ASSERT_EQ(messy->eligible(), nodes.size());
    for (std::uint64_t n = 0; n < 40; ++n) {
      expect_equal(plain->pick(query(n), {}), messy->pick(query(n), {}));
      if (HasFatalFailure()) FAIL() << "seed " << seed << ", pick " << n;
    }
  }
}

TEST_P(StrategyContractTest, OffersDistinctEligibleNodesAndAsManyAsThereAreUpToEight) {
  std::mt19937_64 random(5);
  for (std::size_t count = 1; count <= 40; ++count) {
    const Figures nodes = some_nodes(random, count, 100);
    const auto strategy = make();
    tell(*strategy, nodes);
    for (std::uint64_t n = 0; n < 30; ++n) {
      const Picked picked = strategy->pick(query(n), {});
      ASSERT_EQ(picked.count, std::min<std::size_t>(count, kMaxCandidates));
      std::set<NodeId> seen;
      for (const Candidate& c : candidates(picked)) {
        ASSERT_TRUE(nodes.contains(c.node.value)) << c.node.value;
        ASSERT_TRUE(seen.insert(c.node).second) << "node " << c.node.value << " twice";
      }
    }
  }
}

TEST_P(StrategyContractTest, RankedCandidatesAscendAndTheFirstIsTheLeastOfAllWhenAllAreRanked) {
  std::mt19937_64 random(6);
  const Figures nodes = some_nodes(random, 50, 200);
  const auto strategy = make();
  tell(*strategy, nodes);
  std::uint64_t least = ~0ull;  // each node's score alone
  for (const auto& [id, figures] : nodes) {
    const auto alone = make();
    alone->update(NodeId{id}, figures);
    least = std::min(least, alone->pick(query(0), {}).candidates[0].score);
  }
  for (std::uint64_t n = 0; n < 100; ++n) {
    const Picked picked = strategy->pick(query(n), {});
    const auto list = candidates(picked);
    ASSERT_LE(picked.ranked, picked.count);
    EXPECT_TRUE(std::is_sorted(list.begin(), list.begin() + picked.ranked,
                               [](const auto& a, const auto& b) { return a.score < b.score; }));
    if (picked.ranked == picked.count) EXPECT_EQ(list[0].score, least);
  }
}

TEST_P(StrategyContractTest, NeverOffersAnExcludedNodeAndKeepsItForTheNextPick) {
  std::mt19937_64 random(7);
  const Figures nodes = some_nodes(random, 12, 40);
  const auto strategy = make();
  tell(*strategy, nodes);
  for (std::uint64_t n = 0; n < 200; ++n) {
    std::vector<NodeId> excluded;  // sorted; some are not eligible at all
    for (std::uint32_t id = 0; id < 41; ++id) {
      if (random() % 3 == 0) excluded.push_back(NodeId{id});
    }
    std::size_t left = 0;
    for (const auto& [id, figures] : nodes) left += std::ranges::binary_search(excluded, NodeId{id}) ? 0 : 1;
    const Picked picked = strategy->pick(query(n), excluded);
    ASSERT_EQ(picked.count, std::min<std::size_t>(left, kMaxCandidates));
    for (const Candidate& c : candidates(picked)) {
      ASSERT_FALSE(std::ranges::binary_search(excluded, c.node)) << c.node.value;
      ASSERT_TRUE(nodes.contains(c.node.value));
    }
    ASSERT_EQ(strategy->eligible(), nodes.size());
  }
}

TEST_P(StrategyContractTest, OffersNothingWhenEveryNodeIsExcludedOrGone) {
  const auto strategy = make();
  EXPECT_EQ(strategy->pick(query(1), {}).count, 0);
  strategy->update(NodeId{3}, NodeFigures{});
  strategy->update(NodeId{8}, NodeFigures{});
  const std::vector<NodeId> both{NodeId{3}, NodeId{8}};
  EXPECT_EQ(strategy->pick(query(2), both).count, 0);
  strategy->remove(NodeId{3});
  strategy->remove(NodeId{8});
  strategy->remove(NodeId{9});  // never was
  EXPECT_EQ(strategy->eligible(), 0u);
  EXPECT_EQ(strategy->pick(query(3), {}).count, 0);
}

TEST_P(StrategyContractTest, OffersTheOnlyNodeThereIs) {
  const auto strategy = make();
  strategy->update(NodeId{16'000}, NodeFigures{});
  for (std::uint64_t n = 0; n < 5; ++n) {
    const Picked picked = strategy->pick(query(n), {});
    ASSERT_EQ(picked.count, 1);
    EXPECT_EQ(picked.candidates[0].node, NodeId{16'000});
  }
}

TEST_P(StrategyContractTest, NeverOffersANodeAfterItsRemoval) {
  std::mt19937_64 random(8);
  Figures nodes = some_nodes(random, 30, 64);
  const auto strategy = make();
  tell(*strategy, nodes);
  while (!nodes.empty()) {
    const std::uint32_t gone = std::next(nodes.begin(), static_cast<std::ptrdiff_t>(random() % nodes.size()))->first;
    nodes.erase(gone);
    strategy->remove(NodeId{gone});
    for (std::uint64_t n = 0; n < 20; ++n) {
      for (const Candidate& c : candidates(strategy->pick(query(n), {}))) ASSERT_TRUE(nodes.contains(c.node.value));
    }
  }
}

TEST_P(StrategyContractTest, ACloneGoesOnIdenticallyAndOnItsOwn) {
  std::mt19937_64 random(9);
  const auto strategy = make();
  tell(*strategy, some_nodes(random, 20, 50));
  for (std::uint64_t n = 0; n < 7; ++n) strategy->pick(query(n), {});
  const auto clone = strategy->clone();
  for (std::uint64_t n = 7; n < 60; ++n) {
    const NodeFigures figures = some_figures(random);
    const NodeId node{static_cast<std::uint32_t>(random() % 50)};
    strategy->update(node, figures);
    clone->update(node, figures);
    expect_equal(strategy->pick(query(n), {}), clone->pick(query(n), {}));
    if (HasFatalFailure()) FAIL() << "pick " << n;
  }
  clone->remove(strategy->pick(query(60), {}).candidates[0].node);
  EXPECT_EQ(clone->eligible() + 1, strategy->eligible());
}

TEST_P(StrategyContractTest, GoesOnIdenticallyAfterSaveRebuildAndLoad) {
  std::mt19937_64 random(10);
  const Figures nodes = some_nodes(random, 20, 50);
  const auto strategy = make();
  tell(*strategy, nodes);
  for (std::uint64_t n = 0; n < 13; ++n) strategy->pick(query(n), {});
  Writer out;
  strategy->save(out);
  const auto restored = make();
  tell_in_disorder(*restored, nodes, random);
  Reader in(out.bytes());
  restored->load(in);
  EXPECT_TRUE(in.ok());
  EXPECT_TRUE(in.at_end());
  for (std::uint64_t n = 13; n < 60; ++n) {
    expect_equal(strategy->pick(query(n), {}), restored->pick(query(n), {}));
    if (HasFatalFailure()) FAIL() << "pick " << n;
  }
}

TEST_P(StrategyContractTest, LoadingFromNothingLeavesAWorkingStrategy) {
  const auto strategy = make();
  Reader in("");
  strategy->load(in);
  strategy->update(NodeId{2}, NodeFigures{});
  EXPECT_EQ(strategy->pick(query(1), {}).candidates[0].node, NodeId{2});
}

TEST_P(StrategyContractTest, SurvivesFiguresAtTheirExtremes) {
  const auto strategy = make();
  NodeFigures zero;
  zero.weight = 0;
  zero.cores_milli = 0;
  zero.sessions = zero.load1_milli = zero.load5_milli = zero.load15_milli = ~0u;
  NodeFigures great;
  great.weight = ~0u;
  great.cores_milli = ~0u;
  strategy->update(NodeId{0}, zero);
  strategy->update(NodeId{1}, great);
  EXPECT_EQ(strategy->pick(query(1), {}).count, 2);
}

std::vector<std::string> names() {
  const std::vector<std::string_view> views = strategy_names();
  return {views.begin(), views.end()};
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, StrategyContractTest, testing::ValuesIn(names()), test_name);

TEST(StrategyRegistryTest, KnowsTheStrategiesOfTheFolderSortedByName) {
  EXPECT_THAT(strategy_names(),
              testing::IsSupersetOf({"p2c-sessions", "random", "round-robin", "sessions", "system-load", "user-hash"}));
  const auto all = strategy_names();
  EXPECT_TRUE(std::ranges::is_sorted(all));
}

TEST(StrategyRegistryTest, EveryParameterSaysWhatItMeansAndHasADefaultInItsRange) {
  for (const std::string_view name : strategy_names()) {
    std::set<std::string_view> seen;
    for (const StrategyParam& param : strategy_params(name)) {
      EXPECT_TRUE(seen.insert(param.name).second) << name << ": " << param.name << " twice";
      EXPECT_LE(param.least, param.standard) << name << ": " << param.name;
      EXPECT_LE(param.standard, param.most) << name << ": " << param.name;
      EXPECT_FALSE(param.meaning.empty() || param.source.empty()) << name << ": " << param.name;
    }
  }
  EXPECT_TRUE(strategy_params("least-surprise").empty());
}

TEST(StrategyRegistryTest, ReturnsNothingForAnUnknownName) {
  EXPECT_EQ(make_strategy("least-surprise", StrategyParams{}), nullptr);
}

}  // namespace
}  // namespace homing::core
