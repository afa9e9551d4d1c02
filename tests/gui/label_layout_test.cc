// SPDX-License-Identifier: GPL-3.0-only
#include "gui/charts/label_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace homing::gui {
namespace {

TEST(LabelLayoutTest, LabelsThatFitStayWhereTheyAre) {
  EXPECT_EQ(spread_labels({10, 50, 90}, 12, 0, 100), (QList<double>{10, 50, 90}));
}

TEST(LabelLayoutTest, LabelsNeverComeCloserThanTheSpacingAndStayInside) {
  const QList<double> placed = spread_labels({50, 50, 51, 3, 98, 99}, 12, 0, 100);
  QList<double> sorted = placed;
  std::ranges::sort(sorted);
  for (qsizetype i = 1; i < sorted.size(); ++i) EXPECT_GE(sorted[i] - sorted[i - 1], 12 - 1e-9);
  EXPECT_GE(sorted.first(), 0);
  EXPECT_LE(sorted.last(), 100);
}

TEST(LabelLayoutTest, OrderIsKeptSoThatLeadersDoNotCross) {
  const QList<double> wanted = {30, 10, 31, 29, 80};
  const QList<double> placed = spread_labels(wanted, 12, 0, 100);
  for (qsizetype i = 0; i < wanted.size(); ++i) {
    for (qsizetype j = 0; j < wanted.size(); ++j) {
      if (wanted[i] < wanted[j]) {
        EXPECT_LT(placed[i], placed[j]);
      }
    }
  }
}

TEST(LabelLayoutTest, AGroupIsCentredOnWhatItsMembersWished) {
  const QList<double> placed = spread_labels({50, 50, 50}, 12, 0, 100);
  EXPECT_EQ(placed, (QList<double>{38, 50, 62}));
}

TEST(LabelLayoutTest, TooManyLabelsShareTheRoomEvenly) {
  const QList<double> placed = spread_labels(QList<double>(11, 50.0), 12, 0, 100);
  for (int i = 0; i < 11; ++i) EXPECT_NEAR(placed[i], i * 10.0, 1e-9);
}

}  // namespace
}  // namespace homing::gui
