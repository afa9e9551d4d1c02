// SPDX-License-Identifier: Apache-2.0
//
// What happens to one session's processes: made, probed, frozen, stopped, gone. See sessions.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "router/base/command_template.h"
#include "router/launcher/probe.h"
#include "router/launcher/session.h"

namespace homing::launcher {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirstProbe{20};
constexpr milliseconds kLastProbe{250};
constexpr milliseconds kProbePatience{2000};
constexpr milliseconds kScopePoll{20};
constexpr std::size_t kTailLines = 6;
constexpr std::size_t kTailBytes = 1200;
constexpr off_t kMaxLogBytes = 4 << 20;

// With the state directory, so that two launchers of one machine never take each other's processes for their own.
std::string mark_of(const core::SessionId& session, core::Epoch epoch, const std::string& state_dir) {
  return fmt::format("HOMING_SCOPE={}.{}@{}", to_hex(session), epoch.value, state_dir);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return out.str();
}

// The last lines of a log, to follow a sentence.
std::string tail_of(const std::string& path) {
  std::string text = read_file(path);
  if (text.size() > kTailBytes) text.erase(0, text.size() - kTailBytes);
  std::size_t at = text.size();
  for (std::size_t lines = 0; at > 0 && lines <= kTailLines; --at) {
    if (text[at - 1] == '\n') ++lines;
  }
  text.erase(0, at == 0 ? 0 : at + 1);
  while (text.ends_with('\n')) text.pop_back();
  return text.empty() ? "" : "; the end of " + path + ":\n" + text;
}

std::string install_hint(const std::string& program) {
  const std::string name = program.substr(program.rfind('/') + 1);
  if (name == "jupyter-notebook" || name == "jupyter") return "install it: apt-get install jupyter-notebook";
  return "install it, or write its full path";
}

bool write_secret(const std::string& path, std::string& secret) {
  unsigned char bytes[16];
  if (::getrandom(bytes, sizeof bytes, 0) != ssize_t{sizeof bytes}) return false;
  secret.clear();
  for (const unsigned char byte : bytes) secret += fmt::format("{:02x}", byte);
  ::unlink(path.c_str());
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return file.valid() && ::write(file.get(), secret.data(), secret.size()) == static_cast<ssize_t>(secret.size());
}

asio::awaitable<void> pause(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

Endpoint endpoint_in(const std::string& folder, core::Epoch epoch, std::uint16_t port) {
  Endpoint endpoint;
  if (port == 0) endpoint.unix_path = fmt::format("{}/{}.sock", folder, epoch.value);
  endpoint.port = port;
  if (port != 0) endpoint.secret = read_file(folder + "/secret");
  return endpoint;
}

void Sessions::launch(const SessionPtr& session) {
  std::string wrong = launch_process(*session);
  if (!wrong.empty()) {
    session->state = ProcessState::kStopping;
    session->failure_text = std::move(wrong);
    if (session->pid != 0) watch(session);
    asio::co_spawn(io_, kill_scope(session, false), asio::detached);
    return;
  }
  log_.info("session.starting", {{"session", to_hex(session->id)},
                                 {"epoch", session->epoch.value},
                                 {"kind", session->kind_name},
                                 {"user", session->user},
                                 {"pid", session->pid}});
  watch(session);
  asio::co_spawn(io_, probe_until_answered(session), asio::detached);
}

std::string Sessions::launch_process(Session& session) {
  const base::KindEntry& kind = *session.kind;
  const std::string folder = folder_of(session.id);
  const std::string work = folder + "/work";
  ::mkdir(config_.sessions_dir().c_str(), 0700);
  ::mkdir(folder.c_str(), 0700);
  if (::mkdir(work.c_str(), 0700) != 0 && errno != EEXIST) {
    return fmt::format("the folder {} cannot be made: {}", work, std::strerror(errno));
  }
  std::uint16_t port = 0;
  if (kind.listen == base::ListenOn::kLoopback) {
    port = free_loopback_port();
    if (port == 0) return "no port of 127.0.0.1 is free";
    std::string secret;
    if (!write_secret(folder + "/secret", secret)) return fmt::format("{}/secret cannot be written", folder);
  }
  session.endpoint = endpoint_in(folder, session.epoch, port);
  if (!session.endpoint.unix_path.empty()) ::unlink(session.endpoint.unix_path.c_str());

  const base::CommandValues values{.socket = session.endpoint.unix_path,
                                   .port = std::to_string(port),
                                   .secret_file = folder + "/secret",
                                   .prefix = session.prefix,
                                   .session = to_hex(session.id),
                                   .user = session.user,
                                   .state_dir = folder};
  SpawnPlan plan;
  for (const std::string& argument : kind.command) plan.argv.push_back(base::expand(argument, values));
  const auto program = find_program(plan.argv[0], options_.program_folders);
  if (!program) {
    return fmt::format("kind \"{}\" ({}:{}): the program {} is missing or cannot be run; {}", kind.name, config_.file,
                       kind.where.line, plan.argv[0], install_hint(plan.argv[0]));
  }
  plan.program = *program;
  plan.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                      "LANG=C.UTF-8",
                      "HOME=" + work,
                      "USER=" + session.user,
                      "LOGNAME=" + session.user,
                      "HOMING_SESSION=" + values.session,
                      "HOMING_EPOCH=" + std::to_string(session.epoch.value),
                      "HOMING_USER=" + session.user,
                      "HOMING_NODE=" + config_.node,
                      mark_of(session.id, session.epoch, config_.state_dir)};
  for (const auto& [name, value] : kind.environment) {
    std::erase_if(plan.environment, [&](const std::string& one) { return one.starts_with(name + "="); });
    plan.environment.push_back(name + "=" + base::expand(value, values));
  }
  plan.directory = work;
  plan.log_path = folder + "/log";
  plan.memory_bytes = session.memory_bytes;
  struct stat info{};
  if (::stat(plan.log_path.c_str(), &info) == 0 && info.st_size > kMaxLogBytes) {
    ::rename(plan.log_path.c_str(), (plan.log_path + ".old").c_str());
  }

  auto held = spawn_held(plan);
  if (!held) return held.error();
  const ProcessRecord record{.session = session.id,
                             .epoch = session.epoch,
                             .kind = session.kind_name,
                             .user = session.user,
                             .prefix = session.prefix,
                             .pid = held->pid,
                             .start_time = held->start_time,
                             .port = port,
                             .deadline = session.deadline,
                             .answered = false};
  session.pid = held->pid;
  session.pidfd.assign(held->pidfd.release());
  if (!journal_.record_process(record)) {
    return fmt::format("the launcher cannot write its journal in {}; is the disk full?", config_.state_dir);
  }
  session.exec_error = std::move(held->error);
  release(*held);
  return "";
}

void Sessions::watch(const SessionPtr& session) {
  session->pidfd.async_wait(asio::posix::stream_descriptor::wait_read,
                            [this, alive = alive_, session](error_code error) {
                              if (!error && *alive) on_exit(session);
                            });
}

void Sessions::on_exit(const SessionPtr& session) {
  // A wake-up alone proves nothing: a child of ours between fork and exec holds copies of older pidfds, which keeps
  // their registration alive after we closed them, and the number is soon a new session's. Ask this pidfd itself.
  pollfd asked{.fd = session->pidfd.native_handle(), .events = POLLIN, .revents = 0};
  if (::poll(&asked, 1, 0) == 0) {
    watch(session);
    return;
  }
  session->leader_gone = true;
  siginfo_t info{};
  // Not reaped yet: as a zombie it keeps its pid, by which the rest of the scope is found.
  const auto fd = static_cast<id_t>(session->pidfd.native_handle());
  if (::waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    if (info.si_code == CLD_EXITED)
      session->exit_status = info.si_status;
    else
      session->signal = info.si_status;
  } else {
    session->pid = 0;  // adopted: not our child, so its pid may be used again from now on
  }
  if (session->state == ProcessState::kStopping) return;  // kill_scope is at work
  session->state = ProcessState::kStopping;
  asio::co_spawn(io_, kill_scope(session, false), asio::detached);
}

asio::awaitable<void> Sessions::probe_until_answered(SessionPtr session) {
  const auto alive = alive_;
  std::string target = session->prefix;
  if (session->kind != nullptr) {
    const bool keep = session->kind->prefix == base::PrefixUse::kKeep;
    target = keep ? session->prefix + session->kind->probe.substr(1) : session->kind->probe;
  }
  for (milliseconds wait = kFirstProbe; *alive && session->state == ProcessState::kStarting;
       wait = std::min(wait * 3 / 2, kLastProbe)) {
    if (boottime_now() >= session->deadline) {
      stop(session, FailReason::kTimeout,
           fmt::format("it did not answer GET {} in time; raise start-timeout of kind \"{}\" or see why it hangs",
                       target, session->kind_name),
           false);
      co_return;
    }
    const bool yes = co_await answers(session->endpoint, target, kProbePatience);
    if (!*alive || session->state != ProcessState::kStarting) co_return;
    if (yes) {
      session->answered = true;
      session->state = ProcessState::kRunning;
      journal_.record_answer(session->id, session->epoch);
      emit(Started{.session = session->id, .epoch = session->epoch, .endpoint = session->endpoint});
      co_return;
    }
    co_await pause(wait);
  }
}

void Sessions::freeze(Session& session, bool frozen, const char* why) {
  const std::string mark = mark_of(session.id, session.epoch, config_.state_dir);
  // Again while there are new ones: a process can fork before the signal reaches it.
  std::set<pid_t> done;
  for (int pass = 0; pass < 8; ++pass) {
    bool news = false;
    for (const ProcessStat& p : scope_members(session.pid, mark)) {
      if (!done.insert(p.pid).second) continue;
      news = true;
      ::kill(p.pid, frozen ? SIGSTOP : SIGCONT);
    }
    if (!news) break;
  }
  session.state = frozen ? ProcessState::kFrozen : ProcessState::kRunning;
  log_.info(frozen ? "session.freeze" : "session.thaw", {{"session", to_hex(session.id)}, {"why", why}});
  emit(Frozen{.session = session.id, .epoch = session.epoch, .frozen = frozen});
}

void Sessions::stop(const SessionPtr& session, FailReason reason, const std::string& text, bool gently) {
  if (session->state == ProcessState::kStopping) return;
  const bool frozen = session->state == ProcessState::kFrozen;
  session->state = ProcessState::kStopping;
  session->failure = reason;
  session->failure_text = text.empty() ? "stopped on request" : text;
  if (session->pid == 0 && !session->leader_gone) {  // it waits for an older epoch: there is no process
    session->leader_gone = true;
    asio::post(io_, [this, alive = alive_, session] {
      if (*alive) finish(session);
    });
    return;
  }
  // A frozen process cannot handle SIGTERM before it goes on, and must not go on.
  asio::co_spawn(io_, kill_scope(session, gently && !frozen), asio::detached);
}

asio::awaitable<void> Sessions::kill_scope(SessionPtr session, bool gently) {
  const auto alive = alive_;
  const std::string mark = mark_of(session->id, session->epoch, config_.state_dir);
  if (gently && session->pid != 0) {
    ::kill(-session->pid, SIGTERM);
    const auto patience = boottime_now() + options_.grace;
    while (*alive && !session->leader_gone && boottime_now() < patience) co_await pause(kScopePoll);
  }
  for (milliseconds wait = kScopePoll; *alive; wait = std::min(wait * 2, milliseconds(500))) {
    const std::vector<ProcessStat> members = scope_members(session->pid, mark);
    for (const ProcessStat& p : members) ::kill(p.pid, SIGKILL);
    // The pidfd tells when the leader is gone; a zombie of ours counts as gone, and is reaped in finish().
    if (members.empty() && (session->leader_gone || session->pid == 0)) break;
    co_await pause(wait);
  }
  if (*alive) finish(session);
}

void Sessions::finish(const SessionPtr& session) {
  const int not_run = exec_error(session->exec_error);
  if (session->pidfd.is_open()) {
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(session->pidfd.native_handle()), &info, WEXITED | WNOHANG);
    error_code ignored;
    session->pidfd.close(ignored);
  }
  if (!session->endpoint.unix_path.empty()) ::unlink(session->endpoint.unix_path.c_str());
  journal_.record_end(session->id, session->epoch);

