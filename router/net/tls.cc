// SPDX-License-Identifier: Apache-2.0
#include "router/net/tls.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "router/core/check.h"

namespace homing::net {
namespace {

constexpr std::string_view kHttp11 = "http/1.1";
constexpr std::size_t kMaxName = 253;

int choose_http11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned size,
                  void*) {
  for (unsigned at = 0; at < size;) {
    const unsigned length = offered[at];
    if (length == 0 || length > size - at - 1) break;
    if (length == kHttp11.size() && std::memcmp(offered + at + 1, kHttp11.data(), length) == 0) {
      *out = offered + at + 1;
      *out_size = static_cast<unsigned char>(length);
      return SSL_TLSEXT_ERR_OK;
    }
    at += 1 + length;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct TlsServer::Tickets {
  std::vector<TicketKey> keys;  // never empty; the first seals
  std::unique_ptr<EVP_CIPHER, FreeWith<EVP_CIPHER_free>> cipher{EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)};
};

// What the callbacks of a context need; owned by the context, since connections keep contexts alive and not bundles.
struct TlsServer::State {
  std::shared_ptr<const Tickets> tickets;
  // Only in the state of the first certificate's context. Null: that context itself, which must not own itself.
  std::map<std::string, SSL_CTX*, std::less<>> names;
  std::vector<SslContextPtr> others;

  static void release(void*, void* state, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<State*>(state); }

  static State* of(SSL_CTX* context) { return static_cast<State*>(SSL_CTX_get_ex_data(context, state_index())); }

  // The context that serves `name`, null for the first one.
  SSL_CTX* find(std::string_view name) const {
    if (const auto exact = names.find(name); exact != names.end()) return exact->second;
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos || dot == 0) return nullptr;
    std::array<char, kMaxName + 2> pattern{};
    pattern[0] = '*';
    const std::string_view rest = name.substr(dot);
    std::ranges::copy(rest, pattern.begin() + 1);
    const auto wild = names.find(std::string_view(pattern.data(), rest.size() + 1));
    return wild != names.end() ? wild->second : nullptr;
  }
};

int TlsServer::state_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &State::release);
  return kIndex;
}

int TlsServer::pick_certificate(SSL* ssl, int*, void* state) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const std::size_t size = std::strlen(asked);
  if (size > kMaxName) return SSL_TLSEXT_ERR_NOACK;
  std::array<char, kMaxName> lower{};
  std::transform(asked, asked + size, lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (SSL_CTX* context = static_cast<const State*>(state)->find({lower.data(), size})) {
    if (SSL_set_SSL_CTX(ssl, context) == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  return SSL_TLSEXT_ERR_OK;
}

// 1: go on; 2: go on, and give the client a new ticket; 0: no ticket of ours; -1: failed.
int TlsServer::ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                          int seal) {
  const Tickets& tickets = *State::of(SSL_get_SSL_CTX(ssl))->tickets;
  const TicketKey* key = &tickets.keys.front();
  if (seal == 1) {
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(tickets.cipher.get())) != 1) return -1;
    std::ranges::copy(key->name, name);
  } else {
    const auto named = [name](const TicketKey& one) {
      return std::memcmp(one.name.data(), name, one.name.size()) == 0;
    };
    const auto found = std::ranges::find_if(tickets.keys, named);
    if (found == tickets.keys.end()) return 0;
    key = &*found;
  }
  std::array<char, 7> digest{"SHA256"};
  std::array<unsigned char, 32> mac_key = key->mac;  // OpenSSL's parameters are not const
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key.data(), mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end(),
  };
  const bool ready = EVP_MAC_CTX_set_params(mac, params) == 1 &&
                     EVP_CipherInit_ex2(cipher, tickets.cipher.get(), key->cipher.data(), iv, seal, nullptr) == 1;
  OPENSSL_cleanse(mac_key.data(), mac_key.size());
  if (!ready) return -1;
  return seal == 0 && key != &tickets.keys.front() ? 2 : 1;
}

