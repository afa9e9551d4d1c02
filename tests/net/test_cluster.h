// SPDX-License-Identifier: Apache-2.0
//
// A cluster in one process, for tests of the proxy: real routers (net::Server) on free ports of 127.0.0.1, one SQLite
// store, and beside each router a stand-in for its launcher that speaks the launcher's protocol but starts sessions as
// objects: the notepad for most kinds, a script of bytes for the kind "raw", nothing for the kind "outside", whose
// socket somebody else listens on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "router/base/log.h"
#include "router/net/server.h"
#include "tests/net/test_client.h"

namespace homing::net {

// What a session of kind "raw" does: waits for the end of a head, then writes `answer` and, unless `stays`, closes.
// What reached it is in `received` (of much, the beginning).
struct RawScript {
  static constexpr std::size_t kKept = 1 << 20;
  std::mutex mutex;
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  bool stays = false;
  std::string received;
  int connections = 0;
  std::map<std::string, std::uint64_t> bytes_of;  // by process, "n1 3": node and epoch
  std::uint64_t bytes_at(const std::string& process);
  void set(std::string what, bool and_stays = false);
  std::string seen();
};

class TestLauncher;

class TestCluster {
 public:
  struct Options {
    int nodes = 1;
    std::string extra;        // configuration text
    std::string listen = {};  // lines of [listen]
    FrontLimits limits;
    bool limits_of_file = false;  // instead of `limits`
    std::string authority = {};   // PEM; the public doors speak TLS with certificates of it for "cluster.test"
  };
  explicit TestCluster(Options options);
  ~TestCluster();
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  struct Node {
    std::string name;
    std::uint16_t port = 0;
    std::uint16_t peer_port = 0;
    std::uint16_t launcher_port = 0;
    std::unique_ptr<TestLauncher> launcher;
    std::unique_ptr<base::Log> log;
    std::unique_ptr<Server> server;
    std::thread thread;
  };
  Node& node(int i) { return *nodes_[static_cast<std::size_t>(i)]; }
  int size() const { return static_cast<int>(nodes_.size()); }
  RawScript& raw() { return raw_; }
  const Credentials& credentials() const { return *credentials_; }
  const std::string& directory() const { return directory_; }

  TestClient client(int i) {
    if (options_.authority.empty()) return TestClient("127.0.0.1", node(i).port);
    return TestClient("127.0.0.1", node(i).port, options_.authority, "cluster.test");
  }
  // "homing_login=..." for a Cookie header.
  std::string login(const std::string& user) const;
  HeaderList as(const std::string& user) const { return {{"Cookie", login(user)}}; }

  struct Started {
    std::string id;
    int node = -1;
    std::string path(const std::string& rest = "") const { return "/s/" + id + "/" + rest; }
  };
  // Starts a session through node `i` and waits until it answers there.
  Started start(int i, const std::string& user, const std::string& kind = "notepad");
  // Asks node `i` until the status is `wanted` (or a minute is over) and returns the last answer.
  Got until(int i, unsigned wanted, const std::string& target, const HeaderList& headers);

  void stop_router(int i);
  void start_router(int i);
  // The process of this session on node `i` dies; its launcher tells.
  void kill_process(int i, const std::string& id);
  // A forwarded head as node `from` would seal it.
  std::string sealed(int from, int to, const std::string& id, const std::string& user, const std::string& target,
                     core::Epoch epoch = core::Epoch{1});

 private:
  std::string config_text() const;
  void wait_until_ready(int i);  // by the admin door, which never speaks TLS
  std::string directory_;
  Options options_;
  RawScript raw_;
  std::unique_ptr<Credentials> credentials_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace homing::net
