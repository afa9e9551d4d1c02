// SPDX-License-Identifier: GPL-3.0-only
#include "tests/gui/example.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gui/model/summary.h"

namespace homing::gui {
namespace {

constexpr int kNodes = 8;
constexpr int kBuckets = 360;
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

Cell cell(double mean, double difference, double half, const char* word, Tone tone) {
  return {.defined = true,
          .has_interval = true,
          .mean = mean,
          .difference = difference,
          .low = difference - half,
          .high = difference + half,
          .n = 20,
          .word = QString::fromLatin1(word),
          .tone = tone};
}

Cell baseline(double mean) {
  return {.defined = true, .mean = mean, .n = 20, .word = QStringLiteral("baseline"), .tone = Tone::kBaseline};
}

NodeSeries series(int node, double unevenness, bool crashed) {
  NodeSeries made{.node = QStringLiteral("n%1").arg(node + 1), .bucket_s = 60, .buckets = {}};
  double wobble = 0;
  for (int i = 0; i < kBuckets; ++i) {
    const double hour = 8 + i / 60.0;
    const double rise = 30 / (1 + std::exp(-(hour - 9) * 5)) - 8 / (1 + std::exp(-(hour - 12) * 6)) + 4;
    wobble = 0.97 * wobble + unevenness * std::sin(i * (1.7 + node * 0.31) + node);
    const double share = 1 + 0.05 * unevenness * (node - 3.5);
    const double value = std::max(0.0, std::round(rise * share + wobble));
    const bool down = crashed && i >= 64 && i < 123;
    if (down) {
      made.buckets.append({kNothing, kNothing, kNothing, kNothing});
    } else {
      const double after = crashed && i >= 123 ? std::min(value, (i - 123) * 0.35) : value;
      made.buckets.append(
          {std::floor(after), after, std::floor(after) + (i % 7 == node % 7 ? 1 : 0), std::floor(after)});
    }
  }
  return made;
}

}  // namespace

ScenarioView example_scenario() {
  ScenarioView scenario{.name = QStringLiteral("node-lost-at-peak"),
                        .title = QStringLiteral("One of eight nodes dies in the nine o'clock sign-in"),
                        .baseline = QStringLiteral("sessions"),
                        .sentence = {},
                        .start_s = 8 * 3600,
                        .horizon_s = kBuckets * 60,
                        .seeds = 20,
                        .node_count = kNodes,
                        .measures = {},
                        .strategies = {}};
  const auto measure = [&](const char* name, const char* label, const char* unit, double margin) {
    scenario.measures.append({.name = QString::fromLatin1(name),
                              .label = QString::fromLatin1(label),
                              .unit = QString::fromLatin1(unit),
                              .description = {},
                              .margin = margin});
  };
  measure("sessions-lost", "sessions lost", "sessions", 1);
  measure("user-minutes-lost", "user-minutes lost", "user-minutes", 10);
  measure("sign-in-wait-p95", "sign-in wait p95", "s", 0.5);
  measure("felt-crowding", "felt crowding", "1", 0.02);

  struct Row {
    const char* name;
    double unevenness;
    QList<Cell> cells;
  };
  const char* const same = "no difference that matters";
  const QList<Row> rows = {
      {"sessions", 0.2, {baseline(41.2), baseline(386), baseline(6.42), baseline(0.011)}},
      {"system-load",
       1.6,
       {cell(46.9, 5.7, 2.1, "worse", Tone::kWorse), cell(441, 55, 38, "worse", Tone::kWorse),
        cell(9.81, 3.39, 0.8, "worse", Tone::kWorse), cell(0.231, 0.220, 0.031, "worse", Tone::kWorse)}},
      {"user-hash",
       1.1,
       {cell(41.5, 0.3, 1.9, "too few runs", Tone::kUnknown), cell(391, 5, 24, "too few runs", Tone::kUnknown),
        cell(8.03, 1.61, 0.6, "worse", Tone::kWorse), cell(0.142, 0.131, 0.018, "worse", Tone::kWorse)}},
      {"round-robin",
       0.4,
       {cell(41.0, -0.2, 0.6, same, Tone::kSame), cell(384, -2, 6, same, Tone::kSame),
        cell(6.61, 0.19, 0.2, same, Tone::kSame), cell(0.019, 0.008, 0.004, same, Tone::kSame)}},
      {"random",
       0.9,
       {cell(41.9, 0.7, 1.4, "too few runs", Tone::kUnknown), cell(392, 6, 21, "too few runs", Tone::kUnknown),
        cell(7.55, 1.13, 0.5, "worse", Tone::kWorse), cell(0.104, 0.093, 0.012, "worse", Tone::kWorse)}},
      {"p2c-sessions",
       0.3,
       {cell(41.2, 0, 0, "identical", Tone::kSame), cell(371, -15, 11, "better", Tone::kBetter),
        cell(6.02, -0.40, 0.2, "better", Tone::kBetter), cell(0.018, 0.007, 0.003, same, Tone::kSame)}}};
  for (const Row& row : rows) {
    StrategyView strategy{.name = QString::fromLatin1(row.name),
                          .is_baseline = scenario.strategies.isEmpty(),
                          .cells = row.cells,
                          .nodes = {},
                          .faults = {},
                          .shown_seed = 1};
    for (int node = 0; node < kNodes; ++node) strategy.nodes.append(series(node, row.unevenness, node == 2));
    strategy.faults = {{.kind = QStringLiteral("crash"),
                        .node = QStringLiteral("n3"),
                        .label = QStringLiteral("n3 crash"),
                        .begin_s = 64 * 60,
                        .end_s = 123 * 60},
                       {.kind = QStringLiteral("drain"),
                        .node = QStringLiteral("n6"),
                        .label = QStringLiteral("n6 drain"),
                        .begin_s = 240 * 60,
                        .end_s = 300 * 60}};
    scenario.strategies.append(strategy);
  }
  scenario.sentence = summary_html(scenario);
  return scenario;
}

}  // namespace homing::gui
