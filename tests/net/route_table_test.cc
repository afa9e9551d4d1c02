// SPDX-License-Identifier: Apache-2.0
#include "router/net/route_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

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

// ---------------------------------------------------------------- against a model

// Every field follows from the session and the version: a value put together from two says so.
core::RouteValue made_of(const SessionId& id, std::uint32_t version) {
  core::RouteValue value =
      route(UserId{id.lo % 37 + version % 3}, static_cast<std::uint32_t>(id.hi) ^ version, version);
  value.incarnation = core::Incarnation{version * 7 + static_cast<std::uint32_t>(id.lo)};
  value.kind = core::KindId{static_cast<std::uint16_t>(version)};
  return value;
}

using Model = std::map<SessionId, core::RouteValue>;

void expect_same_lists(const RouteTable& table, const Model& model) {
  std::map<UserId, std::vector<std::pair<SessionId, core::RouteValue>>> lists;
  for (const auto& [id, value] : model) lists[value.user].emplace_back(id, value);
  for (std::uint64_t user = 0; user < 40; ++user) EXPECT_EQ(table.of_user(UserId{user}), lists[UserId{user}]) << user;
}

TEST(RouteTableTest, RandomCallsLeaveWhatAMapWouldHold) {
  RouteTable table;
  Model model;
  std::mt19937_64 random(20261123);
  for (std::uint32_t step = 1; step <= 60'000; ++step) {
    // It fills up to some 1,500 routes, empties, fills again: growth, reuse of records and long gaps to close.
    const bool filling = step / 10'000 % 2 == 0;
    const SessionId id{random() % 4, random() % 500 * 0x100000001ULL};
    if (random() % 8 < (filling ? 6U : 2U)) {
      table.publish(id, made_of(id, step));
      model[id] = made_of(id, step);
    } else {
      table.drop(id);
      model.erase(id);
    }
    const SessionId other{random() % 4, random() % 500 * 0x100000001ULL};
    const auto known = model.find(other);
    const auto found = table.find(other);
    ASSERT_EQ(found.has_value(), known != model.end()) << step;
    if (found) ASSERT_EQ(*found, known->second) << step;
    ASSERT_EQ(table.size(), model.size());
    if (step % 5'000 == 0) expect_same_lists(table, model);
  }
  for (const auto& [id, value] : Model(model)) {
    table.drop(id);
    model.erase(id);
  }
  EXPECT_EQ(table.size(), 0U);
  expect_same_lists(table, model);
}

TEST(RouteTableTest, ProcessesAreWhatAMapWouldHold) {
  RouteTable table;
  std::map<SessionId, Epoch> model;
  std::mt19937_64 random(7);
  for (std::uint32_t step = 1; step <= 20'000; ++step) {
    const SessionId id{1, random() % 60};
    const Epoch epoch{static_cast<std::uint32_t>(random() % 5)};
    const LocalProcess process{epoch, "/run/" + std::to_string(id.lo) + "." + std::to_string(epoch.value), 0, "s"};
    const auto known = model.find(id);
    if (step % 500 == 0) {
      table.replace_processes({{id, process}});
      model = {{id, epoch}};
    } else if (random() % 3 == 0) {
      table.drop_process(id, epoch);
      if (known != model.end() && known->second == epoch) model.erase(known);
    } else {
      EXPECT_TRUE(table.publish_process(id, process));
      if (known == model.end() || known->second <= epoch) model[id] = epoch;
    }
    const SessionId other{1, random() % 60};
    const auto at = model.find(other);
    for (std::uint32_t e = 0; e < 5; ++e) {
      ProcessAddress address;
      const bool expected = at != model.end() && at->second.value == e;
      ASSERT_EQ(table.process(other, Epoch{e}, address), expected) << step;
      if (expected) ASSERT_EQ(address.unix_path(), "/run/" + std::to_string(other.lo) + "." + std::to_string(e));
    }
  }
}

TEST(RouteTableTest, AnAddressThatNoSocketCanHaveIsRefusedAndTheOldOneGoes) {
  RouteTable table;
  const SessionId id{1, 2};
  const std::string longest(ProcessAddress::kMaxPath, 'p');
  const std::string secret(ProcessAddress::kMaxSecret, 's');
  EXPECT_TRUE(table.publish_process(id, {Epoch{1}, longest, 0, secret}));
  ProcessAddress address;
  ASSERT_TRUE(table.process(id, Epoch{1}, address));
  EXPECT_EQ(address.unix_path(), longest);
  EXPECT_STREQ(address.unix_path_c_str(), longest.c_str());
  EXPECT_EQ(address.secret(), secret);
  EXPECT_FALSE(table.publish_process(id, {Epoch{2}, longest + "p", 0, ""}));
  EXPECT_FALSE(table.process(id, Epoch{1}, address));
  EXPECT_FALSE(table.process(id, Epoch{2}, address));
  EXPECT_EQ(table.replace_processes({{id, {Epoch{3}, "", 8080, secret + "s"}}, {{3, 4}, {Epoch{1}, "", 8081, secret}}}),
            1U);
  EXPECT_FALSE(table.process(id, Epoch{3}, address));
  EXPECT_EQ(table.process(SessionId{3, 4}, Epoch{1})->port, 8081);
}

TEST(RouteTableTest, ARouteCostsAtMost96Bytes) {
  RouteTable table;
  std::mt19937_64 random(1);
  std::size_t next_look = 1'000;
  for (std::size_t count = 1; count <= 120'000; ++count) {
    table.publish(SessionId{random(), random()}, route(UserId{random()}, 1, 1));
    if (count < next_look) continue;
    EXPECT_LE(table.route_bytes(), 96 * count) << count;
    next_look += next_look / 64;  // the moments after a growth are among these
  }
}

TEST(RouteTableTest, MemoryDoesNotGrowWithTheNumberOfDrops) {
  RouteTable table;
  std::size_t after_first_round = 0;
  for (std::uint64_t round = 0; round < 50; ++round) {
    for (std::uint64_t i = 0; i < 1'000; ++i) table.publish(SessionId{round, i}, route(UserId{i}, 1, 1));
    for (std::uint64_t i = 0; i < 1'000; ++i) table.drop(SessionId{round, i});
    if (round == 0) after_first_round = table.route_bytes();
  }
  EXPECT_EQ(table.route_bytes(), after_first_round);
}

// ---------------------------------------------------------------- readers beside a writer

// Some sessions are always there, and are changed; the others come and go around them, so that entries and records move
// all the time. What a reader may see of either follows from made_of().
TEST(RouteTableTest, ReadersBesideAWriterMissNothingAndSeeNoTornValue) {
  constexpr std::uint64_t kPinned = 64;
  constexpr std::uint64_t kPassing = 3'000;
  RouteTable table;
  const auto pinned = [](std::uint64_t i) { return SessionId{1, i * 3}; };
  for (std::uint64_t i = 0; i < kPinned; ++i) table.publish(pinned(i), made_of(pinned(i), 1));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> missed{0};
  std::atomic<std::uint64_t> torn{0};
  std::atomic<std::uint64_t> backwards{0};
  std::atomic<std::uint64_t> seen{0};
  std::vector<std::thread> readers;
  for (unsigned r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      std::mt19937 random(r);
      std::map<std::uint64_t, std::uint32_t> newest;
      core::RouteValue value;
      while (!stop) {
        const std::uint64_t i = random() % kPinned;
        if (!table.find(pinned(i), value)) {
          ++missed;
          continue;
        }
        if (value != made_of(pinned(i), value.epoch.value)) ++torn;
        if (value.epoch.value < newest[i]) ++backwards;
        newest[i] = value.epoch.value;
        const SessionId passing{2, random() % kPassing};
        if (!table.find(passing, value)) continue;
        ++seen;
        if (value != made_of(passing, value.epoch.value)) ++torn;
      }
    });
  }
  std::mt19937 random(99);
  std::uint32_t version = 2;
  for (int round = 0; round < 4 || (seen < 100 && round < 400); ++round) {
    for (std::uint64_t i = 0; i < kPassing; ++i, ++version) {
      const SessionId passing{2, random() % kPassing};
      if (random() % 4 == 0) {
        table.drop(passing);
      } else {
        table.publish(passing, made_of(passing, version));
      }
      table.publish(pinned(i % kPinned), made_of(pinned(i % kPinned), version));
    }
    for (std::uint64_t i = 0; i < kPassing; ++i) table.drop(SessionId{2, i});
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(missed, 0U);
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(backwards, 0U);
  EXPECT_GT(seen, 0U);
}

TEST(RouteTableTest, AProcessAddressIsNeverMadeOfTwo) {
  RouteTable table;
  const SessionId id{5, 5};
  const auto process = [](std::uint32_t epoch) {
    return LocalProcess{Epoch{epoch}, std::string(epoch % 100 + 1, static_cast<char>('a' + epoch % 26)), 0,
                        std::to_string(epoch)};
  };
  std::atomic<std::uint32_t> newest{0};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> torn{0};
  std::atomic<std::uint64_t> seen{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      ProcessAddress address;
      while (!stop) {
        const Epoch epoch{newest.load()};
        if (!table.process(id, epoch, address)) continue;
        ++seen;
        const LocalProcess expected = process(epoch.value);
        if (address.unix_path() != expected.unix_path || address.secret() != expected.secret) ++torn;
      }
    });
  }
  for (std::uint32_t epoch = 1; epoch < 5'000 || (seen == 0 && epoch < 500'000); ++epoch) {
    table.publish_process(id, process(epoch));
    newest = epoch;
    if (epoch % 7 == 0) table.drop_process(id, Epoch{epoch});
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_GT(seen, 0U);
}

}  // namespace
}  // namespace homing::net
