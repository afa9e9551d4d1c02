// SPDX-License-Identifier: Apache-2.0
#include "sim/journal.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "router/core/check.h"

namespace homing::sim {

void OccupancyMoments::advance(std::int64_t now_ns) {
  const auto elapsed = static_cast<double>(now_ns - now_ns_);
  sum_time_ += elapsed * static_cast<double>(sum_);
  square_time_ += elapsed * static_cast<double>(squares_);
  now_ns_ = now_ns;
}

void OccupancyMoments::set(std::int64_t now_ns, std::size_t node, std::int64_t count) {
  advance(now_ns);
  const std::int64_t before = std::exchange(counts_[node], count);
  sum_ += count - before;
  squares_ += count * count - before * before;
}

void OccupancyMoments::restart(std::int64_t now_ns) {
  from_ns_ = now_ns;
  now_ns_ = now_ns;
  sum_time_ = 0.0;
  square_time_ = 0.0;
}

double OccupancyMoments::mean() const {
  CHECK(now_ns_ > from_ns_);
  return sum_time_ / static_cast<double>(now_ns_ - from_ns_) / static_cast<double>(counts_.size());
}

double OccupancyMoments::mean_square() const {
  CHECK(now_ns_ > from_ns_);
  return square_time_ / static_cast<double>(now_ns_ - from_ns_) / static_cast<double>(counts_.size());
}

Journal::Journal(const Scenario& scenario, std::size_t visits, bool series, bool feelings)
    : horizon_ns_(scenario.horizon.count()),
      now_ns_(std::numeric_limits<std::int64_t>::min() / 2),
      crowding_(static_cast<int>(scenario.nodes.size()), now_ns_),
      moments_(scenario.nodes.size()),
      feelings_(feelings) {
  if (series) {
    for (std::size_t i = 0; i < scenario.nodes.size(); ++i) {
      series_.push_back({SeriesBuilder(horizon_ns_), SeriesBuilder(horizon_ns_)});
    }
  }
  if (feelings) watched_.resize(visits);
  arrivals_.resize(visits, 0);
}

void Journal::begin_measuring(std::int64_t now_ns) {
  measuring_ = true;
  crowding_.restart(now_ns);
  moments_.restart(now_ns);
  sojourns_ = {};
  slow_s_ = 0.0;
}

void Journal::sessions(std::int64_t now_ns, std::uint32_t node, std::int64_t count) {
  crowding_.set_sessions(now_ns, static_cast<int>(node), count);
  moments_.set(now_ns, node, count);
  if (series_.empty()) return;
  series_[node].count = count;
  if (series_[node].up) series_[node].sessions.set(now_ns, static_cast<double>(count));
}

void Journal::load(std::int64_t now_ns, std::uint32_t node, double load5) {
  if (!series_.empty() && series_[node].up) series_[node].load5.set(now_ns, load5);
}

void Journal::ready(std::int64_t now_ns, std::uint32_t node, bool ready) {
  crowding_.set_ready(now_ns, static_cast<int>(node), ready);
}

void Journal::up(std::int64_t now_ns, std::uint32_t node, bool up, std::int64_t count) {
  if (series_.empty()) return;
  series_[node].up = up;
  const double missing = std::numeric_limits<double>::quiet_NaN();
  series_[node].sessions.set(now_ns, up ? static_cast<double>(count) : missing);
  series_[node].load5.set(now_ns, up ? 0.0 : missing);
}

void Journal::visit_begins(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::int64_t patience_ns) {
  arrivals_[visit] = now_ns;
  if (!feelings_) return;
  Watched& watched = watched_[visit];
  watched.arrival_ns = now_ns;
  watched.waits = true;
  watched.feeling.emplace(user, visit, patience_ns);
  watched.feeling->feel(now_ns, Feeling::kWaiting, downs_);
}

void Journal::feels(std::int64_t now_ns, std::uint32_t visit, Feeling feeling) {
  if (!feelings_ || !watched_[visit].feeling) return;
  watched_[visit].feeling->feel(now_ns, feeling, downs_);
}

void Journal::slow(std::int64_t from_ns, std::int64_t to_ns) {
  if (measuring_ && to_ns > from_ns) slow_s_ += static_cast<double>(to_ns - from_ns) * 1e-9;
}

void Journal::signed_in(std::int64_t now_ns, std::uint32_t visit) {
  if (!feelings_) return;
  Watched& watched = watched_[visit];
  if (watched.waits && watched.arrival_ns >= 0) waits_ns_.push_back(now_ns - watched.arrival_ns);
  watched.waits = false;
  if (watched.open_loss >= 0) losses_[static_cast<std::size_t>(watched.open_loss)].back_ns = now_ns;
  watched.open_loss = -1;
}

void Journal::visit_ends(std::int64_t now_ns, std::uint32_t visit) {
  if (measuring_ && arrivals_[visit] >= 0) {
    ++sojourns_.count;
    sojourns_.sum_s += static_cast<double>(now_ns - arrivals_[visit]) * 1e-9;
  }
  if (!feelings_ || !watched_[visit].feeling) return;
  Watched& watched = watched_[visit];
  watched.feeling->end(now_ns, false, downs_);
  watched.feeling.reset();
  // Who never got in waited to the end of the visit.
  if (watched.waits && watched.arrival_ns >= 0) waits_ns_.push_back(now_ns - watched.arrival_ns);
  watched.waits = false;
  watched.open_loss = -1;
}

void Journal::lost(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::uint32_t node,
                   const std::string& kind, bool present, const std::string& cause) {
  if (!measuring_) return;
  if (feelings_) watched_[visit].open_loss = present ? static_cast<std::int32_t>(losses_.size()) : -1;
  losses_.push_back({now_ns, user, visit, static_cast<int>(node), kind, present, cause, std::nullopt});
}

void Journal::finish(std::int64_t now_ns) {
  now_ns_ = now_ns;
  moments_.finish(now_ns);
  for (Watched& watched : watched_) {
    if (!watched.feeling) continue;
    watched.feeling->end(now_ns, true, downs_);
    watched.feeling.reset();
    if (watched.waits && watched.arrival_ns >= 0) waits_ns_.push_back(now_ns - watched.arrival_ns);
    watched.waits = false;
  }
  // What was felt in the warm-up is not measured.
  std::erase_if(downs_, [](const DownInterval& down) { return down.to_ns <= 0; });
  for (DownInterval& down : downs_) down.from_ns = std::max<std::int64_t>(0, down.from_ns);
  std::sort(downs_.begin(), downs_.end(), [](const DownInterval& a, const DownInterval& b) {
    return a.from_ns != b.from_ns ? a.from_ns < b.from_ns : a.visit < b.visit;
  });
}

void Journal::fill(RunRecord& record) {
  record.horizon_ns = horizon_ns_;
  record.values.emplace_back(kSessionsLost, static_cast<double>(losses_.size()));
  record.values.emplace_back(kUserMinutesLost, user_minutes_lost(downs_, 0, horizon_ns_));
  if (const auto p95 = nearest_rank(waits_ns_, 950)) {
    record.values.emplace_back(kSignInWaitP95, static_cast<double>(*p95) * 1e-9);
  }
  if (const auto excess = crowding_.excess(horizon_ns_)) record.values.emplace_back(kFeltCrowding, *excess);
  for (std::size_t node = 0; node < series_.size(); ++node) {
    NodeSeries& of = series_[node];
    record.series.push_back({static_cast<int>(node), "sessions", of.sessions.bucket_ns(), of.sessions.finish()});
    record.series.push_back({static_cast<int>(node), "load-5", of.load5.bucket_ns(), of.load5.finish()});
  }
  record.faults = faults_;
  record.losses = losses_;
  record.downs = downs_;
}

}  // namespace homing::sim
