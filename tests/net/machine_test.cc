// SPDX-License-Identifier: Apache-2.0
#include "router/net/machine.h"

#include <gtest/gtest.h>

namespace homing::net {
namespace {

TEST(MachineTest, LoadAveragesBecomeThousandths) {
  core::NodeLoad load;
  read_loadavg("0.52 12.05 3.4 2/345 6789\n", load);
  EXPECT_EQ(load.load1_milli, 520U);
  EXPECT_EQ(load.load5_milli, 12050U);
  EXPECT_EQ(load.load15_milli, 3400U);
}

TEST(MachineTest, RubbishIsNoLoad) {
  core::NodeLoad load;
  read_loadavg("", load);
  read_loadavg("x y z", load);
  read_meminfo("MemTotal", load);
  EXPECT_EQ(load, core::NodeLoad{});
}

TEST(MachineTest, MemoryIsReadInBytes) {
  core::NodeLoad load;
  read_meminfo("MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:    8192 kB\n", load);
  EXPECT_EQ(load.memory_total, 16384U * 1024);
  EXPECT_EQ(load.memory_available, 8192U * 1024);
}

TEST(MachineTest, TheBootClockDoesNotFall) {
  const core::Instant first = boot_time();
  EXPECT_LE(first, boot_time());
  EXPECT_GT(measure_load().memory_total, 0U);
}

}  // namespace
}  // namespace homing::net
