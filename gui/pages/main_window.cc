// SPDX-License-Identifier: GPL-3.0-only
#include "gui/pages/main_window.h"

#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QScrollArea>
#include <QShortcut>
#include <QStatusBar>
#include <QTabWidget>
#include <QUrl>

#include "gui/charts/palette.h"
#include "gui/pages/comparison_page.h"
#include "gui/pages/export_picture.h"
#include "gui/pages/numbers_page.h"

namespace homing::gui {
namespace {

constexpr int kLongStep = 10;

const char* const kKeys =
    "Left, Right\tmove the time cursor by one bucket (with Shift: ten)\n"
    "L, or a click\tlock the cursor where it is\n"
    "Esc\thide the cursor\n"
    "T\tcharts or numbers\n"
    "Ctrl+PageUp, Ctrl+PageDown\tother scenario\n"
    "Ctrl+O\topen results files\n"
    "Ctrl+E\texport this scenario as a picture\n"
    "Ctrl+Q\tquit";

}  // namespace

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent), tabs_(new QTabWidget), status_(new QLabel) {
  setWindowTitle(QStringLiteral("Homing"));
  resize(1360, 900);
  setMinimumSize(900, 600);
  setAcceptDrops(true);
  tabs_->setDocumentMode(true);
  tabs_->setAccessibleName(QStringLiteral("Scenarios"));
  setCentralWidget(tabs_);
  status_->setText(QStringLiteral("Open a results file with Ctrl+O, or drop one here. Press ? for the keys."));
  statusBar()->addWidget(status_, 1);
  connect(tabs_, &QTabWidget::currentChanged, this, [this] {
    if (const ComparisonPage* shown = page()) setWindowTitle(shown->scenario().title + QStringLiteral(" — Homing"));
  });
  add_keys();
}

MainWindow::~MainWindow() = default;

void MainWindow::add_keys() {
  QMenu* file = menuBar()->addMenu(QStringLiteral("&File"));
  file->addAction(QStringLiteral("&Open…"), QKeySequence(Qt::CTRL | Qt::Key_O), this, [this] { choose_files(); });
  file->addAction(QStringLiteral("&Export picture…"), QKeySequence(Qt::CTRL | Qt::Key_E), this,
                  [this] { choose_picture(); });
  file->addAction(QStringLiteral("&Quit"), QKeySequence(Qt::CTRL | Qt::Key_Q), this, [this] { close(); });
  QMenu* view = menuBar()->addMenu(QStringLiteral("&View"));
  view->addAction(QStringLiteral("&Charts or numbers"), QKeySequence(Qt::Key_T), this, [this] {
    if (auto* inner = qobject_cast<QTabWidget*>(tabs_->currentWidget()))
      inner->setCurrentIndex(1 - inner->currentIndex());
  });
  view->addAction(QStringLiteral("&Lock the cursor"), QKeySequence(Qt::Key_L), this,
                  [this] { with_page([](ComparisonPage& shown) { shown.set_locked(!shown.locked()); }); });
  view->addAction(QStringLiteral("&Hide the cursor"), QKeySequence(Qt::Key_Escape), this, [this] {
    with_page([](ComparisonPage& shown) {
      shown.set_locked(false);
      shown.set_cursor(std::nullopt);
    });
  });
  QMenu* help = menuBar()->addMenu(QStringLiteral("&Help"));
  help->addAction(QStringLiteral("&Keys"), QKeySequence(Qt::Key_Question), this, [this] { show_keys(); });
  // Keyboard moves lock the cursor, so that a resting mouse does not pull it away.
  const auto step = [this](QKeySequence key, void (*act)(ComparisonPage&)) {
    connect(new QShortcut(key, this), &QShortcut::activated, this, [this, act] { with_page(act); });
  };
  step(Qt::Key_Left, [](ComparisonPage& shown) { shown.set_locked(true), shown.step_cursor(-1); });
  step(Qt::Key_Right, [](ComparisonPage& shown) { shown.set_locked(true), shown.step_cursor(1); });
  step(Qt::SHIFT | Qt::Key_Left, [](ComparisonPage& shown) { shown.set_locked(true), shown.step_cursor(-kLongStep); });
  step(Qt::SHIFT | Qt::Key_Right, [](ComparisonPage& shown) { shown.set_locked(true), shown.step_cursor(kLongStep); });
  const auto turn = [this](QKeySequence key, int by) {
    connect(new QShortcut(key, this), &QShortcut::activated, this, [this, by] {
      if (tabs_->count() > 0) tabs_->setCurrentIndex((tabs_->currentIndex() + by + tabs_->count()) % tabs_->count());
    });
  };
  turn(Qt::CTRL | Qt::Key_PageUp, -1);
  turn(Qt::CTRL | Qt::Key_PageDown, 1);
}

