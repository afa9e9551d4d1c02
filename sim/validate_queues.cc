// SPDX-License-Identifier: Apache-2.0
//
// Rows of one queue: processor sharing, first come first served, infinitely many servers, Little's law.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/oracles.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr const char* kSection = "one queue";

// A law of work or of stays with mean 1 s and that squared coefficient of variation (0: constant; else gamma).
std::string law_of(double scv) {
  if (scv == 0.0) return "1 s";
  if (scv == 1.0) return "exponential(1 s)";
  return fmt::format("gamma({}, {} s)", 1 / scv, scv);
}

void add_processor_sharing(std::vector<Row>& rows, double rho, double horizon, int quick) {
  Row row;
  row.name = fmt::format("mm1-ps-{:.0f}", rho * 100);
  row.section = kSection;
  row.title = fmt::format("M/M/1 under processor sharing, rho {}", rho);
  row.formula = "L = r/(1-r), W = 1/(1-r), P(N>=k) = r^k; p99 of the sojourn: uniformized chain of the others present";
  row.source = "Kleinrock II; Coffman, Muntz, Trotter 1970; simulation.md 2.1";
  row.quick = quick;
  row.predict = [rho] {
    const double l = rho / (1 - rho);
    return std::vector<Quantity>{
        mean_quantity("L", l),
        variance_quantity("variance of N", rho / ((1 - rho) * (1 - rho))),
        {.name = "W", .predicted = 1 / (1 - rho), .reads = Reads::kRatio, .first = 2, .second = 3},
        mean_quantity("P(N>=1)", rho, 4),
        mean_quantity("P(N>=3)", rho * rho * rho, 5),
        mean_quantity("p99 of the sojourn", oracle::ps_sojourn_quantile(rho, 0.99), 6)};
  };
  row.replicate = [rho, horizon](std::uint64_t seed, double off) {
    const World world = ran({.rate = rho * off, .shares_cpu = true, .horizon = horizon, .warm_up = horizon / 50}, seed);
    std::vector<double> numbers = occupancy(world);
    const std::vector<double> stays = sojourns_s(world);
    double sum = 0.0;
    for (const double s : stays) sum += s;
    numbers.push_back(sum);
    numbers.push_back(static_cast<double>(stays.size()));
    numbers.push_back(probe_of(world).on_node().at_least(1));
    numbers.push_back(probe_of(world).on_node().at_least(3));
    numbers.push_back(quantile(stays, 0.99));
    return numbers;
  };
  rows.push_back(std::move(row));
}

// Slow-down of small and large pieces of work: E[T | x] = x / (1 - r), whatever the law.
void add_insensitivity(std::vector<Row>& rows, double scv, int quick) {
  constexpr double kRho = 0.5;
  Row row;
  row.name = fmt::format("mg1-ps-scv{:.0f}", scv);
  row.section = kSection;
  row.title = fmt::format("M/G/1 under processor sharing, rho 0.5, squared variation of work {:.0f}", scv);
  row.formula = "geometric N whatever the law of work; E[T of size x] = x/(1-r)";
  row.source = "Kleinrock II 4.4; simulation.md 2.1";
  row.quick = quick;
  row.predict = [scv] {
    std::vector<Quantity> quantities = {
        mean_quantity("L", kRho / (1 - kRho)),
        variance_quantity("variance of N", kRho / ((1 - kRho) * (1 - kRho))),
        {.name = "time per work, all", .predicted = 2, .reads = Reads::kRatio, .first = 2, .second = 3}};
    if (scv > 0) {
      quantities.push_back(
          {.name = "time per work below 1", .predicted = 2, .reads = Reads::kRatio, .first = 4, .second = 5});
    }
    return quantities;
  };
  row.replicate = [scv](std::uint64_t seed, double off) {
    const World world = ran(
        {.rate = kRho * off, .shares_cpu = true, .law = law_of(scv), .horizon = 20'000 + 10'000 * scv, .warm_up = 400},
        seed);
    std::vector<double> numbers = occupancy(world);
    double all = 0.0, all_work = 0.0, small = 0.0, small_work = 0.0;
    const auto& lives = probe_of(world).lives();
    for (std::size_t v = 0; v < lives.size(); ++v) {
      if (lives[v].left == Probe::kNever || lives[v].left < 0) continue;
      const Visit& visit = world.plan().visits[v];
      const KindSpec& kind = world.scenario().kinds[visit.kind];
      const double work = static_cast<double>(ActionCursor().look(kind, seed, visit)->cpu_ns) * 1e-9;
      const double stay = static_cast<double>(lives[v].left - lives[v].arrived) * 1e-9;
      all += stay;
      all_work += work;
      if (work >= 1.0) continue;
      small += stay;
      small_work += work;
    }
    for (const double number : {all, all_work, small, small_work}) numbers.push_back(number);
    return numbers;
  };
  rows.push_back(std::move(row));
}

