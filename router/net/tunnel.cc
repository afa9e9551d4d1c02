// SPDX-License-Identifier: Apache-2.0
#include "router/net/tunnel.h"

#include <algorithm>
#include <array>

#include "router/core/check.h"
#include "router/net/crypto.h"

namespace homing::net {

namespace {

constexpr std::size_t kMaxReason = 123;     // of a control frame's 125 bytes, behind the status
constexpr std::size_t kShare = 512 * 1024;  // one way, before everybody else on this thread has a turn
constexpr std::int64_t kHearOutMs = 2'000;  // for the other side's answer to our close frame

// Which reserved bits an extension has taken is not followed: every bit is let pass, so only the rest is judged.
constexpr std::uint8_t kAllExtensionBits = 0x70;

}  // namespace

std::string_view to_string(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::kNone:
      return "open";
    case TunnelEnd::kClientClosed:
      return "client closed";
    case TunnelEnd::kSessionClosed:
      return "session closed";
    case TunnelEnd::kIdle:
      return "idle";
    case TunnelEnd::kStalled:
      return "stalled";
    case TunnelEnd::kTold:
      return "ended by the router";
  }
  return "?";
}

std::string close_frame(std::uint16_t status, std::string_view reason, std::optional<std::uint32_t> mask) {
  reason = reason.substr(0, kMaxReason);
  std::string payload;
  payload.push_back(static_cast<char>(status >> 8));
  payload.push_back(static_cast<char>(status & 0xff));
  payload.append(reason);
  std::string frame;
  frame.push_back(static_cast<char>(0x88));
  frame.push_back(static_cast<char>(payload.size() | (mask ? 0x80U : 0U)));
  if (mask) {
    std::array<char, 4> key{};
    for (std::size_t i = 0; i < 4; ++i) key[i] = static_cast<char>((*mask >> (24 - 8 * i)) & 0xff);
    frame.append(key.data(), key.size());
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ key[i % 4]);
  }
  return frame + payload;
}

Tunnel::Tunnel(Worker& worker, io::Stream& client, io::Stream& upstream, bool websocket, const ExchangeLimits& limits)
    : worker_(worker),
      client_(client),
      upstream_(upstream),
      websocket_(websocket),
      limits_(limits),
      up_(client, upstream, wire::FrameCursor(wire::FrameCursor::Sender::kClient, kAllExtensionBits)),
      down_(upstream, client, wire::FrameCursor(wire::FrameCursor::Sender::kServer, kAllExtensionBits)) {
  worker_.tunnels.insert(this);
}

Tunnel::~Tunnel() {
  worker_.tunnels.erase(this);
}

Task<void> Tunnel::run() {
  lively();
  co_await io::both(flow(up_, true), flow(down_, false));
  if (close_status_ != 0 && websocket_) co_await io::both(hear_out(client_), hear_out(upstream_));
  client_.close();
  upstream_.close();
}

// What still comes is for nobody, until the other side has closed too.
Task<void> Tunnel::hear_out(io::Stream& stream) {
  stream.input().clear();
  stream.read_within(kHearOutMs);
  for (;;) {
    std::size_t size = 0;
    const io::Io result = stream.read_some(worker_.scratch, size);
    if (result == io::Io::kAgain) {
      co_await stream.readable();
    } else if (result == io::Io::kOk) {
      co_await stream.loop().yield();
    } else {
      co_return;
    }
  }
}

void Tunnel::over(TunnelEnd end) {
  if (end_ == TunnelEnd::kNone) end_ = end;
}

// Data went one way or the other: both sides may be silent for another while.
void Tunnel::lively() {
  if (!up_.over) client_.read_within(limits_.tunnel_idle);
  if (!down_.over) upstream_.read_within(limits_.tunnel_idle);
}

void Tunnel::close_soon(std::uint16_t status, std::string_view reason) {
  if (close_status_ != 0) return;
  close_status_ = status;
  close_reason_ = reason;
  over(TunnelEnd::kTold);
  if (!websocket_) {
    client_.close();
    upstream_.close();
    return;
  }
  client_.wake_reader();
  upstream_.wake_reader();
}

