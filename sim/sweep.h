// SPDX-License-Identifier: Apache-2.0
//
// Sweeps: a scenario file with a [sweep] table is a grid of scenarios, one a combination of values.
//
//   [sweep]
//   "cluster.report-every" = ["5 s", "15 s", "60 s"]
//   "strategy.bounded-25.params.epsilon" = [0.1, 0.25]
//
// A key is the dotted path of any scalar value; elements of lists are called by their number from 1 or their `name`.
// Every point is a scenario of its own in the same result file, called FILE@report-every=5s,epsilon=0.1 (the last part
// of each path; the whole path where two end alike). It is the very scenario that one would get by writing the values
// into the file: same hash, same plan, same fingerprint; its `text` is that file, made canonical, so that a result can
// be read back without the sweep.
//
// An expectation may name the points at which it is expected:  at = { "cluster.report-every" = "60 s" }; without `at`
// it is expected everywhere. The file without its [sweep] must be a scenario as well.
// Thread class: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "router/base/diagnostics.h"
#include "sim/scenario.h"

namespace homing::sim {

// More points than this are a mistake.
inline constexpr std::size_t kMaxSweepPoints = 1000;

struct ScenariosResult {
  std::vector<Scenario> scenarios;  // one without a [sweep], else one a point; the last path varies fastest
  std::vector<std::string> points;  // by scenario: "cluster.report-every = 5 s"; empty without a [sweep]
  std::vector<base::Diagnostic> diagnostics;

  bool ok() const { return !scenarios.empty(); }
};

// Reads a file, or the scenario.toml of a folder.
ScenariosResult load_scenarios(const std::string& path, const ScenarioNames& names);
ScenariosResult parse_scenarios(std::string_view text, std::string file_name, const ScenarioNames& names);

}  // namespace homing::sim
