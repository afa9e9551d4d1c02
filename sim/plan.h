// SPDX-License-Identifier: Apache-2.0
//
// The plan: everything that happens no matter which strategy runs, drawn from (scenario, seed) before any core exists.
//
// Who comes when, for how long, with which kind of session; what they do there; which machine fails when and for how
// long; what each attempt to start a session costs; how long a person takes to react. Every draw is keyed by (seed,
// purpose, user, visit, attempt), never by a running counter, so a strategy that starts one session more shifts nobody
// else's luck, and two runs with the same plan hash may be compared pair by pair.
//
// Times are nanoseconds since the scenario's start; the warm-up lies before 0. Days are drawn whole and long enough
// before the warm-up that visits alive at its beginning are there with their true age. Sources of the numbers: the
// scenario; the reaction to a loss is ours (median 5 s, p90 20 s: people who see an error page and click; the re-login
// storm of the failure scenarios assumes 10 s). Invariants: visits are sorted by (arrival, user, number); equal
// (scenario, seed) give equal plans on every machine. Thread class: immutable value once drawn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "router/core/ids.h"
#include "sim/scenario.h"

namespace homing::sim {

struct PlannedAction {
  std::int64_t think_ns = 0;  // before the action
  std::int64_t cpu_ns = 0;
  std::int64_t memory_step : 48 = 0;  // bytes; in one word with the threads: every visit keeps an action
  std::int64_t threads : 16 = 1;
};
static_assert(sizeof(PlannedAction) == 24);

struct Visit {
  std::uint32_t user = 0;
  std::uint32_t number = 0;  // of this user: unique, rising with the day, the key of its draws
  std::uint32_t kind = 0;    // index into Scenario::kinds
  std::int64_t arrival_ns = 0;
  std::int64_t end_ns = kNoPlannedEnd;  // kNoPlannedEnd: when its work is done
};

// Where a visit is in its actions. Each action is a function of (seed, user, visit, index), so it is drawn when it is
// reached and never kept: a day of a thousand machines has tens of millions. They end with the visit's work, or before
// the thinking alone would take as long as the visit.
// Thread class: value.
class ActionCursor {
 public:
  // The action that comes or goes on, 0, 1, ...
  std::uint32_t index() const { return index_; }
  // The same, drawn when it is first asked for; null when there are no more.
  const PlannedAction* look(const KindSpec& kind, std::uint64_t seed, const Visit& visit) {
    if (state_ == State::kNotDrawn) draw(kind, seed, visit);
    return current();
  }
  // What look() said last.
  const PlannedAction* current() const { return state_ == State::kDrawn ? &action_ : nullptr; }
  // The action is done. REQUIRES: current() is not null.
  void done();

 private:
  enum class State : std::uint8_t { kNotDrawn, kDrawn, kOver };
  void draw(const KindSpec& kind, std::uint64_t seed, const Visit& visit);

  PlannedAction action_;
  std::int64_t thought_ns_ = 0;  // in all actions before this one
  std::uint32_t index_ = 0;
  State state_ = State::kNotDrawn;
};

struct StartCost {
  std::int64_t solo_ns = 0;  // on an idle machine, CPU included
  std::int64_t cpu_ns = 0;
  std::int64_t memory = 0;
};

struct Plan {
  std::uint64_t seed = 0;
  std::vector<Visit> visits;
  std::vector<PlannedFault> faults;  // by start
  std::uint64_t hash = 0;  // of all that is here, what the first start of each visit costs and its first action
};

Plan draw_plan(const Scenario& scenario, std::uint64_t seed);

// Draws that are made when they are needed, keyed so that they are part of the plan all the same.
StartCost start_cost(const KindSpec& kind, std::uint64_t seed, const Visit& visit, std::uint32_t attempt);
// How long the person takes to react to the `attempt`-th bad news of the visit.
std::int64_t reaction_ns(std::uint64_t seed, const Visit& visit, std::uint32_t attempt);
// The id of the visit's `attempt`-th session (0 unless one was ended under its owner).
core::SessionId session_id(std::uint64_t seed, const Visit& visit, std::uint32_t attempt);
core::UserId user_id(std::uint64_t seed, std::uint32_t user);
// A number below n that belongs to the user: its router with sticky cookies.
std::uint32_t user_choice(std::uint64_t seed, std::uint32_t user, std::uint32_t n);

}  // namespace homing::sim
