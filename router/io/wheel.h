// SPDX-License-Identifier: Apache-2.0
//
// A hierarchical timer wheel: many deadlines, most of which never come, set and taken back in constant time.
//
// Intuition: four wheels of 64 slots; a slot of the finest is one tick (16 ms), a slot of the next a whole turn of the
// one before. A timer waits in the slot of its time and moves to a finer wheel as that time comes near, at most three
// times. One bitmap a wheel says which slots hold anything, so that an idle loop sleeps until the next one that does.
//
// A timer fires in the first advance() at or after the tick that follows its time: never before it, and less than a
// tick late. Limits here are seconds to hours, so a tick is fine. Invariants: a timer is in one slot or none; it is out
// before it fires, and may be set again or destroyed in its own fire(), which may set, stop and destroy others too.
// Beyond the coarsest wheel (74 hours) it is looked at once a turn of that wheel. Source: Varghese and Lauck, Hashed
// and Hierarchical Timing Wheels, SOSP 1987, scheme 7. Thread class: single-owner.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

namespace homing::io {

class Wheel;

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { stop(); }

  // Milliseconds of the loop's clock. Set again: moves.
  void set(Wheel& wheel, std::int64_t due_ms);
  void stop();
  bool is_set() const { return wheel_ != nullptr; }
  std::int64_t due_ms() const { return due_ms_; }

 protected:
  virtual void fire() = 0;

 private:
  friend class Wheel;
  Wheel* wheel_ = nullptr;  // nullptr: not set
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  std::int64_t due_ms_ = 0;
  std::uint16_t slot_ = 0;  // wheel * 64 + slot
};

class Wheel {
 public:
  static constexpr std::int64_t kTickMs = 16;
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  explicit Wheel(std::int64_t now_ms) : tick_(now_ms / kTickMs) {}
  ~Wheel();
  Wheel(const Wheel&) = delete;
  Wheel& operator=(const Wheel&) = delete;

  // Fires everything due at `now_ms`.
  void advance(std::int64_t now_ms);
  // Nothing fires before this; kNever when nothing is set. May be earlier than the next due time.
  std::int64_t next_ms() const;
  std::size_t size() const { return size_; }
  // Fires everything that is set, whatever its time: the loop ends.
  void fire_all();

 private:
  friend class Timer;
  static constexpr int kWheels = 4;
  static constexpr int kBits = 6;
  static constexpr std::int64_t kSlots = std::int64_t{1} << kBits;

  // Behind the slots of the wheels: those that fire now. So whoever fires may set a timer into the slot that was just
  // emptied without being looked at again by the rest.
  static constexpr std::size_t kDueSlot = std::size_t{kWheels} * kSlots;

  void put(Timer& timer);
  void link(Timer& timer, std::size_t slot);
  void take(Timer& timer);
  void empty(std::size_t slot);  // moves what is in it down or among those that are due
  void fire_due();

  std::int64_t tick_;  // everything before it has fired
  std::size_t size_ = 0;
  std::array<std::uint64_t, kWheels + 1> used_{};
  std::array<Timer*, kDueSlot + 1> first_{};
};

}  // namespace homing::io
