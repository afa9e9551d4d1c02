// SPDX-License-Identifier: Apache-2.0
//
// TLS towards people: certificates chosen by the name asked for, tickets that any router of the cluster can resume.
//
// Intuition: a TlsServer is an immutable bundle made from files. Reloading is loading another bundle and putting it in
// the place of the first (TlsSlot): a connection keeps the SSL it began with, and with it everything that SSL needs, so
// nothing is closed and no file is read while people are served. A file that is wrong leaves the old bundle in place.
//
// What is spoken: TLS 1.2 and 1.3 with the suites and curves of Mozilla's "intermediate" profile but finite-field DHE
// (it costs a client nothing and us much: CVE-2002-20001); the server's order, ChaCha20 first for who prefers it.
// http/1.1 only: a client that offers ALPN without it is refused, as RFC 7301 asks. No renegotiation, no compression,
// no early data.
//
// Tickets: sealed with keys that the routers share (RFC 5077 section 4); nothing is kept per session here. A ticket is
// good for kTicketLife and only under the same rules for client certificates; one sealed with an older key is accepted
// and replaced.
//
// Names: exact, then "*.rest" for one label in place of the star; the first certificate that has a name serves it; a
// name that nobody has, or none at all, gets the first certificate. A certificate with the names of an earlier one and
// another type of key joins it (RSA beside ECDSA).
//
// Invariants: no socket, no clock but OpenSSL's own look at validity, no I/O after load.
// REQUIRES of who uses an SSL*: ERR_clear_error() before each operation (SSL_get_error reads the thread's queue), and
// reading on until WANT_READ, since whole records are read ahead. Many clients close without close_notify: that is an
// SSL_ERROR_SSL ("unexpected eof while reading"), the other side gone, and where a length was promised a cut.
//
// Source: RFC 8446, 5246, 5077, 6066, 7301; Mozilla's server-side TLS guide 5.7; nginx's and HAProxy's ticket
// callbacks.
//
// Thread class: TlsServer is immutable, TlsSlot thread-safe; an SSL belongs to its connection's thread.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "router/base/door_config.h"
#include "router/net/tls_files.h"

namespace homing::net {

inline constexpr std::chrono::hours kTicketLife{24};

class TlsServer {
 public:
  // Every mistake a line, each with its file; or the bundle. With `previous` the bundle before it: when the
  // configuration names no ticket keys, what that one sealed can still be resumed.
  // Without certificates that is a mistake too: TLS is turned off by a restart.
  static std::expected<std::shared_ptr<const TlsServer>, std::string> load(const base::TlsConfig& config,
                                                                           const TlsServer* previous = nullptr);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // A connection's side, waiting for a ClientHello; its caller gives it BIOs or a descriptor. It may outlive the
  // bundle.
  SslPtr new_ssl() const;

  const std::vector<std::string>& warnings() const { return warnings_; }
  // "2 certificates for site.example.org, *.example.org; 3 ticket keys", for the log and `config reload`.
  const std::string& text() const { return text_; }

 private:
  struct Tickets;
  struct State;
  class Loader;
  static int state_index();
  static int pick_certificate(SSL* ssl, int* alert, void* state);
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int seal);
  TlsServer() = default;

  SslContextPtr context_;  // of the first certificate; it owns the others
  std::shared_ptr<const Tickets> tickets_;
  bool shared_tickets_ = false;
  std::vector<std::string> warnings_;
  std::string text_;
};

// Subject of the client's verified certificate as RFC 2253 text ("CN=ada,O=example"); nothing when there is none.
// REQUIRES: the handshake is over.
std::optional<std::string> client_subject(const SSL* ssl);

// The bundle in force.
class TlsSlot {
 public:
  std::shared_ptr<const TlsServer> get() const;
  // Loads anew and puts it in force; on an error the one in force stays, and the error says why.
  std::expected<std::shared_ptr<const TlsServer>, std::string> reload(const base::TlsConfig& config);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsServer> current_;
};

}  // namespace homing::net
