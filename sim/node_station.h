// SPDX-License-Identifier: Apache-2.0
//
// The processors of one machine, shared equally by the threads that want them.
//
// A task is (threads, CPU-nanoseconds); its threads share its work equally. Every runnable thread of the machine runs
// at the same rate, speed * min(1, cores / runnable threads). So one number describes everybody's progress: the virtual
// time V, the CPU-nanoseconds a thread that was runnable all along has received. A task that starts at V0 ends when V
// reaches V0 + work / threads, whatever comes and goes meanwhile: one order, one pending completion (egalitarian
// processor sharing in virtual time, as in Kleinrock, Queueing Systems II, 4.4; the trick is that of fair queueing).
// The tasks lie in one sorted array: few compute at once, and moving 16 bytes each past the newcomer is quicker than
// any tree up to thousands.
//
// Numbers: V is a double changed by + - * / only; a completion is due at the first whole nanosecond at which V has
// reached it, so it may come up to 1 ns late and never early.
// Invariants: V never falls; `next_completion()` names the instant of the earliest task's end if nothing changes.
// Thread class: value; single-owner.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "router/core/instant.h"
#include "sim/load_average.h"

namespace homing::sim {

// Names a task on its machine; chosen by the owner (the world uses the slot of the process).
using TaskId = std::uint32_t;

class NodeStation {
 public:
  // REQUIRES: cores > 0, speed > 0. `speed` 1.0 is the machine that the CPU-nanoseconds were counted on.
  NodeStation(core::Instant birth, std::uint32_t cores, double speed);

  // REQUIRES for all: `now` does not fall from call to call; completions due by `now` were taken.
  // REQUIRES: threads > 0, cpu_ns >= 0, `task` is not running.
  void add(core::Instant now, TaskId task, std::uint32_t threads, std::int64_t cpu_ns);
  // Stops a task. Returns the CPU-nanoseconds it still wanted; nothing when it was not running.
  std::optional<std::int64_t> remove(core::Instant now, TaskId task);
  // What a task still wants; nothing when it is not running.
  std::optional<std::int64_t> left(core::Instant now, TaskId task) const;
  // From now on. REQUIRES: speed > 0.
  void set_speed(core::Instant now, double speed);
  // Takes every task that is done at `now`, in order of their ends (ties: by TaskId); `done` is emptied before.
  void take_completed(core::Instant now, std::vector<TaskId>& done);
  std::vector<TaskId> take_completed(core::Instant now) {
    std::vector<TaskId> done;
    take_completed(now, done);
    return done;
  }
  // Brings virtual time and load averages to `now`.
  void advance(core::Instant now);

  // When the next task ends if nothing changes; kNever when nothing runs.
  core::Instant next_completion() const;
  // Rises with every change of next_completion(): an event made for another value is stale.
  std::uint64_t generation() const { return generation_; }

  std::uint32_t runnable() const { return runnable_; }
  std::uint32_t cores() const { return cores_; }
  // What a thread gets of a processor at the moment.
  double rate() const;
  // Processors at work, integrated since birth: CPU-seconds of wall time, whatever the speed.
  double busy_core_seconds() const { return busy_core_ns_ * 1e-9; }
  const LoadAverage& load() const { return load_; }

 private:
  struct Task {
    double ends_at;  // in virtual time
    TaskId task;
    std::uint32_t threads;
  };
  static bool ends_later(const Task& a, const Task& b) {
    return a.ends_at != b.ends_at ? a.ends_at > b.ends_at : a.task > b.task;
  }
  std::vector<Task>::const_iterator find(TaskId task) const;

  std::uint32_t cores_;
  double speed_;
  core::Instant now_;
  double virtual_ns_ = 0.0;
  double busy_core_ns_ = 0.0;
  std::uint32_t runnable_ = 0;
  std::uint64_t generation_ = 0;
  LoadAverage load_;
  std::vector<Task> tasks_;  // the next to end is the last
};

}  // namespace homing::sim
