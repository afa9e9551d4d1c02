// SPDX-License-Identifier: Apache-2.0
#include "router/base/config_diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "router/base/strategy_text.h"
#include "router/base/units.h"

namespace homing::base {
namespace {

constexpr std::string_view kNotSet = "(not set)";

struct Row {
  std::string key;
  std::string value;
  Takes takes;
  std::string why;
};

std::string text_of(std::uint64_t value) {
  return fmt::format("{}", value);
}
std::string text_of(core::Duration value) {
  return format_duration(value);
}
std::string text_of(const std::vector<std::string>& list) {
  return list.empty() ? "(none)" : fmt::format("\"{}\"", fmt::join(list, "\", \""));
}
std::string text_of(const std::string& value) {
  return value.empty() ? std::string(kNotSet) : value;
}
std::string text_of(const std::optional<std::string>& value) {
  return text_of(value.value_or(""));
}
std::string bytes_text(std::uint64_t bytes) {
  return bytes == 0 ? "0 B" : format_bytes(static_cast<std::int64_t>(bytes));
}
std::string address_text(const Endpoint& address) {
  return address.port == 0 ? std::string(kNotSet) : address.text();
}

// The rows of one table of the file.
class Rows {
 public:
  explicit Rows(std::string prefix) : prefix_(std::move(prefix)) {}
  template <typename T>
  void add(const char* key, const T& value, Takes takes = Takes::kNothing, std::string why = {}) {
    rows_.push_back({prefix_ + key, text_of(value), takes, std::move(why)});
  }
  const std::vector<Row>& rows() const { return rows_; }

