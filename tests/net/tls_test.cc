// SPDX-License-Identifier: Apache-2.0
#include "router/net/tls.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <atomic>
#include <thread>

#include "router/net/crypto.h"
#include "tests/base/temp_dir.h"
#include "tests/net/certificates.h"

namespace homing::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// 80 bytes in base 64, as openssl rand writes them.
std::string key_line() {
  std::string bytes(TicketKey::kBytes, '\0');
  random_bytes(bytes.data(), bytes.size());
  std::string text(120, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text + "\n";
}

// A private key that asks for a passphrase.
std::string sealed_key(const std::string& passphrase) {
  const PrivateKeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const std::unique_ptr<BIO, FreeWith<BIO_free_all>> out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), passphrase.data(),
                                          static_cast<int>(passphrase.size()), nullptr, nullptr),
            1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

// A person's browser. The last session it was given is kept.
class Browser {
 public:
  explicit Browser(const std::string& trusted) : context_(SSL_CTX_new(TLS_client_method())) {
    TlsNotes notes;
    const base::TempDir dir;
    trust(context_.get(), read_authorities(dir.write("ca", trusted), notes));
    EXPECT_THAT(notes.errors, IsEmpty());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context_.get(), this);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<Browser*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->session_.reset(SSL_SESSION_dup(session));
      return 0;
    });
  }
  SSL_CTX* context() const { return context_.get(); }
  void only(int version) {
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
  }
  void show(const MadeCertificate& made) {
    const base::TempDir dir;
    TlsNotes notes;
    const auto identity = read_identity(dir.write("c", made.cert), dir.write("k", made.key, 0600), "client's", notes);
    ASSERT_TRUE(identity.has_value());
    ASSERT_TRUE(use_identity(context_.get(), *identity, notes));
  }

  struct Visit {
    Shaken shaken;
    std::string failure;  // of the client, else of the server
    std::string served;   // first name of the certificate
    bool resumed = false;
    std::string version;
    SslPtr client;
    SslPtr server;
  };
  Visit visit(const TlsServer& tls, const std::string& name, bool resume = false) {
    Visit visit;
    visit.client.reset(SSL_new(context_.get()));
    visit.server = tls.new_ssl();
    SSL* ssl = visit.client.get();
    SSL_set_connect_state(ssl);
    if (!name.empty()) {
      EXPECT_EQ(SSL_set_tlsext_host_name(ssl, std::string(name).data()), 1);
    }
    if (resume) {
      EXPECT_TRUE(session_ != nullptr) << "no ticket came";
      const SslSessionPtr copy(SSL_SESSION_dup(session_.get()));  // a connection cut off spoils its session
      SSL_set_session(ssl, copy.get());
    }
    visit.shaken = shake(ssl, visit.server.get());
    visit.failure = visit.shaken.client_failure.empty() ? visit.shaken.server_failure : visit.shaken.client_failure;
    if (!visit.shaken.done()) return visit;
    EXPECT_TRUE(talk(ssl, visit.server.get()));
    visit.resumed = SSL_session_reused(ssl) == 1;
    visit.version = SSL_get_version(ssl);
    if (visit.version == "TLSv1.2") session_.reset(SSL_SESSION_dup(SSL_get_session(ssl)));  // no call for a renewed one
    const auto names = dns_names(SSL_get0_peer_certificate(ssl));
    visit.served = names.empty() ? "" : names.front();
    return visit;
  }

 private:
  SslContextPtr context_;
  SslSessionPtr session_;
};

