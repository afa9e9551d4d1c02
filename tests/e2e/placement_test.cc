// SPDX-License-Identifier: Apache-2.0
//
// One session, one process, whoever asks and however often; and the fence against an old epoch. With real processes.
#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "router/launcher/client.h"
#include "tests/e2e/cluster_fixture.h"

namespace homing::testing {
namespace {

using net::Person;

class PlacementTest : public ClusterFixture {};

TEST_F(PlacementTest, EveryRouterReachesASessionWhereverItRuns) {
  Person ada("ada", *credentials_);
  const std::string session = new_session(ada, 0);
  ASSERT_FALSE(session.empty());
  const std::string pid = who(ada, 0, session, "pid");
  for (std::size_t i = 0; i < nodes().size(); ++i) {
    EXPECT_EQ(who(ada, i, session, "pid"), pid) << nodes()[i].name;
    auto tunnel = ada.open_tunnel(at(i), "/s/" + session + "/ws");
    ASSERT_TRUE(tunnel.has_value()) << tunnel.error();
    ASSERT_TRUE(tunnel->receive().has_value());
    ASSERT_TRUE(tunnel->send("+1"));
    EXPECT_EQ(tunnel->receive(), "{\"counter\":" + std::to_string(i + 1) + "}");
  }
}

TEST_F(PlacementTest, NobodyElseReachesIt) {
  Person ada("ada", *credentials_);
  Person eve("eve", *credentials_);
  const std::string session = new_session(ada, 0);
  for (std::size_t i = 0; i < nodes().size(); ++i) {
    EXPECT_EQ(eve.ask(at(i), "GET", "/s/" + session + "/api/who").status, 403);
    EXPECT_FALSE(eve.open_tunnel(at(i), "/s/" + session + "/ws").has_value());
    EXPECT_EQ(net::plain_get(at(i), "/s/" + session + "/api/who", std::chrono::seconds(20)).status, 401);
  }
}

// The session is lost with its node, and its owner clicks at all remaining routers at once, several times.
TEST_F(PlacementTest, TwoRoutersThatPlaceTheSameSessionAtOnceStartItOnce) {
  Person ada("ada", *credentials_);
  const std::string session = session_on(0, ada);
  ASSERT_FALSE(session.empty());
  cluster_->kill_node(0);
  ASSERT_TRUE(becomes(ada, 1, session, "lost"));
  ASSERT_TRUE(becomes(ada, 2, session, "lost"));
  std::atomic<int> arrived{0};
  std::vector<std::thread> clicks;
  for (int i = 0; i < 6; ++i) {
    clicks.emplace_back([&, i] {
      Person same("ada", *credentials_);
      const auto& router = at(1 + static_cast<std::size_t>(i) % 2);
      same.ask(router, "GET", "/api/sessions");  // signed in before the race
      ++arrived;
      while (arrived < 6) std::this_thread::yield();
      same.ask(router, "POST", "/api/sessions/" + session + "/restart");
    });
  }
  for (std::thread& click : clicks) click.join();
  ASSERT_TRUE(becomes(ada, 1, session, "ready"));
  ASSERT_TRUE(becomes(ada, 2, session, "ready"));
  EXPECT_EQ(facts(ada, 1, session).epoch, 2);
  EXPECT_EQ(facts(ada, 2, session).epoch, 2);
  EXPECT_EQ(processes_of(session).size(), 1U);
  EXPECT_EQ(who(ada, 1, session, "pid"), who(ada, 2, session, "pid"));
  EXPECT_EQ(who(ada, 1, session, "epoch"), "2");
}

// The node is stopped, not dead: its session is declared lost and started elsewhere, then the machine wakes with the
// old process. The old epoch is unreachable through every router and is killed.
TEST_F(PlacementTest, AnOldEpochsProcessIsRefusedAndEndedWhenItsNodeComesBack) {
  Person ada("ada", *credentials_);
  const std::string session = session_on(0, ada);
  ASSERT_FALSE(session.empty());
  const std::string old_pid = who(ada, 1, session, "pid");
  cluster_->pause_node(0, true);
  ASSERT_TRUE(becomes(ada, 1, session, "lost"));
  EXPECT_EQ(ada.ask(at(1), "POST", "/api/sessions/" + session + "/restart").status, 200);
  ASSERT_TRUE(becomes(ada, 1, session, "ready"));
  ASSERT_TRUE(becomes(ada, 2, session, "ready"));
  const std::string new_pid = who(ada, 1, session, "pid");
  ASSERT_FALSE(new_pid.empty());
  ASSERT_NE(new_pid, old_pid);

  cluster_->pause_node(0, false);
  // From the first moment on, whoever answers through a router that sees the store is the new epoch.
  const bool fenced = eventually([&] {
    for (std::size_t i = 1; i < 3; ++i) EXPECT_EQ(who(ada, i, session, "epoch"), "2") << nodes()[i].name;
    return processes_of(session).size() == 1;
  });
  EXPECT_TRUE(fenced) << "the old process lives on";
  ASSERT_TRUE(eventually([&] { return who(ada, 0, session, "epoch") == "2"; }));
  EXPECT_EQ(who(ada, 0, session, "pid"), new_pid);
}

// The same at the launcher's door: it refuses what it has started before, whoever asks.
TEST_F(PlacementTest, TheLauncherRefusesAnEpochThatItStartedBefore) {
  Person ada("ada", *credentials_);
  const std::string session = session_on(0, ada);
  ASSERT_FALSE(session.empty());
  EXPECT_EQ(ada.ask(at(1), "DELETE", "/api/sessions/" + session).status, 202);
  ASSERT_TRUE(eventually([&] { return processes_of(session).empty(); }));

  boost::asio::io_context io(1);
  std::optional<launcher::Failed> refused;
  std::optional<launcher::Client> client;
  client.emplace(
      io.get_executor(), cluster_->directory() + "/" + nodes()[0].name + "/launcher.sock", "test",
      launcher::Client::Handlers{.on_event =
                                     [&](const launcher::Event& event) {
                                       if (std::holds_alternative<launcher::Inventory>(event)) {
                                         client->send(launcher::Start{.session = *credentials_->session_from(session),
                                                                      .epoch = core::Epoch{1},
                                                                      .kind = "notepad",
                                                                      .user = "ada",
                                                                      .prefix = "/s/" + session + "/",
                                                                      .limits = {},
                                                                      .deadline = core::kNever});
                                       }
                                       if (const auto* failed = std::get_if<launcher::Failed>(&event)) {
                                         refused = *failed;
                                         io.stop();
                                       }
                                     },
                                 .on_connected = {}});
  client->start();
  io.run_for(std::chrono::seconds(60));
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->reason, launcher::FailReason::kOldEpoch);
  EXPECT_TRUE(processes_of(session).empty());
}

}  // namespace
}  // namespace homing::testing
