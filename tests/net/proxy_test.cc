// SPDX-License-Identifier: Apache-2.0
//
// Requests and answers through real routers, sockets and the core; only the launcher is a stand-in.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/net/test_cluster.h"

namespace homing::net {
namespace {

HeaderList with(HeaderList headers, const std::string& name, const std::string& value) {
  headers.emplace_back(name, value);
  return headers;
}

std::uint64_t number_in(const std::string& json, const char* name) {
  return boost::json::parse(json).at(name).to_number<std::uint64_t>();
}

// What the notepad's sink says of "abc...zabc..." of this length, or of any text.
std::uint64_t fnv_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

std::string letters(std::size_t size) {
  std::string text(size, 'a');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

std::string chunked(const std::string& text, std::size_t piece) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const std::string part = text.substr(at, piece);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    out += size + part + "\r\n";
  }
  return out + "0\r\n\r\n";
}

std::size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::size_t pages = 0;
  std::size_t resident = 0;
  in >> pages >> resident;
  return resident * 4096;
}

// What a hundred megabytes may cost. The address sanitizer keeps freed memory for a while, the test's own too.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr std::size_t kAllowedGrowth = 400U << 20;
#else
constexpr std::size_t kAllowedGrowth = 40U << 20;
#endif
#else
constexpr std::size_t kAllowedGrowth = 40U << 20;
#endif

class ProxyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<TestCluster>(TestCluster::Options{.nodes = 2, .extra = {}, .listen = {}, .limits = {}});
    session_ = cluster_->start(0, "anna");
    raw_ = cluster_->start(0, "anna", "raw");
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override { ASSERT_TRUE(cluster_ && session_.node >= 0 && raw_.node >= 0); }

  static int holder() { return session_.node; }
  static int other() { return 1 - session_.node; }

  static std::unique_ptr<TestCluster> cluster_;
  static TestCluster::Started session_;
  static TestCluster::Started raw_;
};
std::unique_ptr<TestCluster> ProxyTest::cluster_;
TestCluster::Started ProxyTest::session_;
TestCluster::Started ProxyTest::raw_;

TEST_F(ProxyTest, OneConnectionCarriesManyRequests) {
  for (const int node : {holder(), other()}) {
    TestClient client = cluster_->client(node);
    for (int i = 0; i < 20; ++i) {
      const Got got = client.request("GET", session_.path("api/counter"), cluster_->as("anna"));
      ASSERT_EQ(got.status, 200U) << got.body;
      EXPECT_TRUE(got.keep_alive);
    }
  }
}

TEST_F(ProxyTest, EveryRouterReachesTheSameProcess) {
  for (int i = 0; i < 4; ++i) {
    const Got got = cluster_->client(i % 2).request("POST", session_.path("api/counter"), cluster_->as("anna"));
    EXPECT_EQ(got.status, 200U) << got.body;
  }
  const auto here =
      number_in(cluster_->client(0).request("GET", session_.path("api/counter"), cluster_->as("anna")).body, "counter");
  const auto there =
      number_in(cluster_->client(1).request("GET", session_.path("api/counter"), cluster_->as("anna")).body, "counter");
  EXPECT_EQ(here, there);
  EXPECT_GE(here, 4U);
}

TEST_F(ProxyTest, PipelinedRequestsAreAnsweredInOrder) {
  for (const int node : {holder(), other()}) {
    TestClient client = cluster_->client(node);
    std::string all;
    for (int i = 1; i <= 5; ++i) {
      all += "GET " + session_.path("api/bytes?n=" + std::to_string(i * 1000)) +
             " HTTP/1.1\r\nHost: h\r\nCookie: " + cluster_->login("anna") + "\r\n\r\n";
    }
    ASSERT_TRUE(client.write(all));
    for (int i = 1; i <= 5; ++i) EXPECT_EQ(client.read_answer().body.size(), static_cast<std::size_t>(i) * 1000);
  }
}

