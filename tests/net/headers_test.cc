// SPDX-License-Identifier: Apache-2.0
#include "router/net/headers.h"

#include <gtest/gtest.h>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "router/wire/request_head.h"

namespace homing::net {
namespace {

// What the front door makes of a head: the first refusal, or the parsed head.
struct Seen {
  unsigned status = 0;  // 0: accepted
  RequestHead head;
};

Seen see(const std::string& raw) {
  Seen seen;
  wire::RequestHead judged;
  if (const wire::Parsed parsed = judged.parse(raw); !parsed.done()) {
    seen.status = parsed.refused() ? parsed.status : 400;
    return seen;
  }
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHeadBytes);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(raw), error);
  if (!parser.is_header_done()) {
    seen.status = 400;
    return seen;
  }
  seen.head = parser.get().base();
  return seen;
}

std::string head(const std::string& lines, const std::string& first = "GET /x HTTP/1.1") {
  return first + "\r\nHost: h.example:8800\r\n" + lines + "\r\n";
}

TEST(HeadersTest, APlainHeadIsAccepted) {
  EXPECT_EQ(see(head("")).status, 0U);
  EXPECT_EQ(see(head("Content-Length: 12\r\n", "POST /x?a=b HTTP/1.1")).status, 0U);
  EXPECT_EQ(see(head("Transfer-Encoding: chunked\r\n", "POST /x HTTP/1.1")).status, 0U);
  EXPECT_EQ(see(head("Expect: 100-continue\r\nContent-Length: 3\r\n", "PUT /x HTTP/1.1")).status, 0U);
  EXPECT_EQ(see("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").status, 0U);
}

