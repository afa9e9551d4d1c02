// SPDX-License-Identifier: Apache-2.0
#include "router/net/demo_cluster.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>

#include "router/net/demo_person.h"

namespace homing::net {
namespace {

constexpr int kMaxNodes = 9;

std::string host_of(int node) {
  return fmt::format("127.0.0.{}", 11 + node);
}

// Can this port be bound on this address, for streams and datagrams?
bool is_free(const std::string& host, std::uint16_t port) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const int yes = 1;
    if (type == SOCK_STREAM) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const bool bound = ::bind(fd, static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) == 0;
    ::close(fd);
    if (!bound) return false;
  }
  return true;
}

std::optional<std::uint16_t> free_port(int nodes, std::uint16_t first) {
  for (int port = first; port < first + 400 && port < 65'000; port += 4) {
    bool free = true;
    for (int node = 0; node < nodes && free; ++node) {
      const auto p = static_cast<std::uint16_t>(port);
      for (int k = 0; k < 3; ++k)
        free = free && is_free(host_of(node), static_cast<std::uint16_t>(p + k));  // people, peers, launcher
    }
    if (free) return static_cast<std::uint16_t>(port);
  }
  return std::nullopt;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return out.str();
}

bool lives(pid_t pid) {
  const std::string text = read_all(fmt::format("/proc/{}/stat", pid));
  const std::size_t end = text.rfind(')');
  return end != text.npos && end + 2 < text.size() && text[end + 2] != 'Z' && text[end + 2] != 'X';
}

// Processes with `entry` at the beginning of one of their environment's variables.
std::vector<pid_t> carrying(const std::string& entry) {
  std::vector<pid_t> out;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return out;
  while (const dirent* one = ::readdir(folder)) {
    const auto pid = static_cast<pid_t>(::strtol(one->d_name, nullptr, 10));
    if (pid <= 1 || pid == ::getpid()) continue;
    const std::string environment = '\0' + read_all(fmt::format("/proc/{}/environ", pid));
    if (environment.find('\0' + entry) != environment.npos && lives(pid)) out.push_back(pid);
  }
  ::closedir(folder);
  return out;
}

void kill_all(const std::function<std::vector<pid_t>()>& who) {
  for (int pass = 0; pass < 200; ++pass) {
    const std::vector<pid_t> pids = who();
    if (pids.empty()) return;
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  std::string out;
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) ::abort();
  for (const char c : raw) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

bool write_file(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool done = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) ::close(fd);
  return done;
}

constexpr std::string_view kJupyterKind = R"(
[kind.jupyter]
title = "Jupyter Notebook"
command = ["/usr/bin/jupyter-notebook", "--no-browser", "--allow-root", "--NotebookApp.sock={socket}",
  "--NotebookApp.base_url={prefix}", "--NotebookApp.token=", "--NotebookApp.password=",
  "--NotebookApp.allow_remote_access=True", "--NotebookApp.notebook_dir={state-dir}/work", "--KernelManager.transport=ipc"]
environment = { JUPYTER_RUNTIME_DIR = "{state-dir}" }
probe = "/api/status"
start-timeout = "60 s"
)";

}  // namespace

std::string own_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

std::expected<DemoCluster, std::string> DemoCluster::make(DemoClusterOptions options) {
  if (options.nodes < 1 || options.nodes > kMaxNodes) {
    return std::unexpected(fmt::format("{} nodes are wanted; 1 to {} fit", options.nodes, kMaxNodes));
  }
  DemoCluster cluster;
  cluster.programs_ = options.programs.empty() ? own_folder() : options.programs;
  for (const char* program : {"homing-launcher", "homing-notepad", "homing-router"}) {
    if (::access((cluster.programs_ + "/" + program).c_str(), X_OK) != 0) {
      return std::unexpected(fmt::format("{}/{} is missing; build it: ./dev build", cluster.programs_, program));
    }
  }
  if (options.directory.empty()) {
    std::string name = "/tmp/homing-demo-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      return std::unexpected(fmt::format("no folder in /tmp: {}", std::strerror(errno)));
    options.directory = name;
  } else if (::mkdir(options.directory.c_str(), 0700) != 0) {
    return std::unexpected(fmt::format("{} cannot be made: {}; name a folder that is not there yet", options.directory,
                                       std::strerror(errno)));
  }
  cluster.directory_ = options.directory;
  const auto port = free_port(options.nodes, options.port);
  if (!port) {
    return std::unexpected(fmt::format("no port from {} on is free on {} to {}; end what listens there, or give --port",
                                       options.port, host_of(0), host_of(options.nodes - 1)));
  }
  for (int i = 0; i < options.nodes; ++i) {
    cluster.nodes_.push_back({.name = fmt::format("n{}", i + 1), .address = {host_of(i), *port}});
  }
  cluster.has_jupyter_ = ::access("/usr/bin/jupyter-notebook", X_OK) == 0;
  cluster.secret_ = random_hex(32);
  cluster.config_file_ = cluster.directory_ + "/homing.toml";
  if (!write_file(cluster.directory_ + "/secret", cluster.secret_) ||
      !write_file(cluster.config_file_, cluster.configuration(options))) {
    return std::unexpected(fmt::format("{} cannot be written: {}", cluster.directory_, std::strerror(errno)));
  }
  return cluster;
}

