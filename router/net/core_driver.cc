// SPDX-License-Identifier: Apache-2.0
#include "router/net/core_driver.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "router/net/machine.h"

namespace homing::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kStoreLimit{2500};

Names names_of(const base::RouterConfig& config) {
  Names names;
  for (const base::NodeEntry& node : config.nodes) names.nodes.push_back(node.name);
  for (const base::KindEntry& kind : config.kinds) names.kinds.push_back(kind.name);
  return names;
}

core::EndReason reason_of(launcher::FailReason reason) {
  switch (reason) {
    case launcher::FailReason::kOldEpoch:
      return core::EndReason::kFenced;
    case launcher::FailReason::kNoLease:
    case launcher::FailReason::kLeaseLost:
      return core::EndReason::kLauncherAway;
    case launcher::FailReason::kFull:
      return core::EndReason::kNodeFull;
    case launcher::FailReason::kTimeout:
      return core::EndReason::kStartTimeout;
    case launcher::FailReason::kUnknownKind:
    case launcher::FailReason::kCommand:
    case launcher::FailReason::kKilled:
      return core::EndReason::kStartFailed;
  }
  return core::EndReason::kStartFailed;
}

LocalProcess process_of(core::Epoch epoch, const launcher::Endpoint& endpoint) {
  return {epoch, endpoint.unix_path, endpoint.port, endpoint.secret};
}

}  // namespace

CoreDriver::CoreDriver(asio::any_io_executor executor, DriverParts parts)
    : executor_(executor),
      config_(parts.config),
      credentials_(parts.credentials),
      table_(parts.table),
      traffic_(parts.traffic),
      log_(parts.log),
      build_(std::move(parts.build)),
      core_(parts.config.self, parts.config.core),
      history_(names_of(parts.config)),
      deadline_timer_(executor),
      load_timer_(executor) {
  store_ = std::make_unique<StoreThread>(
      executor_, std::move(parts.store), kStoreLimit, [this](core::Event event) { tell(std::move(event)); },
      [this](const std::string& why) {
        if (store_error_ != why) log_.warn("store.silent", {{"why", why}});
        store_error_ = why;
      });
  hints_ = std::make_unique<HintSocket>(executor_, config_, credentials_, [this] { tell(core::StoreHint{}); });
  std::vector<base::Endpoint> launchers;
  for (const base::NodeEntry& node : config_.nodes) launchers.push_back(node.launcher_address);
  witness_ = std::make_unique<launcher::WitnessAsker>(
      executor_, launchers, base::read_secret(config_.secret_file).value_or(std::string()),
      [this](core::NodeId node, core::Incarnation incarnation) {
        log_.info("launcher.vouches", {{"peer", history_.names().node(node)}, {"effect", "not declared dead"}});
        tell(core::StillAlive{node, incarnation});
      });
  launcher_ = std::make_unique<Client>(
      executor_, config_.launcher_socket(), fmt::format("homing-router {}, pid {}", config_.node, getpid()),
      Client::Handlers{[this](const launcher::Event& event) { on_launcher(event); },
                       [this](bool connected, const std::string& why) { on_connected(connected, why); }});
}

CoreDriver::~CoreDriver() {
  stop();
}

