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
    if (raw.substr(at + 9, 2) != "\r\n") continue;
    const std::size_t scheme = raw.find("://");
    const std::size_t begin = scheme < at ? scheme + 3 : at;
    raw.insert(at + 11,
               "Host: " + (scheme < at ? raw.substr(begin, raw.find_first_of("/? ", begin) - begin) : "h") + "\r\n");
  }
  return raw;
}

using Reasons = std::map<std::string, std::string>;

// Counts what is `good`; the rest must be listed by name, and what is listed must not be good.
struct Tally {
  explicit Tally(Reasons listed) : reasons(std::move(listed)), unused(reasons) {}
  void see(const std::string& name, bool good, const std::string& detail) {
    ++all;
    right += good ? 1 : 0;
    if (good) return;
    EXPECT_TRUE(reasons.contains(name)) << name << "\n" << detail;
    excepted += reasons.contains(name) ? 1 : 0;
    unused.erase(name);
  }
  void finish(const char* what, const char* verb) const {
    for (const auto& [name, reason] : unused)
      ADD_FAILURE() << "no exception any more: " << name << " (" << reason << ")";
    std::printf("%s: %zu of %zu %s, %zu excepted by name\n", what, right, all, verb, excepted);
  }
  Reasons reasons;
  Reasons unused;
  std::size_t all = 0;
  std::size_t right = 0;
  std::size_t excepted = 0;
};

std::vector<LlhttpCase> strict_cases(const std::filesystem::path& folder, const std::string& kind) {
  std::vector<LlhttpCase> cases = test::llhttp_cases(folder / "llhttp" / kind);
  std::erase_if(cases, [&](const LlhttpCase& one) { return one.type != kind && one.type != kind + "-finish"; });
  return cases;
}

// Refused, or never whole; or, where llhttp minds bytes behind a message that ends the connection (its error 5): those
// bytes were not read.
bool stopped(const LlhttpCase& one, End end) {
  return end == End::kRefused || end == End::kCut || (one.error == 5 && end == End::kClosed);
}

#define FOLDER_OR_SKIP(folder)                    \
  const auto folder = test::conformance_folder(); \
  if (!folder) GTEST_SKIP() << "no HOMING_SHARED/conformance here"

TEST(ConformanceTest, EveryRequestThatLlhttpRefusesIsRefused) {
  FOLDER_OR_SKIP(folder);
  Tally tally({});
  for (const LlhttpCase& one : strict_cases(*folder, "request")) {
    if (!one.must_refuse()) continue;
    test::expect_same_at_every_split<RequestHead>(one.bytes);
    test::expect_same_at_every_split<RequestHead>(with_host(one.bytes));
    const bool good = stopped(one, through<RequestHead>(with_host(one.bytes)).end);
    tally.see(one.name, good && stopped(one, through<RequestHead>(one.bytes).end), one.bytes);
  }
  EXPECT_GT(tally.all, 45U);
  tally.finish("llhttp must-refuse requests", "refused");
}

TEST(ConformanceTest, EveryRequestThatLlhttpAcceptsIsAcceptedOrListed) {
  FOLDER_OR_SKIP(folder);
  Tally tally({
      {"connection: CRLF between requests, implicit `keep-alive`", "two empty lines between requests; we skip one"},
      {"connection: Multiple tokens with folding and LWS", "a WebSocket handshake without a key of version 13"},
      {"connection: Upgrade GET request", "a WebSocket handshake without a key of version 13"},
      {"connection: Setting a flag and pausing", "an upgrade is a GET without a body"},
      {"connection: Emitting part of body and pausing", "an upgrade is a GET without a body"},
      {"connection: Upgrade POST request", "an upgrade is a GET without a body"},
      {"method: CONNECT request", "CONNECT is not served"},
      {"method: CONNECT request with CAPS", "CONNECT is not served"},
      {"method: CONNECT with body", "CONNECT is not served"},
      {"uri: Underscore in hostname", "CONNECT is not served"},
      {"method: M-SEARCH request", "a method that is not on the list"},
      {"method: PURGE request", "a method that is not on the list"},
      {"method: LINK request", "a method that is not on the list"},
      {"method: SOURCE request", "a method that is not on the list"},
      {"method: QUERY request", "a method that is not on the list"},
      {"method: PRI request HTTP2", "a method that is not on the list"},
      {"method: SOURCE request with ICE", "only HTTP is served"},
      {"method: OPTIONS request with RTSP", "only HTTP is served"},
      {"method: ANNOUNCE request with RTSP", "only HTTP is served"},
      {"sample: No HTTP version", "HTTP/0.9 is not served"},
      {"sample: curl GET", "Host is 0.0.0.0=5000, which is no host[:port]"},
      {"sample: Firefox GET", "Host is 0.0.0.0=5000, which is no host[:port]"},
      {"transfer-encoding: POST with `chunked` as last transfer-encoding",
       "a `#` in the target: a fragment is the client's business"},
      {"transfer-encoding: POST with `chunked` as last transfer-encoding (multiple headers)",
       "a `#` in the target: a fragment is the client's business"},
      {"uri: Fragment in URI", "a `#` in the target: a fragment is the client's business"},
      {"uri: `host:port` and basic auth", "a name and password in the target are not served"},
  });
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
    tally.see(one.name, stopped(one, through<AnswerHead>(one.bytes, Method::kGet).end), one.bytes);
  }
  EXPECT_GT(tally.all, 15U);
  tally.finish("llhttp must-refuse answers", "refused");
}

