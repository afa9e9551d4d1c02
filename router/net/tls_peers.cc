// SPDX-License-Identifier: Apache-2.0
#include "router/net/tls_peers.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "router/core/check.h"

namespace homing::net {
namespace {

constexpr std::string_view kNodeUri = "homing:node:";
constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxSessions = 4096;  // nodes; of further ones no session is kept

// The last session of each node. Owned by the client context, which connections keep alive. What is kept and what is
// offered are copies: OpenSSL spoils the session of a connection that is freed without a close_notify, as those that a
// failing network ends are (a rule of TLS 1.0 that 1.1 took back).
class Sessions {
 public:
  static int index() {
    static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &Sessions::release);
    return kIndex;
  }
  static Sessions& of(const SSL* ssl) {
    return *static_cast<Sessions*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index()));
  }

  void keep(const std::string& node, SSL_SESSION* made) {
    SslSessionPtr session(SSL_SESSION_dup(made));
    if (session == nullptr) return;
    const std::lock_guard lock(mutex_);
    const auto place = by_node_.find(node);
    if (place != by_node_.end()) {
      place->second.swap(session);  // the old one is freed after the lock
    } else if (by_node_.size() < kMaxSessions) {
      by_node_.emplace(node, std::move(session));
    }
  }
  void offer(SSL* ssl, std::string_view node) {
    SslSessionPtr session;
    {
      const std::lock_guard lock(mutex_);
      const auto kept = by_node_.find(node);
      if (kept != by_node_.end()) session.reset(SSL_SESSION_dup(kept->second.get()));
    }
    if (session != nullptr) CHECK(SSL_set_session(ssl, session.get()) == 1);
  }

 private:
  static void release(void*, void* sessions, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<Sessions*>(sessions);
  }

  std::mutex mutex_;
  std::map<std::string, SslSessionPtr, std::less<>> by_node_;
};

// The node that a connecting SSL wants; null on an accepting one.
void release_name(void*, void* name, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<std::string*>(name);
}
int wanted_index() {
  static const int kIndex = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &release_name);
  return kIndex;
}
const std::string* wanted_node(const SSL* ssl) {
  return static_cast<const std::string*>(SSL_get_ex_data(ssl, wanted_index()));
}

int verify(int good, X509_STORE_CTX* store) {
  if (good != 1 || X509_STORE_CTX_get_error_depth(store) != 0) return good;
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const std::string* wanted = wanted_node(ssl);
  const auto node = node_of(X509_STORE_CTX_get_current_cert(store));
  if (node && (wanted == nullptr || *wanted == *node)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  return 0;
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  if (const std::string* node = wanted_node(ssl)) Sessions::of(ssl).keep(*node, session);
  return 0;  // the reference stays theirs
}

bool is_node_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, good);
}

}  // namespace

class TlsPeers::Loader {
 public:
  Loader(const base::ClusterTlsConfig& config, std::string_view self) : config_(config), self_(self) {}

  std::expected<std::shared_ptr<const TlsPeers>, std::string> load() {
    identity_ = read_identity(config_.cert, config_.key, "cluster certificate", notes_);
    authorities_ = read_authorities(config_.ca, notes_);
    if (identity_) check_name();
    if (identity_ && !authorities_.empty()) {
      check_chain(X509_PURPOSE_SSL_SERVER, "serverAuth") && check_chain(X509_PURPOSE_SSL_CLIENT, "clientAuth");
    }
    if (!notes_.errors.empty()) return std::unexpected(notes_.error_text());
    auto peers = std::shared_ptr<TlsPeers>(new TlsPeers());
    peers->server_ = make_server();
    peers->client_ = make_client();
    if (!notes_.errors.empty()) return std::unexpected(notes_.error_text());
    peers->warnings_ = std::move(notes_.warnings);
    return peers;
  }

 private:
  void check_name() {
    const X509* cert = identity_->cert.get();
    const auto node = node_of(cert);
    if (node == self_) return;
    std::string found = node ? fmt::format("names node \"{}\"", *node) : "names no node";
    if (!node && std::ranges::count_if(uris(cert), [](const auto& uri) { return uri.starts_with(kNodeUri); }) > 1) {
      found = "names several nodes";
    }
    notes_.errors.push_back(
        fmt::format("{}: {}, and this is \"{}\"; expected the URI {}{} among its subject alternative "
                    "names",
                    config_.cert, found, self_, kNodeUri, self_));
  }

