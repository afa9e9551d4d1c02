// SPDX-License-Identifier: Apache-2.0
#include "sim/looks.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "router/core/check.h"
#include "sim/verdict.h"

namespace homing::sim {

Looks::Looks(const std::vector<Scenario>& scenarios, MetricChoice choice) : scenarios_(scenarios) {
  std::vector<MetricRow> all;
  for (const MetricInfo& info : metrics()) all.push_back({static_cast<int>(all.size()), info});
  metrics_ = chosen_metrics(choice, all);
  int first_id = 0;
  for (const Scenario& scenario : scenarios) {
    State state;
    state.row.id = static_cast<int>(states_.size());
    state.row.name = scenario.name;
    state.row.baseline = scenario.baseline;
    for (const StrategySpec& spec : scenario.strategies) {
      state.row.strategies.push_back({static_cast<int>(state.row.strategies.size()), spec.name, spec.base, ""});
    }
    for (const auto& [name, margin] : scenario.margins) {
      if (const auto metric = metric_index(name)) state.row.margins[*metric] = margin;
    }
    state.first_id = first_id;
    first_id += static_cast<int>(scenario.strategies.size()) * kMostLooks;
    states_.push_back(std::move(state));
  }
}

bool Looks::is_settled(const State& state) const {
  const auto compared = compare_strategies(state.row, metrics_, state.runs, state.row.baseline);
  // Runs that are no pairs stay none, however many there are.
  if (!compared) return true;
  return std::all_of(compared->rows.begin(), compared->rows.end(), [&](const Comparison& row) {
    const auto metric =
        std::find_if(metrics_.begin(), metrics_.end(), [&](const MetricRow& m) { return m.id == row.metric; });
    // A metric without a value in any run will not get one.
    return row.judgement.summary.n == 0 || settled(row.judgement, margin_of(state.row, *metric));
  });
}

std::vector<Scenario> Looks::next() {
  std::vector<Scenario> batch;
  batch_.clear();
  for (State& state : states_) {
    state.settled = state.settled || (state.seeds > 0 && is_settled(state));
    const auto look = next_look(state.seeds);
    if (state.settled || !look) continue;
    Scenario scenario = scenarios_[static_cast<std::size_t>(state.row.id)];
    scenario.first_seed += static_cast<std::uint64_t>(state.seeds);
    scenario.seeds = *look - state.seeds;
    state.seeds = *look;
    batch_.push_back(state.row.id);
    batch.push_back(std::move(scenario));
  }
  return batch;
}

void Looks::place(RunRecord& run) {
  run.scenario = batch_.at(static_cast<std::size_t>(run.scenario));
  State& state = states_[static_cast<std::size_t>(run.scenario)];
  const Scenario& scenario = scenarios_[static_cast<std::size_t>(run.scenario)];
  const auto seed = static_cast<int>(run.seed - scenario.first_seed);
  CHECK(seed >= 0 && seed < kMostLooks);
  run.id = state.first_id + run.strategy * kMostLooks + seed;
  if (seed > 0 && !scenario.record_all) run.series.clear();
  RunRow row;
  row.id = run.id;
  row.scenario = run.scenario;
  row.strategy = run.strategy;
  row.seed = run.seed;
  row.plan_hash = run.plan_hash;
  row.paired = run.paired;
  for (const auto& [metric, value] : run.values) row.values[metric] = value;
  state.runs.push_back(std::move(row));
}

int run_in_looks(const std::vector<Scenario>& scenarios, const MetricChoice& choice, ExperimentOptions options) {
  Looks looks(scenarios, choice);
  std::atomic<bool> stopped = false;
  options.done = [&, done = std::move(options.done)](RunRecord run) {
    looks.place(run);
    if (!done || done(std::move(run))) return true;
    stopped = true;
    return false;
  };
  options.pulse = [&, pulse = std::move(options.pulse)](const Progress& progress) {
    if (!pulse || pulse(progress)) return true;
    stopped = true;
    return false;
  };
  int finished = 0;
  while (!stopped) {
    const std::vector<Scenario> batch = looks.next();
    if (batch.empty()) break;
    finished += run_experiment(batch, options);
  }
  return finished;
}

}  // namespace homing::sim
