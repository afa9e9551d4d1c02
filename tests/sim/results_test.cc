// SPDX-License-Identifier: Apache-2.0
#include "sim/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "sim/result_sink.h"
#include "tests/sim/results_fixture.h"

namespace homing::sim {
namespace {

using testing::HasSubstr;
using testing::Not;

ResultReader opened(const std::string& path) {
  auto reader = ResultReader::open(path);
  EXPECT_TRUE(reader.has_value()) << (reader ? "" : reader.error());
  return std::move(*reader);
}

std::string dumped(const std::string& path) {
  return opened(path).canonical_dump().value_or("cannot be dumped");
}

TEST(Results, WhatIsWrittenIsReadBack) {
  const Scratch scratch;
  const std::string path = scratch.file("r.sqlite");
  write_small(path);
  const ResultReader reader = opened(path);
  ASSERT_EQ(reader.scenarios().size(), 1u);
  const ScenarioRow& scenario = reader.scenarios()[0];
  EXPECT_EQ(scenario.name, "small") << "a scenario.toml is called after its folder";
  EXPECT_EQ(scenario.title, "One of three nodes dies");
  EXPECT_EQ(scenario.hash, small_scenario().hash);
  EXPECT_EQ(scenario.start_ns, 8LL * 3600 * 1'000'000'000);
  ASSERT_EQ(scenario.strategies.size(), 2u);
  EXPECT_EQ(scenario.strategies[1].name, "random");
  ASSERT_EQ(scenario.nodes.size(), 3u);
  EXPECT_EQ(scenario.nodes[2].name, "n3");
  EXPECT_EQ(scenario.margins.at(kFeltCrowding), 0.5);
  ASSERT_EQ(scenario.expect.size(), 1u);
  EXPECT_EQ(scenario.expect[0].verdict, "worse");
  ASSERT_EQ(reader.metric_rows().size(), metrics().size());
  EXPECT_EQ(reader.metric_rows()[kFeltCrowding].info.name, "felt-crowding");
  ASSERT_EQ(reader.runs().size(), 20u);
  const RunRow& run = reader.runs()[13];
  EXPECT_EQ(run.strategy, 1);
  EXPECT_EQ(run.seed, 4u);
  EXPECT_EQ(run.plan_hash, "plan-4");
  EXPECT_EQ(run.fingerprint, "print-13");
  EXPECT_EQ(run.events, 1013);
  EXPECT_DOUBLE_EQ(run.values.at(kSessionsLost), 5.4);
  EXPECT_EQ(run.values.at(kUserMinutesLost), 1.0 / 3.0) << "every bit of a value survives";
  EXPECT_FALSE(run.values.contains(kSignInWaitP95)) << "an undefined metric has no row";
}

TEST(Results, SeriesFaultsAndDownIntervalsAreReadBack) {
  const Scratch scratch;
  const std::string path = scratch.file("r.sqlite");
  write_small(path);
  const ResultReader reader = opened(path);
  const auto series = reader.series(0, "sessions");
  ASSERT_TRUE(series.has_value());
  ASSERT_EQ(series->size(), 2u);
  EXPECT_EQ((*series)[1].node, 2);
  EXPECT_EQ((*series)[0].buckets[0].mean, 1.5);
  EXPECT_TRUE(std::isnan((*series)[1].buckets[1].mean));
  EXPECT_TRUE(reader.series(1, "sessions")->empty()) << "only the first seed has series";
  const auto faults = reader.faults(3);
  ASSERT_EQ(faults->size(), 2u);
  EXPECT_EQ((*faults)[0].label, "n3 crash");
  EXPECT_FALSE((*faults)[0].end_ns.has_value());
  EXPECT_EQ((*faults)[1].end_ns, 80'000'000'000);
  const auto downs = reader.downs(3);
  ASSERT_EQ(downs->size(), 2u);
  EXPECT_EQ((*downs)[0], small_runs()[3].downs[0]);
  EXPECT_EQ((*downs)[1], small_runs()[3].downs[1]);
}

TEST(Results, TheOrderOfCommitsHostsAndClocksDoesNotShowInTheCanonicalDump) {
  const Scratch scratch;
  write_small(scratch.file("a.sqlite"));
  std::vector<RunRecord> runs = small_runs();
  std::reverse(runs.begin(), runs.end());
  for (RunRecord& run : runs) {
    run.host = "there";
    run.wall_ms = 99;
    run.started_utc = "2027-01-01T00:00:00Z";
  }
  write_small(scratch.file("b.sqlite"), runs);
  const std::string a = dumped(scratch.file("a.sqlite"));
  EXPECT_EQ(a, dumped(scratch.file("b.sqlite")));
  EXPECT_THAT(a, HasSubstr("print-13"));
  EXPECT_THAT(a, Not(HasSubstr("'here'")));
}

TEST(Results, OneChangedBitChangesTheCanonicalDump) {
  const Scratch scratch;
  write_small(scratch.file("a.sqlite"));
  std::vector<RunRecord> runs = small_runs();
  runs[7].values[1].second = std::nextafter(runs[7].values[1].second, 1.0);
  write_small(scratch.file("b.sqlite"), runs);
  runs = small_runs();
  runs[0].series[0].buckets[1].last = 3;
  write_small(scratch.file("c.sqlite"), runs);
  const std::string a = dumped(scratch.file("a.sqlite"));
  EXPECT_NE(a, dumped(scratch.file("b.sqlite")));
  EXPECT_NE(a, dumped(scratch.file("c.sqlite")));
}

TEST(Results, ARunThatCannotBeWrittenLeavesNothingBehind) {
  const Scratch scratch;
  const std::string path = scratch.file("r.sqlite");
  auto writer = ResultWriter::create(path, {small_scenario()}, {}, false);
  ASSERT_TRUE(writer.has_value());
  std::vector<RunRecord> runs = small_runs();
  ASSERT_TRUE(writer->write(runs[0]).has_value());
  runs[1].downs.push_back({1, 1, 0, 1, Feeling::kWorking, false});
  runs[1].series.push_back(runs[0].series[0]);
  runs[1].series.push_back(runs[0].series[0]);  // the same series twice breaks a key
  const auto failed = writer->write(runs[1]);
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error(), HasSubstr("cannot take run 1"));
  ASSERT_TRUE(writer->write(runs[2]).has_value()) << "the file stays usable";
  const ResultReader reader = opened(path);
  ASSERT_EQ(reader.runs().size(), 2u);
  EXPECT_EQ(reader.runs()[1].id, 2);
  EXPECT_TRUE(reader.downs(1)->empty());
}

TEST(Results, AnExistingFileIsNotOverwrittenUnlessAskedAndThenOnlyAResult) {
  const Scratch scratch;
  const std::string path = scratch.file("r.sqlite");
  write_small(path);
  const auto refused = ResultWriter::create(path, {small_scenario()}, {}, false);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("exists already"));
  EXPECT_EQ(opened(path).runs().size(), 20u);
  EXPECT_TRUE(ResultWriter::create(path, {small_scenario()}, {}, true).has_value());
  EXPECT_TRUE(opened(path).runs().empty());
  const std::string letter = scratch.file("letter.txt");
  std::ofstream(letter) << "Dear reader";
  EXPECT_FALSE(ResultWriter::create(letter, {small_scenario()}, {}, true).has_value());
  EXPECT_EQ(std::filesystem::file_size(letter), 11u);
}

TEST(Results, AFolderThatIsNotThereIsOneSentence) {
  const auto writer = ResultWriter::create("/no/such/folder/r.sqlite", {small_scenario()}, {}, false);
  ASSERT_FALSE(writer.has_value());
  EXPECT_THAT(writer.error(), HasSubstr("cannot be created"));
}

TEST(Results, NewerSchemasAndOtherFilesAreRefused) {
  const Scratch scratch;
  const std::string path = scratch.file("r.sqlite");
  write_small(path);
  {
    auto database = base::Sqlite::open(path, base::Sqlite::Mode::kReadWrite);
    ASSERT_TRUE(database->execute("PRAGMA user_version = 3"));
  }
  const auto newer = ResultReader::open(path);
  ASSERT_FALSE(newer.has_value());
  EXPECT_THAT(newer.error(), HasSubstr("schema 3; this program reads up to 2"));
  EXPECT_FALSE(ResultReader::open(scratch.file("missing.sqlite")).has_value());
  const std::string letter = scratch.file("letter.txt");
  std::ofstream(letter) << "Dear reader, this is no database at all, however long the letter may become.";
  const auto other = ResultReader::open(letter);
  ASSERT_FALSE(other.has_value());
  EXPECT_THAT(other.error(), HasSubstr("no result file"));
}

TEST(Results, EveryRefusalNamesTheFix) {
  const Scratch scratch;
  EXPECT_THAT(ResultReader::open(scratch.file("none.sqlite")).error(), HasSubstr("make it with homing-sim run"));
  EXPECT_THAT(ResultReader::open(scratch.file("")).error(), HasSubstr("name the result file in it"));
  std::ofstream(scratch.file("empty.sqlite")) << "";
  EXPECT_THAT(ResultReader::open(scratch.file("empty.sqlite")).error(), HasSubstr("name a file that"));
  write_small(scratch.file("r.sqlite"));
  const auto hurt = [&](const std::string& sql) {
    std::filesystem::copy_file(scratch.file("r.sqlite"), scratch.file("hurt.sqlite"),
                               std::filesystem::copy_options::overwrite_existing);
    auto database = base::Sqlite::open(scratch.file("hurt.sqlite"), base::Sqlite::Mode::kReadWrite);
    EXPECT_TRUE(database->execute(sql)) << database->error();
    const auto reader = ResultReader::open(scratch.file("hurt.sqlite"));
    return reader ? "was read" : reader.error();
  };
  for (const char* sql :
       {"PRAGMA user_version = 0", "PRAGMA user_version = -7", "PRAGMA foreign_keys = 0; DROP TABLE value",
        "UPDATE scenario SET id = 7", "UPDATE strategy SET scenario = -1"}) {
    EXPECT_THAT(hurt(sql), AllOf(HasSubstr("is damaged"), HasSubstr("run the scenario again"))) << sql;
  }
  // Half a file.
  std::filesystem::resize_file(scratch.file("r.sqlite"), std::filesystem::file_size(scratch.file("r.sqlite")) / 2);
  EXPECT_THAT(ResultReader::open(scratch.file("r.sqlite")).error(), HasSubstr("run the scenario again"));
}

TEST(Results, AFileOfTheFirstSchemaIsRead) {
  const Scratch scratch;
  const std::string path = scratch.file("v1.sqlite");
  std::ifstream in("tests/sim/result_v1.sql");
  ASSERT_TRUE(in.good()) << "run from the top of the tree";
  const std::string sql(std::istreambuf_iterator<char>(in), {});
  {
    std::ofstream(path) << "";
    auto database = base::Sqlite::open(path, base::Sqlite::Mode::kReadWrite);
    ASSERT_TRUE(database->execute(sql)) << database->error();
  }
  const ResultReader reader = opened(path);
  EXPECT_EQ(reader.schema(), 1);
  ASSERT_EQ(reader.metric_rows().size(), 4u);
  EXPECT_EQ(reader.metric_rows()[3].info.name, "felt-crowding");
  EXPECT_EQ(reader.metric_rows()[0].info.exported, "");
  ASSERT_EQ(reader.runs().size(), 4u);
  EXPECT_EQ(reader.runs()[1].values.at(kSessionsLost), 1.0);
  EXPECT_EQ(reader.series(0, "sessions")->size(), 1u);
  EXPECT_EQ(reader.downs(1)->size(), 2u);
  EXPECT_EQ(reader.faults(1)->front().label, "n2 crash");
  EXPECT_THAT(reader.canonical_dump().value(), testing::StartsWith("schema 1\n"));
}

TEST(Results, RunKeysNameScenarioStrategyAndSeed) {
  const Scenario scenario = small_scenario();
  const std::string key = run_key(scenario, 0, 1);
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(key, run_key(scenario, 0, 1));
  EXPECT_NE(key, run_key(scenario, 1, 1));
  EXPECT_NE(key, run_key(scenario, 0, 2));
}

TEST(Results, TheViewsShowNamesAndUnits) {
  const Scratch scratch;
  const std::string path = scratch.file("r.sqlite");
  write_small(path);
  auto database = base::Sqlite::open(path, base::Sqlite::Mode::kReadOnly);
  EXPECT_EQ(
      database->query_integer(
          "SELECT count(*) FROM v_values WHERE strategy = 'random' AND metric = 'felt-crowding' AND margin = 0.5"),
      10);
  EXPECT_EQ(database->query_integer("SELECT count(*) FROM v_faults WHERE node = 'n3' AND start_s = 60.0"), 20);
  EXPECT_EQ(database->query_integer("SELECT count(*) FROM v_user_downs WHERE down_min = 0.5 AND cause = 'lost'"), 20);
  EXPECT_EQ(database->query_integer("SELECT count(*) FROM v_session_losses WHERE time_to_repair_s = 30.0"), 20);
  EXPECT_EQ(database->query_integer("SELECT count(*) FROM v_series WHERE unit = 'sessions'"), 4);
  EXPECT_EQ(database->query_text("SELECT labels FROM node"), "[\"a\",\"b\"]");
}

TEST(ResultSink, ManyThreadsHandOverAndOneWrites) {
  const Scratch scratch;
  const std::string path = scratch.file("r.sqlite");
  auto writer = ResultWriter::create(path, {small_scenario()}, {}, false);
  ASSERT_TRUE(writer.has_value());
  {
    ResultSink sink(std::move(*writer));
    const std::vector<RunRecord> runs = small_runs();
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < runs.size(); i += 4) EXPECT_TRUE(sink.submit(runs[i]));
      });
    }
    for (std::thread& thread : threads) thread.join();
    const auto finished = sink.finish();
    ASSERT_TRUE(finished.has_value()) << finished.error();
    EXPECT_EQ(*finished, 20);
  }
  write_small(scratch.file("plain.sqlite"));
  // host_facts differ, the canonical rows do not.
  EXPECT_EQ(dumped(path), dumped(scratch.file("plain.sqlite")));
}

TEST(ResultSink, AFailedWriteIsToldAndStopsTheOthers) {
  const Scratch scratch;
  auto writer = ResultWriter::create(scratch.file("r.sqlite"), {small_scenario()}, {}, false);
  ASSERT_TRUE(writer.has_value());
  ResultSink sink(std::move(*writer));
  const RunRecord run = small_runs()[0];
  EXPECT_TRUE(sink.submit(run));
  bool refused = false;
  for (int i = 0; i < 1000 && !refused; ++i) refused = !sink.submit(run);  // the same run again breaks the key
  EXPECT_TRUE(refused);
  EXPECT_FALSE(sink.finish().has_value());
}

}  // namespace
}  // namespace homing::sim
