// SPDX-License-Identifier: Apache-2.0
//
// Rows of the supermarket model: 100 machines under processor sharing, the shortest of d machines drawn without
// replacement, against another simulator's figures for 100 queues; both errors count. The limit of infinitely many
// queues is shown beside: it is not the truth for 100.
#include <fmt/format.h>

#include <utility>

#include "sim/oracles.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr const char* kSection = "supermarket model";
constexpr const char* kSource = "Mitzenmacher, TPDS 2001; simulation.md 2.2";

// Sum and count of the times in the system, sessions on a node.
std::vector<double> times(int nodes, int d, double lambda, double horizon, double warm_up, std::uint64_t seed) {
  const World world = ran({.nodes = nodes,
                           .strategy = "p2c-sessions",
                           .params = fmt::format("d = {}", d),
                           .rate = lambda * nodes,
                           .shares_cpu = true,
                           .horizon = horizon,
                           .warm_up = warm_up},
                          seed);
  double sum = 0.0;
  const std::vector<double> stays = sojourns_s(world);
  for (const double s : stays) sum += s;
  return {sum, static_cast<double>(stays.size()), probe_of(world).on_node().mean()};
}

struct Figure {
  double lambda;
  double time;   // 2e4 time units, 10 runs, d distinct
  double error;  // as stated; where none is, the one of d = 2 at the same lambda, which is the largest
};

void add(std::vector<Row>& rows, int nodes, int d, const Figure& figure, double horizon, double warm_up, int quick) {
  Row row;
  row.name = fmt::format("supermarket-n{}-d{}-{:.0f}", nodes, d, figure.lambda * 100);
  row.section = kSection;
  row.title = fmt::format("supermarket model, {} nodes, d = {}, lambda {}", nodes, d, figure.lambda);
  row.formula = "T against 100 queues simulated elsewhere; limit T = sum lambda^((d^i-d)/(d-1))";
  row.source = kSource;
  row.quick = quick;
  row.predict = [nodes, d, figure] {
    std::vector<Quantity> quantities = {{.name = "T",
                                         .predicted = figure.time,
                                         .own_error = figure.error,
                                         .reads = Reads::kRatio,
                                         .first = 0,
                                         .second = 1}};
    if (nodes >= 100) {
      Quantity limit = quantities[0];
      limit.name = "T, limit";
      limit.predicted = oracle::supermarket_time(figure.lambda, d);
      limit.own_error = 0.0;
      quantities.push_back(shown(limit));
    }
    quantities.push_back(mean_quantity("sessions on a node", figure.lambda * figure.time, 2));
    quantities.back().own_error = figure.lambda * figure.error;
    return quantities;
  };
  row.replicate = [=](std::uint64_t seed, double off) {
    return times(nodes, d, figure.lambda * off, horizon, warm_up, seed);
  };
  rows.push_back(std::move(row));
}

// Four choices have no figure of 100 queues: they lie between three and five.
void add_four(std::vector<Row>& rows) {
  Row row;
  row.name = "supermarket-n100-d4-90";
  row.section = kSection;
  row.title = "supermarket model, 100 nodes, d = 4, lambda 0.9: between d = 3 and d = 5";
  row.formula = "T of d = 5 < T < T of d = 3, 100 queues simulated elsewhere; limit shown";
  row.source = kSource;
  row.predict = [] {
    Quantity below{.name = "T below d = 3",
                   .predicted = 2.0637,
                   .own_error = 0.0112,
                   .check = Check::kBelow,
                   .reads = Reads::kRatio,
                   .first = 0,
                   .second = 1};
    Quantity above = below;
    above.name = "T above d = 5";
    above.predicted = 1.6713;
    above.check = Check::kAbove;
    Quantity limit = shown(below);
    limit.name = "T, limit";
    limit.predicted = oracle::supermarket_time(0.9, 4);
    limit.own_error = 0.0;
    return std::vector<Quantity>{below, above, limit};
  };
  row.mutates = false;
  row.replicate = [](std::uint64_t seed, double) { return times(100, 4, 0.9, 150, 60, seed); };
  rows.push_back(std::move(row));
}

}  // namespace

void add_supermarket_rows(std::vector<Row>& rows) {
  struct Column {
    double lambda, horizon, warm_up;
    double d2, d3, d5, error;
  };
  for (const Column& c : {Column{0.50, 100, 10, 1.2680, 1.1277, 1.0338, 0.0013},
                          {0.70, 60, 15, 1.6198, 1.3649, 1.1789, 0.0028},
                          {0.80, 80, 25, 1.9583, 1.5929, 1.3427, 0.0047},
                          {0.90, 150, 60, 2.6471, 2.0637, 1.6713, 0.0112},
                          {0.95, 400, 120, 3.4397, 2.6122, 2.0764, 0.0166}}) {
    add(rows, 100, 2, {c.lambda, c.d2, c.error}, c.horizon, c.warm_up, c.lambda == 0.5 ? 7 : 0);
    add(rows, 100, 3, {c.lambda, c.d3, c.error}, c.horizon, c.warm_up, 0);
    add(rows, 100, 5, {c.lambda, c.d5, c.error}, c.horizon, c.warm_up, 0);
  }
  add_four(rows);
  add(rows, 10, 2, {0.90, 3.002, 0.025}, 2000, 100, 0);
}

}  // namespace homing::sim
