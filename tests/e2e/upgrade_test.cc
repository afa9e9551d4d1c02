// SPDX-License-Identifier: Apache-2.0
//
// What an operator does to a running cluster while people work in it: configurations, certificates, nodes that join and
// are drained, and another program in the place of a router. Open WebSockets must not notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "tests/e2e/cluster_fixture.h"
#include "tests/e2e/echo_swarm.h"
#include "tests/net/certificates.h"
#include "tests/net/test_client.h"

namespace homing::testing {
namespace {

using net::Person;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Said {
  int code = -1;
  std::string text;  // standard output and error
};

Said run_program(const std::string& command) {
  Said said;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return said;
  char bytes[4096];
  for (std::size_t size = 0; (size = std::fread(bytes, 1, sizeof bytes, pipe)) > 0;) said.text.append(bytes, size);
  const int status = ::pclose(pipe);
  said.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return said;
}

// Four nodes, the fourth of which is not there at first, which talk to each other by TLS.
class UpgradeTest : public ClusterFixture {
 protected:
  static constexpr std::size_t kNodes = 4;

  void SetUp() override {
    net::DemoClusterOptions options;
    options.nodes = kNodes;
    options.port = static_cast<std::uint16_t>(10'000 + ::getpid() % 8'000 * 4);
    options.trace = true;
    options.more = "\n[cluster-tls]\ncert = \"{node}.pem\"\nkey = \"{node}.key\"\nca = \"ca.pem\"\n[limits]\n";
    auto cluster = net::DemoCluster::make(options);
    ASSERT_TRUE(cluster.has_value()) << cluster.error();
    cluster_.emplace(std::move(*cluster));
    directory_ = cluster_->directory();
    credentials_.emplace(cluster_->secret());
    std::ostringstream text;
    text << std::ifstream(cluster_->config_file()).rdbuf();
    text_ = text.str();
    std::ofstream(directory_ + "/ca.pem") << authority_.pem();
    issue_certificates();
    configure(limits());
    for (std::size_t i = 0; i + 1 < kNodes; ++i) cluster_->start_node(i);
    for (std::size_t i = 0; i + 1 < kNodes; ++i) {
      ASSERT_TRUE(eventually([&] { return cluster_->ready(i); })) << logs();
    }
    ada_.emplace("ada", *credentials_);
  }

