// SPDX-License-Identifier: Apache-2.0
//
// Follows the frames of a WebSocket in one direction of a tunnel, without touching a byte.
//
// Intuition: after 101 bytes pass unchanged; but only somebody who knows where frames begin can tell a message from a
// ping (idle time counts data only), and can end the tunnel cleanly: with a close frame of our own, which fits only
// between two frames. The cursor reads headers (2 to 14 bytes) and skips payloads by arithmetic, so it costs by the
// frame, not by the byte.
//
// A violation is a verdict, never a repair: the caller may cut the tunnel or let it pass. After one the cursor is lost
// for good: there is no boundary any more.
//
// Invariants: nothing is unmasked or put together; constant memory; what was counted does not depend on how the bytes
// were split. Source: RFC 6455 section 5; the reserved bits belong to negotiated extensions (RFC 7692 takes RSV1).
// Thread class: single-owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homing::wire {

enum class FrameFault : std::uint8_t {
  kNone = 0,
  kReservedBit,        // one that no extension has taken
  kReservedOpcode,     // 3 to 7, 11 to 15
  kFragmentedControl,  // a control frame without FIN
  kLongControl,        // a control frame of more than 125 bytes
  kMasked,             // from a server
  kNotMasked,          // from a client
  kLongLength,         // a 64-bit length with its top bit set
  kPaddedLength,       // a length in more bytes than it needs
  kNoMessage,          // a continuation of nothing
  kInterleaved,        // a new message inside a fragmented one
  kAfterClose,         // a frame behind the close frame
};
std::string_view to_string(FrameFault fault);

class FrameCursor {
 public:
  enum class Sender : std::uint8_t { kClient, kServer };

  // What was seen since the beginning, or in one feed().
  struct Seen {
    std::uint64_t data_begun = 0;  // frames of text, binary and continuation
    std::uint64_t data_ended = 0;
    std::uint64_t control_begun = 0;  // ping, pong, close
    std::uint64_t control_ended = 0;
    std::uint64_t messages_ended = 0;
    bool operator==(const Seen&) const = default;
  };

  // `extension_bits`: the reserved bits that a negotiated extension uses, as they stand in the first byte (RSV1 is
  // 0x40).
  explicit FrameCursor(Sender sender, std::uint8_t extension_bits = 0)
      : sender_(sender), extension_bits_(extension_bits) {}

  // The next bytes of the direction. Returns what they brought.
  Seen feed(std::string_view bytes);

  const Seen& total() const { return total_; }
  FrameFault fault() const { return fault_; }
  // Between two frames: a frame of ours may be put here.
  bool at_boundary() const { return fault_ == FrameFault::kNone && size_ == 0 && left_ == 0; }
  // At least so many bytes end the current frame; exact once its header is whole. 0 at a boundary and after a fault.
  std::uint64_t to_boundary() const;
  bool close_seen() const { return close_seen_; }
  bool in_message() const { return in_message_; }
  // In the payload of a text, binary or continuation frame.
  bool in_data() const { return left_ > 0 && size_ == 0 && !is_control(); }

 private:
  std::size_t header_size() const;  // as far as the bytes so far tell
  FrameFault judge_first(std::uint8_t first) const;
  FrameFault judge_second(std::uint8_t second) const;
  FrameFault begin_frame();  // the header is whole
  void end_frame(Seen& seen);
  bool is_control() const { return (header_[0] & 0x08U) != 0; }

  Sender sender_;
  std::uint8_t extension_bits_;
  FrameFault fault_ = FrameFault::kNone;
  std::uint8_t size_ = 0;  // bytes of the header so far; 0: between frames, or in a payload when left_ > 0
  bool in_message_ = false;
  bool close_seen_ = false;
  std::array<std::uint8_t, 14> header_{};
  std::uint64_t left_ = 0;  // of the payload
  Seen total_;
};

}  // namespace homing::wire
