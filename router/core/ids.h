// SPDX-License-Identifier: Apache-2.0
//
// Names of things, as types that do not mix. Dense ids (NodeId, KindId) index tables and give containers a defined
// order; wide ids (SessionId, UserId) name things for life.
// Thread class: immutable values.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <utility>

namespace homing::core {

// An integer that names one kind of thing. `Tag` keeps two kinds apart; 0 is an ordinary value unless said otherwise.
template <class Tag, class Rep>
struct StrongId {
  Rep value{};
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
  template <class H>
  friend H AbslHashValue(H h, const StrongId& id) {
    return H::combine(std::move(h), id.value);
  }
  template <class A>
  void archive(A& a) {
    a(value);
  }
};

// Dense number of a node: its place in the cluster's list of nodes, the same on every router. An address may move to
// another machine; the pair (NodeId, Incarnation) names an instance.
using NodeId = StrongId<struct NodeTag, std::uint32_t>;
inline constexpr NodeId kNoNode{std::numeric_limits<std::uint32_t>::max()};

using KindId = StrongId<struct KindTag, std::uint16_t>;

// A user as the core knows one: 64 bits derived by the driver from the user's name (net: first bytes of SHA-256; sim:
// the plan).
using UserId = StrongId<struct UserTag, std::uint64_t>;

// Names the caller of a `SessionWanted`, chosen by the driver, unique within one router's life. `Answer` carries it
// back.
using RequestId = StrongId<struct RequestTag, std::uint64_t>;

// Rises each time a session is placed again and fences the old process. 0: never placed.
using Epoch = StrongId<struct EpochTag, std::uint32_t>;

// Rises when a node joins after leaving, after being declared dead, or after its machine restarted. 0: never joined.
using Incarnation = StrongId<struct IncarnationTag, std::uint32_t>;

// Commit number of the store: each successful compare-and-set has one, greater than all before it on the same timeline.
// A row that does not exist has version 0.
using Version = StrongId<struct VersionTag, std::uint64_t>;

// Identity of the store's history. Another value means a failover or restore: versions below may repeat with other
// contents.
using Timeline = StrongId<struct TimelineTag, std::uint64_t>;

// Names one outstanding store call of one core.
using StoreToken = StrongId<struct StoreTokenTag, std::uint64_t>;

// 128 random bits, immutable for the session's life: it is in URLs and bookmarks.
struct SessionId {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  friend constexpr auto operator<=>(const SessionId&, const SessionId&) = default;
  template <class H>
  friend H AbslHashValue(H h, const SessionId& id) {
    return H::combine(std::move(h), id.hi * 0x9e3779b97f4a7c15u + id.lo);  // random bits: one step of mixing suffices
  }
  template <class A>
  void archive(A& a) {
    a(hi, lo);
  }
};

}  // namespace homing::core
