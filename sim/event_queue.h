// SPDX-License-Identifier: Apache-2.0
//
// EventQueue: what happens next in a simulated world.
//
// A 4-ary heap in one vector. An entry is a 16-byte key (time in ns, then priority and sequence packed into one word)
// and a small payload; with a payload of 8 bytes an entry is 24 bytes, and the four children of an entry share two
// cache lines where a binary heap touches a new one a level. Popping sinks the hole to the bottom and lifts the last
// entry from there, which saves the comparison with an entry that nearly always belongs to the bottom anyway.
//
// Order: earlier time first; at the same time lower priority number first; then first pushed first. So the order of
// events is a function of the calls alone, never of addresses or of the heap's shape.
//
// Nothing is ever searched or removed in the middle. Whoever schedules keeps a generation beside its subject, stores it
// in the payload, and drops a popped event whose generation is no longer current.
//
// Invariant: every entry is not after its children. Thread class: thread-compatible value; a copy goes on identically.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "router/core/check.h"

namespace homing::sim {

template <typename Payload>
class EventQueue {
  static_assert(std::is_trivially_copyable_v<Payload>, "payloads are moved as bytes: keep an index, not an object");

 public:
  struct Entry {
    std::int64_t time_ns;
    std::uint64_t order;  // priority << 56 | sequence
    Payload payload;

    unsigned priority() const { return static_cast<unsigned>(order >> kSequenceBits); }
  };

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  void reserve(std::size_t entries) { heap_.reserve(entries); }
  // Entries pushed since construction.
  std::uint64_t pushed() const { return sequence_; }

  // The next entry. REQUIRES: not empty.
  const Entry& top() const {
    CHECK(!heap_.empty());
    return heap_.front();
  }

  void push(std::int64_t time_ns, std::uint8_t priority, const Payload& payload) {
    const Entry entry{time_ns, (std::uint64_t{priority} << kSequenceBits) | sequence_, payload};
    ++sequence_;
    heap_.push_back(entry);
    lift(heap_.size() - 1, entry);
  }

  // Removes and returns the next entry. REQUIRES: not empty.
  Entry pop() {
    CHECK(!heap_.empty());
    const Entry result = heap_.front();
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) lift(sink_hole(), last);
    return result;
  }

  void clear() { heap_.clear(); }

 private:
  static constexpr unsigned kSequenceBits = 56;  // 7e16 events

  static bool before(const Entry& a, const Entry& b) {
    return a.time_ns != b.time_ns ? a.time_ns < b.time_ns : a.order < b.order;
  }

  // Moves the hole at `place` up until `entry` fits there.
  void lift(std::size_t place, const Entry& entry) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / 4;
      if (!before(entry, heap_[parent])) break;
      heap_[place] = heap_[parent];
      place = parent;
    }
    heap_[place] = entry;
  }

  // Moves the hole at the root down to a leaf along the earliest children; returns its place.
  std::size_t sink_hole() {
    const std::size_t size = heap_.size();
    std::size_t hole = 0;
    for (;;) {
      const std::size_t first = 4 * hole + 1;
      if (first >= size) return hole;
      const std::size_t end = first + 4 < size ? first + 4 : size;
      std::size_t earliest = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(heap_[child], heap_[earliest])) earliest = child;
      }
      heap_[hole] = heap_[earliest];
      hole = earliest;
    }
  }

  std::vector<Entry> heap_;
  std::uint64_t sequence_ = 0;
};

}  // namespace homing::sim
