// SPDX-License-Identifier: Apache-2.0
#include "sim/plan.h"

#include <algorithm>

#include "router/core/archive.h"
#include "router/core/check.h"
#include "router/core/draws.h"
#include "router/core/exact_math.h"

namespace homing::sim {
namespace {

using core::Draws;
using core::DrawSequence;
using core::purpose;

constexpr std::int64_t kHour = 3'600'000'000'000;
constexpr std::int64_t kDay = 24 * kHour;
// Days before the warm-up that are drawn: gamma(1.74, 2.06 h) is longer than a day with probability 2e-4.
constexpr std::int64_t kLookBack = 2 * kDay;
constexpr std::uint32_t kVisitsPerDay = 64;  // numbers kept for one user's day; further visits of that day are not made
constexpr std::uint32_t kDayZero = 1000;     // visit numbers stay positive before Monday of the first week
constexpr std::uint32_t kMaxActions = 20'000;  // a visit; at the maximum the person just sits there
// Streams of work that ends when done start empty; streams of lengths are drawn from five means before the warm-up.
constexpr double kStreamLookBackMeans = 5.0;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

std::uint32_t choose(const std::vector<double>& shares, double u) {
  double sum = 0.0;
  for (std::size_t i = 0; i + 1 < shares.size(); ++i) {
    sum += shares[i];
    if (u < sum) return static_cast<std::uint32_t>(i);
  }
  return static_cast<std::uint32_t>(shares.size() - 1);
}

class PlanMaker {
 public:
  PlanMaker(const Scenario& scenario, std::uint64_t seed) : scenario_(scenario), seed_(seed) {
    plan_.seed = seed;
    begin_ = -scenario.warm_up.count();
    end_ = scenario.horizon.count();
  }

  Plan make() {
    std::uint32_t user = 0;
    for (const UsersSpec& group : scenario_.users) {
      for (int i = 0; i < group.count; ++i, ++user) {
        if (group.has_day_shape) draw_days(group, user);
        if (group.burst) draw_burst(group, user);
      }
    }
    for (std::size_t stream = 0; stream < scenario_.streams.size(); ++stream) draw_stream(stream, user);
    order_visits();
    plan_.visits.shrink_to_fit();
    plan_.faults = draw_faults(scenario_, seed_);
    plan_.hash = hash();
    return std::move(plan_);
  }

 private:
  void draw_days(const UsersSpec& group, std::uint32_t user) {
    const std::int64_t monday = -scenario_.start.count();
    const std::int64_t first = floor_div(begin_ - kLookBack - monday, kDay);
    const std::int64_t last = floor_div(end_ - 1 - monday, kDay);
    for (std::int64_t day = first; day <= last; ++day) {
      const auto number = static_cast<std::uint32_t>(day + kDayZero) * kVisitsPerDay;
      DrawSequence draws = Draws(seed_, purpose("day")).at({.high = 0, .low = user, .visit = number, .attempt = 0});
      const auto weekday = static_cast<std::size_t>(((day % 7) + 7) % 7);
      const double comes = draws.uniform();
      if (comes >= group.active_share * group.day_weights[weekday]) continue;
      const double tail = draws.uniform();
      const std::uint32_t visits = visits_of_day(group.sessions_per_active_day, tail);
      for (std::uint32_t i = 0; i < visits; ++i) {
        const double which_hour = draws.uniform();
        const double within = draws.uniform();
        const std::int64_t at = monday + day * kDay + hour_of(group, which_hour) * kHour +
                                static_cast<std::int64_t>(within * static_cast<double>(kHour));
        add_visit(group, user, number + i, at);
      }
    }
  }

  // Geometric on 1, 2, ... with that mean, cut at kVisitsPerDay - 1 (the last number is the burst's).
  static std::uint32_t visits_of_day(double mean, double u) {
    if (mean <= 1.0) return 1;
    const double more = core::exact_log(u) / core::exact_log(1.0 - 1.0 / mean);
    return 1 + static_cast<std::uint32_t>(std::min(more, static_cast<double>(kVisitsPerDay - 2)));
  }

