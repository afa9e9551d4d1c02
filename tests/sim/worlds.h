// SPDX-License-Identifier: Apache-2.0
//
// Small worlds for tests, from scenario text.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "router/core/strategy.h"
#include "sim/plan.h"
#include "sim/scenario.h"
#include "sim/world.h"

namespace homing::sim::testing {

inline std::shared_ptr<Scenario> scenario_from(const std::string& text) {
  ScenarioNames names;
  for (const auto name : core::strategy_names()) names.strategies.emplace_back(name);
  for (const MetricInfo& metric : metrics()) names.metrics.push_back(metric.name);
  ScenarioResult result = parse_scenario(text, "test.toml", names);
  EXPECT_TRUE(result.ok()) << base::render_report(result.diagnostics);
  return std::make_shared<Scenario>(std::move(result.scenario.value()));
}

// Under the scenario's baseline ("sessions" when it runs) unless told otherwise: which strategies are registered must
// not change a test.
inline World world_of(std::shared_ptr<const Scenario> scenario, std::uint64_t seed, std::optional<int> chosen = {},
                      WorldOptions options = {}) {
  auto plan = std::make_shared<const Plan>(draw_plan(*scenario, seed));
  const int strategy = chosen.value_or(scenario->baseline);
  return World(std::move(scenario), strategy, std::move(plan), std::move(options));
}

}  // namespace homing::sim::testing
