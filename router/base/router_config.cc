// SPDX-License-Identifier: Apache-2.0
#include "router/base/router_config.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>

#include "router/base/strategy_text.h"
#include "router/core/strategy.h"

namespace homing::base {
namespace {

using core::Duration;

constexpr std::size_t kMaxLabels = 64;
// A Unix socket's path holds 107 bytes; "/s/", 32 digits, an epoch and ".sock" come behind the state directory.
constexpr std::size_t kMaxStateDir = 55;
constexpr std::int64_t kMax32 = std::numeric_limits<std::int32_t>::max();

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || text[0] == '-') return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
         std::string_view::npos;
}

std::string place_of(const Where& where) {
  return fmt::format("line {}", where.line);
}

class RouterConfigReader {
 public:
  RouterConfigReader(Document& document, const RouterConfigOptions& options)
      : document_(document), options_(options), root_(document.root()) {}

  std::expected<RouterConfig, std::string> read() {
    out_.file = document_.name();
    read_format();
    read_nodes();
    read_self();
    read_paths();
    read_listen();
    read_doors();
    for (const Entry& entry : root_.named("kind")) read_kind(entry);
    read_core();
    if (!document_.finish()) return std::unexpected(document_.report());
    return std::move(out_);
  }

 private:
  void read_format() {
    const Value format = root_.need("format");
    const auto number = format.as_integer();
    if (number && *number != 1)
      format.error(fmt::format("format {} is not known to this version; expected 1", *number));
  }

  void read_nodes() {
    const Value list = root_.find("node");
    if (list.is_string()) {
      list.error("is the list of nodes; write this-node = \"...\" to say which of them this is");
      return;
    }
    node_sections_ = root_.sections("node");
    for (const Section& section : node_sections_) read_node(section);
    if (root_ && !list)
      root_.error("no [[node]] table; a cluster needs at least one node, e.g. [[node]] name = \"n1\"");
  }

  void read_node(const Section& section) {
    NodeEntry node;
    node.id = core::NodeId(static_cast<std::uint32_t>(out_.nodes.size()));
    const Value name = section.need("name");
    node.where = name.where();
    node.name = name.as_string().value_or("");
    if (!node.name.empty() && !is_name(node.name)) {
      name.error(fmt::format("\"{}\" is no name; expected up to 63 letters, digits, \"-\" and \"_\"", node.name));
    }
    if (const NodeEntry* first = out_.find_node(node.name); first != nullptr && !node.name.empty()) {
      name.error(fmt::format("node \"{}\" is named twice; first at {}", node.name, place_of(first->where)));
    }
    const Value address = section.need("address");
    node.address = read_endpoint(address).value_or(Endpoint{});
    const Value peer = section.find("peer-address");
    if (peer) {
      node.peer_address = read_endpoint(peer).value_or(Endpoint{});
    } else if (node.address.port == 65535) {
      address.error("port 65535 leaves no next port for peers; write a peer-address");
    } else if (node.address.port != 0) {
      node.peer_address = Endpoint{node.address.host, static_cast<std::uint16_t>(node.address.port + 1)};
    }
    check_addresses(node, address, peer);
    const Value launcher = section.find("launcher-address");
    if (launcher) {
      node.launcher_address = read_endpoint(launcher).value_or(Endpoint{});
    } else if (node.peer_address.port == 65535) {
      (peer ? peer : address)
          .error("port 65535 for peers leaves no next port for the launcher; write a launcher-address");
    } else if (node.peer_address.port != 0) {
      node.launcher_address = Endpoint{node.peer_address.host, static_cast<std::uint16_t>(node.peer_address.port + 1)};
    }
    for (const NodeEntry& other : out_.nodes) {  // UDP: only launchers can take it from each other
      if (node.launcher_address.port == 0 || node.launcher_address != other.launcher_address) continue;
      if (!launcher && node.peer_address == other.peer_address) continue;  // said already
      (launcher ? launcher : address)
          .error(fmt::format("{} (for the launcher, UDP) is taken by node \"{}\" at {}", node.launcher_address.text(),
                             other.name, place_of(other.where)));
    }
    node.weight = static_cast<std::uint32_t>(section.find("weight").as_integer(1, 65535).value_or(100));
    node.cores_milli =
        static_cast<std::uint32_t>(section.find("cores").as_number(0.001, 1'000'000).value_or(0) * 1000 + 0.5);
    node.memory = static_cast<std::uint64_t>(section.find("memory").as_bytes().value_or(0));
    node.max_sessions = static_cast<std::uint32_t>(section.find("max-sessions").as_integer(0, kMax32).value_or(0));
    node.start_slots = static_cast<std::uint32_t>(section.find("start-slots").as_integer(0, kMax32).value_or(0));
    node.labels = section.find("labels").as_strings().value_or(std::vector<std::string>{});
    node.label_bits = bits_of(node.labels, section.find("labels"));
    out_.nodes.push_back(std::move(node));
  }

