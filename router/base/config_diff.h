// SPDX-License-Identifier: Apache-2.0
//
// What changed between two configurations of a node, in words, and what it takes for each change to hold: what
// `homingctl config reload` prints before and after it takes a file over.
//
//   limits.first-byte: 10 min -> 90 s
//   kind.rstudio: added (sessions that start from now on)
//   node.n1.address: 10.0.0.1:8800 -> 10.0.0.1:443 (needs a restart of this router)
//
// Intuition: both configurations are listed as rows of (key as written in the file, value in force as text), defaults
// filled in, and the lists are compared: a default that is written down is no change, and a heartbeat that scales other
// times shows them too. What a change takes is a column of the same table, so that it is decided where the key is
// named. A test changes every key of router/dist/homing.example.toml in turn and asks that a row says so.
//
// The content of files that the configuration only names (certificates, keys) is not looked at here: router/net/tls.h.
// Thread class: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "router/base/router_config.h"

namespace homing::base {

// In order of what it takes.
enum class Takes : std::uint8_t {
  kNothing,      // in force at once: for new requests, connections, placements
  kNewSessions,  // in force for sessions that start from now on, once the launcher has read the file too
  kOtherNode,    // nothing here: the node that the key belongs to must be restarted
  kRestart,      // this router must be restarted; until then the old value holds
  kCluster,      // no router may run with the old and another with the new value; `why` says what is to be stopped
};

struct ConfigChange {
  std::string key;  // "limits.first-byte", "kind.jupyter.command", "node.n2"
  std::string before;
  std::string after;  // both empty: key itself says what happened ("added")
  Takes takes = Takes::kNothing;
  std::string why;  // half a sentence that follows what it takes; may be empty

  std::string text() const;  // one line, without its end
};

// In the order of the table: paths, doors, cluster, strategy, nodes, kinds.
std::vector<ConfigChange> config_changes(const RouterConfig& before, const RouterConfig& after);

// `before` with everything of `after` that a running router can take over: what it differs in from `before` takes
// nothing, new sessions or another node; what it still differs in from `after` takes more. It may break a rule of
// core::validate, when a time that must fit another was left as it was.
RouterConfig taken_over(const RouterConfig& before, const RouterConfig& after);

// The most that any of them takes; kNothing for none.
Takes most_taken(const std::vector<ConfigChange>& changes);

// A line a change, those that take most last; "nothing changed\n" for none.
std::string changes_text(const std::vector<ConfigChange>& changes);

}  // namespace homing::base
