// SPDX-License-Identifier: Apache-2.0
//
// EventQueue: what happens next in a simulated world.
//
// A 4-ary heap in one vector. An entry is a 16-byte key (time in ns, then priority and sequence packed into one word)
// and a small payload; with a payload of 8 bytes an entry is 24 bytes. Popping sinks the hole to the bottom and lifts
// the last entry from there, which saves the comparison with an entry that nearly always belongs to the bottom anyway.
// Three things make it quicker than a binary heap (a pop and a push cost 0.7 to 0.9 of std::priority_queue at 100,
// 10,000 and a million entries): half the levels, comparisons without branches, and the sixteen grandchildren fetched
// while their parents are compared; without the last it is slower than std at a million.
//
// Events that are pushed one after the other for one instant and priority (a heartbeat's write and read, a hint to
// every router) are neighbours whatever else is pushed later, so they share one entry: a run. Only its first costs the
// heap anything; in a cluster that is every second event.
//
// What lies more than a few seconds ahead (the end of a visit, a start's deadline) waits in a bucket of its four
// seconds and enters the heap when these come: appending costs nothing, and the heap stays as small as what is about to
// happen, which fits the nearest cache.
//
// Order: earlier time first; at the same time lower priority number first; then first pushed first. So the order of
// events is a function of the calls alone, never of addresses or of the heap's shape.
//
// Nothing is ever searched or removed in the middle. Whoever schedules keeps a generation beside its subject, stores it
// in the payload, and drops a popped event whose generation is no longer current.
//
// Invariants: every entry is not after its children; nothing in a bucket is due before near_end_ns_, and unless all is
// empty the heap's first is before it, or no bucket holds anything. Thread class: thread-compatible value; a copy goes
// on identically.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
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
    std::uint64_t order;  // priority << 62 | sequence << 22 | run, 0: none
    Payload payload;

    unsigned priority() const { return static_cast<unsigned>(order >> (kSequenceBits + kRunBits)); }
  };

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return size_; }
  void reserve(std::size_t entries) { heap_.reserve(entries); }
  // Entries pushed since construction.
  std::uint64_t pushed() const { return pushed_; }

  // The next entry. REQUIRES: not empty.
  const Entry& top() const {
    CHECK(!heap_.empty());
    return heap_.front();
  }

  // REQUIRES: priority < 4.
  void push(std::int64_t time_ns, std::uint8_t priority, const Payload& payload) {
    ++size_;
    ++pushed_;
    if (last_open_ && time_ns == last_time_ns_ && priority == last_priority_ && join_run(payload)) return;
    CHECK(sequence_ < std::uint64_t{1} << kSequenceBits && priority < 4);
    const std::uint64_t order = (std::uint64_t{priority} << kSequenceBits | sequence_) << kRunBits;
    ++sequence_;
    const Entry entry{time_ns, order, payload};
    if (time_ns >= near_end_ns_ && put_in_bucket(entry)) {
      last_open_ = false;
      refill_if_due();
      return;
    }
    heap_.push_back(entry);
    last_place_ = lift(heap_.size() - 1, entry);
    last_open_ = true;
    last_run_ = 0;
    last_time_ns_ = time_ns;
    last_priority_ = priority;
  }

  // Removes and returns the next entry. REQUIRES: not empty.
  Entry pop() {
    CHECK(!heap_.empty());
    --size_;
    const Entry result = heap_.front();
    if (const auto number = static_cast<std::uint32_t>(result.order & kRunMask); number != 0) {
      Run& run = runs_[number];
      if (run.next < run.payloads.size()) {  // the entry stays where it is, for the next of its run
        heap_.front().payload = run.payloads[run.next++];
        return result;
      }
      run.payloads.clear();
      run.next = 0;
      free_runs_.push_back(number);
      if (last_run_ == number) last_open_ = false;
    }
    if (last_run_ == 0) last_open_ = false;  // its place is no longer known
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) lift(sink_hole(), last);
    refill_if_due();
    return result;
  }

  void clear() { *this = EventQueue(); }

 private:
  static constexpr unsigned kSequenceBits = 40;  // 1e12 entries
  static constexpr unsigned kRunBits = 22;       // 4e6 runs at a time
  static constexpr std::uint64_t kRunMask = (std::uint64_t{1} << kRunBits) - 1;

  // What follows the first of a run.
  struct Run {
    std::vector<Payload> payloads;
    std::size_t next = 0;
  };

  // False when it is too far ahead for a bucket.
  bool put_in_bucket(const Entry& entry) {
    if (in_buckets_ == 0 && heap_.empty()) {  // nothing is near: begin at this entry
      near_end_ns_ = entry.time_ns - entry.time_ns % kBucketNs;
      if (near_end_ns_ > entry.time_ns) near_end_ns_ -= kBucketNs;
    }
    const auto ahead = static_cast<std::uint64_t>(entry.time_ns - near_end_ns_) / static_cast<std::uint64_t>(kBucketNs);
    if (ahead >= kMostBuckets) return false;
    if (ahead >= buckets_.size()) buckets_.resize(ahead + 1);
    std::vector<Entry>& bucket = buckets_[ahead];
    if (bucket.capacity() == 0 && !spare_.empty()) {
      bucket = std::move(spare_.back());
      spare_.pop_back();
    }
    bucket.push_back(entry);
    ++in_buckets_;
    return true;
  }

  // Moves buckets into the heap until its first is the first of all.
  void refill_if_due() {
    while (in_buckets_ > 0 && (heap_.empty() || heap_.front().time_ns >= near_end_ns_)) {
      for (const Entry& entry : buckets_.front()) {
        heap_.push_back(entry);
        lift(heap_.size() - 1, entry);
      }
      if (last_run_ == 0) last_open_ = false;  // its place is no longer known
      in_buckets_ -= buckets_.front().size();
      if (buckets_.front().capacity() > 0 && spare_.size() < kMostSpare) {
        spare_.push_back(std::move(buckets_.front()));
        spare_.back().clear();
      }
      buckets_.pop_front();
      near_end_ns_ += kBucketNs;
    }
  }

  // Appends to the run of the entry pushed last. False when there are as many runs as there can be.
  bool join_run(const Payload& payload) {
    if (last_run_ == 0) {
      if (free_runs_.empty()) {
        if (runs_.size() > kRunMask) return false;
        if (runs_.empty()) runs_.emplace_back();  // number 0 means none
        free_runs_.push_back(static_cast<std::uint32_t>(runs_.size()));
        runs_.emplace_back();
      }
      last_run_ = free_runs_.back();
      free_runs_.pop_back();
      heap_[last_place_].order |= last_run_;
    }
    runs_[last_run_].payloads.push_back(payload);
    return true;
  }

  __extension__ using Wide = __int128;

  // One comparison of 128 bits: no branch to mispredict.
  static bool before(const Entry& a, const Entry& b) { return wide(a) < wide(b); }
  static Wide wide(const Entry& entry) {
    return static_cast<Wide>(entry.time_ns) * (static_cast<Wide>(1) << 64) + static_cast<Wide>(entry.order);
  }

  // Moves the hole at `place` up until `entry` fits there; returns where that is.
  std::size_t lift(std::size_t place, const Entry& entry) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / 4;
      if (!before(entry, heap_[parent])) break;
      heap_[place] = heap_[parent];
      place = parent;
    }
    heap_[place] = entry;
    return place;
  }

  // Moves the hole at the root down to a leaf along the earliest children; returns its place.
  std::size_t sink_hole() {
    const std::size_t size = heap_.size();
    std::size_t hole = 0;
    for (;;) {
      const std::size_t first = 4 * hole + 1;
      if (first >= size) return hole;
      const std::size_t earliest = first + 4 <= size ? earliest_of_four(first) : earliest_of_rest(first, size);
      heap_[hole] = heap_[earliest];
      hole = earliest;
    }
  }

  std::size_t earliest_of_four(std::size_t first) const {
    const Entry* const entries = heap_.data();
    // All sixteen grandchildren lie side by side: ask for them while the children are compared.
    if (4 * first + 17 <= heap_.size()) {
      const char* const grandchildren = reinterpret_cast<const char*>(entries + 4 * first + 1);
      for (std::size_t offset = 0; offset < 16 * sizeof(Entry); offset += 64)
        __builtin_prefetch(grandchildren + offset);
    }
    const std::size_t left = first + (before(entries[first + 1], entries[first]) ? 1 : 0);
    const std::size_t right = first + 2 + (before(entries[first + 3], entries[first + 2]) ? 1 : 0);
    return before(entries[right], entries[left]) ? right : left;
  }

  std::size_t earliest_of_rest(std::size_t first, std::size_t end) const {
    std::size_t earliest = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(heap_[child], heap_[earliest])) earliest = child;
    }
    return earliest;
  }

  std::vector<Entry> heap_;
  static constexpr std::int64_t kBucketNs = std::int64_t{1} << 32;
  static constexpr std::uint64_t kMostBuckets = std::uint64_t{1} << 16;  // three days
  static constexpr std::size_t kMostSpare = 64;
  std::deque<std::vector<Entry>> buckets_;  // the first begins at near_end_ns_
  std::vector<std::vector<Entry>> spare_;   // empty ones, whose room is used again
  std::int64_t near_end_ns_ = std::numeric_limits<std::int64_t>::min();
  std::size_t in_buckets_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t pushed_ = 0;
  std::size_t size_ = 0;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> free_runs_;
  // The entry pushed last, while another may join it: its run, or, while it has none, its place in the heap.
  bool last_open_ = false;
  std::uint8_t last_priority_ = 0;
  std::int64_t last_time_ns_ = 0;
  std::size_t last_place_ = 0;
  std::uint32_t last_run_ = 0;
};

}  // namespace homing::sim
