// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/wording.h"

#include <QStringList>
#include <algorithm>
#include <array>
#include <cmath>

#include "gui/model/decimate.h"

namespace homing::gui {
namespace {

constexpr double kHour = 3600;
constexpr double kDay = 24 * kHour;
constexpr int kMostDecimals = 4;
const QChar kMinus(0x2212);
const QChar kThinSpace(0x2009);

}  // namespace

QString number_text(double value, int decimals) {
  if (!std::isfinite(value)) return QStringLiteral("–");
  QString text = QString::number(std::abs(value), 'f', decimals);
  const bool zero = text.toDouble() == 0;
  const int point = static_cast<int>(text.indexOf(QLatin1Char('.')));
  for (int i = (point < 0 ? static_cast<int>(text.size()) : point) - 3; i > 0; i -= 3) text.insert(i, kThinSpace);
  return value < 0 && !zero ? kMinus + text : text;
}

QString signed_text(double value, int decimals) {
  const QString text = number_text(value, decimals);
  const bool zero = QString::number(std::abs(value), 'f', decimals).toDouble() == 0;
  return value > 0 && !zero ? QLatin1Char('+') + text : text;
}

int decimals_of(const ScenarioView& scenario, int measure) {
  double largest = 0;
  for (const StrategyView& strategy : scenario.strategies) {
    const Cell& cell = strategy.cells[measure];
    if (cell.defined) largest = std::max(largest, std::abs(cell.mean));
  }
  if (largest == 0) return 0;
  const double margin = scenario.measures[measure].margin;
  const int useful =
      margin > 0 ? std::max(1, static_cast<int>(std::ceil(1 - std::log10(margin) - 1e-9))) : kMostDecimals;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(largest))), 0, std::min(kMostDecimals, useful));
}

QString title_of(const Measure& measure) {
  QString title = measure.label;
  if (!title.isEmpty()) title[0] = title[0].toUpper();
  return title;
}

QString short_unit(const Measure& measure) {
  if (measure.unit == QStringLiteral("1")) return {};
  if (measure.unit == QStringLiteral("user-minutes")) return QStringLiteral("min");
  if (measure.label.split(QLatin1Char(' ')).contains(measure.unit)) return {};
  return measure.unit;
}

QString unit_text(const Measure& measure) {
  if (measure.unit == QStringLiteral("1")) return {};
  return measure.unit == QStringLiteral("s") ? QStringLiteral("seconds") : measure.unit;
}

QString difference_text(const Cell& cell, int decimals) {
  if (!cell.has_interval) return {};
  return QStringLiteral("%1 [%2, %3]")
      .arg(signed_text(cell.difference, decimals), signed_text(cell.low, decimals), signed_text(cell.high, decimals));
}

QString clock_text(double start_s, double t_s, bool with_day) {
  static constexpr std::array<const char*, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  const auto whole = static_cast<qint64>(std::floor(start_s + t_s + 0.5));
  const qint64 day_s = 24 * 3600;
  const qint64 in_day = ((whole % day_s) + day_s) % day_s;
  const qint64 day = (((whole - in_day) / day_s) % 7 + 7) % 7;
  QString text = QStringLiteral("%1:%2")
                     .arg(in_day / 3600, 2, 10, QLatin1Char('0'))
                     .arg(in_day / 60 % 60, 2, 10, QLatin1Char('0'));
  if (in_day % 60 != 0) text += QStringLiteral(":%1").arg(in_day % 60, 2, 10, QLatin1Char('0'));
  if (with_day) text.prepend(QLatin1String(kDays[static_cast<std::size_t>(day)]) + QLatin1Char(' '));
  return text;
}

QList<double> clock_ticks(double start_s, double horizon_s, int most) {
  static constexpr std::array<double, 16> kSteps = {
      1, 5, 15, 60, 300, 600, 900, 1800, kHour, 2 * kHour, 3 * kHour, 6 * kHour, 12 * kHour, kDay, 2 * kDay, 7 * kDay};
  double step = kSteps.back();
  for (const double candidate : kSteps) {
    if (horizon_s / candidate <= most) {
      step = candidate;
      break;
    }
  }
  QList<double> ticks;
  for (double clock = std::ceil(start_s / step) * step; clock <= start_s + horizon_s + 1e-6; clock += step) {
    ticks.append(clock - start_s);
  }
  return ticks;
}

CountAxis count_axis(double largest, int most_steps) {
  double magnitude = 1;
  for (;;) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double step = magnitude * factor;
      const double steps = std::max(1.0, std::ceil(largest / step));
      if (steps <= most_steps) return {.top = steps * step, .step = step};
    }
    magnitude *= 10;
  }
}

QString running_label(const Measure& measure) {
  return measure.label.section(QLatin1Char(','), 0, 0);
}

QString strategy_line(const ScenarioView& scenario, const StrategyView& strategy) {
  if (strategy.is_baseline) return QStringLiteral("baseline: the others are compared with it");
  QStringList better;
  QStringList worse;
  bool all_same = true;
  for (int i = 0; i < strategy.cells.size(); ++i) {
    const Tone tone = strategy.cells[i].tone;
    if (tone == Tone::kBetter) better.append(running_label(scenario.measures[i]));
    if (tone == Tone::kWorse) worse.append(running_label(scenario.measures[i]));
    all_same = all_same && tone == Tone::kSame;
  }
  QStringList parts;
  if (!better.isEmpty()) parts.append(QStringLiteral("better: ") + better.join(QStringLiteral(", ")));
  if (!worse.isEmpty()) parts.append(QStringLiteral("worse: ") + worse.join(QStringLiteral(", ")));
  if (!parts.isEmpty()) return parts.join(QStringLiteral("  ·  "));
  return all_same ? QStringLiteral("no difference that matters")
                  : QStringLiteral("nothing shown to be better or worse");
}

QString panel_description(const ScenarioView& scenario, const StrategyView& strategy) {
  double peak = 0;
  double peak_at = 0;
  QString peak_node;
  for (const NodeSeries& series : strategy.nodes) {
    for (int i = 0; i < series.buckets.size(); ++i) {
      if (!(series.buckets[i].max > peak)) continue;
      peak = series.buckets[i].max;
      peak_at = i * series.bucket_s;
      peak_node = series.node;
    }
  }
  QString text =
      QStringLiteral("Sessions per node over time under %1, %2 nodes").arg(strategy.name).arg(strategy.nodes.size());
  if (!peak_node.isEmpty()) {
    text += QStringLiteral(", peak %1 on %2 at %3")
                .arg(number_text(peak, 0), peak_node, clock_text(scenario.start_s, peak_at, true));
  }
  return text + QStringLiteral(", %1 fault bands.").arg(strategy.faults.size());
}

}  // namespace homing::gui
