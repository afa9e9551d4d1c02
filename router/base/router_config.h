// SPDX-License-Identifier: Apache-2.0
//
// The configuration of a cluster's node: one TOML file, the same on every node, read by router, launcher and homingctl.
// The node's own name is the only thing that differs (`this-node = "n1"` or `--node n1`; [[node]] already takes the key
// `node`); "{node}" in a path stands for it. Relative paths start at the file's directory.
// router/dist/homing.example.toml shows every key.
//
// Intuition: text -> values, checked completely before anything starts. What the core needs is filled into core::Config
// (kinds in file order are its KindIds, [[node]] entries in file order its NodeIds), and the core's own validation is
// reported at the line that caused it.
// Labels become bits in the order of their first appearance: nodes first, then kinds; at most 64.
// Thread class: plain values; load is thread-compatible.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/base/command_template.h"
#include "router/base/config_text.h"
#include "router/base/door_config.h"
#include "router/base/endpoint.h"
#include "router/core/config.h"
#include "router/core/ids.h"

namespace homing::base {

struct NodeEntry {
  std::string name;
  core::NodeId id{};
  Endpoint address;           // where people and peers' clients knock
  Endpoint peer_address;      // cluster listener; default: the same host, the next port
  Endpoint launcher_address;  // UDP: the launcher answers peers; default: the peer address's next port
  Endpoint http_address;      // plain HTTP, answered by a redirect to HTTPS; default: tls.redirect-port; port 0: none
  std::uint32_t weight = 100;
  std::uint32_t cores_milli = 0;  // 0: as measured
  std::uint64_t memory = 0;       // bytes; 0: as measured
  std::vector<std::string> labels;
  std::uint64_t label_bits = 0;
  std::uint32_t max_sessions = 0;  // 0: no limit
  std::uint32_t start_slots = 0;   // starts at once, the others wait in the node's order; 0: no limit
  Where where;
};

enum class ListenOn : std::uint8_t { kUnix, kLoopback };
enum class PrefixUse : std::uint8_t { kKeep, kStrip };
// Which requests wake a suspended session.
enum class WakeOn : std::uint8_t { kNavigation, kAny, kNever };

struct KindEntry {
  std::string name;
  core::KindId id{};
  std::string title;                 // for people; default: the name
  std::vector<std::string> command;  // see command_template.h
  ListenOn listen = ListenOn::kUnix;
  PrefixUse prefix = PrefixUse::kKeep;
  std::string probe = "/";  // a path below the prefix that answers (below 500) when the session is ready
  core::Duration start_timeout = core::seconds(60);
  std::uint64_t expect_memory = 0;  // bytes; 0: not asked
  double expect_cpu = 0;            // cores; for people and the simulator
  core::WithoutStore without_store = core::WithoutStore::kKeep;
  std::vector<std::pair<std::string, std::string>> environment;  // values may hold placeholders
  WakeOn wake = WakeOn::kNavigation;
  std::vector<std::string> labels;
  std::uint64_t label_bits = 0;
  Where where;
};

struct RouterConfig {
  std::string file;  // as given
  std::string node;  // this node's name
  core::NodeId self{};
  // Absolute paths, "{node}" filled in.
  std::string store_path;
  std::string state_dir;
  std::string secret_file;
  std::optional<std::string> trace;
  std::uint64_t trace_limit = 1ULL << 30;  // bytes; at the limit recording stops and says so
  std::optional<std::string> trusted_socket;
  std::string trusted_header = "X-Homing-User";
  ProxyProtocol proxy_protocol = ProxyProtocol::kOff;  // of the trusted socket
  std::uint32_t workers = 0;                           // threads that carry traffic; 0: a processor each, at most 8
  AccessLog access_log = AccessLog::kJson;
  TlsConfig tls;
  std::optional<ClusterTlsConfig> cluster_tls;  // nothing: routers talk in the clear
  LimitsConfig limits;
  std::vector<NodeEntry> nodes;     // by NodeId
  std::vector<KindEntry> kinds;     // by KindId
  std::vector<std::string> labels;  // by bit
  core::Config core;

  const NodeEntry& this_node() const { return nodes[self.value]; }
  const NodeEntry* find_node(std::string_view name) const;
  const KindEntry* find_kind(std::string_view name) const;
  // Where the parts of one node meet.
  std::string launcher_socket() const { return state_dir + "/launcher.sock"; }
  std::string admin_socket() const { return state_dir + "/admin.sock"; }
  std::string sessions_dir() const { return state_dir + "/s"; }
  std::string journal_path() const { return state_dir + "/launcher.journal"; }
  // The port that a redirect to HTTPS names.
  std::uint16_t https_port() const { return tls.https_port != 0 ? tls.https_port : this_node().address.port; }
};

struct RouterConfigOptions {
  std::optional<std::string> node = {};      // overrides `this-node` of the file
  std::vector<std::string> strategies = {};  // known names; empty: those registered in the core
};

// Every error of the file at once, ready to print (diagnostics.h), or the configuration.
std::expected<RouterConfig, std::string> load_router_config(const std::string& path,
                                                            const RouterConfigOptions& options = {});
std::expected<RouterConfig, std::string> read_router_config(Document& document,
                                                            const RouterConfigOptions& options = {});

// The keys of [cluster] that fill core::Config; the simulator's scenarios have the same ones. A heartbeat without the
// other times scales them (3, 8 and 10 heartbeats; lease-margin at most one).
void read_cluster(const Section& cluster, core::Config& config);
// Reports what core::validate finds, each at the line of its key in [cluster] or [kind.NAME].
void check_core_config(const Section& root, const core::Config& config);

// The bytes of the secret file. Refused with one sentence and the fix: missing, shorter than 32 bytes, readable by
// others than its owner (mode & 077), no regular file.
std::expected<std::string, std::string> read_secret(const std::string& path);

}  // namespace homing::base
