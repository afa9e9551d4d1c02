// SPDX-License-Identifier: Apache-2.0
#include "router/net/front.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace homing::net {

namespace {

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kDrainBytes = 64 * 1024;  // of a body nobody wants; more closes the connection

std::string new_request_id() {
  std::uint64_t value = 0;
  random_bytes(&value, sizeof value);
  return fmt::format("{:016x}", value);
}

double ms_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

std::string_view to_string(Door door) {
  switch (door) {
    case Door::kPublic:
      return "public";
    case Door::kTrusted:
      return "trusted";
    case Door::kCluster:
      return "cluster";
    case Door::kAdmin:
      return "admin";
  }
  return "?";
}

bool SeenNonces::fresh(std::uint64_t nonce, WallSeconds now) {
  const std::lock_guard lock(mutex_);
  if (now - turned_at_ > 2 * kForwardSeconds || now < turned_at_ || young_.size() >= kMaxPerGeneration) {
    old_ = std::move(young_);
    young_.clear();
    turned_at_ = now;
  }
  return !old_.contains(nonce) && young_.insert(nonce).second;
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

SessionTarget session_target(std::string_view target) {
  constexpr std::size_t kIdSize = 32;
  if (!target.starts_with("/s/") || target.size() < 3 + kIdSize) return {};
  const std::string_view rest = target.substr(3 + kIdSize);
  if (!rest.empty() && rest.front() != '/' && rest.front() != '?') return {};
  return {target.substr(3, kIdSize), rest};
}

Names Front::names() const {
  Names names;
  for (const base::NodeEntry& node : config().nodes) names.nodes.push_back(node.name);
  for (const base::KindEntry& kind : config().kinds) names.kinds.push_back(kind.name);
  return names;
}

Task<void> Front::serve(Worker& worker, Socket socket, Door door) {
  auto& open = parts_.traffic.counters.connections_open;
  if (open.fetch_add(1) >= parts_.limits.max_connections) {
    open.fetch_sub(1);
    co_return;
  }
  error_code ignored;
  const std::string address = peer_text(socket);
  if (address != "unix") socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  {
    Stream client(std::move(socket), worker.reaper);
    bool first = true;
    while (co_await serve_one(worker, client, door, address, first)) first = false;
    co_await linger(client);
  }
  open.fetch_sub(1);
}

// Closing at once would throw away an answer that the client has not read yet, when it still sends.
Task<void> Front::linger(Stream& client) {
  if (!client.socket().is_open()) co_return;
  client.shut_down_sending();
  client.read_within(Millis(1000));
  std::array<char, 4096> bytes;
  for (std::size_t total = 0; total < kDrainBytes;) {
    const auto [error, size] = co_await client.socket().async_read_some(asio::buffer(bytes), kUse);
    if (error) co_return;
    total += size;
  }
}

Task<bool> Front::serve_one(Worker& worker, Stream& client, Door door, const std::string& address, bool first) {
  Call call(*this, worker, client, door, address);
  const Millis idle = first ? parts_.limits.first_head : parts_.limits.keep_alive;
  HeadRead head = co_await read_request_head(client, call.parser, idle, parts_.limits.first_head);
  if (!head.alive) co_return false;
  call.began = std::chrono::steady_clock::now();
  call.id = new_request_id();
  parts_.traffic.counters.requests.fetch_add(1, std::memory_order_relaxed);
  if (head.error) {
    Trouble trouble;
    trouble.status = head.error->status;
    trouble.reason = "bad-request";
    trouble.title = "This request cannot be served";
    trouble.text = head.error->why;
    call.broken = true;
    co_await send(call, trouble);
  } else {
    co_await dispatch(call);
  }
  log_access(call);
  co_return call.keep&& client.socket().is_open();
}

Task<void> Front::dispatch(Call& call) {
  const std::string_view path = path_of(call.target());
  if (is_probe(path)) co_return co_await serve_probe(call);
  if (call.door == Door::kAdmin) co_return co_await serve_admin(call);
  if (call.door == Door::kCluster) co_return co_await serve_forwarded(call);
  name_user(call);
  if (path.starts_with("/s/")) co_return co_await serve_session(call);
  if (!upgrade_protocol(call.head()).empty()) {
    Trouble trouble;
    trouble.status = http::status::not_found;
    trouble.reason = "not-found";
    trouble.title = "Nothing here speaks that protocol";
    co_return co_await send(call, trouble);
  }
  if (path == "/") co_return co_await serve_home(call);
  if (path == "/login" || path == "/logout") co_return co_await serve_login(call);
  if (path.starts_with("/api/")) co_return co_await serve_api(call);
  Trouble trouble;
  trouble.status = http::status::not_found;
  trouble.reason = "not-found";
  trouble.title = "There is nothing at this address";
  co_await send(call, trouble);
}

// The only place where a person gets a name, except inside a sealed head.
void Front::name_user(Call& call) {
  if (call.door == Door::kTrusted) {
    if (field_count(call.head(), config().trusted_header) == 1) {
      call.user = make_user(field_value(call.head(), config().trusted_header));
    }
    // Who may name the user may also say where they are.
    error_code error;
    const auto hops = field_items(call.head(), "x-forwarded-for");
    if (!hops.empty()) {
      const auto address = asio::ip::make_address(std::string(hops.front()), error);
      if (!error) call.client_address = address.to_string();
    }
    if (same_text(field_value(call.head(), "x-forwarded-proto"), "https")) call.scheme = "https";
    return;
  }
  const auto cookie = cookie_value(call.head(), kLoginCookie);
  if (!cookie) return;
  if (auto login = parts_.credentials.open_login_cookie(*cookie, wall_seconds())) {
    call.user = std::move(login->user);
    call.login_expires = login->expires;
  }
}

Task<std::optional<std::string>> Front::read_body(Call& call, std::size_t max) {
  std::string out;
  std::array<char, 4096> piece;
  while (!call.parser.is_done()) {
    auto& body = call.parser.get().body();
    body.data = piece.data();
    body.size = piece.size();
    call.client.read_within(parts_.limits.exchange.body_stall);
    auto [error, n] = co_await http::async_read_some(call.client.socket(), call.client.buffer(), call.parser, kUse);
    call.client.read_whenever();
    if (error == http::error::need_buffer) error = {};
    if (error) co_return std::nullopt;
    out.append(piece.data(), piece.size() - call.parser.get().body().size);
    if (out.size() > max) co_return std::nullopt;
  }
  co_return out;
}

Task<void> Front::send(Call& call, Trouble trouble) {
  if (trouble.status >= http::status::bad_request) {
    parts_.traffic.counters.refused.fetch_add(1, std::memory_order_relaxed);
  }
  call.detail = trouble.reason;
  co_await send(call, trouble_page(trouble, !call.broken && accepts_html(call.head())));
}

Task<void> Front::send(Call& call, Reply reply) {
  const bool understood = call.parser.is_header_done() && !call.broken;
  bool whole = understood && call.parser.is_done();
  // A client that waits for our 100 has sent nothing: drop the connection rather than guess.
  if (understood && !whole && field_count(call.head(), "expect") == 0) {
    whole = (co_await read_body(call, kDrainBytes)).has_value();
  }
  call.keep = whole && call.head().version() == 11 && call.parser.keep_alive();
  http::response<http::string_body> message(reply.status, 11);
  message.set(http::field::content_type, reply.type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  if (reply.type.starts_with("text/html")) {
    message.set(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  }
  if (!reply.reason.empty()) message.set("Homing-Reason", reply.reason);
  if (reply.retry_after_s > 0) message.set(http::field::retry_after, std::to_string(reply.retry_after_s));
  for (const auto& [name, value] : reply.fields) message.insert(name, value);
  if (!call.keep) message.set(http::field::connection, "close");
  const bool head_only = understood && call.head().method() == http::verb::head;
  message.content_length(reply.body.size());
  message.body() = std::move(reply.body);
  http::response_serializer<http::string_body> serializer(message);
  call.status = static_cast<unsigned>(reply.status);
  call.first_byte = std::chrono::steady_clock::now();
  call.client.write_within(parts_.limits.exchange.write_stall);
  error_code error;
  if (head_only) {
    const auto [failed, n] = co_await http::async_write_header(call.client.socket(), serializer, kUse);
    error = failed;
  } else {
    const auto [failed, n] = co_await http::async_write(call.client.socket(), serializer, kUse);
    error = failed;
    call.bytes_down += message.body().size();
  }
  call.client.write_whenever();
  if (error) {
    call.ended = "client gone";
    call.keep = false;
  }
}

Task<core::Answer> Front::ask(Call& call, const core::SessionId& session, core::KindId kind, core::Intent intent,
                              Millis limit, bool placed_is_enough) {
  struct Waiting {
    explicit Waiting(asio::io_context& io) : timer(io) {}
    asio::steady_timer timer;
    core::Answer latest;
    bool over = false;
  };
  const auto waiting = std::make_shared<Waiting>(call.worker.io);
  waiting->latest.session = session;
  waiting->timer.expires_after(limit);
  const auto on_answer = [waiting, placed_is_enough, executor = call.worker.io.get_executor()](const core::Answer& a) {
    asio::post(executor, [waiting, placed_is_enough, a] {
      if (waiting->over) return;
      waiting->latest = a;
      const bool final = a.outcome == core::Outcome::kForward || a.outcome == core::Outcome::kRefused;
      const bool placed = a.outcome == core::Outcome::kQueued || a.node != core::kNoNode;
      if (!final && !(placed_is_enough && placed)) return;
      waiting->over = true;
      waiting->timer.cancel();
    });
  };
  const core::RequestId request = parts_.driver.want(session, *call.user, kind, intent, on_answer);
  co_await waiting->timer.async_wait(kUse);
  waiting->over = true;
  parts_.driver.forget(request);
  co_return waiting->latest;
}

void Front::log_access(const Call& call) {
  if (call.door == Door::kAdmin || (is_probe(path_of(call.target())) && call.status < 500)) return;
  const auto now = std::chrono::steady_clock::now();
  const bool head = call.parser.is_header_done();
  const std::string path(head ? path_of(call.target()) : std::string_view());
  parts_.log.info("access",
                  {{"request", call.id},
                   {"door", to_string(call.door)},
                   {"client", call.client_address},
                   {"user", call.user ? call.user->name : std::string()},
                   {"method", head ? call.method() : std::string_view()},
                   {"path", path},
                   {"session", call.session},
                   {"hop", call.hop},
                   {"status", call.status},
                   {"bytes_up", call.bytes_up},
                   {"bytes_down", call.bytes_down},
                   {"first_byte_ms",
                    call.first_byte.time_since_epoch().count() == 0 ? -1.0 : ms_between(call.began, call.first_byte)},
                   {"total_ms", ms_between(call.began, now)},
                   {"end", call.ended},
                   {"detail", call.detail}});
}

}  // namespace homing::net