// One load: reads everything, then makes the contexts when nothing is wrong.
class TlsServer::Loader {
 public:
  Loader(const base::TlsConfig& config, const TlsServer* previous) : config_(config), previous_(previous) {}

  std::expected<std::shared_ptr<const TlsServer>, std::string> load() {
    for (const base::CertificateFiles& files : config_.certificates) {
      if (auto identity = read_identity(files.cert, files.key, "certificate", notes_)) {
        identities_.push_back(std::move(*identity));
      }
    }
    if (config_.client_certificates != base::ClientCertificates::kOff && config_.client_ca) {
      authorities_ = read_authorities(*config_.client_ca, notes_);
    }
    read_tickets();
    if (!notes_.errors.empty()) return std::unexpected(notes_.error_text());
    auto server = std::shared_ptr<TlsServer>(new TlsServer());
    make_contexts(*server);
    if (!notes_.errors.empty()) return std::unexpected(notes_.error_text());
    server->tickets_ = tickets_;
    server->shared_tickets_ = config_.ticket_keys.has_value();
    server->warnings_ = std::move(notes_.warnings);
    server->text_ =
        fmt::format("{} certificate{} for {}; {} ticket key{}", identities_.size(), identities_.size() == 1 ? "" : "s",
                    fmt::join(shown_names_, ", "), tickets_->keys.size(), tickets_->keys.size() == 1 ? "" : "s");
    return server;
  }

 private:
  void read_tickets() {
    auto tickets = std::make_shared<Tickets>();
    CHECK(tickets->cipher != nullptr);
    if (config_.ticket_keys) {
      tickets->keys = read_ticket_keys(*config_.ticket_keys, notes_);
    } else {
      tickets->keys.push_back(TicketKey::random());
      if (previous_ != nullptr && !previous_->shared_tickets_) {
        tickets->keys.push_back(previous_->tickets_->keys.front());
      }
    }
    tickets_ = std::move(tickets);
  }

  void make_contexts(TlsServer& server) {
    server.context_ = make_context();
    State* state = State::of(server.context_.get());
    SSL_CTX_set_tlsext_servername_callback(server.context_.get(), &pick_certificate);
    SSL_CTX_set_tlsext_servername_arg(server.context_.get(), state);
    std::vector<SSL_CTX*> contexts;  // by identity
    for (std::size_t i = 0; i < identities_.size(); ++i) {
      SSL_CTX* context = i == 0 ? server.context_.get() : twin_of(i, contexts);
      if (context == nullptr) {
        state->others.push_back(make_context());
        context = state->others.back().get();
      }
      contexts.push_back(context);
      use_identity(context, identities_[i], notes_);
      take_names(i, contexts, *state);
    }
    ERR_clear_error();
  }

