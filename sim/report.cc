// SPDX-License-Identifier: Apache-2.0
#include "sim/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <utility>

#include "router/base/suggest.h"
#include "sim/json_text.h"

namespace homing::sim {
namespace {

const StrategyRow* strategy_of(const ScenarioRow& scenario, int id) {
  for (const StrategyRow& row : scenario.strategies) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

std::string name_of_strategy(const ScenarioRow& scenario, int id) {
  const StrategyRow* row = strategy_of(scenario, id);
  return row == nullptr ? "itself" : row->name;
}

std::vector<RunRow> runs_of(const ResultReader& results, int scenario) {
  std::vector<RunRow> runs;
  for (const RunRow& run : results.runs()) {
    if (run.scenario == scenario) runs.push_back(run);
  }
  return runs;
}

const BaselineMean* baseline_mean(const ScenarioComparison& comparison, int metric) {
  for (const BaselineMean& mean : comparison.baseline_means) {
    if (mean.metric == metric) return &mean;
  }
  return nullptr;
}

// ---- words

std::string direction(Better better) {
  switch (better) {
    case Better::kLower:
      return "lower is better";
    case Better::kHigher:
      return "higher is better";
    case Better::kNeither:
      return "neither way is better";
  }
  return "";
}

const char* word_of(Better better) {
  switch (better) {
    case Better::kLower:
      return "lower";
    case Better::kHigher:
      return "higher";
    case Better::kNeither:
      return "neither";
  }
  return "";
}

std::string signed_number(double value) {
  return value > 0 ? "+" + short_number(value) : short_number(value);
}

std::string verdict_text(const Judgement& judgement) {
  std::string text = words(judgement.verdict);
  if (judgement.verdict == Verdict::kTooFewRuns) {
    const auto look = next_look(judgement.summary.n);
    text += look ? fmt::format(" (look again at {})", *look) : " (80 is the last look)";
  }
  if (judgement.method == Method::kSignTest) text += " (sign test)";
  return text;
}

struct TextRow {
  std::string strategy, mean, difference, interval, n, verdict;
};

TextRow text_row(const ScenarioRow& scenario, const Comparison& row) {
  const Judgement& j = row.judgement;
  TextRow text{
      name_of_strategy(scenario, row.strategy), "-", "", "", fmt::format("n {}", j.summary.n), verdict_text(j)};
  if (j.summary.n > 0) {
    text.mean = short_number(row.mean);
    text.difference = signed_number(j.summary.mean);
  }
  if (j.interval)
    text.interval = fmt::format("[{}, {}]", signed_number(j.interval->low), signed_number(j.interval->high));
  if (row.left_out > 0) text.verdict += fmt::format("; {} seeds left out (no value on one side)", row.left_out);
  return text;
}

std::string align(const std::vector<TextRow>& rows) {
  std::size_t widths[5] = {};
  for (const TextRow& row : rows) {
    const std::string* cells[] = {&row.strategy, &row.mean, &row.difference, &row.interval, &row.n};
    for (std::size_t i = 0; i < 5; ++i) widths[i] = std::max(widths[i], cells[i]->size());
  }
  std::string text;
  for (const TextRow& row : rows) {
    text += fmt::format("    {:<{}}  {:>{}}  {:>{}}  {:>{}}  {:>{}}  {}\n", row.strategy, widths[0], row.mean,
                        widths[1], row.difference, widths[2], row.interval, widths[3], row.n, widths[4], row.verdict);
  }
  return text;
}

std::string head(const ScenarioReport& report) {
  const ScenarioRow& s = report.scenario;
  const std::set<std::uint64_t> seeds = [&] {
    std::set<std::uint64_t> all;
    for (const RunRow& run : report.runs) all.insert(run.seed);
    return all;
  }();
  const std::size_t compared = report.comparison.rows.empty() || report.metrics.empty()
                                   ? 0
                                   : report.comparison.rows.size() / report.metrics.size();
  const bool files = report.comparison.baseline < 0;
  const std::string family = compared > 1 ? fmt::format(" for all {} at once", compared) : "";
  std::string text = fmt::format("{}: {}\n", s.name, s.title);
  text += fmt::format(
      "{} runs of {} seeds, compared with {}; differences are paired by seed, intervals are 95 %{}\n",
      report.runs.size(), seeds.size(),
      files ? "the same strategy in the first file" : "\"" + name_of_strategy(s, report.comparison.baseline) + "\"",
      family);
  return text;
}

// "worse than", "identical to": a verdict between the names of two strategies.
std::string relation(const std::string& verdict) {
  if (verdict == words(Verdict::kBetter) || verdict == words(Verdict::kWorse)) return verdict + " than";
  if (verdict == words(Verdict::kIdentical)) return "identical to";
  return verdict + (verdict == words(Verdict::kTooFewRuns) ? " against" : " from");
}

std::string expectation_text(const ExpectationResult& result) {
  const ExpectSpec& expect = result.expect;
  const std::string sentence =
      fmt::format("{}: {} {} {}", expect.metric, expect.strategy, relation(expect.verdict), expect.than);
  std::string text = fmt::format("    {:<9}  {}", name_of(result.standing), sentence);
  if (result.standing == Standing::kNotMet) text += fmt::format("; found: {}", words(*result.found));
  if (result.standing != Standing::kUndecided) return text + "\n";
  if (result.runs == 0) return text + "; no seed has a value on both sides\n";
  const std::string open =
      *result.found == Verdict::kTooFewRuns
          ? fmt::format("{} runs do not tell", result.runs)
          : fmt::format("{}, but {} runs do not tell whether it matters", words(*result.found), result.runs);
  const std::string look = result.look                ? fmt::format("about {} would", *result.look)
                           : result.runs < kMostLooks ? "nor would 80"
                                                      : "and 80 is the last look";
  return fmt::format("{}; {}, {}\n", text, open, look);
}

std::string table(const ScenarioReport& report) {
  std::string text = head(report);
  for (const MetricRow& metric : report.metrics) {
    text += fmt::format("\n  {} ({}, {}; below {} no difference matters)\n", metric.info.label, metric.info.unit,
                        direction(metric.info.better), short_number(margin_of(report.scenario, metric)));
    const BaselineMean* mean = baseline_mean(report.comparison, metric.id);
    const bool valued =
        (mean != nullptr && mean->n > 0) ||
        std::any_of(report.comparison.rows.begin(), report.comparison.rows.end(),
                    [&](const Comparison& row) { return row.metric == metric.id && row.judgement.summary.n > 0; });
    if (!valued) {
      text += "    no run has a value\n";
      continue;
    }
    std::vector<TextRow> rows;
    if (mean != nullptr) {
      rows.push_back({name_of_strategy(report.scenario, report.comparison.baseline),
                      mean->n > 0 ? short_number(mean->mean) : "-", "", "", fmt::format("n {}", mean->n), "baseline"});
    }
    for (const Comparison& row : report.comparison.rows) {
      if (row.metric == metric.id) rows.push_back(text_row(report.scenario, row));
    }
    text += align(rows);
  }
  if (!report.expectations.empty()) {
    text += "\n  expected before the first run\n";
    for (const ExpectationResult& result : report.expectations) text += expectation_text(result);
  }
  return text;
}

// ---- JSON

std::string json_row(const ScenarioReport& report, const Comparison& row) {
  const Judgement& j = row.judgement;
  return fmt::format(
      R"({{"strategy":{},"n":{},"left_out":{},"mean":{},"baseline_mean":{},"difference":{},"low":{},"high":{},"ties":{},"method":{},"verdict":{}}})",
      json_quoted(name_of_strategy(report.scenario, row.strategy)), j.summary.n, row.left_out, json_number(row.mean),
      json_number(row.baseline_mean), json_number(j.summary.mean), j.interval ? json_number(j.interval->low) : "null",
      j.interval ? json_number(j.interval->high) : "null", j.summary.ties, json_quoted(name_of(j.method)),
      json_quoted(words(j.verdict)));
}

std::string json_metric(const ScenarioReport& report, const MetricRow& metric) {
  std::string rows;
  for (const Comparison& row : report.comparison.rows) {
    if (row.metric == metric.id) rows += (rows.empty() ? "" : ",") + json_row(report, row);
  }
  const BaselineMean* mean = baseline_mean(report.comparison, metric.id);
  return fmt::format(R"({{"name":{},"unit":{},"better":{},"margin":{},"baseline_mean":{},"rows":[{}]}})",
                     json_quoted(metric.info.name), json_quoted(metric.info.unit),
                     json_quoted(word_of(metric.info.better)), json_number(margin_of(report.scenario, metric)),
                     mean != nullptr && mean->n > 0 ? json_number(mean->mean) : "null", rows);
}

std::string json_run(const ScenarioReport& report, const RunRow& run) {
  std::string values;
  for (const MetricRow& metric : report.metrics) {
    const auto value = run.values.find(metric.id);
    if (value == run.values.end()) continue;
    values += (values.empty() ? "" : ",") + json_quoted(metric.info.name) + ":" + json_number(value->second);
  }
  return fmt::format(
      R"({{"run":{},"key":{},"strategy":{},"seed":{},"plan_hash":{},"fingerprint":{},"events":{},"values":{{{}}}}})",
      run.id, json_quoted(run.key), json_quoted(name_of_strategy(report.scenario, run.strategy)), run.seed,
      json_quoted(run.plan_hash), json_quoted(run.fingerprint), run.events, values);
}

std::string json_expectation(const ExpectationResult& result) {
  return fmt::format(
      R"({{"metric":{},"strategy":{},"than":{},"expected":{},"found":{},"met":{},"standing":{},"n":{},"look":{},"because":{}}})",
      json_quoted(result.expect.metric), json_quoted(result.expect.strategy), json_quoted(result.expect.than),
      json_quoted(result.expect.verdict), result.found ? json_quoted(words(*result.found)) : "null",
      result.standing == Standing::kMet,
      json_quoted(result.standing == Standing::kNotMet ? "not met" : name_of(result.standing)), result.runs,
      result.look ? std::to_string(*result.look) : "null", json_quoted(result.expect.because));
}

template <typename Items, typename Write>
std::string json_array(const Items& items, Write write) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "\n" : ",\n") + write(item);
  return "[" + text + "]";
}

std::string json(const ScenarioReport& report) {
  const ScenarioRow& s = report.scenario;
  return fmt::format(
      "{{\"name\":{},\"title\":{},\"hash\":{},\"baseline\":{},\"metrics\":{},\"expectations\":{},\"runs\":{}}}",
      json_quoted(s.name), json_quoted(s.title), json_quoted(s.hash),
      report.comparison.baseline < 0 ? "null" : json_quoted(name_of_strategy(s, report.comparison.baseline)),
      json_array(
          report.metrics, [&](const MetricRow& metric) { return json_metric(report, metric); }),
      json_array(report.expectations, json_expectation),
      json_array(report.runs, [&](const RunRow& run) { return json_run(report, run); }));
}

// ---- CSV

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv(const ScenarioReport& report) {
  std::string text;
  for (const MetricRow& metric : report.metrics) {
    for (const Comparison& row : report.comparison.rows) {
      if (row.metric != metric.id) continue;
      const Judgement& j = row.judgement;
      text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_text(report.scenario.name),
                          csv_text(metric.info.name), csv_text(metric.info.unit),
                          csv_text(name_of_strategy(report.scenario, report.comparison.baseline)),
                          csv_text(name_of_strategy(report.scenario, row.strategy)), j.summary.n, row.baseline_mean,
                          row.mean, j.summary.mean, j.interval ? fmt::format("{}", j.interval->low) : "",
                          j.interval ? fmt::format("{}", j.interval->high) : "", words(j.verdict),
                          margin_of(report.scenario, metric), word_of(metric.info.better), name_of(j.method),
                          j.summary.ties, row.left_out);
    }
  }
  return text;
}

}  // namespace

