// SPDX-License-Identifier: GPL-3.0-only
//
// Words and numbers as people read them: digits, units, clock labels and axis steps.
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

/// Digits after the point for a whole column: three figures of its largest mean, but none below a tenth of the margin
/// (one is always worth showing).
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

/// The label as it stands in a running sentence: "sign-in wait", without ", 95th percentile".
QString running_label(const Measure& measure);

/// One line under a strategy's name: "better: sign-in wait p95 · worse: felt crowding".
QString strategy_line(const ScenarioView& scenario, const StrategyView& strategy);

/// What a screen reader says of a panel.
QString panel_description(const ScenarioView& scenario, const StrategyView& strategy);

}  // namespace homing::gui
