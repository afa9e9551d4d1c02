// SPDX-License-Identifier: Apache-2.0
//
// TLS between routers: both sides show a certificate of the cluster's authority, and each knows which node it talks to.
//
// Intuition: an address says nothing about who is there (addresses get reused), the certificate does. Its one URI
// "homing:node:NAME" is the node's name; whoever connects says which node it wants and the handshake fails when another
// answers, whoever accepts asks peer_node() afterwards and compares with what the sealed head says (cluster.md 7).
// TLS 1.3 only, both ways, so nobody who listens sees who the nodes are. A session of each node is kept for the next
// connection to it: a reconnect costs no signature and no chain.
//
// Invariants: a kept session is offered only to the node that it was made with. Tickets are sealed with a key of each
// bundle alone, so no node resumes what another one made. Only the authorities of the file count, never the system's.
// A resumed session is good for at most kPeerTicketLife after the certificate was verified, and never beyond its end.
// What it does not do: revocation lists. A node is shut out by the member list, or by a change of authority.
// Source: RFC 8446 4.6.1, 4.4.2; SPIFFE's X.509 identities for the URI and the rule that there is exactly one.
// Thread class: TlsPeers is immutable but for its thread-safe cache; an SSL belongs to its connection's thread.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/door_config.h"
#include "router/net/tls_files.h"

namespace homing::net {

inline constexpr std::chrono::hours kPeerTicketLife{1};

class TlsPeers {
 public:
  // Every mistake a line, each with its file and the fix; or the bundle. `self` is this node's name, which its
  // certificate must have.
  static std::expected<std::shared_ptr<const TlsPeers>, std::string> load(const base::ClusterTlsConfig& config,
                                                                          std::string_view self);
  // A router that connected to us. It may outlive the bundle, as the next.
  SslPtr accept_ssl() const;
  // To the router of `node`: the handshake fails when its certificate names another.
  SslPtr connect_ssl(std::string_view node) const;

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  class Loader;
  TlsPeers() = default;

  SslContextPtr server_;
  SslContextPtr client_;
  std::vector<std::string> warnings_;
};

// The node at the other end, by its verified and still valid certificate; nothing while the handshake is not over.
std::optional<std::string> peer_node(const SSL* ssl);

// The node that a certificate names: the one URI "homing:node:NAME" in it; nothing when there is none, or several.
std::optional<std::string> node_of(const X509* cert);

}  // namespace homing::net
