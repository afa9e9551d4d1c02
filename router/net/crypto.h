// SPDX-License-Identifier: Apache-2.0
//
// The few primitives that our signatures need: HMAC-SHA256 and random bytes from libcrypto, two text encodings, a
// comparison that takes the same time wherever the difference lies.
//
// One secret of the cluster, many keys: each purpose (login cookie, session id check, forwarded head...) has a key
// derived from the secret and the purpose's name, so that a text sealed for one purpose never opens for another.
// Thread class: pure functions; Key is a plain value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace homing::net {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view bytes);
Digest hmac_sha256(std::string_view key, std::string_view bytes);

// Fills with bytes of the operating system. Aborts when it has none: nothing safe can go on.
void random_bytes(void* out, std::size_t size);

bool equal_in_constant_time(std::string_view a, std::string_view b);

// URL-safe base 64 without padding. Decoding refuses other characters and non-zero left-over bits: one text a value.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// Lower-case base 32 (a-z, 2-7) without padding; the same strictness.
std::string to_base32(std::string_view bytes);
std::optional<std::string> from_base32(std::string_view text);

// A key for one purpose.
class Key {
 public:
  Key(std::string_view secret, std::string_view purpose);

  // The first `size` (at most 32) bytes of the signature.
  std::string sign(std::string_view bytes, std::size_t size = 32) const;

  // payload and a 128-bit signature over payload and `bound`, as text of [A-Za-z0-9_.-]. `bound` is not in the text:
  // whoever opens it must know it.
  std::string seal(std::string_view payload, std::string_view bound = {}) const;
  // The payload, or nothing for anything this key did not seal.
  std::optional<std::string> open(std::string_view text, std::string_view bound = {}) const;

 private:
  std::string key_;
};

}  // namespace homing::net
