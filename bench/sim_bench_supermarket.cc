// SPDX-License-Identifier: Apache-2.0
//
// The supermarket model, 1,000 queues, two choices, load 0.9, in five depths, beside its peers in one run:
//
//   world      everything: a core on each of 1,000 machines, claims, the store, launchers, processors, people
//   core       one production core as the router: each arrival is asked of it, claimed in the store, its route
//              published; each departure is ended through it. No launchers, no people
//   strategy   the production strategy (core's archive) decides each arrival and is told of each departure
//   bare_heap  a std::priority_queue and two random queue lengths: what no simulator can beat
//   ns3_*      the same on ns-3's scheduler, simpy in SimPy: programs of their own, their paths given by the
//              environment (HOMING_NS3, HOMING_SIMPY; `./dev bench sim` sets both)
//
// All five draw their own arrivals; the mean time in system says that they are the same model: 2.614 in the limit of
// many queues (Mitzenmacher), 2.647 published for n = 100, two drawn with replacement. Time is CPU time.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <variant>
#include <vector>

#include "bench/sim_bench.h"
#include "router/base/memory_store.h"
#include "router/core/check.h"
#include "router/core/core.h"
#include "router/core/draws.h"
#include "router/core/exact_math.h"
#include "router/core/strategy.h"
#include "sim/event_queue.h"
#include "sim/plan.h"

namespace homing::bench {
namespace {

constexpr double kWarmUp = 30.0;  // seconds; in the scenario too
constexpr double kLoad = 0.9;
constexpr std::uint32_t kArrival = ~0u;

// Best jobs per CPU-second of each row so far, for the ratios at the end.
using Rates = std::map<std::string, double>;

struct Run {
  std::uint64_t jobs = 0;
  double cpu_s = 0.0;
  double time_in_system = 0.0;
};

void report(benchmark::State& state, Rates& rates, const std::string& name, const Run& run) {
  const double rate = static_cast<double>(run.jobs) / run.cpu_s;
  rates[name] = std::max(rates[name], rate);
  state.SetIterationTime(run.cpu_s);
  state.counters["jobs_per_s"] = rates[name];
  state.counters["time_in_system"] = run.time_in_system;
}

std::shared_ptr<const sim::Scenario> supermarket(int queues, int seconds) {
  return scenario_from(fmt::format(R"toml(
format = 1
title = "Supermarket"
horizon = "{} s"
warm-up = "30 s"
routers = 1
[cluster]
heartbeat = "1000000 s"
user-delay = "0 s"
peer-delay = "0 s"
store-delay = "0 s"
nodes = [{{ count = {}, cores = 1, memory = "1 TiB" }}]
[[stream]]
name = "jobs"
rate = "{:.3f} per s"
kind = "job"
[kind.job]
start = {{ solo = "0 s", cpu = "0 s", memory = "0 B" }}
expected-memory = "0 B"
ends = "work-done"
work = "exponential(1 s)"
[[strategy]]
name = "p2c-sessions"
)toml",
                                   seconds, queues, kLoad * queues));
}

Run run_world(benchmark::State& state, int queues, int seconds) {
  const auto scenario = supermarket(queues, seconds);
  sim::WorldOptions options;
  options.record_feelings = false;
  const double begin = cpu_now();
  sim::World world(scenario, 0, std::make_shared<const sim::Plan>(sim::draw_plan(*scenario, 1)), options);
  world.run();
  Run run;
  run.cpu_s = cpu_now() - begin;
  run.jobs = world.plan().visits.size();
  state.SetLabel(fmt::format("{}; fingerprint {:016x}", world_label(world, false), world.fingerprint()));
  const sim::Sojourns done = world.finish().sojourns();
  run.time_in_system = done.sum_s / static_cast<double>(done.count);
  return run;
}

// Arrivals, work and queue lengths on the simulator's event queue; `Decider` says where a job goes. Exponential work,
// so first-come and processor sharing have the same law of the number in system.
template <class Decider>
class Queues {
 public:
  Queues(std::uint32_t queues, double seconds, Decider decider)
      : decider_(std::move(decider)), horizon_ns_(to_ns(kWarmUp + seconds)), lines_(queues) {}