  std::optional<Endpoint> read_endpoint(const Value& value) {
    const auto text = value.as_string();
    if (!text) return std::nullopt;
    const auto endpoint = parse_endpoint(*text);
    if (endpoint) return *endpoint;
    value.error(endpoint.error());
    return std::nullopt;
  }

  void check_addresses(const NodeEntry& node, const Value& address, const Value& peer) {
    if (node.address.port == 0) return;
    if (node.address == node.peer_address) peer.error("equals address; people and peers need two ports");
    for (const NodeEntry& other : out_.nodes) {
      if (node.address == other.address || node.address == other.peer_address) {
        address.error(
            fmt::format("{} is taken by node \"{}\" at {}", node.address.text(), other.name, place_of(other.where)));
      } else if (node.peer_address.port != 0 &&
                 (node.peer_address == other.address || node.peer_address == other.peer_address)) {
        (peer ? peer : address)
            .error(fmt::format("{} (for peers) is taken by node \"{}\" at {}", node.peer_address.text(), other.name,
                               place_of(other.where)));
      }
    }
  }

  std::uint64_t bits_of(const std::vector<std::string>& labels, const Value& value) {
    std::uint64_t bits = 0;
    for (const std::string& label : labels) {
      std::size_t bit = 0;
      while (bit < out_.labels.size() && out_.labels[bit] != label) ++bit;
      if (bit == kMaxLabels) {
        value.error(fmt::format("label \"{}\" is the 65th; at most 64 different labels", label));
        return bits;
      }
      if (bit == out_.labels.size()) out_.labels.push_back(label);
      bits |= std::uint64_t{1} << bit;
    }
    return bits;
  }

  void read_self() {
    const Value value = root_.find("this-node");
    const auto written = value.as_string();
    out_.node = options_.node.value_or(written.value_or(""));
    if (const NodeEntry* node = out_.find_node(out_.node)) {
      out_.self = node->id;
      return;
    }
    if (!root_ || out_.nodes.empty()) return;
    if (out_.node.empty()) {
      if (!value) root_.error("which node is this? write this-node = \"...\" or give --node NAME");
      return;
    }
    std::vector<std::string> names;
    for (const NodeEntry& node : out_.nodes) names.push_back(node.name);
    std::string text = fmt::format("unknown node \"{}\"; expected {}", out_.node, quoted_list(names));
    if (const auto near = nearest_name(out_.node, names)) text += fmt::format("; did you mean \"{}\"?", *near);
    document_.error_at(options_.node ? Where{} : value.where(), options_.node ? "--node" : "this-node", text);
  }

  // A path of the file: "{node}" filled in, relative ones from the file's directory.
  std::optional<std::string> read_path(const Value& value) {
    auto text = value.as_string();
    if (!text) return std::nullopt;
    for (std::size_t at = text->find("{node}"); at != std::string::npos; at = text->find("{node}", at)) {
      text->replace(at, 6, out_.node);
    }
    std::filesystem::path path(*text);
    if (path.is_relative()) path = std::filesystem::path(document_.name()).parent_path() / path;
    std::error_code ignored;
    const std::filesystem::path absolute = std::filesystem::absolute(path, ignored);
    return (ignored ? path : absolute).lexically_normal().string();
  }

  void read_paths() {
    out_.store_path = read_path(root_.section("store").need("path")).value_or("");
    if (root_ && !root_.find("store")) root_.need("store");
    const Value state_dir = root_.need("state-dir");
    out_.state_dir = read_path(state_dir).value_or("");
    if (out_.state_dir.size() > 1 && out_.state_dir.back() == '/') out_.state_dir.pop_back();
    if (out_.state_dir.size() > kMaxStateDir) {
      state_dir.error(fmt::format("\"{}\" has {} bytes; expected at most {}, since paths of Unix sockets are short",
                                  out_.state_dir, out_.state_dir.size(), kMaxStateDir));
    }
    out_.secret_file = read_path(root_.need("secret-file")).value_or("");
    out_.trace = read_path(root_.find("trace"));
    out_.trace_limit = static_cast<std::uint64_t>(
        root_.find("trace-limit").as_bytes(1 << 20).value_or(static_cast<std::int64_t>(out_.trace_limit)));
  }

