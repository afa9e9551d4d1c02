// SPDX-License-Identifier: Apache-2.0
#include "sim/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

namespace homing::sim {
namespace {

constexpr double kAlpha = 0.05;
constexpr std::array kLooks = {10, 20, 40, kMostLooks};
constexpr std::array kVerdicts = {Verdict::kTooFewRuns, Verdict::kIdentical, Verdict::kNoDifferenceThatMatters,
                                  Verdict::kBetter, Verdict::kWorse};

using RunsBySeed = std::map<std::uint64_t, const RunRow*>;

RunsBySeed runs_of(std::span<const RunRow> runs, int scenario, int strategy) {
  RunsBySeed result;
  for (const RunRow& run : runs) {
    if (run.scenario == scenario && run.strategy == strategy) result[run.seed] = &run;
  }
  return result;
}

// Seeds with a run on both sides, with their pairing proved by equal plans.
struct Pairs {
  std::vector<std::pair<const RunRow*, const RunRow*>> pairs;  // base, other
  int left_out = 0;
};

std::expected<Pairs, Unpaired> pair_runs(const RunsBySeed& base, const RunsBySeed& other, const std::string& scenario) {
  Pairs result;
  for (const auto& [seed, run] : other) {
    const auto partner = base.find(seed);
    if (partner == base.end()) {
      ++result.left_out;
      continue;
    }
    if (!run->paired || !partner->second->paired) {
      return std::unexpected(Unpaired{fmt::format(
          "scenario {}: seed {} has a fault whose victim depended on the state of the run; such runs are not pairs",
          scenario, seed)});
    }
    if (run->plan_hash != partner->second->plan_hash) {
      return std::unexpected(
          Unpaired{fmt::format("scenario {}: seed {} was run with two different plans ({} and {}); only runs of one "
                               "plan are compared. Run both again "
                               "with the same scenario and the same homing-sim",
                               scenario, seed, partner->second->plan_hash, run->plan_hash)});
    }
    result.pairs.emplace_back(partner->second, run);
  }
  for (const auto& [seed, run] : base) result.left_out += other.contains(seed) ? 0 : 1;
  return result;
}

Comparison compare_pairs(const Pairs& pairs, int metric, Better better, double margin, int comparisons) {
  Comparison row;
  row.metric = metric;
  row.left_out = pairs.left_out;
  std::vector<double> differences;
  for (const auto& [base, other] : pairs.pairs) {
    const auto a = base->values.find(metric);
    const auto b = other->values.find(metric);
    if (a == base->values.end() || b == other->values.end()) {
      ++row.left_out;
      continue;
    }
    row.baseline_mean += a->second;
    row.mean += b->second;
    differences.push_back(b->second - a->second);
  }
  if (!differences.empty()) {
    row.baseline_mean /= static_cast<double>(differences.size());
    row.mean /= static_cast<double>(differences.size());
  }
  row.judgement = judge(differences, better, margin, comparisons);
  return row;
}

BaselineMean mean_over_runs(const RunsBySeed& runs, int metric) {
  BaselineMean result;
  result.metric = metric;
  for (const auto& [seed, run] : runs) {
    const auto value = run->values.find(metric);
    if (value == run->values.end()) continue;
    result.mean += value->second;
    ++result.n;
  }
  if (result.n > 0) result.mean /= result.n;
  return result;
}

// Which of the two words a difference of that sign deserves; nothing for a metric without a direction.
std::optional<Verdict> side(double difference, Better better) {
  if (better == Better::kNeither || difference == 0.0) return std::nullopt;
  return (difference < 0.0) == (better == Better::kLower) ? Verdict::kBetter : Verdict::kWorse;
}

}  // namespace

const char* words(Verdict verdict) {
  switch (verdict) {
    case Verdict::kTooFewRuns:
      return "too few runs";
    case Verdict::kIdentical:
      return "identical";
    case Verdict::kNoDifferenceThatMatters:
      return "no difference that matters";
    case Verdict::kBetter:
      return "better";
    case Verdict::kWorse:
      return "worse";
  }
  return "";
}

std::optional<Verdict> verdict_of(std::string_view text) {
  for (const Verdict verdict : kVerdicts) {
    if (text == words(verdict)) return verdict;
  }
  return std::nullopt;
}

const char* name_of(Method method) {
  switch (method) {
    case Method::kNone:
      return "none";
    case Method::kPairedT:
      return "paired t";
    case Method::kSignTest:
      return "sign test";
  }
  return "";
}

Judgement judge(std::span<const double> differences, Better better, double margin, int comparisons) {
  Judgement judgement;
  judgement.summary = summarise(differences);
  judgement.interval = mean_interval(judgement.summary, comparisons, kAlpha);
  const PairedSummary& s = judgement.summary;
  if (s.n < kFewestRuns) return judgement;
  judgement.method = Method::kPairedT;
  const Interval& interval = *judgement.interval;
  if (s.ties == s.n) {
    judgement.verdict = Verdict::kIdentical;
  } else if (-margin < interval.low && interval.high < margin) {
    judgement.verdict = Verdict::kNoDifferenceThatMatters;
  } else if (2 * s.ties > s.n) {
    judgement.method = Method::kSignTest;
    const int untied = s.n - s.ties;
    const bool mean_agrees = (s.mean > 0.0) == (2 * s.positive > untied);
    if (mean_agrees && sign_test(s.positive, untied) < kAlpha / comparisons) {
      judgement.verdict = side(s.mean, better).value_or(Verdict::kTooFewRuns);
    }
  } else if (interval.low > 0.0 || interval.high < 0.0) {
    judgement.verdict = side(s.mean, better).value_or(Verdict::kTooFewRuns);
  }
  return judgement;
}

std::optional<int> next_look(int n) {
  for (const int look : kLooks) {
    if (look > n) return look;
  }
  return std::nullopt;
}

bool settled(const Judgement& judgement, double margin) {
  if (judgement.summary.n < kFewestRuns || !judgement.interval) return false;
  const double half = (judgement.interval->high - judgement.interval->low) / 2;
  return judgement.summary.ties == judgement.summary.n || half < margin;
}

bool meets(Verdict found, Verdict expected) {
  return found == expected || (found == Verdict::kIdentical && expected == Verdict::kNoDifferenceThatMatters);
}

const char* name_of(Standing standing) {
  switch (standing) {
    case Standing::kMet:
      return "met";
    case Standing::kNotMet:
      return "NOT MET";
    case Standing::kUndecided:
      return "undecided";
    case Standing::kNotRun:
      return "not run";
  }
  return "";
}

Standing standing_of(const Judgement& judgement, Verdict expected, double margin) {
  if (meets(judgement.verdict, expected)) return Standing::kMet;
  if (judgement.verdict == Verdict::kTooFewRuns) return Standing::kUndecided;
  const bool differs = judgement.verdict == Verdict::kBetter || judgement.verdict == Verdict::kWorse;
  const bool may_not_matter =
      differs && judgement.interval && judgement.interval->low < margin && judgement.interval->high > -margin;
  return expected == Verdict::kNoDifferenceThatMatters && may_not_matter ? Standing::kUndecided : Standing::kNotMet;
}

std::optional<int> look_that_decides(const Judgement& judgement, double margin, int comparisons) {
  const PairedSummary& s = judgement.summary;
  if (s.n < 2) return std::nullopt;
  const double mean = std::fabs(s.mean);
  for (auto look = next_look(s.n); look; look = next_look(*look)) {
    PairedSummary then = s;
    then.n = *look;
    then.standard_error = s.standard_error * std::sqrt(static_cast<double>(s.n) / *look);
    const Interval interval = *mean_interval(then, comparisons, kAlpha);
    const double half = (interval.high - interval.low) / 2;
    const bool differs = judgement.verdict == Verdict::kTooFewRuns && half < mean;
    if (differs || mean + half < margin || mean - half > margin) return look;
  }
  return std::nullopt;
}

double margin_of(const ScenarioRow& scenario, const MetricRow& metric) {
  const auto own = scenario.margins.find(metric.id);
  return own == scenario.margins.end() ? metric.info.margin : own->second;
}

std::expected<ScenarioComparison, Unpaired> compare_strategies(const ScenarioRow& scenario,
                                                               std::span<const MetricRow> metrics,
                                                               std::span<const RunRow> runs, int baseline) {
  ScenarioComparison result;
  result.scenario = scenario.id;
  result.baseline = baseline;
  const RunsBySeed base = runs_of(runs, scenario.id, baseline);
  std::vector<std::pair<int, Pairs>> others;
  for (const StrategyRow& strategy : scenario.strategies) {
    if (strategy.id == baseline) continue;
    auto pairs = pair_runs(base, runs_of(runs, scenario.id, strategy.id), scenario.name);
    if (!pairs) return std::unexpected(pairs.error());
    others.emplace_back(strategy.id, std::move(*pairs));
  }
  const int comparisons = std::max(1, static_cast<int>(others.size()));
  for (const MetricRow& metric : metrics) {
    result.baseline_means.push_back(mean_over_runs(base, metric.id));
    for (const auto& [strategy, pairs] : others) {
      result.rows.push_back(
          compare_pairs(pairs, metric.id, metric.info.better, margin_of(scenario, metric), comparisons));
      result.rows.back().strategy = strategy;
    }
  }
  return result;
}

std::expected<ScenarioComparison, Unpaired> compare_files(const ScenarioRow& before,
                                                          std::span<const RunRow> before_runs, const ScenarioRow& after,
                                                          std::span<const RunRow> after_runs,
                                                          std::span<const MetricRow> metrics) {
  ScenarioComparison result;
  result.scenario = after.id;
  result.baseline = -1;
  std::vector<std::pair<int, Pairs>> common;
  for (const StrategyRow& strategy : after.strategies) {
    for (const StrategyRow& earlier : before.strategies) {
      if (earlier.name != strategy.name) continue;
      auto pairs = pair_runs(runs_of(before_runs, before.id, earlier.id), runs_of(after_runs, after.id, strategy.id),
                             after.name);
      if (!pairs) return std::unexpected(pairs.error());
      common.emplace_back(strategy.id, std::move(*pairs));
    }
  }
  const int comparisons = std::max(1, static_cast<int>(common.size()));
  for (const MetricRow& metric : metrics) {
    for (const auto& [strategy, pairs] : common) {
      result.rows.push_back(compare_pairs(pairs, metric.id, metric.info.better, margin_of(after, metric), comparisons));
      result.rows.back().strategy = strategy;
    }
  }
  return result;
}

std::expected<std::vector<ExpectationResult>, Unpaired> check_expectations(const ScenarioRow& scenario,
                                                                           std::span<const MetricRow> metrics,
                                                                           std::span<const RunRow> runs) {
  std::vector<ExpectationResult> results;
  for (const ExpectSpec& expect : scenario.expect) {
    ExpectationResult result;
    result.expect = expect;
    const auto strategy_named = [&](const std::string& name) {
      return std::find_if(scenario.strategies.begin(), scenario.strategies.end(),
                          [&](const StrategyRow& row) { return row.name == name; });
    };
    const auto strategy = strategy_named(expect.strategy);
    const auto than = strategy_named(expect.than);
    const auto metric = std::find_if(metrics.begin(), metrics.end(),
                                     [&](const MetricRow& row) { return row.info.name == expect.metric; });
    if (strategy != scenario.strategies.end() && than != scenario.strategies.end() && metric != metrics.end()) {
      // Judged within the family of all strategies against `than`, as the table that a person would read.
      const auto compared = compare_strategies(scenario, metrics, runs, than->id);
      if (!compared) return std::unexpected(compared.error());
      const int comparisons = std::max(1, static_cast<int>(scenario.strategies.size()) - 1);
      const auto expected = verdict_of(expect.verdict);
      for (const Comparison& row : compared->rows) {
        if (row.metric != metric->id || row.strategy != strategy->id || !expected) continue;
        const double margin = margin_of(scenario, *metric);
        result.found = row.judgement.verdict;
        result.runs = row.judgement.summary.n;
        result.standing = standing_of(row.judgement, *expected, margin);
        if (result.standing == Standing::kUndecided)
          result.look = look_that_decides(row.judgement, margin, comparisons);
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace homing::sim
