// SPDX-License-Identifier: Apache-2.0
#include "tests/net/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "router/core/check.h"

namespace homing::net {
namespace {

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

PrivateKeyPtr make_key(CertificateWish::KeyType type) {
  EVP_PKEY* key = nullptr;
  switch (type) {
    case CertificateWish::KeyType::kEc:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
      break;
    case CertificateWish::KeyType::kRsa:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
      break;
    case CertificateWish::KeyType::kShortRsa:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024});
      break;
  }
  CHECK(key != nullptr);
  return PrivateKeyPtr(key);
}

std::string cert_pem(X509* cert) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(bio.get(), cert) == 1);
  return text_of(bio.get());
}

void add(X509* cert, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, nullptr, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  CHECK(extension != nullptr);
  CHECK(X509_add_ext(cert, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// One step of a handshake; true when it may have moved something.
bool step(SSL* ssl, bool& over, std::string& failure) {
  if (over || !failure.empty()) return false;
  const std::uint64_t before = BIO_number_read(SSL_get_rbio(ssl)) + BIO_number_written(SSL_get_wbio(ssl));
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl);
  if (result == 1) {
    over = true;
  } else if (const int cause = SSL_get_error(ssl, result);
             cause != SSL_ERROR_WANT_READ && cause != SSL_ERROR_WANT_WRITE) {
    failure = tls_failure(ssl, result);
  }
  return over || !failure.empty() ||
         BIO_number_read(SSL_get_rbio(ssl)) + BIO_number_written(SSL_get_wbio(ssl)) != before;
}

// Takes what lies ready behind the handshake.
void drain(SSL* ssl, std::string& failure) {
  char byte = 0;
  ERR_clear_error();
  const int result = SSL_peek(ssl, &byte, 1);
  if (result > 0) return;
  const int cause = SSL_get_error(ssl, result);
  if (cause != SSL_ERROR_WANT_READ && cause != SSL_ERROR_WANT_WRITE) failure = tls_failure(ssl, result);
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name) : key_(make_key(CertificateWish::KeyType::kEc)) {
  cert_ = sign({.common_name = name}, key_.get(), true, *this);
  pem_ = cert_pem(cert_.get());
}

TestAuthority::TestAuthority(const std::string& name, const TestAuthority& above)
    : key_(make_key(CertificateWish::KeyType::kEc)) {
  cert_ = sign({.common_name = name}, key_.get(), true, above);
  pem_ = cert_pem(cert_.get());
}

X509Ptr TestAuthority::sign(const CertificateWish& wish, EVP_PKEY* key, bool authority,
                            const TestAuthority& issuer) const {
  X509Ptr cert(X509_new());
  CHECK(cert != nullptr && X509_set_version(cert.get(), 2) == 1);
  std::uint64_t serial = 0;
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), serial >> 1) == 1);
  const auto seconds = [](std::chrono::hours hours) { return std::chrono::seconds(hours).count(); };
  CHECK(X509_gmtime_adj(X509_getm_notBefore(cert.get()), seconds(wish.from)) != nullptr);
  CHECK(X509_gmtime_adj(X509_getm_notAfter(cert.get()), seconds(wish.until)) != nullptr);
  if (!wish.common_name.empty()) {
    const auto* name = reinterpret_cast<const unsigned char*>(wish.common_name.data());
    CHECK(X509_NAME_add_entry_by_NID(X509_get_subject_name(cert.get()), NID_commonName, MBSTRING_UTF8, name,
                                     static_cast<int>(wish.common_name.size()), -1, 0) == 1);
  }
  const X509* above = issuer.cert_ != nullptr ? issuer.cert_.get() : cert.get();
  CHECK(X509_set_issuer_name(cert.get(), X509_get_subject_name(above)) == 1);
  CHECK(X509_set_pubkey(cert.get(), key) == 1);
  add(cert.get(), NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
  std::string names;
  for (const std::string& name : wish.dns) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& uri : wish.uris) names += (names.empty() ? "URI:" : ",URI:") + uri;
  if (!names.empty()) add(cert.get(), NID_subject_alt_name, names);
  if (!wish.usage.empty()) add(cert.get(), NID_ext_key_usage, wish.usage);
  CHECK(X509_sign(cert.get(), issuer.key_.get(), EVP_sha256()) > 0);
  return cert;
}

MadeCertificate TestAuthority::issue(const CertificateWish& wish) const {
  const PrivateKeyPtr key = make_key(wish.key);
  const X509Ptr cert = sign(wish, key.get(), false, *this);
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {cert_pem(cert.get()), text_of(bio.get())};
}

void join(SSL* client, SSL* server) {
  BIO* one = nullptr;
  BIO* two = nullptr;
  CHECK(BIO_new_bio_pair(&one, 1 << 16, &two, 1 << 16) == 1);
  SSL_set_bio(client, one, one);
  SSL_set_bio(server, two, two);
}

Shaken shake(SSL* client, SSL* server) {
  Shaken shaken;
  if (SSL_get_rbio(client) == nullptr) join(client, server);
  for (bool moved = true; moved;) {
    moved = step(client, shaken.client, shaken.client_failure);
    moved = step(server, shaken.server, shaken.server_failure) || moved;
  }
  // A failure of one end may reach the other only behind its own handshake (TLS 1.3: the client's certificate).
  if (shaken.client && shaken.client_failure.empty()) drain(client, shaken.client_failure);
  if (shaken.server && shaken.server_failure.empty()) drain(server, shaken.server_failure);
  shaken.client = shaken.client && shaken.client_failure.empty();
  shaken.server = shaken.server && shaken.server_failure.empty();
  return shaken;
}

bool talk(SSL* client, SSL* server) {
  char got = 0;
  return SSL_write(client, "a", 1) == 1 && SSL_read(server, &got, 1) == 1 && got == 'a' &&
         SSL_write(server, "b", 1) == 1 && SSL_read(client, &got, 1) == 1 && got == 'b';
}

}  // namespace homing::net
