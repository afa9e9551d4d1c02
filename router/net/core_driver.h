// SPDX-License-Identifier: Apache-2.0
//
// The shell around the core: it is told the time and every event, and this carries out its effects. All of it on one
// thread, so that the order of calls is the trace.
//
// Intuition: the driver decides nothing. Store calls go to the store's thread, orders to the launcher, routes into the
// table that the workers read, answers to whoever asked, hints to peers as datagrams; one timer stands for the core's
// next deadline. What cannot be done becomes an event (launcher away: the start failed), never an exception.
//
// Life: start() connects to the launcher; its Welcome names the machine's boot, which is the core's first event;
// nothing else reaches the core before it. `now` is read once a turn from CLOCK_BOOTTIME and never falls. Thread class:
// calls marked [any thread] are thread-safe; everything else belongs to the executor's one thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "router/base/log.h"
#include "router/base/router_config.h"
#include "router/base/trace.h"
#include "router/core/core.h"
#include "router/launcher/client.h"
#include "router/launcher/witness.h"
#include "router/net/hints.h"
#include "router/net/history.h"
#include "router/net/route_table.h"
#include "router/net/store_thread.h"
#include "router/net/traffic.h"

namespace homing::net {

struct DriverParts {
  const base::RouterConfig& config;
  const Credentials& credentials;
  RouteTable& table;
  Traffic& traffic;
  base::Log& log;
  std::unique_ptr<base::SqliteStore> store;
  std::string build;  // for the trace's header
};

class CoreDriver {
 public:
  CoreDriver(boost::asio::any_io_executor executor, DriverParts parts);
  ~CoreDriver();
  CoreDriver(const CoreDriver&) = delete;
  CoreDriver& operator=(const CoreDriver&) = delete;

  // The error is one sentence: the trace cannot be written, the hint socket's port is in use.
  std::optional<std::string> start(int inherited_hints = -1);
  // Ends everything of the driver's: sessions, launcher and lease are left as they are.
  void stop();

  // For a router that takes over (upgrade.h). hold(): events wait from here on and nothing more is ordered; `then` runs
  // when everything that was ordered before is known to the store and to the launcher. release(): as if nothing had
  // been. On the driver's thread.
  void hold(std::function<void()> then);
  void release();
  int hint_descriptor() const { return hints_->descriptor(); }

  // [any thread] Answers arrive on the driver's thread: zero or more that are not final, then one that is.
  using OnAnswer = std::function<void(const core::Answer&)>;
  core::RequestId want(const core::SessionId& session, const User& user, core::KindId kind, core::Intent intent,
                       OnAnswer on_answer);
  // [any thread] The caller waits no more. The wish itself stays for kLinger, so that a page that asks again every few
  // seconds keeps its place in the queue.
  void forget(core::RequestId request);
  // [any thread]
  void end(const core::SessionId& session, core::EndReason reason);
  void set_admin(core::NodeId node, core::NodeAdmin admin);
  void leave();
  void reconfigure(core::Config config);
  void hint_received();
  // On the driver's thread, where core() and history() may be looked at.
  void run(std::function<void()> call);

  // [any thread]
  bool booted() const { return booted_.load(); }
  bool launcher_connected() const { return launcher_up_.load(); }
  bool may_order() const { return orders_.load(); }
  core::Refusal standing() const { return standing_.load(); }
  core::Incarnation incarnation() const { return core::Incarnation{incarnation_.load()}; }

  const core::Core& core() const { return core_; }
  const History& history() const { return history_; }
  std::string user_name(core::UserId user) const;
  // Names missing here are asked of the store; `then` runs when all are in.
  void learn_users(std::vector<core::UserId> users, std::function<void()> then);
  core::Instant now();
  std::string last_store_error() const { return store_error_; }
  boost::asio::any_io_executor executor() const { return executor_; }

  static constexpr std::chrono::seconds kLinger{15};

 private:
  using Client = launcher::Client;
  void tell(core::Event event);
  void drain();
  void arm();
  void execute(const core::Effect& effect);
  void execute_all();
  void run_effect(const core::ReadSince& e);
  void run_effect(const core::CompareAndSet& e);
  void run_effect(const core::StartSession& e);
  void run_effect(const core::KillSession& e);
  void run_effect(const core::FreezeSession& e);
  void run_effect(const core::ThawSession& e);
  void run_effect(const core::LeaseUntil& e);
  void run_effect(const core::RouteChanged& e);
  void run_effect(const core::RouteDropped& e);
  void run_effect(const core::Answer& e);
  void run_effect(const core::HintPeer& e);
  void run_effect(const core::DecisionMade& e);
  void run_effect(const core::NodeChanged& e);
  void run_effect(const core::StandingChanged& e);
  void run_effect(const core::AskAlive& e);
  void run_effect(const core::SuspendSession& e);
  void run_effect(const core::AskActivity& e);
  void send_start(const core::StartSession& e, const std::string& user);

  void on_launcher(const launcher::Event& event);
  void on_launcher_event(const launcher::Welcome& e);
  void on_launcher_event(const launcher::Inventory& e);
  void on_launcher_event(const launcher::Started& e);
  void on_launcher_event(const launcher::Failed& e);
  void on_launcher_event(const launcher::Ended& e);
  void on_launcher_event(const launcher::Frozen& e);
  void on_launcher_event(const launcher::Refused& e);
  void on_connected(bool connected, const std::string& why);
  void measure_again();
  void boot(std::uint64_t machine);

  struct Ask {
    OnAnswer on_answer;
    std::unique_ptr<boost::asio::steady_timer> linger;
  };
  struct Order {
    core::SessionId session;
    core::Epoch epoch{};
    friend bool operator==(const Order&, const Order&) = default;
    template <class H>
    friend H AbslHashValue(H h, const Order& o) {
      return H::combine(std::move(h), o.session, o.epoch);
    }
  };

  boost::asio::any_io_executor executor_;
  const base::RouterConfig& config_;
  const Credentials& credentials_;
  RouteTable& table_;
  Traffic& traffic_;
  base::Log& log_;
  const std::string build_;
  core::Core core_;
  History history_;
  std::unique_ptr<StoreThread> store_;
  std::unique_ptr<Client> launcher_;
  std::unique_ptr<HintSocket> hints_;
  std::unique_ptr<launcher::WitnessAsker> witness_;
  std::optional<base::TraceRecorder> trace_;
  bool trace_told_ = false;
  boost::asio::steady_timer deadline_timer_;
  boost::asio::steady_timer load_timer_;
  std::deque<core::Event> queue_;
  bool draining_ = false;
  bool stopped_ = false;
  bool held_ = false;
  std::function<void()> on_inventory_;  // of hold()
  core::Instant now_{};
  core::Instant armed_for_ = core::kNever;
  std::optional<std::uint64_t> machine_;
  std::string store_error_;
  absl::flat_hash_map<core::RequestId, Ask> asks_;
  absl::flat_hash_map<Order, core::EndReason> killed_;
  absl::flat_hash_map<core::UserId, std::string> users_;
  std::atomic<std::uint64_t> next_request_{1};
  std::atomic<bool> booted_{false};
  std::atomic<bool> launcher_up_{false};
  std::atomic<bool> orders_{false};
  std::atomic<core::Refusal> standing_{core::Refusal::kNone};
  std::atomic<std::uint32_t> incarnation_{0};
};

}  // namespace homing::net
