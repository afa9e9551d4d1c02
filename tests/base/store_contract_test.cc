// SPDX-License-Identifier: Apache-2.0
//
// The store contract (router/core/rows.h), held against every implementation. A new one joins with a Rig: how to make
// an empty store, another connection to it, and a failover that lost its tail.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "router/base/memory_store.h"
#include "router/base/sqlite.h"
#include "router/base/sqlite_store.h"
#include "router/base/store.h"
#include "tests/base/temp_dir.h"

namespace homing::base {
namespace {

using core::CompareAndSet;
using core::Lost;
using core::NodeId;
using core::NodeRow;
using core::QueueRow;
using core::ReadSince;
using core::Row;
using core::Rows;
using core::RowWrite;
using core::SessionId;
using core::SessionRow;
using core::SessionState;
using core::StoreToken;
using core::Timeline;
using core::UserId;
using core::UserRow;
using core::Version;
using core::VersionedRow;
using core::Won;

// A memory store behind one lock, as the simulator's single thread would use it.
class LockedStore final : public Store {
 public:
  LockedStore(MemoryStore& store, std::mutex& mutex) : store_(store), mutex_(mutex) {}
  ReadAnswer read_since(const ReadSince& call) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    return store_.read_since(call);
  }
  WriteAnswer compare_and_set(const CompareAndSet& call) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    return store_.compare_and_set(call);
  }

 private:
  MemoryStore& store_;
  std::mutex& mutex_;
};

struct MemoryRig {
  explicit MemoryRig(std::size_t max_rows = kMaxRowsPerRead)
      : memory(MemoryStoreOptions{.max_rows_per_read = max_rows}) {}
  std::unique_ptr<Store> connect() { return std::make_unique<LockedStore>(memory, mutex); }
  // Everything after `version` is lost, as if a replica that had seen no more took over.
  void remember_here() { kept = memory.latest(); }
  void fail_over() {
    const std::lock_guard<std::mutex> guard(mutex);
    ASSERT_TRUE(memory.rewind_to(kept, Timeline(memory.timeline().value + 1)));
  }

  MemoryStore memory;
  std::mutex mutex;
  Version kept{};
};

