// SPDX-License-Identifier: Apache-2.0
//
// Things a task waits for that are not descriptors: time, and a word from elsewhere.
//
// Thread class: single-owner (the loop's thread).
#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include "router/io/loop.h"

namespace homing::io {

// co_await Sleep(loop, ms): returns early, and at once, when the loop is closing.
class Sleep final : public Timer {
 public:
  Sleep(Loop& loop, std::int64_t ms) : loop_(loop), ms_(ms) {}
  bool await_ready() const noexcept { return loop_.closing(); }
  void await_suspend(std::coroutine_handle<> who) {
    who_ = who;
    set(loop_.wheel(), loop_.now_ms() + ms_);
  }
  void await_resume() const noexcept {}

 private:
  void fire() override { who_.resume(); }
  Loop& loop_;
  std::int64_t ms_;
  std::coroutine_handle<> who_;
};

// One waiter; set() on the loop's thread. co_await event.within(ms) is true when it was set, false when time ran out or
// the loop is closing.
class Event final : public Timer {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  void set_now() {
    happened_ = true;
    if (who_) {
      stop();
      loop_.defer(std::exchange(who_, {}));
    }
  }
  bool happened() const { return happened_; }

  struct Wait {
    Event& event;
    std::int64_t ms;
    bool await_ready() const noexcept { return event.happened_ || event.loop_.closing(); }
    void await_suspend(std::coroutine_handle<> who) const {
      event.who_ = who;
      event.set(event.loop_.wheel(), event.loop_.now_ms() + ms);
    }
    bool await_resume() const noexcept { return event.happened_; }
  };
  Wait within(std::int64_t ms) { return {*this, ms}; }

 private:
  void fire() override { std::exchange(who_, {}).resume(); }
  Loop& loop_;
  bool happened_ = false;
  std::coroutine_handle<> who_;
};

}  // namespace homing::io