TEST(HeadersTest, AHeadThatTwoParsersCouldReadDifferentlyIsRefused) {
  const std::vector<std::string> bad = {
      head("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
      head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      head("Transfer-Encoding: gzip, chunked\r\n"),
      head("Transfer-Encoding: xchunked\r\n"),
      head("Transfer-Encoding: chunked\r\n", "POST /x HTTP/1.0"),
      head("Content-Length: 3\r\nContent-Length: 3\r\n"),
      head("Content-Length: 3, 3\r\n"),
      head("Content-Length: +3\r\n"),
      head("Content-Length: 0x3\r\n"),
      head("Content-Length:\r\n"),
      head("Host: other\r\n"),
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h:x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      head("X: a\r\n folded\r\n"),
      head("X : a\r\n"),
      head(": a\r\n"),
      head("X: a\nY: b\r\n"),
      head("X: a\rY: b\r\n"),
      head(std::string("X: a\0b\r\n", 9)),
      head("X: a\x01\r\n"),
      head("no colon\r\n"),
      "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
      "GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET //h/\x80 HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
      "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
      "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n",
      "FROBNICATE / HTTP/1.1\r\nHost: h\r\n\r\n",
      head("Expect: the-unexpected\r\n"),
  };
  for (const std::string& raw : bad) EXPECT_GE(see(raw).status, 400U) << raw;
}

TEST(HeadersTest, TooManyFieldsAreRefused) {
  std::string lines;
  for (int i = 0; i < 200; ++i) lines += "X-" + std::to_string(i) + ": v\r\n";
  EXPECT_EQ(see(head(lines)).status, 431U);
}

TEST(HeadersTest, FieldsListedInConnectionGoFirstAndProtectedNamesAreRefused) {
  Fields fields = see(head("Connection: keep-alive, X-Trace\r\nX-Trace: 1\r\nKeep-Alive: timeout=3\r\nTE: "
                           "trailers\r\nUpgrade: x\r\n"))
                      .head;
  EXPECT_FALSE(strip_connection_fields(fields));
  for (const char* name : {"connection", "x-trace", "keep-alive", "te", "upgrade"})
    EXPECT_EQ(field_count(fields, name), 0U) << name;
  EXPECT_EQ(field_count(fields, "host"), 1U);
  for (const char* name :
       {"Host", "Cookie", "Authorization", "X-Forwarded-For", "X_Forwarded_For", "Homing-Forward", "Content-Length"}) {
    const std::string lines = std::string("Connection: close, ") + name + "\r\n";
    EXPECT_EQ(see(head(lines)).status, 400U) << name;
    RequestHead attacked;  // as from somebody who did not ask router/wire
    attacked.insert("Connection", std::string("close, ") + name);
    EXPECT_TRUE(strip_connection_fields(attacked)) << name;
  }
}

TEST(HeadersTest, IdentityHeadersGoInEverySpelling) {
  Fields fields =
      see(head("X-Homing-User: root\r\nx_homing_user: root\r\nX-FORWARDED-FOR: 1.2.3.4\r\nX_Forwarded_For: 1\r\n"
               "Forwarded: for=1\r\nRemote_User: root\r\nHoming-Forward: x\r\nMy-User: root\r\nX-Other: stays\r\n"))
          .head;
  strip_identity_fields(fields, "My-User");
  EXPECT_EQ(std::distance(fields.begin(), fields.end()), 2);  // Host and X-Other
  EXPECT_EQ(field_value(fields, "x-other"), "stays");
}

TEST(HeadersTest, OurCookiesAreTakenOutAndOthersKept) {
  Fields fields = see(head("Cookie: a=1; homing_login=secret; b=2\r\nCookie: homing_route=x\r\nCookie: "
                           "__Host-homing_login=y; c=3\r\n"))
                      .head;
  EXPECT_EQ(cookie_value(fields, "homing_login"), "secret");
  EXPECT_EQ(cookie_value(fields, "b"), "2");
  EXPECT_EQ(cookie_value(fields, "nothing"), std::nullopt);
  strip_own_cookies(fields);
  EXPECT_EQ(field_count(fields, "cookie"), 2U);
  EXPECT_EQ(field_value(fields, "cookie"), "a=1; b=2");
  EXPECT_EQ(cookie_value(fields, "c"), "3");
  EXPECT_EQ(cookie_value(fields, "homing_login"), std::nullopt);
}

TEST(HeadersTest, ASessionCannotSetOurCookiesOrOurHeaders) {
  ResponseHead answer;
  answer.insert("Set-Cookie", "homing_login=evil; Path=/");
  answer.insert("Set-Cookie", " homing_route=evil");
  answer.insert("Set-Cookie", "mine=1");
  answer.insert("Homing-Reason", "lost");
  answer.insert("Connection", "X-Secret");
  answer.insert("X-Secret", "1");
  strip_answer_fields(answer);
  EXPECT_EQ(field_count(answer, "set-cookie"), 1U);
  EXPECT_EQ(field_value(answer, "set-cookie"), "mine=1");
  EXPECT_EQ(field_count(answer, "homing-reason"), 0U);
  EXPECT_EQ(field_count(answer, "x-secret"), 0U);
}

TEST(HeadersTest, OnlyAWholeWebSocketHandshakeIsAnUpgrade) {
  const std::string good =
      "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
      "dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_EQ(upgrade_protocol(see(head(good)).head), "websocket");
  EXPECT_EQ(see(head(good)).status, 0U);
  EXPECT_EQ(see(head(good, "POST /x HTTP/1.1")).status, 400U);
  EXPECT_EQ(see(head(good + "Content-Length: 5\r\n")).status, 400U);
  EXPECT_EQ(see(head("Connection: Upgrade\r\nUpgrade: websocket\r\n")).status, 400U);
  EXPECT_EQ(upgrade_protocol(see(head("Upgrade: websocket\r\n")).head), "");
  EXPECT_EQ(upgrade_protocol(see(head("Connection: upgrade\r\nUpgrade: h2c\r\n")).head), "");
}

TEST(HeadersTest, A101MustCompleteExactlyThisHandshake) {
  const RequestHead request = see(head("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                                       "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
                                  .head;
  ResponseHead answer;
  answer.result(101);
  answer.set("Connection", "Upgrade");
  answer.set("Upgrade", "websocket");
  answer.set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455, 1.3
  EXPECT_TRUE(completes_upgrade(request, answer));
  ResponseHead wrong = answer;
  wrong.set("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=");
  EXPECT_FALSE(completes_upgrade(request, wrong));
  wrong = answer;
  wrong.set("Upgrade", "chat");
  EXPECT_FALSE(completes_upgrade(request, wrong));
  wrong = answer;
  wrong.erase("Connection");
  EXPECT_FALSE(completes_upgrade(request, wrong));
  wrong = answer;
  wrong.result(200);
  EXPECT_FALSE(completes_upgrade(request, wrong));
}

TEST(HeadersTest, ANavigationIsAPageThatAPersonLoads) {
  EXPECT_TRUE(is_navigation(see(head("Sec-Fetch-Mode: navigate\r\n")).head));
  EXPECT_TRUE(is_navigation(see(head("Accept: text/html,*/*;q=0.8\r\n")).head));
  EXPECT_FALSE(is_navigation(see(head("Accept: text/html\r\nSec-Fetch-Mode: cors\r\n")).head));
  EXPECT_FALSE(is_navigation(see(head("Accept: application/json\r\n")).head));
  EXPECT_FALSE(is_navigation(see(head("Accept: text/html\r\n", "POST /x HTTP/1.1")).head));
  EXPECT_FALSE(is_navigation(see(head("Accept: text/html\r\nConnection: Upgrade\r\nUpgrade: my/1\r\n")).head));
}

TEST(HeadersTest, AnotherSitesOriginIsNotOurs) {
  EXPECT_TRUE(same_origin(see(head("")).head));
  EXPECT_TRUE(same_origin(see(head("Origin: http://h.example:8800\r\n")).head));
  EXPECT_FALSE(same_origin(see(head("Origin: http://evil.example\r\n")).head));
  EXPECT_FALSE(same_origin(see(head("Origin: http://h.example:8801\r\n")).head));
  EXPECT_FALSE(same_origin(see(head("Origin: null\r\n")).head));
}

}  // namespace
}  // namespace homing::net
