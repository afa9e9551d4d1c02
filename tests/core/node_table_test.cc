// SPDX-License-Identifier: Apache-2.0
#include "router/core/node_table.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "router/core/call_table.h"

namespace homing::core {
namespace {

struct Row {
  std::uint64_t value = 7;
  template <class A>
  void archive(A& a) {
    a(value);
  }
};

TEST(NodeTableTest, WhatWasNeverWrittenReadsAsAtBirthAndTakesNoRoom) {
  NodeTable<Row> table;
  table.grow(1000);
  EXPECT_EQ(table.size(), 1000u);
  const NodeTable<Row>& looked_at = table;
  EXPECT_EQ(looked_at[0].value, 7u);
  EXPECT_EQ(looked_at[999].value, 7u);
  int written = 0;
  table.for_each_written([&](Row&) { ++written; });
  EXPECT_EQ(written, 0);
  table[500].value = 1;
  table.for_each_written([&](Row&) { ++written; });
  EXPECT_LE(written, 16);
}

TEST(NodeTableTest, RowsStayWhereTheyAreWhileTheTableGrows) {
  NodeTable<Row> table;
  table.grow(1);
  Row& first = table[0];
  first.value = 42;
  table.grow(5000);
  EXPECT_EQ(&table[0], &first);
  EXPECT_TRUE(table.any_of([](const Row& row) { return row.value == 42; }));
  EXPECT_FALSE(table.any_of([](const Row& row) { return row.value == 43; }));
}

TEST(NodeTableTest, TheArchiveIsThatOfAVectorOfAllRows) {
  NodeTable<Row> table;
  table.grow(40);
  table[3].value = 33;
  table[39].value = 390;
  std::vector<Row> plain(40);
  plain[3].value = 33;
  plain[39].value = 390;
  Writer ours, theirs;
  ours(table);
  theirs(plain);
  EXPECT_EQ(ours.bytes(), theirs.bytes());
  NodeTable<Row> again;
  again.grow(3);
  again[2].value = 5;
  Reader reader(ours.bytes());
  reader(again);
  ASSERT_TRUE(reader.ok() && reader.at_end());
  ASSERT_EQ(again.size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(again[i].value, plain[i].value) << i;
}

TEST(NodeTableTest, ACopyIsItsOwn) {
  NodeTable<Row> table;
  table.grow(20);
  table[1].value = 1;
  NodeTable<Row> copy = table;
  copy[1].value = 2;
  EXPECT_EQ(std::as_const(table)[1].value, 1u);
}

TEST(CallTableTest, EachCallIsTakenOnceWhateverTheOrderOfTheAnswers) {
  CallTable<Row> table;
  for (std::uint64_t token = 1; token <= 100; ++token) table.add(StoreToken(token), Row{token * 10});
  EXPECT_EQ(table.take(StoreToken(101)), nullptr);
  for (std::uint64_t token = 2; token <= 100; token += 2) {
    const Row* const call = table.take(StoreToken(token));
    ASSERT_NE(call, nullptr);
    EXPECT_EQ(call->value, token * 10);
    EXPECT_EQ(table.take(StoreToken(token)), nullptr);
  }
  for (std::uint64_t token = 201; token <= 230; ++token) table.add(StoreToken(token), Row{token + 1000});
  std::vector<std::uint64_t> left;
  table.for_each([&](const Row& row) { left.push_back(row.value); });
  ASSERT_EQ(left.size(), 80u);
  EXPECT_EQ(left.front(), 10u);
  EXPECT_EQ(left[49], 990u);
  EXPECT_EQ(left.back(), 1230u);
  EXPECT_EQ(table.count_if([](const Row& row) { return row.value > 1000; }), 30u);
  EXPECT_FALSE(table.any_of([](const Row& row) { return row.value == 20; }));
}

TEST(CallTableTest, TheArchiveIsThatOfAMapInItsOrder) {
  CallTable<Row> table;
  for (const std::uint64_t token : {5, 6, 9}) table.add(StoreToken(token), Row{token});
  table.take(StoreToken(6));
  Writer ours, theirs;
  table.save(ours);
  theirs(std::vector<std::pair<StoreToken, Row>>{{StoreToken(5), Row{5}}, {StoreToken(9), Row{9}}});
  EXPECT_EQ(ours.bytes(), theirs.bytes());
  CallTable<Row> again;
  Reader reader(ours.bytes());
  again.load(reader);
  ASSERT_TRUE(reader.ok() && reader.at_end());
  ASSERT_NE(again.take(StoreToken(9)), nullptr);
  EXPECT_NE(again.take(StoreToken(5)), nullptr);
}

}  // namespace
}  // namespace homing::core
