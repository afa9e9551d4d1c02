// SPDX-License-Identifier: Apache-2.0
#include "sim/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "router/base/sqlite.h"
#include "sim/json_text.h"
#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

using testing::HasSubstr;

std::string written(Output output) {
  const Scratch scratch;
  write_small(scratch.file("r.sqlite"));
  auto reader = ResultReader::open(scratch.file("r.sqlite"));
  EXPECT_TRUE(reader.has_value());
  const auto reports = build_reports(*reader, std::nullopt);
  EXPECT_TRUE(reports.has_value());
  return write_reports(*reports, output);
}

TEST(Report, TheTableSaysEachDifferenceInWordsWithItsIntervalAndN) {
  const std::string text = written(Output::kTable);
  EXPECT_THAT(text, HasSubstr("small: One of three nodes dies\n"));
  EXPECT_THAT(text, HasSubstr("compared with \"sessions\""));
  EXPECT_THAT(text, HasSubstr("sessions lost (sessions, lower is better; below 1 no difference matters)\n"));
  EXPECT_THAT(text, HasSubstr("    sessions  3.55                n 10  baseline\n"));
  EXPECT_THAT(text, HasSubstr("    random    5.55  +2  [+2, +2]  n 10  worse\n"));
  EXPECT_THAT(text, HasSubstr("identical\n"));
  EXPECT_THAT(text, HasSubstr("\n    no run has a value\n")) << "sign-in-wait-p95";
  EXPECT_THAT(text, HasSubstr("below 0.5 no difference matters")) << "the scenario's own margin";
  EXPECT_THAT(text, HasSubstr("    met        sessions-lost: random worse than sessions\n"));
}

// SQLite reads JSON: an independent judge that is linked anyway.
std::string json_at(const std::string& json, const std::string& path) {
  auto database = base::Sqlite::open(":memory:", base::Sqlite::Mode::kReadWrite);
  EXPECT_TRUE(database.has_value());
  auto statement = database->prepare("SELECT json_extract(?, ?)");
  EXPECT_TRUE(statement.has_value());
  statement->bind(1, json);
  statement->bind(2, path);
  if (statement->step() != base::Statement::Step::kRow) return "not JSON";
  return statement->text(0);
}

TEST(Report, TheJsonIsValidAndHasAFingerprintARun) {
  const std::string json = written(Output::kJson);
  EXPECT_EQ(json_at(json, "$.scenarios[0].name"), "small");
  EXPECT_EQ(json_at(json, "$.scenarios[0].baseline"), "sessions");
  EXPECT_EQ(json_at(json, "$.scenarios[0].runs[19].run"), "19");
  EXPECT_EQ(json_at(json, "$.scenarios[0].runs[13].fingerprint"), "print-13");
  EXPECT_EQ(json_at(json, "$.scenarios[0].metrics[0].rows[0].verdict"), "worse");
  EXPECT_EQ(json_at(json, "$.scenarios[0].metrics[0].rows[0].n"), "10");
  EXPECT_EQ(json_at(json, "$.scenarios[0].expectations[0].met"), "1");
  EXPECT_EQ(json_at(json, "$.scenarios[0].expectations[0].standing"), "met");
  EXPECT_EQ(json_at(json, "$.scenarios[0].expectations[0].n"), "10");
}

TEST(Report, TextThatJsonMustEscapeIsEscaped) {
  const std::string hostile = "a \"quote\", a \\ and a\nline\x01";
  EXPECT_EQ(json_at("{\"x\":" + json_quoted(hostile) + "}", "$.x"), hostile);
}

TEST(Report, TheCsvHasOneRowAMetricAndStrategy) {
  const std::string text = written(Output::kCsv);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
            1 + std::count_if(metrics().begin(), metrics().end(), [](const MetricInfo& m) { return m.headline; }));
  EXPECT_THAT(text, HasSubstr("small,sessions-lost,sessions,sessions,random,10,"));
  EXPECT_THAT(text, HasSubstr(",worse,1,lower,paired t,0,0\n"));
}

TEST(Report, NumbersAreShort) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(-0.0), "0");
  EXPECT_EQ(short_number(12.34567), "12.35");
  EXPECT_EQ(short_number(0.000123456), "0.0001235");
  EXPECT_EQ(short_number(123456.7), "123457");
  EXPECT_EQ(short_number(-4200.4), "-4200");
}

}  // namespace
}  // namespace homing::sim
