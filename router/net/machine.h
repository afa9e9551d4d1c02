// SPDX-License-Identifier: Apache-2.0
//
// What the operating system says of this machine: the clock that the core is told, load, memory, processors.
// Thread class: stateless.
#pragma once

#include <cstdint>
#include <string_view>

#include "router/core/instant.h"
#include "router/core/rows.h"

namespace homing::net {

// CLOCK_BOOTTIME: goes on while the machine sleeps, is never stepped. The launcher's clock too.
core::Instant boot_time();

// From /proc; what cannot be read stays 0 (cores: 1). `sessions` and `counted` are the core's to fill.
core::NodeLoad measure_load();

// The parsers, for tests.
void read_loadavg(std::string_view text, core::NodeLoad& load);
void read_meminfo(std::string_view text, core::NodeLoad& load);

}  // namespace homing::net
