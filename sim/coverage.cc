// SPDX-License-Identifier: Apache-2.0
#include "sim/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "sim/json_text.h"
#include "sim/oracles.h"
#include "sim/validate_failures.h"
#include "sim/validate_world.h"
#include "sim/verdict.h"

namespace homing::sim {
namespace {

constexpr auto kPulse = std::chrono::milliseconds(200);
constexpr int kRuns = 20;   // of an experiment
constexpr int kPairs = 20;  // of a paired experiment
constexpr double kLevel = 0.05;

std::uint64_t seed_of(std::uint64_t experiment, int run) {
  return (experiment + 1) * 1'000 + static_cast<std::uint64_t>(run);
}

CoverageCase mean_of_a_queue() {
  CoverageCase row;
  row.name = "mm1";
  row.title = "mean number in M/M/1 under processor sharing, rho 0.5: 20 runs of 150 services";
  row.truth_from = "r/(1-r)";
  row.interval_from = "mean_interval, Student's t over runs";
  row.truth = [] { return 1.0; };
  row.interval = [](std::uint64_t experiment) {
    std::vector<double> values;
    for (int i = 0; i < kRuns; ++i) {
      const World world = ran({.rate = 0.5, .shares_cpu = true, .horizon = 300, .warm_up = 60}, seed_of(experiment, i));
      values.push_back(probe_of(world).on_node().mean());
    }
    return *mean_interval(summarise(values), 1, kLevel);
  };
  return row;
}

CoverageCase paired_difference() {
  CoverageCase row;
  row.name = "paired";
  row.title =
      "sessions minus random, sessions on a node, 2 nodes under processor sharing at 0.5: 20 pairs of 300 time units";
  row.truth_from = "mean of the exact chain of the shorter queue - r/(1-r)";
  row.interval_from = "judge(), the verdicts' paired interval";
  row.truth = [] { return oracle::solve_chain(2, oracle::Choice::kShortest, 1.0, true, 40).mean - 1.0; };
  row.interval = [](std::uint64_t experiment) {
    std::vector<double> differences;
    for (int i = 0; i < kPairs; ++i) {
      Workload workload{
          .nodes = 2, .strategy = "sessions", .rate = 1.0, .shares_cpu = true, .horizon = 300, .warm_up = 60};
      const double ours = probe_of(ran(workload, seed_of(experiment, i))).on_node().mean();
      workload.strategy = "random";
      differences.push_back(ours - probe_of(ran(workload, seed_of(experiment, i))).on_node().mean());
    }
    return *judge(differences, Better::kLower, 0.01, 1).interval;
  };
  return row;
}

CoverageCase tail_quantile() {
  CoverageCase row;
  row.name = "p99";
  row.title = "p99 of the time in M/M/1 under processor sharing, rho 0.5: 20 runs of 300 services";
  row.truth_from = "uniformized chain of the others present";
  row.interval_from = "quantile_interval: shares below, runs as clusters";
  row.truth = [] { return oracle::ps_sojourn_quantile(0.5, 0.99); };
  row.interval = [](std::uint64_t experiment) {
    std::vector<std::vector<double>> runs;
    for (int i = 0; i < kRuns; ++i) {
      runs.push_back(
          sojourns_s(ran({.rate = 0.5, .shares_cpu = true, .horizon = 600, .warm_up = 60}, seed_of(experiment, i))));
    }
    return *quantile_interval(runs, 0.99, 1, kLevel);
  };
  return row;
}

CoverageCase killed_share() {
  CoverageCase row;
  row.name = "killed";
  row.title = "share of sessions killed, D = 1 h, M = 9 h of running, 2 sessions a node: 20 runs of 200 h";
  row.truth_from = "D/(D+M)";
  row.interval_from = "ratio_interval: sum of losses over sum of processes, jackknife over runs";
  row.truth = [] { return 0.1; };
  row.interval = [](std::uint64_t experiment) {
    std::vector<double> lost, ended;
    for (int i = 0; i < kRuns; ++i) {
      const std::vector<double> numbers = killed_and_ended({.horizon_h = 200}, seed_of(experiment, i));
      lost.push_back(numbers[0]);
      ended.push_back(numbers[1]);
    }
    return *ratio_interval(lost, ended, 1, kLevel);
  };
  return row;
}

class Coverage {
 public:
  Coverage(std::vector<CoverageCase> cases, const CoverageOptions& options)
      : cases_(std::move(cases)), options_(options), each_(static_cast<std::size_t>(options.experiments)) {
    intervals_.resize(cases_.size() * each_);
  }

