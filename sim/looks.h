// SPDX-License-Identifier: Apache-2.0
//
// Looks: an experiment whose number of seeds is not fixed in advance (`run --seeds auto`).
//
// Ten seeds are run, then one looks; where something is still open, up to 20, 40 and 80 (model.md 5). A scenario stops
// when every comparison of the chosen metrics is settled (verdict.h): all pairs equal, or the half-width of the
// interval below the margin. The rule asks how wide an interval is, never on which side of 0 it lies: stopping at the
// first difference that shows would find differences that are not there. Run ids leave room for all 80 seeds, so an
// experiment that stopped earlier is the beginning of one that went on. Thread class: Looks is single-owner; place()
// may come from any thread, one at a time.
#pragma once

#include <vector>

#include "sim/experiment.h"
#include "sim/report.h"
#include "sim/results.h"
#include "sim/scenario.h"

namespace homing::sim {

class Looks {
 public:
  // `seeds` of the scenarios are ignored; the rest of them is run as it is.
  Looks(const std::vector<Scenario>& scenarios, MetricChoice choice);

  // The scenarios that are not settled, with the seeds up to their next look. Empty: it is over.
  // REQUIRES: all runs of the last answer went through place().
  std::vector<Scenario> next();
  // Takes a run of the last answer and gives it its scenario, id and series in the whole experiment.
  void place(RunRecord& run);

 private:
  struct State {
    ScenarioRow row;
    int first_id = 0;
    int seeds = 0;  // that were handed out
    bool settled = false;
    std::vector<RunRow> runs;
  };
  bool is_settled(const State& state) const;

  const std::vector<Scenario>& scenarios_;
  std::vector<MetricRow> metrics_;  // the chosen ones
  std::vector<State> states_;
  std::vector<int> batch_;  // scenario of each of the last answer's
};

// run_experiment() look by look. Returns the number of finished runs.
int run_in_looks(const std::vector<Scenario>& scenarios, const MetricChoice& choice, ExperimentOptions options);

}  // namespace homing::sim
