// SPDX-License-Identifier: Apache-2.0
//
// Requests for /s/ID/...: who may, where it is, and the way there: to the process on this node, or one hop to the
// holder.
#include "router/net/session_calls.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "router/net/why_calls.h"
#include "router/wire/path.h"
#include "router/wire/text.h"

namespace homing::net {

namespace {

constexpr std::int64_t kLookAgainAfterMs = 100;

Trouble plain_trouble(Status status, std::string reason, std::string title, std::string text) {
  Trouble trouble;
  trouble.status = status;
  trouble.reason = std::move(reason);
  trouble.title = std::move(title);
  trouble.text = std::move(text);
  return trouble;
}

Trouble away(std::string reason, std::string title, std::string text) {
  Trouble trouble = plain_trouble(Status::kServiceUnavailable, std::move(reason), std::move(title), std::move(text));
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
  return !call.head().has_body() &&
         (method == wire::Method::kGet || method == wire::Method::kHead || method == wire::Method::kOptions);
}

// Who ended it, and in which phase, for the access log.
void note_end(Call& call, const Exchange& exchange, bool to_peer) {
  const EndedBy other = to_peer ? EndedBy::kPeer : EndedBy::kProcess;
  const EndPhase before = exchange.body_touched && exchange.answer_at_ns == 0 ? EndPhase::kRequestBody
                          : exchange.answer_at_ns == 0                        ? EndPhase::kFirstByte
                                                                              : EndPhase::kAnswerBody;
  switch (exchange.end) {
    case End::kDone:
    case End::kStopped:
    case End::kTunnel:
      return;
    case End::kUnreachable:
    case End::kBadAnswer:
    case End::kCut:
      return call.log.ended(other, before);
    case End::kSilent:
    case End::kClientSlow:
      return call.log.ended(EndedBy::kRouter, before);
    case End::kClientGone:
      return call.log.ended(EndedBy::kClient, before);
    case End::kClientBad:
      return call.log.ended(EndedBy::kRouter, EndPhase::kRequestBody);
  }
}

void take_results(Call& call, const Exchange& exchange, bool to_peer) {
  call.log.bytes_up += exchange.bytes_up;
  call.log.bytes_down += exchange.bytes_down;
  note_end(call, exchange, to_peer);
  if (!exchange.note.empty()) call.log.detail = exchange.note;
  if (exchange.status != 0) {
    call.log.status = exchange.status;
    call.log.first_byte_ns = exchange.answer_at_ns;
  }
  call.keep = exchange.client_reusable;
  if (exchange.end == End::kTunnel) return;  // counted when it ends
  auto& counters = call.front.parts().traffic.counters;
  counters.bytes_up.fetch_add(exchange.bytes_up, std::memory_order_relaxed);
  counters.bytes_down.fetch_add(exchange.bytes_down, std::memory_order_relaxed);
}

// RFC 7239 section 4: the same facts in the standard's words.
void append_forwarded(const Call& call, std::string& out) {
  const std::string& client = call.log.client_address;
  out = "for=";
  if (client == "unix") {
    out += "unknown";
  } else if (client.find(':') == std::string::npos) {
    out += client;
  } else {
    out.append("\"[").append(client).append("]\"");
  }
  out.append(";proto=").append(call.scheme).append(";host=\"").append(call.head().host()).append("\"");
}

Traffic::Fate fate_of(End end) {
  if (end == End::kUnreachable || end == End::kSilent) return Traffic::Fate::kConnectFailed;
  return end == End::kCut ? Traffic::Fate::kCut : Traffic::Fate::kOk;
}

// Lets the way's own editor see the answer, unless it says that the session is not there.
class Editor final : public AnswerEditor {
 public:
  Editor(const Call& call, const Way& way, std::string& misdirected)
      : call_(call), way_(way), misdirected_(misdirected) {}
  bool edit(const wire::AnswerHead& answer, Workspace& work) override {
    if (way_.to_peer && answer.status() == 421) {
      misdirected_ = field_value(answer, "Homing-Misdirected");
      if (!misdirected_.empty()) return false;
    }
    if (std::string hsts = hsts_value(call_); !hsts.empty()) {
      work.answer_fields.own("Strict-Transport-Security", std::move(hsts));
    }
    if (way_.stripped != nullptr) put_prefix(answer, work);
    return way_.editor == nullptr || way_.editor->edit(answer, work);
  }

