// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/small_result.h"

#include "router/core/check.h"
#include "sim/commands.h"
#include "sim/results.h"
#include "tests/fuzz/fuzz.h"

namespace homing::fuzz {
namespace {

constexpr const char* kScenario = R"(format = 1
title = "One of three nodes dies"
start = "Mon 08:00"
horizon = "1 h"
seeds = 10
[cluster]
nodes = [{ count = 3, cores = 4, memory = "8 GiB" }]
[[users]]
name = "all"
count = 10
day-shape = "flat"
kinds = { jupyter = 1.0 }
[margins]
"felt-crowding" = 0.5
[[strategy]]
name = "sessions"
[[strategy]]
name = "random"
[[expect]]
metric = "sessions-lost"
strategy = "random"
than = "sessions"
verdict = "worse"
because = "made up"
)";

sim::RunRecord made_up_run(int strategy, std::uint64_t seed) {
  sim::RunRecord run;
  run.id = strategy * 10 + static_cast<int>(seed) - 1;
  run.strategy = strategy;
  run.seed = seed;
  run.plan_hash = "plan-" + std::to_string(seed);
  run.fingerprint = "print-" + std::to_string(run.id);
  run.horizon_ns = 3'600'000'000'000;
  run.values = {{sim::kSessionsLost, 3.0 + strategy}, {sim::kUserMinutesLost, 1.0 / 3.0}};
  run.faults = {{2, "crash", 60'000'000'000, std::nullopt, "n3 crash"}};
  run.losses = {{60'000'000'000, 4, 1, 2, "jupyter", true, "node-crash", 90'000'000'000}};
  run.downs = {{4, 1, 60'000'000'000, 90'000'000'000, sim::Feeling::kLost, false}};
  if (seed == 1) run.series = {{0, "sessions", 2'000'000'000, {{1, 1.5, 2, 2}, {2, 2, 2, 2}}}};
  return run;
}

}  // namespace

std::string small_result() {
  const std::string path = scratch_folder() + "/good.sqlite";
  sim::ScenarioResult read = sim::parse_scenario(kScenario, "small.toml", sim::known_names());
  CHECK(read.ok());
  {
    auto writer = sim::ResultWriter::create(path, {*read.scenario}, {{"host", "here"}}, true);
    CHECK(writer.has_value());
    for (int strategy = 0; strategy < 2; ++strategy) {
      for (std::uint64_t seed = 1; seed <= 10; ++seed) CHECK(writer->write(made_up_run(strategy, seed)).has_value());
    }
  }
  return read_file(path);
}

}  // namespace homing::fuzz
