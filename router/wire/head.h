// SPDX-License-Identifier: Apache-2.0
//
// What request and answer heads share: how parsing went, how a body is framed, and how much a message is trusted.
//
// Intuition: a message is refused, or it is plain, or it is something that some other parser might read differently.
// The last kind is served, since honest clients send it, but neither of its two connections is used again: then no byte
// that somebody else would count to the next message is ever read as one.
//
// Thread class: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homing::wire {

enum class Version : std::uint8_t { k10, k11 };

enum class Trust : std::uint8_t {
  kPlain,
  kOnce,  // carried, then both connections are closed
};

enum class BodyKind : std::uint8_t {
  kNone,
  kLength,
  kChunked,
  kUntilClose,  // answers only
};

struct Framing {
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;  // of kLength
  bool operator==(const Framing&) const = default;
};

struct Parsed {
  enum class State : std::uint8_t { kMore, kDone, kRefused };
  State state = State::kMore;
  std::size_t size = 0;      // kDone: bytes of the head
  std::uint16_t status = 0;  // kRefused: what to answer (of an answer's head: always 502)
  std::string_view why;      // kRefused: words for the log; a literal

  bool done() const { return state == State::kDone; }
  bool refused() const { return state == State::kRefused; }
};

}  // namespace homing::wire
