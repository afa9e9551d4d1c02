// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/oracles.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <Eigen/SparseLU>
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>

#include "router/core/check.h"
#include "sim/world.h"
#include "tests/sim/worlds.h"

namespace homing::sim::testing {
namespace {

Estimate mean_of_runs(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double v : values) sum += v;
  double squares = 0.0;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, std::sqrt(squares / (n - 1) / n)};
}

bool within(const Estimate& found, double exact) {
  return std::fabs(found.value - exact) <= 4 * found.standard_error;
}

}  // namespace

Scenario closed_form(const Workload& workload) {
  const std::string law = workload.shares_cpu ? fmt::format("ends = \"work-done\"\nwork = \"{}\"", workload.law)
                                              : fmt::format("length = \"{}\"\nactions = false", workload.law);
  return *scenario_from(fmt::format(R"toml(
format = 1
title = "Closed form"
horizon = "{} s"
warm-up = "{} s"
routers = 1
[cluster]
heartbeat = "1000000 s"
user-delay = "0 s"
peer-delay = "0 s"
store-delay = "0 s"
nodes = [{{ count = {}, cores = 1, memory = "1 TiB" }}]
[[stream]]
name = "everyone"
rate = "{:.6f} per s"
kind = "job"
[kind.job]
start = {{ solo = "0 s", cpu = "0 s", memory = "0 B" }}
expected-memory = "0 B"
{}
[[strategy]]
name = "{}"
)toml",
                                    workload.horizon_s, workload.warm_up_s, workload.nodes, workload.rate, law,
                                    workload.strategy));
}

Estimates replicate(const Workload& workload, std::uint64_t base_seed, int replications) {
  const auto scenario = std::make_shared<const Scenario>(closed_form(workload));
  std::vector<double> means, squares, sojourns;
  for (int i = 0; i < replications; ++i) {
    WorldOptions options;
    options.record_feelings = false;
    World world = world_of(scenario, base_seed * 1000 + static_cast<std::uint64_t>(i), 0, options);
    world.run();
    const Journal& journal = world.finish();
    means.push_back(journal.moments().mean());
    squares.push_back(journal.moments().mean_square());
    if (journal.sojourns().count > 0) {
      sojourns.push_back(journal.sojourns().sum_s / static_cast<double>(journal.sojourns().count));
    }
  }
  Estimates found;
  found.mean = mean_of_runs(means);
  // Around the mean of all runs, so that a run's own wandering mean does not hide variance.
  std::vector<double> variances;
  const double m = found.mean.value;
  for (std::size_t i = 0; i < means.size(); ++i) variances.push_back(squares[i] - 2 * m * means[i] + m * m);
  found.variance = mean_of_runs(variances);
  if (sojourns.size() > 1) found.sojourn = mean_of_runs(sojourns);
  return found;
}

bool agrees(const Estimates& found, const Exact& exact) {
  return within(found.mean, exact.mean) && within(found.variance, exact.variance);
}

Exact solve_chain(int nodes, Choice choice, double rate, bool shares_cpu, int cap) {
  CHECK(nodes == 2 || nodes == 3);
  using State = std::array<int, 3>;  // descending; the third is 0 and unused for two nodes
  const auto count = static_cast<std::size_t>(nodes);
  std::map<State, int> index;
  for (int a = 0; a <= cap; ++a) {
    for (int b = 0; b <= a; ++b) {
      for (int c = 0; c <= (nodes == 3 ? b : 0); ++c) index.emplace(State{a, b, c}, static_cast<int>(index.size()));
    }
  }
  const auto sorted = [count](State s) {
    std::sort(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(count), std::greater<>());
    return s;
  };
  const auto n = static_cast<int>(index.size());
  std::vector<Eigen::Triplet<double>> entries;
  const auto flow = [&](const State& from, const State& to, double speed) {
    const int i = index.at(from), j = index.at(sorted(to));
    if (j != n - 1) entries.emplace_back(j, i, speed);
    if (i != n - 1) entries.emplace_back(i, i, -speed);
  };
  for (const auto& [state, number] : index) {
    entries.emplace_back(n - 1, number, 1.0);  // the last balance equation gives way to: probabilities add up to 1
    // Who takes an arrival: the last place (shortest), or the later place of a pair drawn evenly.
    for (std::size_t place = 0; place < count; ++place) {
      double share = place + 1 == count ? 1.0 : 0.0;
      if (choice == Choice::kTwoChoices) {
        share = static_cast<double>(place) / (static_cast<double>(count * (count - 1)) / 2.0);
      }
      State next = state;
      ++next[place];
      if (share > 0.0 && next[place] <= cap) flow(state, next, rate * share);
      State less = state;
      --less[place];
      if (less[place] >= 0) flow(state, less, shares_cpu ? 1.0 : state[place]);
    }
  }
  Eigen::SparseMatrix<double> balance(n, n);
  balance.setFromTriplets(entries.begin(), entries.end());
  Eigen::SparseLU<Eigen::SparseMatrix<double>> solver(balance);
  CHECK(solver.info() == Eigen::Success);
  Eigen::VectorXd right = Eigen::VectorXd::Zero(n);
  right(n - 1) = 1.0;
  const Eigen::VectorXd stationary = solver.solve(right);
  Exact exact;
  double square = 0.0;
  for (const auto& [state, number] : index) {
    for (std::size_t place = 0; place < count; ++place) {
      exact.mean += stationary(number) * state[place] / static_cast<double>(count);
      square += stationary(number) * state[place] * state[place] / static_cast<double>(count);
    }
  }
  exact.variance = square - exact.mean * exact.mean;
  return exact;
}

}  // namespace homing::sim::testing
