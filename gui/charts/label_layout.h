// SPDX-License-Identifier: GPL-3.0-only
//
// Labels beside the ends of lines, moved apart so that none covers another.
//
// The intuition is the isotonic regression by pooling (PAV): walk the labels from the top, merge a label into the group
// above whenever the two would touch, and put each group where the sum of its members' squared moves is least.
// Order is kept, so leaders never cross. Source: the "pool adjacent violators" algorithm (Ayer et al., 1955).
// Thread class: stateless.
#pragma once

#include <QList>

namespace homing::gui {

/// Moves wished-for positions apart to at least `spacing`, inside [top, bottom]. The answer is in the order of
/// `wanted`. When they cannot all fit the spacing shrinks evenly.
QList<double> spread_labels(const QList<double>& wanted, double spacing, double top, double bottom);

}  // namespace homing::gui
