// SPDX-License-Identifier: Apache-2.0
//
// homing-launcher: starts, limits, freezes and re-adopts the session processes of one node, and outlives its router.
//
//   homing-launcher -c FILE [--node NAME]                  until SIGTERM, which leaves the sessions running
//   homing-launcher -c FILE [--node NAME] --stop-sessions  asks the running launcher to end all of them, and waits
//
// Exit status: 0 done, 1 failed, 2 bad command line or configuration, 75 try again (another launcher runs).
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "router/base/log.h"
#include "router/base/router_config.h"
#include "router/launcher/client.h"
#include "router/launcher/journal.h"
#include "router/launcher/server.h"
#include "router/launcher/sessions.h"
#include "router/launcher/witness.h"

namespace homing::launcher {
namespace {

constexpr std::string_view kUsage = "usage: homing-launcher -c FILE [--node NAME] [--stop-sessions]\n";

struct CommandLine {
  std::string file;
  std::optional<std::string> node;
  bool stop_sessions = false;
};

void say(const std::string& text) {
  fmt::print(stderr, "homing-launcher: {}\n", text);
}

std::optional<CommandLine> parse(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const bool more = i + 1 < argc;
    if ((option == "-c" || option == "--config") && more) {
      line.file = argv[++i];
    } else if (option == "--node" && more) {
      line.node = argv[++i];
    } else if (option == "--stop-sessions") {
      line.stop_sessions = true;
    } else {
      say(fmt::format("\"{}\" is not understood here", option));
      return std::nullopt;
    }
  }
  if (line.file.empty()) {
    say("-c FILE is needed");
    return std::nullopt;
  }
  return line;
}

// The file says which programs run here, so nobody but root and the launcher's user may write it.
std::string why_untrusted(const std::string& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return "";  // reading it will say so
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return fmt::format("{}: belongs to uid {}; it names programs to run, so it must belong to root or to uid {}", file,
                       info.st_uid, ::geteuid());
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return fmt::format("{}: everybody may write it, and it names programs to run; chmod o-w it", file);
  }
  return "";
}

std::string boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  in >> id;
  return id.empty() ? "unknown" : id;
}

int run(const base::RouterConfig& config) {
  auto lock = lock_state_dir(config.state_dir);
  if (!lock) return say(lock.error()), 75;
  auto journal = Journal::open(config.journal_path(), boot_id());
  if (!journal) return say(journal.error()), 1;
  base::Log log("homing-launcher", config.node);
  boost::asio::io_context io(1);
  Server server(io, config.launcher_socket(), log);
  std::error_code ignored;
  const std::string own_folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
  Sessions sessions(
      io, config, std::move(*journal),
      {.grace = core::seconds(5), .program_folders = {"/usr/local/bin", "/usr/bin", "/bin", own_folder}},
      [&server](const Event& event) { server.broadcast(event); }, log);
  sessions.adopt();
  server.serve(sessions);
  const auto secret = base::read_secret(config.secret_file);
  if (!secret) return say(secret.error()), 1;
  Witness witness(io.get_executor(), config.self, *secret,
                  [&] { return !server.has_client() && sessions.any_alive(); });
  if (const auto why = witness.open(config.this_node().launcher_address)) {
    log.warn("launcher.no_witness", {{"why", *why}, {"effect", "a router that stays down costs its sessions"}});
  }
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code&, int) {
    log.info("launcher.leaves", {{"text", "the sessions go on"}});
    io.stop();
  });
  log.info("launcher.ready", {{"socket", config.launcher_socket()}});
  io.run();
  return 0;
}

// Ends every session through the running launcher; the inventory says when none is left.
int stop_sessions(const base::RouterConfig& config) {
  boost::asio::io_context io(1);
  int status = 1;
  std::string last_error = "no launcher answers at " + config.launcher_socket() + "; start it first";
  bool asked = false;
  boost::asio::steady_timer again(io);
  std::optional<Client> client;
  const auto on_event = [&](const Event& event) {
    if (const auto* refused = std::get_if<Refused>(&event)) last_error = refused->text;
    const auto* inventory = std::get_if<Inventory>(&event);
    if (inventory == nullptr) return;
    std::size_t alive = 0;
    for (const SessionInfo& s : inventory->sessions) alive += s.state == ProcessState::kEnded ? 0 : 1;
    if (alive == 0) {
      status = 0;
      io.stop();
      return;
    }
    if (!asked) {
      asked = client->send(StopSessions{.reason = "the operator stopped all sessions of the node"});
      say(fmt::format("ending {} sessions", alive));
    }
    last_error = fmt::format("{} sessions have not ended yet", alive);
    again.expires_after(std::chrono::milliseconds(100));
    again.async_wait([&](const boost::system::error_code&) { client->send(AskInventory{}); });
  };
  client.emplace(io.get_executor(), config.launcher_socket(), "homing-launcher --stop-sessions",
                 Client::Handlers{.on_event = on_event, .on_connected = {}});
  client->start();
  io.run_for(std::chrono::seconds(30));
  client.reset();
  if (status != 0) say(last_error);
  return status;
}

int main_checked(int argc, char** argv) {
  const auto line = parse(argc, argv);
  if (!line) return fmt::print(stderr, "{}", kUsage), 2;
  if (const std::string why = why_untrusted(line->file); !why.empty()) return say(why), 2;
  base::RouterConfigOptions options;
  options.node = line->node;
  const auto config = base::load_router_config(line->file, options);
  if (!config) return fmt::print(stderr, "{}", config.error()), 2;
  ::signal(SIGPIPE, SIG_IGN);
  return line->stop_sessions ? stop_sessions(*config) : run(*config);
}

}  // namespace
}  // namespace homing::launcher

int main(int argc, char** argv) try {
  return homing::launcher::main_checked(argc, argv);
} catch (const std::exception& error) {
  fmt::print(stderr, "homing-launcher: {}\n", error.what());
  return 1;
}
