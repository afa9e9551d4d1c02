// SPDX-License-Identifier: Apache-2.0
//
// Hashes of users against what is known of them: how unevenly a good hash spreads users, and how many a bound sends
// away from home. Fixed users, so a pass stays a pass; limits are four standard errors, or the rounding of the number
// that is quoted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "router/core/strategy.h"

namespace homing::core {
namespace {

constexpr std::uint32_t kWeight = 100;

std::unique_ptr<Strategy> cluster(const char* name, std::uint32_t nodes, const StrategyParams& params = {}) {
  auto strategy = make_strategy(name, params);
  NodeFigures figures;
  figures.weight = kWeight;
  for (std::uint32_t id = 0; id < nodes; ++id) strategy->update(NodeId{id}, figures);
  return strategy;
}

PlacementQuery query(std::uint64_t user) {
  PlacementQuery q;
  q.user = UserId{user};
  q.session = SessionId{user, user};
  return q;
}

struct Spread {
  std::uint32_t users;
  std::uint32_t nodes;
  double max_over_mean;  // expected, quoted to two decimals
};

// Multinomial counts: E[CoV^2] = (N - 1) / U exactly; E[max/mean] simulated elsewhere.
constexpr Spread kSpreads[] = {{50, 4, 1.30},    {100, 4, 1.21},   {200, 5, 1.18},   {500, 8, 1.18},
                               {1000, 10, 1.16}, {1000, 20, 1.28}, {5000, 20, 1.12}, {10'000, 50, 1.16}};

TEST(HashOracleTest, UsersSpreadAsBallsThrownAtRandom) {
  constexpr int kTimes = 400;
  for (const char* name : {"user-hash", "user-hash-rendezvous"}) {
    std::mt19937_64 random(7);
    for (const Spread& spread : kSpreads) {
      const auto strategy = cluster(name, spread.nodes);
      const int times = spread.users > 2000 ? 60 : kTimes;
      double sum = 0, squares = 0, max_sum = 0, max_squares = 0;
      for (int time = 0; time < times; ++time) {
        std::vector<double> counts(spread.nodes);
        for (std::uint32_t n = 0; n < spread.users; ++n) {
          ++counts[strategy->pick(query(random()), {}).candidates[0].node.value];
        }
        const double mean = static_cast<double>(spread.users) / spread.nodes;
        double cov2 = 0;
        for (const double count : counts) cov2 += (count / mean - 1) * (count / mean - 1) / spread.nodes;
        const double top = *std::max_element(counts.begin(), counts.end()) / mean;
        sum += cov2;
        squares += cov2 * cov2;
        max_sum += top;
        max_squares += top * top;
      }
      const auto error = [&](double total, double total_squares) {
        const double mean = total / times;
        return std::sqrt((total_squares / times - mean * mean) / times);
      };
      const double exact = (spread.nodes - 1.0) / spread.users;
      EXPECT_NEAR(sum / times, exact, 4 * error(sum, squares)) << name << ", " << spread.users << " users";
      EXPECT_NEAR(max_sum / times, spread.max_over_mean, 0.005 + 4 * error(max_sum, max_squares))
          << name << ", " << spread.users << " users, " << spread.nodes << " nodes";
      EXPECT_LT(4 * error(sum, squares), 0.25 * exact) << "the test says something";
    }
  }
}

TEST(HashOracleTest, ShareOfUsersFollowsWeights) {
  constexpr int kUsers = 200'000;
  const auto strategy = make_strategy("user-hash-rendezvous", {});
  const std::vector<std::uint32_t> weights{100, 100, 200, 50, 400, 33, 100, 117};
  double total = 0;
  for (std::uint32_t id = 0; id < weights.size(); ++id) {
    NodeFigures figures;
    figures.weight = weights[id];
    strategy->update(NodeId{id}, figures);
    total += weights[id];
  }
  std::vector<double> counts(weights.size());
  for (std::uint64_t n = 0; n < kUsers; ++n) ++counts[strategy->pick(query(n), {}).candidates[0].node.value];
  double chi_square = 0;
  for (std::size_t id = 0; id < weights.size(); ++id) {
    const double expected = kUsers * weights[id] / total;
    chi_square += (counts[id] - expected) * (counts[id] - expected) / expected;
  }
  EXPECT_LT(chi_square, 40.5);  // upper 1e-6 quantile of chi-square with seven degrees of freedom
}

struct Bounded {
  double max_over_mean = 0;
  double away = 0;  // share of sessions not at home
  double away_error = 0;
};

// U users with one session each come one after the other.
template <class Choose>
Bounded fill(std::uint32_t users, std::uint32_t nodes, int times, const Choose& choose) {
  Bounded result;
  double squares = 0;
  for (int time = 0; time < times; ++time) {
    std::vector<std::uint32_t> counts(nodes);
    double away = 0;
    for (std::uint32_t n = 0; n < users; ++n) {
      const auto [home, node] = choose(counts, n);
      away += home == node ? 0 : 1;
      ++counts[node];
    }
    away /= users;
    result.away += away / times;
    squares += away * away / times;
    result.max_over_mean +=
        static_cast<double>(*std::max_element(counts.begin(), counts.end())) * nodes / users / times;
  }
  result.away_error = std::sqrt(std::max(0.0, squares - result.away * result.away) / times);
  return result;
}

struct BoundedRow {
  std::uint32_t users;
  std::uint32_t nodes;
  double epsilon;
  double ring_max;   // the same bound on a ring with 160 points a node, whose shares are uneven themselves
  double ring_away;  // per cent
};

constexpr BoundedRow kBounded[] = {
    {100, 4, 0.05, 1.05, 18.9},  {100, 4, 0.25, 1.16, 5.4},   {100, 4, 1.0, 1.23, 0.5},
    {200, 10, 0.05, 1.05, 28.0}, {200, 10, 0.25, 1.21, 9.8},  {200, 10, 1.0, 1.36, 1.2},
    {1000, 10, 0.1, 1.09, 7.9},  {1000, 10, 0.25, 1.17, 2.5}, {1000, 50, 0.25, 1.25, 11.5},
};

// With equal weights a user's order is a random order, so the rule is an urn: home is drawn from all nodes; if it is at
// its bound, the place is drawn from those that are not. The ring's numbers come from a few runs only; rendezvous is at
// most a little above them, and below where the ring's uneven shares tell (many users a node).
TEST(HashOracleTest, ABoundSendsAsManyAwayAsTheUrnAndHardlyMoreThanARing) {
  for (const BoundedRow& row : kBounded) {
    StrategyParams params;
    params.set("epsilon", static_cast<std::int64_t>(row.epsilon * 1e6 + 0.5));
    params.set("floor", 0);
    const int times = row.users >= 1000 ? 60 : 300;
    std::mt19937_64 random(11);

    const auto plain = cluster("user-hash-rendezvous", row.nodes);
    auto bounded = cluster("user-hash-bounded", row.nodes, params);
    const Bounded strategy = fill(row.users, row.nodes, times, [&](const std::vector<std::uint32_t>& counts, auto n) {
      if (n == 0) bounded = cluster("user-hash-bounded", row.nodes, params);
      const PlacementQuery q = query(random());
      const std::uint32_t node = bounded->pick(q, {}).candidates[0].node.value;
      NodeFigures figures;
      figures.sessions = counts[node] + 1;
      bounded->update(NodeId{node}, figures);
      return std::pair(plain->pick(q, {}).candidates[0].node.value, node);
    });
    const Bounded urn = fill(row.users, row.nodes, times, [&](const std::vector<std::uint32_t>& counts, auto n) {
      const double bound = std::ceil((1 + row.epsilon) * (n + 1.0) / row.nodes - 1e-9);
      const auto home = static_cast<std::uint32_t>(random() % row.nodes);
      std::uint32_t node = home;
      while (counts[node] >= bound) node = static_cast<std::uint32_t>(random() % row.nodes);
      return std::pair(home, node);
    });
    const std::string where = std::to_string(row.users) + " users, " + std::to_string(row.nodes) + " nodes, epsilon " +
                              std::to_string(row.epsilon);
    const double error = std::hypot(strategy.away_error, urn.away_error);
    EXPECT_NEAR(strategy.away, urn.away, 4 * error) << where;
    EXPECT_NEAR(strategy.max_over_mean, urn.max_over_mean, 0.02) << where;
    EXPECT_LE(strategy.away * 100, row.ring_away * 1.1 + 0.5) << where;
    EXPECT_LE(strategy.max_over_mean, row.ring_max + 0.04) << where;
    std::printf("%-46s max/mean %.3f (ring %.2f)  away %5.2f %% (urn %5.2f %%, ring %4.1f %%)\n", where.c_str(),
                strategy.max_over_mean, row.ring_max, strategy.away * 100, urn.away * 100, row.ring_away);
  }
}

}  // namespace
}  // namespace homing::core
