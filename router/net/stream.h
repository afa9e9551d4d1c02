// SPDX-License-Identifier: Apache-2.0
//
// One byte stream (TCP or Unix socket, the same type) with two deadlines, and the reaper that enforces them.
//
// Intuition: a timer an operation costs more than the operation. A worker's reaper walks its streams a few times a
// second and closes those that are late; the pending operation then fails, and `late()` says why. So limits are
// coarse (kTick), which is right for limits of seconds to hours.
//
// Invariants: a Stream is registered with one Reaper for its whole life; both belong to one worker thread. The Reaper
// outlives the worker's io_context.
// Thread class: single-owner (the worker's thread).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <list>
#include <string>

#include "router/net/headers.h"

namespace homing::net {

namespace asio = boost::asio;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Millis = std::chrono::milliseconds;
template <class T>
using Task = asio::awaitable<T>;

class Stream;

class Reaper {
 public:
  static constexpr Millis kTick{200};

  // Runs until the executor's context stops.
  Task<void> run();
  std::int64_t now_ms() const { return now_ms_; }
  // Closes every stream: their operations fail and their owners go away.
  void close_all();
  std::size_t open() const { return streams_.size(); }

 private:
  friend class Stream;
  std::int64_t now_ms_ = 0;
  bool closing_ = false;
  std::list<Stream*> streams_;
};

class Stream {
 public:
  Stream(Socket socket, Reaper& reaper);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Socket& socket() { return socket_; }
  // Bytes read and not yet used. Bounded: a chunk header or a head longer than this fails.
  boost::beast::flat_buffer& buffer() { return buffer_; }

  void read_within(Millis limit) { read_until_ms_ = reaper_.now_ms() + limit.count(); }
  void write_within(Millis limit) { write_until_ms_ = reaper_.now_ms() + limit.count(); }
  void read_whenever() { read_until_ms_ = kForever; }
  void write_whenever() { write_until_ms_ = kForever; }
  bool late() const { return late_; }

  void close();
  // No more bytes go out; what is still on its way arrives.
  void shut_down_sending();

 private:
  friend class Reaper;
  static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
  Socket socket_;
  Reaper& reaper_;
  std::list<Stream*>::iterator place_;
  boost::beast::flat_buffer buffer_{2 * kMaxHeadBytes};
  std::int64_t read_until_ms_ = kForever;
  std::int64_t write_until_ms_ = kForever;
  bool late_ = false;
};

// Where to connect: a Unix socket's path, or host (address or name) and port.
struct Address {
  std::string unix_path;
  std::string host;
  std::uint16_t port = 0;
  std::string text() const;
};

// Connects within `limit`. REQUIRES: the stream is not connected; runs on its worker's executor.
Task<error_code> connect(Stream& stream, const Address& address, Millis limit);

// "192.0.2.1", "::1"; "unix" for a Unix socket.
std::string peer_text(const Socket& socket);

}  // namespace homing::net
