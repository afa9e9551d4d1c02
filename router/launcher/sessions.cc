// SPDX-License-Identifier: Apache-2.0
//
// Requests, the lease, and the list; what happens to one session's processes is session_life.cc.
#include "router/launcher/sessions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <set>

#include "router/core/check.h"
#include "router/launcher/session.h"

namespace homing::launcher {

namespace asio = boost::asio;
using boost::system::error_code;

Sessions::Sessions(asio::io_context& io, const base::RouterConfig& config, Journal journal, Options options,
                   std::function<void(const Event&)> on_event, base::Log& log)
    : io_(io),
      config_(config),
      journal_(std::move(journal)),
      options_(std::move(options)),
      on_event_(std::move(on_event)),
      log_(log),
      lease_timer_(io, ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)),
      alive_(std::make_shared<bool>(true)) {}

Sessions::~Sessions() {
  *alive_ = false;
}

void Sessions::handle(const Request& request) {
  if (const auto* r = std::get_if<Start>(&request)) start(*r);
  if (const auto* r = std::get_if<Kill>(&request)) kill(*r);
  if (const auto* r = std::get_if<Freeze>(&request)) set_frozen(r->session, r->epoch, true);
  if (const auto* r = std::get_if<Thaw>(&request)) set_frozen(r->session, r->epoch, false);
  if (const auto* r = std::get_if<LeaseDeadline>(&request)) set_lease(*r);
  if (const auto* r = std::get_if<StopSessions>(&request)) stop_all(*r);
}

void Sessions::start(const Start& request) {
  if (const SessionPtr same = find(request.session, request.epoch)) {
    // The router asks again for what it was promised: nothing is started, it is told how far it is.
    if (same->state == ProcessState::kRunning || same->state == ProcessState::kFrozen) {
      emit(Started{.session = same->id, .epoch = same->epoch, .endpoint = same->endpoint});
    }
    return;
  }
  const core::Epoch highest = journal_.highest(request.session);
  if (request.epoch <= highest) {
    return refuse(request, FailReason::kOldEpoch,
                  fmt::format("epoch {} is not above {}, which was started here", request.epoch.value, highest.value));
  }
  if (!lease_holds()) {
    return refuse(request, FailReason::kNoLease, "this node's lease has passed or is not known to its launcher");
  }
  const base::KindEntry* kind = config_.find_kind(request.kind);
  if (kind == nullptr) {
    return refuse(request, FailReason::kUnknownKind,
                  fmt::format("the launcher of node \"{}\" knows no kind \"{}\"; restart it after changing {}",
                              config_.node, request.kind, config_.file));
  }
  if (sessions_.size() >= kMaxSessions) {
    return refuse(request, FailReason::kFull,
                  fmt::format("{} sessions run here, the launcher's maximum", kMaxSessions));
  }
  if (!journal_.record_epoch(request.session, request.epoch)) {
    return refuse(request, FailReason::kCommand,
                  fmt::format("the launcher cannot write its journal in {}; is the disk full?", config_.state_dir));
  }
  auto session = std::make_shared<Session>(io_, request.session, request.epoch);
  session->kind = kind;
  session->kind_name = request.kind;
  session->user = request.user;
  session->prefix = request.prefix;
  session->memory_bytes = request.limits.memory_bytes;
  session->deadline = std::min(request.deadline, boottime_now() + kind->start_timeout);
  sessions_[{session->id, session->epoch}] = session;
  if (older_alive(session->id, session->epoch) == nullptr) return launch(session);
  // Launched when every older epoch is gone (finish).
  for (auto it = sessions_.lower_bound({session->id, core::Epoch{}}); it->second != session; ++it) {
    stop(it->second, FailReason::kKilled, fmt::format("epoch {} took over", session->epoch.value), false);
  }
}

void Sessions::kill(const Kill& request) {
  const SessionPtr session = find(request.session, request.epoch);
  if (session != nullptr) {
    session->on_request = true;
    return stop(session, FailReason::kKilled, request.reason, true);
  }
  if (request.epoch > journal_.highest(request.session) && !journal_.record_epoch(request.session, request.epoch)) {
    log_.error("launcher.journal-failed");
  }
  emit(Ended{.session = request.session, .epoch = request.epoch, .on_request = true, .text = "it did not run here"});
}

