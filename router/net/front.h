// SPDX-License-Identifier: Apache-2.0
//
// The front door: takes connections, reads heads, knows who asks, and hands each request to one of a few servants.
//
//   public   people's clients; a user is named by our signed login cookie
//   trusted  a Unix socket; a user is named by a header, because who may open the socket is believed
//   cluster  other nodes; a user is named inside a sealed head (credentials.h); only this node's sessions are served,
//            so a request is never handed on twice
//   admin    a Unix socket for homingctl
//   redirect plain HTTP beside a public door that speaks TLS: sends everybody there
//
// Intuition: every rule about who may do what stands in one code path, taken alike by a GET and by an Upgrade:
// read head -> check it -> name the user -> decide the path -> ask core::resolve -> hand on or say why not.
// Thread class: Front is immutable after construction but for thread-safe parts; a Call belongs to its worker.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "router/base/log.h"
#include "router/base/router_config.h"
#include "router/io/waiting.h"
#include "router/net/core_driver.h"
#include "router/net/credentials.h"
#include "router/net/exchange.h"
#include "router/net/pages.h"
#include "router/net/quota.h"
#include "router/net/route_table.h"
#include "router/net/settings.h"
#include "router/net/tls_stream.h"
#include "router/net/traffic.h"
#include "router/net/worker.h"
#include "router/wire/body.h"

namespace homing::net {

enum class Door : std::uint8_t { kPublic, kTrusted, kCluster, kAdmin, kRedirect };
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

class Server;

struct FrontParts {
  const base::RouterConfig& config;  // what the core runs with; for the doors see Call::config()
  const Credentials& credentials;
  RouteTable& table;
  CoreDriver& driver;
  Traffic& traffic;
  base::Log& log;
  Server& server;  // for who operates it
};

class Front;

// A client's connection for its whole life: what was found out about it once.
class Connection {
 public:
  Connection(Worker& w, int fd, Door d);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Worker& worker;
  io::Stream stream;
  const Door door;
  std::string address;       // of the other side; "unix"
  TlsStream* tls = nullptr;  // of `stream`, when the door speaks TLS

  // The last login cookie that opened here, and for whom, so that a keep-alive connection verifies it once.
  std::string login_text;
  User login_user;
  WallSeconds login_expires = 0;
  Quota::Hold address_hold;
  Quota::Hold user_hold;
  // The same for the session's id.
  std::string session_text;
  core::SessionId session;

  // After a 101: what the tunnel needs, when all that belongs to the request is gone.
  struct Upgraded {
    std::unique_ptr<io::Stream> upstream;
    core::NodeId node = core::kNoNode;
    bool websocket = false;
    std::shared_ptr<const Settings> settings;
    Access access;
    // Of the head, for the log.
    std::string method;
    std::string host;
    std::string target;
    std::string user;
    std::string protocol;
  };
  std::unique_ptr<Upgraded> upgraded;
};

// One request on its way.
struct Call {
  Call(Front& f, Connection& c, Workspace& w);
  Front& front;
  Worker& worker;
  Connection& connection;
  Workspace& work;
  Access& log;
  const std::shared_ptr<const Settings> settings;
  wire::BodyReader body;
  const User* user = nullptr;  // who asks; the connection's or `named`
  User named;
  WallSeconds login_expires = 0;  // public door
  std::string_view scheme = "http";
  bool keep = false;    // the connection may carry another request
  bool broken = false;  // its head was refused: where it ends is anybody's guess

  io::Stream& client() const { return connection.stream; }
  Door door() const { return connection.door; }
  const base::RouterConfig& config() const { return settings->config; }
  const FrontLimits& limits() const { return settings->limits; }
  bool secure() const { return connection.tls != nullptr; }
  const wire::RequestHead& head() const { return work.request; }
  std::string_view target() const { return head().target(); }
};

class Front {
 public:
  explicit Front(FrontParts parts) : parts_(parts) {}

  // Serves one connection to its end.
  Task<void> serve(Worker& worker, int fd, Door door);

