// SPDX-License-Identifier: Apache-2.0
//
// The operator's side: the admin API on a Unix socket (for homingctl), and what probes and Prometheus ask.
//
//   GET  /v1/status | /v1/nodes | /v1/sessions | /v1/sessions/ID/why
//   POST /v1/nodes/NAME/ready | drain | maint
//   POST /v1/config/reload                     the file and the files it names are read again (server.h)
//   POST /v1/upgrade                           another program takes over (upgrade.h)
//   POST /v1/leave                             this node leaves the cluster: it orders nothing more
//   GET  /livez  /readyz  /metrics             (metrics on the cluster and admin doors only)
//
// What is read of the core is read on the driver's thread (on_driver).
#include <fmt/format.h>

#include <array>

#include "router/base/json.h"
#include "router/base/metric_names.h"
#include "router/net/front.h"
#include "router/net/why_calls.h"

namespace homing::net {

namespace {

using base::JsonWriter;

constexpr std::int64_t kNamesWithinMs = 1000;

Trouble plain(Status status, std::string reason, std::string title) {
  Trouble trouble;
  trouble.status = status;
  trouble.reason = std::move(reason);
  trouble.title = std::move(title);
  return trouble;
}

double seconds_of(core::Duration duration) {
  return static_cast<double>(duration.count()) / 1e9;
}

std::string status_json(const FrontParts& parts) {
  CoreDriver& driver = parts.driver;
  const core::Core& core = driver.core();
  std::array<std::uint32_t, 7> by_state{};
  for (const auto& [id, route] : core.routes()) ++by_state[static_cast<std::size_t>(route.state)];
  JsonWriter json(JsonWriter::Style::kPretty);
  json.begin_object()
      .member("node", parts.config.node)
      .member("address", parts.config.this_node().address.text())
      .member("incarnation", driver.incarnation().value)
      .member("strategy", core.config().strategy)
      .member("orders", driver.may_order())
      .member("why_not", driver.may_order() ? std::string_view() : core::to_string(driver.standing()))
      .member("launcher", driver.launcher_connected() ? "connected" : "away")
      .member("store", driver.standing() == core::Refusal::kStoreAway ? "away: " + driver.last_store_error()
                                                                      : std::string("answers"))
      .member("hosted", core.hosted_count())
      .member("queue", core.queue_length());
  json.key("sessions").begin_object();
  for (std::size_t i = 0; i < by_state.size(); ++i)
    json.member(core::to_string(static_cast<core::SessionState>(i)), by_state[i]);
  json.end_object();
  const core::CoreCounters& c = core.counters();
  json.key("counters")
      .begin_object()
      .member("events", c.events)
      .member("deadlines", c.deadlines)
      .member("placements", c.placements)
      .member("claims_lost", c.claims_lost)
      .member("takeovers", c.takeovers)
      .member("sessions_declared_lost", c.sessions_declared_lost)
      .member("fenced", c.fenced)
      .member("stale_events", c.stale_events)
      .end_object();
  const Traffic::Counters& t = parts.traffic.counters;
  json.key("traffic")
      .begin_object()
      .member("requests", t.requests.load())
      .member("forwarded", t.forwarded.load())
      .member("served_here", t.served_here.load())
      .member("served_for_peer", t.served_for_peer.load())
      .member("misdirected", t.misdirected.load())
      .member("tunnels_open", t.tunnels_open.load())
      .member("connections_open", t.connections_open.load())
      .end_object();
  return json.end_object().take();
}

std::string nodes_json(const FrontParts& parts) {
  CoreDriver& driver = parts.driver;
  const core::Instant now = driver.now();
  JsonWriter json(JsonWriter::Style::kPretty);
  json.begin_object().key("nodes").begin_array();
  for (const base::NodeEntry& entry : parts.config.nodes) {
    const core::NodeStatus status = driver.core().node(entry.id, now);
    json.begin_object()
        .member("name", entry.name)
        .member("address", entry.address.text())
        .member("self", entry.id == parts.config.self)
        .member("known", status.known)
        .member("view", status.known ? core::to_string(status.view) : std::string_view("never seen"))
        .member("admin", core::to_string(status.row.admin))
        .member("sessions", status.sessions_seen)
        .member("max_sessions", status.row.max_sessions)
        .member("weight", status.row.weight)
        .member("load5", static_cast<double>(status.row.load.load5_milli) / 1000)
        .member("cores", static_cast<double>(status.row.load.cores_milli) / 1000)
        .member("memory_total", status.row.load.memory_total)
        .member("memory_available", status.row.load.memory_available)
        .member("incarnation", status.row.incarnation.value)
        .member("generation", status.row.generation)
        .member("report_age_s", status.known ? seconds_of(status.report_age) : 0.0)
        .end_object();
  }
  return json.end_array().end_object().take();
}

std::string sessions_json(const FrontParts& parts, const Names& names) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.begin_object().key("sessions").begin_array();
  for (const auto& [id, route] : parts.driver.core().routes()) {
    json.begin_object()
        .member("id", parts.credentials.session_text(id))
        .member("user", parts.driver.user_name(route.user))
        .member("kind", names.kind(route.kind))
        .member("state", core::to_string(route.state))
        .member("node", names.node(route.node))
        .member("epoch", route.epoch.value)
        .member("reason", core::to_string(route.reason))
        .end_object();
  }
  return json.end_array().end_object().take();
}

Task<void> serve_sessions(Call& call, std::string_view rest) {
  const FrontParts& parts = call.front.parts();
  const Names names = call.front.names();
  if (rest.empty()) {
    // Names come from the store; the answer does not wait for them for ever.
    const auto learned = std::make_shared<io::Event>(call.worker.loop);
    parts.driver.run([&parts, learned, mailbox = call.worker.loop.mailbox()] {
      std::vector<core::UserId> users;
      for (const auto& [id, route] : parts.driver.core().routes()) users.push_back(route.user);
      parts.driver.learn_users(std::move(users),
                               [learned, mailbox] { mailbox->post([learned] { learned->set_now(); }); });
    });
    co_await learned->within(kNamesWithinMs);
    std::string json = co_await on_driver(call, [&parts, names] { return sessions_json(parts, names); });
    co_return co_await call.front.send(call, json_reply(Status::kOk, std::move(json)));
  }
  rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  const std::string id(rest.substr(0, slash));
  if (slash != std::string_view::npos && rest.substr(slash) == "/why") co_return co_await serve_why(call, id);
  co_await call.front.send(call, plain(Status::kNotFound, "not-found", "The admin API has no such call"));
}

Task<void> serve_node_order(Call& call, std::string_view rest) {
  const FrontParts& parts = call.front.parts();
  const std::size_t slash = rest.find('/');
  const base::NodeEntry* node = parts.config.find_node(rest.substr(0, slash));
  if (node == nullptr) {
    co_return co_await call.front.send(call, plain(Status::kNotFound, "unknown-node", "The cluster has no such node"));
  }
  const std::string_view verb = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  core::NodeAdmin admin = core::NodeAdmin::kReady;
  if (verb == "drain") {
    admin = core::NodeAdmin::kDrain;
  } else if (verb == "maint") {
    admin = core::NodeAdmin::kMaintenance;
  } else if (verb != "ready") {
    co_return co_await call.front.send(call, plain(Status::kNotFound, "unknown-order", "ready, drain or maint"));
  }
  if (!parts.driver.may_order()) {
    co_return co_await call.front.send(call, trouble_of(parts.driver.standing(), core::EndReason::kNone));
  }
  parts.driver.set_admin(node->id, admin);
  co_await call.front.send(
      call,
      json_reply(Status::kAccepted,
                 JsonWriter().begin_object().member("node", node->name).member("wanted", verb).end_object().take()));
}

// ---------------------------------------------------------------- metrics

void metric(std::string& out, std::string_view name, std::string_view type, double value,
            std::string_view labels = {}) {
  const std::string_view family =
      type == "counter" && name.ends_with("_total") ? name.substr(0, name.size() - 6) : name;
  if (out.find(fmt::format("# TYPE {} ", family)) == std::string::npos)
    out += fmt::format("# TYPE {} {}\n", family, type);
  out += fmt::format("{}{} {}\n", name, labels.empty() ? std::string() : fmt::format("{{{}}}", labels), value);
}

std::string metrics_text(const FrontParts& parts) {
  namespace m = base::metric;
  CoreDriver& driver = parts.driver;
  const core::Core& core = driver.core();
  const core::CoreCounters& c = core.counters();
  const Traffic::Counters& t = parts.traffic.counters;
  const auto n = [](auto value) { return static_cast<double>(value); };
  std::string out;
  metric(out, m::kMayOrder, "gauge", driver.may_order() ? 1 : 0);
  metric(out, m::kStoreUp, "gauge", driver.standing() == core::Refusal::kStoreAway ? 0 : 1);
  metric(out, m::kLauncherUp, "gauge", driver.launcher_connected() ? 1 : 0);
  metric(out, m::kRoutes, "gauge", n(parts.table.size()));
  metric(out, m::kQueueLength, "gauge", n(core.queue_length()));
  const core::Instant now = driver.now();
  for (const base::NodeEntry& entry : parts.config.nodes) {
    const core::NodeStatus status = core.node(entry.id, now);
    if (!status.known) continue;
    const std::string label = fmt::format("node=\"{}\"", entry.name);
    metric(out, m::kNodes, "gauge", 1,
           fmt::format("{},view=\"{}\",admin=\"{}\"", label, core::to_string(status.view),
                       core::to_string(status.row.admin)));
  }
  for (const base::NodeEntry& entry : parts.config.nodes) {
    const core::NodeStatus status = core.node(entry.id, now);
    if (status.known)
      metric(out, m::kSessions, "gauge", n(status.sessions_seen), fmt::format("node=\"{}\"", entry.name));
  }
  metric(out, m::kPlacements, "counter", n(c.placements), fmt::format("strategy=\"{}\"", core.config().strategy));
  metric(out, m::kClaimsLost, "counter", n(c.claims_lost));
  metric(out, m::kMisfits, "counter", n(c.misfits));
  metric(out, m::kMisfitScans, "counter", n(c.misfit_scans));
  metric(out, m::kTakeovers, "counter", n(c.takeovers));
  metric(out, m::kSessionsLost, "counter", n(c.sessions_declared_lost));
  metric(out, m::kSessionsFenced, "counter", n(c.fenced));
  metric(out, m::kStaleEvents, "counter", n(c.stale_events));
  metric(out, m::kCoreEvents, "counter", n(c.events));
  metric(out, m::kRequests, "counter", n(t.requests.load()));
  metric(out, m::kTunnels, "gauge", n(t.tunnels_open.load()));
  metric(out, m::kMisdirected, "counter", n(t.misdirected.load()));
  metric(out, m::kBytesSent, "counter", n(t.bytes_up.load()), "direction=\"up\"");
  metric(out, m::kBytesSent, "counter", n(t.bytes_down.load()), "direction=\"down\"");
  metric(out, m::kConnectFailed, "counter", n(t.upstream_failed.load()));
  return out + "# EOF\n";
}

}  // namespace

