// SPDX-License-Identifier: Apache-2.0
//
// net_bench: what stands around a proxy under test. bench/net_peers.py starts proxies and calls this program; by hand:
//
//   net_bench origin  --listen ADDRESS... [--record FILE]
//   net_bench load    --to ADDRESS --target /small [--connections 64] [--seconds 3] [--warm 0.5] [--rate R]
//                     [--tls yes] [--fresh yes]           over TLS; a new connection for each request
//   net_bench bulk    --to ADDRESS --target /stream/1073741824 | --upload BYTES
//   net_bench tunnels --to ADDRESS --target / --count 4000
//   net_bench cases   --shared FOLDER                     conformance cases: suite, error, name, bytes as hex; by tabs
//   net_bench login   --secret FILE --user NAME           prints a login token of this cluster (GET /login?token=...)
//
// ADDRESS is 127.0.0.1:PORT or unix:PATH; --header 'Name: value' and --cpu-of PID may be given several times. Without
// --rate the load is a closed loop. Exit codes: 0 ok, 1 failed, 2 usage.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/net_load.h"
#include "bench/net_origin.h"
#include "bench/net_tunnels.h"
#include "router/base/router_config.h"
#include "router/net/credentials.h"
#include "tests/wire/conformance_cases.h"

namespace homing::bench {

namespace {

class Options {
 public:
  Options(int count, char** arguments) {
    for (int i = 0; i < count; i += 2) {
      const std::string name = arguments[i];
      if (!name.starts_with("--") || i + 1 == count) fail(fmt::format("{} needs a value, or is none", name));
      values_[name.substr(2)].emplace_back(arguments[i + 1]);
    }
  }
  std::vector<std::string> all(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>() : found->second;
  }
  std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second.back();
  }
  double number(const std::string& name, double otherwise) const {
    const std::string given = text(name);
    return given.empty() ? otherwise : std::atof(given.c_str());
  }
  Address to() const { return read_address(text("to")); }
  std::vector<pid_t> processes() const {
    std::vector<pid_t> out;
    for (const std::string& one : all("cpu-of")) out.push_back(std::atoi(one.c_str()));
    return out;
  }
  // A head as a browser of moderate length sends it.
  std::string request(const std::string& method, const std::vector<std::string>& more = {}) const {
    std::string out =
        fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, text("target", "/"), text("host", "bench.test"));
    out += "User-Agent: net_bench/1\r\nAccept: */*\r\n";
    for (const std::string& field : all("header")) out += field + "\r\n";
    for (const std::string& field : more) out += field + "\r\n";
    return out + "\r\n";
  }

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

void load(const Options& options) {
  run_load({.to = options.to(),
            .request = options.request("GET"),
            .connections = static_cast<int>(options.number("connections", 64)),
            .warm_s = options.number("warm", 0.5),
            .seconds = options.number("seconds", 3),
            .rate = options.number("rate", 0),
            .tls = options.text("tls") == "yes",
            .fresh = options.text("fresh") == "yes",
            .processes = options.processes()});
}

void bulk(const Options& options) {
  const std::string upload = options.text("upload");
  std::vector<std::string> more;
  if (!upload.empty()) more.push_back("Content-Length: " + upload);
  run_bulk({.to = options.to(),
            .request = options.request(upload.empty() ? "GET" : "POST", more),
            .upload = std::strtoull(upload.c_str(), nullptr, 10),
            .processes = options.processes()});
}

void tunnels(const Options& options) {
  const std::string request =
      options.request("GET", {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="});
  hold_tunnels(options.to(), request, static_cast<int>(options.number("count", 1)));
}

void login(const Options& options) {
  const auto secret = base::read_secret(options.text("secret"));
  if (!secret) fail(secret.error());
  const auto user = net::make_user(options.text("user"));
  if (!user) fail("--user: no plain name");
  fmt::print("{}\n", net::Credentials(*secret).login_token(*user, net::wall_seconds() + net::kLoginSeconds));
}

void print_case(std::string_view suite, int error, std::string_view name, std::string_view bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  fmt::print("{}\t{}\t{}\t{}\n", suite, error, name, hex);
}

// What a front door must refuse, and what it must not treat as plain.
void cases(const Options& options) {
  namespace test = wire::test;
  const std::filesystem::path folder = std::filesystem::path(options.text("shared")) / "conformance";
  for (const test::LlhttpCase& one : test::llhttp_cases(folder / "llhttp" / "request")) {
    const bool strict = one.type == "request" || one.type == "request-finish";
    if (strict && one.must_refuse()) print_case("llhttp", one.error, one.name, one.bytes);
  }
  for (const test::DesyncCase& one : test::desync_cases(folder / "desync-guardian" / "tests")) {
    if (one.tier == "Severe" || one.tier == "Ambiguous") print_case(one.tier, 0, one.name, test::wire_bytes(one));
  }
}

int run(const std::string& verb, const Options& options) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (verb == "origin") serve_origin(options.all("listen"), options.text("record"));
  if (verb == "load") return load(options), 0;
  if (verb == "bulk") return bulk(options), 0;
  if (verb == "tunnels") return tunnels(options), 0;
  if (verb == "cases") return cases(options), 0;
  if (verb == "login") return login(options), 0;
  std::fputs("usage: net_bench origin|load|bulk|tunnels|cases|login --NAME VALUE...\n", stderr);
  return 2;
}

}  // namespace

}  // namespace homing::bench

int main(int argc, char** argv) {
  try {
    return homing::bench::run(argc > 1 ? argv[1] : "", homing::bench::Options(argc - 2, argv + 2));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "net_bench: %s\n", error.what());
    return 1;
  }
}
