// SPDX-License-Identifier: Apache-2.0
//
// What only the SQLite store does: files it refuses, files that were swapped, calls it cannot answer.
#include "router/base/sqlite_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "router/base/file_system.h"
#include "router/base/sqlite.h"
#include "tests/base/temp_dir.h"

namespace homing::base {
namespace {

using core::CompareAndSet;
using core::Rows;
using core::StoreToken;
using core::UserId;
using core::UserRow;
using core::Version;

std::unique_ptr<SqliteStore> open_store(const std::string& path, int busy_ms = 2000) {
  auto store = SqliteStore::open(path, {.busy_timeout_ms = busy_ms, .survive_power_cut = false});
  EXPECT_TRUE(store.has_value()) << store.error();
  return std::move(*store);
}

std::string refusal(const std::string& path) {
  const auto store = SqliteStore::open(path, {.busy_timeout_ms = 50});
  EXPECT_FALSE(store.has_value());
  return store ? "" : store.error();
}

WriteAnswer put(SqliteStore& store, std::uint64_t user, Version expected = {}) {
  return store.compare_and_set(CompareAndSet{StoreToken(1), {}, {{UserRow{UserId(user), 1}, expected}}});
}

TEST(SqliteStoreTest, AFreshFileIsForItsOwnerOnly) {
  const TempDir dir;
  const auto store = open_store(dir.file("s"));
  struct stat info{};
  ASSERT_EQ(::stat(dir.file("s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST(SqliteStoreTest, RowsSurviveClosingAndTheTimelineStays) {
  const TempDir dir;
  core::Timeline timeline;
  {
    const auto store = open_store(dir.file("s"));
    put(*store, 1);
    timeline = store->timeline();
  }
  const auto store = open_store(dir.file("s"));
  EXPECT_EQ(store->timeline(), timeline);
  EXPECT_EQ(store->latest(), Version(1));
}

TEST(SqliteStoreTest, APersonReadsTheTablesWithoutUs) {
  const TempDir dir;
  const auto store = open_store(dir.file("s"));
  core::SessionRow row;
  row.session = core::SessionId{1, 0xab};
  row.user = UserId(0x1f);
  row.state = core::SessionState::kLost;
  row.reason = core::EndReason::kNodeDead;
  row.node = core::NodeId(2);
  store->compare_and_set(CompareAndSet{StoreToken(1), {}, {{row, {}}}});
  auto db = Sqlite::open(dir.file("s"), Sqlite::Mode::kReadOnly);
  ASSERT_TRUE(db.has_value());
  EXPECT_EQ(
      db->query_text("SELECT session || ' ' || user || ' ' || state || ' ' || reason || ' ' || node FROM session"),
      "000000000000000100000000000000ab 000000000000001f lost node-dead 2");
}

TEST(SqliteStoreTest, ANewerSchemaIsRefused) {
  const TempDir dir;
  open_store(dir.file("s")).reset();
  Sqlite::open(dir.file("s"), Sqlite::Mode::kReadWrite)->execute("PRAGMA user_version = 9");
  EXPECT_EQ(refusal(dir.file("s")),
            dir.file("s") + ": has schema version 9, this program knows 1; install the newer homing-router");
}

TEST(SqliteStoreTest, AFileOfAnotherProgramIsRefusedAndLeftAlone) {
  const TempDir dir;
  Sqlite::open(dir.file("s"), Sqlite::Mode::kCreate)->execute("CREATE TABLE mine (x)");
  EXPECT_EQ(refusal(dir.file("s")),
            dir.file("s") + ": is an SQLite file of another program; name a new file in [store] path");
  EXPECT_EQ(Sqlite::open(dir.file("s"), Sqlite::Mode::kReadOnly)->query_integer("SELECT count(*) FROM sqlite_schema"),
            1);
  const std::string text = dir.write("t", "this is no database at all, only some text that is long enough to see\n");
  EXPECT_NE(refusal(text).find("file is not a database"), std::string::npos);
  EXPECT_EQ(slurp(text).substr(0, 10), "this is no");
}

TEST(SqliteStoreTest, AMissingDirectoryIsOneSentenceWithTheFix) {
  EXPECT_EQ(
      refusal("/nonexistent/store"),
      "/nonexistent/store: unable to open database file; the store must be a file in an existing, writable directory");
}

TEST(SqliteStoreTest, NetworkFileSystemsAreKnownByName) {
  EXPECT_EQ(network_file_system(0x6969), "NFS");
  EXPECT_EQ(network_file_system(0x517B), "SMB");
  EXPECT_EQ(network_file_system(static_cast<long>(0xFF534D42)), "CIFS");
  EXPECT_EQ(network_file_system(static_cast<long>(static_cast<int>(0xFF534D42))), "CIFS");
  EXPECT_EQ(network_file_system(0x65735546), "FUSE");
  EXPECT_EQ(network_file_system(0x01021997), "9p");
  EXPECT_EQ(network_file_system(0xEF53), std::nullopt) << "ext4";
  EXPECT_EQ(network_file_system(0x01021994), std::nullopt) << "tmpfs";
}

TEST(SqliteStoreTest, ARestoredFileIsAnotherTimeline) {
  const TempDir dir;
  core::Timeline before;
  {
    const auto store = open_store(dir.file("s"));
    put(*store, 1);
    before = store->timeline();
  }
  std::filesystem::copy_file(dir.file("s"), dir.file("copy"));
  std::filesystem::rename(dir.file("copy"), dir.file("s"));
  EXPECT_NE(open_store(dir.file("s"))->timeline(), before);
}

TEST(SqliteStoreTest, ACursorAboveTheNewestCommitMeansALostTail) {
  // Restored in place: the inode stays, and only a reader knows that there was more.
  const TempDir dir;
  const auto store = open_store(dir.file("s"));
  put(*store, 1);
  const core::Timeline before = store->timeline();
  const auto same = store->read_since({StoreToken(1), before, Version(1)});
  EXPECT_EQ(std::get<Rows>(same).timeline, before);
  const auto answer = store->read_since({StoreToken(1), before, Version(5)});
  ASSERT_TRUE(std::holds_alternative<Rows>(answer));
  EXPECT_NE(std::get<Rows>(answer).timeline, before);
  EXPECT_EQ(std::get<Rows>(answer).rows.size(), 1U);
  EXPECT_EQ(std::get<Rows>(answer).cursor, Version(1));
  EXPECT_EQ(store->timeline(), std::get<Rows>(answer).timeline);
}

TEST(SqliteStoreTest, ALockHeldTooLongIsSilentAndTheNextCallWorks) {
  const TempDir dir;
  const auto store = open_store(dir.file("s"), 20);
  auto other = Sqlite::open(dir.file("s"), Sqlite::Mode::kReadWrite);
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  EXPECT_TRUE(std::holds_alternative<core::Silent>(put(*store, 1)));
  EXPECT_EQ(store->last_error(), "database is locked");
  EXPECT_TRUE(std::holds_alternative<Rows>(store->read_since({StoreToken(1), {}, {}}))) << "readers are not held up";
  ASSERT_TRUE(other->execute("COMMIT"));
  EXPECT_TRUE(std::holds_alternative<core::Won>(put(*store, 1)));
}

TEST(SqliteStoreTest, AWordThatTheSchemaDoesNotKnowIsSilentNotMisread) {
  const TempDir dir;
  const auto store = open_store(dir.file("s"));
  core::SessionRow row;
  row.session = core::SessionId{1, 2};
  store->compare_and_set(CompareAndSet{StoreToken(1), {}, {{row, {}}}});
  Sqlite::open(dir.file("s"), Sqlite::Mode::kReadWrite)->execute("UPDATE session SET state = 'dancing'");
  EXPECT_TRUE(std::holds_alternative<core::Silent>(store->read_since({StoreToken(1), {}, {}})));
  EXPECT_EQ(store->last_error(), "a row holds something that this version does not know");
}

TEST(SqliteStoreTest, ThreeProcessesWorthOfOpenersAgreeOnOneSchema) {
  const TempDir dir;
  std::vector<std::thread> openers;
  std::array<core::Timeline, 6> timelines;
  for (std::size_t i = 0; i < timelines.size(); ++i) {
    openers.emplace_back([&, i] { timelines[i] = open_store(dir.file("s"), 30'000)->timeline(); });
  }
  for (std::thread& opener : openers) opener.join();
  for (const core::Timeline timeline : timelines) EXPECT_EQ(timeline, timelines[0]);
}

TEST(SqliteStoreTest, UsersNamesAreRemembered) {
  const TempDir dir;
  const auto store = open_store(dir.file("s"));
  EXPECT_EQ(store->user_name(UserId(~0ULL)), std::nullopt);
  EXPECT_TRUE(store->remember_user(UserId(~0ULL), "zoe"));
  EXPECT_TRUE(store->remember_user(UserId(1), "ann"));
  EXPECT_TRUE(store->remember_user(UserId(1), "ann"));
  EXPECT_EQ(store->user_name(UserId(~0ULL)), "zoe");
  using Named = std::pair<UserId, std::string>;
  EXPECT_EQ(store->users(), (std::vector<Named>{{UserId(1), "ann"}, {UserId(~0ULL), "zoe"}}));
}

}  // namespace
}  // namespace homing::base