struct SqliteRig {
  explicit SqliteRig(std::size_t most = kMaxRowsPerRead) : max_rows(most) {}
  std::unique_ptr<Store> connect() {
    // No waiting in tests of two writers but for the lock itself.
    auto store = SqliteStore::open(
        path(), {.busy_timeout_ms = 60'000, .max_rows_per_read = max_rows, .survive_power_cut = false});
    EXPECT_TRUE(store.has_value()) << store.error();
    return std::move(*store);
  }
  std::string path() const { return dir.file("store.sqlite"); }
  void remember_here() {
    auto db = Sqlite::open(path(), Sqlite::Mode::kReadWrite);
    ASSERT_TRUE(db->execute("VACUUM INTO '" + dir.file("backup") + "'"));
  }
  void fail_over() {
    for (const char* tail : {"", "-wal", "-shm"}) std::filesystem::remove(path() + tail);
    std::filesystem::rename(dir.file("backup"), path());
  }

  std::size_t max_rows;
  TempDir dir;
};

template <typename Rig>
class StoreContractTest : public ::testing::Test {
 protected:
  Rig rig_;
};
using Rigs = ::testing::Types<MemoryRig, SqliteRig>;

struct RigNames {
  template <typename Rig>
  static std::string GetName(int) {
    return std::is_same_v<Rig, MemoryRig> ? "Memory" : "Sqlite";
  }
};
TYPED_TEST_SUITE(StoreContractTest, Rigs, RigNames);

NodeRow node_row(std::uint32_t node, std::uint64_t lease) {
  NodeRow row;
  row.node = NodeId(node);
  row.lease = lease;
  return row;
}

SessionRow session_row(std::uint64_t id, std::uint32_t epoch, SessionState state = SessionState::kPlaced) {
  SessionRow row;
  row.session = SessionId{0xfeedfeedfeedfeedULL, id};
  row.epoch = core::Epoch(epoch);
  row.state = state;
  return row;
}

UserRow user_row(std::uint64_t user, std::uint32_t live) {
  return UserRow{UserId(user), live};
}

// Calls that must be answered; the test fails when they are not.
Version write(Store& store, std::vector<RowWrite> writes, Timeline timeline = {}) {
  const WriteAnswer answer = store.compare_and_set(CompareAndSet{StoreToken(1), timeline, std::move(writes)});
  EXPECT_TRUE(std::holds_alternative<Won>(answer));
  return std::holds_alternative<Won>(answer) ? std::get<Won>(answer).version : Version{};
}

Lost lose(Store& store, std::vector<RowWrite> writes, Timeline timeline = {}) {
  const WriteAnswer answer = store.compare_and_set(CompareAndSet{StoreToken(7), timeline, std::move(writes)});
  EXPECT_TRUE(std::holds_alternative<Lost>(answer));
  return std::holds_alternative<Lost>(answer) ? std::get<Lost>(answer) : Lost{};
}

Rows read(Store& store, Version cursor = {}, Timeline timeline = {}) {
  const ReadAnswer answer = store.read_since(ReadSince{StoreToken(3), timeline, cursor});
  EXPECT_TRUE(std::holds_alternative<Rows>(answer));
  return std::holds_alternative<Rows>(answer) ? std::get<Rows>(answer) : Rows{};
}

TYPED_TEST(StoreContractTest, AnEmptyStoreHasATimelineAndNoRows) {
  auto store = this->rig_.connect();
  const Rows rows = read(*store);
  EXPECT_TRUE(rows.rows.empty());
  EXPECT_TRUE(rows.complete);
  EXPECT_EQ(rows.cursor, Version{});
  EXPECT_NE(rows.timeline, Timeline{});
  EXPECT_EQ(rows.token, StoreToken(3));
}

TYPED_TEST(StoreContractTest, EveryFieldOfEveryRowComesBackAsItWasWritten) {
  auto store = this->rig_.connect();
  const NodeRow node{NodeId(3),
                     core::Incarnation(4),
                     5,
                     1ULL << 40,
                     core::NodeLife::kDead,
                     core::NodeAdmin::kMaintenance,
                     NodeId(6),
                     1ULL << 63,
                     250,
                     70,
                     ~0ULL,
                     {1250, 2250, 3250, 16'000, 1ULL << 38, 1ULL << 37, 12, Version(9)}};
  const SessionRow session{SessionId{~0ULL, 1},
                           UserId(~0ULL),
                           core::KindId(2),
                           SessionState::kRefused,
                           core::EndReason::kFenced,
                           core::Epoch(11),
                           NodeId(3),
                           core::Incarnation(4),
                           NodeId(5),
                           Version(77),
                           core::seconds(61),
                           3};
  const SessionRow nowhere = session_row(5, 0);
  const QueueRow queued{SessionId{1, ~0ULL}, UserId(0), core::KindId(3), Version(8), 1ULL << 50, false};
  const Version version = write(*store, {{node, {}}, {session, {}}, {nowhere, {}}, {queued, {}}});
  const Version second = write(*store, {{user_row(~0ULL, 4), {}}});

  std::map<core::RowKey, VersionedRow> rows;
  for (const VersionedRow& row : read(*store).rows) rows[core::key_of(row.row)] = row;
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[core::key_of(node)], (VersionedRow{node, version}));
  EXPECT_EQ(rows[core::key_of(session)], (VersionedRow{session, version}));
  EXPECT_EQ(rows[core::key_of(nowhere)], (VersionedRow{nowhere, version}));
  EXPECT_EQ(rows[core::key_of(queued)], (VersionedRow{queued, version}));
  EXPECT_EQ(rows[core::key_of(user_row(~0ULL, 0))], (VersionedRow{user_row(~0ULL, 4), second}));
}

TYPED_TEST(StoreContractTest, EveryStateAndReasonSurvivesTheStore) {
  auto store = this->rig_.connect();
  for (int state = 0; state <= static_cast<int>(SessionState::kRefused); ++state) {
    for (int reason = 0; reason <= static_cast<int>(core::EndReason::kFenced); ++reason) {
      SessionRow row =
          session_row(static_cast<std::uint64_t>(state * 100 + reason), 1, static_cast<SessionState>(state));
      row.reason = static_cast<core::EndReason>(reason);
      const Version version = write(*store, {{row, {}}});
      const Rows rows = read(*store, Version(version.value - 1));
      ASSERT_EQ(rows.rows.size(), 1U);
      EXPECT_EQ(std::get<SessionRow>(rows.rows[0].row), row);
    }
  }
}

TYPED_TEST(StoreContractTest, VersionsRiseWithEachCommit) {
  auto store = this->rig_.connect();
  const Version first = write(*store, {{node_row(1, 1), {}}});
  const Version second = write(*store, {{node_row(1, 2), first}, {node_row(2, 1), {}}});
  EXPECT_GT(first, Version{});
  EXPECT_GT(second, first);
}

TYPED_TEST(StoreContractTest, AWrongVersionLosesAndShowsTheCurrentRows) {
  auto store = this->rig_.connect();
  const Version first = write(*store, {{session_row(1, 1), {}}});
  const Lost lost = lose(*store, {{session_row(1, 2), Version(first.value + 5)}});
  EXPECT_EQ(lost.token, StoreToken(7));
  ASSERT_EQ(lost.current.size(), 1U);
  EXPECT_EQ(lost.current[0], (VersionedRow{session_row(1, 1), first}));
  EXPECT_EQ(read(*store).cursor, first);
}

TYPED_TEST(StoreContractTest, ARowThatMustNotExistLosesWhenItDoes) {
  auto store = this->rig_.connect();
  const Version first = write(*store, {{session_row(1, 1), {}}});
  const Lost lost = lose(*store, {{session_row(1, 1), {}}});
  ASSERT_EQ(lost.current.size(), 1U);
  EXPECT_EQ(lost.current[0].version, first);
}

TYPED_TEST(StoreContractTest, ARowThatDoesNotExistIsShownAsItsKeyWithVersionZero) {
  auto store = this->rig_.connect();
  const std::vector<Row> wanted = {node_row(9, 5), session_row(8, 5), user_row(7, 5),
                                   QueueRow{SessionId{6, 6}, UserId(5), {}, {}, 5, true}};
  std::vector<RowWrite> writes;
  for (const Row& row : wanted) writes.push_back({row, Version(1)});
  const Lost lost = lose(*store, writes);
  ASSERT_EQ(lost.current.size(), 4U);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(lost.current[i].version, Version{});
    EXPECT_EQ(lost.current[i].row, empty_row(core::key_of(wanted[i])));
    EXPECT_EQ(core::key_of(lost.current[i].row), core::key_of(wanted[i]));
  }
}

TYPED_TEST(StoreContractTest, OneWrongVersionOfFourWritesNothing) {
  auto store = this->rig_.connect();
  const Version first = write(*store, {{node_row(1, 1), {}}, {user_row(1, 1), {}}});
  for (int wrong = 0; wrong < 4; ++wrong) {
    std::vector<RowWrite> writes = {
        {node_row(1, 2), first}, {user_row(1, 2), first}, {session_row(1, 1), {}}, {session_row(2, 1), {}}};
    writes[static_cast<std::size_t>(wrong)].expected = Version(first.value + 1);
    const Lost lost = lose(*store, writes);
    ASSERT_EQ(lost.current.size(), 4U);
    EXPECT_EQ(lost.current[0], (VersionedRow{node_row(1, 1), first}));
    EXPECT_EQ(lost.current[2].version, Version{});
    EXPECT_EQ(read(*store).rows.size(), 2U);
    EXPECT_EQ(read(*store).cursor, first);
  }
}

TYPED_TEST(StoreContractTest, ARowThatChangesTwiceComesOnceWithItsNewestValue) {
  auto store = this->rig_.connect();
  const Version first = write(*store, {{session_row(1, 1), {}}});
  const Version second = write(*store, {{session_row(1, 1, SessionState::kStarting), first}});
  const Version third = write(*store, {{session_row(1, 1, SessionState::kReady), second}});
  const Rows rows = read(*store, first);
  ASSERT_EQ(rows.rows.size(), 1U);
  EXPECT_EQ(rows.rows[0], (VersionedRow{session_row(1, 1, SessionState::kReady), third}));
  EXPECT_EQ(rows.cursor, third);
  EXPECT_TRUE(read(*store, third).rows.empty());
}

TYPED_TEST(StoreContractTest, RowsComeInVersionOrder) {
  auto store = this->rig_.connect();
  const Version a = write(*store, {{node_row(5, 1), {}}});
  write(*store, {{session_row(1, 1), {}}, {user_row(1, 1), {}}});
  write(*store, {{node_row(1, 1), {}}});
  write(*store, {{node_row(5, 2), a}, {session_row(2, 1), {}}});
  const Rows rows = read(*store);
  ASSERT_EQ(rows.rows.size(), 5U);
  EXPECT_TRUE(std::is_sorted(rows.rows.begin(), rows.rows.end(),
                             [](const VersionedRow& x, const VersionedRow& y) { return x.version < y.version; }));
}

TYPED_TEST(StoreContractTest, ALongAnswerIsCutBetweenCommitsAndGoesOn) {
  TypeParam small(5);
  auto store = small.connect();
  for (std::uint64_t i = 0; i < 20; ++i) {
    write(*store, {{session_row(2 * i, 1), {}}, {session_row(2 * i + 1, 1), {}}, {user_row(i, 1), {}}});
  }
  Version cursor{};
  std::size_t seen = 0;
  int answers = 0;
  for (bool complete = false; !complete; ++answers) {
    ASSERT_LT(answers, 100);
    const Rows rows = read(*store, cursor);
    ASSERT_LE(rows.rows.size(), 5U + core::kMaxWrites - 1);
    EXPECT_EQ(rows.rows.size() % 3, 0U) << "a commit was parted";
    for (const VersionedRow& row : rows.rows) EXPECT_LE(row.version, rows.cursor);
    seen += rows.rows.size();
    cursor = rows.cursor;
    complete = rows.complete;
  }
  EXPECT_EQ(seen, 60U);
  EXPECT_GT(answers, 5);
}

TYPED_TEST(StoreContractTest, AnAnswerOfExactlyTheMaximumIsComplete) {
  TypeParam small(4);
  auto store = small.connect();
  for (std::uint64_t i = 0; i < 4; ++i) write(*store, {{session_row(i, 1), {}}});
  const Rows rows = read(*store);
  EXPECT_EQ(rows.rows.size(), 4U);
  EXPECT_TRUE(rows.complete);
}

TYPED_TEST(StoreContractTest, ACallOfAnotherTimelineStartsOverAndLoses) {
  auto store = this->rig_.connect();
  const Version first = write(*store, {{node_row(1, 1), {}}});
  const Timeline mine = read(*store).timeline;
  const Timeline other(mine.value + 1);
  EXPECT_TRUE(read(*store, first, mine).rows.empty());
  const Rows again = read(*store, first, other);
  EXPECT_EQ(again.rows.size(), 1U);
  EXPECT_EQ(again.timeline, mine);
  const Lost lost = lose(*store, {{node_row(1, 2), first}}, other);
  EXPECT_EQ(lost.timeline, mine);
  EXPECT_EQ(lost.current[0], (VersionedRow{node_row(1, 1), first}));
  write(*store, {{node_row(1, 2), first}}, mine);
}

TYPED_TEST(StoreContractTest, ALostTailIsAnotherTimelineThatShowsTheOldRows) {
  auto store = this->rig_.connect();
  const Version kept = write(*store, {{session_row(1, 1), {}}, {user_row(1, 1), {}}});
  const Timeline before = read(*store).timeline;
  this->rig_.remember_here();
  write(*store, {{session_row(1, 1, SessionState::kReady), kept}});
  write(*store, {{session_row(2, 1), {}}});
  const Version tail = read(*store).cursor;
  store.reset();
  this->rig_.fail_over();

  store = this->rig_.connect();
  const Rows rows = read(*store, tail, before);
  EXPECT_NE(rows.timeline, before);
  EXPECT_EQ(rows.cursor, kept);
  ASSERT_EQ(rows.rows.size(), 2U);
  for (const VersionedRow& row : rows.rows) EXPECT_EQ(row.version, kept);
  // What was won in the tail is not there; a claim made on the old history loses.
  EXPECT_TRUE(lose(*store, {{session_row(2, 2), tail}}, before).timeline == rows.timeline);
  EXPECT_EQ(write(*store, {{session_row(2, 1), {}}}, rows.timeline), Version(kept.value + 1));
}

TYPED_TEST(StoreContractTest, TwoWritersOfOneRowWinEachVersionOnce) {
  constexpr int kRounds = 200;
  auto setup = this->rig_.connect();
  write(*setup, {{user_row(1, 0), {}}});
  std::atomic<int> wins{0};
  const auto writer = [this, &wins](std::uint64_t side) {
    auto store = this->rig_.connect();
    for (int i = 0; i < kRounds; ++i) {
      for (bool won = false; !won;) {
        const Rows rows = read(*store);
        std::uint32_t live = 0;
        Version version;
        for (const VersionedRow& row : rows.rows) {
          if (const auto* user = std::get_if<UserRow>(&row.row); user != nullptr && user->user == UserId(1)) {
            live = user->live;
            version = row.version;
          }
        }
        const SessionRow mine = session_row(side << 32 | static_cast<std::uint64_t>(i), 1);
        const WriteAnswer answer = store->compare_and_set(
            CompareAndSet{StoreToken(1), rows.timeline, {{user_row(1, live + 1), version}, {mine, {}}}});
        ASSERT_FALSE(std::holds_alternative<core::Silent>(answer));
        won = std::holds_alternative<Won>(answer);
        if (won) ++wins;
      }
    }
  };
  std::thread one(writer, 1), two(writer, 2);
  one.join();
  two.join();
  EXPECT_EQ(wins.load(), 2 * kRounds);
  const Rows rows = read(*setup);
  EXPECT_EQ(rows.rows.size(), 2U * kRounds + 1);
  for (const VersionedRow& row : rows.rows) {
    if (const auto* user = std::get_if<UserRow>(&row.row)) {
      EXPECT_EQ(user->live, 2U * kRounds);
    }
  }
}

TYPED_TEST(StoreContractTest, ACursorNeverSkipsACommitOfTwoBusyWriters) {
  constexpr std::uint64_t kEach = 300;
  std::atomic<int> writing{2};
  const auto writer = [this, &writing](std::uint64_t side) {
    auto store = this->rig_.connect();
    for (std::uint64_t i = 0; i < kEach; ++i) write(*store, {{session_row(side << 32 | i, 1), {}}});
    --writing;
  };
  std::map<core::RowKey, int> seen;
  auto store = this->rig_.connect();
  std::thread one(writer, 1), two(writer, 2);
  Version cursor{};
  for (bool last = false;;) {
    const Rows rows = read(*store, cursor);
    for (const VersionedRow& row : rows.rows) {
      EXPECT_GT(row.version, cursor);
      ++seen[core::key_of(row.row)];
    }
    cursor = rows.cursor;
    if (last) break;
    last = writing.load() == 0;
  }
  one.join();
  two.join();
  EXPECT_EQ(seen.size(), 2 * kEach);
}

TYPED_TEST(StoreContractTest, ACommitHeldOpenIsNotSkippedByAReaderThatLooksMeanwhile) {
  // In this store a later commit cannot overtake an open one; a reader during it sees the state before, whole.
  auto store = this->rig_.connect();
  const Version first = write(*store, {{node_row(1, 1), {}}});
  std::thread held;
  Rows during;
  if constexpr (std::is_same_v<TypeParam, SqliteRig>) {
    auto raw = Sqlite::open(this->rig_.path(), Sqlite::Mode::kReadWrite);
    ASSERT_TRUE(
        raw->execute("BEGIN IMMEDIATE; UPDATE store SET version = version + 1; "
                     "UPDATE node SET lease = 2, version = (SELECT version FROM store)"));
    during = read(*store, first);
    // A second writer waits for the first one rather than passing it.
    held = std::thread([this] {
      auto other = this->rig_.connect();
      write(*other, {{node_row(2, 1), {}}});
    });
    ASSERT_TRUE(raw->execute("COMMIT"));
    held.join();
  } else {
    during = read(*store, first);
    write(*store, {{node_row(1, 2), first}});
    write(*store, {{node_row(2, 1), {}}});
  }
  EXPECT_TRUE(during.rows.empty());
  EXPECT_EQ(during.cursor, first);
  EXPECT_EQ(read(*store, during.cursor).rows.size(), 2U);
}

TYPED_TEST(StoreContractTest, RandomCallsKeepEveryFollowerEqualToTheStore) {
  // A model (a map) and a reader that follows by cursor; after every few writes all three agree.
  auto store = this->rig_.connect();
  std::map<core::RowKey, VersionedRow> model, follower;
  std::mt19937_64 random(20261122);
  Version cursor{};
  for (int step = 0; step < 600; ++step) {
    std::map<core::RowKey, RowWrite> writes;
    const std::uint64_t count = 1 + random() % core::kMaxWrites;
    bool should_win = true;
    while (writes.size() < count) {
      const std::uint64_t id = random() % 12;
      Row row = random() % 2 == 0 ? Row(session_row(id, static_cast<std::uint32_t>(step)))
                                  : Row(user_row(id, static_cast<std::uint32_t>(step)));
      const core::RowKey key = core::key_of(row);
      if (writes.contains(key)) continue;
      Version expected = model.contains(key) ? model[key].version : Version{};
      if (random() % 10 == 0) {
        expected = Version(expected.value + 1);
        should_win = false;
      }
      writes[key] = RowWrite{row, expected};
    }
    CompareAndSet call{StoreToken(static_cast<std::uint64_t>(step)), {}, {}};
    for (const auto& [key, one] : writes) call.writes.push_back(one);
    const WriteAnswer answer = store->compare_and_set(call);
    ASSERT_EQ(std::holds_alternative<Won>(answer), should_win);
    if (should_win) {
      for (const auto& [key, one] : writes) model[key] = VersionedRow{one.row, std::get<Won>(answer).version};
    }
    if (random() % 3 != 0) continue;
    const Rows rows = read(*store, cursor);
    for (const VersionedRow& row : rows.rows) follower[core::key_of(row.row)] = row;
    cursor = rows.cursor;
    ASSERT_EQ(follower, model);
  }
}

}  // namespace
}  // namespace homing::base
