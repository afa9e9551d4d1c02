// SPDX-License-Identifier: GPL-3.0-only
//
// Every colour, font and brush of the dashboard, in one place.
//
// Lines use the Okabe-Ito colours (distinguishable with every common colour blindness) with amber for yellow, which is
// invisible on white. Colour is never the only signal: lines carry labels and, beyond eight, dashes; bands carry
// hatching and names; verdicts carry words and marks. Text on white keeps a contrast of at least 4.5 : 1.
// Fonts are DejaVu (Debian: fonts-dejavu-core), so that a picture looks the same on a desktop and without a display.
// Thread class: stateless.
#pragma once

#include <QBrush>
#include <QColor>
#include <QFont>
#include <QPalette>
#include <QPen>
#include <QString>

#include "gui/model/document.h"

namespace homing::gui::palette {

inline constexpr QRgb kPaper = 0xffffffff;
inline constexpr QRgb kInk = 0xff1c2530;    // headings, values
inline constexpr QRgb kText = 0xff3b4754;   // running text
inline constexpr QRgb kQuiet = 0xff66727f;  // captions, axis labels: 4.9 : 1 on white
inline constexpr QRgb kRule = 0xffdfe4ea;   // hairlines
inline constexpr QRgb kGrid = 0xffedf0f3;
inline constexpr QRgb kRowTint = 0xfff6f8fa;  // the baseline's row
inline constexpr QRgb kMargin = 0xffe3e7ec;   // differences too small to matter

/// Colour of the line of node number `index`.
QColor line_color(int index);
/// Pen of that line: dashes tell node 9 from node 1; thicker for the nodes that a fault hits.
QPen line_pen(int index, bool emphasised);

/// Colour of the words of a verdict, readable on white.
QColor tone_color(Tone tone);
/// "✓", "✗", "≈", "=", "?": the mark before a verdict's word.
QString tone_mark(const Cell& cell);

/// Tint and hatching of a fault band.
QColor band_tint(const QString& kind);
QBrush band_hatch(const QString& kind);
QColor band_ink(const QString& kind);
/// What a kind of fault means, for the legend.
QString band_meaning(const QString& kind);

/// DejaVu Sans of `pixels` height.
QFont font(int pixels, bool bold = false);

/// The light theme for every widget, whatever the desktop says: pictures and windows look the same everywhere.
QPalette light();

}  // namespace homing::gui::palette