  void TearDown() override {
    for (const pid_t process : taken_over_) {
      if (::kill(process, SIGTERM) != 0) continue;
      for (int i = 0; i < 500 && ::kill(process, 0) == 0; ++i) ::usleep(20'000);
      ::kill(process, SIGKILL);
    }
    ClusterFixture::TearDown();
  }

  virtual std::string limits() const { return ""; }
  // The file with these lines of [limits].
  void configure(const std::string& limits) const { std::ofstream(cluster_->config_file()) << text_ << limits; }
  void issue_certificates() const {
    for (const auto& node : nodes()) {
      net::CertificateWish wish;
      wish.common_name = node.name;
      wish.uris = {"homing:node:" + node.name};
      const net::MadeCertificate made = authority_.issue(wish);
      std::ofstream(directory_ + "/" + node.name + ".pem") << made.cert;
      const std::string key = directory_ + "/" + node.name + ".key";
      std::ofstream(key) << made.key;
      ::chmod(key.c_str(), 0600);
    }
  }
  Said ctl(std::size_t node, const std::string& command) const {
    return run_program(net::own_folder() + "/homingctl -c " + cluster_->config_file() + " --node " +
                       nodes()[node].name + " " + command);
  }
  // Reads every running router's configuration again.
  void reload_all() const {
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      if (nodes()[i].router < 0) continue;
      const Said said = ctl(i, "config reload");
      EXPECT_EQ(said.code, 0) << said.text;
    }
  }
  Said upgrade(std::size_t node, const std::string& more = "") {
    Said said = run_program(net::own_folder() + "/homing-router upgrade -c " + cluster_->config_file() + " --node " +
                            nodes()[node].name + more);
    pid_t process = -1;
    if (said.code == 0 && std::sscanf(said.text.c_str(), "process %d serves", &process) == 1) {
      taken_over_.push_back(process);
    }
    return said;
  }
  // A member of a node's row as router 0 knows it.
  std::string row(std::size_t node, const char* member) const {
    const Said said = ctl(0, "-o json node list");
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(said.text, error);
    if (error) return said.text;
    for (const auto& one : value.at("nodes").as_array()) {
      if (one.at("name").as_string() == nodes()[node].name) return boost::json::serialize(one.at(member));
    }
    return "?";
  }
  std::string cookie() const {
    return std::string(net::kLoginCookie) + "=" +
           credentials_->login_cookie(*net::make_user("ada"), net::wall_seconds() + net::kLoginSeconds);
  }
  // Every third through each of the first three routers, to a session on each of them.
  void open(EchoSwarm& swarm, int count) {
    std::vector<std::string> sessions;
    for (std::size_t i = 0; i + 1 < kNodes; ++i) {
      sessions.push_back(session_on(i, *ada_));
      ASSERT_THAT(sessions.back(), Not(IsEmpty()));
    }
    for (int i = 0; i < count; ++i) {
      const auto number = static_cast<std::size_t>(i);
      ASSERT_TRUE(swarm.add(at(number % 3), "/s/" + sessions[number / 3 % 3] + "/ws", cookie())) << i;
    }
    swarm.start();
  }
  // Everybody hears something.
  static void let_pass(const EchoSwarm& swarm, std::uint64_t messages) {
    const std::uint64_t until = swarm.received() + messages;
    EXPECT_TRUE(eventually([&] { return swarm.received() >= until || swarm.closed() > 0; }));
  }
  bool ends(pid_t process) const {
    return eventually([&] { return ::waitpid(process, nullptr, WNOHANG) == process; });
  }

  // The whole of it.
  void nobody_notices(int sockets, int reloads);

