// SPDX-License-Identifier: Apache-2.0
//
// Scenario: what is simulated, read from a TOML file (format = 1) with every default filled in.
//
// Reading is total and honest: every unknown key, wrong unit, unknown name and contradiction is a diagnostic with its
// place, all of them at once; every default that was used is remembered with the reason for its value (`homing-sim
// check
// --print`); what the file may say but this version does not simulate yet is an error that says so, or a note.
//
// Times: instants of a scenario are durations since `start` (0); the warm-up lies before it.
// The reference of the format is the gallery in scenarios/ and sim/README.md.
// Thread class: plain values; reading is a pure function of the text.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/diagnostics.h"
#include "router/core/distributions.h"
#include "router/core/instant.h"
#include "router/core/strategy_params.h"
#include "sim/faults.h"

namespace homing::sim {

using core::Distribution;
using core::Duration;

struct NodeSpec {
  std::string name;  // "n1", "n2", ... in file order unless the entry names it
  int cores = 1;
  std::int64_t memory_bytes = 0;
  std::vector<std::string> labels;  // sorted, no duplicates
  int weight = 100;                 // capacity weight; 100 is one unit
  int max_sessions = 0;             // 0: no limit
  int start_slots = 0;              // starts and suspends at once, the others wait in the node's order; 0: no limit
  double speed = 1.0;               // of a core; 1.0 is the one that CPU times were counted on
};

struct ClusterSpec {
  Duration heartbeat{};
  Duration report_every{};
  Duration suspect{};
  Duration lease_ttl{};
  Duration dead{};
  double memory_reserve = 0.0;   // share of each node's memory that sessions cannot have
  bool kill_all = false;         // out of memory ends every session of the node, not only the largest
  std::int64_t clock_drift = 0;  // routers' clocks drift by up to this much either way, in millionths of a ppm
};

enum class FrontPolicy { kRoundRobin, kStickyCookie, kOneNode, kOwnNode };

enum class RetryPolicy {
  kWait,     // the page waits until the front brings it to a router that answers
  kFixed,    // the person clicks again and again
  kBackOff,  // with twice the pause each time
};

struct FrontSpec {
  FrontPolicy policy = FrontPolicy::kStickyCookie;
  Duration check_every{};
  int fail_after = 3;
  // What people do whose router, or the machine behind it, does not answer.
  struct Retry {
    RetryPolicy policy = RetryPolicy::kWait;
    Duration every{};
    Duration most{};
  } retry;
};

// One-way delays of links and the time the store takes for one call. All may be 0.
struct DelaySpec {
  Duration user{};   // user site to router
  Duration peer{};   // router to router, router to launcher
  Duration store{};  // one call, there and back
};

// Users with names who come and go by the clock of the day.
struct UsersSpec {
  std::string name;
  int count = 0;
  bool has_day_shape = false;
  std::array<double, 24> hour_weights{};  // sum is 1
  std::array<double, 7> day_weights{};    // Monday first, mean is 1
  double active_share = 0.0;  // probability that a user comes on an average day (times the day's weight, at most 1)
  double sessions_per_active_day = 1.0;  // mean, of a geometric number >= 1
  struct Burst {
    Duration at{};
    Duration within{};
    double share = 1.0;  // of the group that comes
  };
  std::optional<Burst> burst;
  std::vector<double> kind_shares;  // by index into Scenario::kinds, sum is 1
};

// An open Poisson stream: every arrival is a new user with one visit. For closed-form workloads.
struct StreamSpec {
  std::string name;
  double per_second = 0.0;
  int kind = 0;  // index into Scenario::kinds
};

enum class Ends {
  kClock,     // a visit ends when its planned length is over
  kWorkDone,  // a visit is one piece of CPU work and ends when that is done
};

struct KindSpec {
  std::string name;
  Ends ends = Ends::kClock;
  std::vector<std::string> needs;  // labels that a node must have
  struct Start {
    Distribution solo;    // ns on an idle node
    Distribution cpu;     // CPU-ns
    Distribution memory;  // bytes at rest
    Duration timeout{};
  } start;
  Distribution length;       // ns; ends = clock only
  Distribution work;         // CPU-ns; ends = work-done only
  bool has_actions = false;  // false: a binding without CPU or memory of its own after its start
  Distribution think;        // ns between actions
  struct Action {
    Distribution cpu;  // CPU-ns
    int threads = 1;
    Distribution memory_step;  // bytes
  } action;
  std::optional<Duration> idle_after;  // nothing: no idle rule
  bool idle_suspends = true;           // else the rule ends the session
  bool stays_open = false;             // who leaves does not close the session; its idle rule ends it
  struct Suspend {                     // saving and loading the state takes a fixed part and one for each GiB
    Duration base{};
    Duration per_gib{};
    double cpu = 0.0;  // the part of it that is CPU
  } suspend, resume;
  Duration resume_timeout = core::seconds(600);  // of either
  std::int64_t memory_limit = 0;                 // a session that needs more is ended; 0: no limit
  std::int64_t leak_per_hour = 0;                // bytes a ready process grows by, used or not
  Duration save_every{};  // what was computed before the last save point is not lost; 0: only a suspend saves
  std::int64_t memory_expected = 0;  // what placement asks of a node; 0: do not ask
  Duration patience{};               // waiting beyond it counts as down
};

struct StrategySpec {
  std::string name;             // unique label
  std::string base;             // a registered strategy
  core::StrategyParams params;  // what the file sets; the rest at the strategy's defaults
};

struct ExpectSpec {
  std::string metric;
  std::string strategy;
  std::string than;
  std::string verdict;
  std::string because;
};

// One line of `check --print`: what is in force and where it comes from.
struct Setting {
  std::string key;
  std::string value;
  std::string source;  // "file", or why the default is what it is
};

struct Scenario {
  std::string name;  // file name without extension, or its folder's when the file is scenario.toml
  std::string title;
  std::string text;  // the file, byte for byte
  std::string hash;  // 32 hex digits over the canonical contents (comments and layout do not count)
  Duration start{};  // local time since Monday 00:00
  Duration horizon{};
  Duration warm_up{};
  bool warm_start = true;  // visits alive when the warm-up begins are there; false: from empty
  int seeds = 20;
  std::uint64_t first_seed = 1;  // seeds are first_seed, first_seed + 1, ...
  bool record_all = false;       // time series of every seed, not only of the first
  int routers = 1;               // on the first `routers` nodes
  std::vector<NodeSpec> nodes;
  ClusterSpec cluster;
  FrontSpec front;
  DelaySpec delay;
  std::vector<UsersSpec> users;
  std::vector<StreamSpec> streams;
  std::vector<KindSpec> kinds;
  std::vector<FaultSpec> faults;
  std::vector<StrategySpec> strategies;  // at least one
  int baseline = 0;                      // index into strategies
  std::vector<ExpectSpec> expect;
  std::map<std::string, double> margins;  // by metric name
  std::vector<Setting> settings;          // in order of reading
  std::vector<std::string> notes;         // honest remarks: read but without effect yet
  std::vector<std::string> attached;      // hashes of the files that the scenario names; part of `hash`
};

// Names that a scenario may use and that are not known to this file.
struct ScenarioNames {
  std::vector<std::string> strategies;  // registered strategies, sorted
  std::vector<std::string> metrics;     // for [[expect]] and [margins]
};

// A scenario, or what is wrong with it.
struct ScenarioResult {
  std::optional<Scenario> scenario;
  std::vector<base::Diagnostic> diagnostics;

  bool ok() const { return scenario.has_value(); }
};

// Reads a file, or the scenario.toml of a folder.
ScenarioResult load_scenario(const std::string& path, const ScenarioNames& names);
ScenarioResult parse_scenario(std::string_view text, std::string file_name, const ScenarioNames& names);

// Replaces the strategies by `bases` (registered names; "all" is every one), as `run --strategies` does. The baseline
// stays when it is among them. Returns a sentence for people when a name is unknown.
std::optional<std::string> choose_strategies(Scenario& scenario, std::span<const std::string> bases,
                                             const ScenarioNames& names);

// "Mon 09:04" as time since Monday 00:00.
std::optional<Duration> parse_week_time(std::string_view text);

// The settings as aligned text, one a line: key, value, source.
std::string print_settings(const Scenario& scenario);

}  // namespace homing::sim