std::optional<Output> output_named(std::string_view name) {
  if (name == "table") return Output::kTable;
  if (name == "json") return Output::kJson;
  if (name == "csv") return Output::kCsv;
  return std::nullopt;
}

std::string short_number(double value) {
  // No exponent for numbers that people read as counts, no digits beyond the fourth for the others.
  if (value != 0 && std::fabs(value) >= 1000 && std::fabs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value == 0 ? 0.0 : value);
}

MetricChoice metric_choice(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) names.emplace_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return names;
}

std::optional<std::string> unknown_metric(const MetricChoice& choice, std::span<const MetricRow> metrics) {
  if (!choice) return std::nullopt;
  if (choice->empty()) return "no metric is named; expected all or names that homing-sim list shows";
  std::vector<std::string> known = {"all"};
  for (const MetricRow& metric : metrics) known.push_back(metric.info.name);
  for (const std::string& name : *choice) {
    const bool found = name == "all" || std::any_of(metrics.begin(), metrics.end(), [&](const MetricRow& metric) {
                         return metric.info.name == name || (!name.empty() && metric.info.exported == name);
                       });
    if (found) continue;
    const auto near = base::nearest_name(name, known);
    return fmt::format("no metric is called \"{}\"; {}", name,
                       near ? fmt::format("did you mean \"{}\"?", *near) : "homing-sim list shows them");
  }
  return std::nullopt;
}

