// SPDX-License-Identifier: Apache-2.0
//
// Distributions: what a length, a think time or a memory step is drawn from.
//
// A Distribution is a small value (a shape and up to two parameters) without a unit: the owner of the number decides
// whether it is nanoseconds, bytes or 1. sample() turns words of a DrawSequence into a number with exactly specified
// arithmetic (exact_math.h), so a seed gives the same number on every machine.
//
//   constant(value)          value                       no word
//   uniform(low, high)       low + (high - low) u        1 word
//   exponential(mean)        -mean ln u                  1 word
//   normal(mean, sd)         mean + sd z(u)              1 word (inverse of the distribution function)
//   lognormal(median, sigma) median e^(sigma z(u))       1 word
//   weibull(shape, scale)    scale (-ln u)^(1/shape)     1 word
//   gamma(shape, scale)      Marsaglia and Tsang 2000    2 words a try, one more first when shape < 1
//   poisson(mean)            products of uniforms        a count of words that grows with the mean
//
// Monotone inverses keep common random numbers common: a longer median gives a longer draw from the same word.
// Thread class: pure functions and values.
#pragma once

#include <cstdint>

#include "router/core/draws.h"

namespace homing::core {

enum class Shape : std::uint8_t { kConstant, kUniform, kExponential, kNormal, kLognormal, kWeibull, kGamma, kPoisson };

struct Distribution {
  Shape shape = Shape::kConstant;
  double first = 0.0;   // value | low | mean | mean | median | shape | shape | mean
  double second = 0.0;  // -     | high| -    | sd   | sigma  | scale | scale | -

  // REQUIRES for each: parameters are finite; mean, sd, median, sigma, scale >= 0; shapes > 0; low <= high; Poisson
  // mean <= 1e6.
  static Distribution constant(double value);
  static Distribution uniform(double low, double high);
  static Distribution exponential(double mean);
  static Distribution normal(double mean, double sd);
  static Distribution lognormal(double median, double sigma);
  static Distribution weibull(double shape, double scale);
  static Distribution gamma(double shape, double scale);
  static Distribution poisson(double mean);

  // The lognormal with that median whose `probability` quantile is `value`. REQUIRES: 0.5 < probability < 1, value >=
  // median > 0.
  static Distribution lognormal_by_quantile(double median, double probability, double value);

  friend bool operator==(const Distribution&, const Distribution&) = default;
};

double sample(const Distribution& distribution, DrawSequence& draws);

// sample() rounded to the nearest whole number (halves up) and held within [0, 4e18]: durations in ns, bytes, counts.
std::int64_t sample_whole(const Distribution& distribution, DrawSequence& draws);

double mean_of(const Distribution& distribution);

// The p quantile. REQUIRES: 0 < p < 1, and the shape is neither gamma nor Poisson (they have no closed form).
double quantile_of(const Distribution& distribution, double p);

}  // namespace homing::core
