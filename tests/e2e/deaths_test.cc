// SPDX-License-Identifier: Apache-2.0
//
// Three deaths, three outcomes (cluster.md 3), with real processes: router, launcher, node.
#include <signal.h>

#include <string>
#include <vector>

#include "tests/e2e/cluster_fixture.h"

namespace homing::testing {
namespace {

using net::Person;

class DeathsTest : public ClusterFixture {
 protected:
  void SetUp() override {
    ClusterFixture::SetUp();
    if (HasFatalFailure()) return;
    ada_.emplace("ada", *credentials_);
    bob_.emplace("bob", *credentials_);
    on_first_ = session_on(0, *ada_);
    on_second_ = session_on(1, *bob_);
    ASSERT_FALSE(on_first_.empty() || on_second_.empty());
    ada_->ask(at(1), "POST", "/s/" + on_first_ + "/api/counter?add=41");
    bob_->ask(at(1), "POST", "/s/" + on_second_ + "/api/counter?add=42");
    first_pid_ = who(*ada_, 2, on_first_, "pid");
    second_pid_ = who(*bob_, 2, on_second_, "pid");
    ASSERT_FALSE(first_pid_.empty() || second_pid_.empty());
  }

  std::optional<Person> ada_, bob_;  // ada's session is on the first node, bob's on the second
  std::string on_first_, on_second_, first_pid_, second_pid_;
};

TEST_F(DeathsTest, AKilledRouterCutsItsSessionsUntilItIsStartedAgainAndNoneIsLost) {
  auto tunnel = ada_->open_tunnel(at(2), "/s/" + on_first_ + "/ws");
  ASSERT_TRUE(tunnel.has_value()) << tunnel.error();
  ASSERT_TRUE(tunnel->receive().has_value());
  cluster_->kill_router(0);
  EXPECT_FALSE(tunnel->receive().has_value()) << "the WebSocket was not cut";
  const net::HttpAnswer page = ada_->ask(at(2), "GET", "/s/" + on_first_ + "/", "", true);
  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.reason, "holder-away");
  EXPECT_EQ(processes_of(on_first_).size(), 1U);
  EXPECT_EQ(who(*bob_, 2, on_second_, "counter"), "42") << "somebody else's session was cut";

