// SPDX-License-Identifier: Apache-2.0
#include "router/wire/frame_cursor.h"

#include <algorithm>

namespace homing::wire {

namespace {
constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kOpcode = 0x0f;
constexpr std::uint8_t kMask = 0x80;
constexpr std::uint8_t kClose = 8;
}  // namespace

std::string_view to_string(FrameFault fault) {
  switch (fault) {
    case FrameFault::kNone:
      return "none";
    case FrameFault::kReservedBit:
      return "a reserved bit that no extension uses";
    case FrameFault::kReservedOpcode:
      return "a reserved opcode";
    case FrameFault::kFragmentedControl:
      return "a fragmented control frame";
    case FrameFault::kLongControl:
      return "a control frame of more than 125 bytes";
    case FrameFault::kMasked:
      return "a masked frame from a server";
    case FrameFault::kNotMasked:
      return "a frame without a mask from a client";
    case FrameFault::kLongLength:
      return "a length of 2^63 or more";
    case FrameFault::kPaddedLength:
      return "a length in more bytes than it needs";
    case FrameFault::kNoMessage:
      return "a continuation without a message";
    case FrameFault::kInterleaved:
      return "a new message inside another";
    case FrameFault::kAfterClose:
      return "a frame behind the close frame";
  }
  return "?";
}

std::size_t FrameCursor::header_size() const {
  if (size_ < 2) return 2;
  const std::uint8_t length = header_[1] & 0x7fU;
  return 2U + (length == 126 ? 2U : length == 127 ? 8U : 0U) + ((header_[1] & kMask) != 0 ? 4U : 0U);
}

std::uint64_t FrameCursor::to_boundary() const {
  if (fault_ != FrameFault::kNone) return 0;
  if (size_ > 0) return header_size() - size_ + (size_ >= 2 && (header_[1] & 0x7fU) < 126 ? header_[1] & 0x7fU : 0U);
  return left_;
}

FrameFault FrameCursor::judge_first(std::uint8_t first) const {
  const std::uint8_t opcode = first & kOpcode;
  const bool control = opcode >= 8;
  if (close_seen_) return FrameFault::kAfterClose;
  if ((opcode >= 3 && opcode <= 7) || opcode >= 11) return FrameFault::kReservedOpcode;
  // Extensions mark the first frame of a message; control frames and continuations carry no such bit.
  const std::uint8_t allowed = opcode == 1 || opcode == 2 ? extension_bits_ : 0;
  if ((first & kReserved & static_cast<std::uint8_t>(~allowed)) != 0) return FrameFault::kReservedBit;
  if (control) return (first & kFin) == 0 ? FrameFault::kFragmentedControl : FrameFault::kNone;
  if (opcode == 0) return in_message_ ? FrameFault::kNone : FrameFault::kNoMessage;
  return in_message_ ? FrameFault::kInterleaved : FrameFault::kNone;
}

FrameFault FrameCursor::judge_second(std::uint8_t second) const {
  const bool masked = (second & kMask) != 0;
  if (masked && sender_ == Sender::kServer) return FrameFault::kMasked;
  if (!masked && sender_ == Sender::kClient) return FrameFault::kNotMasked;
  return is_control() && (second & 0x7fU) > 125 ? FrameFault::kLongControl : FrameFault::kNone;
}

FrameFault FrameCursor::begin_frame() {
  const std::uint8_t length = header_[1] & 0x7fU;
  const std::size_t bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  left_ = bytes == 0 ? length : 0;
  for (std::size_t i = 0; i < bytes; ++i) left_ = left_ << 8U | header_[2 + i];
  if ((left_ >> 63U) != 0) return FrameFault::kLongLength;
  if ((bytes == 2 && left_ < 126) || (bytes == 8 && left_ <= 0xffff)) return FrameFault::kPaddedLength;
  return FrameFault::kNone;
}

void FrameCursor::end_frame(Seen& seen) {
  if (is_control()) {
    ++seen.control_ended;
    close_seen_ = (header_[0] & kOpcode) == kClose;
    return;
  }
  ++seen.data_ended;
  in_message_ = (header_[0] & kFin) == 0;
  seen.messages_ended += in_message_ ? 0 : 1;
}

FrameCursor::Seen FrameCursor::feed(std::string_view bytes) {
  Seen seen;
  while (!bytes.empty() && fault_ == FrameFault::kNone) {
    if (left_ > 0 && size_ == 0) {
      const std::uint64_t skipped = std::min<std::uint64_t>(left_, bytes.size());
      left_ -= skipped;
      bytes.remove_prefix(static_cast<std::size_t>(skipped));
      if (left_ == 0) end_frame(seen);
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (size_ == 0) fault_ = judge_first(byte);
    header_[size_++] = byte;
    if (size_ == 2) fault_ = judge_second(byte);
    if (fault_ != FrameFault::kNone || size_ < header_size()) continue;
    fault_ = begin_frame();
    size_ = 0;
    if (fault_ != FrameFault::kNone) break;
    ++(is_control() ? seen.control_begun : seen.data_begun);
    if (left_ == 0) end_frame(seen);
  }
  total_.data_begun += seen.data_begun;
  total_.data_ended += seen.data_ended;
  total_.control_begun += seen.control_begun;
  total_.control_ended += seen.control_ended;
  total_.messages_ended += seen.messages_ended;
  return seen;
}

}  // namespace homing::wire
