// SPDX-License-Identifier: Apache-2.0
//
// Everything a core can be told. Events are reports of what happened, never orders; late, duplicate and reordered ones
// are legal and stale numbers are dropped. With the instant of their arrival they are the trace of a router.
// Thread class: plain values.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "router/core/config.h"
#include "router/core/decision.h"
#include "router/core/ids.h"
#include "router/core/rows.h"

namespace homing::core {

// First event of a router's life. `machine` names the current boot of the machine (and of its launcher's session set):
// when the store's row shows another, every session the row's incarnation held is gone.
struct Boot {
  std::uint64_t machine = 0;
  std::uint64_t labels = 0;
  std::uint32_t weight = 100;
  std::uint32_t max_sessions = 0;
  std::uint32_t start_slots = 0;  // starts and suspends this node runs at once, the rest wait in its order; 0: no limit
  template <class A>
  void archive(A& a) {
    a(machine, labels, weight, max_sessions, start_slots);
  }
};

// What this node measured of itself; `sessions` and `counted` are filled in by the core. Sent before a heartbeat is due
// or whenever figures are at hand.
struct LoadMeasured {
  NodeLoad load;
  template <class A>
  void archive(A& a) {
    a(load);
  }
};

// How far a request may go for a session.
enum class Intent : std::uint8_t {
  kReach = 0,    // go to it if it runs or is starting; wake nothing (polls, reconnects)
  kWake = 1,     // also resume it when suspended (page navigation)
  kStart = 2,    // also create it when new (its id was made a moment ago)
  kRestart = 3,  // the owner's click: also start again what was lost or refused
};

struct SessionWanted {
  RequestId request{};
  SessionId session;
  UserId user{};
  KindId kind{};
  Intent intent = Intent::kReach;
  template <class A>
  void archive(A& a) {
    a(request, session, user, kind, intent);
  }
};

// The caller of `request` went away; its answer is not needed.
struct WantWithdrawn {
  RequestId request{};
  template <class A>
  void archive(A& a) {
    a(request);
  }
};

// Owner (kOwner), idle rule (kIdle) or operator (kDrained) ends a session. Any router may be told.
struct EndWanted {
  SessionId session;
  EndReason reason = EndReason::kOwner;
  template <class A>
  void archive(A& a) {
    a(session, reason);
  }
};

struct ProcessInfo {
  SessionId session;
  Epoch epoch{};
  bool answers = true;  // it was ready when last seen
  template <class A>
  void archive(A& a) {
    a(session, epoch, answers);
  }
};

// The launcher answers again and lists every process it has: facts against which claims are reconciled.
struct LauncherUp {
  std::vector<ProcessInfo> processes;
  template <class A>
  void archive(A& a) {
    a(processes);
  }
};
struct LauncherDown {
  template <class A>
  void archive(A&) {}
};

// The launcher on one order or process of this node.
struct SessionStarted {
  SessionId session;
  Epoch epoch{};
  template <class A>
  void archive(A& a) {
    a(session, epoch);
  }
};
struct SessionFailed {
  SessionId session;
  Epoch epoch{};
  EndReason reason = EndReason::kStartFailed;
  template <class A>
  void archive(A& a) {
    a(session, epoch, reason);
  }
};
struct SessionExited {
  SessionId session;
  Epoch epoch{};
  EndReason reason = EndReason::kProcessExited;
  template <class A>
  void archive(A& a) {
    a(session, epoch, reason);
  }
};

// The launcher on SuspendSession. `saved`: the process left its state behind and is gone; else it goes on as before.
struct SessionSuspended {
  SessionId session;
  Epoch epoch{};
  bool saved = true;
  template <class A>
  void archive(A& a) {
    a(session, epoch, saved);
  }
};

// Answer to AskActivity: when somebody last used this session, or its process last computed for somebody; now, if it
// does so at the moment. Asked for when an idle rule would fire, so there is no event a request.
struct ActivitySeen {
  SessionId session;
  Epoch epoch{};
  Instant last{};
  template <class A>
  void archive(A& a) {
    a(session, epoch, last);
  }
};

// Somebody says the store has news: read now rather than at the next heartbeat. Never believed otherwise.
struct StoreHint {
  template <class A>
  void archive(A&) {}
};

// An operator's wish for a node (this one or another).
struct AdminWanted {
  NodeId node{};
  NodeAdmin admin = NodeAdmin::kReady;
  template <class A>
  void archive(A& a) {
    a(node, admin);
  }
};

// Clean leave of this node: its row says kLeft, it orders nothing more.
struct LeaveWanted {
  template <class A>
  void archive(A&) {}
};

// Requests to one node since the last summary, counted by the driver and merged in worker order.
struct TrafficSummary {
  NodeId node{};
  Instant from{};
  Instant to{};
  std::uint64_t ok = 0;
  std::uint64_t connect_failed = 0;
  std::uint64_t cut = 0;
  std::uint32_t in_flight = 0;
  template <class A>
  void archive(A& a) {
    a(node, from, to, ok, connect_failed, cut, in_flight);
  }
};

// The launcher of that instance answered AskAlive: its router is down, its sessions live. Counts for a few heartbeats.
struct StillAlive {
  NodeId node{};
  Incarnation incarnation{};
  template <class A>
  void archive(A& a) {
    a(node, incarnation);
  }
};

// An operator's word for one placement: this epoch of the session goes to this node, if the strategy could have chosen
// it (it is eligible, not excluded, and fits); otherwise the strategy decides. Told to the router that places.
// Forgotten when that epoch or a later one is there.
struct PlaceWanted {
  SessionId session;
  Epoch epoch{};
  NodeId node = kNoNode;
  template <class A>
  void archive(A& a) {
    a(session, epoch, node);
  }
};

struct ConfigChanged {
  Config config;
  template <class A>
  void archive(A& a) {
    a(config);
  }
};

using Event =
    std::variant<Boot, LoadMeasured, SessionWanted, WantWithdrawn, EndWanted, LauncherUp, LauncherDown, SessionStarted,
                 SessionFailed, SessionExited, StoreHint, AdminWanted, LeaveWanted, TrafficSummary, ConfigChanged, Rows,
                 Won, Lost, Silent, StillAlive, PlaceWanted, SessionSuspended, ActivitySeen>;

}  // namespace homing::core
