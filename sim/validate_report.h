// SPDX-License-Identifier: Apache-2.0
//
// What `homing-sim validate` prints: one table for people, one JSON text for programs (VALIDATION.md has its fields).
// Thread class: pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/validate.h"

namespace homing::sim {

// Lines of one row: predicted, simulated, standard error, verdict for each quantity, then the mutations.
std::string table_header();
std::string table_lines(const Row& row, const RowResult& result);
// What is not run and why; then the sum in one line.
std::string table_footer(const ValidationResult& result, std::span<const Uncovered> uncovered);

std::string validation_json(const std::vector<Row>& rows, const ValidationResult& result,
                            std::span<const Uncovered> uncovered);

}  // namespace homing::sim
