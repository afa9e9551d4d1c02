// SPDX-License-Identifier: Apache-2.0
//
// The journal told of a few events by hand: the examples of sim/METRICS.md that need more than one measure's
// arithmetic, and what may not enter a record.
#include "sim/journal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHorizon = 60 * kMinute;
constexpr std::int64_t kPatience = 30 * kSecond;

Journal measuring(bool series = false) {
  Journal journal(small_scenario(), 20, series, true);
  journal.begin_measuring(0);
  return journal;
}

RunRecord finished(Journal& journal) {
  journal.finish(kHorizon);
  RunRecord record;
  journal.fill(record);
  return record;
}

std::optional<double> value(const RunRecord& record, Metric metric) {
  for (const auto& [id, number] : record.values) {
    if (id == metric) return number;
  }
  return std::nullopt;
}

TEST(Journal, ValuesAreSortedAndEachMetricComesAtMostOnce) {
  Journal journal = measuring();
  journal.visit_begins(0, 0, 1, kPatience, 0, 10 * kMinute);
  const RunRecord record = finished(journal);
  for (std::size_t i = 1; i < record.values.size(); ++i) {
    EXPECT_LT(record.values[i - 1].first, record.values[i].first);
  }
  EXPECT_GT(record.values.size(), 15u);
}

TEST(Journal, WhatNoWorldFeedsHasNoValueAndWhatIsFedMayBeNought) {
  Journal silent = measuring();
  const RunRecord without = finished(silent);
  for (const Metric metric : {kWorkLost, kStickinessViolations, kWithoutStore, kDoubleLife}) {
    EXPECT_FALSE(value(without, metric).has_value()) << metric;
  }
  Journal fed = measuring();
  for (const Fed what : {Fed::kWorkLost, Fed::kStickiness, Fed::kWithoutStore, Fed::kDoubleLife}) fed.feeds(what);
  const RunRecord with = finished(fed);
  for (const Metric metric : {kWorkLost, kStickinessViolations, kWithoutStore, kDoubleLife}) {
    EXPECT_EQ(value(with, metric), 0.0) << metric;
  }
}

// Three losses with 100, 20 and 0 CPU-seconds since the last save point; the warm-up's 1,000 do not count.
TEST(WorkLost, TheHandWorkedExampleGivesTwoMinutes) {
  Journal journal(small_scenario(), 20, false, true);
  journal.feeds(Fed::kWorkLost);
  journal.work_lost(1000);
  journal.begin_measuring(0);
  journal.work_lost(100);
  journal.work_lost(20);
  journal.work_lost(0);
  EXPECT_DOUBLE_EQ(*value(finished(journal), kWorkLost), 120.0);
}

TEST(StickinessViolations, TheHandWorkedExampleCountsTwo) {
  Journal journal(small_scenario(), 20, false, true);
  journal.feeds(Fed::kStickiness);
  journal.stickiness_violation();  // warm-up
  journal.begin_measuring(0);
  journal.stickiness_violation();
  journal.stickiness_violation();
  EXPECT_EQ(value(finished(journal), kStickinessViolations), 2.0);
}

// 10:00 one session is served without the store, 10:02 a second, 10:03 one no more; the other to the horizon, 11:00.
TEST(WithoutStore, TheHandWorkedExampleGivesSixtyOneSessionMinutes) {
  Journal journal = measuring();
  journal.feeds(Fed::kWithoutStore);
  journal.without_store(0, 1);
  journal.without_store(2 * kMinute, 1);
  journal.without_store(3 * kMinute, -1);
  EXPECT_DOUBLE_EQ(*value(finished(journal), kWithoutStore), 61.0);
}

// 09:59 (warm-up) a second process, 10:01 a third, 10:01:30 one ends, 10:02 one ends.
TEST(DoubleLife, TheHandWorkedExampleGivesTwoAndAHalfMinutes) {
  Journal journal(small_scenario(), 20, false, true);
  journal.feeds(Fed::kDoubleLife);
  journal.double_life(-kMinute, 1);
  journal.begin_measuring(0);
  journal.double_life(kMinute, 1);
  journal.double_life(90 * kSecond, -1);
  journal.double_life(120 * kSecond, -1);
  EXPECT_DOUBLE_EQ(*value(finished(journal), kDoubleLife), 150.0);
}

