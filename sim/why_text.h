// SPDX-License-Identifier: Apache-2.0
//
// Why, in words and as JSON: what sim/why.h has made again, for people and for programs. Nothing is computed here.
// Thread class: pure functions.
#pragma once

#include <optional>
#include <string>

#include "sim/results.h"
#include "sim/why.h"

namespace homing::sim {

// What both texts need to know beside the answer.
struct WhyPlace {
  const ScenarioRow* scenario = nullptr;
  const RunRow* run = nullptr;
  const RunAgain* again = nullptr;
};

// "Tue 11:00:14.250": a scenario's instant as local time.
std::string clock_text(const Scenario& scenario, std::int64_t ns);
// "n3", or "nobody".
std::string node_text(const Scenario& scenario, std::uint32_t node);
// A duration as a person says it: "420 ms", "12.3 s", "4 min 10 s", "3 h 05 min".
std::string span_text(double seconds);

// The list of what happened in a run: sessions lost and the longest times down, so that one can ask on.
std::string losses_text(const WhyPlace& place, const std::vector<SessionLoss>& losses,
                        const std::vector<DownInterval>& downs);
std::string losses_json(const WhyPlace& place, const std::vector<SessionLoss>& losses,
                        const std::vector<DownInterval>& downs);

// `chosen`: which of the answer's placements is explained; nothing: there was none.
std::string why_text(const WhyPlace& place, const WhyAnswer& answer, std::optional<std::size_t> chosen);
std::string why_json(const WhyPlace& place, const WhyAnswer& answer, std::optional<std::size_t> chosen);

std::string what_if_text(const WhyPlace& place, const Placement& placement, const WhatIf& answer);
std::string what_if_json(const WhyPlace& place, const Placement& placement, const WhatIf& answer);

}  // namespace homing::sim
