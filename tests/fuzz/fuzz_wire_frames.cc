// SPDX-License-Identifier: Apache-2.0
//
// The cursor over WebSocket frames: counts do not depend on the split, ended never exceeds begun, to_boundary() never
// goes beyond the frame, and what it calls a boundary is one to a cursor that begins there.
#include "router/core/check.h"
#include "router/wire/frame_cursor.h"
#include "tests/fuzz/wire_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace homing;
  const fuzz::SplitInput input = fuzz::split_input(data, size);
  const auto sender = input.choice % 2 == 0 ? wire::FrameCursor::Sender::kClient : wire::FrameCursor::Sender::kServer;
  const std::uint8_t bits = input.choice % 3 == 0 ? 0x40 : 0;
  wire::FrameCursor whole(sender, bits);
  whole.feed(input.message);
  wire::FrameCursor split(sender, bits);
  split.feed(input.message.substr(0, input.split));
  const bool boundary = split.at_boundary() && !split.in_message() && !split.close_seen();
  const wire::FrameCursor::Seen before = split.total();
  split.feed(input.message.substr(input.split));
  CHECK(split.total() == whole.total() && split.fault() == whole.fault());
  CHECK(split.at_boundary() == whole.at_boundary() && split.to_boundary() == whole.to_boundary());
  const wire::FrameCursor::Seen& seen = whole.total();
  CHECK(seen.data_ended <= seen.data_begun && seen.data_begun <= seen.data_ended + 1);
  CHECK(seen.control_ended <= seen.control_begun && seen.messages_ended <= seen.data_ended);
  CHECK(seen.data_begun + seen.control_begun <= input.message.size() / 2);
  if (boundary) {
    wire::FrameCursor fresh(sender, bits);
    fresh.feed(input.message.substr(input.split));
    CHECK(fresh.fault() == whole.fault() && fresh.total().data_ended == seen.data_ended - before.data_ended);
  }
  // Byte by byte: what is missing shrinks with each byte, and never says less than is missing.
  wire::FrameCursor slow(sender, bits);
  for (const char& c : input.message) {
    const std::uint64_t missing = slow.to_boundary();
    slow.feed({&c, 1});
    if (missing > 1 && slow.fault() == wire::FrameFault::kNone) CHECK(slow.to_boundary() >= missing - 1);
  }
  CHECK(slow.total() == whole.total() && slow.fault() == whole.fault());
  return 0;
}
