// SPDX-License-Identifier: Apache-2.0
//
// Requests for /s/ID/...: who may, where it is, and the way there: to the process on this node, or one hop to the
// holder.
#include "router/net/session_calls.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "router/net/why_calls.h"

namespace homing::net {

namespace {

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kLookAgainAfter{100};

Trouble plain_trouble(http::status status, std::string reason, std::string title, std::string text) {
  Trouble trouble;
  trouble.status = status;
  trouble.reason = std::move(reason);
  trouble.title = std::move(title);
  trouble.text = std::move(text);
  return trouble;
}

Trouble away(std::string reason, std::string title, std::string text) {
  Trouble trouble =
      plain_trouble(http::status::service_unavailable, std::move(reason), std::move(title), std::move(text));
  trouble.retry_after_s = 2;
  trouble.reload = true;
  return trouble;
}

Trouble process_away() {
  return away("process-away", "Your session does not answer",
              "Its process is known but cannot be reached at the moment.");
}

Trouble holder_away(const std::string& node) {
  return away("holder-away", "The machine of your session does not answer",
              fmt::format("It is on {}. If that machine comes back, so does your session, as it was. If it is declared "
                          "dead you will be told here.",
                          node));
}

// The body of a request can be sent a second time only when there is none.
bool repeatable(const Call& call) {
  const auto method = call.head().method();
  return !has_body(call.head()) &&
         (method == http::verb::get || method == http::verb::head || method == http::verb::options);
}

// Fields that every request upstream has in common.
std::optional<HeadError> prepare(Call& call, RequestHead& out) {
  out = call.head();
  const std::string protocol(upgrade_protocol(out));
  if (auto error = strip_connection_fields(out)) return error;
  strip_identity_fields(out, call.front.config().trusted_header);
  strip_own_cookies(out);
  if (!protocol.empty()) {
    out.set(http::field::connection, "Upgrade");
    out.set(http::field::upgrade, protocol);
  }
  return std::nullopt;
}

void add_secret(RequestHead& out, const LocalProcess& process) {
  if (process.secret.empty()) return;
  out.set("X-Homing-Secret", process.secret);
  // Programs such as Jupyter know a token by this name. The person's own Authorization, if any, is not for a process
  // that is protected by ours.
  out.set(http::field::authorization, "token " + process.secret);
}

void take_results(Call& call, const Exchange& exchange) {
  call.bytes_up += exchange.bytes_up;
  call.bytes_down += exchange.bytes_down;
  call.ended = std::string(to_string(exchange.end));
  if (!exchange.note.empty()) call.detail = exchange.note;
  if (exchange.status != 0) {
    call.status = exchange.status;
    call.first_byte = exchange.answer_at;
  }
  call.keep = exchange.client_reusable;
  auto& counters = call.front.parts().traffic.counters;
  counters.bytes_up.fetch_add(exchange.bytes_up, std::memory_order_relaxed);
  counters.bytes_down.fetch_add(exchange.bytes_down, std::memory_order_relaxed);
}

Traffic::Fate fate_of(End end) {
  if (end == End::kUnreachable || end == End::kSilent) return Traffic::Fate::kConnectFailed;
  return end == End::kCut ? Traffic::Fate::kCut : Traffic::Fate::kOk;
}

// Counts a tunnel as open while it is.
class OpenTunnel {
 public:
  explicit OpenTunnel(Traffic& traffic) : traffic_(traffic) {}
  ~OpenTunnel() {
    if (open_) traffic_.counters.tunnels_open.fetch_sub(1);
  }
  OpenTunnel(const OpenTunnel&) = delete;
  OpenTunnel& operator=(const OpenTunnel&) = delete;
  void open() {
    open_ = true;
    traffic_.counters.tunnels.fetch_add(1);
    traffic_.counters.tunnels_open.fetch_add(1);
  }

