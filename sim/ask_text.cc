// SPDX-License-Identifier: Apache-2.0
//
// The answer to a question, in words and as JSON: what would happen to whom, which strategy people would prefer, and
// what the answer does not know. Verdicts are verdict.h's.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "sim/ask.h"
#include "sim/json_text.h"
#include "sim/statistics.h"
#include "sim/why_text.h"

namespace homing::sim {
namespace {

// What people feel, in the order in which they would complain.
constexpr std::array<std::string_view, 4> kFelt = {"user-minutes-lost", "sessions-lost", "sign-in-wait-p95",
                                                   "felt-crowding"};

const MetricRow* metric_named(const ScenarioReport& report, std::string_view name) {
  for (const MetricRow& metric : report.metrics) {
    if (metric.info.name == name) return &metric;
  }
  return nullptr;
}

std::string strategy_name(const ScenarioReport& report, int id) {
  for (const StrategyRow& strategy : report.scenario.strategies) {
    if (strategy.id == id) return strategy.name;
  }
  return "?";
}

const Comparison* comparison_of(const ScenarioReport& report, int metric, int strategy) {
  for (const Comparison& row : report.comparison.rows) {
    if (row.metric == metric && row.strategy == strategy) return &row;
  }
  return nullptr;
}

std::vector<double> baseline_values(const ScenarioReport& report, int metric) {
  std::vector<double> values;
  for (const RunRow& run : report.runs) {
    const auto value = run.values.find(metric);
    if (run.strategy == report.comparison.baseline && value != run.values.end()) values.push_back(value->second);
  }
  return values;
}

std::string mean_text(const std::vector<double>& values) {
  const PairedSummary summary = summarise(values);
  const auto interval = mean_interval(summary, 1);
  if (!interval) return short_number(summary.mean);
  return fmt::format("{}  [{}, {}]", short_number(summary.mean), short_number(std::max(0.0, interval->low)),
                     short_number(interval->high));
}

double quantile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

int seeds_of(const ScenarioReport& report) {
  int seeds = 0;
  for (const RunRow& run : report.runs) seeds += run.strategy == report.comparison.baseline ? 1 : 0;
  return seeds;
}

std::string happens_text(const Answered& answered) {
  const ScenarioReport& report = *answered.report;
  const Fates& fates = *answered.fates;
  std::string text = fmt::format("what happens, under \"{}\" (mean of {} days, 95 % interval)\n",
                                 strategy_name(report, report.comparison.baseline), seeds_of(report));
  const auto line = [&](std::string_view name, const std::string& value, std::string_view unit) {
    text += fmt::format("  {:<36} {:<26} {}\n", name, value, unit);
  };
  for (const std::string_view name : kFelt) {
    const MetricRow* metric = metric_named(report, name);
    if (metric == nullptr) continue;
    const std::vector<double> values = baseline_values(report, metric->id);
    if (!values.empty()) line(metric->info.label, mean_text(values), metric->info.unit == "1" ? "" : metric->info.unit);
  }
  if (!fates.hit.empty()) {
    line("people who notice", mean_text(fates.hit), fmt::format("of {}", answered.question->users));
  }
  if (!fates.back_s.empty()) {
    line("back at work after a loss",
         fmt::format("{} median, {} p95", span_text(quantile(fates.back_s, 0.5)),
                     span_text(quantile(fates.back_s, 0.95))),
         "");
  }
  return text;
}

std::string preference_text(const ScenarioReport& report) {
  if (report.scenario.strategies.size() < 2) return "one strategy was asked about, so there is nothing to prefer\n";
  const std::string baseline = strategy_name(report, report.comparison.baseline);
  std::string text =
      fmt::format("which strategy people would prefer (compared with \"{}\", paired by seed)\n", baseline);
  for (const StrategyRow& strategy : report.scenario.strategies) {
    if (strategy.id == report.comparison.baseline) continue;
    std::string found;
    bool open = false;
    for (const std::string_view name : kFelt) {
      const MetricRow* metric = metric_named(report, name);
      const Comparison* row = metric == nullptr ? nullptr : comparison_of(report, metric->id, strategy.id);
      if (row == nullptr) continue;
      const Judgement& j = row->judgement;
      open = open || j.verdict == Verdict::kTooFewRuns;
      if (j.verdict != Verdict::kBetter && j.verdict != Verdict::kWorse) continue;
      const std::string interval =
          j.interval ? fmt::format(" [{}, {}]", short_number(j.interval->low), short_number(j.interval->high)) : "";
      found += fmt::format("{}{} in {} by {}{}{}", found.empty() ? "" : "; ", words(j.verdict), metric->info.label,
                           short_number(std::fabs(j.summary.mean)),
                           metric->info.unit == "1" ? "" : " " + metric->info.unit, interval);
    }
    if (found.empty()) found = open ? words(Verdict::kTooFewRuns) : words(Verdict::kNoDifferenceThatMatters);
    text += fmt::format("  {:<24} {}\n", strategy.name, found);
  }
  const auto best = preferred_strategy(report);
  text += best ? fmt::format("  so: \"{}\"\n", strategy_name(report, *best))
               : fmt::format("  so: \"{}\"; nothing here is better without being worse somewhere\n", baseline);
  return text;
}

std::vector<std::string> limits_of(const Answered& answered) {
  std::vector<std::string> limits;
  const int seeds = seeds_of(*answered.report);
  limits.push_back(fmt::format(
      "{} simulated {} of each strategy in {}{}", seeds, seeds == 1 ? "day" : "days", span_text(answered.seconds),
      answered.cut ? ": the time was over before every verdict was settled (--within gives more)" : ""));
  if (seeds < kFewestRuns) limits.push_back(fmt::format("fewer than {} seeds: no verdict is said", kFewestRuns));
  limits.push_back(
      "what people do, how long they stay and what a start costs are defaults, not yours: homing-sim check --print "
      "lists each with its source");
  if (answered.question->lose_node_at) {
    limits.push_back(fmt::format(
        "only n1 fails, once, and is back after about an hour; a death is noticed after 10 heartbeats of {}",
        answered.question->heartbeat));
  } else {
    limits.push_back("no machine fails on this day");
  }
  for (const std::string& note : answered.scenario->notes) limits.push_back(note);
  return limits;
}

}  // namespace

std::optional<int> preferred_strategy(const ScenarioReport& report) {
  std::optional<int> best;
  double most = 0.0;
  for (const StrategyRow& strategy : report.scenario.strategies) {
    double margins = 0.0;
    bool worse = false;
    for (const std::string_view name : kFelt) {
      const MetricRow* metric = metric_named(report, name);
      const Comparison* row = metric == nullptr ? nullptr : comparison_of(report, metric->id, strategy.id);
      if (row == nullptr) continue;
      worse = worse || row->judgement.verdict == Verdict::kWorse;
      if (row->judgement.verdict == Verdict::kBetter) {
        margins += std::fabs(row->judgement.summary.mean) / std::max(1e-12, margin_of(report.scenario, *metric));
      }
    }
    if (worse || margins <= most) continue;
    most = margins;
    best = strategy.id;
  }
  return best;
}

std::string answer_text(const Answered& answered) {
  std::string text = fmt::format("{}, a Monday from 08:00 to 16:00\n\n", answered.scenario->title);
  text += happens_text(answered) + "\n" + preference_text(*answered.report) + "\nwhat this answer does not know\n";
  for (const std::string& limit : limits_of(answered)) text += "  - " + limit + "\n";
  text += answered.question->print_scenario.empty()
              ? "\nthe scenario (--print-scenario FILE keeps it for homing-sim run)\n" + scenario_of(*answered.question)
              : fmt::format("\nthe scenario is in {}\n", answered.question->print_scenario);
  if (!answered.question->out.empty()) text += fmt::format("the runs are in {}\n", answered.question->out);
  return text;
}

std::string answer_json(const Answered& answered) {
  const ScenarioReport& report = *answered.report;
  const Fates& fates = *answered.fates;
  const auto best = preferred_strategy(report);
  std::string means;
  for (const std::string_view name : kFelt) {
    const MetricRow* metric = metric_named(report, name);
    if (metric == nullptr) continue;
    const std::vector<double> values = baseline_values(report, metric->id);
    if (values.empty()) continue;
    const PairedSummary summary = summarise(values);
    const auto interval = mean_interval(summary, 1);
    means += fmt::format(R"({}{}:{{"mean":{},"low":{},"high":{},"unit":{}}})", means.empty() ? "" : ",",
                         json_quoted(name), json_number(summary.mean), interval ? json_number(interval->low) : "null",
                         interval ? json_number(interval->high) : "null", json_quoted(metric->info.unit));
  }
  std::string limits;
  for (const std::string& limit : limits_of(answered)) limits += (limits.empty() ? "" : ",") + json_quoted(limit);
  std::string report_json = write_reports(std::span(&report, 1), Output::kJson);
  while (!report_json.empty() && report_json.back() == '\n') report_json.pop_back();
  return fmt::format(
      "{{\"format\":1,\"title\":{},\"baseline\":{},\"seeds\":{},\"seconds\":{},\"settled\":{},\"happens\":{{{}}},"
      "\"people_who_notice\":{},\"back_after_s\":{{\"median\":{},\"p95\":{}}},\"preferred\":{},\"limits\":[{}],"
      "\"scenario\":{},\"comparison\":{}}}\n",
      json_quoted(answered.scenario->title), json_quoted(strategy_name(report, report.comparison.baseline)),
      seeds_of(report), json_number(answered.seconds), !answered.cut, means,
      fates.hit.empty() ? "null" : json_number(summarise(fates.hit).mean),
      fates.back_s.empty() ? "null" : json_number(quantile(fates.back_s, 0.5)),
      fates.back_s.empty() ? "null" : json_number(quantile(fates.back_s, 0.95)),
      best ? json_quoted(strategy_name(report, *best)) : "null", limits, json_quoted(scenario_of(*answered.question)),
      report_json);
}

}  // namespace homing::sim
