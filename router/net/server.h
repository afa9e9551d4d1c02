// SPDX-License-Identifier: Apache-2.0
//
// One router, put together: control thread (core driver, admin door), worker threads (people and peers), doors.
//
// Threads: one for the core's driver (Asio, for the store, the launcher and the hints), and the workers' loops. The
// first worker accepts and deals connections out in turn. Life: start() reads the secret, opens the store, waits for
// the launcher, opens the doors, in this order, so that what is wrong is said in one sentence before anybody is let in.
// run() lends the calling thread to the control loop until stop(). Stopping a router stops no session and changes
// nothing in the store: its launcher goes on, and the node's lease runs out unless a router comes back in time. Thread
// class: start, run and destruction on one thread; stop() from any.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "router/base/config_diff.h"
#include "router/net/front.h"
#include "router/net/upgrade.h"

namespace homing::net {

struct ServerOptions {
  unsigned workers = 0;  // 0: as many as processors, at most 8
  std::chrono::milliseconds launcher_wait{10'000};
  std::string build = "homing 0.1.0";
  std::optional<FrontLimits> limits;  // instead of the configuration's
  std::string access_log;             // file of the access log; empty: where the log goes
  std::vector<std::string> command;   // how this program was started: another one that takes over is started like it
  std::shared_ptr<Inheritance> inherited;  // of the router that hands over to this one
};

class Server {
 public:
  static std::expected<std::unique_ptr<Server>, std::string> start(base::RouterConfig config, ServerOptions options,
                                                                   base::Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns after stop().
  void run();
  void stop();
  // [any thread] After a rotation. An error is one sentence.
  std::optional<std::string> reopen_access_log() { return access_sink_ ? access_sink_->reopen() : std::nullopt; }
  boost::asio::io_context& control() { return control_; }
  CoreDriver& driver() { return *driver_; }
  const base::RouterConfig& config() const { return config_; }

  // Runs it on the one thread for what reads files, in turn. [any thread]
  void in_background(std::function<void()> call);
  // Reads the configuration's file and every file that it names again, and gives what a running router can take over
  // to the workers and to the core. On an error nothing has changed; it says every mistake, a line each. In the
  // background only.
  struct Reloaded {
    std::vector<base::ConfigChange> changes;  // also those that wait for a restart
    std::string text;                         // for people: a line a change, then what was read
  };
  std::expected<Reloaded, std::string> reload();

  // Hands over to another program (upgrade.h): `binary`, or the file this one was started from, whatever is there now.
  // On an error this router goes on as it was. In the background only.
  struct HandedOver {
    pid_t process = -1;  // that serves now
    pid_t former = -1;   // this one
    std::int64_t tunnels = 0;
    std::chrono::milliseconds keeps{0};
  };
  std::expected<HandedOver, std::string> upgrade(const std::string& binary);

 private:
  struct Listener {
    Listener(io::Loop& loop, int descriptor, Door d, std::string address)
        : fd(descriptor), door(d), where(std::move(address)), watch(loop, descriptor) {}
    int fd;
    Door door;
    std::string where;
    io::Watch watch;
  };
  Server(std::shared_ptr<const Settings> settings, ServerOptions options, std::string secret,
         std::unique_ptr<base::SqliteStore> store, base::Log& log);
  std::optional<std::string> open_access_log();
  std::optional<std::string> wait_for_launcher();
  std::optional<std::string> open_doors();
  std::optional<std::string> open_tcp(const base::Endpoint& where, Door door);
  std::optional<std::string> open_unix(const std::string& path, Door door, unsigned mode);
  void listen(int fd, Door door, const std::string& where);
  int inherited(Door door, const std::string& where);
  std::optional<std::string> wait_to_order();
  bool on_control(std::function<void(std::function<void()>)> call);
  void retire(const HandedOver& to);
  void look_again();
  io::Task<void> accept_from(Listener& listener);
  void shut_down();

  const std::shared_ptr<const Settings> first_settings_;
  std::shared_ptr<const Settings> settings_;  // in force; the background thread's
  const base::RouterConfig& config_;          // what the core runs with
  const ServerOptions options_;
  base::Log& log_;
  const Credentials credentials_;
  RouteTable table_;
  Traffic traffic_;
  boost::asio::io_context control_{1};
  std::unique_ptr<LogSink> access_sink_;  // after the workers in death: their lanes are part of it
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<CoreDriver> driver_;
  std::unique_ptr<Front> front_;
  std::vector<std::thread> threads_;
  std::vector<std::string> socket_files_;
  boost::asio::thread_pool background_{1};
  std::size_t next_worker_ = 0;  // of the first worker's thread, which accepts
  bool down_ = false;
  // After an upgrade.
  std::atomic<bool> handed_over_{false};
  bool serving_ = false;  // before it, socket files are another router's
  bool tunnels_told_ = false;
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::milliseconds window_{0};
  boost::asio::steady_timer retire_timer_{control_};
};

}  // namespace homing::net
