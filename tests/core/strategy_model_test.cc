// SPDX-License-Identifier: Apache-2.0
//
// Every registered strategy against its own rule, written down a second time without an index (strategy_models.h): the
// same answers under thousands of random histories, the promised chances, and what a change of membership moves.
// HOMING_SEEDS sets how many histories a strategy is put through.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "router/core/archive.h"
#include "tests/core/strategy_models.h"

namespace homing::core::testing {
namespace {

std::uint64_t histories() {
  if (const char* count = std::getenv("HOMING_SEEDS")) return std::strtoull(count, nullptr, 10);
#ifdef NDEBUG
  return 2000;
#else
  return 200;
#endif
}

// Small numbers, so that ties, full shares and empty nodes are common; now and then a great one.
NodeFigures some_figures(std::mt19937_64& random) {
  NodeFigures f;
  f.sessions = static_cast<std::uint32_t>(random() % 6);
  f.weight = static_cast<std::uint32_t>(random() % 4 * 50);  // 0 counts as 1
  f.load5_milli = static_cast<std::uint32_t>(random() % 3 * 500);
  f.cores_milli = random() % 2 == 0 ? 4000 : 8000;
  f.memory_total = 64;
  f.memory_available = random() % 8;
  if (random() % 50 == 0) f.memory_available = ~0ull >> random() % 3;
  if (random() % 50 == 0) f.sessions = 1'000'000;
  return f;
}

PlacementQuery some_query(std::mt19937_64& random) {
  PlacementQuery q;
  q.seed = random() % 3;
  q.session = SessionId{random(), random()};
  q.user = UserId{random() % 2 == 0 ? random() % 5 : random()};
  q.epoch = Epoch{static_cast<std::uint32_t>(random() % 3)};
  return q;
}

PlacementQuery query(std::uint64_t n) {
  PlacementQuery q;
  q.seed = 42;
  q.session = SessionId{9, n};
  q.user = UserId{n * 0xd1342543de82ef95u + 1};
  q.epoch = Epoch{1};
  return q;
}

std::string text(const Picked& picked) {
  std::string result = std::to_string(picked.ranked) + " ranked:";
  for (int i = 0; i < picked.count; ++i) {
    const Candidate& c = picked.candidates[static_cast<std::size_t>(i)];
    result += " " + std::to_string(c.node.value) + "/" + std::to_string(c.score);
  }
  return result;
}

class StrategyModelTest : public ::testing::TestWithParam<Variant> {};

// One random history: nodes come, change and go, some picks exclude some, now and then the strategy is replaced by its
// clone or by one that was rebuilt from the nodes and loaded.
void go_through(const Variant& variant, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto ids = static_cast<std::uint32_t>(1 + random() % (seed % 3 == 0 ? 6 : 60));
  std::unique_ptr<Strategy> strategy = variant.make();
  Model model(variant);
  Figures nodes;
  for (int step = 0; step < 60; ++step) {
    const auto id = static_cast<std::uint32_t>(random() % ids * (seed % 5 == 0 ? 97 : 1));
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        nodes[id] = some_figures(random);
        strategy->update(NodeId{id}, nodes[id]);
        break;
      case 3:
        nodes.erase(id);
        strategy->remove(NodeId{id});
        break;
      case 4:
        if (random() % 2 == 0) {
          strategy = strategy->clone();
        } else {
          Writer out;
          strategy->save(out);
          strategy = variant.make();
          for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) strategy->update(NodeId{it->first}, it->second);
          Reader in(out.bytes());
          strategy->load(in);
        }
        break;
      default: {
        std::vector<NodeId> excluded;
        if (random() % 3 == 0) {
          for (const auto& [node, figures] : nodes) {
            if (random() % 3 == 0) excluded.push_back(NodeId{node});
          }
          if (random() % 2 == 0) excluded.push_back(NodeId{100'000});  // never was
        }
        const PlacementQuery q = some_query(random);
        const std::string found = text(strategy->pick(q, excluded));
        ASSERT_EQ(found, text(model.pick(nodes, q, excluded))) << "seed " << seed << ", step " << step;
      }
    }
    ASSERT_EQ(strategy->eligible(), nodes.size()) << "seed " << seed << ", step " << step;
  }
}

TEST_P(StrategyModelTest, AnswersAsItsRuleDoesUnderAnyHistory) {
  for (std::uint64_t seed = 0; seed < histories(); ++seed) {
    go_through(GetParam(), seed);
    if (HasFatalFailure()) return;
  }
}

// Upper 1e-6 quantile of chi-square with `df` degrees of freedom (Wilson and Hilferty, PNAS 17 (1931)).
double chi_square_bound(double df) {
  const double a = 2.0 / (9.0 * df);
  return df * std::pow(1.0 - a + 4.7534 * std::sqrt(a), 3.0);
}

TEST_P(StrategyModelTest, ChoosesEveryNodeAsOftenAsItsRulePromises) {
  constexpr int kPicks = 40'000;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::mt19937_64 random(seed);
    Figures nodes;
    const std::size_t count = 2 + random() % 9;
    while (nodes.size() < count) {
      NodeFigures& f = nodes[static_cast<std::uint32_t>(random() % 1000)];
      f = some_figures(random);
      f.weight = static_cast<std::uint32_t>(50 + random() % 4 * 50);
      f.sessions %= 6;
    }
    const auto strategy = GetParam().make();
    for (const auto& [id, f] : nodes) strategy->update(NodeId{id}, f);
    const auto chances = Model(GetParam()).chances(nodes);
    std::map<std::uint64_t, int> counts;
    for (std::uint64_t n = 0; n < kPicks; ++n) ++counts[strategy->pick(query(n), {}).candidates[0].node.value];
    double chi_square = 0;
    double sum = 0;
    for (const auto& [id, p] : chances) {
      const double difference = counts[id] - p * kPicks;
      chi_square += difference * difference / (p * kPicks);
      sum += p;
    }
    ASSERT_NEAR(sum, 1.0, 1e-12);
    for (const auto& [id, times] : counts) EXPECT_TRUE(times == 0 || chances.contains(id)) << id << " is impossible";
    const double df = static_cast<double>(chances.size()) - 1.0;
    if (df > 0) EXPECT_LT(chi_square, chi_square_bound(df)) << "seed " << seed;
  }
}

std::vector<NodeId> homes(Strategy& strategy, std::size_t users) {
  std::vector<NodeId> result;
  for (std::size_t n = 0; n < users; ++n) result.push_back(strategy.pick(query(n), {}).candidates[0].node);
  return result;
}

class UserStrategyTest : public ::testing::TestWithParam<Variant> {};

TEST_P(UserStrategyTest, KeepsAUserTogether) {
  const auto strategy = GetParam().make();
  for (std::uint32_t id = 0; id < 20; ++id) strategy->update(NodeId{id}, NodeFigures{});
  for (std::uint64_t user = 0; user < 50; ++user) {
    PlacementQuery q = query(user);
    const NodeId home = strategy->pick(q, {}).candidates[0].node;
    for (std::uint64_t n = 0; n < 20; ++n) {
      q.session = SessionId{n, user + n};
      q.epoch = Epoch{static_cast<std::uint32_t>(n)};
      ASSERT_EQ(strategy->pick(q, {}).candidates[0].node, home);
    }
  }
}

// Without sessions no bound is reached, so these hold for the bounded rule too.
class FaithfulStrategyTest : public ::testing::TestWithParam<Variant> {};

TEST_P(FaithfulStrategyTest, ALostNodeMovesExactlyItsOwnUsersAndItsReturnBringsThemBack) {
  constexpr std::size_t kUsers = 20'000;
  for (const std::uint32_t count : {4u, 10u, 50u}) {
    const auto strategy = GetParam().make();
    NodeFigures figures;
    for (std::uint32_t id = 0; id < count; ++id) {
      figures.weight = 100 + id % 3 * 50;
      strategy->update(NodeId{id}, figures);
    }
    const auto before = homes(*strategy, kUsers);
    const NodeId dead{count / 2};
    strategy->remove(dead);
    const auto without = homes(*strategy, kUsers);
    std::set<NodeId> refuges;
    for (std::size_t n = 0; n < kUsers; ++n) {
      if (before[n] == dead) refuges.insert(without[n]);
      ASSERT_EQ(before[n] != without[n], before[n] == dead) << "user " << n << " of " << count << " nodes";
    }
    EXPECT_EQ(refuges.size(), count - 1) << "its users must not fall on few others";
    figures.weight = 100 + dead.value % 3 * 50;
    strategy->update(dead, figures);
    EXPECT_EQ(homes(*strategy, kUsers), before);
  }
}

TEST_P(FaithfulStrategyTest, AGreaterWeightMovesUsersOnlyToTheNodeThatGotIt) {
  const auto strategy = GetParam().make();
  for (std::uint32_t id = 0; id < 10; ++id) strategy->update(NodeId{id}, NodeFigures{});
  const auto before = homes(*strategy, 20'000);
  NodeFigures heavier;
  heavier.weight = 250;
  strategy->update(NodeId{7}, heavier);
  const auto after = homes(*strategy, 20'000);
  std::size_t moved = 0;
  for (std::size_t n = 0; n < before.size(); ++n) {
    if (before[n] == after[n]) continue;
    ASSERT_EQ(after[n], NodeId{7});
    ++moved;
  }
  // From 1/10 to 2.5/11.5 of all: 0.117 of the users, +- 5 standard errors.
  EXPECT_NEAR(static_cast<double>(moved) / 20'000.0, 2.5 / 11.5 - 0.1, 5 * std::sqrt(0.117 * 0.883 / 20'000));
}

TEST(StrategyMovesTest, ModuloMovesAllButOneNthWhenANodeIsLost) {
  for (const std::uint32_t count : {4u, 10u, 50u}) {
    const auto strategy = make_strategy("user-hash", {});
    for (std::uint32_t id = 0; id < count; ++id) strategy->update(NodeId{id}, NodeFigures{});
    const auto before = homes(*strategy, 100'000);
    strategy->remove(NodeId{count - 1});  // the last, so that nobody moves only because places shift
    const auto after = homes(*strategy, 100'000);
    double moved = 0;
    for (std::size_t n = 0; n < before.size(); ++n) moved += before[n] == after[n] ? 0 : 1;
    const double expected = 1.0 - 1.0 / count;
    EXPECT_NEAR(moved / 100'000, expected, 5 * std::sqrt(expected * (1 - expected) / 100'000)) << count << " nodes";
  }
}

std::vector<Variant> those(bool (Model::*promise)() const) {
  std::vector<Variant> all = every_variant();
  std::erase_if(all, [&](const Variant& variant) { return !(Model(variant).*promise)(); });
  return all;
}

const auto kLabel = [](const ::testing::TestParamInfo<Variant>& info) { return info.param.label(); };
INSTANTIATE_TEST_SUITE_P(Every, StrategyModelTest, ::testing::ValuesIn(every_variant()), kLabel);
INSTANTIATE_TEST_SUITE_P(ByUser, UserStrategyTest, ::testing::ValuesIn(those(&Model::by_user)), kLabel);
INSTANTIATE_TEST_SUITE_P(Rendezvous, FaithfulStrategyTest, ::testing::ValuesIn(those(&Model::moves_least)), kLabel);

}  // namespace
}  // namespace homing::core::testing
