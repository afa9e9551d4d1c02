// SPDX-License-Identifier: Apache-2.0
#include "router/wire/request_head.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/wire/splits.h"

namespace homing::wire {
namespace {

using test::status_of;

constexpr std::string_view kUpgrade =
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string head(std::string_view lines, std::string_view first = "GET /x HTTP/1.1") {
  return std::string(first) + "\r\nHost: h.example:8800\r\n" + std::string(lines) + "\r\n";
}

// The same lines on an ordinary GET and on a WebSocket's.
void expect_both(std::string_view lines, unsigned status) {
  EXPECT_EQ(status_of(head(lines)), status) << lines;
  EXPECT_EQ(status_of(head(std::string(lines) + std::string(kUpgrade))), status) << lines << " on an upgrade";
  EXPECT_EQ(status_of(head(std::string(kUpgrade) + std::string(lines))), status) << lines << " behind an upgrade";
}

// The same first line and fields before the usual rest, on GET and on an upgrade. `raw` lacks its empty line.
void expect_both_raw(std::string_view raw, unsigned status) {
  EXPECT_EQ(status_of(std::string(raw) + "\r\n"), status) << raw;
  EXPECT_EQ(status_of(std::string(raw) + std::string(kUpgrade) + "\r\n"), status) << raw << " on an upgrade";
}

RequestHead parsed(const std::string& raw) {
  RequestHead result;
  const Parsed verdict = result.parse(raw);
  EXPECT_TRUE(verdict.done()) << verdict.why << "\n" << raw;
  return result;
}

TEST(RequestHeadTest, APlainHeadIsAccepted) {
  expect_both("", 0);
  expect_both("Accept: */*\r\nX-Empty:\r\nX-Odd!#$%&'*+-.^`|~09: v\tw  \r\n", 0);
  EXPECT_EQ(status_of(head("Content-Length: 12\r\n", "POST /x?a=b HTTP/1.1")), 0U);
  EXPECT_EQ(status_of(head("Transfer-Encoding: chunked\r\n", "POST /x HTTP/1.1")), 0U);
  EXPECT_EQ(status_of(head("Expect: 100-continue\r\nContent-Length: 3\r\n", "PUT /x HTTP/1.1")), 0U);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 0U);
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), 0U);
}

TEST(RequestHeadTest, WhatWasParsedCanBeAsked) {
  const RequestHead request = parsed(head("cookie: a=1\r\nX-A:  v \r\nCOOKIE: b=2\r\n", "POST /p?q HTTP/1.0") + "body");
  EXPECT_EQ(request.method(), Method::kPost);
  EXPECT_EQ(request.target(), "/p?q");
  EXPECT_EQ(request.version(), Version::k10);
  EXPECT_EQ(request.host(), "h.example:8800");
  EXPECT_EQ(request.fields().count(Name::kCookie), 2U);
  EXPECT_EQ(request.fields().find(Name::kCookie), "a=1");
  EXPECT_EQ(request.fields().find(Name::kOrigin), std::nullopt);
  EXPECT_EQ(request.fields().value(request.fields()[2]), "v");
  EXPECT_FALSE(request.keep_alive());
}

TEST(RequestHeadTest, TheHeadEndsAtItsEmptyLineAndTheRestIsNotTouched) {
  const std::string raw = head("");
  RequestHead request;
  EXPECT_EQ(request.parse(raw + "\x01\x02 anything").size, raw.size());
  EXPECT_EQ(request.parse(raw.substr(0, raw.size() - 1)).state, Parsed::State::kMore);
  EXPECT_EQ(request.parse(raw).size, raw.size());
}

