// SPDX-License-Identifier: Apache-2.0
//
// A router as a whole: pages, API, admin door, life and death.
#include "router/net/server.h"

#include <gtest/gtest.h>
#include <chrono>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fstream>
#include <mutex>
#include <thread>

#include "tests/net/test_cluster.h"

namespace homing::net {

namespace asio = boost::asio;
using boost::system::error_code;
namespace {

HeaderList with(HeaderList headers, const std::string& name, const std::string& value) {
  headers.emplace_back(name, value);
  return headers;
}

std::unique_ptr<TestCluster> cluster_of(int nodes, const std::string& extra = {}) {
  return std::make_unique<TestCluster>(
      TestCluster::Options{.nodes = nodes, .extra = extra, .listen = {}, .limits = {}});
}

boost::json::value admin(TestCluster& cluster, int node, const std::string& target, const std::string& method = "GET",
                         unsigned status = 200) {
  TestClient client(cluster.directory() + "/" + cluster.node(node).name + "/admin.sock");
  const Got got = client.request(method, target);
  EXPECT_EQ(got.status, status) << target << " " << got.body;
  boost::system::error_code error;
  return boost::json::parse(got.body, error);
}

TEST(ServerTest, ASignInLinkIsExchangedForACookie) {
  const auto cluster = cluster_of(1);
  const std::string token = cluster->credentials().login_token(*make_user("anna"), wall_seconds() + 60);
  const Got in = cluster->client(0).request("GET", "/login?token=" + token);
  EXPECT_EQ(in.status, 303U);
  EXPECT_EQ(in.header("Location"), "/");
  const std::string cookie = in.header("Set-Cookie");
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Lax"), std::string::npos);
  const Got home = cluster->client(0).request("GET", "/", {{"Cookie", cookie.substr(0, cookie.find(';'))}});
  EXPECT_EQ(home.status, 200U);
  EXPECT_NE(home.body.find("Sessions of anna"), std::string::npos);
  EXPECT_EQ(cluster->client(0).request("GET", "/login?token=" + token + "x").status, 403U);
  EXPECT_EQ(cluster->client(0).request("GET", "/").status, 401U);
}

TEST(ServerTest, AFormStartsASessionAndTheHomePageShowsIt) {
  const auto cluster = cluster_of(1);
  HeaderList headers =
      with(with(cluster->as("anna"), "Accept", "text/html"), "Content-Type", "application/x-www-form-urlencoded");
  const Got made = cluster->client(0).request("POST", "/api/sessions", headers, "kind=notepad");
  ASSERT_EQ(made.status, 303U) << made.body;
  const std::string where = made.header("Location");
  ASSERT_TRUE(where.starts_with("/s/")) << where;
  EXPECT_EQ(cluster->until(0, 200, where, with(cluster->as("anna"), "Accept", "text/html")).status, 200U);
  const Got home = cluster->client(0).request("GET", "/", cluster->as("anna"));
  EXPECT_NE(home.body.find(where), std::string::npos);
  EXPECT_EQ(cluster->client(0).request("GET", "/", cluster->as("ben")).body.find(where), std::string::npos)
      << "only one's own";
  const Got bare = cluster->client(0).request("GET", where.substr(0, where.size() - 1) + "?a=b", cluster->as("anna"));
  EXPECT_EQ(bare.status, 308U);
  EXPECT_EQ(bare.header("Location"), where + "?a=b");
}

TEST(ServerTest, AKindThatDoesNotStartSaysWhyToPeopleAndPrograms) {
  const auto cluster = cluster_of(1);
  HeaderList headers = with(cluster->as("anna"), "Content-Type", "application/json");
  const Got made = cluster->client(0).request("POST", "/api/sessions", headers, "{\"kind\":\"broken\"}");
  std::string id;
  if (made.status == 201) {
    id = boost::json::parse(made.body).at("id").as_string().c_str();
    const Got got = cluster->until(0, 503, "/s/" + id + "/", cluster->as("anna"));
    EXPECT_NE(got.header("Homing-Reason"), "");
  } else {
    EXPECT_EQ(made.status, 503U) << made.body;
  }
  EXPECT_EQ(
      cluster->client(0).request("POST", "/api/sessions", headers, "{\"kind\":\"nonsense\"}").header("Homing-Reason"),
      "unknown-kind");
  EXPECT_EQ(cluster->client(0).request("POST", "/api/sessions", headers, "not json").status, 404U);
}

TEST(ServerTest, AnEndedSessionIsGoneForEverybody) {
  const auto cluster = cluster_of(2);
  const auto session = cluster->start(0, "anna");
  ASSERT_GE(session.node, 0);
  EXPECT_EQ(cluster->client(1).request("DELETE", "/api/sessions/" + session.id, cluster->as("ben")).status, 403U);
  EXPECT_EQ(cluster->client(1).request("DELETE", "/api/sessions/" + session.id, cluster->as("anna")).status, 202U);
  for (const int node : {0, 1}) {
    // While a router still remembers it: ended (410); later: no such session.
    Got got;
    for (int round = 0; round < 600; ++round) {
      got = cluster->client(node).request("GET", session.path(), cluster->as("anna"));
      if (got.status == 404 || got.status == 410) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_TRUE(got.status == 404 || got.status == 410) << got.status;
  }
}

TEST(ServerTest, ARouterThatComesBackFindsItsSessionAgain) {
  const auto cluster = cluster_of(2);
  const auto session = cluster->start(0, "anna");
  ASSERT_GE(session.node, 0);
  const int other = 1 - session.node;
  ASSERT_EQ(cluster->client(other).request("POST", session.path("api/counter?add=5"), cluster->as("anna")).status,
            200U);
  cluster->stop_router(session.node);
  const Got cut = cluster->client(other).request("GET", session.path("api/counter"), cluster->as("anna"));
  EXPECT_EQ(cut.status, 503U);
  EXPECT_EQ(cut.header("Homing-Reason"), "holder-away");
  cluster->start_router(session.node);
  for (const int node : {session.node, other}) {
    const Got back = cluster->until(node, 200, session.path("api/counter"), cluster->as("anna"));
    EXPECT_EQ(back.body.find("{\"counter\":5}"), 0U) << back.body;
  }
}

// Takes the place of a router that is down and says of every forwarded head that it does not hold the session.
class DenyingPeer {
 public:
  explicit DenyingPeer(std::uint16_t port)
      : acceptor_(io_, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), port)) {
    thread_ = std::thread([this] {
      for (;;) {
        asio::ip::tcp::socket socket(io_);
        error_code error;
        acceptor_.accept(socket, error);
        if (error || stop_) return;
        std::string got;
        std::array<char, 4096> bytes;
        while (got.find("\r\n\r\n") == std::string::npos) {
          const std::size_t n = socket.read_some(asio::buffer(bytes), error);
          if (error) break;
          got.append(bytes.data(), n);
        }
        asio::write(socket,
                    asio::buffer(std::string("HTTP/1.1 421 Misdirected Request\r\nHoming-Misdirected: 0 7\r\n"
                                             "Content-Length: 0\r\nConnection: close\r\n\r\n")),
                    error);
        // What still comes although it was refused on the head alone.
        for (std::size_t n = 1; n > 0 && !error;) {
          n = socket.read_some(asio::buffer(bytes), error);
          if (!error) got.append(bytes.data(), n);
        }
        const std::lock_guard lock(mutex_);
        seen_.push_back(got);
      }
    });
  }
  ~DenyingPeer() {
    stop_ = true;
    asio::ip::tcp::socket knock(io_);
    error_code ignored;
    knock.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::thread thread_;
};

TEST(ServerTest, AMisdirectedRequestIsTriedOnceMoreThenRefusedAndItsBodyStaysUnsent) {
  const auto cluster = cluster_of(2);
  const auto session = cluster->start(0, "anna");
  ASSERT_GE(session.node, 0);
  const int other = 1 - session.node;
  cluster->stop_router(session.node);
  DenyingPeer peer(cluster->node(session.node).peer_port);
  const Got got =
      cluster->client(other).request("POST", session.path("api/sink"), cluster->as("anna"), "precious body");
  EXPECT_EQ(got.status, 503U);
  EXPECT_EQ(got.header("Homing-Reason"), "misdirected");
  EXPECT_EQ(cluster->client(other).upgrade(session.path("ws"), cluster->as("anna")), 503U);
  for (int i = 0; i < 200 && peer.seen().size() < 4; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto seen = peer.seen();
  EXPECT_EQ(seen.size(), 4U) << "two tries each";
  for (const std::string& head : seen) {
    EXPECT_NE(head.find("Homing-Forward: "), std::string::npos);
    EXPECT_EQ(head.find("precious"), std::string::npos) << head;
    EXPECT_EQ(head.find("homing_login"), std::string::npos) << "our cookie stays with the first router";
  }
}

TEST(ServerTest, ATrustedSocketNamesTheUserInAHeader) {
  const auto cluster = cluster_of(1);
  const std::string path = cluster->directory() + "/n1/trusted.sock";
  EXPECT_EQ(TestClient(path).request("GET", "/api/sessions", {{"X-Homing-User", "anna"}}).status, 200U);
  EXPECT_EQ(TestClient(path).request("GET", "/api/sessions").status, 401U);
  EXPECT_EQ(
      TestClient(path).request("GET", "/api/sessions", {{"X-Homing-User", "anna"}, {"X-Homing-User", "root"}}).status,
      401U);
  EXPECT_EQ(TestClient(path).request("GET", "/api/sessions", {{"X-Homing-User", "../root"}}).status, 401U);
  EXPECT_EQ(cluster->client(0).request("GET", "/api/sessions", {{"X-Homing-User", "anna"}}).status, 401U);
  const auto session = cluster->start(0, "anna");
  const HeaderList front = {
      {"X-Homing-User", "anna"}, {"X-Forwarded-For", "192.0.2.9"}, {"X-Forwarded-Proto", "https"}};
  const Got told = TestClient(path).request("GET", session.path("api/headers"), front);
  EXPECT_NE(told.body.find("192.0.2.9"), std::string::npos) << told.body;
  EXPECT_NE(told.body.find("https"), std::string::npos) << told.body;
}

TEST(ServerTest, TheAdminDoorTellsStatusNodesSessionsAndWhy) {
  const auto cluster = cluster_of(2);
  const auto session = cluster->start(0, "anna");
  ASSERT_GE(session.node, 0);
  EXPECT_TRUE(admin(*cluster, 0, "/v1/status").at("orders").as_bool());
  EXPECT_EQ(admin(*cluster, 0, "/v1/nodes").at("nodes").as_array().size(), 2U);
  for (const int node : {0, 1}) {
    auto sessions = admin(*cluster, node, "/v1/sessions");
    for (int i = 0; i < 200 && sessions.at("sessions").as_array().empty(); ++i) {  // the other node reads it soon
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
      sessions = admin(*cluster, node, "/v1/sessions");
    }
    ASSERT_EQ(sessions.at("sessions").as_array().size(), 1U);
    EXPECT_EQ(sessions.at("sessions").at(0).at("id").as_string(), session.id);
    EXPECT_EQ(sessions.at("sessions").at(0).at("user").as_string(), "anna");
  }
  for (const int node : {0, 1}) {  // node 1 did not place it, and asks
    const auto why = admin(*cluster, node, "/v1/sessions/" + session.id + "/why");
    const std::string all = boost::json::serialize(why.at("history"));
    EXPECT_NE(all.find("strategy sessions chose"), std::string::npos) << all;
    EXPECT_NE(all.find("ready on"), std::string::npos) << all;
  }
  admin(*cluster, 0, "/v1/sessions/aaaa/why", "GET", 404);
  admin(*cluster, 0, "/v1/nodes/n9/drain", "POST", 404);
}

TEST(ServerTest, ADrainedNodeGetsNoNewSessions) {
  const auto cluster = cluster_of(2);
  admin(*cluster, 0, "/v1/nodes/n2/drain", "POST", 202);
  for (int i = 0; i < 200; ++i) {
    const auto nodes = admin(*cluster, 0, "/v1/nodes");
    if (nodes.at("nodes").at(1).at("admin").as_string() == "drain") break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(cluster->start(0, "anna").node, 0);
}

TEST(ServerTest, MetricsAreForTheClusterNotForPeople) {
  const auto cluster = cluster_of(1);
  EXPECT_EQ(cluster->client(0).request("GET", "/livez").status, 200U);
  EXPECT_EQ(cluster->client(0).request("GET", "/metrics").status, 404U);
  const Got metrics = TestClient("127.0.0.1", cluster->node(0).peer_port).request("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200U);
  EXPECT_NE(metrics.body.find("homing_may_order 1"), std::string::npos) << metrics.body;
  EXPECT_TRUE(metrics.body.ends_with("# EOF\n"));
}

TEST(ServerTest, WhatKeepsARouterFromStartingIsOneSentenceWithTheFix) {
  const auto cluster = cluster_of(1);
  const auto config = [&] { return *base::load_router_config(cluster->directory() + "/homing.toml", {"n1", {}}); };
  base::Log log = base::Log::to_descriptor(2, "router", "test", base::LogLevel::kError);
  ServerOptions quick;
  quick.launcher_wait = std::chrono::milliseconds(300);
  const auto why = [&](const base::RouterConfig& with_config) {
    auto server = Server::start(with_config, quick, log);
    return server ? std::string("it started") : server.error();
  };
  base::RouterConfig used = config();  // the cluster's own router has the ports
  EXPECT_NE(why(used).find("Address already in use"), std::string::npos) << why(used);
  base::RouterConfig alone = config();
  alone.nodes[0].peer_address.port = 0;
  alone.state_dir = cluster->directory() + "/nobody";
  EXPECT_NE(why(alone).find("start one first: homing-launcher"), std::string::npos) << why(alone);
  base::RouterConfig open = config();
  open.secret_file = cluster->directory() + "/nothing";
  EXPECT_NE(why(open).find("secret"), std::string::npos) << why(open);
}

TEST(ServerTest, TheLogNamesTheWayOfARequest) {
  const auto cluster = cluster_of(2);
  const auto session = cluster->start(0, "anna");
  ASSERT_GE(session.node, 0);
  const int other = 1 - session.node;
  ASSERT_EQ(cluster->client(other).request("GET", session.path("api/counter?secret=1"), cluster->as("anna")).status,
            200U);
  std::string found;
  for (int i = 0; i < 100 && found.empty(); ++i) {
    std::ifstream in(cluster->directory() + "/" + cluster->node(other).name + ".log");
    for (std::string line; std::getline(in, line);) {
      if (line.find("\"hop\":\"to " + cluster->node(session.node).name) != std::string::npos) found = line;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found.find("\"user\":\"anna\""), std::string::npos) << found;
  EXPECT_NE(found.find("\"status\":200"), std::string::npos) << found;
  EXPECT_EQ(found.find("secret=1"), std::string::npos) << "queries are not logged";
  EXPECT_EQ(found.find("homing_login"), std::string::npos);
}

}  // namespace
}  // namespace homing::net
