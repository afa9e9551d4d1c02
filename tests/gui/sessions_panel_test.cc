// SPDX-License-Identifier: GPL-3.0-only
#include "gui/charts/sessions_panel.h"

#include <gtest/gtest.h>

#include <QAbstractScrollArea>
#include <QAccessible>
#include <QCoreApplication>
#include <QImage>
#include <QMouseEvent>
#include <QPixmap>

#include "gui/charts/palette.h"
#include "gui/model/decimate.h"
#include "gui/pages/comparison_page.h"
#include "tests/gui/example.h"

namespace homing::gui {
namespace {

// Counts the pixels of `area` that are close to `color`.
int pixels_like(const QImage& image, const QRect& area, const QColor& color, int tolerance = 24) {
  int count = 0;
  for (int y = area.top(); y <= area.bottom(); ++y) {
    for (int x = area.left(); x <= area.right(); ++x) {
      const QColor seen = image.pixelColor(x, y);
      const int off = std::max({std::abs(seen.red() - color.red()), std::abs(seen.green() - color.green()),
                                std::abs(seen.blue() - color.blue())});
      if (off <= tolerance) ++count;
    }
  }
  return count;
}

class SessionsPanelTest : public testing::Test {
 protected:
  SessionsPanelTest() : panel_(scenario_, scenario_.strategies[1], largest_value(scenario_)) {
    panel_.resize(420, 290);
    panel_.ensurePolished();
    panel_.grab();  // lays everything out
  }

