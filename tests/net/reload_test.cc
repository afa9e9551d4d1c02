// SPDX-License-Identifier: Apache-2.0
//
// The router's configuration and certificates change while people are connected: what was begun goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "router/io/resolver.h"
#include "tests/net/certificates.h"
#include "tests/net/test_cluster.h"

namespace homing::net {
namespace {

using ::testing::HasSubstr;

class ReloadTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_ = std::make_unique<TestCluster>(
        TestCluster::Options{.nodes = 1, .extra = "[limits]\n", .limits = {}, .limits_of_file = true});
    file_ = cluster_->directory() + "/homing.toml";
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    text_ = text.str();
  }
  // The file with `what` behind its last line, which is "[limits]".
  void write(const std::string& what) const { std::ofstream(file_) << text_ << what; }
  Got reload() const {
    TestClient admin(cluster_->directory() + "/n1/admin.sock");
    return admin.request("POST", "/v1/config/reload");
  }
  static std::string text_of(const Got& got) { return boost::json::parse(got.body).at("text").as_string().c_str(); }
  std::string echoed(TestClient& client, const std::string& text) const {
    EXPECT_TRUE(client.send_text(text));
    std::string got = client.receive_text();
    while (got.starts_with("{\"counter\"")) got = client.receive_text();
    return got;
  }

  std::unique_ptr<TestCluster> cluster_;
  std::string file_;
  std::string text_;
};

TEST_F(ReloadTest, TheSameFileChangesNothing) {
  const Got got = reload();
  EXPECT_EQ(got.status, 200U) << got.body;
  EXPECT_EQ(text_of(got), "nothing changed\n");
}

TEST_F(ReloadTest, ALimitHoldsForWhatBeginsNow) {
  const TestCluster::Started session = cluster_->start(0, "anna");
  TestClient tunnel = cluster_->client(0);
  ASSERT_EQ(tunnel.upgrade(session.path("ws"), cluster_->as("anna")), 101U);
  write("max-connections = 2\n");  // the tunnel and one more
  const Got got = reload();
  ASSERT_EQ(got.status, 200U) << got.body;
  EXPECT_EQ(text_of(got), "limits.max-connections: 20000 -> 2\n");
  bool limited = false;  // both workers hear of it in their next turn, and connections that end are counted until then
  for (int i = 0; i < 1000 && !limited; ++i) {
    TestClient one = cluster_->client(0);
    if (one.request("GET", "/livez").status != 200) continue;
    limited = cluster_->client(0).request("GET", "/livez").status == 503;
  }
  EXPECT_TRUE(limited);
  EXPECT_EQ(echoed(tunnel, "still here"), "still here");
}

TEST_F(ReloadTest, AWrongFileChangesNothingAndEveryMistakeIsTold) {
  write("connect = \"soon\"\nkeep-alive = \"0 s\"\n");
  const Got got = reload();
  EXPECT_EQ(got.status, 422U);
  EXPECT_THAT(got.body, HasSubstr("connect"));
  EXPECT_THAT(got.body, HasSubstr("keep-alive"));
  write("connect = \"4 s\"\n[tls]\ncertificates = [{ cert = \"nowhere.pem\", key = \"nowhere.key\" }]\n");
  const Got missing = reload();
  EXPECT_EQ(missing.status, 422U);
  EXPECT_THAT(missing.body, HasSubstr("nowhere.pem"));
  write("");
  EXPECT_EQ(text_of(reload()), "nothing changed\n");
}

TEST_F(ReloadTest, WhatNeedsARestartIsToldEachTimeAndLeftAsItIs) {
  write("connect = \"4 s\"\n");
  std::string text;
  {
    std::ifstream in(file_);
    std::ostringstream all;
    all << in.rdbuf();
    text = all.str();
  }
  const std::string port = std::to_string(cluster_->node(0).port);
  text.replace(text.find(":" + port), port.size() + 1, ":1");
  std::ofstream(file_) << text;
  EXPECT_EQ(text_of(reload()), "limits.connect: 3 s -> 4 s\nnode.n1.address: 127.0.0.1:" + port +
                                   " -> 127.0.0.1:1 (needs a restart of this router; it listens there)\n");
  EXPECT_EQ(text_of(reload()), "node.n1.address: 127.0.0.1:" + port +
                                   " -> 127.0.0.1:1 (needs a restart of this router; it listens there)\n");
  EXPECT_EQ(cluster_->client(0).request("GET", "/livez").status, 200U);
}

