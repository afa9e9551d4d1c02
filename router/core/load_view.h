// SPDX-License-Identifier: Apache-2.0
//
// How many sessions a node has, as far as this core can know: the node's last report, which names the store version up
// to which it has counted, plus the claims and minus the ends of a higher version, whoever made them; plus this core's
// own claims still under way to the store.
//
// Invariants: only changes that belong to the node's current incarnation count. A change at or below `counted` is in
// the report and is dropped, so a row seen twice or late never counts twice. Order of arrival does not matter. The node
// itself keeps the same view of its own rows and folds it forward to its cursor before it reports (advance). Source:
// "least + own placements counted" never loses to stale least-loaded (Mitzenmacher, How useful is old information).
// Thread class: single-owner value.
#pragma once

#include <cstdint>
#include <vector>

#include "router/core/archive.h"
#include "router/core/ids.h"

namespace homing::core {

class LoadView {
 public:
  // A report of the node's incarnation: `sessions` as of store version `counted`.
  void report(Incarnation incarnation, std::uint32_t sessions, Version counted) {
    if (incarnation != incarnation_) {
      incarnation_ = incarnation;
      base_ = 0;
      counted_ = Version{};
    }
    if (counted < counted_) return;  // older than what we have
    base_ = sessions;
    counted_ = counted;
    drop_counted();
  }

  // A session came to (+1) or left (-1) the node in the commit `at`; `memory` is what it is expected to take.
  void change(Incarnation incarnation, Version at, int delta, std::uint64_t memory) {
    if (incarnation < incarnation_) return;
    if (incarnation == incarnation_ && at <= counted_) return;
    newer_.push_back({incarnation, at, delta, memory});
    if (incarnation == incarnation_) {
      newer_sum_ += delta;
      newer_memory_ += delta * static_cast<std::int64_t>(memory);
    }
  }

  // Own claims under way to the store: counted at once, taken back by the answer.
  void tentative(int delta, std::uint64_t memory) {
    tentative_ += delta;
    tentative_memory_ += delta * static_cast<std::int64_t>(memory);
  }

  // The node counts its own rows: everything up to `cursor` becomes the report.
  void advance(Incarnation incarnation, Version cursor) {
    if (incarnation != incarnation_) {
      incarnation_ = incarnation;
      base_ = 0;
      counted_ = Version{};
      drop_counted();
    }
    if (cursor < counted_) return;
    std::int64_t sum = base_;
    for (const Change& c : newer_) {
      if (c.incarnation == incarnation_ && c.at <= cursor) sum += c.delta;
    }
    base_ = sum < 0 ? 0 : sum;
    counted_ = cursor;
    drop_counted();
  }

  std::uint32_t sessions() const {
    const std::int64_t n = base_ + newer_sum_ + tentative_;
    return n < 0 ? 0 : static_cast<std::uint32_t>(n);
  }
  // Memory that claims since the report are expected to take beyond what the report showed as used, in bytes.
  std::uint64_t memory_pending() const {
    const std::int64_t n = newer_memory_ + tentative_memory_;
    return n < 0 ? 0 : static_cast<std::uint64_t>(n);
  }
  std::uint32_t counted_sessions() const { return static_cast<std::uint32_t>(base_); }
  Version counted() const { return counted_; }

  template <class A>
  void archive(A& a) {
    a(incarnation_, base_, counted_, newer_, newer_sum_, newer_memory_, tentative_, tentative_memory_);
  }

 private:
  struct Change {
    Incarnation incarnation;
    Version at;
    int delta = 0;
    std::uint64_t memory = 0;
    template <class A>
    void archive(A& a) {
      a(incarnation, at, delta, memory);
    }
  };

  void drop_counted() {
    std::erase_if(newer_, [this](const Change& c) {
      return c.incarnation < incarnation_ || (c.incarnation == incarnation_ && c.at <= counted_);
    });
    recount();
  }
  void recount() {
    newer_sum_ = 0;
    newer_memory_ = 0;
    for (const Change& c : newer_) {
      if (c.incarnation != incarnation_) continue;
      newer_sum_ += c.delta;
      newer_memory_ += c.delta * static_cast<std::int64_t>(c.memory);
    }
  }

  Incarnation incarnation_{};
  std::int64_t base_ = 0;
  Version counted_{};
  std::vector<Change> newer_;
  std::int64_t newer_sum_ = 0;
  std::int64_t newer_memory_ = 0;
  std::int64_t tentative_ = 0;
  std::int64_t tentative_memory_ = 0;
};

}  // namespace homing::core
