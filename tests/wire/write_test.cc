// SPDX-License-Identifier: Apache-2.0
#include "router/wire/write.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace homing::wire {
namespace {

constexpr std::string_view kUpgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string head(std::string_view lines, std::string_view first = "GET /x HTTP/1.1") {
  return std::string(first) + "\r\nHost: h\r\n" + std::string(lines) + "\r\n";
}

RequestHead request(const std::string& raw) {
  RequestHead result;
  const Parsed verdict = result.parse(raw);
  EXPECT_TRUE(verdict.done()) << verdict.why << raw;
  return result;
}

AnswerHead answer(const std::string& lines, std::string_view first = "HTTP/1.1 200 OK", Method asked = Method::kGet) {
  AnswerHead result;
  const Parsed verdict = result.parse(std::string(first) + "\r\n" + lines + "\r\n", asked);
  EXPECT_TRUE(verdict.done()) << verdict.why << lines;
  return result;
}

std::string written(const RequestHead& head, const RequestPlan& plan = {}) {
  std::string out;
  EXPECT_TRUE(write_request(head, plan, out));
  return out;
}

std::string written(const AnswerHead& head, const AnswerPlan& plan = {}) {
  std::string out;
  EXPECT_TRUE(write_answer(head, plan, out));
  return out;
}

// On an ordinary GET and on an upgrade.
void expect_written(const std::string& lines, const std::string& kept, const RequestPlan& plan = {}) {
  EXPECT_EQ(written(request(head(lines)), plan), head(kept));
  RequestPlan upgrade = plan;
  upgrade.upgrade = true;
  const std::string raw = written(request(head(lines + std::string(kUpgrade))), upgrade);
  EXPECT_EQ(raw, head(kept + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
}

TEST(WriteTest, AHeadIsWrittenAnewWithOneFraming) {
  EXPECT_EQ(written(request(head("X:   y\t\r\nContent-Length: 007\r\nAccept:*/*\r\n", "POST http://h/p?q HTTP/1.1"))),
            "POST /p?q HTTP/1.1\r\nHost: h\r\nX: y\r\nAccept: */*\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(written(request(head("transfer-encoding: CHUNKED\r\n", "PUT / HTTP/1.1"))),
            "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(written(request(head("", "GET / HTTP/1.0"))), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(WriteTest, ThePlanDecidesTargetFramingAndExpectation) {
  RequestPlan plan;
  plan.target = "/stripped";
  plan.framing = Framing{BodyKind::kChunked, 0};
  plan.expect_continue = true;
  EXPECT_EQ(written(request(head("Expect: 100-continue\r\nContent-Length: 3\r\n", "POST /p/stripped HTTP/1.1")), plan),
            "POST /stripped HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(WriteTest, FieldsListedInConnectionAndHopByHopFieldsAreLeftOut) {
  expect_written(
      "Connection: keep-alive, X-Trace\r\nX-Trace: 1\r\nx-trace: 2\r\nKeep-Alive: timeout=3\r\nTE: trailers\r\n"
      "Trailer: X-Sum\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nHTTP2-Settings: x\r\nX-Other: stays\r\n",
      "X-Other: stays\r\n");
  EXPECT_EQ(written(request(head("Upgrade: websocket\r\n"))), head(""));
}

TEST(WriteTest, IdentityFieldsAreLeftOutInEverySpelling) {
  RequestPlan plan;
  plan.trusted_header = "My-User";
  expect_written(
      "X-Homing-User: root\r\nx_homing_user: root\r\nX-FORWARDED-FOR: 1.2.3.4\r\nX_Forwarded_For: 1\r\n"
      "Forwarded: for=1\r\nRemote_User: root\r\nHoming-Forward: x\r\nMy-User: root\r\nmy_user: root\r\nX-Other: "
      "stays\r\n",
      "X-Other: stays\r\n", plan);
}

TEST(WriteTest, OurOwnFieldsComeLastAndReplaceTheClients) {
  const std::array<OwnField, 2> ours = {OwnField{"X-Forwarded-For", "9.9.9.9"}, OwnField{"x-tag", "ours"}};
  RequestPlan plan;
  plan.ours = ours;
  EXPECT_EQ(written(request(head("X-Tag: client\r\nX-Forwarded-For: 1.1.1.1\r\nX-Other: stays\r\n")), plan),
            head("X-Other: stays\r\nX-Forwarded-For: 9.9.9.9\r\nx-tag: ours\r\n"));
}

TEST(WriteTest, AFieldOfOursThatCouldEndItsLineIsNotWritten) {
  const RequestHead good = request(head(""));
  for (const OwnField bad :
       {OwnField{"X", "a\r\nEvil: 1"}, OwnField{"X", "a\n"}, OwnField{"X y", "a"}, OwnField{"", "a"},
        OwnField{"Content-Length", "3"}, OwnField{"Connection", "close"}, OwnField{"X", " a"},
        OwnField{"Transfer-Encoding", "chunked"}, OwnField{"X", std::string_view("\0", 1)}}) {
    RequestPlan plan;
    plan.ours = {&bad, 1};
    std::string out = "before";
    EXPECT_FALSE(write_request(good, plan, out)) << bad.name;
    AnswerPlan answer_plan;
    answer_plan.ours = plan.ours;
    EXPECT_FALSE(write_answer(answer(""), answer_plan, out)) << bad.name;
    EXPECT_FALSE(write_own_answer(200, {}, false, plan.ours, out)) << bad.name;
    EXPECT_EQ(out, "before");
  }
  for (const char* target : {"x", "/a b", "/a\r\n", "/#", "http://h/"}) {
    RequestPlan plan;
    plan.target = target;
    std::string out;
    EXPECT_FALSE(write_request(good, plan, out)) << target;
  }
}

TEST(WriteTest, OurCookiesAreTakenOutAndOthersKept) {
  const std::string lines =
      "Cookie: a=1; homing_login=secret; b=2\r\nCookie: homing_route=x\r\nCookie: __Host-homing_login=y; c=3\r\n"
      "Cookie: __secure-homing_x=1;d=4;; e\r\nCookie: f=homing_\r\n";
  const RequestHead parsed = request(head(lines));
  EXPECT_EQ(cookie_value(parsed, "homing_login"), "secret");
  EXPECT_EQ(cookie_value(parsed, "b"), "2");
  EXPECT_EQ(cookie_value(parsed, "c"), "3");
  EXPECT_EQ(cookie_value(parsed, "nothing"), std::nullopt);
  expect_written(lines, "Cookie: a=1; b=2\r\nCookie: c=3\r\nCookie: d=4; e\r\nCookie: f=homing_\r\n");
  expect_written("Cookie: a=1;b=\"2;  3\"\r\n", "Cookie: a=1;b=\"2;  3\"\r\n");
}

TEST(WriteTest, ASessionCannotSetOurCookiesOrOurFields) {
  const std::string lines =
      "Set-Cookie: homing_login=evil; Path=/\r\nSet-Cookie:  homing_route=evil\r\nSet-Cookie: __Host-homing_login "
      "=evil\r\n"
      "Set-Cookie: mine=1\r\nHoming-Reason: lost\r\nHoming_Reason: lost\r\nConnection: X-Secret, Set-Cookie\r\n"
      "X-Secret: 1\r\nContent-Length: 2\r\nKeep-Alive: x\r\n";
  EXPECT_EQ(written(answer(lines)), "HTTP/1.1 200 OK\r\nSet-Cookie: mine=1\r\nContent-Length: 2\r\n\r\n");
  AnswerPlan peer;
  peer.keep_homing_fields = true;
  peer.close = true;
  EXPECT_EQ(
      written(answer(lines), peer),
      "HTTP/1.1 200 OK\r\nSet-Cookie: mine=1\r\nHoming-Reason: lost\r\nHoming_Reason: lost\r\nConnection: close\r\n"
      "Content-Length: 2\r\n\r\n");
}

TEST(WriteTest, AnAnswerIsFramedForItsClient) {
  EXPECT_EQ(written(answer("")), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(answer_framing(answer(""), Version::k10).kind, BodyKind::kUntilClose);
  EXPECT_EQ(answer_framing(answer("Transfer-Encoding: chunked\r\n"), Version::k10).kind, BodyKind::kUntilClose);
  EXPECT_EQ(answer_framing(answer("Content-Length: 4\r\n"), Version::k10), (Framing{BodyKind::kLength, 4}));
  AnswerPlan old;
  old.framing = Framing{BodyKind::kUntilClose, 0};
  old.close = true;
  EXPECT_EQ(written(answer("", "HTTP/1.0 200 OK"), old), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(written(answer("Content-Length: 4\r\n", "HTTP/1.1 200 OK", Method::kHead)),
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(written(answer("Content-Length: 4\r\n", "HTTP/1.1 204 Gone fishing")), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(written(answer("Link: x\r\n", "HTTP/1.1 103 Early Hints")), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  EXPECT_EQ(written(answer("", "HTTP/1.1 799")), "HTTP/1.1 799 \r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(WriteTest, A101IsWrittenWithItsProtocol) {
  AnswerPlan plan;
  plan.close = true;  // never said on an upgrade
  EXPECT_EQ(
      written(answer("Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\nContent-Length: 0\r\n",
                     "HTTP/1.1 101 Switching Protocols"),
              plan),
      "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\n\r\n");
}

TEST(WriteTest, AnAnswerOfOursIsAnAnswer) {
  const std::array<OwnField, 1> ours = {OwnField{"Homing-Reason", "lost"}};
  std::string out;
  ASSERT_TRUE(write_own_answer(503, {BodyKind::kLength, 5}, true, ours, out));
  EXPECT_EQ(
      out, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 5\r\nHoming-Reason: lost\r\n\r\n");
  AnswerHead back;
  EXPECT_TRUE(back.parse(out, Method::kGet).done());
}

// parse(write(parse(x))) says what parse(x) said about all that is carried, and writing again changes nothing.
TEST(WriteTest, WhatIsWrittenParsesToTheSame) {
  const std::vector<std::string> requests = {
      head(""),
      head("Accept: a, b\r\nX:\r\nCookie: a=1;b=2\r\n"),
      head("Content-Length: 5\r\nX-Odd!#$%&'*+-.^`|~09: v\tw \xff\r\n", "POST /p?q=%20 HTTP/1.1"),
      head("Transfer-Encoding: chunked\r\nConnection: x, close\r\nX: gone\r\n", "PATCH /p HTTP/1.1"),
      head(std::string(kUpgrade)),
      head("", "OPTIONS * HTTP/1.1"),
      head("", "GET http://h?q HTTP/1.0")};
  for (const std::string& raw : requests) {
    RequestPlan plan;
    plan.upgrade = true;
    const RequestHead first = request(raw);
    const std::string once = written(first, plan);
    const RequestHead second = request(once);
    EXPECT_EQ(written(second, plan), once);
    EXPECT_EQ(second.method(), first.method());
    EXPECT_EQ(second.target(), first.target());
    EXPECT_EQ(second.host(), first.host());
    EXPECT_EQ(second.framing(), first.framing());
    EXPECT_EQ(second.upgrade(), first.upgrade());
  }
}

TEST(WriteTest, AHeadAtTheLimitOutgrowsItByWhatWeAdd) {
  std::string lines;
  for (std::size_t i = 0; i < kMaxFields; ++i) lines += "X: y\r\n";
  const std::string grown = written(answer(lines));
  AnswerHead again;
  EXPECT_TRUE(again.parse(grown, Method::kGet).refused());
  AnswerPlan plan;
  plan.framing = Framing{BodyKind::kUntilClose, 0};
  EXPECT_TRUE(again.parse(written(answer(lines), plan), Method::kGet).done());
}

TEST(WriteTest, AnotherSitesOriginIsNotOurs) {
  const auto same = [](const std::string& lines) {
    return same_origin(request(head(lines))) && same_origin(request(head(lines + std::string(kUpgrade))));
  };
  EXPECT_TRUE(same(""));
  EXPECT_TRUE(same("Origin: http://H\r\n"));
  EXPECT_FALSE(same("Origin: http://evil.example\r\n"));
  EXPECT_FALSE(same("Origin: http://h:8801\r\n"));
  EXPECT_FALSE(same("Origin: null\r\n"));
  EXPECT_FALSE(same("Origin: http://h\r\nOrigin: http://h\r\n"));
}

TEST(WriteTest, CommonStatusesHaveTheirPhrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(504), "Gateway Timeout");
  EXPECT_EQ(reason_phrase(299), "");
}

}  // namespace
}  // namespace homing::wire
