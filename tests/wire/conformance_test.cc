// SPDX-License-Identifier: Apache-2.0
//
// The cases of llhttp and of http-desync-guardian against our front door. Where we differ on purpose, the case stands
// here by name with its reason, and the test fails when the reason is gone.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

#include "router/wire/body.h"
#include "tests/wire/conformance_cases.h"
#include "tests/wire/splits.h"

namespace homing::wire {
namespace {

using test::DesyncCase;
using test::LlhttpCase;

// What became of the bytes of a connection.
enum class End : std::uint8_t { kRefused, kCut, kWhole, kClosed, kTunnel };

struct Door {
  End end = End::kWhole;
  std::string why;
  std::size_t messages = 0;
};

// Reads messages until one is refused, one is not whole, or the connection would not be read any more.
template <class Head, class... More>
Door through(std::string_view raw, const More&... more) {
  Door door;
  Head head;
  BodyReader body;
  while (!raw.empty()) {
    const Parsed parsed = head.parse(raw, more...);
    if (parsed.refused()) return {End::kRefused, std::string(parsed.why), door.messages};
    if (!parsed.done()) return {End::kCut, "", door.messages};
    raw.remove_prefix(parsed.size);
    if (!head.upgrade().empty()) return {End::kTunnel, "", door.messages + 1};
    body.start(head.framing());
    while (body.state() == BodyReader::State::kMore && !raw.empty()) raw.remove_prefix(body.read(raw).used);
    if (body.state() == BodyReader::State::kBad) return {End::kRefused, std::string(body.why()), door.messages};
    if (body.state() == BodyReader::State::kMore && body.end_of_input() != BodyReader::State::kDone) {
      return {End::kCut, "", door.messages};
    }
    ++door.messages;
    if (!head.keep_alive()) return {End::kClosed, "", door.messages};
  }
  return door;
}

// llhttp needs no Host, we do: a case without one is tried with one too, so that it is not refused for that.
std::string with_host(std::string raw) {
  if (raw.find("\nHost:") != std::string::npos) return raw;
  for (std::size_t at = raw.find(" HTTP/1."); at != std::string::npos; at = raw.find(" HTTP/1.", at + 1)) {
    if (raw.substr(at + 9, 2) == "\r\n") raw.insert(at + 11, "Host: h\r\n");
  }
  return raw;
}

using Reasons = std::map<std::string, std::string>;

// Counts `good`, or looks the name up among the exceptions and forgets it there.
struct Tally {
  explicit Tally(Reasons reasons) : left(std::move(reasons)), known(left.size()) {}
  void see(const std::string& name, bool good, const std::string& detail) {
    ++all;
    right += good ? 1 : 0;
    if (good) return;
    EXPECT_TRUE(left.contains(name)) << name << "\n" << detail;
    excepted += left.erase(name);
  }
  void finish(const char* what, const char* verb) const {
    for (const auto& [name, reason] : left) ADD_FAILURE() << "no exception any more: " << name << " (" << reason << ")";
    std::printf("%s: %zu of %zu %s, %zu excepted by name\n", what, right, all, verb, excepted);
  }
  Reasons left;
  std::size_t known;
  std::size_t all = 0;
  std::size_t right = 0;
  std::size_t excepted = 0;
};

std::vector<LlhttpCase> strict_cases(const std::filesystem::path& folder, const std::string& kind) {
  std::vector<LlhttpCase> cases = test::llhttp_cases(folder / "llhttp" / kind);
  std::erase_if(cases, [&](const LlhttpCase& one) { return one.type != kind && one.type != kind + "-finish"; });
  return cases;
}

#define FOLDER_OR_SKIP(folder)                    \
  const auto folder = test::conformance_folder(); \
  if (!folder) GTEST_SKIP() << "no HOMING_SHARED/conformance here"

TEST(ConformanceTest, EveryRequestThatLlhttpRefusesIsRefused) {
  FOLDER_OR_SKIP(folder);
  Tally tally({
      {"connection: No restart when keep-alive is off (1.0)",
       "the first message is good and ends the connection: nobody reads the second"},
  });
  for (const LlhttpCase& one : strict_cases(*folder, "request")) {
    if (!one.must_refuse()) continue;
    test::expect_same_at_every_split<RequestHead>(one.bytes);
    test::expect_same_at_every_split<RequestHead>(with_host(one.bytes));
    const End end = through<RequestHead>(with_host(one.bytes)).end;
    const End bare = through<RequestHead>(one.bytes).end;
    const bool bare_refused = bare == End::kRefused || bare == End::kCut;
    tally.see(one.name, (end == End::kRefused || end == End::kCut) && bare_refused, one.bytes);
  }
  EXPECT_GT(tally.all, 45U);
  tally.finish("llhttp must-refuse requests", "refused");
}

TEST(ConformanceTest, EveryRequestThatLlhttpAcceptsIsAcceptedOrListed) {
  FOLDER_OR_SKIP(folder);
  Tally tally({});
  for (const LlhttpCase& one : strict_cases(*folder, "request")) {
    if (one.must_refuse()) continue;
    const Door door = through<RequestHead>(with_host(one.bytes));
    tally.see(one.name, door.end != End::kRefused, door.why + "\n" + one.bytes);
  }
  tally.finish("llhttp good requests", "accepted");
}

TEST(ConformanceTest, EveryAnswerThatLlhttpRefusesIsRefused) {
  FOLDER_OR_SKIP(folder);
  Tally tally({});
  for (const LlhttpCase& one : strict_cases(*folder, "response")) {
    if (!one.must_refuse()) continue;
    test::expect_same_at_every_split<AnswerHead>(one.bytes, Method::kGet);
    const End end = through<AnswerHead>(one.bytes, Method::kGet).end;
    tally.see(one.name, end == End::kRefused || end == End::kCut, one.bytes);
  }
  EXPECT_GT(tally.all, 15U);
  tally.finish("llhttp must-refuse answers", "refused");
}

TEST(ConformanceTest, EveryAnswerThatLlhttpAcceptsIsAcceptedOrListed) {
  FOLDER_OR_SKIP(folder);
  Tally tally({});
  for (const LlhttpCase& one : strict_cases(*folder, "response")) {
    if (one.must_refuse()) continue;
    const Door door = through<AnswerHead>(one.bytes, Method::kGet);
    tally.see(one.name, door.end != End::kRefused, door.why + "\n" + one.bytes);
  }
  tally.finish("llhttp good answers", "accepted");
}

Door judged(const DesyncCase& one) {
  const std::string raw = test::wire_bytes(one);
  test::expect_same_at_every_split<RequestHead>(raw);
  RequestHead head;
  const Parsed parsed = head.parse(raw);
  if (parsed.refused()) return {End::kRefused, std::string(parsed.why), 0};
  EXPECT_TRUE(parsed.done()) << raw;
  return {head.keep_alive() ? End::kWhole : End::kClosed, "", 1};
}

TEST(ConformanceTest, EverySevereDesyncRequestIsRefused) {
  FOLDER_OR_SKIP(folder);
  Tally tally({});
  for (const DesyncCase& one : test::desync_cases(*folder / "desync-guardian" / "tests")) {
    if (one.tier == "Severe") tally.see(one.name, judged(one).end == End::kRefused, test::wire_bytes(one));
  }
  EXPECT_GT(tally.all, 50U);
  tally.finish("desync-guardian Severe", "refused");
}

TEST(ConformanceTest, NoAmbiguousDesyncRequestIsReused) {
  FOLDER_OR_SKIP(folder);
  Tally tally({});
  std::size_t refused = 0;
  for (const DesyncCase& one : test::desync_cases(*folder / "desync-guardian" / "tests")) {
    if (one.tier != "Ambiguous") continue;
    const Door door = judged(one);
    refused += door.end == End::kRefused ? 1 : 0;
    tally.see(one.name, door.end != End::kWhole, test::wire_bytes(one));
  }
  EXPECT_GT(tally.all, 40U);
  tally.finish("desync-guardian Ambiguous", "refused or not reused");
  std::printf("  of them refused: %zu\n", refused);
}

TEST(ConformanceTest, GoodDesyncRequestsPassOrAreListed) {
  FOLDER_OR_SKIP(folder);
  Tally tally({});
  for (const DesyncCase& one : test::desync_cases(*folder / "desync-guardian" / "tests")) {
    if (one.tier != "Compliant" && one.tier != "Acceptable") continue;
    const Door door = judged(one);
    tally.see(one.name, door.end == End::kWhole, door.why + "\n" + test::wire_bytes(one));
  }
  EXPECT_GT(tally.all, 30U);
  tally.finish("desync-guardian Compliant and Acceptable", "passed");
}

}  // namespace
}  // namespace homing::wire
