// SPDX-License-Identifier: Apache-2.0
#include "bench/net_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace homing::bench {

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

void fail(const std::string& what) {
  throw std::runtime_error(what);
}

void fail_errno(const std::string& what) {
  fail(what + ": " + std::strerror(errno));
}

Address read_address(std::string_view text) {
  Address out;
  if (text.starts_with("unix:")) {
    out.is_local = true;
    out.path = text.substr(5);
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (out.path.empty() || out.path.size() >= sizeof local.sun_path) fail(fmt::format("no socket path: {}", text));
    std::memcpy(local.sun_path, out.path.c_str(), out.path.size() + 1);
    std::memcpy(&out.bytes, &local, sizeof local);
    out.size = sizeof local;
    return out;
  }
  const std::size_t colon = text.rfind(':');
  sockaddr_in inet{};
  inet.sin_family = AF_INET;
  if (colon == std::string_view::npos ||
      ::inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &inet.sin_addr) != 1)
    fail(fmt::format("no address: {}; expected 127.0.0.1:PORT or unix:PATH", text));
  inet.sin_port = htons(static_cast<std::uint16_t>(std::atoi(std::string(text.substr(colon + 1)).c_str())));
  std::memcpy(&out.bytes, &inet, sizeof inet);
  out.size = sizeof inet;
  return out;
}

void set_nonblocking(int fd) {
  if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) fail_errno("fcntl");
}

namespace {

Fd open_socket(const Address& address) {
  Fd fd(::socket(address.is_local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) fail_errno("socket");
  return fd;
}

const sockaddr* raw(const Address& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address.bytes));
}

}  // namespace

Fd listen_on(const Address& address) {
  Fd fd = open_socket(address);
  const int yes = 1;
  if (address.is_local) ::unlink(address.path.c_str());
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd.get(), raw(address), address.size) != 0) fail_errno("bind");
  if (::listen(fd.get(), 4096) != 0) fail_errno("listen");
  set_nonblocking(fd.get());
  return fd;
}

Fd connect_to(const Address& address) {
  Fd fd = open_socket(address);
  if (::connect(fd.get(), raw(address), address.size) != 0) fail_errno("connect");
  const int yes = 1;
  if (!address.is_local) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  set_nonblocking(fd.get());
  return fd;
}

Poller::Poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)), events_(256) {
  if (fd_.get() < 0) fail_errno("epoll_create1");
}

void Poller::add(int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail_errno("epoll_ctl");
}

void Poller::change(int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event) != 0) fail_errno("epoll_ctl");
}

std::span<const epoll_event> Poller::wait(std::int64_t patience_ns) {
  timespec patience{};
  patience.tv_sec = patience_ns / 1'000'000'000;
  patience.tv_nsec = patience_ns % 1'000'000'000;
  const int count = ::epoll_pwait2(fd_.get(), events_.data(), static_cast<int>(events_.size()),
                                   patience_ns < 0 ? nullptr : &patience, nullptr);
  if (count < 0 && errno != EINTR) fail_errno("epoll_pwait2");
  return {events_.data(), static_cast<std::size_t>(count < 0 ? 0 : count)};
}

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

double cpu_seconds(std::span<const pid_t> processes) {
  double ticks = 0;
  for (const pid_t process : processes) {
    std::ifstream in(fmt::format("/proc/{}/stat", process));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) fail(fmt::format("process {} is gone", process));
    std::istringstream rest(text.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) rest >> skipped;
    double user = 0;
    double system = 0;
    rest >> user >> system;
    ticks += user + system;
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace homing::bench