 private:
  Traffic& traffic_;
  bool open_ = false;
};

}  // namespace

Task<Carried> carry(Call& call, const Way& way) {
  const FrontParts& parts = call.front.parts();
  OpenTunnel tunnel(parts.traffic);
  for (int attempt = 0;; ++attempt) {
    std::unique_ptr<Stream> upstream = attempt == 0 && repeatable(call) ? call.worker.idle.take(way.key) : nullptr;
    const bool reused = upstream != nullptr;
    if (!reused) {
      upstream = std::make_unique<Stream>(Socket(call.worker.io), call.worker.reaper);
      if (const error_code error = co_await connect(*upstream, way.address, parts.limits.connect)) {
        call.ended = "unreachable";
        call.detail = error.message();
        parts.traffic.count(way.node, Traffic::Fate::kConnectFailed);
        co_return Carried::kUnreachable;
      }
    }
    Exchange exchange(call.client, call.parser, *upstream, call.worker.scratch, parts.limits.exchange);
    exchange.outgoing = way.head;
    exchange.confirm_first = way.to_peer;
    exchange.keep_homing_fields = way.to_peer;
    std::string misdirected;
    exchange.on_answer = [&](ResponseHead& answer) {
      if (way.to_peer && answer.result_int() == 421 && field_count(answer, "homing-misdirected") == 1) {
        misdirected = std::string(field_value(answer, "homing-misdirected"));
        return false;
      }
      if (answer.result_int() == 101) tunnel.open();
      if (way.on_answer) way.on_answer(answer);
      return true;
    };
    parts.traffic.in_flight(way.node, 1);
    co_await exchange.run();
    parts.traffic.in_flight(way.node, -1);
    take_results(call, exchange);
    if (exchange.upstream_reusable) call.worker.idle.give(way.key, std::move(upstream));
    if (exchange.end == End::kStopped) {
      parts.traffic.count(way.node, Traffic::Fate::kOk);
      call.detail = misdirected;
      co_return Carried::kMisdirected;
    }
    if (!exchange.answered && reused && exchange.end == End::kUnreachable && !exchange.body_touched) continue;
    parts.traffic.count(way.node, fate_of(exchange.end));
    if (exchange.answered) co_return Carried::kAnswered;
    if (exchange.end == End::kClientGone) co_return Carried::kAnswered;
    if (exchange.body_touched) call.broken = true;  // the rest of the body is not worth waiting for
    co_return exchange.end == End::kBadAnswer ? Carried::kBad
    : exchange.end == End::kSilent            ? Carried::kSilent
                                              : Carried::kUnreachable;
  }
}

Task<void> refuse_carried(Call& call, Carried carried, Trouble unreachable) {
  call.front.parts().traffic.counters.upstream_failed.fetch_add(1, std::memory_order_relaxed);
  if (carried == Carried::kBad) {
    co_return co_await call.front.send(
        call, plain_trouble(http::status::bad_gateway, "bad-answer",
                            "Your session gave an answer that cannot be handed on", call.detail));
  }
  if (carried == Carried::kSilent) {
    co_return co_await call.front.send(call, plain_trouble(http::status::gateway_timeout, "silent",
                                                           "Your session did not answer in time", "It may be busy."));
  }
  const std::string detail = call.detail;
  co_await call.front.send(call, unreachable);
  call.detail += ": " + detail;
}

Task<void> serve_here(Call& call, const core::SessionId& session, const core::RouteValue& route,
                      std::function<void(ResponseHead&)> on_answer) {
  const FrontParts& parts = call.front.parts();
  const auto process = parts.table.process(session, route.epoch);
  if (!process) co_return co_await call.front.send(call, process_away());
  Way way;
  if (auto error = prepare(call, way.head)) {
    co_return co_await call.front.send(
        call, plain_trouble(error->status, "bad-request", "This request cannot be served", error->why));
  }
  way.node = parts.config.self;
  way.address = {process->unix_path, process->unix_path.empty() ? "127.0.0.1" : "", process->port};
  way.key = fmt::format("{}#{}", call.session, route.epoch.value);
  way.head.set("X-Homing-User", call.user->name);
  way.head.set("X-Request-Id", call.id);
  if (call.client_address != "unix") way.head.set("X-Forwarded-For", call.client_address);
  way.head.set("X-Forwarded-Proto", call.scheme);
  way.head.set("X-Forwarded-Host", field_value(call.head(), "host"));
  add_secret(way.head, *process);
  const bool strip = route.kind.value < parts.config.kinds.size() &&
                     parts.config.kinds[route.kind.value].prefix == base::PrefixUse::kStrip;
  if (strip) {
    const std::string_view rest = session_target(call.target()).rest;
    way.head.target(std::string(rest.starts_with('/') ? rest : "/"));
    way.head.set("X-Forwarded-Prefix", "/s/" + call.session);
  }
  way.on_answer = std::move(on_answer);
  parts.traffic.counters.served_here.fetch_add(1, std::memory_order_relaxed);
  const Carried carried = co_await carry(call, way);
  if (carried != Carried::kAnswered) co_await refuse_carried(call, carried, process_away());
}

namespace {

// Where a session is, or why it cannot be reached now.
struct Located {
  core::NodeId node = core::kNoNode;
  core::Epoch epoch{};
  std::optional<core::RouteValue> route;
  std::optional<Trouble> trouble;
};

bool wakes(const Call& call, const std::optional<core::RouteValue>& route) {
  const auto& kinds = call.front.config().kinds;
  const base::WakeOn on =
      route && route->kind.value < kinds.size() ? kinds[route->kind.value].wake : base::WakeOn::kNavigation;
  switch (on) {
    case base::WakeOn::kNavigation:
      return is_navigation(call.head());
    case base::WakeOn::kAny:
      return true;
    case base::WakeOn::kNever:
      return false;
  }
  return false;
}

// `tried`: this way was misdirected; look again, and believe no hint.
Task<Located> locate(Call& call, const core::SessionId& session, const Located* tried) {
  const FrontParts& parts = call.front.parts();
  Located out;
  out.route = parts.table.find(session);
  const bool wake = wakes(call, out.route);
  std::optional<core::RouteHint> hint;
  if (tried == nullptr && !out.route) {
    if (const auto text = cookie_value(call.head(), kRouteCookie)) {
      if (const auto cookie = parts.credentials.open_route_cookie(*text, session, call.user->id, wall_seconds())) {
        hint = core::RouteHint{cookie->node, cookie->epoch};
      }
    }
  }
  core::Resolution way =
      core::resolve(out.route ? &*out.route : nullptr, parts.config.self, call.user->id, wake, hint ? &*hint : nullptr);
  const bool same = tried != nullptr && way.node == tried->node && way.epoch == tried->epoch;
  if (way.action == core::ResolveAction::kRefuse) {
    out.trouble = trouble_of(way.refusal, out.route ? out.route->reason : core::EndReason::kNone);
    co_return out;
  }
  if (way.action == core::ResolveAction::kAsk || same) {
    const core::KindId kind = out.route ? out.route->kind : core::KindId{};
    const Millis limit = is_navigation(call.head()) ? parts.limits.navigation : parts.limits.poll;
    const core::Answer answer =
        co_await call.front.ask(call, session, kind, wake ? core::Intent::kWake : core::Intent::kReach, limit, false);
    if (answer.outcome != core::Outcome::kForward) {
      out.trouble = trouble_of(answer);
      co_return out;
    }
    way.node = answer.node;
    way.epoch = answer.epoch;
    out.route = parts.table.find(session);
  }
  out.node = way.node;
  out.epoch = way.epoch;
  co_return out;
}

// Cookies of ours that ride on an answer to a page.
void add_cookies(Call& call, const core::SessionId& session, const Located& at, ResponseHead& answer) {
  if (call.door != Door::kPublic || !is_navigation(call.head()) || answer.result_int() >= 400) return;
  const Credentials& credentials = call.front.parts().credentials;
  const WallSeconds now = wall_seconds();
  if (call.login_expires - now < kLoginSeconds / 2) {
    answer.insert(http::field::set_cookie, login_set_cookie(credentials, *call.user, now));
  }
  const auto known = cookie_value(call.head(), kRouteCookie);
  const auto held = known ? credentials.open_route_cookie(*known, session, call.user->id, now) : std::nullopt;
  if (held && held->node == at.node && held->epoch == at.epoch && held->expires - now > kRouteSeconds / 2) return;
  RouteCookie cookie{session, call.user->id, at.node, {}, at.epoch, now + kRouteSeconds};
  if (at.route) cookie.incarnation = at.route->incarnation;
  answer.insert(http::field::set_cookie,
                fmt::format("{}={}; Path=/s/{}/; Max-Age={}; HttpOnly; SameSite=Lax", kRouteCookie,
                            credentials.route_cookie(cookie), call.session, kRouteSeconds));
}

Task<Carried> forward(Call& call, const core::SessionId& session, const Located& at) {
  const FrontParts& parts = call.front.parts();
  const base::NodeEntry& holder = parts.config.nodes[at.node.value];
  Way way;
  if (prepare(call, way.head)) co_return Carried::kBad;  // checked before
  way.to_peer = true;
  way.node = at.node;
  way.address = {"", holder.peer_address.host, holder.peer_address.port};
  way.key = fmt::format("{}@{}", call.user->name, at.node.value);
  ForwardClaims claims;
  claims.from = parts.config.self;
  claims.from_incarnation = parts.driver.incarnation();
  claims.to = at.node;
  claims.session = session;
  claims.epoch = at.epoch;
  claims.user = call.user->name;
  claims.client = call.client_address;
  claims.scheme = call.scheme;
  claims.request_id = call.id;
  claims.time = wall_seconds();
  random_bytes(&claims.nonce, sizeof claims.nonce);
  way.head.set("Homing-Forward",
               parts.credentials.forward(claims, call.method(), call.target(), field_value(call.head(), "host")));
  way.on_answer = [&call, session, at](ResponseHead& answer) { add_cookies(call, session, at, answer); };
  parts.traffic.counters.forwarded.fetch_add(1, std::memory_order_relaxed);
  co_return co_await carry(call, way);
}

// Rules that a GET and an Upgrade share. Nothing when the request may go on.
std::optional<Reply> refuse_early(Call& call, const SessionTarget& target) {
  const bool html = accepts_html(call.head());
  const auto refuse = [html](const Trouble& trouble) { return trouble_page(trouble, html); };
  const bool upgrade = !upgrade_protocol(call.head()).empty();
  if (!call.user) return sign_in_page(html);
  if (upgrade && !same_origin(call.head())) {
    return refuse(
        plain_trouble(http::status::forbidden, "cross-origin", "Another site's page may not connect here", ""));
  }
  RequestHead scratch = call.head();
  if (auto error = strip_connection_fields(scratch)) {
    return refuse(plain_trouble(error->status, "bad-request", "This request cannot be served", error->why));
  }
  if (target.rest.empty() || target.rest.front() == '?') {
    Reply reply = see_other(fmt::format("/s/{}/{}", target.id, target.rest));
    reply.status = http::status::permanent_redirect;
    return reply;
  }
  return std::nullopt;
}

}  // namespace

std::string login_set_cookie(const Credentials& credentials, const User& user, WallSeconds now) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax", kLoginCookie,
                     credentials.login_cookie(user, now + kLoginSeconds), kLoginSeconds);
}

