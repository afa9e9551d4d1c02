// SPDX-License-Identifier: Apache-2.0
#include "sim/load_average.h"

namespace homing::sim {

void LoadAverage::advance(core::Instant now, std::uint32_t active) {
  if (now < next_tick_) return;
  const std::int64_t ticks = (now - next_tick_).count() / kTick.count() + 1;
  next_tick_ += kTick * ticks;
  for (int i = 0; i < 3; ++i) {
    for (std::int64_t step = 0; step < ticks; ++step) {
      const std::uint64_t next = tick(load_[i], kDecay[i], active);
      if (next == load_[i]) break;  // the fixed point
      load_[i] = next;
    }
  }
}

}  // namespace homing::sim
