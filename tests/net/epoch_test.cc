// SPDX-License-Identifier: Apache-2.0
//
// A session dies and is started again on another node while somebody is sending to it: what was meant for the old
// process never reaches the new one.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <thread>

#include "tests/net/test_cluster.h"

namespace homing::net {
namespace {

class EpochTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_ = std::make_unique<TestCluster>(TestCluster::Options{.nodes = 2, .extra = {}, .limits = {}});
    session_ = cluster_->start(0, "anna", "raw");
    ASSERT_GE(session_.node, 0);
    // So that it is started on the other node next time.
    TestClient admin(cluster_->directory() + "/" + cluster_->node(other()).name + "/admin.sock");
    ASSERT_EQ(admin.request("POST", "/v1/nodes/" + cluster_->node(holder()).name + "/drain").status, 202U);
    for (int i = 0; i < 600; ++i) {
      const Got nodes = TestClient(cluster_->directory() + "/" + cluster_->node(other()).name + "/admin.sock")
                            .request("GET", "/v1/nodes");
      if (nodes.body.find("drain") != std::string::npos) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  int holder() const { return session_.node; }
  int other() const { return 1 - session_.node; }
  std::string old_process() const { return cluster_->node(holder()).name + " 1"; }
  std::uint64_t at_old() { return cluster_->raw().bytes_at(old_process()); }
  // In every process but the first.
  std::uint64_t elsewhere() {
    const std::lock_guard lock(cluster_->raw().mutex);
    std::uint64_t sum = 0;
    for (const auto& [process, bytes] : cluster_->raw().bytes_of) sum += process == old_process() ? 0 : bytes;
    return sum;
  }
  bool wait_for_old(std::uint64_t bytes) {
    for (int i = 0; i < 1200 && at_old() < bytes; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
    return at_old() >= bytes;
  }
  // Dies, and is started again by its owner.
  void move() {
    cluster_->kill_process(holder(), session_.id);
    for (int i = 0; i < 1200; ++i) {
      cluster_->client(other()).request("POST", "/api/sessions/" + session_.id + "/restart", cluster_->as("anna"));
      const Got got = cluster_->client(other()).request("GET", "/api/sessions/" + session_.id, cluster_->as("anna"));
      if (got.status == 200) {
        const auto route = boost::json::parse(got.body);
        if (route.at("state").as_string() == "ready" &&
            route.at("node").as_string().c_str() == cluster_->node(other()).name) {
          return;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << "it was not started on the other node";
  }
  void expect_new_process_serves() {
    cluster_->raw().set("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    for (const int node : {0, 1}) {
      EXPECT_EQ(cluster_->until(node, 200, session_.path(), cluster_->as("anna")).body, "ok");
    }
    EXPECT_EQ(at_old(), 0U);
    EXPECT_GT(elsewhere(), 0U);
  }
  std::string upgrade_head() const {
    return "GET " + session_.path("ws") + " HTTP/1.1\r\nHost: h\r\nCookie: " + cluster_->login("anna") +
           "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  }
  void post_across_a_move(int through, std::uint64_t size) {
    cluster_->raw().set("", true);  // reads, and never answers
    TestClient client = cluster_->client(through);
    ASSERT_TRUE(client.write("POST " + session_.path("x") + " HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                             std::to_string(size) + "\r\nCookie: " + cluster_->login("anna") + "\r\n\r\n"));
    std::atomic<bool> cut = false;
    std::thread sender([&] {
      const std::string piece(1 << 20, 'p');
      for (std::uint64_t sent = 0; sent < size; sent += piece.size()) {
        if (!client.write(piece)) break;
        if (sent > size / 2 && !cut) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
    EXPECT_TRUE(wait_for_old(size / 4));
    move();
    cut = true;
    sender.join();
    EXPECT_EQ(elsewhere(), 0U) << "of the body, or of its head, in another process";
    expect_new_process_serves();
  }

  std::unique_ptr<TestCluster> cluster_;
  TestCluster::Started session_;
};

TEST_F(EpochTest, NoByteOfAPostReachesTheProcessThatFollows) {
  post_across_a_move(other(), 64 << 20);
}

TEST_F(EpochTest, NoByteOfAPostReachesTheProcessThatFollowsWhenTheHolderWasAsked) {
  post_across_a_move(holder(), 64 << 20);
}

TEST_F(EpochTest, NoByteBehindAnUpgradeThatWasNeverAnsweredReachesAnyProcess) {
  for (const int node : {0, 1}) {
    cluster_->raw().set("", true);
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write(upgrade_head() + "\x81\x85" + std::string(4, '\0') + "early"));
    EXPECT_TRUE(wait_for_old(100));
    if (node == 1) {
      move();
      const Got got = client.read_answer();
      EXPECT_GE(got.status, 500U);
      EXPECT_EQ(elsewhere(), 0U);
    }
    EXPECT_EQ(cluster_->raw().seen().find("early"), std::string::npos);
  }
  expect_new_process_serves();
}

TEST_F(EpochTest, NoByteOfATunnelReachesTheProcessThatFollows) {
  cluster_->raw().set(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      true);
  TestClient client = cluster_->client(other());
  ASSERT_TRUE(client.write(upgrade_head()));
  ASSERT_EQ(client.read_answer(true).status, 101U);
  std::atomic<bool> over = false;
  std::thread sender([&] {
    while (!over && client.send_text(std::string(10'000, 't'))) {
    }
  });
  EXPECT_TRUE(wait_for_old(1 << 20));
  move();
  over = true;
  sender.join();
  EXPECT_EQ(elsewhere(), 0U);
  expect_new_process_serves();
}

class EpochLongTest : public EpochTest {};

TEST_F(EpochLongTest, NoByteOfAGigabyteReachesTheProcessThatFollows) {
  post_across_a_move(other(), std::uint64_t{1} << 30);
}

}  // namespace
}  // namespace homing::net
