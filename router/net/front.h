// SPDX-License-Identifier: Apache-2.0
//
// The front door: takes connections, reads heads, knows who asks, and hands each request to one of a few servants.
//
//   public   people's clients; a user is named by our signed login cookie
//   trusted  a Unix socket; a user is named by a header, because who may open the socket is believed
//   cluster  other nodes; a user is named inside a sealed head (credentials.h); only this node's sessions are served,
//            so a request is never handed on twice
//   admin    a Unix socket for homingctl
//
// Intuition: every rule about who may do what stands in one code path, taken alike by a GET and by an Upgrade:
// read head -> check it -> name the user -> decide the path -> ask core::resolve -> hand on or say why not.
// Thread class: Front is immutable after construction but for thread-safe parts; a Call belongs to its worker.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "router/base/log.h"
#include "router/base/router_config.h"
#include "router/net/core_driver.h"
#include "router/net/credentials.h"
#include "router/net/exchange.h"
#include "router/net/pages.h"
#include "router/net/route_table.h"
#include "router/net/traffic.h"
#include "router/net/worker.h"

namespace homing::net {

enum class Door : std::uint8_t { kPublic, kTrusted, kCluster, kAdmin };
std::string_view to_string(Door door);

// Sealed heads that were used. Two generations of at least kForwardSeconds; at the maximum the older one is forgotten
// early, which would let a captured head be used again within its few seconds.
class SeenNonces {
 public:
  static constexpr std::size_t kMaxPerGeneration = 200'000;
  // False when it was seen before.
  bool fresh(std::uint64_t nonce, WallSeconds now);

 private:
  std::mutex mutex_;
  absl::flat_hash_set<std::uint64_t> young_;
  absl::flat_hash_set<std::uint64_t> old_;
  WallSeconds turned_at_ = 0;
};

struct FrontLimits {
  Millis first_head{30'000};  // for a whole head, once it began
  Millis keep_alive{75'000};  // between requests
  Millis navigation{1'500};   // a page waits this long for its session before it is told to wait
  Millis poll{5'000};         // any other request
  Millis connect{3'000};
  std::int64_t max_connections = 20'000;  // further ones are closed at once
  ExchangeLimits exchange;
};

struct FrontParts {
  const base::RouterConfig& config;
  const Credentials& credentials;
  RouteTable& table;
  CoreDriver& driver;
  Traffic& traffic;
  base::Log& log;
  FrontLimits limits;
};

class Front;

// One request on its way.
struct Call {
  Call(Front& f, Worker& w, Stream& c, Door d, std::string address)
      : front(f), worker(w), client(c), door(d), client_address(std::move(address)) {}
  Front& front;
  Worker& worker;
  Stream& client;
  Door door;
  std::string client_address;
  RequestParser parser;
  std::string id;  // of this request, in logs and upstream
  std::optional<User> user;
  WallSeconds login_expires = 0;  // public door
  std::string scheme = "http";
  bool keep = false;    // the connection may carry another request
  bool broken = false;  // its head was refused: where it ends is anybody's guess

  // For the access log.
  unsigned status = 0;
  std::string session;
  std::string hop;  // "here", "to n2", "for n1", "none"
  std::string ended = "done";
  std::string detail;
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::chrono::steady_clock::time_point began;
  std::chrono::steady_clock::time_point first_byte;

  const RequestHead& head() const { return parser.get().base(); }
  std::string_view target() const { return {parser.get().target().data(), parser.get().target().size()}; }
  std::string_view method() const { return {parser.get().method_string().data(), parser.get().method_string().size()}; }
};

class Front {
 public:
  explicit Front(FrontParts parts) : parts_(parts) {}

  // Serves one connection to its end.
  Task<void> serve(Worker& worker, Socket socket, Door door);

  // ---- used by the servants (session_calls.cc, api_calls.cc, cluster_calls.cc, admin_calls.cc)
  const FrontParts& parts() const { return parts_; }
  const base::RouterConfig& config() const { return parts_.config; }
  Task<void> send(Call& call, Reply reply);
  Task<void> send(Call& call, Trouble trouble);
  // Reads a small body whole. Nothing when it is longer than `max` or the client went away.
  Task<std::optional<std::string>> read_body(Call& call, std::size_t max);
  // What the core says within `limit`: a final answer, or how far things are. With `placed_is_enough` also the first
  // that says where it is being started.
  Task<core::Answer> ask(Call& call, const core::SessionId& session, core::KindId kind, core::Intent intent,
                         Millis limit, bool placed_is_enough);
  Names names() const;
  bool is_navigation_door(Door door) const { return door == Door::kPublic || door == Door::kTrusted; }
  SeenNonces& nonces() { return nonces_; }

 private:
  Task<bool> serve_one(Worker& worker, Stream& client, Door door, const std::string& address, bool first);
  Task<void> dispatch(Call& call);
  void name_user(Call& call);
  void log_access(const Call& call);
  Task<void> linger(Stream& client);

  FrontParts parts_;
  SeenNonces nonces_;
};

// The servants.
Task<void> serve_session(Call& call);    // /s/ID/...
Task<void> serve_forwarded(Call& call);  // the cluster door
Task<void> serve_home(Call& call);       // /
Task<void> serve_login(Call& call);      // /login, /logout
Task<void> serve_api(Call& call);        // /api/...
Task<void> serve_admin(Call& call);      // the admin door
Task<void> serve_probe(Call& call);      // /livez, /readyz, /metrics
bool is_probe(std::string_view path);

// The path without the query.
std::string_view path_of(std::string_view target);
// "/s/<32 characters>" and what follows it ("/...", "?...", ""); empty id: no such target.
struct SessionTarget {
  std::string_view id;
  std::string_view rest;
};
SessionTarget session_target(std::string_view target);

}  // namespace homing::net