  // ---- used by the servants (session_calls.cc, api_calls.cc, admin_calls.cc, why_calls.cc, config_calls.cc)
  const FrontParts& parts() const { return parts_; }
  Task<void> send(Call& call, Reply reply);
  Task<void> send(Call& call, Trouble trouble);
  // Reads a small body whole. Nothing when it is longer than `max` or the client went away.
  Task<std::optional<std::string>> read_body(Call& call, std::size_t max);
  // What the core says within `limit`: a final answer, or how far things are. With `placed_is_enough` also the first
  // that says where it is being started.
  Task<core::Answer> ask(Call& call, const core::SessionId& session, core::KindId kind, core::Intent intent,
                         std::int64_t limit_ms, bool placed_is_enough);
  // The id of a session's text, if this cluster made it.
  std::optional<core::SessionId> session_of(Call& call, std::string_view text) const;
  Names names() const;  // of what the core runs with
  bool is_navigation_door(Door door) const { return door == Door::kPublic || door == Door::kTrusted; }
  SeenNonces& nonces() { return nonces_; }

 private:
  Task<bool> serve_one(Connection& connection, bool first);
  Task<bool> serve_request(Connection& connection, Workspace& workspace, const wire::Parsed& parsed,
                           std::int64_t began_ns);
  Task<void> dispatch(Call& call);
  Task<void> run_tunnel(Connection& connection);
  void name_user(Call& call);
  void log_access(Connection& connection, const Access& access, AccessRecord& record);
  void log_request(Call& call);
  Task<void> linger(io::Stream& client);
  Task<bool> begin_tls(Connection& connection);
  Task<bool> read_proxy_header(Connection& connection);
  bool may_connect(Connection& connection);
  bool within_user_limit(Call& call);
  Task<void> refuse_slow_head(Connection& connection, Workspace& workspace, std::int64_t began_ns);

  FrontParts parts_;
  SeenNonces nonces_;
  Quota addresses_;
  Quota users_;
};

// The servants.
Task<void> serve_session(Call& call);    // /s/ID/...
Task<void> serve_forwarded(Call& call);  // the cluster door
Task<void> serve_home(Call& call);       // /
Task<void> serve_login(Call& call);      // /login, /logout
Task<void> serve_api(Call& call);        // /api/...
Task<void> serve_admin(Call& call);      // the admin door
Task<void> serve_reload(Call& call);     // of the admin door: POST /v1/config/reload
Task<void> serve_upgrade(Call& call);    // of the admin door: POST /v1/upgrade
Task<void> serve_probe(Call& call);      // /livez, /readyz, /metrics
Task<void> serve_redirect(Call& call);   // the redirect door
bool is_probe(std::string_view path);
std::string hsts_value(const Call& call);

// Runs `make` on the driver's thread, which owns the core, and goes on here with what it made.
template <class Make>
auto on_driver(Call& call, Make make) -> Task<decltype(make())> {
  using Result = decltype(make());
  struct Asked {
    explicit Asked(io::Loop& loop) : event(loop) {}
    io::Event event;
    std::optional<Result> result;
  };
  const auto asked = std::make_shared<Asked>(call.worker.loop);
  call.front.parts().driver.run([asked, make = std::move(make), mailbox = call.worker.loop.mailbox()]() mutable {
    asked->result.emplace(make());
    mailbox->post([asked] { asked->event.set_now(); });
  });
  constexpr std::int64_t kLongest = 30'000;
  if (!co_await asked->event.within(kLongest)) co_return Result{};
  co_return std::move(*asked->result);
}

// Names of our cookies: bound to the host under TLS (RFC 6265bis section 4.1.3). A route's cookie has a path, so it can
// only be a secure one.
constexpr std::string_view login_cookie_name(bool secure) {
  return secure ? "__Host-homing_login" : kLoginCookie;
}
constexpr std::string_view route_cookie_name(bool secure) {
  return secure ? "__Secure-homing_route" : kRouteCookie;
}

// The path without the query.
std::string_view path_of(std::string_view target);
// "/s/<32 characters>" and what follows it ("/...", "?...", ""); empty id: no such target.
struct SessionTarget {
  std::string_view id;
  std::string_view rest;
};
SessionTarget session_target(std::string_view target);

}  // namespace homing::net
