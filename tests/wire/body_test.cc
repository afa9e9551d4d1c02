// SPDX-License-Identifier: Apache-2.0
#include "router/wire/body.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace homing::wire {
namespace {

using State = BodyReader::State;
constexpr Framing kChunked{BodyKind::kChunked, 0};

struct Outcome {
  State state = State::kMore;
  std::string payload;
  std::size_t used = 0;  // of the whole input, when the body was whole
  std::string why;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << static_cast<int>(outcome.state) << " used " << outcome.used << " '" << outcome.payload << "' "
             << outcome.why;
}

Outcome feed(const Framing& framing, const std::vector<std::string_view>& parts) {
  BodyReader reader(framing);
  Outcome outcome;
  outcome.state = reader.state();
  std::size_t used = 0;
  for (std::string_view part : parts) {
    while (!part.empty() && reader.state() == State::kMore) {
      const BodyReader::Piece piece = reader.read(part);
      outcome.payload += piece.payload;
      part.remove_prefix(piece.used);
      used += piece.used;
      outcome.state = piece.state;
    }
  }
  if (outcome.state == State::kDone) outcome.used = used;
  outcome.why = reader.why();
  EXPECT_EQ(reader.payload_bytes(), outcome.payload.size());
  return outcome;
}

// In one piece, byte by byte and at every two-way split alike.
Outcome read(std::string_view raw, const Framing& framing = kChunked) {
  const Outcome whole = feed(framing, {raw});
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < raw.size(); ++i) bytes.push_back(raw.substr(i, 1));
  EXPECT_EQ(feed(framing, bytes), whole) << raw;
  for (std::size_t i = 1; i < raw.size() && raw.size() < 2000; ++i) {
    EXPECT_EQ(feed(framing, {raw.substr(0, i), raw.substr(i)}), whole) << raw << " split at " << i;
  }
  return whole;
}

void expect_bad(std::string_view raw) {
  EXPECT_EQ(read(raw).state, State::kBad) << raw;
}

TEST(BodyTest, ALengthIsReadToTheByte) {
  const Outcome outcome = read("hello, and the next message", {BodyKind::kLength, 5});
  EXPECT_EQ(outcome.state, State::kDone);
  EXPECT_EQ(outcome.payload, "hello");
  EXPECT_EQ(outcome.used, 5U);
  EXPECT_EQ(read("hell", {BodyKind::kLength, 5}).state, State::kMore);
  EXPECT_EQ(BodyReader(Framing{BodyKind::kLength, 0}).state(), State::kDone);
  EXPECT_EQ(BodyReader(Framing{}).state(), State::kDone);
}

TEST(BodyTest, ABodyThatEndsEarlyIsShort) {
  BodyReader length(Framing{BodyKind::kLength, 5});
  length.read("hell");
  EXPECT_EQ(length.left(), 1U);
  EXPECT_EQ(length.end_of_input(), State::kShort);
  BodyReader chunked(kChunked);
  chunked.read("5\r\n");
  EXPECT_EQ(chunked.end_of_input(), State::kShort);
  BodyReader last(kChunked);
  last.read("0\r\n");
  EXPECT_EQ(last.end_of_input(), State::kShort);
  BodyReader open(Framing{BodyKind::kUntilClose, 0});
  EXPECT_EQ(open.read("all").payload, "all");
  EXPECT_EQ(open.end_of_input(), State::kDone);
  BodyReader done(Framing{BodyKind::kLength, 1});
  done.read("x");
  EXPECT_EQ(done.end_of_input(), State::kDone);
}

TEST(BodyTest, ChunksAreReadToTheirEndAndNoFurther) {
  const std::string raw = "5\r\nhello\r\n00a\r\n, ten bytes\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
  const Outcome outcome = read("5\r\nhello\r\n00b\r\n, ten bytes\r\n0\r\n\r\nGET / HTTP/1.1\r\n");
  EXPECT_EQ(outcome.state, State::kDone);
  EXPECT_EQ(outcome.payload, "hello, ten bytes");
  EXPECT_EQ(outcome.used, raw.find("GET"));
  EXPECT_EQ(read("A\r\n0123456789\r\n000\r\n\r\n").payload, "0123456789");
  EXPECT_EQ(read("0\r\n\r\n").state, State::kDone);
}

TEST(BodyTest, AChunkThatIsNotExactIsRefused) {
  for (const char* raw : {"+5\r\nhello\r\n",
                          "-5\r\n",
                          " 5\r\nhello\r\n",
                          "5 \r\nhello\r\n",
                          "0x5\r\nhello\r\n",
                          "5h\r\n",
                          "\r\n",
                          "x\r\n",
                          "5\nhello\r\n",
                          "5\rhello",
                          "5\r\nhello\n",
                          "5\r\nhelloX\r\n",
                          "5\r\nhello\rX",
                          "5\r\nhello5\r\n",
                          ";a\r\n",
                          "5\r\nhello\r\n\r\n",
                          "5\t;a\r\n",
                          "5;\r\nhello\r\n",
                          "5;a b\r\n",
                          "5; a\r\n",
                          "5;a=\r\n",
                          "5;a=\"b\r\n",
                          "5;a=\"b\"c\r\n",
                          "5;=b\r\n",
                          "5;a;\r\n",
                          "5;a\nhello\r\n",
                          "5;a\rhello",
                          "5;a=\"\x01\"\r\n",
                          "5;a=\"\\\r\n",
                          "8000000000000000\r\n",
                          "ffffffffffffffff\r\n",
                          "10000000000000005\r\n",
                          "00000000000000005\r\nhello\r\n",
                          "0\r\nX\r\n\r\n",
                          "0\r\n\n",
                          "0\r\n\rX",
                          "0\r\n X: y\r\n\r\n",
                          "0\r\nX : y\r\n\r\n",
                          "0\r\nX: y\n\r\n"}) {
    expect_bad(raw);
  }
}

