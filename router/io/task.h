// SPDX-License-Identifier: Apache-2.0
//
// Task<T>: a coroutine that somebody awaits. Lazy: it runs when it is awaited, and its awaiter goes on when it is over.
//
//   Task<bool> serve_one(Stream& client);
//   bool more = co_await serve_one(client);
//   spawn(serve(std::move(stream)));            // nobody awaits: it owns itself
//   co_await both(pump_up(), pump_down());      // until both are over
//
// Intuition: the stack of a blocking thread, in pieces on the heap, switched by symmetric transfer, so that depth costs
// no stack. A task belongs to one thread: whoever resumes it is that thread's Loop.
//
// Invariants: a Task that was begun is over before it is destroyed, or destroyed only while suspended with nobody left
// who could resume it. Nothing throws through a task: the data path reports errors by value, and what cannot be
// survived (no memory) ends the program. Source: Lewis Baker, "Understanding Symmetric Transfer" (2020). Thread class:
// single-owner.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "router/io/frames.h"

namespace homing::io {

namespace internal {

struct FramePromise {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) { free_frame(frame, size); }
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

struct GoOn {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> over) const noexcept {
    return over.promise().awaiter;
  }
  void await_resume() const noexcept {}
};

struct TaskPromiseBase : FramePromise {
  std::coroutine_handle<> awaiter = std::noop_coroutine();
  std::suspend_always initial_suspend() const noexcept { return {}; }
  GoOn final_suspend() const noexcept { return {}; }
};

}  // namespace internal

template <class T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : internal::TaskPromiseBase {
    std::optional<T> value;
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    template <class U>
    void return_value(U&& what) {
      value.emplace(std::forward<U>(what));
    }
  };

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    frame_.promise().awaiter = awaiter;
    return frame_;
  }
  T await_resume() { return std::move(*frame_.promise().value); }

 private:
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  struct promise_type : internal::TaskPromiseBase {
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    void return_void() const noexcept {}
  };

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (frame_) frame_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    frame_.promise().awaiter = awaiter;
    return frame_;
  }
  void await_resume() const noexcept {}

 private:
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

namespace internal {

// A coroutine that owns itself and begins at once.
struct Detached {
  struct promise_type : FramePromise {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
  };
};

inline Detached run_detached(Task<void> task) {
  co_await std::move(task);
}

struct Join {
  int left = 0;
  std::coroutine_handle<> awaiter;
};

inline Detached run_joined(Task<void>& task, Join& join) {
  co_await std::move(task);
  if (--join.left == 0) join.awaiter.resume();
}

// Begins both and goes on when both are over. The last step keeps the awaiter's frame alive until run_joined has
// nothing more to touch: it resumes the awaiter as its very last act.
class Both {
 public:
  Both(Task<void> a, Task<void> b) : a_(std::move(a)), b_(std::move(b)) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    join_.left = 3;
    join_.awaiter = awaiter;
    run_joined(a_, join_);
    run_joined(b_, join_);
    return --join_.left != 0;
  }
  void await_resume() const noexcept {}

 private:
  Task<void> a_;
  Task<void> b_;
  Join join_;
};

}  // namespace internal

inline void spawn(Task<void> task) {
  internal::run_detached(std::move(task));
}

inline internal::Both both(Task<void> a, Task<void> b) {
  return {std::move(a), std::move(b)};
}

}  // namespace homing::io