// A machine with one place: whoever comes meanwhile stands in the router's line.
void add_first_come(std::vector<Row>& rows, double scv, double horizon, int quick) {
  constexpr double kRho = 0.8;
  Row row;
  row.name = fmt::format("mg1-fifo-scv{:.0f}", scv);
  row.section = kSection;
  row.title = fmt::format(
      "M/G/1 first come first served (one place, the router's line), rho 0.8, squared variation {:.0f}", scv);
  row.formula = "wait = r/(1-r) (1+c2)/2; for c2 = 1 the sojourn's p99 = 4.605/(1-r)";
  row.source = "Pollaczek and Khinchine; simulation.md 2.1";
  row.quick = quick;
  row.predict = [scv] {
    const double wait = kRho / (1 - kRho) * (1 + scv) / 2;
    std::vector<Quantity> quantities = {
        {.name = "wait", .predicted = wait, .reads = Reads::kRatio, .first = 0, .second = 1},
        {.name = "P(wait)", .predicted = kRho, .reads = Reads::kRatio, .first = 2, .second = 1}};
    if (scv == 1.0) {
      quantities.push_back(mean_quantity("p99 of the sojourn", oracle::fifo_sojourn_quantile(kRho, 0.99), 3));
    }
    return quantities;
  };
  row.replicate = [scv, horizon](std::uint64_t seed, double off) {
    const World world = ran({.max_sessions = 1,
                             .rate = kRho * off,
                             .shares_cpu = true,
                             .law = law_of(scv),
                             .horizon = horizon,
                             .warm_up = 1000},
                            seed);
    double sum = 0.0, waited = 0.0;
    const std::vector<double> waits = waits_s(world);
    for (const double w : waits) {
      sum += w;
      waited += w > 1e-6 ? 1.0 : 0.0;
    }
    return std::vector<double>{sum, static_cast<double>(waits.size()), waited, quantile(sojourns_s(world), 0.99)};
  };
  rows.push_back(std::move(row));
}

