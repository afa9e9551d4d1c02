// SPDX-License-Identifier: Apache-2.0
//
// What every benchmark program shares. A program defines register_benchmarks(); bench_main.cc calls it and runs what it
// registered. With --smoke the program must finish within a second or two: ctest runs it so that it cannot rot.
// Thread class: main thread only.
#pragma once

#include <benchmark/benchmark.h>

namespace homing::bench {

// How much of a benchmark is wanted: kFull measures, kSmoke only proves that it still runs.
enum class Effort { kFull, kSmoke };

// Registers the program's benchmarks with benchmark::RegisterBenchmark; at Effort::kSmoke with the smallest sizes only.
void register_benchmarks(Effort effort);

}  // namespace homing::bench