TEST_F(ProxyTest, BodiesArriveWholeWithLengthAndInChunksBothWays) {
  const std::string text = letters(300'000);
  for (const int node : {holder(), other()}) {
    TestClient client = cluster_->client(node);
    const Got plain = client.request("POST", session_.path("api/sink"), cluster_->as("anna"), text);
    ASSERT_EQ(plain.status, 200U) << plain.body;
    EXPECT_EQ(number_in(plain.body, "bytes"), text.size());
    EXPECT_EQ(number_in(plain.body, "fnv"), fnv_of(text));
    const Got pieces = client.request("POST", session_.path("api/sink"),
                                      with(cluster_->as("anna"), "Transfer-Encoding", "chunked"), chunked(text, 7777));
    ASSERT_EQ(pieces.status, 200U) << pieces.body;
    EXPECT_EQ(number_in(pieces.body, "bytes"), text.size());
    EXPECT_EQ(number_in(pieces.body, "fnv"), fnv_of(text));
    const Got down = client.request("GET", session_.path("api/bytes?n=300000"), cluster_->as("anna"));
    EXPECT_TRUE(down.whole);
    EXPECT_EQ(down.body, text);
    EXPECT_EQ(down.header("Content-Length"), "300000");
    const Got down_chunked = client.request("GET", session_.path("api/bytes?n=300000&chunked=1"), cluster_->as("anna"));
    EXPECT_TRUE(down_chunked.whole);
    EXPECT_EQ(down_chunked.body, text);
    EXPECT_EQ(down_chunked.header("Transfer-Encoding"), "chunked");
  }
}

TEST_F(ProxyTest, AnEmptyBodyIsABody) {
  TestClient client = cluster_->client(other());
  EXPECT_EQ(
      number_in(
          client.request("POST", session_.path("api/sink"), with(cluster_->as("anna"), "Content-Length", "0")).body,
          "bytes"),
      0U);
  EXPECT_EQ(number_in(client
                          .request("POST", session_.path("api/sink"),
                                   with(cluster_->as("anna"), "Transfer-Encoding", "chunked"), "0\r\n\r\n")
                          .body,
                      "bytes"),
            0U);
}

TEST_F(ProxyTest, AHundredMegabytesStreamInConstantMemory) {
  constexpr std::size_t kSize = 100'000'000;
  for (const int node : {holder(), other()}) {
    TestClient down = cluster_->client(node);
    const std::size_t before = resident_bytes();
    std::size_t most = before;
    ASSERT_TRUE(down.write("GET " + session_.path("api/bytes?n=" + std::to_string(kSize)) +
                           " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: " + cluster_->login("anna") +
                           "\r\n\r\n"));
    std::size_t total = 0;
    for (std::string piece = down.read_some(); !piece.empty(); piece = down.read_some()) {
      total += piece.size();
      most = std::max(most, resident_bytes());
    }
    EXPECT_GT(total, kSize);
    EXPECT_LT(total, kSize + 2000);
    TestClient up = cluster_->client(node);
    ASSERT_TRUE(up.write("POST " + session_.path("api/sink") + " HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                         std::to_string(kSize) + "\r\nCookie: " + cluster_->login("anna") + "\r\n\r\n"));
    const std::string piece = letters(1'000'000);
    for (std::size_t sent = 0; sent < kSize; sent += piece.size()) {
      ASSERT_TRUE(up.write(piece));
      most = std::max(most, resident_bytes());
    }
    EXPECT_EQ(number_in(up.read_answer().body, "bytes"), kSize);
    EXPECT_LT(most - before, kAllowedGrowth) << "memory grew with the body";
  }
}

TEST_F(ProxyTest, ASessionSeesHostAndUserButNoneOfOurCookiesOrForgedNames) {
  for (const int node : {holder(), other()}) {
    HeaderList headers = {{"Cookie", "a=1; " + cluster_->login("anna") + "; homing_route=x; b=2"},
                          {"X-Homing-User", "root"},
                          {"X_Homing_User", "root"},
                          {"X-Forwarded-For", "6.6.6.6"},
                          {"X-Forwarded-User", "root"},
                          {"Homing-Forward", "x"},
                          {"X-Mine", "stays"},
                          {"Connection", "keep-alive, X-Drop"},
                          {"X-Drop", "1"},
                          {"Host", "people.example:8800"}};
    const Got got = cluster_->client(node).request("GET", session_.path("api/headers"), headers);
    ASSERT_EQ(got.status, 200U) << got.body;
    EXPECT_NE(got.body.find("people.example:8800"), std::string::npos);
    EXPECT_NE(got.body.find("a=1; b=2"), std::string::npos);
    EXPECT_NE(got.body.find("stays"), std::string::npos);
    EXPECT_NE(got.body.find("anna"), std::string::npos);
    EXPECT_NE(got.body.find("127.0.0.1"), std::string::npos) << "the client's address";
    for (const char* gone : {"homing_", "root", "6.6.6.6", "X_Homing", "Homing-Forward", "X-Drop"}) {
      EXPECT_EQ(got.body.find(gone), std::string::npos) << gone << " in " << got.body;
    }
  }
}

TEST_F(ProxyTest, WhoMayNotIsRefusedAlikeOnGetAndOnUpgradeThroughEveryRouter) {
  std::string forged = cluster_->login("anna");
  forged[forged.size() - 5] = forged[forged.size() - 5] == 'x' ? 'y' : 'x';
  std::string forged_id = session_.path("ws");
  forged_id[10] = forged_id[10] == 'a' ? 'b' : 'a';
  struct Case {
    const char* what;
    HeaderList headers;
    std::string target;
    unsigned status;
    std::string reason;
  };
  const std::vector<Case> cases = {
      {"nobody", {}, session_.path("ws"), 401, "sign-in"},
      {"a forged cookie", {{"Cookie", forged}}, session_.path("ws"), 401, "sign-in"},
      {"an untrusted header", {{"X-Homing-User", "anna"}}, session_.path("ws"), 401, "sign-in"},
      {"somebody else", cluster_->as("ben"), session_.path("ws"), 403, "not-owner"},
      {"a forged id", cluster_->as("anna"), forged_id, 404, "unknown-session"},
      {"an id nobody made", cluster_->as("anna"),
       "/s/" + cluster_->credentials().session_text(Credentials::new_session_id()) + "/ws", 404, "unknown-session"},
  };
  for (const int node : {holder(), other()}) {
    for (const Case& c : cases) {
      const Got get = cluster_->client(node).request("GET", c.target, c.headers);
      EXPECT_EQ(get.status, c.status) << c.what;
      EXPECT_EQ(get.header("Homing-Reason"), c.reason) << c.what;
      EXPECT_EQ(cluster_->client(node).upgrade(c.target, c.headers), c.status) << c.what;
    }
  }
}

TEST_F(ProxyTest, AnotherSitesPageMayNotConnect) {
  const HeaderList headers = with(cluster_->as("anna"), "Origin", "http://evil.example");
  EXPECT_EQ(cluster_->client(0).upgrade(session_.path("ws"), headers), 403U);
  EXPECT_EQ(cluster_->client(0).request("POST", "/api/sessions", headers, "{\"kind\":\"notepad\"}").status, 403U);
}

TEST_F(ProxyTest, AHeadWithTwoMeaningsIsRefusedAndTheConnectionEnds) {
  const std::string cookie = "Cookie: " + cluster_->login("anna") + "\r\n";
  const std::string first = "POST " + session_.path("api/sink") + " HTTP/1.1\r\nHost: h\r\n" + cookie;
  for (const std::string& head :
       {first + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        first + "Transfer-Encoding: xchunked\r\n\r\n", first + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        first + "Host: h\r\nContent-Length: 5\r\n\r\n", std::string("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"),
        first + "X: a\r\n b\r\n\r\n", first + "Content_Length: 5\r\n\r\n", first + "X: a\n\r\n",
        "GET http://other" + session_.path("api/headers") + " HTTP/1.1\r\nHost: h\r\n" + cookie + "\r\n",
        first + "Connection: X-Forwarded-For\r\n\r\n"}) {
    TestClient client = cluster_->client(0);
    ASSERT_TRUE(client.write(head + "0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    const Got got = client.read_answer();
    EXPECT_GE(got.status, 400U) << head;
    EXPECT_FALSE(got.keep_alive) << head;
    EXPECT_EQ(client.read_some(), "") << "a second answer to: " << head;
  }
}

TEST_F(ProxyTest, AnAbsoluteTargetReachesTheSessionLikeItsPath) {
  for (const int node : {holder(), other()}) {
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write("GET http://H:81" + session_.path("api/bytes?n=7") +
                             " HTTP/1.1\r\nHost: h:81\r\nCookie: " + cluster_->login("anna") + "\r\n\r\n"));
    const Got got = client.read_answer();
    EXPECT_EQ(got.status, 200U) << got.body;
    EXPECT_EQ(got.body.size(), 7U);
  }
}

TEST_F(ProxyTest, ExpectedContinueComesBeforeTheBodyAndOnlyOnce) {
  for (const int node : {holder(), other()}) {
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write("POST " + session_.path("api/sink") +
                             " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\nCookie: " +
                             cluster_->login("anna") + "\r\n\r\n"));
    EXPECT_EQ(client.read_answer(true).status, 100U);
    ASSERT_TRUE(client.write("hello"));
    EXPECT_EQ(number_in(client.read_answer().body, "bytes"), 5U);
    // Refused on the head alone: no 100, no body wanted.
    TestClient refused = cluster_->client(node);
    ASSERT_TRUE(refused.write("POST " + session_.path("api/sink") +
                              " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\nCookie: " +
                              cluster_->login("ben") + "\r\n\r\n"));
    const Got got = refused.read_answer();
    EXPECT_EQ(got.status, 403U);
    EXPECT_FALSE(got.keep_alive);
  }
}

TEST_F(ProxyTest, AnHttp10ClientGetsABodyThatEndsWithTheConnection) {
  TestClient client = cluster_->client(other());
  ASSERT_TRUE(client.write("GET " + session_.path("api/bytes?n=50000&chunked=1") +
                           " HTTP/1.0\r\nHost: h\r\nCookie: " + cluster_->login("anna") + "\r\n\r\n"));
  std::string all;
  for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some()) all += piece;
  const std::size_t end = all.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(all.substr(0, end).find("chunked"), std::string::npos);
  EXPECT_EQ(all.substr(end + 4), letters(50000));
}

TEST_F(ProxyTest, AHeadAnswerHasNoBodyAndTheConnectionGoesOn) {
  TestClient client = cluster_->client(other());
  const Got got = client.request("HEAD", session_.path("api/counter"), cluster_->as("anna"));
  EXPECT_GT(got.status, 0U);
  EXPECT_EQ(client.request("GET", session_.path("api/counter"), cluster_->as("anna")).status, 200U);
}

TEST_F(ProxyTest, AnAnswerWithoutAnEndIsPassedOnInChunks) {
  cluster_->raw().set("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil the end");
  for (const int node : {0, 1}) {
    const Got got = cluster_->client(node).request("GET", raw_.path(), cluster_->as("anna"));
    EXPECT_EQ(got.body, "until the end");
    EXPECT_EQ(got.header("Transfer-Encoding"), "chunked");
    EXPECT_TRUE(got.whole);
  }
}

TEST_F(ProxyTest, AnAnswerThatBreaksOffIsNotMadeToLookWhole) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n"}) {
    cluster_->raw().set(answer);
    for (const int node : {0, 1}) {
      const Got got = cluster_->client(node).request("GET", raw_.path(), cluster_->as("anna"));
      EXPECT_FALSE(got.whole) << answer;
    }
  }
}

