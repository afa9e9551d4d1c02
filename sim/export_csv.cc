// SPDX-License-Identifier: Apache-2.0
#include "sim/export_csv.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "router/base/sqlite.h"
#include "router/base/suggest.h"
#include "sim/commands.h"
#include "sim/results.h"

namespace homing::sim {
namespace {

namespace fs = std::filesystem;
using base::Sqlite;
using base::Statement;
using Error = std::unexpected<std::string>;

constexpr const char* kUsage = "homing-sim export RESULT --csv DIR [--replace]";
constexpr const char* kColumnsFile = "columns.csv";  // also tells that a folder is an export
constexpr std::string_view kRunColumns = "run_key,scenario_name,strategy_name,strategy_base,strategy_params,run_seed,";
constexpr std::string_view kMetricColumns = "metric_name,metric_unit,metric_exported,";

std::string cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string number_cell(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : std::string();
}

// By what a column is called. Columns without a unit are names, ids, counts of their own name, or have it in the row.
std::string unit_of(const std::string& table, const std::string& column) {
  static const std::pair<std::string_view, std::string_view> kSuffixes[] = {
      {"_ns", "ns"}, {"_ms", "ms"}, {"_s", "s"}, {"_min", "min"}, {"_bytes", "bytes"}, {"_utc", "ISO 8601, UTC"}};
  for (const auto& [suffix, unit] : kSuffixes) {
    if (column.ends_with(suffix)) return std::string(unit);
  }
  if (column == "cores") return "cores";
  if (column == "events" || column == "decisions" || column == "buckets") return column;
  const bool own = column == "value" || column == "margin" || column == "min" || column == "mean" || column == "max" ||
                   column == "last";
  if (!own) return "";
  return table == "series" || table == "metric" ? "the row's unit" : "the row's metric_unit";
}

class Exporter {
 public:
  Exporter(Sqlite& database, fs::path folder) : database_(database), folder_(std::move(folder)) {}

  std::expected<ExportCount, std::string> all() {
    if (auto read = read_prefixes(); !read) return Error(read.error());
    std::vector<std::string> names;
    auto read = each(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
        "ORDER BY name",
        [&](const Statement& row) {
          names.push_back(row.text(0));
          return true;
        });
    if (!read) return Error(read.error());
    for (const std::string& name : names) {
      read = name == "series" ? series() : table(name);
      if (!read) return Error(read.error());
    }
    std::string text = "file,column,unit\n";
    for (const auto& [file, column, unit] : columns_) text += fmt::format("{},{},{}\n", file, column, cell(unit));
    std::ofstream out(folder_ / kColumnsFile, std::ios::binary);
    out << text;
    if (!out.flush()) return Error(full(kColumnsFile));
    ++count_.files;
    return count_;
  }

 private:
  struct Listed {
    std::string file, column, unit;
  };

  std::string full(const std::string& file) const {
    return fmt::format("{} cannot be written; free some space or name a folder elsewhere", (folder_ / file).string());
  }

  template <typename Take>
  std::expected<void, std::string> each(const std::string& sql, Take take) {
    auto statement = database_.prepare(sql);
    if (!statement) return Error(statement.error());
    for (;;) {
      switch (statement->step()) {
        case Statement::Step::kRow:
          if (!take(*statement)) return {};
          break;
        case Statement::Step::kDone:
          return {};
        case Statement::Step::kBusy:
          return Error(fmt::format("{} is being written; try again when the run has ended", database_.path()));
        case Statement::Step::kFailed:
          return Error(
              fmt::format("{} cannot be read: {}; run the scenario again", database_.path(), database_.error()));
      }
    }
  }

  std::expected<void, std::string> read_prefixes() {
    auto read = each(
        "SELECT run.id, run.key, scenario.name, strategy.name, strategy.base, strategy.params, run.seed FROM run "
        "JOIN scenario ON scenario.id = run.scenario JOIN strategy ON strategy.scenario = run.scenario AND "
        "strategy.id = run.strategy",
        [&](const Statement& row) {
          std::string& prefix = runs_[row.integer(0)];
          for (int i = 1; i <= 6; ++i) prefix += cell(row.text(i)) + ",";
          return true;
        });
    if (!read) return read;
    const bool exported = database_.query_integer("PRAGMA user_version") >= 2;
    return each(
        fmt::format("SELECT id, name, unit, {} FROM metric", exported ? "exported" : "''"), [&](const Statement& row) {
          metrics_[row.integer(0)] = fmt::format("{},{},{},", cell(row.text(1)), cell(row.text(2)), cell(row.text(3)));
          return true;
        });
  }