class TlsTest : public ::testing::Test {
 protected:
  // Writes NAME.pem and NAME.key.
  base::CertificateFiles files(const std::string& name, const MadeCertificate& made) {
    return {dir_.write(name + ".pem", made.cert), dir_.write(name + ".key", made.key, 0600)};
  }
  base::CertificateFiles certificate(const std::string& name, std::vector<std::string> dns) {
    return files(name, authority_.issue({.common_name = name, .dns = std::move(dns)}));
  }
  static std::shared_ptr<const TlsServer> loaded(const base::TlsConfig& config, const TlsServer* previous = nullptr) {
    auto server = TlsServer::load(config, previous);
    EXPECT_TRUE(server.has_value()) << server.error();
    return server ? *server : nullptr;
  }
  std::string refused(const base::TlsConfig& config) {
    const auto server = TlsServer::load(config);
    EXPECT_FALSE(server.has_value());
    std::string text = server ? "" : server.error();
    for (std::size_t at = 0; (at = text.find(dir_.path() + "/")) != std::string::npos;) {
      text.erase(at, dir_.path().size() + 1);
    }
    return text;
  }

  base::TempDir dir_;
  TestAuthority authority_;
};

TEST_F(TlsTest, TheNameAskedForPicksTheCertificate) {
  const auto tls = loaded({.certificates = {certificate("first", {"first.example.org"}),
                                            certificate("second", {"second.example.org", "Other.Example.ORG"}),
                                            certificate("wild", {"*.lab.example.org", "*.example.org"})}});
  Browser browser(authority_.pem());
  const auto served = [&](const std::string& name) { return browser.visit(*tls, name).served; };
  EXPECT_EQ(served("second.example.org"), "second.example.org");
  EXPECT_EQ(served("SECOND.example.ORG"), "second.example.org");
  EXPECT_EQ(served("other.example.org"), "second.example.org");
  EXPECT_EQ(served("a.lab.example.org"), "*.lab.example.org");
  EXPECT_EQ(served("third.example.org"), "*.lab.example.org") << "by its second name";
  EXPECT_EQ(served("first.example.org"), "first.example.org") << "an exact name goes before a star";
  EXPECT_EQ(served("a.b.lab.example.org"), "first.example.org") << "a star stands for one label";
  EXPECT_EQ(served("example.org"), "first.example.org");
  EXPECT_EQ(served("unknown"), "first.example.org");
  EXPECT_EQ(served(""), "first.example.org");
  EXPECT_EQ(tls->text(),
            "3 certificates for first.example.org, second.example.org, other.example.org, *.lab.example.org, "
            "*.example.org; 1 ticket key");
  EXPECT_THAT(tls->warnings(), IsEmpty());
}

TEST_F(TlsTest, AnotherKeyTypeForTheSameNamesServesThoseWhoWantIt) {
  const auto tls = loaded(
      {.certificates = {
           certificate("first", {"first.example.org"}), certificate("ec", {"two.example.org"}),
           files("rsa", authority_.issue({.dns = {"two.example.org"}, .key = CertificateWish::KeyType::kRsa}))}});
  EXPECT_THAT(tls->warnings(), IsEmpty());
  for (const auto& [algorithms, type] :
       {std::pair("ecdsa_secp256r1_sha256", EVP_PKEY_EC), std::pair("rsa_pss_rsae_sha256", EVP_PKEY_RSA)}) {
    Browser browser(authority_.pem());
    ASSERT_EQ(SSL_CTX_set1_sigalgs_list(browser.context(), std::string(algorithms).data()), 1);
    const auto visit = browser.visit(*tls, "two.example.org");
    ASSERT_TRUE(visit.shaken.done()) << visit.failure;
    EXPECT_EQ(EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(visit.client.get()))), type);
  }
}

TEST_F(TlsTest, VersionsBefore12AreRefused) {
  const auto tls = loaded({.certificates = {certificate("first", {"first.example.org"})}});
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    Browser old(authority_.pem());
    SSL_CTX_set_security_level(old.context(), 0);  // else the client does not even try
    old.only(version);
    const auto visit = old.visit(*tls, "first.example.org");
    EXPECT_FALSE(visit.shaken.done());
    EXPECT_EQ(visit.shaken.server_failure, "unsupported protocol");
  }
  for (const auto& [version, text] : {std::pair(TLS1_2_VERSION, "TLSv1.2"), std::pair(TLS1_3_VERSION, "TLSv1.3")}) {
    Browser browser(authority_.pem());
    browser.only(version);
    EXPECT_EQ(browser.visit(*tls, "first.example.org").version, text);
  }
}