TEST_F(ProxyTest, AnAnswerWithTwoMeaningsIsABadGateway) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx", "nonsense\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
                             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"}) {
    cluster_->raw().set(answer);
    for (const int node : {0, 1}) {
      const Got got = cluster_->client(node).request("GET", raw_.path(), cluster_->as("anna"));
      EXPECT_EQ(got.status, 502U) << answer;
      EXPECT_EQ(got.header("Homing-Reason"), "bad-answer") << answer;
    }
  }
}

TEST_F(ProxyTest, InterimAnswersAreHandedOnBeforeTheAnswer) {
  cluster_->raw().set(
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
      "2\r\n\r\nok");
  for (const int node : {0, 1}) {
    TestClient client = cluster_->client(node);
    const Got hints = client.request("GET", raw_.path(), cluster_->as("anna"));
    EXPECT_EQ(hints.status, 103U) << "handed on";
    EXPECT_EQ(hints.header("Link"), "x");
    const Got got = client.read_answer();
    EXPECT_EQ(got.status, 200U) << "and the 100 that nobody asked for is not";
    EXPECT_EQ(got.body, "ok");
  }
}

TEST_F(ProxyTest, AnAnswerBeforeTheEndOfTheBodyEndsTheConnectionNotTheAnswer) {
  cluster_->raw().set("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig", true);
  for (const int node : {0, 1}) {
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write("POST " + raw_.path() + " HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\nCookie: " +
                             cluster_->login("anna") + "\r\n\r\nsome"));
    const Got got = client.read_answer();
    EXPECT_EQ(got.status, 413U);
    EXPECT_EQ(got.body, "big");
    EXPECT_EQ(client.read_some(), "") << "the connection is over";
  }
}

