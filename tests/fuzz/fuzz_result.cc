// SPDX-License-Identifier: Apache-2.0
//
// The result reader: a good file is made once, then spoiled in its bytes (a damaged disk) and in its cells (a file that
// another program wrote: wrong types, ids that name nothing, blobs of another length). Whatever is left is read,
// compared and listed as the commands do it.
#include <fmt/format.h>

#include <sstream>

#include "router/base/sqlite.h"
#include "router/core/check.h"
#include "sim/commands.h"
#include "sim/report.h"
#include "sim/results.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/small_result.h"

namespace {

using namespace homing;

struct Cell {
  const char* table;
  const char* column;
};
constexpr Cell kCells[] = {
    {"scenario", "id"},
    {"scenario", "name"},
    {"scenario", "text"},
    {"scenario", "start_ns"},
    {"scenario", "baseline"},
    {"node", "scenario"},
    {"node", "id"},
    {"node", "name"},
    {"strategy", "scenario"},
    {"strategy", "id"},
    {"strategy", "base"},
    {"strategy", "params"},
    {"metric", "id"},
    {"metric", "name"},
    {"metric", "better"},
    {"metric", "margin"},
    {"expect", "metric"},
    {"expect", "verdict"},
    {"expect", "scenario"},
    {"run", "id"},
    {"run", "scenario"},
    {"run", "strategy"},
    {"run", "seed"},
    {"run", "plan_hash"},
    {"value", "run"},
    {"value", "metric"},
    {"value", "value"},
    {"series", "node"},
    {"series", "bucket_ns"},
    {"series", "buckets"},
    {"series", "blob"},
    {"session_loss", "node"},
    {"session_loss", "visit"},
    {"user_down", "cause"},
    {"user_down", "visit"},
    {"fault", "node"},
    {"scenario_margin", "scenario"},
    {"scenario_margin", "metric"},
};

// Sets one column of some rows to a number, a text, a blob or nothing; what the schema forbids stays as it was.
void spoil_cell(const std::string& path, fuzz::Bytes& input) {
  const Cell& cell = kCells[input.number(1) % std::size(kCells)];
  auto database = base::Sqlite::open(path, base::Sqlite::Mode::kReadWrite);
  if (!database) return;
  database->execute("PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
  const auto row = input.number(1);
  auto update =
      database->prepare(fmt::format("UPDATE OR IGNORE \"{}\" SET \"{}\" = ?1 WHERE {}", cell.table, cell.column,
                                    row < 128 ? std::string("1") : fmt::format("(abs(random()) % 3) = {}", row % 3)));
  if (!update) return;
  const std::uint32_t kind = input.number(1) % 5;
  if (kind == 0) update->bind(1, static_cast<std::int64_t>(input.number(1)));
  if (kind == 1) update->bind(1, static_cast<std::int64_t>(std::uint64_t{input.number(4)} << 32 | input.number(4)));
  if (kind == 2) update->bind(1, input.word());
  if (kind == 3) update->bind_blob(1, input.word());
  if (kind == 4) update->bind_null(1);
  update->run();
}

void read_everything(const std::string& path) {
  const auto results = sim::ResultReader::open(path);
  if (!results) {
    CHECK(!results.error().empty());
    return;
  }
  for (const sim::RunRow& run : results->runs()) {
    (void)results->series(run.id, "sessions");
    (void)results->faults(run.id);
    (void)results->downs(run.id);
    (void)results->losses(run.id);
    if (run.id > 2) break;
  }
  (void)results->canonical_dump();
  const auto reports = sim::build_reports(*results, std::nullopt);
  if (reports) {
    for (const auto output : {sim::Output::kTable, sim::Output::kJson, sim::Output::kCsv}) {
      (void)sim::write_reports(*reports, output);
    }
  }
  std::ostringstream out;
  std::ostringstream err;
  const std::string arguments[] = {path};
  (void)sim::why_command(arguments, out, err);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kGood = fuzz::small_result();
  const std::string path = fuzz::scratch_folder() + "/r.sqlite";
  fuzz::Bytes input(data, size);
  std::string bytes = kGood;
  std::uint32_t cells = 0;
  fuzz::write_file(path, bytes);
  while (!input.empty() && cells < 6) {
    if (input.number(1) % 2 == 0) {
      spoil_cell(path, input);
      ++cells;
    } else {
      bytes = fuzz::read_file(path);
      fuzz::spoil(bytes, input);
      fuzz::write_file(path, bytes);
    }
  }
  read_everything(path);
  return 0;
}
