// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <chrono>

#include "tests/net/test_cluster.h"

namespace homing::net {
namespace {

constexpr const char* kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

class TunnelTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<TestCluster>(TestCluster::Options{.nodes = 2, .extra = {}, .listen = {}, .limits = {}});
    session_ = cluster_->start(0, "anna");
    raw_ = cluster_->start(0, "anna", "raw");
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override { ASSERT_TRUE(cluster_ && session_.node >= 0 && raw_.node >= 0); }

  std::string handshake(const std::string& more = {}) const {
    return "GET " + raw_.path("ws") + " HTTP/1.1\r\nHost: h\r\nCookie: " + cluster_->login("anna") +
           "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
           more + "\r\n";
  }
  // Waits until the raw session has seen this text.
  static bool seen(const std::string& text) {
    for (int i = 0; i < 200; ++i) {
      if (cluster_->raw().seen().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    return false;
  }

  static std::unique_ptr<TestCluster> cluster_;
  static TestCluster::Started session_;
  static TestCluster::Started raw_;
};
std::unique_ptr<TestCluster> TunnelTest::cluster_;
TestCluster::Started TunnelTest::session_;
TestCluster::Started TunnelTest::raw_;

TEST_F(TunnelTest, AWebSocketEchoesThroughOneAndTwoHops) {
  for (const int node : {0, 1}) {
    TestClient client = cluster_->client(node);
    ASSERT_EQ(client.upgrade(session_.path("ws"), cluster_->as("anna")), 101U);
    for (const std::string& text : {std::string("hello"), std::string(100'000, 'x'), std::string("again")}) {
      ASSERT_TRUE(client.send_text(text));
      std::string got = client.receive_text();
      while (got.starts_with("{\"counter\"")) got = client.receive_text();
      EXPECT_TRUE(got == text) << got.size() << " bytes instead of " << text.size();
    }
  }
}

TEST_F(TunnelTest, ManyTunnelsCarryTheirOwnBytes) {
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<TestClient>("127.0.0.1", cluster_->node(i % 2).port));
    ASSERT_EQ(clients.back()->upgrade(session_.path("ws"), cluster_->as("anna")), 101U);
  }
  for (int i = 0; i < 40; ++i) clients[static_cast<std::size_t>(i)]->send_text("mine " + std::to_string(i));
  for (int i = 0; i < 40; ++i) {
    std::string got = clients[static_cast<std::size_t>(i)]->receive_text();
    while (got.starts_with("{\"counter\"")) got = clients[static_cast<std::size_t>(i)]->receive_text();
    EXPECT_EQ(got, "mine " + std::to_string(i));
  }
}

TEST_F(TunnelTest, ARefusedUpgradeIsAnOrdinaryAnswer) {
  for (const int node : {0, 1}) {
    cluster_->raw().set("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    TestClient client = cluster_->client(node);
    EXPECT_EQ(client.upgrade(raw_.path("ws"), cluster_->as("anna")), 403U);
  }
}

TEST_F(TunnelTest, NoByteOfTheClientGoesUpBeforeTheSwitch) {
  for (const int node : {0, 1}) {
    cluster_->raw().set("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true);
    TestClient client = cluster_->client(node);
    // What a smuggler sends: a request behind a handshake that the session does not complete.
    ASSERT_TRUE(client.write(handshake() + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
    const Got got = client.read_answer();
    EXPECT_EQ(got.status, 200U);
    while (!client.read_some().empty()) {
    }
    EXPECT_EQ(cluster_->raw().seen().find("smuggled"), std::string::npos);
  }
}

TEST_F(TunnelTest, BytesSentRightBehindTheHandshakeArriveUnchangedAfterIt) {
  const std::string odd("\x00\xff\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 28);
  for (const int node : {0, 1}) {
    cluster_->raw().set(std::string(kSwitch) + "first words", true);
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write(handshake() + odd));
    EXPECT_EQ(client.read_answer(true).status, 101U);
    std::string got;
    while (got.size() < 11) {
      const std::string piece = client.read_some();
      ASSERT_FALSE(piece.empty());
      got += piece;
    }
    EXPECT_EQ(got, "first words");
    EXPECT_TRUE(seen(odd));
    const std::string head = cluster_->raw().seen();
    EXPECT_EQ(head.substr(0, head.find("\r\n\r\n")).find("close"), std::string::npos)
        << "Connection: close beside an upgrade";
  }
}

TEST_F(TunnelTest, ASwitchThatAnswersAnotherHandshakeIsABadGateway) {
  for (const char* answer : {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                             "websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
                             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
                             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
                             "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"}) {
    for (const int node : {0, 1}) {
      cluster_->raw().set(answer, true);
      EXPECT_EQ(cluster_->client(node).upgrade(raw_.path("ws"), cluster_->as("anna")), 502U) << answer;
    }
  }
}

TEST_F(TunnelTest, AnotherProtocolIsCarriedAsItIs) {
  for (const int node : {0, 1}) {
    cluster_->raw().set("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: telepathy\r\n\r\nthoughts",
                        true);
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write("GET " + raw_.path() + " HTTP/1.1\r\nHost: h\r\nCookie: " + cluster_->login("anna") +
                             "\r\nConnection: upgrade\r\nUpgrade: telepathy\r\n\r\n"));
    const Got got = client.read_answer(true);
    EXPECT_EQ(got.status, 101U);
    EXPECT_EQ(got.header("Upgrade"), "telepathy");
    EXPECT_EQ(client.read_some(), "thoughts");
  }
}

TEST_F(TunnelTest, H2cIsNeverAskedOfASession) {
  cluster_->raw().set("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  TestClient client = cluster_->client(1);
  ASSERT_TRUE(client.write("GET " + raw_.path() + " HTTP/1.1\r\nHost: h\r\nCookie: " + cluster_->login("anna") +
                           "\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n"));
  EXPECT_EQ(client.read_answer().status, 200U);
  EXPECT_EQ(cluster_->raw().seen().find("h2c"), std::string::npos);
}

TEST_F(TunnelTest, AMalformedHandshakeIsRefused) {
  TestClient client = cluster_->client(0);
  EXPECT_EQ(client
                .request("GET", session_.path("ws"),
                         {{"Cookie", cluster_->login("anna")},
                          {"Connection", "Upgrade"},
                          {"Upgrade", "websocket"},
                          {"Sec-WebSocket-Version", "8"},
                          {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}})
                .status,
            426U);
  TestClient body = cluster_->client(0);
  ASSERT_TRUE(body.write(handshake("Content-Length: 5\r\n") + "hello"));
  EXPECT_EQ(body.read_answer().status, 400U);
}

TEST_F(TunnelTest, WhenOneSideClosesTheOtherHearsIt) {
  cluster_->raw().set(std::string(kSwitch) + "bye");  // and closes
  for (const int node : {0, 1}) {
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write(handshake()));
    EXPECT_EQ(client.read_answer(true).status, 101U);
    std::string all;
    for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some()) all += piece;
    EXPECT_EQ(all, "bye");
  }
}

}  // namespace
}  // namespace homing::net