 private:
  // The program does not know where people see it. Cookies beyond the room there is are left out.
  void put_prefix(const wire::AnswerHead& answer, Workspace& work) const {
    std::string text;
    answer.fields().for_each(wire::Name::kLocation, [&](std::string_view location) {
      text.clear();
      if (wire::rewrite_location(location, *way_.stripped, text)) work.answer_fields.own("Location", text);
    });
    answer.fields().for_each(wire::Name::kSetCookie, [&](std::string_view cookie) {
      if (wire::is_own_cookie(wire::trim(cookie.substr(0, cookie.find('=')))) || !work.answer_added.has_room()) return;
      text.clear();
      wire::rewrite_set_cookie(cookie, *way_.stripped, text);
      work.answer_added.own("Set-Cookie", text);
    });
  }

  const Call& call_;
  const Way& way_;
  std::string& misdirected_;
};

// The client's connection keeps the other stream for the tunnel.
void upgrade(Call& call, const Way& way, std::unique_ptr<io::Stream> upstream) {
  auto upgraded = std::make_unique<Connection::Upgraded>();
  upgraded->upstream = std::move(upstream);
  upgraded->node = way.node;
  upgraded->websocket = call.head().is_websocket();
  upgraded->settings = call.settings;
  call.connection.upgraded = std::move(upgraded);
}

}  // namespace

namespace {

// 0 or an errno. To a peer with the cluster's TLS, when there is one: then that node answers or nobody does.
Task<int> connect_to(Call& call, io::Stream& upstream, const Way& way) {
  const std::int64_t limit = call.limits().connect;
  io::Address address;
  if (way.process != nullptr) {
    address = {std::string(way.process->unix_path()), way.process->unix_path().empty() ? "127.0.0.1" : "",
               way.process->port()};
  } else {
    address = {"", way.holder->peer_address.host, way.holder->peer_address.port};
  }
  if (const int error = co_await io::connect(upstream, address, limit)) co_return error;
  if (!way.to_peer || !call.settings->peers) co_return 0;
  upstream.secure(std::make_unique<TlsStream>(call.settings->peers->connect_ssl(way.holder->name), upstream.fd()));
  upstream.read_within(limit);
  const bool begun = co_await upstream.handshake();
  upstream.read_whenever();
  if (begun) co_return 0;
  co_return upstream.late() ? ETIMEDOUT : EPROTO;
}

}  // namespace

Task<Carried> carry(Call& call, const Way& way) {
  const FrontParts& parts = call.front.parts();
  if (call.log.ready_ns == 0) call.log.ready_ns = call.worker.loop.now_ns();
  for (int attempt = 0;; ++attempt) {
    std::unique_ptr<io::Stream> upstream = attempt == 0 && repeatable(call) ? call.worker.idle.take(way.key) : nullptr;
    const bool reused = upstream != nullptr;
    if (!reused) {
      upstream = std::make_unique<io::Stream>(call.worker.loop, -1);
      if (const int error = co_await connect_to(call, *upstream, way)) {
        call.log.ended(EndedBy::kRouter, EndPhase::kConnect);
        call.log.detail = std::strerror(error);
        parts.traffic.count(way.node, Traffic::Fate::kConnectFailed);
        co_return Carried::kUnreachable;
      }
    }
    call.log.connected_ns = call.worker.loop.now_ns();
    Exchange exchange(call.client(), call.body, *upstream, call.work, call.limits().exchange);
    exchange.plan.target = way.target;
    exchange.plan.trusted_header = call.config().trusted_header;
    exchange.plan.upgrade = true;
    exchange.confirm_first = way.to_peer;
    exchange.keep_homing_fields = way.to_peer;
    exchange.drop_cookies = way.stripped != nullptr;
    exchange.last = &call.worker.retiring;
    std::string misdirected;
    Editor editor(call, way, misdirected);
    exchange.editor = &editor;
    parts.traffic.in_flight(way.node, 1);
    co_await exchange.run();
    parts.traffic.in_flight(way.node, -1);
    take_results(call, exchange, way.to_peer);
    if (exchange.upstream_reusable) call.worker.idle.give(way.key, std::move(upstream));
    if (exchange.end == End::kStopped) {
      parts.traffic.count(way.node, Traffic::Fate::kOk);
      call.log.detail = misdirected;
      co_return Carried::kMisdirected;
    }
    if (!exchange.answered && reused && exchange.end == End::kUnreachable && !exchange.body_touched) {
      ++call.log.retries;
      continue;
    }
    parts.traffic.count(way.node, fate_of(exchange.end));
    if (exchange.end == End::kTunnel) upgrade(call, way, std::move(upstream));
    if (exchange.answered) co_return Carried::kAnswered;
    if (exchange.end == End::kClientGone) co_return Carried::kAnswered;
    if (exchange.body_touched) call.broken = true;  // the rest of the body is not worth waiting for
    switch (exchange.end) {
      case End::kBadAnswer:
        co_return Carried::kBad;
      case End::kSilent:
        co_return Carried::kSilent;
      case End::kClientBad:
        co_return Carried::kClientBad;
      case End::kClientSlow:
        co_return Carried::kClientSlow;
      default:
        co_return Carried::kUnreachable;
    }
  }
}

Task<void> refuse_carried(Call& call, Carried carried, Trouble unreachable) {
  call.front.parts().traffic.counters.upstream_failed.fetch_add(1, std::memory_order_relaxed);
  if (carried == Carried::kBad) {
    co_return co_await call.front.send(
        call, plain_trouble(Status::kBadGateway, "bad-answer", "Your session gave an answer that cannot be handed on",
                            call.log.detail));
  }
  if (carried == Carried::kSilent) {
    co_return co_await call.front.send(call, plain_trouble(Status::kGatewayTimeout, "silent",
                                                           "Your session did not answer in time", "It may be busy."));
  }
  if (carried == Carried::kClientSlow) {
    co_return co_await call.front.send(
        call, plain_trouble(Status::kRequestTimeout, "slow", "The body of this request did not arrive in time", ""));
  }
  if (carried == Carried::kClientBad) {
    co_return co_await call.front.send(
        call, plain_trouble(Status::kBadRequest, "bad-request", "The body of this request cannot be read", ""));
  }
  const std::string detail = call.log.detail;
  co_await call.front.send(call, unreachable);
  call.log.detail += ": " + detail;
}

Task<void> serve_here(Call& call, const core::SessionId& session, const core::RouteValue& route, AnswerEditor* editor) {
  const FrontParts& parts = call.front.parts();
  ProcessAddress process;
  if (!parts.table.process(session, route.epoch, process)) co_return co_await call.front.send(call, process_away());
  Way way;
  way.node = parts.config.self;
  way.process = &process;
  way.key = {call.user->id, session, core::kNoNode, route.epoch};
  way.editor = editor;
  FieldList& fields = call.work.request_fields;
  fields.clear();
  fields.set("X-Homing-User", call.user->name);
  fields.set("X-Request-Id", call.log.id);
  if (call.log.client_address != "unix") fields.set("X-Forwarded-For", call.log.client_address);
  fields.set("X-Forwarded-Proto", call.scheme);
  fields.set("X-Forwarded-Host", call.head().host());
  append_forwarded(call, call.work.forwarded);
  fields.set("Forwarded", call.work.forwarded);
  if (!process.secret().empty()) {
    fields.set("X-Homing-Secret", process.secret());
    // Programs such as Jupyter know a token by this name. The person's own Authorization, if any, is not for a process
    // that is protected by ours.
    fields.own("Authorization", std::string("token ").append(process.secret()));
  }
  const auto& kinds = call.config().kinds;
  if (route.kind.value < kinds.size()) call.log.kind = kinds[route.kind.value].name;
  call.log.node = parts.config.node;
  const bool strip = route.kind.value < kinds.size() && kinds[route.kind.value].prefix == base::PrefixUse::kStrip;
  std::string target;
  std::string prefix;
  wire::Stripped stripped;
  if (strip) {
    wire::append_stripped_target(session_target(call.target()).rest, target);
    prefix = "/s/" + call.log.session;
    way.target = target;
    fields.set("X-Forwarded-Prefix", prefix);
    stripped = {prefix, call.scheme, call.head().host(), target};
    way.stripped = &stripped;
  }
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
  const auto& kinds = call.config().kinds;
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
    if (const auto text = wire::cookie_value(call.head(), route_cookie_name(call.secure()))) {
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
    const std::int64_t limit = is_navigation(call.head()) ? call.limits().navigation : call.limits().poll;
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
class AddCookies final : public AnswerEditor {
 public:
  AddCookies(Call& call, const core::SessionId& session, const Located& at) : call_(call), session_(session), at_(at) {}
  bool edit(const wire::AnswerHead& answer, Workspace& work) override {
    if (call_.door() != Door::kPublic || answer.status() >= 400 || !is_navigation(call_.head())) return true;
    const Credentials& credentials = call_.front.parts().credentials;
    const WallSeconds now = call_.worker.loop.wall_seconds();
    if (call_.login_expires - now < kLoginSeconds / 2) {
      work.answer_added.own("Set-Cookie", login_set_cookie(call_, *call_.user, now));
    }
    const auto known = wire::cookie_value(call_.head(), route_cookie_name(call_.secure()));
    const auto held = known ? credentials.open_route_cookie(*known, session_, call_.user->id, now) : std::nullopt;
    if (held && held->node == at_.node && held->epoch == at_.epoch && held->expires - now > kRouteSeconds / 2) {
      return true;
    }
    RouteCookie cookie{session_, call_.user->id, at_.node, {}, at_.epoch, now + kRouteSeconds};
    if (at_.route) cookie.incarnation = at_.route->incarnation;
    work.answer_added.own("Set-Cookie",
                          fmt::format("{}={}; Path=/s/{}/; Max-Age={}; HttpOnly; SameSite=Lax{}",
                                      route_cookie_name(call_.secure()), credentials.route_cookie(cookie),
                                      call_.log.session, kRouteSeconds, call_.secure() ? "; Secure" : ""));
    return true;
  }

 private:
  Call& call_;
  const core::SessionId& session_;
  const Located& at_;
};

Task<Carried> forward(Call& call, const core::SessionId& session, const Located& at) {
  const FrontParts& parts = call.front.parts();
  const base::NodeEntry& holder = parts.config.nodes[at.node.value];
  Way way;
  way.to_peer = true;
  call.log.node = holder.name;
  if (at.route && at.route->kind.value < call.config().kinds.size()) {
    call.log.kind = call.config().kinds[at.route->kind.value].name;
  }
  way.node = at.node;
  way.holder = &holder;
  way.key = {call.user->id, {}, at.node, {}};
  ForwardClaims claims;
  claims.from = parts.config.self;
  claims.from_incarnation = parts.driver.incarnation();
  claims.to = at.node;
  claims.session = session;
  claims.epoch = at.epoch;
  claims.user = call.user->name;
  claims.client = call.log.client_address;
  claims.scheme = call.scheme;
  claims.request_id = call.log.id;
  claims.time = call.worker.loop.wall_seconds();
  random_bytes(&claims.nonce, sizeof claims.nonce);
  call.work.request_fields.clear();
  call.work.request_fields.own("Homing-Forward", parts.credentials.forward(claims, call.head().method_text(),
                                                                           call.target(), call.head().host()));
  AddCookies cookies(call, session, at);
  way.editor = &cookies;
  parts.traffic.counters.forwarded.fetch_add(1, std::memory_order_relaxed);
  co_return co_await carry(call, way);
}

// Rules that a GET and an Upgrade share. Nothing when the request may go on.
std::optional<Reply> refuse_early(Call& call, const SessionTarget& target) {
  const bool html = accepts_html(call.head());
  const auto refuse = [html](const Trouble& trouble) { return trouble_page(trouble, html); };
  const bool upgrade = !call.head().upgrade().empty();
  if (call.user == nullptr) return sign_in_page(html);
  if (upgrade && !wire::same_origin(call.head())) {
    return refuse(plain_trouble(Status::kForbidden, "cross-origin", "Another site's page may not connect here", ""));
  }
  const std::size_t prefix = static_cast<std::size_t>(target.id.data() + target.id.size() - call.target().data());
  if (const std::string_view why = wire::unsafe_target(call.target(), prefix); !why.empty()) {
    return refuse(
        plain_trouble(Status::kBadRequest, "bad-path", "This address can be read in two ways", std::string(why)));
  }
  if (target.rest.empty() || target.rest.front() == '?') {
    Reply reply = see_other(fmt::format("/s/{}/{}", target.id, target.rest));
    reply.status = Status::kPermanentRedirect;
    return reply;
  }
  return std::nullopt;
}

}  // namespace

std::string login_set_cookie(const Call& call, const User& user, WallSeconds now) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", login_cookie_name(call.secure()),
                     call.front.parts().credentials.login_cookie(user, now + kLoginSeconds), kLoginSeconds,
                     call.secure() ? "; Secure" : "");
}

