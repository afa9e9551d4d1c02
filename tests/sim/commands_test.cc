// SPDX-License-Identifier: Apache-2.0
#include "sim/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Said {
  int exit = -1;
  std::string out;
  std::string err;
};

template <typename Command>
Said run(Command command, std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Said said;
  said.exit = command(arguments, out, err);
  said.out = out.str();
  said.err = err.str();
  return said;
}

std::string scenario_file(const Scratch& scratch, const std::string& text) {
  std::ofstream(scratch.file("small.toml")) << text;
  return scratch.file("small.toml");
}

TEST(CheckCommand, SaysWhatWasReadAndWithPrintEveryDefault) {
  const Scratch scratch;
  const std::string file = scenario_file(scratch, kSmallScenario);
  const Said plain = run(check_command, {file});
  EXPECT_EQ(plain.exit, kExitOk);
  EXPECT_THAT(plain.out, HasSubstr("small: One of three nodes dies (3 nodes, 2 strategies, 10 seeds"));
  const Said printed = run(check_command, {file, "--print"});
  EXPECT_THAT(printed.out, HasSubstr("cluster.lease-ttl"));
  EXPECT_THAT(printed.out, HasSubstr("# Berkeley DataHub"));
}

TEST(CheckCommand, BadInputIsExitTwoWithFileLineAndColumn) {
  const Scratch scratch;
  std::string text = kSmallScenario;
  text.replace(text.find("horizon"), 7, "horizen");
  const std::string file = scenario_file(scratch, text);
  const Said said = run(check_command, {file});
  EXPECT_EQ(said.exit, kExitUsage);
  EXPECT_TRUE(said.out.empty());
  EXPECT_THAT(said.err, HasSubstr(file + ":4:1: horizen: unknown key; did you mean \"horizon\"?"));
}

TEST(CheckCommand, WrongUsageIsExitTwoWithTheUsage) {
  EXPECT_EQ(run(check_command, {}).exit, kExitUsage);
  const Said said = run(check_command, {"--pirnt"});
  EXPECT_EQ(said.exit, kExitUsage);
  EXPECT_THAT(said.err, HasSubstr("did you mean --print?"));
}

TEST(ListCommand, NamesScenariosStrategiesAndMetrics) {
  const Scratch scratch;
  scenario_file(scratch, kSmallScenario);
  const auto list = [&](std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
    return list_command(arguments, scratch.file(""), out, err);
  };
  const Said said = run(list, {});
  EXPECT_EQ(said.exit, kExitOk);
  EXPECT_THAT(said.out, HasSubstr("small                    One of three nodes dies"));
  EXPECT_THAT(said.out, HasSubstr("  round-robin\n"));
  EXPECT_THAT(said.out, HasSubstr("felt-crowding"));
  EXPECT_EQ(run(list, {"/no/such/folder"}).exit, kExitUsage);
}

TEST(CompareCommand, PrintsTheTableAgainstTheChosenBaseline) {
  const Scratch scratch;
  const std::string file = scratch.file("r.sqlite");
  write_small(file);
  const Said said = run(compare_command, {file});
  EXPECT_EQ(said.exit, kExitOk) << said.err;
  EXPECT_THAT(said.out, HasSubstr("worse"));
  const Said other = run(compare_command, {file, "--baseline", "random"});
  EXPECT_THAT(other.out, HasSubstr("better"));
  EXPECT_THAT(run(compare_command, {file, "-o", "csv"}).out, HasSubstr("scenario,metric,unit"));
  EXPECT_EQ(run(compare_command, {file, "--baseline", "nobody"}).exit, kExitUsage);
  EXPECT_EQ(run(compare_command, {file, "-o", "xml"}).exit, kExitUsage);
  EXPECT_EQ(run(compare_command, {file, "-o"}).exit, kExitUsage);
}

