// SPDX-License-Identifier: Apache-2.0
//
// Results: one SQLite file an experiment (schema.sql), written by one thread, read by everybody.
//
// The writer takes finished runs as values and commits each in one transaction, in the order in which they arrive; ids are
// positions in the experiment, so the order does not show. A crash between two runs leaves a file with the finished ones.
//
// Errors are sentences for people, with the file's name and the fix. Thread class: ResultWriter is single-owner (give runs
// to it through RunSink from any thread); ResultReader is thread-compatible.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/measures.h"
#include "sim/scenario.h"

struct sqlite3;

namespace homing::sim {

inline constexpr int kResultSchema = 1;
inline constexpr int kMaxBuckets = 2880;

// min, mean, max, last of one bucket; four NaNs: nothing observed.
struct Bucket {
  double min;
  double mean;
  double max;
  double last;
};

struct SeriesInfo {
  std::string name;
  std::string unit;
  std::string description;
};

// All series that a run may hold.
const std::vector<SeriesInfo>& series_infos();

struct Series {
  int node = -1;  // index into the scenario's nodes; -1: the whole cluster
  std::string name;
  std::int64_t bucket_ns = 0;
  std::vector<Bucket> buckets;
};

// Builds a series from a piecewise constant signal.
class SeriesBuilder {
 public:
  // Buckets of equal length covering [0, horizon), at most kMaxBuckets, each a whole number of seconds where possible.
  explicit SeriesBuilder(std::int64_t horizon_ns);

  // From now_ns on the signal is `value`; NaN: not observable. REQUIRES: now_ns is not before the last call. Times before
  // 0 set the starting value; times beyond the horizon are cut.
  void set(std::int64_t now_ns, double value);
  // The series up to the horizon.
  std::vector<Bucket> finish();
  std::int64_t bucket_ns() const { return bucket_ns_; }

 private:
  void advance(std::int64_t now_ns);

  struct Sum {
    double min = 0, max = 0, last = 0, integral = 0;
    std::int64_t covered_ns = 0;
  };
  std::int64_t horizon_ns_;
  std::int64_t bucket_ns_;
  std::int64_t now_ns_ = 0;
  double value_;
  std::vector<Sum> sums_;
};

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
  std::vector<SessionLoss> losses;             // in order of time
  std::vector<DownInterval> downs;
  // Not canonical:
  std::string host;
  std::string started_utc;
  std::int64_t wall_ms = 0;
  std::int64_t cpu_ms = 0;
  std::int64_t peak_bytes = 0;
};

struct CloseDatabase {
  void operator()(sqlite3* database) const;
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

class ResultWriter {
 public:
  // Creates the file. Refuses when it exists, unless `replace` and it is a result file. `host_facts` are not canonical.
  static std::expected<ResultWriter, std::string> create(const std::string& path, const std::vector<Scenario>& scenarios,
                                                         const std::map<std::string, std::string>& host_facts, bool replace);

  // Commits one run. Returns an error sentence when the file cannot take it (full disk, gone).
  std::expected<void, std::string> write(const RunRecord& run);

 private:
  ResultWriter(Database database, std::string path, std::vector<std::string> scenario_keys);

  Database database_;
  std::string path_;
  std::vector<std::string> strategy_texts_;  // flattened (scenario, strategy) texts for run keys
  std::vector<int> first_strategy_;          // by scenario
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
  // Refuses files that are no results and schema versions newer than ours.
  static std::expected<ResultReader, std::string> open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<ScenarioRow>& scenarios() const { return scenarios_; }
  const std::vector<MetricRow>& metric_rows() const { return metrics_; }
  const std::vector<RunRow>& runs() const { return runs_; }  // by id

  // The series of a run by name, one entry a node, in order of node.
  std::expected<std::vector<Series>, std::string> series(int run, const std::string& name) const;
  std::expected<std::vector<FaultRecord>, std::string> faults(int run) const;
  std::expected<std::vector<DownInterval>, std::string> downs(int run) const;

  // Every canonical row of every table as text, sorted by table, then by primary key: equal texts, equal results.
  std::expected<std::string, std::string> canonical_dump() const;

 private:
  ResultReader(Database database, std::string path);
  std::expected<void, std::string> read_all();

  Database database_;
  std::string path_;
  std::vector<ScenarioRow> scenarios_;
  std::vector<MetricRow> metrics_;
  std::vector<RunRow> runs_;
};

}  // namespace homing::sim
