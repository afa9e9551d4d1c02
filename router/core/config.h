// SPDX-License-Identifier: Apache-2.0
//
// Every number of the core, with its default. The drivers fill it from text (router/base/router_config, the simulator's
// scenario); a change while running is an event (ConfigChanged). Each maximum says what happens there.
//
// Invariant (checked by validate): 2 heartbeats < suspect < lease_ttl < dead. Suspect: no new sessions. Past lease_ttl:
// the lease is expired, the node orders nothing. Dead: its sessions are declared lost.
// Thread class: plain value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "router/core/ids.h"
#include "router/core/instant.h"
#include "router/core/strategy_params.h"

namespace homing::core {

// What happens to a kind's processes while their node cannot renew its lease (without-store).
enum class WithoutStore : std::uint8_t { kKeep = 0, kFreeze = 1 };

// What an idle rule does to a session that nobody used for idle_after.
enum class IdleThen : std::uint8_t { kEnd = 0, kSuspend = 1 };

struct KindConfig {
  std::string name;
  std::uint64_t labels = 0;  // bits a node must have
  std::uint64_t memory_bytes =
      0;  // expected; a node with less available (pending starts deducted) is a misfit; 0: do not ask
  Duration start_timeout = seconds(60);
  // A suspend, and the resume after it: they move as much as the process had in memory. The default is the longest
  // start time-out in the field (mybinder's), 75 GiB at 128 MiB/s; a resume that needs more gets more (core_idle.cc).
  Duration resume_timeout = seconds(600);
  WithoutStore without_store = WithoutStore::kKeep;
  Duration idle_after{0};               // without a person's activity or computing; 0: no idle rule
  IdleThen idle_then = IdleThen::kEnd;  // kSuspend only when can_suspend
  bool can_suspend = false;             // its processes can save their state, exit, and go on from it later
  template <class A>
  void archive(A& a) {
    a(name, labels, memory_bytes, start_timeout, resume_timeout, without_store, idle_after, idle_then, can_suspend);
  }
};

struct Config {
  std::uint64_t seed = 1;  // keys the tie-breaks
  std::string strategy = "sessions";
  StrategyParams strategy_params;  // as the strategy declares them (strategies/); the rest at their defaults
  bool serve = true;               // false: renew, act on own rows and report, but place nothing for anybody
  std::vector<KindConfig> kinds;   // indexed by KindId

  Duration heartbeat = seconds(1);  // renewal of the lease and reading of the store
  Duration report_every{0};         // how often load figures ride on a heartbeat; 0: each one
  Duration suspect = seconds(3);
  Duration lease_ttl = seconds(8);
  Duration dead = seconds(10);
  Duration lease_margin = seconds(1);    // a node stops ordering this long before its lease could be seen expired
  Duration accept_max = seconds(5);      // a placed row that its node has not accepted by then may be placed again
  Duration queue_ask_max = seconds(30);  // a ticket nobody asked for during this time leaves the queue
  Duration fence_max = seconds(2);       // bound on double life of `freeze` kinds after a stopped node wakes

  std::uint32_t max_nodes = 16384;          // rows of further nodes are ignored and counted
  std::uint32_t max_routes = 1'000'000;     // cached routes; at the maximum new sessions are refused (kOverloaded)
  std::uint32_t max_wishes = 10'000;        // requests waiting in this core; further ones are refused (kOverloaded)
  std::uint32_t max_queue = 10'000;         // waiting placements; further ones are refused (kQueueFull)
  std::uint32_t max_attempts = 3;           // placements per wish; then the user is told why
  std::uint32_t max_sessions_per_user = 0;  // 0: no limit
  std::uint32_t max_misfits = 8;            // candidates popped before a full scan

  template <class A>
  void archive(A& a) {
    a(seed, strategy, strategy_params, serve, kinds, heartbeat, report_every, suspect, lease_ttl, dead, lease_margin,
      accept_max, queue_ask_max, fence_max, max_nodes, max_routes, max_wishes, max_queue, max_attempts,
      max_sessions_per_user, max_misfits);
  }
};

// One broken rule: the field as written in configuration text ("lease-ttl") and a sentence with the numbers and the
// fix.
struct ConfigError {
  std::string field;
  std::string text;
};

// Sets suspect, lease_ttl and dead to 3, 8 and 10 heartbeats, and the margin to at most one.
void scale_to_heartbeat(Config& config, Duration heartbeat);

// Returns every broken rule; empty when the configuration may be used.
std::vector<ConfigError> validate(const Config& config);

}  // namespace homing::core
