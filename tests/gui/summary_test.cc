// SPDX-License-Identifier: GPL-3.0-only
#include "gui/model/summary.h"

#include <gtest/gtest.h>

#include "tests/gui/example.h"

namespace homing::gui {
namespace {

std::string text(const QString& string) {
  return string.toStdString();
}

TEST(SummaryTest, TheSentenceSaysWhoIsBestForWhat) {
  EXPECT_EQ(text(plain_text(summary_html(example_scenario()))),
            "Compared with sessions: p2c-sessions is best for user-minutes lost and sign-in wait p95; nobody beats the "
            "baseline sessions "
            "for sessions lost and felt crowding; system-load is worse for all four.");
}

TEST(SummaryTest, TheSentencePraisesNobodyWithoutTheWordBetter) {
  ScenarioView scenario = example_scenario();
  for (StrategyView& strategy : scenario.strategies) {
    for (Cell& cell : strategy.cells) {
      if (!strategy.is_baseline) cell.tone = Tone::kUnknown;
    }
  }
  EXPECT_EQ(
      text(plain_text(summary_html(scenario))),
      "Compared with sessions: there are too few runs to tell for sessions lost, user-minutes lost, sign-in wait p95 "
      "and felt crowding.");
}

TEST(SummaryTest, TheLeaderIsTheBetterOneWithTheBestMeanAndTheOthersAreNamed) {
  ScenarioView scenario = example_scenario();
  for (StrategyView& strategy : scenario.strategies) {
    for (Cell& cell : strategy.cells) cell.tone = strategy.is_baseline ? Tone::kBaseline : Tone::kSame;
  }
  scenario.strategies[3].cells[2].tone = Tone::kBetter;  // round-robin: 6.61 s
  scenario.strategies[5].cells[2].tone = Tone::kBetter;  // p2c-sessions: 6.02 s
  const std::string sentence = text(plain_text(summary_html(scenario)));
  EXPECT_NE(sentence.find("p2c-sessions is best for sign-in wait p95 (round-robin is better too)"), std::string::npos)
      << sentence;
  scenario.measures[2].better = QStringLiteral("higher");
  const std::string turned = text(plain_text(summary_html(scenario)));
  EXPECT_NE(turned.find("round-robin is best for sign-in wait p95 (p2c-sessions is better too)"), std::string::npos)
      << turned;
}

TEST(SummaryTest, NamesCannotSmuggleMarkupIntoTheSentence) {
  ScenarioView scenario = example_scenario();
  scenario.strategies[5].name = QStringLiteral("<img src=x>");
  EXPECT_FALSE(summary_html(scenario).contains(QStringLiteral("<img")));
  EXPECT_TRUE(plain_text(summary_html(scenario)).contains(QStringLiteral("<img src=x> is best")));
}

TEST(SummaryTest, WhereNobodyIsBetterTheWorseOnesAreNamedOnce) {
  ScenarioView scenario = example_scenario();
  for (StrategyView& strategy : scenario.strategies) {
    for (Cell& cell : strategy.cells) cell.tone = strategy.is_baseline ? Tone::kBaseline : Tone::kSame;
  }
  scenario.measures[3].label = QStringLiteral("felt crowding, of sessions");
  scenario.strategies[1].cells[3].tone = Tone::kWorse;
  scenario.strategies[4].cells[3].tone = Tone::kWorse;
  EXPECT_EQ(text(plain_text(summary_html(scenario))),
            "Nobody beats the baseline sessions for felt crowding, where system-load and random are worse; the choice "
            "makes no difference "
            "that matters for sessions lost, user-minutes lost and sign-in wait p95.");
}

}  // namespace
}  // namespace homing::gui
