// SPDX-License-Identifier: Apache-2.0
//
// The text of schema.sql, which the build puts into the program.
// Thread class: immutable.
#pragma once

#include <string_view>

namespace homing::sim {

extern const std::string_view kSchemaSql;

}  // namespace homing::sim
