// SPDX-License-Identifier: Apache-2.0
#include "sim/ask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "sim/commands.h"
#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

Question question(const std::string& line) {
  const auto parsed = parse_question(words_of(line));
  EXPECT_TRUE(parsed.has_value()) << parsed.error();
  return parsed.value_or(Question{});
}

Scenario asked(const std::string& line) {
  ScenarioResult read = parse_scenario(scenario_of(question(line)), "ask.toml", known_names());
  EXPECT_TRUE(read.ok()) << base::render_report(read.diagnostics);
  return std::move(read.scenario.value());
}

TEST(Ask, TheQuestionBecomesTheScenarioThatItDescribes) {
  const Scenario s = asked(
      "--nodes 4x16c64GiB,2x32c256GiB --users 120 --kind jupyter=3,rstudio=1 --lose-node-at 10:00 "
      "--heartbeat 2s --seed 7 --memory 1GiB");
  ASSERT_EQ(s.nodes.size(), 6u);
  EXPECT_EQ(s.nodes[0].cores, 16);
  EXPECT_EQ(s.nodes[5].memory_bytes, std::int64_t{256} << 30);
  ASSERT_EQ(s.users.size(), 1u);
  EXPECT_EQ(s.users[0].count, 120);
  EXPECT_EQ(s.users[0].active_share, 1.0);
  EXPECT_NEAR(s.users[0].kind_shares[0], 0.75, 1e-9);
  ASSERT_EQ(s.faults.size(), 1u);
  EXPECT_EQ(s.faults[0].at, std::chrono::hours(2));
  EXPECT_EQ(s.cluster.heartbeat, std::chrono::seconds(2));
  EXPECT_EQ(s.first_seed, 7u);
  EXPECT_EQ(core::mean_of(s.kinds[0].start.memory), static_cast<double>(std::int64_t{1} << 30));
  EXPECT_EQ(s.strategies.size(), known_names().strategies.size());
}

TEST(Ask, BurstDrainAndChosenStrategiesAreInTheScenario) {
  const Scenario s =
      asked("--nodes 4x16c64GiB --users 30 --burst 09:00 --drain-node-at 11:30 --strategy random,sessions");
  ASSERT_TRUE(s.users[0].burst.has_value());
  EXPECT_EQ(s.users[0].burst->at, std::chrono::hours(1));
  EXPECT_EQ(s.faults[0].kind, FaultKind::kDrain);
  ASSERT_EQ(s.strategies.size(), 2u);
  EXPECT_EQ(s.strategies[static_cast<std::size_t>(s.baseline)].name, "sessions");
}

TEST(Ask, BadQuestionsSayWhatWasWrongAndWhatIsExpected) {
  const std::string good = "--nodes 4x16c64GiB --users 10 ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "--nodes is missing"},
      {"--nodes 4x16c64GiB", "--users is missing"},
      {"--nodes 4 --users 1", "count x cores c memory, e.g. 4x16c64GiB"},
      {"--nodes 0x16c64GiB --users 1", "count x cores c memory"},
      {"--nodes 4x16c64XiB --users 1", "count x cores c memory"},
      {"--nodes 4x16c64GiB,, --users 1", "count x cores c memory"},
      {"--nodes 600x1c1GiB,600x1c1GiB --users 1", "expected at most 1000"},
      {"--nodes 99999999999999999999x1c1GiB --users 1", "count x cores c memory"},
      {"--nodes 4x16c64GiB --users many", "a whole number from 1"},
      {"--nodes 4x16c64GiB --users 0", "a whole number from 1"},
      {good + "--lose-node-at 25:00", "a time of the day as 10:00"},
      {good + "--lose-node-at 17:00", "Monday from 08:00 to 16:00"},
      {good + "--lose-node-at \"10:00", "a time of the day"},
      {good + "--burst noon", "a time of the day"},
      {good + "--day-shape round", "expected office or flat"},
      {good + "--memory much", "a size as"},
      {good + "--heartbeat 0s", "a time as"},
      {good + "--within -3s", "a time as"},
      {good + "--kind Jupyter]", "expected a kind as jupyter"},
      {good + "--kind jupyter=x", "expected a kind as jupyter"},
      {good + "--strategy sesions", "did you mean sessions?"},
      {good + "--strategy ,", "no strategy is called"},
      {good + "--seed -1", "a whole number from 0"},
      {good + "-o csv", "expected table or json"},
      {good + "--usres 3", "did you mean --users?"},
      {good + "--seed", "--seed needs a value"},
      {good + "stray", "unknown argument stray"},
      {"--nodes 1x4c8GiB --users 4 --drain-node-at 10:00", "leaves nowhere to go"},
      {"--nodes 2x4c8GiB --users 4 --drain-node-at 10:00 --lose-node-at 09:00", "at least three"},
  };
  for (const auto& [line, expected] : cases) {
    const auto parsed = parse_question(words_of(line));
    ASSERT_FALSE(parsed.has_value()) << line;
    EXPECT_THAT(parsed.error(), HasSubstr(expected)) << line;
  }
}

TEST(Ask, WhatOnlyTheScenarioReaderKnowsIsExitTwoToo) {
  std::ostringstream out;
  std::ostringstream err;
  const auto arguments = words_of("--nodes 2x4c8GiB --users 4 --kind jupiter");
  EXPECT_EQ(ask_command(arguments, {}, out, err), kExitUsage);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("no kind is called \"jupiter\""));
}

TEST(Ask, TheAnswerIsAlsoJsonAndItsRunsAreKept) {
  const Scratch scratch;
  std::ostringstream out;
  std::ostringstream err;
  const auto arguments = words_of(
      "--nodes 2x4c8GiB --users 6 --heartbeat 10s --strategy sessions --lose-node-at "
      "10:00 -o json --out " +
      scratch.file("a.sqlite"));
  const AskHost host;  // no clock: the time never ends; one strategy: the first look settles it
  EXPECT_EQ(ask_command(arguments, host, out, err), kExitOk) << err.str();
  for (const char* part : {"\"baseline\":\"sessions\"", "\"happens\":{\"user-minutes-lost\"", "\"preferred\":",
                           "\"scenario\":\"# Made by homing-sim ask.\\n", "\"comparison\":{\"format\":1"}) {
    EXPECT_THAT(out.str(), HasSubstr(part));
  }
  const auto results = ResultReader::open(scratch.file("a.sqlite"));
  ASSERT_TRUE(results.has_value());
  EXPECT_EQ(results->runs().size(), 10u);
  std::ostringstream again;
  EXPECT_EQ(ask_command(arguments, host, again, err), kExitUsage);
  EXPECT_EQ(again.str(), "");
}

TEST(Ask, PreferredIsWhoIsBetterSomewhereAndWorseNowhere) {
  const Scratch scratch;
  std::vector<RunRecord> runs = small_runs();
  write_small(scratch.file("worse.sqlite"), runs);  // random loses two sessions more
  const auto reader = ResultReader::open(scratch.file("worse.sqlite"));
  EXPECT_EQ(preferred_strategy(build_reports(*reader, std::nullopt)->front()), std::nullopt);
  EXPECT_EQ(preferred_strategy(build_reports(*reader, std::string("random"))->front()), 0);
}

}  // namespace
}  // namespace homing::sim
