// SPDX-License-Identifier: Apache-2.0
//
// The scenario reader: any text is a scenario or a list of diagnostics, each with a place. What was read prints.
#include "router/core/check.h"
#include "sim/commands.h"
#include "sim/scenario.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace homing;
  static const sim::ScenarioNames kNames = sim::known_names();
  const sim::ScenarioResult result = sim::parse_scenario(fuzz::text_of(data, size), "fuzz.toml", kNames);
  CHECK(result.ok() == result.diagnostics.empty());
  (void)base::render_report(result.diagnostics);
  if (result.ok()) {
    CHECK(!result.scenario->nodes.empty());
    CHECK(!result.scenario->strategies.empty());
    (void)sim::print_settings(*result.scenario);
  }
  return 0;
}
