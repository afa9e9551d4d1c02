// SPDX-License-Identifier: Apache-2.0
#include "sim/failure_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <set>
#include <utility>

#include "router/base/units.h"

namespace homing::sim {
namespace {

using core::Duration;
using Error = std::unexpected<std::string>;

constexpr std::string_view kOwnHeader = "node,down_s,up_s";
constexpr std::string_view kPublishedHeader = "System,machine type,nodes,";
// Columns of the published file.
constexpr std::size_t kSystem = 0;
constexpr std::size_t kNode = 6;  // counted from zero
constexpr std::size_t kStarted = 16;
constexpr std::size_t kFixed = 17;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t comma = line.find(',');
    fields.push_back(trim(line.substr(0, comma)));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The numbers between the separators, all of them there and nothing else.
template <std::size_t N>
std::optional<std::array<int, N>> numbers(std::string_view text, const std::array<char, N - 1>& separators) {
  std::array<int, N> values{};
  for (std::size_t i = 0; i < N; ++i) {
    const std::size_t stop = i + 1 < N ? text.find(separators[i]) : text.size();
    if (stop == std::string_view::npos) return std::nullopt;
    const auto value = number(text.substr(0, stop));
    if (!value) return std::nullopt;
    values[i] = *value;
    text.remove_prefix(i + 1 < N ? stop + 1 : stop);
  }
  return values;
}

std::optional<Duration> since_1970(int year, int month, int day, int hour, int minute) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute);
}

// "6/21/2005 10:54"
std::optional<Duration> published_time(std::string_view text) {
  const auto n = numbers<5>(text, {'/', '/', ' ', ':'});
  if (!n) return std::nullopt;
  return since_1970((*n)[2], (*n)[0], (*n)[1], (*n)[3], (*n)[4]);
}

struct Row {
  std::string node;
  Duration down{};
  Duration up{};
};

FailureTrace order(std::vector<Row> rows, int skipped) {
  FailureTrace trace;
  trace.skipped = skipped;
  std::set<std::pair<int, std::string>> names;  // numbers by value, then names
  const auto key = [](const std::string& name) { return std::pair{number(name).value_or(1 << 30), name}; };
  for (const Row& row : rows) names.insert(key(row.node));
  for (const auto& [value, name] : names) trace.nodes.push_back(name);
  for (const Row& row : rows) {
    const auto place = std::distance(names.begin(), names.find(key(row.node)));
    trace.failures.push_back({static_cast<int>(place), row.down, row.up});
  }
  std::sort(trace.failures.begin(), trace.failures.end(), [](const Failure& a, const Failure& b) {
    if (a.down != b.down) return a.down < b.down;
    return a.node != b.node ? a.node < b.node : a.up < b.up;
  });
  return trace;
}

std::expected<Row, std::string> own_row(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() != 3) return Error(fmt::format("has {} fields; expected {}", fields.size(), kOwnHeader));
  Row row{.node = std::string(fields[0])};
  if (row.node.empty()) return Error("names no node; expected e.g. n3,3600,7150.5");
  for (const std::size_t i : {1u, 2u}) {
    const auto time = base::parse_duration(std::string(fields[i]) + " s");
    if (!time) return Error(fmt::format("\"{}\" is no number of seconds; expected e.g. 3600 or 7150.5", fields[i]));
    (i == 1 ? row.down : row.up) = *time;
  }
  if (row.up <= row.down) {
    return Error(fmt::format("the node is up at {} and down at {}; expected up after down", fields[2], fields[1]));
  }
  return row;
}

}  // namespace

std::optional<Duration> parse_trace_date(std::string_view text) {
  if (const auto day = numbers<3>(text, {'-', '-'})) return since_1970((*day)[0], (*day)[1], (*day)[2], 0, 0);
  const auto n = numbers<5>(text, {'-', '-', ' ', ':'});
  return n ? since_1970((*n)[0], (*n)[1], (*n)[2], (*n)[3], (*n)[4]) : std::nullopt;
}

std::expected<FailureTrace, std::string> parse_failure_trace(std::string_view text, std::optional<int> system) {
  std::vector<Row> rows;
  int skipped = 0;
  bool head = false;
  bool published = false;
  bool seen_system = false;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (!head) {
      published = line.starts_with(kPublishedHeader);
      head = published || line == kOwnHeader;
      // The published file begins with a title line.
      if (!head && line_number > 2) break;
      continue;
    }
    if (!published) {
      auto row = own_row(line);
      if (!row) return Error(fmt::format("line {}: {}", line_number, row.error()));
      rows.push_back(std::move(*row));
      continue;
    }
    const auto fields = fields_of(line);
    if (fields.size() <= kFixed || number(fields[kSystem]) != system) continue;
    seen_system = true;
    const auto down = published_time(fields[kStarted]);
    const auto up = published_time(fields[kFixed]);
    if (!down || !up) {
      ++skipped;
      continue;
    }
    rows.push_back({std::string(fields[kNode]), *down, std::max(*up, *down + std::chrono::minutes(1))});
  }
  if (!head) return Error(fmt::format("line 1: no failure trace; expected the header {}", kOwnHeader));
  if (published && !system) return Error("holds several systems; expected system = 20 or another of them beside it");
  if (published && !seen_system) return Error(fmt::format("holds no row of system {}", *system));
  if (!published && system) return Error("holds one system; take `system` out");
  return order(std::move(rows), skipped);
}

}  // namespace homing::sim
