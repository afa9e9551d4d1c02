// SPDX-License-Identifier: Apache-2.0
#include "tests/swarm/swarm_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "router/base/diagnostics.h"
#include "router/core/check.h"
#include "router/core/draws.h"
#include "router/core/strategy.h"
#include "sim/faults.h"
#include "sim/measures.h"

namespace homing::sim::swarm {
namespace {

using core::DrawSequence;

constexpr std::size_t kFewestVisits = 200;
constexpr std::int64_t kLastBegin = 105 * kMin;  // of a fault or hurt
constexpr std::int64_t kStillness = 4 * kMin;
constexpr std::int64_t kLastTurn = 75 * kMin;  // of what goes from machine to machine
constexpr std::int64_t kLastEnd = 112 * kMin;  // a drain's maintenance of five minutes fits behind it

template <class T, std::size_t N>
T one_of(DrawSequence& draws, const std::array<T, N>& choices) {
  return choices[draws.below(N)];
}

std::int64_t between(DrawSequence& draws, std::int64_t from, std::int64_t to) {
  return from + static_cast<std::int64_t>(draws.below(static_cast<std::uint64_t>(to - from + 1)));
}

bool chance(DrawSequence& draws, std::uint64_t percent) {
  return draws.below(100) < percent;
}

ScenarioNames names() {
  ScenarioNames known;
  for (const auto name : core::strategy_names()) known.strategies.emplace_back(name);
  for (const MetricInfo& metric : metrics()) known.metrics.push_back(metric.name);
  return known;
}

class CaseMaker {
 public:
  explicit CaseMaker(std::uint64_t seed)
      : draws_(seed, core::purpose("swarm"), {}), sleep_(seed, core::purpose("swarm-sleep"), {}) {
    made_.seed = seed;
    draw_sleep();
  }

  SwarmCase make() {
    const std::string cluster = cluster_text();
    const std::string kinds = kinds_text();
    tune();
    const std::string faults = faults_text();
    const std::string strategy = strategy_text();
    // Enough visits: the crowd that comes at once is made larger until there are.
    const std::int64_t crowd_at = between(draws_, 1, 100);
    const std::int64_t within = between(draws_, 1, 15);
    for (std::int64_t crowd = between(draws_, 20, 80);; crowd += 20) {
      made_.text = fmt::format("{}{}{}{}{}{}", head_text(), cluster, kinds, users_text(crowd, crowd_at, within), faults,
                               strategy);
      ScenarioResult read = parse_scenario(made_.text, fmt::format("swarm-{}.toml", made_.seed), names());
      if (!read.ok()) {
        fmt::print(stderr, "{}\n{}", made_.text, base::render_report(read.diagnostics));
        CHECK(read.ok());
      }
      made_.scenario = std::make_shared<const Scenario>(std::move(*read.scenario));
      Plan plan = draw_plan(*made_.scenario, made_.seed);
      if (plan.visits.size() < kFewestVisits) continue;
      heal_in_time(plan);
      made_.plan = std::make_shared<const Plan>(std::move(plan));
      break;
    }
    draw_hurts();
    return std::move(made_);
  }

 private:
  std::string head_text() {
    return fmt::format(
        "format = 1\ntitle = \"Swarm, seed {}\"\nstart = \"Mon 09:00\"\nhorizon = \"{} s\"\nwarm-up = \"0 s\"\n"
        "routers = {}\n",
        made_.seed, (core::nanoseconds(kTrouble) + made_.quiet) / core::seconds(1), routers_);
  }

