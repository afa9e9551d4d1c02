// SPDX-License-Identifier: GPL-3.0-only
//
// The table twin of a chart: one row a time bucket, one column a node, the time-weighted mean in the cell. What was not
// observed reads "–", never 0.
// Thread class: GUI thread only.
#pragma once

#include <QAbstractTableModel>

#include "gui/model/document.h"

namespace homing::gui {

class SeriesModel final : public QAbstractTableModel {
 public:
  explicit SeriesModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

  /// Shows this strategy; `start_s` makes the clock of the first column.
  void show(const StrategyView& strategy, double start_s);

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
  [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  QList<NodeSeries> nodes_;
  double start_s_ = 0;
  int rows_ = 0;
};

}  // namespace homing::gui
