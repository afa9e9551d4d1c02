// SPDX-License-Identifier: Apache-2.0
//
// Verdicts: what may be said about two strategies, in one of five phrases, and whether it is what was expected: met,
// not met, or undecided. Command line and dashboard print the same,
// because both call this file.
//
// With n differences paired by seed, their simultaneous 95 % interval (statistics.h) and the metric's margin d, the
// smallest difference that matters, the first that holds:
//
//   too few runs                 n < 10
//   identical                    every pair is equal
//   no difference that matters   the interval lies within (-d, d)
//   better / worse               the interval lies wholly on one side of 0; when more than half the pairs tie, the
//                                exact sign test on the others at level alpha / k decides instead, if the mean agrees
//   too few runs                 everything else
//
// One looks at n = 10, 20, 40, 80 only, and stops when the half-width is below d: looking after every run until
// something shows would find differences that are not there. Thread class: pure functions.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/measures.h"
#include "sim/results.h"
#include "sim/statistics.h"

namespace homing::sim {

enum class Verdict { kTooFewRuns, kIdentical, kNoDifferenceThatMatters, kBetter, kWorse };

// "no difference that matters" and the like.
const char* words(Verdict verdict);
std::optional<Verdict> verdict_of(std::string_view words);

enum class Method { kNone, kPairedT, kSignTest };
const char* name_of(Method method);  // "none", "paired t", "sign test"

inline constexpr int kFewestRuns = 10;
inline constexpr int kMostLooks = 80;  // runs at the last look

// `differences` are other minus baseline; `comparisons` strategies are judged at once.
struct Judgement {
  Verdict verdict = Verdict::kTooFewRuns;
  Method method = Method::kNone;
  PairedSummary summary;
  std::optional<Interval> interval;
};
Judgement judge(std::span<const double> differences, Better better, double margin, int comparisons);

// The number of runs at which to look next: 10, 20, 40 or 80; nothing after that.
std::optional<int> next_look(int n);

// True when nobody need look again: at least kFewestRuns pairs, and all equal or the interval's half-width below the
// margin.
bool settled(const Judgement& judgement, double margin);

// True when a result meets an expected verdict: the same words, or identical where no difference that matters was
// expected.
bool meets(Verdict found, Verdict expected);

// How an expectation fares. Undecided: these runs speak neither for it nor against it. That is so while they are too
// few for any verdict, and when no difference that matters was expected and a difference shows of which it is open
// whether it matters: its interval lies on one side of 0, but reaches into (-d, d).
enum class Standing { kMet, kNotMet, kUndecided, kNotRun };
const char* name_of(Standing standing);  // "met", "NOT MET", "undecided", "not run"
Standing standing_of(const Judgement& judgement, Verdict expected, double margin);

// The first look after this one at which an undecided expectation would be decided if mean and spread stayed as they
// are; nothing when 80 runs would not do. An estimate, and never a reason to stop (looks.h has its own rule).
std::optional<int> look_that_decides(const Judgement& judgement, double margin, int comparisons);

// One strategy against the baseline on one metric.
struct Comparison {
  int metric = 0;  // ids in the result file
  int strategy = 0;
  double baseline_mean = 0.0;
  double mean = 0.0;
  int left_out = 0;  // seeds in which one side has no value or no run
  Judgement judgement;
};

// Mean of the baseline on one metric over all its runs.
struct BaselineMean {
  int metric = 0;
  int n = 0;
  double mean = 0.0;
};

struct ScenarioComparison {
  int scenario = 0;
  int baseline = 0;  // strategy id
  std::vector<BaselineMean> baseline_means;
  std::vector<Comparison> rows;  // by metric, then strategy
};

// Why runs cannot be compared; exit code 4 of the command line.
struct Unpaired {
  std::string text;
};

double margin_of(const ScenarioRow& scenario, const MetricRow& metric);

// Every strategy of a scenario against `baseline`.
std::expected<ScenarioComparison, Unpaired> compare_strategies(const ScenarioRow& scenario,
                                                               std::span<const MetricRow> metrics,
                                                               std::span<const RunRow> runs, int baseline);

// The same strategies in two files (before, after): each strategy of `after` against itself in `before`, matched by
// name. `rows[i].strategy` are ids in `after`; the other strategies have no row.
std::expected<ScenarioComparison, Unpaired> compare_files(const ScenarioRow& before,
                                                          std::span<const RunRow> before_runs, const ScenarioRow& after,
                                                          std::span<const RunRow> after_runs,
                                                          std::span<const MetricRow> metrics);

// An expectation of the scenario's author and what was found. No `found`: one of the strategies did not run.
struct ExpectationResult {
  ExpectSpec expect;
  std::optional<Verdict> found;
  Standing standing = Standing::kNotRun;
  int runs = 0;             // pairs that were judged
  std::optional<int> look;  // when undecided: look_that_decides()
};
std::expected<std::vector<ExpectationResult>, Unpaired> check_expectations(const ScenarioRow& scenario,
                                                                           std::span<const MetricRow> metrics,
                                                                           std::span<const RunRow> runs);

}  // namespace homing::sim
