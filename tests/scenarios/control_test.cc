// SPDX-License-Identifier: Apache-2.0
//
// Every fault scenario beside its control twin (the same file without what breaks): the fault moves a metric that it is
// about by more than that metric's margin, for at least one strategy. A scenario that fails this asks nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include "sim/commands.h"
#include "sim/experiment.h"
#include "sim/measures.h"
#include "sim/sweep.h"

namespace homing::sim {
namespace {

#ifdef NDEBUG
constexpr int kSeeds = 3;
#else
constexpr int kSeeds = 1;  // unoptimised builds are ten times slower
#endif

struct Twins {
  const char* name;
  const char* strategy;
  const char* metric;
  friend std::ostream& operator<<(std::ostream& out, const Twins& twins) { return out << twins.name; }
};

double mean_of(const std::string& file, const Twins& twins) {
  std::vector<Scenario> scenarios = load_scenarios(file, known_names()).scenarios;
  EXPECT_EQ(scenarios.size(), 1u) << file;
  if (scenarios.size() != 1) return 0;
  const std::vector<std::string> strategy{twins.strategy};
  EXPECT_FALSE(choose_strategies(scenarios[0], strategy, known_names()).has_value()) << file;
  int metric = 0;
  while (metrics()[static_cast<std::size_t>(metric)].name != std::string(twins.metric)) ++metric;
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const RunRecord run = run_once(scenarios[0], 0, seed, false);
    const auto value =
        std::find_if(run.values.begin(), run.values.end(), [&](const auto& v) { return v.first == metric; });
    EXPECT_NE(value, run.values.end()) << file << " has no " << twins.metric;
    if (value != run.values.end()) sum += value->second;
  }
  return sum / kSeeds;
}

class ControlTest : public ::testing::TestWithParam<Twins> {};

TEST_P(ControlTest, TheFaultMovesWhatItIsAboutByMoreThanTheMargin) {
  const Twins& twins = GetParam();
  const std::string name = twins.name;
  const auto metric = std::find_if(metrics().begin(), metrics().end(),
                                   [&](const MetricInfo& m) { return m.name == std::string(twins.metric); });
  ASSERT_NE(metric, metrics().end());
  const double with = mean_of("scenarios/" + name, twins);
  const double without = mean_of("scenarios/" + name + "-control.toml", twins);
  std::printf("%s, %s, %s: %.4g with, %.4g without (margin %.4g)\n", twins.name, twins.strategy, twins.metric, with,
              without, metric->margin);
  EXPECT_GT(std::fabs(with - without), metric->margin);
}

INSTANTIATE_TEST_SUITE_P(Gallery, ControlTest,
                         ::testing::Values(Twins{"class-at-nine", "system-load", "felt-crowding"},
                                           Twins{"node-lost-at-peak", "sessions", "sessions-lost"},
                                           Twins{"node-lost-at-peak", "sessions", "user-minutes-lost"},
                                           Twins{"rolling-drain", "sessions", "user-minutes-lost"},
                                           Twins{"gray-failure", "sessions", "user-minutes-lost"},
                                           Twins{"heterogeneous-nodes", "random", "above-90-cpu"},
                                           Twins{"recovered-empty-node", "round-robin", "cov-sessions"},
                                           Twins{"partition-between-routers", "sessions", "user-minutes-lost"},
                                           Twins{"store-outage", "sessions", "session-minutes-without-store"},
                                           Twins{"rolling-upgrade", "sessions", "user-minutes-lost"}),
                         [](const auto& tested) {
                           std::string name = std::string(tested.param.name) + "_" + tested.param.metric;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace homing::sim
