// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/echo_swarm.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "router/io/resolver.h"

namespace homing::testing {

namespace {

constexpr std::uint64_t kAhead = 4;      // messages on their way, of one socket
constexpr std::uint64_t kLongEvery = 9;  // so that frames are cut by reads and writes
constexpr std::size_t kLong = 20'000;
constexpr int kLookMs = 5;
constexpr unsigned kText = 1, kClose = 8, kPing = 9;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string message(std::size_t socket, std::uint64_t number) {
  std::string text = fmt::format("{} {} ", socket, number);
  if (number % kLongEvery == 0) text.append(kLong, static_cast<char>('a' + number % 26));
  return text;
}

// A client's frame, masked with a key of zeros.
std::string frame(unsigned opcode, const std::string& payload) {
  std::string out;
  out.push_back(static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size() & 0xff));
  }
  out.append(4, '\0');
  return out + payload;
}

}  // namespace

struct EchoSwarm::Socket {
  int fd = -1;
  std::string in;
  std::string out;
  std::string message;  // what came of it so far
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::int64_t next_at = 0;
};

EchoSwarm::EchoSwarm(int every_ms) : every_ms_(every_ms) {}

EchoSwarm::~EchoSwarm() {
  over_ = true;
  if (thread_.joinable()) thread_.join();
  for (auto& socket : sockets_) {
    if (socket->fd >= 0) ::close(socket->fd);
  }
}

bool EchoSwarm::add(const base::Endpoint& router, const std::string& target, const std::string& cookie) {
  const auto address = io::numeric_address(router.host, router.port);
  auto socket = std::make_unique<Socket>();
  socket->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int fd = socket->fd;
  sockets_.push_back(std::move(socket));
  if (!address || ::connect(fd, reinterpret_cast<const sockaddr*>(&address->storage), address->size) != 0) return false;
  const std::string head = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      target, router.text(), cookie);
  if (::send(fd, head.data(), head.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(head.size())) return false;
  std::string& in = sockets_.back()->in;
  while (in.find("\r\n\r\n") == std::string::npos) {
    std::array<char, 4096> bytes{};
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, 30'000) <= 0) return false;
    const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (size <= 0) return false;
    in.append(bytes.data(), static_cast<std::size_t>(size));
  }
  if (!in.starts_with("HTTP/1.1 101 ")) return false;
  in.erase(0, in.find("\r\n\r\n") + 4);
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return true;
}

void EchoSwarm::start() {
  thread_ = std::thread([this] { run(); });
}

void EchoSwarm::run() {
  std::vector<pollfd> waits(sockets_.size());
  while (!over_) {
    const std::int64_t now = now_ms();
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      Socket& socket = *sockets_[i];
      if (socket.fd >= 0) send_due(socket, i, now);
      waits[i] = {socket.fd, static_cast<short>(POLLIN | (socket.out.empty() ? 0 : POLLOUT)), 0};
    }
    if (::poll(waits.data(), waits.size(), kLookMs) <= 0) continue;
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if ((waits[i].revents & POLLOUT) != 0) flush(*sockets_[i]);
      if ((waits[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) read(*sockets_[i], i);
    }
  }
}

void EchoSwarm::send_due(Socket& socket, std::size_t number, std::int64_t now) {
  if (!sending_ || now < socket.next_at || socket.sent - socket.received >= kAhead) return;
  socket.next_at = now + every_ms_;
  socket.out += frame(kText, message(number, socket.sent++));
  ++sent_;
  flush(socket);
}

void EchoSwarm::flush(Socket& socket) {
  if (socket.fd < 0 || socket.out.empty()) return;
  const ssize_t size = ::send(socket.fd, socket.out.data(), socket.out.size(), MSG_NOSIGNAL);
  if (size > 0) socket.out.erase(0, static_cast<std::size_t>(size));
  if (size < 0 && errno != EAGAIN && errno != EINTR) close(socket);
}

void EchoSwarm::read(Socket& socket, std::size_t number) {
  if (socket.fd < 0) return;
  std::array<char, 65536> bytes;
  const ssize_t size = ::recv(socket.fd, bytes.data(), bytes.size(), 0);
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return close(socket);
  if (size > 0) socket.in.append(bytes.data(), static_cast<std::size_t>(size));
  while (socket.fd >= 0 && take_frame(socket, number)) {
  }
}

// False: no whole frame is there.
bool EchoSwarm::take_frame(Socket& socket, std::size_t number) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(socket.in[at]); };
  if (socket.in.size() < 2) return false;
  std::size_t head = 2;
  std::size_t size = byte(1) & 0x7fU;
  if (size == 126) {
    head = 4;
    if (socket.in.size() < head) return false;
    size = (static_cast<std::size_t>(byte(2)) << 8) | byte(3);
  } else if (size == 127) {
    head = 10;
    if (socket.in.size() < head) return false;
    size = 0;
    for (std::size_t i = 2; i < head; ++i) size = (size << 8) | byte(i);
  }
  if (socket.in.size() < head + size) return false;
  const unsigned opcode = byte(0) & 0x0fU;
  const bool last = (byte(0) & 0x80U) != 0;
  std::string payload = socket.in.substr(head, size);
  socket.in.erase(0, head + size);
  if (opcode == kClose) {
    close_codes_.push_back(payload.size() < 2 ? 0
                                              : static_cast<unsigned>(static_cast<unsigned char>(payload[0])) << 8 |
                                                    static_cast<unsigned char>(payload[1]));
    close(socket);
  } else if (opcode == kPing) {
    socket.out += frame(kPing + 1, payload);
  } else {
    socket.message += payload;
    if (!last) return true;
    payload = std::exchange(socket.message, {});
    if (payload.starts_with("{\"counter\"")) return true;  // which the session says by itself
    if (payload == message(number, socket.received)) {
      ++socket.received;
      ++received_;
    } else {
      ++wrong_;
    }
  }
  return true;
}

void EchoSwarm::close(Socket& socket) {
  ::close(socket.fd);
  socket.fd = -1;
  ++closed_;
}

EchoTally EchoSwarm::finish() {
  sending_ = false;
  const std::int64_t until = now_ms() + 30'000;
  while (received_ < sent_ && closed_ == 0 && now_ms() < until) ::usleep(10'000);
  over_ = true;
  if (thread_.joinable()) thread_.join();
  EchoTally tally{sockets_.size() - closed_, closed_, sent_, received_, wrong_, close_codes_};
  for (auto& socket : sockets_) {
    if (socket->fd >= 0) ::close(socket->fd);
    socket->fd = -1;
  }
  return tally;
}

}  // namespace homing::testing
