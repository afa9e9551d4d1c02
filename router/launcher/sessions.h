// SPDX-License-Identifier: Apache-2.0
//
// The launcher proper: turns requests into processes and what happens to processes into events.
//
// Intuition: every session epoch is a small machine, and each arrow is driven by a fact (a process answered, a pidfd
// became readable, a scope is empty), never by a hope:
//
//   Start -> [wait for an older epoch of the session to be gone] -> kStarting -> answered -> kRunning <-> kFrozen
//   any -> kStopping (SIGTERM, then SIGKILL to the whole scope) -> scope empty -> Ended, or Failed if it never answered
//   leader gone -> rest of the scope killed -> scope empty -> Ended or Failed
//
// Invariants: at most one epoch of a session has processes; an epoch starts at most once, ever (journal.h), however
// often the launcher is killed; the epoch is on the disk before its process exists, and the process is on the disk
// before it becomes the program; nothing starts past the lease deadline. A launcher that ends kills nobody.
// Thread class: single-owner (the io_context's thread).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "router/base/log.h"
#include "router/base/router_config.h"
#include "router/launcher/journal.h"
#include "router/launcher/process.h"
#include "router/launcher/protocol.h"

namespace homing::launcher {

class Sessions {
 public:
  static constexpr std::size_t kMaxSessions = 1024;
  static constexpr std::size_t kMaxEndedKept = 256;  // for Inventory

  struct Options {
    core::Duration grace = core::seconds(5);   // between SIGTERM and SIGKILL
    std::vector<std::string> program_folders;  // where a command without '/' is looked for
  };

  Sessions(boost::asio::io_context& io, const base::RouterConfig& config, Journal journal, Options options,
           std::function<void(const Event&)> on_event, base::Log& log);
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Finds the processes that the journal names. Call once, before anything else.
  void adopt();

  // Anything but Hello and AskInventory.
  void handle(const Request& request);

  Welcome welcome() const;
  Inventory inventory() const;
  bool any_alive() const { return !sessions_.empty(); }

 private:
  struct Session;
  using SessionPtr = std::shared_ptr<Session>;
  using Key = std::pair<core::SessionId, core::Epoch>;

  // Requests.
  void start(const Start& request);
  void kill(const Kill& request);
  void set_frozen(const core::SessionId& session, core::Epoch epoch, bool frozen);
  void set_lease(const LeaseDeadline& request);
  void stop_all(const StopSessions& request);

  // A session's life.
  void launch(const SessionPtr& session);
  std::string launch_process(Session& session);  // returns what went wrong, or nothing
  void watch(const SessionPtr& session);
  void on_exit(const SessionPtr& session);
  boost::asio::awaitable<void> probe_until_answered(SessionPtr session);
  void stop(const SessionPtr& session, FailReason reason, const std::string& text, bool gently);
  boost::asio::awaitable<void> kill_scope(SessionPtr session, bool gently);
  void finish(const SessionPtr& session);
  void freeze(Session& session, bool frozen, const char* why);

  // The lease.
  void arm_lease();
  void lease_passed();
  bool lease_holds() const { return boottime_now() < lease_until_; }
  void save_lease() const;
  void load_lease();

  SessionPtr find(const core::SessionId& session, core::Epoch epoch) const;
  SessionPtr older_alive(const core::SessionId& session, core::Epoch epoch) const;
  void refuse(const Start& request, FailReason reason, const std::string& text);
  void emit(const Event& event);
  std::string folder_of(const core::SessionId& session) const;
  SessionInfo info_of(const Session& session) const;

  boost::asio::io_context& io_;
  const base::RouterConfig& config_;
  Journal journal_;
  Options options_;
  std::function<void(const Event&)> on_event_;
  base::Log& log_;
  std::map<Key, SessionPtr> sessions_;  // alive: starting to stopping
  std::deque<SessionInfo> ended_;       // oldest first
  core::Instant lease_until_{};
  boost::asio::posix::stream_descriptor lease_timer_;  // a timerfd on CLOCK_BOOTTIME
  std::shared_ptr<bool> alive_;                        // false once this object is gone
};

}  // namespace homing::launcher
