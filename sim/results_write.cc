// SPDX-License-Identifier: Apache-2.0
//
// Writing result files.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "router/base/strategy_text.h"
#include "router/core/check.h"
#include "router/core/strategy.h"
#include "sim/hash.h"
#include "sim/json_text.h"
#include "sim/results.h"
#include "sim/schema.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kApplicationId = 0x484d4e47;  // schema.sql
constexpr int kBusyTimeoutMs = 10'000;

const char* word(Better better) {
  switch (better) {
    case Better::kLower:
      return "lower";
    case Better::kHigher:
      return "higher";
    case Better::kNeither:
      return "neither";
  }
  return "neither";
}

const char* word(Feeling feeling) {
  switch (feeling) {
    case Feeling::kCut:
      return "cut";
    case Feeling::kLost:
      return "lost";
    default:
      return "waiting";
  }
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string result = "[";
  for (const std::string& text : texts) result += (result.size() > 1 ? "," : "") + json_quoted(text);
  return result + "]";
}

// Every parameter in force, as a configuration writes it; durations and sizes are strings.
std::string params_in_force(const StrategySpec& spec) {
  std::string result = "{";
  for (const core::StrategyParam& param : core::strategy_params(spec.base)) {
    result += (result.size() > 1 ? "," : "") + json_quoted(std::string(param.name)) + ":" +
              base::param_text(param, spec.params[param]);
  }
  return result + "}";
}

// Binds one argument after the other and runs the statement once a row.
class Insert {
 public:
  Insert(base::Sqlite& database, std::string_view sql) : statement_(database.prepare(sql)) {}

  template <typename... Arguments>
  bool row(const Arguments&... arguments) {
    if (!statement_) return false;
    int index = 0;
    (bind(++index, arguments), ...);
    return statement_->run();
  }

 private:
  void bind(int index, std::int64_t value) { statement_->bind(index, value); }
  void bind(int index, int value) { statement_->bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, std::uint32_t value) { statement_->bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, bool value) { statement_->bind(index, std::int64_t{value ? 1 : 0}); }
  void bind(int index, double value) { statement_->bind(index, value); }
  void bind(int index, const std::string& text) { statement_->bind(index, std::string_view(text)); }
  void bind(int index, const char* text) { statement_->bind(index, std::string_view(text)); }
  void bind(int index, const std::optional<std::int64_t>& value) {
    if (value) {
      statement_->bind(index, *value);
    } else {
      statement_->bind_null(index);
    }
  }

  std::expected<base::Statement, std::string> statement_;
};

// An empty file with the permissions that any other program's output has.
bool touch(const std::string& path) {
  return std::ofstream(path, std::ios::trunc).good();
}

bool is_result_file(const std::string& path) {
  auto database = base::Sqlite::open(path, base::Sqlite::Mode::kReadOnly);
  return database && database->query_integer("PRAGMA application_id") == kApplicationId;
}

}  // namespace

std::string run_key(const Scenario& scenario, int strategy, std::uint64_t seed) {
  const StrategySpec& spec = scenario.strategies.at(static_cast<std::size_t>(strategy));
  Hash128 hash;
  hash.add("homing run 1");
  hash.add(scenario.name);
  hash.add(scenario.hash);
  hash.add(spec.name);
  hash.add(spec.base);
  hash.add(params_in_force(spec));
  hash.add(seed);
  return hash.hex();
}

ResultWriter::ResultWriter(base::Sqlite database, const std::vector<Scenario>& scenarios)
    : database_(std::move(database)), scenarios_(scenarios) {}

std::expected<ResultWriter, std::string> ResultWriter::create(const std::string& path,
                                                              const std::vector<Scenario>& scenarios,
                                                              const std::map<std::string, std::string>& host_facts,
                                                              bool replace) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    if (!replace)
      return std::unexpected(fmt::format("{} exists already; remove it or name another file with --out", path));
    if (std::filesystem::file_size(path, ignored) > 0 && !is_result_file(path)) {
      return std::unexpected(fmt::format("{} is no result file and is left alone; name another file with --out", path));
    }
    std::filesystem::remove(path, ignored);
  }
  if (!touch(path)) {
    return std::unexpected(fmt::format("{} cannot be created; check that its folder exists and may be written", path));
  }
  auto database = base::Sqlite::open(path, base::Sqlite::Mode::kReadWrite);
  if (!database) return std::unexpected(database.error());
  database->busy_timeout_ms(kBusyTimeoutMs);
  ResultWriter writer(std::move(*database), scenarios);
  const bool done = writer.database_.execute("BEGIN IMMEDIATE") && writer.database_.execute(std::string(kSchemaSql)) &&
                    writer.write_experiment(scenarios, host_facts) && writer.database_.execute("COMMIT");
  if (done) return writer;
  std::string message = fmt::format("{} cannot be written: {}", path, writer.database_.error());
  std::filesystem::remove(path, ignored);
  return std::unexpected(std::move(message));
}