std::optional<std::string> CoreDriver::start(int inherited_hints) {
  if (config_.trace) {
    auto recorder = base::TraceRecorder::create(
        *config_.trace, {build_, config_.node, base::rfc3339(base::wall_clock_ns()), config_.trace_limit, 10'000},
        core_);
    if (!recorder) return recorder.error();
    trace_.emplace(std::move(*recorder));
  }
  if (auto error = hints_->open(inherited_hints)) return error;
  launcher_->start();
  return std::nullopt;
}

void CoreDriver::stop() {
  if (stopped_) return;
  stopped_ = true;
  launcher_->stop();
  hints_->close();
  witness_->close();
  deadline_timer_.cancel();
  load_timer_.cancel();
  store_->stop();
  asks_.clear();
  if (trace_ && !draining_) trace_->finish(core_);
}

// Both sides answer in order: an answer to a question asked now says that what was asked before is done.
void CoreDriver::hold(std::function<void()> then) {
  if (stopped_) return;
  held_ = true;
  const auto left = std::make_shared<int>(1);
  const auto done = [left, then = std::move(then)] {
    if (--*left == 0) then();
  };
  if (launcher_->send(launcher::AskInventory{})) {
    ++*left;
    on_inventory_ = done;
  }
  store_->user_name(core::UserId{}, [done](const std::optional<std::string>&) { done(); });
}

void CoreDriver::release() {
  if (!std::exchange(held_, false) || stopped_) return;
  on_inventory_ = {};
  armed_for_ = core::kNever;
  drain();
}

core::Instant CoreDriver::now() {
  return std::max(now_, boot_time());
}

// ---------------------------------------------------------------- the core's entrance and exit

void CoreDriver::tell(core::Event event) {
  if (stopped_ || (!booted_ && !std::holds_alternative<core::Boot>(event))) return;
  queue_.push_back(std::move(event));
  if (!draining_ && !held_) drain();
}

// Events that effects give rise to wait here until all effects of the call before are carried out.
void CoreDriver::drain() {
  draining_ = true;
  while (!queue_.empty() && !stopped_) {
    const core::Event event = std::move(queue_.front());
    queue_.pop_front();
    now_ = now();
    if (trace_) trace_->event(core_, now_, event);
    core_.handle(now_, event);
    execute_all();
    if (core_.next_deadline() <= now_) {
      if (trace_) trace_->deadline(core_, now_);
      core_.handle_deadline(now_);
      execute_all();
    }
  }
  draining_ = false;
  if (trace_ && trace_->stopped() && !trace_told_) {
    trace_told_ = true;
    log_.warn("trace.stopped", {{"why", *trace_->stopped()}});
  }
  arm();
}

void CoreDriver::execute_all() {
  const std::vector<core::Effect> effects(core_.effects().begin(), core_.effects().end());
  core_.clear_effects();
  for (const core::Effect& effect : effects) {
    std::visit([this](const auto& e) { run_effect(e); }, effect);
  }
}

void CoreDriver::arm() {
  const core::Instant next = core_.next_deadline();
  if (stopped_ || next == armed_for_) return;
  armed_for_ = next;
  if (next == core::kNever) {
    deadline_timer_.cancel();
    return;
  }
  deadline_timer_.expires_after(std::max(core::Duration{0}, next - boot_time()));
  deadline_timer_.async_wait([this](error_code error) {
    if (error || stopped_ || held_) return;
    armed_for_ = core::kNever;
    now_ = now();
    if (core_.next_deadline() <= now_) {
      draining_ = true;
      if (trace_) trace_->deadline(core_, now_);
      core_.handle_deadline(now_);
      execute_all();
      draining_ = false;
    }
    drain();
  });
}

// ---------------------------------------------------------------- effects

void CoreDriver::run_effect(const core::ReadSince& e) {
  store_->read_since(e);
}
void CoreDriver::run_effect(const core::CompareAndSet& e) {
  store_->compare_and_set(e);
}

void CoreDriver::run_effect(const core::StartSession& e) {
  if (const auto known = users_.find(e.user); known != users_.end()) return send_start(e, known->second);
  store_->user_name(e.user, [this, e](std::optional<std::string> name) {
    if (name) {
      users_[e.user] = *name;
      return send_start(e, *name);
    }
    log_.error("session.start_failed",
               {{"session", credentials_.session_text(e.session)}, {"why", "its owner's name is not in the store"}});
    tell(core::SessionFailed{e.session, e.epoch, core::EndReason::kStartFailed});
  });
}

void CoreDriver::send_start(const core::StartSession& e, const std::string& user) {
  launcher::Start start;
  start.session = e.session;
  start.epoch = e.epoch;
  start.kind = history_.names().kind(e.kind);
  start.user = user;
  start.prefix = "/s/" + credentials_.session_text(e.session) + "/";
  start.deadline = e.deadline;
  if (!launcher_->send(start)) tell(core::SessionFailed{e.session, e.epoch, core::EndReason::kLauncherAway});
}

void CoreDriver::run_effect(const core::KillSession& e) {
  killed_[Order{e.session, e.epoch}] = e.reason;
  table_.drop_process(e.session, e.epoch);
  launcher_->send(launcher::Kill{e.session, e.epoch, std::string(core::to_string(e.reason))});
}

void CoreDriver::run_effect(const core::FreezeSession& e) {
  launcher_->send(launcher::Freeze{e.session, e.epoch});
}
void CoreDriver::run_effect(const core::ThawSession& e) {
  launcher_->send(launcher::Thaw{e.session, e.epoch});
}
void CoreDriver::run_effect(const core::LeaseUntil& e) {
  launcher_->send(launcher::LeaseDeadline{e.until});
}

void CoreDriver::run_effect(const core::RouteChanged& e) {
  const auto before = table_.find(e.session);
  table_.publish(e.session, e.route);
  if (before == e.route) return;
  history_.add(e.session, before ? &*before : nullptr, e.route, base::wall_clock_ns());
  const bool lost = e.route.state == core::SessionState::kLost;
  log_.write(lost ? base::LogLevel::kWarn : base::LogLevel::kInfo, lost ? "session.lost" : "session.changed",
             {{"session", credentials_.session_text(e.session)},
              {"user", user_name(e.route.user)},
              {"state", core::to_string(e.route.state)},
              {"node", history_.names().node(e.route.node)},
              {"epoch", e.route.epoch.value},
              {"reason", core::to_string(e.route.reason)}});
}

void CoreDriver::run_effect(const core::RouteDropped& e) {
  table_.drop(e.session);
}

void CoreDriver::run_effect(const core::Answer& e) {
  const auto it = asks_.find(e.request);
  if (it == asks_.end()) return;
  const bool final = e.outcome == core::Outcome::kForward || e.outcome == core::Outcome::kRefused;
  OnAnswer on_answer = it->second.on_answer;
  if (final) asks_.erase(it);
  if (on_answer) on_answer(e);
}

void CoreDriver::run_effect(const core::HintPeer& e) {
  hints_->send(e.node);
}

void CoreDriver::run_effect(const core::DecisionMade& e) {
  history_.add(e.record, core_.config().strategy, base::wall_clock_ns());
  log_.info("decision", {{"session", credentials_.session_text(e.record.session)},
                         {"chosen", history_.names().node(e.record.chosen)},
                         {"epoch", e.record.epoch.value},
                         {"why", in_words(e.record, core_.config().strategy, history_.names())}});
}

void CoreDriver::run_effect(const core::NodeChanged& e) {
  if (e.node == config_.self) incarnation_ = e.incarnation.value;
  const bool bad = e.view != core::NodeView::kUp && e.view != core::NodeView::kLeft;
  log_.write(bad ? base::LogLevel::kWarn : base::LogLevel::kInfo, "node.changed",
             {{"peer", history_.names().node(e.node)},
              {"view", core::to_string(e.view)},
              {"admin", core::to_string(e.admin)},
              {"incarnation", e.incarnation.value}});
}

void CoreDriver::run_effect(const core::StandingChanged& e) {
  orders_ = e.orders;
  standing_ = e.why;
  log_.write(e.orders ? base::LogLevel::kInfo : base::LogLevel::kWarn, "standing.changed",
             {{"orders", e.orders}, {"why", core::to_string(e.why)}});
}

void CoreDriver::run_effect(const core::AskAlive& e) {
  witness_->ask(e.node, e.incarnation);
}

// The configuration refuses idle rules (this driver does not see activity, this launcher cannot suspend), so neither
// comes. Should one come all the same, the session goes on.
void CoreDriver::run_effect(const core::SuspendSession& e) {
  tell(core::SessionSuspended{e.session, e.epoch, false});
}
void CoreDriver::run_effect(const core::AskActivity& e) {
  tell(core::ActivitySeen{e.session, e.epoch, now()});
}

// ---------------------------------------------------------------- callers

core::RequestId CoreDriver::want(const core::SessionId& session, const User& user, core::KindId kind,
                                 core::Intent intent, OnAnswer on_answer) {
  const core::RequestId request{next_request_.fetch_add(1)};
  asio::post(executor_, [this, request, session, user, kind, intent, on_answer = std::move(on_answer)]() mutable {
    if (stopped_ || !booted_) {
      core::Answer no;
      no.request = request;
      no.session = session;
      no.outcome = core::Outcome::kRefused;
      no.refusal = core::Refusal::kLeaseExpired;
      return on_answer(no);
    }
    users_[user.id] = user.name;
    if (intent != core::Intent::kReach) store_->remember_user(user.id, user.name);
    asks_[request].on_answer = std::move(on_answer);
    tell(core::SessionWanted{request, session, user.id, kind, intent});
  });
  return request;
}

void CoreDriver::forget(core::RequestId request) {
  asio::post(executor_, [this, request] {
    const auto it = asks_.find(request);
    if (stopped_ || it == asks_.end()) return;
    it->second.on_answer = {};
    it->second.linger = std::make_unique<asio::steady_timer>(executor_, kLinger);
    it->second.linger->async_wait([this, request](error_code error) {
      if (error || stopped_ || asks_.erase(request) == 0) return;
      tell(core::WantWithdrawn{request});
    });
  });
}

void CoreDriver::end(const core::SessionId& session, core::EndReason reason) {
  asio::post(executor_, [this, session, reason] { tell(core::EndWanted{session, reason}); });
}

void CoreDriver::set_admin(core::NodeId node, core::NodeAdmin admin) {
  asio::post(executor_, [this, node, admin] { tell(core::AdminWanted{node, admin}); });
}

void CoreDriver::leave() {
  asio::post(executor_, [this] { tell(core::LeaveWanted{}); });
}

void CoreDriver::reconfigure(core::Config config) {
  asio::post(executor_, [this, config = std::move(config)]() mutable { tell(core::ConfigChanged{std::move(config)}); });
}

void CoreDriver::run(std::function<void()> call) {
  asio::post(executor_, std::move(call));
}

void CoreDriver::hint_received() {
  asio::post(executor_, [this] { tell(core::StoreHint{}); });
}

std::string CoreDriver::user_name(core::UserId user) const {
  const auto it = users_.find(user);
  return it == users_.end() ? fmt::format("user {:016x}", user.value) : it->second;
}

void CoreDriver::learn_users(std::vector<core::UserId> users, std::function<void()> then) {
  std::erase_if(users, [this](core::UserId user) { return users_.contains(user); });
  std::ranges::sort(users);
  users.erase(std::ranges::unique(users).begin(), users.end());
  if (users.empty()) return then();
  const auto left = std::make_shared<std::size_t>(users.size());
  for (const core::UserId user : users) {
    store_->user_name(user, [this, user, left, then](std::optional<std::string> name) {
      if (name) users_[user] = *name;
      if (--*left == 0) then();
    });
  }
}

// ---------------------------------------------------------------- the launcher

void CoreDriver::on_connected(bool connected, const std::string& why) {
  launcher_up_ = connected;
  if (connected) {
    log_.info("launcher.connected", {{"socket", config_.launcher_socket()}});
    return;
  }
  log_.warn("launcher.away", {{"why", why}});
  tell(core::LauncherDown{});
}

void CoreDriver::on_launcher(const launcher::Event& event) {
  if (stopped_) return;
  std::visit([this](const auto& e) { on_launcher_event(e); }, event);
}

void CoreDriver::on_launcher_event(const launcher::Welcome& e) {
  if (!booted_) return boot(e.machine);
  if (machine_ != e.machine) {
    log_.warn("launcher.new", {{"why", "the launcher lost its sessions (another machine id than before)"}});
    machine_ = e.machine;
  }
}

void CoreDriver::boot(std::uint64_t machine) {
  machine_ = machine;
  booted_ = true;
  const base::NodeEntry& node = config_.this_node();
  tell(core::Boot{machine, node.label_bits, node.weight, node.max_sessions, node.start_slots});
  measure_again();
}

void CoreDriver::measure_again() {
  core::NodeLoad load = measure_load();
  const base::NodeEntry& node = config_.this_node();
  if (node.cores_milli != 0) load.cores_milli = node.cores_milli;
  if (node.memory != 0) {
    load.memory_total = node.memory;
    load.memory_available = std::min(load.memory_available, node.memory);
  }
  tell(core::LoadMeasured{load});
  for (const base::NodeEntry& peer : config_.nodes) {
    core::TrafficSummary summary;
    if (!traffic_.take(peer.id, summary)) continue;
    summary.to = now();
    summary.from = summary.to - config_.core.heartbeat;
    tell(summary);
  }
  if (trace_) trace_->flush();
  load_timer_.expires_after(config_.core.heartbeat);
  load_timer_.async_wait([this](error_code error) {
    if (!error && !stopped_) measure_again();
  });
}

void CoreDriver::on_launcher_event(const launcher::Inventory& e) {
  core::LauncherUp up;
  std::vector<std::pair<core::SessionId, LocalProcess>> listening;
  for (const launcher::SessionInfo& info : e.sessions) {
    const bool running =
        info.state == launcher::ProcessState::kRunning || info.state == launcher::ProcessState::kFrozen;
    if (!running && info.state != launcher::ProcessState::kStarting) continue;
    up.processes.push_back({info.session, info.epoch, running});
    if (running) listening.emplace_back(info.session, process_of(info.epoch, info.endpoint));
  }
  if (const std::size_t refused = table_.replace_processes(listening); refused > 0)
    log_.warn("launcher.unreachable_addresses", {{"processes", refused}});
  log_.info("launcher.inventory", {{"processes", up.processes.size()}});
  tell(std::move(up));
  if (const auto call = std::exchange(on_inventory_, {})) call();
}

void CoreDriver::on_launcher_event(const launcher::Started& e) {
  if (!table_.publish_process(e.session, process_of(e.epoch, e.endpoint)))
    log_.warn("launcher.unreachable_address", {{"session", credentials_.session_text(e.session)}});
  tell(core::SessionStarted{e.session, e.epoch});
}

void CoreDriver::on_launcher_event(const launcher::Failed& e) {
  log_.warn("session.start_failed", {{"session", credentials_.session_text(e.session)},
                                     {"epoch", e.epoch.value},
                                     {"reason", std::string(launcher::to_string(e.reason))},
                                     {"why", e.text}});
  history_.note(e.session, fmt::format("start of epoch {} failed here: {}", e.epoch.value, e.text),
                base::wall_clock_ns());
  killed_.erase(Order{e.session, e.epoch});
  tell(core::SessionFailed{e.session, e.epoch, reason_of(e.reason)});
}

void CoreDriver::on_launcher_event(const launcher::Ended& e) {
  table_.drop_process(e.session, e.epoch);
  core::EndReason reason = e.on_request ? core::EndReason::kDrained : core::EndReason::kProcessExited;
  if (const auto it = killed_.find(Order{e.session, e.epoch}); it != killed_.end()) {
    reason = it->second;
    killed_.erase(it);
  }
  log_.info("process.ended", {{"session", credentials_.session_text(e.session)},
                              {"epoch", e.epoch.value},
                              {"on_request", e.on_request},
                              {"why", e.text}});
  if (!e.on_request) history_.note(e.session, "its process ended: " + e.text, base::wall_clock_ns());
  tell(core::SessionExited{e.session, e.epoch, reason});
}

void CoreDriver::on_launcher_event(const launcher::Frozen& e) {
  log_.info(e.frozen ? "session.frozen" : "session.thawed",
            {{"session", credentials_.session_text(e.session)}, {"epoch", e.epoch.value}});
}

void CoreDriver::on_launcher_event(const launcher::Refused& e) {
  log_.error("launcher.refused", {{"why", e.text}});
}

}  // namespace homing::net
