// SPDX-License-Identifier: Apache-2.0
#include "router/wire/frame_cursor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace homing::wire {
namespace {

using Sender = FrameCursor::Sender;

std::string frame(std::uint8_t first, std::uint64_t length, Sender sender = Sender::kServer) {
  std::string out(1, static_cast<char>(first));
  const unsigned mask = sender == Sender::kClient ? 0x80 : 0;
  const int bytes = length < 126 ? 0 : length <= 0xffff ? 2 : 8;
  out += static_cast<char>(mask | (bytes == 0 ? length : bytes == 2 ? 126U : 127U));
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(length >> (8 * i));
  if (mask != 0) out += "mask";
  return out.append(static_cast<std::size_t>(length), 'p');
}

struct Watched {
  FrameCursor::Seen total;
  FrameFault fault = FrameFault::kNone;
  bool boundary = false;
  bool operator==(const Watched&) const = default;
};

Watched watch(const std::vector<std::string_view>& parts, Sender sender, std::uint8_t bits) {
  FrameCursor cursor(sender, bits);
  for (const std::string_view part : parts) cursor.feed(part);
  return {cursor.total(), cursor.fault(), cursor.at_boundary()};
}

// In one piece, byte by byte and at every split alike.
Watched watched(std::string_view raw, Sender sender = Sender::kServer, std::uint8_t bits = 0) {
  const Watched whole = watch({raw}, sender, bits);
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < raw.size(); ++i) bytes.push_back(raw.substr(i, 1));
  EXPECT_EQ(watch(bytes, sender, bits), whole);
  for (std::size_t i = 1; i < raw.size() && raw.size() < 1000; ++i) {
    EXPECT_EQ(watch({raw.substr(0, i), raw.substr(i)}, sender, bits), whole) << i;
  }
  return whole;
}

FrameFault fault(std::string_view raw, Sender sender = Sender::kServer, std::uint8_t bits = 0) {
  return watched(raw, sender, bits).fault;
}

TEST(FrameCursorTest, FramesOfEveryLengthAreFollowedFromBothSides) {
  for (const Sender sender : {Sender::kServer, Sender::kClient}) {
    for (const std::uint64_t length : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U, 200000U}) {
      const Watched seen = watched(frame(0x82, length, sender) + frame(0x89, 3, sender), sender);
      EXPECT_EQ(seen.fault, FrameFault::kNone) << length;
      EXPECT_EQ(seen.total.data_ended, 1U);
      EXPECT_EQ(seen.total.messages_ended, 1U);
      EXPECT_EQ(seen.total.control_ended, 1U);
      EXPECT_TRUE(seen.boundary);
    }
  }
}

TEST(FrameCursorTest, TheBoundaryIsBetweenFramesOnly) {
  const std::string raw = frame(0x81, 300);
  FrameCursor cursor(Sender::kServer);
  EXPECT_TRUE(cursor.at_boundary());
  EXPECT_EQ(cursor.to_boundary(), 0U);
  cursor.feed(raw.substr(0, 1));
  EXPECT_FALSE(cursor.at_boundary());
  EXPECT_EQ(cursor.to_boundary(), 1U);
  cursor.feed(raw.substr(1, 1));
  EXPECT_EQ(cursor.to_boundary(), 2U);
  cursor.feed(raw.substr(2, 2));
  EXPECT_EQ(cursor.to_boundary(), 300U);
  EXPECT_FALSE(cursor.at_boundary());
  EXPECT_EQ(cursor.feed(raw.substr(4, 299)).data_ended, 0U);
  EXPECT_EQ(cursor.to_boundary(), 1U);
  EXPECT_EQ(cursor.feed("p").data_ended, 1U);
  EXPECT_TRUE(cursor.at_boundary());
  FrameCursor client(Sender::kClient);
  client.feed(frame(0x81, 5, Sender::kClient).substr(0, 2));
  EXPECT_EQ(client.to_boundary(), 9U);
}

