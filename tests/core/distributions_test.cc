// SPDX-License-Identifier: Apache-2.0
//
// Samplers against golden bits and against the moments of the textbook. A moment is a failure when it is more than five
// standard errors off at a fixed seed: that catches a rate wrong by one percent and never flickers.
#include "router/core/distributions.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace homing::core {
namespace {

struct GoldenSamples {
  const char* name;
  Distribution distribution;
  std::uint64_t bits[3];
};

TEST(Distributions, SamplesHaveTheGoldenBits) {
  const GoldenSamples golden[] = {
      {"constant", Distribution::constant(2.5), {0x4004000000000000, 0x4004000000000000, 0x4004000000000000}},
      {"uniform", Distribution::uniform(3, 8), {0x4018834db9d6a240, 0x4015014b2bc0a982, 0x401303a3a8e430c8}},
      {"exponential", Distribution::exponential(4), {0x3ffe03a238119174, 0x400988c6d894a32d, 0x4010c3c2ef7ce70b}},
      {"normal", Distribution::normal(10, 2), {0x40254807950a6ef7, 0x40237ff9f736b4d8, 0x402277656c65c722}},
      {"lognormal", Distribution::lognormal(5, 1.5), {0x40202b4511401622, 0x4010947b86d6f450, 0x40068180c38d319c}},
      {"weibull", Distribution::weibull(0.7, 3), {0x3ff045ba138c8f29, 0x4001628cb43f361f, 0x4009a7bf230ec8b8}},
      {"gamma", Distribution::gamma(1.74, 2.06), {0x400e06193d743c8b, 0x4000776afd5815e2, 0x3fb594af2d8ff789}},
      {"gamma below 1", Distribution::gamma(0.4, 2), {0x3fe2adf6a8b2c26a, 0x3f6a81688629a2ea, 0x3f8786bd00cb391e}},
      {"poisson", Distribution::poisson(40), {0x4046800000000000, 0x4043000000000000, 0x4049000000000000}}};
  for (const GoldenSamples& row : golden) {
    DrawSequence draws = Draws(7, purpose("golden")).at({.low = 11});
    for (const std::uint64_t bits : row.bits) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(sample(row.distribution, draws)), bits) << row.name;
    }
  }
}

struct Moments {
  std::string name;
  Distribution distribution;
  double mean;
  double variance;
  double kurtosis;  // E[(x - mean)^4] / variance^2: what the error of the sample variance depends on
};

class SamplerMoments : public testing::TestWithParam<Moments> {};

TEST_P(SamplerMoments, MeanAndVarianceAreTheTextbooks) {
  const Moments& expected = GetParam();
  EXPECT_NEAR(mean_of(expected.distribution), expected.mean, 1e-12 * std::fabs(expected.mean));
  constexpr int kDraws = 100'000;
  const Draws draws(42, purpose("moments"));
  double sum = 0.0;
  std::vector<double> values;
  values.reserve(kDraws);
  for (int i = 0; i < kDraws; ++i) {
    DrawSequence sequence = draws.at({.low = static_cast<std::uint64_t>(i)});
    values.push_back(sample(expected.distribution, sequence));
    sum += values.back();
  }
  double squares = 0.0;
  for (const double value : values) squares += (value - expected.mean) * (value - expected.mean);
  EXPECT_NEAR(sum / kDraws, expected.mean, 5 * std::sqrt(expected.variance / kDraws));
  EXPECT_NEAR(squares / kDraws, expected.variance, 5 * expected.variance * std::sqrt((expected.kurtosis - 1) / kDraws));
}

double weibull_moment(double shape, int n) {
  return std::exp(std::lgamma(1.0 + n / shape));
}

Moments weibull(double shape) {
  const double m1 = weibull_moment(shape, 1);
  const double m2 = weibull_moment(shape, 2);
  const double m3 = weibull_moment(shape, 3);
  const double m4 = weibull_moment(shape, 4);
  const double variance = m2 - m1 * m1;
  const double fourth = m4 - 4 * m3 * m1 + 6 * m2 * m1 * m1 - 3 * m1 * m1 * m1 * m1;
  return {"weibull_" + std::to_string(static_cast<int>(10 * shape)), Distribution::weibull(shape, 1), m1, variance,
          fourth / (variance * variance)};
}

Moments lognormal(double median, double sigma) {
  const double w = std::exp(sigma * sigma);
  return {"lognormal", Distribution::lognormal(median, sigma), median * std::sqrt(w), median * median * w * (w - 1),
          w * w * w * w + 2 * w * w * w + 3 * w * w - 3};
}

