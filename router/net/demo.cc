// SPDX-License-Identifier: Apache-2.0
#include "router/net/demo.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "router/net/demo_person.h"

namespace homing::net {
namespace {

constexpr std::string_view kUsage =
    "usage: homing-router demo [--nodes N] [--port P] [--dir DIR] [--script [--kind jupyter|notepad]]\n";
constexpr std::array<const char*, 3> kPeople = {"ada", "bob", "cleo"};

// What a signal handler may touch is a global, or a function's static: this is the only one.
volatile sig_atomic_t& interrupted() {
  static volatile sig_atomic_t flag = 0;
  return flag;
}

struct Options {
  DemoClusterOptions cluster;
  bool script = false;
  std::string kind;
};

std::optional<Options> parse(std::span<const std::string> arguments) {
  Options options;
  const auto number = [](const std::string& text, auto& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& option = arguments[i];
    const std::string value = i + 1 < arguments.size() ? arguments[i + 1] : "";
    bool good = true;
    if (option == "--script") {
      options.script = true;
      continue;
    }
    if (option == "--nodes") {
      good = number(value, options.cluster.nodes);
    } else if (option == "--port") {
      good = number(value, options.cluster.port);
    } else if (option == "--dir") {
      options.cluster.directory = value;
      good = value.starts_with('/');
    } else if (option == "--kind") {
      options.kind = value;
      good = value == "jupyter" || value == "notepad";
    } else {
      fmt::print(stderr, "homing-router demo: unknown argument {}\n", option);
      return std::nullopt;
    }
    if (!good) {
      fmt::print(stderr, "homing-router demo: {} does not take \"{}\"{}\n", option, value,
                 option == "--dir" ? "; expected an absolute path" : "");
      return std::nullopt;
    }
    ++i;
  }
  return options;
}

void say_addresses(const DemoCluster& cluster) {
  const Credentials credentials(cluster.secret());
  fmt::print("\nSign in as one of three people, at any machine (all are equal):\n");
  for (const char* name : kPeople) {
    const Person person(name, credentials);
    for (const DemoCluster::Node& node : cluster.nodes()) {
      fmt::print("  {:<5} at {}  {}\n", name, node.name, person.login_link(node.address));
    }
  }
  fmt::print(
      "\nHurt it (type a line), and look at what the people see:\n"
      "  kill-router n1   its sessions live and are cut until it is started again, a second later\n"
      "  kill-launcher n1 nobody notices; starts there wait\n"
      "  kill-node n2     router, launcher and sessions at once; only those sessions are lost\n"
      "  start-node n2    the machine comes back, empty\n"
      "  quit             or Ctrl-C\n"
      "Operators: homingctl status -c {} --node n1\n\n",
      cluster.config_file());
  std::fflush(stdout);
}

void obey(DemoCluster& cluster, const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string verb = line.substr(0, space);
  const std::string name = space == line.npos ? "" : line.substr(space + 1);
  if (verb.empty()) return;
  for (std::size_t i = 0; i < cluster.nodes().size(); ++i) {
    if (cluster.nodes()[i].name != name) continue;
    if (verb == "kill-router")
      cluster.kill_router(i);
    else if (verb == "kill-launcher")
      cluster.kill_launcher(i);
    else if (verb == "kill-node")
      cluster.kill_node(i);
    else if (verb == "start-node")
      cluster.start_node(i);
    else
      break;
    fmt::print("{} {}: done\n", verb, name);
    return;
  }
  fmt::print("\"{}\" is not understood; kill-router, kill-launcher, kill-node or start-node, and a node's name\n",
             line);
}

// The next whole line of standard input; nothing while there is none. `open` becomes false at its end.
std::optional<std::string> next_line(std::string& pending, bool& open, int wait_ms) {
  pollfd input{.fd = 0, .events = POLLIN, .revents = 0};
  if (!open) {
    ::poll(nullptr, 0, wait_ms);
  } else if (pending.find('\n') == pending.npos && ::poll(&input, 1, wait_ms) == 1) {
    std::array<char, 512> piece{};
    const ssize_t n = ::read(0, piece.data(), piece.size());
    open = n > 0;
    if (n > 0) pending.append(piece.data(), static_cast<std::size_t>(n));
  }
  const std::size_t end = pending.find('\n');
  if (end == pending.npos) return std::nullopt;
  std::string line = pending.substr(0, end);
  pending.erase(0, end + 1);
  return line;
}

int stay_up(DemoCluster& cluster) {
  say_addresses(cluster);
  std::string pending;
  bool open = true;
  while (!demo_interrupted()) {
    const auto line = next_line(pending, open, 1000);
    if (line == "quit") break;
    if (line) obey(cluster, *line);
    if (!line) {
      for (const std::string& what : cluster.supervise(true)) fmt::print("{}\n", what);
    }
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

bool demo_interrupted() {
  return interrupted() != 0;
}

int demo(std::span<const std::string> arguments) {
  const auto options = parse(arguments);
  if (!options) return fmt::print(stderr, "{}", kUsage), 2;
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted() = 1; };  // no SA_RESTART: waiting ends
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGHUP, &action, nullptr);  // the terminal is gone
  ::signal(SIGPIPE, SIG_IGN);

  auto cluster = DemoCluster::make(options->cluster);
  if (!cluster) return fmt::print(stderr, "homing-router demo: {}\n", cluster.error()), 1;
  const std::string directory = cluster->directory();
  fmt::print("Homing: {} nodes on this machine, one store, all of it in {}\n", cluster->nodes().size(), directory);
  std::fflush(stdout);
  cluster->start_all();
  if (!cluster->wait_ready(std::chrono::seconds(60))) {
    const bool stopped = demo_interrupted();
    if (!stopped) fmt::print(stderr, "homing-router demo: the routers are not ready; see {}/*.log\n", directory);
    return stopped ? 130 : 1;
  }
  for (const DemoCluster::Node& node : cluster->nodes()) {
    fmt::print("  {}  http://{}  router {}, launcher {}\n", node.name, node.address.text(), node.router, node.launcher);
  }
  std::string kind = options->kind.empty() ? (cluster->has_jupyter() ? "jupyter" : "notepad") : options->kind;
  if (kind == "jupyter" && !cluster->has_jupyter()) kind = "notepad";
  if (!cluster->has_jupyter()) {
    fmt::print("Jupyter is not installed (apt-get install jupyter-notebook): sessions are notepads here.\n");
  }
  int status = options->script ? tell_demo_story(*cluster, kind) : stay_up(*cluster);
  if (options->script && demo_interrupted()) status = 130;
  cluster->end();
  fmt::print("Ended; nothing runs. Logs, store and sessions' files are in {}\n", directory);
  return status;
}

}  // namespace homing::net
