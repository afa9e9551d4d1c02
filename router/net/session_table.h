// SPDX-License-Identifier: Apache-2.0
//
// A hash table from session ids to small plain values that any number of threads read without a lock, without an
// allocation and without writing to memory; writers take a mutex.
//
// Intuition: records stay where they are for the table's life. A record that is dropped is used again for another
// session, but its memory is always a record, so a reader may look at it at any time and only has to find out whether
// what it saw is whole and is about its session. Nothing is ever given back to the allocator before the table ends:
// there is no reclamation, so readers register nowhere and announce nothing. That is why epochs, hazard pointers and
// quiescent states were not needed; values are copied out (24 bytes for a route) and may be kept.
//
//   view ──> index: 32-bit entries, open addressing, linear probing, at most 3/4 full
//              entry = number of the record + 1 in the low bits, bits of the hash in those that are left
//   view ──> chunks of 64 records; record = sequence, session, value; 64 bytes for a route, one cache line
//
// A value is read under its record's sequence (a seqlock: odd while it is being written, another number afterwards:
// look again). Every word is an atomic, stored with release and loaded with acquire, so there is no data race and a
// reader that saw one new word sees the new sequence as well.
// An index that is full is replaced by one twice as large; the old one stays, unchanged, for readers that are in it
// (together the old ones are smaller than the new one). Dropping closes the gap in the index by moving entries back: a
// reader that walks by just then may miss one, so a miss counts only if no move happened meanwhile (`moves_`).
// A reader that meets a writer kSpins times in a row (one that lost its processor within its few stores) takes the
// mutex once, instead of burning the processor which that writer needs.
//
// Invariants: an entry's record number + 1 fits below the index's size; a session has at most one entry in the current
// view; what find() returns was the session's value, or its absence, at a moment within the call.
// Sources: Lameter, "Effective synchronization on Linux/NUMA systems", 2005, and Boehm, "Can seqlocks get along with
// programming language memory models?", MSPC 2012 (seqlock); Knuth 6.4 algorithm R (deletion without tombstones).
// Thread class: find() and size() are thread-safe; everything else REQUIRES the lock() of this table.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "router/core/check.h"
#include "router/core/ids.h"

namespace homing::net {

// Called between any two steps that the other side can see; tests put the other side's calls there.
struct NoSteps {
  static void reader() {}
  static void writer() {}
};

// `Note` is the writers' own, per record; readers never see it.
template <class Value, class Note, class Steps = NoSteps>
class SessionTable {
  static_assert(std::is_trivially_copyable_v<Value> && std::is_default_constructible_v<Value>);

 public:
  using Number = std::uint32_t;
  static constexpr Number kNone = ~Number{0};

  SessionTable() { grow(kFirstSize); }
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // False, with `out` unchanged: the session is not in the table.
  bool find(const core::SessionId& session, Value& out) const {
    for (int tries = 0; tries < kSpins; ++tries) {
      if (const Seen seen = try_find(session, out); seen != Seen::kBusy) return seen == Seen::kValue;
    }
    const std::unique_lock held = lock();
    return try_find(session, out) == Seen::kValue;
  }
  enum class Seen : std::uint8_t { kValue, kNothing, kBusy };
  // One try: kBusy when a writer was at work where it looked.
  Seen try_find(const core::SessionId& session, Value& out) const {
    const std::uint64_t before = moves_.load(std::memory_order_acquire);
    const Seen seen = look(session, out);
    if (seen != Seen::kNothing) return seen;
    Steps::reader();
    return before % 2 == 0 && moves_.load(std::memory_order_relaxed) == before ? Seen::kNothing : Seen::kBusy;
  }
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }

  // Returns kNone when it is not in the table.
  Number number_of(const core::SessionId& session) const {
    const std::size_t at = place_of(session);
    return at == kNowhere ? kNone : number_in(current().index[at].load(std::memory_order_relaxed));
  }
  // REQUIRES: `session` is not in the table.
  Number add(const core::SessionId& session, const Value& value) {
    if ((size() + 1) * 4 > current().size() * 3) grow(current().size() * 2);
    const Number number = take_number();
    Record& record = at(number);
    record.note = Note{};
    write(record, session, value, kLive);
    enter(current(), session, number);
    size_.store(size() + 1, std::memory_order_relaxed);
    return number;
  }
  void set(Number number, const Value& value) { write(at(number), session(number), value, kLive); }
  void drop(Number number) {
    const core::SessionId gone = session(number);
    const std::size_t place = place_of(gone);
    CHECK(place != kNowhere);
    close_gap(place);
    write(at(number), gone, Value{}, kFree);
    free_.push_back(number);
    size_.store(size() - 1, std::memory_order_relaxed);
  }

