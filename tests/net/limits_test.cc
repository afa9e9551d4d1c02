// SPDX-License-Identifier: Apache-2.0
//
// What the doors do at their limits: who is slow, who is too many, and what a balancer says about them.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/net/test_cluster.h"

namespace homing::net {
namespace {

std::unique_ptr<TestCluster> cluster_with(const FrontLimits& limits, const std::string& listen = {}) {
  return std::make_unique<TestCluster>(
      TestCluster::Options{.nodes = 1, .extra = {}, .listen = listen, .limits = limits});
}

// A connection that is served. Whoever waited for the cluster to come up may still be counted for a moment.
std::unique_ptr<TestClient> served(TestCluster& cluster) {
  for (int i = 0; i < 200; ++i) {
    auto one = std::make_unique<TestClient>("127.0.0.1", cluster.node(0).port);
    if (one->request("GET", "/livez").status == 200) return one;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ADD_FAILURE() << "nobody is served";
  return nullptr;
}

TEST(LimitsTest, AHeadThatDoesNotArriveInTimeIsTold) {
  FrontLimits limits;
  limits.first_head = 150;
  const auto cluster = cluster_with(limits);
  TestClient client = cluster->client(0);
  ASSERT_TRUE(client.write("GET / HTTP/1.1\r\nHost: h\r\n"));
  const Got got = client.read_answer();
  EXPECT_EQ(got.status, 408U);
  EXPECT_EQ(got.header("Homing-Reason"), "slow");
  EXPECT_EQ(client.read_some(), "") << "and the connection ends";
  TestClient silent = cluster->client(0);
  EXPECT_EQ(silent.read_some(), "") << "who says nothing is told nothing";
}

TEST(LimitsTest, DripsOfAHeadDoNotBuyTime) {
  FrontLimits limits;
  limits.first_head = 400;
  const auto cluster = cluster_with(limits);
  TestClient client = cluster->client(0);
  ASSERT_TRUE(client.write("GET / HTTP/1.1\r\nHost: h\r\n"));
  for (int i = 0; i < 60 && client.write("X-A: b\r\n"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(client.read_answer().status, 408U);
}

TEST(LimitsTest, ABodyBelowTheLeastRateIsTold) {
  FrontLimits limits;
  limits.exchange.body_grace = 100;
  limits.exchange.body_min_rate = 1'000'000;
  const auto cluster = cluster_with(limits);
  const auto raw = cluster->start(0, "anna", "raw");
  cluster->raw().set("", true);
  for (const std::string& target : {raw.path("x"), std::string("/api/sessions")}) {
    TestClient client = cluster->client(0);
    ASSERT_TRUE(client.write("POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\nCookie: " +
                             cluster->login("anna") + "\r\n\r\n"));
    for (int i = 0; i < 40 && client.write("xx"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const unsigned status = client.read_answer().status;
    EXPECT_TRUE(status == 408U || status == 413U || status == 0U) << target << " " << status;
    if (target.starts_with("/s/")) EXPECT_EQ(status, 408U);
  }
}

TEST(LimitsTest, ABodyThatStopsIsTold) {
  FrontLimits limits;
  limits.exchange.body_stall = 150;
  const auto cluster = cluster_with(limits);
  const auto raw = cluster->start(0, "anna", "raw");
  cluster->raw().set("", true);
  TestClient client = cluster->client(0);
  ASSERT_TRUE(client.write("POST " + raw.path("x") + " HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nCookie: " +
                           cluster->login("anna") + "\r\n\r\nhalf"));
  EXPECT_EQ(client.read_answer().status, 408U);
}

TEST(LimitsTest, WhoComesWhenThereIsNoRoomIsToldWhenToComeAgain) {
  FrontLimits limits;
  limits.max_connections = 3;
  const auto cluster = cluster_with(limits);
  std::vector<std::unique_ptr<TestClient>> held;
  Got last;
  for (int i = 0; i < 3; ++i) held.push_back(served(*cluster));
  last = cluster->client(0).request("GET", "/livez");
  EXPECT_EQ(last.status, 503U);
  EXPECT_EQ(last.header("Retry-After"), "5");
  held.clear();
  Got again;
  for (int i = 0; i < 100 && again.status != 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    again = cluster->client(0).request("GET", "/livez");
  }
  EXPECT_EQ(again.status, 200U) << "room comes back";
}

TEST(LimitsTest, OneAddressHasSoManyConnectionsAndNoMore) {
  FrontLimits limits;
  limits.per_address = 2;
  const auto cluster = cluster_with(limits);
  const auto first = served(*cluster);
  const auto second = served(*cluster);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(cluster->client(0).read_some(), "") << "closed at once";
  EXPECT_EQ(first->request("GET", "/livez").status, 200U) << "and the others go on";
}

TEST(LimitsTest, OnePersonHasSoManyConnectionsAndNoMore) {
  FrontLimits limits;
  limits.per_user = 1;
  const auto cluster = cluster_with(limits);
  {
    TestClient first = cluster->client(0);
    EXPECT_EQ(first.request("GET", "/", cluster->as("anna")).status, 200U);
    const Got second = cluster->client(0).request("GET", "/", cluster->as("anna"));
    EXPECT_EQ(second.status, 429U);
    EXPECT_EQ(second.header("Homing-Reason"), "too-many-connections");
    EXPECT_EQ(cluster->client(0).request("GET", "/", cluster->as("ben")).status, 200U) << "others are others";
    EXPECT_EQ(first.request("GET", "/", cluster->as("anna")).status, 200U);
  }
  Got again;
  for (int i = 0; i < 100 && again.status != 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    again = cluster->client(0).request("GET", "/", cluster->as("anna"));
  }
  EXPECT_EQ(again.status, 200U);
}

TEST(LimitsTest, ABalancerSaysWhoseConnectionItIsWhereItMust) {
  const auto cluster = cluster_with({}, "proxy-protocol = \"required\"\n");
  const auto raw = cluster->start(0, "anna", "raw");
  const std::string path = cluster->directory() + "/n1/trusted.sock";
  const std::string request =
      "GET " + raw.path("x") + " HTTP/1.1\r\nHost: h\r\nX-Homing-User: anna\r\nX-Forwarded-For: \r\n\r\n";
  cluster->raw().set("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  TestClient said(path);
  ASSERT_TRUE(said.write("PROXY TCP4 192.0.2.77 127.0.0.1 5000 80\r\n" + request));
  EXPECT_EQ(said.read_answer().status, 200U);
  EXPECT_NE(cluster->raw().seen().find("X-Forwarded-For: 192.0.2.77\r\n"), std::string::npos);
  TestClient silent(path);
  ASSERT_TRUE(silent.write(request));
  EXPECT_EQ(silent.read_some(), "") << "what must be said is never guessed";
  EXPECT_EQ(cluster->client(0).request("GET", "/livez").status, 200U) << "the public door knows no such header";
}

}  // namespace
}  // namespace homing::net