  void read_listen() {
    const Section listen = root_.section("listen");
    const Value socket = listen.find("trusted-socket");
    out_.trusted_socket = read_path(socket);
    if (out_.trusted_socket && out_.trusted_socket->size() > 107) {
      socket.error(fmt::format("\"{}\" is longer than the 107 bytes of a Unix socket's path", *out_.trusted_socket));
    }
    out_.trusted_header = listen.find("trusted-header").as_string().value_or(out_.trusted_header);
    constexpr std::int64_t kMostWorkers = 64;
    out_.workers = static_cast<std::uint32_t>(listen.find("workers").as_integer(0, kMostWorkers).value_or(0));
    const Value proxy = listen.find("proxy-protocol");
    out_.proxy_protocol =
        proxy.as_choice<ProxyProtocol>({{"off", ProxyProtocol::kOff}, {"required", ProxyProtocol::kRequired}})
            .value_or(out_.proxy_protocol);
    if (out_.proxy_protocol == ProxyProtocol::kRequired && !socket) {
      proxy.error(
          "\"required\" needs a trusted-socket: who says what a client's address is must be known by more than an "
          "address of its own");
    }
    out_.access_log =
        root_.find("access-log")
            .as_choice<AccessLog>(
                {{"json", AccessLog::kJson}, {"combined", AccessLog::kCombined}, {"off", AccessLog::kOff}})
            .value_or(out_.access_log);
  }

  void read_doors() {
    const PathReader path = [this](const Value& value) { return read_path(value); };
    const Section tls = root_.section("tls");
    out_.tls = read_tls(tls, path);
    out_.cluster_tls = read_cluster_tls(root_.section("cluster-tls"), path);
    out_.limits = read_limits(root_.section("limits"));
    bool redirects = false;
    for (std::size_t i = 0; i < out_.nodes.size(); ++i) {
      read_http_address(tls, node_sections_[i], out_.nodes[i]);
      redirects = redirects || out_.nodes[i].http_address.port != 0;
    }
    if (out_.tls.https_port != 0 && !redirects) {
      tls.find("https-port")
          .error("is what a redirect names, and nothing redirects; write redirect-port = 80 too, or take it out");
    }
  }

  // Where a node redirects from: its own http-address, else tls.redirect-port on the host of its address.
  void read_http_address(const Section& tls, const Section& section, NodeEntry& node) {
    const Value own = section.find("http-address");
    const Value place = own ? own : tls.find("redirect-port");
    if (own) {
      node.http_address = read_endpoint(own).value_or(Endpoint{});
      if (!tls) own.error("answers with a redirect to HTTPS, and there is no [tls]; add it or take this out");
    } else if (out_.tls.redirect_port != 0) {
      node.http_address = Endpoint{node.address.host, out_.tls.redirect_port};
    }
    if (node.http_address.port == 0) return;
    for (const NodeEntry& other : out_.nodes) {
      const bool redirects = other.id < node.id && other.http_address == node.http_address;
      if (node.http_address != other.address && node.http_address != other.peer_address && !redirects) continue;
      place.error(fmt::format("{} (for plain HTTP, on node \"{}\") is taken by node \"{}\" at {}",
                              node.http_address.text(), node.name, other.name, place_of(other.where)));
    }
  }