bool is_probe(std::string_view path) {
  return path == "/livez" || path == "/readyz" || path == "/metrics";
}

Task<void> serve_probe(Call& call) {
  const FrontParts& parts = call.front.parts();
  const std::string_view path = path_of(call.target());
  Reply reply;
  reply.type = "text/plain; charset=utf-8";
  if (path == "/livez") {
    reply.body = "alive\n";
  } else if (path == "/readyz") {
    const bool ready = parts.driver.booted() && parts.driver.may_order();
    if (!ready) reply.status = Status::kServiceUnavailable;
    reply.body = ready ? "ready\n"
                       : fmt::format("not ready: {}\n", parts.driver.booted() ? core::to_string(parts.driver.standing())
                                                                              : "the launcher has not answered yet");
  } else if (call.door() == Door::kCluster || call.door() == Door::kAdmin) {
    reply.type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    reply.body = co_await on_driver(call, [&parts] { return metrics_text(parts); });
  } else {
    reply.status = Status::kNotFound;
    reply.body = "metrics are served to the cluster and to the admin socket only\n";
  }
  co_await call.front.send(call, std::move(reply));
}

Task<void> serve_admin(Call& call) {
  const FrontParts& parts = call.front.parts();
  const std::string_view path = path_of(call.target());
  const bool get = call.head().method() == wire::Method::kGet;
  const bool post = call.head().method() == wire::Method::kPost;
  if (get && path == "/v1/status")
    co_return co_await call.front.send(
        call, json_reply(Status::kOk, co_await on_driver(call, [&parts] { return status_json(parts); })));
  if (get && path == "/v1/nodes")
    co_return co_await call.front.send(
        call, json_reply(Status::kOk, co_await on_driver(call, [&parts] { return nodes_json(parts); })));
  constexpr std::string_view kSessions = "/v1/sessions";
  if (get && (path == kSessions || path.starts_with("/v1/sessions/")))
    co_return co_await serve_sessions(call, path.substr(kSessions.size()));
  constexpr std::string_view kNodes = "/v1/nodes/";
  if (post && path.starts_with(kNodes)) co_return co_await serve_node_order(call, path.substr(kNodes.size()));
  if (post && path == "/v1/config/reload") co_return co_await serve_reload(call);
  if (post && path == "/v1/upgrade") co_return co_await serve_upgrade(call);
  if (post && path == "/v1/leave") {
    parts.driver.leave();
    co_return co_await call.front.send(call, json_reply(Status::kAccepted, "{\"leaving\":true}"));
  }
  co_await call.front.send(call, plain(Status::kNotFound, "not-found", "The admin API has no such call"));
}

}  // namespace homing::net
