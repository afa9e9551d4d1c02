// SPDX-License-Identifier: Apache-2.0
//
// The core: a value-in, value-out state machine with one entrance and one exit. One core a router, each with its own
// partial view; the production proxy and the simulator drive the same archive.
//
//   core.handle(now, event);             // or core.handle_deadline(now) when next_deadline() has come
//   for (Effect& e : core.effects()) ... // in order
//   core.clear_effects();                // before the next call
//   arm one timer for core.next_deadline();
//
// Invariants: `now` never falls. A copy, or a core restored from a snapshot, goes on identically: same events and
// deadlines, same effects. At most one ReadSince is outstanding. Iteration order is defined everywhere.
// Thread class: single-owner.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/config.h"
#include "router/core/decision_table.h"
#include "router/core/effect.h"
#include "router/core/event.h"
#include "router/core/ids.h"
#include "router/core/instant.h"
#include "router/core/resolve.h"

namespace homing::core {

// What status pages show of a node, as this core sees it.
struct NodeStatus {
  NodeRow row;
  Version version{};
  NodeView view = NodeView::kUp;
  std::uint32_t sessions_seen = 0;  // reported + claims - ends since
  Duration report_age{};            // since the newest load figures were received
  bool known = false;
};

struct CoreCounters {
  std::uint64_t events = 0;
  std::uint64_t deadlines = 0;
  std::uint64_t placements = 0;
  std::uint64_t claims_lost = 0;  // compare-and-sets another router won
  std::uint64_t misfits = 0;      // candidates popped because they did not fit
  std::uint64_t misfit_scans = 0;
  std::uint64_t takeovers = 0;  // declarations of death won
  std::uint64_t sessions_declared_lost = 0;
  std::uint64_t fenced = 0;  // own processes killed because another epoch stands
  std::uint64_t stale_events = 0;
  template <class A>
  void archive(A& a) {
    a(events, deadlines, placements, claims_lost, misfits, misfit_scans, takeovers, sessions_declared_lost, fenced,
      stale_events);
  }
};

class Core {
 public:
  // REQUIRES: validate(config).empty(); config.strategy names a registered strategy (strategy.h).
  Core(NodeId self, Config config);
  Core(const Core& other);
  Core& operator=(const Core& other);
  Core(Core&&) noexcept;
  Core& operator=(Core&&) noexcept;
  ~Core();

  void handle(Instant now, const Event& event);
  // REQUIRES: now >= next_deadline().
  void handle_deadline(Instant now);
  // When handle_deadline must be called; kNever when nothing is armed.
  Instant next_deadline() const;
  // When the next heartbeat is due, so that a driver can tell it fresh load figures just before; kNever: none.
  Instant heartbeat_due() const;

  std::span<const Effect> effects() const;
  void clear_effects();
  // Moves the effects into `into`, for drivers that want to move parts on; its storage is used again. REQUIRES: empty.
  void take_effects(std::vector<Effect>& into);

  // Hash of every (instant, effect) since birth or since the restored snapshot's birth.
  std::uint64_t fingerprint() const;

  // Complete state with configuration, as bytes of archive.h. REQUIRES: effects().empty().
  std::string snapshot() const;
  static std::expected<Core, std::string> restore(std::string_view bytes);

  // Read-only views for status pages and measures.
  NodeId self() const;
  const Config& config() const;
  const CoreCounters& counters() const;
  NodeStatus node(NodeId id, Instant now) const;  // known == false: never seen
  std::uint32_t node_count() const;               // ids below this may be known
  std::optional<RouteValue> route(SessionId id) const;
  std::vector<std::pair<SessionId, RouteValue>> routes() const;  // ordered by session id
  std::uint32_t hosted_count() const;
  std::uint32_t queue_length() const;
  bool may_order(Instant now) const;

  // For replay: from now on every placement of this user is also told as a full table (decision_table.h), kept until it
  // is taken; nothing: no more. Neither state nor effect: snapshots lack it, the fingerprint does not know it.
  void explain_decisions(std::optional<UserId> user);
  std::vector<DecisionTable> take_decision_tables();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace homing::core
