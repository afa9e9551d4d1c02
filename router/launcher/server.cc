// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "router/launcher/session.h"

namespace homing::launcher {

namespace asio = boost::asio;
using boost::system::error_code;
using Local = asio::local::stream_protocol;

struct Server::Client {
  explicit Client(Local::socket s) : socket(std::move(s)), wake(socket.get_executor()) {}
  Local::socket socket;
  asio::steady_timer wake;  // cancelled when there is something to write
  std::string queue;
  bool greeted = false;
  bool closing = false;  // write what is queued, then close
};

std::expected<Descriptor, std::string> lock_state_dir(const std::string& state_dir) {
  std::error_code error;
  if (!std::filesystem::exists(state_dir, error)) {
    std::filesystem::create_directories(std::filesystem::path(state_dir).parent_path(), error);
    if (::mkdir(state_dir.c_str(), 0700) != 0 && errno != EEXIST) {
      return std::unexpected(fmt::format("state-dir {} cannot be made: {}", state_dir, std::strerror(errno)));
    }
  }
  struct stat info{};
  if (::lstat(state_dir.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return std::unexpected(fmt::format("state-dir {} is no directory; remove it or name another", state_dir));
  }
  if (info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
    return std::unexpected(
        fmt::format("state-dir {} must belong to uid {} alone (mode 0700); chown {} and chmod 700 it", state_dir,
                    ::geteuid(), ::geteuid()));
  }
  const std::string path = state_dir + "/launcher.lock";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return std::unexpected(fmt::format("{} cannot be opened: {}", path, std::strerror(errno)));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return std::unexpected(
        fmt::format("another launcher runs for {}; stop it first, or name another state-dir", state_dir));
  }
  return lock;
}

Server::Server(asio::io_context& io, const std::string& socket_path, base::Log& log) : acceptor_(io), log_(log) {
  const Local::endpoint endpoint(socket_path);
  acceptor_.open(endpoint.protocol());
  ::unlink(socket_path.c_str());
  const mode_t before = ::umask(0177);
  error_code error;
  acceptor_.bind(endpoint, error);
  ::umask(before);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) throw boost::system::system_error(error, socket_path);
}

Server::~Server() = default;

void Server::serve(Sessions& sessions) {
  sessions_ = &sessions;
  asio::co_spawn(acceptor_.get_executor(), accept_all(), asio::detached);
}

bool Server::has_client() const {
  for (const ClientPtr& client : clients_) {
    if (client->greeted && !client->closing) return true;
  }
  return false;
}

void Server::broadcast(const Event& event) {
  for (const ClientPtr& client : clients_) {
    if (client->greeted) send(client, event);
  }
}

asio::awaitable<void> Server::accept_all() {
  for (;;) {
    error_code error;
    Local::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      asio::steady_timer pause(acceptor_.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    if (!known || (peer.uid != 0 && peer.uid != ::geteuid())) {
      log_.warn("client.stranger", {{"uid", known ? static_cast<std::int64_t>(peer.uid) : -1}});
      continue;  // closed without a word
    }
    const auto client = std::make_shared<Client>(std::move(socket));
    asio::co_spawn(acceptor_.get_executor(), write_all(client), asio::detached);
    if (clients_.size() >= kMaxClients) {
      client->closing = true;
      send(client, Refused{.text = fmt::format("{} routers are connected, the launcher's maximum", kMaxClients)});
      continue;
    }
    clients_.insert(client);
    asio::co_spawn(acceptor_.get_executor(), serve_client(client), asio::detached);
  }
}

asio::awaitable<void> Server::serve_client(ClientPtr client) {
  FrameReader reader(kMaxRequestBytes);
  std::array<char, 4096> piece{};
  std::string refused;
  while (refused.empty() && !client->closing) {
    auto frame = reader.next();
    if (!frame) {
      refused = frame.error();
    } else if (*frame) {
      auto request = decode_request(**frame);
      refused = request ? take(client, *request) : request.error();
    } else {
      error_code error;
      const std::size_t n = co_await client->socket.async_read_some(asio::buffer(piece),
                                                                    asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      reader.append({piece.data(), n});
    }
  }
  if (!refused.empty()) {
    log_.warn("client.refused", {{"text", refused}});
    send(client, Refused{.text = refused});
  }
  clients_.erase(client);
  client->closing = true;
  client->wake.cancel();
}

std::string Server::take(const ClientPtr& client, const Request& request) {
  if (const auto* hello = std::get_if<Hello>(&request)) {
    if (client->greeted) return "a second Hello";
    log_.info("client.hello", {{"client", hello->client}});
    client->greeted = true;
    send(client, sessions_->welcome());
    send(client, sessions_->inventory());
    return "";
  }
  if (!client->greeted) return "the first message must be Hello";
  if (std::holds_alternative<AskInventory>(request)) {
    send(client, sessions_->inventory());
  } else {
    sessions_->handle(request);
  }
  return "";
}

void Server::send(const ClientPtr& client, const Event& event) {
  client->queue += encode(event);
  if (client->queue.size() > kMaxQueuedBytes) {
    error_code ignored;
    client->socket.close(ignored);  // its reader notices
  }
  client->wake.cancel();
}

asio::awaitable<void> Server::write_all(ClientPtr client) {
  error_code error;
  std::string sending;
  while (!error) {
    if (client->queue.empty()) {
      if (client->closing) break;
      client->wake.expires_at(asio::steady_timer::time_point::max());
      error_code woken;
      co_await client->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      continue;
    }
    sending = std::exchange(client->queue, {});
    co_await asio::async_write(client->socket, asio::buffer(sending), asio::redirect_error(asio::use_awaitable, error));
  }
  client->closing = true;
  client->socket.shutdown(Local::socket::shutdown_both, error);
  client->socket.close(error);
}

}  // namespace homing::launcher
