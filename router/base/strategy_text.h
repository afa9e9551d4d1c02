// SPDX-License-Identifier: Apache-2.0
//
// Parameters of strategies as text, the same in the router's configuration and in scenarios:
//
//   [strategy]
//   name = "user-hash-bounded"
//   params = { epsilon = 0.25, floor = 4 }
//
// A number with a point becomes exact millionths here (more than six decimals are refused, not rounded), durations
// nanoseconds, sizes bytes. What may be said, and between which bounds, the strategy declares (core/strategy_params.h).
// Thread class: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "router/base/config_text.h"
#include "router/core/strategy_params.h"

namespace homing::base {

// Reads `params` of `section` for the strategy called `strategy`; what is wrong becomes a diagnostic. Nothing is read
// for an unknown strategy: its name is the mistake then.
core::StrategyParams read_strategy_params(const Section& section, std::string_view strategy);

// A value as it is written in a configuration: 0.25, 4, "15 s", "1 GiB".
std::string param_text(const core::StrategyParam& param, std::int64_t value);

// Everything in force, for people: "p2c-sessions (d = 2)"; a strategy without parameters is its name alone.
std::string strategy_in_words(std::string_view strategy, const core::StrategyParams& params);

}  // namespace homing::base
