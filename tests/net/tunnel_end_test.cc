// SPDX-License-Identifier: Apache-2.0
//
// How a tunnel ends: between two frames when the router wants it, and for which reason it says so.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "router/net/tunnel.h"
#include "tests/net/rig.h"

namespace homing::net {
namespace {

constexpr std::string_view kReason = "moved";

std::string frame(int opcode, const std::string& payload, bool masked) {
  std::string out(1, static_cast<char>(0x80 | opcode));
  const int mask = masked ? 0x80 : 0;
  if (payload.size() < 126) {
    out += static_cast<char>(mask | static_cast<int>(payload.size()));
  } else if (payload.size() < 65536) {
    out += static_cast<char>(mask | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
  } else {
    out += static_cast<char>(mask | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((payload.size() >> shift) & 0xff);
  }
  if (!masked) return out + payload;
  const std::string key = "\x11\x22\x33\x44";
  out += key;
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ key[i % 4]);
  return out;
}

struct Frame {
  int opcode = 0;
  std::string payload;
  bool masked = false;
};

// Whole frames only; nothing when there is a piece of one.
std::optional<std::vector<Frame>> frames_of(const std::string& bytes) {
  std::vector<Frame> out;
  std::size_t at = 0;
  const auto byte = [&bytes](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  while (at < bytes.size()) {
    if (bytes.size() - at < 2) return std::nullopt;
    Frame f;
    f.opcode = byte(at) & 0x0f;
    f.masked = (byte(at + 1) & 0x80) != 0;
    std::uint64_t size = byte(at + 1) & 0x7f;
    at += 2;
    const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (bytes.size() - at < extra + (f.masked ? 4 : 0)) return std::nullopt;
    if (extra > 0) size = 0;
    for (std::size_t i = 0; i < extra; ++i) size = (size << 8) | byte(at + i);
    at += extra;
    std::string key(4, '\0');
    if (f.masked) key = bytes.substr(at, 4);
    at += f.masked ? 4 : 0;
    if (bytes.size() - at < size) return std::nullopt;
    f.payload = bytes.substr(at, size);
    for (std::size_t i = 0; i < f.payload.size(); ++i) f.payload[i] = static_cast<char>(f.payload[i] ^ key[i % 4]);
    at += size;
    out.push_back(f);
  }
  return out;
}

std::string close_payload() {
  return "\x03\xf4" + std::string(kReason);
}  // 1012

class TunnelEndTest : public testing::Test {
 protected:
  void begin(bool websocket = true) {
    tunnel_.emplace(*rig_.worker, *rig_.client, *rig_.upstream, websocket, limits_);
    io::spawn(run(*tunnel_, over_));
    rig_.turn(2);
  }
  void again() {
    finish();
    tunnel_.reset();
    rig_.connect();
    over_ = false;
  }
  void TearDown() override { finish(); }
  void finish() {
    rig_.client->close();
    rig_.upstream->close();
    EXPECT_TRUE(!tunnel_ || rig_.turn_until([this] { return over_; }));
  }
  static Task<void> run(Tunnel& tunnel, bool& over) {
    co_await tunnel.run();
    over = true;
  }
  void close_soon() { tunnel_->close_soon(1012, kReason); }
  FarEnd& person() { return *rig_.person; }
  FarEnd& session() { return *rig_.session; }
  // Both far ends heard a close frame, the last, and then the end; they answer by closing.
  void expect_goodbyes(std::size_t to_session, std::size_t to_person) {
    ASSERT_TRUE(rig_.turn_until([this] { return person().over && session().over; }));
    for (const bool up : {true, false}) {
      const auto frames = frames_of(up ? session().heard : person().heard);
      ASSERT_TRUE(frames) << "cut inside a frame";
      ASSERT_EQ(frames->size(), (up ? to_session : to_person) + 1);
      EXPECT_EQ(frames->back().opcode, 8);
      EXPECT_EQ(frames->back().payload, close_payload());
      EXPECT_EQ(frames->back().masked, up) << "a client masks, a server does not";
    }
    EXPECT_FALSE(person().broken || session().broken) << "a reset may take back what was said";
    person().close();
    session().close();
    EXPECT_TRUE(rig_.turn_until([this] { return over_; }));
    EXPECT_EQ(tunnel_->end(), TunnelEnd::kTold);
  }

  ExchangeLimits limits_;
  Rig rig_;
  std::optional<Tunnel> tunnel_;
  bool over_ = false;
};

TEST_F(TunnelEndTest, AQuietTunnelIsToldToBothAtOnce) {
  begin();
  close_soon();
  expect_goodbyes(0, 0);
}

TEST_F(TunnelEndTest, WhereverTheBytesStandTheCurrentFrameEndsFirst) {
  const std::vector<std::string> up = {frame(1, "hello", true), frame(2, std::string(300, 'x'), true),
                                       frame(9, "ping", true)};
  const std::vector<std::string> down = {frame(1, "", false), frame(2, std::string(130, 'y'), false),
                                         frame(1, "end", false)};
  const auto joined = [](const std::vector<std::string>& all) { return all[0] + all[1] + all[2]; };
  const auto whole = [](const std::vector<std::string>& all, std::size_t bytes) {
    std::size_t frames = 0;
    for (std::size_t at = 0; frames < all.size() && at < bytes; at += all[frames++].size()) {
    }
    return frames;  // those that were begun
  };
  for (std::size_t at = 0; at <= joined(up).size(); at += at < 20 || at > 300 ? 1 : 37) {
    SCOPED_TRACE(at);
    begin();
    const std::size_t at_down = std::min(at, joined(down).size());
    person().say(joined(up).substr(0, at));
    session().say(joined(down).substr(0, at_down));
    rig_.turn(4);
    close_soon();
    rig_.turn(2);
    person().say(joined(up).substr(at));
    session().say(joined(down).substr(at_down));
    expect_goodbyes(whole(up, at), whole(down, at_down));
    if (testing::Test::HasFailure()) return;
    again();
  }
}

TEST_F(TunnelEndTest, ASlowReaderGetsAllThatWasOnItsWayAndThenTheGoodbye) {
  begin();
  const std::string one = frame(2, std::string(20'000, 'z'), false);
  std::string all;
  for (int i = 0; i < 200; ++i) all += one;
  std::size_t said = 0;
  // Nobody reads: everything on the way is full.
  for (int i = 0; i < 50; ++i) {
    said += session().say(std::string_view(all).substr(said));
    rig_.turn(2);
  }
  ASSERT_LT(said, all.size());
  ASSERT_GT(said, one.size());
  close_soon();
  rig_.turn(5);
  // Now it reads, while the session goes on as if nothing had been said.
  ASSERT_TRUE(rig_.turn_until([&] {
    if (said < all.size()) said += session().say(std::string_view(all).substr(said));
    return person().over;
  }));
  const auto frames = frames_of(person().heard);
  ASSERT_TRUE(frames) << "cut inside a frame";
  ASSERT_GT(frames->size(), 2U);
  EXPECT_EQ(frames->back().opcode, 8);
  EXPECT_FALSE(person().broken);
  const std::size_t before = person().heard.size() - frame(8, close_payload(), false).size();
  EXPECT_TRUE(person().heard.compare(0, before, all, 0, before) == 0);
}

TEST_F(TunnelEndTest, WhoGoesOnTalkingStillHearsTheGoodbyeAndNoReset) {
  begin();
  const std::string more = frame(1, std::string(1000, 'm'), true);
  person().say(more);
  rig_.turn(3);
  close_soon();
  for (int i = 0; i < 20; ++i) {
    person().say(more);
    rig_.turn();
  }
  ASSERT_TRUE(rig_.turn_until([this] { return person().over; }));
  EXPECT_FALSE(person().broken);
  EXPECT_EQ(person().heard, frame(8, close_payload(), false));
}

TEST_F(TunnelEndTest, WhoLeavesInTheMiddleOfAFrameGetsNoFrameOfOursPutIntoIt) {
  begin();
  const std::string half = frame(2, std::string(1000, 'h'), true).substr(0, 500);
  person().say(half);
  rig_.turn(3);
  close_soon();
  person().end_of_sending();
  ASSERT_TRUE(rig_.turn_until([this] { return session().over; }));
  EXPECT_EQ(session().heard, half);
}

TEST_F(TunnelEndTest, ASideThatHasSaidGoodbyeIsNotContradicted) {
  begin();
  const std::string goodbye = frame(8, "\x03\xe8", true);  // 1000
  person().say(goodbye);
  rig_.turn(3);
  close_soon();
  ASSERT_TRUE(rig_.turn_until([this] { return session().over; }));
  EXPECT_EQ(session().heard, goodbye);
}

TEST_F(TunnelEndTest, WhatIsNoWebSocketIsCutWhereItIs) {
  begin(false);
  person().say("some");
  rig_.turn(3);
  close_soon();
  ASSERT_TRUE(rig_.turn_until([this] { return person().over && session().over; }));
  EXPECT_EQ(session().heard, "some");
  EXPECT_EQ(person().heard, "");
}

// Says something every few milliseconds for some idle times. Returns the longest pause that there was, by the loop.
template <class Say>
std::int64_t talk_on(Rig& rig, std::int64_t for_ms, const bool& over, Say say) {
  const std::int64_t until = rig.worker->loop.now_ms() + for_ms;
  std::int64_t longest = 0;
  std::int64_t last = rig.worker->loop.now_ms();
  while (rig.worker->loop.now_ms() < until && !over) {
    say();
    rig.worker->loop.turn(5);
    rig.person->listen();
    rig.session->listen();
    longest = std::max(longest, rig.worker->loop.now_ms() - last);
    last = rig.worker->loop.now_ms();
  }
  return longest;
}

TEST_F(TunnelEndTest, PingsDoNotKeepATunnelOpen) {
  limits_.tunnel_idle = 200;
  begin();
  talk_on(rig_, 60'000, over_, [this] {
    person().say(frame(9, "are you there", true));
    session().say(frame(10, "yes", false));
  });
  EXPECT_TRUE(over_);
  EXPECT_EQ(tunnel_->end(), TunnelEnd::kIdle);
}

TEST_F(TunnelEndTest, DataOfEitherSideKeepsATunnelOpen) {
  limits_.tunnel_idle = 300;
  for (const bool up : {true, false}) {
    begin();
    const std::int64_t pause = talk_on(rig_, 1000, over_, [&] {
      if (up) {
        person().say(frame(1, "x", true));
      } else {
        session().say(frame(1, "x", false));
      }
    });
    EXPECT_TRUE(!over_ || pause >= limits_.tunnel_idle) << "closed after a pause of " << pause << " ms";
    again();
  }
}

// One frame of a gigabyte, say, that takes hours: every byte of it is data.
TEST_F(TunnelEndTest, ALongFrameThatComesSlowlyKeepsATunnelOpen) {
  limits_.tunnel_idle = 300;
  begin();
  person().say(frame(2, std::string(100'000, 'x'), true).substr(0, 20));
  const std::int64_t pause = talk_on(rig_, 1000, over_, [this] { person().say("x"); });
  EXPECT_TRUE(!over_ || pause >= limits_.tunnel_idle) << "closed after a pause of " << pause << " ms";
}

TEST_F(TunnelEndTest, AfterAHalfCloseTheOtherSideMayGoOnForLongerThanAnIdleTime) {
  limits_.tunnel_idle = 300;
  limits_.tunnel_rest = 300;
  begin();
  person().say(frame(1, "question", true));
  person().end_of_sending();
  const std::int64_t pause = talk_on(rig_, 1500, over_, [this] { session().say(frame(1, "x", false)); });
  EXPECT_TRUE(!over_ || pause >= limits_.tunnel_idle) << "closed after a pause of " << pause << " ms";
  EXPECT_EQ(session().heard, frame(1, "question", true));
  EXPECT_TRUE(session().over);
  // And when it says nothing more it is not waited for.
  ASSERT_TRUE(rig_.turn_until([this] { return over_; }));
  EXPECT_EQ(tunnel_->end(), TunnelEnd::kClientClosed);
}

TEST_F(TunnelEndTest, AReaderThatTakesNothingStallsTheTunnel) {
  limits_.write_stall = 200;
  begin();
  const std::string more = frame(2, std::string(60'000, 's'), true);
  for (int i = 0; i < 3000 && !over_; ++i) {
    person().say(more);
    rig_.worker->loop.turn(5);
  }
  EXPECT_TRUE(over_);
  EXPECT_EQ(tunnel_->end(), TunnelEnd::kStalled);
}

TEST_F(TunnelEndTest, TheEndOfTheLoopEndsATunnel) {
  begin();
  rig_.client->close();  // as a server that stops does
  rig_.worker->loop.shut_down();
  EXPECT_TRUE(over_);
}

TEST_F(TunnelEndTest, ManyBytesBothWaysArriveUnchanged) {
  begin(false);
  std::string up;
  std::string down;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    const std::uint32_t mixed = i * 2654435761U;
    up.append(reinterpret_cast<const char*>(&mixed), 4);
    down.append(reinterpret_cast<const char*>(&mixed) + 1, 3);
  }
  std::size_t said_up = 0;
  std::size_t said_down = 0;
  for (int i = 0; i < 100'000 && (session().heard.size() < up.size() || person().heard.size() < down.size()); ++i) {
    said_up += person().say(std::string_view(up).substr(said_up, 70'000));
    said_down += session().say(std::string_view(down).substr(said_down, 7'000));
    rig_.turn();
    person().listen(5'000 + static_cast<std::size_t>(i % 7) * 9'000);
    session().listen(100'000);
  }
  EXPECT_TRUE(session().heard == up);
  EXPECT_TRUE(person().heard == down);
  EXPECT_EQ(tunnel_->bytes_up(), up.size());
  EXPECT_EQ(tunnel_->bytes_down(), down.size());
}

// A tunnel whose both ends always find room and bytes would have its thread for itself.
TEST_F(TunnelEndTest, ATunnelThatNeverWaitsLetsOthersHaveATurn) {
  const int room = 64 << 20;
  for (const int fd : {rig_.client->fd(), rig_.upstream->fd(), person().fd(), session().fd()}) {
    if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0) GTEST_SKIP() << "needs CAP_NET_ADMIN";
  }
  const std::string much(8 << 20, 'x');
  ASSERT_EQ(person().say(much), much.size());
  begin(false);
  bool other = false;
  rig_.worker->loop.post([&] { other = tunnel_->bytes_up() < much.size(); });
  for (int i = 0; i < 100 && tunnel_->bytes_up() < much.size(); ++i) rig_.turn();
  EXPECT_TRUE(other) << "all of it went up before anybody else";
}

}  // namespace
}  // namespace homing::net
