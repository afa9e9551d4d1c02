// SPDX-License-Identifier: Apache-2.0
//
// exact_math against two judges: golden bits (the same number on every machine and compiler) and the C library's 80-bit
// long double functions (the right number, within the bounds that the header states).
#include "router/core/exact_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "router/core/draws.h"

namespace homing::core {
namespace {

struct Golden {
  double x;
  std::uint64_t bits;
};

// Distance of `got` from `truth` in units of the last place of the truth.
double ulps(double got, long double truth) {
  const double nearest = static_cast<double>(truth);
  if (nearest == 0.0 && got == 0.0) return 0.0;
  const double magnitude = std::fabs(nearest);
  const double ulp = std::nextafter(magnitude, std::numeric_limits<double>::infinity()) - magnitude;
  return static_cast<double>(std::fabs(static_cast<long double>(got) - truth) / static_cast<long double>(ulp));
}

DrawSequence words(const char* name) {
  return Draws(20260101, purpose(name)).at({});
}

// A positive double with uniformly distributed exponent: every binade, subnormals included.
double any_positive(DrawSequence& draws) {
  const std::uint64_t bits = 1 + draws.below(0x7fefffffffffffffu);
  return std::bit_cast<double>(bits);
}

TEST(ExactMath, LogarithmHasTheGoldenBits) {
  constexpr Golden kGolden[] = {{5e-324, 0xc0874385446d71c3},
                                {1e-310, 0xc0864e69394d9508},
                                {0x1p-1022, 0xc086232bdd7abcd2},
                                {1e-100, 0xc06cc845b54b54f2},
                                {0.1, 0xc0026bb1bbb55515},
                                {0.5, 0xbfe62e42fefa39ef},
                                {0x1.6a09e667f3bcdp-1, 0xbfd62e42fefa39ee},
                                {0x1.fffffffffffffp-1, 0xbca0000000000000},
                                {1.0, 0x0000000000000000},
                                {0x1.0000000000001p+0, 0x3cafffffffffffff},
                                {0x1.6a09e667f3bcdp+0, 0x3fd62e42fefa39f0},
                                {2.0, 0x3fe62e42fefa39ef},
                                {3.0, 0x3ff193ea7aad030a},
                                {10.0, 0x40026bb1bbb55516},
                                {1e9, 0x4034b927f32bffb8},
                                {0x1.fffffffffffffp+1023, 0x40862e42fefa39ef}};
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(exact_log(golden.x)), golden.bits) << "log " << golden.x;
  }
}

TEST(ExactMath, ExponentialHasTheGoldenBits) {
  constexpr Golden kGolden[] = {
      {-745.0, 0x0000000000000001}, {-708.5, 0x000e6cf6d08897ac}, {-700.0, 0x00d14f2b0fb9307f},
      {-20.25, 0x3e1b93de1e27ca3b}, {-1.0, 0x3fd78b56362cef38},   {-0.35, 0x3fe68cce09671f71},
      {-1e-10, 0x3feffffffff24190}, {0.0, 0x3ff0000000000000},    {1e-300, 0x3ff0000000000000},
      {1e-8, 0x3ff0000002af31dc},   {0.3, 0x3ff599058c8c1a96},    {0.35, 0x3ff6b4802c805dec},
      {1.0, 0x4005bf0a8b14576a},    {2.5, 0x40285d6fd931e0bb},    {100.0, 0x48f3494a9b171bf5},
      {700.0, 0x7f0d945df4f8ec8e},  {709.78, 0x7fefe9ce5c4c52b4}};
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(exact_exp(golden.x)), golden.bits) << "exp " << golden.x;
  }
}

TEST(ExactMath, NormalQuantileHasTheGoldenBits) {
  constexpr Golden kGolden[] = {
      {1e-300, 0xc04286074064c26e},      {1e-20, 0xc022865170b43a4b}, {1e-9, 0xc017fdc11f44b5a7},
      {0.001, 0xc008b8cbb7204470},       {0.025, 0xbfff5c0331eeff83}, {0.075, 0xbff7085226d3e523},
      {0.1, 0xbff4813c36e26d33},         {0.3, 0xbfe0c7e39582c5fa},   {0.5, 0x0000000000000000},
      {0.6, 0x3fd036d6c4a04b59},         {0.9, 0x3ff4813c36e26d33},   {0.95, 0x3ffa515209676ab8},
      {0.975, 0x3fff5c0331eeff82},       {0.99, 0x40029c5c4630ff0c},  {0.999, 0x4008b8cbb7204470},
      {0.9999999999, 0x40197203589fd4f5}};
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(normal_quantile(golden.x)), golden.bits) << "quantile " << golden.x;
  }
}

TEST(ExactMath, LogarithmIsWithinOneUlpInEveryBinadeAndNearOne) {
  DrawSequence draws = words("log");
  double worst = 0.0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = any_positive(draws);
    worst = std::fmax(worst, ulps(exact_log(x), std::log(static_cast<long double>(x))));
    const double near_one = 1.0 + (draws.uniform() - 0.5) * exact_exp(-40.0 * draws.uniform());
    worst = std::fmax(worst, ulps(exact_log(near_one), std::log(static_cast<long double>(near_one))));
  }
  EXPECT_LT(worst, 1.0);
  EXPECT_GT(worst, 0.4) << "a worst case this small means that the yardstick is broken";
}