std::string DemoCluster::configuration(const DemoClusterOptions& options) const {
  std::string text = fmt::format(
      "# A throw-away cluster.\nformat = 1\nstate-dir = \"{{node}}\"\nsecret-file = \"secret\"\n{}\n[store]\npath = "
      "\"store.sqlite\"\n",
      options.trace ? "trace = \"{node}.trace\"\n" : "");
  for (const Node& node : nodes_) {
    text += fmt::format("\n[[node]]\nname = \"{}\"\naddress = \"{}\"\n", node.name, node.address.text());
  }
  text += fmt::format("\n[cluster]\nheartbeat = \"{}\"\n{}\n[strategy]\nname = \"{}\"\n", options.heartbeat,
                      options.cluster, options.strategy);
  if (has_jupyter_) text += kJupyterKind;
  text += fmt::format(
      "\n[kind.notepad]\ntitle = \"Notepad\"\ncommand = [\"{}/homing-notepad\", \"--socket\", \"{{socket}}\", "
      "\"--prefix\", "
      "\"{{prefix}}\"]\nprobe = \"/api/who\"\nstart-timeout = \"30 s\"\n",
      programs_);
  return text + options.more;
}

std::string DemoCluster::log_of(std::size_t node, const std::string& program) const {
  return fmt::format("{}/{}.{}.log", directory_, nodes_[node].name, program);
}

pid_t DemoCluster::spawn(std::size_t node, const std::string& program, const std::vector<std::string>& arguments) {
  const std::string path = programs_ + "/homing-" + program;
  const std::string log = log_of(node, program);
  std::vector<std::string> argv = {path};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.insert(argv.end(), {"-c", config_file_, "--node", nodes_[node].name});
  std::vector<char*> pointers;
  for (std::string& argument : argv) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setsid();  // a Ctrl-C is for the demo, which ends its children in order
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(path.c_str(), pointers.data());
  ::_exit(127);
}

void DemoCluster::start_launcher(std::size_t node) {
  if (nodes_[node].launcher < 0) nodes_[node].launcher = spawn(node, "launcher", {});
}

void DemoCluster::start_router(std::size_t node) {
  if (nodes_[node].router < 0) nodes_[node].router = spawn(node, "router", {"serve"});
}

void DemoCluster::start_all() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) start_node(i);
}

void DemoCluster::start_node(std::size_t node) {
  nodes_[node].wanted = true;
  start_launcher(node);
  start_router(node);
}

bool DemoCluster::ready(std::size_t node) const {
  return plain_get(nodes_[node].address, "/readyz", std::chrono::seconds(2)).status == 200;
}

bool DemoCluster::wait_ready(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    bool all = true;
    for (std::size_t i = 0; i < nodes_.size(); ++i) all = all && (!nodes_[i].wanted || ready(i));
    if (all) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void DemoCluster::stop(pid_t& pid, int signal) {
  if (pid < 0) return;
  ::kill(pid, signal);
  for (int wait = 0; wait < 1000; ++wait) {
    if (::waitpid(pid, nullptr, WNOHANG) != 0) {
      pid = -1;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  pid = -1;
}

void DemoCluster::kill_router(std::size_t node) {
  stop(nodes_[node].router, SIGKILL);
}
void DemoCluster::kill_launcher(std::size_t node) {
  stop(nodes_[node].launcher, SIGKILL);
}

void DemoCluster::kill_node(std::size_t node) {
  nodes_[node].wanted = false;
  kill_launcher(node);  // first, so that it does not see its sessions end
  kill_router(node);
  kill_all([&] { return session_processes(node); });
  forget_boot(node);
}

void DemoCluster::pause_node(std::size_t node, bool paused) {
  std::vector<pid_t> pids = session_processes(node);
  pids.push_back(nodes_[node].router);
  pids.push_back(nodes_[node].launcher);
  for (const pid_t pid : pids) {
    if (pid > 0) ::kill(pid, paused ? SIGSTOP : SIGCONT);
  }
}

void DemoCluster::forget_boot(std::size_t node) {
  std::error_code ignored;
  std::filesystem::remove(fmt::format("{}/{}/launcher.journal", directory_, nodes_[node].name), ignored);
}

std::vector<pid_t> DemoCluster::session_processes(std::size_t node) const {
  return carrying(fmt::format("HOME={}/{}/s/", directory_, nodes_[node].name));
}

std::vector<std::string> DemoCluster::supervise(bool restart) {
  std::vector<std::string> done;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto look = [&](pid_t& pid, const char* program, auto start) {
      if (pid > 0 && ::waitpid(pid, nullptr, WNOHANG) == pid) {
        done.push_back(fmt::format("{} of {} ended (process {})", program, nodes_[i].name, pid));
        pid = -1;
      }
      if (pid >= 0 || !restart || !nodes_[i].wanted) return;
      start();
      done.push_back(fmt::format("{} of {} started (process {})", program, nodes_[i].name, pid));
    };
    look(nodes_[i].launcher, "launcher", [&] { start_launcher(i); });
    look(nodes_[i].router, "router", [&] { start_router(i); });
  }
  return done;
}

void DemoCluster::end() {
  if (directory_.empty()) return;
  for (Node& node : nodes_) {
    node.wanted = false;
    stop(node.router, SIGTERM);
  }
  for (Node& node : nodes_) stop(node.launcher, SIGTERM);
  kill_all([this] { return carrying("HOME=" + directory_ + "/"); });
  directory_.clear();
}

}  // namespace homing::net
