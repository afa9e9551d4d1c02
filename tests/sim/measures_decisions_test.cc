// SPDX-License-Identifier: Apache-2.0
#include "sim/measures_decisions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "router/core/draws.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;

TEST(Churn, TheHandWorkedExampleGivesOneUserAndHalfASessionAChange) {
  Churn churn({4, 4, 4});
  churn.placed(0, 0, 0);
  churn.placed(1, 1, 1);
  churn.placed(2, 2, 2);
  churn.ready(1, false);
  churn.placed(0, 3, 2);  // user 0 moved from n1, which is ready: needless
  churn.placed(1, 4, 0);  // user 1 had to
  churn.ready(1, true);
  churn.placed(2, 2, 1);  // user 2 and the same session moved from n3; the cluster is the one it was: needless
  EXPECT_EQ(churn.changes(), 2);
  EXPECT_DOUBLE_EQ(*churn.users(), 1.0);
  EXPECT_DOUBLE_EQ(*churn.sessions(), 0.5);
}

TEST(Churn, WithoutAMembershipChangeThereIsNoValueAndNobodyIsCompared) {
  Churn churn({4, 4});
  churn.placed(0, 0, 0);
  churn.placed(0, 1, 1);
  EXPECT_FALSE(churn.users().has_value());
  churn.ready(0, true);  // it was
  EXPECT_FALSE(churn.sessions().has_value());
  churn.placed(0, 2, 0);
  churn.ready(0, false);
  EXPECT_DOUBLE_EQ(*churn.users(), 0.0);
}

// A new node of the same size as the three there: a minimal rule moves every fourth user, so 4 of 16 moved are no
// excess.
TEST(Churn, ANodeThatJoinsMayTakeItsShareOfTheUsers) {
  Churn churn({4, 4, 4, 4});
  churn.ready(3, false);
  for (std::uint32_t user = 0; user < 16; ++user) churn.placed(user, user, user % 3);
  churn.restart();
  churn.ready(3, true);
  for (std::uint32_t user = 0; user < 16; ++user) churn.placed(user, 16 + user, user < 4 ? 3 : user % 3);
  EXPECT_DOUBLE_EQ(*churn.users(), 0.0);
}

// The definition again, from the whole history.
TEST(Churn, OfRandomHistoriesEqualsTheOneRecomputedFromNothing) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    core::DrawSequence draws = core::Draws(seed, core::purpose("churn")).at({});
    const std::size_t nodes = 2 + draws.below(4);
    std::vector<std::int64_t> cores;
    for (std::size_t i = 0; i < nodes; ++i) cores.push_back(static_cast<std::int64_t>(4 << draws.below(3)));
    Churn churn(cores);
    struct Placed {
      std::uint32_t user, visit, node;
      std::vector<bool> ready;
      int changes;
    };
    std::vector<Placed> history;
    std::vector<bool> ready(nodes, true);
    int changes = 0;
    double users = 0;
    double sessions = 0;
    for (std::uint32_t i = 0; i < 300; ++i) {
      if (draws.below(10) == 0) {
        const std::size_t node = draws.below(nodes);
        const bool now = draws.below(2) == 0;
        changes += ready[node] != now ? 1 : 0;
        ready[node] = now;
        churn.ready(node, now);
        continue;
      }
      const Placed placed{static_cast<std::uint32_t>(draws.below(12)), static_cast<std::uint32_t>(draws.below(40)),
                          static_cast<std::uint32_t>(draws.below(nodes)), ready, changes};
      const auto last =
          std::find_if(history.rbegin(), history.rend(), [&](const Placed& p) { return p.user == placed.user; });
      if (last != history.rend() && last->changes != changes) {
        double all = 0;
        double joined = 0;
        for (std::size_t k = 0; k < nodes; ++k) {
          all += ready[k] ? static_cast<double>(cores[k]) : 0.0;
          joined += ready[k] && !last->ready[k] ? static_cast<double>(cores[k]) : 0.0;
        }
        const double least = ready[last->node] ? joined / all : 1.0;
        users += (last->node != placed.node ? 1.0 : 0.0) - least;
      }
      const auto before =
          std::find_if(history.rbegin(), history.rend(), [&](const Placed& p) { return p.visit == placed.visit; });
      if (before != history.rend() && before->node != placed.node && ready[before->node]) sessions += 1;
      churn.placed(placed.user, placed.visit, placed.node);
      history.push_back(placed);
    }
    ASSERT_EQ(churn.changes(), changes);
    if (changes == 0) continue;
    EXPECT_NEAR(*churn.users(), users / changes, 1e-9) << seed;
    EXPECT_NEAR(*churn.sessions(), sessions / changes, 1e-9) << seed;
  }
}

TEST(Regret, TheHandWorkedExampleGivesAQuarterOfASession) {
  Regret regret({{1000, 0}, {1000, 0}});
  regret.begins(0, 0, 0, 0, 60 * kMinute, {});
  regret.begins(0, 1, 0, 1, 10 * kMinute, {});
  regret.begins(0, 2, 1, 2, 30 * kMinute, {});
  regret.restart();
  regret.begins(0, 3, 0, 3, 40 * kMinute, {});  // (40 + 10) / 40 on n1, 30 / 40 on n2: 0.5 too many
  regret.begins(0, 4, 1, 4, 20 * kMinute, {});  // n2 is best: none
  EXPECT_EQ(regret.judged(), 2);
  EXPECT_DOUBLE_EQ(*regret.mean(), 0.25);
}

