// SPDX-License-Identifier: Apache-2.0
//
// The whole table of resolve(): every state, for the owner and for somebody else, with and without the right to wake,
// held by this node and by another.
#include "router/core/resolve.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "router/core/decision.h"

namespace homing::core {
namespace {

constexpr NodeId kSelf{4};
constexpr NodeId kOther{9};
constexpr UserId kOwner{77};
constexpr UserId kStranger{78};
constexpr Epoch kEpoch{3};

struct Row {
  SessionState state;
  ResolveAction owner_reaches;  // without the right to wake
  ResolveAction owner_wakes;
  Refusal refusal;  // of whatever is refused above
};

// kServe stands for "to the holder": served here, forwarded elsewhere.
constexpr Row kTable[] = {
    {SessionState::kPlaced, ResolveAction::kAsk, ResolveAction::kAsk, Refusal::kNone},
    {SessionState::kStarting, ResolveAction::kAsk, ResolveAction::kAsk, Refusal::kNone},
    {SessionState::kReady, ResolveAction::kServe, ResolveAction::kServe, Refusal::kNone},
    {SessionState::kSuspended, ResolveAction::kRefuse, ResolveAction::kAsk, Refusal::kSuspended},
    {SessionState::kEnded, ResolveAction::kRefuse, ResolveAction::kRefuse, Refusal::kEnded},
    {SessionState::kLost, ResolveAction::kRefuse, ResolveAction::kRefuse, Refusal::kLost},
    {SessionState::kRefused, ResolveAction::kAsk, ResolveAction::kAsk, Refusal::kNone},
};

std::string describe(SessionState state, bool wakes, NodeId holder, UserId user) {
  return std::string(to_string(state)) + (wakes ? ", wakes" : ", reaches") +
         (holder == kSelf ? ", held here" : ", held elsewhere") +
         (user == kOwner ? ", by its owner" : ", by a stranger");
}

TEST(ResolveTest, FollowsTheTableForEveryStateHolderCallerAndWish) {
  const RouteHint misleading{NodeId{12}, Epoch{99}};
  for (const Row& row : kTable) {
    for (const bool wakes : {false, true}) {
      for (const NodeId holder : {kSelf, kOther}) {
        for (const RouteHint* hint : {static_cast<const RouteHint*>(nullptr), &misleading}) {
          SCOPED_TRACE(describe(row.state, wakes, holder, kOwner));
          RouteValue route;
          route.user = kOwner;
          route.node = holder;
          route.epoch = kEpoch;
          route.state = row.state;
          const Resolution got = resolve(&route, kSelf, kOwner, wakes, hint);
          ResolveAction expected = wakes ? row.owner_wakes : row.owner_reaches;
          const bool to_holder = expected == ResolveAction::kServe;
          if (to_holder && holder == kOther) expected = ResolveAction::kForward;
          EXPECT_EQ(got.action, expected);
          EXPECT_EQ(got.refusal, expected == ResolveAction::kRefuse ? row.refusal : Refusal::kNone);
          EXPECT_EQ(got.node, to_holder ? holder : kNoNode);
          EXPECT_EQ(got.epoch, to_holder ? kEpoch : Epoch{});
        }
      }
    }
  }
}

TEST(ResolveTest, RefusesEverybodyButTheOwnerInEveryStateAndTellsThemNothing) {
  for (const Row& row : kTable) {
    for (const bool wakes : {false, true}) {
      for (const NodeId holder : {kSelf, kOther}) {
        SCOPED_TRACE(describe(row.state, wakes, holder, kStranger));
        RouteValue route;
        route.user = kOwner;
        route.node = holder;
        route.epoch = kEpoch;
        route.state = row.state;
        const Resolution got = resolve(&route, kSelf, kStranger, wakes, nullptr);
        EXPECT_EQ(got.action, ResolveAction::kRefuse);
        EXPECT_EQ(got.refusal, Refusal::kNotOwner);
        EXPECT_EQ(got.node, kNoNode);
        EXPECT_EQ(got.epoch, Epoch{});
      }
    }
  }
}

TEST(ResolveTest, AsksWhenNothingIsKnown) {
  EXPECT_EQ(resolve(nullptr, kSelf, kOwner, true, nullptr).action, ResolveAction::kAsk);
}

TEST(ResolveTest, FollowsACookieOnlyWithoutARouteAndNeverToItself) {
  const RouteHint elsewhere{kOther, kEpoch};
  const Resolution got = resolve(nullptr, kSelf, kOwner, false, &elsewhere);
  EXPECT_EQ(got.action, ResolveAction::kForward);
  EXPECT_EQ(got.node, kOther);
  EXPECT_EQ(got.epoch, kEpoch);
  const RouteHint here{kSelf, kEpoch};
  EXPECT_EQ(resolve(nullptr, kSelf, kOwner, false, &here).action, ResolveAction::kAsk);
  const RouteHint nowhere{};
  EXPECT_EQ(resolve(nullptr, kSelf, kOwner, false, &nowhere).action, ResolveAction::kAsk);
}

}  // namespace
}  // namespace homing::core
