// SPDX-License-Identifier: Apache-2.0
#include "router/io/wheel.h"

#include <algorithm>
#include <bit>

#include "router/core/check.h"

namespace homing::io {

void Timer::set(Wheel& wheel, std::int64_t due_ms) {
  stop();
  wheel_ = &wheel;
  due_ms_ = due_ms;
  wheel.put(*this);
}

void Timer::stop() {
  if (wheel_ == nullptr) return;
  wheel_->take(*this);
  wheel_ = nullptr;
}

Wheel::~Wheel() {
  CHECK(size_ == 0);
}

// The tick in which a timer is due is the first whose beginning is at or after its time.
void Wheel::put(Timer& timer) {
  const std::int64_t due =
      timer.due_ms_ > kNever - kTickMs ? kNever / kTickMs : (timer.due_ms_ + kTickMs - 1) / kTickMs;
  const std::int64_t tick = std::max(due, tick_);
  int wheel = 0;
  while (wheel < kWheels - 1 && ((tick >> (kBits * wheel)) - (tick_ >> (kBits * wheel))) >= kSlots) ++wheel;
  std::int64_t at = tick >> (kBits * wheel);
  // Farther than the coarsest wheel reaches: its last slot, from where it is put again.
  at = std::min(at, (tick_ >> (kBits * wheel)) + kSlots - 1);
  link(timer, static_cast<std::size_t>(wheel * kSlots + at % kSlots));
}

void Wheel::link(Timer& timer, std::size_t slot) {
  timer.slot_ = static_cast<std::uint16_t>(slot);
  timer.previous_ = nullptr;
  timer.next_ = first_[slot];
  if (timer.next_ != nullptr) timer.next_->previous_ = &timer;
  first_[slot] = &timer;
  used_[slot / kSlots] |= std::uint64_t{1} << (slot % kSlots);
  ++size_;
}

void Wheel::take(Timer& timer) {
  const std::size_t slot = timer.slot_;
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  if (timer.previous_ != nullptr) {
    timer.previous_->next_ = timer.next_;
  } else {
    first_[slot] = timer.next_;
    if (first_[slot] == nullptr) used_[slot / kSlots] &= ~(std::uint64_t{1} << (slot % kSlots));
  }
  --size_;
}

// What moves lands in a finer wheel, among those that fire next or, from the coarsest, in another slot: never here
// again.
void Wheel::empty(std::size_t slot) {
  while (Timer* timer = first_[slot]) {
    take(*timer);
    if (timer->due_ms_ <= tick_ * kTickMs) {
      link(*timer, kDueSlot);
    } else {
      put(*timer);
    }
  }
}

void Wheel::fire_due() {
  while (Timer* timer = first_[kDueSlot]) {
    take(*timer);
    timer->wheel_ = nullptr;
    timer->fire();
  }
}

void Wheel::advance(std::int64_t now_ms) {
  const std::int64_t until = now_ms / kTickMs;
  while (tick_ <= until) {
    if (size_ == 0) {
      tick_ = until + 1;
      return;
    }
    // Coarser wheels first: what they hold for this tick may be due now.
    for (int wheel = kWheels - 1; wheel > 0; --wheel) {
      const std::int64_t at = tick_ >> (kBits * wheel);
      if ((at << (kBits * wheel)) != tick_) continue;
      empty(static_cast<std::size_t>(wheel * kSlots + at % kSlots));
    }
    empty(static_cast<std::size_t>(tick_ % kSlots));
    // What fires may set timers that are due at once: they wait for the next tick.
    ++tick_;
    fire_due();
    // Nothing before the next used slot of the finest wheel or the next boundary of a coarser one: go there at once.
    const std::int64_t next = next_ms();
    tick_ = std::max(tick_, std::min(next == kNever ? until + 1 : next / kTickMs, until + 1));
  }
}

std::int64_t Wheel::next_ms() const {
  if (size_ == 0) return kNever;
  std::int64_t next = kNever;
  for (int wheel = 0; wheel < kWheels; ++wheel) {
    const std::uint64_t used = used_[static_cast<std::size_t>(wheel)];
    if (used == 0) continue;
    const std::int64_t at = tick_ >> (kBits * wheel);
    // The slot of `at` itself was emptied when its boundary passed, unless that is now.
    const bool boundary = (at << (kBits * wheel)) == tick_;
    const std::int64_t from = wheel == 0 || boundary ? at : at + 1;
    const int skip = std::countr_zero(std::rotr(used, static_cast<int>(from % kSlots)));
    next = std::min(next, ((from + skip) << (kBits * wheel)) * kTickMs);
  }
  return next;
}

void Wheel::fire_all() {
  for (std::size_t slot = 0; slot < first_.size(); ++slot) {
    while (Timer* timer = first_[slot]) {
      take(*timer);
      timer->wheel_ = nullptr;
      timer->fire();
    }
  }
}

}  // namespace homing::io
