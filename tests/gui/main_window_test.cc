// SPDX-License-Identifier: GPL-3.0-only
#include "gui/pages/main_window.h"

#include <gtest/gtest.h>

#include <QLabel>
#include <QMessageBox>
#include <QTabWidget>
#include <QTableView>
#include <QTest>
#include <QTimer>

#include "gui/pages/comparison_page.h"
#include "tests/gui/example.h"

namespace homing::gui {
namespace {

class MainWindowTest : public testing::Test {
 protected:
  MainWindowTest() {
    window_.show_document(
        {.file = QStringLiteral("example.sqlite"), .scenarios = {example_scenario(), example_scenario()}});
    window_.show();
    window_.activateWindow();
    EXPECT_TRUE(QTest::qWaitForWindowActive(&window_));
  }
  ComparisonPage* page() { return window_.tabs()->currentWidget()->findChild<ComparisonPage*>(); }
  QTabWidget* inner() { return qobject_cast<QTabWidget*>(window_.tabs()->currentWidget()); }

  MainWindow window_;
};

TEST_F(MainWindowTest, HasATabAScenarioWithChartsAndTheirTableTwin) {
  ASSERT_EQ(window_.tabs()->count(), 2);
  EXPECT_EQ(window_.tabs()->tabText(0), QStringLiteral("node-lost-at-peak"));
  ASSERT_EQ(inner()->count(), 2);
  QTest::keyClick(&window_, Qt::Key_T);
  EXPECT_EQ(inner()->currentIndex(), 1);
  EXPECT_NE(inner()->currentWidget()->findChild<QTableView*>(), nullptr);
  QTest::keyClick(&window_, Qt::Key_T);
  EXPECT_EQ(inner()->currentIndex(), 0);
}

TEST_F(MainWindowTest, ArrowKeysMoveTheCursorAndEscapeHidesIt) {
  QTest::keyClick(&window_, Qt::Key_Right);
  ASSERT_EQ(page()->cursor(), 30);
  QTest::keyClick(&window_, Qt::Key_Right);
  EXPECT_EQ(page()->cursor(), 90);
  QTest::keyClick(&window_, Qt::Key_Right, Qt::ShiftModifier);
  EXPECT_EQ(page()->cursor(), 690);
  QTest::keyClick(&window_, Qt::Key_Left);
  EXPECT_EQ(page()->cursor(), 630);
  EXPECT_TRUE(page()->locked()) << "a resting mouse must not pull it away";
  QTest::keyClick(&window_, Qt::Key_Escape);
  EXPECT_EQ(page()->cursor(), std::nullopt);
}

TEST_F(MainWindowTest, AFileThatCannotBeReadShowsItsSentence) {
  QString shown;
  QTimer closer;
  QObject::connect(&closer, &QTimer::timeout, [&] {
    if (auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget())) {
      shown = box->text();
      box->close();
    }
  });
  closer.start(10);
  window_.open(QStringLiteral("/nowhere/missing.sqlite"));
  EXPECT_TRUE(QTest::qWaitFor([&] { return !shown.isEmpty(); }, 10000));
  EXPECT_TRUE(shown.contains(QStringLiteral("/nowhere/missing.sqlite"))) << qPrintable(shown);
  EXPECT_EQ(window_.tabs()->count(), 2) << "what was open stays open";
}

}  // namespace
}  // namespace homing::gui
