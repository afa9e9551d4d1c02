// SPDX-License-Identifier: Apache-2.0
//
// What the targets of router/wire share: an input is a head of two bytes that choose where it is split, and a message.
// Thread class: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "router/wire/fields.h"
#include "tests/fuzz/fuzz.h"

namespace homing::fuzz {

struct SplitInput {
  std::size_t split = 0;  // 0 to message.size()
  std::uint32_t choice = 0;
  std::string_view message;
};

inline SplitInput split_input(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  if (size < 3) return {0, 0, {}};
  SplitInput input;
  input.choice = data[0];
  input.message = text.substr(3);
  input.split = (std::size_t{data[1]} | std::size_t{data[2]} << 8U) % (input.message.size() + 1);
  return input;
}

// What we add (framing, our fields) may take a head that is at a limit over it.
inline bool outgrew_limits(std::string_view head) {
  std::size_t lines = 0;
  for (const char c : head) lines += c == '\n' ? 1 : 0;
  return head.size() > wire::kMaxHeadBytes || lines > wire::kMaxFields + 2;
}

}  // namespace homing::fuzz
