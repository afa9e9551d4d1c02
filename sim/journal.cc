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
    : nodes_(scenario.nodes.size()),
      horizon_ns_(scenario.horizon.count()),
      now_ns_(std::numeric_limits<std::int64_t>::min() / 2),
      moments_(scenario.nodes.size()),
      feelings_(feelings) {
  for (const NodeSpec& node : scenario.nodes) cores_.push_back(node.cores);
  if (series) {
    const int buckets = buckets_for(scenario.nodes.size());
    const SeriesBuilder empty(horizon_ns_, buckets);
    series_.resize(scenario.nodes.size(), {empty, empty, empty, empty});
  }
  arrivals_.resize(visits, 0);
  if (!feelings) return;
  watched_.resize(visits);
  std::vector<Balance::Capacity> capacity;
  std::vector<Regret::Place> places;
  for (const NodeSpec& node : scenario.nodes) {
    capacity.push_back({node.cores, node.memory_bytes, node.max_sessions});
    places.push_back({node.memory_bytes, node.max_sessions});
  }
  balance_.emplace(std::move(capacity), now_ns_);
  decisions_.emplace(Churn(cores_), Regret(std::move(places)), QueueErrors(), std::vector<std::vector<bool>>(),
                     std::vector<std::int64_t>(), std::vector<std::int64_t>());
  for (const KindSpec& kind : scenario.kinds) {
    std::vector<bool>& fits = decisions_->fits.emplace_back();
    for (const NodeSpec& node : scenario.nodes) {
      fits.push_back(std::includes(node.labels.begin(), node.labels.end(), kind.needs.begin(), kind.needs.end()));
    }
    decisions_->memory_asked.push_back(kind.memory_expected);
  }
}

void Journal::begin_measuring(std::int64_t now_ns) {
  measuring_ = true;
  if (probe_) probe_->begin(now_ns);
  moments_.restart(now_ns);
  sojourns_ = {};
  slow_s_ = work_lost_s_ = 0.0;
  violations_ = 0;
  without_store_.restart(now_ns);
  double_life_.restart(now_ns);
  if (!feelings_) return;
  balance_->restart(now_ns);
  decisions_->churn.restart();
  decisions_->regret.restart();
  decisions_->queue.restart();
  decisions_->ages_ns.clear();
}

// ---- nodes

void Journal::sessions(std::int64_t now_ns, std::uint32_t node, std::int64_t count) {
  if (probe_) probe_->sessions(now_ns, node, count);
  moments_.set(now_ns, node, count);
  if (balance_) balance_->sessions(now_ns, node, count);
  if (series_.empty()) return;
  series_[node].count = count;
  if (series_[node].up) series_[node].sessions.set(now_ns, static_cast<double>(count));
}

void Journal::cpu(std::int64_t now_ns, std::uint32_t node, std::int64_t runnable_threads) {
  if (balance_) balance_->cpu(now_ns, node, runnable_threads);
  if (series_.empty()) return;
  series_[node].threads = runnable_threads;
  if (series_[node].up) {
    series_[node].cpu.set(now_ns, static_cast<double>(std::min(runnable_threads, cores_[node])));
  }
}

void Journal::memory(std::int64_t now_ns, std::uint32_t node, std::int64_t bytes) {
  if (balance_) balance_->memory(now_ns, node, bytes);
  if (decisions_) decisions_->regret.memory(node, bytes);
  if (series_.empty()) return;
  series_[node].bytes = bytes;
  if (series_[node].up) series_[node].memory.set(now_ns, static_cast<double>(bytes));
}

void Journal::load(std::int64_t now_ns, std::uint32_t node, double load5) {
  if (!series_.empty() && series_[node].up) series_[node].load5.set(now_ns, load5);
}

void Journal::ready(std::int64_t now_ns, std::uint32_t node, bool ready) {
  if (!feelings_) return;
  balance_->ready(now_ns, node, ready);
  decisions_->churn.ready(node, ready);
  decisions_->regret.ready(node, ready);
}

void Journal::up(std::int64_t now_ns, std::uint32_t node, bool up, std::int64_t count) {
  if (probe_) probe_->up(now_ns, node, up);
  if (series_.empty()) return;
  NodeSeries& of = series_[node];
  of.up = up;
  of.count = count;
  const double missing = std::numeric_limits<double>::quiet_NaN();
  of.sessions.set(now_ns, up ? static_cast<double>(of.count) : missing);
  of.cpu.set(now_ns, up ? static_cast<double>(std::min(of.threads, cores_[node])) : missing);
  of.memory.set(now_ns, up ? static_cast<double>(of.bytes) : missing);
  of.load5.set(now_ns, up ? 0.0 : missing);
}

// ---- people

void Journal::visit_begins(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::int64_t patience_ns,
                           std::uint32_t kind, std::int64_t end_ns) {
  arrivals_[visit] = now_ns;
  if (probe_) probe_->arrived(now_ns, visit);
  if (!feelings_) return;
  Watched& watched = watched_[visit];
  watched.arrival_ns = now_ns;
  watched.end_ns = end_ns;
  watched.user = user;
  watched.kind = kind;
  watched.waits = true;
  watched.feeling.emplace(user, visit, patience_ns);
  watched.feeling->feel(now_ns, Feeling::kWaiting, downs_);
}

