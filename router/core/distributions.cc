// SPDX-License-Identifier: Apache-2.0
#include "router/core/distributions.h"

#include <cmath>

#include "router/core/check.h"
#include "router/core/exact_math.h"

namespace homing::core {
namespace {

constexpr double kMaxWhole = 4e18;
constexpr double kMaxPoissonMean = 1e6;
constexpr double kPoissonChunk = 16.0;

bool is_finite(double x) {
  return x - x == 0.0;
}
bool not_negative(double x) {
  return is_finite(x) && x >= 0.0;
}

// Gamma with shape >= 1 and scale 1 (G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables",
// 2000).
double sample_unit_gamma(double shape, DrawSequence& draws) {
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double z_word = draws.uniform();
    const double u = draws.uniform();
    const double z = normal_quantile(z_word);
    const double root = 1.0 + c * z;
    if (root <= 0.0) continue;
    const double v = root * root * root;
    if (exact_log(u) < 0.5 * z * z + d - d * v + d * exact_log(v)) return d * v;
  }
}

double sample_gamma(double shape, double scale, DrawSequence& draws) {
  if (shape >= 1.0) return scale * sample_unit_gamma(shape, draws);
  const double u = draws.uniform();
  const double boost = exact_exp(exact_log(u) / shape);
  return scale * (sample_unit_gamma(shape + 1.0, draws) * boost);
}

// Poisson as a sum of chunks with mean <= 16, each by Knuth's product of uniforms.
double sample_poisson(double mean, DrawSequence& draws) {
  double count = 0.0;
  while (mean > 0.0) {
    const double chunk = mean > kPoissonChunk ? kPoissonChunk : mean;
    const double floor = exact_exp(-chunk);
    double product = draws.uniform();
    while (product > floor) {
      count += 1.0;
      const double u = draws.uniform();
      product *= u;
    }
    mean -= chunk;
  }
  return count;
}

}  // namespace

Distribution Distribution::constant(double value) {
  CHECK(is_finite(value));
  return {Shape::kConstant, value, 0.0};
}

Distribution Distribution::uniform(double low, double high) {
  CHECK(is_finite(low) && is_finite(high) && low <= high);
  return {Shape::kUniform, low, high};
}

Distribution Distribution::exponential(double mean) {
  CHECK(not_negative(mean));
  return {Shape::kExponential, mean, 0.0};
}

Distribution Distribution::normal(double mean, double sd) {
  CHECK(is_finite(mean) && not_negative(sd));
  return {Shape::kNormal, mean, sd};
}

Distribution Distribution::lognormal(double median, double sigma) {
  CHECK(not_negative(median) && not_negative(sigma));
  return {Shape::kLognormal, median, sigma};
}

Distribution Distribution::weibull(double shape, double scale) {
  CHECK(is_finite(shape) && shape > 0.0 && not_negative(scale));
  return {Shape::kWeibull, shape, scale};
}

Distribution Distribution::gamma(double shape, double scale) {
  CHECK(is_finite(shape) && shape > 0.0 && not_negative(scale));
  return {Shape::kGamma, shape, scale};
}

Distribution Distribution::poisson(double mean) {
  CHECK(not_negative(mean) && mean <= kMaxPoissonMean);
  return {Shape::kPoisson, mean, 0.0};
}

Distribution Distribution::lognormal_by_quantile(double median, double probability, double value) {
  CHECK(probability > 0.5 && probability < 1.0 && median > 0.0 && value >= median);
  return lognormal(median, exact_log(value / median) / normal_quantile(probability));
}

double sample(const Distribution& distribution, DrawSequence& draws) {
  const double a = distribution.first;
  const double b = distribution.second;
  switch (distribution.shape) {
    case Shape::kConstant:
      return a;
    case Shape::kGamma:
      return sample_gamma(a, b, draws);
    case Shape::kPoisson:
      return sample_poisson(a, draws);
    case Shape::kExponential:
      return -a * exact_log(draws.uniform());  // not the quantile: ln u is one rounding more exact than ln(1 - p)
    case Shape::kWeibull:
      return b * exact_power(-exact_log(draws.uniform()), 1.0 / a);
    default:
      return quantile_of(distribution, draws.uniform());
  }
}

std::int64_t sample_whole(const Distribution& distribution, DrawSequence& draws) {
  const double value = sample(distribution, draws);
  if (!(value > 0.0)) return 0;
  if (value >= kMaxWhole) return static_cast<std::int64_t>(kMaxWhole);
  return static_cast<std::int64_t>(value + 0.5);
}

double mean_of(const Distribution& distribution) {
  const double a = distribution.first;
  const double b = distribution.second;
  switch (distribution.shape) {
    case Shape::kConstant:
    case Shape::kExponential:
    case Shape::kNormal:
    case Shape::kPoisson:
      return a;
    case Shape::kUniform:
      return 0.5 * (a + b);
    case Shape::kLognormal:
      return a * exact_exp(0.5 * b * b);
    case Shape::kWeibull:
      return b * exact_exp(log_gamma(1.0 + 1.0 / a));
    case Shape::kGamma:
      return a * b;
  }
  CHECK(false);
  return 0.0;
}

double quantile_of(const Distribution& distribution, double p) {
  CHECK(p > 0.0 && p < 1.0);
  const double a = distribution.first;
  const double b = distribution.second;
  switch (distribution.shape) {
    case Shape::kConstant:
      return a;
    case Shape::kUniform:
      return a + (b - a) * p;
    case Shape::kExponential:
      return -a * exact_log(1.0 - p);
    case Shape::kNormal:
      return a + b * normal_quantile(p);
    case Shape::kLognormal:
      return a * exact_exp(b * normal_quantile(p));
    case Shape::kWeibull:
      return b * exact_power(-exact_log(1.0 - p), 1.0 / a);
    case Shape::kGamma:
    case Shape::kPoisson:
      break;
  }
  CHECK(false);
  return 0.0;
}

}  // namespace homing::core