 private:
  std::string prefix_;
  std::vector<Row> rows_;
};

Rows root_rows(const RouterConfig& c) {
  Rows rows("");
  rows.add("this-node", c.node, Takes::kRestart);
  rows.add("state-dir", c.state_dir, Takes::kRestart, "and of its launcher, whose sessions end");
  rows.add("secret-file", c.secret_file, Takes::kCluster, "restart every router: no key made with the old one opens");
  rows.add("trace", c.trace, Takes::kRestart, "recording begins with a whole picture");
  rows.add("trace-limit", bytes_text(c.trace_limit), Takes::kRestart);
  rows.add("access-log", std::string(to_string(c.access_log)));
  rows.add("store.path", c.store_path, Takes::kCluster, "stop every router: there is one store");
  rows.add("listen.trusted-socket", c.trusted_socket, Takes::kRestart, "it listens there");
  rows.add("listen.trusted-header", c.trusted_header);
  rows.add("listen.proxy-protocol", std::string(to_string(c.proxy_protocol)));
  rows.add("listen.workers", std::to_string(c.workers), Takes::kRestart);
  return rows;
}

Rows tls_rows(const RouterConfig& c, bool switched, bool cluster_switched) {
  Rows rows("tls.");
  std::vector<std::string> certificates;
  for (const CertificateFiles& files : c.tls.certificates) {
    certificates.push_back(fmt::format("{} with {}", files.cert, files.key));
  }
  rows.add("certificates", certificates, switched ? Takes::kRestart : Takes::kNothing,
           switched ? "its door speaks another protocol then" : "");
  rows.add("ticket-keys", c.tls.ticket_keys);
  rows.add("client-certificates", std::string(to_string(c.tls.client_certificates)));
  rows.add("client-ca", c.tls.client_ca);
  rows.add("https-port", c.tls.https_port == 0 ? std::string(kNotSet) : fmt::format("{}", c.tls.https_port));
  rows.add("hsts", c.tls.hsts);
  Rows all("");
  for (const Row& row : rows.rows()) all.add(row.key.c_str(), row.value, row.takes, row.why);
  const ClusterTlsConfig peers = c.cluster_tls.value_or(ClusterTlsConfig{});
  const Takes takes = cluster_switched ? Takes::kCluster : Takes::kNothing;
  const char* why = cluster_switched ? "restart every router: with and without it they cannot talk to each other" : "";
  all.add("cluster-tls.cert", peers.cert, takes, why);
  all.add("cluster-tls.key", peers.key, takes, why);
  all.add("cluster-tls.ca", peers.ca, takes, why);
  return all;
}

Rows limit_rows(const LimitsConfig& c) {
  Rows rows("limits.");
  rows.add("header-deadline", c.header_deadline);
  rows.add("keep-alive", c.keep_alive);
  rows.add("body-stall", c.body_stall);
  rows.add("body-grace", c.body_grace);
  rows.add("body-min-rate", bytes_text(c.body_min_rate));
  rows.add("connect", c.connect);
  rows.add("first-byte", c.first_byte);
  rows.add("answer-stall", c.answer_stall);
  rows.add("write-stall", c.write_stall);
  rows.add("tunnel-idle", c.tunnel_idle);
  rows.add("upgrade-deadline", c.upgrade_deadline);
  rows.add("max-connections", std::uint64_t{c.max_connections});
  rows.add("connections-per-address", std::uint64_t{c.connections_per_address});
  rows.add("connections-per-user", std::uint64_t{c.connections_per_user});
  return rows;
}

Rows cluster_rows(const core::Config& c) {
  // A lease is safe only while nobody believes in a longer one than the others wait for.
  const char* why = "stop every router first, sessions live on: all must agree how long a lease lasts";
  Rows rows("cluster.");
  rows.add("heartbeat", c.heartbeat, Takes::kCluster, why);
  rows.add("report-every", c.report_every);
  rows.add("suspect", c.suspect);
  rows.add("lease-ttl", c.lease_ttl, Takes::kCluster, why);
  rows.add("dead", c.dead, Takes::kCluster, why);
  rows.add("lease-margin", c.lease_margin, Takes::kCluster, why);
  rows.add("accept-max", c.accept_max);
  rows.add("queue-ask-max", c.queue_ask_max);
  rows.add("fence-max", c.fence_max);
  rows.add("max-nodes", std::uint64_t{c.max_nodes});
  rows.add("max-routes", std::uint64_t{c.max_routes});
  rows.add("max-wishes", std::uint64_t{c.max_wishes});
  rows.add("max-queue", std::uint64_t{c.max_queue});
  rows.add("max-attempts", std::uint64_t{c.max_attempts});
  rows.add("max-sessions-per-user", std::uint64_t{c.max_sessions_per_user});
  rows.add("max-misfits", std::uint64_t{c.max_misfits});
  rows.add("seed", c.seed);
  Rows all("");
  for (const Row& row : rows.rows()) all.add(row.key.c_str(), row.value, row.takes, row.why);
  all.add("strategy", strategy_in_words(c.strategy, c.strategy_params));
  return all;
}

// `self`: this is the node's own router. What a node says of itself to the others it says when it starts.
Rows node_rows(const NodeEntry& c, bool self) {
  Rows rows("node." + c.name + ".");
  const Takes told = self ? Takes::kRestart : Takes::kOtherNode;
  const char* there = self ? "it listens there" : "";
  const char* found = self ? there : "it sends there";
  rows.add("address", address_text(c.address), self ? Takes::kRestart : Takes::kNothing, there);
  rows.add("peer-address", address_text(c.peer_address), Takes::kRestart, found);
  rows.add("launcher-address", address_text(c.launcher_address), Takes::kRestart, self ? "and of its launcher" : found);
  rows.add("http-address", address_text(c.http_address), told, there);
  rows.add("weight", std::uint64_t{c.weight}, told);
  rows.add("cores", c.cores_milli == 0 ? "as measured" : fmt::format("{}", c.cores_milli / 1000.0), told);
  rows.add("memory", c.memory == 0 ? "as measured" : bytes_text(c.memory), told);
  rows.add("max-sessions", std::uint64_t{c.max_sessions}, told);
  rows.add("start-slots", std::uint64_t{c.start_slots}, told);
  rows.add("labels", c.labels, told);
  return rows;
}

Rows kind_rows(const KindEntry& c) {
  const char* anew = "those that run were started the other way: start them anew";
  Rows rows("kind." + c.name + ".");
  std::vector<std::string> environment;
  for (const auto& [name, value] : c.environment) environment.push_back(fmt::format("{}={}", name, value));
  rows.add("title", c.title);
  rows.add("command", c.command, Takes::kNewSessions);
  rows.add("environment", environment, Takes::kNewSessions);
  rows.add("listen", std::string(c.listen == ListenOn::kUnix ? "unix" : "loopback"), Takes::kNewSessions, anew);
  rows.add("prefix", std::string(c.prefix == PrefixUse::kKeep ? "keep" : "strip"), Takes::kNewSessions, anew);
  rows.add("probe", c.probe, Takes::kNewSessions);
  rows.add("start-timeout", c.start_timeout, Takes::kNewSessions);
  rows.add("expect.memory", bytes_text(c.expect_memory), Takes::kNewSessions);
  rows.add("expect.cpu", fmt::format("{}", c.expect_cpu), Takes::kNewSessions);
  rows.add("without-store", std::string(c.without_store == core::WithoutStore::kKeep ? "keep" : "freeze"));
  rows.add("wake", std::string(c.wake == WakeOn::kNavigation ? "navigation"
                               : c.wake == WakeOn::kAny      ? "any"
                                                             : "never"));
  rows.add("labels", c.labels);
  return rows;
}

// REQUIRES: the same keys in the same order.
void compare(const Rows& before, const Rows& after, std::vector<ConfigChange>& out) {
  for (std::size_t i = 0; i < after.rows().size(); ++i) {
    const Row& old_row = before.rows()[i];
    const Row& new_row = after.rows()[i];
    if (old_row.value == new_row.value) continue;
    out.push_back({new_row.key, old_row.value, new_row.value, new_row.takes, new_row.why});
  }
}

template <typename Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return names;
}

// The store knows nodes and kinds by their place in the file, so what was there must stay there; only what is added at
// the end is free. True when that is so.
bool compare_places(const char* what, const std::vector<std::string>& before, const std::vector<std::string>& after,
                    const char* added, std::vector<ConfigChange>& out) {
  const bool kept = before.size() <= after.size() && std::equal(before.begin(), before.end(), after.begin());
  if (!kept) {
    out.push_back({what, fmt::format("{}", fmt::join(before, ", ")), fmt::format("{}", fmt::join(after, ", ")),
                   Takes::kCluster,
                   "end every session and stop every router: the store knows them by their place in the file; add new "
                   "ones at its end"});
    return false;
  }
  for (std::size_t i = before.size(); i < after.size(); ++i) {
    out.push_back({fmt::format("{}.{}", what, after[i]), "", "added", Takes::kRestart, added});
  }
  return true;
}

}  // namespace

