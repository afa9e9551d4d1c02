// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace homing::launcher {
namespace {

using core::Epoch;
using core::SessionId;

std::string payload_of(const std::string& frame) {
  return frame.substr(4);
}

Start plain_start() {
  return {.session = {.hi = 1, .lo = 2},
          .epoch = Epoch{3},
          .kind = "notepad",
          .user = "ada@example.org",
          .prefix = "/s/00ff/",
          .limits = {.memory_bytes = 1 << 20},
          .deadline = core::Instant{core::seconds(5)}};
}

TEST(LauncherProtocol, EveryRequestComesBackAsItWasSent) {
  const std::vector<Request> requests = {
      Hello{.client = "n1"},
      plain_start(),
      Kill{.session = {.hi = 1, .lo = 2}, .epoch = Epoch{3}, .reason = "closed by its owner"},
      Freeze{.session = {.hi = ~0ULL, .lo = 2}, .epoch = Epoch{~0U}},
      Thaw{.session = {.hi = 1, .lo = 2}, .epoch = Epoch{3}},
      LeaseDeadline{.until = core::Instant{core::Duration{-1}}},
      AskInventory{},
      StopSessions{.reason = "shutdown"},
  };
  for (const Request& request : requests) {
    const auto back = decode_request(payload_of(encode(request)));
    ASSERT_TRUE(back.has_value()) << back.error();
    EXPECT_EQ(*back, request);
  }
}

TEST(LauncherProtocol, EveryEventComesBackAsItWasSent) {
  const SessionInfo info{.session = {.hi = 9, .lo = 8},
                         .epoch = Epoch{2},
                         .state = ProcessState::kFrozen,
                         .kind = "jupyter",
                         .user = "ada",
                         .prefix = "/s/9/",
                         .endpoint = {.unix_path = "/x/sock", .port = 0, .secret = "s"},
                         .pid = 77,
                         .cpu_ns = 5,
                         .resident_bytes = 6,
                         .text = "t"};
  const std::vector<Event> events = {
      Welcome{.node = "n1", .machine = 42, .lease_until = core::kNever},
      Started{.session = {.hi = 1, .lo = 2},
              .epoch = Epoch{1},
              .endpoint = {.unix_path = "", .port = 8080, .secret = "abc"}},
      Failed{.session = {.hi = 1, .lo = 2}, .epoch = Epoch{1}, .reason = FailReason::kLeaseLost, .text = "x"},
      Ended{.session = {.hi = 1, .lo = 2},
            .epoch = Epoch{1},
            .on_request = true,
            .exit_status = -1,
            .signal = 9,
            .text = "killed"},
      Frozen{.session = {.hi = 1, .lo = 2}, .epoch = Epoch{1}, .frozen = true},
      Inventory{.sessions = {info, info}},
      Refused{.text = "no"},
  };
  for (const Event& event : events) {
    const auto back = decode_event(payload_of(encode(event)));
    ASSERT_TRUE(back.has_value()) << back.error();
    EXPECT_EQ(*back, event);
  }
}

TEST(LauncherProtocol, AStreamCutAnywhereGivesTheSameFrames) {
  const std::string bytes =
      encode(Request(Hello{.client = "n1"})) + encode(Request(plain_start())) + encode(Request(AskInventory{}));
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader(kMaxRequestBytes);
    std::vector<Request> seen;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.append(std::string_view(bytes).substr(at, piece));
      for (;;) {
        auto frame = reader.next();
        ASSERT_TRUE(frame.has_value()) << frame.error();
        if (!*frame) break;
        seen.push_back(decode_request(**frame).value());
      }
    }
    ASSERT_EQ(seen.size(), 3U) << piece;
    EXPECT_EQ(seen[1], Request(plain_start()));
  }
}

TEST(LauncherProtocol, AnOversizedOrEmptyFrameIsAnError) {
  FrameReader big(kMaxRequestBytes);
  big.append(std::string("\xff\xff\xff\x7f", 4));
  EXPECT_FALSE(big.next().has_value());
  FrameReader empty(kMaxRequestBytes);
  empty.append(std::string(4, '\0'));
  EXPECT_FALSE(empty.next().has_value());
}

TEST(LauncherProtocol, EveryTruncationAndEveryTrailingByteIsRefused) {
  const std::string payload = payload_of(encode(Request(plain_start())));
  for (std::size_t n = 0; n < payload.size(); ++n) EXPECT_FALSE(decode_request(payload.substr(0, n)).has_value()) << n;
  EXPECT_FALSE(decode_request(payload + '\0').has_value());
  EXPECT_FALSE(decode_request("\x7f").has_value());
}

TEST(LauncherProtocol, NamesAndPrefixesThatAreNotPlainAreRefused) {
  const auto refused = [](auto change) {
    Start start = plain_start();
    change(start);
    return !decode_request(payload_of(encode(Request(start)))).has_value();
  };
  EXPECT_FALSE(refused([](Start&) {}));
  for (const char* name : {"", "../x", "a b", "a/b", "-rf", "a\nb", "$(id)", ".hidden"}) {
    EXPECT_TRUE(refused([&](Start& s) { s.kind = name; })) << name;
    EXPECT_TRUE(refused([&](Start& s) { s.user = name; })) << name;
  }
  for (const char* prefix : {"", "/", "s/1/", "/s/1", "/s/../1/", "//1/", "/s/%2e/", "/s/1 /", "/s/\"/"}) {
    EXPECT_TRUE(refused([&](Start& s) { s.prefix = prefix; })) << prefix;
  }
  EXPECT_TRUE(refused([](Start& s) { s.epoch = Epoch{0}; }));
}

TEST(LauncherProtocol, AnotherVersionIsRefusedWithTheReason) {
  const auto back = decode_request(payload_of(encode(Request(Hello{.version = kProtocolVersion + 1, .client = "x"}))));
  ASSERT_FALSE(back.has_value());
  EXPECT_NE(back.error().find("version"), std::string::npos);
}

TEST(LauncherProtocol, ASessionIdSurvivesItsSpelling) {
  const SessionId id{.hi = 0x0123456789abcdefULL, .lo = 0xfedcba9876543210ULL};
  EXPECT_EQ(to_hex(id), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(session_from_hex(to_hex(id)), id);
  EXPECT_FALSE(session_from_hex("0123").has_value());
  EXPECT_FALSE(session_from_hex("0123456789abcdeffedcba987654321G").has_value());
}

}  // namespace
}  // namespace homing::launcher