TEST(RequestHeadTest, OneHeadReadsManyMessages) {
  RequestHead request;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(request.parse(head("X: y\r\nConnection: close, X\r\n", "POST /long/target HTTP/1.1")).done());
    EXPECT_TRUE(request.parse(head(kUpgrade)).done());
    EXPECT_EQ(request.upgrade(), "websocket");
    EXPECT_TRUE(request.parse(head("")).done());
    EXPECT_EQ(request.fields().size(), 1U);
    EXPECT_EQ(request.upgrade(), "");
    EXPECT_TRUE(request.keep_alive());
    EXPECT_TRUE(request.parse("nonsense\r\n").refused());
  }
}

TEST(RequestHeadTest, LinesEndInCrLfExactly) {
  expect_both("X: a\nY: b\r\n", 400);
  expect_both("X: a\rY: b\r\n", 400);
  expect_both("X: a\r\r\n", 400);
  expect_both("X:\n\r\n", 400);
  expect_both("\n", 400);
  expect_both("\rX: a\r\n", 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: h\n\n"), 400U);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\n\n"), 400U);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\n\rX"), 400U);
  EXPECT_EQ(status_of("GET / HTTP/1.1\rHost: h\r\n\r\n"), 400U);
}

TEST(RequestHeadTest, FoldedLinesAndSpacesAroundNamesAreRefused) {
  expect_both("X: a\r\n folded\r\n", 400);
  expect_both("X: a\r\n\tfolded\r\n", 400);
  expect_both("X : a\r\n", 400);
  expect_both("X\t: a\r\n", 400);
  expect_both("Transfer-Encoding : chunked\r\n", 400);
  expect_both(": a\r\n", 400);
  expect_both("no colon\r\n", 400);
  expect_both("nocolon\r\n", 400);
  expect_both("X@: a\r\n", 400);
  expect_both("\"X\": a\r\n", 400);
  expect_both("X\x80: a\r\n", 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400U);
}

TEST(RequestHeadTest, ControlBytesAreRefusedEverywhere) {
  for (int c = 0; c < 256; ++c) {
    const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    const std::string byte(1, static_cast<char>(c));
    EXPECT_EQ(status_of(head("X: a" + byte + "b\r\n")), control ? 400U : 0U) << c;
    EXPECT_EQ(status_of(head(std::string(kUpgrade) + "X: a" + byte + "b\r\n")), control ? 400U : 0U) << c;
    if (c <= 0x20 || c >= 0x7f || c == '#') {
      EXPECT_GE(status_of(head("", "GET /a" + byte + "b HTTP/1.1")), 400U) << c;
      EXPECT_GE(status_of(head(kUpgrade, "GET /a" + byte + "b HTTP/1.1")), 400U) << c;
    }
  }
}

TEST(RequestHeadTest, BytesAbove127AreCarriedInValuesButNotWhereSomethingIsDecided) {
  expect_both("X-File: na\xc3\xafve\r\n", 0);
  expect_both("Cookie: a=\xff\r\n", 0);
  expect_both("Content-Length: \xb2\r\n", 400);
  expect_both("Transfer-Encoding: chunked\xa0\r\n", 400);
  expect_both("Connection: \xffX\r\n", 400);
  expect_both("Expect: 100-continue\xa0\r\n", 417);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\xc3\xb6st\r\n\r\n"), 400U);
  EXPECT_EQ(status_of(head("Connection: Upgrade\r\nUpgrade: \xffsocket\r\n")), 400U);
}

TEST(RequestHeadTest, TheFirstLineIsMethodSpaceTargetSpaceVersion) {
  for (const char* first :
       {"GET  /x HTTP/1.1", "GET /x  HTTP/1.1", " GET /x HTTP/1.1", "GET /x HTTP/1.1 ", "GET\t/x HTTP/1.1", "GET /x",
        "GET /x HTTP/11", "GET /x http/1.1", "GET /x HTTP/1.1x", "GET /x HTP/1.1", "GET /a b HTTP/1.1", "GET", "/x",
        "G(T /x HTTP/1.1", "GET HTTP/1.1", "GET /x HTTP/1,1", "GET /x HTTP/+1.1"}) {
    EXPECT_EQ(status_of(head("", first)), 400U) << first;
    EXPECT_EQ(status_of(head(kUpgrade, first)), 400U) << first;
  }
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9"}) {
    EXPECT_EQ(status_of(head("", "GET /x " + std::string(version))), 505U) << version;
    EXPECT_EQ(status_of(head(kUpgrade, "GET /x " + std::string(version))), 505U) << version;
  }
}

