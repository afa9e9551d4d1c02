// SPDX-License-Identifier: Apache-2.0
#include "sim/export_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "router/base/sqlite.h"
#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Reads RFC 4180 as a stranger would.
std::vector<std::vector<std::string>> parse(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1);
  std::string cell;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] != '"') {
        cell += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += text[++i];
      } else {
        quoted = false;
      }
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == ',' || text[i] == '\n') {
      rows.back().push_back(std::move(cell));
      cell.clear();
      if (text[i] == '\n') rows.emplace_back();
    } else {
      cell += text[i];
    }
  }
  rows.pop_back();
  return rows;
}

std::size_t column(const std::vector<std::vector<std::string>>& rows, const std::string& name) {
  const auto found = std::find(rows[0].begin(), rows[0].end(), name);
  EXPECT_NE(found, rows[0].end()) << name;
  return static_cast<std::size_t>(found - rows[0].begin());
}

struct Exported {
  Scratch scratch;
  std::string folder = scratch.file("csv");
  Exported() {
    write_small(scratch.file("r.sqlite"));
    const auto done = export_csv(scratch.file("r.sqlite"), folder, false);
    EXPECT_TRUE(done.has_value()) << done.error();
  }
  std::vector<std::vector<std::string>> rows(const std::string& table) const {
    return parse(content(folder + "/" + table + ".csv"));
  }
};

TEST(ExportCsv, EveryTableAndViewIsAFileWithAllItsRowsAndEveryRowIsWhole) {
  const Exported exported;
  auto database = base::Sqlite::open(exported.scratch.file("r.sqlite"), base::Sqlite::Mode::kReadOnly);
  auto names = database->prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')");
  int files = 0;
  while (names->step() == base::Statement::Step::kRow) {
    const std::string name = names->text(0);
    const auto rows = exported.rows(name);
    ++files;
    for (const auto& row : rows) ASSERT_EQ(row.size(), rows[0].size()) << name;
    const auto expected = name == "series" ? database->query_integer("SELECT sum(buckets) FROM series")
                                           : database->query_integer("SELECT count(*) FROM " + name);
    EXPECT_EQ(rows.size(), static_cast<std::size_t>(expected) + 1) << name;
  }
  EXPECT_EQ(files, 22);
}

TEST(ExportCsv, EachRowOfARunSaysWhichRunItIs) {
  const Exported exported;
  const auto values = exported.rows("value");
  const auto& row = values[1 + 3 * 13];  // run 13, first metric
  EXPECT_EQ(row[column(values, "run")], "13");
  EXPECT_EQ(row[column(values, "run_key")], run_key(small_scenario(), 1, 4));
  EXPECT_EQ(row[column(values, "scenario_name")], "small");
  EXPECT_EQ(row[column(values, "strategy_name")], "random");
  EXPECT_EQ(row[column(values, "strategy_params")], "{}");
  EXPECT_EQ(row[column(values, "run_seed")], "4");
  EXPECT_EQ(row[column(values, "metric_name")], "sessions-lost");
  EXPECT_EQ(row[column(values, "metric_unit")], "sessions");
  EXPECT_EQ(row[column(values, "metric_exported")], "homing_sessions_lost_total");
  EXPECT_EQ(std::stod(row[column(values, "value")]), 3.0 + 2 + 0.1 * 4) << "every bit";
  EXPECT_EQ(std::stod(values[2][column(values, "value")]), 1.0 / 3.0);
}

TEST(ExportCsv, SeriesAreWrittenOutAndMissingIsEmpty) {
  const Exported exported;
  const auto series = exported.rows("series");
  ASSERT_EQ(series.size(), 1u + 2 * 4);
  EXPECT_THAT(content(exported.folder + "/series.csv"), HasSubstr(",0,0,n1,sessions,sessions,0,2,1,1.5,2,2\n"));
  EXPECT_THAT(content(exported.folder + "/series.csv"), HasSubstr(",0,2,n3,sessions,sessions,2,2,,,,\n"));
}