// The client sends far more than it is asked for and reads only then.
TEST_F(ProxyTest, AnAnswerBeforeTheEndOfTheBodyIsNotLostToAReset) {
  cluster_->raw().set("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig", true);
  const std::string much(8 << 20, 'b');
  for (const int node : {0, 1}) {
    TestClient client = cluster_->client(node);
    ASSERT_TRUE(client.write("POST " + raw_.path() + " HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\nCookie: " +
                             cluster_->login("anna") + "\r\n\r\n"));
    EXPECT_TRUE(client.write(much)) << "the connection was reset";
    const Got got = client.read_answer();
    EXPECT_EQ(got.status, 413U);
    EXPECT_EQ(got.body, "big");
  }
}

TEST_F(ProxyTest, AHeadOfMoreThanItsBoundIsRefused) {
  for (const bool many : {true, false}) {
    TestClient client = cluster_->client(0);
    std::string head = "GET " + session_.path("api/counter") + " HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; head.size() < 80'000; ++i) {
      head += "X-" + std::to_string(i) + ": " + std::string(many ? 1 : 8'000, 'x') + "\r\n";
    }
    client.write(head + "\r\n");
    const Got got = client.read_answer();
    EXPECT_EQ(got.status, 431U);
    EXPECT_FALSE(got.keep_alive);
  }
}