TEST(FrameCursorTest, PingsAreNoData) {
  FrameCursor cursor(Sender::kServer);
  const FrameCursor::Seen ping = cursor.feed(frame(0x89, 4) + frame(0x8a, 0));
  EXPECT_EQ(ping.control_begun, 2U);
  EXPECT_EQ(ping.control_ended, 2U);
  EXPECT_EQ(ping.data_begun, 0U);
  EXPECT_EQ(cursor.feed(frame(0x81, 4).substr(0, 3)).data_begun, 1U);
}

TEST(FrameCursorTest, AFragmentedMessageMayHoldControlFramesOnly) {
  const Watched seen = watched(frame(0x01, 3) + frame(0x89, 0) + frame(0x00, 3) + frame(0x80, 3) + frame(0x82, 1));
  EXPECT_EQ(seen.fault, FrameFault::kNone);
  EXPECT_EQ(seen.total.data_ended, 4U);
  EXPECT_EQ(seen.total.messages_ended, 2U);
  EXPECT_EQ(fault(frame(0x01, 3) + frame(0x81, 3)), FrameFault::kInterleaved);
  EXPECT_EQ(fault(frame(0x80, 3)), FrameFault::kNoMessage);
  EXPECT_EQ(fault(frame(0x81, 3) + frame(0x00, 3)), FrameFault::kNoMessage);
}

TEST(FrameCursorTest, ViolationsAreSaid) {
  for (const std::uint8_t opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    EXPECT_EQ(fault(frame(0x80 | opcode, 0)), FrameFault::kReservedOpcode) << int{opcode};
  }
  EXPECT_EQ(fault(frame(0x09, 0)), FrameFault::kFragmentedControl);
  EXPECT_EQ(fault(frame(0x89, 126)), FrameFault::kLongControl);
  EXPECT_EQ(fault(frame(0x88, 70000)), FrameFault::kLongControl);
  EXPECT_EQ(fault(frame(0x81, 3, Sender::kClient), Sender::kServer), FrameFault::kMasked);
  EXPECT_EQ(fault(frame(0x81, 3), Sender::kClient), FrameFault::kNotMasked);
  EXPECT_EQ(fault(std::string("\x82\x7f\x80\0\0\0\0\0\0\0", 10)), FrameFault::kLongLength);
  EXPECT_EQ(fault(std::string("\x82\x7f\0\0\0\0\0\0\xff\xff", 10)), FrameFault::kPaddedLength);
  EXPECT_EQ(fault(std::string("\x82\x7e\0\x7d", 4)), FrameFault::kPaddedLength);
  EXPECT_EQ(fault(frame(0x88, 2) + frame(0x81, 0)), FrameFault::kAfterClose);
  EXPECT_NE(to_string(FrameFault::kAfterClose), "");
}

TEST(FrameCursorTest, ReservedBitsBelongToTheExtensionThatTookThem) {
  EXPECT_EQ(fault(frame(0xc1, 3)), FrameFault::kReservedBit);
  EXPECT_EQ(fault(frame(0xc1, 3), Sender::kServer, 0x40), FrameFault::kNone);
  EXPECT_EQ(fault(frame(0xa1, 3), Sender::kServer, 0x40), FrameFault::kReservedBit);
  EXPECT_EQ(fault(frame(0xc9, 3), Sender::kServer, 0x40), FrameFault::kReservedBit);
  EXPECT_EQ(fault(frame(0x41, 3) + frame(0xc0, 3), Sender::kServer, 0x40), FrameFault::kReservedBit);
}

TEST(FrameCursorTest, AfterAViolationThereIsNoBoundary) {
  FrameCursor cursor(Sender::kServer);
  cursor.feed(frame(0x83, 0));
  EXPECT_FALSE(cursor.at_boundary());
  EXPECT_EQ(cursor.to_boundary(), 0U);
  EXPECT_EQ(cursor.feed(frame(0x81, 3)), FrameCursor::Seen{});
}

TEST(FrameCursorTest, TheCloseFrameIsRemembered) {
  FrameCursor cursor(Sender::kServer);
  cursor.feed(frame(0x88, 2).substr(0, 3));
  EXPECT_FALSE(cursor.close_seen());
  cursor.feed("p");
  EXPECT_TRUE(cursor.close_seen());
  EXPECT_TRUE(cursor.at_boundary());
}

}  // namespace
}  // namespace homing::wire
