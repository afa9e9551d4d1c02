// SPDX-License-Identifier: Apache-2.0
//
// The journal: what is measured of a world while it runs, and the record of the run that comes of it.
//
// It is told of changes in the order of time and knows nothing of cores, stores or queues. Everything before
// begin_measuring() (the warm-up) is forgotten but the state it left. The arithmetic is sim/measures.h; definitions and
// examples are in sim/METRICS.md.
// Every call is O(1), or O(log n) where it says so; balance, feelings and series each are off unless asked for.
//
// Some physics may be missing from a world. What such physics feeds has a value only when the world says feeds(): a
// stickiness of 0 means that somebody looked.
// Nothing in here enters a fingerprint. Thread class: value; single-owner.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/measures.h"
#include "sim/measures_balance.h"
#include "sim/measures_decisions.h"
#include "sim/measures_windows.h"
#include "sim/probe.h"
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

// A number that changes by steps, integrated over the measured time.
class StepIntegral {
 public:
  void add(std::int64_t now_ns, std::int64_t change) {
    advance(now_ns);
    level_ += change;
  }
  void restart(std::int64_t now_ns) {
    now_ns_ = now_ns;
    integral_ns_ = 0.0;
  }
  void advance(std::int64_t now_ns) {
    integral_ns_ += static_cast<double>(level_) * static_cast<double>(now_ns - now_ns_);
    now_ns_ = now_ns;
  }
  std::int64_t level() const { return level_; }
  double seconds() const { return integral_ns_ * 1e-9; }

 private:
  std::int64_t level_ = 0;
  std::int64_t now_ns_ = 0;
  double integral_ns_ = 0.0;
};

// Measures that have a value only where the world simulates what they measure.
enum class Fed : std::uint8_t { kWorkLost = 0, kStickiness, kWithoutStore, kDoubleLife };

class Journal {
 public:
  // `feelings`: what people feel and how even the nodes are; without it only moments and sojourns are kept.
  Journal(const Scenario& scenario, std::size_t visits, bool series, bool feelings);

  // All instants are nanoseconds since the scenario's start and never fall.
  void begin_measuring(std::int64_t now_ns);

  // ---- nodes. Told at every change; said again costs little.
  void sessions(std::int64_t now_ns, std::uint32_t node, std::int64_t count);
  void cpu(std::int64_t now_ns, std::uint32_t node, std::int64_t runnable_threads);
  void memory(std::int64_t now_ns, std::uint32_t node, std::int64_t bytes);
  void load(std::int64_t now_ns, std::uint32_t node, double load5);
  void ready(std::int64_t now_ns, std::uint32_t node, bool ready);
  void up(std::int64_t now_ns, std::uint32_t node, bool up, std::int64_t count);

  // ---- people. `end_ns`: the planned end; kNoEnd: when its work is done.
  static constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();
  void visit_begins(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::int64_t patience_ns,
                    std::uint32_t kind = 0, std::int64_t end_ns = kNoEnd);
  void feels(std::int64_t now_ns, std::uint32_t visit, Feeling feeling);
  void slow(std::int64_t from_ns, std::int64_t to_ns);
  void signed_in(std::int64_t now_ns, std::uint32_t visit);
  void queued(std::uint32_t visit, std::uint32_t position);
  void visit_ends(std::int64_t now_ns, std::uint32_t visit);

  // ---- sessions. A process takes a slot (any small number) when the launcher takes its order, and gives it back when
  // it ends; `visit` is any of the plan.
  void process_begins(std::int64_t now_ns, std::uint32_t slot, std::uint32_t node, std::uint32_t visit);
  void process_ends(std::uint32_t slot);
  void lost(std::int64_t now_ns, std::uint32_t visit, std::uint32_t user, std::uint32_t node, const std::string& kind,
            bool present, const std::string& cause);
  // A placement was decided with figures of this age.
  void decided(std::int64_t view_age_ns);
  void fault(FaultRecord record) { faults_.push_back(std::move(record)); }