  std::string cluster_text() {
    nodes_ = 4 + static_cast<std::uint32_t>(draws_.below(3) == 0 ? 1 + draws_.below(2) : 0);
    routers_ = 2 + static_cast<std::uint32_t>(draws_.below(nodes_ - 1));
    heartbeat_ = one_of(draws_, std::array<std::int64_t, 4>{5, 8, 10, 15});
    const std::int64_t report = heartbeat_ * one_of(draws_, std::array<std::int64_t, 4>{1, 1, 2, 4});
    const std::int64_t store = one_of(draws_, std::array<std::int64_t, 4>{0, 2, 20, 200});
    const std::int64_t peer = one_of(draws_, std::array<std::int64_t, 3>{0, 1, 50});
    const bool tight = chance(draws_, 40);
    const bool scarce = chance(draws_, 20);
    std::string list;
    const std::int64_t most_slots = chance(sleep_, 40) ? between(sleep_, 1, 3) : 0;
    for (std::uint32_t n = 0; n < nodes_; ++n) {
      const std::int64_t cores = one_of(draws_, std::array<std::int64_t, 4>{2, 4, 8, 16});
      const std::int64_t memory = scarce ? between(draws_, 2, 6) : one_of(draws_, std::array<std::int64_t, 2>{16, 64});
      const std::int64_t sessions = tight ? between(draws_, 4, 16) : 0;
      const bool gpu = n == 0 || chance(draws_, 30);
      list +=
          fmt::format("{{ cores = {}, memory = \"{} GiB\", max-sessions = {}, weight = {}{}{} }},\n  ", cores, memory,
                      sessions, one_of(draws_, std::array<int, 3>{50, 100, 200}), gpu ? ", labels = [\"gpu\"]" : "",
                      most_slots == 0 ? "" : fmt::format(", start-slots = {}", between(sleep_, 1, most_slots)));
    }
    const auto policy =
        one_of(draws_, std::array<const char*, 4>{"round-robin", "sticky-cookie", "one-node", "own-node"});
    return fmt::format(
        "[cluster]\nheartbeat = \"{} s\"\nreport-every = \"{} s\"\nstore-delay = \"{} ms\"\npeer-delay = \"{} ms\"\n"
        "user-delay = \"10 ms\"\nnodes = [\n  {}]\n[front]\npolicy = \"{}\"\n"
        "health-check = {{ every = \"3 s\", fail-after = {} }}\n",
        heartbeat_, report, store, peer, list, policy, between(draws_, 1, 4));
  }

  // "plain" only holds a place, "work" computes and grows, "gpu" needs a label.
  std::string kinds_text() {
    start_timeout_ = between(draws_, 20, 60);
    const std::int64_t solo = between(draws_, 1, 5);
    const std::string start = fmt::format(
        "start = {{ solo = \"lognormal(median {} s, p90 {} s)\", cpu = \"500 ms\", memory = \"180 MiB\", timeout = "
        "\"{} "
        "s\" }}\n",
        solo, 3 * solo, start_timeout_);
    const std::int64_t length = between(draws_, 5, 25);
    const std::string stay = fmt::format("length = \"lognormal(median {} min, p90 {} min)\"\n", length, 3 * length);
    const bool hungry = chance(draws_, 30);
    // A resume is given no more than a start, else what hangs when the trouble ends would hang beyond the quiet time.
    if (suspends_) idle_ += fmt::format(", timeout = \"{} s\" }}\n", start_timeout_);
    return fmt::format(
        "[kind.plain]\nactions = false\n{0}{1}"
        "[kind.work]\nthink = \"lognormal(median 3 min, p90 10 min)\"\n{0}{1}"
        "action = {{ cpu = \"lognormal(median 10 s, p99 5 min)\", threads = {2}, memory-step = \"{3} MiB\" }}\n{4}"
        "[kind.gpu]\nneeds = [\"gpu\"]\nactions = false\n{0}{1}",
        start, stay, between(draws_, 1, 2), hungry ? between(draws_, 100, 400) : 1, idle_);
  }

  // An idle rule for "work", often: it sends sessions to sleep while their owners think, or ends them.
  void draw_sleep() {
    if (!chance(sleep_, 60)) return;
    const bool suspends = chance(sleep_, 75);
    idle_ = fmt::format("idle = {{ after = \"{} s\", then = \"{}\" }}\n",
                        one_of(sleep_, std::array<std::int64_t, 4>{20, 60, 120, 300}), suspends ? "suspend" : "end");
    if (chance(sleep_, 30)) idle_ += "leave = \"open\"\n";
    suspends_ = suspends;
    if (!suspends) return;
    for (const char* key : {"suspend", "resume"}) {
      idle_ += fmt::format("{} = {{ base = \"{} s\", per-gib = \"{} s\", cpu = {}{}", key, between(sleep_, 0, 10),
                           between(sleep_, 1, 8), one_of(sleep_, std::array<const char*, 3>{"0.0", "0.5", "1.0"}),
                           std::string_view(key) == "suspend" ? " }\n" : "");  // kinds_text() closes the other
    }
  }

