// SPDX-License-Identifier: Apache-2.0
#include "router/base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/base/temp_dir.h"

namespace homing::base {
namespace {

TEST(LogTest, ALineIsOneJsonObjectWithItsFieldsInOrder) {
  const TempDir dir;
  {
    auto log = Log::to_file(dir.file("log"), "router", "n1");
    ASSERT_TRUE(log.has_value());
    const std::string user = "al\"ice";
    log->info("session.started", {{"user", user}, {"epoch", 3U}, {"took_s", 1.5}, {"again", false}, {"delta", -2}});
    log->debug("not.written");
  }
  const std::string text = slurp(dir.file("log"));
  const std::regex line(
      "\\{\"ts\":\"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z\",\"level\":\"info\",\"program\":\"router\","
      "\"node\":\"n1\",\"event\":\"session\\.started\",\"user\":\"al\\\\\"ice\",\"epoch\":3,\"took_s\":1\\.5,"
      "\"again\":false,\"delta\":-2\\}\n");
  EXPECT_TRUE(std::regex_match(text, line)) << text;
}

TEST(LogTest, LinesOfSeveralThreadsDoNotMix) {
  const TempDir dir;
  auto log = Log::to_file(dir.file("log"), "p", "");
  ASSERT_TRUE(log.has_value());
  const auto writer = [&log] {
    for (int i = 0; i < 200; ++i) log->warn("tick", {{"i", i}});
  };
  std::thread one(writer), two(writer);
  one.join();
  two.join();
  std::istringstream lines(slurp(dir.file("log")));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_EQ(line.front(), '{');
    EXPECT_EQ(line.back(), '}');
    EXPECT_EQ(std::count(line.begin(), line.end(), '{'), 1);
  }
  EXPECT_EQ(count, 400);
}

TEST(LogTest, ReopenGoesOnUnderTheOldNameAfterARotation) {
  const TempDir dir;
  auto log = Log::to_file(dir.file("log"), "p", "");
  log->info("one");
  std::filesystem::rename(dir.file("log"), dir.file("log.1"));
  log->info("two");
  log->reopen();
  log->info("three");
  EXPECT_NE(slurp(dir.file("log.1")).find("two"), std::string::npos);
  EXPECT_NE(slurp(dir.file("log")).find("three"), std::string::npos);
}

TEST(LogTest, ALogThatCannotBeOpenedSaysWhere) {
  const auto log = Log::to_file("/nonexistent/log", "p", "");
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error(), "/nonexistent/log: the log cannot be written: No such file or directory");
}

TEST(LogTest, WallTimeIsWrittenInUtc) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(rfc3339(1'795'371'601'123'456'789), "2026-11-22T18:20:01.123456Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999999Z");
}

}  // namespace
}  // namespace homing::base
