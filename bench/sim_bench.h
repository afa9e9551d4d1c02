// SPDX-License-Identifier: Apache-2.0
//
// The parts of sim_bench: supermarket (beside ns-3, SimPy and a bare loop), clusters (whole days of whole clusters),
// and what they share. See bench/README.md for what each row means. Thread class: main thread only.
#pragma once

#include <ctime>

#include <cstdint>
#include <memory>
#include <string>

#include "bench/bench.h"
#include "sim/world.h"

namespace homing::bench {

void register_supermarket(Effort effort);
void register_clusters(Effort effort);

// CHECKs that the text is a valid scenario.
std::shared_ptr<const sim::Scenario> scenario_from(const std::string& text);
// "routers 4, heartbeat 5 s, results on; 12.3 M events: core-timer 27%, ...": what every row of sim_bench says.
std::string world_label(const sim::World& world, bool results);

// CPU-seconds of this process so far: what a row took, also while others use the machine.
inline double cpu_now() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace homing::bench
