// SPDX-License-Identifier: GPL-3.0-only
//
// A small results file, written by the simulator's own writer: 3 strategies x 12 seeds on 3 nodes, one crash and one
// drain, numbers chosen so that "better", "worse" and "identical" all occur.
#pragma once

#include <QString>
#include <vector>

#include "sim/results.h"

namespace homing::gui {

inline constexpr int kSeeds = 12;
inline constexpr std::int64_t kMinuteNs = 60'000'000'000;

/// The scenario and the runs of the file, for comparison with what is read back.
sim::Scenario small_scenario(const std::string& name = "small");
std::vector<sim::RunRecord> small_runs(int scenario = 0, int first_id = 0);

/// Writes them. Fails the test when that does not work.
void write_results(const QString& file, const std::vector<sim::Scenario>& scenarios,
                   const std::vector<sim::RunRecord>& runs);

}  // namespace homing::gui
