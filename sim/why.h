// SPDX-License-Identifier: Apache-2.0
//
// Why: one visit of one run, made again. Which router was asked, what every node looked like to it, what was chosen and
// by how much, how each epoch of the session ended; and what would have been, had that one placement gone elsewhere.
//
// Intuition: a result keeps O(1) a decision, so the rest is simulated again. The world runs to the visit's arrival
// without looking; from there on every event is watched, the cores explain the placements of this user, and now and
// then the whole world is put aside as a copy. A placement that was made is thereby never more than a sixteenth of the
// visit away from a copy that does not know of it yet. `what_if` takes that copy to the event before the placement,
// copies it once more, gives the copy an operator's word (core::PlaceWanted) and runs both to the horizon under the
// same plan.
//
// Invariants: watching changes no fingerprint; forcing the node that was chosen gives the same fingerprint.
// Thread class: values; single-owner.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/measures.h"
#include "sim/plan.h"
#include "sim/results.h"
#include "sim/scenario.h"
#include "sim/world.h"

namespace homing::sim {

// One placement of a session and what became of it, as the store's row of the session told.
struct EpochLife {
  core::SessionId session;
  core::Epoch epoch{};
  std::uint32_t node = kNone;
  std::int64_t placed_ns = 0;
  std::optional<std::int64_t> ready_ns;
  std::optional<std::int64_t> ended_ns;  // when the store learnt of it; nothing: it went on
  std::string state;                     // words of the core: "lost", "ended", "ready"...
  std::string reason;                    // "node-dead", "owner"...; empty while it goes on
};

// From then on the person felt this.
struct Moment {
  std::int64_t at_ns = 0;
  Feeling feeling = Feeling::kWaiting;
};

// What one visit was like, up to where it was watched.
struct VisitStory {
  std::uint32_t visit = 0;
  std::int64_t arrived_ns = 0;
  std::optional<std::int64_t> left_ns;  // nothing: still there at the horizon
  std::vector<std::pair<std::int64_t, std::uint32_t>>
      routers;  // from then on the front sent them to this one (kNone: none)
  std::vector<Moment> moments;
  std::vector<EpochLife> epochs;
  double waiting_s = 0.0;
  double cut_s = 0.0;
  double lost_s = 0.0;
  double slow_s = 0.0;
  std::optional<double> first_wait_s;  // until the session first answered
  std::vector<DownInterval> downs;     // beyond patience; what counts as user-minutes lost

  double minutes_lost() const;
  int losses() const;  // times that what had answered was gone
};

// Follows one visit through a world. Copyable together with it.
class VisitWatch {
 public:
  VisitWatch(const World& world, std::uint32_t visit);
  // After every event of the world.
  void look(const World& world);
  // The story so far; ends what is open at the world's horizon.
  VisitStory story(const World& world) const;
  bool over() const { return phase_ == Stay::Phase::kOver; }

 private:
  void look_at_row(const World& world);
  void look_at_work(const World& world);
  void feel(std::int64_t now_ns, Feeling feeling);

  VisitStory story_;
  VisitFeeling downs_;
  Stay::Phase phase_ = Stay::Phase::kToCome;
  std::optional<Moment> now_;
  core::Version row_version_{};
  std::uint32_t router_ = kNone;
  std::optional<core::Instant> slow_after_;  // of the action under way
};

// A placement that the store took, with a way back to the moment before it.
struct Placement {
  std::uint32_t machine = 0;  // whose router decided
  std::int64_t at_ns = 0;
  core::DecisionTable table;

  // A copy of the world some events before, with its watch, and the number of the event that decided.
  struct Before {
    World world;
    VisitWatch watch;
  };
  std::shared_ptr<const Before> before;
  std::uint64_t event = 0;
};

struct WhyAnswer {
  VisitStory story;  // of the whole visit
  std::vector<Placement> placements;
};

// A run to be made again: the scenario as it was run, and which of its runs.
struct RunAgain {
  std::shared_ptr<const Scenario> scenario;
  std::shared_ptr<const Plan> plan;
  int strategy = 0;
};

// Reads the scenario in a result again and draws the plan of that run. The error is a sentence; `unpaired` in it says
// that the plan drawn now is not the plan of the run (exit code 4).
struct WhyError {
  std::string text;
  bool unpaired = false;
};
// `scenario_file`: where the scenario lies, for one that refers to other files; empty: its text in the result suffices.
std::expected<RunAgain, WhyError> run_again(const ResultReader& results, const RunRow& run,
                                            const std::string& scenario_file = "");

// Watches the visit from its arrival to its end. REQUIRES: visit < plan->visits.size().
WhyAnswer why(const RunAgain& run, std::uint32_t visit);

// Both ways of one placement, to the horizon.
struct WhatIf {
  VisitStory real;
  VisitStory fork;
  RunRecord real_run;  // plan, fingerprint, values, losses, downs
  RunRecord fork_run;
  core::NodeId went_to =
      core::kNoNode;  // where the fork's placement went: the wanted node, unless it could not be chosen
};
WhatIf what_if(const RunAgain& run, const Placement& placement, std::uint32_t node);

// One visit of the plan by what people write: "412/1133" (user/visit, as the list of losses shows), "1133" (visit), or
// the 32 hex digits of a session id. The error says what was expected.
std::expected<std::uint32_t, std::string> visit_named(const Plan& plan, const std::string& text);

}  // namespace homing::sim
