// SPDX-License-Identifier: Apache-2.0
//
// Coverage: does an interval that says 95 % hold the truth in 95 of 100 experiments?
//
// An experiment is small (a handful of short worlds, the production core in them) and its truth is known; its interval
// is made by the code that makes the verdicts' (statistics.h, verdict.h). Of 2,000 experiments of each case between 93
// % and 97 % must hold the truth: two standard errors of a proportion are 1 %. Thread class: run_coverage is called by
// one thread; experiments run on worker threads and share nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/statistics.h"

namespace homing::sim {

struct CoverageCase {
  std::string name;
  std::string title;
  std::string truth_from;  // formula
  std::string interval_from;
  std::function<double()> truth;
  std::function<Interval(std::uint64_t experiment)> interval;
};

std::vector<CoverageCase> coverage_cases();
std::vector<std::string> coverage_names();

inline constexpr int kCoverageExperiments = 2000;
inline constexpr int kQuickExperiments = 200;
inline constexpr double kLeastCoverage = 0.93;
inline constexpr double kMostCoverage = 0.97;

struct CoverageOptions {
  int jobs = 1;
  int experiments = kCoverageExperiments;
  std::string only;
  std::function<bool(double fraction, const std::string& at)> pulse;
};

struct CoverageFound {
  std::string name, title, truth_from, interval_from;
  double truth = 0.0;
  int experiments = 0;
  int below = 0;  // the interval lies below the truth
  int above = 0;
  double mean_width = 0.0;
  double coverage() const { return 1.0 - static_cast<double>(below + above) / experiments; }
  // 93 to 97 %; fewer than 2,000 experiments: within four standard errors of a proportion more.
  bool good() const;
};

struct CoverageResult {
  std::vector<CoverageFound> cases;
  bool interrupted = false;
  bool good() const;
};

CoverageResult run_coverage(const std::vector<CoverageCase>& cases, const CoverageOptions& options);

std::string coverage_table(const CoverageResult& result);
std::string coverage_json(const CoverageResult& result);

}  // namespace homing::sim