TEST_F(ReloadTest, TheCoreHearsOfAnotherStrategy) {
  write("[strategy]\nname = \"user-hash\"\n");
  EXPECT_THAT(text_of(reload()), HasSubstr("strategy: "));
  TestClient admin(cluster_->directory() + "/n1/admin.sock");
  EXPECT_THAT(admin.request("GET", "/v1/status").body, HasSubstr("\"strategy\": \"user-hash\""));
  EXPECT_EQ(cluster_->start(0, "anna").node, 0);
}

TEST_F(ReloadTest, AWebSocketLivesThroughManyReloads) {
  const TestCluster::Started session = cluster_->start(0, "anna");
  TestClient tunnel = cluster_->client(0);
  ASSERT_EQ(tunnel.upgrade(session.path("ws"), cluster_->as("anna")), 101U);
  for (int i = 0; i < 50; ++i) {
    write("connect = \"" + std::to_string(2 + i % 2) + " s\"\n");
    EXPECT_EQ(reload().status, 200U);
    const std::string word = "word " + std::to_string(i);
    EXPECT_EQ(echoed(tunnel, word), word);
  }
}

// A client that speaks TLS and believes anybody.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port)
      : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), ssl_(nullptr, &SSL_free) {
    const io::SocketAddress address = *io::numeric_address("127.0.0.1", port);
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) return;
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    open_ = SSL_connect(ssl_.get()) == 1;
  }
  ~TlsClient() {
    ssl_.reset();
    ::close(fd_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  std::string certificate() const {
    if (!open_) return "(no connection)";
    const X509* cert = SSL_get0_peer_certificate(ssl_.get());
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name.data(), name.size());
    return name.data();
  }
  std::string get(const std::string& target) {
    const std::string head = "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
    if (SSL_write(ssl_.get(), head.data(), static_cast<int>(head.size())) <= 0) return "(closed)";
    std::array<char, 4096> bytes{};
    const int size = SSL_read(ssl_.get(), bytes.data(), bytes.size());
    return size <= 0 ? "(closed)" : std::string(bytes.data(), static_cast<std::size_t>(size));
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int fd_ = -1;
  bool open_ = false;
};

TEST(ReloadTlsTest, AnotherCertificateIsForNewConnectionsAndABrokenOneForNobody) {
  const TestAuthority authority;
  const auto made = [&authority](const std::string& name) {
    CertificateWish wish;
    wish.common_name = name;
    wish.dns = {"site.test"};
    return authority.issue(wish);
  };
  char pattern[] = "/tmp/homing-reload-XXXXXX";
  const std::string directory = ::mkdtemp(pattern);
  const auto put = [&directory](const MadeCertificate& files) {
    std::ofstream(directory + "/cert.pem") << files.cert;
    std::ofstream(directory + "/key.pem") << files.key;
    ::chmod((directory + "/key.pem").c_str(), 0600);
  };
  put(made("first"));
  {
    TestCluster cluster({.nodes = 1,
                         .extra = "[tls]\ncertificates = [{ cert = \"" + directory + "/cert.pem\", key = \"" +
                                  directory + "/key.pem\" }]\n",
                         .limits = {}});
    const auto reload = [&cluster] {
      return TestClient(cluster.directory() + "/n1/admin.sock").request("POST", "/v1/config/reload").status;
    };
    TlsClient early(cluster.node(0).port);
    EXPECT_EQ(early.certificate(), "first");
    put(made("second"));
    EXPECT_EQ(reload(), 200U);
    std::string seen;
    for (int i = 0; i < 100 && seen != "second"; ++i) seen = TlsClient(cluster.node(0).port).certificate();
    EXPECT_EQ(seen, "second");
    EXPECT_EQ(TlsClient(cluster.node(0).port).certificate(), "second");
    EXPECT_THAT(early.get("/livez"), HasSubstr("200"));
    std::ofstream(directory + "/cert.pem") << "no certificate";
    EXPECT_EQ(reload(), 422U);
    EXPECT_EQ(TlsClient(cluster.node(0).port).certificate(), "second");
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace homing::net
