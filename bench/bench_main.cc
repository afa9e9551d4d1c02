// SPDX-License-Identifier: Apache-2.0
//
// The main() of every benchmark program: takes --smoke for itself and leaves the rest to Google Benchmark.
// Thread class: main thread only.
#include <cstdio>
#include <cstring>
#include <vector>

#include "bench/bench.h"

int main(int argc, char** argv) {
  auto effort = homing::bench::Effort::kFull;
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--smoke") == 0) {
      effort = homing::bench::Effort::kSmoke;
    } else {
      rest.push_back(argv[i]);
    }
  }
  char min_time[] = "--benchmark_min_time=0.001";
  if (effort == homing::bench::Effort::kSmoke) rest.push_back(min_time);
  int count = static_cast<int>(rest.size());
  rest.push_back(nullptr);
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;
  homing::bench::register_benchmarks(effort);
  if (benchmark::RunSpecifiedBenchmarks() == 0) {
    std::fprintf(stderr, "no benchmark ran: none is registered, or the filter matches none\n");
    return 1;
  }
  benchmark::Shutdown();
  return 0;
}
