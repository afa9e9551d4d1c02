// SPDX-License-Identifier: Apache-2.0
//
// Series: a signal over simulated time, as at most 2,880 equal buckets of min, mean, max and last.
//
// Signals are piecewise constant and told by their changes, so the mean of a bucket is exact. Files hold each series as
// one blob, described in schema.sql. Thread class: thread-compatible values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace homing::sim {

inline constexpr int kMaxBuckets = 2880;

// min, mean, max, last of one bucket; four NaNs: nothing observed.
struct Bucket {
  double min;
  double mean;
  double max;
  double last;
};

struct SeriesInfo {
  std::string name;
  std::string unit;
  std::string description;
};

// How many buckets each series of a cluster has at most: 2,880 up to 100 nodes, fewer beyond (288 at 1,000), so that a
// run's series stay within about 50 MB however large the cluster is.
int buckets_for(std::size_t nodes);

// All series that a run may hold.
const std::vector<SeriesInfo>& series_infos();

struct Series {
  int node = -1;  // index into the scenario's nodes; -1: the whole cluster
  std::string name;
  std::int64_t bucket_ns = 0;
  std::vector<Bucket> buckets;
};

// Builds a series from a piecewise constant signal.
class SeriesBuilder {
 public:
  // Buckets of equal length covering [0, horizon), at most so many, each a whole number of seconds where possible.
  explicit SeriesBuilder(std::int64_t horizon_ns, int most_buckets = kMaxBuckets);

  // From now_ns on the signal is `value`; NaN: not observable. REQUIRES: now_ns is not before the last call. Times
  // before 0 set the starting value; times beyond the horizon are cut.
  void set(std::int64_t now_ns, double value);
  // The series up to the horizon.
  std::vector<Bucket> finish();
  std::int64_t bucket_ns() const { return bucket_ns_; }

 private:
  void advance(std::int64_t now_ns);

  struct Sum {
    double min = 0, max = 0, last = 0, integral = 0;
    std::int64_t covered_ns = 0;
  };
  std::int64_t horizon_ns_;
  std::int64_t bucket_ns_;
  std::int64_t now_ns_ = 0;
  std::size_t bucket_ = 0;  // which now_ns_ lies in, and where it ends
  std::int64_t bucket_end_ns_ = 0;
  double value_;
  std::vector<Sum> sums_;
};

// The blob of schema.sql: 32 bytes a bucket, little-endian on every machine.
std::string encode_buckets(const std::vector<Bucket>& buckets);
// Nothing but an error sentence when the length is no multiple of 32.
std::expected<std::vector<Bucket>, std::string> decode_buckets(std::string_view blob);

}  // namespace homing::sim
