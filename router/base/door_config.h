// SPDX-License-Identifier: Apache-2.0
//
// The part of a node's configuration that its doors need: TLS towards people, TLS between routers, times and limits of
// connections, what a front balancer may say, the access log. Read by router_config.h; router/dist/homing.example.toml
// shows every key.
//
// Intuition: [tls] and [cluster-tls] name files only. Reading the configuration does not open them, since homingctl and
// the launcher read the same file without being allowed to see the keys; router/net/tls.h opens them and says what is
// wrong with their content.
// A limit of 0 means "no limit" for counts and rates; a time always has an end, so a time of 0 is refused but for hsts.
// Thread class: plain values; the readers are thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "router/base/config_text.h"
#include "router/core/instant.h"

namespace homing::base {

enum class ClientCertificates : std::uint8_t {
  kOff,       // not asked for
  kOptional,  // asked for; one that does not verify ends the handshake, none is fine
  kRequired,
};

// One certificate (PEM: the server's own first, then its chain) and its private key (PEM, no passphrase).
struct CertificateFiles {
  std::string cert;
  std::string key;
};

// [tls]
struct TlsConfig {
  std::vector<CertificateFiles> certificates = {};  // empty: the doors speak plain HTTP; the first is the default
  // Keys of session tickets, the same file on every node, so that a person's TLS session goes on at whichever router
  // they reach next. A text: a line a key, 80 bytes in base 64; the first encrypts, all decrypt; "#" begins a comment.
  // Nothing: a key of this process alone.
  std::optional<std::string> ticket_keys = {};
  std::optional<std::string> client_ca = {};  // PEM, one or more
  ClientCertificates client_certificates = ClientCertificates::kOff;
  std::uint16_t redirect_port = 0;  // plain HTTP on the node's own host, answered by a redirect; 0: none
  std::uint16_t https_port = 0;     // the port a redirect names; 0: that of the node's address
  core::Duration hsts{0};           // Strict-Transport-Security; 0: not sent

  bool on() const { return !certificates.empty(); }
};

// [cluster-tls]: mutual TLS between routers. The certificate says whose it is by one URI among its subject alternative
// names, "homing:node:NAME". A URI, since DNS names are given out by public authorities for quite other reasons, a
// common name has no type, and a node's name is no host name; the name alone and not the incarnation, since a
// certificate outlives reboots and the incarnation is bound by the sealed head of each forwarded request.
struct ClusterTlsConfig {
  std::string cert;
  std::string key;
  std::string ca;  // one or more: two while the authority is being changed
};

// [limits]. Counts beyond a maximum are closed at once; who is over a time is told (408, 503, 504) where an answer can
// still be sent, and closed.
struct LimitsConfig {
  core::Duration header_deadline = core::seconds(30);  // a whole request head, from its first byte
  core::Duration keep_alive = core::seconds(75);       // between two requests of a connection
  core::Duration body_stall = core::seconds(60);       // no byte of a request's body
  core::Duration body_grace = core::seconds(20);       // of waiting for the client, after which body_min_rate counts
  std::uint64_t body_min_rate = 500;                   // bytes a second of waiting for the client; 0: no limit
  core::Duration connect = core::seconds(3);           // to a session process or another router
  core::Duration first_byte = core::seconds(600);      // from the whole request sent on to the answer's head
  core::Duration answer_stall = core::seconds(3600);   // no byte of an answer's body (event streams are quiet)
  core::Duration write_stall = core::seconds(60);      // the other side takes nothing
  core::Duration tunnel_idle = core::seconds(8 * 3600);
  core::Duration upgrade_deadline = core::seconds(8 * 3600);  // an upgraded router's tunnels; then 1012 to each
  std::uint32_t max_connections = 20'000;                     // of this router, all listeners together
  std::uint32_t connections_per_address = 0;                  // 0: no limit; people behind one gateway share an address
  std::uint32_t connections_per_user = 0;                     // 0: no limit
};

// Whether connections of listen.trusted-socket begin with a PROXY header (router/wire/proxy_header.h). Never guessed.
enum class ProxyProtocol : std::uint8_t { kOff, kRequired };

enum class AccessLog : std::uint8_t { kJson, kCombined, kOff };

// Turns a value into an absolute path, as the reader of the whole file does.
using PathReader = std::function<std::optional<std::string>(const Value&)>;

TlsConfig read_tls(const Section& tls, const PathReader& path);
std::optional<ClusterTlsConfig> read_cluster_tls(const Section& tls, const PathReader& path);
LimitsConfig read_limits(const Section& limits);

// Words of the configuration.
const char* to_string(ClientCertificates use);
const char* to_string(ProxyProtocol use);
const char* to_string(AccessLog form);

}  // namespace homing::base
