// SPDX-License-Identifier: GPL-3.0-only
//
// One scenario on one page, the same on a screen and in an exported picture: heading, the sentence that says who is
// best for what, the comparison table, and one panel a strategy, all panels on the same axes and one time cursor.
// Thread class: GUI thread only.
#pragma once

#include <QList>
#include <QWidget>
#include <optional>

#include "gui/model/document.h"

namespace homing::gui {

class ComparisonModel;
class SessionsPanel;

class ComparisonPage final : public QWidget {
  Q_OBJECT

 public:
  explicit ComparisonPage(const ScenarioView& scenario, QWidget* parent = nullptr);

  /// The shared cursor: every panel shows it. Without a value it is hidden.
  void set_cursor(std::optional<double> t_s);
  [[nodiscard]] std::optional<double> cursor() const { return cursor_; }
  /// Moves the cursor by `buckets` of the recorded series; from nowhere it starts at the left edge.
  void step_cursor(int buckets);
  /// A locked cursor stays where it is when the mouse moves.
  void set_locked(bool locked);
  [[nodiscard]] bool locked() const { return locked_; }

  [[nodiscard]] const QList<SessionsPanel*>& panels() const { return panels_; }
  [[nodiscard]] const ScenarioView& scenario() const { return scenario_; }

 Q_SIGNALS:
  void cursor_moved(const QString& clock);

 private:
  QWidget* make_heading();
  QWidget* make_table();
  QWidget* make_legend();
  QWidget* make_panels();
  QWidget* make_footer();

  ScenarioView scenario_;
  ComparisonModel* model_;  // owned by Qt as a child
  QList<SessionsPanel*> panels_;
  std::optional<double> cursor_;
  bool locked_ = false;
};

}  // namespace homing::gui
