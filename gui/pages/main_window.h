// SPDX-License-Identifier: GPL-3.0-only
//
// The window: a tab a scenario, in it the charts and their table twin; files are opened from the command line, by
// Ctrl+O or by dropping them, and are read in a worker while the window stays alive.
// Keys: Left/Right move the time cursor (Shift: ten buckets), L locks it, Esc hides it, T changes between charts and
// numbers, Ctrl+PageUp/PageDown change the scenario, Ctrl+O opens, Ctrl+E exports, ? lists the keys.
// Thread class: GUI thread only.
#pragma once

#include <QMainWindow>
#include <memory>
#include <vector>

#include "gui/model/document.h"
#include "gui/model/load.h"

class QLabel;
class QTabWidget;

namespace homing::gui {

class ComparisonPage;

class MainWindow final : public QMainWindow {
 public:
  explicit MainWindow(QWidget* parent = nullptr);
  ~MainWindow() override;

  /// Reads the file in a worker and adds a tab for each of its scenarios; an error is shown as its sentence.
  void open(const QString& file);
  void show_document(const Document& document);
  [[nodiscard]] QTabWidget* tabs() const { return tabs_; }

 protected:
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  void add_scenario(const ScenarioView& scenario);
  void add_keys();
  void choose_files();
  void choose_picture();
  void show_keys();
  [[nodiscard]] ComparisonPage* page() const;
  void with_page(void (*act)(ComparisonPage&));

  QTabWidget* tabs_;  // owned by Qt as a child
  QLabel* status_;    // likewise
  std::vector<std::unique_ptr<LoadJob>> jobs_;
};

}  // namespace homing::gui