// Five visits: answered after 1 s, 2 s and 3 s; one leaves after 40 s without an answer; one came 10 s before the
// horizon.
TEST(SignInSuccess, TheHandWorkedExampleGivesThreeOfFour) {
  Journal journal = measuring();
  for (std::uint32_t v = 0; v < 4; ++v) journal.visit_begins(0, v, v, kPatience, 0, 50 * kMinute);
  for (std::uint32_t v = 0; v < 3; ++v) {
    journal.feels((v + 1) * kSecond, v, Feeling::kWorking);
    journal.signed_in((v + 1) * kSecond, v);
  }
  journal.visit_ends(40 * kSecond, 3);
  journal.visit_begins(kHorizon - 10 * kSecond, 4, 4, kPatience, 0, 2 * kHorizon);
  const RunRecord record = finished(journal);
  EXPECT_DOUBLE_EQ(*value(record, kSignInSuccess), 0.75);
  EXPECT_DOUBLE_EQ(*value(record, kSignInWaitP50), 3.0);  // 1, 2, 3, 10, 40
  EXPECT_DOUBLE_EQ(*value(record, kSignInWaitP95), 40.0);
  EXPECT_DOUBLE_EQ(*value(record, kSignInWaitP99), 40.0);
}

TEST(SignInSuccess, WhoWaitsBeyondPatienceAtTheHorizonDidNotGetIn) {
  Journal journal = measuring();
  journal.visit_begins(kHorizon - kMinute, 0, 0, kPatience, 0, 2 * kHorizon);
  EXPECT_EQ(value(finished(journal), kSignInSuccess), 0.0);
}

// Five outages: 5 s, 10 s, 10 s (cut for 4, then lost for 6), 60 s, and 300 s to the end of the visit.
TEST(TimeToRepair, TheHandWorkedExampleGivesTenThreeHundredThreeHundred) {
  Journal journal = measuring();
  journal.visit_begins(-kMinute, 0, 0, kPatience, 0, 20 * kMinute);
  const auto feel = [&](std::int64_t at_s, Feeling feeling) { journal.feels(at_s * kSecond, 0, feeling); };
  feel(0, Feeling::kWorking);
  for (const auto& [from, length] : {std::pair{100, 5}, {200, 10}, {400, 60}}) {
    feel(from, Feeling::kLost);
    feel(from + length, Feeling::kWorking);
  }
  feel(600, Feeling::kCut);
  feel(604, Feeling::kLost);
  feel(610, Feeling::kWorking);
  feel(900, Feeling::kLost);
  journal.visit_ends(1200 * kSecond, 0);
  const RunRecord record = finished(journal);
  EXPECT_DOUBLE_EQ(*value(record, kRepairP50), 10.0);
  EXPECT_DOUBLE_EQ(*value(record, kRepairP95), 300.0);
  EXPECT_DOUBLE_EQ(*value(record, kRepairMax), 300.0);
  EXPECT_DOUBLE_EQ(*value(record, kMinutesCut), 4.0 / 60);
  EXPECT_DOUBLE_EQ(*value(record, kMinutesGone), 381.0 / 60);
  EXPECT_DOUBLE_EQ(*value(record, kUserUptime), 1.0 - 385.0 / 1200);
}

TEST(SignalAge, TheHandWorkedExampleGivesTwoAndFifteenSeconds) {
  Journal journal = measuring();
  for (const int age : {15, 1, 2, 5, 2}) journal.decided(age * kSecond);
  const RunRecord record = finished(journal);
  EXPECT_DOUBLE_EQ(*value(record, kSignalAgeP50), 2.0);
  EXPECT_DOUBLE_EQ(*value(record, kSignalAgeP95), 15.0);
}

