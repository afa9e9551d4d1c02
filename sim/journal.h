// SPDX-License-Identifier: Apache-2.0
//
// The journal: what is measured of a world while it runs, and the record of the run that comes of it.
//
// It is told of changes in the order of time and knows nothing of cores, stores or queues. Everything before
// begin_measuring() (the warm-up) is forgotten but the state it left. The arithmetic is sim/measures.h; definitions and
// examples are in sim/METRICS.md.
// Nothing in here enters a fingerprint. Thread class: value; single-owner.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/measures.h"
#include "sim/results.h"
#include "sim/scenario.h"

namespace homing::sim {

// Time integrals of the number of sessions on a node, summed over nodes: what closed forms speak of.
class OccupancyMoments {
 public:
  explicit OccupancyMoments(std::size_t nodes) : counts_(nodes, 0) {}
  void set(std::int64_t now_ns, std::size_t node, std::int64_t count);
  void restart(std::int64_t now_ns);
  void finish(std::int64_t now_ns) { advance(now_ns); }
  // Averages over time and nodes since the restart. REQUIRES: time has passed.
  double mean() const;
  double mean_square() const;
  double variance() const { return mean_square() - mean() * mean(); }

 private:
  void advance(std::int64_t now_ns);
  std::vector<std::int64_t> counts_;
  std::int64_t sum_ = 0;
  std::int64_t squares_ = 0;
  std::int64_t from_ns_ = 0;
  std::int64_t now_ns_ = 0;
  double sum_time_ = 0.0;
  double square_time_ = 0.0;
};

// How long finished visits stayed: count and sum.
struct Sojourns {
  std::uint64_t count = 0;
  double sum_s = 0.0;
};

class Journal {
 public:
  Journal(const Scenario& scenario, std::size_t visits, bool series, bool feelings);

  // All instants are nanoseconds since the scenario's start and never fall.
  void begin_measuring(std::int64_t now_ns);
  void sessions(std::int64_t now_ns, std::uint32_t node, std::int64_t count);
  void load(std::int64_t now_ns, std::uint32_t node, double load5);
  void ready(std::int64_t now_ns, std::uint32_t node, bool ready);
  void up(std::int64_t now_ns, std::uint32_t node, bool up, std::int64_t count);

  void visit_begins(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::int64_t patience_ns);
  void feels(std::int64_t now_ns, std::uint32_t visit, Feeling feeling);
  void slow(std::int64_t from_ns, std::int64_t to_ns);
  void signed_in(std::int64_t now_ns, std::uint32_t visit);
  void visit_ends(std::int64_t now_ns, std::uint32_t visit);
  void lost(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::uint32_t node, const std::string& kind,
            bool present, const std::string& cause);
  void fault(FaultRecord record) { faults_.push_back(std::move(record)); }
  void finish(std::int64_t now_ns);

  const std::vector<SessionLoss>& losses() const { return losses_; }
  const std::vector<DownInterval>& downs() const { return downs_; }
  const OccupancyMoments& moments() const { return moments_; }
  const Sojourns& sojourns() const { return sojourns_; }
  double slow_seconds() const { return slow_s_; }
  // The part of a run's record that comes from measuring: values, series, faults, losses, downs. REQUIRES: finish().
  void fill(RunRecord& record);

 private:
  struct Watched {
    std::int64_t arrival_ns = 0;
    std::optional<VisitFeeling> feeling;
    bool waits = false;           // for its first sign-in
    std::int32_t open_loss = -1;  // index into losses_ until a replacement answers
  };
  struct NodeSeries {
    SeriesBuilder sessions;
    SeriesBuilder load5;
    std::int64_t count = 0;
    bool up = true;
  };

  std::int64_t horizon_ns_;
  std::int64_t now_ns_;
  bool measuring_ = false;
  FeltCrowding crowding_;
  OccupancyMoments moments_;
  std::vector<NodeSeries> series_;
  bool feelings_;
  std::vector<Watched> watched_;  // by visit; empty without feelings
  std::vector<std::int64_t> arrivals_;
  std::vector<std::int64_t> waits_ns_;
  std::vector<SessionLoss> losses_;
  std::vector<DownInterval> downs_;
  std::vector<FaultRecord> faults_;
  Sojourns sojourns_;
  double slow_s_ = 0.0;
};

}  // namespace homing::sim
