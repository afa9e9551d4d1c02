// SPDX-License-Identifier: Apache-2.0
#include "bench/net_origin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "router/wire/body.h"
#include "router/wire/request_head.h"
#include "router/wire/text.h"

namespace homing::bench {

namespace {

constexpr std::size_t kSmall = 45;
constexpr std::size_t kLarge = 16 * 1024;
constexpr std::size_t kPiece = 256 * 1024;
// The only key the generators send, and what RFC 6455 makes of it (its own example).
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

std::string head_of(std::size_t size) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", size);
}

std::string answer_of(std::size_t size) {
  return head_of(size) + std::string(size, 'x');
}

struct Connection {
  explicit Connection(Fd socket) : fd(std::move(socket)) {}
  Fd fd;
  std::string in;                          // what is not dealt with yet
  std::string out;                         // what the socket did not take
  std::uint64_t stream_left = 0;           // of a long answer, behind `out`
  std::unique_ptr<wire::BodyReader> body;  // while one is read
  bool tunnel = false;
  bool closing = false;
  bool waits_to_write = false;
};

class Origin {
 public:
  Origin(std::span<const std::string> addresses, const std::string& record_file) {
    for (const std::string& address : addresses) {
      doors_.push_back(listen_on(read_address(address)));
      poller_.add(doors_.back().get(), EPOLLIN, static_cast<std::uint64_t>(doors_.back().get()));
    }
    if (record_file.empty()) return;
    record_ = Fd(::open(record_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (record_.get() < 0) fail_errno(record_file);
  }

  void turn() {
    for (const epoll_event& event : poller_.wait(-1)) {
      const int fd = static_cast<int>(event.data.u64);
      if (std::ranges::any_of(doors_, [fd](const Fd& door) { return door.get() == fd; })) {
        accept_from(fd);
      } else if (const auto found = connections_.find(fd); found != connections_.end()) {
        if (!serve(found->second, event.events)) connections_.erase(found);
      }
    }
  }

 private:
  void accept_from(int door) {
    for (;;) {
      Fd fd(::accept4(door, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() < 0) return;
      const int number = fd.get();
      poller_.add(number, EPOLLIN, static_cast<std::uint64_t>(number));
      connections_.try_emplace(number, std::move(fd));
    }
  }

  // False: the connection is over.
  bool serve(Connection& one, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0 && !write_out(one)) return false;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return true;
    const ssize_t size = ::recv(one.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (size == 0) return false;
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(size));
    if (!one.in.empty()) {
      one.in += bytes;
      const std::string all = std::exchange(one.in, {});
      read(one, all);
    } else {
      read(one, bytes);
    }
    return write_out(one);
  }

  void read(Connection& one, std::string_view bytes) {
    while (!bytes.empty() && !one.closing) {
      if (one.tunnel) {
        if (!echo(one, bytes)) break;
      } else if (one.body) {
        bytes.remove_prefix(one.body->read(bytes).used);
        if (one.body->state() != wire::BodyReader::State::kMore) end_body(one);
      } else {
        head_.reset();
        const wire::Parsed parsed = head_.parse(bytes);
        if (parsed.refused()) {
          note("bad");
          one.out += "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
          one.closing = true;
        }
        if (!parsed.done()) break;
        bytes.remove_prefix(parsed.size);
        answer(one);
      }
    }
    if (!one.closing) one.in = bytes;
  }

  void answer(Connection& one) {
    note("head");
    if (head_.is_websocket()) {
      const auto key = head_.fields().value_of(wire::Name::kSecWebSocketKey);
      if (key != kKey) {
        one.out += "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        one.closing = true;
        return;
      }
      one.out += fmt::format(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
          "{}\r\n\r\n",
          kAccept);
      one.tunnel = true;
      return;
    }
    const bool keep = head_.keep_alive();
    if (head_.has_body()) {
      if (head_.expects_continue()) one.out += "HTTP/1.1 100 Continue\r\n\r\n";
      one.body = std::make_unique<wire::BodyReader>(head_.framing());
      return;
    }
    note("whole");
    const std::string_view target = head_.target();
    if (head_.method() == wire::Method::kHead) {
      one.out += head_of(kSmall);
    } else if (target.ends_with("/large")) {
      one.out += large_;
    } else if (const std::size_t at = target.find("/stream/"); at != std::string_view::npos) {
      std::uint64_t size = 0;
      std::from_chars(target.data() + at + 8, target.data() + target.size(), size);
      one.out += head_of(size);
      one.stream_left = size;
    } else {
      one.out += small_;
    }
    one.closing = !keep;
  }

  void end_body(Connection& one) {
    const bool whole = one.body->state() == wire::BodyReader::State::kDone;
    note(whole ? "whole" : "bad");
    const std::string size = std::to_string(one.body->payload_bytes());
    one.out += whole ? head_of(size.size()) + size
                     : "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    one.closing = !whole;
    one.body.reset();
  }

  // Sends one short masked message back; false when it is not there in full.
  static bool echo(Connection& one, std::string_view& bytes) {
    if (bytes.size() < 6) return false;
    const std::size_t size = static_cast<unsigned char>(bytes[1]) & 0x7fU;
    if (size > 125) fail("the origin echoes short messages only");
    if (bytes.size() < 6 + size) return false;
    const std::string_view mask = bytes.substr(2, 4);
    one.closing = (static_cast<unsigned char>(bytes[0]) & 0x0fU) == 8;
    one.out += bytes[0];
    one.out += static_cast<char>(size);
    for (std::size_t i = 0; i < size; ++i) one.out += static_cast<char>(bytes[6 + i] ^ mask[i % 4]);
    bytes.remove_prefix(6 + size);
    return true;
  }

  bool write_out(Connection& one) {
    while (!one.out.empty() || one.stream_left > 0) {
      const std::string_view bytes =
          one.out.empty() ? std::string_view(zeros_).substr(0, std::min<std::uint64_t>(one.stream_left, kPiece))
                          : std::string_view(one.out);
      const ssize_t size = ::send(one.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN) return false;
      if (size < 0) {
        want(one, true);
        return true;
      }
      if (one.out.empty())
        one.stream_left -= static_cast<std::uint64_t>(size);
      else if (static_cast<std::size_t>(size) == one.out.size())
        one.out.clear();
      else
        one.out.erase(0, static_cast<std::size_t>(size));
    }
    if (one.tunnel) one.out = {};  // thousands are idle: hold nothing
    if (one.closing) return false;
    want(one, false);
    return true;
  }

  void want(Connection& one, bool to_write) {
    if (one.waits_to_write == to_write) return;
    one.waits_to_write = to_write;
    const std::uint32_t events = to_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
    poller_.change(one.fd.get(), events, static_cast<std::uint64_t>(one.fd.get()));
  }

  void note(std::string_view what) const {
    if (record_.get() < 0) return;
    const std::string line = std::string(what) + "\n";
    if (::write(record_.get(), line.data(), line.size()) < 0) fail_errno("the record");
  }

  Poller poller_;
  std::vector<Fd> doors_;
  Fd record_;
  std::unordered_map<int, Connection> connections_;
  wire::RequestHead head_;
  std::array<char, kPiece> buffer_{};
  const std::string small_ = answer_of(kSmall);
  const std::string large_ = answer_of(kLarge);
  const std::string zeros_ = std::string(kPiece, '\0');
};

}  // namespace

void serve_origin(std::span<const std::string> addresses, const std::string& record_file) {
  const auto origin = std::make_unique<Origin>(addresses, record_file);
  for (;;) origin->turn();
}

}  // namespace homing::bench
