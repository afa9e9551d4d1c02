// SPDX-License-Identifier: Apache-2.0
#include "router/base/units.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "router/base/suggest.h"

namespace homing::base {
namespace {

struct Unit {
  const char* name;
  std::int64_t factor;
};

constexpr std::array kTimeUnits = {
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"min", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"d", 86'400'000'000'000},
    Unit{"w", 604'800'000'000'000},
};

constexpr std::array kByteUnits = {
    Unit{"B", 1},
    Unit{"kB", 1'000},
    Unit{"KiB", 1'024},
    Unit{"MB", 1'000'000},
    Unit{"MiB", 1'048'576},
    Unit{"GB", 1'000'000'000},
    Unit{"GiB", 1'073'741'824},
    Unit{"TB", 1'000'000'000'000},
    Unit{"TiB", 1'099'511'627'776},
    Unit{"PB", 1'000'000'000'000'000},
    Unit{"PiB", 1'125'899'906'842'624},
};

// Words people write for a unit that has another name here.
struct Alias {
  const char* written;
  const char* meant;
};
constexpr std::array kAliases = {
    Alias{"m", "min"},   Alias{"mins", "min"}, Alias{"minute", "min"}, Alias{"minutes", "min"}, Alias{"sec", "s"},
    Alias{"secs", "s"},  Alias{"second", "s"}, Alias{"seconds", "s"},  Alias{"msec", "ms"},     Alias{"hr", "h"},
    Alias{"hrs", "h"},   Alias{"hour", "h"},   Alias{"hours", "h"},    Alias{"day", "d"},       Alias{"days", "d"},
    Alias{"week", "w"},  Alias{"weeks", "w"},  Alias{"K", "KiB"},      Alias{"k", "KiB"},       Alias{"M", "MiB"},
    Alias{"G", "GiB"},   Alias{"T", "TiB"},    Alias{"KB", "kB"},      Alias{"kb", "kB"},       Alias{"mb", "MB"},
    Alias{"gb", "GB"},   Alias{"tb", "TB"},    Alias{"Mb", "MB"},      Alias{"Gb", "GB"},       Alias{"kib", "KiB"},
    Alias{"mib", "MiB"}, Alias{"gib", "GiB"},  Alias{"tib", "TiB"},    Alias{"bytes", "B"},     Alias{"byte", "B"},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string unknown_unit(std::string_view unit, std::span<const Unit> units, const char* what) {
  std::vector<std::string> names;
  for (const Unit& known : units) names.emplace_back(known.name);
  std::optional<std::string> meant;
  for (const Alias& alias : kAliases) {
    if (alias.written != unit) continue;
    for (const std::string& name : names) {
      if (name == alias.meant) meant = name;
    }
  }
  if (!meant) meant = nearest_name(unit, names);
  std::string text = fmt::format("\"{}\" is no unit of {}; expected {}", unit, what, quoted_list(names));
  if (meant) text += fmt::format("; did you mean \"{}\"?", *meant);
  return text;
}

// digits * 10^-decimals * factor, when that is an integer of 63 bits.
std::expected<std::int64_t, std::string> scaled(const Quantity& quantity, std::int64_t factor, std::string_view text,
                                                const char* smallest) {
  __extension__ using Wide = __int128;
  Wide value = static_cast<Wide>(quantity.digits) * factor;
  for (int i = 0; i < quantity.decimals; ++i) {
    if (value % 10 != 0) {
      return std::unexpected(fmt::format("\"{}\" is no whole number of {}; write fewer decimals", text, smallest));
    }
    value /= 10;
  }
  if (value > std::numeric_limits<std::int64_t>::max() || value < std::numeric_limits<std::int64_t>::min()) {
    return std::unexpected(fmt::format("\"{}\" is too large", text));
  }
  return static_cast<std::int64_t>(value);
}

std::expected<std::int64_t, std::string> parse_with_units(std::string_view text, std::span<const Unit> units,
                                                          const char* what, const char* example, const char* smallest) {
  const auto quantity = parse_quantity(text);
  if (!quantity) return std::unexpected(fmt::format("{}; expected {}, e.g. \"{}\"", quantity.error(), what, example));
  if (quantity->unit.empty()) {
    if (quantity->digits == 0 && quantity->decimals == 0) {
      return std::unexpected(fmt::format("\"{}\" has no unit; write a unit, e.g. \"0 {}\"", text, units[0].name));
    }
    return std::unexpected(fmt::format("\"{}\" has no unit; write a unit, e.g. \"{}\"", text, example));
  }
  for (const Unit& unit : units) {
    if (quantity->unit == unit.name) return scaled(*quantity, unit.factor, text, smallest);
  }
  return std::unexpected(unknown_unit(quantity->unit, units, what[0] == 'a' ? what + 2 : what));
}

std::string shortest(std::int64_t value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && value != 0) {
      const std::size_t now = fmt::formatted_size("{}", value / unit.factor);
      const std::size_t so_far = fmt::formatted_size("{}", value / best->factor);
      if (now <= so_far) best = &unit;
    }
  }
  return fmt::format("{} {}", value / best->factor, best->name);
}

}  // namespace

double Quantity::value() const {
  // Powers of ten up to 10^18 are exact doubles up to 10^22, so this rounds once.
  double divisor = 1;
  for (int i = 0; i < decimals; ++i) divisor *= 10;
  return static_cast<double>(digits) / divisor;
}

std::expected<Quantity, std::string> parse_quantity(std::string_view text) {
  std::string_view rest = trimmed(text);
  Quantity quantity;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  int seen = 0;
  int significant = 0;
  bool fraction = false;
  while (!rest.empty() && (is_digit(rest.front()) || (rest.front() == '.' && !fraction))) {
    if (rest.front() == '.') {
      fraction = true;
    } else {
      ++seen;
      if (significant > 0 || rest.front() != '0') ++significant;
      if (significant > 18 || quantity.decimals > 18) {
        return std::unexpected(fmt::format("\"{}\" has more than 18 digits", text));
      }
      quantity.digits = quantity.digits * 10 + (rest.front() - '0');
      if (fraction) ++quantity.decimals;
    }
    rest.remove_prefix(1);
  }
  if (seen == 0) return std::unexpected(fmt::format("\"{}\" does not begin with a number", text));
  while (quantity.decimals > 0 && quantity.digits % 10 == 0) {
    quantity.digits /= 10;
    --quantity.decimals;
  }
  if (negative) quantity.digits = -quantity.digits;
  rest = trimmed(rest);
  for (const char c : rest) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%';
    if (!word) return std::unexpected(fmt::format("\"{}\" is no number with one unit", text));
  }
  quantity.unit = std::string(rest);
  return quantity;
}

std::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text) {
  const auto count = parse_with_units(text, kTimeUnits, "a duration", "15 s", "nanoseconds");
  if (!count) return std::unexpected(count.error());
  return std::chrono::nanoseconds(*count);
}

std::expected<std::int64_t, std::string> parse_bytes(std::string_view text) {
  return parse_with_units(text, kByteUnits, "a size", "64 GiB", "bytes");
}

std::expected<double, std::string> parse_fraction(std::string_view text) {
  auto quantity = parse_quantity(text);
  if (!quantity) return std::unexpected(quantity.error() + "; expected a fraction, e.g. 0.25 or \"25 %\"");
  if (quantity->unit == "%") {
    quantity->decimals += 2;
    return quantity->value();
  }
  if (quantity->unit.empty()) return quantity->value();
  return std::unexpected(
      fmt::format("\"{}\" is no unit of a fraction; expected e.g. 0.25 or \"25 %\"", quantity->unit));
}

std::string format_duration(std::chrono::nanoseconds duration) {
  if (duration.count() == 0) return "0 s";
  return shortest(duration.count(), kTimeUnits);
}

std::string format_bytes(std::int64_t bytes) {
  return shortest(bytes, kByteUnits);
}

}  // namespace homing::base