  Run run() {
    const double begin = cpu_now();
    queue_.push(0, 0, kArrival);
    while (queue_.top().time_ns < horizon_ns_) {
      const auto entry = queue_.pop();
      count(entry.time_ns);
      if (entry.payload == kArrival) {
        arrive();
      } else {
        depart(entry.payload);
      }
    }
    Run run;
    run.cpu_s = cpu_now() - begin;
    run.jobs = arrived_;
    run.time_in_system = integral_ * 1e-9 / static_cast<double>(measured_);
    return run;
  }

 private:
  static std::int64_t to_ns(double seconds) { return static_cast<std::int64_t>(seconds * 1e9); }
  std::int64_t exponential(double rate) {
    const double u = draws_.uniform();
    return to_ns(-core::exact_log(u) / rate);
  }
  void count(std::int64_t at) {
    constexpr auto warm = static_cast<std::int64_t>(kWarmUp * 1e9);
    if (at > warm) integral_ += static_cast<double>(inside_) * static_cast<double>(at - std::max(now_, warm));
    now_ = at;
  }
  void arrive() {
    queue_.push(now_ + exponential(kLoad * static_cast<double>(lines_.size())), 0, kArrival);
    const std::uint64_t job = ++arrived_;
    const std::uint32_t to = decider_.place(now_, job);
    ++inside_;
    if (now_ > to_ns(kWarmUp)) ++measured_;
    Line& line = lines_[to];
    behind_.push_back(0);
    if (line.length++ == 0) {
      line.first = job;
      queue_.push(now_ + exponential(1.0), 0, to);
    } else {
      behind_[line.last - 1] = job;
    }
    line.last = job;
  }
  void depart(std::uint32_t at) {
    --inside_;
    Line& line = lines_[at];
    decider_.end(now_, at, line.first);
    line.first = behind_[line.first - 1];
    if (--line.length > 0) queue_.push(now_ + exponential(1.0), 0, at);
  }
  struct Line {
    std::uint64_t first = 0, last = 0;  // jobs, from 1
    std::uint32_t length = 0;
  };

  Decider decider_;
  std::int64_t horizon_ns_;
  std::vector<Line> lines_;            // by queue
  std::vector<std::uint64_t> behind_;  // by job: who stands behind it
  sim::EventQueue<std::uint32_t> queue_;
  core::DrawSequence draws_{1, core::purpose("supermarket"), {}};
  std::int64_t now_ = 0;
  double integral_ = 0.0;
  std::uint64_t inside_ = 0, arrived_ = 0, measured_ = 0;
};

// The production strategy with the production core's keyed draws; figures are told as the core tells them.
class StrategyDecides {
 public:
  explicit StrategyDecides(std::uint32_t queues)
      : strategy_(core::make_strategy("p2c-sessions", core::StrategyParams{})), figures_(queues) {
    for (std::uint32_t i = 0; i < queues; ++i) strategy_->update(core::NodeId(i), figures_[i]);
  }
  std::uint32_t place(std::int64_t, std::uint64_t job) {
    const core::PlacementQuery query{1, core::SessionId{1, job}, core::UserId(job), core::KindId(0), core::Epoch(1)};
    const core::NodeId chosen = strategy_->pick(query, {}).candidates[0].node;
    ++figures_[chosen.value].sessions;
    strategy_->update(chosen, figures_[chosen.value]);
    return chosen.value;
  }
  void end(std::int64_t, std::uint32_t at, std::uint64_t) {
    --figures_[at].sessions;
    strategy_->update(core::NodeId(at), figures_[at]);
  }

