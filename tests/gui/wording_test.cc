// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/wording.h"

#include <gtest/gtest.h>

#include <QStringList>

#include "tests/gui/example.h"

namespace homing::gui {
namespace {

std::string text(const QString& string) {
  return string.toStdString();
}

TEST(WordingTest, NumbersCarryATrueMinusSignAndThinSpaces) {
  EXPECT_EQ(text(number_text(-23.44, 1)), "−23.4");
  EXPECT_EQ(text(number_text(1234567, 0)), "1\u2009234\u2009567");
  EXPECT_EQ(text(number_text(999, 0)), "999");
  EXPECT_EQ(text(number_text(-0.04, 1)), "0.0") << "a rounded zero has no sign";
  EXPECT_EQ(text(signed_text(0.04, 1)), "0.0");
  EXPECT_EQ(text(signed_text(5.66, 1)), "+5.7");
}

TEST(WordingTest, ADifferenceNamesItsInterval) {
  EXPECT_EQ(text(difference_text({.has_interval = true, .difference = -23.4, .low = -30.1, .high = -16.7}, 1)),
            "−23.4 [−30.1, −16.7]");
  EXPECT_EQ(text(difference_text({.has_interval = false}, 1)), "");
}

TEST(WordingTest, OneColumnHasOneNumberOfDecimals) {
  const ScenarioView scenario = example_scenario();
  EXPECT_EQ(decimals_of(scenario, 0), 1);  // 46.9 sessions
  EXPECT_EQ(decimals_of(scenario, 1), 0);  // 441 minutes
  EXPECT_EQ(decimals_of(scenario, 3), 3);  // 0.231
}

TEST(WordingTest, TheClockIsLocalTimeOfTheScenario) {
  EXPECT_EQ(text(clock_text(8 * 3600, 64 * 60, false)), "09:04");
  EXPECT_EQ(text(clock_text(8 * 3600, 64 * 60 + 5, true)), "Mon 09:04:05");
  EXPECT_EQ(text(clock_text(6 * 86400 + 23 * 3600, 2 * 3600, true)), "Mon 01:00") << "after Sunday comes Monday";
}

TEST(WordingTest, TicksAreRoundClockTimesInsideTheHorizon) {
  EXPECT_EQ(clock_ticks(8 * 3600, 6 * 3600, 6), (QList<double>{0, 3600, 7200, 10800, 14400, 18000, 21600}));
  EXPECT_EQ(clock_ticks(8.5 * 3600, 2 * 3600, 4), (QList<double>{0, 1800, 3600, 5400, 7200}));
  EXPECT_EQ(clock_ticks(8 * 3600 + 60, 6 * 3600, 6).first(), 59 * 60) << "the first full hour";
}

TEST(WordingTest, TheCountAxisReachesAboveTheLargestValueInWholeSteps) {
  for (const double largest : {0.0, 0.4, 1.0, 7.0, 45.0, 99.0, 101.0, 12345.0}) {
    const CountAxis axis = count_axis(largest, 6);
    EXPECT_GE(axis.top, largest);
    EXPECT_GE(axis.step, 1);
    EXPECT_LE(axis.top / axis.step, 6);
    EXPECT_EQ(std::fmod(axis.top, axis.step), 0);
  }
  EXPECT_EQ(count_axis(45, 6).top, 50);
}

TEST(WordingTest, APanelDescribesItselfToAScreenReader) {
  const ScenarioView scenario = example_scenario();
  const QString description = panel_description(scenario, scenario.strategies[1]);
  EXPECT_TRUE(description.contains(QStringLiteral("under system-load, 8 nodes, peak 45 on n8 at Mon ")))
      << text(description);
  EXPECT_TRUE(description.endsWith(QStringLiteral("2 fault bands.")));
}

}  // namespace
}  // namespace homing::gui