Task<void> serve_session(Call& call) {
  const FrontParts& parts = call.front.parts();
  call.hop = "none";
  const SessionTarget target = session_target(call.target());
  const auto session = parts.credentials.session_from(target.id);
  if (!session)
    co_return co_await call.front.send(call, trouble_of(core::Refusal::kUnknownSession, core::EndReason::kNone));
  call.session = std::string(target.id);
  if (auto reply = refuse_early(call, target)) {
    if (reply->status >= http::status::bad_request)
      parts.traffic.counters.refused.fetch_add(1, std::memory_order_relaxed);
    co_return co_await call.front.send(call, std::move(*reply));
  }
  Located at = co_await locate(call, *session, nullptr);
  for (int attempt = 0; attempt < 2 && !at.trouble; ++attempt) {
    if (at.node == parts.config.self) {
      const auto route = parts.table.find(*session);
      if (!route || route->epoch != at.epoch) break;
      call.hop = "here";
      co_return co_await serve_here(call, *session, *route, [&call, session, at](ResponseHead& answer) {
        add_cookies(call, *session, at, answer);
      });
    }
    if (at.node.value >= parts.config.nodes.size()) break;
    const std::string holder = parts.config.nodes[at.node.value].name;
    call.hop = "to " + holder;
    const Carried carried = co_await forward(call, *session, at);
    if (carried == Carried::kAnswered) co_return;
    if (carried != Carried::kMisdirected) co_return co_await refuse_carried(call, carried, holder_away(holder));
    parts.traffic.counters.misdirected.fetch_add(1, std::memory_order_relaxed);
    // The holder may be the one that is behind: give both a moment to read the store.
    parts.driver.hint_received();
    asio::steady_timer timer(call.worker.io, kLookAgainAfter);
    co_await timer.async_wait(kUse);
    const Located tried = at;
    at = co_await locate(call, *session, &tried);
  }
  if (at.trouble) {
    at.trouble->session = call.session;
    co_return co_await call.front.send(call, std::move(*at.trouble));
  }
  co_await call.front.send(
      call, away("misdirected", "Your session is on the move", "The machines do not agree yet where it is."));
}

