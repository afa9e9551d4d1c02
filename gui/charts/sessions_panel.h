// SPDX-License-Identifier: GPL-3.0-only
//
// One small multiple: sessions per node over time under one strategy, faults as bands behind the data.
//
// Qt Charts stays inside sessions_panel.cc; pages see a plain widget. Layers from back to front, with Qt's own z-order:
// plot background (0), bands (1.5), grid (2), axes (3), lines (4); the time cursor is painted over the finished view.
// Margins of the plot are fixed, not fitted, so that the panels of a page line up. Beside the right edge every line
// carries its node's name; with a cursor the names are followed by the values there.
//
// Invariants: no NaN reaches Qt Charts (decimate() splits there); one replace() per stretch, never append(point).
// Thread class: GUI thread only.
#pragma once

#include <QList>
#include <QWidget>
#include <memory>
#include <optional>

#include "gui/model/document.h"

class QLabel;

namespace homing::gui {

class SessionsPanel final : public QWidget {
  Q_OBJECT

 public:
  /// `top` is the largest value of the page: all panels share their axes.
  SessionsPanel(const ScenarioView& scenario, const StrategyView& strategy, double top, QWidget* parent = nullptr);
  ~SessionsPanel() override;

  /// Room for the line under the name; the page gives all its panels the same, so that their plots line up.
  void set_subtitle_lines(int lines);

  /// Moves the shared time cursor; nothing hides it.
  void set_cursor(std::optional<double> t_s);

  /// Where the plot is, in this widget's coordinates, and where an instant falls in it.
  [[nodiscard]] QRectF plot_area() const;
  [[nodiscard]] double x_of(double t_s) const;
  /// The bands as laid out, in this widget's coordinates, in the order of the strategy's faults.
  [[nodiscard]] QList<QRectF> band_rects() const;

 Q_SIGNALS:
  void hovered(double t_s);
  void left();
  void clicked(double t_s);

 private:
  class View;
  QLabel* subtitle_;  // owned by Qt as a child
  View* view_;        // likewise
};

}  // namespace homing::gui