// Actions ran 30 s, 20 s and 10 s beyond their limits; one that ended in time and one of the warm-up do not count.
TEST(UserMinutesSlow, TheHandWorkedExampleGivesOneMinute) {
  Journal journal(small_scenario(), 20, false, true);
  journal.slow(-kMinute, -kSecond);
  journal.begin_measuring(0);
  journal.slow(0, 30 * kSecond);
  journal.slow(kMinute, kMinute + 20 * kSecond);
  journal.slow(2 * kMinute, 2 * kMinute + 10 * kSecond);
  journal.slow(3 * kMinute, 3 * kMinute);
  EXPECT_DOUBLE_EQ(*value(finished(journal), kMinutesSlow), 1.0);
}

TEST(SessionsLost, OwnersPresentAndAbsentAreCountedApart) {
  Journal journal = measuring();
  journal.lost(kMinute, 0, 0, 1, "jupyter", true, "node-crash");
  journal.lost(kMinute, 1, 1, 1, "jupyter", false, "node-crash");
  journal.lost(2 * kMinute, 2, 2, 1, "jupyter", false, "out-of-memory");
  const RunRecord record = finished(journal);
  EXPECT_EQ(value(record, kSessionsLost), 3.0);
  EXPECT_EQ(value(record, kLostPresent), 1.0);
  EXPECT_EQ(value(record, kLostAbsent), 2.0);
}

TEST(Journal, TheSeriesOfANodeThatIsDownAreMissingNotZero) {
  Journal journal = measuring(true);
  journal.sessions(0, 1, 3);
  journal.cpu(0, 1, 9);
  journal.memory(0, 1, 4096);
  journal.up(30 * kMinute, 1, false, 0);
  const RunRecord record = finished(journal);
  EXPECT_EQ(record.series.size(), 3u * 4 + 1) << "four a node and users-down";
  int seen = 0;
  for (const Series& series : record.series) {
    if (series.node != 1) continue;
    ++seen;
    const Bucket& early = series.buckets.front();
    if (series.name == "sessions") EXPECT_EQ(early.mean, 3.0);
    if (series.name == "cpu-busy") EXPECT_EQ(early.mean, 4.0) << "of four cores";
    if (series.name == "memory") EXPECT_EQ(early.mean, 4096.0);
    EXPECT_TRUE(std::isnan(series.buckets.back().mean)) << series.name;
  }
  EXPECT_EQ(seen, 4);
}

TEST(Journal, UsersDownCountsThoseWhoseWaitExceedsTheirPatience) {
  Journal journal = measuring(true);
  journal.visit_begins(0, 0, 0, kPatience, 0, kHorizon);
  journal.visit_begins(0, 1, 1, kPatience, 0, kHorizon);
  journal.feels(2 * kMinute, 0, Feeling::kWorking);
  const RunRecord record = finished(journal);
  const Series& down = record.series.back();
  ASSERT_EQ(down.name, "users-down");
  EXPECT_EQ(down.node, -1);
  const auto at = [&](std::int64_t t) { return down.buckets[static_cast<std::size_t>(t / down.bucket_ns)].last; };
  EXPECT_EQ(at(10 * kSecond), 0.0);
  EXPECT_EQ(at(kMinute), 2.0);
  EXPECT_EQ(at(3 * kMinute), 1.0);
}

TEST(Journal, WithoutFeelingsOnlyLossesMomentsAndSojournsAreKept) {
  Journal journal(small_scenario(), 20, false, false);
  journal.begin_measuring(0);
  journal.sessions(0, 0, 5);
  journal.ready(0, 0, false);
  journal.visit_begins(0, 0, 0, kPatience);
  journal.process_begins(0, 0, 0, 0);
  journal.queued(0, 1);
  journal.decided(kSecond);
  journal.process_ends(0);
  journal.visit_ends(kMinute, 0);
  const RunRecord record = finished(journal);
  EXPECT_EQ(record.values.size(), 3u);
  EXPECT_EQ(journal.sojourns().count, 1u);
  EXPECT_GT(journal.moments().mean(), 0.0);
}

}  // namespace
}  // namespace homing::sim