TEST(ExactMath, ExponentialIsWithinOneUlpAndWithinOneAndAHalfWhereSubnormal) {
  DrawSequence draws = words("exp");
  double worst = 0.0;
  double worst_subnormal = 0.0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = -708.0 + 1417.0 * draws.uniform();
    worst = std::fmax(worst, ulps(exact_exp(x), std::exp(static_cast<long double>(x))));
    const double small = 2.0 * draws.uniform() - 1.0;
    worst = std::fmax(worst, ulps(exact_exp(small), std::exp(static_cast<long double>(small))));
    const double low = -745.0 + 36.0 * draws.uniform();
    worst_subnormal = std::fmax(worst_subnormal, ulps(exact_exp(low), std::exp(static_cast<long double>(low))));
  }
  EXPECT_LT(worst, 1.0);
  EXPECT_LT(worst_subnormal, 1.5);
  EXPECT_GT(worst, 0.4);
}

TEST(ExactMath, ExponentialSaturatesAtBothEnds) {
  EXPECT_EQ(exact_exp(710.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exact_exp(std::numeric_limits<double>::infinity()), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exact_exp(-746.0), 0.0);
  EXPECT_EQ(exact_exp(-std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_TRUE(std::isfinite(exact_exp(0x1.62e42fefa39efp+9)));
}

TEST(ExactMath, LogarithmAndExponentialNeverDecrease) {
  DrawSequence draws = words("monotone");
  for (int i = 0; i < 100'000; ++i) {
    const double x = any_positive(draws);
    const double next = std::nextafter(x, std::numeric_limits<double>::infinity());
    if (!std::isfinite(next)) continue;
    EXPECT_LE(exact_log(x), exact_log(next)) << x;
    const double y = -700.0 + 1400.0 * draws.uniform();
    EXPECT_LE(exact_exp(y), exact_exp(y + 0x1p-30)) << y;
  }
}

TEST(ExactMath, PowerIsWithinItsStatedBound) {
  DrawSequence draws = words("power");
  for (int i = 0; i < 100'000; ++i) {
    const double x = exact_exp(20.0 * draws.uniform() - 10.0);
    const double y = 40.0 * draws.uniform() - 20.0;
    const double bound = 1.5 + 2.0 * std::fabs(y * std::log(x));
    EXPECT_LT(ulps(exact_power(x, y), std::pow(static_cast<long double>(x), static_cast<long double>(y))), bound)
        << x << " ^ " << y;
  }
}

TEST(ExactMath, NormalQuantileInvertsTheDistributionFunction) {
  DrawSequence draws = words("quantile");
  double worst = 0.0;
  for (int i = 0; i < 100'000; ++i) {
    double p = i % 2 == 0 ? draws.uniform() * 0.5 : exact_exp(-690.0 * draws.uniform()) * 0.5;
    const double z = normal_quantile(p);
    // One Newton step on Phi(z) = p in long double gives the distance to the true quantile.
    const long double at_z = 0.5L * std::erfc(-static_cast<long double>(z) / std::sqrt(2.0L));
    const long double density = std::exp(-0.5L * z * z) / std::sqrt(6.28318530717958647692528676655900577L);
    worst = std::fmax(worst, ulps(z, z - (at_z - p) / density));
  }
  EXPECT_LT(worst, 16.0);
  EXPECT_GT(worst, 0.4);
}

TEST(ExactMath, NormalQuantileIsOddAboutOneHalf) {
  DrawSequence draws = words("odd");
  for (int i = 0; i < 10'000; ++i) {
    const double p = draws.uniform();
    EXPECT_EQ(normal_quantile(p), -normal_quantile(1.0 - p)) << p;
  }
}

TEST(ExactMath, LogGammaAgreesWithFactorialsAndWithTheLibrary) {
  long double factorial = 1.0L;
  for (int n = 1; n <= 30; ++n) {
    EXPECT_NEAR(log_gamma(n), static_cast<double>(std::log(factorial)),
                3e-14 * std::fmax(1.0, static_cast<double>(std::log(factorial))))
        << n;
    factorial *= n;
  }
  DrawSequence draws = words("gamma");
  for (int i = 0; i < 10'000; ++i) {
    const double x = exact_exp(-10.0 + 40.0 * draws.uniform());
    const double truth = static_cast<double>(std::lgamma(static_cast<long double>(x)));
    EXPECT_NEAR(log_gamma(x), truth, 3e-14 * std::fmax(1.0, std::fabs(truth))) << x;
  }
}

TEST(ExactMathDeathTest, ArgumentsOutsideTheDomainAreBugs) {
  EXPECT_DEATH(exact_log(0.0), "CHECK failed");
  EXPECT_DEATH(exact_log(-1.0), "CHECK failed");
  EXPECT_DEATH(exact_log(std::numeric_limits<double>::infinity()), "CHECK failed");
  EXPECT_DEATH(exact_exp(std::numeric_limits<double>::quiet_NaN()), "CHECK failed");
  EXPECT_DEATH(normal_quantile(0.0), "CHECK failed");
  EXPECT_DEATH(normal_quantile(1.0), "CHECK failed");
}

}  // namespace
}  // namespace homing::core