std::string ConfigChange::text() const {
  std::string line =
      before.empty() ? fmt::format("{}: {}", key, after) : fmt::format("{}: {} -> {}", key, before, after);
  std::string_view what;
  switch (takes) {
    case Takes::kNothing:
      break;
    case Takes::kNewSessions:
      what = "sessions that start from now on";
      break;
    case Takes::kOtherNode:
      what = "when that node's router is restarted";
      break;
    case Takes::kRestart:
      what = "needs a restart of this router";
      break;
    case Takes::kCluster:
      what = "not while the cluster runs";
      break;
  }
  if (!what.empty()) line += fmt::format(" ({}{}{})", what, why.empty() ? "" : "; ", why);
  return line;
}

std::vector<ConfigChange> config_changes(const RouterConfig& before, const RouterConfig& after) {
  std::vector<ConfigChange> out;
  compare(root_rows(before), root_rows(after), out);
  const bool switched = before.tls.on() != after.tls.on();
  const bool cluster_switched = before.cluster_tls.has_value() != after.cluster_tls.has_value();
  compare(tls_rows(before, switched, cluster_switched), tls_rows(after, switched, cluster_switched), out);
  compare(limit_rows(before.limits), limit_rows(after.limits), out);
  compare(cluster_rows(before.core), cluster_rows(after.core), out);
  compare_places("node", names_of(before.nodes), names_of(after.nodes), "an upgrade is one, and closes nothing", out);
  for (const NodeEntry& node : after.nodes) {
    const NodeEntry* old_node = before.find_node(node.name);
    if (old_node == nullptr) continue;
    const bool self = node.name == after.node;
    compare(node_rows(*old_node, self), node_rows(node, self), out);
  }
  compare_places("kind", names_of(before.kinds), names_of(after.kinds), "and of the launchers, once no session is left",
                 out);
  for (const KindEntry& kind : after.kinds) {
    if (const KindEntry* old_kind = before.find_kind(kind.name)) compare(kind_rows(*old_kind), kind_rows(kind), out);
  }
  // Labels are bits in rows of the store, numbered by their first appearance.
  const auto& labels = before.labels;
  if (labels.size() > after.labels.size() || !std::equal(labels.begin(), labels.end(), after.labels.begin())) {
    out.push_back({"labels", text_of(labels), text_of(after.labels), Takes::kCluster,
                   "restart every router: labels are numbered in the order in which the file names them"});
  }
  return out;
}