std::vector<MetricRow> chosen_metrics(const MetricChoice& choice, const std::vector<MetricRow>& metrics) {
  std::vector<MetricRow> result;
  for (const MetricRow& metric : metrics) {
    const bool wanted =
        !choice ? metric.info.headline : std::any_of(choice->begin(), choice->end(), [&](const std::string& name) {
          return name == "all" || name == metric.info.name || name == metric.info.exported;
        });
    if (wanted) result.push_back(metric);
  }
  return result;
}

namespace {

// Ids are of a file: the runs of `before` get those of `after`, by name; metrics that `after` does not know are
// dropped.
void rename_metrics(std::vector<RunRow>& runs, const std::vector<MetricRow>& before,
                    const std::vector<MetricRow>& after) {
  std::map<int, int> ids;
  for (const MetricRow& old : before) {
    for (const MetricRow& now : after) {
      if (old.info.name == now.info.name) ids[old.id] = now.id;
    }
  }
  for (RunRow& run : runs) {
    std::map<int, double> values;
    for (const auto& [id, value] : run.values) {
      if (const auto found = ids.find(id); found != ids.end()) values[found->second] = value;
    }
    run.values = std::move(values);
  }
}

}  // namespace

std::expected<std::vector<ScenarioReport>, ReportError> build_reports(const ResultReader& results,
                                                                      const std::optional<std::string>& baseline,
                                                                      const MetricChoice& choice) {
  if (auto wrong = unknown_metric(choice, results.metric_rows())) {
    return std::unexpected(ReportError{std::move(*wrong), false});
  }
  std::vector<ScenarioReport> reports;
  for (const ScenarioRow& scenario : results.scenarios()) {
    int base = scenario.baseline;
    if (baseline) {
      std::vector<std::string> names;
      for (const StrategyRow& row : scenario.strategies) names.push_back(row.name);
      const auto found = std::find(names.begin(), names.end(), *baseline);
      if (found == names.end()) {
        return std::unexpected(ReportError{fmt::format("scenario {} has no strategy \"{}\"; expected {}", scenario.name,
                                                       *baseline, base::quoted_list(names)),
                                           false});
      }
      base = scenario.strategies[static_cast<std::size_t>(found - names.begin())].id;
    }
    ScenarioReport report{
        scenario, chosen_metrics(choice, results.metric_rows()), runs_of(results, scenario.id), {}, {}};
    auto comparison = compare_strategies(scenario, report.metrics, report.runs, base);
    if (!comparison) return std::unexpected(ReportError{comparison.error().text, true});
    auto expectations = check_expectations(scenario, results.metric_rows(), report.runs);
    if (!expectations) return std::unexpected(ReportError{expectations.error().text, true});
    report.comparison = std::move(*comparison);
    report.expectations = std::move(*expectations);
    reports.push_back(std::move(report));
  }
  return reports;
}

