// SPDX-License-Identifier: Apache-2.0
//
// Results: one SQLite file an experiment (schema.sql), written by one thread, read by everybody.
//
// The writer takes finished runs as values and commits each in one transaction, in the order in which they arrive; ids
// are positions in the experiment, so the order does not show. A crash between two runs leaves a file with the finished
// ones.
//
// Errors are sentences for people, with the file's name and the fix. Thread class: ResultWriter is single-owner (other
// threads give it runs through ResultSink, result_sink.h); ResultReader is thread-compatible.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/base/sqlite.h"
#include "sim/measures.h"
#include "sim/scenario.h"
#include "sim/series.h"

namespace homing::sim {

inline constexpr int kResultSchema = 2;

struct FaultRecord {
  int node = -1;
  std::string kind;
  std::int64_t start_ns = 0;
  std::optional<std::int64_t> end_ns;
  std::string label;
};

struct SessionLoss {
  std::int64_t at_ns = 0;
  std::uint32_t user = 0;
  std::uint32_t visit = 0;
  int node = 0;
  std::string kind;
  bool owner_present = false;
  std::string cause;
  std::optional<std::int64_t> back_ns;
};

// A finished run.
struct RunRecord {
  int id = 0;  // position in the experiment
  int scenario = 0;
  int strategy = 0;
  std::uint64_t seed = 0;
  std::string plan_hash;    // hex
  std::string fingerprint;  // hex
  bool paired = true;
  std::int64_t horizon_ns = 0;
  std::int64_t events = 0;
  std::int64_t decisions = 0;
  std::vector<std::pair<int, double>> values;  // metric index, value; sorted by metric
  std::vector<Series> series;
  std::vector<FaultRecord> faults;
  std::vector<SessionLoss> losses;  // in order of time
  std::vector<DownInterval> downs;
  // Not canonical:
  std::string host;
  std::string started_utc;
  std::int64_t wall_ms = 0;
  std::int64_t cpu_ms = 0;
  std::int64_t peak_bytes = 0;
};

class ResultWriter {
 public:
  // Creates the file with the experiment's rows and no run. An existing file is refused, or, with `replace`, replaced
  // when it is a result file. `host_facts` are not canonical.
  static std::expected<ResultWriter, std::string> create(const std::string& path,
                                                         const std::vector<Scenario>& scenarios,
                                                         const std::map<std::string, std::string>& host_facts,
                                                         bool replace);

  // Commits one run. The error is a sentence for people (full disk, file gone); nothing of the run is in the file then.
  std::expected<void, std::string> write(const RunRecord& run);

 private:
  ResultWriter(base::Sqlite database, const std::vector<Scenario>& scenarios);
  bool write_scenario(int id, const Scenario& scenario);
  bool write_experiment(const std::vector<Scenario>& scenarios, const std::map<std::string, std::string>& host_facts);
  bool write_run(const RunRecord& run);
  bool write_values(const RunRecord& run);
  bool write_series(const RunRecord& run);
  bool write_happenings(const RunRecord& run);

  base::Sqlite database_;
  std::vector<Scenario> scenarios_;  // for run keys
};

// The key of a run: hash of the scenario's hash, the strategy with its parameters, and the seed. 32 hex digits.
std::string run_key(const Scenario& scenario, int strategy, std::uint64_t seed);

struct StrategyRow {
  int id = 0;
  std::string name;
  std::string base;
  std::string params;  // JSON
};

struct NodeRow {
  int id = 0;
  std::string name;
  int cores = 0;
  std::int64_t memory_bytes = 0;
};

struct MetricRow {
  int id = 0;
  MetricInfo info;
};

struct ScenarioRow {
  int id = 0;
  std::string name;
  std::string title;
  std::string hash;
  std::int64_t start_ns = 0;
  std::int64_t horizon_ns = 0;
  std::int64_t warm_up_ns = 0;
  int baseline = 0;
  std::vector<StrategyRow> strategies;
  std::vector<NodeRow> nodes;
  std::map<int, double> margins;  // by metric id, where the scenario sets its own
  std::vector<ExpectSpec> expect;
};

struct RunRow {
  int id = 0;
  std::string key;
  int scenario = 0;
  int strategy = 0;
  std::uint64_t seed = 0;
  std::string plan_hash;
  std::string fingerprint;
  bool paired = true;
  std::int64_t events = 0;
  std::int64_t decisions = 0;
  std::map<int, double> values;  // by metric id
};

class ResultReader {
 public:
  // Refuses files that are no results, damaged ones and schema versions newer than ours, with the fix in words.
  static std::expected<ResultReader, std::string> open(const std::string& path);

  const std::string& path() const { return database_.path(); }
  int schema() const { return schema_; }  // of the file: 1 up to kResultSchema
  const std::vector<ScenarioRow>& scenarios() const { return scenarios_; }
  const std::vector<MetricRow>& metric_rows() const { return metrics_; }
  const std::vector<RunRow>& runs() const { return runs_; }  // by id

  // The series of a run by name, one entry a node, in order of node.
  std::expected<std::vector<Series>, std::string> series(int run, const std::string& name) const;
  std::expected<std::vector<FaultRecord>, std::string> faults(int run) const;
  std::expected<std::vector<DownInterval>, std::string> downs(int run) const;
  std::expected<std::vector<SessionLoss>, std::string> losses(int run) const;
  // The scenario file, byte for byte.
  std::expected<std::string, std::string> scenario_text(int scenario) const;

  // Every canonical row of every table as text, sorted by table, then by primary key: equal texts, equal results.
  std::expected<std::string, std::string> canonical_dump() const;

 private:
  explicit ResultReader(base::Sqlite database) : database_(std::move(database)) {}
  std::expected<void, std::string> read_scenarios();
  std::expected<void, std::string> read_metrics();
  std::expected<void, std::string> read_runs();

  mutable base::Sqlite database_;
  int schema_ = kResultSchema;
  std::vector<ScenarioRow> scenarios_;
  std::vector<MetricRow> metrics_;
  std::vector<RunRow> runs_;
};

}  // namespace homing::sim
