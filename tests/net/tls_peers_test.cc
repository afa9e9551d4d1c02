// SPDX-License-Identifier: Apache-2.0
#include "router/net/tls_peers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/base/temp_dir.h"
#include "tests/net/certificates.h"

namespace homing::net {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One connection from a router to another.
struct Link {
  SslPtr client;
  SslPtr server;
  Shaken shaken = {};
  std::string client_sees = {};  // the node at the other end
  std::string server_sees = {};
  bool resumed = false;
};
Link connect(const TlsPeers& from, const std::string& wanted, const TlsPeers& to) {
  Link link{.client = from.connect_ssl(wanted), .server = to.accept_ssl()};
  EXPECT_FALSE(peer_node(link.server.get()).has_value()) << "before the handshake";
  link.shaken = shake(link.client.get(), link.server.get());
  link.client_sees = peer_node(link.client.get()).value_or("nobody");
  link.server_sees = peer_node(link.server.get()).value_or("nobody");
  link.resumed = SSL_session_reused(link.client.get()) == 1;
  if (link.shaken.done()) {
    EXPECT_TRUE(talk(link.client.get(), link.server.get()));
  }
  return link;
}

class TlsPeersTest : public ::testing::Test {
 protected:
  static CertificateWish wish(const std::string& node) {
    return {.common_name = node, .uris = {"homing:node:" + node}};
  }
  base::ClusterTlsConfig files(const MadeCertificate& made, const std::string& authorities) {
    const std::string number = std::to_string(++made_);
    return {dir_.write(number + ".pem", made.cert), dir_.write(number + ".key", made.key, 0600),
            dir_.write(number + "-ca.pem", authorities)};
  }
  std::shared_ptr<const TlsPeers> loaded(const base::ClusterTlsConfig& config, const std::string& node) {
    auto peers = TlsPeers::load(config, node);
    EXPECT_TRUE(peers.has_value()) << peers.error();
    return peers ? *peers : nullptr;
  }
  std::shared_ptr<const TlsPeers> node(const std::string& name) {
    return loaded(files(authority_.issue(wish(name)), authority_.pem()), name);
  }
  std::string refused(const base::ClusterTlsConfig& config, const std::string& node) {
    const auto peers = TlsPeers::load(config, node);
    EXPECT_FALSE(peers.has_value());
    std::string text = peers ? "" : peers.error();
    for (std::size_t at = 0; (at = text.find(dir_.path())) != std::string::npos;) {
      text.erase(at, dir_.path().size() + 1);
    }
    return text;
  }

