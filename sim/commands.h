// SPDX-License-Identifier: Apache-2.0
//
// The subcommands of homing-sim that need no simulation. Each takes its arguments (without program and subcommand),
// writes to the given streams and returns the exit code: 0 done, 1 failed, 2 wrong usage or bad input, 4 refused (not
// comparable), 130 interrupted. Thread class: stateless.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "sim/scenario.h"

namespace homing::sim {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRefused = 4;
inline constexpr int kExitInterrupted = 130;

// The names that scenarios may use: the core's registered strategies and the metrics of measures.h.
ScenarioNames known_names();

// check SCENARIO... [--print]
int check_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);
// sweep SCENARIO --list: the points of its grid
int sweep_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);
// list [FOLDER]: scenarios (below FOLDER, or else `folder`), strategies, metrics
int list_command(std::span<const std::string> arguments, const std::string& folder, std::ostream& out,
                 std::ostream& err);
// compare RESULT [RESULT] [--baseline NAME] [--metrics all|a,b] [-o table|json|csv]
int compare_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);
// dump --canonical RESULT
int dump_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);
// why RESULT [--run R [--session S [--epoch E] [--instead NODE]]] [-o table|json]: makes a run again up to a placement
int why_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace homing::sim