namespace {

// Labels are bits: they mean the same in both when the longer list only adds to the other.
bool same_bits(const RouterConfig& before, const RouterConfig& after) {
  return before.labels.size() <= after.labels.size() &&
         std::equal(before.labels.begin(), before.labels.end(), after.labels.begin());
}

void take_core(const core::Config& after, core::Config& taken) {
  core::Config next = after;
  next.kinds = std::move(taken.kinds);
  next.heartbeat = taken.heartbeat;
  next.lease_ttl = taken.lease_ttl;
  next.dead = taken.dead;
  next.lease_margin = taken.lease_margin;
  next.serve = taken.serve;
  taken = std::move(next);
}

void take_kind(const RouterConfig& after, KindEntry& kind, RouterConfig& taken, bool labels) {
  const KindEntry* next = after.find_kind(kind.name);
  if (next == nullptr) return;
  const KindEntry before = std::exchange(kind, *next);
  core::KindConfig& known = taken.core.kinds[before.id.value];
  const std::uint64_t bits = known.labels;
  known = after.core.kinds[next->id.value];
  kind.id = before.id;
  kind.where = before.where;
  if (labels) return;
  kind.labels = before.labels;
  kind.label_bits = before.label_bits;
  known.labels = bits;
}

// What other nodes say of themselves is told by them; here it is text.
void take_peer(const RouterConfig& after, NodeEntry& node, bool labels) {
  const NodeEntry* next = after.find_node(node.name);
  if (next == nullptr) return;
  const NodeEntry before = std::exchange(node, *next);
  node.id = before.id;
  node.peer_address = before.peer_address;
  node.launcher_address = before.launcher_address;
  if (labels) return;
  node.labels = before.labels;
  node.label_bits = before.label_bits;
}

}  // namespace

RouterConfig taken_over(const RouterConfig& before, const RouterConfig& after) {
  RouterConfig taken = before;
  taken.access_log = after.access_log;
  taken.trusted_header = after.trusted_header;
  taken.proxy_protocol = after.proxy_protocol;
  taken.limits = after.limits;
  taken.tls = after.tls;
  taken.tls.redirect_port = before.tls.redirect_port;
  if (before.tls.on() != after.tls.on()) taken.tls.certificates = before.tls.certificates;
  if (before.cluster_tls.has_value() == after.cluster_tls.has_value()) taken.cluster_tls = after.cluster_tls;
  take_core(after.core, taken.core);
  const bool labels = same_bits(before, after);
  if (labels) taken.labels = after.labels;
  for (KindEntry& kind : taken.kinds) take_kind(after, kind, taken, labels);
  for (NodeEntry& node : taken.nodes) {
    if (node.id != taken.self) take_peer(after, node, labels);
  }
  return taken;
}

Takes most_taken(const std::vector<ConfigChange>& changes) {
  Takes most = Takes::kNothing;
  for (const ConfigChange& change : changes) most = std::max(most, change.takes);
  return most;
}

std::string changes_text(const std::vector<ConfigChange>& changes) {
  if (changes.empty()) return "nothing changed\n";
  std::string text;
  for (const Takes takes :
       {Takes::kNothing, Takes::kNewSessions, Takes::kOtherNode, Takes::kRestart, Takes::kCluster}) {
    for (const ConfigChange& change : changes) {
      if (change.takes == takes) text += change.text() + "\n";
    }
  }
  return text;
}

}  // namespace homing::base
