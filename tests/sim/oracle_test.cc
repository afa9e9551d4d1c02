// SPDX-License-Identifier: Apache-2.0
//
// The oracles themselves, against published tables and against each other. What they are for is validate_test.cc.
#include "sim/oracles.h"

#include <gtest/gtest.h>

namespace homing::sim::oracle {
namespace {

TEST(Oracles, ErlangsFormulasAreTheTables) {
  struct Line {
    int c;
    double a, b, waits, wq;
  };
  for (const Line& line : {Line{2, 1, .200000, .333333, .333333},
                           {5, 3, .110054, .236152, .118076},
                           {10, 8, .121661, .409180, .204590},
                           {20, 15, .045593, .160429, .032086},
                           {100, 90, .026957, .216940, .021694}}) {
    EXPECT_NEAR(erlang_b(line.c, line.a), line.b, 1e-6);
    EXPECT_NEAR(erlang_c(line.c, line.a), line.waits, 1e-6);
    EXPECT_NEAR(erlang_c(line.c, line.a) / (line.c - line.a), line.wq, 1e-6);
  }
  EXPECT_NEAR(erlang_b(100, 80), 0.00399, 1e-5);
}

TEST(Oracles, PoissonQuantilesAreTheTable) {
  EXPECT_EQ(poisson_quantile(5, 0.5), 5);
  EXPECT_EQ(poisson_quantile(5, 0.999), 13);
  EXPECT_EQ(poisson_quantile(20, 0.95), 28);
  EXPECT_EQ(poisson_quantile(50, 0.99), 67);
  EXPECT_EQ(poisson_quantile(200, 0.999), 245);
}

TEST(Oracles, SojournsUnderProcessorSharingHaveTheKnownMeanAndALongerTailThanInALine) {
  EXPECT_NEAR(fifo_sojourn_quantile(0.8, 0.99), 23.03, 0.01);
  double mean = 0.0;  // the integral of the tail is 1 / (1 - rho)
  for (double t = 0.005; t < 120; t += 0.01) mean += 0.01 * ps_sojourn_tail(0.5, t);
  EXPECT_NEAR(mean, 2.0, 1e-3);
  EXPECT_NEAR(ps_sojourn_tail(0.5, ps_sojourn_quantile(0.5, 0.99)), 0.01, 1e-9);
  EXPECT_GT(ps_sojourn_quantile(0.5, 0.99), fifo_sojourn_quantile(0.5, 0.99));
}

TEST(Oracles, TheSupermarketsLimitIsTheTable) {
  EXPECT_NEAR(supermarket_time(0.5, 2), 1.2657, 1e-4);
  EXPECT_NEAR(supermarket_time(0.9, 2), 2.6141, 1e-4);
  EXPECT_NEAR(supermarket_time(0.95, 3), 2.5351, 1e-4);
  EXPECT_NEAR(supermarket_time(0.99, 5), 2.9017, 1e-4);
}

TEST(Oracles, FixedPointsOfChoicesAreTheTable) {
  EXPECT_NEAR(choices_fixed_point(5, 2).variance, 1.5718, 1e-3);
  EXPECT_NEAR(choices_fixed_point(10, 2).variance, 2.1010, 1e-3);
  EXPECT_NEAR(choices_fixed_point(10, 3).variance, 1.1356, 1e-3);
  EXPECT_NEAR(choices_fixed_point(10, 1).variance, 10.0, 1e-3);
  EXPECT_NEAR(choices_fixed_point(10, 2).mean, 10.0, 1e-6);
}

TEST(Oracles, PeakednessOfRoundRobinIsTheTable) {
  EXPECT_NEAR(round_robin_variance(10, 10) / 10, .5582, 1e-4);
  EXPECT_NEAR(round_robin_variance(100, 10) / 10, .5133, 1e-4);
}

TEST(Oracles, TheFullestOfFewNodesIsExact) {
  EXPECT_NEAR(fullest_over_mean(2, 2), 1.5, 1e-12);  // (2, 0) or (1, 1) with equal chances
  EXPECT_NEAR(fullest_over_mean(100, 4), 1.21, 0.005);
  EXPECT_NEAR(fullest_over_mean(1000, 20), 1.28, 0.01);  // simulated there; 1.2729 exactly
}

TEST(Oracles, TheExactChainOfIndependentNodesIsPoisson) {
  // The solver itself: one node more or less does not matter to the mean, which is exactly rho under infinite servers.
  for (const Choice choice : {Choice::kShortest, Choice::kTwoChoices}) {
    EXPECT_NEAR(solve_chain(2, choice, 4, false, 24).mean, 2.0, 1e-6);
    EXPECT_NEAR(solve_chain(3, choice, 6, false, 13).mean, 2.0, 1e-4);
  }
  // Two choices of two are the shorter one.
  EXPECT_NEAR(solve_chain(2, Choice::kShortest, 4, false, 24).variance,
              solve_chain(2, Choice::kTwoChoices, 4, false, 24).variance, 1e-9);
}

TEST(Oracles, AvailabilityIsTheTable) {
  const double a = availability(130 * 24, 5.9);
  EXPECT_NEAR(a, .998113, 1e-6);
  EXPECT_NEAR(at_least_up(3, 4, a), .99997868, 1e-8);
  EXPECT_NEAR(at_least_up(9, 10, a), .99984129, 1e-8);
  const double eight = availability(720, 6);
  EXPECT_NEAR(8 * (1 - eight), .066116, 1e-6);
  EXPECT_NEAR(1 - at_least_up(7, 8, eight), .001850, 1e-6);
  EXPECT_NEAR(availability_at(10, 1, 0), 1.0, 1e-12);
  EXPECT_NEAR(availability_at(10, 1, 100), availability(10, 1), 1e-12);
  EXPECT_NEAR(harmonic(20), 3.5977, 1e-4);
}

}  // namespace
}  // namespace homing::sim::oracle
