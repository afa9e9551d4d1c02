// SPDX-License-Identifier: Apache-2.0
//
// What the core costs: a placement per strategy and cluster size (here), each event and each byte
// (core_bench_state.cc).
//
//   pick/STRATEGY/NODES       the choice and its up to eight candidates, the index standing still
//   placement/STRATEGY/NODES  the choice, then what it changes: one session more on the chosen node, one less on
//   another,
//                             both with new load figures; the mix of a busy cluster in balance
//   scan/NODES                the named peer: a full scan over an array of ready-made keys for the least, its ties
//   counted,
//                             one of them drawn and found again. No candidates, no weights, no division: the least a
//                             strategy without an index could do
//
// Counters: of_1us = time / the limit of one microsecond (at most 1 for all but the hashes of users, which have no
// stated limit: the rendezvous ones look at every node); vs_scan = time of the scan of as many nodes in the same run /
// time. The label is a hash of the choices: another number means that another question was measured.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/bench.h"
#include "bench/core_bench_state.h"
#include "router/core/archive.h"
#include "router/core/draws.h"
#include "router/core/strategy.h"

namespace homing::bench {
namespace {

using core::NodeFigures;
using core::NodeId;
using core::PlacementQuery;
using core::Strategy;

// Marsaglia's xorshift64: the bench's own randomness, cheap enough not to be measured.
class Noise {
 public:
  std::uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_ = 88172645463325252u;
};

// Processor time of this thread: on a shared machine the wall tells more about the neighbours.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::vector<NodeFigures> some_cluster(std::size_t nodes) {
  Noise noise;
  std::vector<NodeFigures> figures(nodes);
  for (NodeFigures& f : figures) {
    f.weight = noise() % 4 == 0 ? 200 : 100;
    f.cores_milli = f.weight * 160;
    f.sessions = static_cast<std::uint32_t>((20 + noise() % 3) * f.weight / 100);
    f.load5_milli = static_cast<std::uint32_t>(noise() % f.cores_milli);
    f.memory_total = std::uint64_t{64} << 30;
    f.memory_available = f.memory_total - (std::uint64_t{f.sessions} << 28);
  }
  return figures;
}

PlacementQuery query(std::uint64_t n) {
  PlacementQuery q;
  q.seed = 1;
  q.session = core::SessionId{n * 0x9e3779b97f4a7c15u, n};
  q.user = core::UserId{n * 0xd1342543de82ef95u};
  q.epoch = core::Epoch{1};
  return q;
}

// The peer. Not inlined, so that it is measured as a call like the virtual one it stands against.
[[gnu::noinline]] std::size_t scan(const std::vector<std::uint64_t>& keys, const PlacementQuery& q) {
  std::uint64_t least = ~0ull;
  std::uint64_t ties = 0;
  for (const std::uint64_t key : keys) {
    ties = key < least ? 1 : ties + (key == least ? 1 : 0);
    least = std::min(least, key);
  }
  std::uint64_t j = core::Draws(q.seed, core::purpose("bench.scan"))
                        .below({.high = q.session.hi, .low = q.session.lo, .visit = q.epoch.value}, ties);
  std::size_t i = 0;
  for (;; ++i) {
    if (keys[i] == least && j-- == 0) return i;
  }
}

std::vector<std::uint64_t> scan_keys(std::size_t nodes) {
  std::vector<std::uint64_t> keys;
  for (const NodeFigures& f : some_cluster(nodes)) keys.push_back(f.sessions * std::uint64_t{100'000'000} / f.weight);
  return keys;
}

double scan_seconds(std::size_t nodes, Effort effort) {
  const std::vector<std::uint64_t> keys = scan_keys(nodes);
  const std::uint64_t rounds = effort == Effort::kSmoke ? 10 : 20'000'000 / (nodes + 200);
  const double start = cpu_seconds();
  for (std::uint64_t n = 0; n < rounds; ++n) benchmark::DoNotOptimize(scan(keys, query(n)));
  return (cpu_seconds() - start) / static_cast<double>(rounds);
}

void run_scan(benchmark::State& state, std::size_t nodes) {
  const std::vector<std::uint64_t> keys = scan_keys(nodes);
  std::uint64_t n = 0;
  for (auto _ : state) benchmark::DoNotOptimize(scan(keys, query(n++)));
}

struct Cluster {
  std::vector<NodeFigures> figures;
  std::unique_ptr<Strategy> strategy;
  Noise noise;

  Cluster(std::string_view name, std::size_t nodes)
      : figures(some_cluster(nodes)), strategy(core::make_strategy(name, core::StrategyParams{})) {
    for (std::size_t i = 0; i < nodes; ++i) strategy->update(NodeId{static_cast<std::uint32_t>(i)}, figures[i]);
  }

  NodeId pick(std::uint64_t n) {
    const core::Picked picked = strategy->pick(query(n), {});
    benchmark::DoNotOptimize(picked);
    return picked.candidates[0].node;
  }

  void change(NodeId node, bool more) {
    NodeFigures& f = figures[node.value];
    if (more) {
      ++f.sessions;
    } else if (f.sessions > 0) {
      --f.sessions;
    }
    f.memory_available = f.memory_total - (std::uint64_t{f.sessions} << 28);
    f.load5_milli = static_cast<std::uint32_t>(noise() % f.cores_milli);
    strategy->update(node, f);
  }

  NodeId place(std::uint64_t n) {
    const NodeId chosen = pick(n);
    change(chosen, true);
    change(NodeId{static_cast<std::uint32_t>(noise() % figures.size())}, false);
    return chosen;
  }
};

void run_strategy(benchmark::State& state, std::string_view name, std::size_t nodes, bool changing, Effort effort) {
  Cluster cluster(name, nodes);
  core::Hasher hash;
  std::uint64_t n = 0;
  for (; n < 1000; ++n) hash(changing ? cluster.place(n) : cluster.pick(n));
  const double scan_time = scan_seconds(nodes, effort);
  const double start = cpu_seconds();
  for (auto _ : state) {
    benchmark::DoNotOptimize(changing ? cluster.place(n) : cluster.pick(n));
    ++n;
  }
  const double each = (cpu_seconds() - start) / static_cast<double>(state.iterations());
  state.counters["of_1us"] = each / 1e-6;
  state.counters["vs_scan"] = scan_time / each;
  char label[32];
  std::snprintf(label, sizeof label, "%016llx", static_cast<unsigned long long>(hash.value()));
  state.SetLabel(label);
}

}  // namespace

void register_benchmarks(Effort effort) {
  const std::vector<std::size_t> sizes =
      effort == Effort::kSmoke ? std::vector<std::size_t>{4, 64} : std::vector<std::size_t>{4, 64, 1024, 16'384};
  for (const std::size_t nodes : sizes) {
    benchmark::RegisterBenchmark(("scan/" + std::to_string(nodes)).c_str(), run_scan, nodes);
  }
  for (const bool changing : {false, true}) {
    for (const std::string_view name : core::strategy_names()) {
      for (const std::size_t nodes : sizes) {
        const std::string title =
            std::string(changing ? "placement/" : "pick/") + std::string(name) + "/" + std::to_string(nodes);
        benchmark::RegisterBenchmark(title.c_str(), run_strategy, name, nodes, changing, effort);
      }
    }
  }
  register_state_benchmarks(effort);
}

}  // namespace homing::bench
