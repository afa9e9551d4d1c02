// SPDX-License-Identifier: Apache-2.0
//
// A router's monotonic clock: true time, a little faster or slower.
//
// The core's `now` is what this clock shows; leases and time-outs are counted on it. The mapping is exact integer
// arithmetic both ways: local(t) = base' + e + floor(e x drift), and true_time(l) is the first true instant at which
// the clock shows l or later, so a timer never fires early. A change of the drift goes on from what the clock shows
// then: it never jumps and never runs backwards. Drift is in millionths of a ppm (1e-12); 50 ppm is an ordinary quartz,
// a badly slewed virtual machine may reach 500 and more. Wall clocks are no part of this: nothing is decided by them.
// Thread class: value.
#pragma once

#include <cstdint>

#include "router/core/check.h"
#include "router/core/instant.h"

namespace homing::sim {

class RouterClock {
 public:
  static constexpr std::int64_t kUnit = 1'000'000'000'000;  // of the drift
  static constexpr std::int64_t kMostDrift = kUnit / 10;    // 100,000 ppm

  core::Instant local(core::Instant t) const {
    if (drift_ == 0 && shift_ns_ == 0) return t;
    return core::Instant(core::Duration(shown(t.time_since_epoch().count())));
  }

  core::Instant true_time(core::Instant shows) const {
    if (shows == core::kNever || (drift_ == 0 && shift_ns_ == 0)) return shows;
    const std::int64_t wanted = shows.time_since_epoch().count();
    const Wide elapsed = Wide{wanted} - base_ns_ - shift_ns_;
    std::int64_t t = base_ns_ + static_cast<std::int64_t>(elapsed * kUnit / (Wide{kUnit} + drift_));
    while (shown(t) < wanted) ++t;
    while (shown(t - 1) >= wanted) --t;
    return core::Instant(core::Duration(t));
  }

  // From `now` (true time) on.
  void set_drift(core::Instant now, std::int64_t drift) {
    CHECK(drift >= -kMostDrift && drift <= kMostDrift);
    const std::int64_t t = now.time_since_epoch().count();
    shift_ns_ = shown(t) - t;
    base_ns_ = t;
    drift_ = drift;
  }
  std::int64_t drift() const { return drift_; }

 private:
  __extension__ using Wide = __int128;

  std::int64_t shown(std::int64_t t) const {
    const Wide product = Wide{t - base_ns_} * drift_;
    Wide gained = product / kUnit;
    if (gained * kUnit > product) --gained;  // towards minus infinity
    return t + shift_ns_ + static_cast<std::int64_t>(gained);
  }

  std::int64_t base_ns_ = 0;
  std::int64_t shift_ns_ = 0;  // what the clock showed at base, less base
  std::int64_t drift_ = 0;
};

}  // namespace homing::sim
