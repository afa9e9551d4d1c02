// SPDX-License-Identifier: Apache-2.0
//
// What becomes of two streams after a 101: bytes pass unchanged both ways until both sides have closed.
//
// Intuition: two flows, each waiting for one side to speak, then reading into the worker's scratch space and keeping
// only what the other side did not take at once; while nothing comes a tunnel holds no buffer. A cursor a direction
// follows a WebSocket's frames: data counts as activity, a ping does not; and a tunnel that is told to end does so
// between two frames, with a close frame of ours to either side (1012, "service restart").
//
// Invariants: no byte is changed, added or left out before close_soon(); after it the bytes up to the next frame
// boundary pass, then our close frame, then nothing; both sides are heard out for a moment, since closing on bytes that
// were not read takes back what was sent. What is not a WebSocket is cut where it is. Source: RFC 6455
// sections 5.5.1, 7.1.1 and 7.4; IANA's registry for 1012. Thread class: single-owner (the worker's thread).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "router/net/exchange.h"
#include "router/wire/frame_cursor.h"

namespace homing::net {

enum class TunnelEnd : std::uint8_t {
  kNone = 0,
  kClientClosed,
  kSessionClosed,
  kIdle,     // neither side sent data for tunnel_idle
  kStalled,  // one side took nothing for write_stall
  kTold,     // close_soon(): drain, upgrade, revocation
};
std::string_view to_string(TunnelEnd end);

class Tunnel {
 public:
  // REQUIRES: both streams belong to the worker and outlive the tunnel.
  Tunnel(Worker& worker, io::Stream& client, io::Stream& upstream, bool websocket, const ExchangeLimits& limits);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  // Until both directions are over; both streams are closed then.
  Task<void> run();

  // Ends it at the next frame boundary of each direction, with this status and reason.
  void close_soon(std::uint16_t status, std::string_view reason);

  bool told() const { return close_status_ != 0; }

  std::uint64_t bytes_up() const { return up_.bytes; }
  std::uint64_t bytes_down() const { return down_.bytes; }
  std::uint64_t messages_up() const { return up_.cursor.total().messages_ended; }
  std::uint64_t messages_down() const { return down_.cursor.total().messages_ended; }
  TunnelEnd end() const { return end_; }
  wire::FrameFault fault() const {
    return up_.cursor.fault() != wire::FrameFault::kNone ? up_.cursor.fault() : down_.cursor.fault();
  }

 private:
  struct Direction {
    Direction(io::Stream& f, io::Stream& t, wire::FrameCursor c) : from(f), to(t), cursor(c) {}
    io::Stream& from;
    io::Stream& to;
    wire::FrameCursor cursor;
    std::uint64_t bytes = 0;
    bool over = false;
  };
  Task<void> flow(Direction& way, bool upward);
  Task<bool> pass(Direction& way, std::string_view bytes);
  // Sends what may still go; true when the direction ends here.
  bool cut_here(const Direction& way, std::string_view& bytes) const;
  Task<void> say_goodbye(Direction& way, bool upward);
  Task<void> hear_out(io::Stream& stream);
  void lively();
  void over(TunnelEnd end);

  Worker& worker_;
  io::Stream& client_;
  io::Stream& upstream_;
  const bool websocket_;
  const ExchangeLimits& limits_;
  Direction up_;
  Direction down_;
  TunnelEnd end_ = TunnelEnd::kNone;
  std::uint16_t close_status_ = 0;  // 0: not told to end
  std::string_view close_reason_;   // a literal
};

// A close frame as a server sends it or, masked, as a client does.
std::string close_frame(std::uint16_t status, std::string_view reason, std::optional<std::uint32_t> mask);

}  // namespace homing::net
