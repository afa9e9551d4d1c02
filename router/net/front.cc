// SPDX-License-Identifier: Apache-2.0
#include "router/net/front.h"

#include <fmt/format.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "router/io/resolver.h"
#include "router/net/tunnel.h"
#include "router/wire/proxy_header.h"
#include "router/wire/text.h"

namespace homing::net {

namespace {

constexpr std::size_t kDrainBytes = 64 * 1024;  // of a body nobody wants; more closes the connection
constexpr std::int64_t kLingerMs = 1000;
// To who comes when there is no room, before anything is read: new work goes first.
constexpr std::string_view kNoRoom =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\nHoming-Reason: overloaded\r\n"
    "Connection: close\r\n\r\n";
constexpr int kSlowDownSeconds = 5;
constexpr std::size_t kLingerBytes = 64 * 1024 * 1024;
constexpr unsigned kRequestsInARow = 32;  // of one connection, that never wait, before others have a turn

// 60 bits: unique, not secret. Fifteen digits, which std::string keeps inline.
void append_request_id(std::uint64_t value, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 56; shift >= 0; shift -= 4) out.push_back(kDigits[(value >> shift) & 0xf]);
}

EndedBy who_ended(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::kNone:
      return EndedBy::kNobody;
    case TunnelEnd::kClientClosed:
      return EndedBy::kClient;
    case TunnelEnd::kSessionClosed:
      return EndedBy::kProcess;
    case TunnelEnd::kIdle:
    case TunnelEnd::kStalled:
      return EndedBy::kRouter;
    case TunnelEnd::kTold:
      return EndedBy::kOperator;
  }
  return EndedBy::kNobody;
}

iovec piece_of(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
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
    case Door::kRedirect:
      return "redirect";
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
  for (const base::NodeEntry& node : parts_.config.nodes) names.nodes.push_back(node.name);
  for (const base::KindEntry& kind : parts_.config.kinds) names.kinds.push_back(kind.name);
  return names;
}

Connection::Connection(Worker& w, int fd, Door d) : worker(w), stream(w.loop, fd), door(d), address(io::peer_text(fd)) {
  worker.clients.insert(&stream);
  if (address != "unix") io::set_no_delay(fd);
}

Connection::~Connection() {
  worker.clients.erase(&stream);
}

Call::Call(Front& f, Connection& c, Workspace& w)
    : front(f),
      worker(c.worker),
      connection(c),
      work(w),
      log(w.access),
      settings(c.worker.settings),
      scheme(c.tls != nullptr ? "https" : "http") {}

// What the configuration says of connections from one address.
bool Front::may_connect(Connection& connection) {
  const std::int64_t most = connection.worker.settings->limits.per_address;
  const bool counted = connection.door == Door::kPublic || connection.door == Door::kRedirect;
  if (most == 0 || !counted || connection.address == "unix") return true;
  connection.address_hold = addresses_.take(connection.address, most);
  if (!connection.address_hold.held()) parts_.traffic.counters.shed.fetch_add(1, std::memory_order_relaxed);
  return connection.address_hold.held();
}

// A front balancer on the trusted socket says whose connection it is, when the configuration wants it to.
Task<bool> Front::read_proxy_header(Connection& connection) {
  const Settings& settings = *connection.worker.settings;
  if (connection.door != Door::kTrusted || settings.config.proxy_protocol == base::ProxyProtocol::kOff) co_return true;
  io::Stream& stream = connection.stream;
  stream.read_within(settings.limits.first_head);
  wire::ProxyHeader header;
  for (;;) {
    const auto parsed = header.parse(stream.input().data());
    if (parsed.state == wire::ProxyHeader::State::kDone) {
      stream.input().consume(parsed.size);
      break;
    }
    if (parsed.state == wire::ProxyHeader::State::kRefused) {
      parts_.log.warn("proxy-header.refused", {{"why", parsed.why}});
      co_return false;
    }
    const io::Io result = stream.fill();
    if (result == io::Io::kAgain) {
      stream.input().release();
      co_await stream.readable();
    } else if (result != io::Io::kOk) {
      co_return false;
    }
  }
  stream.read_whenever();
  if (header.family() != wire::ProxyHeader::Family::kNone) {
    connection.address = io::address_text(header.source().bytes, header.family() == wire::ProxyHeader::Family::kIpv6);
  }
  co_return true;
}

