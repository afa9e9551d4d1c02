// SPDX-License-Identifier: Apache-2.0
//
// A small good result file as bytes: two strategies, ten seeds, every table with rows. Thread class: pure function.
#pragma once

#include <string>

namespace homing::fuzz {

std::string small_result();

}  // namespace homing::fuzz