// ---------------------------------------------------------------- the holder's side

namespace {

Task<void> misdirected(Call& call, const std::optional<core::RouteValue>& route) {
  call.front.parts().traffic.counters.misdirected.fetch_add(1, std::memory_order_relaxed);
  Reply reply = json_reply(http::status::misdirected_request, "{\"reason\":\"misdirected\"}");
  reply.reason = "misdirected";
  reply.fields.emplace_back("Homing-Misdirected",
                            route ? fmt::format("{} {}", route->node.value, route->epoch.value) : std::string("- 0"));
  co_await call.front.send(call, std::move(reply));
}

}  // namespace

Task<void> serve_forwarded(Call& call) {
  if (call.target().starts_with(kPeerWhy)) co_return co_await serve_peer_why(call);
  const FrontParts& parts = call.front.parts();
  const WallSeconds now = wall_seconds();
  const auto refuse = [&call](std::string why) {
    return call.front.send(call, plain_trouble(http::status::forbidden, "not-a-member",
                                               "This door is for nodes of the cluster", std::move(why)));
  };
  if (field_count(call.head(), "homing-forward") != 1) co_return co_await refuse("no sealed head");
  const auto claims = parts.credentials.open_forward(field_value(call.head(), "homing-forward"), call.method(),
                                                     call.target(), field_value(call.head(), "host"), now);
  if (!claims || claims->to != parts.config.self || claims->from.value >= parts.config.nodes.size()) {
    co_return co_await refuse("the head is not sealed for this request");
  }
  if (!call.front.nonces().fresh(claims->nonce, now)) co_return co_await refuse("the head was used before");
  const SessionTarget target = session_target(call.target());
  const auto session = parts.credentials.session_from(target.id);
  if (!session || *session != claims->session) co_return co_await refuse("the head names another session");
  call.session = std::string(target.id);
  call.user = make_user(claims->user);
  call.id = claims->request_id;
  call.client_address = claims->client;
  call.scheme = claims->scheme == "https" ? "https" : "http";
  call.hop = "for " + parts.config.nodes[claims->from.value].name;
  if (auto reply = refuse_early(call, target)) co_return co_await call.front.send(call, std::move(*reply));
  const auto route = parts.table.find(*session);
  const bool mine = route && route->state == core::SessionState::kReady && route->node == parts.config.self &&
                    claims->epoch <= route->epoch;
  if (!mine) {
    if (!route || claims->epoch > route->epoch) parts.driver.hint_received();  // they know more than we do
    co_return co_await misdirected(call, route);
  }
  if (route->user != call.user->id) {
    co_return co_await call.front.send(call, trouble_of(core::Refusal::kNotOwner, core::EndReason::kNone));
  }
  parts.traffic.counters.served_for_peer.fetch_add(1, std::memory_order_relaxed);
  // The other node saw an answer on the head alone; the body may come.
  if (has_body(call.head()) && field_count(call.head(), "expect") == 0)
    co_return co_await refuse("a body that waited for nobody");
  co_await serve_here(call, *session, *route, nullptr);
}

}  // namespace homing::net
