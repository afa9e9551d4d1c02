// SPDX-License-Identifier: Apache-2.0
//
// homing-router demo: a throw-away cluster of real processes.
//
//   homing-router demo [--nodes N] [--port P] [--dir DIR]           up until Ctrl-C; prints sign-in links; reads verbs
//                                                                  that hurt it from standard input
//   homing-router demo --script [--kind notepad] ...               tells a story and ends by itself
//
// Thread class: single-owner; one a process (it handles SIGINT and SIGTERM).
#pragma once

#include <span>
#include <string>

#include "router/net/demo_cluster.h"

namespace homing::net {

// Exit status: 0 done, 1 failed (one sentence on stderr), 2 usage, 130 interrupted.
int demo(std::span<const std::string> arguments);

// True once SIGINT or SIGTERM came; long steps look at it.
bool demo_interrupted();

// The story: sessions for several people through different routers, a node dies, a router dies, the lost start again.
// `kind`: "jupyter" or "notepad". Returns an exit status; 1 when anything went otherwise than told.
int tell_demo_story(DemoCluster& cluster, const std::string& kind);

}  // namespace homing::net
