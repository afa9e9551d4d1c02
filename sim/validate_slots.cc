// SPDX-License-Identifier: Apache-2.0
//
// Rows of machines with a limited number of places (max-sessions): waiting (Erlang C), loss (Erlang B), pooling.
#include <fmt/format.h>

#include <utility>

#include "sim/oracles.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr const char* kSection = "places";

// c places and c processors on one machine; who finds none stands in the router's line.
void add_delay(std::vector<Row>& rows, int c, double a, double horizon, int quick) {
  Row row;
  row.name = fmt::format("mmc-{}-{:.0f}", c, a);
  row.section = kSection;
  row.title = fmt::format("M/M/c: {} places, {} sessions offered, waiting in line", c, a);
  row.formula = "C = Erlang C, Wq = C/(c-a)";
  row.source = "Erlang 1917; simulation.md 2.1";
  row.quick = quick;
  row.predict = [c, a] {
    const double waits = oracle::erlang_c(c, a);
    return std::vector<Quantity>{
        {.name = "C", .predicted = waits, .reads = Reads::kRatio, .first = 0, .second = 2},
        {.name = "Wq", .predicted = waits / (c - a), .reads = Reads::kRatio, .first = 1, .second = 2},
        mean_quantity("busy places", a, 3)};
  };
  row.replicate = [c, a, horizon](std::uint64_t seed, double off) {
    const World world = ran(
        {.cores = c, .max_sessions = c, .rate = a * off, .shares_cpu = true, .horizon = horizon, .warm_up = 100}, seed);
    double waited = 0.0, sum = 0.0;
    const std::vector<double> waits = waits_s(world);
    for (const double w : waits) {
      waited += w > 1e-6 ? 1.0 : 0.0;
      sum += w;
    }
    return std::vector<double>{waited, sum, static_cast<double>(waits.size()), probe_of(world).on_node().mean()};
  };
  rows.push_back(std::move(row));
}

// Nobody queues: refused people go away.
void add_loss(std::vector<Row>& rows, int nodes, int c, double a, const char* law, const char* short_law,
              double horizon, const char* strategy, int quick) {
  Row row;
  row.name = nodes == 1 ? fmt::format("loss-{}-{:.0f}-{}", c, a, short_law)
                        : fmt::format("pooling-{}x{}-{}", nodes, c, strategy);
  row.section = kSection;
  row.title = nodes == 1 ? fmt::format("loss: {} places, {} offered, stays {}", c, a, short_law)
                         : fmt::format("pooling: {} machines of {} places, {} offered, strategy {}, lose as one of {}",
                                       nodes, c, a, strategy, nodes * c);
  row.formula = "B = Erlang B of all places, for any law of stays; places busy = a (1-B)";
  row.source = "Erlang 1917; simulation.md 2.1";
  row.quick = quick;
  const int all = nodes * c;
  row.predict = [all, a, nodes] {
    const double lost = oracle::erlang_b(all, a);
    return std::vector<Quantity>{{.name = "B", .predicted = lost, .reads = Reads::kRatio, .first = 0, .second = 1},
                                 mean_quantity("busy places of a machine", a * (1 - lost) / nodes, 2)};
  };
  row.replicate = [=](std::uint64_t seed, double off) {
    const World world = ran({.nodes = nodes,
                             .max_sessions = c,
                             .strategy = strategy,
                             .rate = a * off,
                             .law = law,
                             .horizon = horizon,
                             .warm_up = 50,
                             .unit = "ms",
                             .losing = true},
                            seed);
    double lost = 0.0, came = 0.0;
    for (const Probe::Life& life : probe_of(world).lives()) {
      if (life.arrived < 0 || life.arrived == Probe::kNever) continue;
      came += 1;
      lost += life.served == Probe::kNever ? 1 : 0;
    }
    return std::vector<double>{lost, came, probe_of(world).on_node().mean()};
  };
  rows.push_back(std::move(row));
}

}  // namespace

void add_slot_rows(std::vector<Row>& rows) {
  add_delay(rows, 2, 1, 20'000, 7);
  add_delay(rows, 5, 3, 10'000, 0);
  add_delay(rows, 10, 8, 8'000, 0);
  add_delay(rows, 20, 15, 15'000, 0);
  add_loss(rows, 1, 5, 3, "exponential(1 ms)", "exponential", 4'000, "random", 7);
  add_loss(rows, 1, 5, 3, "1 ms", "constant", 4'000, "random", 0);
  add_loss(rows, 1, 5, 3, "lognormal(median 0.324652 ms, sigma 1.5)", "lognormal", 10'000, "random", 0);
  add_loss(rows, 1, 10, 8, "exponential(1 ms)", "exponential", 2'000, "random", 0);
  add_loss(rows, 1, 20, 15, "exponential(1 ms)", "exponential", 3'000, "random", 0);
  add_loss(rows, 10, 10, 90, "exponential(1 ms)", "exponential", 1'100, "random", 0);
  add_loss(rows, 10, 10, 90, "exponential(1 ms)", "exponential", 1'100, "sessions", 0);
}

}  // namespace homing::sim
