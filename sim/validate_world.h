// SPDX-License-Identifier: Apache-2.0
//
// Worlds with closed forms: scenario text, one run, and what a probe saw of it.
//
// Such a world has no latency, instantaneous starts and a heartbeat far beyond its horizon, so nothing but arrivals,
// placement and service is left of it: one router decides, every machine runs the production core. A time unit is a
// mean stay or a mean piece of work. Where a refused person must go away for good (Erlang B) the unit is a millisecond,
// far below anybody's reaction time. Thread class: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/probe.h"
#include "sim/scenario.h"
#include "sim/validate.h"
#include "sim/world.h"

namespace homing::sim {

struct Workload {
  int nodes = 1;
  int cores = 1;
  int max_sessions = 0;
  std::string strategy = "random";
  std::string params{};     // inside of params = { ... }
  double rate = 1.0;        // arrivals a unit, all nodes together
  bool shares_cpu = false;  // true: work done under processor sharing; false: a stay by the clock
  std::string law = "exponential(1 s)";
  double horizon = 1000;  // units
  double warm_up = 50;
  std::string unit = "s";   // or "ms"
  std::string more{};       // further tables
  std::string more_kind{};  // further keys of the kind
  bool losing = false;      // nobody queues: whoever finds everything full is refused
};

std::string workload_text(const Workload& workload);
// REQUIRES: the text is a good scenario (a CHECK prints what is wrong).
std::shared_ptr<const Scenario> scenario_of(const std::string& text);

// A world that a probe watches. REQUIRES for Ran: scenario and plan outlive it (they are held).
World watched_world(std::shared_ptr<const Scenario> scenario, std::uint64_t seed, bool losing = false,
                    bool feelings = false);
// Runs it to its horizon and closes it.
World ran(const Workload& workload, std::uint64_t seed);

const Probe& probe_of(const World& world);

// Seconds from arrival to leaving, of those who left inside [0, horizon): who came last must not be left out.
std::vector<double> sojourns_s(const World& world);
// Seconds from arrival to the first answer, of those who were served inside it.
std::vector<double> waits_s(const World& world);
// The smallest value with at least p of all at or below it. REQUIRES: not empty.
double quantile(std::vector<double> values, double p);

// Mean and mean square of the sessions on a node, over time and nodes: numbers 0 and 1 of most rows.
std::vector<double> occupancy(const World& world);

// "mean" and "variance" read from numbers 0 and 1.
Quantity mean_quantity(std::string name, double predicted, int first = 0);
Quantity variance_quantity(std::string name, double predicted, int first = 0, int second = 1);
Quantity shown(Quantity quantity);

// The rows, by section.
void add_queue_rows(std::vector<Row>& rows);
void add_slot_rows(std::vector<Row>& rows);
void add_placement_rows(std::vector<Row>& rows);
void add_supermarket_rows(std::vector<Row>& rows);
void add_hashing_rows(std::vector<Row>& rows);
void add_availability_rows(std::vector<Row>& rows);
void add_crossing_rows(std::vector<Row>& rows);
void add_warm_start_row(std::vector<Row>& rows);
// A strategy of that name is built in.
bool is_strategy(std::string_view name);

}  // namespace homing::sim
