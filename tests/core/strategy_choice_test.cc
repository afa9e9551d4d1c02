// SPDX-License-Identifier: Apache-2.0
//
// What each strategy's rule says: exact choices where they are determined, frequencies against computed probabilities
// where they are drawn. Draws have fixed seeds, so a pass stays a pass; the bound of each chi-square is the quantile
// that a right strategy would pass at 999,999 of a million seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "router/core/archive.h"
#include "router/core/strategy.h"

namespace homing::core {
namespace {

std::unique_ptr<Strategy> make(std::string_view name) {
  return make_strategy(name, StrategyParams{});
}

NodeFigures with_sessions(std::uint32_t sessions, std::uint32_t weight = 100) {
  NodeFigures f;
  f.sessions = sessions;
  f.weight = weight;
  return f;
}

NodeFigures with_load(std::uint32_t load5_milli, std::uint32_t cores) {
  NodeFigures f;
  f.load5_milli = load5_milli;
  f.cores_milli = cores * 1000;
  return f;
}

PlacementQuery query(std::uint64_t n) {
  PlacementQuery q;
  q.seed = 42;
  q.session = SessionId{7, n};
  q.user = UserId{n};
  q.epoch = Epoch{1};
  return q;
}

NodeId choice(Strategy& strategy, std::uint64_t n) {
  return strategy.pick(query(n), {}).candidates[0].node;
}

// Upper 1e-6 quantile of chi-square with `df` degrees of freedom (Wilson and Hilferty, PNAS 17 (1931)).
double chi_square_bound(double df) {
  const double a = 2.0 / (9.0 * df);
  return df * std::pow(1.0 - a + 4.7534 * std::sqrt(a), 3.0);
}

// Picks `n` times, counts what `outcome` makes of each pick, and compares with `probabilities` by outcome.
void expect_frequencies(Strategy& strategy, int n, const std::map<std::uint64_t, double>& probabilities,
                        const std::function<std::uint64_t(const Picked&)>& outcome) {
  std::map<std::uint64_t, int> counts;
  for (int i = 0; i < n; ++i) ++counts[outcome(strategy.pick(query(static_cast<std::uint64_t>(i)), {}))];
  double chi_square = 0;
  double sum = 0;
  for (const auto& [what, p] : probabilities) {
    const double expected = p * n;
    ASSERT_GE(expected, 10.0) << "too few for chi-square";
    const double difference = counts[what] - expected;
    chi_square += difference * difference / expected;
    sum += p;
  }
  ASSERT_NEAR(sum, 1.0, 1e-12);
  for (const auto& [what, count] : counts) EXPECT_TRUE(probabilities.contains(what)) << what << " is impossible";
  EXPECT_LT(chi_square, chi_square_bound(static_cast<double>(probabilities.size()) - 1.0));
}

std::uint64_t first(const Picked& picked) {
  return picked.candidates[0].node.value;
}

// --- sessions

TEST(SessionsStrategyTest, ChoosesTheFewestSessionsPerWeight) {
  const auto s = make("sessions");
  s->update(NodeId{0}, with_sessions(3, 100));
  s->update(NodeId{1}, with_sessions(5, 200));  // 2.5 per unit
  s->update(NodeId{2}, with_sessions(2, 50));   // 4 per unit
  const Picked picked = s->pick(query(1), {});
  EXPECT_EQ(picked.candidates[0], (Candidate{NodeId{1}, 2'500'000}));
  EXPECT_EQ(picked.candidates[1], (Candidate{NodeId{0}, 3'000'000}));
  EXPECT_EQ(picked.candidates[2], (Candidate{NodeId{2}, 4'000'000}));
}

TEST(SessionsStrategyTest, OrdersAsExactFractionsForWeightsUpToTenThousand) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto weight = [&random] { return static_cast<std::uint32_t>(1 + random() % 10'000); };
    const std::uint32_t wa = weight();
    const std::uint32_t wb = weight();
    const auto a = static_cast<std::uint32_t>(random() % 100);
    const auto b = static_cast<std::uint32_t>(std::uint64_t{a} * wb / wa + random() % 2);  // close calls
    const auto s = make("sessions");
    s->update(NodeId{0}, with_sessions(a, wa));
    s->update(NodeId{1}, with_sessions(b, wb));
    const std::uint64_t left = std::uint64_t{a} * wb;
    const std::uint64_t right = std::uint64_t{b} * wa;
    if (left == right) continue;
    ASSERT_EQ(choice(*s, 1), NodeId{left < right ? 0u : 1u}) << a << '/' << wa << " against " << b << '/' << wb;
  }
}

TEST(SessionsStrategyTest, FillsNodesInProportionToTheirWeights) {
  const auto s = make("sessions");
  std::map<std::uint32_t, std::uint32_t> sessions{{0, 0}, {1, 0}, {2, 0}};
  for (std::uint64_t n = 0; n <= 600; ++n) {
    for (const auto& [id, count] : sessions) s->update(NodeId{id}, with_sessions(count, 100 * (id + 1)));
    if (n < 600) ++sessions[choice(*s, n).value];
  }
  EXPECT_NEAR(sessions[0], 100, 1);
  EXPECT_NEAR(sessions[1], 200, 1);
  EXPECT_NEAR(sessions[2], 300, 1);
}

TEST(SessionsStrategyTest, DrawsEveryTieUniformlyWhetherFewOrMany) {
  for (const std::uint32_t ties : {2u, 7u, 8u, 20u}) {
    const auto s = make("sessions");
    std::map<std::uint64_t, double> probabilities;
    for (std::uint32_t i = 0; i < ties; ++i) {
      s->update(NodeId{i * 3}, with_sessions(1));
      s->update(NodeId{i * 3 + 1}, with_sessions(2));
      probabilities[i * 3] = 1.0 / ties;
    }
    SCOPED_TRACE(ties);
    expect_frequencies(*s, 20'000, probabilities, first);
  }
}

TEST(SessionsStrategyTest, OffersTheOtherTiesFromTheChoiceRoundTheCircleThenTheNextBest) {
  const auto s = make("sessions");
  for (const std::uint32_t id : {2u, 5u, 9u}) s->update(NodeId{id}, with_sessions(1));
  s->update(NodeId{1}, with_sessions(4));
  s->update(NodeId{7}, with_sessions(3));
  const std::vector<std::uint32_t> circle{2, 5, 9};
  for (std::uint64_t n = 0; n < 30; ++n) {
    const Picked picked = s->pick(query(n), {});
    ASSERT_EQ(picked.count, 5);
    const auto start = static_cast<std::size_t>(
        std::find(circle.begin(), circle.end(), picked.candidates[0].node.value) - circle.begin());
    ASSERT_LT(start, circle.size());
    EXPECT_EQ(picked.candidates[1].node.value, circle[(start + 1) % 3]);
    EXPECT_EQ(picked.candidates[2].node.value, circle[(start + 2) % 3]);
    EXPECT_EQ(picked.candidates[3].node, NodeId{7});
    EXPECT_EQ(picked.candidates[4].node, NodeId{1});
  }
}

TEST(SessionsStrategyTest, TwoRoutersThatPlaceTheSameEpochChooseTheSameNodeAndTheNextEpochDrawsAgain) {
  const auto a = make("sessions");
  const auto b = make("sessions");
  for (std::uint32_t id = 0; id < 50; ++id) {
    a->update(NodeId{id}, with_sessions(0));
    b->update(NodeId{49 - id}, with_sessions(0));
  }
  int moved = 0;
  for (std::uint64_t n = 0; n < 100; ++n) {
    EXPECT_EQ(choice(*a, n), choice(*b, n));
    PlacementQuery next = query(n);
    next.epoch = Epoch{2};
    moved += a->pick(next, {}).candidates[0].node != choice(*a, n) ? 1 : 0;
  }
  EXPECT_GT(moved, 80);
}

// --- system-load

TEST(SystemLoadStrategyTest, ChoosesTheLowestFiveMinuteLoadPerCoreAndNothingElse) {
  const auto s = make("system-load");
  NodeFigures busy = with_load(8000, 16);  // 0.5 a core
  NodeFigures idle = with_load(3000, 4);   // 0.75 a core
  idle.sessions = 0;
  busy.sessions = 90;
  busy.load1_milli = 99'000;
  busy.load15_milli = 99'000;
  idle.weight = 1000;
  s->update(NodeId{0}, idle);
  s->update(NodeId{1}, busy);
  const Picked picked = s->pick(query(1), {});
  EXPECT_EQ(picked.candidates[0], (Candidate{NodeId{1}, 500'000}));
  EXPECT_EQ(picked.candidates[1], (Candidate{NodeId{0}, 750'000}));
}

TEST(SystemLoadStrategyTest, DrawsEveryTieUniformly) {
  const auto s = make("system-load");
  std::map<std::uint64_t, double> probabilities;
  for (std::uint32_t id = 0; id < 12; ++id) {
    s->update(NodeId{id}, with_load(id % 3 == 0 ? 1000 : 2000, 4));
    if (id % 3 == 0) probabilities[id] = 0.25;
  }
  expect_frequencies(*s, 20'000, probabilities, first);
}

// --- random

TEST(RandomStrategyTest, ChoosesEveryNodeEquallyOftenWhateverItsFigures) {
  const auto s = make("random");
  std::map<std::uint64_t, double> probabilities;
  for (std::uint32_t id = 0; id < 10; ++id) {
    s->update(NodeId{id * 7}, with_sessions(id * 10, 100 + id));
    probabilities[id * 7] = 0.1;
  }
  expect_frequencies(*s, 30'000, probabilities, first);
}

TEST(RandomStrategyTest, DrawsEveryOrderedPairOfCandidatesEquallyOften) {
  const auto s = make("random");
  std::map<std::uint64_t, double> probabilities;
  for (std::uint32_t a = 0; a < 9; ++a) {
    s->update(NodeId{a}, NodeFigures{});
    for (std::uint32_t b = 0; b < 9; ++b) {
      if (a != b) probabilities[a * 100 + b] = 1.0 / 72;
    }
  }
  expect_frequencies(*s, 30'000, probabilities,
                     [](const Picked& p) { return first(p) * 100 + p.candidates[1].node.value; });
  expect_frequencies(*s, 30'000, probabilities, [](const Picked& p) {
    return p.candidates[3].node.value * std::uint64_t{100} + p.candidates[7].node.value;
  });
}

// --- round-robin

TEST(RoundRobinStrategyTest, GoesRoundTheNodesInIdOrderAndWraps) {
  const auto s = make("round-robin");
  for (const std::uint32_t id : {900u, 4u, 31u}) s->update(NodeId{id}, NodeFigures{});
  const std::vector<std::uint32_t> expected{4, 31, 900, 4, 31, 900, 4};
  for (std::size_t n = 0; n < expected.size(); ++n) EXPECT_EQ(choice(*s, n), NodeId{expected[n]});
}

TEST(RoundRobinStrategyTest, OffersTheFollowingNodesWhenTheChoiceDoesNotFit) {
  const auto s = make("round-robin");
  for (std::uint32_t id = 0; id < 4; ++id) s->update(NodeId{id}, NodeFigures{});
  s->pick(query(0), {});
  const Picked picked = s->pick(query(1), {});
  ASSERT_EQ(picked.count, 4);
  EXPECT_EQ(picked.candidates[0].node, NodeId{1});
  EXPECT_EQ(picked.candidates[1].node, NodeId{2});
  EXPECT_EQ(picked.candidates[3].node, NodeId{0});
  EXPECT_FALSE(picked.ranked);
}

TEST(RoundRobinStrategyTest, GivesANewNodeItsTurnAndForgetsAGoneOne) {
  const auto s = make("round-robin");
  for (const std::uint32_t id : {10u, 20u, 30u}) s->update(NodeId{id}, NodeFigures{});
  EXPECT_EQ(choice(*s, 0), NodeId{10});
  s->update(NodeId{15}, NodeFigures{});
  s->remove(NodeId{20});
  EXPECT_EQ(choice(*s, 1), NodeId{15});
  EXPECT_EQ(choice(*s, 2), NodeId{30});
  EXPECT_EQ(choice(*s, 3), NodeId{10});
}

// --- p2c-sessions

TEST(P2cSessionsStrategyTest, ChoosesTheRankOfTwoDistinctDraws) {
  // Of n nodes with distinct scores the one of rank r wins the pairs with the n - 1 - r worse: 2 (n - 1 - r) / (n (n -
  // 1)).
  const auto s = make("p2c-sessions");
  constexpr std::uint32_t kNodes = 8;
  std::map<std::uint64_t, double> probabilities;
  for (std::uint32_t rank = 0; rank < kNodes; ++rank) {
    const std::uint32_t id = rank * 5 % kNodes;
    s->update(NodeId{id}, with_sessions(rank));
    if (rank + 1 < kNodes) probabilities[id] = 2.0 * (kNodes - 1 - rank) / (kNodes * (kNodes - 1));
  }
  expect_frequencies(*s, 40'000, probabilities, first);
}

TEST(P2cSessionsStrategyTest, TakesTheBestOfDWhenTold) {
  // Of n nodes with distinct scores the one of rank r is the best of d drawn with probability C(n - 1 - r, d - 1) /
  // C(n, d).
  const auto choose = [](double n, int k) {
    double ways = 1;
    for (int i = 0; i < k; ++i) ways *= (n - i) / (i + 1);
    return ways;
  };
  constexpr std::uint32_t kNodes = 9;
  for (int d = 2; d <= kMaxCandidates; ++d) {
    StrategyParams params;
    params.set("d", d);
    const auto s = make_strategy("p2c-sessions", params);
    std::map<std::uint64_t, double> probabilities;
    for (std::uint32_t rank = 0; rank < kNodes; ++rank) {
      const std::uint32_t id = rank * 5 % kNodes;
      s->update(NodeId{id}, with_sessions(rank));
      const double p = choose(kNodes - 1 - rank, d - 1) / choose(kNodes, d);
      if (p > 0) probabilities[id] = p;
    }
    expect_frequencies(*s, 40'000, probabilities, first);
  }
}

TEST(P2cSessionsStrategyTest, RanksWhatItDrewAndNothingElse) {
  StrategyParams params;
  params.set("d", 3);
  const auto s = make_strategy("p2c-sessions", params);
  s->update(NodeId{0}, with_sessions(5));
  s->update(NodeId{1}, with_sessions(4));
  EXPECT_EQ(s->pick(query(0), {}).ranked, 2);
  for (std::uint32_t id = 2; id < 20; ++id) s->update(NodeId{id}, with_sessions(id % 7));
  for (std::uint64_t n = 0; n < 200; ++n) {
    const Picked picked = s->pick(query(n), {});
    EXPECT_EQ(picked.ranked, 3);
    EXPECT_EQ(picked.count, kMaxCandidates);
    EXPECT_LE(picked.candidates[0].score, picked.candidates[1].score);
    EXPECT_LE(picked.candidates[1].score, picked.candidates[2].score);
  }
}

TEST(P2cSessionsStrategyTest, SplitsTiesEvenly) {
  // Scores 0 0 1 1 1: of ten pairs a zero wins three alone and half of one; a one wins half of two.
  const auto s = make("p2c-sessions");
  for (std::uint32_t id = 0; id < 5; ++id) s->update(NodeId{id}, with_sessions(id < 2 ? 0 : 1));
  expect_frequencies(*s, 40'000, {{0, 0.35}, {1, 0.35}, {2, 0.1}, {3, 0.1}, {4, 0.1}}, first);
}

TEST(P2cSessionsStrategyTest, ComparesByWeightAndTellsTheScoreOfBoth) {
  const auto s = make("p2c-sessions");
  s->update(NodeId{0}, with_sessions(3, 100));
  s->update(NodeId{1}, with_sessions(4, 200));
  for (std::uint64_t n = 0; n < 20; ++n) {
    const Picked picked = s->pick(query(n), {});
    EXPECT_EQ(picked.candidates[0], (Candidate{NodeId{1}, 2'000'000}));
    EXPECT_EQ(picked.candidates[1], (Candidate{NodeId{0}, 3'000'000}));
  }
}

// --- user-hash

TEST(UserHashStrategyTest, TakesTheDocumentedHashModuloTheNodesInIdOrder) {
  const auto s = make("user-hash");
  for (const std::uint32_t id : {40u, 10u, 30u, 20u, 50u, 70u, 60u}) s->update(NodeId{id}, NodeFigures{});
  // Stafford's Mix13 of 1, 2, 3 and 2^63, by an independent calculation: modulo 7, then the place in id order.
  const std::map<std::uint64_t, std::uint32_t> expected{{1, 70}, {2, 20}, {3, 50}, {1ull << 63, 10}};
  for (const auto& [user, node] : expected) {
    PlacementQuery q = query(1);
    q.user = UserId{user};
    EXPECT_EQ(s->pick(q, {}).candidates[0].node, NodeId{node}) << user;
  }
}

TEST(UserHashStrategyTest, KeepsAUserTogetherAndSpreadsUsersEvenly) {
  const auto s = make("user-hash");
  std::map<std::uint64_t, double> probabilities;
  for (std::uint32_t id = 0; id < 16; ++id) {
    s->update(NodeId{id}, with_sessions(id));
    probabilities[id] = 1.0 / 16;
  }
  PlacementQuery q = query(5);
  const NodeId home = s->pick(q, {}).candidates[0].node;
  for (std::uint64_t n = 0; n < 50; ++n) {
    q.session = SessionId{n, n};
    q.epoch = Epoch{static_cast<std::uint32_t>(n)};
    EXPECT_EQ(s->pick(q, {}).candidates[0].node, home);
  }
  expect_frequencies(*s, 20'000, probabilities, first);
}

TEST(UserHashStrategyTest, MovesMostUsersWhenANodeLeaves) {
  const auto s = make("user-hash");
  for (std::uint32_t id = 0; id < 10; ++id) s->update(NodeId{id}, NodeFigures{});
  std::vector<NodeId> before;
  for (std::uint64_t n = 0; n < 5000; ++n) before.push_back(choice(*s, n));
  s->remove(NodeId{9});
  int moved = 0;
  for (std::uint64_t n = 0; n < 5000; ++n) moved += choice(*s, n) != before[n] ? 1 : 0;
  EXPECT_NEAR(moved / 5000.0, 0.9, 0.03);  // the known trap of the modulus: (N - 1) / N, where 1 / N would do
}

TEST(UserHashStrategyTest, ExcludingAHomeSendsItsUsersToTheNeighbourAndNobodyElseAnywhere) {
  const auto s = make("user-hash");
  for (std::uint32_t id = 0; id < 10; ++id) s->update(NodeId{id}, NodeFigures{});
  const std::vector<NodeId> excluded{NodeId{9}};
  for (std::uint64_t n = 0; n < 500; ++n) {
    const NodeId home = choice(*s, n);
    EXPECT_EQ(s->pick(query(n), excluded).candidates[0].node, home == NodeId{9} ? NodeId{0} : home);
  }
}

// --- all six: the same decisions on every compiler, optimised or not

// A thousand placements on forty nodes, each followed by what it changes; every candidate of every pick is hashed.
std::uint64_t hash_of_a_thousand_placements(std::string_view name) {
  const auto s = make(name);
  std::vector<NodeFigures> figures(40);
  std::mt19937_64 random(1);
  Hasher hash;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    const NodeId node{static_cast<std::uint32_t>(random() % figures.size())};
    NodeFigures& f = figures[node.value];
    f.weight = static_cast<std::uint32_t>(100 + random() % 3 * 50);
    f.load5_milli = static_cast<std::uint32_t>(random() % 8 * 1000);
    if (f.sessions > 0) --f.sessions;
    if (random() % 8 == 0) {
      s->remove(node);
    } else {
      s->update(node, f);
    }
    const std::vector<NodeId> excluded{NodeId{static_cast<std::uint32_t>(random() % 40)}};
    const Picked picked = s->pick(query(n), n % 4 == 0 ? std::span(excluded) : std::span<const NodeId>{});
    hash(picked.count, picked.ranked != 0, picked.candidates);
    if (picked.count > 0) {
      const NodeId chosen = picked.candidates[0].node;
      ++figures[chosen.value].sessions;
      s->update(chosen, figures[chosen.value]);
    }
  }
  return hash.value();
}

// A change here changes the fingerprint of every scenario that uses the strategy: say why in the commit.
TEST(StrategyFingerprintTest, MakesTheSameDecisionsAsWhenTheseNumbersWereRecorded) {
  EXPECT_EQ(hash_of_a_thousand_placements("sessions"), 0xc458caa30d1eaa2bu);
  EXPECT_EQ(hash_of_a_thousand_placements("system-load"), 0xd0642685fe671099u);
  EXPECT_EQ(hash_of_a_thousand_placements("user-hash"), 0x9d6b73021b14cc29u);
  EXPECT_EQ(hash_of_a_thousand_placements("round-robin"), 0x72c5cc5f329b5e71u);
  EXPECT_EQ(hash_of_a_thousand_placements("random"), 0x0af9fc64e71f9f2bu);
  EXPECT_EQ(hash_of_a_thousand_placements("p2c-sessions"), 0x58df51ba70104c7eu);
}

}  // namespace
}  // namespace homing::core
