// SPDX-License-Identifier: Apache-2.0
//
// A client's connection, in the clear or over TLS, without blocking: what the load generators write to and read from.
//
// The handshake happens inside the first send(), which says EAGAIN until it is over; call it again when the socket is
// readable. Certificates are not checked: what is measured is the proxy, and every one shows the same. Sessions are
// never resumed, so each new connection is a full handshake.
// Thread class: single-owner.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string_view>

#include "bench/net_socket.h"

namespace homing::bench {

struct SslDelete {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, SslDelete>;
TlsContext make_tls();

class Pipe {
 public:
  Pipe() = default;
  // `tls` may be null: in the clear.
  Pipe(const Address& to, SSL_CTX* tls);
  int fd() const { return fd_.get(); }
  // As send(2) and recv(2): -1 with errno, EAGAIN when the socket must become readable first.
  ssize_t send(std::string_view bytes);
  ssize_t receive(std::span<char> into);

 private:
  ssize_t result(int done) const;
  Fd fd_;
  std::unique_ptr<SSL, SslDelete> ssl_;
};

}  // namespace homing::bench
