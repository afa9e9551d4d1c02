// SPDX-License-Identifier: Apache-2.0
//
// One request and its answer, step by step, with both far ends in the test's hand.
#include "router/net/exchange.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/net/rig.h"

namespace homing::net {
namespace {

class ExchangeTest : public testing::Test {
 protected:
  // The head is what the front door has read; what follows comes from the person.
  void begin(const std::string& head, bool confirm_first = false) {
    const auto parsed = work_.request.parse(head);
    ASSERT_TRUE(parsed.done()) << parsed.why;
    body_.start(work_.request.framing());
    work_.request_fields.clear();
    exchange_.emplace(*rig_.client, body_, *rig_.upstream, work_, limits_);
    exchange_->plan.upgrade = true;
    exchange_->confirm_first = confirm_first;
    over_ = false;
    head_ = head;
    io::spawn(run(*exchange_, over_));
    rig_.turn(2);
  }
  static Task<void> run(Exchange& exchange, bool& over) {
    co_await exchange.run();
    over = true;
  }
  void TearDown() override {
    rig_.client->close();
    rig_.upstream->close();
    EXPECT_TRUE(!exchange_ || finish());
  }
  bool finish() {
    return rig_.turn_until([this] { return over_; });
  }
  // Until the session has heard something that ends so.
  bool session_hears(const std::string& text) {
    return rig_.turn_until([&] { return session().heard.find(text) != std::string::npos; });
  }
  bool person_hears(const std::string& text) {
    return rig_.turn_until([&] { return person().heard.find(text) != std::string::npos; });
  }
  FarEnd& person() { return *rig_.person; }
  FarEnd& session() { return *rig_.session; }
  void again() {
    ASSERT_TRUE(finish());
    exchange_.reset();
    rig_.connect();
    body_ = {};
  }
  static std::string post(std::size_t length, const std::string& more = {}) {
    return "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n" + more + "\r\n";
  }
  static constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
  static constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  ExchangeLimits limits_;
  Rig rig_;
  Workspace work_;
  wire::BodyReader body_;
  std::string head_;
  std::optional<Exchange> exchange_;
  bool over_ = false;
};

TEST_F(ExchangeTest, AfterAPlainExchangeBothConnectionsMayBeUsedAgain) {
  begin(kGet);
  ASSERT_TRUE(session_hears("\r\n\r\n"));
  session().say(kOk);
  ASSERT_TRUE(finish());
  EXPECT_TRUE(person_hears("ok"));
  EXPECT_EQ(exchange_->end, End::kDone);
  EXPECT_TRUE(exchange_->client_reusable);
  EXPECT_TRUE(exchange_->upstream_reusable);
}

TEST_F(ExchangeTest, WhatIsTrustedOnceEndsBothConnections) {
  struct Case {
    const char* what;
    std::string head;
    std::string answer;
  };
  for (const Case& c :
       {Case{"a body on GET", "GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n", kOk},
        Case{"close and keep-alive", "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close, keep-alive\r\n\r\n", kOk},
        Case{"an empty line before the head", std::string("\r\n") + kGet, kOk}}) {
    SCOPED_TRACE(c.what);
    begin(c.head);
    person().say("hi");
    ASSERT_TRUE(session_hears("\r\n\r\n"));
    session().say(c.answer);
    ASSERT_TRUE(finish());
    EXPECT_EQ(exchange_->end, End::kDone);
    EXPECT_FALSE(exchange_->client_reusable);
    EXPECT_FALSE(exchange_->upstream_reusable);
    again();
  }
}

TEST_F(ExchangeTest, BytesBehindAnAnswerMakeItsConnectionUnfit) {
  for (const std::string& answer :
       {std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", std::string(kOk) + "x",
        std::string("HTTP/1.1 204 No Content\r\n\r\nbody"), std::string("HTTP/1.1 304 Not Modified\r\n\r\nbody"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore")}) {
    SCOPED_TRACE(answer);
    begin(kGet);
    ASSERT_TRUE(session_hears("\r\n\r\n"));
    session().say(answer);
    ASSERT_TRUE(finish());
    EXPECT_EQ(exchange_->end, End::kDone);
    EXPECT_FALSE(exchange_->upstream_reusable);
    person().listen();
    EXPECT_EQ(person().heard.find("evil"), std::string::npos);
    EXPECT_EQ(person().heard.find("body"), std::string::npos);
    again();
  }
}

TEST_F(ExchangeTest, AnswersWithoutABodyByTheirNatureEndWithTheirHead) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"}) {
    SCOPED_TRACE(answer);
    begin("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(session_hears("\r\n\r\n"));
    session().say(answer);
    ASSERT_TRUE(finish());
    EXPECT_TRUE(person_hears("\r\n\r\n"));
    EXPECT_TRUE(person().heard.ends_with("\r\n\r\n")) << person().heard;
    EXPECT_EQ(person().heard.find("\r\n\r\n"), person().heard.size() - 4) << "nothing behind the head";
    EXPECT_TRUE(exchange_->client_reusable);
    EXPECT_TRUE(exchange_->upstream_reusable);
    again();
  }
}

TEST_F(ExchangeTest, AnHttp10ClientGetsItsBodyUntilTheEndAndAResetWhenItIsCut) {
  for (const bool cut : {false, true}) {
    rig_.connect(true);
    begin("GET /x HTTP/1.0\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(session_hears("\r\n\r\n"));
    session().say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    ASSERT_TRUE(person_hears("half"));
    EXPECT_EQ(person().heard.find("chunked"), std::string::npos);
    if (!cut) session().say("5\r\nwhole\r\n0\r\n\r\n");
    session().close();
    ASSERT_TRUE(finish());
    EXPECT_EQ(exchange_->end, cut ? End::kCut : End::kDone);
    EXPECT_FALSE(exchange_->client_reusable);
    if (!cut) EXPECT_TRUE(person().heard.ends_with("halfwhole"));
    rig_.client->close();
    ASSERT_TRUE(rig_.turn_until([this] { return person().over; }));
    EXPECT_EQ(person().broken, cut) << "its end is the body's end";
    again();
  }
}

TEST_F(ExchangeTest, AnAnswerThatEndsEarlyOrIsNoBodyCutsTheClient) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nxyz\r\n"}) {
    SCOPED_TRACE(answer);
    begin(kGet);
    ASSERT_TRUE(session_hears("\r\n\r\n"));
    session().say(answer);
    ASSERT_TRUE(rig_.turn_until([this] { return person().heard.find("half") != std::string::npos || over_; }));
    session().close();
    ASSERT_TRUE(finish());
    EXPECT_EQ(exchange_->end, End::kCut);
    EXPECT_FALSE(rig_.client->is_open());
    EXPECT_FALSE(exchange_->upstream_reusable);
    person().listen();
    EXPECT_EQ(person().heard.find("\r\n0\r\n\r\n"), std::string::npos) << "it must not look whole";
    again();
  }
}

TEST_F(ExchangeTest, ABodyThatEndsEarlyOrIsNoneCutsTheUpstreamAndIsNoRequestToIt) {
  for (const bool chunked : {false, true}) {
    begin(chunked ? "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" : post(10));
    person().say(chunked ? "4\r\nhalf\r\n" : "half");
    ASSERT_TRUE(session_hears("half"));
    person().end_of_sending();
    ASSERT_TRUE(finish());
    EXPECT_EQ(exchange_->end, End::kClientGone);
    EXPECT_FALSE(exchange_->answered);
    ASSERT_TRUE(rig_.turn_until([this] { return session().over; }));
    EXPECT_EQ(session().heard.find("\r\n0\r\n\r\n"), std::string::npos);
    again();
  }
  begin("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  person().say("4\r\nhalf\r\nnonsense\r\n");
  ASSERT_TRUE(finish());
  EXPECT_EQ(exchange_->end, End::kClientBad);
  EXPECT_FALSE(exchange_->upstream_reusable);
  ASSERT_TRUE(rig_.turn_until([this] { return session().over; }));
}

TEST_F(ExchangeTest, AnAnswerWhileTheBodyIsStillComingIsHandedOnAndEndsBoth) {
  begin(post(1'000'000));
  person().say(std::string(1000, 'b'));
  ASSERT_TRUE(session_hears("bbb"));
  session().say("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig");
  ASSERT_TRUE(finish());
  EXPECT_TRUE(person_hears("\r\n\r\nbig"));
  EXPECT_EQ(exchange_->end, End::kDone);
  EXPECT_FALSE(exchange_->client_reusable);
  EXPECT_FALSE(exchange_->upstream_reusable);
  EXPECT_FALSE(rig_.upstream->is_open());
}

TEST_F(ExchangeTest, AnAnswerOfAnUpstreamThatReadsNothingIsHandedOn) {
  begin(post(50'000'000));
  const std::string much(500'000, 'b');
  for (int i = 0; i < 20; ++i) {  // until the pump waits for the session
    person().say(much);
    rig_.turn(2);
  }
  session().say("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 3\r\n\r\nbig");
  for (int i = 0; i < 2000 && !over_; ++i) rig_.worker->loop.turn(5);
  EXPECT_TRUE(over_);
  EXPECT_EQ(exchange_->end, End::kDone);
  EXPECT_TRUE(person_hears("\r\n\r\nbig"));
}

TEST_F(ExchangeTest, BothBodiesMayFlowAtTheSameTime) {
  begin("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(session_hears("\r\n\r\n"));
  session().say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    const std::string word = "word" + std::to_string(100 + i);
    person().say("7\r\n" + word + "\r\n");
    ASSERT_TRUE(session_hears(word));
    session().say("7\r\nWORD" + std::to_string(100 + i) + "\r\n");
    ASSERT_TRUE(person_hears("WORD" + std::to_string(100 + i)));
  }
  person().say("0\r\n\r\n");
  ASSERT_TRUE(session_hears("0\r\n\r\n"));
  session().say("0\r\n\r\n");
  ASSERT_TRUE(finish());
  EXPECT_EQ(exchange_->end, End::kDone);
  EXPECT_TRUE(exchange_->client_reusable);
  EXPECT_TRUE(exchange_->upstream_reusable);
}

TEST_F(ExchangeTest, EventsPassAtOnce) {
  begin(kGet);
  ASSERT_TRUE(session_hears("\r\n\r\n"));
  session().say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
  ASSERT_TRUE(person_hears("text/event-stream")) << "the head does not wait for the first event";
  for (int i = 100; i < 110; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    session().say(event);
    ASSERT_TRUE(person_hears(event));
  }
  EXPECT_FALSE(over_);
  session().close();
  ASSERT_TRUE(finish());
  EXPECT_TRUE(person_hears("\r\n0\r\n\r\n"));
}

TEST_F(ExchangeTest, ExpectationsAreMetTowardsTheClientAndConfirmedByAPeer) {
  begin(post(5, "Expect: 100-continue\r\n"), true);
  ASSERT_TRUE(session_hears("100-continue")) << "a peer is asked";
  rig_.turn(5);
  person().listen();
  EXPECT_EQ(person().heard, "") << "not before the peer has said so";
  session().say("HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(person_hears("100 Continue"));
  person().say("hello");
  ASSERT_TRUE(session_hears("hello"));
  session().say(kOk);
  ASSERT_TRUE(finish());
  EXPECT_TRUE(exchange_->client_reusable);
  EXPECT_TRUE(exchange_->upstream_reusable);
  again();
  // A client that asked nothing hears nothing of it; its body waits all the same.
  begin(post(5), true);
  person().say("hello");
  ASSERT_TRUE(session_hears("100-continue"));
  rig_.turn(5);
  session().listen();
  EXPECT_EQ(session().heard.find("hello"), std::string::npos);
  session().say("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(finish());
  EXPECT_TRUE(person_hears("403"));
  EXPECT_FALSE(exchange_->body_touched);
  EXPECT_EQ(person().heard.find("100 Continue"), std::string::npos);
  session().listen();
  EXPECT_EQ(session().heard.find("hello"), std::string::npos);
}

TEST_F(ExchangeTest, InterimAnswersPassButNotWithoutEnd) {
  begin(kGet);
  ASSERT_TRUE(session_hears("\r\n\r\n"));
  session().say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  ASSERT_TRUE(person_hears("103 Early Hints"));
  for (int i = 0; i < 20; ++i) session().say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  ASSERT_TRUE(finish());
  EXPECT_EQ(exchange_->end, End::kBadAnswer);
  EXPECT_FALSE(exchange_->upstream_reusable);
}

TEST_F(ExchangeTest, TheAnswerIsOwedFromWhenTheWholeRequestIsSent) {
  limits_.answer = 300;
  begin(post(20));
  // The body takes several times as long as an answer may.
  for (int i = 0; i < 20; ++i) {
    const std::int64_t until = rig_.worker->loop.now_ms() + 60;
    while (rig_.worker->loop.now_ms() < until) rig_.worker->loop.turn(5);
    ASSERT_FALSE(over_) << "after " << i << " bytes";
    person().say("b");
  }
  ASSERT_TRUE(session_hears(std::string(20, 'b')));
  // And then it is silent.
  ASSERT_TRUE(finish());
  EXPECT_EQ(exchange_->end, End::kSilent);
}

TEST_F(ExchangeTest, ABodyInDropsEndsButOneThatKeepsItsRateDoesNot) {
  limits_.body_grace = 200;
  limits_.body_min_rate = 1'000;
  begin(post(100'000));
  for (int i = 0; i < 2000 && !over_; ++i) {
    person().say("b");
    const std::int64_t until = rig_.worker->loop.now_ms() + 20;
    while (rig_.worker->loop.now_ms() < until) rig_.worker->loop.turn(5);
  }
  EXPECT_TRUE(over_);
  EXPECT_EQ(exchange_->end, End::kClientSlow);
  EXPECT_FALSE(exchange_->answered);
  again();
  // A byte buys a millisecond: this many buy a minute, longer than any pause here.
  begin(post(70'000));
  person().say(std::string(60'000, 'b'));
  const std::int64_t until = rig_.worker->loop.now_ms() + 1000;
  while (rig_.worker->loop.now_ms() < until) {
    rig_.worker->loop.turn(5);
    session().listen();
  }
  EXPECT_FALSE(over_);
  person().say(std::string(10'000, 'b'));
  session().say(kOk);
  ASSERT_TRUE(finish());
  EXPECT_EQ(exchange_->end, End::kDone);
}

TEST_F(ExchangeTest, AClientThatReadsNothingIsGivenUpAndTheUpstreamToo) {
  limits_.write_stall = 200;
  begin(kGet);
  ASSERT_TRUE(session_hears("\r\n\r\n"));
  session().say("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  const std::string much(100'000, 'd');
  for (int i = 0; i < 3000 && !over_; ++i) {
    session().say(much);
    rig_.worker->loop.turn(5);
  }
  EXPECT_TRUE(over_);
  EXPECT_EQ(exchange_->end, End::kClientSlow);
  EXPECT_FALSE(rig_.upstream->is_open());
}

// Neither the door nor the session keeps a worker for itself, however fast both ends are.
TEST_F(ExchangeTest, ABodyThatNeverWaitsLetsOthersHaveATurn) {
  const int room = 64 << 20;
  for (const int fd : {rig_.client->fd(), rig_.upstream->fd(), person().fd(), session().fd()}) {
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) GTEST_SKIP() << "needs CAP_NET_ADMIN";
  }
  const std::string much(8 << 20, 'x');
  for (const bool up : {true, false}) {
    bool other = false;
    if (up) {
      ASSERT_EQ(person().say(much), much.size());
      rig_.worker->loop.post([&] { other = exchange_ && !over_ && exchange_->bytes_up < much.size(); });
      begin(post(much.size()));
      for (int i = 0; i < 100 && exchange_->bytes_up < much.size(); ++i) rig_.turn();
      EXPECT_EQ(exchange_->bytes_up, much.size());
      session().say(kOk);
      ASSERT_TRUE(finish());
      EXPECT_TRUE(exchange_->client_reusable);
    } else {
      session().say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(much.size()) + "\r\n\r\n");
      ASSERT_EQ(session().say(much), much.size());
      rig_.worker->loop.post([&] { other = exchange_ && !over_ && exchange_->bytes_down < much.size(); });
      begin(kGet);
      for (int i = 0; i < 100 && !over_; ++i) rig_.turn();
      EXPECT_TRUE(over_);
      EXPECT_TRUE(exchange_->upstream_reusable);
    }
    EXPECT_TRUE(other) << (up ? "up" : "down");
  }
}

}  // namespace
}  // namespace homing::net
