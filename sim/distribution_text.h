// SPDX-License-Identifier: Apache-2.0
//
// Distributions as people write them in a scenario.
//
//   "5 min"                               constant
//   "uniform(1 s, 5 s)"                   "uniform(low 1 s, high 5 s)"
//   "exponential(4 h)"                    "exponential(mean 4 h)"
//   "normal(mean 10 s, sd 2 s)"
//   "lognormal(median 2 s, p90 5 s)"      or p95, p99, or sigma (a bare number)
//   "gamma(1.74, 2.06 h)"                 "gamma(shape 1.74, scale 2.06 h)"
//   "weibull(0.7, 3 h)"                   "weibull(shape 0.7, scale 3 h)"
//                                         gamma and weibull also "shape ..., mean ..."
//
// Parameters are positional in that order, or named (all of them). Quantities carry the unit of what is drawn; a bare
// number where a duration is wanted is refused. Thread class: pure functions.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "router/core/distributions.h"

namespace homing::sim {

enum class Unit { kDuration, kBytes, kNumber };  // drawn in nanoseconds, bytes, 1

std::expected<core::Distribution, std::string> parse_distribution(std::string_view text, Unit unit);

}  // namespace homing::sim
