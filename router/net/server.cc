// SPDX-License-Identifier: Apache-2.0
#include "router/net/server.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <type_traits>

namespace homing::net {

namespace {

using asio::ip::tcp;
using Local = asio::local::stream_protocol;
constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr Millis kAcceptPause{100};  // when the process is out of descriptors

unsigned worker_count(unsigned wanted) {
  if (wanted != 0) return wanted;
  return std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

// A socket file that nobody listens on is left over from a killed router.
bool somebody_listens(const std::string& path) {
  asio::io_context io;
  Local::socket socket(io);
  error_code error;
  socket.connect(Local::endpoint(path), error);
  return !error;
}

}  // namespace

Server::Server(base::RouterConfig config, ServerOptions options, std::string secret,
               std::unique_ptr<base::SqliteStore> store, base::Log& log)
    : config_(std::move(config)),
      options_(std::move(options)),
      log_(log),
      credentials_(secret),
      traffic_(config_.nodes.size()) {
  driver_ = std::make_unique<CoreDriver>(
      control_.io.get_executor(),
      DriverParts{config_, credentials_, table_, traffic_, log_, std::move(store), options_.build});
  front_ =
      std::make_unique<Front>(FrontParts{config_, credentials_, table_, *driver_, traffic_, log_, options_.limits});
  for (unsigned i = 0; i < worker_count(options_.workers); ++i) workers_.push_back(std::make_unique<Worker>());
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
  std::unique_ptr<Server> server(
      new Server(std::move(config), std::move(options), std::move(*secret), std::move(*store), log));
  asio::co_spawn(server->control_.io, server->control_.reaper.run(), asio::detached);
  if (auto error = server->driver_->start()) return std::unexpected(*error);
  if (auto error = server->wait_for_launcher()) return std::unexpected(*error);
  if (auto error = server->open_doors()) return std::unexpected(*error);
  for (auto& worker : server->workers_) {
    asio::co_spawn(worker->io, worker->reaper.run(), asio::detached);
    server->threads_.emplace_back([io = &worker->io] { io->run(); });
  }
  log.info("router.serving", {{"address", server->config_.this_node().address.text()},
                              {"cluster", server->config_.this_node().peer_address.text()},
                              {"workers", server->workers_.size()}});
  return server;
}

std::optional<std::string> Server::wait_for_launcher() {
  const auto until = std::chrono::steady_clock::now() + options_.launcher_wait;
  while (!driver_->booted() && std::chrono::steady_clock::now() < until) control_.io.run_one_for(Millis(50));
  if (driver_->booted()) return std::nullopt;
  return fmt::format("no launcher answers at {}; start one first: homing-launcher -c {} --node {}",
                     config_.launcher_socket(), config_.file, config_.node);
}

std::optional<std::string> Server::open_doors() {
  if (auto error = open_tcp(config_.this_node().peer_address, Door::kCluster)) return error;
  if (auto error = open_unix(config_.admin_socket(), Door::kAdmin, 0600)) return error;
  if (config_.trusted_socket) {
    if (auto error = open_unix(*config_.trusted_socket, Door::kTrusted, 0660)) return error;
  }
  return open_tcp(config_.this_node().address, Door::kPublic);
}

std::optional<std::string> Server::open_tcp(const base::Endpoint& where, Door door) {
  Worker& home = *workers_.front();
  error_code error;
  tcp::resolver resolver(home.io);
  const auto found = resolver.resolve(where.host, std::to_string(where.port), error);
  if (error || found.empty()) return fmt::format("cannot resolve {}: {}", where.host, error.message());
  const tcp::endpoint endpoint = found.begin()->endpoint();
  auto acceptor = std::make_shared<tcp::acceptor>(home.io);
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(4096, error);
  if (error) {
    const bool used = error == asio::error::address_in_use;
    return fmt::format(
        "cannot listen on {} ({} door): {}; {}", where.text(), to_string(door), error.message(),
        used ? "stop the program that has this port, or give this node another address in the configuration"
             : "this node's address in the configuration must be one of this machine's");
  }
  asio::co_spawn(home.io, accept_from(acceptor, door), asio::detached);
  return std::nullopt;
}

std::optional<std::string> Server::open_unix(const std::string& path, Door door, unsigned mode) {
  Worker& home = door == Door::kAdmin ? control_ : *workers_.front();
  if (path.size() >= 108)
    return fmt::format("the socket path {} is too long ({} bytes, at most 107); use a shorter state-dir", path,
                       path.size());
  if (std::filesystem::exists(path)) {
    if (somebody_listens(path)) return fmt::format("another router of this node is running: it listens on {}", path);
    ::unlink(path.c_str());
  }
  error_code error;
  auto acceptor = std::make_shared<Local::acceptor>(home.io);
  acceptor->open(Local(), error);
  const mode_t before = ::umask(0177);  // nobody gets in between bind and chmod
  if (!error) acceptor->bind(Local::endpoint(path), error);
  ::umask(before);
  if (!error && ::chmod(path.c_str(), mode) != 0) error = error_code(errno, boost::system::system_category());
  if (!error) acceptor->listen(256, error);
  if (error) return fmt::format("cannot listen on {} ({} door): {}", path, to_string(door), error.message());
  socket_files_.push_back(path);
  asio::co_spawn(home.io, accept_from(acceptor, door), asio::detached);
  return std::nullopt;
}

template <class Acceptor>
Task<void> Server::accept_from(std::shared_ptr<Acceptor> acceptor, Door door) {
  for (;;) {
    Worker& worker = door == Door::kAdmin ? control_ : *workers_[next_worker_++ % workers_.size()];
    auto [error, socket] = co_await acceptor->async_accept(worker.io, kUse);
    if (error == asio::error::operation_aborted || !acceptor->is_open()) co_return;
    if (error) {
      log_.warn("accept.failed", {{"door", to_string(door)}, {"why", error.message()}});
      asio::steady_timer pause(acceptor->get_executor(), kAcceptPause);
      co_await pause.async_wait(kUse);
      continue;
    }
    let_in(worker, Socket(std::move(socket)), door);
  }
}

void Server::let_in(Worker& worker, Socket socket, Door door) {
  asio::co_spawn(worker.io, front_->serve(worker, std::move(socket), door), asio::detached);
}

void Server::run() {
  const auto guard = asio::make_work_guard(control_.io);
  control_.io.run();
  shut_down();
}

void Server::stop() {
  asio::post(control_.io, [this] {
    log_.info("router.stopping", {{"text", "sessions go on; start the router again before the lease runs out"}});
    control_.io.stop();
  });
}

void Server::shut_down() {
  if (down_) return;
  down_ = true;
  driver_->stop();
  for (auto& worker : workers_) {
    asio::post(worker->io, [w = worker.get()] { w->reaper.close_all(); });
  }
  // One turn for the closed connections to end, then no more.
  for (auto& worker : workers_) {
    asio::post(worker->io, [w = worker.get()] { asio::post(w->io, [w] { w->io.stop(); }); });
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  control_.reaper.close_all();
  // Let what is left end on this thread, so that nothing of one loop outlives another that it refers to.
  for (int round = 0; round < 3; ++round) {
    for (auto& worker : workers_) {
      worker->io.restart();
      worker->io.poll();
    }
    control_.io.restart();
    control_.io.poll();
  }
  for (const std::string& path : socket_files_) ::unlink(path.c_str());
}

}  // namespace homing::net