  // ---- what not every world can know. Say feeds() once, before anything happens; then:
  void feeds(Fed what) { fed_ |= 1u << static_cast<unsigned>(what); }
  // A session process was lost that had used so many CPU-seconds since its last save point (its kind's `save-every`, or
  // since its start). Beside lost(), whether or not the owner was there.
  void work_lost(double cpu_seconds);
  // Bytes went to a process that is not its session's current epoch, through a router that saw the store within the
  // last lease time. Once a delivery, or once an interval in which one would have happened.
  void stickiness_violation();
  // +1 when a session begins to be served through a router that has not seen the store for a lease time, -1 when that
  // ends.
  void without_store(std::int64_t now_ns, int change);
  // +1 when a session gets a second living process (a third: +1 again), -1 when one of them ends.
  void double_life(std::int64_t now_ns, int change);

  void finish(std::int64_t now_ns);

  const std::vector<SessionLoss>& losses() const { return losses_; }
  const std::vector<FaultRecord>& faults() const { return faults_; }
  const std::vector<DownInterval>& downs() const { return downs_; }
  const OccupancyMoments& moments() const { return moments_; }
  const Sojourns& sojourns() const { return sojourns_; }
  // Also tell a probe from now on (before the first event).
  void watch(std::size_t visits) { probe_.emplace(nodes_, visits); }
  const std::optional<Probe>& probe() const { return probe_; }
  double slow_seconds() const { return slow_s_; }
  // The part of a run's record that comes from measuring: values, series, faults, losses, downs. REQUIRES: finish().
  void fill(RunRecord& record);

 private:
  struct Watched {
    std::int64_t arrival_ns = 0;
    std::optional<VisitFeeling> feeling;
    std::int64_t end_ns = kNoEnd;   // planned
    std::int64_t hurt_ns = kNoEnd;  // since when it is cut or lost; kNoEnd: it is not
    std::uint32_t user = 0;
    std::uint32_t kind = 0;
    bool waits = false;           // for its first sign-in
    std::int32_t open_loss = -1;  // index into losses_ until a replacement answers
  };
  struct NodeSeries {
    SeriesBuilder sessions;
    SeriesBuilder cpu;
    SeriesBuilder memory;
    SeriesBuilder load5;
    std::int64_t count = 0;
    std::int64_t threads = 0;
    std::int64_t bytes = 0;
    bool up = true;
  };
  // What is kept only with `feelings`.
  struct Decisions {
    Churn churn;
    Regret regret;
    QueueErrors queue;
    std::vector<std::vector<bool>> fits;     // by kind: nodes that have its labels
    std::vector<std::int64_t> memory_asked;  // by kind
    std::vector<std::int64_t> ages_ns;
  };
  void stops_being_there(std::int64_t now_ns, Watched& watched, bool horizon);
  void fill_people(RunRecord& record);
  void fill_balance(RunRecord& record) const;
  void fill_decisions(RunRecord& record);
  void fill_series(RunRecord& record);
  bool is_fed(Fed what) const { return (fed_ >> static_cast<unsigned>(what) & 1u) != 0; }

  std::size_t nodes_;
  std::optional<Probe> probe_;
  std::int64_t horizon_ns_;
  std::int64_t now_ns_;
  bool measuring_ = false;
  std::optional<Balance> balance_;
  std::optional<Decisions> decisions_;
  OccupancyMoments moments_;
  std::vector<NodeSeries> series_;
  std::vector<std::int64_t> cores_;
  bool feelings_;
  std::vector<Watched> watched_;  // by visit; empty without feelings
  std::vector<std::int64_t> arrivals_;
  std::vector<std::int64_t> waits_ns_;
  std::int64_t answered_ = 0;    // visits whose session answered
  std::int64_t unanswered_ = 0;  // that ended without, or waited beyond their patience at the horizon
  std::vector<std::int64_t> repairs_ns_;
  std::vector<Presence> presences_;
  std::vector<SessionLoss> losses_;
  std::vector<DownInterval> downs_;
  std::vector<FaultRecord> faults_;
  Sojourns sojourns_;
  double slow_s_ = 0.0;
  unsigned fed_ = 0;
  double work_lost_s_ = 0.0;
  std::int64_t violations_ = 0;
  StepIntegral without_store_;
  StepIntegral double_life_;
};

}  // namespace homing::sim
