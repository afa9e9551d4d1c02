// SPDX-License-Identifier: Apache-2.0
//
// Reports: a comparison as words for people, as JSON and as CSV. Nothing is computed here that verdict.h does not say.
// Thread class: pure functions.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/results.h"
#include "sim/verdict.h"

namespace homing::sim {

enum class Output { kTable, kJson, kCsv };
std::optional<Output> output_named(std::string_view name);  // "table", "json", "csv"

// One scenario, judged.
struct ScenarioReport {
  ScenarioRow scenario;
  std::vector<MetricRow> metrics;  // the chosen ones
  std::vector<RunRow> runs;        // of this scenario
  ScenarioComparison comparison;
  std::vector<ExpectationResult> expectations;
};

// Every scenario of a result file against its own baseline, or against the strategy called `baseline`.
// The error is a sentence; `unpaired` says that it is one of pairing (exit code 4).
struct ReportError {
  std::string text;
  bool unpaired = false;
};
// Which metrics are shown: nothing: the headline ones; {"all"}: all; else those, by name or by the name that routers
// export.
using MetricChoice = std::optional<std::vector<std::string>>;
MetricChoice metric_choice(std::string_view text);  // "all", "a,b"
// Those of `metrics` that are shown, in their order.
std::vector<MetricRow> chosen_metrics(const MetricChoice& choice, const std::vector<MetricRow>& metrics);
// A sentence for people when one is not among `metrics`.
std::optional<std::string> unknown_metric(const MetricChoice& choice, std::span<const MetricRow> metrics);

std::expected<std::vector<ScenarioReport>, ReportError> build_reports(const ResultReader& results,
                                                                      const std::optional<std::string>& baseline,
                                                                      const MetricChoice& choice = {});
// The scenarios that two files share, by name.
std::expected<std::vector<ScenarioReport>, ReportError> build_reports(const ResultReader& before,
                                                                      const ResultReader& after,
                                                                      const MetricChoice& choice = {});

std::string write_reports(std::span<const ScenarioReport> reports, Output output);

// A number with at most four significant digits: "12.3", "0.00412", "1230".
std::string short_number(double value);

}  // namespace homing::sim
