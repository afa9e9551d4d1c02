// SPDX-License-Identifier: Apache-2.0
//
// Probe: what the rows of `homing-sim validate` watch beside the metrics: how long how many sessions were where, how
// long people waited and stayed, how many machines were up.
//
// It is told of changes by the journal, in the order of time, and only when a world was asked for it (WorldOptions::
// probe); nothing of it enters a result file or a fingerprint. Thread class: value; single-owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace homing::sim {

class Probe {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  // What one visit went through, in nanoseconds since the scenario's start; kNever: it did not happen.
  struct Life {
    std::int64_t arrived = kNever;
    std::int64_t served = kNever;  // first answer of its session
    std::int64_t left = kNever;
  };

  // Time spent at each value 0, 1, 2, ... of a count.
  class Histogram {
   public:
    void add(std::int64_t count, std::int64_t elapsed_ns);
    void clear() { ns_.clear(); }
    // Share of time with a count of at most / at least `count`. REQUIRES: time has passed.
    double at_most(std::int64_t count) const;
    double at_least(std::int64_t count) const { return count <= 0 ? 1.0 : 1.0 - at_most(count - 1); }
    double mean() const;
    double mean_square() const;

   private:
    std::vector<double> ns_;
  };

  Probe(std::size_t nodes, std::size_t visits);

  void begin(std::int64_t now_ns);
  void sessions(std::int64_t now_ns, std::size_t node, std::int64_t count);
  void up(std::int64_t now_ns, std::size_t node, bool up);
  void arrived(std::int64_t now_ns, std::size_t visit) { lives_[visit].arrived = now_ns; }
  void served(std::int64_t now_ns, std::size_t visit);
  void left(std::int64_t now_ns, std::size_t visit) { lives_[visit].left = now_ns; }
  void process_started() { ++processes_; }
  void finish(std::int64_t now_ns);

  const Histogram& on_node() const { return on_node_; }  // sessions on a node, over time and nodes
  const Histogram& in_all() const { return in_all_; }    // sessions of the cluster
  const Histogram& machines_up() const { return machines_up_; }
  const std::vector<Life>& lives() const { return lives_; }
  // Processes started since begin().
  std::uint64_t processes() const { return processes_; }

 private:
  void advance_all(std::int64_t now_ns);

  struct Node {
    std::int64_t count = 0;
    std::int64_t since_ns = 0;
    bool up = false;
  };
  std::vector<Node> nodes_;
  std::vector<Life> lives_;
  std::int64_t all_ = 0;
  std::int64_t all_since_ns_ = 0;
  std::int64_t up_ = 0;
  std::int64_t up_since_ns_ = 0;
  std::uint64_t processes_ = 0;
  Histogram on_node_;
  Histogram in_all_;
  Histogram machines_up_;
};

}  // namespace homing::sim
