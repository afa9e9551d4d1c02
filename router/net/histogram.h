// SPDX-License-Identifier: Apache-2.0
//
// How long things took, counted: log-linear buckets of fixed number, one histogram a worker, added up by whoever asks.
//
// Intuition: values below 16 have a bucket each; above, every power of two is cut into 16 equal parts, so a bucket is
// at most 1/16 of its lower end wide, and a quantile (told as the middle of its bucket) is wrong by at most 1/32, 3.1
// %, whatever the size of the value. Two such histograms are added bucket by bucket, exactly; sums are exact too.
//
// The unit is the caller's; ours are microseconds: 1 us to 2^36 us (19 hours), longer counts as the longest. Rendering
// for Prometheus uses the buckets that end at powers of two, which are exact: `le` is inclusive, and so are ours.
//
// Invariant: the count is the sum of the buckets.
// Sources: HdrHistogram; Prometheus' native histograms, schema 4 being as fine; OpenMetrics 1.0 section 5.3.
// Thread class: Histogram::record() belongs to one thread, add_to() is thread-safe; HistogramSum is a plain value.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace homing::net {

namespace histogram {

inline constexpr unsigned kPartBits = 4;   // 16 parts a power of two
inline constexpr unsigned kMostBits = 36;  // values have at most so many bits
inline constexpr std::uint64_t kParts = std::uint64_t{1} << kPartBits;
inline constexpr std::uint64_t kMost = std::uint64_t{1} << kMostBits;
inline constexpr std::size_t kBuckets = (kMostBits - kPartBits + 1) * kParts + 1;

// Bucket i holds the values above upper_bound(i - 1) and up to upper_bound(i).
constexpr std::size_t bucket_of(std::uint64_t value) {
  if (value == 0) return 0;
  const std::uint64_t below = value > kMost ? kMost - 1 : value - 1;  // bounds are inclusive
  if (below < kParts) return static_cast<std::size_t>(below) + 1;
  const unsigned shift = static_cast<unsigned>(std::bit_width(below)) - kPartBits - 1;
  return static_cast<std::size_t>((shift + 1) * kParts + ((below >> shift) - kParts)) + 1;
}
constexpr std::uint64_t upper_bound(std::size_t bucket) {
  if (bucket <= kParts) return bucket;
  const std::size_t shift = (bucket - 1) / kParts - 1;
  return ((bucket - 1) % kParts + kParts + 1) << shift;
}

}  // namespace histogram

// What several histograms hold together.
class HistogramSum {
 public:
  void add(std::size_t bucket, std::uint64_t count) { buckets_[bucket] += count, count_ += count; }
  void add_sum(std::uint64_t sum) { sum_ += sum; }
  HistogramSum& operator+=(const HistogramSum& other);
  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  std::uint64_t bucket(std::size_t i) const { return buckets_[i]; }
  // Values of at most `bound`. REQUIRES: `bound` is upper_bound() of some bucket.
  std::uint64_t at_most(std::uint64_t bound) const;
  // The smallest bucket with at least `q` of all values up to it, by its middle. 0 when there are none. q in [0, 1].
  double quantile(double q) const;
  friend bool operator==(const HistogramSum&, const HistogramSum&) = default;

 private:
  std::array<std::uint64_t, histogram::kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

class Histogram {
 public:
  // [one thread]
  void record(std::uint64_t value) {
    bump(buckets_[histogram::bucket_of(value)], 1);
    bump(sum_, value);
  }
  // [any thread] What was recorded before the call; of what is being recorded meanwhile, any part.
  void add_to(HistogramSum& out) const;

 private:
  // One writer: no locked instruction is needed.
  static void bump(std::atomic<std::uint64_t>& at, std::uint64_t by) {
    at.store(at.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::array<std::atomic<std::uint64_t>, histogram::kBuckets> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
};

// ---------------------------------------------------------------- OpenMetrics text

// `name="value"`, with a comma in front unless `out` is empty; the value is escaped.
void append_label(std::string_view name, std::string_view value, std::string& out);
// The two lines before a family's samples; `name` ends in `_seconds`.
void append_histogram_type(std::string_view name, std::string& out);
// The samples of one histogram of microseconds in seconds: buckets from 256 us to 4.8 hours, count and sum. `labels`:
// what append_label() made, or empty.
void append_histogram(std::string_view name, std::string_view labels, const HistogramSum& histogram, std::string& out);

}  // namespace homing::net
