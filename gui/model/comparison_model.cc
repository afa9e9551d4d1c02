// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/comparison_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gui/model/wording.h"

namespace homing::gui {

ComparisonModel::ComparisonModel(ScenarioView scenario, QObject* parent)
    : QAbstractTableModel(parent), scenario_(std::move(scenario)) {}

int ComparisonModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(scenario_.strategies.size());
}

int ComparisonModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : 1 + static_cast<int>(scenario_.measures.size());
}

QVariant ComparisonModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount() || index.column() >= columnCount()) return {};
  const StrategyView& strategy = scenario_.strategies[index.row()];
  if (role == Qt::ToolTipRole && index.column() > 0) return scenario_.measures[index.column() - 1].description;
  if (role != Qt::DisplayRole && role != Qt::AccessibleTextRole) return {};
  if (index.column() == 0) return strategy.name;
  const int measure = index.column() - 1;
  const Cell& cell = strategy.cells[measure];
  if (!cell.defined) return cell.word.isEmpty() ? QStringLiteral("not measured") : cell.word;
  const int decimals = decimals_of(scenario_, measure);
  QString text = number_text(cell.mean, decimals);
  const QString unit = short_unit(scenario_.measures[measure]);
  if (!unit.isEmpty()) text += QLatin1Char(' ') + unit;
  text += QStringLiteral(", ") + cell.word;
  if (!cell.remark.isEmpty()) text += QStringLiteral(" (%1)").arg(cell.remark);
  const QString difference = difference_text(cell, decimals);
  if (!difference.isEmpty()) text += QStringLiteral(", ") + difference;
  return text + QStringLiteral(", n %1").arg(cell.n);
}

QVariant ComparisonModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (role != Qt::DisplayRole) return {};
  if (orientation == Qt::Vertical) return section < rowCount() ? scenario_.strategies[section].name : QVariant();
  if (section == 0) return QStringLiteral("Strategy");
  return section < columnCount() ? title_of(scenario_.measures[section - 1]) : QVariant();
}

double ComparisonModel::reach(int measure) const {
  double reach = scenario_.measures[measure].margin;
  for (const StrategyView& strategy : scenario_.strategies) {
    const Cell& cell = strategy.cells[measure];
    if (cell.has_interval) reach = std::max({reach, std::abs(cell.low), std::abs(cell.high)});
  }
  return reach;
}

}  // namespace homing::gui