void Sessions::set_frozen(const core::SessionId& id, core::Epoch epoch, bool frozen) {
  const SessionPtr session = find(id, epoch);
  if (session == nullptr) return;
  if (session->state != ProcessState::kRunning && session->state != ProcessState::kFrozen) return;
  freeze(*session, frozen, "request");
}

void Sessions::stop_all(const StopSessions& request) {
  const std::map<Key, SessionPtr> all = sessions_;  // stop() can finish a session and so change the map
  for (const auto& [key, session] : all) {
    session->on_request = true;
    stop(session, FailReason::kKilled, request.reason, true);
  }
}

void Sessions::refuse(const Start& request, FailReason reason, const std::string& text) {
  emit(Failed{.session = request.session, .epoch = request.epoch, .reason = reason, .text = text});
}

void Sessions::emit(const Event& event) {
  const auto line = [this](const char* name, const auto& e, const std::string& text = "",
                           std::string_view reason = "") {
    log_.info(name, {{"session", to_hex(e.session)}, {"epoch", e.epoch.value}, {"reason", reason}, {"text", text}});
  };
  if (const auto* e = std::get_if<Started>(&event)) line("session.started", *e);
  if (const auto* e = std::get_if<Failed>(&event)) line("session.failed", *e, e->text, to_string(e->reason));
  if (const auto* e = std::get_if<Ended>(&event)) line("session.ended", *e, e->text);
  if (const auto* e = std::get_if<Frozen>(&event)) line(e->frozen ? "session.frozen" : "session.thawed", *e);
  on_event_(event);
}

// ---------------------------------------------------------------- lease

void Sessions::set_lease(const LeaseDeadline& request) {
  lease_until_ = request.until;
  save_lease();
  arm_lease();
}

void Sessions::arm_lease() {
  const std::int64_t ns = std::max<std::int64_t>(1, lease_until_.time_since_epoch().count());
  itimerspec when{};
  when.it_value.tv_sec = ns / 1'000'000'000;
  when.it_value.tv_nsec = ns % 1'000'000'000;
  ::timerfd_settime(lease_timer_.native_handle(), TFD_TIMER_ABSTIME, &when, nullptr);
  error_code ignored;
  lease_timer_.cancel(ignored);
  lease_timer_.async_wait(asio::posix::stream_descriptor::wait_read, [this, alive = alive_](error_code error) {
    if (error || !*alive) return;
    std::uint64_t expirations = 0;
    if (::read(lease_timer_.native_handle(), &expirations, sizeof expirations) < 0 || lease_holds()) return;
    lease_passed();
  });
}

void Sessions::lease_passed() {
  log_.warn("lease.passed", {{"sessions", sessions_.size()}});
  const std::map<Key, SessionPtr> all = sessions_;
  for (const auto& [key, session] : all) {
    if (session->state == ProcessState::kStarting) {
      stop(session, FailReason::kLeaseLost, "the node's lease passed before it answered", false);
    } else if (session->state == ProcessState::kRunning && session->freezes()) {
      freeze(*session, true, "lease");
    }
  }
}

// The deadline outlives the launcher in a small file, written without flushing: a killed process loses nothing so, and
// after a reboot it means nothing.
void Sessions::save_lease() const {
  const std::array<std::uint64_t, 2> words = {journal_.machine(),
                                              std::bit_cast<std::uint64_t>(lease_until_.time_since_epoch().count())};
  const std::string path = config_.state_dir + "/lease";
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid() || ::pwrite(file.get(), words.data(), sizeof words, 0) != ssize_t{sizeof words}) {
    log_.error("lease.not-saved");
  }
}

