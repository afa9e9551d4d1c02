// SPDX-License-Identifier: Apache-2.0
//
// Reading result files.
#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "sim/hash.h"
#include "sim/results.h"

namespace homing::sim {
namespace {

using base::Sqlite;
using base::Statement;
using Error = std::unexpected<std::string>;

constexpr std::int64_t kApplicationId = 0x484d4e47;  // schema.sql
constexpr int kBusyTimeoutMs = 10'000;

Better better_of(const std::string& word) {
  if (word == "lower") return Better::kLower;
  return word == "higher" ? Better::kHigher : Better::kNeither;
}

Feeling feeling_of(const std::string& word) {
  if (word == "cut") return Feeling::kCut;
  return word == "lost" ? Feeling::kLost : Feeling::kWaiting;
}

std::string damaged(const std::string& path, const std::string& what) {
  return fmt::format("{} is damaged: {}; run the scenario again", path, what);
}

bool is_database(const std::string& path) {
  constexpr std::string_view kMagic = "SQLite format 3";
  std::string start(kMagic.size(), '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == kMagic;
}

// Calls `take` for each row of a query.
template <typename Take>
std::expected<void, std::string> for_each_row(Sqlite& database, std::string_view sql, Take take) {
  auto statement = database.prepare(sql);
  if (!statement) return Error(damaged(database.path(), statement.error()));
  for (;;) {
    switch (statement->step()) {
      case Statement::Step::kRow:
        take(*statement);
        break;
      case Statement::Step::kDone:
        return {};
      case Statement::Step::kBusy:
        return Error(fmt::format("{} is being written; try again in a moment", database.path()));
      case Statement::Step::kFailed:
        return Error(damaged(database.path(), database.error()));
    }
  }
}

int integer(const Statement& row, int column) {
  return static_cast<int>(row.integer(column));
}

struct Column {
  std::string name;
  bool blob = false;
  int key = 0;  // place in the primary key, from 1; 0: not part of it
};

std::expected<std::vector<Column>, std::string> columns_of(Sqlite& database, const std::string& table) {
  std::vector<Column> columns;
  const auto read = for_each_row(database, fmt::format("PRAGMA table_info(\"{}\")", table), [&](const Statement& row) {
    columns.push_back({row.text(1), row.text(2) == "BLOB", integer(row, 5)});
  });
  if (!read) return Error(read.error());
  return columns;
}

// Rows as "table|column=value|...", in order of the primary key; a blob shows as its length and hash.
std::expected<void, std::string> dump_table(Sqlite& database, const std::string& table, std::string& out) {
  const auto columns = columns_of(database, table);
  if (!columns) return Error(columns.error());
  std::string select;
  std::map<int, std::string> keys;
  for (const Column& column : *columns) {
    select += select.empty() ? "" : ", ";
    select += column.blob ? fmt::format("\"{}\"", column.name) : fmt::format("quote(\"{}\")", column.name);
    if (column.key > 0) keys[column.key] = fmt::format("\"{}\"", column.name);
  }
  std::string order;
  for (const auto& [place, name] : keys) order += (order.empty() ? "" : ", ") + name;
  return for_each_row(database, fmt::format("SELECT {} FROM \"{}\" ORDER BY {}", select, table, order),
                      [&](const Statement& row) {
                        out += table;
                        for (std::size_t i = 0; i < columns->size(); ++i) {
                          const std::string text = row.text(static_cast<int>(i));
                          out += fmt::format("|{}=", (*columns)[i].name);
                          if ((*columns)[i].blob) {
                            Hash128 hash;
                            hash.add(text);
                            out += fmt::format("{} bytes {}", text.size(), hash.hex());
                          } else {
                            out += text;
                          }
                        }
                        out += '\n';
                      });
}

}  // namespace

std::expected<ResultReader, std::string> ResultReader::open(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Error(fmt::format("{} does not exist; make it with homing-sim run SCENARIO --out {}", path, path));
  }
  if (std::filesystem::is_directory(path, ignored)) {
    return Error(fmt::format("{} is a folder; name the result file in it", path));
  }
  auto database = Sqlite::open(path, Sqlite::Mode::kReadOnly);
  if (!database) return Error(fmt::format("{}; check that you may read it", database.error()));
  database->busy_timeout_ms(kBusyTimeoutMs);
  const std::int64_t application = database->query_integer("PRAGMA application_id");
  if (database->failing() && is_database(path)) return Error(damaged(path, database->error()));
  if (application != kApplicationId) {
    return Error(fmt::format("{} is no result file of homing-sim; name a file that homing-sim run --out wrote", path));
  }
  const std::int64_t schema = database->query_integer("PRAGMA user_version");
  if (schema > kResultSchema) {
    return Error(fmt::format(
        "{} has result schema {}; this program reads up to {}: use the homing-sim that wrote it or a newer one", path,
        schema, kResultSchema));
  }
  if (schema < 1) return Error(damaged(path, fmt::format("there is no result schema {}", schema)));
  ResultReader reader(std::move(*database));
  reader.schema_ = static_cast<int>(schema);
  auto read = reader.read_scenarios();
  if (read) read = reader.read_metrics();
  if (read) read = reader.read_runs();
  if (!read) return Error(read.error());
  return reader;
}

std::expected<void, std::string> ResultReader::read_scenarios() {
  auto read = for_each_row(
      database_, "SELECT id, name, title, hash, start_ns, horizon_ns, warm_up_ns, baseline FROM scenario ORDER BY id",
      [&](const Statement& row) {
        ScenarioRow scenario;
        scenario.id = integer(row, 0);
        scenario.name = row.text(1);
        scenario.title = row.text(2);
        scenario.hash = row.text(3);
        scenario.start_ns = row.integer(4);
        scenario.horizon_ns = row.integer(5);
        scenario.warm_up_ns = row.integer(6);
        scenario.baseline = integer(row, 7);
        scenarios_.push_back(std::move(scenario));
      });
  // Rows of a scenario that is not there go here.
  ScenarioRow nowhere;
  bool lost = false;
  const auto of = [&](const Statement& row) -> ScenarioRow& {
    for (ScenarioRow& scenario : scenarios_) {
      if (scenario.id == row.integer(0)) return scenario;
    }
    lost = true;
    return nowhere;
  };
  if (read) {
    read = for_each_row(database_, "SELECT scenario, id, name, base, params FROM strategy ORDER BY scenario, id",
                        [&](const Statement& row) {
                          of(row).strategies.push_back({integer(row, 1), row.text(2), row.text(3), row.text(4)});
                        });
  }
  if (read) {
    read = for_each_row(database_, "SELECT scenario, id, name, cores, memory_bytes FROM node ORDER BY scenario, id",
                        [&](const Statement& row) {
                          of(row).nodes.push_back({integer(row, 1), row.text(2), integer(row, 3), row.integer(4)});
                        });
  }
  if (read) {
    read = for_each_row(database_, "SELECT scenario, metric, margin FROM scenario_margin",
                        [&](const Statement& row) { of(row).margins[integer(row, 1)] = row.number(2); });
  }
  if (read) {
    read = for_each_row(database_,
                        "SELECT scenario, metric, strategy, than, verdict, because FROM expect ORDER BY scenario, id",
                        [&](const Statement& row) {
                          of(row).expect.push_back({row.text(1), row.text(2), row.text(3), row.text(4), row.text(5)});
                        });
  }
  if (read && lost) return Error(damaged(database_.path(), "rows belong to a scenario that is not in it"));
  return read;
}

std::expected<void, std::string> ResultReader::read_metrics() {
  const char* exported = schema_ >= 2 ? "exported" : "''";
  return for_each_row(
      database_,
      fmt::format("SELECT id, name, label, unit, better, margin, headline, description, {} FROM metric ORDER BY id",
                  exported),
      [&](const Statement& row) {
        metrics_.push_back({integer(row, 0),
                            {row.text(1), row.text(2), row.text(3), better_of(row.text(4)), row.number(5),
                             row.integer(6) != 0, row.text(7), row.text(8)}});
      });
}

std::expected<void, std::string> ResultReader::read_runs() {
  std::map<int, std::size_t> places;
  auto read = for_each_row(database_,
                           "SELECT id, key, scenario, strategy, seed, plan_hash, fingerprint, paired, events, "
                           "decisions FROM run ORDER BY id",
                           [&](const Statement& row) {
                             places[integer(row, 0)] = runs_.size();
                             runs_.push_back({integer(row, 0),
                                              row.text(1),
                                              integer(row, 2),
                                              integer(row, 3),
                                              static_cast<std::uint64_t>(row.integer(4)),
                                              row.text(5),
                                              row.text(6),
                                              row.integer(7) != 0,
                                              row.integer(8),
                                              row.integer(9),
                                              {}});
                           });
  if (!read) return read;
  return for_each_row(database_, "SELECT run, metric, value FROM value", [&](const Statement& row) {
    // A run that was committed between the two queries is left to the next reader.
    const auto place = places.find(integer(row, 0));
    if (place != places.end()) runs_[place->second].values[integer(row, 1)] = row.number(2);
  });
}

std::expected<std::vector<Series>, std::string> ResultReader::series(int run, const std::string& name) const {
  auto statement =
      database_.prepare("SELECT node, bucket_ns, blob FROM series WHERE run = ? AND name = ? ORDER BY node");
  if (!statement) return Error(damaged(database_.path(), statement.error()));
  statement->bind(1, std::int64_t{run});
  statement->bind(2, std::string_view(name));
  std::vector<Series> all;
  while (statement->step() == Statement::Step::kRow) {
    auto buckets = decode_buckets(statement->text(2));
    if (!buckets) return Error(damaged(database_.path(), buckets.error()));
    all.push_back({integer(*statement, 0), name, statement->integer(1), std::move(*buckets)});
  }
  return all;
}

std::expected<std::vector<FaultRecord>, std::string> ResultReader::faults(int run) const {
  std::vector<FaultRecord> all;
  const auto read = for_each_row(
      database_, fmt::format("SELECT node, kind, start_ns, end_ns, label FROM fault WHERE run = {} ORDER BY id", run),
      [&](const Statement& row) {
        FaultRecord fault{integer(row, 0), row.text(1), row.integer(2), std::nullopt, row.text(4)};
        if (!row.is_null(3)) fault.end_ns = row.integer(3);
        all.push_back(std::move(fault));
      });
  if (!read) return Error(read.error());
  return all;
}

std::expected<std::vector<DownInterval>, std::string> ResultReader::downs(int run) const {
  std::vector<DownInterval> all;
  const auto read = for_each_row(
      database_,
      fmt::format("SELECT user, visit, from_ns, to_ns, cause, cut_by_horizon FROM user_down WHERE run = {} ORDER BY id",
                  run),
      [&](const Statement& row) {
        all.push_back({static_cast<std::uint32_t>(row.integer(0)), static_cast<std::uint32_t>(row.integer(1)),
                       row.integer(2), row.integer(3), feeling_of(row.text(4)), row.integer(5) != 0});
      });
  if (!read) return Error(read.error());
  return all;
}

std::expected<std::vector<SessionLoss>, std::string> ResultReader::losses(int run) const {
  std::vector<SessionLoss> all;
  const auto read = for_each_row(
      database_,
      fmt::format(
          "SELECT at_ns, user, visit, node, kind, present, cause, back_ns FROM session_loss WHERE run = {} ORDER BY id",
          run),
      [&](const Statement& row) {
        SessionLoss loss{row.integer(0),
                         static_cast<std::uint32_t>(row.integer(1)),
                         static_cast<std::uint32_t>(row.integer(2)),
                         integer(row, 3),
                         row.text(4),
                         row.integer(5) != 0,
                         row.text(6),
                         std::nullopt};
        if (!row.is_null(7)) loss.back_ns = row.integer(7);
        all.push_back(std::move(loss));
      });
  if (!read) return Error(read.error());
  return all;
}

std::expected<std::string, std::string> ResultReader::scenario_text(int scenario) const {
  std::optional<std::string> text;
  const auto read = for_each_row(database_, fmt::format("SELECT text FROM scenario WHERE id = {}", scenario),
                                 [&](const Statement& row) { text = row.text(0); });
  if (!read) return Error(read.error());
  if (!text) return Error(fmt::format("{} has no scenario {}", database_.path(), scenario));
  return *text;
}

std::expected<std::string, std::string> ResultReader::canonical_dump() const {
  std::vector<std::string> tables;
  const auto read = for_each_row(database_,
                                 "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND "
                                 "name NOT LIKE '%\\_host' ESCAPE "
                                 "'\\' ORDER BY name",
                                 [&](const Statement& row) { tables.push_back(row.text(0)); });
  if (!read) return Error(read.error());
  std::string out = fmt::format("schema {}\n", schema_);
  for (const std::string& table : tables) {
    const auto dumped = dump_table(database_, table, out);
    if (!dumped) return Error(dumped.error());
  }
  return out;
}

}  // namespace homing::sim