 private:
  std::unique_ptr<core::Strategy> strategy_;
  std::vector<core::NodeFigures> figures_;
};

// One production core as the only router of a cluster whose nodes' rows are in the store. It is the last node and under
// maintenance, so that it hosts nothing. A job's owner does not wait for the start: the request is withdrawn once the
// claim stands.
class CoreDecides {
 public:
  explicit CoreDecides(std::uint32_t queues)
      : store_(base::MemoryStoreOptions{.kept_history = 0}), core_(core::NodeId(queues), config()) {
    for (std::uint32_t i = 0; i <= queues; ++i) {
      core::NodeRow row;
      row.node = core::NodeId(i);
      row.incarnation = core::Incarnation(1);
      row.lease = 1;
      row.machine = i + 1;
      if (i == queues) row.admin = core::NodeAdmin::kMaintenance;
      store_.compare_and_set({core::StoreToken(1), core::Timeline{}, {{row, core::Version{}}}});
    }
    handle(0, core::Boot{.machine = queues + 1});
    handle(0, core::LauncherUp{});
    CHECK(core_.may_order(at(0)));
  }
  std::uint32_t place(std::int64_t now, std::uint64_t job) {
    chosen_ = core::kNoNode;
    handle(now, core::SessionWanted{core::RequestId(job), core::SessionId{1, job}, core::UserId(job), core::KindId(0),
                                    core::Intent::kStart});
    handle(now, core::WantWithdrawn{core::RequestId(job)});
    CHECK(chosen_ != core::kNoNode);
    return chosen_.value;
  }
  void end(std::int64_t now, std::uint32_t, std::uint64_t job) {
    handle(now, core::EndWanted{core::SessionId{1, job}, core::EndReason::kOwner});
    if (++ended_ % 8192 == 0) {
      handle(now, core::StoreHint{});
      store_.forget_final(store_.latest());
    }
  }

