// SPDX-License-Identifier: GPL-3.0-only
//
// A comparison made by hand: six strategies on eight nodes, one node lost at 09:04 and one drained later. Its numbers
// are those that a person would write down, not a simulation's; tests of pages need no simulator.
#pragma once

#include "gui/model/document.h"

namespace homing::gui {

ScenarioView example_scenario();

}  // namespace homing::gui
