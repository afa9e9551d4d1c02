// SPDX-License-Identifier: Apache-2.0
//
// The part of core_bench that measures a whole core: the cost of each event, the bytes of each session and route.
// Thread class: main thread only.
#pragma once

#include "bench/bench.h"

namespace homing::bench {

void register_state_benchmarks(Effort effort);

}  // namespace homing::bench
