// SPDX-License-Identifier: Apache-2.0
//
// From the journal to the record of a run: one value a metric that is defined in it, and the series.
#include <algorithm>
#include <utility>

#include "sim/journal.h"

namespace homing::sim {
namespace {

void put(RunRecord& record, Metric metric, double value) {
  record.values.emplace_back(metric, value);
}

void put(RunRecord& record, Metric metric, const std::optional<double>& value) {
  if (value) record.values.emplace_back(metric, *value);
}

void put_seconds(RunRecord& record, Metric metric, std::vector<std::int64_t>& values_ns, int per_mille) {
  if (const auto found = nearest_rank(values_ns, per_mille)) {
    record.values.emplace_back(metric, static_cast<double>(*found) * 1e-9);
  }
}

// Users down over time, from their intervals.
Series users_down(const std::vector<DownInterval>& downs, std::int64_t horizon_ns, int most_buckets) {
  std::vector<std::pair<std::int64_t, int>> edges;
  for (const DownInterval& down : downs) {
    edges.emplace_back(down.from_ns, 1);
    edges.emplace_back(down.to_ns, -1);
  }
  std::sort(edges.begin(), edges.end());
  SeriesBuilder builder(horizon_ns, most_buckets);
  std::int64_t level = 0;
  builder.set(0, 0.0);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    level += edges[i].second;
    const bool last_of_instant = i + 1 == edges.size() || edges[i + 1].first != edges[i].first;
    if (last_of_instant) builder.set(edges[i].first, static_cast<double>(level));
  }
  return {-1, "users-down", builder.bucket_ns(), builder.finish()};
}

}  // namespace

void Journal::fill_people(RunRecord& record) {
  put(record, kUserMinutesLost, user_minutes_lost(downs_, 0, horizon_ns_));
  put(record, kMinutesCut, user_minutes_lost(downs_, 0, horizon_ns_, Feeling::kCut));
  put(record, kMinutesGone, user_minutes_lost(downs_, 0, horizon_ns_, Feeling::kLost));
  put(record, kMinutesWaiting, user_minutes_lost(downs_, 0, horizon_ns_, Feeling::kWaiting));
  put(record, kMinutesSlow, slow_s_ / 60.0);
  const double planned = planned_minutes(presences_, 0, horizon_ns_);
  if (planned > 0) put(record, kUserUptime, 1.0 - user_minutes_lost(downs_, 0, horizon_ns_) / planned);
  for (const UptimeWindow& window : kUptimeWindows) {
    put(record, window.metric, worst_window(presences_, downs_, window.length_ns, horizon_ns_));
  }
  if (answered_ + unanswered_ > 0) {
    put(record, kSignInSuccess, static_cast<double>(answered_) / static_cast<double>(answered_ + unanswered_));
  }
  put_seconds(record, kSignInWaitP50, waits_ns_, 500);
  put_seconds(record, kSignInWaitP95, waits_ns_, 950);
  put_seconds(record, kSignInWaitP99, waits_ns_, 990);
  put_seconds(record, kRepairP50, repairs_ns_, 500);
  put_seconds(record, kRepairP95, repairs_ns_, 950);
  put_seconds(record, kRepairMax, repairs_ns_, 1000);
}

void Journal::fill_balance(RunRecord& record) const {
  struct Ids {
    Balance::Resource resource;
    Metric felt, jain, cov, max_over_mean, above;
  };
  static constexpr Ids kIds[] = {
      {Balance::kSessions, kFeltCrowding, kJainSessions, kCovSessions, kMaxOverMeanSessions, kAbove90Sessions},
      {Balance::kCpu, kFeltCrowdingCpu, kJainCpu, kCovCpu, kMaxOverMeanCpu, kAbove90Cpu},
      {Balance::kMemory, kFeltCrowdingMemory, kJainMemory, kCovMemory, kMaxOverMeanMemory, kAbove90Memory}};
  for (const Ids& ids : kIds) {
    const Balance::Result result = balance_->result(ids.resource, horizon_ns_);
    put(record, ids.felt, result.felt);
    put(record, ids.jain, result.jain);
    put(record, ids.cov, result.cov);
    put(record, ids.max_over_mean, result.max_over_mean);
    put(record, ids.above, result.above);
  }
  put(record, kBalanceCounted, balance_->counted_share(horizon_ns_));
  put(record, kCapacityNotReady, balance_->not_ready_share(horizon_ns_));
  put(record, kOscillation, balance_->swings_per_node_hour(horizon_ns_));
}

void Journal::fill_decisions(RunRecord& record) {
  put(record, kUsersMoved, decisions_->churn.users());
  put(record, kSessionsMoved, decisions_->churn.sessions());
  put(record, kRegret, decisions_->regret.mean());
  put(record, kQueueError, decisions_->queue.mean());
  put_seconds(record, kSignalAgeP50, decisions_->ages_ns, 500);
  put_seconds(record, kSignalAgeP95, decisions_->ages_ns, 950);
}

void Journal::fill_series(RunRecord& record) {
  for (std::size_t i = 0; i < series_.size(); ++i) {
    const auto node = static_cast<int>(i);
    NodeSeries of = std::move(series_[i]);  // its room is given back node by node: there are thousands
    const std::int64_t bucket_ns = of.sessions.bucket_ns();
    record.series.push_back({node, "sessions", bucket_ns, of.sessions.finish()});
    record.series.push_back({node, "cpu-busy", bucket_ns, of.cpu.finish()});
    record.series.push_back({node, "memory", bucket_ns, of.memory.finish()});
    record.series.push_back({node, "load-5", bucket_ns, of.load5.finish()});
  }
  if (!series_.empty() && feelings_) {
    record.series.push_back(users_down(downs_, horizon_ns_, buckets_for(series_.size())));
  }
}

void Journal::fill(RunRecord& record) {
  record.horizon_ns = horizon_ns_;
  const auto present =
      std::count_if(losses_.begin(), losses_.end(), [](const SessionLoss& loss) { return loss.owner_present; });
  const auto all = static_cast<double>(losses_.size());
  put(record, kSessionsLost, all);
  put(record, kLostPresent, static_cast<double>(present));
  put(record, kLostAbsent, all - static_cast<double>(present));
  if (is_fed(Fed::kWorkLost)) put(record, kWorkLost, work_lost_s_);
  if (is_fed(Fed::kStickiness)) put(record, kStickinessViolations, static_cast<double>(violations_));
  if (is_fed(Fed::kWithoutStore)) put(record, kWithoutStore, without_store_.seconds() / 60.0);
  if (is_fed(Fed::kDoubleLife)) put(record, kDoubleLife, double_life_.seconds());
  if (feelings_) {
    fill_people(record);
    fill_balance(record);
    fill_decisions(record);
  }
  std::sort(record.values.begin(), record.values.end());
  fill_series(record);
  record.faults = faults_;
  record.losses = losses_;
  record.downs = downs_;
}

}  // namespace homing::sim
