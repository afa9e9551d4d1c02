// SPDX-License-Identifier: Apache-2.0
#include "router/net/histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace homing::net {

namespace {

constexpr unsigned kFirstShownBits = 8;  // 256 us
constexpr unsigned kLastShownBits = 34;  // 4.8 hours

double seconds_of(std::uint64_t microseconds) {
  return static_cast<double>(microseconds) / 1e6;
}

}  // namespace

HistogramSum& HistogramSum::operator+=(const HistogramSum& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  return *this;
}

std::uint64_t HistogramSum::at_most(std::uint64_t bound) const {
  const auto end = buckets_.begin() + static_cast<std::ptrdiff_t>(histogram::bucket_of(bound)) + 1;
  std::uint64_t sum = 0;
  for (auto it = buckets_.begin(); it != end; ++it) sum += *it;
  return sum;
}

double HistogramSum::quantile(double q) const {
  if (count_ == 0) return 0;
  const double wanted = std::max(1.0, std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (static_cast<double>(seen) < wanted) continue;
    const std::uint64_t below = i == 0 ? 0 : histogram::upper_bound(i - 1);
    const std::uint64_t upper = histogram::upper_bound(i);
    return upper - below <= 1 ? static_cast<double>(upper) : static_cast<double>(below + 1 + upper) / 2;
  }
  return static_cast<double>(histogram::kMost);
}

void Histogram::add_to(HistogramSum& out) const {
  for (std::size_t i = 0; i < buckets_.size(); ++i) out.add(i, buckets_[i].load(std::memory_order_relaxed));
  out.add_sum(sum_.load(std::memory_order_relaxed));
}

void append_label(std::string_view name, std::string_view value, std::string& out) {
  if (!out.empty()) out += ',';
  (out += name) += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_histogram_type(std::string_view name, std::string& out) {
  fmt::format_to(std::back_inserter(out), "# TYPE {} histogram\n# UNIT {} seconds\n", name, name);
}

void append_histogram(std::string_view name, std::string_view labels, const HistogramSum& histogram, std::string& out) {
  const auto sink = std::back_inserter(out);
  const std::string_view comma = labels.empty() ? "" : ",";
  for (unsigned bits = kFirstShownBits; bits <= kLastShownBits; ++bits) {
    const std::uint64_t bound = std::uint64_t{1} << bits;
    fmt::format_to(sink, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, seconds_of(bound),
                   histogram.at_most(bound));
  }
  fmt::format_to(sink, "{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name, labels, comma, histogram.count());
  const std::string braces = labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
  fmt::format_to(sink, "{}_count{} {}\n{}_sum{} {}\n", name, braces, histogram.count(), name, braces,
                 seconds_of(histogram.sum()));
}

}  // namespace homing::net
