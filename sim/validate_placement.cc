// SPDX-License-Identifier: Apache-2.0
//
// Rows of sessions on many nodes (infinite servers): what placement does to the spread, against exact chains and closed
// forms; and the spread of users under user-hash.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/oracles.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr const char* kSection = "sessions on many nodes";

struct Placement {
  std::string name;
  Workload workload;
  std::string formula;
  std::string source;
  int quick = 0;
  std::function<oracle::Moments()> exact;
};

void add(std::vector<Row>& rows, Placement placement) {
  Row row;
  row.name = placement.name;
  row.section = kSection;
  row.title = fmt::format("{}, {} nodes, {:.3g} sessions each{}", placement.workload.strategy, placement.workload.nodes,
                          placement.workload.rate / placement.workload.nodes,
                          placement.workload.shares_cpu ? " offered, processor sharing" : "");
  row.formula = placement.formula;
  row.source = placement.source;
  row.quick = placement.quick;
  row.predict = [exact = placement.exact] {
    const oracle::Moments moments = exact();
    return std::vector<Quantity>{mean_quantity("mean", moments.mean), variance_quantity("variance", moments.variance)};
  };
  row.replicate = [workload = placement.workload](std::uint64_t seed, double off) {
    Workload mine = workload;
    mine.rate *= off;
    return occupancy(ran(mine, seed));
  };
  rows.push_back(std::move(row));
}

