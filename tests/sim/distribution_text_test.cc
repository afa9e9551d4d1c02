// SPDX-License-Identifier: Apache-2.0
#include "sim/distribution_text.h"

#include <gtest/gtest.h>

#include <string>

namespace homing::sim {
namespace {

using core::Distribution;

Distribution parsed(const std::string& text, Unit unit) {
  const auto result = parse_distribution(text, unit);
  EXPECT_TRUE(result.has_value()) << text << ": " << (result ? "" : result.error());
  return result.value_or(Distribution{});
}

std::string refused(const std::string& text, Unit unit) {
  const auto result = parse_distribution(text, unit);
  EXPECT_FALSE(result.has_value()) << text;
  return result ? "" : result.error();
}

TEST(DistributionText, APlainQuantityIsConstant) {
  EXPECT_EQ(parsed("5 min", Unit::kDuration), Distribution::constant(300e9));
  EXPECT_EQ(parsed(" 64 MiB ", Unit::kBytes), Distribution::constant(67108864));
  EXPECT_EQ(parsed("0 s", Unit::kDuration), Distribution::constant(0));
  EXPECT_EQ(parsed("1.5", Unit::kNumber), Distribution::constant(1.5));
}

TEST(DistributionText, EveryFormOfTheReferenceIsRead) {
  EXPECT_EQ(parsed("lognormal(median 2 s, p90 5 s)", Unit::kDuration),
            Distribution::lognormal_by_quantile(2e9, 0.90, 5e9));
  EXPECT_EQ(parsed("lognormal(median 8 MiB, p99 1 GiB)", Unit::kBytes),
            Distribution::lognormal_by_quantile(8388608, 0.99, 1073741824));
  EXPECT_EQ(parsed("lognormal(median 2 s, sigma 0.5)", Unit::kDuration), Distribution::lognormal(2e9, 0.5));
  EXPECT_EQ(parsed("gamma(1.74, 2.06 h)", Unit::kDuration), Distribution::gamma(1.74, 2.06 * 3600e9));
  EXPECT_EQ(parsed("gamma(scale 2 h, shape 1.5)", Unit::kDuration), Distribution::gamma(1.5, 7200e9));
  EXPECT_EQ(parsed("exponential(4 h)", Unit::kDuration), Distribution::exponential(14400e9));
  EXPECT_EQ(parsed("exponential(mean 4 h)", Unit::kDuration), Distribution::exponential(14400e9));
  EXPECT_EQ(parsed("uniform(1 s,5 s)", Unit::kDuration), Distribution::uniform(1e9, 5e9));
  EXPECT_EQ(parsed("normal(mean 10 s, sd 2 s)", Unit::kDuration), Distribution::normal(10e9, 2e9));
  EXPECT_EQ(parsed("weibull(0.7, 3 h)", Unit::kDuration), Distribution::weibull(0.7, 10800e9));
}

TEST(DistributionText, GammaAndWeibullAreAlsoKnownByTheirMean) {
  EXPECT_EQ(parsed("gamma(shape 2, mean 3 h)", Unit::kDuration), Distribution::gamma(2, 5400e9));
  EXPECT_NEAR(core::mean_of(parsed("weibull(mean 720 h, shape 0.7)", Unit::kDuration)), 720 * 3600e9, 1e3);
  EXPECT_NE(refused("weibull(scale 1 h, mean 2 h)", Unit::kDuration).find("all named once"), std::string::npos);
  EXPECT_NE(refused("uniform(low 1 h, mean 2 h)", Unit::kDuration).find("no parameter \"mean\""), std::string::npos);
}

TEST(DistributionText, MistakesAreNamedWithTheFix) {
  EXPECT_NE(refused("lognornal(median 2 s, p90 5 s)", Unit::kDuration).find("did you mean \"lognormal\""),
            std::string::npos);
  EXPECT_NE(refused("lognormal(2 s, 5 s)", Unit::kDuration).find("median"), std::string::npos);
  EXPECT_NE(refused("lognormal(median 5 s, p90 2 s)", Unit::kDuration).find("below its median"), std::string::npos);
  EXPECT_NE(refused("lognormal(median 5 s, p42 9 s)", Unit::kDuration).find("p42"), std::string::npos);
  EXPECT_NE(refused("gamma(1.74)", Unit::kDuration).find("takes 2 parameters, found 1"), std::string::npos);
  EXPECT_NE(refused("gamma(shape 1.74, shape 2)", Unit::kDuration).find("all named once"), std::string::npos);
  EXPECT_NE(refused("gamma(0, 2 h)", Unit::kDuration).find("greater than 0"), std::string::npos);
  EXPECT_NE(refused("uniform(5 s, 1 s)", Unit::kDuration).find("low is above high"), std::string::npos);
  EXPECT_NE(refused("exponential(4 h", Unit::kDuration).find("parenthesis"), std::string::npos);
  EXPECT_NE(refused("exponential(-4 h)", Unit::kDuration).find("negative"), std::string::npos);
  EXPECT_FALSE(refused("exponential(4)", Unit::kDuration).empty()) << "a bare number is no duration";
  EXPECT_FALSE(refused("5 s", Unit::kBytes).empty());
  EXPECT_FALSE(refused("", Unit::kDuration).empty());
  EXPECT_FALSE(refused("()", Unit::kDuration).empty());
  EXPECT_FALSE(refused("exponential()", Unit::kDuration).empty());
}

}  // namespace
}  // namespace homing::sim