  base::TempDir dir_;
  TestAuthority authority_{"cluster"};
  int made_ = 0;
};

TEST_F(TlsPeersTest, BothSidesKnowWhichNodeTheyTalkTo) {
  const auto n1 = node("n1");
  const auto n2 = node("n2");
  const Link link = connect(*n1, "n2", *n2);
  ASSERT_TRUE(link.shaken.done()) << link.shaken.client_failure << link.shaken.server_failure;
  EXPECT_EQ(link.client_sees, "n2");
  EXPECT_EQ(link.server_sees, "n1");
  EXPECT_STREQ(SSL_get_version(link.client.get()), "TLSv1.3");
}

TEST_F(TlsPeersTest, AnotherNodeThanTheWantedOneIsRefused) {
  const auto n1 = node("n1");
  const auto n3 = node("n3");
  const Link link = connect(*n1, "n2", *n3);
  EXPECT_FALSE(link.shaken.client);
  EXPECT_EQ(link.shaken.client_failure, "the other side's certificate names no node, or another one than expected");
  EXPECT_EQ(link.client_sees, "nobody");
  EXPECT_FALSE(link.shaken.server);
}

TEST_F(TlsPeersTest, OnlyCertificatesOfThisClustersAuthorityCount) {
  const auto n1 = node("n1");
  const TestAuthority other("other cluster");
  const auto strange = loaded(files(other.issue(wish("n2")), other.pem()), "n2");
  const Link out = connect(*n1, "n2", *strange);
  EXPECT_THAT(out.shaken.client_failure, HasSubstr("does not verify: unable to get local issuer certificate"));
  EXPECT_EQ(out.client_sees, "nobody");
  // The stranger trusts our authority too, so that its own side is content.
  const auto spy = loaded(files(other.issue(wish("n2")), other.pem() + authority_.pem()), "n2");
  const Link in = connect(*spy, "n1", *n1);
  EXPECT_THAT(in.shaken.server_failure, HasSubstr("does not verify: unable to get local issuer certificate"));
  EXPECT_EQ(in.server_sees, "nobody");
  EXPECT_FALSE(in.shaken.done());
}

TEST_F(TlsPeersTest, ExpiredAndFutureCertificatesAreRefusedOnBothSides) {
  const auto n1 = node("n1");
  CertificateWish past = wish("n2");
  past.until = std::chrono::hours(-1);
  CertificateWish future = wish("n2");
  future.from = std::chrono::hours(1);
  for (const auto& [bad, why] : {std::pair(past, "certificate has expired"), std::pair(future, "is not yet valid")}) {
    const auto n2 = loaded(files(authority_.issue(bad), authority_.pem()), "n2");
    EXPECT_EQ(n2->warnings().size(), 1U) << "it serves its own people still";
    EXPECT_THAT(connect(*n1, "n2", *n2).shaken.client_failure, HasSubstr(why));
    EXPECT_THAT(connect(*n2, "n1", *n1).shaken.server_failure, HasSubstr(why));
  }
}

TEST_F(TlsPeersTest, WhoShowsNoCertificateIsRefused) {
  const auto n1 = node("n1");
  const SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  const SslPtr client(SSL_new(context.get()));
  SSL_set_connect_state(client.get());
  const SslPtr server = n1->accept_ssl();
  const Shaken shaken = shake(client.get(), server.get());
  EXPECT_FALSE(shaken.server);
  EXPECT_EQ(shaken.server_failure, "peer did not return a certificate");
  EXPECT_FALSE(peer_node(server.get()).has_value());
}

// A certificate alone proves nothing: the signature with its key comes in the record behind it.
TEST_F(TlsPeersTest, NobodyIsNamedBeforeTheHandshakeIsOver) {
  const auto n1 = node("n1");
  const auto n2 = node("n2");
  const SslPtr client = n2->connect_ssl("n1");
  const SslPtr server = n1->accept_ssl();
  SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_bio(server.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  const auto carry = [](SSL* from, SSL* to) {  // one byte
    char byte = 0;
    return BIO_read(SSL_get_wbio(from), &byte, 1) == 1 && BIO_write(SSL_get_rbio(to), &byte, 1) == 1;
  };
  bool certificate_alone = false;
  for (int round = 0; round < 3; ++round) {
    SSL_do_handshake(client.get());
    while (carry(client.get(), server.get())) {
      if (SSL_is_init_finished(server.get()) == 1) continue;
      SSL_do_handshake(server.get());
      if (SSL_is_init_finished(server.get()) == 1) continue;
      certificate_alone = certificate_alone || SSL_get0_peer_certificate(server.get()) != nullptr;
      ASSERT_FALSE(peer_node(server.get()).has_value());
    }
    while (carry(server.get(), client.get())) {
    }
  }
  EXPECT_TRUE(certificate_alone) << "the moment that this test is about";
  EXPECT_EQ(peer_node(server.get()), "n2");
}

// As on a resumed session, whose certificate is not verified again.
TEST_F(TlsPeersTest, ACertificateThatHasExpiredSinceNamesNobody) {
  for (const int hours : {-1, 1}) {
    CertificateWish mayfly = wish("n2");
    mayfly.until = std::chrono::hours(hours);
    const auto n2 = loaded(files(authority_.issue(mayfly), authority_.pem()), "n2");
    const auto n1 = files(authority_.issue(wish("n1")), authority_.pem());
    const SslContextPtr blind(SSL_CTX_new(TLS_server_method()));
    TlsNotes notes;
    ASSERT_TRUE(use_identity(blind.get(), *read_identity(n1.cert, n1.key, "n1's", notes), notes));
    SSL_CTX_set_verify(blind.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(
        blind.get(),
        [](X509_STORE_CTX* store, void*) {
          X509_STORE_CTX_set_error(store, X509_V_OK);
          return 1;
        },
        nullptr);
    const SslPtr client = n2->connect_ssl("n1");
    const SslPtr server(SSL_new(blind.get()));
    SSL_set_accept_state(server.get());
    ASSERT_TRUE(shake(client.get(), server.get()).done());
    EXPECT_EQ(peer_node(server.get()).value_or("nobody"), hours < 0 ? "nobody" : "n2");
  }
}

TEST_F(TlsPeersTest, Tls12IsNotSpokenBetweenRouters) {
  const auto n1 = node("n1");
  const SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const SslPtr client(SSL_new(context.get()));
  SSL_set_connect_state(client.get());
  const SslPtr server = n1->accept_ssl();
  EXPECT_EQ(shake(client.get(), server.get()).server_failure, "unsupported protocol");
}

TEST_F(TlsPeersTest, AReconnectResumesAndStillKnowsTheNodes) {
  const auto n1 = node("n1");
  const auto n2 = node("n2");
  EXPECT_FALSE(connect(*n1, "n2", *n2).resumed);
  for (int i = 0; i < 3; ++i) {
    const Link link = connect(*n1, "n2", *n2);
    ASSERT_TRUE(link.shaken.done());
    EXPECT_TRUE(link.resumed);
    EXPECT_EQ(link.client_sees, "n2");
    EXPECT_EQ(link.server_sees, "n1");
  }
}

TEST_F(TlsPeersTest, ASessionIsOfferedToItsOwnNodeOnlyAndNobodyElseOpensIt) {
  const auto n1 = node("n1");
  const auto n2 = node("n2");
  const auto n3 = node("n3");
  EXPECT_FALSE(connect(*n1, "n2", *n2).resumed);
  const Link other = connect(*n1, "n3", *n3);
  ASSERT_TRUE(other.shaken.done());
  EXPECT_FALSE(other.resumed);
  EXPECT_EQ(other.client_sees, "n3");
  EXPECT_TRUE(connect(*n1, "n3", *n3).resumed) << "each has its own";
  EXPECT_TRUE(connect(*n1, "n2", *n2).resumed);
  // n3 at the address of n2: our session with n2 does not open there, and then its certificate is looked at.
  const Link wrong = connect(*n1, "n2", *n3);
  EXPECT_FALSE(wrong.shaken.done());
  EXPECT_EQ(wrong.client_sees, "nobody");
}

TEST_F(TlsPeersTest, AReloadedBundleAsksForTheCertificateAgain) {
  const auto n1 = node("n1");
  EXPECT_FALSE(connect(*n1, "n2", *node("n2")).resumed);
  const auto again = node("n2");
  const Link link = connect(*n1, "n2", *again);
  ASSERT_TRUE(link.shaken.done()) << link.shaken.client_failure;
  EXPECT_FALSE(link.resumed);
  EXPECT_TRUE(connect(*n1, "n2", *again).resumed);
}

TEST_F(TlsPeersTest, WhileTheAuthorityIsChangedBothAreTrusted) {
  const TestAuthority next("cluster, next year");
  const std::string both = authority_.pem() + next.pem();
  const auto n1 = loaded(files(authority_.issue(wish("n1")), both), "n1");
  const auto n2 = loaded(files(next.issue(wish("n2")), both), "n2");
  EXPECT_TRUE(connect(*n1, "n2", *n2).shaken.done());
  EXPECT_TRUE(connect(*n2, "n1", *n1).shaken.done());
  const auto behind = node("n3");
  EXPECT_FALSE(connect(*behind, "n2", *n2).shaken.done());
  EXPECT_TRUE(connect(*behind, "n1", *n1).shaken.done());
}

TEST_F(TlsPeersTest, AConnectionOutlivesItsBundles) {
  auto n1 = node("n1");
  auto n2 = node("n2");
  const SslPtr client = n1->connect_ssl("n2");
  const SslPtr server = n2->accept_ssl();
  n1.reset();
  n2.reset();
  EXPECT_TRUE(shake(client.get(), server.get()).done());
  EXPECT_TRUE(talk(client.get(), server.get()));
  EXPECT_EQ(peer_node(server.get()), "n1");
}

TEST_F(TlsPeersTest, TheNameIsTheOneUriOfANode) {
  const auto named = [&](const CertificateWish& wish) {
    TlsNotes notes;
    const auto certs = read_authorities(dir_.write("one.pem", authority_.issue(wish).cert), notes);
    return node_of(certs.front().get()).value_or("(none)");
  };
  EXPECT_EQ(named({.uris = {"homing:node:n1"}}), "n1");
  EXPECT_EQ(named({.dns = {"n9"}, .uris = {"https://example.org", "homing:node:n1"}}), "n1");
  EXPECT_EQ(named({.common_name = "n1", .dns = {"n1"}}), "(none)") << "neither common name nor DNS names count";
  EXPECT_EQ(named({.uris = {"homing:node:n1", "homing:node:n2"}}), "(none)");
  EXPECT_EQ(named({.uris = {"homing:node:n1", "homing:node:n1"}}), "(none)");
  EXPECT_EQ(named({.uris = {"homing:node:"}}), "(none)");
  EXPECT_EQ(named({.uris = {"homing:node:n1/x"}}), "(none)");
  EXPECT_EQ(named({.uris = {"homing:node:" + std::string(64, 'n')}}), "(none)");
  EXPECT_EQ(named({.uris = {"HOMING:node:n1"}}), "(none)") << "written in one way only";
}

TEST_F(TlsPeersTest, ACertificateThatOthersWouldRefuseIsRefusedAtOnce) {
  const std::string ca = authority_.pem();
  EXPECT_EQ(refused(files(authority_.issue(wish("n2")), ca), "n1"),
            "1.pem: names node \"n2\", and this is \"n1\"; expected the URI homing:node:n1 among its subject "
            "alternative names");
  EXPECT_THAT(refused(files(authority_.issue({.common_name = "n1"}), ca), "n1"),
              HasSubstr("2.pem: names no node, and"));
  EXPECT_THAT(refused(files(authority_.issue({.uris = {"homing:node:n1", "homing:node:n2"}}), ca), "n1"),
              HasSubstr("3.pem: names several nodes, and"));
  EXPECT_EQ(
      refused(files(TestAuthority("other").issue(wish("n1")), ca), "n1"),
      "4.pem: no authority of 4-ca.pem signed it (unable to get local issuer certificate); expected a certificate "
      "of this cluster");
  CertificateWish half = wish("n1");
  half.usage = "serverAuth";
  EXPECT_EQ(refused(files(authority_.issue(half), ca), "n1"),
            "5.pem: its extendedKeyUsage lacks clientAuth; expected serverAuth and clientAuth, or none at all");
  half.usage = "serverAuth,clientAuth";
  EXPECT_THAT(loaded(files(authority_.issue(half), ca), "n1")->warnings(), IsEmpty());
  EXPECT_EQ(
      refused({dir_.file("a.pem"), dir_.file("a.key"), dir_.file("ca.pem")}, "n1"),
      "a.pem: the cluster certificate cannot be read (No such file or directory); check the path and who may read "
      "it\n"
      "a.key: the key of the cluster certificate cannot be read (No such file or directory); check the path and who "
      "may read it\n"
      "ca.pem: the list of authorities cannot be read (No such file or directory); check the path and who may read "
      "it");
}

TEST_F(TlsPeersTest, SeveralThreadsConnectBothWaysAtOnce) {
  const auto n1 = node("n1");
  const auto n2 = node("n2");
  ASSERT_TRUE(connect(*n1, "n2", *n2).shaken.done());
  ASSERT_TRUE(connect(*n2, "n1", *n1).shaken.done());
  std::atomic<int> resumed = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 25; ++round) {
          const Link link = i % 2 == 0 ? connect(*n1, "n2", *n2) : connect(*n2, "n1", *n1);
          const char* wanted = i % 2 == 0 ? "n2" : "n1";
          resumed += link.shaken.done() && link.client_sees == wanted && link.resumed ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(resumed, 100);
}

}  // namespace
}  // namespace homing::net
