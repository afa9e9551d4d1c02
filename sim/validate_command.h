// SPDX-License-Identifier: Apache-2.0
//
// The command line of `homing-sim validate`. Thread class: called by one thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <span>
#include <string>

namespace homing::sim {

inline constexpr const char* kValidateUsage =
    "homing-sim validate [--quick] [--mutate] [--only ROW] [--coverage] [--list] [--jobs N] [--progress json|none] "
    "[-o table|json]";

// How far it is: called a few times a second. False: stop.
using ValidatePulse = std::function<bool(double fraction, const std::string& at, const std::string& progress_mode)>;

// Exit code: 0 everything agrees, 1 something does not, 2 wrong usage, 130 interrupted.
int validate_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err,
                     const ValidatePulse& pulse);

}  // namespace homing::sim
