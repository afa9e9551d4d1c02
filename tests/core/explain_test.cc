// SPDX-License-Identifier: Apache-2.0
//
// An operator's word for one placement, and the full table that replay makes of one.
#include <gtest/gtest.h>

#include <algorithm>

#include "router/core/core.h"
#include "tests/core/cluster_harness.h"

namespace homing::core::testing {
namespace {

constexpr UserId kAnn{101};
constexpr UserId kBob{102};

NodeId holder(Cluster& c, SessionId id) {
  return c.store.session(id)->node;
}

TEST(PlaceWanted, TheWordSendsThatEpochThereAndTheStrategysChoiceComesSecond) {
  for (std::uint32_t to = 0; to < 4; ++to) {
    Cluster c(4);
    c.run(seconds(2));
    const SessionId id = session_id(1);
    c.feed(0, PlaceWanted{id, Epoch{1}, NodeId{to}});
    c.want(0, id, kAnn);
    c.run(seconds(2));
    EXPECT_EQ(holder(c, id), NodeId{to});
    const DecisionRecord& record = c.nodes[0].decisions.back();
    EXPECT_EQ(record.chosen, NodeId{to});
    EXPECT_NE(record.runner_up, NodeId{to});
  }
}

TEST(PlaceWanted, TheNodeThatWouldBeChosenAnywayChangesNothing) {
  for (const std::string_view strategy : strategy_names()) {
    const auto story = [&](std::optional<NodeId> word) {
      Cluster c(4, [&](Config& k) { k.strategy = std::string(strategy); });
      c.run(seconds(2));
      for (std::uint64_t i = 0; i < 10; ++i) {
        if (i == 5 && word) c.feed(0, PlaceWanted{session_id(i), Epoch{1}, *word});
        c.want(0, session_id(i), UserId{i});
        c.run(milliseconds(500));
      }
      return std::pair(holder(c, session_id(5)), c.nodes[0].core->fingerprint());
    };
    const auto [chosen, fingerprint] = story(std::nullopt);
    EXPECT_EQ(story(chosen).second, fingerprint) << strategy;
    EXPECT_NE(story(NodeId{(chosen.value + 1) % 4}).second, fingerprint) << strategy;
  }
}

TEST(PlaceWanted, ANodeThatMayNotBeChosenIsPassedOverAndAnotherEpochIsNotMeant) {
  Cluster c(3);
  c.run(seconds(2));
  c.nodes[1].max_sessions = 0;
  c.feed(0, AdminWanted{NodeId{1}, NodeAdmin::kDrain});
  c.run(seconds(2));
  c.feed(0, PlaceWanted{session_id(1), Epoch{1}, NodeId{1}});
  c.feed(0, PlaceWanted{session_id(2), Epoch{2}, NodeId{2}});
  c.feed(0, PlaceWanted{session_id(3), Epoch{1}, NodeId{77}});
  for (std::uint64_t i = 1; i <= 3; ++i) c.want(0, session_id(i), UserId{i});
  c.run(seconds(3));
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_NE(holder(c, session_id(i)), NodeId{1}) << i;
}

TEST(PlaceWanted, TheWordSurvivesASnapshot) {
  Cluster c(3);
  c.run(seconds(2));
  c.feed(0, PlaceWanted{session_id(1), Epoch{1}, NodeId{2}});
  auto again = Core::restore(c.nodes[0].core->snapshot());
  ASSERT_TRUE(again.has_value()) << again.error();
  c.nodes[0].core = std::move(*again);
  c.want(0, session_id(1), kAnn);
  c.run(seconds(2));
  EXPECT_EQ(holder(c, session_id(1)), NodeId{2});
}

TEST(Explain, TheTableNamesEveryNodeOnceWithItsRefusalOrItsRank) {
  for (const std::string_view strategy : strategy_names()) {
    Cluster c(12, [&](Config& k) { k.strategy = std::string(strategy); });
    c.run(seconds(2));
    c.feed(0, AdminWanted{NodeId{4}, NodeAdmin::kDrain});
    c.run(seconds(2));
    c.nodes[0].core->explain_decisions(kAnn);
    c.want(0, session_id(1), kBob);
    c.want(0, session_id(2), kAnn);
    c.run(seconds(2));
    const auto tables = c.nodes[0].core->take_decision_tables();
    ASSERT_EQ(tables.size(), 1u) << strategy;
    const DecisionTable& table = tables[0];
    EXPECT_EQ(table.record.session, session_id(2));
    ASSERT_EQ(table.nodes.size(), 12u);
    EXPECT_EQ(table.eligible, 11u);
    EXPECT_EQ(table.nodes[0].node, table.record.chosen) << strategy;
    EXPECT_EQ(table.nodes[0].rank, 1u);
    EXPECT_EQ(table.nodes.back().node, NodeId{4});
    EXPECT_EQ(table.nodes.back().refusal, NodeRefusal::kAdmin);
    EXPECT_EQ(table.nodes.back().rank, 0u);
    // What the record kept is the head of the table.
    for (std::size_t i = 0; i < table.record.candidate_count; ++i) {
      EXPECT_EQ(table.nodes[i].node, table.record.candidates[i].node) << strategy;
      if (table.ranked > 0) EXPECT_EQ(table.nodes[i].score, table.record.candidates[i].score) << strategy;
    }
    EXPECT_TRUE(std::is_sorted(table.nodes.begin(), table.nodes.begin() + table.ranked,
                               [](const NodeWeighed& a, const NodeWeighed& b) { return a.score < b.score; }))
        << strategy;
    if (strategy == "sessions" || strategy == "system-load") EXPECT_EQ(table.ranked, 11u);
    EXPECT_TRUE(c.nodes[0].core->take_decision_tables().empty());
  }
}

TEST(Explain, BeingAskedChangesNothing) {
  for (const std::string_view strategy : strategy_names()) {
    const auto story = [&](bool asked) {
      Cluster c(4, [&](Config& k) { k.strategy = std::string(strategy); });
      c.run(seconds(2));
      if (asked) c.nodes[0].core->explain_decisions(kAnn);
      for (std::uint64_t i = 0; i < 10; ++i) c.want(0, session_id(i), kAnn);
      c.run(seconds(3));
      return c.nodes[0].core->fingerprint();
    };
    EXPECT_EQ(story(true), story(false)) << strategy;
  }
}

}  // namespace
}  // namespace homing::core::testing
