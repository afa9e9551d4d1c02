// SPDX-License-Identifier: Apache-2.0
//
// One machine that fails and comes back, with people on it: what availability rows and a case of the coverage share.
// Thread class: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace homing::sim {

// Sessions of exponential(1 h); the machine fails after exponential(`up_h`) of running and is back after `down`.
struct FailingNode {
  double sessions = 2.0;
  double up_h = 9.0;
  std::string down = "1 min";
  double horizon_h = 2000.0;
};

// Sessions lost by crashes, and processes started: the ratio of their expectations is D/(D+M), since a process ends by
// its own exponential clock or by the machine's, whichever rings first, and as many run at the end as at the beginning.
std::vector<double> killed_and_ended(const FailingNode& node, std::uint64_t seed);

}  // namespace homing::sim