bool ResultWriter::write_experiment(const std::vector<Scenario>& scenarios,
                                    const std::map<std::string, std::string>& host_facts) {
  Insert experiment(database_, "INSERT INTO experiment VALUES (?, ?)");
  if (!experiment.row("format", "1")) return false;
  Insert host(database_, "INSERT INTO experiment_host VALUES (?, ?)");
  for (const auto& [key, value] : host_facts) {
    if (!host.row(key, value)) return false;
  }
  Insert metric(database_, "INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < metrics().size(); ++i) {
    const MetricInfo& info = metrics()[i];
    if (!metric.row(static_cast<int>(i), info.name, info.label, info.unit, word(info.better), info.margin,
                    info.headline, info.description, info.exported)) {
      return false;
    }
  }
  Insert series(database_, "INSERT INTO series_name VALUES (?, ?, ?)");
  for (const SeriesInfo& info : series_infos()) {
    if (!series.row(info.name, info.unit, info.description)) return false;
  }
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    if (!write_scenario(static_cast<int>(i), scenarios[i])) return false;
  }
  return true;
}

bool ResultWriter::write_scenario(int id, const Scenario& scenario) {
  Insert row(database_, "INSERT INTO scenario VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!row.row(id, scenario.name, scenario.title, scenario.text, scenario.hash, scenario.start.count(),
               scenario.horizon.count(), scenario.warm_up.count(), scenario.baseline)) {
    return false;
  }
  Insert node(database_, "INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < scenario.nodes.size(); ++i) {
    const NodeSpec& spec = scenario.nodes[i];
    const int place = static_cast<int>(i);
    if (!node.row(id, place, spec.name, spec.cores, spec.memory_bytes, json_list(spec.labels),
                  place < scenario.routers)) {
      return false;
    }
  }
  Insert strategy(database_, "INSERT INTO strategy VALUES (?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < scenario.strategies.size(); ++i) {
    const StrategySpec& spec = scenario.strategies[i];
    if (!strategy.row(id, static_cast<int>(i), spec.name, spec.base, params_in_force(spec))) return false;
  }
  Insert margin(database_, "INSERT INTO scenario_margin VALUES (?, ?, ?)");
  for (const auto& [name, value] : scenario.margins) {
    const auto metric = metric_index(name);
    if (metric && !margin.row(id, *metric, value)) return false;
  }
  Insert expect(database_, "INSERT INTO expect VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < scenario.expect.size(); ++i) {
    const ExpectSpec& spec = scenario.expect[i];
    if (!expect.row(id, static_cast<int>(i), spec.metric, spec.strategy, spec.than, spec.verdict, spec.because))
      return false;
  }
  return true;
}

std::expected<void, std::string> ResultWriter::write(const RunRecord& run) {
  if (database_.execute("BEGIN IMMEDIATE") && write_run(run) && database_.execute("COMMIT")) return {};
  std::string message = fmt::format("{} cannot take run {}: {}; the finished runs in it are whole", database_.path(),
                                    run.id, database_.error());
  if (database_.in_transaction()) database_.execute("ROLLBACK");
  return std::unexpected(std::move(message));
}

bool ResultWriter::write_run(const RunRecord& run) {
  const Scenario& scenario = scenarios_.at(static_cast<std::size_t>(run.scenario));
  Insert row(database_, "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  Insert host(database_, "INSERT INTO run_host VALUES (?, ?, ?, ?, ?, ?)");
  return row.row(run.id, run_key(scenario, run.strategy, run.seed), run.scenario, run.strategy,
                 static_cast<std::int64_t>(run.seed), run.plan_hash, run.paired, run.fingerprint, run.horizon_ns,
                 run.events, run.decisions) &&
         host.row(run.id, run.host, run.started_utc, run.wall_ms, run.cpu_ms, run.peak_bytes) && write_values(run) &&
         write_series(run) && write_happenings(run);
}

bool ResultWriter::write_values(const RunRecord& run) {
  Insert row(database_, "INSERT INTO value VALUES (?, ?, ?)");
  for (const auto& [metric, value] : run.values) {
    if (!row.row(run.id, metric, value)) return false;
  }
  return true;
}

bool ResultWriter::write_series(const RunRecord& run) {
  auto row = database_.prepare("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)");
  if (!row) return false;
  for (const Series& series : run.series) {
    CHECK(series.buckets.size() <= static_cast<std::size_t>(kMaxBuckets));
    row->bind(1, std::int64_t{run.id});
    row->bind(2, std::int64_t{series.node});
    row->bind(3, std::string_view(series.name));
    row->bind(4, series.bucket_ns);
    row->bind(5, static_cast<std::int64_t>(series.buckets.size()));
    row->bind_blob(6, encode_buckets(series.buckets));
    if (!row->run()) return false;
  }
  return true;
}

bool ResultWriter::write_happenings(const RunRecord& run) {
  Insert fault(database_, "INSERT INTO fault VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < run.faults.size(); ++i) {
    const FaultRecord& f = run.faults[i];
    if (!fault.row(run.id, static_cast<int>(i), f.node, f.kind, f.start_ns, f.end_ns, f.label)) return false;
  }
  Insert loss(database_, "INSERT INTO session_loss VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < run.losses.size(); ++i) {
    const SessionLoss& l = run.losses[i];
    if (!loss.row(run.id, static_cast<int>(i), l.at_ns, l.user, l.visit, l.node, l.kind, l.owner_present, l.cause,
                  l.back_ns)) {
      return false;
    }
  }
  Insert down(database_, "INSERT INTO user_down VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (std::size_t i = 0; i < run.downs.size(); ++i) {
    const DownInterval& d = run.downs[i];
    if (!down.row(run.id, static_cast<int>(i), d.user, d.visit, d.from_ns, d.to_ns, word(d.cause), d.cut_by_horizon)) {
      return false;
    }
  }
  return true;
}

}  // namespace homing::sim
