// SPDX-License-Identifier: GPL-3.0-only
//
// Decimation: as many points as the screen can show, and no spike lost.
//
// Session counts are step functions; largest-triangle methods misrepresent them. A pixel column that holds several
// buckets becomes at most four points (first, min, max, last), so the extremes of the data are the extremes of the
// picture. Where buckets are wider than a column each one stays as it is. Gaps (buckets of NaN) split the line into
// stretches: a NaN in a Qt Charts series blanks the whole of it, so none may ever get there.
//
// Cost: O(buckets). Thread class: stateless.
#pragma once

#include <QList>
#include <QPointF>

#include "gui/model/document.h"

namespace homing::gui {

/// One contiguous stretch of a line: x in seconds, y in the unit of the series; all finite, x never falls.
using Stretch = QList<QPointF>;

/// Points of `series` between 0 and `horizon_s` for a plot that is `columns` pixels wide. REQUIRES: columns > 0.
QList<Stretch> decimate(const NodeSeries& series, double horizon_s, int columns);

/// The bucket at t_s, or null when there is none or nothing was observed in it.
const Bucket* bucket_at(const NodeSeries& series, double t_s);

/// The largest value of all nodes of all strategies; 0 when there is none. The panels of a page share it.
double largest_value(const ScenarioView& scenario);

}  // namespace homing::gui
