// SPDX-License-Identifier: Apache-2.0
#include "router/net/server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "router/io/resolver.h"
#include "router/io/waiting.h"
#include "router/net/tunnel.h"

namespace homing::net {

namespace {

namespace asio = boost::asio;
constexpr std::int64_t kAcceptPauseMs = 100;  // when the process is out of descriptors
constexpr int kBacklog = 4096;
constexpr std::chrono::milliseconds kWaitToGo{60'000};

unsigned worker_count(unsigned wanted) {
  if (wanted != 0) return wanted;
  return std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

// A socket file that nobody listens on is left over from a killed router.
bool somebody_listens(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const io::SocketAddress address = io::unix_address(path);
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size);
  ::close(fd);
  return result == 0;
}

}  // namespace

Server::Server(std::shared_ptr<const Settings> settings, ServerOptions options, std::string secret,
               std::unique_ptr<base::SqliteStore> store, base::Log& log)
    : first_settings_(std::move(settings)),
      settings_(first_settings_),
      config_(first_settings_->config),
      options_(std::move(options)),
      log_(log),
      credentials_(secret),
      traffic_(config_.nodes.size()) {
  driver_ = std::make_unique<CoreDriver>(control_.get_executor(), DriverParts{config_, credentials_, table_, traffic_,
                                                                              log_, std::move(store), options_.build});
  front_ = std::make_unique<Front>(FrontParts{config_, credentials_, table_, *driver_, traffic_, log_, *this});
  for (unsigned i = 0; i < worker_count(options_.workers != 0 ? options_.workers : config_.workers); ++i) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->settings = first_settings_;
  }
}

Server::~Server() {
  shut_down();
}

std::expected<std::unique_ptr<Server>, std::string> Server::start(base::RouterConfig config, ServerOptions options,
                                                                  base::Log& log) {
  auto secret = base::read_secret(config.secret_file);
  if (!secret) return std::unexpected(secret.error());
  auto store = base::SqliteStore::open(config.store_path);
  if (!store) return std::unexpected(store.error());
  // The launcher insists on mode 0700 from the first moment, whichever of the two is first.
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(config.state_dir).parent_path(), ignored);
  if (::mkdir(config.state_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(
        fmt::format("cannot make the state directory {}: {}", config.state_dir, std::strerror(errno)));
  }
  auto settings = Settings::make(std::move(config), nullptr, options.limits);
  if (!settings) return std::unexpected(settings.error());
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  std::unique_ptr<Server> server(
      new Server(std::move(*settings), std::move(options), std::move(*secret), std::move(*store), log));
  if (auto error = server->open_access_log()) return std::unexpected(*error);
  Inheritance* const inherited = server->options_.inherited.get();
  int hints = -1;
  if (inherited != nullptr) {
    // The other router serves until this one has everything but the word.
    hints = inherited->take("hints", server->config_.this_node().peer_address.text());
    if (auto error = server->open_doors()) return std::unexpected(*error);
    if (!inherited->wait_to_go(kWaitToGo)) return std::unexpected("the router that was to hand over did not");
  }
  if (auto error = server->driver_->start(hints)) return std::unexpected(*error);
  if (auto error = server->wait_for_launcher()) return std::unexpected(*error);
  if (auto error = inherited != nullptr ? server->wait_to_order() : server->open_doors()) {
    return std::unexpected(*error);
  }
  server->serving_ = true;
  for (auto& worker : server->workers_) {
    server->threads_.emplace_back([w = worker.get()] {
      ::pthread_setname_np(::pthread_self(), "worker");  // for those who look with top or perf
      w->loop.run();
    });
  }
  if (inherited != nullptr) inherited->ready();
  log.info("router.serving", {{"address", server->config_.this_node().address.text()},
                              {"cluster", server->config_.this_node().peer_address.text()},
                              {"workers", server->workers_.size()}});
  return server;
}

std::optional<std::string> Server::open_access_log() {
  if (options_.access_log.empty()) {
    const int fd = log_.duplicate();
    if (fd < 0) return std::nullopt;
    access_sink_ = LogSink::over(fd);
  } else {
    auto sink = LogSink::open(options_.access_log);
    if (!sink) return sink.error();
    access_sink_ = std::move(*sink);
  }
  for (auto& worker : workers_) worker->access.lane = &access_sink_->add_lane();
  return std::nullopt;
}

std::optional<std::string> Server::wait_for_launcher() {
  const auto until = std::chrono::steady_clock::now() + options_.launcher_wait;
  while (!driver_->booted() && std::chrono::steady_clock::now() < until)
    control_.run_one_for(std::chrono::milliseconds(50));
  if (driver_->booted()) return std::nullopt;
  return fmt::format("no launcher answers at {}; start one first: homing-launcher -c {} --node {}",
                     config_.launcher_socket(), config_.file, config_.node);
}

// The row's generation is raised and the lease is ours.
std::optional<std::string> Server::wait_to_order() {
  const auto until = std::chrono::steady_clock::now() + options_.launcher_wait;
  while (!driver_->may_order() && std::chrono::steady_clock::now() < until)
    control_.run_one_for(std::chrono::milliseconds(50));
  if (driver_->may_order()) return std::nullopt;
  return fmt::format("the store does not take over this node: {}", core::to_string(driver_->standing()));
}

int Server::inherited(Door door, const std::string& where) {
  return options_.inherited ? options_.inherited->take(to_string(door), where) : -1;
}

std::optional<std::string> Server::open_doors() {
  if (auto error = open_tcp(config_.this_node().peer_address, Door::kCluster)) return error;
  if (auto error = open_unix(config_.admin_socket(), Door::kAdmin, 0600)) return error;
  if (config_.trusted_socket) {
    if (auto error = open_unix(*config_.trusted_socket, Door::kTrusted, 0660)) return error;
  }
  if (config_.this_node().http_address.port != 0) {
    if (auto error = open_tcp(config_.this_node().http_address, Door::kRedirect)) return error;
  }
  return open_tcp(config_.this_node().address, Door::kPublic);
}

std::optional<std::string> Server::open_tcp(const base::Endpoint& where, Door door) {
  if (const int ours = inherited(door, where.text()); ours >= 0) {
    listen(ours, door, where.text());
    return std::nullopt;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found)) {
    return fmt::format("cannot resolve {}: {}", where.host, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int yes = 1;
  int error = fd < 0 ? errno : 0;
  if (error == 0 && ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) error = errno;
  if (error == 0 && ::bind(fd, found->ai_addr, found->ai_addrlen) != 0) error = errno;
  if (error == 0 && ::listen(fd, kBacklog) != 0) error = errno;
  if (error != 0) {
    if (fd >= 0) ::close(fd);
    return fmt::format(
        "cannot listen on {} ({} door): {}; {}", where.text(), to_string(door), std::strerror(error),
        error == EADDRINUSE
            ? "stop the program that has this port, or give this node another address in the configuration"
            : "this node's address in the configuration must be one of this machine's");
  }
  listen(fd, door, where.text());
  return std::nullopt;
}

std::optional<std::string> Server::open_unix(const std::string& path, Door door, unsigned mode) {
  if (path.size() >= 108)
    return fmt::format("the socket path {} is too long ({} bytes, at most 107); use a shorter state-dir", path,
                       path.size());
  if (const int ours = inherited(door, path); ours >= 0) {
    socket_files_.push_back(path);
    listen(ours, door, path);
    return std::nullopt;
  }
  if (std::filesystem::exists(path)) {
    if (somebody_listens(path)) return fmt::format("another router of this node is running: it listens on {}", path);
    ::unlink(path.c_str());
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const io::SocketAddress address = io::unix_address(path);
  int error = fd < 0 ? errno : 0;
  const mode_t before = ::umask(0177);  // nobody gets in between bind and chmod
  if (error == 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) error = errno;
  ::umask(before);
  if (error == 0 && ::chmod(path.c_str(), mode) != 0) error = errno;
  if (error == 0 && ::listen(fd, kBacklog) != 0) error = errno;
  if (error != 0) {
    if (fd >= 0) ::close(fd);
    return fmt::format("cannot listen on {} ({} door): {}", path, to_string(door), std::strerror(error));
  }
  socket_files_.push_back(path);
  listen(fd, door, path);
  return std::nullopt;
}

// The workers' threads do not run yet: the first turn of the first worker begins to accept.
void Server::listen(int fd, Door door, const std::string& where) {
  io::Loop& home = workers_.front()->loop;
  listeners_.push_back(std::make_unique<Listener>(home, fd, door, where));
  home.post([this, listener = listeners_.back().get()] { io::spawn(accept_from(*listener)); });
}

io::Task<void> Server::accept_from(Listener& listener) {
  io::Loop& home = workers_.front()->loop;
  while (!listener.watch.abandoned()) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Worker& worker = *workers_[next_worker_++ % workers_.size()];
      if (&worker.loop == &home) {
        io::spawn(front_->serve(worker, fd, listener.door));
      } else {
        worker.loop.post([this, &worker, fd, door = listener.door] { io::spawn(front_->serve(worker, fd, door)); });
      }
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      listener.watch.read_drained();
      co_await listener.watch.readable();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      log_.warn("accept.failed", {{"door", to_string(listener.door)}, {"why", std::strerror(errno)}});
      co_await io::Sleep(home, kAcceptPauseMs);
      if (home.closing()) co_return;
    }
  }
}

void Server::in_background(std::function<void()> call) {
  asio::post(background_, std::move(call));
}

std::expected<Server::Reloaded, std::string> Server::reload() {
  auto read = base::load_router_config(config_.file, {config_.node, {}});
  if (!read) return std::unexpected(read.error());
  const base::RouterConfig& before = settings_->config;
  base::RouterConfig taken = base::taken_over(before, *read);
  // What waits for a restart is looked at too: a file that is missing is told now and not then.
  if (auto trial = Settings::make(*read, settings_.get(), options_.limits); !trial) {
    return std::unexpected(trial.error());
  }
  // Times of the cluster that wait for a restart may not fit those that do not.
  if (const auto broken = core::validate(taken.core); !broken.empty()) {
    return std::unexpected(
        fmt::format("{}: {} (with what only a restart changes left as it is)", config_.file, broken.front().text));
  }
  auto made = Settings::make(std::move(taken), settings_.get(), options_.limits);
  if (!made) return std::unexpected(made.error());
  Reloaded done{base::config_changes(before, *read), {}};
  done.text = base::changes_text(done.changes) + (*made)->text();
  const bool for_core = std::ranges::any_of(base::config_changes(before, (*made)->config), [](const auto& change) {
    return change.key.starts_with("cluster.") || change.key.starts_with("strategy") || change.key.starts_with("kind.");
  });
  if (for_core) driver_->reconfigure((*made)->config.core);
  settings_ = std::move(*made);
  for (auto& worker : workers_) {
    worker->loop.post([w = worker.get(), settings = settings_] {
      w->settings = settings;
      w->idle.clear();  // made under the old certificates
    });
  }
  log_.info("config.reloaded", {{"changes", done.changes.size()}, {"text", done.text}});
  return done;
}

void Server::run() {
  const auto guard = asio::make_work_guard(control_);
  control_.run();
  shut_down();
}

void Server::stop() {
  asio::post(control_, [this] {
    log_.info("router.stopping", {{"text", "sessions go on; start the router again before the lease runs out"}});
    control_.stop();
  });
}

void Server::shut_down() {
  if (down_) return;
  down_ = true;
  background_.join();
  driver_->stop();
  for (auto& worker : workers_) worker->loop.stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // What is left ends on this thread: every stream fails, every wait is over.
  for (auto& listener : listeners_) {
    if (listener->watch.abandoned()) continue;  // handed over
    listener->watch.abandon();
    ::close(listener->fd);
  }
  for (auto& worker : workers_) {
    for (io::Stream* client : worker->clients) client->close();
    worker->loop.shut_down();
    worker->idle.clear();
  }
  listeners_.clear();
  for (int round = 0; round < 3; ++round) {
    control_.restart();
    control_.poll();
  }
  if (handed_over_ || (options_.inherited && !serving_)) return;  // another router's
  for (const std::string& path : socket_files_) ::unlink(path.c_str());
}

}  // namespace homing::net
