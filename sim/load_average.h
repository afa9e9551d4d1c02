// SPDX-License-Identifier: Apache-2.0
//
// Load averages exactly as Linux computes them, without an event a tick.
//
// Every 5 s the kernel folds the number of runnable and stalled threads into three fixed-point averages (11 fraction
// bits, kernel/sched/loadavg.c): load = (load * e + active * (2048 - e)) / 2048, rounded up while the load rises.
// Between two changes of `active` the recurrence is monotone on integers, so it reaches a fixed point and stays;
// advance() steps until then and skips the rest. The kernel's own closed form for skipped ticks (calc_load_n) rounds
// differently with every split of an interval, so a reader who looks more often would change the number: rejected.
//
// Invariants: the value at an instant depends on the history of `active` only, never on when advance() was called.
// Thread class: value; single-owner.
#pragma once

#include <cstdint>

#include "router/core/instant.h"

namespace homing::sim {

class LoadAverage {
 public:
  // Ticks come at birth + 5 s, birth + 10 s, ...; all three averages are 0 at birth.
  explicit LoadAverage(core::Instant birth) : next_tick_(birth + kTick) {}

  // Accounts for all ticks up to and including `now`, during which `active` threads were runnable or stalled.
  // REQUIRES: now does not fall from call to call.
  void advance(core::Instant now, std::uint32_t active);

  // Thousandths, as NodeLoad wants them.
  std::uint32_t one_milli() const { return milli(load_[0]); }
  std::uint32_t five_milli() const { return milli(load_[1]); }
  std::uint32_t fifteen_milli() const { return milli(load_[2]); }

  static constexpr core::Duration kTick = core::seconds(5);
  static constexpr std::uint64_t kFixedOne = 2048;
  static constexpr std::uint64_t kDecay[3] = {1884, 2014, 2037};  // 2048 * exp(-5 s / 1, 5, 15 min)

  // One tick of the kernel's recurrence; `load` and the result have 11 fraction bits.
  static constexpr std::uint64_t tick(std::uint64_t load, std::uint64_t decay, std::uint64_t active) {
    const std::uint64_t wanted = active * kFixedOne;
    std::uint64_t next = load * decay + wanted * (kFixedOne - decay);
    if (wanted >= load) next += kFixedOne - 1;
    return next / kFixedOne;
  }

 private:
  static std::uint32_t milli(std::uint64_t load) { return static_cast<std::uint32_t>(load * 1000 / kFixedOne); }

  core::Instant next_tick_;
  std::uint64_t load_[3] = {0, 0, 0};
};

}  // namespace homing::sim