TEST_F(ProxyTest, ASlowReaderAndASlowSessionCostNoMemory) {
  constexpr std::size_t kSize = 60'000'000;
  for (const int node : {holder(), other()}) {
    const std::size_t before = resident_bytes();
    std::size_t most = before;
    TestClient down = cluster_->client(node);
    ASSERT_TRUE(down.write("GET " + session_.path("api/bytes?n=" + std::to_string(kSize)) +
                           " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: " + cluster_->login("anna") +
                           "\r\n\r\n"));
    for (int i = 0; i < 20; ++i) {  // everything on the way fills up
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      most = std::max(most, resident_bytes());
    }
    std::size_t total = 0;
    for (std::string piece = down.read_some(); !piece.empty(); piece = down.read_some()) total += piece.size();
    EXPECT_GT(total, kSize);
    most = std::max(most, resident_bytes());
    EXPECT_LT(most - before, kAllowedGrowth / 2) << "memory grew with the body";
  }
}

TEST_F(ProxyTest, ASessionCannotSpeakInOurName) {
  cluster_->raw().set(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: homing_login=evil\r\nSet-Cookie: own=1\r\nHoming-Reason: "
      "lost\r\nHoming-Misdirected: 1 1\r\n\r\nok");
  for (const int node : {0, 1}) {
    const Got got = cluster_->client(node).request("GET", raw_.path(), cluster_->as("anna"));
    EXPECT_EQ(got.status, 200U);
    EXPECT_EQ(got.header("Homing-Reason"), "");
    EXPECT_EQ(got.all("Set-Cookie"), std::vector<std::string>{"own=1"});
  }
  cluster_->raw().set("HTTP/1.1 421 Misdirected Request\r\nContent-Length: 2\r\nHoming-Misdirected: 1 1\r\n\r\nno");
  for (const int node : {0, 1})
    EXPECT_EQ(cluster_->client(node).request("GET", raw_.path(), cluster_->as("anna")).body, "no");
}

TEST_F(ProxyTest, APageGetsARouteCookieForItsOwnPathOnly) {
  const Got page =
      cluster_->client(other()).request("GET", session_.path(), with(cluster_->as("anna"), "Accept", "text/html"));
  ASSERT_EQ(page.status, 200U);
  const std::string cookie = page.header("Set-Cookie");
  EXPECT_TRUE(cookie.starts_with("homing_route=")) << cookie;
  EXPECT_NE(cookie.find("Path=" + session_.path() + ";"), std::string::npos) << cookie;
  EXPECT_NE(cookie.find("HttpOnly"), std::string::npos);
  EXPECT_NE(cookie.find("SameSite=Lax"), std::string::npos);
  const std::string value = cookie.substr(0, cookie.find(';'));
  const Got again = cluster_->client(other()).request(
      "GET", session_.path(), {{"Accept", "text/html"}, {"Cookie", cluster_->login("anna") + "; " + value}});
  EXPECT_EQ(again.header("Set-Cookie"), "") << "a cookie that still holds is not issued again";
  EXPECT_EQ(cluster_->client(0).request("GET", session_.path("api/counter"), cluster_->as("anna")).header("Set-Cookie"),
            "");
}

// ---------------------------------------------------------------- the cluster door

