// SPDX-License-Identifier: Apache-2.0
//
// homing-notepad: command line of the notepad (notepad.h). Names come from the launcher's environment
// (HOMING_SESSION, HOMING_EPOCH, HOMING_USER, HOMING_NODE) unless given.
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "router/launcher/notepad.h"

namespace {

constexpr std::string_view kUsage =
    "usage: homing-notepad (--socket PATH | --port N [--secret-file FILE]) [--prefix /s/ID/]\n"
    "                      [--user NAME] [--session ID] [--epoch N] [--node NAME]\n";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

int usage(const std::string& what) {
  std::cerr << "homing-notepad: " << what << "\n" << kUsage;
  return 2;
}

}  // namespace

int main(int argc, char** argv) try {
  homing::launcher::NotepadOptions options;
  options.session = environment("HOMING_SESSION");
  options.user = environment("HOMING_USER");
  options.node = environment("HOMING_NODE");
  std::string epoch = environment("HOMING_EPOCH");
  std::string port = "0";
  std::string secret_file;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help") return std::cout << kUsage, 0;
    if (i + 1 == argc) return usage(std::string(name) + " needs a value");
    const std::string value = argv[++i];
    if (name == "--socket")
      options.socket_path = value;
    else if (name == "--port")
      port = value;
    else if (name == "--prefix")
      options.prefix = value;
    else if (name == "--secret-file")
      secret_file = value;
    else if (name == "--user")
      options.user = value;
    else if (name == "--session")
      options.session = value;
    else if (name == "--node")
      options.node = value;
    else if (name == "--epoch")
      epoch = value;
    else
      return usage("unknown option " + std::string(name));
  }
  options.port = static_cast<std::uint16_t>(std::strtoul(port.c_str(), nullptr, 10));
  options.epoch = std::strtoull(epoch.c_str(), nullptr, 10);
  if (options.socket_path.empty() == (options.port == 0)) return usage("exactly one of --socket and --port is needed");
  if (!options.prefix.starts_with('/') || !options.prefix.ends_with('/'))
    return usage("--prefix begins and ends with '/'");
  if (!secret_file.empty()) {
    std::ifstream in(secret_file);
    if (!std::getline(in, options.secret) || options.secret.empty()) {
      return usage("--secret-file " + secret_file + " cannot be read or is empty");
    }
  }
  ::umask(0077);  // the socket is its owner's alone
  boost::asio::io_context io(1);
  homing::launcher::Notepad notepad(options);
  homing::launcher::listen_and_serve(io, notepad);
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](boost::system::error_code, int) { std::_Exit(0); });
  io.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << "homing-notepad: cannot listen: " << error.what() << "\n";
  return 1;
}