  std::expected<std::vector<std::string>, std::string> columns_of(const std::string& name) {
    std::vector<std::string> columns;
    auto read = each(fmt::format("PRAGMA table_info(\"{}\")", name), [&](const Statement& row) {
      columns.push_back(row.text(1));
      return true;
    });
    if (!read) return Error(read.error());
    return columns;
  }

  void list(const std::string& file, std::string_view header, const std::string& table) {
    std::size_t from = 0;
    while (from < header.size()) {
      const std::size_t comma = std::min(header.find(',', from), header.size());
      const std::string column(header.substr(from, comma - from));
      if (!column.empty()) columns_.push_back({file, column, unit_of(table, column)});
      from = comma + 1;
    }
  }

  std::string run_prefix(std::int64_t run) const {
    const auto found = runs_.find(run);
    return found == runs_.end() ? std::string(",,,,,,") : found->second;
  }

  std::expected<void, std::string> table(const std::string& name) {
    const auto columns = columns_of(name);
    if (!columns) return Error(columns.error());
    int run_column = -1;
    int metric_column = -1;
    std::string header;
    std::string select;
    for (std::size_t i = 0; i < columns->size(); ++i) {
      const std::string& column = (*columns)[i];
      if (column == "run" || (name == "run" && column == "id")) run_column = static_cast<int>(i);
      if (column == "metric" && (name == "value" || name == "scenario_margin")) metric_column = static_cast<int>(i);
      header += (header.empty() ? "" : ",") + column;
      select += fmt::format("{0}typeof(\"{1}\"), \"{1}\"", select.empty() ? "" : ", ", column);
    }
    if (metric_column >= 0) header.insert(0, kMetricColumns);
    if (run_column >= 0) header.insert(0, kRunColumns);
    const std::string file = name + ".csv";
    std::ofstream out(folder_ / file, std::ios::binary);
    out << header << '\n';
    list(file, header, name);
    const auto read = each(fmt::format("SELECT {} FROM \"{}\"", select, name), [&](const Statement& row) {
      std::string line;
      if (run_column >= 0) line += run_prefix(row.integer(2 * run_column + 1));
      if (metric_column >= 0) {
        const auto metric = metrics_.find(row.integer(2 * metric_column + 1));
        line += metric == metrics_.end() ? ",,," : metric->second;
      }
      for (std::size_t i = 0; i < columns->size(); ++i) {
        const int at = static_cast<int>(2 * i);
        const std::string type = row.text(at);
        if (i > 0) line += ',';
        if (type == "real") line += number_cell(row.number(at + 1));
        if (type == "integer" || type == "text") line += cell(row.text(at + 1));
      }
      out << line << '\n';
      ++count_.rows;
      return out.good();
    });
    if (!read) return read;
    if (!out.flush()) return Error(full(file));
    ++count_.files;
    return {};
  }

  std::expected<void, std::string> series() {
    const std::string file = "series.csv";
    std::ofstream out(folder_ / file, std::ios::binary);
    const std::string header =
        std::string(kRunColumns) + "run,node,node_name,name,unit,from_s,bucket_s,min,mean,max,last";
    out << header << '\n';
    list(file, header, "series");
    std::string wrong;
    const auto read = each(
        "SELECT series.run, series.node, coalesce(node.name, ''), series.name, series_name.unit, series.bucket_ns, "
        "series.blob FROM series JOIN run ON run.id = series.run JOIN series_name ON series_name.name = series.name "
        "LEFT JOIN node ON node.scenario = run.scenario AND node.id = series.node "
        "ORDER BY series.run, series.name, series.node",
        [&](const Statement& row) {
          const auto buckets = decode_buckets(row.text(6));
          if (!buckets) {
            wrong = fmt::format("{}: {}; run the scenario again", database_.path(), buckets.error());
            return false;
          }
          const std::string begin =
              fmt::format("{}{},{},{},{},{},", run_prefix(row.integer(0)), row.integer(0), row.integer(1),
                          cell(row.text(2)), cell(row.text(3)), cell(row.text(4)));
          const double bucket_s = static_cast<double>(row.integer(5)) * 1e-9;
          for (std::size_t i = 0; i < buckets->size(); ++i) {
            const Bucket& bucket = (*buckets)[i];
            out << begin << number_cell(static_cast<double>(i) * bucket_s) << ',' << number_cell(bucket_s) << ','
                << number_cell(bucket.min) << ',' << number_cell(bucket.mean) << ',' << number_cell(bucket.max) << ','
                << number_cell(bucket.last) << '\n';
            ++count_.rows;
          }
          return out.good();
        });
    if (!read) return read;
    if (!wrong.empty()) return Error(wrong);
    if (!out.flush()) return Error(full(file));
    ++count_.files;
    return {};
  }

