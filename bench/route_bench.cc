// SPDX-License-Identifier: Apache-2.0
//
// What it costs a worker to look up a route: net::RouteTable beside the table it replaced, 64 shards with a
// reader-writer lock each, which lives on in this file only. One reader, two readers at once, and one reader beside a
// writer that publishes without pause. Best of short rounds, the two tables in turn; a round counts only when no
// reader of it lost its processor, so readers that take turns on one processor do not pass for two. `ratio` is what
// counts. Thread class: main thread only; rounds start their own threads.
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <optional>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "bench/bench.h"
#include "router/core/check.h"
#include "router/net/route_table.h"

namespace homing::bench {

namespace {

using core::SessionId;

// The peer.
class ShardedTable {
 public:
  void publish(const SessionId& session, const core::RouteValue& route) {
    Shard& place = shards_[session.lo % kShards];
    const std::unique_lock lock(place.mutex);
    place.routes.insert_or_assign(session, route);
  }
  bool find(const SessionId& session, core::RouteValue& out) const {
    const Shard& place = shards_[session.lo % kShards];
    const std::shared_lock lock(place.mutex);
    const auto it = place.routes.find(session);
    if (it == place.routes.end()) return false;
    out = it->second;
    return true;
  }

 private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    mutable std::shared_mutex mutex;
    absl::flat_hash_map<SessionId, core::RouteValue> routes;
  };
  std::array<Shard, kShards> shards_;
};

core::RouteValue route_of(const SessionId& id, std::uint32_t epoch) {
  core::RouteValue value;
  value.user = core::UserId{id.hi};
  value.node = core::NodeId{static_cast<std::uint32_t>(id.lo % 16)};
  value.epoch = core::Epoch{epoch};
  value.state = core::SessionState::kReady;
  return value;
}

struct Plan {
  std::size_t sessions = 0;  // a power of two
  unsigned readers = 1;
  bool writer = false;
  std::size_t looks = 0;   // per reader and round
  std::size_t wanted = 0;  // rounds that count
  std::size_t tries = 0;   // at most
};

template <class Table>
struct Subject {
  Table table;
  std::vector<SessionId> ids;

  explicit Subject(const Plan& plan) {
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < plan.sessions; ++i) {
      const std::uint64_t hi = random();
      const std::uint64_t lo = random();
      ids.push_back({hi, lo});
      table.publish(ids.back(), route_of(ids.back(), 1));
    }
  }

  void read(std::size_t looks, unsigned seed) const {
    std::uint64_t at = seed * 7919U;
    core::RouteValue value;
    for (std::size_t i = 0; i < looks; ++i) {
      at = at * 6364136223846793005U + 1442695040888963407U;
      CHECK(table.find(ids[(at >> 33U) & (ids.size() - 1)], value));
      benchmark::DoNotOptimize(value.node.value);
    }
  }

  static double seconds_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  }

  // CPU time of a look in nanoseconds, of the slower reader; nothing when one of them was interrupted.
  std::optional<double> round_ns(const Plan& plan) {
    std::atomic<unsigned> waiting{0};
    std::atomic<bool> stop{false};
    std::vector<double> cpu(plan.readers);
    std::vector<double> wall(plan.readers);
    std::vector<std::thread> threads;
    for (unsigned r = 0; r < plan.readers; ++r) {
      threads.emplace_back([&, r] {
        read(plan.looks, r + 1);  // a new thread's caches are cold
        for (++waiting; waiting < plan.readers;) std::this_thread::yield();
        const double wall_begin = seconds_of(CLOCK_MONOTONIC);
        const double cpu_begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        read(plan.looks, r + 17);
        cpu[r] = seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu_begin;
        wall[r] = seconds_of(CLOCK_MONOTONIC) - wall_begin;
      });
    }
    std::thread writer;
    if (plan.writer) {
      writer = std::thread([&] {
        for (std::uint32_t i = 1; !stop; ++i) {
          const SessionId& id = ids[i * std::size_t{40503} & (ids.size() - 1)];
          table.publish(id, route_of(id, i));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    stop = true;
    if (writer.joinable()) writer.join();
    for (unsigned r = 0; r < plan.readers; ++r) {
      if (wall[r] > cpu[r] * 1.1) return std::nullopt;
    }
    return *std::ranges::max_element(cpu) * 1e9 / static_cast<double>(plan.looks);
  }
};

double best(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::ranges::min_element(values);
}

void compare(benchmark::State& state, const Plan& plan) {
  Subject<net::RouteTable> ours(plan);
  Subject<ShardedTable> theirs(plan);
  std::vector<double> of_ours;
  std::vector<double> of_theirs;
  for (auto _ : state) {
    for (std::size_t i = 0; i < plan.tries && std::min(of_ours.size(), of_theirs.size()) < plan.wanted; ++i) {
      if (const auto ns = ours.round_ns(plan)) of_ours.push_back(*ns);
      if (const auto ns = theirs.round_ns(plan)) of_theirs.push_back(*ns);
    }
  }
  state.counters["rounds"] = static_cast<double>(std::min(of_ours.size(), of_theirs.size()));
  state.counters["lockfree_ns"] = best(of_ours);
  state.counters["sharded_ns"] = best(of_theirs);
  if (!of_theirs.empty()) state.counters["ratio"] = best(of_ours) / best(of_theirs);
}

// How long the longest publish of a table that grows from nothing takes: that is when the index is made anew.
void growth(benchmark::State& state, std::size_t sessions) {
  double longest = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    net::RouteTable table;
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < sessions; ++i) {
      const std::uint64_t hi = random();
      const SessionId id{hi, random()};
      const auto begin = std::chrono::steady_clock::now();
      table.publish(id, route_of(id, 1));
      longest = std::max(longest, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    bytes = table.route_bytes();
  }
  state.counters["longest_publish_ms"] = longest * 1e3;
  state.counters["bytes_a_route"] = static_cast<double>(bytes) / static_cast<double>(sessions);
}

}  // namespace

void register_benchmarks(Effort effort) {
  const bool smoke = effort == Effort::kSmoke;
  for (const std::size_t sessions : smoke ? std::vector<std::size_t>{1024} : std::vector<std::size_t>{1024, 131072}) {
    for (const auto& [name, readers, writer] :
         {std::tuple{"one_reader", 1U, false}, {"two_readers", 2U, false}, {"one_reader_and_a_writer", 1U, true}}) {
      const Plan plan{sessions,
                      readers,
                      writer,
                      smoke ? std::size_t{1'000} : std::size_t{20'000},
                      smoke ? std::size_t{2} : std::size_t{200},
                      smoke ? std::size_t{10} : std::size_t{400}};
      benchmark::RegisterBenchmark(("Find/" + std::to_string(sessions) + "/" + name).c_str(),
                                   [=](benchmark::State& state) { compare(state, plan); })
          ->Iterations(1);
    }
  }
  const std::size_t most = smoke ? 10'000 : 1'000'000;
  benchmark::RegisterBenchmark(("Grow/" + std::to_string(most)).c_str(), [=](benchmark::State& state) {
    growth(state, most);
  })->Iterations(1);
}

}  // namespace homing::bench
