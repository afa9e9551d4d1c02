// SPDX-License-Identifier: Apache-2.0
//
// A router's end of the launcher's socket: connects, says Hello, keeps the connection up, hands on events.
//
// Intuition: the launcher outlives the router and the router outlives the launcher; whoever is left goes on. While the
// launcher is away `send` answers false, and the caller says so (a start is then refused as kLauncherAway). After every
// reconnect the launcher tells its whole Inventory, so nothing has to be remembered here.
//
// Invariants: `on_connected(true)` comes before the Welcome event, `on_connected(false)` once for each of them; no
// callback runs inside a call of this class or after stop().
// Thread class: single-owner: all calls and callbacks on the executor given (an io_context run by one thread, or a
// strand).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "router/launcher/protocol.h"

namespace homing::launcher {

class Client {
 public:
  struct Handlers {
    std::function<void(const Event&)> on_event;
    // `why` is empty when connected, else one sentence for the log.
    std::function<void(bool connected, const std::string& why)> on_connected;
  };

  // `name` goes into the launcher's log.
  Client(boost::asio::any_io_executor executor, std::string socket_path, std::string name, Handlers handlers);
  ~Client();  // as stop()
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Connects, and again whenever the connection ends: after 50 ms, then twice as long each time up to 1 s.
  void start();
  void stop();

  bool connected() const;

  // Returns false, having done nothing, unless connected; true means queued, not done.
  bool send(const Request& request);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace homing::launcher
