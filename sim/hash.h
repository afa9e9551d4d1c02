// SPDX-License-Identifier: Apache-2.0
//
// Hash128: FNV-1a with 128 bits, for names of contents (scenarios, plans, runs). Exactly specified, the same
// everywhere; it guards against mistakes, not against attackers. Thread class: value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace homing::sim {

class Hash128 {
 public:
  void add_byte(std::uint8_t byte) {
    state_ ^= byte;
    state_ *= kPrime;
  }
  // Eight bytes, little-endian.
  void add(std::uint64_t word) {
    for (int i = 0; i < 8; ++i) add_byte(static_cast<std::uint8_t>(word >> (8 * i)));
  }
  void add(std::int64_t word) { add(static_cast<std::uint64_t>(word)); }
  // The length, then the bytes: two texts in a row never look like another two.
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    for (const char c : text) add_byte(static_cast<std::uint8_t>(c));
  }

  // 32 hex digits.
  std::string hex() const {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text(32, '0');
    for (unsigned i = 0; i < 32; ++i) text[i] = kDigits[static_cast<unsigned>(state_ >> (124 - 4 * i)) & 15];
    return text;
  }
  std::uint64_t low() const { return static_cast<std::uint64_t>(state_); }

 private:
  __extension__ using Word = unsigned __int128;
  static constexpr Word kPrime = (static_cast<Word>(1) << 88) + 0x13b;
  static constexpr Word kOffset = (static_cast<Word>(0x6c62272e07bb0142u) << 64) + 0x62b821756295c58du;
  Word state_ = kOffset;
};

}  // namespace homing::sim
