// SPDX-License-Identifier: Apache-2.0
//
// What the protocol tests share: a cluster of three with nobody in it, sessions that the test wants itself, and
// checkers that look at a world from outside.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "router/core/ids.h"
#include "sim/scenario.h"
#include "sim/world.h"

namespace homing::sim::testing {

inline constexpr std::int64_t kMs = 1'000'000;
inline constexpr std::int64_t kSec = 1'000 * kMs;

// Seeds a test tries: HOMING_SEEDS when set, else `usual` in optimised builds and a tenth of it in others.
std::uint64_t seed_count(std::uint64_t usual);

// Three nodes, three routers, heartbeat 1 s, a store 2 ms away; nobody comes.
std::shared_ptr<const Scenario> empty_cluster();
World empty_world(std::uint64_t seed, WorldOptions options = {});

struct Wanted {
  core::SessionId session;
  core::UserId user{};
};
Wanted wanted(std::uint64_t seed, std::uint32_t number);
void want(World& world, std::uint32_t router, const Wanted& what, core::Intent intent);

// Slot of the session's only process, of any state; kNone when there is none or more than one.
std::uint32_t only_process(const World& world, const core::SessionId& session);
std::vector<std::uint32_t> processes_of(const World& world, const core::SessionId& session);

// The promise: routers that see the store (a read of its present history came back within the last 2 s) never reach two
// processes of one session later than fence_max (2 s, and a store call) after the second of them answered.
class OneServingProcess {
 public:
  // `reads_within`: a router whose last read of the store came back that long ago still counts as seeing it.
  explicit OneServingProcess(std::vector<Wanted> sessions, core::Duration reads_within = core::seconds(2))
      : sessions_(std::move(sessions)), reads_within_(reads_within) {}
  void look(const World& world);
  std::uint64_t violations() const { return violations_; }
  const std::string& first() const { return first_; }  // the first violation in words
  std::uint64_t served() const { return served_; }     // looks in which somebody was served: the test is not vacuous

 private:
  std::vector<Wanted> sessions_;
  core::Duration reads_within_;
  std::uint64_t violations_ = 0;
  std::uint64_t served_ = 0;
  std::string first_;
};

// The stricter promise where every holder reaches the store: never two serving processes of one session, not for an
// instant. A process serves when a request of its owner through any router, whatever that one has seen of the store,
// would end at it: a process that runs but has not won `ready`, or whose own router refuses it, serves nobody.
class NeverTwoServing {
 public:
  explicit NeverTwoServing(std::vector<Wanted> sessions) : sessions_(std::move(sessions)) {}
  void look(const World& world);
  std::uint64_t violations() const { return violations_; }
  const std::string& first() const { return first_; }
  std::uint64_t served() const { return served_; }

 private:
  std::vector<Wanted> sessions_;
  std::uint64_t violations_ = 0;
  std::uint64_t served_ = 0;
  std::string first_;
};

// Steps to `until_ns`, looking after every event.
template <class Checker>
void advance(World& world, std::int64_t until_ns, Checker& checker) {
  while (world.next_event_ns() < until_ns && world.step()) checker.look(world);
}

// After healing: every router tells the same of every session, what the store calls ready runs where it says, and
// nothing else runs. Returns what is wrong, or nothing.
std::string not_converged(const World& world, const std::vector<Wanted>& sessions);

}  // namespace homing::sim::testing
