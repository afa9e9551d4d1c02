// SPDX-License-Identifier: Apache-2.0
//
// Measures: the pure arithmetic of what is measured (definitions, examples and margins: sim/METRICS.md).
//
// Each accumulator is told of changes in the order of time and integrates what is piecewise constant between them, so
// no event a request and no sampling is needed. Sums that decide nothing are doubles; they never enter a fingerprint.
// Thread class: thread-compatible values.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/rows.h"

namespace homing::sim {

// ---- the metrics of this version -----------------------------------------------------------------------------------

enum class Better { kLower, kHigher, kNeither };

struct MetricInfo {
  std::string name;   // "sessions-lost"
  std::string label;  // "sessions lost"
  std::string unit;
  Better better = Better::kLower;
  double margin = 0.0;  // smallest difference that matters, in `unit`
  bool headline = true;
  std::string description;
};

// All metrics, in the order of display; the index is the metric's id in result files.
const std::vector<MetricInfo>& metrics();
std::optional<int> metric_index(std::string_view name);

inline constexpr int kSessionsLost = 0;
inline constexpr int kUserMinutesLost = 1;
inline constexpr int kSignInWaitP95 = 2;
inline constexpr int kFeltCrowding = 3;

// ---- felt crowding -------------------------------------------------------------------------------------------------

// sum x^2 / (sum x * mean x) averaged over session-minutes, minus the same for the best integer split at each instant.
// The population is the nodes that are ready for placements; sessions on others do not count while they are not.
class FeltCrowding {
 public:
  // All nodes are ready and empty. REQUIRES: nodes > 0. Observation begins at from_ns.
  explicit FeltCrowding(int nodes, std::int64_t from_ns = 0);

  // At now_ns node has so many sessions. REQUIRES: now_ns is not before the last call.
  void set_sessions(std::int64_t now_ns, int node, std::int64_t sessions);
  void set_ready(std::int64_t now_ns, int node, bool ready);
  // Forgets what was observed before now_ns (the warm-up).
  void restart(std::int64_t now_ns);

  // The excess over the best integer split; nothing when no session-minute was observed.
  std::optional<double> excess(std::int64_t now_ns) const;

 private:
  void advance(std::int64_t now_ns);
  struct Sums {
    double weighted = 0.0;      // integral of n * (sum x^2 / (n * n / m)) = m sum x^2 / n
    double best = 0.0;          // the same for the best split
    double session_time = 0.0;  // integral of n
  };
  Sums after(std::int64_t now_ns) const;

  struct Node {
    std::int64_t sessions = 0;
    bool ready = true;
  };
  std::vector<Node> nodes_;
  std::int64_t now_ns_;
  std::int64_t ready_nodes_;
  std::int64_t sum_ = 0;  // over ready nodes
  std::int64_t squares_ = 0;
  Sums sums_;
};

// Smallest possible sum of squares of `sessions` split over `nodes`. REQUIRES: nodes > 0.
std::int64_t best_split_squares(std::int64_t sessions, std::int64_t nodes);

// ---- sessions lost -------------------------------------------------------------------------------------------------

// True when a serving process that ended for this reason counts as a lost session: anything but its owner, an idle rule
// and a planned stop.
bool is_loss(core::EndReason reason);

struct ProcessEnding {
  std::int64_t at_ns = 0;
  core::EndReason reason = core::EndReason::kOwner;
};

// Losses with from_ns <= at_ns < to_ns.
int sessions_lost(std::span<const ProcessEnding> endings, std::int64_t from_ns, std::int64_t to_ns);

// ---- user-minutes lost ---------------------------------------------------------------------------------------------

enum class Feeling : std::uint8_t { kWorking, kSlow, kWaiting, kCut, kLost };

struct DownInterval {
  std::uint32_t user = 0;
  std::uint32_t visit = 0;
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
  Feeling cause = Feeling::kLost;  // kWaiting, kCut or kLost
  bool cut_by_horizon = false;
  friend bool operator==(const DownInterval&, const DownInterval&) = default;
};

// What one planned visit felt. Down is cut + lost + waiting beyond the kind's patience, inside [window_from,
// window_to). Waiting without interruption counts as one wait however often it is announced; patience starts with each
// wait.
class VisitFeeling {
 public:
  VisitFeeling(std::uint32_t user, std::uint32_t visit, std::int64_t patience_ns);

  // From now_ns on the user feels `feeling`. REQUIRES: now_ns is not before the last call.
  void feel(std::int64_t now_ns, Feeling feeling, std::vector<DownInterval>& out);
  // The planned visit ends, or the horizon comes (cut_by_horizon).
  void end(std::int64_t now_ns, bool cut_by_horizon, std::vector<DownInterval>& out);

 private:
  void close(std::int64_t now_ns, bool cut, std::vector<DownInterval>& out);

  std::uint32_t user_;
  std::uint32_t visit_;
  std::int64_t patience_ns_;
  std::int64_t since_ns_ = std::numeric_limits<std::int64_t>::min();
  Feeling feeling_ = Feeling::kWorking;
};

// Sum of the parts of the intervals inside [from_ns, to_ns), in minutes.
double user_minutes_lost(std::span<const DownInterval> intervals, std::int64_t from_ns, std::int64_t to_ns);

// ---- quantiles -----------------------------------------------------------------------------------------------------

// The smallest value with at least `per_mille` / 1000 of all values at or below it (nearest rank, no interpolation):
// of 20 waits the p95 is the 19th. Nothing for no values. Reorders `values`. REQUIRES: 0 < per_mille <= 1000.
std::optional<std::int64_t> nearest_rank(std::vector<std::int64_t>& values, int per_mille);

}  // namespace homing::sim
