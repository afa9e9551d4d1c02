// SPDX-License-Identifier: Apache-2.0
#include "router/wire/text.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace homing::wire {

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_token(c); });
}

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool has_control(std::string_view text) {
  return find_control(text, 0) != text.size();
}

bool has_obs_text(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<std::uint8_t>(c) >= 0x80; });
}

std::size_t find_control_plain(std::string_view bytes, std::size_t from) {
  while (from < bytes.size() && !is_control(bytes[from])) ++from;
  return from;
}

std::size_t find_control(std::string_view bytes, std::size_t from) {
#if defined(__SSE2__)
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i below = _mm_set1_epi8(0x1f);
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; from + 16 <= bytes.size(); from += 16) {
    __m128i block;
    __builtin_memcpy(&block, bytes.data() + from, sizeof block);
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, below), block);
    const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(block, tab), low), _mm_cmpeq_epi8(block, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return from + static_cast<std::size_t>(__builtin_ctz(mask));
  }
#endif
  return find_control_plain(bytes, from);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::string_view decimal(std::uint64_t value, std::array<char, 20>& buffer) {
  std::size_t at = buffer.size();
  do {
    buffer[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  return {buffer.data() + at, buffer.size() - at};
}

}  // namespace homing::wire
