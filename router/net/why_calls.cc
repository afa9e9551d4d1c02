// SPDX-License-Identifier: Apache-2.0
#include "router/net/why_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "router/base/json.h"

namespace homing::net {

namespace {

constexpr std::int64_t kPeerLimitMs = 1000;
constexpr std::size_t kMaxPeerAnswer = 4 << 20;
constexpr std::string_view kAsker = "cluster";  // nobody's name: this head opens no session

Trouble plain(Status status, std::string reason, std::string title) {
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

// The whole body of an answer of 200, read within the stream's deadlines.
Task<std::optional<std::string>> read_answer(io::Stream& stream) {
  wire::AnswerHead head;
  wire::BodyReader body;
  bool has_head = false;
  std::string out;
  for (;;) {
    io::Buffer& input = stream.input();
    if (!has_head && !input.empty()) {
      const wire::Parsed parsed = head.parse(input.data(), wire::Method::kGet);
      if (parsed.refused() || (parsed.done() && head.status() != 200)) co_return std::nullopt;
      if (parsed.done()) {
        input.consume(parsed.size);
        body.start(head.framing());
        has_head = true;
      }
    }
    while (has_head && body.state() == wire::BodyReader::State::kMore) {
      const auto piece = body.read(input.data());
      out.append(piece.payload);
      input.consume(piece.used);
      if (piece.used == 0) break;
    }
    if (has_head && body.state() == wire::BodyReader::State::kDone) co_return out;
    if (out.size() > kMaxPeerAnswer || (has_head && body.state() == wire::BodyReader::State::kBad))
      co_return std::nullopt;
    const io::Io result = stream.fill();
    if (result == io::Io::kAgain) {
      co_await stream.readable();
    } else if (result != io::Io::kOk) {
      if (has_head && result == io::Io::kEnd && body.end_of_input() == wire::BodyReader::State::kDone) co_return out;
      co_return std::nullopt;
    }
  }
}

Task<std::vector<HistoryEntry>> ask_peer(Call& call, const base::NodeEntry& peer, std::string id) {
  const FrontParts& parts = call.front.parts();
  const std::string target = std::string(kPeerWhy) + id;
  ForwardClaims claims;
  claims.from = parts.config.self;
  claims.to = peer.id;
  claims.session = *parts.credentials.session_from(id);
  claims.user = kAsker;
  claims.request_id = call.log.id;
  claims.time = wall_seconds();
  random_bytes(&claims.nonce, sizeof claims.nonce);
  const std::string host = peer.peer_address.text();
  std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nHoming-Forward: {}\r\n\r\n", target, host,
                                    parts.credentials.forward(claims, "GET", target, host));
  io::Stream stream(call.worker.loop, -1);
  const io::Address address{"", peer.peer_address.host, peer.peer_address.port};
  if (co_await io::connect(stream, address, kPeerLimitMs) != 0) co_return std::vector<HistoryEntry>();
  stream.write_within(kPeerLimitMs);
  stream.read_within(kPeerLimitMs);
  if (call.settings->peers) {
    stream.secure(std::make_unique<TlsStream>(call.settings->peers->connect_ssl(peer.name), stream.fd()));
    if (!co_await stream.handshake()) co_return std::vector<HistoryEntry>();
  }
  std::array<iovec, 1> pieces = {iovec{request.data(), request.size()}};
  if (!co_await stream.write_all(pieces)) co_return std::vector<HistoryEntry>();
  const auto answer = co_await read_answer(stream);
  if (!answer) co_return std::vector<HistoryEntry>();
  co_return read_history(*answer, claims.session);
}

}  // namespace

Task<void> serve_why(Call& call, std::string id) {
  const FrontParts& parts = call.front.parts();
  const auto session = parts.credentials.session_from(id);
  if (!session) {
    co_return co_await call.front.send(call, plain(Status::kNotFound, "unknown-session", "This is no session's id"));
  }
  auto history = co_await on_driver(call, [&parts, session] { return parts.driver.history().of(*session); });
  for (const base::NodeEntry& peer : parts.config.nodes) {
    if (peer.id == parts.config.self) continue;
    for (HistoryEntry& entry : co_await ask_peer(call, peer, id)) {
      // All routers see the same changes of state; each is told once.
      const bool known = std::ranges::any_of(history, [&](const HistoryEntry& h) { return h.text == entry.text; });
      if (known) continue;
      history.insert(std::ranges::upper_bound(history, entry.at_ns, {}, &HistoryEntry::at_ns), std::move(entry));
    }
  }
  struct Known {
    std::string user;
    std::string kind;
    std::string now;
  };
  const Names names = call.front.names();
  const auto known = co_await on_driver(call, [&parts, session, names]() -> std::optional<Known> {
    const auto route = parts.driver.core().route(*session);
    if (!route) return std::nullopt;
    return Known{parts.driver.user_name(route->user), std::string(names.kind(route->kind)),
                 in_words(nullptr, *route, names)};
  });
  if (!known && history.empty()) {
    co_return co_await call.front.send(
        call, plain(Status::kNotFound, "unknown-session", "No router of the cluster remembers such a session"));
  }
  base::JsonWriter json(base::JsonWriter::Style::kPretty);
  json.begin_object().member("id", id);
  if (known) json.member("user", known->user).member("kind", known->kind).member("now", known->now);
  json.key("history").begin_array();
  for (const HistoryEntry& entry : history) {
    json.begin_object().member("at", base::rfc3339(entry.at_ns)).member("text", entry.text).end_object();
  }
  json.end_array().end_object();
  co_await call.front.send(call, json_reply(Status::kOk, json.take()));
}

Task<void> serve_peer_why(Call& call) {
  const FrontParts& parts = call.front.parts();
  const WallSeconds now = wall_seconds();
  const auto claims = parts.credentials.open_forward(field_value(call.head(), "Homing-Forward"),
                                                     call.head().method_text(), call.target(), call.head().host(), now);
  if (!claims || claims->to != parts.config.self || claims->user != kAsker ||
      !call.front.nonces().fresh(claims->nonce, now)) {
    co_return co_await call.front.send(
        call, plain(Status::kForbidden, "not-a-member", "This door is for nodes of the cluster"));
  }
  std::string json = co_await on_driver(
      call, [&parts, session = claims->session] { return history_json(parts.driver.history().of(session)); });
  co_await call.front.send(call, json_reply(Status::kOk, std::move(json)));
}

}  // namespace homing::net
