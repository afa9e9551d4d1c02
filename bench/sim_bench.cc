// SPDX-License-Identifier: Apache-2.0
//
// sim_bench: how fast the simulator is and what it takes. sim_bench_supermarket.cc holds one small model beside its
// peers; sim_bench_clusters.cc simulates days of whole clusters.
#include "bench/sim_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "router/core/check.h"
#include "sim/commands.h"

namespace homing::bench {

std::shared_ptr<const sim::Scenario> scenario_from(const std::string& text) {
  sim::ScenarioResult result = sim::parse_scenario(text, "bench.toml", sim::known_names());
  CHECK(result.ok());
  return std::make_shared<const sim::Scenario>(std::move(*result.scenario));
}

std::string world_label(const sim::World& world, bool results) {
  const sim::Scenario& scenario = world.scenario();
  const double heartbeat = static_cast<double>(scenario.cluster.heartbeat.count()) * 1e-9;
  std::string label = fmt::format("routers {}, heartbeat {:g} s, results {}; {:.2f} M events:", scenario.routers,
                                  heartbeat, results ? "on" : "off", static_cast<double>(world.events()) * 1e-6);
  auto counts = world.events_by_type();
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [name, count] : counts) {
    const double share = 100.0 * static_cast<double>(count) / static_cast<double>(world.events());
    if (share >= 1.0) label += fmt::format(" {} {:.0f}%", name, share);
  }
  return label;
}

void register_benchmarks(Effort effort) {
  register_supermarket(effort);
  register_clusters(effort);
}

}  // namespace homing::bench
