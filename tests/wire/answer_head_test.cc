// SPDX-License-Identifier: Apache-2.0
#include "router/wire/answer_head.h"

#include <gtest/gtest.h>

#include "tests/wire/splits.h"

namespace homing::wire {
namespace {

constexpr std::string_view kHandshake =
    "GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";  // RFC 6455, 1.3

std::string answer(std::string_view lines, std::string_view first = "HTTP/1.1 200 OK") {
  return std::string(first) + "\r\n" + std::string(lines) + "\r\n";
}

bool refused(std::string_view raw, Method asked = Method::kGet) {
  test::expect_same_at_every_split<AnswerHead>(raw, asked);
  AnswerHead head;
  const Parsed verdict = head.parse(raw, asked);
  EXPECT_NE(verdict.state, Parsed::State::kMore) << raw;
  EXPECT_EQ(verdict.refused(), verdict.status == 502);
  return verdict.refused();
}

AnswerHead parsed(std::string_view raw, Method asked = Method::kGet) {
  AnswerHead head;
  const Parsed verdict = head.parse(raw, asked);
  EXPECT_TRUE(verdict.done()) << verdict.why << "\n" << raw;
  return head;
}

// The lines are judged alike on an ordinary answer and on one that switches protocols.
void expect_refused(std::string_view lines) {
  EXPECT_TRUE(refused(answer(lines))) << lines;
  EXPECT_TRUE(refused(
      answer("Connection: Upgrade\r\nUpgrade: websocket\r\n" + std::string(lines), "HTTP/1.1 101 Switching Protocols")))
      << lines << " on a 101";
}

TEST(AnswerHeadTest, AWellFormedAnswerIsAccepted) {
  for (const char* first :
       {"HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 404 not \xe9 here", "HTTP/1.1 999 x"}) {
    EXPECT_FALSE(refused(answer("Content-Length: 3\r\n", first))) << first;
  }
  EXPECT_EQ(parsed(answer("Content-Length: 3\r\n")).framing(), (Framing{BodyKind::kLength, 3}));
  EXPECT_EQ(parsed(answer("Transfer-Encoding: CHUNKED\r\n")).framing().kind, BodyKind::kChunked);
  EXPECT_EQ(parsed(answer("")).framing().kind, BodyKind::kUntilClose);
  EXPECT_FALSE(parsed(answer("")).keep_alive());
  EXPECT_TRUE(parsed(answer("Content-Length: 3\r\n")).keep_alive());
  EXPECT_FALSE(parsed(answer("Content-Length: 3\r\nConnection: close\r\n")).keep_alive());
}

TEST(AnswerHeadTest, AStatusLineThatIsNoneIsRefused) {
  for (const char* first :
       {"HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2x0 OK",
        "HTTP/1.1 +20 OK", "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "HTTP/0.9 200 OK", "http/1.1 200 OK", "HTTP/1.1",
        "200 OK", "", " HTTP/1.1 200 OK", "ICY 200 OK", "HTTP/1.1 200OK", "HTTP/1.1\t200 OK"}) {
    EXPECT_TRUE(refused(answer("Content-Length: 3\r\n", first))) << first;
  }
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\nContent-Length: 0\n\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(refused("HTTP/1.1 200 " + std::string(5000, 'x')));
}

TEST(AnswerHeadTest, FieldsObeyTheRulesOfRequests) {
  expect_refused("X: a\r\n folded\r\n");
  expect_refused("X : a\r\n");
  expect_refused("X: a\nY: b\r\n");
  expect_refused("X: a\rY: b\r\n");
  expect_refused(std::string_view("X: a\0b\r\n", 8));
  expect_refused(": a\r\n");
  expect_refused("no colon\r\n");
  expect_refused("Connection: a b\r\n");
  expect_refused("X: " + std::string(40000, 'v') + "\r\n");
}

TEST(AnswerHeadTest, AnAnswerWithTwoFramingsIsRefused) {
  for (const char* lines :
       {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n", "Content-Length: 3, 3\r\n", "Content-Length: -1\r\n",
        "Content-Length:\r\n"}) {
    expect_refused(lines);
    EXPECT_TRUE(refused(answer(lines), Method::kHead)) << lines << " to HEAD";
  }
  EXPECT_TRUE(refused(answer("Transfer-Encoding: chunked\r\n", "HTTP/1.0 200 OK")));
}

TEST(AnswerHeadTest, SomeAnswersNeverHaveABody) {
  EXPECT_EQ(parsed(answer("Content-Length: 3\r\n"), Method::kHead).framing(), Framing{});
  EXPECT_EQ(parsed(answer("Content-Length: 3\r\n"), Method::kHead).promised_length(), 3U);
  EXPECT_TRUE(parsed(answer("Content-Length: 3\r\n"), Method::kHead).keep_alive());
  EXPECT_EQ(parsed(answer("Transfer-Encoding: chunked\r\n"), Method::kHead).framing(), Framing{});
  EXPECT_TRUE(parsed(answer(""), Method::kHead).keep_alive());
  EXPECT_EQ(parsed(answer("Content-Length: 3\r\n", "HTTP/1.1 304 Not Modified")).framing(), Framing{});
  EXPECT_EQ(parsed(answer("", "HTTP/1.1 204 No Content")).framing(), Framing{});
  EXPECT_TRUE(parsed(answer("", "HTTP/1.1 204 No Content")).keep_alive());
  EXPECT_TRUE(parsed(answer("", "HTTP/1.1 103 Early Hints")).is_interim());
  EXPECT_FALSE(parsed(answer("", "HTTP/1.1 101 Switching Protocols")).is_interim());
}

TEST(AnswerHeadTest, AFramingWhereThereIsNoBodyIsTrustedOnce) {
  for (const char* first : {"HTTP/1.1 204 No Content", "HTTP/1.1 103 Early Hints", "HTTP/1.1 100 Continue"}) {
    for (const char* lines : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
      EXPECT_EQ(parsed(answer(lines, first)).trust(), Trust::kOnce) << first << lines;
      EXPECT_EQ(parsed(answer(lines, first)).promised_length(), std::nullopt);
      EXPECT_FALSE(parsed(answer(lines, first)).keep_alive());
    }
  }
  EXPECT_FALSE(parsed(answer("Connection: keep-alive\r\nContent-Length: 1\r\n", "HTTP/1.0 200 OK")).keep_alive());
  EXPECT_EQ(parsed(answer("Connection: keep-alive\r\nContent-Length: 1\r\n", "HTTP/1.0 200 OK")).trust(), Trust::kOnce);
  EXPECT_EQ(parsed(answer("Content-Length: 1\r\n", "HTTP/1.0 200 OK")).trust(), Trust::kPlain);
  EXPECT_EQ(parsed(answer("Connection: keep-alive, close\r\nContent-Length: 1\r\n")).trust(), Trust::kOnce);
}

TEST(AnswerHeadTest, A101MustCompleteExactlyThisHandshake) {
  RequestHead request;
  ASSERT_TRUE(request.parse(kHandshake).done());
  const std::string first = "HTTP/1.1 101 Switching Protocols";
  const std::string accept = "Sec-WebSocket-Accept: " + std::string(kAccept) + "\r\n";
  const std::string good = "Connection: upgrade\r\nUpgrade: WebSocket\r\n" + accept;
  EXPECT_TRUE(completes_upgrade(request, parsed(answer(good, first)), kAccept));
  for (const std::string& lines :
       {std::string(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n"),
        "Connection: Upgrade\r\nUpgrade: chat\r\n" + accept, "Upgrade: websocket\r\n" + accept,
        "Connection: Upgrade\r\n" + accept, std::string("Connection: Upgrade\r\nUpgrade: websocket\r\n"), good + accept,
        "Connection: Upgrade\r\nUpgrade: websocket, websocket\r\n" + accept}) {
    EXPECT_FALSE(completes_upgrade(request, parsed(answer(lines, first)), kAccept)) << lines;
  }
  EXPECT_FALSE(completes_upgrade(request, parsed(answer(good)), kAccept));
  EXPECT_FALSE(completes_upgrade(request, parsed(answer(good, "HTTP/1.0 101 x")), kAccept));
  RequestHead plain;
  ASSERT_TRUE(plain.parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").done());
  EXPECT_FALSE(completes_upgrade(plain, parsed(answer(good, first)), kAccept));
}

TEST(AnswerHeadTest, AnOpaqueUpgradeNeedsOnlyItsOwnName) {
  RequestHead request;
  ASSERT_TRUE(request.parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: my/1\r\n\r\n").done());
  EXPECT_TRUE(
      completes_upgrade(request, parsed(answer("Connection: Upgrade\r\nUpgrade: my/1\r\n", "HTTP/1.1 101 x")), ""));
  EXPECT_FALSE(
      completes_upgrade(request, parsed(answer("Connection: Upgrade\r\nUpgrade: my/2\r\n", "HTTP/1.1 101 x")), ""));
}

}  // namespace
}  // namespace homing::wire