TEST(RequestHeadTest, MethodsAreTheCallersAndCaseCounts) {
  for (const char* first : {"FROBNICATE / HTTP/1.1", "get / HTTP/1.1", "bad_method / HTTP/1.1", "PRI / HTTP/1.1"}) {
    EXPECT_EQ(status_of(head("", first)), 501U) << first;
    EXPECT_EQ(status_of(head(kUpgrade, first)), 501U) << first;
  }
  RequestRules rules;
  EXPECT_EQ(status_of(head("", "DELETE / HTTP/1.1"), rules), 0U);
  rules.methods = method_bit(Method::kGet) | method_bit(Method::kOther);
  EXPECT_EQ(status_of(head("", "DELETE / HTTP/1.1"), rules), 405U);
  EXPECT_EQ(status_of(head("", "FROBNICATE / HTTP/1.1"), rules), 0U);
  rules.methods = ~std::uint32_t{0};
  for (const char* first : {"CONNECT h:443 HTTP/1.1", "TRACE / HTTP/1.1", "CONNECT / HTTP/1.1"}) {
    EXPECT_EQ(status_of(head("", first), rules), 405U) << first;
    EXPECT_EQ(status_of(head(kUpgrade, first), rules), 405U) << first;
  }
}

TEST(RequestHeadTest, AnAbsoluteTargetMustNameTheHostAndBecomesAPath) {
  const std::string host = "h.example:8800";
  const std::vector<std::pair<std::string, std::string>> good = {{"http://" + host + "/a?b", "/a?b"},
                                                                 {"HTTPS://H.Example:8800/a", "/a"},
                                                                 {"http://" + host, "/"},
                                                                 {"http://" + host + "?q=/", "/?q=/"}};
  for (const auto& [target, path] : good) {
    EXPECT_EQ(status_of(head("", "GET " + target + " HTTP/1.1")), 0U) << target;
    EXPECT_EQ(status_of(head(kUpgrade, "GET " + target + " HTTP/1.1")), 0U) << target;
    EXPECT_EQ(parsed(head("", "GET " + target + " HTTP/1.1")).target(), path);
  }
  EXPECT_EQ(parsed(head("", "OPTIONS http://" + host + " HTTP/1.1")).target(), "*");
  for (const std::string target :
       {"http://other/", "http://h.example/", "http://u@h.example:8800/", "http://", "http:///x",
        "ftp://h.example:8800/", "http:/h.example:8800/", "//h.example:8800/#", "h.example:8800", "*", "x", "?a",
        "http://h.example:8800#x", "http://h.example:8800\\@evil/"}) {
    EXPECT_EQ(status_of(head("", "GET " + target + " HTTP/1.1")), 400U) << target;
    EXPECT_EQ(status_of(head(kUpgrade, "GET " + target + " HTTP/1.1")), 400U) << target;
  }
}

TEST(RequestHeadTest, ThereIsExactlyOneHost) {
  expect_both("Host: other\r\n", 400);
  expect_both("Host: h.example:8800\r\n", 400);
  expect_both_raw("GET / HTTP/1.1\r\n", 400);
  expect_both_raw("GET / HTTP/1.0\r\n", 400);
  for (const char* bad : {"", "a b", "h:x", "h:", "h:123456", ":80", "h,i", "h/x", "u@h", "[::1", "[::1]x", "[]",
                          "[g::]", "::1", "h:80:80", "h?", "h\\", "\"h\""}) {
    expect_both_raw("GET / HTTP/1.1\r\nHost: " + std::string(bad) + "\r\n", 400);
  }
  expect_both_raw("GET / HTTP/1.1\r\nHost: " + std::string(256, 'h') + "\r\n", 400);
}

