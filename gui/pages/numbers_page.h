// SPDX-License-Identifier: GPL-3.0-only
//
// The table twin of the panels: every mean that they draw, strategy by strategy, as text that can be read, searched
// with the keyboard and copied. Thread class: GUI thread only.
#pragma once

#include <QWidget>

#include "gui/model/document.h"

class QComboBox;
class QTableView;

namespace homing::gui {

class SeriesModel;

class NumbersPage final : public QWidget {
 public:
  explicit NumbersPage(const ScenarioView& scenario, QWidget* parent = nullptr);

  /// Shows strategy number `index` of the scenario.
  void show_strategy(int index);
  /// Copies the table as tab-separated text to the clipboard.
  void copy() const;

 private:
  ScenarioView scenario_;
  SeriesModel* model_;  // owned by Qt as a child
  QComboBox* chooser_;  // likewise
  QTableView* table_;   // likewise
};

}  // namespace homing::gui