  std::string how = session->exit_status >= 0 ? fmt::format("it ended with status {}", session->exit_status)
                    : session->signal != 0    ? fmt::format("it was ended by signal {}", session->signal)
                                              : std::string("it ended");
  if (!session->failure_text.empty()) how = session->failure_text;
  SessionInfo info = info_of(*session);
  info.state = ProcessState::kEnded;
  info.text = how;
  ended_.push_back(info);
  if (ended_.size() > kMaxEndedKept) ended_.pop_front();
  sessions_.erase({session->id, session->epoch});

  if (session->answered) {
    emit(Ended{.session = session->id,
               .epoch = session->epoch,
               .on_request = session->on_request,
               .exit_status = session->exit_status,
               .signal = session->signal,
               .text = how});
  } else {
    const std::string log = folder_of(session->id) + "/log";
    if (not_run != 0) {
      how = fmt::format("kind \"{}\": its command could not be run: {}", session->kind_name, std::strerror(not_run));
    } else if (session->failure_text.empty()) {
      how = fmt::format("kind \"{}\": {} before it answered{}", session->kind_name, how, tail_of(log));
    } else if (session->failure == FailReason::kTimeout) {
      how += tail_of(log);
    }
    emit(Failed{.session = session->id, .epoch = session->epoch, .reason = session->failure, .text = how});
  }
  // A newer epoch may have waited for this one to be gone.
  const auto next = sessions_.upper_bound({session->id, session->epoch});
  if (next == sessions_.end() || next->first.first != session->id) return;
  const SessionPtr newer = next->second;
  if (newer->state != ProcessState::kStarting || newer->pid != 0) return;
  if (older_alive(newer->id, newer->epoch) == nullptr) launch(newer);
}

}  // namespace homing::launcher
