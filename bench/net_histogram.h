// SPDX-License-Identifier: Apache-2.0
//
// Latencies in buckets of equal relative width, as HdrHistogram does it: 64 buckets for each doubling, so a percentile
// is at most 1.6 % above the truth, from a nanosecond to hours, in constant memory.
// Source: Gil Tene's HdrHistogram. Thread class: single-owner.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace homing::bench {

class Histogram {
 public:
  void add(std::int64_t nanoseconds) {
    ++counts_[slot_of(static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0)))];
    ++total_;
  }
  std::uint64_t total() const { return total_; }

  // The upper end of the bucket below or in which the share `q` of all values lies; 0 without values.
  std::int64_t percentile(double q) const {
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
      seen += counts_[slot];
      if (seen > wanted || (seen == total_ && total_ > 0)) return static_cast<std::int64_t>(end_of(slot));
    }
    return 0;
  }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kPerDoubling = std::size_t{1} << kBits;

  static std::size_t slot_of(std::uint64_t value) {
    if (value < kPerDoubling) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    return std::min<std::size_t>((shift + 1) * kPerDoubling + ((value >> shift) - kPerDoubling), kSlots - 1);
  }
  static std::uint64_t end_of(std::size_t slot) {
    if (slot < kPerDoubling) return slot;
    const std::size_t shift = slot / kPerDoubling - 1;
    return ((slot % kPerDoubling + kPerDoubling + 1) << shift) - 1;
  }

  static constexpr std::size_t kSlots = 44 * kPerDoubling;
  std::array<std::uint64_t, kSlots> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace homing::bench
