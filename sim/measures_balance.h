// SPDX-License-Identifier: Apache-2.0
//
// Balance: how even the nodes are at one instant, integrated over time (model.md 4; examples: sim/METRICS.md).
//
// The population is the nodes that are ready for placements. For each resource every node has one number x: sessions;
// runnable threads a core; the share of memory in use. With S = sum x, Q = sum x^2 over the m ready nodes, everything
// asked follows from r = m Q / S^2 and the largest x: felt crowding is r, Jain's index 1 / r, the coefficient of
// variation sqrt(r - 1), max/mean m max / S. S and Q are integers kept by differences and the largest x comes from a
// tournament that stops where nothing changes, so a change costs O(1) (expected) however many nodes there are, and no
// rounding ever accumulates in the state; only time integrals are doubles.
// Between changes everything is constant: integrals are exact, nothing is sampled. Thread class: values; single-owner.
// Source: Jain, Chiu, Hawe 1984 (DEC-TR-301); Lloyd 1967 (mean crowding).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace homing::sim {

// Smallest possible sum of squares of `units` split over `nodes`. REQUIRES: nodes > 0.
std::int64_t best_split_squares(std::int64_t units, std::int64_t nodes);

// The largest of n numbers under changes. A change climbs only as far as a winner changes: two steps expected, log n at
// worst.
class MaxTree {
 public:
  static constexpr std::int64_t kAbsent = -1;
  explicit MaxTree(std::size_t n);
  void set(std::size_t i, std::int64_t value);
  std::int64_t max() const { return tree_[1]; }  // kAbsent when all are

 private:
  std::size_t leaves_;
  std::vector<std::int64_t> tree_;
};

// One resource. A node has x (compared), units (what cannot be divided: sessions, threads; 0: divisible) and a flag
// that says it is above 90 % of its capacity.
class BalanceGauge {
 public:
  // Integrals over time, in ns times the quantity.
  struct Sums {
    double felt = 0.0;    // r times weight
    double best = 0.0;    // the same for the best split of the units
    double weight = 0.0;  // units, or S for what is divisible
    double jain = 0.0;    // the rest only over instants that count
    double cov = 0.0;
    double max_over_mean = 0.0;
    double counted = 0.0;  // of these, S > 0
    double above = 0.0;    // some ready node above 90 %; over all instants
  };

  // All nodes are ready with x = 0. REQUIRES for all calls: `now_ns` does not fall.
  BalanceGauge(std::size_t nodes, bool divisible, std::int64_t from_ns);
  void set(std::int64_t now_ns, std::size_t node, std::int64_t x, std::int64_t units, bool above);
  void set_ready(std::int64_t now_ns, std::size_t node, bool ready);
  // Whether instants from now on count for the plain averages.
  void set_counts(std::int64_t now_ns, bool counts);
  void restart(std::int64_t now_ns);

  Sums sums(std::int64_t now_ns) const;
  std::int64_t sum() const { return sum_; }

 private:
  struct Node {
    std::int64_t x = 0;
    std::int64_t units = 0;
    bool above = false;
    bool ready = true;
  };
  void advance(std::int64_t now_ns);
  void add_span(std::int64_t now_ns, Sums& sums) const;
  void count(const Node& node, std::int64_t sign);

  std::vector<Node> nodes_;
  MaxTree largest_;
  bool divisible_;
  bool counts_ = false;
  std::int64_t now_ns_;
  std::int64_t ready_;
  std::int64_t sum_ = 0;
  std::int64_t squares_ = 0;
  std::int64_t units_ = 0;
  std::int64_t above_ = 0;
  Sums sums_;
};

// The three resources of a cluster, the instants that count, and the capacity that is not ready.
class Balance {
 public:
  enum Resource : std::uint8_t { kSessions = 0, kCpu, kMemory };
  static constexpr int kResources = 3;
  // Plain time averages count instants with at least so many sessions a ready node on average.
  static constexpr std::int64_t kFewestSessions = 5;
  // x of the CPU: runnable threads a core, times this (whole for every core count up to 10 and the usual ones above).
  static constexpr std::int64_t kThreadScale = 20160;
  // Larger x of the CPU count as this (832 threads a core), so that sums of squares fit for 10,000 nodes.
  static constexpr std::int64_t kLargestX = std::int64_t{1} << 24;
  static constexpr std::int64_t kMemoryScale = std::int64_t{1} << 20;

  struct Capacity {
    std::int64_t cores = 1;
    std::int64_t memory_bytes = 1;
    std::int64_t max_sessions = 0;  // 0: no limit
  };
  struct Result {
    std::optional<double> felt;  // minus the best split; nothing when nothing was there to be felt
    std::optional<double> jain;
    std::optional<double> cov;
    std::optional<double> max_over_mean;
    std::optional<double> above;  // share of time; nothing where no node has such a capacity
  };

  Balance(std::vector<Capacity> nodes, std::int64_t from_ns);
  // REQUIRES for all: `now_ns` does not fall from call to call.
  void sessions(std::int64_t now_ns, std::size_t node, std::int64_t count);
  void cpu(std::int64_t now_ns, std::size_t node, std::int64_t runnable_threads);
  void memory(std::int64_t now_ns, std::size_t node, std::int64_t bytes);
  void ready(std::int64_t now_ns, std::size_t node, bool ready);
  // Forgets what was observed before (the warm-up).
  void restart(std::int64_t now_ns);

  Result result(Resource resource, std::int64_t now_ns) const;
  // Share of time whose instants count for the plain averages. REQUIRES: time has passed.
  double counted_share(std::int64_t now_ns) const;
  // Cores of nodes that are not ready, as a share of all, averaged over time. REQUIRES: time has passed.
  double not_ready_share(std::int64_t now_ns) const;
  // Times a ready node went from 25 % above the mean to 25 % below or back, a ready node and hour; over instants that
  // count. Nothing when there were none.
  std::optional<double> swings_per_node_hour(std::int64_t now_ns) const;

 private:
  void advance(std::int64_t now_ns);
  void look_at_gate(std::int64_t now_ns);

  std::vector<Capacity> capacity_;
  std::array<BalanceGauge, kResources> gauges_;
  bool limited_ = false;  // some node has max_sessions
  std::vector<bool> is_ready_;
  std::vector<std::int8_t> side_;  // +1 far above the mean, -1 far below, 0 not yet either
  std::int64_t swings_ = 0;
  std::int64_t ready_nodes_;
  std::int64_t cores_ = 0;
  std::int64_t cores_out_ = 0;
  bool counts_ = false;
  std::int64_t from_ns_;
  std::int64_t now_ns_;
  double counted_ns_ = 0.0;
  double counted_node_ns_ = 0.0;
  double out_ns_ = 0.0;
};

}  // namespace homing::sim
