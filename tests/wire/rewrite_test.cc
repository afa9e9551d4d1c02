// SPDX-License-Identifier: Apache-2.0
#include "router/wire/rewrite.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace homing::wire {
namespace {

constexpr Stripped kHere{"/s/ID", "https", "homing.example.org", "/app/page?x=1"};

struct Case {
  std::string_view given;
  std::string_view wanted;
};

std::string location(std::string_view value, const Stripped& where = kHere) {
  std::string out = "kept ";
  const bool changed = rewrite_location(value, where, out);
  EXPECT_TRUE(out.starts_with("kept "));
  out.erase(0, 5);
  EXPECT_EQ(changed, out != value) << value;
  return out;
}

std::string cookie(std::string_view value, const Stripped& where = kHere) {
  std::string out = "kept ";
  const bool changed = rewrite_set_cookie(value, where, out);
  EXPECT_TRUE(out.starts_with("kept "));
  out.erase(0, 5);
  EXPECT_EQ(changed, out != value) << value;
  return out;
}

TEST(RewriteTest, WhatTheProgramIsAskedBeginsWithOneSlash) {
  for (const Case& c : std::vector<Case>{{"", "/"},
                                         {"/", "/"},
                                         {"/lab?x=1", "/lab?x=1"},
                                         {"?x=1", "/?x=1"},
                                         {"//evil.example/x", "/evil.example/x"},
                                         {"/\\evil.example", "/evil.example"},
                                         {"/a//b/%2F", "/a//b/%2F"}}) {
    std::string out;
    append_stripped_target(c.given, out);
    EXPECT_EQ(out, c.wanted) << c.given;
  }
}

TEST(RewriteTest, ALocationOfTheProgramGetsThePrefix) {
  for (const Case& c : std::vector<Case>{
           {"/", "/s/ID/"},
           {"/login?next=%2Fapp#top", "/s/ID/login?next=%2Fapp#top"},
           {"/a//b/%2e%2", "/s/ID/a//b/%2e%2"},
           {"/?next=/..//x", "/s/ID/?next=/..//x"},
           {"http://homing.example.org/x", "/s/ID/x"},
           {"https://HOMING.example.org:443/x?y", "/s/ID/x?y"},
           {"http://homing.example.org:80", "/s/ID/"},
           {"https://homing.example.org?x", "/s/ID/?x"},
           {"https://homing.example.org#x", "/s/ID/#x"},
           {"HTTPS://homing.example.org/x", "/s/ID/x"},
           {"//homing.example.org/x", "/s/ID/x"},
           {"/s/IDx/y", "/s/ID/s/IDx/y"},
           {"/s/other/y", "/s/ID/s/other/y"},
           {"/\\evil.example/x", "/s/ID/\\evil.example/x"},
           {"\\x\\y", "/s/ID/x\\y"},
       }) {
    EXPECT_EQ(location(c.given), c.wanted) << c.given;
    EXPECT_EQ(location(c.wanted), c.wanted) << "twice: " << c.given;
  }
}

TEST(RewriteTest, ALocationThatIsRightAlreadyIsPassedOn) {
  for (const std::string_view same : {"",
                                      "next",
                                      "next/page?x",
                                      "?x=1",
                                      "#top",
                                      "/s/ID",
                                      "/s/ID/",
                                      "/s/ID/lab",
                                      "/s/ID?x",
                                      "/s/ID#x",
                                      "https://elsewhere.example/x",
                                      "http://homing.example.org:8080/x",
                                      "https://homing.example.org.evil.example/",
                                      "https://user@homing.example.org/x",
                                      "//elsewhere.example/x",
                                      "mailto:ada@example.org",
                                      "data:text/html,x",
                                      "http:/x",
                                      "https:x",
                                      "://x",
                                      "a/...",
                                      "..a",
                                      "https:///x"}) {
    EXPECT_EQ(location(same), same);
  }
}

TEST(RewriteTest, ALocationCannotClimbOutOfTheSession) {
  for (const Case& c : std::vector<Case>{
           {"../x", "/s/ID/x"},
           {"../../../x?y#z", "/s/ID/x?y#z"},
           {"./x", "/s/ID/app/x"},
           {"..", "/s/ID/"},
           {"a/../../../b", "/s/ID/b"},
           {"/../x", "/s/ID/x"},
           {"/a/%2e%2e/%2E./x", "/s/ID/x"},
           {"/..\\..\\x", "/s/ID/x"},
           {"..\\..\\x", "/s/ID/x"},
           {"\t/../x", "/s/ID/x"},
           {".\t./.\t./x", "/s/ID/x"},
           {"/s/ID/../../x", "/s/ID/x"},
           {"https://homing.example.org/../../x", "/s/ID/x"},
           {"//homing.example.org/../x", "/s/ID/x"},
       }) {
    EXPECT_EQ(location(c.given), c.wanted) << c.given;
  }
  EXPECT_EQ(location("../x", {"/s/ID", "http", "h", "/"}), "/s/ID/x");
  EXPECT_EQ(location("../x", {"/s/ID", "http", "h", ""}), "/s/ID/x");
  EXPECT_EQ(location("../x", {"/s/ID", "http", "h", "/a/b/c/d?e=/f/g"}), "/s/ID/a/b/x");
}

TEST(RewriteTest, FromPlainToTlsIsStillSaid) {
  const Stripped plain{"/s/ID", "http", "homing.example.org", "/"};
  EXPECT_EQ(location("https://homing.example.org/x", plain), "https://homing.example.org/s/ID/x");
  EXPECT_EQ(location("https://homing.example.org/s/ID/x", plain), "https://homing.example.org/s/ID/x");
  EXPECT_EQ(location("http://homing.example.org/x", plain), "/s/ID/x");
  const Stripped port{"/s/ID", "https", "homing.example.org:8443", "/"};
  EXPECT_EQ(location("https://homing.example.org:8443/x", port), "/s/ID/x");
  EXPECT_EQ(location("https://homing.example.org/x", port), "https://homing.example.org/x");
  const Stripped six{"/s/ID", "http", "[::1]:8080", "/"};
  EXPECT_EQ(location("http://[::1]:8080/x", six), "/s/ID/x");
  EXPECT_EQ(location("http://[::1]/x", six), "http://[::1]/x");
}

TEST(RewriteTest, ACookieOfTheProgramIsItsSessionsOnly) {
  for (const Case& c : std::vector<Case>{
           {"a=b; Path=/", "a=b; Path=/s/ID"},
           {"a=b; Path=/app/; HttpOnly", "a=b; Path=/s/ID/app/; HttpOnly"},
           {"a=b;path = /x ;Secure", "a=b;path =/s/ID/x;Secure"},
           {"a=b; PATH=/; Path=/y", "a=b; PATH=/s/ID; Path=/s/ID/y"},
           {"a=b; Path=/s/IDx", "a=b; Path=/s/ID/s/IDx"},
           {"a=\"b=c\"; Path=/; SameSite=Lax; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
            "a=\"b=c\"; Path=/s/ID; SameSite=Lax; Expires=Wed, 21 Oct 2026 07:28:00 GMT"},
           {"a=b; Domain=homing.example.org; Path=/", "a=b; Path=/s/ID"},
           {"a=b; domain=.EXAMPLE.org", "a=b"},
           {"a=b; Domain=org ;Secure", "a=b;Secure"},
           {"__Secure-a=b; Path=/", "__Secure-a=b; Path=/s/ID"},
           {"a; Path=/", "a; Path=/s/ID"},
           {"=b; Path=/", "=b; Path=/s/ID"},
       }) {
    EXPECT_EQ(cookie(c.given), c.wanted) << c.given;
    EXPECT_EQ(cookie(c.wanted), c.wanted) << "twice: " << c.given;
  }
}

TEST(RewriteTest, ACookieThatIsRightAlreadyIsPassedOn) {
  for (const std::string_view same : {"",
                                      "a=b",
                                      ";",
                                      ";;",
                                      "a=b;",
                                      "a=b; Path",
                                      "a=b; Path=",
                                      "a=b; Path=relative",
                                      "a=b; Path=\"/\"",
                                      "a=b; Path=/s/ID",
                                      "a=b; Path=/s/ID/x",
                                      "a=b; Domain=elsewhere.example",
                                      "a=b; Domain=ming.example.org",
                                      "a=b; Domain=",
                                      "a=b; Domain=.",
                                      "a=b; Domain",
                                      "a=b; XPath=/; PathX=/",
                                      "__Host-a=b; Secure; Path=/",
                                      "__host-a=b; Path=/; Secure",
                                      "a=Path=/"}) {
    EXPECT_EQ(cookie(same), same);
  }
}

}  // namespace
}  // namespace homing::wire
