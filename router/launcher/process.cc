// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>

namespace homing::launcher {
namespace {

struct Pipe {
  Descriptor read, write;
};

std::optional<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// The child's life until exec. Only async-signal-safe calls.
[[noreturn]] void become(const SpawnPlan& plan, char* const* argv, char* const* environment, int gate, int error) {
  const auto give_up = [error]() {
    const int code = errno;
    [[maybe_unused]] const ssize_t n = ::write(error, &code, sizeof code);
    ::_exit(127);
  };
  ::setsid();
  struct sigaction fresh{};
  fresh.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &fresh, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(0077);
  const int null = ::open("/dev/null", O_RDONLY);
  const int log = ::open(plan.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (null < 0 || log < 0 || ::dup2(null, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0) give_up();
  if (::chdir(plan.directory.c_str()) != 0) give_up();
  // Descriptors of other hands must not reach the program. 3 and above close at exec; gate and error are among them.
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  if (plan.memory_bytes != 0) {
    const rlimit limit{.rlim_cur = plan.memory_bytes, .rlim_max = plan.memory_bytes};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0) give_up();
  }
  // Out of memory, a session goes before the launcher does.
  if (const int oom = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); oom >= 0) {
    [[maybe_unused]] const ssize_t n = ::write(oom, "300", 3);
  }
  char go = 0;
  ssize_t n = 0;
  while ((n = ::read(gate, &go, 1)) < 0 && errno == EINTR) {
  }
  if (n != 1) ::_exit(126);  // the launcher is gone and never wrote us down
  ::execve(plan.program.c_str(), argv, environment);
  give_up();
  ::_exit(127);
}

Descriptor pidfd_open(pid_t pid) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));  // close-on-exec by itself
}

std::string read_small_file(const std::string& path) {
  std::string out;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return out;
  char piece[4096];
  for (ssize_t n = 0; (n = ::read(file.get(), piece, sizeof piece)) > 0 && out.size() < 1024 * 1024;) {
    out.append(piece, static_cast<std::size_t>(n));
  }
  return out;
}

bool carries(pid_t pid, const std::string& mark) {
  const std::string environment = read_small_file(fmt::format("/proc/{}/environ", pid));
  std::string_view rest = environment;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('\0'));
    if (one == mark) return true;
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return false;
}

}  // namespace

core::Instant boottime_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return core::Instant{core::seconds(now.tv_sec) + core::nanoseconds(now.tv_nsec)};
}

std::expected<HeldProcess, std::string> spawn_held(const SpawnPlan& plan) {
  auto gate = make_pipe();
  auto error = make_pipe();
  if (!gate || !error) return std::unexpected(fmt::format("no file descriptors are left: {}", std::strerror(errno)));
  const std::vector<char*> argv = pointers(plan.argv);
  const std::vector<char*> environment = pointers(plan.environment);
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(fmt::format("no process can be made: {}", std::strerror(errno)));
  if (pid == 0) {
    ::close(gate->write.get());  // else the gate would never see the launcher's end
    become(plan, argv.data(), environment.data(), gate->read.get(), error->write.get());
  }
  HeldProcess held{.pid = pid,
                   .start_time = 0,
                   .pidfd = pidfd_open(pid),
                   .gate = std::move(gate->write),
                   .error = std::move(error->read)};
  const auto stat = read_stat(pid);
  if (!held.pidfd.valid() || !stat) {
    return std::unexpected("the kernel gives no pidfd, or /proc is not mounted; Linux 5.9 or newer is needed");
  }
  held.start_time = stat->start_time;
  return held;
}

void release(HeldProcess& process) {
  [[maybe_unused]] const ssize_t n = ::write(process.gate.get(), "g", 1);
  process.gate.reset();
}

int exec_error(const Descriptor& error) {
  int code = 0;
  if (!error.valid()) return 0;
  ::fcntl(error.get(), F_SETFL, O_NONBLOCK);
  return ::read(error.get(), &code, sizeof code) == ssize_t{sizeof code} ? code : 0;
}