  cluster_->start_router(0);
  ASSERT_TRUE(eventually([&] { return who(*ada_, 2, on_first_, "counter") == "41"; }));
  EXPECT_EQ(who(*ada_, 2, on_first_, "pid"), first_pid_);
  const SessionFacts now = facts(*ada_, 2, on_first_);
  EXPECT_EQ(now.state, "ready");
  EXPECT_EQ(now.epoch, 1);
}

TEST_F(DeathsTest, ARouterThatIsDownLongerThanADeathTakesLosesNothingWhileItsLauncherSpeaksForIt) {
  cluster_->kill_router(0);
  // Twice the time after which a silent node is declared dead (10 heartbeats of half a second).
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_NE(facts(*ada_, 2, on_first_).state, "lost");
    ::usleep(200'000);
  }
  cluster_->start_router(0);
  ASSERT_TRUE(eventually([&] { return who(*ada_, 2, on_first_, "counter") == "41"; }));
  EXPECT_EQ(who(*ada_, 2, on_first_, "pid"), first_pid_);
}

TEST_F(DeathsTest, AKilledLauncherIsNotNoticedByAnybodyInASessionAndTakesUpItsSessionsAgain) {
  auto tunnel = ada_->open_tunnel(at(2), "/s/" + on_first_ + "/ws");
  ASSERT_TRUE(tunnel.has_value()) << tunnel.error();
  ASSERT_TRUE(tunnel->receive().has_value());
  cluster_->kill_launcher(0);
  ASSERT_TRUE(tunnel->send("still there?"));
  EXPECT_EQ(tunnel->receive(), "still there?") << "the tunnel did not survive the launcher";
  EXPECT_EQ(who(*ada_, 1, on_first_, "pid"), first_pid_);
  // New sessions start elsewhere, or wait; the node without a launcher starts none.
  const std::string other = new_session(*bob_, 1);
  ASSERT_FALSE(other.empty());
  EXPECT_NE(facts(*bob_, 1, other).node, nodes()[0].name);

  cluster_->start_launcher(0);
  EXPECT_EQ(who(*ada_, 2, on_first_, "pid"), first_pid_);
  // It can be ended by its owner: the launcher knows the process that it did not start.
  EXPECT_TRUE(eventually([&] { return !session_on(0, *bob_).empty(); })) << "nothing starts there again";
  EXPECT_EQ(ada_->ask(at(2), "DELETE", "/api/sessions/" + on_first_).status, 202);
  EXPECT_TRUE(eventually([&] { return processes_of(on_first_).empty(); }));
}

TEST_F(DeathsTest, ADeadNodeLosesExactlyItsSessionsAndTheyStartElsewhereOnlyOnTheirOwnersClick) {
  cluster_->kill_node(0);
  ASSERT_TRUE(becomes(*ada_, 1, on_first_, "lost"));
  EXPECT_FALSE(facts(*ada_, 1, on_first_).reason.empty());
  ASSERT_TRUE(becomes(*ada_, 2, on_first_, "lost"));
  EXPECT_EQ(facts(*bob_, 2, on_second_).state, "ready");
  EXPECT_EQ(who(*bob_, 2, on_second_, "pid"), second_pid_);
  EXPECT_EQ(who(*bob_, 1, on_second_, "counter"), "42");

  // Neither a page nor a poll nor a WebSocket starts it.
  const net::HttpAnswer page = ada_->ask(at(2), "GET", "/s/" + on_first_ + "/", "", true);
  EXPECT_EQ(page.status, 503);
  EXPECT_EQ(page.reason, "lost");
  EXPECT_FALSE(ada_->open_tunnel(at(2), "/s/" + on_first_ + "/ws").has_value());
  EXPECT_EQ(facts(*ada_, 2, on_first_).state, "lost");

  EXPECT_EQ(ada_->ask(at(2), "POST", "/api/sessions/" + on_first_ + "/restart").status, 200);
  ASSERT_TRUE(becomes(*ada_, 1, on_first_, "ready"));
  const SessionFacts now = facts(*ada_, 1, on_first_);
  EXPECT_EQ(now.epoch, 2);
  EXPECT_NE(now.node, nodes()[0].name);
  EXPECT_EQ(who(*ada_, 1, on_first_, "counter"), "0");
  EXPECT_EQ(who(*ada_, 1, on_first_, "epoch"), "2");
}

// Each loss is a compare-and-set on the session's row and its owner's count, so the losses of one person meet.
TEST_F(DeathsTest, ADeadNodeLosesAllSessionsOfOnePersonAlsoWhileTheyStartOthers) {
  std::vector<std::string> hers;
  for (int i = 0; i < 12; ++i) {
    const std::string session = new_session(*ada_, static_cast<std::size_t>(i) % 3);
    ASSERT_FALSE(session.empty());
    hers.push_back(session);
  }
  cluster_->kill_node(0);
  // While the node is being declared dead she goes on starting sessions elsewhere, through both other routers.
  for (int i = 0; i < 12; ++i) {
    ada_->ask(at(1 + static_cast<std::size_t>(i) % 2), "POST", "/api/sessions", "{\"kind\":\"notepad\"}");
    ::usleep(500'000);
  }
  int lost = 0;
  for (const std::string& session : hers) {
    const SessionFacts before = facts(*ada_, 1, session);
    if (before.node == nodes()[0].name) {
      EXPECT_TRUE(becomes(*ada_, 1, session, "lost")) << session;
      EXPECT_TRUE(becomes(*ada_, 2, session, "lost")) << session;
      ++lost;
    } else {
      EXPECT_EQ(before.state, "ready");
    }
  }
  EXPECT_GT(lost, 0);
  EXPECT_TRUE(becomes(*ada_, 2, on_first_, "lost"));
}

TEST_F(DeathsTest, ANodeThatComesBackAfterItsDeathTakesPartAgainAndHoldsNoneOfTheLost) {
  cluster_->kill_node(0);
  ASSERT_TRUE(becomes(*ada_, 1, on_first_, "lost"));
  cluster_->start_node(0);
  ASSERT_TRUE(eventually([&] { return cluster_->ready(0); }));
  EXPECT_EQ(facts(*ada_, 0, on_first_).state, "lost");
  EXPECT_TRUE(eventually([&] { return !session_on(0, *bob_).empty(); }));
}

}  // namespace
}  // namespace homing::testing