  net::TestAuthority authority_;
  std::string text_;
  std::optional<Person> ada_;
  std::vector<pid_t> taken_over_;
};

void UpgradeTest::nobody_notices(int sockets, int reloads) {
  EchoSwarm swarm(sockets >= 500 ? 200 : 20);
  open(swarm, sockets);
  if (HasFatalFailure()) return;
  const pid_t old_router = nodes()[0].router;
  const std::string incarnation = row(0, "incarnation");
  const std::string generation = row(0, "generation");
  const auto enough = static_cast<std::uint64_t>(sockets);
  for (int i = 0; i < reloads; ++i) {
    configure("connect = \"" + std::to_string(2 + i % 3) + " s\"\n");
    if (i % 2 == 0) issue_certificates();
    reload_all();
    if (i == reloads / 5) {
      EXPECT_EQ(ctl(0, "node drain n2").code, 0);
      EXPECT_TRUE(eventually([&] { return row(1, "admin") == "\"drain\""; })) << row(1, "admin");
    }
    if (i == 2 * reloads / 5) {
      cluster_->start_node(kNodes - 1);
      EXPECT_TRUE(eventually([&] { return cluster_->ready(kNodes - 1); }));
    }
    if (i == 3 * reloads / 5) {
      const Said said = upgrade(0);
      EXPECT_EQ(said.code, 0) << said.text;
      EXPECT_EQ(row(0, "incarnation"), incarnation);
      EXPECT_NE(row(0, "generation"), generation);
    }
    if (i == 4 * reloads / 5) EXPECT_EQ(ctl(0, "node ready n2").code, 0);
    let_pass(swarm, enough);
  }
  // The one that serves now takes new people, and the other way to n1 is through the others.
  const std::string session = session_on(0, *ada_);
  EXPECT_THAT(session, Not(IsEmpty()));
  EXPECT_EQ(who(*ada_, 2, session, "node"), "n1");
  let_pass(swarm, enough);
  const EchoTally tally = swarm.finish();
  EXPECT_EQ(tally.closed, 0U);
  EXPECT_EQ(tally.open, static_cast<std::size_t>(sockets));
  EXPECT_EQ(tally.wrong, 0U);
  EXPECT_EQ(tally.received, tally.sent);
  EXPECT_GE(tally.received, enough * static_cast<std::uint64_t>(reloads));
  std::printf("%zu WebSockets, %d reloads: %llu messages there and back, %zu closed, %llu lost, %llu out of order\n",
              tally.open, reloads, static_cast<unsigned long long>(tally.received), tally.closed,
              static_cast<unsigned long long>(tally.sent - tally.received - tally.wrong),
              static_cast<unsigned long long>(tally.wrong));
  EXPECT_TRUE(ends(old_router)) << "the old router has no tunnel left and stays";
  EXPECT_TRUE(cluster_->ready(0));
  EXPECT_EQ(ctl(0, "status").code, 0) << "the new router's admin socket went with the old one";
}

TEST_F(UpgradeTest, FiftyWebSocketsDoNotNoticeFiveReloadsAndAnUpgrade) {
  nobody_notices(50, 5);
}

TEST_F(UpgradeTest, WhatIsBeingAnsweredIsAnsweredToItsEndAndNobodyIsTurnedAway) {
  const std::string session = session_on(0, *ada_);
  ASSERT_THAT(session, Not(IsEmpty()));
  const net::HeaderList as_ada = {{"Cookie", cookie()}};
  const std::string who = "/s/" + session + "/api/who";
  const auto client = [this](std::size_t node) { return net::TestClient(at(node).host, at(node).port); };
  constexpr std::size_t kBytes = 3'000'000;
  net::Got download;
  std::atomic<bool> over{false};
  std::atomic<int> asked{0};
  std::map<unsigned, int> answers;
  std::thread slow(
      [&] { download = client(0).request("GET", "/s/" + session + "/api/bytes?n=3000000&rate=1500000", as_ada); });
  std::thread hammer([&] {
    while (!over) {
      ++answers[client(static_cast<std::size_t>(asked) % 2).request("GET", who, as_ada).status];
      ++asked;
    }
  });
  net::TestClient silent = client(0);   // connected, and slow to say what it wants
  net::TestClient waiting = client(0);  // keeps its connection for another request
  EXPECT_EQ(waiting.request("GET", who, as_ada).status, 200U);
  const auto more_asked = [&asked](int count) {
    const int until = asked + count;
    return eventually([&] { return asked >= until; });
  };
  EXPECT_TRUE(more_asked(50));
  const pid_t old_router = nodes()[0].router;
  for (int i = 0; i < 3; ++i) {  // the new one hands over like the old one
    const Said said = upgrade(0);
    EXPECT_EQ(said.code, 0) << said.text;
    EXPECT_TRUE(more_asked(50));
  }
  EXPECT_EQ(silent.request("GET", who, as_ada).status, 200U);
  EXPECT_EQ(waiting.request("GET", who, as_ada).status, 0U) << "its router serves nothing new any more";
  over = true;
  hammer.join();
  slow.join();
  EXPECT_EQ(answers, (std::map<unsigned, int>{{200U, asked.load()}}));
  EXPECT_EQ(download.status, 200U);
  EXPECT_EQ(download.body.size(), kBytes);
  EXPECT_TRUE(ends(old_router));
  // Two traces, each of one router's life, and the last of those that handed over is whole.
  const Said trace = run_program(net::own_folder() + "/homing-sim replay " + directory_ + "/n1.trace.previous");
  EXPECT_EQ(trace.code, 0) << trace.text;
}

class UpgradeLongTest : public UpgradeTest {};

TEST_F(UpgradeLongTest, AThousandWebSocketsDoNotNoticeAHundredReloadsAndAnUpgrade) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  nobody_notices(1000, 100);
}

TEST_F(UpgradeTest, AProgramThatDoesNotComeUpChangesNothing) {
  EchoSwarm swarm(20);
  open(swarm, 9);
  if (HasFatalFailure()) return;
  const Said none = upgrade(0, " --binary /nowhere/homing-router");
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.text, HasSubstr("/nowhere/homing-router"));
  const Said ended = upgrade(0, " --binary /bin/false");
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.text, HasSubstr("ended with code 1"));
  configure("connect = \"soon\"\n");
  // The configuration is read by who asks, too: ask by the socket of another one's file.
  std::ofstream(directory_ + "/good.toml") << text_;
  const Said wrong =
      run_program(net::own_folder() + "/homing-router upgrade -c " + directory_ + "/good.toml --node n1");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.text, HasSubstr("connect"));
  configure("");
  EXPECT_EQ(::kill(nodes()[0].router, 0), 0);
  let_pass(swarm, 50);
  EXPECT_THAT(session_on(0, *ada_), Not(IsEmpty())) << "it does not order any more";
  const EchoTally tally = swarm.finish();
  EXPECT_EQ(tally.closed, 0U);
  EXPECT_EQ(tally.wrong, 0U);
  EXPECT_EQ(tally.received, tally.sent);
}

