// SPDX-License-Identifier: Apache-2.0
#include "router/net/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>

#include "router/core/check.h"

namespace homing::net {

namespace {

constexpr std::size_t kSealBytes = 16;
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";

const unsigned char* raw(std::string_view bytes) {
  return static_cast<const unsigned char*>(static_cast<const void*>(bytes.data()));
}

std::string encode(std::string_view bytes, std::string_view alphabet, int bits) {
  std::string out;
  out.reserve((bytes.size() * 8 + static_cast<std::size_t>(bits) - 1) / static_cast<std::size_t>(bits));
  std::uint32_t held = 0;
  int count = 0;
  for (const char c : bytes) {
    held = (held << 8) | static_cast<std::uint8_t>(c);
    count += 8;
    while (count >= bits) {
      count -= bits;
      out.push_back(alphabet[(held >> count) & ((1U << bits) - 1)]);
    }
    held &= (1U << count) - 1;
  }
  if (count > 0) out.push_back(alphabet[(held << (bits - count)) & ((1U << bits) - 1)]);
  return out;
}

std::optional<std::string> decode(std::string_view text, std::string_view alphabet, int bits) {
  std::string out;
  std::uint32_t held = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = (held << bits) | static_cast<std::uint32_t>(digit);
    count += bits;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>((held >> count) & 0xff));
    }
    held &= (1U << count) - 1;
  }
  if (count >= bits || held != 0) return std::nullopt;
  return out;
}

}  // namespace

Digest sha256(std::string_view bytes) {
  Digest out{};
  unsigned int size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha256(), nullptr) == 1 && size == out.size());
  return out;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest out{};
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(bytes), bytes.size(), out.data(), &size) !=
            nullptr &&
        size == out.size());
  return out;
}

void random_bytes(void* out, std::size_t size) {
  CHECK(RAND_bytes(static_cast<unsigned char*>(out), static_cast<int>(size)) == 1);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_base64url(std::string_view bytes) {
  return encode(bytes, kBase64, 6);
}
std::optional<std::string> from_base64url(std::string_view text) {
  return decode(text, kBase64, 6);
}
std::string to_base32(std::string_view bytes) {
  return encode(bytes, kBase32, 5);
}
std::optional<std::string> from_base32(std::string_view text) {
  return decode(text, kBase32, 5);
}

Key::Key(std::string_view secret, std::string_view purpose) {
  const Digest digest = hmac_sha256(secret, std::string("homing 1 ") + std::string(purpose));
  key_.assign(digest.begin(), digest.end());
}

std::string Key::sign(std::string_view bytes, std::size_t size) const {
  const Digest digest = hmac_sha256(key_, bytes);
  CHECK(size <= digest.size());
  return {digest.begin(), digest.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::string Key::seal(std::string_view payload, std::string_view bound) const {
  const std::string body = to_base64url(payload);
  std::string signed_text = body + ".";
  signed_text += bound;
  return body + "." + to_base64url(sign(signed_text, kSealBytes));
}

std::optional<std::string> Key::open(std::string_view text, std::string_view bound) const {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto signature = from_base64url(text.substr(dot + 1));
  if (!signature) return std::nullopt;
  std::string signed_text(text.substr(0, dot + 1));
  signed_text += bound;
  if (!equal_in_constant_time(*signature, sign(signed_text, kSealBytes))) return std::nullopt;
  return from_base64url(text.substr(0, dot));
}

}  // namespace homing::net
