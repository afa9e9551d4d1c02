// SPDX-License-Identifier: Apache-2.0
//
// homingctl: asks the router of this machine, over its admin socket, and orders nodes about.
//
//   homingctl [-c FILE] [--node NAME] [--socket PATH] [-o table|json] COMMAND
//     status
//     node list | node ready NAME | node drain NAME | node maint NAME
//     session list | session why ID
//     config reload
//
// The socket is named directly or by a configuration file (-c, or $HOMING_CONFIG). JSON is what the API says,
// unchanged. Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 75 try again.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "router/base/router_config.h"

namespace homing {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

enum Exit { kOk = 0, kFailed = 1, kUsage = 2, kNotFound = 3, kRefused = 4, kTryAgain = 75 };

constexpr const char* kHelp =
    "usage: homingctl [-c FILE] [--node NAME] [--socket PATH] [-o table|json] COMMAND\n"
    "  status\n"
    "  node list | node ready NAME | node drain NAME | node maint NAME\n"
    "  session list | session why ID\n"
    "  config reload    the router reads its file, and every file that it names, again; nothing is closed\n";

struct Options {
  std::string file;
  std::optional<std::string> node;
  std::string socket;
  bool as_json = false;
  std::vector<std::string> command;
};

int usage(const std::string& why) {
  std::fprintf(stderr, "homingctl: %s\n%s", why.c_str(), kHelp);
  return kUsage;
}

std::expected<Options, std::string> read_options(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (!name.starts_with('-')) {
      options.command.push_back(name);
      continue;
    }
    if (i + 1 == arguments.size()) return std::unexpected(name + " needs a value");
    const std::string& value = arguments[++i];
    if (name == "-c" || name == "--config")
      options.file = value;
    else if (name == "--node")
      options.node = value;
    else if (name == "--socket")
      options.socket = value;
    else if ((name == "-o" || name == "--output") && (value == "table" || value == "json"))
      options.as_json = value == "json";
    else if (name == "-o" || name == "--output")
      return std::unexpected("-o " + value + " is not table or json");
    else
      return std::unexpected("unknown option " + name);
  }
  if (const char* file = std::getenv("HOMING_CONFIG"); options.file.empty() && file != nullptr) options.file = file;
  return options;
}

struct ApiAnswer {
  unsigned status = 0;
  std::string body;
};

std::expected<ApiAnswer, std::string> call_api(const std::string& socket_path, http::verb verb,
                                               const std::string& target) {
  asio::io_context io;
  asio::local::stream_protocol::socket socket(io);
  boost::system::error_code error;
  if (socket_path.size() >= 108) return std::unexpected("the socket path is too long: " + socket_path);
  socket.connect(asio::local::stream_protocol::endpoint(socket_path), error);
  if (error) {
    return std::unexpected(fmt::format("no router answers at {} ({}); is homing-router running on this machine?",
                                       socket_path, error.message()));
  }
  http::request<http::string_body> request(verb, target, 11);
  request.set(http::field::host, "homing");
  request.set(http::field::connection, "close");
  request.prepare_payload();
  http::write(socket, request, error);
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(256ULL << 20);
  if (!error) http::read(socket, buffer, parser, error);
  if (error) return std::unexpected("the router broke off: " + error.message());
  return ApiAnswer{parser.get().result_int(), parser.get().body()};
}

std::string shown(const json::value& value) {
  if (value.is_string()) return std::string(value.as_string().c_str());
  if (value.is_bool()) return value.as_bool() ? "yes" : "no";
  if (value.is_double()) return fmt::format("{:.2f}", value.as_double());
  if (value.is_int64()) return fmt::format("{}", value.as_int64());
  if (value.is_uint64()) return fmt::format("{}", value.as_uint64());
  return {};
}

std::string member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? std::string() : shown(*value);
}

double number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    std::printf("%s\n", line.c_str());
  }
}

void print_status(const json::object& status) {
  std::vector<std::vector<std::string>> rows;
  for (const char* name : {"node", "address", "strategy", "incarnation", "launcher", "store", "hosted", "queue"}) {
    rows.push_back({name, member(status, name)});
  }
  const std::string why = member(status, "why_not");
  rows.push_back({"may order", member(status, "orders") + (why.empty() ? "" : ": " + why)});
  std::string sessions;
  for (const auto& [state, count] : status.at("sessions").as_object()) {
    if (count.to_number<std::int64_t>() == 0) continue;
    sessions += fmt::format("{}{} {}", sessions.empty() ? "" : ", ", shown(count), std::string(state));
  }
  rows.push_back({"sessions", sessions.empty() ? "none" : sessions});
  print_table(rows);
}

void print_nodes(const json::object& answer) {
  std::vector<std::vector<std::string>> rows = {
      {"NODE", "ADDRESS", "VIEW", "ADMIN", "SESSIONS", "LOAD5", "CORES", "MEMORY FREE", "INCARNATION"}};
  for (const json::value& value : answer.at("nodes").as_array()) {
    const json::object& node = value.as_object();
    rows.push_back({member(node, "name") + (member(node, "self") == "yes" ? " *" : ""), member(node, "address"),
                    member(node, "view"), member(node, "admin"), member(node, "sessions"), member(node, "load5"),
                    member(node, "cores"), fmt::format("{:.1f} GiB", number(node, "memory_available") / (1ULL << 30)),
                    member(node, "incarnation")});
  }
  print_table(rows);
}