void Sessions::load_lease() {
  std::array<std::uint64_t, 2> words{};
  const Descriptor file(::open((config_.state_dir + "/lease").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid() || ::pread(file.get(), words.data(), sizeof words, 0) != ssize_t{sizeof words}) return;
  if (words[0] != journal_.machine()) return;
  lease_until_ = core::Instant{core::Duration{std::bit_cast<std::int64_t>(words[1])}};
}

// ---------------------------------------------------------------- the list

Sessions::SessionPtr Sessions::find(const core::SessionId& session, core::Epoch epoch) const {
  const auto it = sessions_.find({session, epoch});
  return it == sessions_.end() ? nullptr : it->second;
}

Sessions::SessionPtr Sessions::older_alive(const core::SessionId& session, core::Epoch epoch) const {
  const auto it = sessions_.lower_bound({session, core::Epoch{}});
  if (it == sessions_.end() || it->first.first != session || it->first.second >= epoch) return nullptr;
  return it->second;
}

Welcome Sessions::welcome() const {
  return {.node = config_.node, .machine = journal_.machine(), .lease_until = lease_until_};
}

SessionInfo Sessions::info_of(const Session& session) const {
  SessionInfo info{.session = session.id,
                   .epoch = session.epoch,
                   .state = session.state,
                   .kind = session.kind_name,
                   .user = session.user,
                   .prefix = session.prefix,
                   .endpoint = {},
                   .pid = session.pid,
                   .text = {}};
  if (session.state == ProcessState::kRunning || session.state == ProcessState::kFrozen)
    info.endpoint = session.endpoint;
  return info;
}

Inventory Sessions::inventory() const {
  Inventory inventory;
  std::map<pid_t, std::size_t> by_leader;
  for (const auto& [key, session] : sessions_) {
    if (session->pid != 0) by_leader[session->pid] = inventory.sessions.size();
    inventory.sessions.push_back(info_of(*session));
  }
  if (!by_leader.empty()) {
    // One walk over /proc: each process counts for the nearest leader above it.
    std::map<pid_t, ProcessStat> all;
    for (const ProcessStat& p : all_processes()) all.emplace(p.pid, p);
    for (const auto& [pid, p] : all) {
      pid_t at = pid;
      for (int depth = 0; depth < 64 && at > 1 && !by_leader.contains(at); ++depth) {
        const auto parent = all.find(at);
        at = parent == all.end() ? 0 : parent->second.parent;
      }
      const auto leader = by_leader.find(at);
      if (leader == by_leader.end()) continue;
      inventory.sessions[leader->second].cpu_ns += p.cpu_ns;
      inventory.sessions[leader->second].resident_bytes += p.resident_bytes;
    }
  }
  inventory.sessions.insert(inventory.sessions.end(), ended_.begin(), ended_.end());
  std::ranges::sort(inventory.sessions, {}, [](const SessionInfo& s) { return std::pair(s.session, s.epoch); });
  return inventory;
}

// The first half of the id is random enough to name a folder, and a Unix socket's path must stay short.
std::string Sessions::folder_of(const core::SessionId& session) const {
  return config_.sessions_dir() + "/" + to_hex(session).substr(0, 16);
}

// ---------------------------------------------------------------- after a restart

void Sessions::adopt() {
  load_lease();
  const std::map<core::SessionId, ProcessRecord> live = journal_.live();
  for (const auto& [id, record] : live) {
    auto session = std::make_shared<Session>(io_, id, record.epoch);
    session->kind = config_.find_kind(record.kind);
    session->kind_name = record.kind;
    session->user = record.user;
    session->prefix = record.prefix;
    session->pid = record.pid;
    session->deadline = record.deadline;
    session->endpoint = endpoint_in(folder_of(id), record.epoch, record.port);
    session->answered = record.answered;
    session->state = record.answered ? ProcessState::kRunning : ProcessState::kStarting;
    sessions_[{id, record.epoch}] = session;
    Descriptor pidfd = open_process(record.pid, record.start_time);
    const bool here = pidfd.valid();
    log_.info(here ? "session.adopted" : "session.gone-meanwhile",
              {{"session", to_hex(id)}, {"epoch", record.epoch.value}, {"pid", record.pid}});
    if (!here) {
      session->leader_gone = true;
      session->pid = 0;
      session->failure_text = "it ended while no launcher watched";
      asio::co_spawn(io_, kill_scope(session, false), asio::detached);
      session->state = ProcessState::kStopping;
      continue;
    }
    session->pidfd.assign(pidfd.release());
    watch(session);
    const auto stat = read_stat(record.pid);
    if (session->answered && stat && (stat->state == 'T' || stat->state == 't')) session->state = ProcessState::kFrozen;
    if (!session->answered) asio::co_spawn(io_, probe_until_answered(session), asio::detached);
  }
  if (!lease_holds())
    lease_passed();
  else
    arm_lease();
}

}  // namespace homing::launcher
