// SPDX-License-Identifier: Apache-2.0
//
// Two streams on one loop whose far ends a test holds: what exchanges and tunnels are tried on, step by step, without
// threads. Sockets are the kernel's.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "router/net/worker.h"

namespace homing::net {

// One end of a connection, in the test's hand. Does not block.
class FarEnd {
 public:
  explicit FarEnd(int fd) : fd_(fd) {}
  ~FarEnd() { close(); }
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  // Returns how much was taken.
  std::size_t say(std::string_view text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t n = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    return sent;
  }
  // Adds what is there to `heard`, at most `limit`.
  void listen(std::size_t limit = SIZE_MAX) {
    std::array<char, 65536> bytes;
    while (limit > 0 && !over) {
      const ssize_t n = ::recv(fd_, bytes.data(), std::min(limit, bytes.size()), 0);
      if (n < 0) {
        if (errno != EAGAIN) broken = over = true;
        return;
      }
      if (n == 0) over = true;
      heard.append(bytes.data(), static_cast<std::size_t>(n));
      limit -= static_cast<std::size_t>(n);
    }
  }
  int fd() const { return fd_; }
  void end_of_sending() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  std::string heard;
  bool over = false;    // the other side has closed
  bool broken = false;  // and not cleanly

 private:
  int fd_;
};

struct Rig {
  Rig() { connect(); }
  // `tcp`: the person's connection is one, which can be reset.
  void connect(bool tcp = false) {
    for (const bool to_client : {true, false}) {
      std::array<int, 2> fds = tcp && to_client ? tcp_pair() : unix_pair();
      (to_client ? client : upstream) = std::make_unique<io::Stream>(worker->loop, fds[0]);
      (to_client ? person : session) = std::make_unique<FarEnd>(fds[1]);
    }
  }
  static std::array<int, 2> unix_pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    return fds;
  }
  static std::array<int, 2> tcp_pair() {
    std::array<int, 2> fds{};
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    fds[1] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fds[1], reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    io::set_no_delay(fds[1]);  // what is said is there at once
    fds[0] = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ::close(listener);
    return fds;
  }
  void turn(int times = 1) {
    for (int i = 0; i < times; ++i) worker->loop.turn(0);
  }
  // Until `done`; both far ends listen meanwhile.
  template <class Done>
  bool turn_until(Done done) {
    for (int i = 0; i < 3000; ++i) {
      person->listen();
      session->listen();
      if (done()) return true;
      worker->loop.turn(10);
    }
    return false;
  }

  std::unique_ptr<Worker> worker = std::make_unique<Worker>();
  std::unique_ptr<io::Stream> client;
  std::unique_ptr<io::Stream> upstream;
  std::unique_ptr<FarEnd> person;
  std::unique_ptr<FarEnd> session;
};

}  // namespace homing::net