void print_sessions(const json::object& answer) {
  std::vector<std::vector<std::string>> rows = {{"SESSION", "USER", "KIND", "STATE", "NODE", "EPOCH", "REASON"}};
  for (const json::value& value : answer.at("sessions").as_array()) {
    const json::object& session = value.as_object();
    const std::string reason = member(session, "reason");
    rows.push_back({member(session, "id"), member(session, "user"), member(session, "kind"), member(session, "state"),
                    member(session, "node"), member(session, "epoch"), reason == "none" ? "" : reason});
  }
  print_table(rows);
}

void print_why(const json::object& answer) {
  std::printf("session %s", member(answer, "id").c_str());
  if (answer.contains("now")) {
    std::printf(" (%s of %s)\nnow: %s\n", member(answer, "kind").c_str(), member(answer, "user").c_str(),
                member(answer, "now").c_str());
  } else {
    std::printf("\n");
  }
  for (const json::value& value : answer.at("history").as_array()) {
    const json::object& entry = value.as_object();
    std::printf("  %s  %s\n", member(entry, "at").substr(0, 23).c_str(), member(entry, "text").c_str());
  }
}

void print_text(const json::object& answer) {
  std::fputs(member(answer, "text").c_str(), stdout);
}

struct Wanted {
  http::verb verb = http::verb::get;
  std::string target;
  void (*print)(const json::object&) = nullptr;
};

std::optional<Wanted> wanted_of(const std::vector<std::string>& c) {
  if (c.size() == 1 && c[0] == "status") return Wanted{http::verb::get, "/v1/status", print_status};
  if (c.size() == 2 && c[0] == "node" && c[1] == "list") return Wanted{http::verb::get, "/v1/nodes", print_nodes};
  if (c.size() == 2 && c[0] == "session" && c[1] == "list")
    return Wanted{http::verb::get, "/v1/sessions", print_sessions};
  if (c.size() == 3 && c[0] == "session" && c[1] == "why")
    return Wanted{http::verb::get, "/v1/sessions/" + c[2] + "/why", print_why};
  if (c.size() == 2 && c[0] == "config" && c[1] == "reload")
    return Wanted{http::verb::post, "/v1/config/reload", print_text};
  if (c.size() == 3 && c[0] == "node") {
    std::string order = c[1] == "uncordon" ? "ready" : c[1] == "cordon" ? "maint" : c[1];
    if (order == "ready" || order == "drain" || order == "maint") {
      return Wanted{http::verb::post, "/v1/nodes/" + c[2] + "/" + order, nullptr};
    }
  }
  return std::nullopt;
}

int exit_code(unsigned status) {
  if (status < 300) return kOk;
  if (status == 404) return kNotFound;
  if (status == 503) return kTryAgain;
  return status >= 400 && status < 500 ? kRefused : kFailed;
}

int report(const ApiAnswer& answer, const Wanted& wanted, bool as_json) {
  if (as_json) {
    std::fputs(answer.body.c_str(), stdout);
    return exit_code(answer.status);
  }
  boost::system::error_code error;
  const json::value value = json::parse(answer.body, error);
  if (error || !value.is_object()) {
    std::fprintf(stderr, "homingctl: the router said something else than JSON\n");
    return kFailed;
  }
  const json::object& object = value.as_object();
  if (answer.status >= 300) {
    std::fprintf(stderr, "homingctl: %s\n", member(object, "text").c_str());
  } else if (wanted.print != nullptr) {
    wanted.print(object);
  } else {
    std::printf("%s: %s, told to the cluster\n", member(object, "node").c_str(), member(object, "wanted").c_str());
  }
  return exit_code(answer.status);
}

int run(const std::vector<std::string>& arguments) {
  if (std::ranges::find(arguments, "--help") != arguments.end() ||
      std::ranges::find(arguments, "-h") != arguments.end()) {
    std::fputs(kHelp, stdout);
    return kOk;
  }
  auto options = read_options(arguments);
  if (!options) return usage(options.error());
  const auto wanted = wanted_of(options->command);
  if (!wanted) return usage(options->command.empty() ? "say what to do" : "unknown command");
  if (options->socket.empty()) {
    if (options->file.empty()) return usage("-c FILE or --socket PATH is needed to find the router");
    const auto config = base::load_router_config(options->file, {options->node, {}});
    if (!config) {
      std::fputs(config.error().c_str(), stderr);
      return kUsage;
    }
    options->socket = config->admin_socket();
  }
  const auto answer = call_api(options->socket, wanted->verb, wanted->target);
  if (!answer) {
    std::fprintf(stderr, "homingctl: %s\n", answer.error().c_str());
    return kFailed;
  }
  return report(*answer, *wanted, options->as_json);
}

}  // namespace
}  // namespace homing

int main(int argc, char** argv) {
  try {
    return homing::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "homingctl: %s\n", error.what());
    return 1;
  }
}
