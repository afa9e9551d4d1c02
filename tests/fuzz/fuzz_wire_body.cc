// SPDX-License-Identifier: Apache-2.0
//
// Bodies: payload and verdict do not depend on the split, no byte behind the end is taken, no length is exceeded, and a
// chunked body that was read is read again from what the chunk writer makes of it.
#include <string>

#include "router/core/check.h"
#include "router/wire/body.h"
#include "tests/fuzz/wire_inputs.h"

namespace {

using namespace homing;
using State = wire::BodyReader::State;

struct Outcome {
  std::string payload;
  std::size_t used = 0;
};

void feed(wire::BodyReader& reader, std::string_view bytes, Outcome& outcome) {
  while (!bytes.empty() && reader.state() == State::kMore) {
    const wire::BodyReader::Piece piece = reader.read(bytes);
    CHECK(piece.used <= bytes.size());
    CHECK(piece.used > 0 || piece.state != State::kMore);
    CHECK(piece.payload.empty() ||
          (piece.payload.data() >= bytes.data() && piece.payload.end() <= bytes.substr(0, piece.used).end()));
    outcome.payload += piece.payload;
    outcome.used += piece.used;
    bytes.remove_prefix(piece.used);
  }
  CHECK(reader.payload_bytes() == outcome.payload.size());
}

void check_written(const std::string& payload) {
  std::string raw;
  for (std::size_t at = 0; at < payload.size(); at += 7) {
    const std::string_view piece = std::string_view(payload).substr(at, 7);
    std::array<char, 20> buffer{};
    raw.append(wire::chunk_line(piece.size(), buffer)).append(piece).append(wire::kChunkEnd);
  }
  raw.append(wire::kLastChunk);
  wire::BodyReader reader({wire::BodyKind::kChunked, 0});
  Outcome outcome;
  feed(reader, raw, outcome);
  CHECK(reader.state() == State::kDone && outcome.used == raw.size() && outcome.payload == payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::SplitInput input = fuzz::split_input(data, size);
  const wire::BodyKind kind = input.choice % 8 == 0   ? wire::BodyKind::kLength
                              : input.choice % 8 == 1 ? wire::BodyKind::kUntilClose
                                                      : wire::BodyKind::kChunked;
  const wire::Framing framing{kind, kind == wire::BodyKind::kLength ? input.choice / 8 : 0};
  wire::BodyReader whole(framing);
  Outcome at_once;
  feed(whole, input.message, at_once);
  wire::BodyReader split(framing);
  Outcome in_two;
  feed(split, input.message.substr(0, input.split), in_two);
  if (split.state() == State::kMore) feed(split, input.message.substr(input.split), in_two);
  CHECK(split.state() == whole.state() && split.why() == whole.why());
  CHECK(in_two.payload == at_once.payload);
  CHECK(whole.state() != State::kDone || in_two.used == at_once.used);
  CHECK((split.trailers() == nullptr) == (whole.trailers() == nullptr));
  CHECK(whole.trailers() == nullptr || whole.trailers()->size() <= wire::kMaxTrailers);
  if (kind == wire::BodyKind::kLength) CHECK(at_once.payload.size() <= framing.length);
  if (whole.state() == State::kDone && kind == wire::BodyKind::kChunked) check_written(at_once.payload);
  return 0;
}
