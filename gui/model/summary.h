// SPDX-License-Identifier: GPL-3.0-only
//
// The one sentence on top of a page: who is best for what.
//
// It quotes verdicts and makes none: a strategy is praised only where sim's word is "better" and named as bad only
// where it is "worse". Among several that are better the one with the best mean leads, and the others are named as
// better too, because no verdict compares them with each other. Thread class: stateless.
#pragma once

#include <QString>

#include "gui/model/document.h"

namespace homing::gui {

/// The sentence, with names of strategies in <b>: one of them is called "sessions". Everything else is escaped.
QString summary_html(const ScenarioView& scenario);
/// The same without marks, for screen readers and tests.
QString plain_text(QString html);

}  // namespace homing::gui
