// SPDX-License-Identifier: Apache-2.0
//
// Everything a core can order. Effects are drained in order by the driver; none is believed done until an event says
// so. The stream of (instant, effect) is hashed into the fingerprint. Thread class: plain values.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "router/core/decision.h"
#include "router/core/event.h"
#include "router/core/ids.h"
#include "router/core/resolve.h"
#include "router/core/rows.h"

namespace homing::core {

// To this node's launcher. `deadline`: the process is killed when it has not answered by then.
struct StartSession {
  SessionId session;
  Epoch epoch{};
  KindId kind{};
  UserId user{};
  Instant deadline{};
  template <class A>
  void archive(A& a) {
    a(session, epoch, kind, user, deadline);
  }
};
struct KillSession {
  SessionId session;
  Epoch epoch{};
  EndReason reason = EndReason::kNone;
  template <class A>
  void archive(A& a) {
    a(session, epoch, reason);
  }
};
struct FreezeSession {
  SessionId session;
  Epoch epoch{};
  template <class A>
  void archive(A& a) {
    a(session, epoch);
  }
};
struct ThawSession {
  SessionId session;
  Epoch epoch{};
  template <class A>
  void archive(A& a) {
    a(session, epoch);
  }
};

// Let the process save its state and exit. `deadline`: later the launcher's word counts no more and it is asked again.
// Never sent for a kind that cannot.
struct SuspendSession {
  SessionId session;
  Epoch epoch{};
  Instant deadline{};
  template <class A>
  void archive(A& a) {
    a(session, epoch, deadline);
  }
};

// When was this session, hosted here, last used? The driver answers with ActivitySeen.
struct AskActivity {
  SessionId session;
  Epoch epoch{};
  template <class A>
  void archive(A& a) {
    a(session, epoch);
  }
};

// The launcher may act alone until then: past it, it kills unfinished starts and freezes `freeze` kinds by itself.
struct LeaseUntil {
  Instant until{};
  template <class A>
  void archive(A& a) {
    a(until);
  }
};

// Publication to the proxy's route table.
struct RouteChanged {
  SessionId session;
  RouteValue route;
  template <class A>
  void archive(A& a) {
    a(session, route);
  }
};
struct RouteDropped {
  SessionId session;
  template <class A>
  void archive(A& a) {
    a(session);
  }
};

enum class Outcome : std::uint8_t {
  kForward = 0,  // final: it runs on `node` under `epoch`
  kWaiting,      // not final: being placed or started on `node`
  kQueued,       // not final: `position` in line, 1 is next
  kRefused,      // final: `refusal`
};

// To the caller of a SessionWanted. Zero or more of kWaiting/kQueued, then exactly one final answer (unless withdrawn).
struct Answer {
  RequestId request{};
  SessionId session;
  Outcome outcome = Outcome::kWaiting;
  NodeId node = kNoNode;
  Epoch epoch{};
  std::uint32_t position = 0;
  Refusal refusal = Refusal::kNone;
  EndReason reason = EndReason::kNone;  // of the last failed attempt, or of the loss
  template <class A>
  void archive(A& a) {
    a(request, session, outcome, node, epoch, position, refusal, reason);
  }
};

// Send StoreHint to who should look now: `node`, or every router that serves people when kNoNode.
struct HintPeer {
  NodeId node = kNoNode;
  template <class A>
  void archive(A& a) {
    a(node);
  }
};

struct DecisionMade {
  DecisionRecord record;
  template <class A>
  void archive(A& a) {
    a(record);
  }
};

// How this core sees a node; for logs, status pages, and the proxy's list of peers.
enum class NodeView : std::uint8_t { kUp = 0, kSuspect, kLeaseExpired, kDead, kLeft };
struct NodeChanged {
  NodeId node{};
  Incarnation incarnation{};
  NodeView view = NodeView::kUp;
  NodeAdmin admin = NodeAdmin::kReady;
  template <class A>
  void archive(A& a) {
    a(node, incarnation, view, admin);
  }
};

// This node's own standing: may it order starts? False: lease at risk, store away, or timeline change.
struct StandingChanged {
  bool orders = false;
  Refusal why = Refusal::kNone;
  template <class A>
  void archive(A& a) {
    a(orders, why);
  }
};

// A node's lease expired: ask its launcher, which outlives the router, one signed question. "Router down, sessions
// alive" holds back the declaration of death; silence does not.
struct AskAlive {
  NodeId node{};
  Incarnation incarnation{};
  template <class A>
  void archive(A& a) {
    a(node, incarnation);
  }
};

using Effect = std::variant<ReadSince, CompareAndSet, StartSession, KillSession, FreezeSession, ThawSession, LeaseUntil,
                            RouteChanged, RouteDropped, Answer, HintPeer, DecisionMade, NodeChanged, StandingChanged,
                            AskAlive, SuspendSession, AskActivity>;

std::string_view to_string(NodeView view);
std::string_view to_string(Outcome outcome);

}  // namespace homing::core
