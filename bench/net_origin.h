// SPDX-License-Identifier: Apache-2.0
//
// The origin behind a proxy under test: what a session process would be, at the least cost.
//
//   .../small   45 bytes          .../large   16 KiB         .../stream/N   N bytes
//   POST, PUT   the body is counted and thrown away; the answer is its size in bytes
//   Upgrade: websocket            stays idle; short messages are sent back
//   anything else                 45 bytes
//
// Requests are read by homing::wire, so an origin that answers 200 has seen one plain message. With a record file, one
// line is appended for each head that came ("head"), each whole message ("whole") and each refused head ("bad"): what a
// proxy let through.
// Thread class: single-owner.
#pragma once

#include <span>
#include <string>

#include "bench/net_socket.h"

namespace homing::bench {

// Serves until SIGTERM or SIGINT ends the process.
[[noreturn]] void serve_origin(std::span<const std::string> addresses, const std::string& record_file);

}  // namespace homing::bench
