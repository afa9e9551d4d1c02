// SPDX-License-Identifier: Apache-2.0
//
// Every rule of validate() is broken once, and the sound configuration passes.
#include "router/core/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace homing::core {
namespace {

Config sound() {
  Config config;
  KindConfig kind;
  kind.name = "notepad";
  config.kinds.push_back(kind);
  return config;
}

std::vector<std::string> fields(const Config& config) {
  std::vector<std::string> names;
  for (const ConfigError& error : validate(config)) names.push_back(error.field);
  return names;
}

TEST(ConfigTest, AcceptsTheDefaultsWithOneKind) {
  EXPECT_THAT(fields(sound()), testing::IsEmpty());
}

TEST(ConfigTest, AKindWithoutIdleRuleNeedNotBeAbleToSuspend) {
  Config config = sound();
  config.kinds[0].idle_after = Duration{0};
  config.kinds[0].idle_then = IdleThen::kSuspend;
  config.kinds[0].can_suspend = false;
  EXPECT_THAT(fields(config), testing::IsEmpty());
}

TEST(ConfigTest, ScalesDetectionToTheHeartbeatAndStaysSound) {
  for (const Duration heartbeat : {milliseconds(1300), seconds(1), seconds(5), seconds(60)}) {
    Config config = sound();
    scale_to_heartbeat(config, heartbeat);
    config.queue_ask_max = heartbeat * 30;
    EXPECT_EQ(config.suspect, heartbeat * 3);
    EXPECT_EQ(config.lease_ttl, heartbeat * 8);
    EXPECT_EQ(config.dead, heartbeat * 10);
    EXPECT_THAT(fields(config), testing::IsEmpty()) << heartbeat.count();
  }
}

struct Broken {
  std::string field;
  std::function<void(Config&)> break_it;
};

class ConfigRuleTest : public testing::TestWithParam<Broken> {};

TEST_P(ConfigRuleTest, NamesTheFieldOfTheBrokenRuleAndSaysSomething) {
  Config config = sound();
  GetParam().break_it(config);
  EXPECT_THAT(fields(config), testing::Contains(GetParam().field));
  for (const ConfigError& error : validate(config)) EXPECT_FALSE(error.text.empty());
}

const Broken kBroken[] = {
    {"heartbeat", [](Config& c) { c.heartbeat = seconds(0); }},
    {"heartbeat", [](Config& c) { c.heartbeat = seconds(-1); }},
    {"suspect", [](Config& c) { c.suspect = c.heartbeat * 2; }},
    {"lease-ttl", [](Config& c) { c.lease_ttl = c.suspect; }},
    {"dead", [](Config& c) { c.dead = c.lease_ttl; }},
    {"lease-margin", [](Config& c) { c.lease_margin = seconds(0); }},
    {"lease-margin", [](Config& c) { c.lease_margin = c.lease_ttl - c.heartbeat; }},
    {"report-every", [](Config& c) { c.report_every = seconds(-1); }},
    {"accept-max", [](Config& c) { c.accept_max = seconds(0); }},
    {"queue-ask-max", [](Config& c) { c.queue_ask_max = c.heartbeat; }},
    {"max-attempts", [](Config& c) { c.max_attempts = 0; }},
    {"max-attempts", [](Config& c) { c.max_attempts = 101; }},
    {"max-nodes", [](Config& c) { c.max_nodes = 0; }},
    {"max-routes", [](Config& c) { c.max_routes = 0; }},
    {"max-wishes", [](Config& c) { c.max_wishes = 0; }},
    {"kind", [](Config& c) { c.kinds.clear(); }},
    {"kind.notepad.start-timeout", [](Config& c) { c.kinds[0].start_timeout = c.lease_margin; }},
    {"kind.notepad.resume-timeout",
     [](Config& c) {
       c.kinds[0].can_suspend = true;
       c.kinds[0].resume_timeout = c.kinds[0].start_timeout - nanoseconds(1);
     }},
};

INSTANTIATE_TEST_SUITE_P(Rules, ConfigRuleTest, testing::ValuesIn(kBroken));

TEST(ConfigTest, HoldsTheOrderOfTheDesignAtItsEdges) {
  // 2 heartbeats < suspect < lease-ttl < dead, each by one nanosecond: accepted.
  Config config = sound();
  config.suspect = config.heartbeat * 2 + nanoseconds(1);
  config.lease_ttl = config.suspect + nanoseconds(1);
  config.dead = config.lease_ttl + nanoseconds(1);
  config.lease_margin = milliseconds(500);
  EXPECT_THAT(fields(config), testing::IsEmpty());
}

TEST(ConfigTest, TakesEveryMaximumAtItsLeastAndGreatest) {
  Config config = sound();
  config.max_nodes = 1;
  config.max_routes = 1;
  config.max_wishes = 1;
  for (const std::uint32_t attempts : {1u, 100u}) {
    config.max_attempts = attempts;
    EXPECT_THAT(fields(config), testing::IsEmpty());
  }
  config.kinds[0].start_timeout = config.lease_margin + nanoseconds(1);
  config.kinds[0].can_suspend = true;
  config.kinds[0].resume_timeout = config.kinds[0].start_timeout;
  config.kinds[0].idle_after = config.heartbeat + nanoseconds(1);
  config.queue_ask_max = config.heartbeat + nanoseconds(1);
  EXPECT_THAT(fields(config), testing::IsEmpty());
}

TEST(ConfigTest, TellsTheNumbersInSeconds) {
  Config config = sound();
  config.suspect = milliseconds(1500);
  const std::vector<ConfigError> errors = validate(config);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0].text, testing::HasSubstr("(2 s)"));
  EXPECT_THAT(errors[0].text, testing::HasSubstr("1.500 s"));
}

TEST(ConfigTest, AStrategyTakesItsDeclaredParametersWithinTheirRange) {
  Config config = sound();
  config.strategy = "p2c-sessions";
  config.strategy_params.set("d", 3);
  EXPECT_THAT(fields(config), testing::IsEmpty());
  config.strategy_params.set("d", 1);
  EXPECT_THAT(fields(config), testing::ElementsAre("strategy.params.d"));
  config.strategy = "sessions";
  EXPECT_THAT(fields(config), testing::ElementsAre("strategy.params.d"));
  config.strategy = "least-surprise";
  EXPECT_THAT(fields(config), testing::ElementsAre("strategy.name"));
}

TEST(ConfigTest, ReportsEveryBrokenRuleAtOnce) {
  Config config = sound();
  config.max_nodes = 0;
  config.kinds.clear();
  EXPECT_THAT(fields(config), testing::UnorderedElementsAre("max-nodes", "kind"));
}

}  // namespace
}  // namespace homing::core