Task<void> serve_session(Call& call) {
  const FrontParts& parts = call.front.parts();
  call.log.hop = "none";
  const SessionTarget target = session_target(call.target());
  const auto session = call.front.session_of(call, target.id);
  if (!session)
    co_return co_await call.front.send(call, trouble_of(core::Refusal::kUnknownSession, core::EndReason::kNone));
  call.log.session = target.id;  // into the room that is there
  if (auto reply = refuse_early(call, target)) {
    if (reply->status >= Status::kBadRequest) parts.traffic.counters.refused.fetch_add(1, std::memory_order_relaxed);
    co_return co_await call.front.send(call, std::move(*reply));
  }
  Located at = co_await locate(call, *session, nullptr);
  for (int attempt = 0; attempt < 2 && !at.trouble; ++attempt) {
    if (at.node == parts.config.self) {
      const auto route = parts.table.find(*session);
      if (!route || route->epoch != at.epoch) break;
      call.log.hop = "here";
      AddCookies cookies(call, *session, at);
      co_return co_await serve_here(call, *session, *route, &cookies);
    }
    if (at.node.value >= parts.config.nodes.size()) break;
    const std::string holder = parts.config.nodes[at.node.value].name;
    call.log.hop = "to " + holder;
    const Carried carried = co_await forward(call, *session, at);
    if (carried == Carried::kAnswered) co_return;
    if (carried != Carried::kMisdirected) co_return co_await refuse_carried(call, carried, holder_away(holder));
    parts.traffic.counters.misdirected.fetch_add(1, std::memory_order_relaxed);
    // The holder may be the one that is behind: give both a moment to read the store.
    parts.driver.hint_received();
    co_await io::Sleep(call.worker.loop, kLookAgainAfterMs);
    const Located tried = at;
    at = co_await locate(call, *session, &tried);
  }
  if (at.trouble) {
    at.trouble->session = call.log.session;
    co_return co_await call.front.send(call, std::move(*at.trouble));
  }
  co_await call.front.send(
      call, away("misdirected", "Your session is on the move", "The machines do not agree yet where it is."));
}

