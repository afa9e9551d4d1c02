// SPDX-License-Identifier: Apache-2.0
//
// TLS where it is spoken: the public door, its redirect, and between two routers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "router/net/tls_peers.h"
#include "tests/base/temp_dir.h"
#include "tests/net/certificates.h"
#include "tests/net/test_cluster.h"

namespace homing::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::uint16_t free_port() {
  boost::asio::io_context io;
  const boost::asio::ip::tcp::acceptor held(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  return held.local_endpoint().port();
}

std::string letters(std::size_t size) {
  std::string text(size, 'a');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

class TlsDoorTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<base::TempDir>();
    const TestAuthority authority("public");
    const MadeCertificate made = authority.issue({.common_name = "cluster.test", .dns = {"cluster.test"}});
    redirect_port_ = free_port();
    cluster_ = std::make_unique<TestCluster>(
        TestCluster::Options{.nodes = 1,
                             .extra = "[tls]\ncertificates = [{ cert = \"" + dir_->write("c.pem", made.cert) +
                                      "\", key = \"" + dir_->write("c.key", made.key, 0600) +
                                      "\" }]\nhsts = \"1h\"\nredirect-port = " + std::to_string(redirect_port_) + "\n",
                             .limits = {},
                             .authority = authority.pem()});
    session_ = cluster_->start(0, "anna");
  }
  static void TearDownTestSuite() {
    cluster_.reset();
    dir_.reset();
  }
  void SetUp() override { ASSERT_TRUE(cluster_ && session_.node >= 0); }

  static std::unique_ptr<base::TempDir> dir_;
  static std::unique_ptr<TestCluster> cluster_;
  static TestCluster::Started session_;
  static std::uint16_t redirect_port_;
};
std::unique_ptr<base::TempDir> TlsDoorTest::dir_;
std::unique_ptr<TestCluster> TlsDoorTest::cluster_;
TestCluster::Started TlsDoorTest::session_;
std::uint16_t TlsDoorTest::redirect_port_ = 0;

TEST_F(TlsDoorTest, OneConnectionCarriesManyRequestsAndAMegabyteBothWays) {
  TestClient client = cluster_->client(0);
  ASSERT_TRUE(client.secured());
  const std::string text = letters(1 << 20);
  for (int i = 0; i < 5; ++i) {
    const Got got = client.request("GET", session_.path("api/counter"), cluster_->as("anna"));
    ASSERT_EQ(got.status, 200U) << got.body;
    EXPECT_TRUE(got.keep_alive);
    EXPECT_EQ(got.header("Strict-Transport-Security"), "max-age=3600");
    const Got up = client.request("POST", session_.path("api/sink"), cluster_->as("anna"), text);
    ASSERT_EQ(up.status, 200U);
    EXPECT_THAT(up.body, HasSubstr("1048576"));
    for (const char* how : {"", "&chunked=1"}) {
      const Got down =
          client.request("GET", session_.path("api/bytes?n=1048576" + std::string(how)), cluster_->as("anna"));
      EXPECT_TRUE(down.whole);
      EXPECT_TRUE(down.body == text);
    }
  }
}

TEST_F(TlsDoorTest, ASessionIsToldThatThePersonCameByHttps) {
  const Got got = cluster_->client(0).request("GET", session_.path("api/headers"), cluster_->as("anna"));
  EXPECT_THAT(got.body, HasSubstr("https"));
}

TEST_F(TlsDoorTest, PipelinedRequestsAreAnsweredInOrder) {
  TestClient client = cluster_->client(0);
  std::string all;
  for (int i = 1; i <= 50; ++i) {
    all += "GET " + session_.path("api/bytes?n=" + std::to_string(i * 700)) +
           " HTTP/1.1\r\nHost: h\r\nCookie: " + cluster_->login("anna") + "\r\n\r\n";
  }
  ASSERT_TRUE(client.write(all));
  for (int i = 1; i <= 50; ++i) EXPECT_EQ(client.read_answer().body.size(), static_cast<std::size_t>(i) * 700);
}

