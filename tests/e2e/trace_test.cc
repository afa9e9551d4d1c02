// SPDX-License-Identifier: Apache-2.0
//
// What a real router recorded (real sockets, real clock) makes the identical effects again in the simulator's program:
// from its beginning, and from a cut that starts at a snapshot after the ten-thousandth input. Heartbeats of 25 ms make
// that many inputs in about a minute and a half.
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/cluster_fixture.h"

namespace homing::testing {
namespace {

class TraceLongTest : public ClusterFixture {
 protected:
  void SetUp() override {
    net::DemoClusterOptions options;
    options.heartbeat = "25 ms";
    options.cluster = "suspect = \"1 s\"\nlease-ttl = \"4 s\"\ndead = \"5 s\"\nlease-margin = \"500 ms\"\n";
    options.trace = true;
    set_up(std::move(options));
  }
};

struct Said {
  int status = -1;
  std::string text;
};

Said homing_sim(const std::string& arguments) {
  Said said;
  std::FILE* pipe = ::popen((net::own_folder() + "/homing-sim " + arguments + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return said;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) said.text.append(buffer.data(), n);
  const int status = ::pclose(pipe);
  said.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return said;
}

TEST_F(TraceLongTest, ARealRoutersTraceReplaysToTheIdenticalEffectsWholeAndCut) {
  std::vector<net::Person> people;
  for (int i = 0; i < 6; ++i) people.emplace_back("person" + std::to_string(i), *credentials_);
  const std::string trace = directory_ + "/n1.trace";
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  std::vector<std::pair<std::size_t, std::string>> sessions;
  std::size_t turn = 0;
  // Sessions come and go at all routers until the trace is long enough for a snapshot behind ten thousand inputs.
  for (;;) {
    const std::size_t who = turn++ % people.size();
    if (sessions.size() < 18) {
      const std::string made = new_session(people[who], turn % 3);
      ASSERT_FALSE(made.empty()) << logs();
      sessions.emplace_back(who, made);
    } else {
      const auto [owner, session] = sessions.front();
      sessions.erase(sessions.begin());
      EXPECT_EQ(people[owner].ask(at(turn % 3), "DELETE", "/api/sessions/" + session).status, 202);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    if (turn % 20 != 0) continue;
    const Said cut = homing_sim("replay " + trace + " --from 10000 --cut " + directory_ + "/probe.cut");
    if (cut.status == 0) break;
    ASSERT_LT(std::chrono::steady_clock::now(), until) << cut.text;
  }
  for (std::size_t i = 0; i < nodes().size(); ++i) cluster_->kill_router(i);  // its last record may be half a one

  const Said whole = homing_sim("replay " + trace);
  EXPECT_EQ(whole.status, 0) << whole.text;
  const Said cut = homing_sim("replay " + trace + " --from 10000 --cut " + directory_ + "/n1.cut");
  EXPECT_EQ(cut.status, 0) << cut.text;
  const Said again = homing_sim("replay " + directory_ + "/n1.cut");
  EXPECT_EQ(again.status, 0) << again.text;
  for (const Said* said : {&whole, &cut, &again}) {
    EXPECT_NE(said->text.find("identical effects"), std::string::npos) << said->text;
    std::fputs(said->text.c_str(), stdout);
  }
}

}  // namespace
}  // namespace homing::testing
