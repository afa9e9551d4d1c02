// SPDX-License-Identifier: Apache-2.0
//
// The scenarios of tests/varnish, written in the language of Varnish's own tests: a client and a server that were not
// made by us, with our front door between them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/net/test_cluster.h"

extern char** environ;

namespace homing::net {
namespace {

// Installed, or unpacked by `./dev test`; empty: neither.
std::string program() {
  for (const char* path : {"/usr/bin/varnishtest", "build/tools/usr/bin/varnishtest"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

std::string run(std::vector<std::string> words, const std::string& output, int& status) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t child = 0;
  EXPECT_EQ(::posix_spawn(&child, words.front().c_str(), &files, nullptr, arguments.data(), environ), 0);
  ::posix_spawn_file_actions_destroy(&files);
  status = -1;
  ::waitpid(child, &status, 0);
  std::ostringstream text;
  text << std::ifstream(output).rdbuf();
  return text.str();
}

TEST(VarnishTest, EveryScenarioOfTheFrontDoorPasses) {
  const std::string varnishtest = program();
  if (varnishtest.empty()) GTEST_SKIP() << "varnishtest is not here; ./dev test fetches it";
  ::setenv("LD_LIBRARY_PATH", "build/tools/usr/lib/x86_64-linux-gnu", 0);
  TestCluster::Options options;
  options.limits.first_head = 1000;
  TestCluster cluster(options);
  const auto session = cluster.start(0, "anna", "outside");
  ASSERT_EQ(session.node, 0);
  const std::string socket = cluster.directory() + "/" + cluster.node(0).name + "/outside.sock";
  std::vector<std::filesystem::path> scenarios;
  for (const auto& entry : std::filesystem::directory_iterator("tests/varnish")) {
    if (entry.path().extension() == ".vtc") scenarios.push_back(entry.path());
  }
  std::ranges::sort(scenarios);
  EXPECT_GE(scenarios.size(), 12U);
  for (const auto& scenario : scenarios) {
    int status = -1;
    const std::string text =
        run({varnishtest, "-t", "30", "-Ddoor=127.0.0.1:" + std::to_string(cluster.node(0).port), "-Dsock=" + socket,
             "-Dpath=" + session.path(), "-Dcookie=" + cluster.login("anna"), scenario.string()},
            cluster.directory() + "/varnishtest.out", status);
    EXPECT_EQ(status, 0) << scenario << "\n" << text;
    ::unlink(socket.c_str());
  }
}

}  // namespace
}  // namespace homing::net