TEST_F(TlsDoorTest, AWebSocketEchoes) {
  TestClient client = cluster_->client(0);
  ASSERT_EQ(client.upgrade(session_.path("ws"), cluster_->as("anna")), 101U);
  for (const std::string& text : {std::string("hello"), std::string(1 << 20, 'x'), std::string("again")}) {
    ASSERT_TRUE(client.send_text(text));
    std::string got = client.receive_text();
    while (got.starts_with("{\"counter\"")) got = client.receive_text();
    EXPECT_TRUE(got == text) << got.size() << " bytes instead of " << text.size();
  }
}

TEST_F(TlsDoorTest, CookiesAreBoundToTheHostAndOthersAreNotBelieved) {
  // One that is half over is made anew on a page.
  const std::string old = "__Host-homing_login=" +
                          cluster_->credentials().login_cookie(*make_user("anna"), wall_seconds() + kLoginSeconds / 3);
  const Got page = cluster_->client(0).request("GET", session_.path(), {{"Cookie", old}, {"Accept", "text/html"}});
  ASSERT_EQ(page.status, 200U);
  const auto cookies = page.all("Set-Cookie");
  ASSERT_EQ(cookies.size(), 2U);
  EXPECT_THAT(cookies[0] + cookies[1], HasSubstr("__Host-homing_login="));
  EXPECT_THAT(cookies[0] + cookies[1], HasSubstr("__Secure-homing_route="));
  for (const std::string& cookie : cookies) {
    EXPECT_THAT(cookie, HasSubstr("; Secure"));
    EXPECT_THAT(cookie, HasSubstr("; HttpOnly"));
    if (cookie.starts_with("__Host-")) {
      EXPECT_THAT(cookie, HasSubstr("; Path=/;"));
      EXPECT_EQ(cookie.find("Domain"), std::string::npos);
    }
  }
  // The name without the prefix could have been set by a page in the clear.
  const std::string bare = old.substr(std::string("__Host-").size());
  EXPECT_EQ(cluster_->client(0).request("GET", session_.path("api/counter"), {{"Cookie", bare}}).status, 401U);
}

TEST_F(TlsDoorTest, PlainHttpOnTheTlsPortGetsNoAnswerAndHarmsNobody) {
  TestClient held = cluster_->client(0);
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), std::string(100'000, '\x16'),
                                  std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)}) {
    TestClient plain("127.0.0.1", cluster_->node(0).port);
    plain.write(text);
    plain.end_of_sending();
    std::string all;
    for (std::string piece = plain.read_some(); !piece.empty(); piece = plain.read_some()) all += piece;
    EXPECT_EQ(all.find("HTTP/"), std::string::npos);
    EXPECT_LT(all.size(), 100U) << "an alert at most";
  }
  EXPECT_EQ(held.request("GET", session_.path("api/counter"), cluster_->as("anna")).status, 200U);
}

TEST_F(TlsDoorTest, TheRedirectDoorSendsEverybodyToHttpsAndNothingElse) {
  TestClient plain("127.0.0.1", redirect_port_);
  for (const std::string& target : {std::string("/"), session_.path("api/counter?x=1"), std::string("/livez")}) {
    const Got got = plain.request("GET", target, {{"Host", "cluster.test:80"}, {"Cookie", cluster_->login("anna")}});
    EXPECT_EQ(got.status, 308U);
    EXPECT_EQ(got.header("Location"), "https://cluster.test:" + std::to_string(cluster_->node(0).port) + target);
    EXPECT_EQ(got.header("Strict-Transport-Security"), "") << "never in the clear";
    EXPECT_EQ(got.header("Set-Cookie"), "");
  }
  EXPECT_EQ(TestClient("127.0.0.1", redirect_port_).upgrade(session_.path("ws"), cluster_->as("anna")), 308U);
}

// ---------------------------------------------------------------- between routers

class TlsClusterTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = std::make_unique<base::TempDir>();
    authority_ = std::make_unique<TestAuthority>("cluster");
    for (const char* node : {"n1", "n2", "n3"}) write(node);
    dir_->write("ca.pem", authority_->pem());
    cluster_ = std::make_unique<TestCluster>(
        TestCluster::Options{.nodes = 2,
                             .extra = "[cluster-tls]\ncert = \"" + dir_->path() + "/{node}.pem\"\nkey = \"" +
                                      dir_->path() + "/{node}.key\"\nca = \"" + dir_->path() + "/ca.pem\"\n",
                             .limits = {}});
    session_ = cluster_->start(0, "anna");
  }
  static void TearDownTestSuite() {
    cluster_.reset();
    authority_.reset();
    dir_.reset();
  }
  void SetUp() override { ASSERT_TRUE(cluster_ && session_.node >= 0); }

  static void write(const std::string& node) {
    const MadeCertificate made = authority_->issue({.common_name = node, .uris = {"homing:node:" + node}});
    dir_->write(node + ".pem", made.cert);
    dir_->write(node + ".key", made.key, 0600);
  }
  static int holder() { return session_.node; }
  static int other() { return 1 - session_.node; }
  static std::string name(int node) { return cluster_->node(node).name; }
  // What a node with this certificate gets at the holder's cluster door for a head that `other` sealed.
  static Got knock_as(const std::string& who) {
    const auto peers = TlsPeers::load({dir_->file(who + ".pem"), dir_->file(who + ".key"), dir_->file("ca.pem")}, who);
    EXPECT_TRUE(peers) << peers.error();
    TestClient client("127.0.0.1", cluster_->node(holder()).peer_port, (*peers)->connect_ssl(name(holder())));
    EXPECT_TRUE(client.secured());
    const std::string target = session_.path("api/counter");
    return client.request("GET", target,
                          {{"Homing-Forward", cluster_->sealed(other(), holder(), session_.id, "anna", target)}});
  }

  static std::unique_ptr<base::TempDir> dir_;
  static std::unique_ptr<TestAuthority> authority_;
  static std::unique_ptr<TestCluster> cluster_;
  static TestCluster::Started session_;
};
std::unique_ptr<base::TempDir> TlsClusterTest::dir_;
std::unique_ptr<TestAuthority> TlsClusterTest::authority_;
std::unique_ptr<TestCluster> TlsClusterTest::cluster_;
TestCluster::Started TlsClusterTest::session_;

TEST_F(TlsClusterTest, ForwardedRequestsBodiesAndWebSocketsPass) {
  TestClient client = cluster_->client(other());
  const std::string text = letters(1 << 20);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.request("GET", session_.path("api/counter"), cluster_->as("anna")).status, 200U);
    EXPECT_THAT(client.request("POST", session_.path("api/sink"), cluster_->as("anna"), text).body,
                HasSubstr("1048576"));
    EXPECT_TRUE(client.request("GET", session_.path("api/bytes?n=1048576"), cluster_->as("anna")).body == text);
  }
  TestClient tunnel = cluster_->client(other());
  ASSERT_EQ(tunnel.upgrade(session_.path("ws"), cluster_->as("anna")), 101U);
  ASSERT_TRUE(tunnel.send_text(text));
  std::string got = tunnel.receive_text();
  while (got.starts_with("{\"counter\"")) got = tunnel.receive_text();
  EXPECT_TRUE(got == text);
}

TEST_F(TlsClusterTest, AHeadIsBelievedOnlyFromTheNodeThatSealedIt) {
  EXPECT_EQ(knock_as(name(other())).status, 200U);
  for (const std::string& thief : {std::string("n3"), name(holder())}) {
    const Got got = knock_as(thief);
    EXPECT_EQ(got.status, 403U) << thief;
    EXPECT_THAT(got.body, HasSubstr("the head is another node's")) << thief;
  }
}

TEST_F(TlsClusterTest, NobodyWithoutACertificateOfTheClusterIsHeard) {
  const std::string target = session_.path("api/counter");
  const HeaderList head = {{"Homing-Forward", cluster_->sealed(other(), holder(), session_.id, "anna", target)}};
  const std::uint16_t port = cluster_->node(holder()).peer_port;
  EXPECT_EQ(TestClient("127.0.0.1", port).request("GET", target, head).status, 0U) << "in the clear";
  const SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  SslPtr bare(SSL_new(context.get()));
  SSL_set_connect_state(bare.get());
  EXPECT_EQ(TestClient("127.0.0.1", port, std::move(bare)).request("GET", target, head).status, 0U)
      << "without a certificate";
}

}  // namespace
}  // namespace homing::net
