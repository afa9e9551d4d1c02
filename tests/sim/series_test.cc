// SPDX-License-Identifier: Apache-2.0
#include "sim/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace homing::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

TEST(Series, BucketsAreWholeSecondsAndAtMostTheMaximum) {
  EXPECT_EQ(SeriesBuilder(2880 * kSecond).bucket_ns(), kSecond);
  EXPECT_EQ(SeriesBuilder(2881 * kSecond).bucket_ns(), 2 * kSecond);
  EXPECT_EQ(SeriesBuilder(6 * 3600 * kSecond).bucket_ns(), 8 * kSecond);
  EXPECT_EQ(SeriesBuilder(7).bucket_ns(), 1);
  EXPECT_EQ(SeriesBuilder(2881 * kSecond).finish().size(), 1441u);
}

TEST(Series, AConstantSignalIsItsOwnMinMeanMaxAndLast) {
  SeriesBuilder builder(10 * kSecond);
  builder.set(0, 3.0);
  for (const Bucket& bucket : builder.finish()) {
    EXPECT_EQ(bucket.min, 3.0);
    EXPECT_EQ(bucket.mean, 3.0);
    EXPECT_EQ(bucket.max, 3.0);
    EXPECT_EQ(bucket.last, 3.0);
  }
}

TEST(Series, AStepInsideABucketIsWeightedByTime) {
  SeriesBuilder builder(2 * 2880 * kSecond);  // two seconds a bucket
  builder.set(0, 1.0);
  builder.set(kSecond / 2, 5.0);
  const std::vector<Bucket> buckets = builder.finish();
  EXPECT_EQ(buckets[0].min, 1.0);
  EXPECT_EQ(buckets[0].max, 5.0);
  EXPECT_DOUBLE_EQ(buckets[0].mean, 4.0);  // a quarter of the time 1, the rest 5
  EXPECT_EQ(buckets[0].last, 5.0);
  EXPECT_EQ(buckets[1].min, 5.0);
}

TEST(Series, WhatNobodyObservedIsMissingNotZero) {
  SeriesBuilder builder(3 * 2880 * kSecond);  // three seconds a bucket
  builder.set(0, 2.0);
  builder.set(3 * kSecond, kNothing);
  builder.set(8 * kSecond, 4.0);
  const std::vector<Bucket> buckets = builder.finish();
  EXPECT_EQ(buckets[0].mean, 2.0);
  EXPECT_TRUE(std::isnan(buckets[1].mean));
  EXPECT_TRUE(std::isnan(buckets[1].min));
  EXPECT_EQ(buckets[2].mean, 4.0) << "the mean is over the observed second only";
}

TEST(Series, TheStateBeforeTheMeasuredTimeIsTheStartingValue) {
  SeriesBuilder builder(2880 * kSecond);
  builder.set(-100 * kSecond, 1.0);
  builder.set(-50 * kSecond, 7.0);
  EXPECT_EQ(builder.finish()[0].mean, 7.0);
}

TEST(Series, ChangesBeyondTheHorizonAreCut) {
  SeriesBuilder builder(10 * kSecond);
  builder.set(0, 1.0);
  builder.set(100 * kSecond, 9.0);
  EXPECT_EQ(builder.finish().back().max, 1.0);
}

TEST(Series, TheBlobIsLittleEndianWithOneKindOfNan) {
  const std::vector<Bucket> buckets = {{1.0, 2.0, 3.0, -0.5}, {kNothing, -kNothing, kNothing, kNothing}};
  const std::string blob = encode_buckets(buckets);
  ASSERT_EQ(blob.size(), 64u);
  EXPECT_EQ(blob.substr(0, 8), std::string("\x00\x00\x00\x00\x00\x00\xf0\x3f", 8));  // 1.0
  EXPECT_EQ(blob.substr(32, 8), blob.substr(40, 8));
  const auto back = decode_buckets(blob);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ((*back)[0].last, -0.5);
  EXPECT_TRUE(std::isnan((*back)[1].max));
  EXPECT_FALSE(decode_buckets(blob.substr(0, 40)).has_value());
}

}  // namespace
}  // namespace homing::sim
