// SPDX-License-Identifier: Apache-2.0
#include "router/wire/path.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace homing::wire {
namespace {

std::string without_dots(std::string_view path) {
  std::string out = "be/fore";
  append_without_dots(path, out);
  EXPECT_TRUE(out.starts_with("be/fore")) << path;
  return out.substr(7);
}

TEST(PathTest, APrefixWithOneSpellingIsSafe) {
  for (const std::string_view path :
       {"/", "/s/abcdefgh", "/s/abcdefgh/", "/user/Ada-Lovelace_1.2~x/", "/a...b/.hidden/..x/x..", "/hub/caf%C3%A9/",
        "/with%20space", "/a/b?x=/../y//z%zz\\", "/@:!$&'()*+,="}) {
    EXPECT_EQ(unsafe_prefix(path), "") << path;
  }
}

TEST(PathTest, APrefixWithTwoReadingsIsRefused) {
  for (const std::string_view path : {"",
                                      "*",
                                      "s/abc",
                                      "/a/../b",
                                      "/..",
                                      "/a/..",
                                      "/a/./b",
                                      "/.",
                                      "/./",
                                      "//",
                                      "//a",
                                      "/a//b",
                                      "/a//",
                                      "/a%2fb",
                                      "/a%2Fb",
                                      "/%2e%2e/a",
                                      "/a/%2E/",
                                      "/a%5cb",
                                      "/a\\b",
                                      "/a/..\\b",
                                      "/a%00b",
                                      "/a%0ab",
                                      "/a%7f",
                                      "/a%",
                                      "/a%4",
                                      "/a%zz",
                                      "/a%%41",
                                      "/%61bc",
                                      "/a%2Db",
                                      "/a%7Eb",
                                      "/a%252fb",
                                      "/a%25",
                                      "/a;x/b",
                                      "/..;/b",
                                      "/a#b",
                                      "/a\x01"
                                      "b",
                                      "/s/x%2f..",
                                      "/%5F"}) {
    EXPECT_NE(unsafe_prefix(path), "") << path;
  }
}

TEST(PathTest, WhatStaysBelowItsPrefixDoesNotClimb) {
  for (const std::string_view rest : {"",
                                      "/",
                                      "/lab",
                                      "/a/../b",
                                      "/a/..",
                                      "/a/b/../../c",
                                      "/a/./../b",
                                      "/...",
                                      "/..a/",
                                      "/a../",
                                      "/.a",
                                      "//a//b",
                                      "/api/contents/a%2Fb.ipynb",
                                      "/a%20b/%2e",
                                      "/a;x=1/..",
                                      "/a/..;x",
                                      "/%",
                                      "/%zz/%2",
                                      "/a\\b",
                                      "/x?/../../..",
                                      "?..",
                                      "/a%2f%2e",
                                      "/a/b\\..\\c",
                                      "/files/100%25/..",
                                      "/%2e%2e%2e/"}) {
    EXPECT_FALSE(climbs(rest)) << rest;
  }
}

TEST(PathTest, WhatSomeReadingTakesOutOfItsPrefixClimbs) {
  for (const std::string_view rest :
       {"/..",         "/../",       "/../x",      "/a/../..",     "/a/../../b",       "/./../x",   "//../x",
        "/a//../../x", "/%2e%2e/x",  "/%2E./x",    "/.%2e",        "/%252e%252e/x",    "/%25252e.", "/..%2fx",
        "/..%5cx",     "/..\\x",     "\\..\\x",    "/a/..\\..\\x", "/a%2f..%2f..",     "/..;/x",    "/..;a=b",
        "/..%3bx/",    "/..%00",     "/..%00.txt", "/%2e%2e%2f",   "/a/%2e%2e/%2e%2e", "%2f..",     "..",
        "/a%2f../..",  "/a/../..?x", "/;/../..",   "/./..",        "/%2e/..",          "/..%252fx"}) {
    EXPECT_TRUE(climbs(rest)) << rest;
  }
}

TEST(PathTest, DepthIsGainedOnlyWhereEveryReadingGainsIt) {
  EXPECT_TRUE(climbs("/a%2fb/../.."));  // `a%2fb` may be one segment
  EXPECT_TRUE(climbs("/a\\b/../.."));   // so may `a\b`
  EXPECT_TRUE(climbs("/a//../.."));     // an empty one may be none
  EXPECT_TRUE(climbs("/;p/.."));        // a parameter alone may be empty
  EXPECT_TRUE(climbs("/;x%2fb/.."));    // the parameter may go to the segment's end
  EXPECT_FALSE(climbs("/a%2fb;x/.."));
  EXPECT_FALSE(climbs("/a%2fb/.."));
  EXPECT_FALSE(climbs("/a/b%2fc/../.."));
  EXPECT_TRUE(climbs("/a/b%2f../../.."));
}

TEST(PathTest, ATargetIsJudgedInTwoParts) {
  const std::string prefix = "/s/abcdefgh";
  EXPECT_EQ(unsafe_target(prefix + "/files/a%2Fb//c/./d;x?q=../..", prefix.size()), "");
  EXPECT_EQ(unsafe_target(prefix, prefix.size()), "");
  EXPECT_EQ(unsafe_target(prefix + "?x=/../", prefix.size()), "");
  EXPECT_NE(unsafe_target(prefix + "/../other", prefix.size()), "");
  EXPECT_NE(unsafe_target(prefix + "/..%2fother", prefix.size()), "");
  EXPECT_NE(unsafe_target("/s/x//cdefgh/lab", prefix.size()), "");
  EXPECT_NE(unsafe_target("/s/x/../efgh/lab", prefix.size()), "");
  EXPECT_NE(unsafe_target("/s//abc", 7), "");
}

TEST(PathTest, DotSegmentsGoAsABrowserTakesThemOut) {
  EXPECT_EQ(without_dots("/"), "/");
  EXPECT_EQ(without_dots("/a/b/c/./../../g"), "/a/g");  // RFC 3986 5.2.4
  EXPECT_EQ(without_dots("/a/.."), "/");
  EXPECT_EQ(without_dots("/a/b/.."), "/a/");
  EXPECT_EQ(without_dots("/a/."), "/a/");
  EXPECT_EQ(without_dots("/../../x"), "/x");
  EXPECT_EQ(without_dots("/a//b/"), "/a//b/");
  EXPECT_EQ(without_dots("/a/%2e%2E/b/.%2e/c"), "/c");
  EXPECT_EQ(without_dots("/a\\..\\b"), "/b");
  EXPECT_EQ(without_dots("/..."), "/...");
  EXPECT_EQ(without_dots("/..;/a"), "/..;/a");
}

}  // namespace
}  // namespace homing::wire