  void read_kind(const Entry& entry) {
    const Section section = entry.section();
    KindEntry kind;
    kind.name = entry.name;
    kind.id = core::KindId(static_cast<std::uint16_t>(out_.kinds.size()));
    kind.where = entry.where;
    if (!is_name(kind.name)) section.error("is no name; expected up to 63 letters, digits, \"-\" and \"_\"");
    kind.title = section.find("title").as_string().value_or(kind.name);
    kind.listen = section.find("listen")
                      .as_choice<ListenOn>({{"unix", ListenOn::kUnix}, {"loopback", ListenOn::kLoopback}})
                      .value_or(ListenOn::kUnix);
    kind.prefix = section.find("prefix")
                      .as_choice<PrefixUse>({{"keep", PrefixUse::kKeep}, {"strip", PrefixUse::kStrip}})
                      .value_or(PrefixUse::kKeep);
    kind.without_store = section.find("without-store")
                             .as_choice<core::WithoutStore>(
                                 {{"keep", core::WithoutStore::kKeep}, {"freeze", core::WithoutStore::kFreeze}})
                             .value_or(core::WithoutStore::kKeep);
    kind.wake =
        section.find("wake")
            .as_choice<WakeOn>({{"navigation", WakeOn::kNavigation}, {"any", WakeOn::kAny}, {"never", WakeOn::kNever}})
            .value_or(WakeOn::kNavigation);
    const Value probe = section.find("probe");
    kind.probe = probe.as_string().value_or("/");
    if (kind.probe[0] != '/') probe.error(fmt::format("\"{}\" is no path; expected e.g. \"/api\"", kind.probe));
    kind.start_timeout = section.find("start-timeout").as_duration().value_or(kind.start_timeout);
    const Value idle = section.find("idle");
    if (idle) {
      idle.error(
          "this router cannot carry out idle rules yet: it does not see when a session was last used, and its launcher "
          "cannot suspend; take idle out (the simulator's scenarios have it)");
    }
    const Section expect = section.section("expect");
    kind.expect_memory = static_cast<std::uint64_t>(expect.find("memory").as_bytes().value_or(0));
    kind.expect_cpu = expect.find("cpu").as_number(0, 100'000).value_or(0);
    kind.labels = section.find("labels").as_strings().value_or(std::vector<std::string>{});
    kind.label_bits = bits_of(kind.labels, section.find("labels"));
    read_command(section, kind);
    for (const Entry& variable : section.named("environment")) {
      const std::string value = variable.value.as_any_string().value_or("");
      if (const auto wrong = template_error(value)) variable.value.error(*wrong);
      kind.environment.emplace_back(variable.name, value);
    }
    out_.kinds.push_back(std::move(kind));
  }

  void read_command(const Section& section, KindEntry& kind) {
    const Value command = section.need("command");
    kind.command = command.as_strings().value_or(std::vector<std::string>{});
    if (kind.command.empty()) {
      if (command.is_list())
        command.error("is empty; expected a program and its arguments, e.g. [\"/usr/bin/jupyter-notebook\"]");
      return;
    }
    bool listens = false;
    bool wrong_one = false;
    const char* wanted = kind.listen == ListenOn::kUnix ? "socket" : "port";
    const char* other = kind.listen == ListenOn::kUnix ? "port" : "socket";
    const std::vector<Value> arguments = command.as_list().value_or(std::vector<Value>{});
    for (const Value& argument : arguments) {
      const std::string text = argument.as_any_string().value_or("");
      if (const auto wrong = template_error(text)) {
        argument.error(*wrong);
        listens = true;  // perhaps meant there; one error is enough
      }
      listens = listens || uses_placeholder(text, wanted);
      wrong_one = wrong_one || uses_placeholder(text, other);
    }
    for (const Entry& variable : section.named("environment")) {
      listens = listens || (variable.value.is_string() && uses_placeholder(*variable.value.as_any_string(), wanted));
    }
    if (!listens) {
      std::string text =
          fmt::format("nothing tells the program where to listen; put {{{}}} in command or environment", wanted);
      if (wrong_one) {
        text += fmt::format(" or write listen = \"{}\"", kind.listen == ListenOn::kUnix ? "loopback" : "unix");
      }
      command.error(text);
    }
  }

  void read_core() {
    const Section cluster = root_.section("cluster");
    read_cluster(cluster, out_.core);
    for (const KindEntry& kind : out_.kinds) {
      core::KindConfig entry;
      entry.name = kind.name;
      entry.labels = kind.label_bits;
      entry.memory_bytes = kind.expect_memory;
      entry.start_timeout = kind.start_timeout;
      entry.without_store = kind.without_store;
      out_.core.kinds.push_back(std::move(entry));
    }
    std::vector<std::string> known = options_.strategies;
    if (known.empty()) {
      for (const std::string_view name : core::strategy_names()) known.emplace_back(name);
    }
    const Section strategy = root_.section("strategy");
    out_.core.strategy = strategy.find("name").as_choice(known).value_or(out_.core.strategy);
    out_.core.strategy_params = read_strategy_params(strategy, out_.core.strategy);
    for (const KindEntry& kind : out_.kinds) check_labels(kind);
    if (document_.ok()) check_core_config(root_, out_.core);
  }

  void check_labels(const KindEntry& kind) {
    if (kind.label_bits == 0 || out_.nodes.empty()) return;
    for (const NodeEntry& node : out_.nodes) {
      if ((node.label_bits & kind.label_bits) == kind.label_bits) return;
    }
    document_.error_at(kind.where, "kind." + kind.name + ".labels",
                       "no node has all of these labels; this kind could never run");
  }

  Document& document_;
  const RouterConfigOptions& options_;
  Section root_;
  std::vector<Section> node_sections_;
  RouterConfig out_;
};

}  // namespace

