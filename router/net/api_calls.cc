// SPDX-License-Identifier: Apache-2.0
//
// The owner's side: home page, signing in by link, and /api/sessions: list, create, restart, end.
//
//   GET    /api/sessions              own sessions
//   POST   /api/sessions              {"kind": "notepad"} or a form: makes an id, has it placed, says where it will be
//   GET    /api/sessions/ID
//   POST   /api/sessions/ID/restart   the owner's click: also starts again what was lost
//   DELETE /api/sessions/ID           (for forms: POST /api/sessions/ID/end)
//
// A browser (Accept: text/html) gets pages and redirects, everything else JSON. Whoever changes something must come
// from our own pages (Origin) or from a program.
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "router/base/json.h"
#include "router/net/session_calls.h"
#include "router/wire/text.h"

namespace homing::net {

namespace {

constexpr std::size_t kMaxApiBody = 16 * 1024;

Trouble plain(Status status, std::string reason, std::string title) {
  Trouble trouble;
  trouble.status = status;
  trouble.reason = std::move(reason);
  trouble.title = std::move(title);
  return trouble;
}

std::string kind_name(const base::RouterConfig& config, core::KindId kind) {
  return kind.value < config.kinds.size() ? config.kinds[kind.value].name : "?";
}

std::string node_name(const base::RouterConfig& config, core::NodeId node) {
  return node.value < config.nodes.size() ? config.nodes[node.value].name : "";
}

void write_session(base::JsonWriter& json, const Front& front, const std::string& id, const core::RouteValue& route) {
  json.begin_object()
      .member("id", id)
      .member("kind", kind_name(front.parts().config, route.kind))
      .member("state", core::to_string(route.state))
      .member("node", node_name(front.parts().config, route.node))
      .member("epoch", route.epoch.value)
      .member("url", "/s/" + id + "/");
  if (route.reason != core::EndReason::kNone) json.member("reason", core::to_string(route.reason));
  json.end_object();
}

// "a=b&kind=notepad": the value of a name, for values that need no decoding.
std::string form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::size_t end = form.find('&');
    const std::string_view pair = form.substr(0, end);
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return std::string(pair.substr(name.size() + 1));
    if (end == std::string_view::npos) break;
    form.remove_prefix(end + 1);
  }
  return {};
}

std::string wanted_kind(const Call& call, const std::string& body) {
  // Programs that send JSON often leave the type of a form in place.
  const std::string_view type = call.head().fields().value_of(wire::Name::kContentType);
  const bool form = wire::same_text(wire::trim(type.substr(0, type.find(';'))), "application/x-www-form-urlencoded");
  if (form && !body.starts_with('{')) return form_value(body, "kind");
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  if (error || !value.is_object()) return {};
  const boost::json::value* kind = value.as_object().if_contains("kind");
  return kind != nullptr && kind->is_string() ? std::string(kind->as_string().c_str()) : std::string();
}

Task<void> list_sessions(Call& call) {
  const FrontParts& parts = call.front.parts();
  base::JsonWriter json;
  json.begin_object().member("user", call.user->name).key("sessions").begin_array();
  for (const auto& [id, route] : parts.table.of_user(call.user->id)) {
    write_session(json, call.front, parts.credentials.session_text(id), route);
  }
  json.end_array().end_object();
  co_await call.front.send(call, json_reply(Status::kOk, json.take()));
}

