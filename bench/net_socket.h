// SPDX-License-Identifier: Apache-2.0
//
// Sockets, time and processes for the programs around a proxy under test: origin, load generators, idle tunnels.
//
// Intuition: what measures a proxy shares a processor with its origin, so it must cost less than what it measures: bare
// epoll, one thread, time read once a turn, nothing of router/net (which is what is measured).
// Errors are thrown as std::runtime_error and end the program: a measurement with a broken part is none.
// Thread class: single-owner.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homing::bench {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// "127.0.0.1:8080" or "unix:/path".
struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  bool is_local = false;
  std::string path;  // of a Unix socket
};
Address read_address(std::string_view text);

Fd listen_on(const Address& address);
// Connected and without blocking afterwards; TCP without Nagle's delay.
Fd connect_to(const Address& address);
void set_nonblocking(int fd);

class Poller {
 public:
  Poller();
  void add(int fd, std::uint32_t events, std::uint64_t tag);
  void change(int fd, std::uint32_t events, std::uint64_t tag);
  // Waits at most `patience_ns`; negative: for ever.
  std::span<const epoll_event> wait(std::int64_t patience_ns);

 private:
  Fd fd_;
  std::vector<epoll_event> events_;
};

[[noreturn]] void fail(const std::string& what);
[[noreturn]] void fail_errno(const std::string& what);

std::int64_t now_ns();  // CLOCK_MONOTONIC

// utime + stime of these processes with all their threads, in seconds (ticks of 10 ms).
double cpu_seconds(std::span<const pid_t> processes);

}  // namespace homing::bench
