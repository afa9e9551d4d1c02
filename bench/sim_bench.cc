// SPDX-License-Identifier: Apache-2.0
//
// sim_bench: how many jobs a second the simulator carries when the production core decides each of them, beside the
// same model written as a bare loop on a std heap, in the same run. The model is the supermarket: 1,000 queues under
// processor sharing, two choices, load 0.9. The ratio is the price of cores, claims, a store, launchers and people for
// one job.
//
//   Supermarket/homing      the scenario below through World; counters: jobs/s, mean time in system, fingerprint
//   Supermarket/bare_heap   the loop; counters: jobs/s, mean time in system
//   LiveSessions            bytes a live session takes in a world of that many, cores, store and people included
//
// The mean time in system for n = 100 is 2.647 (published simulations); for n = 1,000 the limit 2.614 is close.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "router/core/check.h"
#include "router/core/draws.h"
#include "router/core/exact_math.h"
#include "sim/commands.h"
#include "sim/plan.h"
#include "sim/world.h"

namespace homing::bench {
namespace {

using sim::Scenario;

constexpr double kWarmUp = 30.0;  // seconds; in the scenario too

std::shared_ptr<const Scenario> scenario_from(const std::string& text) {
  sim::ScenarioResult result = sim::parse_scenario(text, "bench.toml", sim::known_names());
  CHECK(result.ok());
  return std::make_shared<const Scenario>(std::move(*result.scenario));
}

std::shared_ptr<const Scenario> supermarket(int queues, int seconds) {
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
                                   seconds, queues, 0.9 * queues));
}

void homing(benchmark::State& state) {
  const auto scenario = supermarket(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)));
  std::uint64_t jobs = 0;
  double time = 0.0;
  std::uint64_t fingerprint = 0;
  for (auto _ : state) {
    sim::WorldOptions options;
    options.record_feelings = false;
    sim::World world(scenario, 0, std::make_shared<const sim::Plan>(sim::draw_plan(*scenario, 1)), options);
    world.run();
    fingerprint = world.fingerprint();
    const sim::Sojourns done = world.finish().sojourns();
    jobs += world.plan().visits.size();
    time = done.sum_s / static_cast<double>(done.count);
  }
  state.counters["jobs_per_s"] = benchmark::Counter(static_cast<double>(jobs), benchmark::Counter::kIsRate);
  state.counters["time_in_system"] = time;
  state.SetLabel(fmt::format("fingerprint {:016x}", fingerprint));
}

// The same model without anything around it: exponential work, so processor sharing and first-come have the same law of
// the number in system; one event an arrival and one a departure.
void bare_heap(benchmark::State& state) {
  const auto queues = static_cast<std::uint64_t>(state.range(0));
  const auto horizon = kWarmUp + static_cast<double>(state.range(1));
  std::uint64_t jobs = 0;
  double time = 0.0;
  for (auto _ : state) {
    struct Event {
      double at;
      std::uint32_t queue;  // kArrival: an arrival
      bool operator<(const Event& other) const { return at > other.at; }
    };
    constexpr std::uint32_t kArrival = ~0u;
    std::priority_queue<Event> heap;
    std::vector<std::uint32_t> length(queues, 0);
    core::DrawSequence draws(1, core::purpose("supermarket"), {});
    const double rate = 0.9 * static_cast<double>(queues);
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
    jobs += arrived;
    time = integral / static_cast<double>(measured);
  }
  state.counters["jobs_per_s"] = benchmark::Counter(static_cast<double>(jobs), benchmark::Counter::kIsRate);
  state.counters["time_in_system"] = time;
}

// Bytes on the heap per live session: eight machines with eight routers, so every session has nine cached rows.
void live_sessions(benchmark::State& state) {
  const auto scenario = scenario_from(fmt::format(R"toml(
format = 1
title = "Live sessions"
horizon = "30 s"
warm-up = "0 s"
[cluster]
heartbeat = "5 s"
nodes = [{{ count = 8, cores = 64, memory = "4 TiB" }}]
[[users]]
name = "people"
count = {}
burst = {{ at = "Mon 00:00", within = "10 s" }}
kinds = {{ notepad = 1.0 }}
[kind.notepad]
length = "100 h"
actions = false
start = {{ solo = "1 s", cpu = "0 s", memory = "1 MiB" }}
)toml",
                                                  state.range(0)));
  double bytes = 0.0;
  for (auto _ : state) {
    sim::World world(scenario, 0, std::make_shared<const sim::Plan>(sim::draw_plan(*scenario, 1)));
    const std::size_t before = mallinfo2().uordblks;
    world.run();
    bytes = static_cast<double>(mallinfo2().uordblks - before);
  }
  state.counters["bytes_per_session"] = bytes / static_cast<double>(state.range(0));
}

}  // namespace

void register_benchmarks(Effort effort) {
  const bool smoke = effort == Effort::kSmoke;
  const std::int64_t queues = smoke ? 50 : 1000;
  const std::int64_t seconds = smoke ? 5 : 100;
  for (auto* benchmark : {benchmark::RegisterBenchmark("Supermarket/homing", homing),
                          benchmark::RegisterBenchmark("Supermarket/bare_heap", bare_heap)}) {
    benchmark->Args({queues, seconds})->ArgNames({"queues", "seconds"})->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("LiveSessions", live_sessions)
      ->Arg(smoke ? 100 : 10'000)
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace homing::bench