// Has the core place the session and tells its owner where it will be.
Task<void> place(Call& call, const core::SessionId& session, core::KindId kind, core::Intent intent) {
  const FrontParts& parts = call.front.parts();
  const std::string id = parts.credentials.session_text(session);
  call.log.session = id;
  const core::Answer answer = co_await call.front.ask(call, session, kind, intent, call.limits().poll, true);
  const bool under_way = answer.outcome != core::Outcome::kRefused &&
                         (answer.node != core::kNoNode || answer.outcome == core::Outcome::kQueued);
  if (!under_way) {
    Trouble trouble = trouble_of(answer);
    trouble.session = id;
    trouble.reload = false;  // a form sent again would make another session
    co_return co_await call.front.send(call, trouble);
  }
  if (accepts_html(call.head())) co_return co_await call.front.send(call, see_other("/s/" + id + "/"));
  base::JsonWriter json;
  json.begin_object()
      .member("id", id)
      .member("url", "/s/" + id + "/")
      .member("state", answer.outcome == core::Outcome::kForward  ? "ready"
                       : answer.outcome == core::Outcome::kQueued ? "queued"
                                                                  : "starting")
      .member("node", node_name(parts.config, answer.node))
      .member("epoch", answer.epoch.value);
  if (answer.outcome == core::Outcome::kQueued) json.member("position", answer.position);
  json.end_object();
  Reply reply = json_reply(intent == core::Intent::kStart ? Status::kCreated : Status::kOk, json.take());
  reply.fields.emplace_back("Location", "/s/" + id + "/");
  co_await call.front.send(call, std::move(reply));
}

Task<void> create_session(Call& call) {
  const auto body = co_await call.front.read_body(call, kMaxApiBody);
  if (!body) {
    co_return co_await call.front.send(call, plain(Status::kPayloadTooLarge, "bad-request", "The request is too long"));
  }
  const base::KindEntry* kind = call.config().find_kind(wanted_kind(call, *body));
  if (kind == nullptr) {
    co_return co_await call.front.send(call, trouble_of(core::Refusal::kUnknownKind, core::EndReason::kNone));
  }
  co_await place(call, Credentials::new_session_id(), kind->id, core::Intent::kStart);
}

// Its route when it is this user's; else the refusal was sent. A session not known here yet is asked of the core.
Task<std::optional<core::RouteValue>> own_route(Call& call, const core::SessionId& session) {
  const FrontParts& parts = call.front.parts();
  auto route = parts.table.find(session);
  if (!route) {
    const core::Answer answer =
        co_await call.front.ask(call, session, core::KindId{}, core::Intent::kReach, call.limits().poll, true);
    route = parts.table.find(session);
    if (!route) {
      co_await call.front.send(call, trouble_of(answer));
      co_return std::nullopt;
    }
  }
  if (route->user == call.user->id) co_return route;
  co_await call.front.send(call, trouble_of(core::Refusal::kNotOwner, core::EndReason::kNone));
  co_return std::nullopt;
}

Task<void> one_session(Call& call, std::string_view id, std::string_view verb) {
  const FrontParts& parts = call.front.parts();
  const auto session = parts.credentials.session_from(id);
  if (!session) {
    co_return co_await call.front.send(call, trouble_of(core::Refusal::kUnknownSession, core::EndReason::kNone));
  }
  call.log.session = id;
  const auto method = call.head().method();
  const bool restart = method == wire::Method::kPost && verb == "restart";
  const bool end =
      (method == wire::Method::kDelete && verb.empty()) || (method == wire::Method::kPost && verb == "end");
  if (!restart && !end && !(method == wire::Method::kGet && verb.empty())) {
    co_return co_await call.front.send(call, plain(Status::kNotFound, "not-found", "The API has no such call"));
  }
  const auto route = co_await own_route(call, *session);
  if (!route) co_return;
  if (restart) co_return co_await place(call, *session, route->kind, core::Intent::kRestart);
  if (end) {
    parts.driver.end(*session, core::EndReason::kOwner);
    if (accepts_html(call.head())) co_return co_await call.front.send(call, see_other("/"));
    co_return co_await call.front.send(call, json_reply(Status::kAccepted, "{\"ending\":true}"));
  }
  base::JsonWriter json;
  write_session(json, call.front, std::string(id), *route);
  co_await call.front.send(call, json_reply(Status::kOk, json.take()));
}

}  // namespace