  // The context of an earlier certificate with the same names and another type of key, or null.
  SSL_CTX* twin_of(std::size_t i, const std::vector<SSL_CTX*>& contexts) const {
    const Identity& mine = identities_[i];
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      const Identity& other = identities_[earlier];
      if (EVP_PKEY_get_base_id(mine.key.get()) == EVP_PKEY_get_base_id(other.key.get())) continue;
      if (dns_names(mine.cert.get()) == dns_names(other.cert.get())) return contexts[earlier];
    }
    return nullptr;
  }

  void take_names(std::size_t i, const std::vector<SSL_CTX*>& contexts, State& state) {
    const Identity& identity = identities_[i];
    const std::vector<std::string> names = dns_names(identity.cert.get());
    if (names.empty()) {
      notes_.warnings.push_back(fmt::format(
          "{}: \"{}\" has no DNS name (subjectAltName), so no client asks for it by "
          "name{}",
          identity.file, subject_text(identity.cert.get()), i == 0 ? "" : " and it is never used; take it out"));
    }
    bool used = false;
    for (const std::string& name : names) {
      const std::size_t star = name.find('*');
      if (star != std::string::npos &&
          (star != 0 || name.size() < 3 || name[1] != '.' || name.find('*', 1) != std::string::npos)) {
        notes_.warnings.push_back(fmt::format(
            "{}: the name \"{}\" matches nothing; a star stands for the whole first label", identity.file, name));
        continue;
      }
      SSL_CTX* context = contexts[i] == contexts[0] ? nullptr : contexts[i];
      const auto [place, fresh] = state.names.try_emplace(name, context);
      if (fresh) shown_names_.push_back(name);
      used = used || place->second == context;
    }
    if (!names.empty() && !used && i != 0) {
      notes_.warnings.push_back(
          fmt::format("{}: is never used: certificates before it have all of its names", identity.file));
    }
  }

  SslContextPtr make_context() const {
    SslContextPtr made = new_context(TLS_server_method(), TLS1_2_VERSION);
    SSL_CTX* context = made.get();
    CHECK(SSL_CTX_set_ex_data(context, state_index(), new State{.tickets = tickets_, .names = {}, .others = {}}) == 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, std::chrono::seconds(kTicketLife).count());
    CHECK(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &ticket_key) == 1);
    SSL_CTX_set_alpn_select_cb(context, &choose_http11, nullptr);
    ask_for_certificates(context);
    return made;
  }

  // A ticket also remembers that a client's certificate was verified: its context is these rules.
  void ask_for_certificates(SSL_CTX* context) const {
    const base::ClientCertificates use = config_.client_certificates;
    const std::string rules = digest_of(authorities_) + base::to_string(use);
    std::array<unsigned char, EVP_MAX_MD_SIZE> id{};
    unsigned size = 0;
    CHECK(EVP_Digest(rules.data(), rules.size(), id.data(), &size, EVP_sha256(), nullptr) == 1);
    CHECK(SSL_CTX_set_session_id_context(context, id.data(), std::min(size, 32U)) == 1);
    if (use == base::ClientCertificates::kOff) return;
    trust(context, authorities_);
    for (const X509Ptr& cert : authorities_) CHECK(SSL_CTX_add_client_CA(context, cert.get()) == 1);
    SSL_CTX_set_verify(
        context, SSL_VERIFY_PEER | (use == base::ClientCertificates::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        nullptr);
  }

  const base::TlsConfig& config_;
  const TlsServer* previous_;
  TlsNotes notes_;
  std::vector<Identity> identities_;
  std::vector<X509Ptr> authorities_;
  std::shared_ptr<const Tickets> tickets_;
  std::vector<std::string> shown_names_;
};

TlsServer::~TlsServer() = default;

std::expected<std::shared_ptr<const TlsServer>, std::string> TlsServer::load(const base::TlsConfig& config,
                                                                             const TlsServer* previous) {
  if (!config.on()) return std::unexpected(std::string("tls.certificates is empty; TLS is on or off until a restart"));
  return Loader(config, previous).load();
}

SslPtr TlsServer::new_ssl() const {
  SslPtr ssl(SSL_new(context_.get()));
  CHECK(ssl != nullptr);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::optional<std::string> client_subject(const SSL* ssl) {
  const X509* cert = SSL_get0_peer_certificate(ssl);
  if (cert == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
  const std::unique_ptr<BIO, FreeWith<BIO_free_all>> out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) < 0) {
    return std::nullopt;
  }
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::shared_ptr<const TlsServer> TlsSlot::get() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::expected<std::shared_ptr<const TlsServer>, std::string> TlsSlot::reload(const base::TlsConfig& config) {
  const std::shared_ptr<const TlsServer> before = get();
  auto loaded = TlsServer::load(config, before.get());
  if (!loaded) return loaded;
  const std::lock_guard lock(mutex_);
  current_ = *loaded;
  return loaded;
}

}  // namespace homing::net
