// SPDX-License-Identifier: Apache-2.0
//
// Certificates, keys, authorities and ticket keys from their files, and everything that is wrong with them.
//
// Intuition: a person who changes a certificate at night wants every mistake at once, each with the file and the fix,
// before anything is taken over. So readers never stop at the first problem: they note it and return nothing, and the
// caller gives up when a note is an error. What can be served but will surprise somebody (an expired certificate, a key
// that others may read) is a warning.
// Handles of OpenSSL are owned by unique_ptr; keys' bytes are wiped when they are no longer needed.
// Source: the checks of HAProxy's and nginx's loaders; RFC 5280 for names.
// Thread class: pure functions; values are thread-compatible.
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homing::net {

template <auto Function>
struct FreeWith {
  template <typename T>
  void operator()(T* handle) const {
    Function(handle);
  }
};
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using PrivateKeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

// Sentences, each beginning with its file.
struct TlsNotes {
  std::vector<std::string> errors;
  std::vector<std::string> warnings;

  std::string error_text() const;  // a line each, without a newline at the end
};

// Whose we are: the certificate, its chain as it is sent, and the key.
struct Identity {
  std::string file;
  X509Ptr cert;
  std::vector<X509Ptr> chain;
  PrivateKeyPtr key;
};

// `what` names the certificate's part in messages: "certificate", "cluster certificate".
std::optional<Identity> read_identity(const std::string& cert_file, const std::string& key_file, std::string_view what,
                                      TlsNotes& notes);

// At least one certificate, or an error.
std::vector<X509Ptr> read_authorities(const std::string& file, TlsNotes& notes);

// One key of session tickets: its name goes in the clear with each ticket, the rest seals it (AES-256-CBC,
// HMAC-SHA256).
struct TicketKey {
  static constexpr std::size_t kBytes = 80;
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> mac{};
  std::array<unsigned char, 32> cipher{};

  static TicketKey random();
  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();  // wipes it
};
inline constexpr std::size_t kMaxTicketKeys = 16;

// The file's text as base::TlsConfig::ticket_keys describes it; in file order.
std::vector<TicketKey> read_ticket_keys(const std::string& file, TlsNotes& notes);

// Names among the subject alternative names, DNS in lower case. Names with bytes that no name has are left out.
std::vector<std::string> dns_names(const X509* cert);
std::vector<std::string> uris(const X509* cert);

// The certificate in three words for messages: its common name, or its first alternative name.
std::string subject_text(const X509* cert);

// SHA-256 over all of them: two sets of authorities are the same when this is.
std::string digest_of(const std::vector<X509Ptr>& certificates);

// A context of ours: versions from `least` (TLS1_2_VERSION...) to 1.3, the suites and curves named in tls.h, partial
// writes from moving buffers, buffers given back while idle, whole records read ahead.
SslContextPtr new_context(const SSL_METHOD* method, int least);
// Gives the context its identity (a second one of another key type joins the first). False with a note when OpenSSL
// refuses it, e.g. a key that is too short.
bool use_identity(SSL_CTX* context, const Identity& identity, TlsNotes& notes);
void trust(SSL_CTX* context, const std::vector<X509Ptr>& authorities);

// The reasons on this thread's error queue of OpenSSL, which is empty afterwards; "" when there is none.
std::string take_openssl_errors();
// Why a call on `ssl` returned `result` <= 0, for a log: the other side's alert, what was wrong with its certificate...
// Empties the error queue. REQUIRES: called before any other call of OpenSSL on this thread.
std::string tls_failure(const SSL* ssl, int result);

}  // namespace homing::net