Task<void> serve_api(Call& call) {
  if (call.user == nullptr) co_return co_await call.front.send(call, sign_in_page(accepts_html(call.head())));
  const auto method = call.head().method();
  if (method != wire::Method::kGet && method != wire::Method::kHead && !wire::same_origin(call.head())) {
    co_return co_await call.front.send(
        call, plain(Status::kForbidden, "cross-origin", "Another site's page may not do this"));
  }
  std::string_view path = path_of(call.target());
  if (path == "/api/sessions" && method == wire::Method::kGet) co_return co_await list_sessions(call);
  if (path == "/api/sessions" && method == wire::Method::kPost) co_return co_await create_session(call);
  constexpr std::string_view kOne = "/api/sessions/";
  if (path.starts_with(kOne)) {
    path.remove_prefix(kOne.size());
    const std::size_t slash = path.find('/');
    co_return co_await one_session(call, path.substr(0, slash),
                                   slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1));
  }
  co_await call.front.send(call, plain(Status::kNotFound, "not-found", "The API has no such call"));
}

Task<void> serve_home(Call& call) {
  const FrontParts& parts = call.front.parts();
  if (call.user == nullptr) co_return co_await call.front.send(call, sign_in_page(accepts_html(call.head())));
  std::vector<HomeSession> sessions;
  for (const auto& [id, route] : parts.table.of_user(call.user->id)) {
    if (route.state == core::SessionState::kEnded) continue;
    HomeSession session;
    session.id = parts.credentials.session_text(id);
    session.kind = kind_name(parts.config, route.kind);
    session.state = core::to_string(route.state);
    session.node = node_name(parts.config, route.node);
    if (route.reason != core::EndReason::kNone) session.note = core::to_string(route.reason);
    session.restart = route.state == core::SessionState::kLost || route.state == core::SessionState::kRefused;
    session.open = !session.restart;
    sessions.push_back(std::move(session));
  }
  std::vector<HomeKind> kinds;
  for (const base::KindEntry& kind : call.config().kinds) kinds.push_back({kind.name, kind.title});
  std::string warning;
  if (!parts.driver.may_order()) {
    warning = fmt::format("Nothing new can start through this machine at the moment: {}.",
                          core::to_string(parts.driver.standing()));
  }
  Reply reply = home_page(call.user->name, parts.config.node, sessions, kinds, warning);
  const WallSeconds now = wall_seconds();
  if (call.door() == Door::kPublic && call.login_expires - now < kLoginSeconds / 2) {
    reply.fields.emplace_back("Set-Cookie", login_set_cookie(call, *call.user, now));
  }
  co_await call.front.send(call, std::move(reply));
}

Task<void> serve_login(Call& call) {
  const FrontParts& parts = call.front.parts();
  const std::string_view target = call.target();
  if (path_of(target) == "/logout") {
    if (call.head().method() != wire::Method::kPost || !wire::same_origin(call.head())) {
      co_return co_await call.front.send(call,
                                         plain(Status::kMethodNotAllowed, "bad-request", "Signing out is a POST"));
    }
    Reply reply = see_other("/");
    reply.fields.emplace_back(
        "Set-Cookie", fmt::format("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{}", login_cookie_name(call.secure()),
                                  call.secure() ? "; Secure" : ""));
    co_return co_await call.front.send(call, std::move(reply));
  }
  const std::size_t question = target.find('?');
  const std::string token = question == std::string_view::npos ? "" : form_value(target.substr(question + 1), "token");
  const WallSeconds now = wall_seconds();
  const auto user = parts.credentials.open_login_token(token, now);
  if (call.door() != Door::kPublic || !user) {
    co_return co_await call.front.send(
        call, plain(Status::kForbidden, "bad-token", "This sign-in link is not valid, or no longer"));
  }
  Reply reply = see_other("/");
  reply.fields.emplace_back("Set-Cookie", login_set_cookie(call, *user, now));
  reply.fields.emplace_back("Referrer-Policy", "no-referrer");
  co_await call.front.send(call, std::move(reply));
}

}  // namespace homing::net
