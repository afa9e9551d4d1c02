// SPDX-License-Identifier: Apache-2.0
//
// homing-router: the program of a node that people knock at.
//
//   homing-router serve -c FILE [--node NAME] [--log FILE]    until SIGTERM or SIGINT
//   homing-router check -c FILE [--node NAME]                 says what is wrong with a configuration, or nothing
//   homing-router upgrade -c FILE [--node NAME] [--binary P]   the running router hands over to this program, or to the
//                                                            file it was started from; nothing is closed
//   homing-router demo [--nodes N] [--script]                 a throw-away cluster on loopback (router/net/demo.h)
//
// Exit codes: 0 ok, 1 failed (one sentence on stderr, with the fix), 2 usage or a wrong configuration.
#include <sys/resource.h>

#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/strategy_text.h"
#include "router/net/demo.h"
#include "router/net/server.h"
#include "router/net/upgrade.h"

namespace homing {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr const char* kHelp =
    "usage: homing-router serve -c FILE [--node NAME] [--log FILE]\n"
    "       homing-router check -c FILE [--node NAME]\n"
    "       homing-router upgrade -c FILE [--node NAME] [--binary PATH]\n"
    "       homing-router demo [--nodes N] [--port P] [--dir DIR] [--script [--kind jupyter|notepad]]\n";

struct Options {
  std::string file;
  std::optional<std::string> node;
  std::optional<std::string> log;
  std::string binary;
};

int usage(const std::string& why) {
  std::fprintf(stderr, "homing-router: %s\n%s", why.c_str(), kHelp);
  return kUsage;
}

// The error is one sentence.
std::expected<Options, std::string> read_options(std::span<const std::string> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name != "-c" && name != "--config" && name != "--node" && name != "--log" && name != "--binary") {
      return std::unexpected("unknown argument " + name);
    }
    if (i + 1 == arguments.size()) return std::unexpected(name + " needs a value");
    const std::string& value = arguments[++i];
    if (name == "--node")
      options.node = value;
    else if (name == "--log")
      options.log = value;
    else if (name == "--binary")
      options.binary = value;
    else
      options.file = value;
  }
  if (options.file.empty()) return std::unexpected(std::string("-c FILE is missing"));
  return options;
}

// Tunnels are descriptors: take as many as the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// How this program was started, so that another one can be started like it. The file is named, not the one that runs:
// a package manager puts another in its place.
std::vector<std::string> own_command(const std::vector<std::string>& arguments) {
  std::error_code ignored;
  std::vector<std::string> command = {std::filesystem::read_symlink("/proc/self/exe", ignored).string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

int serve(const Options& options, base::RouterConfig config, net::ServerOptions server_options) {
  raise_descriptor_limit();
  std::optional<base::Log> log;
  if (options.log) {
    auto opened = base::Log::to_file(*options.log, "router", config.node);
    if (!opened) {
      std::fprintf(stderr, "homing-router: %s\n", opened.error().c_str());
      return kFailed;
    }
    log.emplace(std::move(*opened));
  } else {
    log.emplace("router", config.node);
  }
  server_options.access_log = options.log.value_or("");
  const auto inherited = server_options.inherited;
  auto server = net::Server::start(std::move(config), std::move(server_options), *log);
  if (!server) {
    if (inherited) inherited->failed(server.error());
    std::fprintf(stderr, "homing-router: %s\n", server.error().c_str());
    return kFailed;
  }
  boost::asio::signal_set ends((*server)->control(), SIGTERM, SIGINT);
  ends.async_wait([&](boost::system::error_code error, int) {
    if (!error) (*server)->stop();
  });
  boost::asio::signal_set rotated((*server)->control(), SIGHUP);
  std::function<void()> on_rotation = [&] {
    rotated.async_wait([&](boost::system::error_code error, int) {
      if (error) return;
      log->reopen();
      if (const auto error2 = (*server)->reopen_access_log()) log->warn("access-log.reopen", {{"why", *error2}});
      on_rotation();
    });
  };
  on_rotation();
  (*server)->run();
  log->info("router.stopped");
  return 0;
}

int upgrade(const Options& options, const base::RouterConfig& config) {
  const auto done = net::ask_for_upgrade(config.admin_socket(), options.binary);
  if (!done) {
    std::fprintf(stderr, "homing-router: %s\n", done.error().c_str());
    return kFailed;
  }
  std::printf("%s\n", done->c_str());
  return 0;
}

int check(const base::RouterConfig& config) {
  if (auto secret = base::read_secret(config.secret_file); !secret) {
    std::fprintf(stderr, "homing-router: %s\n", secret.error().c_str());
    return kFailed;
  }
  const auto settings = net::Settings::make(config, nullptr, std::nullopt);
  if (!settings) {
    std::fprintf(stderr, "homing-router: %s\n", settings.error().c_str());
    return kFailed;
  }
  std::printf("%s: ok: node %s of %zu, %zu kinds, strategy %s\n", config.file.c_str(), config.node.c_str(),
              config.nodes.size(), config.kinds.size(),
              base::strategy_in_words(config.core.strategy, config.core.strategy_params).c_str());
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return usage("say what to do");
  std::string verb = arguments.front();
  if (verb == "--help" || verb == "-h" || verb == "help") {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (verb == "--check-config") verb = "check";
  if (verb == "demo") return net::demo(std::span(arguments).subspan(1));
  if (verb != "serve" && verb != "check" && verb != "upgrade") return usage("unknown command " + verb);
  const auto options = read_options(std::span(arguments).subspan(1));
  if (!options) return usage(options.error());
  net::ServerOptions server_options;
  if (auto inherited = net::Inheritance::from_environment()) {
    server_options.inherited = std::make_shared<net::Inheritance>(std::move(*inherited));
  }
  auto config = base::load_router_config(options->file, {options->node, {}});
  if (!config) {
    if (server_options.inherited) server_options.inherited->failed(config.error());
    std::fputs(config.error().c_str(), stderr);
    return kUsage;
  }
  if (verb == "check") return check(*config);
  if (verb == "upgrade") return upgrade(*options, *config);
  server_options.command = own_command(arguments);
  return serve(*options, std::move(*config), std::move(server_options));
}

}  // namespace
}  // namespace homing

int main(int argc, char** argv) {
  try {
    return homing::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "homing-router: %s\n", error.what());
    return 1;
  }
}