// ---------------------------------------------------------------- the holder's side

namespace {

Task<void> misdirected(Call& call, const std::optional<core::RouteValue>& route) {
  call.front.parts().traffic.counters.misdirected.fetch_add(1, std::memory_order_relaxed);
  Reply reply = json_reply(Status::kMisdirectedRequest, "{\"reason\":\"misdirected\"}");
  reply.reason = "misdirected";
  reply.fields.emplace_back("Homing-Misdirected",
                            route ? fmt::format("{} {}", route->node.value, route->epoch.value) : std::string("- 0"));
  co_await call.front.send(call, std::move(reply));
}

}  // namespace

Task<void> serve_forwarded(Call& call) {
  if (call.target().starts_with(kPeerWhy)) co_return co_await serve_peer_why(call);
  const FrontParts& parts = call.front.parts();
  const WallSeconds now = call.worker.loop.wall_seconds();
  const auto refuse = [&call](std::string why) {
    return call.front.send(call, plain_trouble(Status::kForbidden, "not-a-member",
                                               "This door is for nodes of the cluster", std::move(why)));
  };
  if (field_count(call.head(), "Homing-Forward") != 1) co_return co_await refuse("no sealed head");
  const auto claims = parts.credentials.open_forward(field_value(call.head(), "Homing-Forward"),
                                                     call.head().method_text(), call.target(), call.head().host(), now);
  if (!claims || claims->to != parts.config.self || claims->from.value >= parts.config.nodes.size()) {
    co_return co_await refuse("the head is not sealed for this request");
  }
  // Under TLS the certificate says who is speaking; the head must say the same.
  if (call.connection.tls != nullptr &&
      peer_node(call.connection.tls->ssl()) != parts.config.nodes[claims->from.value].name) {
    co_return co_await refuse("the head is another node's");
  }
  if (!call.front.nonces().fresh(claims->nonce, now)) co_return co_await refuse("the head was used before");
  const SessionTarget target = session_target(call.target());
  const auto session = call.front.session_of(call, target.id);
  if (!session || *session != claims->session) co_return co_await refuse("the head names another session");
  call.log.session = target.id;  // into the room that is there
  auto user = make_user(claims->user);
  if (!user) co_return co_await refuse("the head names nobody");
  call.named = std::move(*user);
  call.user = &call.named;
  call.log.id = claims->request_id;
  call.log.client_address = claims->client;
  call.scheme = claims->scheme == "https" ? "https" : "http";
  call.log.hop = "for " + parts.config.nodes[claims->from.value].name;
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
  if (call.head().has_body() && !call.head().expects_continue())
    co_return co_await refuse("a body that waited for nobody");
  co_await serve_here(call, *session, *route, nullptr);
}

}  // namespace homing::net
