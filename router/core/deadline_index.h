// SPDX-License-Identifier: Apache-2.0
//
// What a core must do by itself, and when: an ordered index of deadlines. The driver keeps one timer for next(); when
// it fires the core pops what is due. Every deadline has a name (what for, about whom), so that arming it again moves
// it and nothing needs a handle or a cancelled flag.
//
// Invariants: a key is armed at most once. Deadlines come out by (instant, purpose, hi, lo), whatever the order in
// which they were armed, so that two cores with the same deadlines act in the same order. The hash map is only looked
// into, never walked. A copy goes on identically.
// Cost: O(log n) each; about 100 bytes a deadline.
// Thread class: thread-compatible.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "router/core/archive.h"
#include "router/core/ids.h"
#include "router/core/instant.h"

namespace homing::core {

// What a deadline is for (a small enumeration of its user's) and about whom (up to 128 bits; zero where not needed).
struct DeadlineKey {
  std::uint8_t purpose = 0;
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;
  friend constexpr auto operator<=>(const DeadlineKey&, const DeadlineKey&) = default;
  template <class H>
  friend H AbslHashValue(H h, const DeadlineKey& key) {
    return H::combine(std::move(h), key.purpose, key.hi, key.lo);
  }
  template <class A>
  void archive(A& a) {
    a(purpose, hi, lo);
  }
};

// Makes the key of a user's own enumeration: deadline_key(Due::kHeartbeat), deadline_key(Due::kStart, session).
template <class Purpose>
constexpr DeadlineKey deadline_key(Purpose purpose, std::uint64_t hi = 0, std::uint64_t lo = 0) {
  return {static_cast<std::uint8_t>(purpose), hi, lo};
}
template <class Purpose>
constexpr DeadlineKey deadline_key(Purpose purpose, const SessionId& id) {
  return {static_cast<std::uint8_t>(purpose), id.hi, id.lo};
}
template <class Purpose>
constexpr DeadlineKey deadline_key(Purpose purpose, NodeId id) {
  return {static_cast<std::uint8_t>(purpose), 0, id.value};
}

class DeadlineIndex {
 public:
  // Sets or moves the deadline of `key`; kNever disarms it.
  void arm(const DeadlineKey& key, Instant at) {
    if (at == kNever) {
      disarm(key);
      return;
    }
    const auto [it, fresh] = at_.try_emplace(key, at);
    if (!fresh) {
      if (it->second == at) return;
      ordered_.erase({it->second, key});
      it->second = at;
    }
    ordered_.insert({at, key});
  }

  // Returns whether it was armed.
  bool disarm(const DeadlineKey& key) {
    const auto it = at_.find(key);
    if (it == at_.end()) return false;
    ordered_.erase({it->second, key});
    at_.erase(it);
    return true;
  }

  // The earliest deadline; kNever when none is armed.
  Instant next() const { return ordered_.empty() ? kNever : ordered_.begin()->first; }

  // When `key` is due; kNever when it is not armed.
  Instant due(const DeadlineKey& key) const {
    const auto it = at_.find(key);
    return it == at_.end() ? kNever : it->second;
  }

  // Disarms and returns the first deadline at or before `now`.
  std::optional<DeadlineKey> pop_due(Instant now) {
    if (next() > now || ordered_.empty()) return std::nullopt;
    const DeadlineKey key = ordered_.begin()->second;
    ordered_.erase(ordered_.begin());
    at_.erase(key);
    return key;
  }

  std::size_t size() const { return at_.size(); }
  bool empty() const { return at_.empty(); }
  void clear() {
    ordered_.clear();
    at_.clear();
  }

  // Writer and Hasher see the deadlines in their order; Reader replaces what is here.
  template <class A>
  void archive(A& a) {
    if constexpr (std::is_same_v<A, Reader>) {
      std::vector<Entry> entries;
      a(entries);
      clear();
      for (const auto& [at, key] : entries) arm(key, at);
    } else {
      a(std::vector<Entry>(ordered_.begin(), ordered_.end()));
    }
  }

 private:
  using Entry = std::pair<Instant, DeadlineKey>;
  absl::btree_set<Entry> ordered_;
  absl::flat_hash_map<DeadlineKey, Instant> at_;
};

}  // namespace homing::core
