// SPDX-License-Identifier: Apache-2.0
#include "router/net/access_log.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <regex>
#include <string>

namespace homing::net {
namespace {

AccessRecord record() {
  AccessRecord r;
  r.began_ns = 1'795'418'401'000'123'999;  // 2026-11-23T07:20:01.000123999Z
  r.request = "0123abcd";
  r.client = "192.0.2.7";
  r.user = "ada";
  r.session = "abcdefgh";
  r.kind = "jupyter";
  r.node = "n2";
  r.door = "public";
  r.hop = "n2";
  r.method = "GET";
  r.host = "homing.example.org";
  r.target = "/s/abcdefgh/lab?token=secret&x=1";
  r.protocol = "HTTP/1.1";
  r.status = 200;
  r.times = {120, 0, kNotReached, 3'500, 4'000};
  r.bytes_up = 17;
  r.bytes_down = 18'446'744'073'709'551'615ULL;
  r.referer = "https://homing.example.org/s/abcdefgh/tree?code=hush#frag";
  r.user_agent = "Mozilla/5.0 (X11)";
  return r;
}

std::string json_of(const AccessRecord& r) {
  std::string out;
  append_json(r, out);
  return out;
}

std::string combined_of(const AccessRecord& r) {
  std::string out;
  append_combined(r, out);
  return out;
}

boost::json::object parsed(const std::string& line) {
  EXPECT_EQ(line.find('\n'), std::string::npos);
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  EXPECT_FALSE(error) << error.message() << ": " << line;
  return error ? boost::json::object() : value.as_object();
}

std::string text(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(boost::json::string_view(name.data(), name.size()));
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "no text: " + std::string(name);
}

// ---------------------------------------------------------------- JSON

TEST(AccessLogTest, AJsonLineIsReadBackWhole) {
  const auto line = parsed(json_of(record()));
  EXPECT_EQ(text(line, "ts"), "2026-11-23T07:20:01.000123Z");
  EXPECT_EQ(text(line, "event"), "access");
  EXPECT_EQ(text(line, "request"), "0123abcd");
  EXPECT_EQ(text(line, "client"), "192.0.2.7");
  EXPECT_EQ(text(line, "user"), "ada");
  EXPECT_EQ(text(line, "session"), "abcdefgh");
  EXPECT_EQ(text(line, "kind"), "jupyter");
  EXPECT_EQ(text(line, "node"), "n2");
  EXPECT_EQ(text(line, "door"), "public");
  EXPECT_EQ(text(line, "hop"), "n2");
  EXPECT_EQ(text(line, "method"), "GET");
  EXPECT_EQ(text(line, "host"), "homing.example.org");
  EXPECT_EQ(text(line, "protocol"), "HTTP/1.1");
  EXPECT_EQ(line.at("status").to_number<int>(), 200);
  EXPECT_EQ(line.at("received_us").to_number<int>(), 120);
  EXPECT_EQ(line.at("queued_us").to_number<int>(), 0);
  EXPECT_TRUE(line.at("connected_us").is_null());
  EXPECT_EQ(line.at("first_byte_us").to_number<int>(), 3'500);
  EXPECT_EQ(line.at("total_us").to_number<int>(), 4'000);
  EXPECT_EQ(line.at("bytes_up").to_number<int>(), 17);
  EXPECT_EQ(line.at("bytes_down").to_number<std::uint64_t>(), record().bytes_down);
  EXPECT_EQ(text(line, "end"), "done");
  EXPECT_EQ(line.at("retries").to_number<int>(), 0);
  EXPECT_EQ(text(line, "user_agent"), "Mozilla/5.0 (X11)");
}

TEST(AccessLogTest, ALineOfNothingHasTheSameMembers) {
  const auto full = parsed(json_of(record()));
  const auto empty = parsed(json_of(AccessRecord{}));
  ASSERT_EQ(full.size(), empty.size());
  for (auto a = full.begin(), b = empty.begin(); a != full.end(); ++a, ++b) EXPECT_EQ(a->key(), b->key());
  EXPECT_EQ(text(empty, "ts"), "1970-01-01T00:00:00.000000Z");
  EXPECT_TRUE(empty.at("total_us").is_null());
}

TEST(AccessLogTest, NoByteOfATextBreaksTheLine) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  AccessRecord r = record();
  r.user_agent = r.detail = r.user = r.method = r.target = r.referer = all;
  const auto line = parsed(json_of(r));
  std::string expected;  // bytes of 0x80 and above are no UTF-8 in this order
  for (int c = 0; c < 128; ++c) expected += static_cast<char>(c);
  for (int c = 128; c < 256; ++c) expected += "\xef\xbf\xbd";
  EXPECT_EQ(text(line, "user_agent"), expected);
  EXPECT_EQ(text(line, "detail"), expected);
  AccessRecord accents = record();
  accents.user_agent = "caf\xc3\xa9 \xf0\x9f\x8f\xa0";
  EXPECT_EQ(text(parsed(json_of(accents)), "user_agent"), accents.user_agent);
}

TEST(AccessLogTest, LongTextsAreCut) {
  const std::string longest(kMaxLoggedText, 'u');
  AccessRecord r = record();
  r.user_agent = longest;
  EXPECT_EQ(text(parsed(json_of(r)), "user_agent"), longest);
  const std::string longer = longest + "v";
  const std::string path = "/" + longer;
  r.user_agent = longer;
  r.target = path;
  const auto line = parsed(json_of(r));
  EXPECT_EQ(text(line, "user_agent"), longest + "...");
  EXPECT_EQ(text(line, "path"), path.substr(0, kMaxLoggedText) + "...");
  EXPECT_NE(combined_of(r).find(" \"" + longest + "...\" "), std::string::npos);
}

// ---------------------------------------------------------------- secrets

TEST(AccessLogTest, ValuesOfQueriesAreNotLogged) {
  const auto without = [](std::string_view target) {
    std::string out;
    append_without_query_values(target, out);
    return out;
  };
  EXPECT_EQ(without("/login?token=abc"), "/login?token=*");
  EXPECT_EQ(without("/a?x=1&y=2&z="), "/a?x=*&y=*&z=*");
  EXPECT_EQ(without("/a?lonely-secret"), "/a?*");
  EXPECT_EQ(without("/a?"), "/a?");
  EXPECT_EQ(without("/a?x=1=secret&&b"), "/a?x=*&&*");
  EXPECT_EQ(without("/a?x=?y=secret"), "/a?x=*");
  EXPECT_EQ(without("*"), "*");
  EXPECT_EQ(without(""), "");
  AccessRecord r = record();
  for (const std::string& line : {json_of(r), combined_of(r)}) {
    EXPECT_EQ(line.find("secret"), std::string::npos) << line;
    EXPECT_EQ(line.find("hush"), std::string::npos) << line;
    EXPECT_EQ(line.find("frag"), std::string::npos) << line;
  }
  EXPECT_EQ(text(parsed(json_of(r)), "path"), "/s/abcdefgh/lab?token=*&x=*");
  EXPECT_EQ(text(parsed(json_of(r)), "referer"), "https://homing.example.org/s/abcdefgh/tree");
}

// ---------------------------------------------------------------- how it ended

TEST(AccessLogTest, TheEndSaysWhoAndInWhichPhase) {
  const auto end = [](EndedBy who, EndPhase phase) {
    std::string out;
    append_end(who, phase, out);
    return out;
  };
  EXPECT_EQ(end(EndedBy::kNobody, EndPhase::kAnswerBody), "done");
  EXPECT_EQ(end(EndedBy::kNobody, EndPhase::kTunnel), "done");
  EXPECT_EQ(end(EndedBy::kClient, EndPhase::kQueue), "client before the session was ready");
  EXPECT_EQ(end(EndedBy::kProcess, EndPhase::kAnswerBody), "session process in the answer");
  EXPECT_EQ(end(EndedBy::kPeer, EndPhase::kConnect), "peer while connecting");
  EXPECT_EQ(end(EndedBy::kRouter, EndPhase::kFirstByte), "router before the first byte");
  EXPECT_EQ(end(EndedBy::kOperator, EndPhase::kTunnel), "operator in the tunnel");
  EXPECT_EQ(end(EndedBy::kClient, EndPhase::kHead), "client in the request head");
  EXPECT_EQ(end(EndedBy::kClient, EndPhase::kRequestBody), "client in the request body");
}

// ---------------------------------------------------------------- combined

// As log analysers read it: client, user, time, request line, status, bytes, referer, agent; then ours.
const std::regex& combined_format() {
  static const std::regex kFormat(
      R"re(^(\S+) - (\S+) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(\S+) (\S+) (\S+)" )re"
      R"re((\d{3}) (\d+) "([^"]*)" "([^"]*)" (\S+) "([^"]*)"$)re");
  return kFormat;
}

TEST(AccessLogTest, ACombinedLineIsWhatAnalysersExpect) {
  std::smatch parts;
  const std::string line = combined_of(record());
  ASSERT_TRUE(std::regex_match(line, parts, combined_format())) << line;
  EXPECT_EQ(parts[1], "192.0.2.7");
  EXPECT_EQ(parts[2], "ada");
  EXPECT_EQ(parts[3], "23/Nov/2026:07:20:01 +0000");
  EXPECT_EQ(parts[4], "GET");
  EXPECT_EQ(parts[5], "/s/abcdefgh/lab?token=*&x=*");
  EXPECT_EQ(parts[6], "HTTP/1.1");
  EXPECT_EQ(parts[7], "200");
  EXPECT_EQ(parts[8], "18446744073709551615");
  EXPECT_EQ(parts[9], "https://homing.example.org/s/abcdefgh/tree");
  EXPECT_EQ(parts[10], "Mozilla/5.0 (X11)");
  EXPECT_EQ(parts[11], "0123abcd");
  EXPECT_EQ(parts[12], "done");
  EXPECT_TRUE(std::regex_match(combined_of(AccessRecord{}), combined_format())) << combined_of(AccessRecord{});
}

TEST(AccessLogTest, NoTextOfAClientCanForgeACombinedLine) {
  AccessRecord r = record();
  r.user_agent = "x\" 200 0 \"-\" \"y\\\n192.0.2.9 - eve [";
  r.user = "a b\"c";
  r.method = "GET \"";
  r.client = "fe80::1%eth 0";
  std::smatch parts;
  const std::string line = combined_of(r);
  ASSERT_TRUE(std::regex_match(line, parts, combined_format())) << line;
  EXPECT_EQ(parts[10], R"(x\x22 200 0 \x22-\x22 \x22y\x5C\x0A192.0.2.9 - eve [)");
  EXPECT_EQ(parts[2], R"(a_b\x22c)");
  EXPECT_EQ(parts[4], R"(GET_\x22)");
  EXPECT_EQ(parts[1], "fe80::1%eth_0");
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  r.user_agent = r.referer = r.user = r.client = r.request = r.protocol = all;
  const std::string worst = combined_of(r);
  EXPECT_TRUE(std::regex_match(worst, combined_format())) << worst;
  for (const char c : worst) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(AccessLogTest, TimesBefore1970AndFarAwayAreDates) {
  AccessRecord r;
  r.began_ns = -1;
  EXPECT_EQ(text(parsed(json_of(r)), "ts"), "1969-12-31T23:59:59.999999Z");
  r.began_ns = 951'782'400'000'000'000;  // a leap day
  EXPECT_EQ(text(parsed(json_of(r)), "ts"), "2000-02-29T00:00:00.000000Z");
}

}  // namespace
}  // namespace homing::net