  std::string users_text(std::int64_t crowd, std::int64_t at, std::int64_t within) {
    return fmt::format(
        "[[users]]\nname = \"regulars\"\ncount = 40\nactive-share = 1.0\nsessions-per-active-day = 4.0\n"
        "day-shape = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\n"
        "kinds = {{ plain = 0.5, work = 0.4, gpu = 0.1 }}\n"
        "[[users]]\nname = \"crowd\"\ncount = {}\nburst = {{ at = \"{} min\", within = \"{} min\" }}\n"
        "kinds = {{ plain = 0.6, work = 0.4 }}\n",
        crowd, at, within);
  }

  std::string target() { return fmt::format("\"n{}\"", 1 + draws_.below(nodes_)); }

  // From the table of kinds, each as likely; a new kind joins by its row. Its own keys keep their defaults.
  std::string faults_text() {
    std::string text;
    const std::int64_t count = between(draws_, 3, 6);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto kinds = fault_kinds();
      const std::uint64_t which = draws_.below(kinds.size());
      // A second machine that leaves for good would leave too few; one that joins twice makes no sense.
      const FaultKind drawn = kinds[which].kind;
      const bool again =
          (drawn == FaultKind::kScaleIn && left_for_good_++ > 0) || (drawn == FaultKind::kScaleOut && joined_++ > 0);
      const FaultInfo& info = kinds[again ? 0 : which];
      const bool takes_turns = std::any_of(info.keys.begin(), info.keys.end(), [](const FaultKey& key) {
        return std::string_view(key.name) == "deadline";
      });
      const std::int64_t latest = takes_turns ? kLastTurn : kLastBegin;
      text += fmt::format("[[fault]]\nat = \"{} s\"\nkind = \"{}\"\n", between(draws_, 60, latest / kSec), info.name);
      const std::string first = target();
      if (info.hits == FaultHits::kEachNode) text += fmt::format("target = [{}]\n", first);
      if (info.hits == FaultHits::kNodeSet) {
        const std::string second = target();
        text += fmt::format("target = [{}{}]\n", first, second == first ? "" : ", " + second);
      }
      // What an operator does machine after machine must be done before the quiet time.
      for (const FaultKey& key : info.keys) {
        const std::string_view name = key.name;
        if (name == "deadline") text += fmt::format("deadline = \"{} s\"\n", between(draws_, 30, 300));
        if (name == "maintenance") text += fmt::format("maintenance = \"{} s\"\n", between(draws_, 10, 120));
      }
      const std::int64_t median = one_of(draws_, std::array<std::int64_t, 4>{5, 60, 300, 1200});  // s
      if (info.lasts == FaultLasts::kNever || (info.lasts == FaultLasts::kDefault && chance(draws_, 50))) continue;
      text += fmt::format("lasts = \"lognormal(median {} s, p90 {} s)\"\n", median, 3 * median);
    }
    return text;
  }

  std::string strategy_text() {
    const auto all = core::strategy_names();
    return fmt::format("[[strategy]]\nname = \"{}\"\n", all[draws_.below(all.size())]);
  }

  void tune() {
    Tuning& tuning = made_.tuning;
    tuning.user_limit = chance(draws_, 15) ? 1 + static_cast<std::uint32_t>(draws_.below(3)) : 0;
    tuning.max_queue = chance(draws_, 20) ? 3 : 10'000;
    tuning.max_wishes = chance(draws_, 10) ? 6 : 10'000;
    tuning.queue_ask_max = core::seconds(3 * heartbeat_);
    tuning.accept_max = core::seconds(between(draws_, heartbeat_ / 2, 2 * heartbeat_));
    tuning.store_jitter = core::milliseconds(one_of(draws_, std::array<std::int64_t, 4>{0, 0, 10, 300}));
    for (int kind = 0; kind < 3; ++kind) {
      tuning.without_store.push_back(chance(draws_, 30) ? core::WithoutStore::kFreeze : core::WithoutStore::kKeep);
    }
    // Hold of a new timeline, a death, three starts that time out, a ticket that expires, reads and clicks in between.
    made_.quiet = core::seconds(8 * heartbeat_ + 10 * heartbeat_ + 3 * (start_timeout_ + 5) + 2 * 3 * heartbeat_ +
                                10 * heartbeat_ + 240);
  }

  // Nobody leaves in the last minutes, so that the end can be looked at in peace.
  void heal_in_time(Plan& plan) const {
    const std::int64_t last_leave = made_.scenario->horizon.count() - kStillness;
    for (Visit& visit : plan.visits) {
      if (visit.end_ns > last_leave && visit.end_ns < made_.scenario->horizon.count()) visit.end_ns = last_leave;
    }
    for (PlannedFault& fault : plan.faults) {
      fault.start_ns = std::min(fault.start_ns, kLastBegin);
      if (fault.end_ns != kNoPlannedEnd) fault.end_ns = std::min(fault.end_ns, kLastEnd);
    }
  }

