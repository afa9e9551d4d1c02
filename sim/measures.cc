// SPDX-License-Identifier: Apache-2.0
#include "sim/measures.h"

#include <algorithm>

#include "router/core/check.h"

namespace homing::sim {
namespace {

constexpr double kNsPerMinute = 60e9;

std::vector<MetricInfo> build_metrics() {
  return {
      {"sessions-lost", "sessions lost", "sessions", Better::kLower, 1.0, true,
       "sessions whose process ended by anything but its owner, an idle rule or a planned stop"},
      {"user-minutes-lost", "user-minutes lost", "user-minutes", Better::kLower, 10.0, true,
       "time inside planned visits in which the session was cut, lost, or waited for beyond its kind's patience"},
      {"sign-in-wait-p95", "sign-in wait, 95th percentile", "s", Better::kLower, 0.5, true,
       "from the first request of a visit until its session answers; waits still open at the horizon count as long as "
       "they are"},
      {"felt-crowding", "felt crowding of sessions", "1", Better::kLower, 0.02, true,
       "how much fuller than the average node the node of an average session is, beyond the best integer split"},
  };
}

}  // namespace

const std::vector<MetricInfo>& metrics() {
  static const std::vector<MetricInfo> kMetrics = build_metrics();
  return kMetrics;
}

std::optional<int> metric_index(std::string_view name) {
  for (std::size_t i = 0; i < metrics().size(); ++i) {
    if (metrics()[i].name == name) return static_cast<int>(i);
  }
  return std::nullopt;
}

// ---- felt crowding

std::int64_t best_split_squares(std::int64_t sessions, std::int64_t nodes) {
  CHECK(nodes > 0);
  const std::int64_t low = sessions / nodes;
  const std::int64_t with_one_more = sessions % nodes;
  return (nodes - with_one_more) * low * low + with_one_more * (low + 1) * (low + 1);
}

FeltCrowding::FeltCrowding(int nodes, std::int64_t from_ns)
    : nodes_(static_cast<std::size_t>(nodes)), now_ns_(from_ns), ready_nodes_(nodes) {
  CHECK(nodes > 0);
}

FeltCrowding::Sums FeltCrowding::after(std::int64_t now_ns) const {
  CHECK(now_ns >= now_ns_);
  Sums sums = sums_;
  if (sum_ == 0 || ready_nodes_ == 0 || now_ns == now_ns_) return sums;
  const double span = static_cast<double>(now_ns - now_ns_);
  const double n = static_cast<double>(sum_);
  const double m = static_cast<double>(ready_nodes_);
  // The instant's value m sum x^2 / n^2, weighted by the n sessions that feel it.
  sums.weighted += span * (m * static_cast<double>(squares_) / n);
  sums.best += span * (m * static_cast<double>(best_split_squares(sum_, ready_nodes_)) / n);
  sums.session_time += span * n;
  return sums;
}

void FeltCrowding::advance(std::int64_t now_ns) {
  sums_ = after(now_ns);
  now_ns_ = now_ns;
}

void FeltCrowding::set_sessions(std::int64_t now_ns, int node, std::int64_t sessions) {
  CHECK(sessions >= 0);
  advance(now_ns);
  Node& place = nodes_.at(static_cast<std::size_t>(node));
  if (place.ready) {
    sum_ += sessions - place.sessions;
    squares_ += sessions * sessions - place.sessions * place.sessions;
  }
  place.sessions = sessions;
}

void FeltCrowding::set_ready(std::int64_t now_ns, int node, bool ready) {
  advance(now_ns);
  Node& place = nodes_.at(static_cast<std::size_t>(node));
  if (place.ready == ready) return;
  place.ready = ready;
  const std::int64_t sign = ready ? 1 : -1;
  ready_nodes_ += sign;
  sum_ += sign * place.sessions;
  squares_ += sign * place.sessions * place.sessions;
}

void FeltCrowding::restart(std::int64_t now_ns) {
  advance(now_ns);
  sums_ = {};
}

std::optional<double> FeltCrowding::excess(std::int64_t now_ns) const {
  const Sums sums = after(now_ns);
  if (sums.session_time == 0) return std::nullopt;
  return (sums.weighted - sums.best) / sums.session_time;
}

// ---- sessions lost

bool is_loss(core::EndReason reason) {
  return reason != core::EndReason::kOwner && reason != core::EndReason::kIdle && reason != core::EndReason::kDrained;
}

int sessions_lost(std::span<const ProcessEnding> endings, std::int64_t from_ns, std::int64_t to_ns) {
  return static_cast<int>(std::count_if(endings.begin(), endings.end(), [&](const ProcessEnding& ending) {
    return is_loss(ending.reason) && ending.at_ns >= from_ns && ending.at_ns < to_ns;
  }));
}

// ---- user-minutes lost

VisitFeeling::VisitFeeling(std::uint32_t user, std::uint32_t visit, std::int64_t patience_ns)
    : user_(user), visit_(visit), patience_ns_(patience_ns) {
  CHECK(patience_ns >= 0);
}

void VisitFeeling::close(std::int64_t now_ns, bool cut, std::vector<DownInterval>& out) {
  CHECK(now_ns >= since_ns_);
  if (feeling_ == Feeling::kWorking || feeling_ == Feeling::kSlow) return;
  std::int64_t from = since_ns_;
  if (feeling_ == Feeling::kWaiting) {
    if (now_ns - since_ns_ <= patience_ns_) return;
    from += patience_ns_;
  }
  if (from < now_ns) out.push_back({user_, visit_, from, now_ns, feeling_, cut});
}

void VisitFeeling::feel(std::int64_t now_ns, Feeling feeling, std::vector<DownInterval>& out) {
  if (feeling == feeling_) return;
  close(now_ns, false, out);
  feeling_ = feeling;
  since_ns_ = now_ns;
}

void VisitFeeling::end(std::int64_t now_ns, bool cut_by_horizon, std::vector<DownInterval>& out) {
  close(now_ns, cut_by_horizon, out);
  feeling_ = Feeling::kWorking;
  since_ns_ = now_ns;
}

double user_minutes_lost(std::span<const DownInterval> intervals, std::int64_t from_ns, std::int64_t to_ns) {
  std::int64_t total = 0;
  for (const DownInterval& interval : intervals) {
    const std::int64_t from = std::max(interval.from_ns, from_ns);
    const std::int64_t to = std::min(interval.to_ns, to_ns);
    if (from < to) total += to - from;
  }
  return static_cast<double>(total) / kNsPerMinute;
}

// ---- quantiles

std::optional<std::int64_t> nearest_rank(std::vector<std::int64_t>& values, int per_mille) {
  CHECK(per_mille > 0 && per_mille <= 1000);
  if (values.empty()) return std::nullopt;
  const std::size_t rank = (values.size() * static_cast<std::size_t>(per_mille) + 999) / 1000;  // from 1
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace homing::sim
