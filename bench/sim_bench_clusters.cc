// SPDX-License-Identifier: Apache-2.0
//
// Days of whole clusters: how long they take against the limits that issue and README name, what an event costs as the
// cluster grows, what two jobs reach of two bare loops, and the bytes of a live session.
//
// A live session here is an ordinary one: the default kind's length, think times, actions, memory; named users, half of
// them here on a day with three sessions round the clock, keep their number steady (sessions begun an hour = live
// sessions / mean length of 3.58 h). "Results on" means feelings, series, the run's record and its commit to a result
// file on disk; the plan's drawing is included in every time.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/sim_bench.h"
#include "router/core/check.h"
#include "sim/plan.h"
#include "sim/results.h"

namespace homing::bench {
namespace {

struct Cluster {
  std::string name;
  int nodes = 0;
  int sessions = 0;  // live ones
  int routers = 0;
  int heartbeat_s = 0;
  double hours = 0.0;
  bool results = false;
  double limit_s = 0.0;  // 0: none
};

constexpr double kMeanHours = 1.74 * 2.06;  // of the default kind's length

std::shared_ptr<const sim::Scenario> scenario_of(const Cluster& c) {
  return scenario_from(fmt::format(R"toml(
format = 1
title = "Bench"
horizon = "{} min"
warm-up = "{} min"
routers = {}
[cluster]
heartbeat = "{} s"
report-every = "{} s"
nodes = [{{ count = {}, cores = 64, memory = "1 TiB" }}]
[[users]]
name = "people"
count = {}
day-shape = "flat"
active-share = 0.5
sessions-per-active-day = 3.0
kinds = {{ jupyter = 1.0 }}
[[strategy]]
name = "sessions"
)toml",
                                   static_cast<int>(c.hours * 60), c.hours < 4 ? 10 : 30, c.routers, c.heartbeat_s,
                                   std::max(15, c.heartbeat_s), c.nodes,
                                   static_cast<int>(c.sessions / kMeanHours * 24 / (0.5 * 3.0))));
}

// Peak resident bytes of this process since the last call.
double peak_bytes_and_reset() {
  std::ifstream status("/proc/self/status");
  double peak = 0.0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) peak = std::stod(line.substr(6)) * 1024;
  }
  std::ofstream("/proc/self/clear_refs") << "5";
  return peak;
}

void commit(const sim::Scenario& scenario, sim::World& world) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("sim_bench_{}.sqlite", getpid());
  {
    auto writer = sim::ResultWriter::create(path.string(), {scenario}, {}, true);
    CHECK(writer.has_value());
    sim::RunRecord record;
    record.seed = world.plan().seed;
    world.finish().fill(record);
    CHECK(writer->write(record).has_value());
  }
  std::filesystem::remove(path);
}

void cluster(benchmark::State& state, const Cluster& c) {
  const auto scenario = scenario_of(c);
  for (auto _ : state) {
    malloc_trim(0);
    peak_bytes_and_reset();
    const double begin = cpu_now();
    sim::WorldOptions options;
    options.record_series = options.record_feelings = c.results;
    sim::World world(scenario, 0, std::make_shared<const sim::Plan>(sim::draw_plan(*scenario, 1)), options);
    world.run();
    const std::string label = world_label(world, c.results);
    const auto events = static_cast<double>(world.events());
    const double live = static_cast<double>(world.store().row_count());
    if (c.results) commit(*scenario, world);
    const double seconds = cpu_now() - begin;
    const double peak = peak_bytes_and_reset();
    state.SetIterationTime(seconds);
    state.SetLabel(label);
    state.counters["ns_per_event"] = 1e9 * seconds / events;
    if (c.limit_s > 0) state.counters["of_limit"] = seconds / c.limit_s;
    state.counters["peak_MiB"] = peak / (1 << 20);
    state.counters["rows"] = live;
  }
}

