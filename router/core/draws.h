// SPDX-License-Identifier: Apache-2.0
//
// Draws: keyed random numbers without state.
//
// A draw is a function of what it is for, not of how many draws came before it: (seed, purpose) is the key of a Philox
// cipher, (who, which visit, which attempt, which word) its counter. So a strategy that asks for one more tie-break
// shifts nobody else's luck, two strategies see the same arrivals, and a restored world needs no generator state.
//
//   key      = (seed, purpose)                                    2 x 64 bits
//   counter  = (id.low, id.high, visit | attempt << 32, block)    4 x 64 bits; block b holds words 4 b .. 4 b + 3
//
// The mapping is injective: no hashing, so two different keys never share a word. The cipher is Philox4x64-10 (Salmon,
// Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11), from the Random123 headers; its 128-bit
// key and 256-bit counter are why it is chosen over Philox4x32, whose counter would have to be a hash of an id of 128
// bits.
//
// Use: name the purpose once, open a sequence at the place of use, take one draw a statement (the order of evaluation
// of two draws in one expression differs between compilers).
//
//   constexpr Purpose kThink = purpose("think");
//   DrawSequence draws = Draws(seed, kThink).at({.high = 0, .low = user, .visit = 3, .attempt = 0});
//   double u = draws.uniform();
//
// Thread class: values; thread-compatible.
#pragma once

#include <Random123/philox.h>

#include <cstdint>
#include <string_view>

#include "router/core/check.h"

namespace homing::core {

// What a draw is for. Distinct names give independent streams.
struct Purpose {
  std::uint64_t value = 0;
  friend bool operator==(const Purpose&, const Purpose&) = default;
};

// The purpose of that name: FNV-1a of its bytes, fixed for ever.
constexpr Purpose purpose(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return Purpose{hash};
}

// Whom a draw is about.
struct DrawId {
  std::uint64_t high = 0;  // with `low`: a session id, or 0 and a small number such as a user
  std::uint64_t low = 0;
  std::uint32_t visit = 0;    // visit, epoch, action: whatever counts up for this id
  std::uint32_t attempt = 0;  // tries of the same thing
};

// The words of one (seed, purpose, id), in order. A local variable at the place of use; copying it copies its position.
class DrawSequence {
 public:
  DrawSequence(std::uint64_t seed, Purpose purpose, const DrawId& id) {
    key_.v[0] = seed;
    key_.v[1] = purpose.value;
    counter_.v[0] = id.low;
    counter_.v[1] = id.high;
    counter_.v[2] = std::uint64_t{id.visit} | (std::uint64_t{id.attempt} << 32);
    counter_.v[3] = 0;
  }

  // 64 random bits.
  std::uint64_t u64() {
    const unsigned lane = static_cast<unsigned>(words_taken_ & 3);
    if (lane == 0) {
      counter_.v[3] = words_taken_ >> 2;
      block_ = philox4x64_R(10, counter_, key_);
    }
    ++words_taken_;
    return block_.v[lane];
  }

  // A double in the open interval (0, 1): the centres of 2^52 equal cells, so u and 1 - u are both exact and equally
  // likely.
  double uniform() {
    const std::uint64_t word = u64();
    return static_cast<double>((word >> 11) | 1u) * 0x1p-53;
  }

  // A whole number in [0, n), every one exactly equally likely (Lemire, "Fast Random Integer Generation in an
  // Interval", 2019): the high half of word x n, rejecting when the low half is below 2^64 mod n; a rejection takes the
  // next word. REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n) {
    CHECK(n > 0);
    Wide product = static_cast<Wide>(u64()) * n;
    if (static_cast<std::uint64_t>(product) < n) {
      const std::uint64_t threshold = (0 - n) % n;
      while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(u64()) * n;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  philox4x64_key_t key_;
  philox4x64_ctr_t counter_;
  philox4x64_ctr_t block_{};
  std::uint64_t words_taken_ = 0;
};

// All draws of one seed and purpose.
class Draws {
 public:
  constexpr Draws(std::uint64_t seed, Purpose purpose) : seed_(seed), purpose_(purpose) {}

  DrawSequence at(const DrawId& id) const { return DrawSequence(seed_, purpose_, id); }

  // The first draw of `id`, for those who need only one.
  std::uint64_t u64(const DrawId& id) const { return at(id).u64(); }
  double uniform(const DrawId& id) const { return at(id).uniform(); }
  std::uint64_t below(const DrawId& id, std::uint64_t n) const { return at(id).below(n); }

  std::uint64_t seed() const { return seed_; }
  Purpose purpose_of() const { return purpose_; }

 private:
  std::uint64_t seed_;
  Purpose purpose_;
};

}  // namespace homing::core