INSTANTIATE_TEST_SUITE_P(All, SamplerMoments,
                         testing::Values(Moments{"uniform", Distribution::uniform(2, 5), 3.5, 0.75, 1.8},
                                         Moments{"exponential", Distribution::exponential(3), 3, 9, 9},
                                         Moments{"normal", Distribution::normal(-1, 2), -1, 4, 3}, lognormal(2, 0.5),
                                         weibull(0.7), weibull(2.0),
                                         Moments{"gamma", Distribution::gamma(1.74, 2.06), 1.74 * 2.06,
                                                 1.74 * 2.06 * 2.06, 3 + 6 / 1.74},
                                         Moments{"gamma_below_one", Distribution::gamma(0.4, 2), 0.8, 1.6, 3 + 6 / 0.4},
                                         Moments{"poisson_small", Distribution::poisson(2.5), 2.5, 2.5, 3 + 1 / 2.5},
                                         Moments{"poisson_in_chunks", Distribution::poisson(50), 50, 50, 3 + 1 / 50.0}),
                         [](const testing::TestParamInfo<Moments>& row) { return row.param.name; });

TEST(Distributions, LognormalByQuantileHasThatMedianAndQuantile) {
  const Distribution d = Distribution::lognormal_by_quantile(2, 0.9, 5);
  EXPECT_DOUBLE_EQ(quantile_of(d, 0.5), 2.0);
  EXPECT_NEAR(quantile_of(d, 0.9), 5.0, 1e-13);
  constexpr int kDraws = 50'000;
  int below_median = 0;
  int below_p90 = 0;
  for (int i = 0; i < kDraws; ++i) {
    DrawSequence draws = Draws(1, purpose("p90")).at({.low = static_cast<std::uint64_t>(i)});
    const double x = sample(d, draws);
    below_median += x < 2.0;
    below_p90 += x < 5.0;
  }
  EXPECT_NEAR(below_median, 0.5 * kDraws, 5 * std::sqrt(0.25 * kDraws));
  EXPECT_NEAR(below_p90, 0.9 * kDraws, 5 * std::sqrt(0.09 * kDraws));
}

TEST(Distributions, QuantilesInvertTheDistributionFunction) {
  EXPECT_NEAR(quantile_of(Distribution::exponential(4), 0.75), 4 * std::log(4.0), 1e-12);
  EXPECT_NEAR(quantile_of(Distribution::weibull(2, 3), 0.5), 3 * std::sqrt(std::log(2.0)), 1e-12);
  EXPECT_DOUBLE_EQ(quantile_of(Distribution::uniform(2, 6), 0.25), 3.0);
  EXPECT_NEAR(quantile_of(Distribution::normal(1, 2), 0.975), 1 + 2 * 1.9599639845400542, 1e-12);
  EXPECT_DOUBLE_EQ(quantile_of(Distribution::constant(7), 0.1), 7.0);
}

TEST(Distributions, WholeSamplesRoundAndStayInRange) {
  DrawSequence draws = Draws(1, purpose("whole")).at({});
  EXPECT_EQ(sample_whole(Distribution::constant(2.5), draws), 3);
  EXPECT_EQ(sample_whole(Distribution::constant(2.4), draws), 2);
  EXPECT_EQ(sample_whole(Distribution::constant(-5), draws), 0);
  EXPECT_EQ(sample_whole(Distribution::constant(1e300), draws), 4'000'000'000'000'000'000);
  EXPECT_EQ(sample_whole(Distribution::constant(3.6e12), draws), 3'600'000'000'000);
}

TEST(Distributions, ALongerMedianGivesALongerDrawFromTheSameWord) {
  for (std::uint64_t user = 0; user < 1000; ++user) {
    DrawSequence a = Draws(3, purpose("common")).at({.low = user});
    DrawSequence b = Draws(3, purpose("common")).at({.low = user});
    EXPECT_LT(sample(Distribution::lognormal(2, 1), a), sample(Distribution::lognormal(3, 1), b));
  }
}

TEST(Distributions, AZeroMeanOrSpreadGivesTheDegenerateValue) {
  DrawSequence draws = Draws(1, purpose("zero")).at({});
  EXPECT_EQ(sample(Distribution::exponential(0), draws), 0.0);
  EXPECT_EQ(sample(Distribution::poisson(0), draws), 0.0);
  EXPECT_EQ(sample(Distribution::lognormal(5, 0), draws), 5.0);
  EXPECT_EQ(sample(Distribution::gamma(2, 0), draws), 0.0);
}

TEST(DistributionsDeathTest, SenselessParametersAreBugs) {
  EXPECT_DEATH(Distribution::gamma(0, 1), "CHECK failed");
  EXPECT_DEATH(Distribution::uniform(2, 1), "CHECK failed");
  EXPECT_DEATH(Distribution::exponential(-1), "CHECK failed");
  EXPECT_DEATH(Distribution::lognormal_by_quantile(2, 0.9, 1), "CHECK failed");
}

}  // namespace
}  // namespace homing::core
