// SPDX-License-Identifier: Apache-2.0
#include "router/io/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "router/core/check.h"

namespace homing::io {

namespace {

constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::int64_t kLongestSleepMs = 60'000;

std::int64_t clock_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Watch::Watch(Loop& loop, int fd) : loop_(loop), fd_(fd) {
  if (fd_ >= 0) loop_.add(*this);
}

Watch::~Watch() {
  CHECK(!reader_ && !writer_);
  if (fd_ >= 0) loop_.remove(*this);
  loop_.forget(*this);
}

void Watch::write_blocked() {
  can_write_ = false;
  if (wants_write_ || fd_ < 0) return;
  wants_write_ = true;
  loop_.change(*this);
}

void Watch::read_waits_for_writing() {
  can_read_ = false;
  read_after_write_ = true;
  write_blocked();
}

void Watch::write_waits_for_reading() {
  can_write_ = false;
  write_after_read_ = true;
}

void Watch::abandon() {
  if (fd_ >= 0) loop_.remove(*this);
  fd_ = -1;
  loop_.forget(*this);
  // Not from here: whoever abandons is in the middle of something.
  if (const auto who = std::exchange(reader_, {})) loop_.defer(who);
  if (const auto who = std::exchange(writer_, {})) loop_.defer(who);
}

bool Watch::wake_reader() {
  const auto who = std::exchange(reader_, {});
  if (who) loop_.defer(who);
  return static_cast<bool>(who);
}

void Watch::on_events(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  if ((events & EPOLLERR) != 0) broken_ = true;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    can_read_ = true;
    if (std::exchange(write_after_read_, false)) can_write_ = true;
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    can_write_ = true;
    if (std::exchange(read_after_write_, false)) can_read_ = true;
    if (wants_write_) {
      wants_write_ = false;
      loop_.change(*this);
    }
  }
  // The first to be resumed may destroy this.
  Loop& loop = loop_;
  if (can_write_) {
    if (const auto who = std::exchange(writer_, {})) who.resume();
  }
  if (loop.current_ == this && can_read_) {
    if (const auto who = std::exchange(reader_, {})) who.resume();
  }
}

Mailbox::Mailbox() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(wake_ >= 0);
}

Mailbox::~Mailbox() {
  ::close(wake_);
}

void Mailbox::post(std::function<void()> call) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    first = posted_.empty();
    posted_.push_back(std::move(call));
  }
  const std::uint64_t one = 1;
  if (first) CHECK(::write(wake_, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

void Mailbox::close() {
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(posted_);
}

void Mailbox::take(std::vector<std::function<void()>>& out) {
  std::uint64_t count = 0;
  if (::read(wake_, &count, sizeof count) < 0) count = 0;
  const std::lock_guard lock(mutex_);
  out.swap(posted_);
}

Loop::Loop() : now_ns_(clock_ns()), wheel_(now_ns_ / 1'000'000), batch_(kBatch) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  CHECK(epoll_ >= 0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_->wake_, &event) == 0);
}

Loop::~Loop() {
  mailbox_->close();
  ::close(epoll_);
}

void Loop::add(Watch& watch) {
  epoll_event event{};
  event.events = kReadEvents;
  event.data.ptr = &watch;
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, watch.fd_, &event) == 0);
}

void Loop::change(Watch& watch) {
  epoll_event event{};
  event.events = kReadEvents | (watch.wants_write_ ? std::uint32_t{EPOLLOUT} : 0U);
  event.data.ptr = &watch;
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_MOD, watch.fd_, &event) == 0);
}

void Loop::remove(Watch& watch) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, watch.fd_, nullptr);
}

// What the kernel said of it in this turn is nobody's business any more.
void Loop::forget(const Watch& watch) {
  if (current_ == &watch) current_ = nullptr;
  for (int i = batch_at_; i < batch_size_; ++i) {
    auto& event = batch_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &watch) event.events = 0;
  }
}

void Loop::read_clock() {
  now_ns_ = std::max(now_ns_, clock_ns());
}

std::int64_t Loop::wall_ns(std::int64_t at_ns) {
  constexpr std::int64_t kLookAgainNs = 1'000'000'000;
  if (wall_looked_ns_ == 0 || now_ns_ - wall_looked_ns_ >= kLookAgainNs) {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    wall_offset_ns_ = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec - clock_ns();
    wall_looked_ns_ = now_ns_;
  }
  return at_ns + wall_offset_ns_;
}

void Loop::run() {
  while (turn(kLongestSleepMs)) {
  }
}

bool Loop::turn(std::int64_t limit_ms) {
  const std::int64_t next = wheel_.next_ms();
  std::int64_t sleep_ms = deferred_.empty() ? limit_ms : 0;
  if (next != Wheel::kNever) sleep_ms = std::clamp<std::int64_t>(next - now_ms() + 1, 0, sleep_ms);
  batch_size_ = std::max(0, ::epoll_wait(epoll_, batch_.data(), kBatch, static_cast<int>(sleep_ms)));
  read_clock();
  for (batch_at_ = 0; batch_at_ < batch_size_;) {
    const epoll_event event = batch_[static_cast<std::size_t>(batch_at_++)];
    if (event.events == 0) continue;
    if (event.data.ptr == nullptr) {
      run_posted();
      continue;
    }
    current_ = static_cast<Watch*>(event.data.ptr);
    current_->on_events(event.events);
    current_ = nullptr;
  }
  batch_size_ = 0;
  wheel_.advance(now_ms());
  run_deferred();
  if (each_turn_) each_turn_();
  return !stopped_.load(std::memory_order_relaxed);
}

void Loop::stop() {
  stopped_.store(true);
  post([] {});
}

void Loop::run_posted() {
  mailbox_->take(taken_);
  for (auto& call : taken_) call();
  taken_.clear();
}

// What is deferred meanwhile runs in the next turn, which does not sleep then.
void Loop::run_deferred() {
  if (deferred_.empty()) return;
  running_.swap(deferred_);
  for (const auto who : running_) who.resume();
  running_.clear();
}

void Loop::shut_down() {
  closing_ = true;
  for (int round = 0; round < 100; ++round) {
    run_posted();
    wheel_.fire_all();
    if (deferred_.empty() && wheel_.size() == 0) return;
    run_deferred();
  }
}

}  // namespace homing::io