TEST(ConformanceTest, EveryAnswerThatLlhttpAcceptsIsAcceptedOrListed) {
  FOLDER_OR_SKIP(folder);
  Tally tally({
      {"connection: HTTP 304 with Content-Length", "an empty line before an answer is a byte too many somewhere"},
      {"connection: HTTP 100 first, then 400", "an empty line before an answer is a byte too many somewhere"},
      {"pipelining: Should parse multiple events", "an empty line before an answer is a byte too many somewhere"},
      {"sample: Response starting with CRLF", "an empty line before an answer is a byte too many somewhere"},
      {"sample: RTSP response", "only HTTP/1.0 and HTTP/1.1 are read"},
      {"sample: ICE response", "only HTTP/1.0 and HTTP/1.1 are read"},
      {"sample: HTTP version 0.9", "only HTTP/1.0 and HTTP/1.1 are read"},
      {"transfer-encoding: `chunked` before other transfer-encoding",
       "a coding other than chunked, alone: others frame it differently"},
      {"transfer-encoding: multiple transfer-encoding where chunked is not the last one",
       "a coding other than chunked, alone: others frame it differently"},
      {"transfer-encoding: `chunkedchunked` transfer-encoding does not enable chunked enconding",
       "a coding other than chunked, alone: others frame it differently"},
  });
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
  Tally tally({
      {"No TE/CL headers, some others are non-compliant", "white space before a colon hides a name from some parsers"},
      {"TE and some others are non-compliant", "white space before a colon hides a name from some parsers"},
      {"CL and some others are non-compliant", "white space before a colon hides a name from some parsers"},
      {"A non-essential header with a non-printable character (x01)", "a control byte in a field"},
      {"Some-Header\\x01", "a control byte in a field"},
      {"\\x01Some-Header", "a control byte in a field"},
      {"Some-Header: \\x01value", "a control byte in a field"},
      {"Some-Header: value\\x01", "a control byte in a field"},
      {"Non-RFC, but OK HTTP/0.9", "only HTTP/1.0 and HTTP/1.1"},
      {"Empty version, which means HTTP/0.9", "only HTTP/1.0 and HTTP/1.1"},
      {"Unknown but OK HTTP/1.2", "only HTTP/1.0 and HTTP/1.1"},
      {"Extra spaces in version", "the first line is METHOD SP target SP HTTP/1.x"},
      {"[space] in URI", "the first line is METHOD SP target SP HTTP/1.x"},
      {"Empty URI", "the first line is METHOD SP target SP HTTP/1.x"},
      {"Correct TE OK", "a coding other than chunked, alone: others frame it differently"},
      {"Transfer-Encoding: identity and chunked OK", "a coding other than chunked, alone: others frame it differently"},
      {"Multiple transfer encoding headers in a single request OK",
       "a coding other than chunked, alone: others frame it differently"},
      {"TE with custom parameters OK", "a coding other than chunked, alone: others frame it differently"},
      {"Different Transfer-Encoding headers", "a coding other than chunked, alone: others frame it differently"},
      {"Different Transfer-Encoding headers combined",
       "a coding other than chunked, alone: others frame it differently"},
      {"Transfer-Encoding with a param: chunked;custom_param",
       "a coding other than chunked, alone: others frame it differently"},
      {"Compliant URL", "a `#` in the target: a fragment is the client's business"},
      {"International in URI", "a target is ASCII; clients send %XX"},
  });
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
