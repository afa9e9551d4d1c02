// SPDX-License-Identifier: Apache-2.0
//
// Certificates made on the spot, and TLS between two ends in memory: what tests of TLS need instead of files that
// expire in the tree.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "router/net/tls_files.h"

namespace homing::net {

struct CertificateWish {
  enum class KeyType : std::uint8_t { kEc, kRsa, kShortRsa };
  std::string common_name = {};
  std::vector<std::string> dns = {};
  std::vector<std::string> uris = {};
  std::chrono::hours from{-24};       // from now
  std::chrono::hours until{24 * 90};  // from now
  KeyType key = KeyType::kEc;
  std::string usage = {};  // extendedKeyUsage, e.g. "serverAuth"; empty: not there
};

// Two texts in PEM.
struct MadeCertificate {
  std::string cert;
  std::string key;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "test authority");
  // An authority below `above`.
  TestAuthority(const std::string& name, const TestAuthority& above);

  MadeCertificate issue(const CertificateWish& wish) const;
  const std::string& pem() const { return pem_; }

 private:
  X509Ptr sign(const CertificateWish& wish, EVP_PKEY* key, bool authority, const TestAuthority& issuer) const;

  PrivateKeyPtr key_;
  X509Ptr cert_;
  std::string pem_;
};

// Two ends joined in memory.
struct Shaken {
  bool client = false;  // its handshake is over
  bool server = false;
  std::string client_failure;  // words of tls_failure
  std::string server_failure;
  bool done() const { return client && server; }
};
void join(SSL* client, SSL* server);
// Steps both ends until neither moves. Then each takes what the other sent behind the handshake (tickets).
Shaken shake(SSL* client, SSL* server);
// A byte each way. False when either end fails.
bool talk(SSL* client, SSL* server);

}  // namespace homing::net