  static std::int64_t hour_of(const UsersSpec& group, double u) {
    double sum = 0.0;
    for (int hour = 0; hour < 23; ++hour) {
      sum += group.hour_weights[static_cast<std::size_t>(hour)];
      if (u < sum) return hour;
    }
    return 23;
  }

  void draw_burst(const UsersSpec& group, std::uint32_t user) {
    DrawSequence draws = Draws(seed_, purpose("burst")).at({.high = 0, .low = user, .visit = 0, .attempt = 0});
    const double comes = draws.uniform();
    const double when = draws.uniform();
    if (comes >= group.burst->share) return;
    const std::int64_t at =
        group.burst->at.count() + static_cast<std::int64_t>(when * static_cast<double>(group.burst->within.count()));
    const std::int64_t day = floor_div(at + scenario_.start.count(), kDay);
    const auto number = static_cast<std::uint32_t>(day + kDayZero) * kVisitsPerDay + kVisitsPerDay - 1;
    add_visit(group, user, number, at);
  }

  void draw_stream(std::size_t index, std::uint32_t& user) {
    const StreamSpec& stream = scenario_.streams[index];
    const KindSpec& kind = scenario_.kinds[static_cast<std::size_t>(stream.kind)];
    double at = static_cast<double>(begin_);
    if (kind.ends == Ends::kClock) at -= kStreamLookBackMeans * core::mean_of(kind.length);
    const Draws gaps(seed_, purpose("stream"));
    for (std::uint32_t arrival = 0;; ++arrival, ++user) {
      const double u = gaps.uniform({.high = 0, .low = index, .visit = arrival, .attempt = 0});
      at += -core::exact_log(u) * 1e9 / stream.per_second;
      if (at >= static_cast<double>(end_)) break;
      add_visit_of_kind(static_cast<std::uint32_t>(stream.kind), user, 0, static_cast<std::int64_t>(at));
    }
  }

  void add_visit(const UsersSpec& group, std::uint32_t user, std::uint32_t number, std::int64_t at) {
    const double u = Draws(seed_, purpose("kind")).uniform({.high = 0, .low = user, .visit = number, .attempt = 0});
    add_visit_of_kind(choose(group.kind_shares, u), user, number, at);
  }

  void add_visit_of_kind(std::uint32_t kind_index, std::uint32_t user, std::uint32_t number, std::int64_t at) {
    if (at >= end_) return;
    const KindSpec& kind = scenario_.kinds[kind_index];
    Visit visit{.user = user, .number = number, .kind = kind_index, .arrival_ns = at};
    if (kind.ends != Ends::kWorkDone) {
      DrawSequence draws = Draws(seed_, purpose("length")).at({.high = 0, .low = user, .visit = number, .attempt = 0});
      const std::int64_t length = std::max<std::int64_t>(1, core::sample_whole(kind.length, draws));
      visit.end_ns = at + length;
      if (visit.end_ns <= begin_) return;
    }
    plan_.visits.push_back(visit);
  }

  void order_visits() {
    std::sort(plan_.visits.begin(), plan_.visits.end(), [](const Visit& a, const Visit& b) {
      if (a.arrival_ns != b.arrival_ns) return a.arrival_ns < b.arrival_ns;
      return a.user != b.user ? a.user < b.user : a.number < b.number;
    });
  }

