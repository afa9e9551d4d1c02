// SPDX-License-Identifier: Apache-2.0
//
// Result files that were hurt on their way: whatever bytes they hold, reading ends in an answer or a sentence.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "router/core/draws.h"
#include "sim/export_csv.h"
#include "sim/report.h"
#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Everything that a person can ask of a file. Returns whether it could be opened.
bool ask_everything(const Scratch& scratch, const std::string& path) {
  const auto exported = export_csv(path, scratch.file("csv"), true);
  if (!exported) EXPECT_FALSE(exported.error().empty());
  const auto reader = ResultReader::open(path);
  if (!reader) {
    EXPECT_NE(reader.error().find("hurt.sqlite"), std::string::npos) << reader.error();
    return false;
  }
  (void)reader->canonical_dump();
  for (const RunRow& run : reader->runs()) {
    (void)reader->series(run.id, "sessions");
    (void)reader->faults(run.id);
    (void)reader->downs(run.id);
  }
  const auto reports = build_reports(*reader, std::nullopt, metric_choice("all"));
  if (!reports) return true;
  for (const Output output : {Output::kTable, Output::kJson, Output::kCsv}) (void)write_reports(*reports, output);
  return true;
}

TEST(DamagedResults, OfRandomBytesEndInAnAnswerOrASentence) {
  const Scratch scratch;
  std::vector<RunRecord> runs = small_runs();
  runs.resize(4);
  write_small(scratch.file("whole.sqlite"), runs);
  const std::string whole = bytes_of(scratch.file("whole.sqlite"));
  int opened = 0;
  constexpr int kFiles = 150;
  for (std::uint64_t seed = 1; seed <= kFiles; ++seed) {
    core::DrawSequence draws = core::Draws(seed, core::purpose("damage")).at({});
    std::string hurt = whole;
    switch (draws.below(3)) {
      case 0:  // a few bytes anywhere
        for (std::uint64_t i = 0, n = 1 + draws.below(40); i < n; ++i) {
          hurt[draws.below(hurt.size())] = static_cast<char>(draws.below(256));
        }
        break;
      case 1: {  // a stretch is gone
        const std::size_t from = draws.below(hurt.size());
        const std::size_t length = std::min<std::size_t>(hurt.size() - from, draws.below(9000));
        std::fill_n(hurt.begin() + static_cast<std::ptrdiff_t>(from), length, '\0');
        break;
      }
      default:
        hurt.resize(draws.below(hurt.size()));
    }
    std::ofstream(scratch.file("hurt.sqlite"), std::ios::binary) << hurt;
    opened += ask_everything(scratch, scratch.file("hurt.sqlite")) ? 1 : 0;
  }
  EXPECT_GT(opened, kFiles / 20) << "the damage must be such that some of it goes unnoticed at first";
  EXPECT_LT(opened, kFiles);
}

// Well-formed SQL, nonsense in it.
TEST(DamagedResults, OfNonsensicalRowsEndInAnAnswerOrASentence) {
  const Scratch scratch;
  std::vector<RunRecord> runs = small_runs();
  write_small(scratch.file("whole.sqlite"), runs);
  for (const char* sql :
       {"UPDATE scenario SET baseline = 77", "UPDATE run SET strategy = -9 WHERE id = 3", "UPDATE run SET scenario = 5",
        "UPDATE value SET value = 9e999", "UPDATE value SET value = 'many'", "UPDATE value SET metric = 12345",
        "DELETE FROM strategy", "DELETE FROM node", "DELETE FROM metric",
        "DELETE FROM scenario; DELETE FROM strategy; "
        "DELETE FROM node; DELETE FROM expect; DELETE FROM scenario_margin",
        "UPDATE metric SET name = ''", "UPDATE metric SET margin = -1", "UPDATE scenario_margin SET metric = -4",
        "UPDATE run SET plan_hash = NULL", "UPDATE run SET seed = 9223372036854775807 - id",
        "UPDATE user_down SET cause = 'bored', to_ns = -1", "UPDATE series SET node = 99, bucket_ns = 0",
        "UPDATE scenario SET horizon_ns = -1, title = x'ff00fe'"}) {
    std::ofstream(scratch.file("hurt.sqlite"), std::ios::binary) << bytes_of(scratch.file("whole.sqlite"));
    {
      auto database = base::Sqlite::open(scratch.file("hurt.sqlite"), base::Sqlite::Mode::kReadWrite);
      (void)database->execute("PRAGMA ignore_check_constraints = 1");
      (void)database->execute(sql);  // what a constraint refuses cannot be in a file
    }
    (void)ask_everything(scratch, scratch.file("hurt.sqlite"));
  }
}

}  // namespace
}  // namespace homing::sim