TEST(ExportCsv, TextWithCommasQuotesAndLinesSurvives) {
  const Exported exported;
  const auto scenarios = exported.rows("scenario");
  EXPECT_EQ(scenarios[1][column(scenarios, "text")], kSmallScenario);
  const auto faults = exported.rows("fault");
  EXPECT_EQ(faults[1][column(faults, "end_ns")], "") << "NULL";
}

TEST(ExportCsv, UnitsOfAllColumnsAreListed) {
  const Exported exported;
  const std::string columns = content(exported.folder + "/columns.csv");
  EXPECT_THAT(columns, StartsWith("file,column,unit\n"));
  EXPECT_THAT(columns, HasSubstr("user_down.csv,from_ns,ns\n"));
  EXPECT_THAT(columns, HasSubstr("value.csv,value,the row's metric_unit\n"));
  EXPECT_THAT(columns, HasSubstr("v_user_downs.csv,down_min,min\n"));
  EXPECT_THAT(columns, HasSubstr("series.csv,mean,the row's unit\n"));
}

TEST(ExportCsv, AFolderWithOtherFilesIsLeftAloneAndAnExportOnlyReplacedWhenAsked) {
  const Exported exported;
  const std::string result = exported.scratch.file("r.sqlite");
  const auto again = export_csv(result, exported.folder, false);
  ASSERT_FALSE(again.has_value());
  EXPECT_THAT(again.error(), HasSubstr("--replace"));
  std::ofstream(exported.folder + "/stale.csv") << "old";
  ASSERT_TRUE(export_csv(result, exported.folder + "/", true).has_value());
  EXPECT_FALSE(std::filesystem::exists(exported.folder + "/stale.csv"));
  const std::string other = exported.scratch.file("letters");
  std::filesystem::create_directory(other);
  ASSERT_TRUE(export_csv(result, other, false).has_value()) << "an empty folder is free";
  std::filesystem::remove(other + "/columns.csv");
  const auto refused = export_csv(result, other, true);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("left alone"));
}

TEST(ExportCsv, NothingIsLeftBehindWhenItFails) {
  const Scratch scratch;
  write_small(scratch.file("r.sqlite"));
  {
    auto database = base::Sqlite::open(scratch.file("r.sqlite"), base::Sqlite::Mode::kReadWrite);
    ASSERT_TRUE(database->execute("PRAGMA ignore_check_constraints = 1"));
    ASSERT_TRUE(database->execute("UPDATE series SET blob = x'0102'"));
  }
  const auto done = export_csv(scratch.file("r.sqlite"), scratch.file("csv"), false);
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error(), HasSubstr("run the scenario again"));
  EXPECT_FALSE(std::filesystem::exists(scratch.file("csv")));
  EXPECT_FALSE(std::filesystem::exists(scratch.file("csv.part")));
  EXPECT_FALSE(export_csv(scratch.file("none.sqlite"), scratch.file("csv"), false).has_value());
  EXPECT_FALSE(export_csv(scratch.file("r.sqlite"), "/no/such/folder/csv", false).has_value());
}

TEST(ExportCommand, SaysWhatIsWrongWithItsArguments) {
  const auto said = [](std::vector<std::string> arguments) {
    std::ostringstream out, err;
    EXPECT_EQ(export_command(arguments, out, err), 2);
    return err.str();
  };
  EXPECT_THAT(said({}), HasSubstr("no result file is named"));
  EXPECT_THAT(said({"r.sqlite"}), HasSubstr("no folder is named"));
  EXPECT_THAT(said({"r.sqlite", "--csv"}), HasSubstr("needs a folder"));
  EXPECT_THAT(said({"r.sqlite", "--cvs", "x"}), HasSubstr("did you mean --csv?"));
  EXPECT_THAT(said({"none.sqlite", "--csv", "x"}), HasSubstr("make it with homing-sim run"));
}

}  // namespace
}  // namespace homing::sim
