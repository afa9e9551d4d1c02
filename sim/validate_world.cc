// SPDX-License-Identifier: Apache-2.0
#include "sim/validate_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "router/core/check.h"
#include "router/core/strategy.h"
#include "sim/commands.h"
#include "sim/plan.h"

namespace homing::sim {

bool is_strategy(std::string_view name) {
  const auto names = core::strategy_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string workload_text(const Workload& w) {
  const std::string law = w.shares_cpu ? fmt::format("ends = \"work-done\"\nwork = \"{}\"", w.law)
                                       : fmt::format("length = \"{}\"\nactions = false", w.law);
  const std::string slots = w.max_sessions > 0 ? fmt::format(", max-sessions = {}", w.max_sessions) : "";
  const std::string params = w.params.empty() ? "" : fmt::format("params = {{ {} }}\n", w.params);
  return fmt::format(R"toml(
format = 1
title = "Closed form"
horizon = "{:.6f} {}"
warm-up = "{:.6f} {}"
routers = 1
[cluster]
heartbeat = "1000000 s"
user-delay = "0 s"
peer-delay = "0 s"
store-delay = "0 s"
nodes = [{{ count = {}, cores = {}, memory = "1 TiB"{} }}]
[[stream]]
name = "everyone"
rate = "{:.9f} per {}"
kind = "job"
[kind.job]
start = {{ solo = "0 s", cpu = "0 s", memory = "0 B" }}
expected-memory = "0 B"
{}
{}
[[strategy]]
name = "{}"
{}{}
)toml",
                     w.horizon, w.unit, w.warm_up, w.unit, w.nodes, w.cores, slots, w.rate, w.unit, law, w.more_kind,
                     w.strategy, params, w.more);
}

std::shared_ptr<const Scenario> scenario_of(const std::string& text) {
  ScenarioResult result = parse_scenario(text, "row.toml", known_names());
  if (!result.ok()) std::cerr << base::render_report(result.diagnostics);
  CHECK(result.ok());
  return std::make_shared<const Scenario>(std::move(*result.scenario));
}

World watched_world(std::shared_ptr<const Scenario> scenario, std::uint64_t seed, bool losing, bool feelings) {
  auto plan = std::make_shared<const Plan>(draw_plan(*scenario, seed));
  WorldOptions options;
  options.probe = true;
  options.record_feelings = feelings;
  if (losing) options.adjust = [](core::NodeId, core::Config& config) { config.max_queue = 0; };
  return World(std::move(scenario), 0, std::move(plan), std::move(options));
}

World ran(const Workload& workload, std::uint64_t seed) {
  World world = watched_world(scenario_of(workload_text(workload)), seed, workload.losing);
  world.run();
  world.finish();
  return world;
}

const Probe& probe_of(const World& world) {
  CHECK(world.journal().probe().has_value());
  return *world.journal().probe();
}

std::vector<double> sojourns_s(const World& world) {
  std::vector<double> found;
  for (const Probe::Life& life : probe_of(world).lives()) {
    if (life.left == Probe::kNever || life.left < 0) continue;
    found.push_back(static_cast<double>(life.left - life.arrived) * 1e-9);
  }
  return found;
}

std::vector<double> waits_s(const World& world) {
  std::vector<double> found;
  for (const Probe::Life& life : probe_of(world).lives()) {
    if (life.served == Probe::kNever || life.served < 0) continue;
    found.push_back(static_cast<double>(life.served - life.arrived) * 1e-9);
  }
  return found;
}

double quantile(std::vector<double> values, double p) {
  CHECK(!values.empty());
  const auto rank = static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

std::vector<double> occupancy(const World& world) {
  const Probe::Histogram& on_node = probe_of(world).on_node();
  return {on_node.mean(), on_node.mean_square()};
}

Quantity mean_quantity(std::string name, double predicted, int first) {
  return {.name = std::move(name), .predicted = predicted, .first = first};
}

Quantity variance_quantity(std::string name, double predicted, int first, int second) {
  return {.name = std::move(name),
          .predicted = predicted,
          .check = Check::kVariance,
          .reads = Reads::kVariance,
          .first = first,
          .second = second};
}

Quantity shown(Quantity quantity) {
  quantity.check = Check::kShown;
  return quantity;
}

std::vector<Row> validation_rows() {
  std::vector<Row> rows;
  add_queue_rows(rows);
  add_slot_rows(rows);
  add_placement_rows(rows);
  add_supermarket_rows(rows);
  add_hashing_rows(rows);
  add_availability_rows(rows);
  add_crossing_rows(rows);
  add_warm_start_row(rows);
  return rows;
}

}  // namespace homing::sim