// Programs that say what a router says when it takes over, up to the word at which they fail.
TEST_F(UpgradeTest, AProgramThatFailsWhenItShouldServeGivesTheNodeBack) {
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no /usr/bin/python3";
  EchoSwarm swarm(20);
  open(swarm, 9);
  if (HasFatalFailure()) return;
  const auto program = [this](const std::string& name, const std::string& then) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << "#!/usr/bin/python3\nimport os, socket, sys, time\n"
                        << "fd = int(os.environ['HOMING_UPGRADE'].splitlines()[0].split()[1])\n"
                        << "old = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=fd)\n"
                        << "old.send(b'prepared')\nassert old.recv(100) == b'go'\n"
                        << then << "\n";
    ::chmod(path.c_str(), 0700);
    return path;
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {program("ends", "sys.exit(3)"), "ended with code 3"},
      {program("says", "old.send(b'failed: no bread')"), "no bread"},
      {program("hangs", "time.sleep(60)"), "it was not ready within"}};
  for (const auto& [path, why] : cases) {
    const Said said = upgrade(0, " --binary " + path);
    EXPECT_EQ(said.code, 1);
    EXPECT_THAT(said.text, HasSubstr(why));
    EXPECT_THAT(session_on(0, *ada_), Not(IsEmpty())) << "it does not order any more";
  }
  const EchoTally tally = swarm.finish();
  EXPECT_EQ(tally.closed, 0U);
  EXPECT_EQ(tally.wrong, 0U);
  EXPECT_EQ(tally.received, tally.sent);
  EXPECT_EQ(upgrade(0).code, 0) << "one that works is still taken";
}

class UpgradeDeadlineTest : public UpgradeTest {
 protected:
  std::string limits() const override { return "upgrade-deadline = \"2 s\"\n"; }
};

TEST_F(UpgradeDeadlineTest, AtTheDeadlineWebSocketsAreClosedBetweenTwoFramesAndTheOldRouterIsGone) {
  EchoSwarm swarm(20);
  open(swarm, 27);
  if (HasFatalFailure()) return;
  const pid_t old_router = nodes()[0].router;
  const Said said = upgrade(0);
  ASSERT_EQ(said.code, 0) << said.text;
  EXPECT_TRUE(ends(old_router));
  EXPECT_TRUE(cluster_->ready(0));
  let_pass(swarm, 0);
  const EchoTally tally = swarm.finish();
  // Those that neither came in through n1 nor have their session there are not n1's.
  EXPECT_EQ(tally.closed, 15U);
  EXPECT_EQ(tally.open, 12U);
  EXPECT_EQ(tally.wrong, 0U);
  EXPECT_EQ(tally.close_codes, std::vector<unsigned>(15, 1012));
}

}  // namespace
}  // namespace homing::testing