TEST(RequestHeadTest, ThereIsExactlyOneFraming) {
  const std::vector<std::string> bad = {
      "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
      "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: chunked;q=1\r\n",
      "Transfer-Encoding:\r\n",
      "Content-Length: 3\r\nContent-Length: 3\r\n",
      "Content-Length: 3\r\nContent-Length: 4\r\n",
      "Content-Length: 3, 3\r\n",
      "Content-Length: +3\r\n",
      "Content-Length: -3\r\n",
      "Content-Length: 0x3\r\n",
      "Content-Length: 3.0\r\n",
      "Content-Length: 3 3\r\n",
      "Content-Length: 1e3\r\n",
      "Content-Length:\r\n",
      "Content-Length: 18446744073709551616\r\n",
      "Content-Length: 9999999999999999999\r\n",
      "Transfer_Encoding: chunked\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer--Encoding: chunked\r\n",
      "Content.Length: 3\r\n",
      "Content_Length: 3\r\n",
      "content__length: 3\r\n",
      "X_Host: h\r\nHOST_: x\r\nHo_st: a\r\n",
  };
  for (const std::string& lines : bad) {
    const unsigned status = lines.starts_with("X_Host") ? 0 : 400;
    EXPECT_EQ(status_of(head(lines, "POST /x HTTP/1.1")), status) << lines;
    expect_both(lines, status);
  }
  for (const char* other : {"xchunked", "identity", "gzip", "chunkedchunked", "chunk"}) {
    const std::string lines = "Transfer-Encoding: " + std::string(other) + "\r\n";
    EXPECT_EQ(status_of(head(lines, "POST /x HTTP/1.1")), 501U) << other;
    expect_both(lines, 501);
  }
  EXPECT_EQ(status_of(head("Transfer-Encoding: chunked\r\n", "POST /x HTTP/1.0")), 400U);
}

TEST(RequestHeadTest, TheFramingSaysHowTheBodyIsSent) {
  EXPECT_EQ(parsed(head("", "POST / HTTP/1.1")).framing(), (Framing{BodyKind::kNone, 0}));
  EXPECT_EQ(parsed(head("Content-Length: 0017\r\n", "POST / HTTP/1.1")).framing(), (Framing{BodyKind::kLength, 17}));
  EXPECT_EQ(parsed(head("Transfer-Encoding: Chunked \r\n", "POST / HTTP/1.1")).framing().kind, BodyKind::kChunked);
  EXPECT_FALSE(parsed(head("Content-Length: 0\r\n", "POST / HTTP/1.1")).has_body());
  EXPECT_EQ(parsed(head("Content-Length: 999999999999999999\r\n", "PUT / HTTP/1.1")).framing().length,
            999999999999999999U);
}

TEST(RequestHeadTest, ABodyBeyondTheCallersLimitIsRefusedByItsLength) {
  RequestRules rules;
  rules.max_body = 100;
  EXPECT_EQ(status_of(head("Content-Length: 100\r\n", "POST / HTTP/1.1"), rules), 0U);
  EXPECT_EQ(status_of(head("Content-Length: 101\r\n", "POST / HTTP/1.1"), rules), 413U);
}

TEST(RequestHeadTest, OnlyOneExpectationIsKnown) {
  expect_both("Expect: the-unexpected\r\n", 417);
  expect_both("Expect: 100-continue, x\r\n", 417);
  expect_both("Expect:\r\n", 417);
  expect_both("Expect: 100-Continue\r\n", 0);
  EXPECT_TRUE(parsed(head("Expect: 100-continue\r\nContent-Length: 1\r\n", "PUT / HTTP/1.1")).expects_continue());
  EXPECT_FALSE(parsed(head("Expect: 100-continue\r\n", "PUT / HTTP/1.1")).expects_continue());
  EXPECT_FALSE(parsed(head("Expect: 100-continue\r\nContent-Length: 1\r\n", "PUT / HTTP/1.0")).expects_continue());
}