  core::SessionId session(Number number) const {
    const Record& record = at(number);
    return {record.hi.load(std::memory_order_relaxed), record.lo.load(std::memory_order_relaxed)};
  }
  Value value(Number number) const {
    Value out;
    read(at(number), out);
    return out;
  }
  Note& note(Number number) { return at(number).note; }
  const Note& note(Number number) const { return at(number).note; }
  // Calls `see(number)` for every session, in no order that means anything. `see` must not change the table.
  template <class See>
  void each(See see) const {
    for (Number number = 0; number < used_; ++number) {
      if (at(number).state.load(std::memory_order_relaxed) == kLive) see(number);
    }
  }
  // All memory of the table.
  std::size_t bytes() const {
    std::size_t sum = sizeof *this + chunks_.size() * kChunk * sizeof(Record) + free_.capacity() * sizeof(Number);
    for (const auto& view : views_) sum += view->size() * sizeof(Entry) + view->chunks.capacity() * sizeof(Record*);
    return sum;
  }

 private:
  using Entry = std::uint32_t;  // 0: empty
  static constexpr std::size_t kWords = (sizeof(Value) + 7) / 8;
  static constexpr std::size_t kFirstSize = 64;
  static constexpr std::size_t kChunk = 64;
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  static constexpr int kSpins = 256;
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kLive = 1;

  struct alignas(64) Record {
    std::atomic<std::uint32_t> sequence{0};  // odd: being written
    std::atomic<std::uint32_t> state{kFree};
    std::atomic<std::uint64_t> hi{0};
    std::atomic<std::uint64_t> lo{0};
    std::array<std::atomic<std::uint64_t>, kWords> words{};
    Note note{};
  };

  struct View {
    explicit View(std::size_t size)
        : mask(static_cast<Entry>(size - 1)), index(new std::atomic<Entry>[size] {}), chunks(size / kChunk + 1) {}
    std::size_t size() const { return std::size_t{mask} + 1; }
    const Entry mask;
    const std::unique_ptr<std::atomic<Entry>[]> index;
    std::vector<Record*> chunks;  // written before an entry names a record in it
  };

  // Bits of the id are random in production; what tests use is not.
  static std::uint64_t hash_of(const core::SessionId& id) {
    std::uint64_t h = (id.hi ^ (id.lo >> 32U)) * 0x9e3779b97f4a7c15U + id.lo;
    h = (h ^ (h >> 32U)) * 0xd6e8feb86659fd93U;
    return h ^ (h >> 32U);
  }
  static Entry tag_of(std::uint64_t hash, const View& view) { return static_cast<Entry>(hash >> 32U) & ~view.mask; }

  View& current() const { return *views_.back(); }
  Number number_in(Entry entry) const { return (entry & current().mask) - 1; }
  Record& at(Number number) { return chunks_[number / kChunk][number % kChunk]; }
  const Record& at(Number number) const { return chunks_[number / kChunk][number % kChunk]; }

  // ------------------------------------------------ readers
  Seen look(const core::SessionId& session, Value& out) const {
    Steps::reader();
    const View& view = *view_.load(std::memory_order_acquire);
    const std::uint64_t hash = hash_of(session);
    const Entry tag = tag_of(hash, view);
    for (std::size_t step = 0, i = hash & view.mask; step <= view.mask; ++step, i = (i + 1) & view.mask) {
      Steps::reader();
      const Entry entry = view.index[i].load(std::memory_order_acquire);
      if (entry == 0) return Seen::kNothing;
      if ((entry & ~view.mask) != tag) continue;
      const Number number = (entry & view.mask) - 1;
      const Seen seen = look_at(view.chunks[number / kChunk][number % kChunk], session, out);
      if (seen != Seen::kNothing) return seen;
    }
    return Seen::kNothing;
  }

  // kNothing: the record is another session's. An entry that named it for ours was moved since, so `moves_` tells.
  static Seen look_at(const Record& record, const core::SessionId& session, Value& out) {
    Steps::reader();
    const std::uint32_t before = record.sequence.load(std::memory_order_acquire);
    if (before % 2 != 0) return Seen::kBusy;
    Steps::reader();
    const bool ours = record.lo.load(std::memory_order_acquire) == session.lo &&
                      record.hi.load(std::memory_order_acquire) == session.hi &&
                      record.state.load(std::memory_order_acquire) == kLive;
    if (!ours) return Seen::kNothing;
    Value value;
    read(record, value);
    Steps::reader();
    if (record.sequence.load(std::memory_order_relaxed) != before) return Seen::kBusy;
    out = value;
    return Seen::kValue;
  }