TEST(BodyTest, TheLargestChunkIsAccepted) {
  BodyReader reader(kChunked);
  EXPECT_EQ(reader.read("7fffffffffffffff\r\n").state, State::kMore);
  EXPECT_EQ(reader.left(), 0x7fffffffffffffffU);
}

TEST(BodyTest, ExtensionsAreReadAndDropped) {
  EXPECT_EQ(read("5;a\r\nhello\r\n0;last=1\r\n\r\n").payload, "hello");
  EXPECT_EQ(read("5;a=b;c=\"d;\\\"\te\";f\r\nhello\r\n0\r\n\r\n").payload, "hello");
  EXPECT_EQ(read("5;" + std::string(kMaxExtensionBytes - 1, 'a') + "\r\nhello\r\n0\r\n\r\n").state, State::kDone);
  expect_bad("5;" + std::string(kMaxExtensionBytes + 1, 'a'));
}

TEST(BodyTest, ManySmallChunksWithExtensionsAreRefusedAndWithoutAreNot) {
  std::string plain;
  std::string loaded;
  for (int i = 0; i < 20000; ++i) {
    plain += "1\r\nx\r\n";
    loaded += "1;abcdefghijklmnopqrstuvwxyz\r\nx\r\n";
  }
  EXPECT_EQ(read(plain + "0\r\n\r\n").state, State::kDone);
  EXPECT_EQ(read(loaded).state, State::kBad);
}

TEST(BodyTest, TrailersAreReadByTheRulesOfFields) {
  const std::string raw = "3\r\nabc\r\n0\r\nServer-Timing: db\r\nX-Sum: 1\r\n\r\nrest";
  EXPECT_EQ(read(raw).state, State::kDone);
  EXPECT_EQ(read(raw).used, raw.find("rest"));
  BodyReader reader(kChunked);
  std::string_view left = raw;
  while (reader.state() == State::kMore) left.remove_prefix(reader.read(left).used);
  ASSERT_NE(reader.trailers(), nullptr);
  EXPECT_EQ(reader.trailers()->size(), 2U);
  EXPECT_EQ(reader.trailers()->value((*reader.trailers())[1]), "1");
  BodyReader without(kChunked);
  without.read("0\r\n\r\n");
  EXPECT_EQ(without.trailers(), nullptr);
}

TEST(BodyTest, TrailersAreNotShownBeforeTheBodyIsOver) {
  BodyReader reader(kChunked);
  reader.read("0\r\nX-Sum: 1\r\n");
  EXPECT_EQ(reader.state(), State::kMore);
  EXPECT_EQ(reader.trailers(), nullptr);
  BodyReader bad(kChunked);
  bad.read("0\r\nX-Sum: 1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(bad.state(), State::kBad);
  EXPECT_EQ(bad.trailers(), nullptr);
}

TEST(BodyTest, ATrailerThatBelongsIntoTheHeadIsRefused) {
  for (const char* name :
       {"Content-Length", "Transfer-Encoding", "Host", "Trailer", "Connection", "Cookie", "Set-Cookie",
        "X-Forwarded-For", "X_Forwarded_For", "Homing-User", "Content_Length", "Authorization", "TE"}) {
    expect_bad("0\r\n" + std::string(name) + ": 1\r\n\r\n");
  }
}

TEST(BodyTest, TrailersAreBounded) {
  std::string many = "0\r\n";
  for (std::size_t i = 0; i < kMaxTrailers; ++i) many += "X: y\r\n";
  EXPECT_EQ(read(many + "\r\n").state, State::kDone);
  EXPECT_EQ(read(many + "X: y\r\n\r\n").state, State::kBad);
  EXPECT_EQ(read("0\r\nX: " + std::string(kMaxTrailerBytes, 'y') + "\r\n\r\n").state, State::kBad);
}

TEST(BodyTest, WhatTheWriterWritesTheReaderReads) {
  std::string raw;
  std::string payload;
  for (const std::size_t size : {1U, 15U, 16U, 4095U, 70000U}) {
    std::array<char, 20> buffer{};
    raw.append(chunk_line(size, buffer)).append(size, 'p').append(kChunkEnd);
    payload.append(size, 'p');
  }
  raw += kLastChunk;
  const Outcome outcome = feed(kChunked, {raw});
  EXPECT_EQ(outcome.state, State::kDone);
  EXPECT_EQ(outcome.used, raw.size());
  EXPECT_EQ(outcome.payload, payload);
  std::array<char, 20> buffer{};
  EXPECT_EQ(chunk_line(0xffffffffffffffffU, buffer), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace homing::wire
