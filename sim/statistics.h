// SPDX-License-Identifier: Apache-2.0
//
// Statistics of differences paired by seed: means, simultaneous t intervals, the exact sign test. The one method behind
// every verdict: this pair of files is the only one with Boost.Math; verdict.h puts its numbers into words for the
// command line, the expectations and the dashboard alike.
//
// Runs of one scenario and seed under two strategies see the same visits and faults, so their difference varies far
// less than either value. The differences of n seeds are independent and alike; their mean is judged with Student's t
// at level 1 - alpha/k for k strategies compared at once (Bonferroni), which holds for all k together. When more than
// half of the differences are 0, the t distribution is a poor model of their mean; which side is better is then asked
// of the exact sign test on the others. Thread class: pure functions.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace homing::sim {

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

struct PairedSummary {
  int n = 0;
  int ties = 0;  // differences equal to 0
  int positive = 0;
  double mean = 0.0;
  double standard_error = 0.0;  // of the mean; 0 when n < 2
};

PairedSummary summarise(std::span<const double> differences);

// The t quantile: P(T <= result) = p for Student's T with `degrees` degrees of freedom. REQUIRES: degrees >= 1, 0 < p
// < 1.
double t_quantile(double p, int degrees);

// The interval of the mean at level 1 - alpha / comparisons; nothing when n < 2.
std::optional<Interval> mean_interval(const PairedSummary& summary, int comparisons, double alpha = 0.05);

// Of a ratio of sums, sum of `above` / sum of `below`, one pair a run. Runs are the independent pieces: the interval is
// Student's on the jackknife's pseudo-values n R - (n-1) R without run i, which also take out most of the bias of a
// ratio (Quenouille 1956, Tukey 1958). For shares of events of which a run has many or few. Nothing when n < 2 or all
// that is below lies in one run. REQUIRES: equal sizes, nothing below is negative.
std::optional<Interval> ratio_interval(std::span<const double> above, std::span<const double> below, int comparisons,
                                       double alpha = 0.05);

// Of the p quantile of all values together, values of one run being dependent (they shared a busy afternoon): the share
// of values at or below x is a ratio over runs with its interval; the x between which the shares p - half and p + half
// lie are the interval of the quantile (Woodruff, JASA 47 (1952)). The mean of the runs' own quantiles would be biased:
// of 20 values the p99 is the largest. Nothing when n < 2, there is no value, or all lie in one run. REQUIRES: 0 < p
// < 1.
std::optional<Interval> quantile_interval(std::span<const std::vector<double>> runs, double p, int comparisons,
                                          double alpha = 0.05);

// Two-sided p value: how likely is a split at least as uneven as `positive` of `trials` when both sides are equally
// likely. 1 for no trials. REQUIRES: 0 <= positive <= trials.
double sign_test(int positive, int trials);

}  // namespace homing::sim
