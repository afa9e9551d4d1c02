// SPDX-License-Identifier: Apache-2.0
#include "sim/statistics.h"

#include <Eigen/Core>
#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "router/core/check.h"

namespace homing::sim {

PairedSummary summarise(std::span<const double> differences) {
  PairedSummary summary;
  summary.n = static_cast<int>(differences.size());
  if (summary.n == 0) return summary;
  const double n = static_cast<double>(summary.n);
  const Eigen::Map<const Eigen::ArrayXd> d(differences.data(), summary.n);
  summary.ties = static_cast<int>((d == 0.0).count());
  summary.positive = static_cast<int>((d > 0.0).count());
  // Equal differences have no spread, whatever the rounding of their mean.
  summary.mean = (d == d[0]).all() ? d[0] : d.mean();
  if (summary.n >= 2) summary.standard_error = std::sqrt((d - summary.mean).square().sum() / (n - 1.0) / n);
  return summary;
}

double t_quantile(double p, int degrees) {
  CHECK(degrees >= 1 && p > 0.0 && p < 1.0);
  return boost::math::quantile(boost::math::students_t(degrees), p);
}

std::optional<Interval> mean_interval(const PairedSummary& summary, int comparisons, double alpha) {
  CHECK(comparisons >= 1);
  if (summary.n < 2) return std::nullopt;
  const double half = t_quantile(1.0 - alpha / comparisons / 2.0, summary.n - 1) * summary.standard_error;
  return Interval{summary.mean - half, summary.mean + half};
}

double sign_test(int positive, int trials) {
  CHECK(positive >= 0 && positive <= trials);
  if (trials == 0) return 1.0;
  const int fewer = std::min(positive, trials - positive);
  return std::min(1.0, 2.0 * boost::math::cdf(boost::math::binomial(trials, 0.5), fewer));
}

}  // namespace homing::sim
