// SPDX-License-Identifier: Apache-2.0
//
// What the targets of sealed texts share. A fuzzer cannot make a signature, so a good text is made first; the input
// says what is in it and how it is spoiled. The keys' purposes are those of credentials.cc: under the same key any
// bytes can be sealed, and so what reads the payload is tried too.
// Thread class: single-owner.
#pragma once

#include <string>
#include <string_view>

#include "router/net/credentials.h"
#include "tests/fuzz/fuzz.h"

namespace homing::fuzz {

inline constexpr std::string_view kSecret = "a secret of 32 bytes for fuzzing.";
inline constexpr net::WallSeconds kNow = 1'795'000'000;

inline const net::Credentials& credentials() {
  static const net::Credentials kCredentials(kSecret);
  return kCredentials;
}

// Up to three spoilings; none is possible too.
inline std::string spoiled(std::string text, Bytes& input) {
  for (std::uint32_t left = input.number(1) % 4; left > 0; --left) spoil(text, input);
  return text;
}

inline std::uint64_t number64(Bytes& input) {
  const std::uint64_t low = input.number(4);
  return low | std::uint64_t{input.number(4)} << 32U;
}

}  // namespace homing::fuzz
