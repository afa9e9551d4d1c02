// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/series_model.h"

#include <algorithm>

#include "gui/model/wording.h"

namespace homing::gui {

void SeriesModel::show(const StrategyView& strategy, double start_s) {
  beginResetModel();
  nodes_ = strategy.nodes;
  start_s_ = start_s;
  rows_ = 0;
  for (const NodeSeries& series : nodes_) rows_ = std::max(rows_, static_cast<int>(series.buckets.size()));
  endResetModel();
}

int SeriesModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : rows_;
}

int SeriesModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : 1 + static_cast<int>(nodes_.size());
}

QVariant SeriesModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rows_ || index.column() >= columnCount()) return {};
  if (role == Qt::TextAlignmentRole) {
    return QVariant(index.column() == 0 ? Qt::AlignLeft | Qt::AlignVCenter : Qt::AlignRight | Qt::AlignVCenter);
  }
  if (role != Qt::DisplayRole) return {};
  if (index.column() == 0) {
    const double bucket_s = nodes_.isEmpty() ? 0 : nodes_.first().bucket_s;
    return clock_text(start_s_, index.row() * bucket_s, true);
  }
  const NodeSeries& series = nodes_[index.column() - 1];
  if (index.row() >= series.buckets.size()) return QStringLiteral("–");
  return number_text(series.buckets[index.row()].mean, 1);
}

QVariant SeriesModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (role != Qt::DisplayRole || section < 0) return {};
  if (orientation == Qt::Vertical) return section + 1;
  if (section == 0) return QStringLiteral("time");
  return section < columnCount() ? nodes_[section - 1].node : QVariant();
}

}  // namespace homing::gui
