// SPDX-License-Identifier: Apache-2.0
//
// Many WebSockets that send numbered messages to sessions that send them back, and keep count: what was lost, doubled,
// reordered or closed on the way, in either direction, shows as a number.
//
// Thread class: add() before start(); then one thread of its own runs all of them until finish().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "router/base/endpoint.h"

namespace homing::testing {

struct EchoTally {
  std::size_t open = 0;
  std::size_t closed = 0;  // by the other side, or cut
  std::uint64_t sent = 0;
  std::uint64_t received = 0;  // those that came back in their order
  std::uint64_t wrong = 0;     // came back, but not the one that was due
  std::vector<unsigned> close_codes;
};

class EchoSwarm {
 public:
  explicit EchoSwarm(int every_ms);  // between two messages of a socket
  ~EchoSwarm();
  EchoSwarm(const EchoSwarm&) = delete;
  EchoSwarm& operator=(const EchoSwarm&) = delete;

  // Opens one; false when the answer is no 101. `cookie`: as in a Cookie header.
  bool add(const base::Endpoint& router, const std::string& target, const std::string& cookie);
  void start();
  // Messages that came back so far.
  std::uint64_t received() const { return received_; }
  std::size_t closed() const { return closed_; }
  // Sends no more, waits at most half a minute for what is on its way, closes everything.
  EchoTally finish();

 private:
  struct Socket;
  void run();
  void send_due(Socket& socket, std::size_t number, std::int64_t now);
  void read(Socket& socket, std::size_t number);
  bool take_frame(Socket& socket, std::size_t number);
  void flush(Socket& socket);
  void close(Socket& socket);

  const int every_ms_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::thread thread_;
  std::atomic<bool> sending_{true};
  std::atomic<bool> over_{false};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::size_t> closed_{0};
  std::uint64_t wrong_ = 0;
  std::vector<unsigned> close_codes_;
};

}  // namespace homing::testing
