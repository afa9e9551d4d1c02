// SPDX-License-Identifier: Apache-2.0
//
// The hot path: where does a request for this session go? A pure function of the published route, the caller's cookie
// hint and this node's name. The proxy wraps it in a lock-free table; the simulator calls the same function. Requests
// of routed sessions never enter the core. Thread class: stateless.
#pragma once

#include <cstdint>
#include <optional>

#include "router/core/decision.h"
#include "router/core/ids.h"
#include "router/core/rows.h"

namespace homing::core {

// The published route of a session; what a router needs to know of sessions it does not host.
struct RouteValue {
  UserId user{};
  NodeId node = kNoNode;
  Epoch epoch{};
  Incarnation incarnation{};
  KindId kind{};
  SessionState state = SessionState::kPlaced;
  EndReason reason = EndReason::kNone;
  friend bool operator==(const RouteValue&, const RouteValue&) = default;
  template <class A>
  void archive(A& a) {
    a(user, node, epoch, incarnation, kind, state, reason);
  }
};

// What a (verified) route cookie says. A hint only: the holder decides.
struct RouteHint {
  NodeId node = kNoNode;
  Epoch epoch{};
};

enum class ResolveAction : std::uint8_t {
  kServe = 0,  // this node is the holder: hand to the session process of `epoch`
  kForward,    // one hop to `node`
  kAsk,        // the core must decide (unknown, starting, wakes)
  kRefuse,
};

struct Resolution {
  ResolveAction action = ResolveAction::kAsk;
  NodeId node = kNoNode;
  Epoch epoch{};
  Refusal refusal = Refusal::kNone;
};

// `route`: the published value or nullptr. `user`: the authenticated caller. `wakes`: the kind lets this request wake a
// suspended session. `hint`: used only when there is no route.
Resolution resolve(const RouteValue* route, NodeId self, UserId user, bool wakes, const RouteHint* hint);

}  // namespace homing::core