void add_infinite_servers(std::vector<Row>& rows, double rho, const char* law, const char* short_law, int quick) {
  Row row;
  row.name = fmt::format("mg-inf-{:.0f}-{}", rho, short_law);
  row.section = kSection;
  row.title = fmt::format("M/G/infinity, {} sessions, stays {}", rho, short_law);
  row.formula = "N is Poisson(rho) for any law of stays; quantiles p50, p95, p99, p99.9";
  row.source = "Takacs; simulation.md 2.1";
  row.quick = quick;
  row.predict = [rho] {
    std::vector<Quantity> quantities = {mean_quantity("mean", rho), variance_quantity("variance", rho)};
    int place = 2;
    for (const auto& [name, p] : {std::pair{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}}) {
      const int k = oracle::poisson_quantile(rho, p);
      quantities.push_back(
          mean_quantity(fmt::format("P(N<={}), {}", k, name), oracle::poisson_at_most(rho, k), place++));
    }
    return quantities;
  };
  row.replicate = [rho, law](std::uint64_t seed, double off) {
    const World world = ran({.rate = rho * off, .law = law, .horizon = 10'000 / rho, .warm_up = 20}, seed);
    std::vector<double> numbers = occupancy(world);
    for (const double p : {0.5, 0.95, 0.99, 0.999}) {
      numbers.push_back(probe_of(world).on_node().at_most(oracle::poisson_quantile(rho, p)));
    }
    return numbers;
  };
  rows.push_back(std::move(row));
}

// Every job has a processor of its own, so occupancy is M/M/inf and begins empty.
void add_transient(std::vector<Row>& rows) {
  constexpr double kRho = 10;
  constexpr int kNodes = 100;
  Row row;
  row.name = "from-empty";
  row.section = kSection;
  row.title = "from empty, 10 sessions a node, at 0.5, 1 and 3 mean stays";
  row.formula = "N(t) is Poisson with mean rho (1 - exp(-t/D))";
  row.source = "simulation.md 2.1";
  row.quick = 20;
  row.predict = [] {
    std::vector<Quantity> quantities;
    int place = 0;
    for (const double t : {0.5, 1.0, 3.0}) {
      const double mean = kRho * (1 - oracle::exponential(-t));
      quantities.push_back(mean_quantity(fmt::format("mean at {} D", t), mean, place));
      quantities.push_back(variance_quantity(fmt::format("variance at {} D", t), mean, place, place + 1));
      place += 2;
    }
    return quantities;
  };
  row.replicate = [](std::uint64_t seed, double off) {
    World world = watched_world(scenario_of(workload_text({.nodes = kNodes,
                                                           .cores = 4000,
                                                           .rate = kNodes * kRho * off,
                                                           .shares_cpu = true,
                                                           .horizon = 4,
                                                           .warm_up = 0})),
                                seed);
    std::vector<double> numbers;
    for (const double t : {0.5, 1.0, 3.0}) {
      world.run_until(static_cast<std::int64_t>(t * 1e9));
      double sum = 0.0, squares = 0.0;
      for (const Machine& machine : world.machines()) {
        const auto n = static_cast<double>(machine.processes.size());
        sum += n;
        squares += n * n;
      }
      numbers.push_back(sum / kNodes);
      numbers.push_back(squares / kNodes);
    }
    return numbers;
  };
  rows.push_back(std::move(row));
}

// Arrivals by the clock of the day: each of the users comes with probability 1/2, in hour h with weight h / 300, and
// stays 2 h on average. Present at t: for each day the integral of density(u) P(stay > t - u).
double present_at(double hours, double share) {
  double sum = 0.0;
  for (int day = -4; day <= 2; ++day) {
    for (int h = 0; h < 24; ++h) {
      const double from = day * 24.0 + h;
      if (from >= hours) continue;
      const double to = std::min(from + 1, hours);
      const double integral = 2 * (oracle::exponential((to - hours) / 2) - oracle::exponential((from - hours) / 2));
      sum += share * (h + 1) / 300.0 * integral;
    }
  }
  return sum;
}

void add_day_curve(std::vector<Row>& rows) {
  constexpr int kUsers = 6000;
  Row row;
  row.name = "day-curve";
  row.section = kSection;
  row.title = "arrivals by the clock of the day: sessions at 12:00, 18:00, 24:00";
  row.formula = "mean = integral of lambda(t - u) P(S > u) du, stays exponential(2 h), hourly weights 1..24";
  row.source = "non-homogeneous M/G/inf (Eick, Massey, Whitt 1993); simulation.md 2.1";
  row.quick = 20;
  row.predict = [] {
    std::vector<Quantity> quantities;
    int place = 0;
    for (const int hour : {12, 18, 24}) {
      quantities.push_back(
          mean_quantity(fmt::format("sessions at {:02}:00", hour), kUsers * present_at(hour, 0.5), place++));
    }
    return quantities;
  };
  row.replicate = [](std::uint64_t seed, double off) {
    World world = watched_world(scenario_of(fmt::format(R"toml(
format = 1
title = "Day curve"
horizon = "25 h"
warm-up = "24 h"
routers = 1
[cluster]
heartbeat = "1000000 s"
user-delay = "0 s"
peer-delay = "0 s"
store-delay = "0 s"
nodes = [{{ count = 2, cores = 1, memory = "1 TiB" }}]
[[users]]
name = "everyone"
count = {}
day-shape = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]
active-share = 0.5
sessions-per-active-day = 1
kinds = {{ job = 1.0 }}
[kind.job]
start = {{ solo = "0 s", cpu = "0 s", memory = "0 B" }}
expected-memory = "0 B"
length = "exponential(2 h)"
actions = false
[[strategy]]
name = "random"
)toml",
                                                        std::lround(kUsers * off))),
                                seed);
    std::vector<double> numbers;
    for (const int hour : {12, 18, 24}) {
      world.run_until(std::int64_t{hour} * 3'600'000'000'000);
      double sum = 0.0;
      for (const Machine& machine : world.machines()) sum += static_cast<double>(machine.processes.size());
      numbers.push_back(sum);
    }
    return numbers;
  };
  rows.push_back(std::move(row));
}

