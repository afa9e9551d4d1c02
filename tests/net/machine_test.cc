// SPDX-License-Identifier: Apache-2.0
#include "router/net/machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "sim/load_average.h"  // header only: the recurrence that the simulator computes with

namespace homing::net {
namespace {

using sim::LoadAverage;
using Three = std::array<std::uint64_t, 3>;

// What the kernel prints of a fixed-point figure (fs/proc/loadavg.c), in hundredths.
std::uint64_t printed(std::uint64_t load) {
  const std::uint64_t rounded = load + LoadAverage::kFixedOne / 200;
  return (rounded >> 11) * 100 + (((rounded & (LoadAverage::kFixedOne - 1)) * 100) >> 11);
}

Three ticks(Three load, std::uint64_t active, int count) {
  for (int i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < 3; ++k) load[k] = LoadAverage::tick(load[k], LoadAverage::kDecay[k], active);
  }
  return load;
}

// `count` ticks with `active` threads explain how a figure printed as `before` became one printed as `after`.
bool explains(std::size_t k, std::uint64_t before, std::uint64_t after, std::uint64_t active, int count) {
  const std::uint64_t near = before * LoadAverage::kFixedOne / 100;
  for (std::uint64_t load = near < 25 ? 0 : near - 25; load <= near + 25; ++load) {
    if (printed(load) != before) continue;
    Three all{load, load, load};
    if (printed(ticks(all, active, count)[k]) == after) return true;
  }
  return false;
}

Three kernels_hundredths() {
  const core::NodeLoad load = measure_load();
  return {load.load1_milli / 10, load.load5_milli / 10, load.load15_milli / 10};
}

TEST(MachineTest, LoadAveragesBecomeThousandths) {
  core::NodeLoad load;
  read_loadavg("0.52 12.05 3.4 2/345 6789\n", load);
  EXPECT_EQ(load.load1_milli, 520U);
  EXPECT_EQ(load.load5_milli, 12050U);
  EXPECT_EQ(load.load15_milli, 3400U);
}

struct Golden {
  std::uint64_t active;
  int ticks;
  Three load;
  const char* proc;
};

// By a transcript of the kernel's calc_load() in another language: so many ticks with so many runnable threads, one row
// after the other, and what /proc/loadavg says then.
constexpr Golden kGolden[] = {
    {1, 12, {1299, 378, 132}, "0.63 0.18 0.06 1/100 1\n"},
    {8, 60, {16289, 10539, 4646}, "7.95 5.15 2.27 1/100 1\n"},
    {3, 7, {11796, 10050, 4703}, "5.76 4.91 2.30 1/100 1\n"},
    {0, 40, {413, 5128, 3773}, "0.20 2.50 1.84 1/100 1\n"},
    {1000, 1, {164380, 39043, 14753}, "80.26 19.06 7.20 1/100 1\n"},
    {0, 1, {151216, 38394, 14673}, "73.84 18.75 7.16 1/100 1\n"},
    {2, 720, {4096, 4096, 4235}, "2.00 2.00 2.07 1/100 1\n"},
};

TEST(MachineTest, TheSimulatorsLoadAverageIsTheKernelsBitForBitAndTheReaderReadsIt) {
  Three load{};
  for (const Golden& row : kGolden) {
    load = ticks(load, row.active, row.ticks);
    EXPECT_EQ(load, row.load) << row.proc;
    core::NodeLoad read;
    read_loadavg(row.proc, read);
    EXPECT_EQ(read.load1_milli, printed(load[0]) * 10);
    EXPECT_EQ(read.load5_milli, printed(load[1]) * 10);
    EXPECT_EQ(read.load15_milli, printed(load[2]) * 10);
  }
}

// Whatever runs on this machine meanwhile: from one tick of the kernel to the next all three averages must move as the
// recurrence says, with one and the same whole number of threads. So a busy machine is no noise, it is the experiment.
TEST(MachineTest, TheKernelsOwnAveragesMoveByTheSimulatorsRecurrence) {
  Three before = kernels_hundredths();
  int seen = 0;
  int explained = 0;
  std::string story;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(17);
  while (seen < 2 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Three now = kernels_hundredths();
    if (now == before) continue;
    ++seen;
    bool found = false;
    for (int count = 1; count <= 2 && !found; ++count) {  // a pause of this program may miss a tick
      for (std::uint64_t active = 0; active < 4096 && !found; ++active) {
        found = true;
        for (std::size_t k = 0; k < 3; ++k) found = found && explains(k, before[k], now[k], active, count);
      }
    }
    explained += found ? 1 : 0;
    story += std::to_string(before[0]) + " -> " + std::to_string(now[0]) + (found ? ", explained; " : ", not; ");
    before = now;
  }
  if (seen < 2) GTEST_SKIP() << "the load averages do not move here (an idle machine, or no /proc/loadavg)";
  EXPECT_GT(explained, 0) << "hundredths of the one-minute average: " << story;
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
