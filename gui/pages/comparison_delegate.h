// SPDX-License-Identifier: GPL-3.0-only
//
// How a cell of the comparison looks: the mean and the verdict's word on the first line; difference, interval and n on
// the second; on the third the interval as a whisker on a scale that the column shares, over a grey strip of the
// differences that are too small to matter. The header above says measure, unit, direction and margin.
// Thread class: GUI thread only.
#pragma once

#include <QHeaderView>
#include <QStyledItemDelegate>

#include "gui/model/comparison_model.h"

namespace homing::gui {

class ComparisonDelegate final : public QStyledItemDelegate {
 public:
  explicit ComparisonDelegate(const ComparisonModel* model, QObject* parent = nullptr);
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

 private:
  void paint_name(QPainter* painter, const QRectF& box, const StrategyView& strategy) const;
  void paint_cell(QPainter* painter, const QRectF& box, const Cell& cell, int measure) const;
  void paint_whisker(QPainter* painter, const QRectF& strip, const Cell& cell, int measure) const;

  const ComparisonModel* model_;
};

class ComparisonHeader final : public QHeaderView {
 public:
  explicit ComparisonHeader(const ComparisonModel* model, QWidget* parent = nullptr);
  [[nodiscard]] QSize sizeHint() const override { return {100, 46}; }

 protected:
  void paintSection(QPainter* painter, const QRect& rect, int section) const override;

 private:
  const ComparisonModel* model_;
};

}  // namespace homing::gui
