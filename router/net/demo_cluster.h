// SPDX-License-Identifier: Apache-2.0
//
// A throw-away cluster on loopback addresses: a folder, a random secret, one configuration, and for each node a real
// homing-router and a real homing-launcher, with the verbs that hurt it. For `homing-router demo` and tests/e2e.
//
// Intuition: this is the part that systemd and an operator play. What starts here is ended here, also when the caller
// forgets: end() stops every router and launcher and then whatever still carries the folder in its environment (the
// sessions, which outlive their launchers by design).
// Thread class: single-owner.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "router/base/endpoint.h"

namespace homing::net {

struct DemoClusterOptions {
  int nodes = 3;
  std::string directory;      // empty: a new one under /tmp
  std::string programs;       // where homing-launcher, homing-notepad and homing-router are
  std::uint16_t port = 8800;  // the first that is tried
  std::string heartbeat = "500 ms";
  bool trace = false;   // every router records one: NODE.trace beside the configuration
  std::string more;     // appended to the configuration, e.g. another [kind.NAME]
  std::string cluster;  // further lines of [cluster]
  std::string strategy = "sessions";
};

class DemoCluster {
 public:
  struct Node {
    std::string name;
    base::Endpoint address;
    pid_t router = -1;  // -1: not running
    pid_t launcher = -1;
    bool wanted = true;  // supervise() starts what is missing
  };

  // Writes the files; starts nothing. Errors: one sentence with the fix.
  static std::expected<DemoCluster, std::string> make(DemoClusterOptions options);
  DemoCluster(DemoCluster&& other) noexcept = default;
  DemoCluster& operator=(DemoCluster&& other) = delete;
  ~DemoCluster() { end(); }

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::string& directory() const { return directory_; }
  const std::string& config_file() const { return config_file_; }
  const std::string& secret() const { return secret_; }
  bool has_jupyter() const { return has_jupyter_; }
  std::string log_of(std::size_t node, const std::string& program) const;  // path

  void start_launcher(std::size_t node);
  void start_router(std::size_t node);
  void start_node(std::size_t node);
  void start_all();
  // True when every wanted router says it is ready.
  bool wait_ready(std::chrono::milliseconds patience);
  bool ready(std::size_t node) const;

  void kill_router(std::size_t node);
  void kill_launcher(std::size_t node);
  // Router, launcher and every session process at once, as when the machine loses power.
  void kill_node(std::size_t node);
  // Stops (or wakes) everything of a node, as when a virtual machine is suspended.
  void pause_node(std::size_t node, bool paused);
  // Makes the node's machine look restarted: a launcher that finds its journal would say that the machine stayed up.
  void forget_boot(std::size_t node);
  std::vector<pid_t> session_processes(std::size_t node) const;

  // Reaps what ended and, as systemd would, starts the routers and launchers that should be there. Returns what it did.
  std::vector<std::string> supervise(bool restart);

  void end();

 private:
  DemoCluster() = default;
  std::string configuration(const DemoClusterOptions& options) const;
  pid_t spawn(std::size_t node, const std::string& program, const std::vector<std::string>& arguments);
  void stop(pid_t& pid, int signal);

  std::string directory_;
  std::string programs_;
  std::string config_file_;
  std::string secret_;
  bool has_jupyter_ = false;
  std::vector<Node> nodes_;
};

// The folder of the running program.
std::string own_folder();

}  // namespace homing::net
