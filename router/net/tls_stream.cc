// SPDX-License-Identifier: Apache-2.0
#include "router/net/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "router/core/check.h"

namespace homing::net {

namespace {

constexpr std::size_t kRecord = 16 * 1024;  // the payload of one record (RFC 8446 section 5.1)

TlsStream::Socket& socket_of(BIO* bio) {
  return *static_cast<TlsStream::Socket*>(BIO_get_data(bio));
}

int read_socket(BIO* bio, char* room, std::size_t size, std::size_t* got) {
  TlsStream::Socket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  ssize_t result = 0;
  do {
    result = ::recv(socket.fd, room, size, 0);
  } while (result < 0 && errno == EINTR);
  socket.drained = result < static_cast<ssize_t>(size);
  if (result > 0) {
    *got = static_cast<std::size_t>(result);
    return 1;
  }
  if (result == 0) socket.ended = true;
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
  return 0;
}

int write_socket(BIO* bio, const char* bytes, std::size_t size, std::size_t* put) {
  BIO_clear_retry_flags(bio);
  ssize_t result = 0;
  do {
    result = ::send(socket_of(bio).fd, bytes, size, MSG_NOSIGNAL);
  } while (result < 0 && errno == EINTR);
  if (result > 0) {
    *put = static_cast<std::size_t>(result);
    return 1;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) BIO_set_retry_write(bio);
  return 0;
}

long control(BIO* bio, int what, long /*number*/, void* /*pointer*/) {
  if (what == BIO_CTRL_EOF) return socket_of(bio).ended ? 1 : 0;
  return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP ? 1 : 0;
}

// Made once, for the life of the program.
const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "homing socket");
    CHECK(made != nullptr && BIO_meth_set_read_ex(made, read_socket) == 1 &&
          BIO_meth_set_write_ex(made, write_socket) == 1 && BIO_meth_set_ctrl(made, control) == 1);
    return made;
  }();
  return method;
}

}  // namespace

TlsStream::TlsStream(SslPtr ssl, int fd) : socket_{fd, false, false}, ssl_(std::move(ssl)) {
  BIO* bio = BIO_new(socket_method());
  CHECK(ssl_ && bio != nullptr);
  BIO_set_data(bio, &socket_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes it
}

io::Cipher::Done TlsStream::failed(int result) {
  Done done;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      done.state = io::Io::kAgain;
      done.wants_read = true;
      break;
    case SSL_ERROR_WANT_WRITE:
      done.state = io::Io::kAgain;
      done.wants_write = true;
      break;
    case SSL_ERROR_ZERO_RETURN:
      done.state = io::Io::kEnd;
      break;
    default:
      // An end without a goodbye (truncation) is an error, never an end.
      broken_ = true;
      done.state = io::Io::kError;
  }
  return done;
}

io::Cipher::Done TlsStream::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return failed(result);
  established_ = true;
  Done done;
  done.state = io::Io::kOk;
  return done;
}

io::Cipher::Done TlsStream::read(std::span<char> room) {
  Done done;
  socket_.drained = false;
  while (done.size < room.size()) {
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_read_ex(ssl_.get(), room.data() + done.size, room.size() - done.size, &size);
    if (result == 1) {
      done.size += size;
      if (!socket_.drained || SSL_has_pending(ssl_.get()) == 1) continue;
      done.drained = true;
      break;
    }
    const Done why = failed(result);
    if (done.size == 0) return why;
    // What there is, first; an end or an error is met again by the next read.
    done.drained = why.state == io::Io::kAgain;
    done.wants_write = why.wants_write;
    break;
  }
  done.state = io::Io::kOk;
  return done;
}

io::Cipher::Done TlsStream::write(std::span<const iovec> pieces) {
  // The same bytes again after kAgain, which OpenSSL insists on: what is left begins with them, and the first record's
  // worth of it is the same.
  std::array<char, kRecord> record;
  const char* bytes = static_cast<const char*>(pieces.front().iov_base);
  std::size_t size = pieces.front().iov_len;
  if (size < kRecord && pieces.size() > 1) {
    size = 0;
    for (const iovec& piece : pieces) {
      const std::size_t part = std::min(piece.iov_len, kRecord - size);
      std::memcpy(record.data() + size, piece.iov_base, part);
      size += part;
      if (size == kRecord) break;
    }
    bytes = record.data();
  }
  Done done;
  if (size == 0) {
    done.state = io::Io::kOk;
    return done;
  }
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), bytes, size, &done.size);
  if (result != 1) return failed(result);
  done.state = io::Io::kOk;
  return done;
}

bool TlsStream::holds_input() const {
  return SSL_has_pending(ssl_.get()) != 0;
}

void TlsStream::shut_down() {
  if (!established_ || broken_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

}  // namespace homing::net
