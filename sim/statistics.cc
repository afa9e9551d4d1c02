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

std::optional<Interval> ratio_interval(std::span<const double> above, std::span<const double> below, int comparisons,
                                       double alpha) {
  CHECK(above.size() == below.size());
  const auto n = static_cast<double>(above.size());
  double up = 0.0, down = 0.0;
  for (const double x : above) up += x;
  for (const double x : below) down += x;
  if (above.size() < 2) return std::nullopt;
  std::vector<double> values;
  for (std::size_t i = 0; i < above.size(); ++i) {
    const double rest = down - below[i];
    if (rest <= 0.0) return std::nullopt;
    values.push_back(n * up / down - (n - 1) * (up - above[i]) / rest);
  }
  return mean_interval(summarise(values), comparisons, alpha);
}

std::optional<Interval> quantile_interval(std::span<const std::vector<double>> runs, double p, int comparisons,
                                          double alpha) {
  CHECK(p > 0.0 && p < 1.0);
  std::vector<double> all;
  for (const auto& run : runs) all.insert(all.end(), run.begin(), run.end());
  if (runs.size() < 2 || all.empty()) return std::nullopt;
  std::sort(all.begin(), all.end());
  const auto n = static_cast<double>(all.size());
  // The value with that share of all at or below it; beyond the ends, the ends.
  const auto at = [&](double share) {
    const double rank = std::clamp(std::ceil(share * n), 1.0, n);
    return all[static_cast<std::size_t>(rank) - 1];
  };
  const double middle = at(p);
  std::vector<double> at_most, count;
  for (const auto& run : runs) {
    at_most.push_back(
        static_cast<double>(std::count_if(run.begin(), run.end(), [&](double x) { return x <= middle; })));
    count.push_back(static_cast<double>(run.size()));
  }
  const auto share = ratio_interval(at_most, count, comparisons, alpha);
  if (!share) return std::nullopt;
  const double half = (share->high - share->low) / 2;
  return Interval{at(p - half), at(p + half)};
}

double sign_test(int positive, int trials) {
  CHECK(positive >= 0 && positive <= trials);
  if (trials == 0) return 1.0;
  const int fewer = std::min(positive, trials - positive);
  return std::min(1.0, 2.0 * boost::math::cdf(boost::math::binomial(trials, 0.5), fewer));
}

}  // namespace homing::sim