TEST(RequestHeadTest, ConnectionMayNotNameWhatIsNotTheClients) {
  for (const char* name :
       {"Host", "Cookie", "Authorization", "Content-Length", "Transfer-Encoding", "X-Forwarded-For", "X_Forwarded_For",
        "x-forwarded-anything", "Forwarded", "Homing-Forward", "X-Homing-User", "Remote-User", "X-Real-IP", "Origin",
        "Referer", "Expect", "Sec-WebSocket-Key", "Content_Length", "homing_user"}) {
    expect_both("Connection: close, " + std::string(name) + "\r\n", 400);
    expect_both("Connection: x\r\nConnection:\t" + std::string(name) + " ,y\r\n", 400);
  }
  expect_both("Connection: a b\r\n", 400);
  expect_both("Connection: a;b\r\n", 400);
  expect_both("Connection: \"close\"\r\n", 400);
  expect_both("Connection: X-Trace, TE,, keep-alive ,\r\nTE: trailers\r\n", 0);
  std::string many = "Connection: x";
  for (int i = 0; i < 40; ++i) many += ", x" + std::to_string(i);
  expect_both(many + "\r\n", 400);
}

TEST(RequestHeadTest, WhetherAnotherRequestFollows) {
  EXPECT_TRUE(parsed(head("")).keep_alive());
  EXPECT_TRUE(parsed(head("Connection: keep-alive\r\n")).keep_alive());
  EXPECT_FALSE(parsed(head("Connection: x, Close\r\n")).keep_alive());
  EXPECT_FALSE(parsed(head("Connection: keep-alive\r\n", "GET / HTTP/1.0")).keep_alive());
  EXPECT_EQ(parsed(head("Connection: keep-alive\r\n", "GET / HTTP/1.0")).trust(), Trust::kPlain);
}

TEST(RequestHeadTest, WhatOthersMayReadDifferentlyIsTrustedOnce) {
  for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
    const std::string first = std::string(method) + " /x HTTP/1.1";
    for (const char* lines : {"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"}) {
      const RequestHead request = parsed(head(lines, first));
      EXPECT_EQ(request.trust(), Trust::kOnce) << first << lines;
      EXPECT_FALSE(request.keep_alive());
    }
    EXPECT_EQ(parsed(head("Content-Length: 0\r\n", first)).trust(), Trust::kPlain);
  }
  EXPECT_EQ(parsed(head("Content-Length: 3\r\n", "POST / HTTP/1.1")).trust(), Trust::kPlain);
  EXPECT_EQ(parsed(head("Connection: close\r\nConnection: keep-alive\r\n")).trust(), Trust::kOnce);
  EXPECT_EQ(parsed(head("Connection: close\r\nConnection: keep-alive\r\n" + std::string(kUpgrade))).trust(),
            Trust::kOnce);
}

TEST(RequestHeadTest, OneEmptyLineBeforeARequestIsSkippedAndCostsTheConnection) {
  const RequestHead request = parsed("\r\n" + head(kUpgrade));
  EXPECT_EQ(request.trust(), Trust::kOnce);
  EXPECT_EQ(request.target(), "/x");
  EXPECT_EQ(status_of("\r\n" + head("")), 0U);
  EXPECT_EQ(status_of("\r\n\r\n" + head("")), 400U);
  EXPECT_EQ(status_of("\n" + head("")), 400U);
  EXPECT_EQ(status_of("\rG" + head("")), 400U);
}

