// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/decimate.h"

#include <algorithm>
#include <cmath>

#include "router/core/check.h"

namespace homing::gui {
namespace {

bool observed(const Bucket& bucket) {
  return std::isfinite(bucket.min) && std::isfinite(bucket.mean) && std::isfinite(bucket.max) &&
         std::isfinite(bucket.last);
}

// Adds a point; a flat stretch keeps its two ends only.
void push(Stretch& stretch, double x, double y) {
  const qsizetype size = stretch.size();
  if (size >= 2 && stretch[size - 1].y() == y && stretch[size - 2].y() == y) {
    stretch.last().setX(x);
  } else {
    stretch.append({x, y});
  }
}

// The buckets [begin, end) of one pixel column: their extremes in the order in which they came.
void push_column(const QList<Bucket>& buckets, int begin, int end, double bucket_s, Stretch& stretch) {
  const double x0 = begin * bucket_s;
  const double x1 = end * bucket_s;
  int lowest = begin;
  int highest = begin;
  for (int i = begin; i < end; ++i) {
    if (buckets[i].min < buckets[lowest].min) lowest = i;
    if (buckets[i].max > buckets[highest].max) highest = i;
  }
  const double low = buckets[lowest].min;
  const double high = buckets[highest].max;
  const double first = stretch.isEmpty() ? buckets[begin].min : stretch.last().y();
  push(stretch, x0, first);
  if (low < high) {
    const bool low_first = lowest < highest || (lowest == highest && std::abs(first - low) < std::abs(first - high));
    push(stretch, x0 + (x1 - x0) / 3, low_first ? low : high);
    push(stretch, x0 + (x1 - x0) * 2 / 3, low_first ? high : low);
  } else if (first != low) {
    push(stretch, x0, low);
  }
  push(stretch, x1, buckets[end - 1].last);
}

}  // namespace

QList<Stretch> decimate(const NodeSeries& series, double horizon_s, int columns) {
  CHECK(columns > 0);
  QList<Stretch> stretches;
  if (horizon_s <= 0 || series.bucket_s <= 0) return stretches;
  const int within = static_cast<int>(std::ceil(horizon_s / series.bucket_s));
  const int count = std::min(static_cast<int>(series.buckets.size()), within);
  const int per_column = std::max(1, static_cast<int>(std::ceil(horizon_s / series.bucket_s / columns)));
  bool open = false;
  int i = 0;
  while (i < count) {
    if (!observed(series.buckets[i])) {
      open = false;
      ++i;
      continue;
    }
    int end = i;
    while (end < count && end < i + per_column && observed(series.buckets[end])) ++end;
    if (!open) stretches.append(Stretch());
    open = true;
    push_column(series.buckets, i, end, series.bucket_s, stretches.last());
    if (stretches.last().last().x() > horizon_s) stretches.last().last().setX(horizon_s);
    i = end;
  }
  return stretches;
}

const Bucket* bucket_at(const NodeSeries& series, double t_s) {
  if (t_s < 0 || series.bucket_s <= 0) return nullptr;
  const auto i = static_cast<qsizetype>(t_s / series.bucket_s);
  if (i >= series.buckets.size() || !observed(series.buckets[i])) return nullptr;
  return &series.buckets[i];
}

double largest_value(const ScenarioView& scenario) {
  double largest = 0;
  for (const StrategyView& strategy : scenario.strategies) {
    for (const NodeSeries& series : strategy.nodes) {
      for (const Bucket& bucket : series.buckets) {
        if (observed(bucket)) largest = std::max(largest, bucket.max);
      }
    }
  }
  return largest;
}

}  // namespace homing::gui
