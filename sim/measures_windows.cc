// SPDX-License-Identifier: Apache-2.0
#include "sim/measures_windows.h"

#include <algorithm>
#include <vector>

#include "router/core/check.h"

namespace homing::sim {
namespace {

// The time integral of a number of intervals that lie over each other: a function of the instant, by its breakpoints.
class Cumulative {
 public:
  template <typename Intervals>
  Cumulative(const Intervals& intervals, std::int64_t horizon_ns) {
    struct Edge {
      std::int64_t at;
      int change;
    };
    std::vector<Edge> edges;
    edges.reserve(2 * intervals.size());
    for (const auto& interval : intervals) {
      const std::int64_t from = std::max<std::int64_t>(0, interval.from_ns);
      const std::int64_t to = std::min(horizon_ns, interval.to_ns);
      if (from >= to) continue;
      edges.push_back({from, 1});
      edges.push_back({to, -1});
    }
    std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.at < b.at; });
    std::int64_t level = 0;
    double integral = 0.0;
    for (const Edge& edge : edges) {
      if (points_.empty() || points_.back().at != edge.at) {
        if (!points_.empty()) {
          integral += static_cast<double>(level) * static_cast<double>(edge.at - points_.back().at);
        }
        points_.push_back({edge.at, 0, integral});
      }
      level += edge.change;
      points_.back().level = level;
    }
  }

  struct Point {
    std::int64_t at = 0;
    std::int64_t level = 0;  // from here to the next
    double integral = 0.0;   // up to here
  };
  const std::vector<Point>& points() const { return points_; }

  double up_to(std::int64_t t) const {
    const auto after = std::upper_bound(points_.begin(), points_.end(), t,
                                        [](std::int64_t value, const Point& point) { return value < point.at; });
    if (after == points_.begin()) return 0.0;
    const Point& last = *(after - 1);
    return last.integral + static_cast<double>(last.level) * static_cast<double>(t - last.at);
  }

 private:
  std::vector<Point> points_;
};

}  // namespace

double planned_minutes(std::span<const Presence> visits, std::int64_t from_ns, std::int64_t to_ns) {
  double total = 0.0;
  for (const Presence& visit : visits) {
    const std::int64_t from = std::max(visit.from_ns, from_ns);
    const std::int64_t to = std::min(visit.to_ns, to_ns);
    if (from < to) total += static_cast<double>(to - from);
  }
  return total / 60e9;
}

std::optional<double> worst_window(std::span<const Presence> visits, std::span<const DownInterval> downs,
                                   std::int64_t window_ns, std::int64_t horizon_ns) {
  CHECK(window_ns > 0);
  if (window_ns > horizon_ns) return std::nullopt;
  const Cumulative planned(visits, horizon_ns);
  if (planned.points().empty()) return std::nullopt;
  const Cumulative down(downs, horizon_ns);
  double worst = 1.0;
  const auto look = [&](std::int64_t from) {
    if (from < 0 || from > horizon_ns - window_ns) return;
    const double lost = down.up_to(from + window_ns) - down.up_to(from);
    if (lost <= 0.0) return;
    const double there = planned.up_to(from + window_ns) - planned.up_to(from);
    if (there > 0.0) worst = std::min(worst, std::max(0.0, 1.0 - lost / there));
  };
  look(0);
  look(horizon_ns - window_ns);
  for (const Cumulative* curve : {&planned, &down}) {
    for (const Cumulative::Point& point : curve->points()) {
      look(point.at);
      look(point.at - window_ns);
    }
  }
  return worst;
}

}  // namespace homing::sim