TEST(RequestHeadTest, OnlyAWholeHandshakeIsAnUpgrade) {
  EXPECT_EQ(parsed(head(kUpgrade)).upgrade(), "websocket");
  EXPECT_TRUE(parsed(head(kUpgrade)).is_websocket());
  EXPECT_EQ(status_of(head(kUpgrade, "POST /x HTTP/1.1")), 400U);
  EXPECT_EQ(status_of(head(std::string(kUpgrade) + "Content-Length: 5\r\n")), 400U);
  EXPECT_EQ(status_of(head(std::string(kUpgrade) + "Transfer-Encoding: chunked\r\n")), 400U);
  EXPECT_EQ(status_of(head(std::string(kUpgrade) + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")), 400U);
  EXPECT_EQ(status_of(head("Connection: Upgrade\r\nUpgrade: websocket\r\n")), 400U);
  const std::string start = "Connection: Upgrade\r\nUpgrade: WebSocket\r\n";
  EXPECT_EQ(status_of(head(start + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n")), 400U);
  EXPECT_EQ(status_of(head(start + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")),
            426U);
  EXPECT_EQ(status_of(head(start + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")), 426U);
  for (const char* key : {"dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25jZQ=A",
                          "dGhlIHNhbXBsZSB\x80"
                          "25jZQ==",
                          "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub2 5jZQ=="}) {
    EXPECT_EQ(status_of(head(start + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n")), 400U) << key;
  }
  EXPECT_EQ(parsed(head("Upgrade: websocket\r\n")).upgrade(), "");
  EXPECT_EQ(parsed(head(kUpgrade, "GET /x HTTP/1.0")).upgrade(), "");
  EXPECT_EQ(parsed(head("Connection: upgrade\r\nUpgrade: h2c\r\n")).upgrade(), "");
  EXPECT_EQ(parsed(head("Connection: upgrade\r\nUpgrade: h2c, my-protocol/2\r\n")).upgrade(), "my-protocol/2");
}

TEST(RequestHeadTest, EverythingHasAMaximum) {
  std::string lines;
  for (int i = 0; i < 127; ++i) lines += "X-" + std::to_string(i) + ": v\r\n";
  EXPECT_EQ(status_of(head(lines)), 0U);  // with Host: 128
  EXPECT_EQ(status_of(head(lines + "X: v\r\n")), 431U);
  const std::string longest = "/" + std::string(kMaxTargetBytes - 1, 'a');
  EXPECT_EQ(status_of(head("", "GET " + longest + " HTTP/1.1")), 0U);
  EXPECT_EQ(status_of(head("", "GET " + longest + "a HTTP/1.1")), 414U);
  EXPECT_EQ(status_of("GET /" + std::string(20000, 'a')), 414U);
  const std::string empty = head("X: \r\n");
  EXPECT_EQ(status_of(head("X: " + std::string(kMaxHeadBytes - empty.size(), 'v') + "\r\n")), 0U);
  EXPECT_EQ(status_of(head("X: " + std::string(kMaxHeadBytes - empty.size() + 1, 'v') + "\r\n")), 431U);
  EXPECT_EQ(status_of(head("X: " + std::string(40000, 'v'))), 431U);
}

// A message of each kind with one byte changed, at every place: whatever comes of it must not depend on the split.
TEST(RequestHeadTest, NoChangedByteMakesTheSplitMatter) {
  std::mt19937 random(7);
  const std::string good = head(std::string(kUpgrade) + "Cookie: a=b\r\nContent-Length: 0\r\n");
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'\r', '\n', ' ', ':', '\0', '\t', static_cast<char>(random()), 'a', ','}) {
      std::string raw = good;
      raw[i] = c;
      std::vector<std::size_t> each;
      for (std::size_t k = 1; k <= raw.size(); ++k) each.push_back(k);
      ASSERT_EQ(test::judged<RequestHead>(raw, each), test::judged<RequestHead>(raw, {raw.size()})) << raw;
    }
  }
}

}  // namespace
}  // namespace homing::wire
