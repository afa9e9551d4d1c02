// SPDX-License-Identifier: Apache-2.0
//
// What placements were worth: churn at membership changes, regret against a greedy oracle, errors of queue positions
// (model.md 4; examples: sim/METRICS.md).
//
// Churn. A membership change is a node that becomes ready for placements or ceases to be. A person's next placement
// after one or more changes is compared with their last one before: did they move, and did they have to? They had to
// when their last node is not ready now (1); where nodes have joined meanwhile, a perfectly minimal rule moves the
// joined nodes' share of the ready cores (a fraction); else nobody (0). Live sessions that are started again on another
// node count likewise, and had to when their old node is not ready.
//
// Regret. At a placement the newcomer will stay L more; on a node whose sessions have true remaining lives r_j it will
// have sum min(r_j, L) / L companions on average, of those there now. The greedy oracle takes the ready node (with the
// labels, room and memory for it) where this is least; regret is what the chosen node has more. The oracle looks at
// every session, so at more than kLooks live sessions only one placement in 2, 4, 8... is judged, picked by visit: the
// work stays bounded, the picks are equal for every strategy.
//
// Nothing here enters a fingerprint. Thread class: values; single-owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace homing::sim {

class Churn {
 public:
  // `cores` by node; all are ready.
  explicit Churn(std::vector<std::int64_t> cores);
  void ready(std::size_t node, bool ready);
  // A process for a visit of this user begins on `node`.
  void placed(std::uint32_t user, std::uint32_t visit, std::uint32_t node);
  // Nothing that was counted before counts; who was where stays known.
  void restart();

  int changes() const { return changes_; }
  // Moved beyond the least possible, a membership change. Nothing when there was none.
  std::optional<double> users() const;
  std::optional<double> sessions() const;

 private:
  struct Home {
    std::uint32_t node = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t version = 0;
  };
  double joined_share(std::uint32_t since);
  static Home& home(std::vector<Home>& homes, std::uint32_t index);

  std::vector<std::int64_t> cores_;
  std::vector<bool> ready_;
  std::vector<std::vector<bool>> history_;  // who was ready in each version of the membership
  std::vector<double> joined_;  // by version: share of the ready cores that has joined since; < 0: not computed
  std::vector<Home> users_;
  std::vector<Home> visits_;
  int changes_ = 0;
  double users_moved_ = 0.0;
  double sessions_moved_ = 0.0;
};

class Regret {
 public:
  static constexpr std::size_t kLooks = 512;

  struct Place {
    std::int64_t memory_bytes = 0;
    std::int64_t max_sessions = 0;  // 0: no limit
  };
  // What a newcomer needs.
  struct Needs {
    const std::vector<bool>* nodes = nullptr;  // that have its labels; nothing: all have
    std::int64_t memory_bytes = 0;
  };
  explicit Regret(std::vector<Place> nodes);
  void ready(std::size_t node, bool ready) { nodes_[node].ready = ready; }
  void memory(std::size_t node, std::int64_t used) { nodes_[node].used = used; }
  // A process takes `slot` and begins on `node` for a visit that will end at end_ns. REQUIRES: the slot is free.
  void begins(std::int64_t now_ns, std::uint32_t slot, std::uint32_t node, std::uint32_t visit, std::int64_t end_ns,
              const Needs& needs);
  void ends(std::uint32_t slot);
  void restart();

  // Mean over the judged placements, in sessions. Nothing when none was judged.
  std::optional<double> mean() const;
  std::int64_t judged() const { return judged_; }

 private:
  struct Node {
    Place place;
    bool ready = true;
    std::int64_t used = 0;
    std::vector<std::uint32_t> slots;
    std::vector<std::int64_t> ends_ns;  // of these, in the same order: every placement walks them
  };
  struct Slot {
    std::uint32_t node = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t place = 0;
  };
  bool picked(std::uint32_t visit) const;
  // Time that a newcomer who stays to `end_ns` shares with the sessions there; at least `enough` when it is that much.
  double company(const Node& node, std::int64_t now_ns, std::int64_t end_ns, double enough) const;

  std::vector<Node> nodes_;
  std::vector<Slot> slots_;
  std::size_t live_ = 0;
  double sum_ = 0.0;
  std::int64_t judged_ = 0;
};

// A person in a queue is told a position p: p - 1 others will be started first. The error is |p - 1 - others started
// first|, of the first position told.
class QueueErrors {
 public:
  void told(std::uint32_t visit, std::uint32_t position);
  void started(std::uint32_t visit);
  void left(std::uint32_t visit);  // gave up
  void restart() {
    sum_ = 0.0;
    count_ = 0;
  }
  std::optional<double> mean() const;

 private:
  struct Ticket {
    bool open = false;
    std::uint32_t position = 0;
    std::int64_t started_before = 0;
  };
  std::vector<Ticket> tickets_;  // by visit
  std::int64_t started_ = 0;
  double sum_ = 0.0;
  std::int64_t count_ = 0;
};

}  // namespace homing::sim
