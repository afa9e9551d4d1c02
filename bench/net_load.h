// SPDX-License-Identifier: Apache-2.0
//
// The load in front of a proxy under test.
//
// Closed loop: each of N keep-alive connections asks again as soon as it is answered. It says how much a proxy can do,
// and its latencies are no one's: a slow proxy is asked less.
// Open loop: requests are due at a constant rate whatever becomes of the ones before. One that finds no free connection
// waits for one, and its latency runs from the instant at which it was due (coordinated omission is counted, not left
// out: Gil Tene, "How NOT to measure latency"). A run that did not reach 99 % of its rate says so and is void.
// Both count every answer by status and read the proxy's processor time at the two ends of the same interval.
// Thread class: single-owner.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bench/net_socket.h"

namespace homing::bench {

struct LoadOptions {
  Address to;
  std::string request;  // the whole head
  int connections = 64;
  double warm_s = 0.5;  // before it counts
  double seconds = 3;
  double rate = 0;  // requests per second; 0: closed loop
  bool tls = false;
  bool fresh = false;            // a new connection for each request: over TLS, a full handshake
  std::vector<pid_t> processes;  // whose processor time is read
};

// Runs, and prints one line of JSON.
void run_load(const LoadOptions& options);

}  // namespace homing::bench