// The handshake, where the door speaks TLS. False: there is nobody to answer.
Task<bool> Front::begin_tls(Connection& connection) {
  const Settings& settings = *connection.worker.settings;
  SslPtr ssl;
  if (connection.door == Door::kPublic && settings.tls) ssl = settings.tls->new_ssl();
  if (connection.door == Door::kCluster && settings.peers) ssl = settings.peers->accept_ssl();
  if (!ssl) co_return true;
  io::Stream& stream = connection.stream;
  auto tls = std::make_unique<TlsStream>(std::move(ssl), stream.fd());
  connection.tls = tls.get();
  stream.secure(std::move(tls));
  stream.read_within(settings.limits.first_head);
  const bool begun = co_await stream.handshake();
  stream.read_whenever();
  parts_.traffic.counters.handshakes.fetch_add(1, std::memory_order_relaxed);
  if (!begun) parts_.traffic.counters.handshakes_failed.fetch_add(1, std::memory_order_relaxed);
  co_return begun;
}

Task<void> Front::serve(Worker& worker, int fd, Door door) {
  auto& open = parts_.traffic.counters.connections_open;
  if (open.fetch_add(1) >= worker.settings->limits.max_connections) {
    parts_.traffic.counters.shed.fetch_add(1, std::memory_order_relaxed);
    if (door != Door::kPublic || !worker.settings->tls) {
      [[maybe_unused]] const auto sent = ::send(fd, kNoRoom.data(), kNoRoom.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    ::close(fd);
    open.fetch_sub(1);
    co_return;
  }
  {
    Connection connection(worker, fd, door);
    bool first = true;
    if (may_connect(connection) && co_await read_proxy_header(connection) && co_await begin_tls(connection)) {
      for (unsigned served = 1; co_await serve_one(connection, first); ++served) {
        first = false;
        if (served % kRequestsInARow == 0) co_await worker.loop.yield();
      }
    }
    if (connection.upgraded) {
      co_await run_tunnel(connection);
    } else {
      co_await linger(connection.stream);
    }
  }
  open.fetch_sub(1);
}

// Closing at once would throw away an answer that the client has not read yet, when it still sends.
Task<void> Front::linger(io::Stream& client) {
  if (!client.is_open()) co_return;
  client.shut_down_sending();
  client.read_within(kLingerMs);
  for (std::size_t total = 0; total < kLingerBytes;) {
    client.input().clear();
    const io::Io result = client.fill(true);
    total += client.input().size();
    if (result == io::Io::kOk) co_await client.loop().yield();
    if (result == io::Io::kAgain) {
      client.input().clear();
      co_await client.readable();
    } else if (result != io::Io::kOk) {
      co_return;
    }
  }
}

// One request, from its first byte on. The workspace is taken when there is a byte and given back before the next wait.
Task<bool> Front::serve_one(Connection& connection, bool first) {
  io::Stream& client = connection.stream;
  io::Buffer& input = client.input();
  const FrontLimits& now = connection.worker.settings->limits;
  if (input.empty()) client.read_within(first ? now.first_head : now.keep_alive);
  while (input.empty()) {
    const io::Io result = client.fill();
    if (result == io::Io::kOk) break;
    if (result != io::Io::kAgain) co_return false;
    if (!first && connection.worker.retiring) co_return false;  // a client that was never answered is on its way
    input.release();
    co_await client.readable();
  }
  const std::int64_t began_ns = connection.worker.loop.now_ns();
  client.read_within(connection.worker.settings->limits.first_head);
  auto workspace = connection.worker.take_workspace();
  ++connection.worker.requests_in_hand;
  wire::Parsed parsed;
  for (;;) {
    parsed = workspace->request.parse(input.data());
    if (parsed.state != wire::Parsed::State::kMore) break;
    const io::Io result = client.fill();
    if (result == io::Io::kAgain) co_await client.readable();
    if (result == io::Io::kEnd || result == io::Io::kError) break;
  }
  const bool slow = client.late();
  client.read_whenever();
  bool more = false;
  if (slow) co_await refuse_slow_head(connection, *workspace, began_ns);
  if (parsed.state != wire::Parsed::State::kMore) {
    more = co_await serve_request(connection, *workspace, parsed, began_ns);
  }
  --connection.worker.requests_in_hand;
  connection.worker.give_workspace(std::move(workspace));
  co_return more;
}

// The head took too long: the client is told, since it may be an honest one on a bad line.
Task<void> Front::refuse_slow_head(Connection& connection, Workspace& workspace, std::int64_t began_ns) {
  Call call(*this, connection, workspace);
  call.log.clear();
  call.log.began_ns = began_ns;
  call.log.client_address = connection.address;
  append_request_id(connection.worker.next_request_id(), call.log.id);
  call.broken = true;
  Trouble trouble;
  trouble.status = Status::kRequestTimeout;
  trouble.reason = "slow";
  trouble.title = "The request did not arrive in time";
  co_await send(call, trouble);
  log_request(call);
}

Task<bool> Front::serve_request(Connection& connection, Workspace& workspace, const wire::Parsed& parsed,
                                std::int64_t began_ns) {
  Call call(*this, connection, workspace);
  call.log.clear();
  call.log.began_ns = began_ns;
  call.log.head_ns = connection.worker.loop.now_ns();
  call.log.client_address = connection.address;
  append_request_id(connection.worker.next_request_id(), call.log.id);
  parts_.traffic.counters.requests.fetch_add(1, std::memory_order_relaxed);
  if (parsed.refused()) {
    Trouble trouble;
    trouble.status = static_cast<Status>(parsed.status);
    trouble.reason = "bad-request";
    trouble.title = "This request cannot be served";
    trouble.text = parsed.why;
    call.broken = true;
    co_await send(call, trouble);
  } else {
    connection.stream.input().consume(parsed.size);
    call.body.start(workspace.request.framing());
    co_await dispatch(call);
  }
  if (connection.upgraded) {  // what is logged is logged when the tunnel ends
    Connection::Upgraded& upgraded = *connection.upgraded;
    upgraded.access = std::move(call.log);
    call.log = {};
    upgraded.method = call.head().method_text();
    upgraded.host = call.head().host();
    upgraded.target = call.target();
    upgraded.user = call.user->name;
    upgraded.protocol = call.head().upgrade();
    co_return false;
  }
  log_request(call);
  co_return call.keep&& connection.stream.is_open();
}

Task<void> Front::run_tunnel(Connection& connection) {
  Connection::Upgraded& upgraded = *connection.upgraded;
  Traffic& traffic = parts_.traffic;
  traffic.counters.tunnels.fetch_add(1, std::memory_order_relaxed);
  traffic.counters.tunnels_open.fetch_add(1, std::memory_order_relaxed);
  traffic.in_flight(upgraded.node, 1);
  {
    Tunnel tunnel(connection.worker, connection.stream, *upgraded.upstream, upgraded.websocket,
                  upgraded.settings->limits.exchange);
    co_await tunnel.run();
    upgraded.access.bytes_up += tunnel.bytes_up();
    upgraded.access.bytes_down += tunnel.bytes_down();
    upgraded.access.ended(who_ended(tunnel.end()), EndPhase::kTunnel);
    upgraded.access.detail = to_string(tunnel.end());
    if (tunnel.fault() != wire::FrameFault::kNone) upgraded.access.detail = wire::to_string(tunnel.fault());
  }
  traffic.counters.bytes_up.fetch_add(upgraded.access.bytes_up, std::memory_order_relaxed);
  traffic.counters.bytes_down.fetch_add(upgraded.access.bytes_down, std::memory_order_relaxed);
  traffic.in_flight(upgraded.node, -1);
  traffic.counters.tunnels_open.fetch_sub(1, std::memory_order_relaxed);
  AccessRecord record;
  record.method = upgraded.method;
  record.host = upgraded.host;
  record.target = upgraded.target;
  record.user = upgraded.user;
  record.protocol = upgraded.protocol;
  log_access(connection, upgraded.access, record);
}

Task<void> Front::dispatch(Call& call) {
  const std::string_view path = path_of(call.target());
  if (is_probe(path) && call.door() != Door::kRedirect) co_return co_await serve_probe(call);
  if (call.door() == Door::kRedirect) co_return co_await serve_redirect(call);
  if (call.door() == Door::kAdmin) co_return co_await serve_admin(call);
  if (call.door() == Door::kCluster) co_return co_await serve_forwarded(call);
  name_user(call);
  if (!within_user_limit(call)) {
    Trouble trouble;
    trouble.status = Status::kTooManyRequests;
    trouble.reason = "too-many-connections";
    trouble.title = "You have too many connections open";
    trouble.text = "Close other windows of your sessions and try again.";
    trouble.retry_after_s = kSlowDownSeconds;
    co_return co_await send(call, trouble);
  }
  if (path.starts_with("/s/")) co_return co_await serve_session(call);
  if (!call.head().upgrade().empty()) {
    Trouble trouble;
    trouble.status = Status::kNotFound;
    trouble.reason = "not-found";
    trouble.title = "Nothing here speaks that protocol";
    co_return co_await send(call, trouble);
  }
  if (path == "/") co_return co_await serve_home(call);
  if (path == "/login" || path == "/logout") co_return co_await serve_login(call);
  if (path.starts_with("/api/")) co_return co_await serve_api(call);
  Trouble trouble;
  trouble.status = Status::kNotFound;
  trouble.reason = "not-found";
  trouble.title = "There is nothing at this address";
  co_await send(call, trouble);
}

// A connection counts for the person who uses it, from their first request on.
bool Front::within_user_limit(Call& call) {
  const std::int64_t most = call.limits().per_user;
  if (most == 0 || call.user == nullptr) return true;
  Quota::Hold& hold = call.connection.user_hold;
  if (hold.held() && hold.name() == call.user->name) return true;
  hold = {};
  hold = users_.take(call.user->name, most);
  return hold.held();
}

// The only place where a person gets a name, except inside a sealed head.
void Front::name_user(Call& call) {
  if (call.door() == Door::kTrusted) {
    if (field_count(call.head(), call.config().trusted_header) == 1) {
      if (auto user = make_user(field_value(call.head(), call.config().trusted_header))) {
        call.named = std::move(*user);
        call.user = &call.named;
      }
    }
    // Who may name the user may also say where they are.
    std::string_view first;
    wire::for_each_item(call.head().fields().value_of(wire::Name::kXForwardedFor), [&first](std::string_view item) {
      if (first.empty()) first = item;
    });
    if (io::numeric_address(std::string(first), 0)) call.log.client_address = first;
    if (wire::same_text(call.head().fields().value_of(wire::Name::kXForwardedProto), "https")) call.scheme = "https";
    return;
  }
  const auto cookie = wire::cookie_value(call.head(), login_cookie_name(call.secure()));
  if (!cookie) return;
  Connection& connection = call.connection;
  const WallSeconds now = call.worker.loop.wall_seconds();
  if (connection.login_text.empty() || connection.login_text != *cookie || connection.login_expires <= now) {
    connection.login_text.clear();
    auto login = parts_.credentials.open_login_cookie(*cookie, now);
    if (!login) return;
    connection.login_text = *cookie;
    connection.login_user = std::move(login->user);
    connection.login_expires = login->expires;
  }
  call.user = &connection.login_user;
  call.login_expires = connection.login_expires;
}

std::optional<core::SessionId> Front::session_of(Call& call, std::string_view text) const {
  Connection& connection = call.connection;
  if (connection.session_text != text || text.empty()) {
    const auto session = parts_.credentials.session_from(text);
    if (!session) return std::nullopt;
    connection.session_text = text;
    connection.session = *session;
  }
  return connection.session;
}

Task<std::optional<std::string>> Front::read_body(Call& call, std::size_t max) {
  std::string out;
  SlowBody slow(call.limits().exchange);
  io::Stream& client = call.client();
  while (call.body.state() == wire::BodyReader::State::kMore) {
    const auto piece = call.body.read(client.input().data());
    out.append(piece.payload);
    client.input().consume(piece.used);
    if (out.size() > max || piece.state == wire::BodyReader::State::kBad) co_return std::nullopt;
    if (piece.used > 0 || piece.state == wire::BodyReader::State::kDone) continue;
    const io::Io result = client.fill();
    if (result == io::Io::kAgain) {
      client.read_within(call.limits().exchange.body_stall);
      const std::int64_t from_ns = call.worker.loop.now_ns();
      co_await client.readable();
      if (slow.waited(call.worker.loop.now_ns() - from_ns, call.body.payload_bytes())) co_return std::nullopt;
      if (!client.late()) client.read_whenever();
    } else if (result != io::Io::kOk) {
      co_return std::nullopt;
    }
  }
  co_return out;
}

// What HSTS says, when this connection may say it (RFC 6797 section 7.2: never without TLS); empty otherwise.
std::string hsts_value(const Call& call) {
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(call.config().tls.hsts).count();
  if (age == 0 || !call.secure() || call.door() != Door::kPublic) return {};
  return fmt::format("max-age={}", age);
}

Task<void> serve_redirect(Call& call) {
  // Host without its port, then the port that speaks TLS.
  std::string_view host = call.head().host();
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) host = host.substr(0, colon);
  constexpr std::uint16_t kDefault = 443;
  const std::uint16_t port = call.config().https_port();
  const std::string where = port == kDefault ? std::string(host) : fmt::format("{}:{}", host, port);
  Reply reply;
  reply.status = Status::kPermanentRedirect;
  reply.type = "text/plain; charset=utf-8";
  reply.reason = "https";
  reply.fields.emplace_back("Location", fmt::format("https://{}{}", where, call.target() == "*" ? "/" : call.target()));
  co_await call.front.send(call, std::move(reply));
}

Task<void> Front::send(Call& call, Trouble trouble) {
  if (trouble.status >= Status::kBadRequest) {
    parts_.traffic.counters.refused.fetch_add(1, std::memory_order_relaxed);
  }
  call.log.detail = trouble.reason;
  co_await send(call, trouble_page(trouble, !call.broken && accepts_html(call.head())));
}

Task<void> Front::send(Call& call, Reply reply) {
  const bool understood = !call.broken;
  bool whole = understood && call.body.state() == wire::BodyReader::State::kDone;
  // A client that waits for our 100 has sent nothing: drop the connection rather than guess.
  if (understood && !whole && !call.head().expects_continue()) {
    whole = (co_await read_body(call, kDrainBytes)).has_value();
  }
  call.keep = whole && !call.worker.retiring && call.head().keep_alive() && call.head().upgrade().empty();
  FieldList& fields = call.work.answer_fields;
  fields.clear();
  fields.set("Content-Type", reply.type);
  fields.set("Cache-Control", "no-store");
  fields.set("X-Content-Type-Options", "nosniff");
  if (reply.type.starts_with("text/html")) {
    fields.set(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  }
  const std::string hsts = hsts_value(call);
  if (!hsts.empty()) fields.set("Strict-Transport-Security", hsts);
  if (!reply.reason.empty()) fields.set("Homing-Reason", reply.reason);
  if (reply.retry_after_s > 0) fields.own("Retry-After", std::to_string(reply.retry_after_s));
  for (const auto& [name, value] : reply.fields) fields.set(name, value);
  std::string& head = call.work.down;
  head.clear();
  CHECK(wire::write_own_answer(number(reply.status), {wire::BodyKind::kLength, reply.body.size()}, !call.keep,
                               fields.all(), head));
  const bool head_only = understood && call.head().method() == wire::Method::kHead;
  std::array<iovec, 2> pieces = {piece_of(head), piece_of(head_only ? std::string_view() : reply.body)};
  io::Stream& client = call.client();
  client.write_within(call.limits().exchange.write_stall);
  const bool sent = co_await client.write_all(std::span<iovec>(pieces).first(head_only || reply.body.empty() ? 1 : 2));
  client.write_whenever();
  call.log.status = number(reply.status);
  call.log.bytes_down += reply.body.size();
  if (!sent) {
    call.keep = false;
    call.log.ended(client.late() ? EndedBy::kRouter : EndedBy::kClient, EndPhase::kAnswerBody);
  } else if (reply.status >= Status::kBadRequest && call.log.ended_by == EndedBy::kNobody) {
    call.log.ended(EndedBy::kRouter, call.broken ? EndPhase::kHead : EndPhase::kQueue);
  }
}

Task<core::Answer> Front::ask(Call& call, const core::SessionId& session, core::KindId kind, core::Intent intent,
                              std::int64_t limit_ms, bool placed_is_enough) {
  // Shared with the driver's thread, which may speak when nobody listens any more.
  struct Waiting {
    explicit Waiting(io::Loop& loop) : event(loop) {}
    io::Event event;
    core::Answer latest;
  };
  const auto waiting = std::make_shared<Waiting>(call.worker.loop);
  waiting->latest.session = session;
  const auto on_answer = [waiting, placed_is_enough, mailbox = call.worker.loop.mailbox()](const core::Answer& a) {
    mailbox->post([waiting, placed_is_enough, a] {
      if (waiting->event.happened()) return;
      waiting->latest = a;
      const bool final = a.outcome == core::Outcome::kForward || a.outcome == core::Outcome::kRefused;
      const bool placed = a.outcome == core::Outcome::kQueued || a.node != core::kNoNode;
      if (final || (placed_is_enough && placed)) waiting->event.set_now();
    });
  };
  const core::RequestId request = parts_.driver.want(session, *call.user, kind, intent, on_answer);
  co_await waiting->event.within(limit_ms);
  parts_.driver.forget(request);
  co_return waiting->latest;
}

void Front::log_request(Call& call) {
  const wire::RequestHead& head = call.head();
  AccessRecord record;
  if (!call.broken || head.method() != wire::Method::kOther) {
    record.method = call.broken ? std::string_view() : head.method_text();
    record.host = call.broken ? std::string_view() : head.host();
    record.target = call.broken ? std::string_view() : head.target();
    record.protocol = head.version() == wire::Version::k11 ? "HTTP/1.1" : "HTTP/1.0";
  }
  if (call.door() == Door::kAdmin || (!call.broken && is_probe(path_of(head.target())) && call.log.status < 500))
    return;
  if (call.user != nullptr) record.user = call.user->name;
  if (!call.broken) {
    record.referer = head.fields().value_of(wire::Name::kReferer);
    record.user_agent = head.fields().value_of(wire::Name::kUserAgent);
  }
  log_access(call.connection, call.log, record);
}

// `record` has what the head says; the rest is added here.
void Front::log_access(Connection& connection, const Access& access, AccessRecord& record) {
  Worker& worker = connection.worker;
  const base::AccessLog form = worker.settings->config.access_log;
  if (worker.access.lane == nullptr || form == base::AccessLog::kOff) return;
  const auto us = [](std::int64_t from_ns, std::int64_t to_ns) {
    return from_ns == 0 || to_ns == 0 ? kNotReached : (to_ns - from_ns) / 1000;
  };
  record.began_ns = worker.loop.wall_ns(access.began_ns);
  record.request = access.id;
  record.client = access.client_address;
  record.session = access.session;
  record.kind = access.kind;
  record.node = access.node;
  record.door = to_string(connection.door);
  record.hop = access.hop;
  record.status = access.status;
  record.times = {us(access.began_ns, access.head_ns), us(access.head_ns, access.ready_ns),
                  us(access.ready_ns, access.connected_ns), us(access.connected_ns, access.first_byte_ns),
                  us(access.began_ns, worker.loop.now_ns())};
  record.bytes_up = access.bytes_up;
  record.bytes_down = access.bytes_down;
  record.ended_by = access.ended_by;
  record.ended_in = access.ended_in;
  record.detail = access.detail;
  record.retries = access.retries;
  std::string* line = worker.access.lane->line();
  if (line == nullptr) return;  // counted by the sink
  if (form == base::AccessLog::kCombined) {
    append_combined(record, *line);
  } else {
    append_json(record, *line);
  }
  worker.access.lane->end_line(core::Instant(core::Duration(worker.loop.now_ns())));
  worker.access.line_ended();
}

}  // namespace homing::net