void add_chains(std::vector<Row>& rows) {
  const char* formula = "stationary law of the exact chain on sorted occupancies (Eigen)";
  const char* source = "model.md 8, truncated generator";
  using oracle::Choice;
  add(rows, {.name = "jsq-n2",
             .workload = {.nodes = 2, .strategy = "sessions", .rate = 6, .horizon = 1'500, .warm_up = 20},
             .formula = formula,
             .source = source,
             .quick = 7,
             .exact = [] { return oracle::solve_chain(2, Choice::kShortest, 6, false, 24); }});
  add(rows, {.name = "jsq-n3",
             .workload = {.nodes = 3, .strategy = "sessions", .rate = 6, .horizon = 1'500, .warm_up = 20},
             .formula = formula,
             .source = source,
             .exact = [] { return oracle::solve_chain(3, Choice::kShortest, 6, false, 13); }});
  add(rows, {.name = "jsq2-n3",
             .workload = {.nodes = 3, .strategy = "p2c-sessions", .rate = 6, .horizon = 1'500, .warm_up = 20},
             .formula = formula,
             .source = source,
             .quick = 7,
             .exact = [] { return oracle::solve_chain(3, Choice::kTwoChoices, 6, false, 14); }});
  add(rows,
      {.name = "jsq2-n2-ps",
       .workload =
           {.nodes = 2, .strategy = "p2c-sessions", .rate = 1.2, .shares_cpu = true, .horizon = 12'000, .warm_up = 200},
       .formula = formula,
       .source = source,
       .exact = [] { return oracle::solve_chain(2, Choice::kTwoChoices, 1.2, true, 40); }});
  add(rows, {.name = "random-n4-ps",
             .workload = {.nodes = 4, .rate = 2, .shares_cpu = true, .horizon = 5'000, .warm_up = 200},
             .formula = "independent M/M/1 queues",
             .source = "splitting of Poisson streams",
             .exact = [] { return oracle::Moments{1, 2}; }});
}

void add_spreads(std::vector<Row>& rows) {
  const char* poisson = "variance = rho";
  const char* peaked = "variance = rho (1/(1 - (N rho/(N rho+1))^N) - rho)";
  const char* source = "GI/M/inf peakedness; simulation.md 2.3";
  for (const auto& [n, rho, horizon, quick] :
       {std::tuple{4, 5.0, 350.0, 7}, {10, 10.0, 100.0, 0}, {100, 10.0, 15.0, 0}}) {
    const double all = n * rho;
    add(rows, {.name = fmt::format("random-n{}", n),
               .workload = {.nodes = n, .rate = all, .horizon = horizon, .warm_up = 10},
               .formula = poisson,
               .source = source,
               .quick = quick,
               .exact = [rho] { return oracle::Moments{rho, rho}; }});
    add(rows, {.name = fmt::format("round-robin-n{}", n),
               .workload = {.nodes = n, .strategy = "round-robin", .rate = all, .horizon = horizon * 2, .warm_up = 15},
               .formula = peaked,
               .source = source,
               .quick = quick,
               .exact = [n, rho] { return oracle::Moments{rho, oracle::round_robin_variance(n, rho)}; }});
  }
}

// Figures of 100 nodes and 10 sessions each: the limit of infinitely many nodes is shown beside.
void add_hundred_nodes(std::vector<Row>& rows, const char* strategy, int d, double elsewhere) {
  Row row;
  row.name = fmt::format("hundred-{}{}", strategy, d > 0 ? fmt::format("-d{}", d) : "");
  row.section = kSection;
  row.title = fmt::format("{}{}, 100 nodes, 10 sessions each", strategy, d > 0 ? fmt::format(" d = {}", d) : "");
  row.formula = "mean = rho; variance beside rho (s_{i-1}^d - s_i^d) = i (s_i - s_{i+1}), and beside another simulator";
  row.source = "Luczak and McDiarmid; simulation.md 2.3 (simulated, no error stated)";
  row.predict = [d, elsewhere] {
    std::vector<Quantity> quantities = {mean_quantity("mean", 10)};
    if (d > 0) {
      quantities.push_back(shown(variance_quantity("variance, limit", oracle::choices_fixed_point(10, d).variance)));
    }
    quantities.push_back(shown(variance_quantity("variance, elsewhere", elsewhere)));
    // The total is Poisson(N rho) under every policy, so no policy has less than this.
    Quantity floor = variance_quantity("variance above rho/N", 0.1);
    floor.check = Check::kAbove;
    quantities.push_back(floor);
    return quantities;
  };
  row.replicate = [=](std::uint64_t seed, double off) {
    return occupancy(ran({.nodes = 100,
                          .strategy = strategy,
                          .params = d > 2 ? fmt::format("d = {}", d) : "",
                          .rate = 1000 * off,
                          .horizon = 20,
                          .warm_up = 10},
                         seed));
  };
  rows.push_back(std::move(row));
}

// Everybody comes within a second and stays: how evenly does a hash spread users?
void add_user_hash(std::vector<Row>& rows, int users, int nodes, int quick) {
  Row row;
  row.name = fmt::format("user-hash-{}-{}", users, nodes);
  row.section = kSection;
  row.title = fmt::format("user-hash: {} users on {} nodes", users, nodes);
  row.formula = "E[CoV^2] = (N-1)/U; E[max/mean] of the multinomial, exactly";
  row.source = "simulation.md 2.3";
  row.quick = quick;
  row.replications = 300;
  row.predict = [=] {
    Quantity spread = mean_quantity("CoV^2 across nodes", static_cast<double>(nodes - 1) / users, 1);
    spread.check = Check::kVariance;
    return std::vector<Quantity>{mean_quantity("users on a node", static_cast<double>(users) / nodes), spread,
                                 mean_quantity("max/mean", oracle::fullest_over_mean(users, nodes), 2)};
  };
  row.replicate = [=](std::uint64_t seed, double off) {
    World world = watched_world(scenario_of(fmt::format(R"toml(
format = 1
title = "Users of a hash"
horizon = "10 s"
warm-up = "0 s"
routers = 1
[cluster]
heartbeat = "1000000 s"
user-delay = "0 s"
peer-delay = "0 s"
store-delay = "0 s"
nodes = [{{ count = {}, cores = 1, memory = "1 TiB" }}]
[[users]]
name = "everyone"
count = {}
burst = {{ at = "0 s", within = "1 s" }}
kinds = {{ job = 1.0 }}
[kind.job]
start = {{ solo = "0 s", cpu = "0 s", memory = "0 B" }}
expected-memory = "0 B"
length = "1 h"
actions = false
[[strategy]]
name = "user-hash"
)toml",
                                                        nodes, std::lround(users * off))),
                                seed);
    world.run();
    double sum = 0.0, squares = 0.0, most = 0.0;
    for (const Machine& machine : world.machines()) {
      const auto n = static_cast<double>(machine.processes.size());
      sum += n;
      squares += n * n;
      most = std::max(most, n);
    }
    const double mean = sum / nodes;
    return std::vector<double>{mean, squares / nodes / mean / mean - 1, most / mean};
  };
  rows.push_back(std::move(row));
}

}  // namespace

void add_placement_rows(std::vector<Row>& rows) {
  add_chains(rows);
  add_spreads(rows);
  add_hundred_nodes(rows, "p2c-sessions", 2, 2.157);
  add_hundred_nodes(rows, "p2c-sessions", 3, 1.208);
  add_hundred_nodes(rows, "sessions", 0, 0.292);
  add_user_hash(rows, 100, 4, 0);
  add_user_hash(rows, 200, 5, 250);
  add_user_hash(rows, 1000, 20, 0);
}

}  // namespace homing::sim
