// SPDX-License-Identifier: Apache-2.0
//
// What one seed of the swarm plays: a scenario, limits the scenario format has no words for, and hurts that a test
// applies by hand. All of it follows from the seed: no other input, no clock.
//
// Every case has at least 4 nodes, 2 routers, 200 visits, 3 faults and 2 hours of trouble, then a quiet time in which
// everything must converge: no fault and no hurt lasts into it, nobody new comes. Its length is stated by
// `quiet_after`: the longest chain of waits that the configuration allows.
// Thread class: value.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "router/core/config.h"
#include "sim/plan.h"
#include "sim/scenario.h"

namespace homing::sim::swarm {

inline constexpr std::int64_t kMs = 1'000'000;
inline constexpr std::int64_t kSec = 1'000 * kMs;
inline constexpr std::int64_t kMin = 60 * kSec;
inline constexpr std::int64_t kTrouble = 120 * kMin;  // how long faults and arrivals go on

// What the swarm does to a world through its test entrance, beside the scenario's faults.
enum class HurtKind : std::uint8_t {
  kIsolate = 0,   // a machine and the store do not hear each other
  kLoseTail,      // the store fails over and forgets its last commits
  kSlowStarts,    // starts on a machine take as long as drawn, often longer than they may
  kLossyStore,    // some calls and answers of the store get lost
  kLauncherAway,  // the router believes its launcher to be away
  kExits,         // some session processes end by themselves
  kPolls,         // requests that may wake nothing, for sessions of any state, at any router
  kStrangers,     // requests of somebody else, of unknown sessions, of unknown kinds
  kClicks,        // the owners click at other routers at the same time
  kIdleEnds,      // an idle rule ends some sessions
  kMaintenance,   // an operator takes a machine out and back
  // Drawn apart, so that the draws of the others stay as they were.
  kSilentHeirs,     // who has declared a death loses the store before declaring a session lost; owners click meanwhile
  kForgottenSleep,  // while a suspend is written, the store forgets the claim, its acceptance or its readiness
};
inline constexpr int kDrawnHurts = 11;  // the first ones
inline constexpr int kHurtKinds = 13;
const char* to_string(HurtKind kind);

struct Hurt {
  HurtKind kind = HurtKind::kIsolate;
  std::uint32_t machine = 0;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;  // equal to begin: a moment
  std::uint64_t draw = 0;   // key of what the hurt draws when it comes
};

struct Tuning {
  std::uint32_t user_limit = 0;
  std::uint32_t max_queue = 10'000;
  std::uint32_t max_wishes = 10'000;
  core::Duration queue_ask_max{};
  core::Duration accept_max{};
  std::vector<core::WithoutStore> without_store;  // by kind
  core::Duration store_jitter{};
};

struct SwarmCase {
  std::uint64_t seed = 0;
  std::string text;  // the scenario
  std::shared_ptr<const Scenario> scenario;
  std::shared_ptr<const Plan> plan;
  Tuning tuning;
  std::vector<Hurt> hurts;  // by begin
  core::Duration quiet{};   // from the end of trouble to the end
};

SwarmCase draw_case(std::uint64_t seed);

// The same case with less in it, for finding what a violation needs.
struct Kept {
  std::vector<bool> faults;  // by place in the plan
  std::vector<bool> hurts;
  std::vector<bool> visits;
};
Kept keep_all(const SwarmCase& whole);
SwarmCase reduced(const SwarmCase& whole, const Kept& kept);

}  // namespace homing::sim::swarm