TEST(Regret, TheOracleTakesOnlyNodesThatCouldHaveHadTheSession) {
  const std::vector<bool> only_first = {true, false, false};
  Regret regret({{1000, 0}, {1000, 0}, {1000, 0}});
  regret.begins(0, 0, 0, 0, 60 * kMinute, {});
  regret.restart();
  regret.begins(0, 1, 0, 1, 60 * kMinute, {&only_first, 0});
  EXPECT_DOUBLE_EQ(*regret.mean(), 0.0) << "the labels";
  regret.memory(1, 600);
  regret.ready(2, false);
  regret.begins(0, 2, 0, 2, 60 * kMinute, {nullptr, 500});
  EXPECT_DOUBLE_EQ(*regret.mean(), 0.0) << "memory and readiness";
  Regret full({{1000, 0}, {1000, 1}});
  full.begins(0, 0, 0, 0, kMinute, {});
  full.begins(0, 1, 1, 1, kMinute, {});
  full.restart();
  full.begins(0, 2, 0, 2, kMinute, {});
  full.begins(0, 3, 0, 3, kMinute, {});
  EXPECT_DOUBLE_EQ(*full.mean(), 0.0) << "the limit of sessions";
}

TEST(Regret, ASessionThatEndedIsNoCompanyAndAnUnknownLengthIsNotJudged) {
  Regret regret({{1000, 0}, {1000, 0}});
  regret.begins(0, 0, 0, 0, 60 * kMinute, {});
  regret.begins(0, 1, 1, 1, 60 * kMinute, {});
  regret.restart();
  regret.ends(0);
  regret.ends(0);
  regret.begins(0, 0, 1, 2, 60 * kMinute, {});
  EXPECT_DOUBLE_EQ(*regret.mean(), 1.0);
  regret.begins(0, 2, 0, 3, std::numeric_limits<std::int64_t>::max(), {});
  EXPECT_EQ(regret.judged(), 1);
}

// The definition again, over every pair of sessions.
TEST(Regret, OfRandomHistoriesEqualsTheOneRecomputedFromNothing) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    core::DrawSequence draws = core::Draws(seed, core::purpose("regret")).at({});
    const std::size_t nodes = 1 + draws.below(5);
    Regret regret(std::vector<Regret::Place>(nodes, {1000, 0}));
    struct Live {
      std::uint32_t slot;
      std::size_t node;
      std::int64_t end;
    };
    std::vector<Live> live;
    std::vector<bool> ready(nodes, true);
    double sum = 0;
    int count = 0;
    std::int64_t now = 0;
    for (std::uint32_t i = 0; i < 200; ++i) {
      now += static_cast<std::int64_t>(draws.below(100));
      const std::uint64_t what = draws.below(8);
      if (what == 0 && !live.empty()) {
        const std::size_t gone = draws.below(live.size());
        regret.ends(live[gone].slot);
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(gone));
      } else if (what == 1) {
        const std::size_t node = draws.below(nodes);
        ready[node] = draws.below(3) > 0;
        regret.ready(node, ready[node]);
      } else {
        const std::size_t node = draws.below(nodes);
        const std::int64_t end = now + 1 + static_cast<std::int64_t>(draws.below(3000));
        std::vector<double> company(nodes, 0);
        for (const Live& other : live) {
          company[other.node] += static_cast<double>(std::max<std::int64_t>(0, std::min(other.end, end) - now));
        }
        double best = company[node];
        for (std::size_t k = 0; k < nodes; ++k) best = ready[k] ? std::min(best, company[k]) : best;
        sum += (company[node] - best) / static_cast<double>(end - now);
        ++count;
        regret.begins(now, i, static_cast<std::uint32_t>(node), i, end, {});
        live.push_back({i, node, end});
      }
    }
    ASSERT_EQ(regret.judged(), count);
    EXPECT_NEAR(*regret.mean(), sum / count, 1e-9) << seed;
  }
}

TEST(Regret, AmongManyLiveSessionsOnlySomePlacementsAreJudged) {
  Regret regret(std::vector<Regret::Place>(4, {1 << 30, 0}));
  for (std::uint32_t i = 0; i < 8 * Regret::kLooks; ++i) regret.begins(0, i, i % 4, i, kMinute, {});
  regret.restart();
  for (std::uint32_t i = 8 * Regret::kLooks; i < 10 * Regret::kLooks; ++i) regret.begins(0, i, i % 4, i, kMinute, {});
  EXPECT_GT(regret.judged(), 20);
  EXPECT_LT(regret.judged(), 150);  // about one in 16 of 1,024
}

TEST(QueuePositionError, TheHandWorkedExampleGivesTwoThirds) {
  QueueErrors queue;
  queue.told(0, 1);
  queue.told(1, 2);
  queue.told(2, 3);
  queue.told(2, 2);   // told again: the first counts
  queue.started(0);   // as promised
  queue.started(2);   // two others promised, one was
  queue.started(1);   // one promised, two were
  queue.started(17);  // never queued
  EXPECT_DOUBLE_EQ(*queue.mean(), 2.0 / 3.0);
}

TEST(QueuePositionError, WhoGaveUpIsNotCounted) {
  QueueErrors queue;
  queue.told(0, 1);
  queue.left(0);
  queue.started(0);
  EXPECT_FALSE(queue.mean().has_value());
}

}  // namespace
}  // namespace homing::sim
