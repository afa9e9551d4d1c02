// SPDX-License-Identifier: Apache-2.0
//
// What a core must do by itself, and when: an ordered index of deadlines. The driver keeps one timer for next(); when
// it fires the core pops what is due. Every deadline has a name (what for, about whom), so that arming it again moves
// it and nothing needs a handle or a cancelled flag.
//
// A purpose that is about nobody in particular (the heartbeat, the own lease) is moved several times a heartbeat, so
// those few lie in a table by purpose; the others are in the ordered set.
//
// Invariants: a key is armed at most once. Deadlines come out by (instant, purpose, hi, lo), whatever the order in
// which they were armed, so that two cores with the same deadlines act in the same order. The hash map is only looked
// into, never walked. A copy goes on identically.
// Cost: O(log n) each; about 100 bytes a deadline.
// Thread class: thread-compatible.
#pragma once

#include <algorithm>
#include <array>
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
    return H::combine(std::move(h), (key.hi + key.purpose) * 0x9e3779b97f4a7c15u + key.lo);
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
    if (is_single(key)) {
      set_single(key.purpose, at);
      return;
    }
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
    if (is_single(key)) {
      const bool armed = singles_[key.purpose] != kNever;
      set_single(key.purpose, kNever);
      return armed;
    }
    const auto it = at_.find(key);
    if (it == at_.end()) return false;
    ordered_.erase({it->second, key});
    at_.erase(it);
    return true;
  }

  // The earliest deadline; kNever when none is armed.
  Instant next() const {
    const Instant single = singles_[first_single_];
    return ordered_.empty() || single < ordered_.begin()->first ? single : ordered_.begin()->first;
  }

  // When `key` is due; kNever when it is not armed.
  Instant due(const DeadlineKey& key) const {
    if (is_single(key)) return singles_[key.purpose];
    const auto it = at_.find(key);
    return it == at_.end() ? kNever : it->second;
  }

  // Disarms and returns the first deadline at or before `now`.
  std::optional<DeadlineKey> pop_due(Instant now) {
    const Instant first = next();
    if (first > now || first == kNever) return std::nullopt;
    const DeadlineKey single{first_single_, 0, 0};
    if (singles_[first_single_] == first && (ordered_.empty() || Entry{first, single} < *ordered_.begin())) {
      set_single(first_single_, kNever);
      return single;
    }
    const DeadlineKey key = ordered_.begin()->second;
    ordered_.erase(ordered_.begin());
    at_.erase(key);
    return key;
  }

  std::size_t size() const { return at_.size() + armed_singles_; }
  bool empty() const { return size() == 0; }
  void clear() {
    singles_.fill(kNever);
    first_single_ = 0;
    armed_singles_ = 0;
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
      std::vector<Entry> entries(ordered_.begin(), ordered_.end());
      for (std::uint8_t purpose = 0; purpose < kSingles; ++purpose) {
        if (singles_[purpose] != kNever) entries.push_back({singles_[purpose], {purpose, 0, 0}});
      }
      std::sort(entries.begin(), entries.end());
      a(entries);
    }
  }

 private:
  using Entry = std::pair<Instant, DeadlineKey>;
  static constexpr std::uint8_t kSingles = 16;

  static bool is_single(const DeadlineKey& key) { return key.hi == 0 && key.lo == 0 && key.purpose < kSingles; }
  static std::array<Instant, kSingles> none() {
    std::array<Instant, kSingles> all{};
    all.fill(kNever);
    return all;
  }
  void set_single(std::uint8_t purpose, Instant at) {
    const Instant before = std::exchange(singles_[purpose], at);
    if (before == at) return;
    armed_singles_ += (at != kNever ? 1u : 0u) - (before != kNever ? 1u : 0u);
    // The least purpose wins a tie, as in the set.
    if (at < singles_[first_single_] || (at == singles_[first_single_] && purpose < first_single_)) {
      first_single_ = purpose;
    } else if (purpose == first_single_) {
      for (std::uint8_t i = 0; i < kSingles; ++i) {
        if (singles_[i] < singles_[first_single_] || (singles_[i] == singles_[first_single_] && i < first_single_)) {
          first_single_ = i;
        }
      }
    }
  }

  std::array<Instant, kSingles> singles_ = none();
  std::uint8_t first_single_ = 0;
  std::uint32_t armed_singles_ = 0;
  absl::btree_set<Entry> ordered_;
  absl::flat_hash_map<DeadlineKey, Instant> at_;
};

}  // namespace homing::core
