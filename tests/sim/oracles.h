// SPDX-License-Identifier: Apache-2.0
//
// Oracles: closed-form workloads through the real core, exact answers from small Markov chains, and the comparison.
//
// A closed-form scenario has zero latencies, instantaneous starts and a heartbeat far beyond the horizon, so nothing
// but the placement decides. Replications are independent seeds; an estimate is believed when its relative standard
// error is small enough, and right when the exact value lies within four standard errors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/scenario.h"

namespace homing::sim::testing {

struct Workload {
  int nodes = 1;
  std::string strategy = "random";
  double rate = 1.0;        // arrivals a second, all nodes together; a mean stay or piece of work is 1 s
  bool shares_cpu = false;  // true: work done under processor sharing; false: a stay by the clock
  std::string law = "exponential(1 s)";
  int horizon_s = 1000;
  int warm_up_s = 50;
};

// The workload as scenario text, parsed like any other.
Scenario closed_form(const Workload& workload);

struct Estimate {
  double value = 0.0;
  double standard_error = 0.0;
  double relative_error() const { return standard_error / value; }
};

struct Estimates {
  Estimate mean;      // sessions on a node
  Estimate variance;  // of that over time and nodes
  Estimate sojourn;   // seconds
};

// `replications` independent runs under seeds that are keyed by `base_seed`.
Estimates replicate(const Workload& workload, std::uint64_t base_seed, int replications);

struct Exact {
  double mean = 0.0;
  double variance = 0.0;
};

// True when both the mean and the variance agree with the exact values.
bool agrees(const Estimates& found, const Exact& exact);

enum class Choice { kShortest, kTwoChoices };
// Stationary number of sessions on one of `nodes` equal nodes: Poisson arrivals of `rate` (all together), a node of n
// sessions loses one at rate n (infinite servers) or 1 (processor sharing, when n > 0). The chain on sorted occupancies
// is cut at `cap` and its balance equations are solved with Eigen. REQUIRES: nodes is 2 or 3.
Exact solve_chain(int nodes, Choice choice, double rate, bool shares_cpu, int cap);

}  // namespace homing::sim::testing
