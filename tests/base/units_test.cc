// SPDX-License-Identifier: Apache-2.0
#include "router/base/units.h"

#include <gtest/gtest.h>

#include "router/base/suggest.h"

namespace homing::base {
namespace {

using std::chrono::nanoseconds;

std::int64_t ns(const char* text) {
  const auto duration = parse_duration(text);
  EXPECT_TRUE(duration.has_value()) << text << ": " << duration.error();
  return duration ? duration->count() : -1;
}

std::string duration_error(const char* text) {
  const auto duration = parse_duration(text);
  EXPECT_FALSE(duration.has_value()) << text;
  return duration ? "" : duration.error();
}

std::string bytes_error(const char* text) {
  const auto bytes = parse_bytes(text);
  EXPECT_FALSE(bytes.has_value()) << text;
  return bytes ? "" : bytes.error();
}

TEST(UnitsTest, DurationsAreExactIntegers) {
  EXPECT_EQ(ns("15 s"), 15'000'000'000);
  EXPECT_EQ(ns("250 ms"), 250'000'000);
  EXPECT_EQ(ns("250ms"), 250'000'000);
  EXPECT_EQ(ns("2 h"), 7'200'000'000'000);
  EXPECT_EQ(ns("5 min"), 300'000'000'000);
  EXPECT_EQ(ns("7 d"), 604'800'000'000'000);
  EXPECT_EQ(ns("1 w"), ns("7 d"));
  EXPECT_EQ(ns("1.1 s"), 1'100'000'000);
  EXPECT_EQ(ns("0.000000001 s"), 1);
  EXPECT_EQ(ns("2.06 h"), 7'416'000'000'000);
  EXPECT_EQ(ns("1.50 us"), 1'500);
  EXPECT_EQ(ns(" -3 s "), -3'000'000'000);
  EXPECT_EQ(ns("0 s"), 0);
}

TEST(UnitsTest, ABareNumberIsToldToWriteAUnit) {
  EXPECT_EQ(duration_error("15"), "\"15\" has no unit; write a unit, e.g. \"15 s\"");
  EXPECT_EQ(bytes_error("64"), "\"64\" has no unit; write a unit, e.g. \"64 GiB\"");
}

TEST(UnitsTest, AWrongUnitListsTheRightOnesAndTheNearest) {
  EXPECT_EQ(duration_error("5 m"),
            "\"m\" is no unit of duration; expected \"ns\", \"us\", \"ms\", \"s\", \"min\", \"h\", \"d\" or \"w\"; "
            "did you mean \"min\"?");
  EXPECT_NE(duration_error("3 hours").find("did you mean \"h\"?"), std::string::npos);
  EXPECT_NE(bytes_error("64 GIB").find("did you mean \"GiB\"?"), std::string::npos);
  EXPECT_NE(bytes_error("64 G").find("did you mean \"GiB\"?"), std::string::npos);
}

TEST(UnitsTest, WhatIsNoQuantityIsRefused) {
  EXPECT_NE(duration_error("soon").find("does not begin with a number"), std::string::npos);
  EXPECT_NE(duration_error("").find("does not begin with a number"), std::string::npos);
  EXPECT_NE(duration_error("1 h 30 min").find("no number with one unit"), std::string::npos);
  EXPECT_NE(duration_error("1e3 s").find("no number with one unit"), std::string::npos);
  EXPECT_NE(duration_error("0.5 ns").find("no whole number of nanoseconds"), std::string::npos);
  EXPECT_NE(duration_error("1000000 w").find("too large"), std::string::npos);
  EXPECT_NE(duration_error("1234567890123456789 s").find("more than 18 digits"), std::string::npos);
}

TEST(UnitsTest, SizesKnowPowersOfTenAndOfTwo) {
  EXPECT_EQ(parse_bytes("64 GiB"), 68'719'476'736);
  EXPECT_EQ(parse_bytes("180 MiB"), 188'743'680);
  EXPECT_EQ(parse_bytes("1 GB"), 1'000'000'000);
  EXPECT_EQ(parse_bytes("1.5 kB"), 1'500);
  EXPECT_EQ(parse_bytes("0.5 KiB"), 512);
  EXPECT_EQ(parse_bytes("7 B"), 7);
}

TEST(UnitsTest, FractionsMayBePercent) {
  EXPECT_EQ(parse_fraction("0.25"), 0.25);
  EXPECT_EQ(parse_fraction("25 %"), 0.25);
  EXPECT_EQ(parse_fraction("2.5%"), 0.025);
  EXPECT_FALSE(parse_fraction("25 s").has_value());
}

TEST(UnitsTest, AFormattedValueParsesBackToItself) {
  for (const std::int64_t value :
       {1LL, 999LL, 1'500'000'000LL, 120'000'000'000LL, 3'600'000'000'000LL, 7'416'000'000'000LL, -5LL}) {
    EXPECT_EQ(ns(format_duration(nanoseconds(value)).c_str()), value);
  }
  EXPECT_EQ(format_duration(std::chrono::seconds(120)), "2 min");
  EXPECT_EQ(format_duration(std::chrono::milliseconds(1500)), "1500 ms");
  for (const std::int64_t value : {1LL, 1'000LL, 1'024LL, 68'719'476'736LL, 1'000'000'007LL}) {
    EXPECT_EQ(parse_bytes(format_bytes(value)), value);
  }
  EXPECT_EQ(format_bytes(68'719'476'736), "64 GiB");
}

TEST(SuggestTest, ASlipIsRecognised) {
  const std::vector<std::string> names = {"heartbeat", "report-every", "suspect", "lease-ttl", "dead"};
  EXPECT_EQ(nearest_name("hartbeat", names), "heartbeat");
  EXPECT_EQ(nearest_name("heartbaet", names), "heartbeat");
  EXPECT_EQ(nearest_name("Lease_TTL", names), "lease-ttl");
  EXPECT_EQ(nearest_name("daed", names), "dead");
  EXPECT_EQ(nearest_name("colour", names), std::nullopt);
  EXPECT_EQ(nearest_name("x", names), std::nullopt);
  EXPECT_EQ(nearest_name("", names), std::nullopt);
}

TEST(SuggestTest, DistanceCountsSlips) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("abc", "acb"), 1U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(SuggestTest, ListsReadLikeASentence) {
  const std::vector<std::string> three = {"a", "b", "c"};
  EXPECT_EQ(quoted_list(three), "\"a\", \"b\" or \"c\"");
  EXPECT_EQ(quoted_list(three, 2), "\"a\", \"b\", ...");
  EXPECT_EQ(quoted_list({}), "");
}

}  // namespace
}  // namespace homing::base
