// SPDX-License-Identifier: Apache-2.0
//
// Many idle WebSockets, and single large bodies.
// Thread class: single-owner.
#pragma once

#include <cstdint>
#include <string>

#include "bench/net_socket.h"

namespace homing::bench {

// Opens `count` WebSockets with `request` (an upgrade) and prints {"open":N}. At the next line on standard input sends
// one message through each, prints {"alive":M}, how many came back, and closes them.
void hold_tunnels(const Address& to, const std::string& request, int count);

struct BulkOptions {
  Address to;
  std::string request;       // the whole head
  std::uint64_t upload = 0;  // bytes to send behind the head
  std::vector<pid_t> processes;
};
// One request; prints {"status":200,"up":N,"down":M,"cpu_s":S,"seconds":T}.
void run_bulk(const BulkOptions& options);

}  // namespace homing::bench