  // Would the others believe our certificate? Its dates are warnings already.
  bool check_chain(int purpose, const char* usage) {
    const std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>> look(X509_STORE_CTX_new());
    STACK_OF(X509)* chain = sk_X509_new_null();
    CHECK(store != nullptr && look != nullptr && chain != nullptr);
    for (const X509Ptr& cert : authorities_) CHECK(X509_STORE_add_cert(store.get(), cert.get()) == 1);
    for (const X509Ptr& cert : identity_->chain) CHECK(sk_X509_push(chain, cert.get()) > 0);
    CHECK(X509_STORE_CTX_init(look.get(), store.get(), identity_->cert.get(), chain) == 1);
    X509_STORE_CTX_set_flags(look.get(), X509_V_FLAG_NO_CHECK_TIME);
    CHECK(X509_STORE_CTX_set_purpose(look.get(), purpose) == 1);
    const bool good = X509_verify_cert(look.get()) == 1;
    const int error = X509_STORE_CTX_get_error(look.get());
    sk_X509_free(chain);
    ERR_clear_error();
    if (good) return true;
    notes_.errors.push_back(
        error == X509_V_ERR_INVALID_PURPOSE
            ? fmt::format("{}: its extendedKeyUsage lacks {}; expected serverAuth and clientAuth, or none at all",
                          config_.cert, usage)
            : fmt::format("{}: no authority of {} signed it ({}); expected a certificate of this cluster", config_.cert,
                          config_.ca, X509_verify_cert_error_string(error)));
    return false;
  }

  SslContextPtr make_context(const SSL_METHOD* method) {
    SslContextPtr made = new_context(method, TLS1_3_VERSION);
    SSL_CTX* context = made.get();
    SSL_CTX_set_timeout(context, std::chrono::seconds(kPeerTicketLife).count());
    trust(context, authorities_);
    use_identity(context, *identity_, notes_);
    return made;
  }

  SslContextPtr make_server() {
    SslContextPtr made = make_context(TLS_server_method());
    SSL_CTX* context = made.get();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, &verify);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    CHECK(SSL_CTX_set_num_tickets(context, 1) == 1);
    const std::string id = digest_of(authorities_);
    CHECK(id.size() == SSL_MAX_SID_CTX_LENGTH);
    CHECK(SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(id.data()),
                                         static_cast<unsigned>(id.size())) == 1);
    return made;
  }

  SslContextPtr make_client() {
    SslContextPtr made = make_context(TLS_client_method());
    SSL_CTX* context = made.get();
    CHECK(SSL_CTX_set_ex_data(context, Sessions::index(), new Sessions) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &verify);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &keep_session);
    return made;
  }

  const base::ClusterTlsConfig& config_;
  std::string_view self_;
  TlsNotes notes_;
  std::optional<Identity> identity_;
  std::vector<X509Ptr> authorities_;
};

std::expected<std::shared_ptr<const TlsPeers>, std::string> TlsPeers::load(const base::ClusterTlsConfig& config,
                                                                           std::string_view self) {
  return Loader(config, self).load();
}

SslPtr TlsPeers::accept_ssl() const {
  SslPtr ssl(SSL_new(server_.get()));
  CHECK(ssl != nullptr);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

SslPtr TlsPeers::connect_ssl(std::string_view node) const {
  SslPtr ssl(SSL_new(client_.get()));
  CHECK(ssl != nullptr);
  CHECK(SSL_set_ex_data(ssl.get(), wanted_index(), new std::string(node)) == 1);
  SSL_set_connect_state(ssl.get());
  Sessions::of(ssl.get()).offer(ssl.get(), node);
  return ssl;
}

std::optional<std::string> peer_node(const SSL* ssl) {
  if (SSL_is_init_finished(ssl) != 1 || SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
  const X509* cert = SSL_get0_peer_certificate(ssl);
  if (cert == nullptr || X509_cmp_current_time(X509_get0_notAfter(cert)) < 0) return std::nullopt;
  return node_of(cert);
}

std::optional<std::string> node_of(const X509* cert) {
  std::optional<std::string> found;
  for (const std::string& uri : uris(cert)) {
    if (!uri.starts_with(kNodeUri)) continue;
    if (found) return std::nullopt;
    found = uri.substr(kNodeUri.size());
  }
  if (found && !is_node_name(*found)) return std::nullopt;
  return found;
}

}  // namespace homing::net
