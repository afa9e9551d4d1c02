// SPDX-License-Identifier: Apache-2.0
//
// TLS on an io::Stream: the SSL reads and writes the stream's own socket, and what it says is told as a socket would.
//
// Intuition: small pieces (a head and the beginning of a body) go out as one record and one system call; a read goes on
// until the socket is empty or the room is full, since a record read ahead is not announced by the kernel again.
// Thread class: single-owner (the stream's loop).
#pragma once

#include <memory>

#include "router/io/stream.h"
#include "router/net/tls_files.h"

namespace homing::net {

class TlsStream final : public io::Cipher {
 public:
  // REQUIRES: `ssl` is in accept or connect state; `fd` is the stream's.
  TlsStream(SslPtr ssl, int fd);
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Done handshake() override;
  Done read(std::span<char> room) override;
  Done write(std::span<const iovec> pieces) override;
  bool holds_input() const override;
  void shut_down() override;

  const SSL* ssl() const { return ssl_.get(); }
  bool established() const { return established_; }

  // What the BIO knows of the socket.
  struct Socket {
    int fd = -1;
    bool drained = false;  // the last read of the present call came back short
    bool ended = false;
  };

 private:
  Done failed(int result);
  Socket socket_;  // before ssl_, whose BIO refers to it
  SslPtr ssl_;
  bool established_ = false;
  bool broken_ = false;
};

}  // namespace homing::net