TEST(CompareCommand, ShowsTheHeadlineMetricsUnlessOthersAreNamed) {
  const Scratch scratch;
  const std::string file = scratch.file("r.sqlite");
  std::vector<RunRecord> runs = small_runs();
  for (RunRecord& run : runs) run.values.emplace_back(kUserUptime, 0.5);
  write_small(file, runs);
  EXPECT_THAT(run(compare_command, {file}).out, Not(HasSubstr("user-uptime (")));
  const std::string all = run(compare_command, {file, "--metrics", "all"}).out;
  for (const MetricInfo& metric : metrics()) EXPECT_THAT(all, HasSubstr("  " + metric.label + " (")) << metric.name;
  const std::string two = run(compare_command, {file, "--metrics", "user-uptime,homing_sessions_lost_total"}).out;
  EXPECT_THAT(two, HasSubstr("user-uptime (1, higher is better"));
  EXPECT_THAT(two, HasSubstr("sessions lost ("));
  EXPECT_THAT(two, Not(HasSubstr("felt crowding")));
  EXPECT_THAT(two, HasSubstr("met        sessions-lost")) << "expectations are judged whatever is shown";
  EXPECT_THAT(run(compare_command, {file, "--metrics", "user-uptime", "-o", "json"}).out,
              HasSubstr("\"values\":{\"user-uptime\":0.5}"));
  const Said wrong = run(compare_command, {file, "--metrics", "user-uptine"});
  EXPECT_EQ(wrong.exit, kExitUsage);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean \"user-uptime\"?"));
  EXPECT_EQ(run(compare_command, {file, "--metrics", ","}).exit, kExitUsage);
}

TEST(CompareCommand, UnequalPlansAreRefusedWithExitFour) {
  const Scratch scratch;
  const std::string file = scratch.file("r.sqlite");
  std::vector<RunRecord> runs = small_runs();
  runs[12].plan_hash = "another plan";
  write_small(file, runs);
  const Said said = run(compare_command, {file});
  EXPECT_EQ(said.exit, kExitRefused);
  EXPECT_TRUE(said.out.empty());
  EXPECT_THAT(said.err, HasSubstr("seed 3"));
}

TEST(CompareCommand, TwoFilesCompareEachStrategyWithItself) {
  const Scratch scratch;
  write_small(scratch.file("a.sqlite"));
  std::vector<RunRecord> runs = small_runs();
  for (RunRecord& run : runs) run.values[0].second -= 5 - 2 * run.strategy;
  write_small(scratch.file("b.sqlite"), runs);
  const Said said = run(compare_command, {scratch.file("a.sqlite"), scratch.file("b.sqlite")});
  EXPECT_EQ(said.exit, kExitOk) << said.err;
  EXPECT_THAT(said.out, HasSubstr("compared with the same strategy in the first file"));
  EXPECT_THAT(said.out, HasSubstr("-5"));
  EXPECT_THAT(said.out, HasSubstr("better"));
  for (RunRecord& run : runs) run.plan_hash += "x";
  write_small(scratch.file("c.sqlite"), runs);
  EXPECT_EQ(run(compare_command, {scratch.file("a.sqlite"), scratch.file("c.sqlite")}).exit, kExitRefused);
}

TEST(DumpCommand, PrintsTheCanonicalRows) {
  const Scratch scratch;
  write_small(scratch.file("r.sqlite"));
  const Said said = run(dump_command, {"--canonical", scratch.file("r.sqlite")});
  EXPECT_EQ(said.exit, kExitOk);
  EXPECT_THAT(said.out, HasSubstr("schema 2\n"));
  EXPECT_THAT(said.out, HasSubstr("fault|run=0|id=0|node=2|kind='crash'"));
  EXPECT_EQ(run(dump_command, {scratch.file("r.sqlite")}).exit, kExitUsage);
  EXPECT_EQ(run(dump_command, {"--canonical", "/no/such/file"}).exit, kExitUsage);
}

}  // namespace
}  // namespace homing::sim
