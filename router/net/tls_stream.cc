// SPDX-License-Identifier: Apache-2.0
#include "router/net/tls_stream.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "router/core/check.h"

namespace homing::net {

namespace {

constexpr std::size_t kRecord = 16 * 1024;  // the payload of one record (RFC 8446 section 5.1)

}  // namespace

TlsStream::TlsStream(SslPtr ssl, int fd) : ssl_(std::move(ssl)) {
  CHECK(ssl_ && SSL_set_fd(ssl_.get(), fd) == 1);
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
  while (done.size < room.size()) {
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_read_ex(ssl_.get(), room.data() + done.size, room.size() - done.size, &size);
    if (result == 1) {
      done.size += size;
      continue;
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
