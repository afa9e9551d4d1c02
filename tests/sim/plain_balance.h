// SPDX-License-Identifier: Apache-2.0
//
// Balance again, from the definitions of sim/METRICS.md alone: looks at every node at every instant.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/measures_balance.h"

namespace homing::sim {

struct Plain {
  std::vector<Balance::Capacity> capacity;
  std::vector<std::int64_t> sessions, threads, bytes;
  std::vector<bool> ready;
  struct Sums {
    double felt = 0, weight = 0, jain = 0, cov = 0, max = 0, counted = 0, above = 0;
  } sums[3];
  double counted_time = 0, out = 0, time = 0;

  void pass(double span) {
    const auto average_sessions = [&] {
      std::int64_t sum = 0, m = 0;
      for (std::size_t i = 0; i < capacity.size(); ++i) {
        if (ready[i]) sum += sessions[i], ++m;
      }
      return m == 0 ? 0.0 : static_cast<double>(sum) / static_cast<double>(m);
    };
    const bool counts = average_sessions() >= 5.0;
    time += span;
    counted_time += counts ? span : 0.0;
    std::int64_t cores = 0, missing = 0;
    for (std::size_t i = 0; i < capacity.size(); ++i) {
      cores += capacity[i].cores;
      if (!ready[i]) missing += capacity[i].cores;
    }
    out += span * static_cast<double>(missing) / static_cast<double>(cores);
    for (int resource = 0; resource < 3; ++resource) one(resource, span, counts);
  }

  void one(int resource, double span, bool counts) {
    std::vector<double> x;
    std::vector<std::int64_t> units;
    bool above = false;
    for (std::size_t i = 0; i < capacity.size(); ++i) {
      if (!ready[i]) continue;
      const double cores = static_cast<double>(capacity[i].cores);
      const double share = static_cast<double>(bytes[i]) / static_cast<double>(capacity[i].memory_bytes);
      const double values[] = {static_cast<double>(sessions[i]), static_cast<double>(threads[i]) / cores, share};
      const double limit = static_cast<double>(capacity[i].max_sessions);
      const bool full[] = {limit > 0 && static_cast<double>(sessions[i]) > 0.9 * limit + 1e-9, values[1] > 0.9 + 1e-9,
                           share > 0.9};
      x.push_back(values[resource]);
      units.push_back(resource == 0 ? sessions[i] : threads[i]);
      above = above || full[resource];
    }
    Sums& to = sums[resource];
    if (above) to.above += span;
    double sum = 0, squares = 0, largest = 0;
    std::int64_t whole = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += x[i];
      squares += x[i] * x[i];
      largest = std::max(largest, x[i]);
      whole += units[i];
    }
    if (sum == 0) return;
    const double m = static_cast<double>(x.size());
    double felt = 0;  // the crowd that an average unit meets, over the mean crowd
    for (const double value : x) felt += value / sum * value / (sum / m);
    double best = 1.0, weight = sum;
    if (resource < 2) {
      weight = static_cast<double>(whole);
      best = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double part =
            static_cast<double>(whole / static_cast<std::int64_t>(x.size()) +
                                (static_cast<std::int64_t>(i) < whole % static_cast<std::int64_t>(x.size()) ? 1 : 0));
        best += part / weight * part / (weight / m);
      }
    }
    to.felt += span * weight * (felt - best);
    to.weight += span * weight;
    if (!counts) return;
    double variance = 0;
    for (const double value : x) variance += (value - sum / m) * (value - sum / m) / m;
    to.jain += span * sum * sum / (m * squares);
    to.cov += span * std::sqrt(variance) / (sum / m);
    to.max += span * largest / (sum / m);
    to.counted += span;
  }
};

}  // namespace homing::sim
