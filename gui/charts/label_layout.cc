// SPDX-License-Identifier: GPL-3.0-only
#include "gui/charts/label_layout.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace homing::gui {

QList<double> spread_labels(const QList<double>& wanted, double spacing, double top, double bottom) {
  const auto count = static_cast<std::size_t>(wanted.size());
  if (count == 0) return {};
  if (count > 1) spacing = std::min(spacing, (bottom - top) / static_cast<double>(count - 1));
  std::vector<qsizetype> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](qsizetype i) { return std::pair(wanted[i], i); });

  struct Group {
    double sum = 0;  // of (wanted - rank in the group * spacing)
    int size = 0;
    double first = 0;
  };
  std::vector<Group> groups;
  const auto place = [&](Group& group) {
    group.first = std::clamp(group.sum / group.size, top, std::max(top, bottom - (group.size - 1) * spacing));
  };
  for (const qsizetype i : order) {
    groups.push_back({.sum = wanted[i], .size = 1});
    place(groups.back());
    while (groups.size() > 1) {
      Group& above = groups[groups.size() - 2];
      const Group& below = groups.back();
      if (above.first + above.size * spacing <= below.first) break;
      above.sum += below.sum - below.size * above.size * spacing;
      above.size += below.size;
      groups.pop_back();
      place(groups.back());
    }
  }
  QList<double> placed(wanted.size());
  std::size_t next = 0;
  for (const Group& group : groups) {
    for (int i = 0; i < group.size; ++i) placed[order[next++]] = group.first + i * spacing;
  }
  return placed;
}

}  // namespace homing::gui
