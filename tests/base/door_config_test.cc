// SPDX-License-Identifier: Apache-2.0
#include "router/base/door_config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "router/base/router_config.h"
#include "tests/base/example_config.h"

namespace homing::base {
namespace {

using core::milliseconds;
using core::seconds;

constexpr const char* kSmall = R"(format = 1
this-node = "n1"
state-dir = "/tmp/{node}"
secret-file = "/etc/secret"
access-log = "combined"
[store]
path = "/tmp/store"
[[node]]
name = "n1"
address = "127.0.0.11:8800"
[[node]]
name = "n2"
address = "127.0.0.12:8800"
[kind.notepad]
command = ["notepad", "{socket}"]
)";

// What follows begins at line 16.
std::expected<RouterConfig, std::string> read(const std::string& more, const std::string& file = kSmall) {
  Document document = Document::parse(file + more, "/etc/homing/homing.toml");
  return read_router_config(document, {.node = {}, .strategies = {"sessions"}});
}

constexpr const char* kFullTls = R"([tls]
certificates = [{ cert = "tls/a.pem", key = "/k/{node}.key" }, { cert = "b.pem", key = "b.key" }]
ticket-keys = "tickets"
client-certificates = "required"
client-ca = "/ca/people.pem"
redirect-port = 80
https-port = 443
hsts = "180 d"
[cluster-tls]
cert = "{node}.pem"
key = "{node}.key"
ca = "cluster-ca.pem"
)";

TEST(DoorConfigTest, TlsNamesItsFilesAndWhatElseTheDoorsDo) {
  const auto config = read(kFullTls);
  ASSERT_TRUE(config.has_value()) << config.error();
  const TlsConfig& tls = config->tls;
  EXPECT_TRUE(tls.on());
  ASSERT_EQ(tls.certificates.size(), 2U);
  EXPECT_EQ(tls.certificates[0].cert, "/etc/homing/tls/a.pem");
  EXPECT_EQ(tls.certificates[0].key, "/k/n1.key");
  EXPECT_EQ(tls.certificates[1].cert, "/etc/homing/b.pem");
  EXPECT_EQ(tls.ticket_keys, "/etc/homing/tickets");
  EXPECT_EQ(tls.client_certificates, ClientCertificates::kRequired);
  EXPECT_EQ(tls.client_ca, "/ca/people.pem");
  EXPECT_EQ(tls.hsts, std::chrono::hours(180 * 24));
  EXPECT_EQ(config->https_port(), 443);
  EXPECT_EQ(config->nodes[0].http_address, (Endpoint{"127.0.0.11", 80}));
  EXPECT_EQ(config->nodes[1].http_address, (Endpoint{"127.0.0.12", 80}));
  ASSERT_TRUE(config->cluster_tls.has_value());
  EXPECT_EQ(config->cluster_tls->cert, "/etc/homing/n1.pem");
  EXPECT_EQ(config->cluster_tls->key, "/etc/homing/n1.key");
  EXPECT_EQ(config->cluster_tls->ca, "/etc/homing/cluster-ca.pem");
}

TEST(DoorConfigTest, WithoutTheTablesDoorsSpeakPlainHttp) {
  const auto config = read("");
  ASSERT_TRUE(config.has_value()) << config.error();
  EXPECT_FALSE(config->tls.on());
  EXPECT_FALSE(config->cluster_tls.has_value());
  EXPECT_EQ(config->tls.hsts, seconds(0));
  EXPECT_EQ(config->nodes[0].http_address.port, 0);
  EXPECT_EQ(config->https_port(), 8800);
  EXPECT_EQ(config->proxy_protocol, ProxyProtocol::kOff);
  EXPECT_EQ(config->access_log, AccessLog::kCombined);
}

TEST(DoorConfigTest, ANodesOwnHttpAddressGoesBeforeTheRedirectPort) {
  std::string file = kSmall;
  file.replace(file.find("127.0.0.12:8800\""), 16, "127.0.0.12:8800\"\nhttp-address = \"127.0.0.99:8080\"");
  const auto config = read("[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nredirect-port = 80\n", file);
  ASSERT_TRUE(config.has_value()) << config.error();
  EXPECT_EQ(config->nodes[0].http_address, (Endpoint{"127.0.0.11", 80}));
  EXPECT_EQ(config->nodes[1].http_address, (Endpoint{"127.0.0.99", 8080}));
}

