// SPDX-License-Identifier: Apache-2.0
//
// The store calls under way, by token. Nearly always one or two, made and answered once a heartbeat or a placement; a
// storm has thousands.
//
// A call is a few hundred bytes: it lies in a slot that is used again, and what is kept in order and moved is a token
// and a number. Tokens rise, so a new one goes to the end and the oldest is usually the next to be answered.
//
// Invariants: in the order of tokens; a slot is in `order_` or free. Thread class: value; single-owner.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "router/core/archive.h"
#include "router/core/ids.h"

namespace homing::core {

template <class Call>
class CallTable {
 public:
  // REQUIRES: the token is above all that are under way.
  void add(StoreToken token, Call&& call) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.push_back(std::move(call));
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot] = std::move(call);
    }
    order_.push_back({token, slot});
  }

  // The call, which is no longer under way: read it before the next add(). Nothing: nobody waits for this answer.
  Call* take(StoreToken token) {
    const auto found = std::lower_bound(order_.begin(), order_.end(), token,
                                        [](const Place& place, StoreToken t) { return place.token < t; });
    if (found == order_.end() || found->token != token) return nullptr;
    Call* const call = &slots_[found->slot];
    free_.push_back(found->slot);
    order_.erase(found);
    return call;
  }

  template <class F>
  std::size_t count_if(F&& holds) const {
    return static_cast<std::size_t>(
        std::count_if(order_.begin(), order_.end(), [&](const Place& place) { return holds(slots_[place.slot]); }));
  }
  template <class F>
  bool any_of(F&& holds) const {
    return std::any_of(order_.begin(), order_.end(), [&](const Place& place) { return holds(slots_[place.slot]); });
  }
  template <class F>
  void for_each(F&& act) const {
    for (const Place& place : order_) act(slots_[place.slot]);
  }

  // As a vector of pairs, in order.
  void save(Writer& w) const {
    w(static_cast<std::uint64_t>(order_.size()));
    for (const Place& place : order_) w(place.token, slots_[place.slot]);
  }
  void load(Reader& r) {
    std::vector<std::pair<StoreToken, Call>> calls;
    r(calls);
    *this = {};
    for (auto& [token, call] : calls) add(token, std::move(call));
  }

 private:
  struct Place {
    StoreToken token;
    std::uint32_t slot;
  };
  std::vector<Place> order_;
  std::deque<Call> slots_;  // stays where it is while others are added
  std::vector<std::uint32_t> free_;
};

}  // namespace homing::core
