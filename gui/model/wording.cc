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
const QChar kMinus(0x2212);
const QChar kThinSpace(0x2009);

QString join(const QStringList& words) {
  if (words.isEmpty()) return {};
  if (words.size() == 1) return words.first();
  return words.mid(0, words.size() - 1).join(QStringLiteral(", ")) + QStringLiteral(" and ") + words.last();
}

QString bold(const QString& name) {
  return QStringLiteral("<b>%1</b>").arg(name.toHtmlEscaped());
}

QString join_bold(const QStringList& names) {
  QStringList marked;
  for (const QString& name : names) marked.append(bold(name));
  return join(marked);
}

QString are(const QStringList& words) {
  return words.size() == 1 ? QStringLiteral("is") : QStringLiteral("are");
}

QString all_of(qsizetype count) {
  static constexpr std::array<const char*, 7> kWords = {"none",     "it",       "both",   "all three",
                                                        "all four", "all five", "all six"};
  if (count < static_cast<qsizetype>(kWords.size())) return QLatin1String(kWords[static_cast<std::size_t>(count)]);
  return QStringLiteral("all %1").arg(count);
}

// What the verdicts of one measure say when they are taken together.
struct Finding {
  QString leader;    // the better one with the best mean; empty when nobody is better
  QStringList also;  // the other better ones
  bool worse = false;
  bool same = true;  // everybody is known to be no different
};

Finding find(const ScenarioView& scenario, int measure) {
  Finding finding;
  const bool higher = scenario.measures[measure].better == QStringLiteral("higher");
  double best = 0;
  for (const StrategyView& strategy : scenario.strategies) {
    if (strategy.is_baseline) continue;
    const Cell& cell = strategy.cells[measure];
    finding.same = finding.same && cell.tone == Tone::kSame;
    finding.worse = finding.worse || cell.tone == Tone::kWorse;
    if (cell.tone != Tone::kBetter) continue;
    if (!finding.leader.isEmpty() && (higher ? cell.mean <= best : cell.mean >= best)) {
      finding.also.append(strategy.name);
      continue;
    }
    if (!finding.leader.isEmpty()) finding.also.append(finding.leader);
    finding.leader = strategy.name;
    best = cell.mean;
  }
  return finding;
}

// "system-load is worse for all four": the strategies that are worse for the most measures, and for these.
QString warning(const ScenarioView& scenario) {
  QStringList names;
  QStringList most;
  for (const StrategyView& strategy : scenario.strategies) {
    QStringList labels;
    for (int i = 0; i < strategy.cells.size(); ++i) {
      if (strategy.cells[i].tone == Tone::kWorse) labels.append(scenario.measures[i].label);
    }
    if (labels.size() > most.size()) {
      most = labels;
      names = {strategy.name};
    } else if (!labels.isEmpty() && labels == most) {
      names.append(strategy.name);
    }
  }
  if (names.isEmpty()) return {};
  const bool all = most.size() == scenario.measures.size() && most.size() > 1;
  return QStringLiteral("%1 %2 worse for %3").arg(join_bold(names), are(names), all ? all_of(most.size()) : join(most));
}

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
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(largest))), 0, 4);
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

QString summary_html(const ScenarioView& scenario) {
  if (scenario.strategies.size() < 2) return QStringLiteral("There is only one strategy here, so nothing is compared.");
  // Measures that have the same thing said about them share a clause; praise comes first.
  QList<std::pair<QString, QStringList>> praise;
  QStringList unbeaten;
  QStringList same;
  QStringList untold;
  for (int i = 0; i < scenario.measures.size(); ++i) {
    const Finding finding = find(scenario, i);
    const QString& label = scenario.measures[i].label;
    if (finding.leader.isEmpty()) {
      (finding.worse ? unbeaten : finding.same ? same : untold).append(label);
      continue;
    }
    QString who = bold(finding.leader) + QStringLiteral(" is best for @");
    if (!finding.also.isEmpty())
      who += QStringLiteral(" (%1 %2 better too)").arg(join_bold(finding.also), are(finding.also));
    const auto known = std::ranges::find(praise, who, &std::pair<QString, QStringList>::first);
    if (known == praise.end()) {
      praise.append({who, {label}});
    } else {
      known->second.append(label);
    }
  }
  const QString baseline = bold(scenario.baseline);
  QStringList clauses;
  for (const auto& [who, labels] : praise) clauses.append(QString(who).replace(QLatin1Char('@'), join(labels)));
  if (!unbeaten.isEmpty()) clauses.append(QStringLiteral("nobody beats %1 for %2").arg(baseline, join(unbeaten)));
  if (!same.isEmpty())
    clauses.append(QStringLiteral("for %1 the choice makes no difference that matters").arg(join(same)));
  if (!untold.isEmpty()) clauses.append(QStringLiteral("for %1 there are too few runs to tell").arg(join(untold)));
  const QString worst = warning(scenario);
  if (!worst.isEmpty()) clauses.append(worst);
  return QStringLiteral("Compared with %1: %2.").arg(baseline, clauses.join(QStringLiteral("; ")));
}

QString plain_text(QString html) {
  html.remove(QStringLiteral("<b>")).remove(QStringLiteral("</b>"));
  html.replace(QStringLiteral("&lt;"), QStringLiteral("<")).replace(QStringLiteral("&gt;"), QStringLiteral(">"));
  return html.replace(QStringLiteral("&quot;"), QStringLiteral("\""))
      .replace(QStringLiteral("&amp;"), QStringLiteral("&"));
}

QString strategy_line(const ScenarioView& scenario, const StrategyView& strategy) {
  if (strategy.is_baseline) return QStringLiteral("baseline: the others are compared with it");
  QStringList better;
  QStringList worse;
  bool all_same = true;
  for (int i = 0; i < strategy.cells.size(); ++i) {
    const Tone tone = strategy.cells[i].tone;
    if (tone == Tone::kBetter) better.append(scenario.measures[i].label);
    if (tone == Tone::kWorse) worse.append(scenario.measures[i].label);
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
