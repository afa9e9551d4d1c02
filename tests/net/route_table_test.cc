// SPDX-License-Identifier: Apache-2.0
#include "router/net/route_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace homing::net {
namespace {

using core::Epoch;
using core::SessionId;
using core::UserId;

core::RouteValue route(UserId user, std::uint32_t node, std::uint32_t epoch) {
  core::RouteValue value;
  value.user = user;
  value.node = core::NodeId{node};
  value.epoch = Epoch{epoch};
  value.state = core::SessionState::kReady;
  return value;
}

TEST(RouteTableTest, WhatIsPublishedIsFoundUntilItIsDropped) {
  RouteTable table;
  const SessionId id{1, 2};
  EXPECT_EQ(table.find(id), std::nullopt);
  table.publish(id, route(UserId{7}, 1, 1));
  table.publish(id, route(UserId{7}, 2, 2));
  EXPECT_EQ(table.find(id), route(UserId{7}, 2, 2));
  EXPECT_EQ(table.size(), 1U);
  table.drop(id);
  EXPECT_EQ(table.find(id), std::nullopt);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(table.of_user(UserId{7}).empty());
}

TEST(RouteTableTest, AUsersSessionsComeInOrderAndOnlyTheirs) {
  RouteTable table;
  for (std::uint64_t i = 0; i < 200; ++i) table.publish(SessionId{200 - i, i}, route(UserId{i % 3}, 0, 1));
  const auto own = table.of_user(UserId{1});
  EXPECT_EQ(own.size(), 67U);
  for (std::size_t i = 1; i < own.size(); ++i) EXPECT_LT(own[i - 1].first, own[i].first);
}

TEST(RouteTableTest, AProcessOfAnotherEpochIsNotFound) {
  RouteTable table;
  const SessionId id{1, 2};
  table.publish_process(id, {Epoch{3}, "/sock", 0, ""});
  EXPECT_TRUE(table.process(id, Epoch{3}));
  EXPECT_FALSE(table.process(id, Epoch{2}));
  EXPECT_FALSE(table.process(id, Epoch{4}));
  table.publish_process(id, {Epoch{2}, "/old", 0, ""});  // late news of an older epoch
  EXPECT_EQ(table.process(id, Epoch{3})->unix_path, "/sock");
  table.drop_process(id, Epoch{2});
  EXPECT_TRUE(table.process(id, Epoch{3}));
  table.replace_processes({{SessionId{5, 5}, {Epoch{1}, "/five", 0, ""}}});
  EXPECT_FALSE(table.process(id, Epoch{3}));
  EXPECT_TRUE(table.process(SessionId{5, 5}, Epoch{1}));
}

TEST(RouteTableTest, ReadersSeeWholeValuesWhileAWriterChangesThem) {
  RouteTable table;
  const SessionId id{9, 9};
  table.publish(id, route(UserId{1}, 1, 1));
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto seen = table.find(id);
        if (seen && seen->node.value != seen->epoch.value) ++torn;
        table.of_user(UserId{1});
      }
    });
  }
  for (std::uint32_t i = 1; i < 3000; ++i) {
    table.publish(id, route(UserId{1 + i % 2}, i, i));
    if (i % 100 == 0) table.drop(id);
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace homing::net
