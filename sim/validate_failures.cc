// SPDX-License-Identifier: Apache-2.0
//
// Rows of failures: sessions killed, availability of machines, whatever the law of repairs.
#include "sim/validate_failures.h"

#include <fmt/format.h>

#include <utility>

#include "sim/oracles.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr const char* kSection = "failures";

void add_killed(std::vector<Row>& rows, double up_h, int quick) {
  Row row;
  row.name = fmt::format("killed-{:.0f}h", up_h);
  row.section = kSection;
  row.title = fmt::format("share of sessions killed by crashes, D = 1 h, {} h of running between crashes", up_h);
  row.formula = "P = D/(D+M)";
  row.source = "competing exponentials; simulation.md 2.3";
  row.quick = quick;
  row.replications = 160;
  row.predict = [up_h] {
    return std::vector<Quantity>{
        {.name = "P(killed)", .predicted = 1 / (1 + up_h), .reads = Reads::kRatio, .first = 0, .second = 1}};
  };
  row.replicate = [up_h](std::uint64_t seed, double off) {
    return killed_and_ended({.up_h = up_h / off, .horizon_h = up_h * 50}, seed);
  };
  rows.push_back(std::move(row));
}

// Every machine is an alternating renewal process in equilibrium, drawn by the scenario's own fault table.
std::string crashes(double up_h, const std::string& repair) {
  return fmt::format(
      "[[fault]]\nkind = \"crash\"\ntarget = \"all\"\nevery = \"exponential({:.9f} h)\"\nlasts = \"{}\"\n", up_h,
      repair);
}

World failing_world(int nodes, double up_h, const std::string& repair, double horizon_h, std::uint64_t seed) {
  // Somebody must come; once a thousand hours is enough.
  return watched_world(scenario_of(workload_text({.nodes = nodes,
                                                  .rate = 1e-3 / 3600,
                                                  .law = "1 min",
                                                  .horizon = horizon_h * 3600,
                                                  .warm_up = 0,
                                                  .more = crashes(up_h, repair)})),
                       seed);
}

// The long-run share of time up depends on the means alone.
void add_availability(std::vector<Row>& rows, const char* law, const char* repair, double horizon_h, int quick) {
  constexpr double kUp = 24;
  constexpr int kNodes = 20;
  Row row;
  row.name = fmt::format("availability-{}", law);
  row.section = kSection;
  row.title = fmt::format("availability, {} machines, 24 h of running, repairs {} of mean 2 h", kNodes, law);
  row.formula = "A = MTBF/(MTBF+MTTR) whatever the law of repairs; k of n up: binomial";
  row.source = "Barlow and Proschan; simulation.md 2.5";
  row.quick = quick;
  row.predict = [] {
    const double a = oracle::availability(kUp, 2);
    return std::vector<Quantity>{mean_quantity("1 - A", 1 - a), mean_quantity("A", a, 1),
                                 mean_quantity("P(at least 18 of 20 up)", oracle::at_least_up(18, kNodes, a), 2),
                                 mean_quantity("P(at least 19 of 20 up)", oracle::at_least_up(19, kNodes, a), 3)};
  };
  row.replicate = [repair, horizon_h](std::uint64_t seed, double off) {
    World world = failing_world(kNodes, kUp / off, repair, horizon_h, seed);
    world.run();
    world.finish();
    const Probe::Histogram& up = probe_of(world).machines_up();
    return std::vector<double>{1 - up.mean() / kNodes, up.mean() / kNodes, up.at_least(18), up.at_least(19)};
  };
  rows.push_back(std::move(row));
}

// Of the machines that are up at time 0, an exponential time before their crash, so many are up at t.
void add_coming_up(std::vector<Row>& rows) {
  constexpr int kNodes = 400;
  Row row;
  row.name = "availability-from-up";
  row.section = kSection;
  row.title = "share of machines up 0.5 and 1 h later of those that are up, 1 h of running, repairs of 1 h";
  row.formula = "A(t) = m/(l+m) + l/(l+m) exp(-(l+m)t)";
  row.source = "Barlow and Proschan; simulation.md 2.5";
  row.replications = 60;
  row.predict = [] {
    return std::vector<Quantity>{{.name = "A(0.5 h)",
                                  .predicted = oracle::availability_at(1, 1, 0.5),
                                  .reads = Reads::kRatio,
                                  .first = 1,
                                  .second = 0},
                                 {.name = "A(1 h)",
                                  .predicted = oracle::availability_at(1, 1, 1),
                                  .reads = Reads::kRatio,
                                  .first = 2,
                                  .second = 0},
                                 mean_quantity("up at 0", 0.5 * kNodes)};
  };
  row.replicate = [](std::uint64_t seed, double off) {
    World world = failing_world(kNodes, 1 / off, "exponential(1 h)", 1.1, seed);
    std::vector<bool> first(kNodes);
    std::vector<double> numbers(3, 0.0);
    for (const std::size_t half : {0, 1, 2}) {
      world.run_until(half == 0 ? 1 : static_cast<std::int64_t>(half) * 1'800'000'000'000);
      for (std::size_t i = 0; i < kNodes; ++i) {
        const bool up = world.machines()[i].core.has_value();
        if (half == 0) first[i] = up;
        numbers[half] += first[i] && up ? 1 : 0;
      }
    }
    return numbers;
  };
  rows.push_back(std::move(row));
}

}  // namespace

std::vector<double> killed_and_ended(const FailingNode& node, std::uint64_t seed) {
  const World world = ran({.rate = node.sessions / 3600,
                           .law = "exponential(1 h)",
                           .horizon = node.horizon_h * 3600,
                           .warm_up = 10 * 3600.0,
                           .more = crashes(node.up_h, node.down)},
                          seed);
  return {static_cast<double>(world.journal().losses().size()), static_cast<double>(probe_of(world).processes())};
}

void add_availability_rows(std::vector<Row>& rows) {
  add_killed(rows, 9, 100);
  add_killed(rows, 19, 0);
  add_availability(rows, "exponential", "exponential(2 h)", 700, 20);
  add_availability(rows, "weibull-0.7", "weibull(shape 0.7, mean 2 h)", 1000, 0);
  add_availability(rows, "lognormal", "lognormal(median 1.213061319 h, sigma 1)", 1000, 0);
  add_coming_up(rows);
}

}  // namespace homing::sim