const NodeEntry* RouterConfig::find_node(std::string_view name) const {
  for (const NodeEntry& entry : nodes) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

const KindEntry* RouterConfig::find_kind(std::string_view name) const {
  for (const KindEntry& entry : kinds) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

void read_cluster(const Section& cluster, core::Config& config) {
  const auto duration = [&cluster](const char* key, Duration& field, DurationLimits limits = {}) {
    if (const auto value = cluster.find(key).as_duration(limits)) field = *value;
  };
  const auto count = [&cluster](const char* key, std::uint32_t& field, std::int64_t least) {
    if (const auto value = cluster.find(key).as_integer(least, kMax32)) field = static_cast<std::uint32_t>(*value);
  };
  Duration heartbeat = config.heartbeat;
  duration("heartbeat", heartbeat);
  if (heartbeat != config.heartbeat) {
    core::scale_to_heartbeat(config, heartbeat);
    config.lease_margin = std::min(config.lease_margin, heartbeat);
  }
  duration("report-every", config.report_every, kFromZero);
  duration("suspect", config.suspect);
  duration("lease-ttl", config.lease_ttl);
  duration("dead", config.dead);
  duration("lease-margin", config.lease_margin);
  duration("accept-max", config.accept_max);
  duration("queue-ask-max", config.queue_ask_max);
  duration("fence-max", config.fence_max);
  count("max-nodes", config.max_nodes, 1);
  count("max-routes", config.max_routes, 1);
  count("max-wishes", config.max_wishes, 1);
  count("max-queue", config.max_queue, 0);
  count("max-attempts", config.max_attempts, 1);
  count("max-sessions-per-user", config.max_sessions_per_user, 0);
  count("max-misfits", config.max_misfits, 0);
  if (const auto seed = cluster.find("seed").as_integer()) config.seed = static_cast<std::uint64_t>(*seed);
}

void check_core_config(const Section& root, const core::Config& config) {
  for (const core::ConfigError& error : core::validate(config)) {
    if (error.field == "kind") {
      root.error("no [kind.NAME] table; at least one kind of session is needed");
    } else if (error.field.starts_with("strategy.")) {
      const Section strategy = root.section("strategy");
      (strategy ? strategy : root).find(error.field.substr(9)).error(error.text);
    } else if (error.field.starts_with("kind.")) {
      const std::size_t last = error.field.rfind('.');
      const std::string name = error.field.substr(5, last - 5);
      root.section("kind").find(name).section().find(error.field.substr(last + 1)).error(error.text);
    } else {
      const Section cluster = root.section("cluster");
      (cluster ? cluster : root).find(error.field).error(error.text);
    }
  }
}

std::expected<RouterConfig, std::string> read_router_config(Document& document, const RouterConfigOptions& options) {
  return RouterConfigReader(document, options).read();
}

std::expected<RouterConfig, std::string> load_router_config(const std::string& path,
                                                            const RouterConfigOptions& options) {
  Document document = Document::load(path);
  return read_router_config(document, options);
}

std::expected<std::string, std::string> read_secret(const std::string& path) {
  const auto fail = [&path](const std::string& what) { return std::unexpected(path + ": " + what); };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return fail(fmt::format("the secret file cannot be read ({}); make one: (umask 077; head -c 32 /dev/urandom > {})",
                            std::generic_category().message(errno), path));
  }
  struct stat info{};
  std::string bytes(4096, '\0');
  const bool stated = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  const ssize_t got = stated ? ::read(fd, bytes.data(), bytes.size()) : -1;
  ::close(fd);
  if (!stated || got < 0) return fail("the secret file is no regular file");
  if ((info.st_mode & 077) != 0) {
    return fail(fmt::format("the secret file is open to others (mode {:04o}); chmod 600 {}",
                            static_cast<unsigned>(info.st_mode & 07777), path));
  }
  if (got < 32) return fail(fmt::format("the secret file holds {} bytes; expected 32 or more", got));
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

}  // namespace homing::base
