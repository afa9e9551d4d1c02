// SPDX-License-Identifier: Apache-2.0
#include "router/io/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "router/core/check.h"
#include "router/io/resolver.h"
#include "router/io/waiting.h"

namespace homing::io {

namespace {

constexpr std::size_t kMaxPieces = 16;
constexpr std::size_t kMaxUnixPath = 107;
constexpr std::int64_t kAskAgainMs = 20;

std::size_t size_of(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

// Takes `size` bytes from the front.
void advance(std::span<iovec>& pieces, std::size_t size) {
  while (!pieces.empty() && size >= pieces.front().iov_len) {
    size -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (size == 0) return;
  pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + size;
  pieces.front().iov_len -= size;
}

}  // namespace

Stream::Stream(Loop& loop, int fd) : loop_(loop), fd_(-1), input_(loop.blocks()) {
  if (fd >= 0) adopt(fd);
}

Stream::~Stream() {
  close();
}

void Stream::adopt(int fd) {
  CHECK(fd_ < 0 && fd >= 0 && !late_);
  fd_ = fd;
  watch_.emplace(loop_, fd);
  if (loop_.closing()) close();
}

void Stream::close() {
  end(true);
}

void Stream::end(bool goodbye) {
  stop();
  if (fd_ < 0) return;
  if (cipher_ && goodbye) cipher_->shut_down();
  watch_->abandon();
  ::close(fd_);
  fd_ = -1;
}

void Stream::reset() {
  if (fd_ < 0) return;
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  end(false);
}

void Stream::fire() {
  if (fd_ < 0) return;
  const std::int64_t now = loop_.now_ms();
  if (loop_.closing()) return close();
  if (write_until_ms_ <= now) {
    late_ = late_writing_ = true;
    return close();
  }
  if (read_until_ms_ <= now && !late_) {
    late_ = true;
    if (!watch_->wake_reader()) return close();
  }
  const std::int64_t due = late_ ? write_until_ms_ : std::min(read_until_ms_, write_until_ms_);
  if (due != Wheel::kNever) set(loop_.wheel(), due);
}

void Stream::learn(const Cipher::Done& done) {
  if (done.state != Io::kAgain && !done.drained) return;
  if (done.wants_write) {
    watch_->read_waits_for_writing();
  } else {
    watch_->read_drained();
  }
}

Io Stream::read_some(std::span<char> room, std::size_t& size) {
  size = 0;
  if (fd_ < 0 || late_) return Io::kError;
  if (cipher_) {
    const Cipher::Done done = cipher_->read(room);
    learn(done);
    size = done.size;
    return done.state;
  }
  for (;;) {
    const ssize_t got = ::recv(fd_, room.data(), room.size(), 0);
    if (got > 0) {
      size = static_cast<std::size_t>(got);
      if (size < room.size()) watch_->read_drained();
      return Io::kOk;
    }
    // After a reset has been told once, to a writer perhaps, the kernel says 0.
    if (got == 0) return broken_ || watch_->broken() ? Io::kError : Io::kEnd;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      broken_ = true;
      return Io::kError;
    }
    // An end that was announced and is not here yet would be waited for until the kernel speaks again.
    watch_->read_drained();
    return Io::kAgain;
  }
}

Io Stream::fill(bool large) {
  if (fd_ < 0 || late_) return Io::kError;
  if (!watch_->can_read()) return Io::kAgain;
  const std::span<char> room = input_.room(large);
  CHECK(!room.empty());
  std::size_t size = 0;
  const Io result = read_some(room, size);
  input_.commit(size);
  return result;
}

bool Stream::is_quiet() {
  if (fd_ < 0 || !input_.empty() || watch_->hung_up() || (cipher_ && cipher_->holds_input())) return false;
  // Drained by its last read, and the kernel has said nothing since: no call is made to hear it again.
  if (!watch_->can_read()) return true;
  char byte = 0;
  if (::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
  watch_->read_drained();
  return true;
}

Io Stream::write_some(std::span<iovec>& pieces) {
  if (fd_ < 0) return Io::kError;
  while (!pieces.empty()) {
    if (cipher_) {
      const Cipher::Done done = cipher_->write(pieces);
      if (done.state == Io::kAgain) {
        if (done.wants_read) {
          watch_->write_waits_for_reading();
        } else {
          watch_->write_blocked();
        }
        return Io::kAgain;
      }
      if (done.state != Io::kOk) return Io::kError;
      advance(pieces, done.size);
      continue;
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = std::min(pieces.size(), kMaxPieces);
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        broken_ = true;
        return Io::kError;
      }
      watch_->write_blocked();
      return Io::kAgain;
    }
    const std::size_t asked = size_of(pieces.first(message.msg_iovlen));
    advance(pieces, static_cast<std::size_t>(sent));
    if (static_cast<std::size_t>(sent) < asked) {
      watch_->write_blocked();
      return Io::kAgain;
    }
  }
  return Io::kOk;
}

Task<bool> Stream::write_all(std::span<iovec> pieces) {
  for (;;) {
    const Io result = write_some(pieces);
    if (result != Io::kAgain) co_return result == Io::kOk;
    co_await writable();
  }
}

Task<bool> Stream::handshake() {
  if (!cipher_) co_return true;
  for (;;) {
    if (fd_ < 0 || late_) co_return false;
    const Cipher::Done done = cipher_->handshake();
    if (done.state == Io::kOk) co_return true;
    if (done.state != Io::kAgain) co_return false;
    learn(done);
    if (done.wants_write) {
      co_await writable();
    } else {
      co_await readable();
    }
  }
}

void Stream::shut_down_sending() {
  if (fd_ < 0) return;
  if (cipher_) cipher_->shut_down();
  ::shutdown(fd_, SHUT_WR);
}

std::string Address::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Task<int> connect(Stream& stream, const Address& address, std::int64_t limit_ms) {
  std::optional<SocketAddress> to;
  if (!address.unix_path.empty()) {
    if (address.unix_path.size() > kMaxUnixPath) co_return ENAMETOOLONG;
    to = unix_address(address.unix_path);
  } else {
    to = numeric_address(address.host, address.port);
    if (!to) to = co_await resolve(stream.loop(), address.host, address.port, limit_ms);
    if (!to) co_return EHOSTUNREACH;
  }
  int fd = -1;
  int error = 0;
  for (const std::int64_t until = stream.loop().now_ms() + limit_ms;;) {
    fd = ::socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) co_return errno;
    if (to->storage.ss_family != AF_UNIX) set_no_delay(fd);
    const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&to->storage), to->size);
    error = result == 0 ? 0 : errno;
    if (error == 0 || error == EINPROGRESS) break;
    ::close(fd);
    if (error != EAGAIN) co_return error;
    // The queue of a Unix socket is full: it is busy. The kernel does not tell when there is room.
    if (stream.loop().now_ms() >= until) co_return ETIMEDOUT;
    co_await Sleep(stream.loop(), kAskAgainMs);
    if (stream.loop().closing()) co_return ECANCELED;
  }
  stream.adopt(fd);
  if (error == 0) co_return 0;
  stream.write_within(limit_ms);
  stream.expect_writable();
  co_await stream.writable();
  stream.write_whenever();
  if (!stream.is_open()) co_return stream.late() ? ETIMEDOUT : ECANCELED;
  int outcome = 0;
  socklen_t size = sizeof outcome;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &outcome, &size) != 0) outcome = errno;
  if (outcome != 0) stream.close();
  co_return outcome;
}

void set_no_delay(int fd) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

std::string peer_text(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "unix";
  char text[INET6_ADDRSTRLEN] = {};
  if (storage.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof text);
    return text;
  }
  if (storage.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text, sizeof text);
    return text;
  }
  return "unix";
}

std::string address_text(std::span<const std::uint8_t> bytes, bool six) {
  CHECK(bytes.size() >= (six ? sizeof(in6_addr) : sizeof(in_addr)));
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(six ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

}  // namespace homing::io
