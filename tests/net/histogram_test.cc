// SPDX-License-Identifier: Apache-2.0
#include "router/net/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "router/base/metric_names.h"

namespace homing::net {
namespace {

using histogram::bucket_of;
using histogram::kBuckets;
using histogram::kMost;
using histogram::upper_bound;

HistogramSum of(const std::vector<std::uint64_t>& values) {
  Histogram one;
  for (const std::uint64_t value : values) one.record(value);
  HistogramSum sum;
  one.add_to(sum);
  return sum;
}

std::vector<std::uint64_t> drawn(unsigned seed, int count) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> out;
  for (int i = 0; i < count; ++i) out.push_back(random() >> (28 + random() % 36));
  return out;
}

TEST(HistogramTest, EveryValueLiesInTheBucketThatSaysSo) {
  EXPECT_EQ(bucket_of(0), 0U);
  EXPECT_EQ(upper_bound(kBuckets - 1), kMost);
  EXPECT_EQ(bucket_of(kMost), kBuckets - 1);
  EXPECT_EQ(bucket_of(~std::uint64_t{0}), kBuckets - 1);
  for (std::size_t i = 1; i < kBuckets; ++i) {
    const std::uint64_t upper = upper_bound(i);
    const std::uint64_t below = upper_bound(i - 1);
    ASSERT_LT(below, upper);
    EXPECT_EQ(bucket_of(upper), i);
    EXPECT_EQ(bucket_of(below + 1), i);
    EXPECT_LE((upper - below - 1) * 16, below) << "wider than a sixteenth: " << i;
  }
}

TEST(HistogramTest, AQuantileIsWrongByAThirtySecondAtMost) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    std::vector<std::uint64_t> values = drawn(seed, 2'001);
    const HistogramSum sum = of(values);
    std::ranges::sort(values);
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(q * static_cast<double>(values.size()))));
      const auto exact = static_cast<double>(values[rank - 1]);
      EXPECT_LE(std::abs(sum.quantile(q) - exact), exact / 32 + 1e-9) << q << " of seed " << seed;
    }
  }
  EXPECT_EQ(HistogramSum().quantile(0.5), 0);
}

TEST(HistogramTest, AddingUpIsAsIfOneHadCountedAll) {
  const std::vector<std::uint64_t> a = drawn(1, 500);
  const std::vector<std::uint64_t> b = drawn(2, 700);
  std::vector<std::uint64_t> both = a;
  both.insert(both.end(), b.begin(), b.end());
  HistogramSum sum = of(a);
  sum += of(b);
  EXPECT_EQ(sum, of(both));
  EXPECT_EQ(sum.count(), 1'200U);
  std::uint64_t exact = 0;
  for (const std::uint64_t value : both) exact += value;
  EXPECT_EQ(sum.sum(), exact);
  for (const std::uint64_t bound : {std::uint64_t{16}, std::uint64_t{1024}, std::uint64_t{1} << 30U}) {
    const auto expected = std::ranges::count_if(both, [&](std::uint64_t v) { return v <= bound; });
    EXPECT_EQ(sum.at_most(bound), static_cast<std::uint64_t>(expected)) << bound;
  }
}

TEST(HistogramTest, WorkersCountWhileSomebodyAsks) {
  std::vector<Histogram> each(3);
  std::atomic<int> running{3};
  std::vector<std::thread> workers;
  for (std::size_t w = 0; w < each.size(); ++w) {
    workers.emplace_back([&, w] {
      for (std::uint64_t i = 0; i < 50'000; ++i) each[w].record(i);
      --running;
    });
  }
  std::uint64_t last = 0;
  bool fell = false;
  const auto ask = [&] {
    HistogramSum sum;
    for (const Histogram& one : each) one.add_to(sum);
    fell = fell || sum.count() < last;
    last = sum.count();
  };
  while (running > 0) ask();
  for (std::thread& worker : workers) worker.join();
  ask();
  EXPECT_FALSE(fell);
  EXPECT_EQ(last, 150'000U);
}

// ---------------------------------------------------------------- OpenMetrics

TEST(HistogramTest, TheTextIsAnOpenMetricsHistogram) {
  constexpr std::string_view kName = base::metric::kRequestDuration;
  const std::vector<std::uint64_t> values = drawn(9, 3'000);
  std::string labels;
  append_label("node", "n\"1\\\n", labels);
  append_label("door", "public", labels);
  EXPECT_EQ(labels, R"(node="n\"1\\\n",door="public")");
  std::string out;
  append_histogram_type(kName, out);
  append_histogram(kName, labels, of(values), out);

  std::istringstream lines(out);
  std::string line;
  const std::string name(kName);
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line, "# TYPE " + name + " histogram");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(line, "# UNIT " + name + " seconds");
  const std::regex bucket("^" + name + R"re(_bucket\{node="n\\"1\\\\\\n",door="public",le="([^"]+)"\} (\d+)$)re");
  double last_bound = 0;
  std::uint64_t last_count = 0;
  int buckets = 0;
  std::smatch parts;
  while (std::getline(lines, line) && std::regex_match(line, parts, bucket)) {
    ++buckets;
    const double bound = parts[1] == "+Inf" ? INFINITY : std::stod(parts[1]);
    const std::uint64_t count = std::stoull(parts[2]);
    EXPECT_GT(bound, last_bound);
    EXPECT_GE(count, last_count);
    const auto exact = std::ranges::count_if(values, [&](std::uint64_t v) {
      return std::isinf(bound) || static_cast<double>(v) <= std::round(bound * 1e6);
    });
    EXPECT_EQ(count, static_cast<std::uint64_t>(exact)) << line;
    last_bound = bound;
    last_count = count;
  }
  EXPECT_EQ(buckets, 28);
  EXPECT_TRUE(std::isinf(last_bound));
  EXPECT_EQ(last_count, values.size());
  EXPECT_EQ(line, name + "_count{" + labels + "} 3000");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_TRUE(line.starts_with(name + "_sum{" + labels + "} ")) << line;
  EXPECT_FALSE(std::getline(lines, line));
  EXPECT_TRUE(out.ends_with('\n'));
}

}  // namespace
}  // namespace homing::net