TEST_F(ProxyTest, TheClusterDoorBelievesSealedHeadsOnly) {
  const std::string target = session_.path("api/counter");
  const auto knock = [&](int node, const HeaderList& headers, const std::string& where) {
    return TestClient("127.0.0.1", cluster_->node(node).peer_port).request("GET", where, headers);
  };
  EXPECT_EQ(knock(holder(), {}, target).status, 403U);
  EXPECT_EQ(knock(holder(), cluster_->as("anna"), target).status, 403U) << "a login cookie is nothing here";
  EXPECT_EQ(knock(holder(), {{"Homing-Forward", "rubbish"}}, target).status, 403U);
  const std::string sealed = cluster_->sealed(other(), holder(), session_.id, "anna", target);
  EXPECT_EQ(knock(holder(), {{"Homing-Forward", sealed}}, session_.path("api/who")).status, 403U)
      << "sealed for another target";
  EXPECT_EQ(knock(other(), {{"Homing-Forward", sealed}}, target).status, 403U) << "sealed for another node";
  EXPECT_EQ(knock(holder(), {{"Homing-Forward", sealed}}, target).status, 200U);
  EXPECT_EQ(knock(holder(), {{"Homing-Forward", sealed}}, target).status, 403U) << "used before";
  EXPECT_EQ(
      knock(holder(), {{"Homing-Forward", cluster_->sealed(other(), holder(), session_.id, "ben", target)}}, target)
          .status,
      403U)
      << "not the owner";
}

TEST_F(ProxyTest, WhoDoesNotHoldASessionSaysSoOnTheHeadAlone) {
  const std::string target = session_.path("api/counter");
  const std::string sealed = cluster_->sealed(holder(), other(), session_.id, "anna", target);
  TestClient client("127.0.0.1", cluster_->node(other()).peer_port);
  const Got got = client.request("GET", target, {{"Homing-Forward", sealed}});
  EXPECT_EQ(got.status, 421U);
  EXPECT_EQ(got.header("Homing-Misdirected"), std::to_string(holder()) + " 1");
}

TEST_F(ProxyTest, AnEpochThatTheHolderDoesNotKnowIsMisdirected) {
  const std::string target = session_.path("api/counter");
  const std::string sealed = cluster_->sealed(other(), holder(), session_.id, "anna", target, core::Epoch{9});
  EXPECT_EQ(TestClient("127.0.0.1", cluster_->node(holder()).peer_port)
                .request("GET", target, {{"Homing-Forward", sealed}})
                .status,
            421U);
}

TEST(StrippedTest, AProgramThatKnowsNoPrefixIsSeenBehindIt) {
  TestCluster cluster({.nodes = 2,
                       .extra = "[kind.raw-bare]\ncommand = [\"/bin/false\", \"{socket}\"]\nlisten = \"unix\"\n"
                                "prefix = \"strip\"\n",
                       .listen = {},
                       .limits = {}});
  const auto session = cluster.start(0, "anna", "raw-bare");
  cluster.raw().set(
      "HTTP/1.1 302 Found\r\nLocation: /lab?a=b\r\nSet-Cookie: seen=1; Path=/\r\nSet-Cookie: homing_login=evil; "
      "Path=/\r\n"
      "Content-Length: 0\r\n\r\n");
  for (const int node : {0, 1}) {
    const Got got = cluster.client(node).request("GET", session.path("x/y?q=1"), cluster.as("anna"));
    EXPECT_EQ(got.header("Location"), "/s/" + session.id + "/lab?a=b");
    EXPECT_EQ(got.all("Set-Cookie"), std::vector<std::string>{"seen=1; Path=/s/" + session.id});
  }
  const std::string seen = cluster.raw().seen();
  EXPECT_NE(seen.find("GET /x/y?q=1 HTTP/1.1\r\n"), std::string::npos);
  EXPECT_NE(seen.find("X-Forwarded-Prefix: /s/" + session.id + "\r\n"), std::string::npos);
  EXPECT_NE(seen.find("Forwarded: for=127.0.0.1;proto=http;host=\"cluster.test\"\r\n"), std::string::npos);
}

TEST_F(ProxyTest, APathThatLeavesItsSessionInSomeReadingIsRefused) {
  cluster_->raw().set("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  for (const int node : {0, 1}) {
    for (const std::string rest : {"../x", "a/../../b", "%2e%2e/x", "a/%2e%2E/..%2fb", "a/..%5c../b"}) {
      const Got got = cluster_->client(node).request("GET", raw_.path(rest), cluster_->as("anna"));
      EXPECT_EQ(got.status, 400U) << rest;
      EXPECT_EQ(got.header("Homing-Reason"), "bad-path") << rest;
    }
    EXPECT_EQ(cluster_->client(node).request("GET", raw_.path("a/../b"), cluster_->as("anna")).status, 200U)
        << "what stays inside is the session's business";
  }
}

}  // namespace
}  // namespace homing::net