void MainWindow::open(const QString& file) {
  status_->setText(QStringLiteral("Reading %1…").arg(file));
  jobs_.push_back(std::make_unique<LoadJob>(file, [this, file](const LoadJob::Answer& answer) {
    if (answer) {
      status_->setText(file);
      show_document(*answer);
    } else {
      status_->setText(answer.error());
      QMessageBox::warning(this, QStringLiteral("Homing"), answer.error());
    }
  }));
}

void MainWindow::show_document(const Document& document) {
  const int first = tabs_->count();
  for (const ScenarioView& scenario : document.scenarios) add_scenario(scenario);
  if (tabs_->count() > first) tabs_->setCurrentIndex(first);
}

void MainWindow::add_scenario(const ScenarioView& scenario) {
  auto* comparison = new ComparisonPage(scenario);
  connect(comparison, &ComparisonPage::cursor_moved, this, [this, comparison](const QString& clock) {
    status_->setText(clock.isEmpty()
                         ? QString()
                         : clock + (comparison->locked() ? QStringLiteral("   locked, press L to let go") : QString()));
  });
  auto* scroll = new QScrollArea;
  scroll->setWidget(comparison);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  auto* inner = new QTabWidget;
  inner->setTabPosition(QTabWidget::South);
  inner->setDocumentMode(true);
  inner->addTab(scroll, QStringLiteral("Charts"));
  inner->addTab(new NumbersPage(scenario), QStringLiteral("Numbers"));
  tabs_->addTab(inner, scenario.name);
  tabs_->setTabToolTip(tabs_->count() - 1, scenario.title);
}

ComparisonPage* MainWindow::page() const {
  return tabs_->currentWidget() == nullptr ? nullptr : tabs_->currentWidget()->findChild<ComparisonPage*>();
}

void MainWindow::with_page(void (*act)(ComparisonPage&)) {
  if (ComparisonPage* shown = page()) act(*shown);
}

void MainWindow::choose_files() {
  const QStringList files = QFileDialog::getOpenFileNames(this, QStringLiteral("Open results"), QString(),
                                                          QStringLiteral("Results (*.sqlite);;All files (*)"));
  for (const QString& file : files) open(file);
}

void MainWindow::choose_picture() {
  const ComparisonPage* shown = page();
  if (shown == nullptr) return;
  const QString file =
      QFileDialog::getSaveFileName(this, QStringLiteral("Export picture"),
                                   shown->scenario().name + QStringLiteral(".png"), QStringLiteral("Pictures (*.png)"));
  if (file.isEmpty()) return;
  const auto written = export_picture({shown->scenario()}, file);
  status_->setText(written ? QStringLiteral("Wrote %1").arg(file) : written.error());
}

void MainWindow::show_keys() {
  QMessageBox::information(this, QStringLiteral("Keys"), QString::fromLatin1(kKeys));
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  for (const QUrl& url : event->mimeData()->urls()) {
    if (url.isLocalFile()) open(url.toLocalFile());
  }
}

}  // namespace homing::gui
