// SPDX-License-Identifier: Apache-2.0
//
// An experiment: scenarios x strategies x seeds, each run a World of its own on a thread of its own.
//
// Runs are taken in the order (scenario, seed, strategy), so that an experiment that is stopped early has whole pairs.
// A run's place in the result, its plan and its fingerprint do not depend on the number of threads or on who finished
// first. This file knows no clock: host times come from the caller. Thread class: run_experiment is called by one
// thread, which also gets every pulse; finished runs are handed to `done` one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/results.h"
#include "sim/scenario.h"
#include "sim/world.h"

namespace homing::sim {

// Where an experiment stands.
struct Progress {
  int runs = 0;
  int finished = 0;
  double fraction = 0.0;     // of all simulated time, running worlds included
  int run_id = -1;           // of the oldest running one; -1: none runs
  std::string running;       // "node-lost-at-peak / sessions / seed 3": the oldest running one
  double simulated_s = 0.0;  // where that one stands, since its scenario's start
  std::uint64_t events = 0;  // of all worlds so far
};

// Facts about the machine, for the columns that are not canonical. Every member may be empty.
struct HostFacts {
  std::string name;
  std::function<std::string()> utc;  // ISO 8601
  std::function<std::int64_t()> wall_ms;
  std::function<std::int64_t()> thread_cpu_ms;
  std::function<std::int64_t()> peak_bytes;
};

struct ExperimentOptions {
  int jobs = 1;
  HostFacts host;
  // Called a few times a second on the calling thread. False: stop; runs under way are given up.
  std::function<bool(const Progress&)> pulse;
  // A run has finished (called on worker threads, never two at once). False: stop.
  std::function<bool(RunRecord)> done;
};

// Runs it all. Returns the number of finished runs; less than there are when it was stopped.
int run_experiment(const std::vector<Scenario>& scenarios, const ExperimentOptions& options);

// The record of a world that has come to its horizon. The world must not be stepped afterwards.
RunRecord close_run(World& world, int strategy, std::uint64_t seed);

// One run, to the end. REQUIRES: strategy is an index into scenario.strategies.
RunRecord run_once(const Scenario& scenario, int strategy, std::uint64_t seed, bool record_series);

}  // namespace homing::sim
