// SPDX-License-Identifier: Apache-2.0
#include "sim/series.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "router/core/check.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::vector<SeriesInfo> build_infos() {
  return {
      {"sessions", "sessions", "sessions whose process runs on the node"},
      {"cpu-busy", "cores", "cores at work"},
      {"load-5", "1", "load average over five minutes"},
      {"memory", "bytes", "memory in use by sessions"},
      {"users-down", "users", "users inside a planned visit whose session is down"},
  };
}

// Whole seconds a bucket, the fewest that keep the number of buckets within its maximum; below that, plain nanoseconds.
std::int64_t bucket_length(std::int64_t horizon_ns, std::int64_t most) {
  const std::int64_t least = (horizon_ns + most - 1) / most;
  if (least < kSecond) return std::max<std::int64_t>(least, 1);
  return (least + kSecond - 1) / kSecond * kSecond;
}

}  // namespace

const std::vector<SeriesInfo>& series_infos() {
  static const std::vector<SeriesInfo> kInfos = build_infos();
  return kInfos;
}

int buckets_for(std::size_t nodes) {
  constexpr std::size_t kMost = kMaxBuckets;
  return static_cast<int>(std::clamp(kMost * 100 / std::max<std::size_t>(nodes, 1), kMost / 10, kMost));
}

SeriesBuilder::SeriesBuilder(std::int64_t horizon_ns, int most_buckets)
    : horizon_ns_(horizon_ns), bucket_ns_(bucket_length(horizon_ns, most_buckets)), value_(kNothing) {
  bucket_end_ns_ = bucket_ns_;
  CHECK(horizon_ns > 0 && most_buckets > 0 && most_buckets <= kMaxBuckets);
  sums_.resize(static_cast<std::size_t>((horizon_ns + bucket_ns_ - 1) / bucket_ns_));
}

void SeriesBuilder::advance(std::int64_t now_ns) {
  const std::int64_t end = std::min(now_ns, horizon_ns_);
  while (now_ns_ < end) {
    const std::int64_t until = std::min(bucket_end_ns_, end);
    if (!std::isnan(value_)) {
      Sum& sum = sums_[bucket_];
      sum.min = sum.covered_ns == 0 ? value_ : std::min(sum.min, value_);
      sum.max = sum.covered_ns == 0 ? value_ : std::max(sum.max, value_);
      sum.last = value_;
      sum.integral += value_ * static_cast<double>(until - now_ns_);
      sum.covered_ns += until - now_ns_;
    }
    now_ns_ = until;
    if (until < bucket_end_ns_) break;
    ++bucket_;
    bucket_end_ns_ += bucket_ns_;
  }
}

void SeriesBuilder::set(std::int64_t now_ns, double value) {
  CHECK(now_ns >= now_ns_ || now_ns <= 0);
  if (value == value_) return;
  advance(now_ns);
  value_ = value;
}

std::vector<Bucket> SeriesBuilder::finish() {
  advance(horizon_ns_);
  std::vector<Bucket> buckets;
  buckets.reserve(sums_.size());
  for (const Sum& sum : sums_) {
    if (sum.covered_ns == 0) {
      buckets.push_back({kNothing, kNothing, kNothing, kNothing});
    } else {
      // Rounding must not push the mean outside [min, max].
      const double mean = std::clamp(sum.integral / static_cast<double>(sum.covered_ns), sum.min, sum.max);
      buckets.push_back({sum.min, mean, sum.max, sum.last});
    }
  }
  return buckets;
}

std::string encode_buckets(const std::vector<Bucket>& buckets) {
  std::string blob(32 * buckets.size(), '\0');
  char* to = blob.data();
  for (const Bucket& bucket : buckets) {
    for (const double number : {bucket.min, bucket.mean, bucket.max, bucket.last}) {
      // One pattern for every NaN, so that equal series are equal bytes.
      const auto bits = std::isnan(number) ? std::uint64_t{0x7ff8000000000000} : std::bit_cast<std::uint64_t>(number);
      for (int i = 0; i < 8; ++i) *to++ = static_cast<char>(static_cast<unsigned char>(bits >> (8 * i)));
    }
  }
  return blob;
}

std::expected<std::vector<Bucket>, std::string> decode_buckets(std::string_view blob) {
  if (blob.size() % 32 != 0) return std::unexpected("a series blob is cut: its length is no multiple of 32");
  std::vector<Bucket> buckets(blob.size() / 32);
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    std::array<double, 4> numbers{};
    for (std::size_t k = 0; k < 4; ++k) {
      std::uint64_t bits = 0;
      for (std::size_t b = 0; b < 8; ++b) {
        bits |= std::uint64_t{static_cast<unsigned char>(blob[32 * i + 8 * k + b])} << (8 * b);
      }
      numbers[k] = std::bit_cast<double>(bits);
    }
    buckets[i] = {numbers[0], numbers[1], numbers[2], numbers[3]};
  }
  return buckets;
}

}  // namespace homing::sim
