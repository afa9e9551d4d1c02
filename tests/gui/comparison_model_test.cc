// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/comparison_model.h"

#include <gtest/gtest.h>

#include <QAbstractItemModelTester>

#include "gui/model/series_model.h"
#include "tests/gui/example.h"

namespace homing::gui {
namespace {

std::string cell(const QAbstractItemModel& model, int row, int column) {
  return model.data(model.index(row, column), Qt::DisplayRole).toString().toStdString();
}

TEST(ComparisonModelTest, KeepsTheRulesOfItemModels) {
  ComparisonModel comparison(example_scenario());
  const QAbstractItemModelTester tester(&comparison, QAbstractItemModelTester::FailureReportingMode::Fatal);
  SeriesModel series;
  const QAbstractItemModelTester other(&series, QAbstractItemModelTester::FailureReportingMode::Fatal);
  series.show(example_scenario().strategies[0], 0);
  series.show(example_scenario().strategies[1], 0);
}

TEST(ComparisonModelTest, ACellSaysValueVerdictDifferenceIntervalAndN) {
  const ComparisonModel model(example_scenario());
  EXPECT_EQ(cell(model, 0, 0), "sessions");
  EXPECT_EQ(cell(model, 0, 2), "386 min, baseline, n 20");
  EXPECT_EQ(cell(model, 5, 2), "371 min, better, −15 [−26, −4], n 20");
  EXPECT_EQ(cell(model, 1, 3), "9.81 s, worse, +3.39 [+2.59, +4.19], n 20");
}

TEST(ComparisonModelTest, AMeasureThatNoRunHasIsNotZero) {
  ScenarioView scenario = example_scenario();
  scenario.strategies[1].cells[0] = {};
  EXPECT_EQ(cell(ComparisonModel(scenario), 1, 1), "not measured");
}

TEST(ComparisonModelTest, AColumnsScaleReachesItsWidestIntervalAndItsMargin) {
  const ComparisonModel model(example_scenario());
  EXPECT_DOUBLE_EQ(model.reach(0), 7.8);
  EXPECT_DOUBLE_EQ(model.reach(1), 93);
}

TEST(SeriesModelTest, TheTwinReadsTheMeansAndShowsMissingAsMissing) {
  SeriesModel model;
  const ScenarioView scenario = example_scenario();
  model.show(scenario.strategies[0], scenario.start_s);
  EXPECT_EQ(model.rowCount(), 360);
  EXPECT_EQ(model.columnCount(), 9);
  EXPECT_EQ(model.headerData(3, Qt::Horizontal, Qt::DisplayRole).toString().toStdString(), "n3");
  EXPECT_EQ(cell(model, 64, 0), "Mon 09:04");
  EXPECT_EQ(cell(model, 64, 3), "–") << "n3 is down from 09:04 on";
  EXPECT_NE(cell(model, 63, 3), "–");
}

}  // namespace
}  // namespace homing::gui
