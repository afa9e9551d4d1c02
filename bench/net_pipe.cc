// SPDX-License-Identifier: Apache-2.0
#include "bench/net_pipe.h"

#include <openssl/err.h>

#include <cerrno>

namespace homing::bench {

TlsContext make_tls() {
  TlsContext out(SSL_CTX_new(TLS_client_method()));
  if (!out) fail("OpenSSL gives no context");
  SSL_CTX_set_session_cache_mode(out.get(), SSL_SESS_CACHE_OFF);
  return out;
}

Pipe::Pipe(const Address& to, SSL_CTX* tls) : fd_(connect_to(to)) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls));
  SSL_set_fd(ssl_.get(), fd_.get());
  SSL_set_tlsext_host_name(ssl_.get(), "bench.test");
  SSL_set_connect_state(ssl_.get());
}

ssize_t Pipe::result(int done) const {
  if (done > 0) return done;
  const int error = SSL_get_error(ssl_.get(), done);
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  const bool wait = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  if (error == SSL_ERROR_SSL) {
    // An end without a farewell is an end; everything else is a proxy that cannot speak TLS.
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return ERR_clear_error(), 0;
    fail(std::string("TLS: ") + ERR_reason_error_string(ERR_get_error()));
  }
  errno = wait ? EAGAIN : errno != 0 ? errno : ECONNRESET;
  return -1;
}

ssize_t Pipe::send(std::string_view bytes) {
  if (!ssl_) return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return result(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())));
}

ssize_t Pipe::receive(std::span<char> into) {
  if (!ssl_) return ::recv(fd_.get(), into.data(), into.size(), 0);
  return result(SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size())));
}

}  // namespace homing::bench
