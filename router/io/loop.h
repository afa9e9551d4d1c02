// SPDX-License-Identifier: Apache-2.0
//
// One thread's event loop: descriptors, timers, and calls from other threads.
//
// Intuition: descriptors are told to the kernel once (edge-triggered), never again a request; a read that came back
// short is remembered as "nothing more there" until the kernel says otherwise, so no system call is made to learn what
// is known already. The clock is read once a turn. This is where it differs from Asio, whose loop locks, re-arms and
// tries again on every operation (measured: router/net/README.md).
//
// A turn: sleep until something happens, read the clock, run what other threads posted, resume who waits for
// descriptors that are ready, fire timers, run what was deferred.
//
// Invariants: a Watch belongs to one loop and is destroyed on its thread. Whoever is resumed may destroy any Watch, its
// own too. After shut_down() nobody is left waiting.
// Thread class: single-owner (the thread in run()); post(), stop() from any thread.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "router/io/buffer.h"
#include "router/io/wheel.h"

struct epoll_event;

namespace homing::io {

class Loop;

// Calls from other threads to a loop. Outlives it: what is posted after the loop's end is dropped.
class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  // [any thread]
  void post(std::function<void()> call);

 private:
  friend class Loop;
  void close();
  void take(std::vector<std::function<void()>>& out);
  int wake_ = -1;
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::function<void()>> posted_;
};

// A descriptor and who waits for it. The owner closes it.
class Watch {
 public:
  Watch(Loop& loop, int fd);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  int fd() const { return fd_; }
  Loop& loop() const { return loop_; }
  // What is known: true until a call said that it would block.
  bool can_read() const { return can_read_; }
  bool can_write() const { return can_write_; }
  // `drained`: a read came back shorter than asked. Nothing is there then, unless the other side has closed.
  void read_drained() { can_read_ = hung_up_; }
  void write_blocked();
  // Under TLS a read may have to write first, and a write to read: it goes on when that can be done.
  void read_waits_for_writing();
  void write_waits_for_reading();
  // The other side sends no more, or the connection broke: reads go on until they say so.
  bool hung_up() const { return hung_up_; }
  // The connection broke: what looks like its end is none.
  bool broken() const { return broken_; }

  // Resumes both who wait. No descriptor is watched from here on.
  void abandon();
  bool abandoned() const { return fd_ < 0; }

  // Awaitable: until it can be read (written) or is abandoned. One waiter each.
  auto readable() { return Wait{*this, &Watch::reader_, &Watch::can_read_}; }
  auto writable() { return Wait{*this, &Watch::writer_, &Watch::can_write_}; }
  // Resumes who waits to read, though nothing may be there. False: nobody does.
  bool wake_reader();

 private:
  friend class Loop;
  struct Wait {
    Watch& watch;
    std::coroutine_handle<> Watch::* who;
    bool Watch::* ready;
    bool await_ready() const noexcept { return watch.*ready || watch.fd_ < 0; }
    void await_suspend(std::coroutine_handle<> h) const noexcept { watch.*who = h; }
    void await_resume() const noexcept {}
  };
  void on_events(std::uint32_t events);

  Loop& loop_;
  int fd_;
  bool can_read_ = true;
  bool can_write_ = true;
  bool hung_up_ = false;
  bool broken_ = false;
  bool read_after_write_ = false;
  bool write_after_read_ = false;
  bool wants_write_ = false;  // the kernel is asked for it
  std::coroutine_handle<> reader_;
  std::coroutine_handle<> writer_;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Until stop().
  void run();
  // One turn, sleeping at most `limit_ms`; false once stop() was called.
  bool turn(std::int64_t limit_ms);
  // [any thread]
  void stop();
  void post(std::function<void()> call) { mailbox_->post(std::move(call)); }
  // For those who may outlive the loop.
  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  // Before the loop's end: posted calls run, timers fire, deferred tasks go on, so that everybody who waits learns that
  // closing() is true. The caller has abandoned the descriptors.
  void shut_down();
  bool closing() const { return closing_; }

  // CLOCK_BOOTTIME, read once a turn.
  std::int64_t now_ns() const { return now_ns_; }
  std::int64_t now_ms() const { return now_ns_ / 1'000'000; }
  // Wall time, seconds and nanoseconds since 1970: the system's clock is looked at once a second.
  std::int64_t wall_ns(std::int64_t at_ns);  // of a moment of now_ns()
  std::int64_t wall_seconds() { return wall_ns(now_ns_) / 1'000'000'000; }
  Wheel& wheel() { return wheel_; }
  BlockPool& blocks() { return blocks_; }
  // Resumes it later in this turn.
  void defer(std::coroutine_handle<> who) { deferred_.push_back(who); }
  // Awaitable: everybody else goes first. For whoever always finds more to do.
  auto yield() { return Yield{*this}; }
  // Called once a turn, when nothing is held from the turn before (readers of shared tables say so).
  void each_turn(std::function<void()> call) { each_turn_ = std::move(call); }

 private:
  friend class Watch;
  struct Yield {
    Loop& loop;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> who) const { loop.defer(who); }
    void await_resume() const noexcept {}
  };
  void add(Watch& watch);
  void change(Watch& watch);
  void remove(Watch& watch);
  void read_clock();
  void run_posted();
  void run_deferred();
  void forget(const Watch& watch);

  static constexpr int kBatch = 256;
  int epoll_ = -1;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::int64_t now_ns_ = 0;
  std::int64_t wall_offset_ns_ = 0;
  std::int64_t wall_looked_ns_ = 0;  // 0: not yet
  Wheel wheel_;
  BlockPool blocks_;
  bool closing_ = false;
  std::atomic<bool> stopped_{false};
  Watch* current_ = nullptr;  // being told of its events; nullptr when it was destroyed meanwhile
  std::vector<epoll_event> batch_;
  int batch_at_ = 0;
  int batch_size_ = 0;
  std::vector<std::coroutine_handle<>> deferred_;
  std::vector<std::coroutine_handle<>> running_;
  std::function<void()> each_turn_;
  std::vector<std::function<void()>> taken_;
};

}  // namespace homing::io
