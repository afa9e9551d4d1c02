// SPDX-License-Identifier: Apache-2.0
//
// The rank tree is held against the plainest thing that answers the same questions: a std::map, sorted anew each time.
#include "router/core/rank_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

namespace homing::core {
namespace {

// The model: the present leaves, and every question answered by sorting.
struct Model {
  std::map<std::uint32_t, std::uint64_t> leaves;

  std::vector<std::pair<std::uint64_t, std::uint32_t>> ranked() const {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order;
    for (const auto& [id, key] : leaves) order.emplace_back(key, id);
    std::sort(order.begin(), order.end());
    return order;
  }
};

void expect_same_answers(const RankTree& tree, const Model& model, std::mt19937_64& random, std::uint32_t ids) {
  const auto order = model.ranked();
  ASSERT_EQ(tree.size(), order.size());
  ASSERT_EQ(tree.min_key(), order.empty() ? RankTree::kAbsent : order[0].first);
  std::uint32_t ties = 0;
  while (ties < order.size() && order[ties].first == order[0].first) ++ties;
  ASSERT_EQ(tree.ties(), ties);
  if (!order.empty()) {
    const auto j = static_cast<std::uint32_t>(random() % ties);
    ASSERT_EQ(tree.tied(j).value, order[j].second);
    const auto k = static_cast<std::uint32_t>(random() % order.size());
    ASSERT_EQ(tree.at(k).value, std::next(model.leaves.begin(), k)->first);
  }
  const auto from = static_cast<std::uint32_t>(random() % (2 * ids));
  const auto after = model.leaves.lower_bound(from);
  ASSERT_EQ(tree.next(NodeId{from}), after == model.leaves.end() ? kNoNode : NodeId{after->first});
  const auto here = model.leaves.find(from);
  ASSERT_EQ(tree.key(NodeId{from}), here == model.leaves.end() ? RankTree::kAbsent : here->second);

  std::array<Candidate, kMaxCandidates> best{};
  const std::size_t wanted = random() % (kMaxCandidates + 1);
  const std::uint32_t found = tree.best(std::span(best).first(wanted));
  ASSERT_EQ(found, std::min(wanted, order.size()));
  for (std::uint32_t i = 0; i < found; ++i) {
    ASSERT_EQ(best[i].node.value, order[i].second);
    ASSERT_EQ(best[i].score, order[i].first);
  }
}

class RankTreeModelTest : public testing::TestWithParam<std::pair<std::uint32_t, std::uint64_t>> {};

TEST_P(RankTreeModelTest, AnswersAsASortedListDoesAfterEveryRandomChange) {
  const auto [ids, keys] = GetParam();
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    std::mt19937_64 random(seed);
    RankTree tree;
    Model model;
    const std::uint64_t sets = 1 + random() % 4;  // of five changes, so that some runs stay nearly empty
    for (int change = 0; change < 300; ++change) {
      const NodeId id{static_cast<std::uint32_t>(random() % ids)};
      if (random() % 5 < sets) {
        const std::uint64_t key = random() % keys;
        tree.set(id, key);
        model.leaves[id.value] = key;
      } else {
        tree.erase(id);
        model.leaves.erase(id.value);
      }
      expect_same_answers(tree, model, random, ids);
      if (HasFatalFailure()) {
        FAIL() << "seed " << seed << ", change " << change << ", " << ids << " ids, " << keys << " keys";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, RankTreeModelTest,
                         testing::Values(std::pair{1u, 1ul}, std::pair{8u, 3ul}, std::pair{9u, 100ul},
                                         std::pair{64u, 2ul}, std::pair{65u, 5ul}, std::pair{600u, 4ul},
                                         std::pair{600u, RankTree::kAbsent}, std::pair{20'000u, 3ul}));

TEST(RankTreeTest, IsEmptyAtFirst) {
  const RankTree tree;
  std::array<Candidate, kMaxCandidates> best{};
  EXPECT_EQ(tree.size(), 0u);
  EXPECT_EQ(tree.ties(), 0u);
  EXPECT_EQ(tree.min_key(), RankTree::kAbsent);
  EXPECT_EQ(tree.next(NodeId{0}), kNoNode);
  EXPECT_FALSE(tree.contains(NodeId{0}));
  EXPECT_EQ(tree.best(best), 0u);
}

TEST(RankTreeTest, GrowsInOneStepFromASmallToAGreatIdWithoutForgetting) {
  RankTree tree;
  tree.set(NodeId{3}, 7);
  tree.set(NodeId{16'383}, 7);
  tree.set(NodeId{100'000}, 9);
  EXPECT_EQ(tree.size(), 3u);
  EXPECT_EQ(tree.ties(), 2u);
  EXPECT_EQ(tree.tied(0), NodeId{3});
  EXPECT_EQ(tree.tied(1), NodeId{16'383});
  EXPECT_EQ(tree.at(2), NodeId{100'000});
  EXPECT_EQ(tree.next(NodeId{4}), NodeId{16'383});
}

TEST(RankTreeTest, HidesNodesForAScopeAndPutsThemBackAsTheyWere) {
  RankTree tree;
  for (std::uint32_t id = 0; id < 20; ++id) tree.set(NodeId{id}, id);
  {
    const std::array<NodeId, 3> ids{NodeId{0}, NodeId{5}, NodeId{700}};
    const Hidden hidden(tree, ids);
    EXPECT_EQ(tree.size(), 18u);
    EXPECT_EQ(tree.min_key(), 1u);
    EXPECT_EQ(tree.next(NodeId{5}), NodeId{6});
  }
  EXPECT_EQ(tree.size(), 20u);
  for (std::uint32_t id = 0; id < 20; ++id) EXPECT_EQ(tree.key(NodeId{id}), id);
}

TEST(RankTreeTest, ACopyIsAValueOfItsOwn) {
  RankTree tree;
  tree.set(NodeId{1}, 5);
  RankTree copy = tree;
  copy.set(NodeId{2}, 1);
  EXPECT_EQ(tree.min_key(), 5u);
  EXPECT_EQ(copy.min_key(), 1u);
}

TEST(RankTreeDeathTest, RefusesAKeyThatMeansAbsent) {
  RankTree tree;
  EXPECT_DEATH(tree.set(NodeId{0}, RankTree::kAbsent), "CHECK failed");
}

}  // namespace
}  // namespace homing::core
