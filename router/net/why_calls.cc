// SPDX-License-Identifier: Apache-2.0
#include "router/net/why_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "router/base/json.h"

namespace homing::net {

namespace {

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr Millis kPeerLimit{1000};
constexpr std::size_t kMaxPeerAnswer = 4 << 20;
constexpr std::string_view kAsker = "cluster";  // nobody's name: this head opens no session

Trouble plain(http::status status, std::string reason, std::string title) {
  Trouble trouble;
  trouble.status = status;
  trouble.reason = std::move(reason);
  trouble.title = std::move(title);
  return trouble;
}

std::string history_json(const std::vector<HistoryEntry>& history) {
  base::JsonWriter json;
  json.begin_array();
  for (const HistoryEntry& entry : history) {
    json.begin_object().member("at", entry.at_ns).member("text", entry.text).end_object();
  }
  return json.end_array().take();
}

// What a peer said; anything that is not as expected is nothing.
std::vector<HistoryEntry> read_history(const std::string& body, const core::SessionId& session) {
  std::vector<HistoryEntry> out;
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  if (error || !value.is_array()) return out;
  for (const boost::json::value& item : value.as_array()) {
    const boost::json::object* entry = item.if_object();
    if (entry == nullptr || !entry->contains("at") || !entry->contains("text")) continue;
    if (!entry->at("at").is_int64() || !entry->at("text").is_string()) continue;
    out.push_back({entry->at("at").as_int64(), session, std::string(entry->at("text").as_string().c_str())});
  }
  return out;
}

Task<std::vector<HistoryEntry>> ask_peer(Call& call, const base::NodeEntry& peer, std::string id) {
  const FrontParts& parts = call.front.parts();
  const std::string target = std::string(kPeerWhy) + id;
  ForwardClaims claims;
  claims.from = parts.config.self;
  claims.to = peer.id;
  claims.session = *parts.credentials.session_from(id);
  claims.user = kAsker;
  claims.request_id = call.id;
  claims.time = wall_seconds();
  random_bytes(&claims.nonce, sizeof claims.nonce);
  const std::string host = peer.peer_address.text();
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nHoming-Forward: {}\r\n\r\n", target, host,
                  parts.credentials.forward(claims, "GET", target, host));
  Stream stream(Socket(call.worker.io), call.worker.reaper);
  if (co_await connect(stream, {"", peer.peer_address.host, peer.peer_address.port}, kPeerLimit))
    co_return std::vector<HistoryEntry>();
  stream.write_within(kPeerLimit);
  stream.read_within(kPeerLimit);
  const auto [write_error, written] = co_await asio::async_write(stream.socket(), asio::buffer(request), kUse);
  if (write_error) co_return std::vector<HistoryEntry>();
  http::response_parser<http::string_body> answer;
  answer.body_limit(kMaxPeerAnswer);
  const auto [error, size] = co_await http::async_read(stream.socket(), stream.buffer(), answer, kUse);
  if (error || answer.get().result() != http::status::ok) co_return std::vector<HistoryEntry>();
  co_return read_history(answer.get().body(), claims.session);
}

}  // namespace

Task<void> serve_why(Call& call, std::string id) {
  const FrontParts& parts = call.front.parts();
  const auto session = parts.credentials.session_from(id);
  if (!session) {
    co_return co_await call.front.send(call,
                                       plain(http::status::not_found, "unknown-session", "This is no session's id"));
  }
  std::vector<HistoryEntry> history = parts.driver.history().of(*session);
  for (const base::NodeEntry& peer : parts.config.nodes) {
    if (peer.id == parts.config.self) continue;
    for (HistoryEntry& entry : co_await ask_peer(call, peer, id)) {
      // All routers see the same changes of state; each is told once.
      const bool known = std::ranges::any_of(history, [&](const HistoryEntry& h) { return h.text == entry.text; });
      if (known) continue;
      history.insert(std::ranges::upper_bound(history, entry.at_ns, {}, &HistoryEntry::at_ns), std::move(entry));
    }
  }
  const Names names = call.front.names();
  const auto route = parts.driver.core().route(*session);
  if (!route && history.empty()) {
    co_return co_await call.front.send(
        call, plain(http::status::not_found, "unknown-session", "No router of the cluster remembers such a session"));
  }
  base::JsonWriter json(base::JsonWriter::Style::kPretty);
  json.begin_object().member("id", id);
  if (route) {
    json.member("user", parts.driver.user_name(route->user))
        .member("kind", names.kind(route->kind))
        .member("now", in_words(nullptr, *route, names));
  }
  json.key("history").begin_array();
  for (const HistoryEntry& entry : history) {
    json.begin_object().member("at", base::rfc3339(entry.at_ns)).member("text", entry.text).end_object();
  }
  json.end_array().end_object();
  co_await call.front.send(call, json_reply(http::status::ok, json.take()));
}

Task<void> serve_peer_why(Call& call) {
  const FrontParts& parts = call.front.parts();
  const WallSeconds now = wall_seconds();
  const auto claims = parts.credentials.open_forward(field_value(call.head(), "homing-forward"), call.method(),
                                                     call.target(), field_value(call.head(), "host"), now);
  if (!claims || claims->to != parts.config.self || claims->user != kAsker ||
      !call.front.nonces().fresh(claims->nonce, now)) {
    co_return co_await call.front.send(
        call, plain(http::status::forbidden, "not-a-member", "This door is for nodes of the cluster"));
  }
  const core::SessionId session = claims->session;
  const auto render = [&parts, session]() -> Task<std::string> {
    co_return history_json(parts.driver.history().of(session));
  };
  std::string json = co_await asio::co_spawn(parts.driver.executor(), render, asio::use_awaitable);
  co_await call.front.send(call, json_reply(http::status::ok, std::move(json)));
}

}  // namespace homing::net