TEST_F(TlsTest, OnlySuitesWithForwardSecrecyAndAuthenticatedEncryptionAreSpoken) {
  const auto tls = loaded({.certificates = {certificate("ec", {"first.example.org"}),
                                            files("rsa", authority_.issue({.dns = {"first.example.org"},
                                                                           .key = CertificateWish::KeyType::kRsa}))}});
  for (const char* suite :
       {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "DHE-RSA-AES128-GCM-SHA256"}) {
    Browser browser(authority_.pem());
    browser.only(TLS1_2_VERSION);
    ASSERT_EQ(SSL_CTX_set_cipher_list(browser.context(), suite), 1) << suite;
    EXPECT_EQ(browser.visit(*tls, "first.example.org").shaken.server_failure, "no shared cipher") << suite;
  }
  for (const char* suite : {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    Browser browser(authority_.pem());
    browser.only(TLS1_2_VERSION);
    ASSERT_EQ(SSL_CTX_set_cipher_list(browser.context(), suite), 1) << suite;
    EXPECT_TRUE(browser.visit(*tls, "first.example.org").shaken.done()) << suite;
  }
}

TEST_F(TlsTest, AProtocolIsAgreedOnOrTheClientIsTurnedAway) {
  const auto tls = loaded(
      {.certificates = {certificate("first", {"first.example.org"}), certificate("second", {"second.example.org"})}});
  const auto offer = [&](const std::string& list, const char* name) {
    Browser browser(authority_.pem());
    EXPECT_EQ(SSL_CTX_set_alpn_protos(browser.context(), reinterpret_cast<const unsigned char*>(list.data()),
                                      static_cast<unsigned>(list.size())),
              0);
    const auto visit = browser.visit(*tls, name);
    if (!visit.shaken.done()) return visit.shaken.client_failure;
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(visit.client.get(), &chosen, &size);
    return std::string(chosen, chosen + size);
  };
  for (const char* name : {"first.example.org", "second.example.org"}) {
    EXPECT_EQ(offer("\x02h2\x08http/1.1", name), "http/1.1");
    EXPECT_EQ(offer("\x08http/1.1\x02h2", name), "http/1.1");
    EXPECT_THAT(offer("\x02h2\x08http/1.0", name), HasSubstr("alert no application protocol"));
  }
}

TEST_F(TlsTest, NobodyRenegotiates) {
  const auto tls = loaded({.certificates = {certificate("first", {"first.example.org"})}});
  Browser browser(authority_.pem());
  browser.only(TLS1_2_VERSION);
  const auto visit = browser.visit(*tls, "first.example.org");
  ASSERT_TRUE(visit.shaken.done()) << visit.failure;
  ASSERT_EQ(SSL_renegotiate(visit.client.get()), 1);
  char byte = 0;
  EXPECT_EQ(SSL_do_handshake(visit.client.get()), -1);
  EXPECT_EQ(SSL_read(visit.server.get(), &byte, 1), -1) << "it answers with an alert";
  ERR_clear_error();
  const int result = SSL_do_handshake(visit.client.get());
  EXPECT_EQ(tls_failure(visit.client.get(), result), "no renegotiation");
  EXPECT_EQ(SSL_renegotiate(visit.server.get()), 0) << "nor do we";
  ERR_clear_error();
}

// ---- tickets

class TlsTicketTest : public TlsTest, public ::testing::WithParamInterface<int> {
 protected:
  TlsTicketTest() { browser_.only(GetParam()); }
  // A router of its own: own bundle, own copy of the files.
  std::shared_ptr<const TlsServer> router(const std::string& tickets) {
    return loaded({.certificates = {certificates_}, .ticket_keys = dir_.write("tickets", tickets, 0600)});
  }
  Browser::Visit visit(const TlsServer& tls, bool resume) { return browser_.visit(tls, "first.example.org", resume); }

  std::vector<base::CertificateFiles> certificates_{certificate("default", {"default.example.org"}),
                                                    certificate("first", {"first.example.org"})};
  Browser browser_{authority_.pem()};
};

INSTANTIATE_TEST_SUITE_P(Versions, TlsTicketTest, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(TlsTicketTest, ATicketOfOneRouterIsResumedByAnotherWithTheSameKeys) {
  const std::string keys = key_line();
  const auto a = router(keys);
  const auto b = router(keys);
  EXPECT_FALSE(visit(*a, false).resumed);
  EXPECT_TRUE(visit(*b, true).resumed);
  EXPECT_TRUE(visit(*a, true).resumed);
}

TEST_P(TlsTicketTest, ATicketOfOtherKeysIsAFullHandshakeAndNoError) {
  const auto a = router(key_line());
  const auto b = router(key_line());
  EXPECT_FALSE(visit(*a, false).resumed);
  const auto other = visit(*b, true);
  EXPECT_TRUE(other.shaken.done()) << other.failure;
  EXPECT_FALSE(other.resumed);
  EXPECT_EQ(other.served, "first.example.org");
}

TEST_P(TlsTicketTest, ARotatedKeyStillOpensAndTheNewOneSeals) {
  const std::string old_key = key_line();
  const std::string new_key = key_line();
  EXPECT_FALSE(visit(*router(old_key), false).resumed);
  EXPECT_TRUE(visit(*router("# November\n" + new_key + "\n" + old_key), true).resumed);
  EXPECT_TRUE(visit(*router(new_key), true).resumed) << "its ticket was replaced by one of the new key";
}

TEST_P(TlsTicketTest, ADamagedTicketIsAFullHandshake) {
  const std::string keys = key_line();
  std::string other = key_line();
  other.replace(0, 20, keys.substr(0, 20));  // the same name (the first 15 bytes), other secrets... and the 16th byte:
  other[20] = keys[20];
  other[21] = keys[21];
  EXPECT_FALSE(visit(*router(keys), false).resumed);
  const auto seen = visit(*router(other), true);
  EXPECT_TRUE(seen.shaken.done()) << seen.failure;
  EXPECT_FALSE(seen.resumed);
}

TEST_P(TlsTicketTest, WithoutAFileAReloadStillOpensTheTicketsBefore) {
  const base::TlsConfig config{.certificates = certificates_};
  const auto first = loaded(config);
  const auto second = loaded(config, first.get());
  EXPECT_FALSE(visit(*first, false).resumed);
  EXPECT_TRUE(visit(*second, true).resumed);
  EXPECT_FALSE(visit(*loaded(config), true).resumed) << "another process";
}

TEST_P(TlsTicketTest, ATicketDoesNotOutliveTheRulesForClientCertificates) {
  const std::string keys = dir_.write("keys", key_line(), 0600);
  const TestAuthority people("people");
  const base::TlsConfig without{.certificates = certificates_, .ticket_keys = keys};
  base::TlsConfig with = without;
  with.client_ca = dir_.write("people.pem", people.pem());
  with.client_certificates = base::ClientCertificates::kRequired;
  EXPECT_FALSE(visit(*loaded(without), false).resumed);
  EXPECT_FALSE(visit(*loaded(with), true).shaken.done()) << "a ticket is no certificate";
  browser_.show(people.issue({.common_name = "ada"}));
  EXPECT_FALSE(visit(*loaded(with), false).resumed);
  const auto again = visit(*loaded(with), true);
  EXPECT_TRUE(again.resumed);
  EXPECT_EQ(client_subject(again.server.get()), "CN=ada") << "the ticket says who it was";
  with.client_ca = dir_.write("others.pem", TestAuthority("others").pem());
  EXPECT_FALSE(visit(*loaded(with), true).shaken.done()) << "the authority was changed";
}

// ---- client certificates

TEST_F(TlsTest, ClientCertificatesAreAskedForAsConfigured) {
  const TestAuthority people("people");
  base::TlsConfig config{
      .certificates = {certificate("first", {"first.example.org"}), certificate("second", {"second.example.org"})},
      .client_ca = dir_.write("people.pem", people.pem())};
  struct Case {
    base::ClientCertificates use;
    const char* who;
    const char* outcome;
  };
  using enum base::ClientCertificates;
  for (const Case& one : {
           Case{kOff, "ada", "served without a name"},
           Case{kOptional, "nobody", "served without a name"},
           Case{kOptional, "ada", "served CN=ada"},
           Case{kOptional, "stranger", "refused"},
           Case{kRequired, "nobody", "refused"},
           Case{kRequired, "ada", "served CN=ada"},
           Case{kRequired, "stranger", "refused"},
           Case{kRequired, "expired", "refused"},
       }) {
    config.client_certificates = one.use;
    const auto tls = loaded(config);
    for (const char* name : {"first.example.org", "second.example.org"}) {
      for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        Browser browser(authority_.pem());
        browser.only(version);
        const std::string who = one.who;
        if (who == "ada") browser.show(people.issue({.common_name = "ada"}));
        if (who == "expired") browser.show(people.issue({.common_name = "ada", .until = std::chrono::hours(-1)}));
        if (who == "stranger") browser.show(TestAuthority("strangers").issue({.common_name = "ada"}));
        const auto visit = browser.visit(*tls, name);
        std::string outcome = "refused";
        if (visit.shaken.done()) {
          outcome = "served " + client_subject(visit.server.get()).value_or("without a name");
        }
        EXPECT_EQ(outcome, one.outcome) << base::to_string(one.use) << " " << who << " " << name << " "
                                        << visit.failure;
      }
    }
  }
}

// ---- reload

TEST_F(TlsTest, AReloadWithABrokenFileKeepsTheOldAndSaysWhy) {
  base::TlsConfig config{.certificates = {certificate("site", {"old.example.org"})}};
  TlsSlot slot;
  EXPECT_EQ(slot.get(), nullptr);
  ASSERT_TRUE(slot.reload(config).has_value());
  const auto before = slot.get();
  Browser browser(authority_.pem());
  const auto old = browser.visit(*before, "old.example.org");

  dir_.write("site.pem", "not a certificate\n");
  const auto broken = slot.reload(config);
  ASSERT_FALSE(broken.has_value());
  EXPECT_THAT(broken.error(), HasSubstr("site.pem: holds no certificate"));
  EXPECT_EQ(slot.get(), before);
  EXPECT_FALSE(slot.reload({}).has_value()) << "no certificates at all";
  EXPECT_EQ(slot.get(), before);

  certificate("site", {"new.example.org"});
  ASSERT_TRUE(slot.reload(config).has_value());
  EXPECT_EQ(browser.visit(*slot.get(), "old.example.org").served, "new.example.org");
}

TEST_F(TlsTest, AConnectionOutlivesItsBundle) {
  const std::string keys = dir_.write("keys", key_line(), 0600);
  auto tls = loaded(
      {.certificates = {certificate("first", {"first.example.org"}), certificate("second", {"second.example.org"})},
       .ticket_keys = keys});
  Browser browser(authority_.pem());
  SslPtr server = tls->new_ssl();
  tls.reset();
  SslPtr client(SSL_new(browser.context()));
  SSL_set_connect_state(client.get());
  SSL_set_tlsext_host_name(client.get(), std::string("second.example.org").data());
  ASSERT_TRUE(shake(client.get(), server.get()).done()) << "the whole handshake happens after the bundle is gone";
  EXPECT_TRUE(talk(client.get(), server.get()));
}

// ---- what is wrong with files

TEST_F(TlsTest, EveryMistakeIsALineWithItsFileAndTheFix) {
  const MadeCertificate good = authority_.issue({.dns = {"a.example.org"}});
  const MadeCertificate other = authority_.issue({.dns = {"b.example.org"}});
  const auto pair = [&](const std::string& cert, const std::string& key) {
    return refused({.certificates = {{dir_.write("c.pem", cert), dir_.write("c.key", key, 0600)}}});
  };
  EXPECT_EQ(pair(good.cert, other.key),
            "c.key: is not the key of the certificate in c.pem; expected the pair that was made together");
  EXPECT_EQ(
      pair(authority_.pem() + good.cert, good.key),
      "c.key: is not the key of the certificate in c.pem, but of one further down; put the server's own certificate "
      "first");
  EXPECT_EQ(pair("", good.key),
            "c.pem: holds no certificate (-----BEGIN CERTIFICATE-----); if it is DER: openssl x509 -inform der -in "
            "c.pem -out FILE");
  std::string torn = good.cert;
  torn.erase(torn.size() / 2, 20);
  EXPECT_THAT(pair(good.cert + torn, good.key), HasSubstr("c.pem: certificate 2 in it is damaged ("));
  EXPECT_THAT(pair(good.cert, good.cert), HasSubstr("c.key: holds no private key (-----BEGIN PRIVATE KEY-----; "));
  EXPECT_EQ(pair(good.cert, sealed_key("secret")),
            "c.key: is sealed with a passphrase, and nobody is there to type it; openssl pkey -in c.key -out FILE");
  EXPECT_EQ(
      refused({.certificates = {{dir_.file("none.pem"), dir_.path()}}}),
      "none.pem: the certificate cannot be read (No such file or directory); check the path and who may read it\n" +
          dir_.path() +
          ": the key of the certificate cannot be read (no regular file); check the path and who may read it");
  EXPECT_THAT(
      refused({.certificates = {files("short", authority_.issue({.dns = {"a.example.org"},
                                                                 .key = CertificateWish::KeyType::kShortRsa}))}}),
      HasSubstr("short.pem: OpenSSL refuses it: ee key too small"));
  base::TlsConfig config{.certificates = {files("good", good)}};
  config.client_certificates = base::ClientCertificates::kOptional;
  config.client_ca = dir_.write("ca.pem", good.cert);
  EXPECT_EQ(refused(config), "ca.pem: \"a.example.org\" is no authority (basicConstraints CA:TRUE is missing)");
}

TEST_F(TlsTest, TicketKeyFilesAreCheckedByLine) {
  base::TlsConfig config{.certificates = {certificate("first", {"first.example.org"})}};
  const auto tickets = [&](const std::string& text) {
    config.ticket_keys = dir_.write("tickets", text, 0600);
    return refused(config);
  };
  const std::string make = "make one with: openssl rand -base64 80 | tr -d '\\n'";
  EXPECT_EQ(tickets("# none\n"), "tickets: holds no ticket key; " + make);
  const std::string no_key = ": is no ticket key; expected 80 bytes in base 64 on one line; " + make;
  EXPECT_EQ(tickets("\n" + key_line() + "abc\n"), "tickets:3" + no_key);
  EXPECT_EQ(tickets(std::string(80, '\x01')), "tickets:1" + no_key) << "nginx's form";
  std::string damaged = key_line();
  damaged[5] = '!';
  EXPECT_EQ(tickets(damaged), "tickets:1" + no_key);
  const std::string key = key_line();
  EXPECT_EQ(tickets(key + key), "tickets:2: this key is already above; take one out");
  std::string many;
  for (std::size_t i = 0; i <= kMaxTicketKeys; ++i) many += key_line();
  EXPECT_EQ(tickets(many), "tickets:17: is one more than 16 keys; take out the oldest, at the end");
}

TEST_F(TlsTest, WhatCanBeServedButWillSurpriseIsAWarning) {
  const TestAuthority middle("middle", authority_);
  const TestAuthority unrelated("unrelated");
  MadeCertificate chained = middle.issue({.common_name = "chained", .dns = {"chained.example.org"}});
  chained.cert += unrelated.pem();
  base::TlsConfig config{
      .certificates = {files("expired", authority_.issue({.dns = {"a.example.org"}, .until = std::chrono::hours(-1)})),
                       files("soon", authority_.issue({.dns = {"b.example.org"}, .until = std::chrono::hours(73)})),
                       files("early", authority_.issue({.dns = {"c.example.org"}, .from = std::chrono::hours(1)})),
                       files("nameless", authority_.issue({.common_name = "nameless"})),
                       files("again", authority_.issue({.dns = {"a.example.org", "b.example.org"}})),
                       files("star", authority_.issue({.dns = {"d*.example.org", "star.example.org"}})),
                       files("chained", chained)}};
  ::chmod(config.certificates[0].key.c_str(), 0644);
  ::chmod(config.certificates[1].key.c_str(), 0640);
  const auto tls = loaded(config);
  std::vector<std::string> warnings;
  for (std::string text : tls->warnings()) {
    for (std::size_t at = 0; (at = text.find(dir_.path())) != std::string::npos;)
      text.erase(at, dir_.path().size() + 1);
    const std::size_t date = text.find(" 20");
    if (date != std::string::npos) text.replace(date + 1, 20, "DATE");
    warnings.push_back(text);
  }
  EXPECT_THAT(
      warnings,
      ElementsAre(
          "expired.key: more people than needed may read or change this key (mode 0644); chmod 0640 expired.key",
          "expired.pem: the certificate expired on DATE; get a new one",
          "soon.pem: the certificate expires on DATE, in 3 days", "early.pem: the certificate is valid only from DATE",
          "chained.pem: \"chained\" is not signed by \"unrelated\", which follows it; expected the chain in "
          "order, the server's own first",
          "nameless.pem: \"nameless\" has no DNS name (subjectAltName), so no client asks for it by name and "
          "it is never used; take it out",
          "again.pem: is never used: certificates before it have all of its names",
          "star.pem: the name \"d*.example.org\" matches nothing; a star stands for the whole first label"));
}

TEST_F(TlsTest, TheChainIsSentSoThatKnowingTheRootIsEnough) {
  const TestAuthority middle("middle", authority_);
  MadeCertificate made = middle.issue({.dns = {"first.example.org"}});
  made.cert += middle.pem();
  const auto tls = loaded({.certificates = {files("first", made)}});
  Browser browser(authority_.pem());
  const auto visit = browser.visit(*tls, "first.example.org");
  EXPECT_TRUE(visit.shaken.done()) << visit.failure;
  Browser stranger(TestAuthority("other").pem());
  EXPECT_EQ(stranger.visit(*tls, "first.example.org").shaken.client_failure,
            "the other side's certificate does not verify: unable to get local issuer certificate");
}

TEST_F(TlsTest, SeveralThreadsShakeHandsAtOnceWhileBundlesAreReplaced) {
  const base::TlsConfig config{
      .certificates = {certificate("first", {"first.example.org"}), certificate("second", {"second.example.org"})},
      .ticket_keys = dir_.write("keys", key_line(), 0600)};
  TlsSlot slot;
  ASSERT_TRUE(slot.reload(config).has_value());
  std::atomic<int> resumed = 0;
  std::atomic<int> served = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        Browser browser(authority_.pem());
        const std::string name = i % 2 == 0 ? "first.example.org" : "second.example.org";
        for (int visit = 0; visit < 20; ++visit) {
          const auto seen = browser.visit(*slot.get(), name, visit > 0);
          served += seen.served == name ? 1 : 0;
          resumed += seen.resumed ? 1 : 0;
        }
      });
    }
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(slot.reload(config).has_value());
  }
  EXPECT_EQ(served, 80);
  EXPECT_EQ(resumed, 76);
}

}  // namespace
}  // namespace homing::net