  // The world's isolate() and its faults of links count the same cuts.
  bool cuts_anything() const {
    return std::any_of(made_.plan->faults.begin(), made_.plan->faults.end(), [](const PlannedFault& fault) {
      return fault.kind == FaultKind::kPartition || fault.kind == FaultKind::kOneWayPartition ||
             fault.kind == FaultKind::kFlapping;
    });
  }

  void draw_hurts() {
    const std::int64_t count = between(draws_, 2, 8);
    for (std::int64_t i = 0; i < count; ++i) {
      Hurt hurt;
      hurt.kind = static_cast<HurtKind>(draws_.below(kDrawnHurts));
      if (cuts_anything() && hurt.kind == HurtKind::kIsolate) hurt.kind = HurtKind::kPolls;
      hurt.machine = static_cast<std::uint32_t>(draws_.below(nodes_));
      hurt.begin_ns = between(draws_, 30 * kSec, kLastBegin);
      const std::int64_t longest = one_of(draws_, std::array<std::int64_t, 3>{30 * kSec, 3 * kMin, 30 * kMin});
      hurt.end_ns = std::min(kLastEnd, hurt.begin_ns + between(draws_, 1, longest / kSec) * kSec);
      hurt.draw = draws_.u64();
      made_.hurts.push_back(hurt);
    }
    if (!cuts_anything() && chance(sleep_, 25)) {
      made_.hurts.push_back({HurtKind::kSilentHeirs, 0, kMin, kLastEnd, sleep_.u64()});
    }
    if (suspends_ && chance(sleep_, 20)) {
      const std::int64_t begin = between(sleep_, 10 * kMin, 60 * kMin);
      made_.hurts.push_back({HurtKind::kForgottenSleep, 0, begin, kLastEnd, sleep_.u64()});
    }
    std::sort(made_.hurts.begin(), made_.hurts.end(), [](const Hurt& a, const Hurt& b) {
      return a.begin_ns != b.begin_ns ? a.begin_ns < b.begin_ns : a.draw < b.draw;
    });
  }

  DrawSequence draws_;
  DrawSequence sleep_;  // what came later: apart, so that the older draws stay
  std::string idle_;
  bool suspends_ = false;
  SwarmCase made_;
  std::uint32_t nodes_ = 4;
  std::uint32_t routers_ = 2;
  std::int64_t heartbeat_ = 5;
  std::int64_t start_timeout_ = 60;
  int left_for_good_ = 0;
  int joined_ = 0;
};

}  // namespace

const char* to_string(HurtKind kind) {
  static constexpr std::array<const char*, kHurtKinds> kNames = {
      "isolate",   "lose-tail", "slow-starts", "lossy-store", "launcher-away", "exits",          "polls",
      "strangers", "clicks",    "idle-ends",   "maintenance", "silent-heirs",  "forgotten-sleep"};
  return kNames[static_cast<std::size_t>(kind)];
}

SwarmCase draw_case(std::uint64_t seed) {
  return CaseMaker(seed).make();
}

Kept keep_all(const SwarmCase& whole) {
  return {std::vector<bool>(whole.plan->faults.size(), true), std::vector<bool>(whole.hurts.size(), true),
          std::vector<bool>(whole.plan->visits.size(), true)};
}

SwarmCase reduced(const SwarmCase& whole, const Kept& kept) {
  SwarmCase less = whole;
  Plan plan = *whole.plan;
  plan.faults.clear();
  plan.visits.clear();
  less.hurts.clear();
  for (std::size_t i = 0; i < whole.plan->faults.size(); ++i) {
    if (kept.faults[i]) plan.faults.push_back(whole.plan->faults[i]);
  }
  for (std::size_t i = 0; i < whole.plan->visits.size(); ++i) {
    if (kept.visits[i]) plan.visits.push_back(whole.plan->visits[i]);
  }
  for (std::size_t i = 0; i < whole.hurts.size(); ++i) {
    if (kept.hurts[i]) less.hurts.push_back(whole.hurts[i]);
  }
  less.plan = std::make_shared<const Plan>(std::move(plan));
  return less;
}

}  // namespace homing::sim::swarm
