// SPDX-License-Identifier: GPL-3.0-only
//
// Words and numbers as people read them: digits, units, clock labels, axis steps and the one sentence on top of a page.
//
// The sentence quotes verdicts, it makes none: a strategy is praised only where sim's word is "better" and named as the
// one to avoid only where it is "worse". Among several that are better the one with the best mean leads, and the others
// are named as better too, because no verdict compares them with each other.
// Thread class: stateless.
#pragma once

#include <QList>
#include <QString>

#include "gui/model/document.h"

namespace homing::gui {

/// `value` with `decimals` digits after the point, a true minus sign and thin spaces between thousands.
QString number_text(double value, int decimals);
/// As number_text, with a plus sign where the value is above zero.
QString signed_text(double value, int decimals);

/// Digits after the point that show three figures of the largest mean of a measure, the same in its whole column.
int decimals_of(const ScenarioView& scenario, int measure);

/// "Sessions lost": the label with a capital letter.
QString title_of(const Measure& measure);
/// "min" for user-minutes, nothing for pure numbers and counts whose label says the unit already.
QString short_unit(const Measure& measure);
/// The unit written out, for the head of a column; empty for pure numbers.
QString unit_text(const Measure& measure);

/// "−23.4 [−30.1, −16.7]", or "" where there is no interval.
QString difference_text(const Cell& cell, int decimals);

/// "09:04" of the simulated local clock; "Tue 09:04" with the day.
QString clock_text(double start_s, double t_s, bool with_day);

/// Positions of round clock times in [0, horizon], at most `most` of them, in seconds since the scenario's start.
QList<double> clock_ticks(double start_s, double horizon_s, int most);

/// A round upper end of an axis that starts at zero, and the step between its ticks; whole numbers only.
struct CountAxis {
  double top = 1;
  double step = 1;
};
CountAxis count_axis(double largest, int most_steps);

/// The one sentence: who is best for what. Names of strategies are in <b>: one of them is called "sessions".
QString summary_html(const ScenarioView& scenario);
/// The same without marks, for screen readers and tests.
QString plain_text(QString html);

/// One line under a strategy's name: "better: sign-in wait p95 · worse: felt crowding".
QString strategy_line(const ScenarioView& scenario, const StrategyView& strategy);

/// What a screen reader says of a panel.
QString panel_description(const ScenarioView& scenario, const StrategyView& strategy);

}  // namespace homing::gui