  CoverageResult run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < std::max(1, options_.jobs); ++i) threads.emplace_back([this] { work(); });
    watch();
    for (std::thread& thread : threads) thread.join();
    CoverageResult result;
    result.interrupted = stop_;
    for (std::size_t i = 0; i < cases_.size() && !stop_; ++i) result.cases.push_back(judge(i));
    return result;
  }

 private:
  void work() {
    for (;;) {
      const std::size_t next = next_.fetch_add(1);
      if (next >= intervals_.size() || stop_) return;
      intervals_[next] = cases_[next / each_].interval(next % each_);
      const std::scoped_lock lock(mutex_);
      ++finished_;
      changed_.notify_all();
    }
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (finished_ < intervals_.size() && !stop_) {
      changed_.wait_for(lock, kPulse);
      const double fraction = static_cast<double>(finished_) / static_cast<double>(intervals_.size());
      const std::size_t at = std::min(finished_ / each_, cases_.size() - 1);
      lock.unlock();
      if (options_.pulse && !options_.pulse(fraction, cases_[at].name)) stop_ = true;
      lock.lock();
    }
  }

  CoverageFound judge(std::size_t place) const {
    const CoverageCase& of = cases_[place];
    CoverageFound found{
        .name = of.name, .title = of.title, .truth_from = of.truth_from, .interval_from = of.interval_from};
    found.truth = of.truth();
    found.experiments = static_cast<int>(each_);
    for (std::size_t i = 0; i < each_; ++i) {
      const Interval& interval = intervals_[place * each_ + i];
      found.below += interval.high < found.truth ? 1 : 0;
      found.above += interval.low > found.truth ? 1 : 0;
      found.mean_width += (interval.high - interval.low) / static_cast<double>(each_);
    }
    return found;
  }

  std::vector<CoverageCase> cases_;
  const CoverageOptions& options_;
  std::size_t each_;
  std::vector<Interval> intervals_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t finished_ = 0;
};

}  // namespace

std::vector<CoverageCase> coverage_cases() {
  return {mean_of_a_queue(), paired_difference(), tail_quantile(), killed_share()};
}

std::vector<std::string> coverage_names() {
  std::vector<std::string> names;
  for (const CoverageCase& row : coverage_cases()) names.push_back(row.name);
  return names;
}

bool CoverageFound::good() const {
  double slack = 0.0;
  if (experiments < kCoverageExperiments) slack = 4 * std::sqrt(0.95 * 0.05 / experiments);
  return coverage() >= kLeastCoverage - slack && coverage() <= kMostCoverage + slack;
}

bool CoverageResult::good() const {
  return !interrupted && std::all_of(cases.begin(), cases.end(), [](const CoverageFound& c) { return c.good(); });
}

CoverageResult run_coverage(const std::vector<CoverageCase>& cases, const CoverageOptions& options) {
  std::vector<CoverageCase> chosen;
  for (const CoverageCase& row : cases) {
    if (row.name.find(options.only) != std::string::npos) chosen.push_back(row);
  }
  if (chosen.empty()) return {};
  return Coverage(std::move(chosen), options).run();
}

std::string coverage_table(const CoverageResult& result) {
  std::string text = fmt::format("{:<8}{:>12}{:>13}{:>10}{:>8}{:>8}{:>12}  {}\n", "case", "truth", "experiments",
                                 "coverage", "below", "above", "width", "93 to 97 %");
  for (const CoverageFound& c : result.cases) {
    text += fmt::format("{:<8}{:>12.6g}{:>13}{:>8.2f} %{:>8}{:>8}{:>12.4g}  {}\n", c.name, c.truth, c.experiments,
                        c.coverage() * 100, c.below, c.above, c.mean_width, c.good() ? "yes" : "NO");
  }
  for (const CoverageFound& c : result.cases) {
    text += fmt::format("{}: {}; truth: {}; interval: {}\n", c.name, c.title, c.truth_from, c.interval_from);
  }
  return result.interrupted ? text + "interrupted\n" : text;
}

std::string coverage_json(const CoverageResult& result) {
  std::string cases;
  for (const CoverageFound& c : result.cases) {
    cases += fmt::format(
        R"({}{{"case":{},"title":{},"truth_from":{},"interval_from":{},"truth":{},"experiments":{},"coverage":{},"below":{},"above":{},"mean_width":{},"good":{}}})",
        cases.empty() ? "" : ",\n", json_quoted(c.name), json_quoted(c.title), json_quoted(c.truth_from),
        json_quoted(c.interval_from), json_number(c.truth), c.experiments, json_number(c.coverage()), c.below, c.above,
        json_number(c.mean_width), c.good());
  }
  return fmt::format("{{\"format\":1,\"good\":{},\"interrupted\":{},\"coverage\":[\n{}]}}\n", result.good(),
                     result.interrupted, cases);
}

}  // namespace homing::sim