void Journal::feels(std::int64_t now_ns, std::uint32_t visit, Feeling feeling) {
  if (!feelings_ || !watched_[visit].feeling) return;
  Watched& watched = watched_[visit];
  watched.feeling->feel(now_ns, feeling, downs_);
  const bool hurt = feeling == Feeling::kCut || feeling == Feeling::kLost;
  const bool works = feeling == Feeling::kWorking || feeling == Feeling::kSlow;
  if (hurt && watched.hurt_ns == kNoEnd) watched.hurt_ns = now_ns;
  if (!works || watched.hurt_ns == kNoEnd) return;
  if (measuring_) repairs_ns_.push_back(now_ns - watched.hurt_ns);
  watched.hurt_ns = kNoEnd;
}

void Journal::slow(std::int64_t from_ns, std::int64_t to_ns) {
  if (measuring_ && to_ns > from_ns) slow_s_ += static_cast<double>(to_ns - from_ns) * 1e-9;
}

void Journal::signed_in(std::int64_t now_ns, std::uint32_t visit) {
  if (probe_) probe_->served(now_ns, visit);
  if (!feelings_) return;
  Watched& watched = watched_[visit];
  if (watched.waits && watched.arrival_ns >= 0) {
    waits_ns_.push_back(now_ns - watched.arrival_ns);
    ++answered_;
  }
  watched.waits = false;
  if (watched.open_loss >= 0) losses_[static_cast<std::size_t>(watched.open_loss)].back_ns = now_ns;
  watched.open_loss = -1;
}

void Journal::queued(std::uint32_t visit, std::uint32_t position) {
  if (decisions_) decisions_->queue.told(visit, position);
}

// A visit is over, or the horizon has come.
void Journal::stops_being_there(std::int64_t now_ns, Watched& watched, bool horizon) {
  const std::int64_t waited_ns = now_ns - watched.arrival_ns;
  const bool beyond = waited_ns > watched.feeling->patience_ns();
  watched.feeling->end(now_ns, horizon, downs_);
  watched.feeling.reset();
  presences_.push_back({watched.arrival_ns, now_ns});
  // Who never got in waited to the end.
  if (watched.waits && watched.arrival_ns >= 0) {
    waits_ns_.push_back(waited_ns);
    if (beyond || !horizon) ++unanswered_;
  }
  watched.waits = false;
  if (watched.hurt_ns != kNoEnd && measuring_) repairs_ns_.push_back(now_ns - watched.hurt_ns);
  watched.hurt_ns = kNoEnd;
  watched.open_loss = -1;
}

void Journal::visit_ends(std::int64_t now_ns, std::uint32_t visit) {
  if (probe_) probe_->left(now_ns, visit);
  if (measuring_ && arrivals_[visit] >= 0) {
    ++sojourns_.count;
    sojourns_.sum_s += static_cast<double>(now_ns - arrivals_[visit]) * 1e-9;
  }
  if (!feelings_ || !watched_[visit].feeling) return;
  stops_being_there(now_ns, watched_[visit], false);
  decisions_->queue.left(visit);
}

// ---- sessions

void Journal::process_begins(std::int64_t now_ns, std::uint32_t slot, std::uint32_t node, std::uint32_t visit) {
  if (probe_) probe_->process_started();
  if (!feelings_) return;
  const Watched& watched = watched_[visit];
  decisions_->churn.placed(watched.user, visit, node);
  decisions_->queue.started(visit);
  const Regret::Needs needs{&decisions_->fits[watched.kind], decisions_->memory_asked[watched.kind]};
  decisions_->regret.begins(now_ns, slot, node, visit, watched.end_ns, needs);
}

void Journal::process_ends(std::uint32_t slot) {
  if (feelings_) decisions_->regret.ends(slot);
}

void Journal::lost(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::uint32_t node,
                   const std::string& kind, bool present, const std::string& cause) {
  if (!measuring_) return;
  if (feelings_) watched_[visit].open_loss = present ? static_cast<std::int32_t>(losses_.size()) : -1;
  losses_.push_back({now_ns, user, visit, static_cast<int>(node), kind, present, cause, std::nullopt});
}

void Journal::decided(std::int64_t view_age_ns) {
  if (measuring_ && decisions_) decisions_->ages_ns.push_back(view_age_ns);
}

// ---- what not every world can know

void Journal::work_lost(double cpu_seconds) {
  if (measuring_) work_lost_s_ += cpu_seconds;
}

void Journal::stickiness_violation() {
  if (measuring_) ++violations_;
}

void Journal::without_store(std::int64_t now_ns, int change) {
  without_store_.add(now_ns, change);
  CHECK(without_store_.level() >= 0);
}

void Journal::double_life(std::int64_t now_ns, int change) {
  double_life_.add(now_ns, change);
  CHECK(double_life_.level() >= 0);
}

void Journal::finish(std::int64_t now_ns) {
  now_ns_ = now_ns;
  moments_.finish(now_ns);
  if (probe_) probe_->finish(now_ns);
  without_store_.advance(now_ns);
  double_life_.advance(now_ns);
  for (Watched& watched : watched_) {
    if (watched.feeling) stops_being_there(now_ns, watched, true);
  }
  // What was felt in the warm-up is not measured.
  std::erase_if(downs_, [](const DownInterval& down) { return down.to_ns <= 0; });
  for (DownInterval& down : downs_) down.from_ns = std::max<std::int64_t>(0, down.from_ns);
  std::sort(downs_.begin(), downs_.end(), [](const DownInterval& a, const DownInterval& b) {
    return a.from_ns != b.from_ns ? a.from_ns < b.from_ns : a.visit < b.visit;
  });
}

}  // namespace homing::sim