std::expected<std::vector<ScenarioReport>, ReportError> build_reports(const ResultReader& before,
                                                                      const ResultReader& after,
                                                                      const MetricChoice& choice) {
  if (auto wrong = unknown_metric(choice, after.metric_rows())) {
    return std::unexpected(ReportError{std::move(*wrong), false});
  }
  std::vector<ScenarioReport> reports;
  for (const ScenarioRow& scenario : after.scenarios()) {
    for (const ScenarioRow& earlier : before.scenarios()) {
      if (earlier.name != scenario.name) continue;
      ScenarioReport report{scenario, chosen_metrics(choice, after.metric_rows()), runs_of(after, scenario.id), {}, {}};
      std::vector<RunRow> earlier_runs = runs_of(before, earlier.id);
      rename_metrics(earlier_runs, before.metric_rows(), after.metric_rows());
      auto comparison = compare_files(earlier, earlier_runs, scenario, report.runs, report.metrics);
      if (!comparison) return std::unexpected(ReportError{comparison.error().text, true});
      report.comparison = std::move(*comparison);
      reports.push_back(std::move(report));
    }
  }
  if (reports.empty()) {
    return std::unexpected(ReportError{
        fmt::format("{} and {} share no scenario; name two files with the same one", before.path(), after.path()),
        true});
  }
  return reports;
}

std::string write_reports(std::span<const ScenarioReport> reports, Output output) {
  std::string text;
  switch (output) {
    case Output::kTable:
      for (const ScenarioReport& report : reports) text += (text.empty() ? "" : "\n") + table(report);
      break;
    case Output::kJson:
      text = "{\"format\":1,\"scenarios\":" + json_array(reports, json) + "}\n";
      break;
    case Output::kCsv:
      text =
          "scenario,metric,unit,baseline,strategy,n,baseline_mean,mean,difference,low,high,verdict,margin,better,"
          "method,ties,left_out\n";
      for (const ScenarioReport& report : reports) text += csv(report);
      break;
  }
  return text;
}

}  // namespace homing::sim