  std::uint64_t hash() const {
    core::Hasher hasher;
    hasher(seed_, plan_.visits.size());
    for (const Visit& v : plan_.visits) {
      const StartCost first = start_cost(scenario_.kinds[v.kind], seed_, v, 0);
      hasher(v.user, v.number, v.kind, v.arrival_ns, v.end_ns, first.solo_ns, first.cpu_ns, first.memory);
      ActionCursor actions;
      const PlannedAction* const action = actions.look(scenario_.kinds[v.kind], seed_, v);
      if (action != nullptr) hasher(action->think_ns, action->cpu_ns, action->memory_step, action->threads);
    }
    for (const PlannedFault& f : plan_.faults) {
      hasher(f.kind, f.node, f.start_ns, f.end_ns);
      if (!f.busiest && f.nodes.size() <= 1 && f.values.empty()) continue;
      hasher(f.busiest, f.nodes.size(), f.values.size());
      for (const std::uint32_t node : f.nodes) hasher(node);
      for (const std::int64_t value : f.values) hasher(value);
    }
    return hasher.value();
  }

  const Scenario& scenario_;
  std::uint64_t seed_;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
  Plan plan_;
};

}  // namespace

Plan draw_plan(const Scenario& scenario, std::uint64_t seed) {
  return PlanMaker(scenario, seed).make();
}

void ActionCursor::draw(const KindSpec& kind, std::uint64_t seed, const Visit& visit) {
  state_ = State::kOver;
  if (kind.ends == Ends::kWorkDone) {
    if (index_ > 0) return;
    DrawSequence draws =
        Draws(seed, purpose("length")).at({.high = 0, .low = visit.user, .visit = visit.number, .attempt = 0});
    action_ = {};
    action_.cpu_ns = core::sample_whole(kind.work, draws);
  } else {
    if (!kind.has_actions || index_ >= kMaxActions) return;
    DrawSequence draws =
        Draws(seed, purpose("action")).at({.high = 0, .low = visit.user, .visit = visit.number, .attempt = index_});
    action_.think_ns = core::sample_whole(kind.think, draws);
    action_.cpu_ns = core::sample_whole(kind.action.cpu, draws);
    action_.memory_step = core::sample_whole(kind.action.memory_step, draws);
    if (action_.think_ns >= visit.end_ns - visit.arrival_ns - thought_ns_) return;
  }
  action_.threads = kind.action.threads;
  state_ = State::kDrawn;
}

void ActionCursor::done() {
  CHECK(state_ == State::kDrawn);
  thought_ns_ += action_.think_ns;
  ++index_;
  state_ = State::kNotDrawn;
}

StartCost start_cost(const KindSpec& kind, std::uint64_t seed, const Visit& visit, std::uint32_t attempt) {
  DrawSequence draws =
      Draws(seed, purpose("start")).at({.high = 0, .low = visit.user, .visit = visit.number, .attempt = attempt});
  StartCost cost;
  cost.solo_ns = core::sample_whole(kind.start.solo, draws);
  cost.cpu_ns = core::sample_whole(kind.start.cpu, draws);
  cost.memory = core::sample_whole(kind.start.memory, draws);
  return cost;
}

std::int64_t reaction_ns(std::uint64_t seed, const Visit& visit, std::uint32_t attempt) {
  DrawSequence draws =
      Draws(seed, purpose("reaction")).at({.high = 0, .low = visit.user, .visit = visit.number, .attempt = attempt});
  return core::sample_whole(core::Distribution::lognormal_by_quantile(5e9, 0.9, 20e9), draws);
}

core::SessionId session_id(std::uint64_t seed, const Visit& visit, std::uint32_t attempt) {
  DrawSequence draws =
      Draws(seed, purpose("session")).at({.high = 0, .low = visit.user, .visit = visit.number, .attempt = attempt});
  const std::uint64_t high = draws.u64();
  const std::uint64_t low = draws.u64();
  return {high, low};
}

core::UserId user_id(std::uint64_t seed, std::uint32_t user) {
  return core::UserId(Draws(seed, purpose("user")).u64({.high = 0, .low = user, .visit = 0, .attempt = 0}));
}

std::uint32_t user_choice(std::uint64_t seed, std::uint32_t user, std::uint32_t n) {
  CHECK(n > 0);
  return static_cast<std::uint32_t>(
      Draws(seed, purpose("front")).below({.high = 0, .low = user, .visit = 0, .attempt = 0}, n));
}

}  // namespace homing::sim
