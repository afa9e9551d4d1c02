// SPDX-License-Identifier: Apache-2.0
//
// Measures: the pure arithmetic of what is measured (definitions, examples and margins: sim/METRICS.md).
//
// Each accumulator is told of changes in the order of time and integrates what is piecewise constant between them, so
// no event a request and no sampling is needed. Sums that decide nothing are doubles; they never enter a fingerprint.
//   metric_list.cc        names, units, margins          measures_balance.h     how even the nodes are
//   measures_windows.h    user-uptime and its windows    measures_decisions.h   churn, regret, queue positions
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
  std::string exported;  // what a router's /metrics calls the same (router/base/metric_names.h); empty: it has none
};

// All metrics, in the order of display; the index is the metric's id in result files.
const std::vector<MetricInfo>& metrics();
std::optional<int> metric_index(std::string_view name);

// Ids, in the order of metrics(). New ones go to the end: files keep their meaning.
enum Metric : int {
  kSessionsLost = 0,
  kUserMinutesLost,
  kSignInWaitP95,
  kFeltCrowding,
  kUserUptime,
  kMinutesCut,
  kMinutesGone,
  kMinutesWaiting,
  kMinutesSlow,
  kLostPresent,
  kLostAbsent,
  kWorkLost,
  kWorst1Min,
  kWorst5Min,
  kWorst1H,
  kWorst6H,
  kWorst1D,
  kWorst7D,
  kStickinessViolations,
  kWithoutStore,
  kDoubleLife,
  kFeltCrowdingCpu,
  kFeltCrowdingMemory,
  kJainSessions,
  kCovSessions,
  kMaxOverMeanSessions,
  kAbove90Sessions,
  kJainCpu,
  kCovCpu,
  kMaxOverMeanCpu,
  kAbove90Cpu,
  kJainMemory,
  kCovMemory,
  kMaxOverMeanMemory,
  kAbove90Memory,
  kBalanceCounted,
  kCapacityNotReady,
  kUsersMoved,
  kSessionsMoved,
  kRegret,
  kOscillation,
  kSignalAgeP50,
  kSignalAgeP95,
  kSignInSuccess,
  kSignInWaitP50,
  kSignInWaitP99,
  kQueueError,
  kRepairP50,
  kRepairP95,
  kRepairMax,
  kMetricCount,
};

// The sliding windows of user-uptime, with their metrics.
struct UptimeWindow {
  std::int64_t length_ns;
  Metric metric;
};
inline constexpr std::int64_t kWindowMinute = 60'000'000'000;
inline constexpr UptimeWindow kUptimeWindows[] = {
    {kWindowMinute, kWorst1Min},     {5 * kWindowMinute, kWorst5Min},  {60 * kWindowMinute, kWorst1H},
    {360 * kWindowMinute, kWorst6H}, {1440 * kWindowMinute, kWorst1D}, {7 * 1440 * kWindowMinute, kWorst7D},
};

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
  std::int64_t patience_ns() const { return patience_ns_; }

 private:
  void close(std::int64_t now_ns, bool cut, std::vector<DownInterval>& out);

  std::uint32_t user_;
  std::uint32_t visit_;
  std::int64_t patience_ns_;
  std::int64_t since_ns_ = std::numeric_limits<std::int64_t>::min();
  Feeling feeling_ = Feeling::kWorking;
};

// Sum of the parts of the intervals inside [from_ns, to_ns), in minutes; of one cause, when one is named.
double user_minutes_lost(std::span<const DownInterval> intervals, std::int64_t from_ns, std::int64_t to_ns,
                         std::optional<Feeling> cause = std::nullopt);

// ---- quantiles -----------------------------------------------------------------------------------------------------

// The smallest value with at least `per_mille` / 1000 of all values at or below it (nearest rank, no interpolation):
// of 20 waits the p95 is the 19th. Nothing for no values. Reorders `values`. REQUIRES: 0 < per_mille <= 1000.
std::optional<std::int64_t> nearest_rank(std::vector<std::int64_t>& values, int per_mille);

}  // namespace homing::sim
