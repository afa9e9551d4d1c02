// SPDX-License-Identifier: Apache-2.0
#include "router/core/load_view.h"

#include <gtest/gtest.h>

namespace homing::core {
namespace {

constexpr Incarnation kFirst{1};
constexpr Incarnation kSecond{2};

TEST(LoadView, ClaimsAndEndsNewerThanTheReportCountAndOlderOnesAreInIt) {
  LoadView v;
  v.report(kFirst, 5, Version{100});
  v.change(kFirst, Version{90}, +1, 0);
  EXPECT_EQ(v.sessions(), 5u);
  v.change(kFirst, Version{101}, +1, 0);
  v.change(kFirst, Version{102}, +1, 0);
  v.change(kFirst, Version{103}, -1, 0);
  EXPECT_EQ(v.sessions(), 6u);
  v.report(kFirst, 6, Version{101});
  EXPECT_EQ(v.sessions(), 6u);
  v.report(kFirst, 6, Version{103});
  EXPECT_EQ(v.sessions(), 6u);
}

TEST(LoadView, TheOrderInWhichReportAndChangesArriveDoesNotMatter) {
  LoadView v;
  v.change(kFirst, Version{101}, +1, 0);
  v.change(kFirst, Version{99}, +1, 0);
  v.report(kFirst, 5, Version{100});
  EXPECT_EQ(v.sessions(), 6u);
}

TEST(LoadView, AnOlderReportIsIgnored) {
  LoadView v;
  v.report(kFirst, 5, Version{100});
  v.report(kFirst, 9, Version{50});
  EXPECT_EQ(v.sessions(), 5u);
}

TEST(LoadView, ANewIncarnationStartsFromNothingAndTheOldOnesEndsDoNotCount) {
  LoadView v;
  v.report(kFirst, 5, Version{100});
  v.report(kSecond, 0, Version{120});
  v.change(kFirst, Version{130}, -1, 0);
  EXPECT_EQ(v.sessions(), 0u);
  v.change(kSecond, Version{131}, +1, 0);
  EXPECT_EQ(v.sessions(), 1u);
}

TEST(LoadView, ClaimsUnderWayCountUntilTheirAnswer) {
  LoadView v;
  v.report(kFirst, 1, Version{10});
  v.tentative(+1, 500);
  EXPECT_EQ(v.sessions(), 2u);
  EXPECT_EQ(v.memory_pending(), 500u);
  v.tentative(-1, 500);
  v.change(kFirst, Version{11}, +1, 500);
  EXPECT_EQ(v.sessions(), 2u);
  EXPECT_EQ(v.memory_pending(), 500u);
  v.report(kFirst, 2, Version{11});
  EXPECT_EQ(v.memory_pending(), 0u);
}

TEST(LoadView, TheNodeItselfFoldsItsChangesForwardToItsCursor) {
  LoadView v;
  v.change(kFirst, Version{5}, +1, 0);
  v.change(kFirst, Version{7}, +1, 0);
  v.advance(kFirst, Version{6});
  EXPECT_EQ(v.counted_sessions(), 1u);
  EXPECT_EQ(v.counted(), Version{6});
  EXPECT_EQ(v.sessions(), 2u);
}

}  // namespace
}  // namespace homing::core