Descriptor open_process(pid_t pid, std::uint64_t start_time) {
  Descriptor fd = pidfd_open(pid);
  if (!fd.valid()) return fd;
  const auto stat = read_stat(pid);
  if (!stat || stat->start_time != start_time || stat->state == 'Z' || stat->state == 'X') fd.reset();
  return fd;
}

std::optional<ProcessStat> read_stat(pid_t pid) {
  const std::string text = read_small_file(fmt::format("/proc/{}/stat", pid));
  // The name is in parentheses and may hold anything, so fields are counted from the last ')': state is field 3.
  const std::size_t name_end = text.rfind(')');
  if (name_end == text.npos || name_end + 2 >= text.size()) return std::nullopt;
  std::vector<std::string_view> fields;
  for (std::string_view rest = std::string_view(text).substr(name_end + 2); !rest.empty();) {
    fields.push_back(rest.substr(0, rest.find_first_of(" \n")));
    rest.remove_prefix(std::min(rest.size(), fields.back().size() + 1));
  }
  if (fields.size() < 22) return std::nullopt;
  const auto number = [&fields](std::size_t field) {
    std::uint64_t value = 0;
    const std::string_view digits = fields[field - 3];
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  };
  static const auto kTickNs = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  static const auto kPageBytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return ProcessStat{.pid = pid,
                     .parent = static_cast<pid_t>(number(4)),
                     .group = static_cast<pid_t>(number(5)),
                     .session = static_cast<pid_t>(number(6)),
                     .state = fields[0].empty() ? '?' : fields[0][0],
                     .start_time = number(22),
                     .cpu_ns = (number(14) + number(15)) * kTickNs,
                     .resident_bytes = number(24) * kPageBytes};
}

std::vector<ProcessStat> all_processes() {
  std::vector<ProcessStat> out;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return out;
  while (const dirent* entry = ::readdir(folder)) {
    pid_t pid = 0;
    const std::string_view name = entry->d_name;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size()) continue;
    if (const auto stat = read_stat(pid)) out.push_back(*stat);
  }
  ::closedir(folder);
  std::ranges::sort(out, {}, &ProcessStat::pid);
  return out;
}

std::vector<ProcessStat> scope_members(pid_t leader, const std::string& mark) {
  const std::vector<ProcessStat> all = all_processes();
  std::set<pid_t> members;
  const pid_t self = ::getpid();
  for (const ProcessStat& p : all) {
    if (p.pid == self || p.pid == 1) continue;
    const bool by_leader = leader != 0 && (p.pid == leader || p.group == leader || p.session == leader);
    if (by_leader || carries(p.pid, mark)) members.insert(p.pid);
  }
  // Descendants are members; a child can have a smaller pid than its parent, so go on until nothing is new.
  for (bool grown = !members.empty(); grown;) {
    grown = false;
    for (const ProcessStat& p : all) {
      if (p.pid != self && members.contains(p.parent) && members.insert(p.pid).second) grown = true;
    }
  }
  std::vector<ProcessStat> out;
  for (const ProcessStat& p : all) {
    if (members.contains(p.pid) && p.state != 'Z' && p.state != 'X') out.push_back(p);
  }
  return out;
}

std::optional<std::string> find_program(const std::string& command, const std::vector<std::string>& folders) {
  const auto runs = [](const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
  };
  if (command.find('/') != command.npos) return runs(command) ? std::optional(command) : std::nullopt;
  for (const std::string& folder : folders) {
    if (std::string path = folder + "/" + command; runs(path)) return path;
  }
  return std::nullopt;
}

std::uint16_t free_loopback_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = static_cast<sockaddr*>(static_cast<void*>(&address));
  if (!socket.valid() || ::bind(socket.get(), generic, size) != 0) return 0;
  if (::getsockname(socket.get(), generic, &size) != 0) return 0;
  return ntohs(address.sin_port);
}

}  // namespace homing::launcher
