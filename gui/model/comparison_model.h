// SPDX-License-Identifier: GPL-3.0-only
//
// The comparison as an item model: strategies down, measures across, one cell per pair. DisplayRole is a whole plain
// sentence fragment (value, verdict, difference, interval, n), so that a screen reader, a copy to the clipboard and a
// test read what the delegate paints; CellRole hands the delegate the numbers.
// Thread class: GUI thread only. The scenario is copied: the model never dangles.
#pragma once

#include <QAbstractTableModel>

#include "gui/model/document.h"

namespace homing::gui {

class ComparisonModel final : public QAbstractTableModel {
 public:
  explicit ComparisonModel(ScenarioView scenario, QObject* parent = nullptr);

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
  [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  [[nodiscard]] const ScenarioView& scenario() const { return scenario_; }
  /// The largest distance from zero that any interval or margin of this measure reaches: the scale of its column.
  [[nodiscard]] double reach(int measure) const;

 private:
  ScenarioView scenario_;
};

}  // namespace homing::gui
