// SPDX-License-Identifier: Apache-2.0
//
// Why this node: what is kept of a placement decision. O(1) in size; the full table of scores is recomputed by replay.
// Also the words for every reason the core can give, so that log, command line and simulator say the same.
// Thread class: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "router/core/ids.h"
#include "router/core/instant.h"
#include "router/core/rows.h"

namespace homing::core {

// Why a node was not considered in a placement. A node is counted under the first that holds.
enum class NodeRefusal : std::uint8_t {
  kNotUp = 0,  // left or declared dead
  kSuspect,    // heartbeat older than `suspect`
  kAdmin,      // drain or maintenance
  kLabels,     // lacks a label of the kind
  kFull,       // max_sessions reached
  kMemory,     // expected memory does not fit
  kExcluded,   // refused or failed this session a moment ago
};
inline constexpr int kNodeRefusals = 7;

// Why a person is told no (or: not yet).
enum class Refusal : std::uint8_t {
  kNone = 0,
  kUnknownSession,  // no such session in the store
  kNotOwner,        // belongs to somebody else
  kEnded,           // it is over
  kLost,            // gone by accident; its owner must click to start it again
  kSuspended,       // asleep, and this request may not wake it
  kUserLimit,       // the user's sessions are at the maximum
  kNoNode,          // no node of the cluster could ever run this kind
  kQueueFull,
  kStartFailed,   // placed max_attempts times without success
  kStoreAway,     // the store does not answer; nothing new can start
  kLeaseExpired,  // this node may not order anything at the moment
  kOverloaded,    // a maximum of this router is reached
  kUnknownKind,
  kTimelineChange,  // the store failed over a moment ago; starts wait one lease time
};

inline constexpr int kMaxCandidates = 8;

struct Candidate {
  NodeId node = kNoNode;
  std::uint64_t score = 0;  // lower is better; the unit is the strategy's
  friend bool operator==(const Candidate&, const Candidate&) = default;
  template <class A>
  void archive(A& a) {
    a(node, score);
  }
};

struct DecisionRecord {
  SessionId session;
  UserId user{};
  KindId kind{};
  Epoch epoch{};
  std::uint8_t attempt = 0;
  NodeId chosen = kNoNode;
  NodeId runner_up = kNoNode;
  std::uint64_t score_gap = 0;  // runner-up's score - chosen's; 0 when the strategy does not rank
  std::uint8_t candidate_count = 0;
  std::array<Candidate, kMaxCandidates> candidates{};  // best first, `candidate_count` of them
  std::uint32_t eligible = 0;
  std::array<std::uint32_t, kNodeRefusals> refused{};  // by NodeRefusal
  Version view{};                                      // store version the load view was built from
  Duration view_age{};                                 // since the oldest report among the candidates was received
  template <class A>
  void archive(A& a) {
    a(session, user, kind, epoch, attempt, chosen, runner_up, score_gap, candidate_count, candidates, eligible, refused,
      view, view_age);
  }
};

std::string_view to_string(SessionState state);
std::string_view to_string(EndReason reason);
std::string_view to_string(NodeLife life);
std::string_view to_string(NodeAdmin admin);
std::string_view to_string(NodeRefusal refusal);
std::string_view to_string(Refusal refusal);

}  // namespace homing::core
