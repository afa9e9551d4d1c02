// SPDX-License-Identifier: GPL-3.0-only
#include "gui/charts/palette.h"

#include <gtest/gtest.h>

#include <QFontInfo>
#include <QSet>
#include <cmath>

namespace homing::gui {
namespace {

double channel(double value) {
  return value <= 0.03928 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

// Relative luminance and contrast as WCAG 2.1 defines them.
double luminance(const QColor& color) {
  return 0.2126 * channel(color.redF()) + 0.7152 * channel(color.greenF()) + 0.0722 * channel(color.blueF());
}

double contrast_on_white(const QColor& color) {
  return 1.05 / (luminance(color) + 0.05);
}

TEST(PaletteTest, EveryTextIsReadableOnWhite) {
  for (const QRgb color : {palette::kInk, palette::kText, palette::kQuiet}) {
    EXPECT_GE(contrast_on_white(QColor::fromRgb(color)), 4.5);
  }
  for (const Tone tone : {Tone::kBaseline, Tone::kBetter, Tone::kWorse, Tone::kSame, Tone::kUnknown}) {
    EXPECT_GE(contrast_on_white(palette::tone_color(tone)), 4.5);
  }
  for (const char* kind : {"crash", "drain", "anything else"}) {
    EXPECT_GE(contrast_on_white(palette::band_ink(QString::fromLatin1(kind))), 4.5);
  }
}

TEST(PaletteTest, EightLinesHaveEightColoursAndNoneIsYellow) {
  QSet<QRgb> seen;
  for (int i = 0; i < 8; ++i) {
    seen.insert(palette::line_color(i).rgb());
    EXPECT_GE(contrast_on_white(palette::line_color(i)), 2.0) << i;
  }
  EXPECT_EQ(seen.size(), 8);
  EXPECT_FALSE(seen.contains(0xfff0e442));
}

TEST(PaletteTest, TheNinthLineDiffersFromTheFirstWithoutColour) {
  EXPECT_EQ(palette::line_color(0), palette::line_color(8));
  EXPECT_NE(palette::line_pen(0, false).style(), palette::line_pen(8, false).style());
}

TEST(PaletteTest, FaultsDifferInHatchingAndVerdictsInMarks) {
  EXPECT_NE(palette::band_hatch(QStringLiteral("crash")).style(), palette::band_hatch(QStringLiteral("drain")).style());
  QSet<QString> marks;
  for (const Tone tone : {Tone::kBetter, Tone::kWorse, Tone::kSame, Tone::kUnknown})
    marks.insert(palette::tone_mark({.tone = tone}));
  EXPECT_EQ(marks.size(), 4);
}

TEST(PaletteTest, TheFontOfPicturesIsInstalled) {
  EXPECT_EQ(QFontInfo(palette::font(13)).family(), QStringLiteral("DejaVu Sans")) << "install fonts-dejavu-core";
}

}  // namespace
}  // namespace homing::gui
