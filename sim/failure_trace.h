// SPDX-License-Identifier: Apache-2.0
//
// Failure traces: which machine was down when, from a file.
//
// Two forms are read, known by their header line. Ours is the least a file can say, in seconds from any common instant:
//
//   node,down_s,up_s
//   n3,3600,7150.5
//   n7,4000,9000
//
// The other is the failure data of Los Alamos as published (LA-UR-05-7318, 22 systems, 1996 to 2005; unpack it with
// `xz -d`); its `system` number must be named, its nodes are numbers, its instants are minutes of local time (read
// without daylight saving). Rows without a beginning or an end are counted, not guessed; an end not after the beginning
// lasts one minute, which is that file's resolution. Lines beginning with # and empty ones are skipped.
//
// Invariants: rows are in order of (down, node); equal texts give equal rows. Thread class: pure functions.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/instant.h"

namespace homing::sim {

struct Failure {
  int node = 0;  // index into FailureTrace::nodes
  core::Duration down{};
  core::Duration up{};
};

struct FailureTrace {
  std::vector<std::string> nodes;  // by number where they are numbers, else by name
  std::vector<Failure> failures;
  int skipped = 0;  // rows of the system without beginning or end
};

// `system`: which of the published systems; only there. The error is "line 3: ..." for people.
std::expected<FailureTrace, std::string> parse_failure_trace(std::string_view text, std::optional<int> system);

// "2003-05-17" or "2003-05-17 14:30" in the published file's time.
std::optional<core::Duration> parse_trace_date(std::string_view text);

}  // namespace homing::sim
