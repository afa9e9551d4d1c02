// SPDX-License-Identifier: Apache-2.0
//
// What only the memory store does: copies, rewinding, reading for one node, forgetting.
#include "router/base/memory_store.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace homing::base {
namespace {

using core::CompareAndSet;
using core::NodeId;
using core::NodeRow;
using core::Rows;
using core::SessionId;
using core::SessionRow;
using core::SessionState;
using core::StoreToken;
using core::Timeline;
using core::Version;
using core::VersionedRow;
using core::Won;

SessionRow session_on(std::uint64_t id, std::uint32_t node, SessionState state = SessionState::kReady) {
  SessionRow row;
  row.session = SessionId{0, id};
  row.node = NodeId(node);
  row.state = state;
  return row;
}

NodeRow node_row(std::uint32_t node) {
  NodeRow row;
  row.node = NodeId(node);
  return row;
}

Version put(MemoryStore& store, const core::Row& row) {
  const VersionedRow* held = store.find(core::key_of(row));
  const Version expected = held != nullptr ? held->version : Version{};
  const WriteAnswer answer = store.compare_and_set(CompareAndSet{StoreToken(1), {}, {{row, expected}}});
  EXPECT_TRUE(std::holds_alternative<Won>(answer));
  return std::get<Won>(answer).version;
}

std::map<core::RowKey, VersionedRow> all(MemoryStore& store) {
  std::map<core::RowKey, VersionedRow> rows;
  const ReadAnswer answer = store.read_since({StoreToken(1), {}, {}});
  for (const VersionedRow& row : std::get<Rows>(answer).rows) rows[core::key_of(row.row)] = row;
  return rows;
}

TEST(MemoryStoreTest, ACopyGoesItsOwnWay) {
  MemoryStore store;
  put(store, session_on(1, 1));
  MemoryStore copy = store;
  put(copy, session_on(1, 2));
  EXPECT_EQ(std::get<SessionRow>(store.find(core::key_of(session_on(1, 0)))->row).node, NodeId(1));
  EXPECT_EQ(std::get<SessionRow>(copy.find(core::key_of(session_on(1, 0)))->row).node, NodeId(2));
}

TEST(MemoryStoreTest, RewindingIsTheSameAsNeverHavingWritten) {
  MemoryStore store;
  std::mt19937_64 random(7);
  std::vector<std::map<core::RowKey, VersionedRow>> at;
  at.push_back(all(store));
  for (int i = 0; i < 300; ++i) {
    put(store, session_on(random() % 20, static_cast<std::uint32_t>(random() % 5)));
    at.push_back(all(store));
  }
  for (const std::size_t target : {299U, 250U, 100U, 3U, 0U}) {
    ASSERT_TRUE(store.rewind_to(Version(target), Timeline(1000 - target)));
    EXPECT_EQ(all(store), at[target]);
    EXPECT_EQ(store.latest(), Version(target));
    EXPECT_EQ(store.timeline(), Timeline(1000 - target));
  }
  EXPECT_EQ(put(store, session_on(1, 1)), Version(1));
}

TEST(MemoryStoreTest, HistoryOlderThanWhatIsKeptCannotBeRewound) {
  MemoryStore store(MemoryStoreOptions{.kept_history = 10});
  for (int i = 0; i < 50; ++i) put(store, session_on(1, static_cast<std::uint32_t>(i)));
  EXPECT_EQ(store.oldest_rewind(), Version(40));
  EXPECT_FALSE(store.rewind_to(Version(39), Timeline(2)));
  EXPECT_FALSE(store.rewind_to(Version(51), Timeline(2)));
  EXPECT_TRUE(store.rewind_to(Version(40), Timeline(2)));
  EXPECT_EQ(std::get<SessionRow>(store.find(core::key_of(session_on(1, 0)))->row).node, NodeId(39));
}

TEST(MemoryStoreTest, AReadCostsWhatChangedNotWhatIsThere) {
  MemoryStore store;
  for (std::uint64_t i = 0; i < 5000; ++i) put(store, session_on(i, 1));
  const Version cursor = store.latest();
  for (int i = 0; i < 100'000; ++i) put(store, session_on(17, 2));
  const ReadAnswer answer = store.read_since({StoreToken(1), {}, cursor});
  EXPECT_EQ(std::get<Rows>(answer).rows.size(), 1U);
  EXPECT_EQ(all(store).size(), 5000U);
}

TEST(MemoryStoreTest, ANodeReadsItsOwnRowsAndWhatLeftIt) {
  MemoryStore store(MemoryStoreOptions{.index_by_node = true});
  put(store, node_row(1));
  put(store, node_row(2));
  put(store, session_on(1, 1));
  put(store, session_on(2, 2));
  const auto about = [&store](std::uint32_t node, Version cursor) {
    return store.read_about({StoreToken(1), {}, cursor}, NodeId(node)).rows;
  };
  EXPECT_EQ(about(1, {}).size(), 2U);
  EXPECT_EQ(about(2, {}).size(), 2U);
  EXPECT_TRUE(about(9, {}).empty());
  const Version before = store.latest();
  put(store, session_on(1, 2));
  put(store, session_on(1, 2, SessionState::kSuspended));
  for (const std::uint32_t node : {1U, 2U}) {
    const std::vector<VersionedRow> rows = about(node, before);
    ASSERT_EQ(rows.size(), 1U) << node;
    EXPECT_EQ(std::get<SessionRow>(rows[0].row).state, SessionState::kSuspended);
  }
  for (int i = 0; i < 1000; ++i) put(store, node_row(1));
  EXPECT_EQ(about(1, before).size(), 2U) << "the departed session survives sweeping";
}

TEST(MemoryStoreTest, FollowersOfOneNodeSeeEveryChangeOfIt) {
  MemoryStore store(MemoryStoreOptions{.index_by_node = true});
  std::mt19937_64 random(11);
  std::array<Version, 4> cursors{};
  std::array<std::map<core::RowKey, VersionedRow>, 4> known;
  for (int i = 0; i < 5000; ++i) {
    put(store, session_on(random() % 30, static_cast<std::uint32_t>(random() % 4)));
    const std::uint32_t node = static_cast<std::uint32_t>(random() % 4);
    if (random() % 10 == 0) {
      const Rows rows = store.read_about({StoreToken(1), {}, cursors[node]}, NodeId(node));
      for (const VersionedRow& row : rows.rows) known[node][core::key_of(row.row)] = row;
      cursors[node] = rows.cursor;
      for (const auto& [key, row] : all(store)) {
        const bool mine = std::get<SessionRow>(row.row).node == NodeId(node);
        if (mine) {
          ASSERT_EQ(known[node][key], row);
        } else if (known[node].contains(key)) {
          ASSERT_NE(std::get<SessionRow>(known[node][key].row).node, NodeId(node));
        }
      }
    }
  }
}

TEST(MemoryStoreTest, APlaceThatIsUsedAgainTellsNothingToTheNodeThatHadIt) {
  MemoryStore store(MemoryStoreOptions{.index_by_node = true});
  put(store, session_on(1, 1));
  put(store, session_on(1, 1, SessionState::kEnded));
  EXPECT_EQ(store.forget_final(store.latest()), 1U);
  put(store, session_on(2, 2));
  EXPECT_TRUE(store.read_about({StoreToken(1), {}, {}}, NodeId(1)).rows.empty());
  EXPECT_EQ(store.read_about({StoreToken(1), {}, {}}, NodeId(2)).rows.size(), 1U);
}

TEST(MemoryStoreTest, FinalRowsAreForgottenAndOthersAreNot) {
  MemoryStore store;
  put(store, session_on(1, 1, SessionState::kEnded));
  put(store, session_on(2, 1, SessionState::kLost));
  put(store, core::QueueRow{SessionId{0, 3}, {}, {}, {}, 0, false});
  put(store, core::QueueRow{SessionId{0, 4}, {}, {}, {}, 0, true});
  const Version passed = store.latest();
  put(store, session_on(5, 1, SessionState::kEnded));
  EXPECT_EQ(store.forget_final(passed), 2U);
  EXPECT_EQ(all(store).size(), 3U);
  EXPECT_EQ(store.find(core::key_of(session_on(1, 0))), nullptr);
  // Places are used again, and a rewind to what is still kept works.
  put(store, session_on(6, 1));
  put(store, session_on(7, 1));
  EXPECT_EQ(all(store).size(), 5U);
  EXPECT_TRUE(store.rewind_to(Version(passed.value + 1), Timeline(2)));
  EXPECT_EQ(all(store).size(), 3U);
  EXPECT_FALSE(store.rewind_to(Version(1), Timeline(3)));
}

}  // namespace
}  // namespace homing::base