 private:
  static core::Config config() {
    core::Config config;
    config.strategy = "p2c-sessions";
    config.heartbeat = core::seconds(1'000'000);
    config.suspect = 3 * config.heartbeat;
    config.lease_ttl = 8 * config.heartbeat;
    config.dead = 10 * config.heartbeat;
    config.report_every = config.heartbeat;
    config.queue_ask_max = 3 * config.heartbeat;
    config.kinds.emplace_back().name = "job";
    CHECK(core::validate(config).empty());
    return config;
  }
  static core::Instant at(std::int64_t ns) { return core::Instant(core::Duration(ns + 1'000'000'000)); }

  void handle(std::int64_t now, const core::Event& event) {
    core_.handle(at(now), event);
    while (!core_.effects().empty()) {
      answers_.clear();
      for (const core::Effect& effect : core_.effects()) execute(effect);
      core_.clear_effects();
      for (const core::Event& answer : answers_) core_.handle(at(now), answer);
    }
  }
  void execute(const core::Effect& effect) {
    if (const auto* write = std::get_if<core::CompareAndSet>(&effect)) {
      auto written = store_.compare_and_set(*write);
      CHECK(std::holds_alternative<core::Won>(written));
      answers_.emplace_back(std::get<core::Won>(written));
    } else if (const auto* read = std::get_if<core::ReadSince>(&effect)) {
      answers_.emplace_back(std::get<core::Rows>(store_.read_since(*read)));
    } else if (const auto* made = std::get_if<core::DecisionMade>(&effect)) {
      chosen_ = made->record.chosen;
    }
  }

  base::MemoryStore store_;
  core::Core core_;
  std::vector<core::Event> answers_;
  core::NodeId chosen_ = core::kNoNode;
  std::uint64_t ended_ = 0;
};

// The same model without anything around it: one event an arrival and one a departure on a std heap.
Run run_bare(std::uint64_t queues, double seconds) {
  struct Event {
    double at;
    std::uint32_t queue;  // kArrival: an arrival
    bool operator<(const Event& other) const { return at > other.at; }
  };
  const double begin = cpu_now();
  const double horizon = kWarmUp + seconds;
  std::priority_queue<Event> heap;
  std::vector<std::uint32_t> length(queues, 0);
  core::DrawSequence draws(1, core::purpose("supermarket"), {});
  const double rate = kLoad * static_cast<double>(queues);
  heap.push({0.0, kArrival});
  double now = 0.0, integral = 0.0;
  std::uint64_t inside = 0, arrived = 0, measured = 0;
  while (heap.top().at < horizon) {
    const Event event = heap.top();
    heap.pop();
    if (event.at > kWarmUp) integral += static_cast<double>(inside) * (event.at - std::max(now, kWarmUp));
    now = event.at;
    if (event.queue == kArrival) {
      const double gap = draws.uniform();
      heap.push({now - core::exact_log(gap) / rate, kArrival});
      const std::uint64_t a = draws.below(queues);
      std::uint64_t b = draws.below(queues - 1);
      if (b >= a) ++b;
      const auto to = static_cast<std::uint32_t>(length[a] <= length[b] ? a : b);
      ++inside;
      ++arrived;
      if (now > kWarmUp) ++measured;
      if (++length[to] == 1) {
        const double work = draws.uniform();
        heap.push({now - core::exact_log(work), to});
      }
    } else {
      --inside;
      if (--length[event.queue] > 0) {
        const double work = draws.uniform();
        heap.push({now - core::exact_log(work), event.queue});
      }
    }
  }
  Run run;
  run.cpu_s = cpu_now() - begin;
  run.jobs = arrived;
  run.time_in_system = integral / static_cast<double>(measured);
  return run;
}

// A program that prints jobs, CPU-seconds and the mean time in system.
Run run_program(benchmark::State& state, const std::string& command) {
  Run run;
  std::FILE* pipe = popen(command.c_str(), "r");
  unsigned long long jobs = 0;
  const bool read = pipe != nullptr && std::fscanf(pipe, "%llu %lf %lf", &jobs, &run.cpu_s, &run.time_in_system) == 3;
  if ((pipe == nullptr ? 1 : pclose(pipe)) != 0 || !read) state.SkipWithError(("failed: " + command).c_str());
  run.jobs = jobs;
  return run;
}

void ratios(benchmark::State& state, const Rates& rates) {
  double clock = 0.0;
  for (auto _ : state) benchmark::DoNotOptimize(clock += 1.0);
  const auto ratio = [&](const std::string& of, const std::string& to) {
    const auto a = rates.find(of), b = rates.find(to);
    if (a != rates.end() && b != rates.end()) state.counters[of + "/" + to] = a->second / b->second;
  };
  double best = 0.0;
  for (const auto& [name, rate] : rates) {
    if (name.starts_with("ns3")) best = std::max(best, rate);
  }
  for (const char* ours : {"world", "core", "strategy"}) {
    for (const char* peer : {"ns3_Map", "ns3_PriorityQueue", "simpy", "bare_heap"}) ratio(ours, peer);
  }
}

}  // namespace

void register_supermarket(Effort effort) {
  const bool smoke = effort == Effort::kSmoke;
  const int queues = smoke ? 50 : 1000;
  const int seconds = smoke ? 5 : 100;
  const auto rates = std::make_shared<Rates>();
  const auto add = [&](const std::string& name, auto&& body) {
    benchmark::RegisterBenchmark(fmt::format("Supermarket/{}/{}q/{}s", name, queues, seconds).c_str(),
                                 [rates, name, body](benchmark::State& state) {
                                   for (auto _ : state) report(state, *rates, name, body(state));
                                 })
        ->UseManualTime()
        ->Iterations(smoke ? 1 : 3)
        ->Unit(benchmark::kMillisecond);
  };
  const auto wide = static_cast<std::uint32_t>(queues);
  add("world", [=](benchmark::State& state) { return run_world(state, queues, seconds); });
  add("core", [=](benchmark::State&) { return Queues(wide, seconds, CoreDecides(wide)).run(); });
  add("strategy", [=](benchmark::State&) { return Queues(wide, seconds, StrategyDecides(wide)).run(); });
  add("bare_heap", [=](benchmark::State&) { return run_bare(wide, seconds); });
  if (const char* program = std::getenv("HOMING_NS3"); program != nullptr && *program != '\0') {
    for (const std::string scheduler : {"Map", "PriorityQueue", "Heap", "Calendar"}) {
      add("ns3_" + scheduler, [=, command = fmt::format("'{}' {} {} {}", program, scheduler, queues, seconds)](
                                  benchmark::State& state) { return run_program(state, command); });
    }
  }
  if (const char* program = std::getenv("HOMING_SIMPY"); program != nullptr && *program != '\0') {
    // Two orders of magnitude slower: a tenth of the time is enough.
    add("simpy", [=, command = fmt::format("/usr/bin/python3 '{}' {} {}", program, queues, std::max(1, seconds / 10))](
                     benchmark::State& state) { return run_program(state, command); });
  }
  benchmark::RegisterBenchmark("Supermarket/ratios", [rates](benchmark::State& state) {
    ratios(state, *rates);
  })->Iterations(1);
}

}  // namespace homing::bench