TEST(DoorConfigTest, EveryLimitIsRead) {
  const auto config = read(R"([limits]
header-deadline = "1 s"
keep-alive = "2 s"
body-stall = "3 s"
body-grace = "4 s"
body-min-rate = "5 kB"
connect = "600 ms"
first-byte = "7 s"
answer-stall = "8 s"
write-stall = "9 s"
tunnel-idle = "10 s"
upgrade-deadline = "11 s"
max-connections = 11
connections-per-address = 12
connections-per-user = 13
)");
  ASSERT_TRUE(config.has_value()) << config.error();
  const LimitsConfig& limits = config->limits;
  EXPECT_EQ(limits.header_deadline, seconds(1));
  EXPECT_EQ(limits.keep_alive, seconds(2));
  EXPECT_EQ(limits.body_stall, seconds(3));
  EXPECT_EQ(limits.body_grace, seconds(4));
  EXPECT_EQ(limits.body_min_rate, 5000U);
  EXPECT_EQ(limits.connect, milliseconds(600));
  EXPECT_EQ(limits.first_byte, seconds(7));
  EXPECT_EQ(limits.answer_stall, seconds(8));
  EXPECT_EQ(limits.write_stall, seconds(9));
  EXPECT_EQ(limits.tunnel_idle, seconds(10));
  EXPECT_EQ(limits.upgrade_deadline, seconds(11));
  EXPECT_EQ(limits.max_connections, 11U);
  EXPECT_EQ(limits.connections_per_address, 12U);
  EXPECT_EQ(limits.connections_per_user, 13U);
}

TEST(DoorConfigTest, LongPollsOfFiftySecondsAreWaitedFor) {
  EXPECT_GT(LimitsConfig{}.first_byte, seconds(60));
}

// The example says "these are the defaults".
TEST(DoorConfigTest, TheExamplesLimitsAreTheDefaults) {
  const auto config = load_router_config("router/dist/homing.example.toml", {.node = {}, .strategies = {"sessions"}});
  ASSERT_TRUE(config.has_value()) << config.error();
  const LimitsConfig& read = config->limits;
  const LimitsConfig defaults;
  EXPECT_EQ(read.header_deadline, defaults.header_deadline);
  EXPECT_EQ(read.keep_alive, defaults.keep_alive);
  EXPECT_EQ(read.body_stall, defaults.body_stall);
  EXPECT_EQ(read.body_grace, defaults.body_grace);
  EXPECT_EQ(read.body_min_rate, defaults.body_min_rate);
  EXPECT_EQ(read.connect, defaults.connect);
  EXPECT_EQ(read.first_byte, defaults.first_byte);
  EXPECT_EQ(read.answer_stall, defaults.answer_stall);
  EXPECT_EQ(read.write_stall, defaults.write_stall);
  EXPECT_EQ(read.tunnel_idle, defaults.tunnel_idle);
  EXPECT_EQ(read.upgrade_deadline, defaults.upgrade_deadline);
  EXPECT_EQ(read.max_connections, defaults.max_connections);
  EXPECT_EQ(read.connections_per_address, defaults.connections_per_address);
  EXPECT_EQ(read.connections_per_user, defaults.connections_per_user);
}

TEST(DoorConfigTest, WhatTheExampleHasInCommentsIsRightToo) {
  const auto [text, switched_on] = whole_example();
  EXPECT_GE(switched_on, 20);
  for (const char* node : {"n1", "n2", "n3"}) {
    Document document = Document::parse(text, "/etc/homing/homing.toml");
    const auto config = read_router_config(document, {.node = node, .strategies = {"sessions"}});
    ASSERT_TRUE(config.has_value()) << config.error();
    EXPECT_EQ(config->tls.certificates.size(), 2U);
    EXPECT_EQ(config->cluster_tls->cert, fmt::format("/etc/homing/tls/{}.pem", node));
    EXPECT_EQ(config->proxy_protocol, ProxyProtocol::kRequired);
  }
}

struct BadDoor {
  const char* more;
  const char* message;
};

class DoorConfigBadInputTest : public ::testing::TestWithParam<BadDoor> {};

