// SPDX-License-Identifier: Apache-2.0
#include "sim/failure_trace.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace homing::sim {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(FailureTrace, OrdersFailuresByTimeAndNodesByNumberThenName) {
  const auto trace = parse_failure_trace("node,down_s,up_s\n10,50,60\nweb,1,2\n9,40.5,41\n", std::nullopt);
  ASSERT_TRUE(trace.has_value()) << trace.error();
  EXPECT_EQ(trace->nodes, (std::vector<std::string>{"9", "10", "web"}));
  ASSERT_EQ(trace->failures.size(), 3u);
  EXPECT_EQ(trace->failures[0].node, 2);
  EXPECT_EQ(trace->failures[1].node, 0);
  EXPECT_EQ(trace->failures[1].down, std::chrono::milliseconds(40500));
}

constexpr const char* kPublished =
    "FAQ\nSystem,machine type,nodes,procstot,procsinnode,nodenum,nodenumz,node install,node prod,node decom,fru "
    "type,mem,cputype,memtype,num intercon,purpose,Prob Started,Prob Fixed,Down Time,Facilities\n"
    "2,cluster,49,6152,80,0,0,5-Apr,5-Jun,current,part,80,1,1,0,graphics.fe,6/21/2005 10:54,6/21/2005 11:00,6,,\n"
    "2,cluster,49,6152,80,0,4,5-Apr,5-Jun,current,part,80,1,1,0,graphics.fe,2/28/2004 23:50,2/29/2004 0:20,30,,\n"
    "2,cluster,49,6152,80,0,4,5-Apr,5-Jun,current,part,80,1,1,0,graphics.fe,,2/29/2004 0:20,30,,\n"
    "3,cluster,49,6152,80,0,4,5-Apr,5-Jun,current,part,80,1,1,0,graphics.fe,2/28/2004 23:50,2/29/2004 0:20,30,,\n";

TEST(FailureTrace, ReadsThePublishedFormOfOneSystem) {
  const auto trace = parse_failure_trace(kPublished, 2);
  ASSERT_TRUE(trace.has_value()) << trace.error();
  ASSERT_EQ(trace->failures.size(), 2u);
  EXPECT_EQ(trace->skipped, 1);
  EXPECT_EQ(trace->failures[0].down, *parse_trace_date("2004-02-28 23:50"));
  EXPECT_EQ(trace->failures[0].up - trace->failures[0].down, minutes(30)) << "over a leap day's midnight";
  EXPECT_EQ(trace->failures[1].down, *parse_trace_date("2005-06-21") + hours(10) + minutes(54));
}

TEST(FailureTrace, TheSystemMustBeNamedAndThere) {
  EXPECT_NE(parse_failure_trace(kPublished, std::nullopt).error().find("several systems"), std::string::npos);
  EXPECT_NE(parse_failure_trace(kPublished, 99).error().find("no row of system 99"), std::string::npos);
  EXPECT_NE(parse_failure_trace("node,down_s,up_s\n", 2).error().find("take `system` out"), std::string::npos);
}

TEST(FailureTrace, DatesAreStrict) {
  EXPECT_FALSE(parse_trace_date("2003-02-30").has_value());
  EXPECT_FALSE(parse_trace_date("2003-2").has_value());
  EXPECT_FALSE(parse_trace_date("2003-02-03 24:00").has_value());
}

// A real one, where it is at hand: nine years of 22 systems.
TEST(FailureTrace, ReadsTheFailuresOfLosAlamos) {
  const char* shared = std::getenv("HOMING_SHARED");
  const std::filesystem::path file = std::filesystem::path(shared != nullptr ? shared : "../shared") /
                                     "traces/failures/LANL-LA-UR-05-7318-1996-2005.csv.xz";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(("xz -dc '" + file.string() + "'").c_str(), "r"), pclose);
  ASSERT_NE(pipe, nullptr);
  std::string text;
  std::array<char, 65536> block{};
  for (std::size_t n = 0; (n = fread(block.data(), 1, block.size(), pipe.get())) > 0;) text.append(block.data(), n);
  if (text.empty()) GTEST_SKIP() << "xz cannot unpack it";
  const auto trace = parse_failure_trace(text, 20);
  ASSERT_TRUE(trace.has_value()) << trace.error();
  EXPECT_GT(trace->nodes.size(), 200u);
  EXPECT_GT(trace->failures.size(), 1000u);
  double down_minutes = 0;
  for (const Failure& failure : trace->failures) {
    down_minutes += std::chrono::duration<double, std::ratio<60>>(failure.up - failure.down).count();
  }
  const double mean = down_minutes / static_cast<double>(trace->failures.size());
  RecordProperty("mean_down_minutes", std::to_string(mean));
  EXPECT_GT(mean, 30.0);
  EXPECT_LT(mean, 2000.0);
}

}  // namespace
}  // namespace homing::sim
