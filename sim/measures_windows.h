// SPDX-License-Identifier: Apache-2.0
//
// User-uptime and its worst sliding windows (model.md 3; examples: sim/METRICS.md).
//
// User-uptime of a window is 1 - down / planned, both in user-time inside it. Planned and down time are piecewise
// linear in the window's place, so their quotient is monotone between the places where an end of the window meets the
// beginning or end of a visit or of a down interval: looking at these places alone finds the exact minimum. Windows lie
// wholly inside the measured time. Thread class: pure functions. Source: Hauer et al., Meaningful Availability, NSDI
// 2020.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sim/measures.h"

namespace homing::sim {

// The planned visit of one user.
struct Presence {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
};

// Planned user-time inside [from_ns, to_ns), in minutes.
double planned_minutes(std::span<const Presence> visits, std::int64_t from_ns, std::int64_t to_ns);

// The least user-uptime of all windows of `window_ns` inside [0, horizon_ns); windows in which nobody planned to be
// there have none. Nothing when the window is longer than the horizon or nobody ever came. REQUIRES: window_ns > 0.
std::optional<double> worst_window(std::span<const Presence> visits, std::span<const DownInterval> downs,
                                   std::int64_t window_ns, std::int64_t horizon_ns);

}  // namespace homing::sim