// L = lambda W exactly: the integral of the number present is the sum of the parts of stays inside the window.
void add_little(std::vector<Row>& rows) {
  Row row;
  row.name = "little";
  row.section = kSection;
  row.title = "Little's law on a closed window, every replication (PS, rho 0.7; a line, 3 places)";
  row.formula = "|L T / sum of stays inside [0, T) - 1| = 0";
  row.source = "Little 1961; simulation.md 2.1";
  row.quick = 7;
  row.mutates = false;
  row.predict = [] {
    return std::vector<Quantity>{{.name = "L T / sum - 1, PS", .check = Check::kIdentity, .first = 0},
                                 {.name = "L T / sum - 1, served from a line", .check = Check::kIdentity, .first = 1}};
  };
  row.replicate = [](std::uint64_t seed, double off) {
    std::vector<double> numbers;
    for (const int places : {0, 3}) {
      const double horizon = 500;
      const World world = ran({.cores = places == 0 ? 1 : 3,
                               .max_sessions = places,
                               .rate = (places == 0 ? 0.7 : 2.4) * off,
                               .shares_cpu = true,
                               .horizon = horizon},
                              seed);
      double inside = 0.0;
      for (const Probe::Life& life : probe_of(world).lives()) {
        if (life.served == Probe::kNever) continue;  // a session runs from its first answer to its end
        const auto from = std::max<std::int64_t>(0, life.served);
        const auto to = std::min(life.left, static_cast<std::int64_t>(horizon * 1e9));
        if (to > from) inside += static_cast<double>(to - from) * 1e-9;
      }
      numbers.push_back(probe_of(world).on_node().mean() * horizon / inside - 1);
    }
    return numbers;
  };
  rows.push_back(std::move(row));
}

}  // namespace

void add_queue_rows(std::vector<Row>& rows) {
  add_processor_sharing(rows, 0.5, 30'000, 10);
  add_processor_sharing(rows, 0.8, 100'000, 0);
  for (const double scv : {0.0, 4.0, 9.0}) add_insensitivity(rows, scv, scv == 0.0 ? 7 : 0);
  add_first_come(rows, 0.0, 20'000, 0);
  add_first_come(rows, 1.0, 60'000, 0);
  add_first_come(rows, 4.0, 100'000, 0);
  add_infinite_servers(rows, 5, "uniform(0 s, 2 s)", "uniform", 7);
  add_infinite_servers(rows, 10, "exponential(1 s)", "exponential", 0);
  add_infinite_servers(rows, 20, "lognormal(median 0.606530660 s, sigma 1)", "lognormal", 0);
  add_infinite_servers(rows, 50, "1 s", "constant", 0);
  add_transient(rows);
  add_day_curve(rows);
  add_little(rows);
}

}  // namespace homing::sim
