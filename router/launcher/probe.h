// SPDX-License-Identifier: Apache-2.0
//
// Does a session's HTTP server answer? One GET; any status below 500 counts, since the program is then up.
// Thread class: single-owner.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "router/launcher/protocol.h"

namespace homing::launcher {

// True when `target` at `endpoint` answered within `patience`.
boost::asio::awaitable<bool> answers(const Endpoint& endpoint, const std::string& target,
                                     std::chrono::milliseconds patience);

}  // namespace homing::launcher
