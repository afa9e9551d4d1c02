// SPDX-License-Identifier: Apache-2.0
//
// One router hands over to another program on the same node, without closing anything.
//
//   old                                         new (started by the old: its sockets, its arguments)
//   |-- starts it -----------------------------> | reads the configuration, opens store and files, takes the doors
//   |<------------------------------- "prepared" | waits
//   | holds: nothing more is ordered; what was   |
//   | ordered is known to store and launcher     |
//   |-- "go" ----------------------------------> | connects to the launcher, reads the store, raises the generation of
//   |                                            | the node's row by one compare-and-set, serves
//   |<---------------------------------- "ready" |
//   | closes its doors, answers what it has in   |
//   | hand, keeps tunnels until they end or the  |
//   | deadline is over                           |
//
// Intuition: at every instant one of the two orders. The old one goes on exactly as it was when the new one says why
// not, ends, or is silent too long; before that the new one is ended and waited for, so that there are never two.
// A connection that waits in a door's queue waits in both, since the queue belongs to the socket and not to a process.
//
// What travels is listed in one variable of the environment, HOMING_UPGRADE, a line a descriptor
// ("public 7 127.0.0.1:8800"). A door whose address changed is opened anew and the old one closed, so that an upgrade
// takes over everything that needs a restart. Words are packets of a socket pair. Source: nginx's and Envoy's hot
// restart; systemd's LISTEN_FDS.
//
// Thread class: single-owner; calls may block as long as they say.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace homing::net {

// A descriptor under the name that both sides know.
struct Handed {
  std::string name;   // of a door, or "hints"
  std::string where;  // what it listens on
  int fd = -1;
};

// The old router's side: the process that is to take over.
class Successor {
 public:
  // Starts `command` with these descriptors beside standard input, output and error, and no other. The error is one
  // sentence.
  static std::expected<Successor, std::string> start(const std::vector<std::string>& command,
                                                     const std::vector<Handed>& handed);
  Successor(Successor&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), control_(std::exchange(other.control_, -1)) {}
  Successor& operator=(Successor&&) = delete;
  // Ends the process, unless keep() was called, and waits for its end.
  ~Successor();

  pid_t pid() const { return pid_; }
  // Until it says this word. The error says what it said instead, or how it ended.
  std::expected<void, std::string> wait_for(std::string_view word, std::chrono::milliseconds limit);
  void say(std::string_view word);
  // It lives on. Returns its number.
  pid_t keep() { return std::exchange(pid_, -1); }

 private:
  Successor(pid_t pid, int control) : pid_(pid), control_(control) {}
  std::string how_it_ended();
  pid_t pid_;
  int control_;
};

// The new router's side.
class Inheritance {
 public:
  // What the environment says, which is taken out of it; nothing for a router that was started by hand.
  static std::optional<Inheritance> from_environment();
  Inheritance(Inheritance&& other) noexcept
      : control_(std::exchange(other.control_, -1)), handed_(std::move(other.handed_)) {}
  Inheritance& operator=(Inheritance&&) = delete;
  ~Inheritance();  // closes what nobody took

  // The caller owns it then. -1: nothing of this name was handed over for this address.
  int take(std::string_view name, std::string_view where);
  // Says "prepared" and waits. False: the old router is gone, or does not want to any more.
  bool wait_to_go(std::chrono::milliseconds limit);
  // The old router closes its doors from here on. Files of sockets that nobody took are removed.
  void ready();
  void failed(const std::string& why);

 private:
  Inheritance(int control, std::vector<Handed> handed) : control_(control), handed_(std::move(handed)) {}
  int control_;
  std::vector<Handed> handed_;
};

// Tells systemd, when it watches this process, that another one is the service now.
void tell_service_manager(pid_t main_process);

// For `homing-router upgrade`: asks the router behind this admin socket to hand over to `binary` (empty: to the file it
// was started from) and waits for what becomes of it: one sentence, or why not.
std::expected<std::string, std::string> ask_for_upgrade(const std::string& admin_socket, const std::string& binary);

}  // namespace homing::net
