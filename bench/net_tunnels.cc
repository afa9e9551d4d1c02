// SPDX-License-Identifier: Apache-2.0
#include "bench/net_tunnels.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "router/wire/answer_head.h"
#include "router/wire/body.h"

namespace homing::bench {

namespace {

constexpr int kPatienceMs = 10'000;
constexpr std::size_t kPiece = 256 * 1024;
// A masked text frame "homing" with the mask 0, and what an origin sends back.
constexpr std::string_view kMessage{"\x81\x86\0\0\0\0homing", 12};
constexpr std::string_view kEcho{"\x81\x06homing", 8};

// Waits for bytes of a socket without blocking; "" when the patience is over or the connection is.
std::string_view receive(int fd, std::array<char, 4096>& buffer) {
  pollfd one{fd, POLLIN, 0};
  if (::poll(&one, 1, kPatienceMs) != 1) return {};
  const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

bool send_all(int fd, std::string_view bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool upgraded(int fd, std::array<char, 4096>& buffer) {
  std::string so_far;
  wire::AnswerHead head;
  for (;;) {
    const std::string_view bytes = receive(fd, buffer);
    if (bytes.empty()) return false;
    so_far += bytes;
    const wire::Parsed parsed = head.parse(so_far, wire::Method::kGet);
    if (parsed.refused()) fail(fmt::format("an answer is malformed: {}", parsed.why));
    if (parsed.done()) return head.status() == 101;
  }
}

}  // namespace

void hold_tunnels(const Address& to, const std::string& request, int count) {
  std::vector<Fd> open;
  std::array<char, 4096> buffer{};
  for (int i = 0; i < count; ++i) {
    Fd fd = connect_to(to);
    if (!send_all(fd.get(), request) || !upgraded(fd.get(), buffer)) break;
    open.push_back(std::move(fd));
  }
  fmt::print("{{\"open\":{}}}\n", open.size());
  std::fflush(stdout);
  std::getchar();
  std::size_t alive = 0;
  for (const Fd& fd : open) {
    std::string got;
    if (!send_all(fd.get(), kMessage)) continue;
    while (got.size() < kEcho.size()) {
      const std::string_view bytes = receive(fd.get(), buffer);
      if (bytes.empty()) break;
      got += bytes;
    }
    alive += got == kEcho ? 1 : 0;
  }
  fmt::print("{{\"alive\":{}}}\n", alive);
}

void run_bulk(const BulkOptions& options) {
  const Fd fd = connect_to(options.to);
  std::vector<char> buffer(kPiece);
  const std::vector<char> zeros(kPiece);
  const std::int64_t begin = now_ns();
  const double cpu = cpu_seconds(options.processes);
  if (!send_all(fd.get(), options.request)) fail_errno("send");
  std::uint64_t up = 0;
  std::string so_far;
  wire::AnswerHead head;
  wire::BodyReader body;
  bool has_head = false;
  while (!has_head || body.state() == wire::BodyReader::State::kMore) {
    const bool sends = up < options.upload;
    pollfd one{fd.get(), static_cast<short>(sends ? POLLIN | POLLOUT : POLLIN), 0};
    if (::poll(&one, 1, kPatienceMs) != 1) fail("silence for ten seconds");
    if ((one.revents & POLLOUT) != 0) {
      const ssize_t size =
          ::send(fd.get(), zeros.data(), std::min<std::uint64_t>(options.upload - up, kPiece), MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN) fail_errno("send");
      up += static_cast<std::uint64_t>(std::max<ssize_t>(size, 0));
    }
    if ((one.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EAGAIN) continue;
    if (size <= 0) fail("the connection was cut");
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
    if (!has_head) {
      so_far += bytes;
      const wire::Parsed parsed = head.parse(so_far, wire::Method::kGet);
      if (parsed.refused()) fail(fmt::format("an answer is malformed: {}", parsed.why));
      if (!parsed.done()) continue;
      if (head.is_interim()) {
        so_far.erase(0, parsed.size);
        head.reset();
        if (so_far.empty()) continue;
        fail("an interim answer and more in one piece");
      }
      has_head = true;
      body.start(head.framing());
      bytes = std::string_view(so_far).substr(parsed.size);
    }
    while (!bytes.empty() && body.state() == wire::BodyReader::State::kMore) bytes.remove_prefix(body.read(bytes).used);
  }
  fmt::print("{{\"status\":{},\"up\":{},\"down\":{},\"cpu_s\":{:.3f},\"seconds\":{:.6f}}}\n", head.status(), up,
             body.payload_bytes(), cpu_seconds(options.processes) - cpu, static_cast<double>(now_ns() - begin) / 1e9);
}

}  // namespace homing::bench