  ScenarioView scenario_ = example_scenario();
  SessionsPanel panel_;
};

TEST_F(SessionsPanelTest, BandEdgesAreTheFaultTimes) {
  const QList<QRectF> bands = panel_.band_rects();
  ASSERT_EQ(bands.size(), 2);
  const QRectF plot = panel_.plot_area();
  for (int i = 0; i < 2; ++i) {
    const FaultBand& fault = scenario_.strategies[1].faults[i];
    EXPECT_NEAR(bands[i].left(), plot.left() + fault.begin_s / scenario_.horizon_s * plot.width(), 1);
    EXPECT_NEAR(bands[i].right(), plot.left() + fault.end_s / scenario_.horizon_s * plot.width(), 1);
    EXPECT_EQ(bands[i].top(), plot.top());
    EXPECT_EQ(bands[i].bottom(), plot.bottom());
  }
}

TEST_F(SessionsPanelTest, TheBandIsPaintedBetweenItsEdgesAndNotBesideThem) {
  const QImage image = panel_.grab().toImage();
  const QRect band = panel_.band_rects()[0].toAlignedRect();
  const QRect plot = panel_.plot_area().toAlignedRect();
  const QColor white = Qt::white;
  const QRect inside(band.left() + 2, plot.top() + 2, band.width() - 4, 12);  // above all lines
  const QRect before(band.left() - 14, plot.top() + 2, 12, 12);
  EXPECT_LT(pixels_like(image, inside, white, 3), inside.width() * inside.height() / 20);
  EXPECT_GT(pixels_like(image, before, white, 3), before.width() * before.height() / 2);
}

TEST_F(SessionsPanelTest, EveryNodesLineIsInItsColour) {
  const QImage image = panel_.grab().toImage();
  const QRect plot = panel_.plot_area().toAlignedRect();
  for (int node = 0; node < scenario_.node_count; ++node) {
    EXPECT_GT(pixels_like(image, plot, palette::line_color(node)), 20) << node;
  }
}

TEST_F(SessionsPanelTest, ADownNodeHasNoLine) {
  ScenarioView only = scenario_;
  only.strategies[1].nodes = {only.strategies[1].nodes[2]};
  SessionsPanel panel(only, only.strategies[1], largest_value(only));
  panel.resize(420, 290);
  const QImage image = panel.grab().toImage();
  QRect down = panel.band_rects()[0].toAlignedRect().adjusted(3, 3, -3, -3);
  EXPECT_EQ(pixels_like(image, down, palette::line_color(0)), 0);
  down.moveLeft(down.right() + 20);
  EXPECT_GT(pixels_like(image, down, palette::line_color(0)), 20);
}

TEST_F(SessionsPanelTest, TheCursorIsOneLineAtItsTime) {
  const QImage before = panel_.grab().toImage();
  panel_.set_cursor(3 * 3600);
  const QImage after = panel_.grab().toImage();
  const QRect plot = panel_.plot_area().toAlignedRect();
  const int x = static_cast<int>(panel_.x_of(3 * 3600));
  const QRect column(x - 1, plot.top(), 3, 20);
  EXPECT_EQ(pixels_like(before, column, QColor::fromRgb(palette::kInk), 90), 0);
  EXPECT_GE(pixels_like(after, column, QColor::fromRgb(palette::kInk), 140), 18);
  panel_.set_cursor(std::nullopt);
  EXPECT_EQ(panel_.grab().toImage(), before) << "hiding the cursor leaves no trace";
}

TEST_F(SessionsPanelTest, TheMouseOverThePlotNamesItsTimeAndBesideItNone) {
  QList<double> times;
  QObject::connect(&panel_, &SessionsPanel::hovered, &panel_, [&](double t_s) { times.append(t_s); });
  auto* view = panel_.findChild<QAbstractScrollArea*>();
  ASSERT_NE(view, nullptr);
  const auto move_to = [&](double panel_x) {
    const QPointF at(panel_x - view->x(), 100);
    QMouseEvent event(QEvent::MouseMove, at, view->viewport()->mapToGlobal(at), Qt::NoButton, Qt::NoButton, {});
    QCoreApplication::sendEvent(view->viewport(), &event);
  };
  move_to(panel_.x_of(2 * 3600));
  ASSERT_EQ(times.size(), 1);
  EXPECT_NEAR(times[0], 2 * 3600, scenario_.horizon_s / panel_.plot_area().width());
  move_to(panel_.plot_area().right() + 20);
  EXPECT_EQ(times.size(), 1);
}

TEST_F(SessionsPanelTest, IsDescribedToAScreenReader) {
  QAccessibleInterface* accessible = QAccessible::queryAccessibleInterface(&panel_);
  ASSERT_NE(accessible, nullptr);
  EXPECT_EQ(accessible->text(QAccessible::Name), QStringLiteral("Sessions per node, system-load"));
  EXPECT_TRUE(accessible->text(QAccessible::Description).contains(QStringLiteral("2 fault bands")));
}

TEST(ComparisonPageTest, OneCursorMovesInEveryPanel) {
  const ScenarioView scenario = example_scenario();
  ComparisonPage page(scenario);
  ASSERT_EQ(page.panels().size(), 6);
  Q_EMIT page.panels()[2]->hovered(5000);
  EXPECT_EQ(page.cursor(), 5000);
  page.set_locked(true);
  Q_EMIT page.panels()[0]->hovered(9000);
  EXPECT_EQ(page.cursor(), 5000) << "a locked cursor stays";
  page.step_cursor(2);
  EXPECT_EQ(page.cursor(), 5000 + 2 * 60);
  page.step_cursor(-100000);
  EXPECT_EQ(page.cursor(), 0);
}

TEST(ComparisonPageTest, AllPanelsHaveEqualPlots) {
  const ScenarioView scenario = example_scenario();
  ComparisonPage page(scenario);
  page.resize(1280, 1300);
  page.grab();
  for (const SessionsPanel* panel : page.panels()) {
    EXPECT_NEAR(panel->plot_area().width(), page.panels()[0]->plot_area().width(), 1);
    EXPECT_EQ(panel->plot_area().height(), page.panels()[0]->plot_area().height());
    EXPECT_NEAR(panel->x_of(3600) - panel->plot_area().left(),
                page.panels()[0]->x_of(3600) - page.panels()[0]->plot_area().left(), 1);
  }
}

}  // namespace
}  // namespace homing::gui