// After close_soon(): what is left of the current frame may pass.
bool Tunnel::cut_here(const Direction& way, std::string_view& bytes) const {
  if (close_status_ == 0) return false;
  if (way.cursor.at_boundary() || way.cursor.fault() != wire::FrameFault::kNone) return true;
  wire::FrameCursor ahead = way.cursor;
  std::size_t allowed = 0;
  while (allowed < bytes.size() && !ahead.at_boundary() && ahead.fault() == wire::FrameFault::kNone) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size() - allowed, ahead.to_boundary()));
    ahead.feed(bytes.substr(allowed, step));
    allowed += step;
  }
  bytes = bytes.substr(0, allowed);
  return false;
}

Task<bool> Tunnel::pass(Direction& way, std::string_view bytes) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  std::span<iovec> pieces(&piece, 1);
  const io::Io result = way.to.write_some(pieces);
  if (result == io::Io::kOk) co_return true;
  if (result != io::Io::kAgain) co_return false;
  // The scratch space is everybody's: what was not taken is kept here.
  std::string rest(static_cast<const char*>(piece.iov_base), piece.iov_len);
  piece = {rest.data(), rest.size()};
  pieces = std::span<iovec>(&piece, 1);
  for (;;) {
    way.to.write_within(limits_.write_stall);
    co_await way.to.writable();
    const io::Io more = way.to.write_some(pieces);
    if (more == io::Io::kAgain) continue;
    way.to.write_whenever();
    co_return more == io::Io::kOk;
  }
}

Task<void> Tunnel::say_goodbye(Direction& way, bool upward) {
  if (!way.cursor.at_boundary() || way.cursor.close_seen()) co_return;
  std::optional<std::uint32_t> mask;
  if (upward) {
    std::uint32_t key = 0;
    random_bytes(&key, sizeof key);
    mask = key;
  }
  const std::string frame = close_frame(close_status_, close_reason_, mask);
  co_await pass(way, frame);
}

Task<void> Tunnel::flow(Direction& way, bool upward) {
  bool failed = false;
  std::size_t share = 0;
  for (;;) {
    // First what came behind the heads, then what comes.
    std::string_view bytes = way.from.input().data();
    const bool held = !bytes.empty();
    if (!held) {
      way.from.input().release();
      std::string_view none;
      if (cut_here(way, none)) break;
      std::size_t size = 0;
      const io::Io result = way.from.read_some(worker_.scratch, size);
      if (result == io::Io::kAgain) {
        co_await way.from.readable();
        share = 0;
        continue;
      }
      if (result != io::Io::kOk) {
        failed = result == io::Io::kError;
        break;
      }
      bytes = {worker_.scratch.data(), size};
    }
    const std::size_t came = bytes.size();
    if (cut_here(way, bytes)) break;
    if (websocket_) {
      // In the middle of a data frame every byte counts; of control frames none does.
      const auto seen = way.cursor.feed(bytes);
      if (seen.data_begun > 0 || seen.data_ended > 0 || way.cursor.in_data() ||
          way.cursor.fault() != wire::FrameFault::kNone) {
        lively();
      }
    } else {
      lively();
    }
    way.bytes += bytes.size();
    const bool passed = co_await pass(way, bytes);
    if (held) way.from.input().consume(way.from.is_open() ? came : way.from.input().size());
    if (!passed) {
      failed = true;
      break;
    }
    share += came;
    if (share >= kShare) {
      share = 0;
      co_await way.from.loop().yield();
    }
  }
  way.over = true;
  way.from.read_whenever();  // it has said all; the other way decides how long it is still listened to
  if (way.from.late() || way.to.late()) {
    over(way.from.late_writing() || way.to.late_writing() ? TunnelEnd::kStalled : TunnelEnd::kIdle);
  } else {
    over(upward ? TunnelEnd::kClientClosed : TunnelEnd::kSessionClosed);
  }
  if (close_status_ != 0 && !failed) co_await say_goodbye(way, upward);
  way.to.shut_down_sending();
  // The other direction may finish what it is saying; not for long.
  way.to.read_within(limits_.tunnel_rest);
}

}  // namespace homing::net