TEST_P(DoorConfigBadInputTest, IsOneLineWithPlaceKeyAndFix) {
  const auto config = read(GetParam().more);
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error(), std::string("/etc/homing/homing.toml:") + GetParam().message + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Golden, DoorConfigBadInputTest,
    ::testing::Values(
        BadDoor{"[tls]\n", "16:1: tls.certificates: is missing; it must be given"},
        BadDoor{"[tls]\ncertificates = []\n",
                "17:16: tls.certificates: is empty; expected e.g. [{ cert = \"site.pem\", key = \"site.key\" }], or no "
                "[tls] at all"},
        BadDoor{"[tls]\ncertificates = \"a.pem\"\n",
                "17:16: tls.certificates: expected a list in brackets, found \"a.pem\""},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\" }]\n",
                "17:17: tls.certificates[1].key: is missing; it must be given"},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", kye = \"b\", key = \"c\" }]\n",
                "17:31: tls.certificates[1].kye: unknown key; did you mean \"key\"?"},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }, { cert = \"./a\", key = \"c\" }]\n",
                "17:53: tls.certificates[2].cert: \"/etc/homing/a\" is listed twice; take one out"},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nclient-certificates = \"optional\"\n",
                "18:23: tls.client-certificates: \"optional\" needs client-ca, the authorities whose certificates are "
                "accepted"},
        BadDoor{
            "[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nclient-ca = \"c\"\n",
            "18:13: tls.client-ca: is never used; write client-certificates = \"optional\" or \"required\" beside it"},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nclient-certificates = \"require\"\n",
                "18:23: tls.client-certificates: unknown value \"require\"; expected \"off\", \"optional\" or "
                "\"required\"; did you mean \"required\"?"},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nhttps-port = 443\n",
                "18:14: tls.https-port: is what a redirect names, and nothing redirects; write redirect-port = 80 too, "
                "or take it out"},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nredirect-port = 0\n",
                "18:17: tls.redirect-port: 0 is out of range; expected 1 to 65535"},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nhsts = 180\n",
                "18:8: tls.hsts: 180 has no unit; write a unit, e.g. \"180 s\""},
        BadDoor{"[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nhsts = \"-1 d\"\n",
                "18:8: tls.hsts: \"-1 d\" is negative; expected a duration of 0 s or more"},
        BadDoor{"[cluster-tls]\ncert = \"a\"\nkey = \"b\"\n", "16:1: cluster-tls.ca: is missing; it must be given"},
        BadDoor{"[clustertls]\ncert = \"a\"\n", "16:2: clustertls: unknown key; did you mean \"cluster-tls\"?"},
        BadDoor{
            "[listen]\nproxy-protocol = \"required\"\n",
            "17:18: listen.proxy-protocol: \"required\" needs a trusted-socket: who says what a client's address is "
            "must be known by more than an address of its own"},
        BadDoor{"[limits]\nfirst-bite = \"1 s\"\n",
                "17:1: limits.first-bite: unknown key; did you mean \"first-byte\"?"},
        BadDoor{"[limits]\nconnect = \"1 ms\"\n",
                "17:11: limits.connect: \"1 ms\" is too short; expected 100 ms or more"},
        BadDoor{"[limits]\nbody-min-rate = 500\n",
                "17:17: limits.body-min-rate: 500 has no unit; write a unit, e.g. \"500 MiB\""},
        BadDoor{"[limits]\nmax-connections = 0\n",
                "17:19: limits.max-connections: 0 is out of range; expected 1 to 2147483647"}));

TEST(DoorConfigTest, ARedirectsAddressMustBeFreeAndUseful) {
  const auto error = [](const char* what, const std::string& instead, const std::string& more) {
    std::string file = kSmall;
    file.replace(file.find(what), std::string(what).size(), instead);
    const auto config = read(more, file);
    EXPECT_FALSE(config.has_value());
    return config ? "" : config.error();
  };
  const std::string tls = "[tls]\ncertificates = [{ cert = \"a\", key = \"b\" }]\nredirect-port = ";
  EXPECT_EQ(error("\"127.0.0.12:8800\"", "\"127.0.0.12:8800\"\nhttp-address = \"127.0.0.12:80\"", ""),
            "/etc/homing/homing.toml:14:16: node[2].http-address: answers with a redirect to HTTPS, and there is no "
            "[tls]; add it or take this out\n");
  EXPECT_EQ(error("127.0.0.12:8800", "127.0.0.11:9800", tls + "80\n"),
            "/etc/homing/homing.toml:18:17: tls.redirect-port: 127.0.0.11:80 (for plain HTTP, on node \"n2\") is taken "
            "by node \"n1\" at line 9\n");
  EXPECT_EQ(error("127.0.0.12:8800", "127.0.0.12:9800", tls + "8801\n"),
            "/etc/homing/homing.toml:18:17: tls.redirect-port: 127.0.0.11:8801 (for plain HTTP, on node \"n1\") is "
            "taken by node \"n1\" at line 9\n");
}

}  // namespace
}  // namespace homing::base
