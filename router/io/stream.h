// SPDX-License-Identifier: Apache-2.0
//
// One byte stream (TCP or Unix socket, plain or under TLS) with two deadlines.
//
// Intuition: reads and writes are tried at once and say what happened; only when nothing goes on does a task wait. So a
// request whose bytes are there is served without a single suspension. Deadlines are two numbers and one timer of the
// loop's wheel, moved only when one of them comes nearer: setting a deadline is a store.
//
// Invariants: belongs to one loop. After close() everybody who waits is resumed and every operation fails; late() says
// whether a deadline did it. A read deadline ends reading only, so that the other side can still be told (408); a write
// deadline, and a read deadline that nobody waits for, close. One reader and one writer at a time.
// Thread class: single-owner (the loop's thread).
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "router/io/buffer.h"
#include "router/io/loop.h"
#include "router/io/task.h"

namespace homing::io {

enum class Io : std::uint8_t {
  kOk,
  kAgain,  // nothing at the moment: wait
  kEnd,    // the other side sends no more
  kError,
};

// What TLS does to a stream; see net/tls.h. Same meaning as the calls of a socket.
class Cipher {
 public:
  virtual ~Cipher() = default;
  struct Done {
    Io state = Io::kError;
    std::size_t size = 0;
    bool wants_write = false;  // kAgain of a read that must write first
    bool wants_read = false;   // kAgain of a write that must read first
    bool drained = false;      // nothing more is there
  };
  virtual Done handshake() = 0;
  virtual Done read(std::span<char> room) = 0;
  virtual Done write(std::span<const iovec> pieces) = 0;
  virtual bool holds_input() const = 0;  // taken from the socket and not yet given by read()
  virtual void shut_down() = 0;          // says goodbye, if it can be said at once
};

class Stream final : private Timer {
 public:
  // Takes the descriptor, which does not block. A negative one: not connected yet (connect()).
  Stream(Loop& loop, int fd);
  ~Stream() override;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Loop& loop() const { return loop_; }
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

  // ---- reading
  Buffer& input() { return input_; }
  // Tries once to read into input(). `large`: into a large block (a body flows).
  Io fill(bool large = false);
  // Tries once to read into `room`.
  Io read_some(std::span<char> room, std::size_t& size);
  // Awaitable: until fill() may succeed.
  auto readable() { return watch_->readable(); }
  void wake_reader() {
    if (watch_) watch_->wake_reader();
  }
  // Nothing is there to be read, as far as the loop has heard (a connection that may be used again).
  bool is_quiet();

  // ---- writing
  // Tries to write everything; what was not taken is left in `pieces` (which is changed). kAgain: some is left.
  Io write_some(std::span<iovec>& pieces);
  auto writable() { return watch_->writable(); }
  void expect_writable() { watch_->write_blocked(); }  // it cannot be written yet: it connects
  // Until everything is written. False: the connection is broken.
  Task<bool> write_all(std::span<iovec> pieces);
  // No more bytes go out; what is on its way arrives.
  void shut_down_sending();

  // ---- time
  void read_within(std::int64_t ms) { set_deadline(read_until_ms_, ms); }
  void write_within(std::int64_t ms) { set_deadline(write_until_ms_, ms); }
  void read_whenever() { read_until_ms_ = Wheel::kNever; }
  void write_whenever() { write_until_ms_ = Wheel::kNever; }
  bool late() const { return late_; }
  bool late_writing() const { return late_writing_; }  // it was the deadline of a write

  void close();
  // Closes so that the other side cannot take it for a clean end.
  void reset();
  void secure(std::unique_ptr<Cipher> cipher) { cipher_ = std::move(cipher); }
  Cipher* cipher() const { return cipher_.get(); }
  // Completes the handshake of the cipher.
  Task<bool> handshake();
  void adopt(int fd);  // of a stream that was not connected

 private:
  void fire() override;
  void end(bool goodbye);
  void set_deadline(std::int64_t& deadline, std::int64_t ms) {
    deadline = loop_.now_ms() + ms;
    if (!is_set() || deadline < due_ms()) set(loop_.wheel(), deadline);
  }
  void learn(const Cipher::Done& done);

  Loop& loop_;
  int fd_;
  std::optional<Watch> watch_;
  Buffer input_;
  std::int64_t read_until_ms_ = Wheel::kNever;
  std::int64_t write_until_ms_ = Wheel::kNever;
  bool late_ = false;
  bool late_writing_ = false;
  bool broken_ = false;  // a call failed: the end that comes next is none
  std::unique_ptr<Cipher> cipher_;
};

// Where to connect: a Unix socket's path, or host (address or name) and port.
struct Address {
  std::string unix_path;
  std::string host;
  std::uint16_t port = 0;
  std::string text() const;
};

// 0, or an errno (ETIMEDOUT: `limit_ms` was over; EHOSTUNREACH: the name is not known).
// REQUIRES: the stream is not connected.
Task<int> connect(Stream& stream, const Address& address, std::int64_t limit_ms);

void set_no_delay(int fd);
// "192.0.2.1", "::1"; "unix" for a Unix socket.
std::string peer_text(int fd);
// Of the bytes of an address, IPv4 in the first four.
std::string address_text(std::span<const std::uint8_t> bytes, bool six);

}  // namespace homing::io
