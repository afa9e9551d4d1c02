// SPDX-License-Identifier: Apache-2.0
//
// Quantities as people write them: "15 s", "250 ms", "64 GiB", "2.06 h".
//
// A bare number is never a duration or a size: whoever reads a file must not have to know the program's favourite unit.
// Numbers are read as exact decimals ("1.5 s" is 1,500,000,000 ns, not the nearest double times 1e9), so the same text
// means the same integer on every machine. What cannot be held exactly in nanoseconds or bytes is refused.
// Errors are the second half of a diagnostic: what is wrong, then what was expected, in one line.
// Thread class: stateless.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace homing::base {

// A decimal number, value = digits * 10^-decimals, and the word that followed it (may be empty).
struct Quantity {
  std::int64_t digits = 0;
  int decimals = 0;
  std::string unit;

  double value() const;  // nearest double; only for ratios, shapes and other numbers that are no counts
};

// "2.06 h", "-3", "40 %": sign, digits, optional fraction, optional blank, optional unit word.
// At most 18 significant digits and no exponent.
std::expected<Quantity, std::string> parse_quantity(std::string_view text);

// "15 s", "250 ms", "2 h", "5 min", "7 d", "1.5 s". Units: ns us ms s min h d w. May be negative; the caller limits.
std::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text);

// "64 GiB", "180 MiB", "1 GB", "512 B". Units: B kB MB GB TB PB (powers of 1000), KiB MiB GiB TiB PiB (of 1024).
std::expected<std::int64_t, std::string> parse_bytes(std::string_view text);

// "0.25" or "25 %", as a double; no limits.
std::expected<double, std::string> parse_fraction(std::string_view text);

// The shortest exact text: "1.5 s" is "1500 ms", "120 s" is "2 min", 68719476736 is "64 GiB". Parses back to the same.
std::string format_duration(std::chrono::nanoseconds duration);
std::string format_bytes(std::int64_t bytes);

}  // namespace homing::base