// Bytes on the heap per live session: eight machines with eight routers, so every session has nine cached rows.
void live_sessions(benchmark::State& state, int sessions, int nodes, int routers) {
  const auto scenario = scenario_from(fmt::format(R"toml(
format = 1
title = "Live sessions"
horizon = "30 s"
warm-up = "0 s"
routers = {}
[cluster]
heartbeat = "5 s"
nodes = [{{ count = {}, cores = 64, memory = "4 TiB" }}]
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
                                                  routers, nodes, sessions));
  double bytes = 0.0;
  for (auto _ : state) {
    const auto plan = std::make_shared<const sim::Plan>(sim::draw_plan(*scenario, 1));
    const std::size_t before = mallinfo2().uordblks;
    sim::World world(scenario, 0, plan);
    world.run();
    bytes = static_cast<double>(mallinfo2().uordblks - before);
    state.SetLabel(world_label(world, false));
  }
  state.counters["bytes_per_session"] = bytes / sessions;
}

// A loop that touches nothing but its own cache: what a second thread can add on this machine.
std::uint64_t bare_loop(std::uint64_t rounds) {
  std::uint64_t x = rounds | 1;
  for (std::uint64_t i = 0; i < rounds; ++i) x = x * 6364136223846793005u + (x >> 33);
  return x;
}

template <class Work>
double wall_of(int threads, Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i) pool.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : pool) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// What two jobs reach together of what one reaches, over the same for two bare loops: 1 is perfect. Taken in turns, so
// that other work on the machine meets both.
void two_jobs(benchmark::State& state, bool smoke) {
  const Cluster c{.name = "",
                  .nodes = 16,
                  .sessions = 800,
                  .routers = 1,
                  .heartbeat_s = 15,
                  .hours = smoke ? 0.1 : 24.0,
                  .results = true};
  const auto scenario = scenario_of(c);
  const auto plan = std::make_shared<const sim::Plan>(sim::draw_plan(*scenario, 1));
  const auto job = [&](int) {
    sim::World world(scenario, 0, plan);
    world.run();
  };
  const std::uint64_t rounds = smoke ? 1'000'000 : 400'000'000;
  const auto loop = [&](int i) { benchmark::DoNotOptimize(bare_loop(rounds + static_cast<std::uint64_t>(i))); };
  double jobs = 0.0, loops = 0.0;
  for (auto _ : state) {
    for (int turn = 0; turn < (smoke ? 1 : 5); ++turn) {
      const double one = wall_of(1, job), two = wall_of(2, job);
      const double one_loop = wall_of(1, loop), two_loops = wall_of(2, loop);
      jobs = std::max(jobs, 2 * one / two);
      loops = std::max(loops, 2 * one_loop / two_loops);
    }
  }
  state.counters["two_jobs"] = jobs;
  state.counters["two_bare_loops"] = loops;
  state.counters["ratio"] = jobs / loops;
}

}  // namespace

void register_clusters(Effort effort) {
  const bool smoke = effort == Effort::kSmoke;
  std::vector<Cluster> clusters = {
      {"Month/16n_800s_1r_15s", 16, 800, 1, 15, 720, true, 4},
      {"Month/16n_800s_4r_5s", 16, 800, 4, 5, 720, true, 20},
      {"Day/1000n_100000s_4r_15s", 1000, 100'000, 4, 15, 24, true, 120},
      {"Day/64n_3200s_64r_15s", 64, 3200, 64, 15, 24, true, 60},
  };
  // The table: one router, 15 s, 50 live sessions a node, a quarter of an hour at least and a million events.
  for (const int nodes : {10, 100, 1000, 10'000}) {
    clusters.push_back(
        {fmt::format("CostPerEvent/{}n", nodes), nodes, 50 * nodes, 4, 15, std::max(0.5, 300.0 / nodes), false, 0});
  }
  for (Cluster& c : clusters) {
    if (smoke) {
      c.nodes = std::min(c.nodes, 16);
      c.sessions = std::min(c.sessions, 200);
      c.routers = std::min(c.routers, c.nodes);
      c.hours = 0.1;
    }
    benchmark::RegisterBenchmark(c.name.c_str(), [c](benchmark::State& state) { cluster(state, c); })
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::RegisterBenchmark("LiveSessions/8n_8r",
                               [=](benchmark::State& state) { live_sessions(state, smoke ? 100 : 10'000, 8, 8); })
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("LiveSessions/1000n_4r",
                               [=](benchmark::State& state) { live_sessions(state, smoke ? 100 : 100'000, 1000, 4); })
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("TwoJobs", [=](benchmark::State& state) { two_jobs(state, smoke); })
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace homing::bench
