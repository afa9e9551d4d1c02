// SPDX-License-Identifier: Apache-2.0
//
// homing-sim replay: a recorded router, again. Verifies that the replayed core makes the identical effect stream; with
// --strategy it says instead where another strategy would have placed, with nothing to verify.
// Thread class: stateless.
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace homing::sim {

// replay TRACE [--strategy S] [--from N] [--cut FILE]
// Exit codes: 0 identical (or replayed under another strategy), 1 it differs, 2 wrong usage or unreadable file.
int replay_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace homing::sim
