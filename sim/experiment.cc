// SPDX-License-Identifier: Apache-2.0
#include "sim/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "sim/plan.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr int kEventsBetweenLooks = 8192;
constexpr auto kPulse = std::chrono::milliseconds(200);

struct Job {
  int id = 0;
  int scenario = 0;
  int strategy = 0;
  int seed_index = 0;
};

std::vector<Job> jobs_of(const std::vector<Scenario>& scenarios) {
  std::vector<Job> jobs;
  int first_id = 0;
  for (std::size_t s = 0; s < scenarios.size(); ++s) {
    const int strategies = static_cast<int>(scenarios[s].strategies.size());
    const int seeds = scenarios[s].seeds;
    for (int seed = 0; seed < seeds; ++seed) {
      for (int strategy = 0; strategy < strategies; ++strategy) {
        jobs.push_back({first_id + strategy * seeds + seed, static_cast<int>(s), strategy, seed});
      }
    }
    first_id += strategies * seeds;
  }
  return jobs;
}

// How far a world is, from its birth to its horizon.
double fraction_of(const Scenario& scenario, std::int64_t now_ns) {
  const double whole = static_cast<double>((scenario.horizon + scenario.warm_up).count());
  return std::clamp(static_cast<double>(now_ns + scenario.warm_up.count()) / whole, 0.0, 1.0);
}

World make_world(const Scenario& scenario, int strategy, std::uint64_t seed, bool record_series) {
  // The caller's scenario outlives the world.
  auto borrowed = std::shared_ptr<const Scenario>(std::shared_ptr<const Scenario>(), &scenario);
  auto plan = std::make_shared<const Plan>(draw_plan(scenario, seed));
  WorldOptions options;
  options.record_series = record_series;
  return World(std::move(borrowed), strategy, std::move(plan), std::move(options));
}

class Experiment {
 public:
  Experiment(const std::vector<Scenario>& scenarios, const ExperimentOptions& options)
      : scenarios_(scenarios),
        options_(options),
        jobs_(jobs_of(scenarios)),
        slots_(static_cast<std::size_t>(std::max(1, options.jobs))) {}

  int run() {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < slots_.size(); ++i) threads.emplace_back([this, i] { work(slots_[i]); });
    watch();
    for (std::thread& thread : threads) thread.join();
    return finished_;
  }

 private:
  // What one worker is at, read by the thread that shows progress.
  struct Slot {
    std::atomic<int> job{-1};
    std::atomic<std::int64_t> now_ns{0};
    std::atomic<std::uint64_t> events{0};
  };

  void work(Slot& slot) {
    for (;;) {
      const std::size_t next = next_.fetch_add(1);
      if (next >= jobs_.size() || stop_) break;
      const Job& job = jobs_[next];
      slot.now_ns = -scenarios_[static_cast<std::size_t>(job.scenario)].warm_up.count();
      slot.events = 0;
      slot.job = static_cast<int>(next);
      std::optional<RunRecord> record = simulate(job, slot);
      const std::scoped_lock lock(mutex_);
      slot.job = -1;
      if (!record) break;
      done_events_ += static_cast<std::uint64_t>(record->events);
      if (options_.done && !options_.done(std::move(*record))) stop_ = true;
      ++finished_;
      changed_.notify_all();
    }
    const std::scoped_lock lock(mutex_);
    ++idle_;
    changed_.notify_all();
  }

  // Nothing when the experiment was stopped meanwhile.
  std::optional<RunRecord> simulate(const Job& job, Slot& slot) {
    const Scenario& scenario = scenarios_[static_cast<std::size_t>(job.scenario)];
    const HostFacts& host = options_.host;
    const std::int64_t wall_before = host.wall_ms ? host.wall_ms() : 0;
    const std::int64_t cpu_before = host.thread_cpu_ms ? host.thread_cpu_ms() : 0;
    const std::string started = host.utc ? host.utc() : "";
    const std::uint64_t seed = scenario.first_seed + static_cast<std::uint64_t>(job.seed_index);
    World world = make_world(scenario, job.strategy, seed, scenario.record_all || job.seed_index == 0);
    for (bool more = true; more;) {
      for (int i = 0; i < kEventsBetweenLooks && more; ++i) more = world.step();
      slot.now_ns = world.now_ns();
      slot.events = world.events();
      if (stop_) return std::nullopt;
    }
    RunRecord record = close_run(world, job.strategy, seed);
    record.id = job.id;
    record.scenario = job.scenario;
    record.host = host.name;
    record.started_utc = started;
    record.wall_ms = host.wall_ms ? host.wall_ms() - wall_before : 0;
    record.cpu_ms = host.thread_cpu_ms ? host.thread_cpu_ms() - cpu_before : 0;
    record.peak_bytes = host.peak_bytes ? host.peak_bytes() : 0;
    return record;
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (idle_ < slots_.size()) {
      changed_.wait_for(lock, kPulse);
      const Progress progress = look();
      lock.unlock();
      if (options_.pulse && !options_.pulse(progress)) stop_ = true;
      lock.lock();
    }
    const Progress last = look();
    lock.unlock();
    if (options_.pulse) options_.pulse(last);
  }

  // REQUIRES: mutex_ is held.
  Progress look() {
    Progress progress;
    progress.runs = static_cast<int>(jobs_.size());
    progress.finished = finished_;
    progress.events = done_events_;
    double sum = finished_;
    int oldest = -1;
    for (const Slot& slot : slots_) {
      const int at = slot.job;
      if (at < 0) continue;
      const Job& job = jobs_[static_cast<std::size_t>(at)];
      const Scenario& scenario = scenarios_[static_cast<std::size_t>(job.scenario)];
      sum += fraction_of(scenario, slot.now_ns);
      progress.events += slot.events;
      if (oldest >= 0 && at > oldest) continue;
      oldest = at;
      progress.run_id = job.id;
      progress.running = fmt::format("{} / {} / seed {}", scenario.name,
                                     scenario.strategies[static_cast<std::size_t>(job.strategy)].name,
                                     scenario.first_seed + static_cast<std::uint64_t>(job.seed_index));
      progress.simulated_s = static_cast<double>(slot.now_ns) * 1e-9;
    }
    if (!jobs_.empty()) progress.fraction = std::min(1.0, sum / static_cast<double>(jobs_.size()));
    return progress;
  }

  const std::vector<Scenario>& scenarios_;
  const ExperimentOptions& options_;
  const std::vector<Job> jobs_;
  std::vector<Slot> slots_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t idle_ = 0;  // workers that have nothing left
  int finished_ = 0;
  std::uint64_t done_events_ = 0;
};

}  // namespace

int run_experiment(const std::vector<Scenario>& scenarios, const ExperimentOptions& options) {
  return Experiment(scenarios, options).run();
}

RunRecord close_run(World& world, int strategy, std::uint64_t seed) {
  RunRecord record;
  record.strategy = strategy;
  record.seed = seed;
  record.plan_hash = fmt::format("{:016x}", world.plan().hash);
  record.fingerprint = fmt::format("{:016x}", world.fingerprint());
  record.events = static_cast<std::int64_t>(world.events());
  record.decisions = static_cast<std::int64_t>(world.decisions());
  record.paired = !victims_depend_on_state(world.scenario());
  world.finish().fill(record);
  return record;
}

RunRecord run_once(const Scenario& scenario, int strategy, std::uint64_t seed, bool record_series) {
  World world = make_world(scenario, strategy, seed, record_series);
  world.run();
  return close_run(world, strategy, seed);
}

}  // namespace homing::sim
