// SPDX-License-Identifier: Apache-2.0
#include "router/net/upgrade.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "router/base/json.h"
#include "router/io/resolver.h"

namespace homing::net {

namespace {

constexpr const char* kVariable = "HOMING_UPGRADE";
constexpr std::string_view kControl = "control";
constexpr std::size_t kMaxWord = 16 * 1024;
constexpr std::string_view kFailed = "failed: ";

std::string line_of(std::string_view name, int fd, std::string_view where) {
  return fmt::format("{} {} {}\n", name, fd, where);
}

// The next packet; empty: the other side is gone, or nothing came in time.
std::string receive(int fd, std::chrono::milliseconds limit) {
  pollfd wait{fd, POLLIN, 0};
  int found = 0;
  do {
    found = ::poll(&wait, 1, static_cast<int>(limit.count()));
  } while (found < 0 && errno == EINTR);
  if (found <= 0) return {};
  std::string word(kMaxWord, '\0');
  const ssize_t size = ::recv(fd, word.data(), word.size(), 0);
  word.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return word;
}

void send_word(int fd, std::string_view word) {
  while (::send(fd, word.data(), std::min(word.size(), kMaxWord), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

std::vector<std::string> environment_without(std::string_view name) {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with(std::string(name) + "=")) out.emplace_back(*entry);
  }
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

// ---------------------------------------------------------------- the old router

std::expected<Successor, std::string> Successor::start(const std::vector<std::string>& command,
                                                       const std::vector<Handed>& handed) {
  if (command.empty()) return std::unexpected("this router does not know how it was started");
  if (::access(command.front().c_str(), X_OK) != 0) {
    return std::unexpected(fmt::format("{} cannot be run: {}", command.front(), std::strerror(errno)));
  }
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(fmt::format("no socket pair: {}", std::strerror(errno)));
  }
  // Everything that allocates comes before fork(): other threads may hold locks at that moment.
  std::string listed = fmt::format("{}={}", kVariable, line_of(kControl, ends[1], "-"));
  std::vector<int> kept = {ends[1]};
  for (const Handed& one : handed) {
    if (one.fd < 0) continue;
    listed += line_of(one.name, one.fd, one.where);
    kept.push_back(one.fd);
  }
  std::vector<std::string> environment = environment_without(kVariable);
  environment.push_back(std::move(listed));
  std::vector<std::string> arguments = command;
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(environment);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : kept) ::fcntl(fd, F_SETFD, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(argv.front(), argv.data(), envp.data());
    ::_exit(127);
  }
  const int error = errno;
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return std::unexpected(fmt::format("no new process: {}", std::strerror(error)));
  }
  return Successor(pid, ends[0]);
}

Successor::~Successor() {
  if (control_ >= 0) ::close(control_);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string Successor::how_it_ended() {
  int status = 0;
  // It closed its end; give it a moment to be gone.
  for (int i = 0; i < 100; ++i) {
    const pid_t found = ::waitpid(pid_, &status, WNOHANG);
    if (found == pid_) {
      pid_ = -1;
      if (WIFSIGNALED(status)) return fmt::format("it was ended by signal {}", WTERMSIG(status));
      return fmt::format("it ended with code {}", WEXITSTATUS(status));
    }
    ::usleep(10'000);
  }
  return "it closed its connection";
}

std::expected<void, std::string> Successor::wait_for(std::string_view word, std::chrono::milliseconds limit) {
  pollfd wait{control_, POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(limit.count())) == 0) {
    return std::unexpected(fmt::format("it was not {} within {} ms", word, limit.count()));
  }
  const std::string said = receive(control_, std::chrono::milliseconds(0));
  if (said == word) return {};
  if (said.starts_with(kFailed)) return std::unexpected(said.substr(kFailed.size()));
  if (said.empty()) return std::unexpected(how_it_ended());
  return std::unexpected(fmt::format("it said \"{}\" instead of \"{}\"", said, word));
}

void Successor::say(std::string_view word) {
  send_word(control_, word);
}

// ---------------------------------------------------------------- the new router

std::optional<Inheritance> Inheritance::from_environment() {
  const char* text = std::getenv(kVariable);
  if (text == nullptr) return std::nullopt;
  std::istringstream lines(text);
  ::unsetenv(kVariable);
  int control = -1;
  std::vector<Handed> handed;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string::npos ? first : line.find(' ', first + 1);
    if (second == std::string::npos) continue;
    int fd = -1;
    std::from_chars(line.data() + first + 1, line.data() + second, fd);
    if (fd < 3 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) continue;
    if (line.substr(0, first) == kControl) {
      control = fd;
    } else {
      handed.push_back({line.substr(0, first), line.substr(second + 1), fd});
    }
  }
  return Inheritance(control, std::move(handed));
}

Inheritance::~Inheritance() {
  for (const Handed& one : handed_) ::close(one.fd);
  if (control_ >= 0) ::close(control_);
}

int Inheritance::take(std::string_view name, std::string_view where) {
  const auto found =
      std::ranges::find_if(handed_, [&](const Handed& one) { return one.name == name && one.where == where; });
  if (found == handed_.end()) return -1;
  const int fd = found->fd;
  handed_.erase(found);
  return fd;
}

bool Inheritance::wait_to_go(std::chrono::milliseconds limit) {
  send_word(control_, "prepared");
  return receive(control_, limit) == "go";
}

void Inheritance::ready() {
  for (const Handed& one : handed_) {
    if (one.where.starts_with('/')) ::unlink(one.where.c_str());
  }
  send_word(control_, "ready");
}

void Inheritance::failed(const std::string& why) {
  send_word(control_, std::string(kFailed) + why);
}

// ---------------------------------------------------------------- who else hears of it

void tell_service_manager(pid_t main_process) {
  const char* where = std::getenv("NOTIFY_SOCKET");
  if (where == nullptr || (*where != '/' && *where != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(where);
  if (size >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, where, size);
  if (*where == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const std::string text = fmt::format("MAINPID={}\n", main_process);
  ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size));
  ::close(fd);
}

std::expected<std::string, std::string> ask_for_upgrade(const std::string& admin_socket, const std::string& binary) {
  if (admin_socket.size() >= sizeof(sockaddr_un::sun_path)) {
    return std::unexpected("the socket path is too long: " + admin_socket);
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const io::SocketAddress address = io::unix_address(admin_socket);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return std::unexpected(fmt::format("no router answers at {} ({}); is homing-router running on this machine?",
                                       admin_socket, std::strerror(error)));
  }
  base::JsonWriter wish;
  wish.begin_object();
  if (!binary.empty()) wish.member("binary", std::filesystem::absolute(binary).string());
  const std::string body = wish.end_object().take();
  const std::string request = fmt::format(
      "POST /v1/upgrade HTTP/1.1\r\nHost: homing\r\nConnection: close\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      body.size(), body);
  std::string answer;
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    std::array<char, 4096> piece{};
    for (ssize_t n = 0; (n = ::recv(fd, piece.data(), piece.size(), 0)) > 0;) {
      answer.append(piece.data(), static_cast<std::size_t>(n));
    }
  }
  ::close(fd);
  const std::size_t head = answer.find("\r\n\r\n");
  boost::system::error_code error;
  const boost::json::value value =
      boost::json::parse(head == std::string::npos ? std::string() : answer.substr(head + 4), error);
  if (error || !value.is_object()) return std::unexpected("the router broke off; look at its log");
  const boost::json::value* text = value.as_object().if_contains("text");
  const std::string said = text != nullptr && text->is_string() ? std::string(text->as_string().c_str()) : answer;
  if (answer.starts_with("HTTP/1.1 200 ")) return said;
  return std::unexpected(said);
}

}  // namespace homing::net