  Sqlite& database_;
  fs::path folder_;
  std::map<std::int64_t, std::string> runs_;     // first cells of a run's rows
  std::map<std::int64_t, std::string> metrics_;  // first cells of a metric's rows
  std::vector<Listed> columns_;
  ExportCount count_;
};

// Empty: it may be made (again). Else why not.
std::string refusal(const fs::path& folder, bool replace) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return "";
  if (!fs::is_directory(folder, ignored)) {
    return fmt::format("{} is no folder; name another one with --csv", folder.string());
  }
  if (fs::is_empty(folder, ignored)) return "";
  if (!fs::exists(folder / kColumnsFile, ignored)) {
    return fmt::format("{} holds other files and is left alone; name another folder with --csv", folder.string());
  }
  if (replace) return "";
  return fmt::format("{} exists already; add --replace or name another folder with --csv", folder.string());
}

}  // namespace

std::expected<ExportCount, std::string> export_csv(const std::string& result, const std::string& folder, bool replace) {
  // The reader refuses what is no result or too new.
  if (const auto reader = ResultReader::open(result); !reader) return Error(reader.error());
  fs::path target(folder);
  if (!target.has_filename()) target = target.parent_path();  // "out/"
  if (const std::string why = refusal(target, replace); !why.empty()) return Error(why);
  auto database = Sqlite::open(result, Sqlite::Mode::kReadOnly);
  if (!database) return Error(database.error());
  const fs::path beside(target.string() + ".part");
  std::error_code error;
  fs::remove_all(beside, error);
  if (!fs::create_directory(beside, error)) {
    return Error(fmt::format("{} cannot be created; check that its folder exists and may be written", beside.string()));
  }
  auto done = Exporter(*database, beside).all();
  if (done) {
    fs::remove_all(target, error);
    fs::rename(beside, target, error);
    if (error) done = Error(fmt::format("{} cannot be named {}: {}", beside.string(), folder, error.message()));
  }
  if (!done) {
    std::error_code ignored;
    fs::remove_all(beside, ignored);
  }
  return done;
}

int export_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  const auto usage = [&](const std::string& wrong) {
    err << "homing-sim: " << wrong << "; usage: " << kUsage << '\n';
    return kExitUsage;
  };
  std::string result;
  std::string folder;
  bool replace = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--replace") {
      replace = true;
    } else if (argument == "--csv") {
      if (i + 1 == arguments.size()) return usage("--csv needs a folder");
      folder = arguments[++i];
    } else if (argument.size() > 1 && argument[0] == '-') {
      std::string text = fmt::format("unknown option {}", argument);
      const std::vector<std::string> known = {"--csv", "--replace"};
      if (const auto near = base::nearest_name(argument, known)) text += fmt::format("; did you mean {}?", *near);
      return usage(text);
    } else if (!result.empty()) {
      return usage("expected one result file");
    } else {
      result = argument;
    }
  }
  if (result.empty()) return usage("no result file is named");
  if (folder.empty()) return usage("no folder is named");
  const auto done = export_csv(result, folder, replace);
  if (!done) {
    err << "homing-sim: " << done.error() << '\n';
    return kExitUsage;
  }
  out << fmt::format("{}: {} files, {} rows\n", folder, done->files, done->rows);
  return kExitOk;
}

}  // namespace homing::sim
