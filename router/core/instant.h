// SPDX-License-Identifier: Apache-2.0
//
// Time as the core sees it: an argument. `CoreClock` has no now(), so core code cannot ask what time it is; the driver
// says. An Instant counts nanoseconds of the driver's monotonic clock (CLOCK_BOOTTIME in production, the router's own
// drifting clock in the simulator). Wall time is never an Instant.
// Thread class: immutable values.
#pragma once

#include <chrono>
#include <cstdint>

namespace homing::core {

using Duration = std::chrono::duration<std::int64_t, std::nano>;

struct CoreClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<CoreClock, Duration>;
  static constexpr bool is_steady = true;
};

using Instant = CoreClock::time_point;

inline constexpr Instant kNever = Instant::max();

inline constexpr Duration nanoseconds(std::int64_t n) {
  return Duration{n};
}
inline constexpr Duration milliseconds(std::int64_t n) {
  return Duration{n * 1'000'000};
}
inline constexpr Duration seconds(std::int64_t n) {
  return Duration{n * 1'000'000'000};
}

}  // namespace homing::core
