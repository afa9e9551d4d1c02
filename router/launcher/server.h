// SPDX-License-Identifier: Apache-2.0
//
// The launcher's socket: who may speak, and to whom events go.
//
// Intuition: the socket lies in a directory of mode 0700 and is 0600 itself; whoever connects is asked of the kernel
// (SO_PEERCRED) and must be root or the launcher's own user. What does not decode is answered by Refused and the
// connection ends: a router that speaks nonsense is not one to start processes for.
//
// At the maximum of clients a new one is refused; a client that does not read is dropped at kMaxQueuedBytes and finds
// the Inventory when it comes back.
// Thread class: single-owner.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "router/launcher/descriptor.h"
#include "router/launcher/sessions.h"

namespace homing::launcher {

// Makes the state directory with mode 0700, or checks the one that is there, and takes its lock: one launcher a node.
// Returns the lock; it is held while it lives. Errors: one sentence with the fix.
std::expected<Descriptor, std::string> lock_state_dir(const std::string& state_dir);

class Server {
 public:
  static constexpr std::size_t kMaxClients = 16;
  static constexpr std::size_t kMaxQueuedBytes = 16 * 1024 * 1024;

  // REQUIRES: the state directory's lock is held (a socket left behind is removed).
  // Throws boost::system::system_error when it cannot listen.
  Server(boost::asio::io_context& io, const std::string& socket_path, base::Log& log);
  ~Server();

  // `sessions` must outlive the io_context's run.
  void serve(Sessions& sessions);

  // Whether somebody who said Hello is connected: normally the node's router.
  bool has_client() const;

  // To every client that said Hello.
  void broadcast(const Event& event);

 private:
  struct Client;
  using ClientPtr = std::shared_ptr<Client>;

  boost::asio::awaitable<void> accept_all();
  boost::asio::awaitable<void> serve_client(ClientPtr client);
  boost::asio::awaitable<void> write_all(ClientPtr client);
  // Returns why the client is refused, or nothing.
  std::string take(const ClientPtr& client, const Request& request);
  void send(const ClientPtr& client, const Event& event);

  boost::asio::local::stream_protocol::acceptor acceptor_;
  base::Log& log_;
  Sessions* sessions_ = nullptr;
  std::set<ClientPtr> clients_;
};

}  // namespace homing::launcher
