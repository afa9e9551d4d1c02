// SPDX-License-Identifier: Apache-2.0
//
// The shared record, row by row, and the contract every store keeps (memory, SQLite; PostgreSQL joins later).
//
// The store is a set of small rows, each with the version (commit number) that last wrote it. Two calls exist:
//
//   ReadSince{cursor}        -> Rows: every row whose newest version lies above the cursor, in version order, and the
//                               next cursor, below or at which no commit can still appear. A row may come twice,
//                               never not at all; of a row that changed twice only the newest value need come.
//   CompareAndSet{1..4 writes (row, expected version)} -> Won: all rows now carry one new version; or
//                               Lost: nothing was written and the current value of every named row comes back.
//   either                   -> Silent: the store did not answer; whether a write happened is unknown.
//
// A store that failed over or was restored says so with another Timeline; a call that names an older one is Lost.
//
// Invariants: a session row's (epoch) never falls on one timeline; state moves only along the arrows of SessionState.
// Thread class: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "router/core/ids.h"
#include "router/core/instant.h"

namespace homing::core {

// What the claim says about a session.
//   placed -> starting -> ready -> suspended | ended | lost;  placed, starting -> refused | lost | ended
//   placed, starting -> suspended only when a failover lost the steps between
//   suspended, lost, refused -> placed (next epoch);  ended is final.
enum class SessionState : std::uint8_t {
  kPlaced = 0,     // the node has the right to start it, and has not accepted yet
  kStarting = 1,   // the node accepted and its launcher is at work
  kReady = 2,      // the process answered; requests may flow
  kSuspended = 3,  // no process; its state is kept; wakes on its owner's request
  kEnded = 4,      // over, by its owner or by a rule
  kLost = 5,       // the process is gone by accident; starts again only on its owner's click
  kRefused = 6,    // the node would not or could not start this epoch; any core may place the next
};

// Why a session left its last state. Words for people are in decision.h's to_string.
enum class EndReason : std::uint8_t {
  kNone = 0,
  kOwner,          // its owner closed it
  kIdle,           // an idle rule
  kDrained,        // a planned stop: drain deadline, maintenance
  kProcessExited,  // the process ended by itself
  kOutOfMemory,
  kNodeDead,      // its node was declared dead
  kProcessGone,   // its node lives, its launcher knows no such process (machine restarted)
  kNodeFull,      // start refused: limits of the node
  kStartFailed,   // the command failed
  kStartTimeout,  // it did not answer in time
  kNotAccepted,   // the node did not accept in time
  kLauncherAway,  // start refused: the node's launcher does not answer
  kFenced,        // another epoch took over
};

enum class NodeLife : std::uint8_t { kUp = 0, kLeft = 1, kDead = 2 };
enum class NodeAdmin : std::uint8_t { kReady = 0, kDrain = 1, kMaintenance = 2 };

// What a node last said of itself. Loads are thousandths (load average 1.25 -> 1250); memory in bytes.
struct NodeLoad {
  std::uint32_t load1_milli = 0;
  std::uint32_t load5_milli = 0;
  std::uint32_t load15_milli = 0;
  std::uint32_t cores_milli = 1000;
  std::uint64_t memory_total = 0;
  std::uint64_t memory_available = 0;
  // Sessions whose newest row, up to and including version `counted`, names this node and holds a place (placed,
  // starting, ready).
  std::uint32_t sessions = 0;
  Version counted{};
  friend bool operator==(const NodeLoad&, const NodeLoad&) = default;
  template <class A>
  void archive(A& a) {
    a(load1_milli, load5_milli, load15_milli, cores_milli, memory_total, memory_available, sessions, counted);
  }
};

// One row a node: its lease, its word about itself, and what operators ask of it. Key: node.
struct NodeRow {
  NodeId node{};
  Incarnation incarnation{};
  std::uint32_t generation = 0;  // rises when a router restarts or upgrades beside a living launcher
  std::uint64_t lease = 0;       // counter; any change is a renewal
  NodeLife life = NodeLife::kUp;
  NodeAdmin admin = NodeAdmin::kReady;
  NodeId declared_by = kNoNode;    // who won the declaration of death
  std::uint64_t labels = 0;        // bit set of label numbers
  std::uint32_t weight = 100;      // capacity weight, 1..65535; 100 is one unit
  std::uint32_t max_sessions = 0;  // 0: no limit
  std::uint64_t machine = 0;       // names the machine's current boot; another value: its sessions are gone
  NodeLoad load;
  friend bool operator==(const NodeRow&, const NodeRow&) = default;
  template <class A>
  void archive(A& a) {
    a(node, incarnation, generation, lease, life, admin, declared_by, labels, weight, max_sessions, machine, load);
  }
};

// The claim. Key: session.
struct SessionRow {
  SessionId session;
  UserId user{};
  KindId kind{};
  SessionState state = SessionState::kPlaced;
  EndReason reason = EndReason::kNone;
  Epoch epoch{};
  NodeId node = kNoNode;           // the holder, or the last one
  Incarnation incarnation{};       // of the holder when it was placed
  NodeId previous_node = kNoNode;  // holder of the epoch before this one
  // Version at which this epoch was placed; 0 in the placing write itself, meaning "the version of this write".
  Version claimed{};
  Duration timeout{};        // how long this start may take; once it is over, how long the next may
  std::uint8_t attempt = 0;  // placements tried for this wish, 1 for the first
  friend bool operator==(const SessionRow&, const SessionRow&) = default;
  template <class A>
  void archive(A& a) {
    a(session, user, kind, state, reason, epoch, node, incarnation, previous_node, claimed, timeout, attempt);
  }
};

// Live sessions of a user; part of each claim's and end's compare-and-set, so that the per-user limit holds
// cluster-wide. Key: user.
struct UserRow {
  UserId user{};
  std::uint32_t live = 0;
  friend bool operator==(const UserRow&, const UserRow&) = default;
  template <class A>
  void archive(A& a) {
    a(user, live);
  }
};

// A waiting placement. Key: session. Order of the queue: `ticket`, or the row's own version while ticket is 0.
struct QueueRow {
  SessionId session;
  UserId user{};
  KindId kind{};
  Version ticket{};         // version of the write that joined the queue; 0 in that write itself
  std::uint64_t asked = 0;  // counter; rises while somebody still waits for it
  bool waiting = true;      // false: left or served (a tombstone)
  friend bool operator==(const QueueRow&, const QueueRow&) = default;
  template <class A>
  void archive(A& a) {
    a(session, user, kind, ticket, asked, waiting);
  }
};

using Row = std::variant<NodeRow, SessionRow, UserRow, QueueRow>;

enum class RowKind : std::uint8_t { kNode = 0, kSession = 1, kUser = 2, kQueue = 3 };

struct RowKey {
  RowKind kind = RowKind::kNode;
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;
  template <class H>
  friend H AbslHashValue(H h, const RowKey& k) {
    // Session and user ids are random bits: one step of mixing suffices.
    return H::combine(std::move(h), (k.hi + static_cast<std::uint64_t>(k.kind)) * 0x9e3779b97f4a7c15u + k.lo);
  }
  template <class A>
  void archive(A& a) {
    a(kind, hi, lo);
  }
};

RowKey key_of(const Row& row);

struct VersionedRow {
  Row row;
  Version version{};  // 0: the row does not exist (only in a Lost answer; `row` then holds just its key)
  friend bool operator==(const VersionedRow&, const VersionedRow&) = default;
  template <class A>
  void archive(A& a) {
    a(row, version);
  }
};

struct RowWrite {
  Row row;
  Version expected{};  // 0: must not exist yet
  friend bool operator==(const RowWrite&, const RowWrite&) = default;
  template <class A>
  void archive(A& a) {
    a(row, expected);
  }
};

inline constexpr int kMaxWrites = 4;

// Store calls (effects) and answers (events).
struct ReadSince {
  StoreToken token{};
  Timeline timeline{};  // 0: any; if it differs from the store's, the store answers from the beginning
  Version cursor{};
  template <class A>
  void archive(A& a) {
    a(token, timeline, cursor);
  }
};

struct CompareAndSet {
  StoreToken token{};
  Timeline timeline{};
  std::vector<RowWrite> writes;  // 1..kMaxWrites, keys distinct
  template <class A>
  void archive(A& a) {
    a(token, timeline, writes);
  }
};

struct Rows {
  StoreToken token{};
  Timeline timeline{};
  Version cursor{};
  bool complete = true;  // false: the store cut the answer at its maximum; read again from `cursor`
  std::vector<VersionedRow> rows;
  template <class A>
  void archive(A& a) {
    a(token, timeline, cursor, complete, rows);
  }
};

struct Won {
  StoreToken token{};
  Version version{};
  template <class A>
  void archive(A& a) {
    a(token, version);
  }
};

struct Lost {
  StoreToken token{};
  Timeline timeline{};
  std::vector<VersionedRow> current;
  template <class A>
  void archive(A& a) {
    a(token, timeline, current);
  }
};

struct Silent {
  StoreToken token{};
  template <class A>
  void archive(A& a) {
    a(token);
  }
};

}  // namespace homing::core