  static void read(const Record& record, Value& out) {
    std::array<std::uint64_t, kWords> words;
    for (std::size_t i = 0; i < kWords; ++i) {
      Steps::reader();
      words[i] = record.words[i].load(std::memory_order_acquire);
    }
    std::memcpy(&out, words.data(), sizeof out);
  }

  // ------------------------------------------------ writers
  static void write(Record& record, const core::SessionId& session, const Value& value, std::uint32_t state) {
    std::array<std::uint64_t, kWords> words{};
    std::memcpy(words.data(), &value, sizeof value);
    const std::uint32_t before = record.sequence.load(std::memory_order_relaxed);
    record.sequence.store(before + 1, std::memory_order_relaxed);
    Steps::writer();
    record.state.store(state, std::memory_order_release);
    record.hi.store(session.hi, std::memory_order_release);
    Steps::writer();
    record.lo.store(session.lo, std::memory_order_release);
    for (std::size_t i = 0; i < kWords; ++i) {
      Steps::writer();
      record.words[i].store(words[i], std::memory_order_release);
    }
    Steps::writer();
    record.sequence.store(before + 2, std::memory_order_release);
    Steps::writer();
  }

  std::size_t place_of(const core::SessionId& wanted) const {
    const View& view = current();
    const std::uint64_t hash = hash_of(wanted);
    const Entry tag = tag_of(hash, view);
    for (std::size_t i = hash & view.mask;; i = (i + 1) & view.mask) {
      const Entry entry = view.index[i].load(std::memory_order_relaxed);
      if (entry == 0) return kNowhere;
      if ((entry & ~view.mask) == tag && session(number_in(entry)) == wanted) return i;
    }
  }

  static void enter(View& view, const core::SessionId& session, Number number) {
    const std::uint64_t hash = hash_of(session);
    std::size_t i = hash & view.mask;
    while (view.index[i].load(std::memory_order_relaxed) != 0) i = (i + 1) & view.mask;
    view.index[i].store(tag_of(hash, view) | (number + 1), std::memory_order_release);
  }

  // Entries behind `hole` move back into it when that does not take them before where their search begins.
  void close_gap(std::size_t hole) {
    View& view = current();
    const std::uint64_t before = moves_.load(std::memory_order_relaxed);
    moves_.store(before + 1, std::memory_order_relaxed);
    Steps::writer();
    for (std::size_t i = (hole + 1) & view.mask;; i = (i + 1) & view.mask) {
      const Entry entry = view.index[i].load(std::memory_order_relaxed);
      if (entry == 0) break;
      const std::size_t home = hash_of(session(number_in(entry))) & view.mask;
      if (((i - home) & view.mask) < ((i - hole) & view.mask)) continue;
      view.index[hole].store(entry, std::memory_order_release);
      Steps::writer();
      hole = i;
    }
    view.index[hole].store(0, std::memory_order_release);
    Steps::writer();
    moves_.store(before + 2, std::memory_order_release);
    Steps::writer();
  }

  Number take_number() {
    if (!free_.empty()) {
      const Number number = free_.back();
      free_.pop_back();
      return number;
    }
    if (used_ == chunks_.size() * kChunk) {
      chunks_.push_back(std::make_unique<Record[]>(kChunk));
      current().chunks[chunks_.size() - 1] = chunks_.back().get();
    }
    return used_++;
  }

  void grow(std::size_t size) {
    CHECK(size <= std::size_t{1} << 31U);
    auto next = std::make_unique<View>(size);
    for (std::size_t i = 0; i < chunks_.size(); ++i) next->chunks[i] = chunks_[i].get();
    each([&](Number number) { enter(*next, session(number), number); });
    views_.push_back(std::move(next));
    view_.store(views_.back().get(), std::memory_order_release);
  }

  // What readers load stands apart from what writers keep.
  alignas(64) std::atomic<const View*> view_{nullptr};
  std::atomic<std::uint64_t> moves_{0};  // odd: entries are being moved
  alignas(64) mutable std::mutex mutex_;
  std::atomic<std::size_t> size_{0};
  Number used_ = 0;  // records ever taken
  std::vector<Number> free_;
  std::vector<std::unique_ptr<Record[]>> chunks_;
  std::vector<std::unique_ptr<View>> views_;  // the last one is current
};

}  // namespace homing::net
