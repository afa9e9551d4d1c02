// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/decimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace homing::gui {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

Bucket flat(double value) {
  return {.min = value, .mean = value, .max = value, .last = value};
}

NodeSeries noisy(int buckets) {
  NodeSeries series{.node = QStringLiteral("n1"), .bucket_s = 30, .buckets = {}};
  for (int i = 0; i < buckets; ++i) {
    const double value = 40 + std::round(10 * std::sin(i * 0.37)) + (i * 7919) % 5;
    series.buckets.append({value - 1, value, value + 2, value + 1});
  }
  return series;
}

TEST(DecimateTest, KeepsTheSmallestAndTheLargestValueOfEveryPixelColumn) {
  NodeSeries series = noisy(2880);
  series.buckets[1234].max = 999;
  series.buckets[2345].min = -7;
  for (const int columns : {50, 137, 300, 1000}) {
    const QList<Stretch> stretches = decimate(series, 2880 * 30, columns);
    ASSERT_EQ(stretches.size(), 1);
    const auto [low, high] = std::ranges::minmax(stretches[0], {}, [](QPointF point) { return point.y(); });
    EXPECT_EQ(high.y(), 999) << columns;
    EXPECT_EQ(low.y(), -7) << columns;
    EXPECT_NEAR(high.x(), 1234 * 30, 2880.0 * 30 / columns + 30) << "a spike stays in its column";
    EXPECT_LE(stretches[0].size(), 4 * (columns + 1)) << "at most four points a column";
  }
}

TEST(DecimateTest, TimeNeverRunsBackwardsAndEverythingIsFinite) {
  for (const int columns : {1, 7, 300, 5000}) {
    const QList<Stretch> stretches = decimate(noisy(400), 400 * 30, columns);
    ASSERT_EQ(stretches.size(), 1);
    EXPECT_TRUE(std::ranges::is_sorted(stretches[0], {}, [](QPointF point) { return point.x(); }));
    for (const QPointF point : stretches[0]) EXPECT_TRUE(std::isfinite(point.x()) && std::isfinite(point.y()));
  }
}

TEST(DecimateTest, AGapSplitsTheLineAndNoNanComesOut) {
  NodeSeries series{.node = QStringLiteral("n1"), .bucket_s = 60, .buckets = {}};
  for (int i = 0; i < 30; ++i)
    series.buckets.append(i >= 10 && i < 20 ? Bucket{kNothing, kNothing, kNothing, kNothing} : flat(i));
  const QList<Stretch> stretches = decimate(series, 30 * 60, 300);
  ASSERT_EQ(stretches.size(), 2);
  EXPECT_EQ(stretches[0].last().x(), 10 * 60);
  EXPECT_EQ(stretches[1].first().x(), 20 * 60);
  for (const Stretch& stretch : stretches) {
    for (const QPointF point : stretch) EXPECT_TRUE(std::isfinite(point.y()));
  }
}

TEST(DecimateTest, AGapAtAnyWidthLeavesTheSameNumberOfStretches) {
  NodeSeries series = noisy(1000);
  for (const int i : {0, 3, 500, 501, 999}) series.buckets[i] = {kNothing, kNothing, kNothing, kNothing};
  for (const int columns : {1, 40, 1 << 20}) EXPECT_EQ(decimate(series, 1000 * 30, columns).size(), 3) << columns;
}

TEST(DecimateTest, AFlatLineIsTwoPoints) {
  NodeSeries series{.node = QStringLiteral("n1"), .bucket_s = 60, .buckets = QList<Bucket>(500, flat(7))};
  EXPECT_EQ(decimate(series, 500 * 60, 300), (QList<Stretch>{{{0, 7}, {500 * 60, 7}}}));
}

TEST(DecimateTest, TheLastPointStaysInsideTheHorizon) {
  const QList<Stretch> stretches = decimate(noisy(10), 9.5 * 30, 100);
  ASSERT_EQ(stretches.size(), 1);
  EXPECT_EQ(stretches[0].last().x(), 9.5 * 30);
}

TEST(DecimateTest, ABucketWithoutObservationIsNoBucket) {
  NodeSeries series{
      .node = QStringLiteral("n1"), .bucket_s = 60, .buckets = {flat(3), {kNothing, kNothing, kNothing, kNothing}}};
  ASSERT_NE(bucket_at(series, 59), nullptr);
  EXPECT_EQ(bucket_at(series, 59)->mean, 3);
  EXPECT_EQ(bucket_at(series, 60), nullptr);
  EXPECT_EQ(bucket_at(series, 120), nullptr);
  EXPECT_EQ(bucket_at(series, -1), nullptr);
}

}  // namespace
}  // namespace homing::gui
