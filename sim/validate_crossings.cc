// SPDX-License-Identifier: Apache-2.0
//
// Rows of dynamics: draining, the machine that comes back empty, a class that starts within minutes under stale loads.
//
// What is exact is asserted as everywhere; of the rest only orderings are (which strategy is worse, beyond four
// standard errors of the paired difference), and published figures stand beside.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/oracles.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr const char* kSection = "dynamics";
constexpr double kHour = 3600;

std::int64_t count_on(const World& world, std::size_t machine) {
  return static_cast<std::int64_t>(world.machines()[machine].processes.size());
}

// "n1", "n2", ...: a drain of the first `count` machines at the scenario's start.
std::string drain_of(int count, const char* lasts) {
  std::string names;
  for (int i = 1; i <= count; ++i) names += fmt::format("{}\"n{}\"", i > 1 ? ", " : "", i);
  const std::string until = lasts == nullptr ? "" : fmt::format("lasts = \"{}\"\n", lasts);
  return fmt::format("[[fault]]\nat = \"0 s\"\nkind = \"drain\"\ntarget = [{}]\n{}", names, until);
}

// Nine of ten machines are drained at once; each is empty when the last of its sessions has ended.
void add_drain(std::vector<Row>& rows) {
  constexpr int kDrained = 9;
  Row row;
  row.name = "drain";
  row.section = kSection;
  row.title = "draining without a deadline: time until the last of n sessions ends, n about 20";
  row.formula = "E[T] = D H_n; the mean of T / H_n over machines is D";
  row.source = "maximum of exponentials; simulation.md 1.5";
  row.quick = 50;
  row.replications = 60;
  row.predict = [] {
    return std::vector<Quantity>{mean_quantity("T / (D H_n)", 1.0), mean_quantity("sessions at the beginning", 20, 1)};
  };
  row.replicate = [](std::uint64_t seed, double off) {
    // An error of the rate is one of the stays: these get longer or shorter.
    World world = watched_world(scenario_of(workload_text({.nodes = kDrained + 1,
                                                           .strategy = "random",
                                                           .rate = 20 * (kDrained + 1),
                                                           .law = fmt::format("exponential({:.6f} s)", off),
                                                           .horizon = 14,
                                                           .warm_up = 4,
                                                           .more = drain_of(kDrained, nullptr)})),
                                seed);
    world.run_until(1);
    std::vector<std::int64_t> first(kDrained);
    std::vector<double> empty_at(kDrained, 0.0);
    for (std::size_t i = 0; i < kDrained; ++i) first[i] = count_on(world, i);
    while (world.step()) {
      for (std::size_t i = 0; i < kDrained; ++i) {
        if (empty_at[i] == 0.0 && count_on(world, i) == 0) empty_at[i] = static_cast<double>(world.now_ns()) * 1e-9;
      }
    }
    double ratio = 0.0, sessions = 0.0;
    for (std::size_t i = 0; i < kDrained; ++i) {
      ratio += empty_at[i] / oracle::harmonic(static_cast<int>(first[i])) / kDrained;
      sessions += static_cast<double>(first[i]) / kDrained;
    }
    return std::vector<double>{ratio, sessions};
  };
  rows.push_back(std::move(row));
}

// Stays of 4 h; machines are emptied and are ready again 6 minutes after the start.
World returning(const char* strategy, int nodes, int drained, double sessions, double horizon_h, double off,
                std::uint64_t seed) {
  return watched_world(scenario_of(workload_text({.nodes = nodes,
                                                  .strategy = strategy,
                                                  .rate = nodes * sessions / 4 / kHour * off,
                                                  .law = "exponential(4 h)",
                                                  .horizon = horizon_h * kHour,
                                                  .warm_up = kHour,
                                                  .more = drain_of(drained, "1 min")})),
                       seed);
}
constexpr std::int64_t kReturnNs = 360'000'000'000;

void add_refill(std::vector<Row>& rows) {
  constexpr int kNodes = 40, kDrained = 30;
  Row row;
  row.name = "refill-random";
  row.section = kSection;
  row.title = "machines that come back empty under random: sessions after D/2 and 2 D";
  row.formula = "rho (1 - exp(-t/D)), Poisson";
  row.source = "simulation.md 1.5";
  row.quick = 0;  // 1 % takes more replications than a quick look has
  row.predict = [] {
    std::vector<Quantity> quantities;
    int place = 0;
    for (const double t : {0.5, 2.0}) {
      const double mean = 20 * (1 - oracle::exponential(-t));
      quantities.push_back(mean_quantity(fmt::format("mean after {} D", t), mean, place));
      quantities.push_back(variance_quantity(fmt::format("variance after {} D", t), mean, place, place + 1));
      place += 2;
    }
    return quantities;
  };
  row.replications = 40;
  row.replicate = [](std::uint64_t seed, double off) {
    World world = returning("random", kNodes, kDrained, 20, 8.2, off, seed);
    std::vector<double> numbers;
    for (const std::int64_t hours : {2, 8}) {
      world.run_until(kReturnNs + hours * 3'600'000'000'000);
      double sum = 0.0, squares = 0.0;
      for (std::size_t i = 0; i < kDrained; ++i) {
        const auto n = static_cast<double>(count_on(world, i));
        sum += n / kDrained;
        squares += n * n / kDrained;
      }
      numbers.push_back(sum);
      numbers.push_back(squares);
    }
    return numbers;
  };
  rows.push_back(std::move(row));
}

// Hours from the return until the machine has as many sessions as the emptiest other; the horizon when it never has.
double caught_up(const char* strategy, double sessions, double off, std::uint64_t seed) {
  World world = returning(strategy, 8, 1, sessions, 12, off, seed);
  world.run_until(kReturnNs + 1'000'000'000);
  while (world.step()) {
    std::int64_t least = count_on(world, 1);
    for (std::size_t i = 2; i < 8; ++i) least = std::min(least, count_on(world, i));
    if (count_on(world, 0) >= least) break;
  }
  return static_cast<double>(world.now_ns() - kReturnNs) * 1e-9 / kHour;
}

void add_catching_up(std::vector<Row>& rows) {
  Row row;
  row.name = "recovery-n8";
  row.section = kSection;
  row.title = "one of 8 machines comes back empty (D = 4 h): hours until it has caught up";
  row.formula = "least sessions: t* = D ln(N/(N-1)) for very many sessions; random refills as 1 - exp(-t/D)";
  row.source = "simulation.md 1.5 (20 sessions a node: 0.57 h; P2C 2.65 h)";
  row.mutates = false;
  row.predict = [] {
    const double fluid = 4 * oracle::logarithm(8.0 / 7.0);
    return std::vector<Quantity>{shown(mean_quantity("sessions, 200 a node, h", fluid)),
                                 shown(mean_quantity("sessions, 20 a node, h", 0.57, 1)),
                                 shown(mean_quantity("p2c-sessions, 20 a node, h", 2.65, 2)),
                                 {.name = "p2c-sessions - sessions, h", .check = Check::kAbove, .first = 4},
                                 {.name = "random - p2c-sessions, h", .check = Check::kAbove, .first = 5}};
  };
  row.replicate = [](std::uint64_t seed, double off) {
    const double many = caught_up("sessions", 200, off, seed);
    const double least = caught_up("sessions", 20, off, seed);
    const double two = caught_up("p2c-sessions", 20, off, seed);
    const double any = caught_up("random", 20, off, seed);
    return std::vector<double>{many, least, two, any, two - least, any - two};
  };
  rows.push_back(std::move(row));
}

// Eight machines of 16 processors, 80 logins within 5 minutes, each burning a processor for 2 minutes. Returns the new
// sessions of the fullest machine.
double worst_of_class(const char* strategy, const char* report_every, std::uint64_t seed) {
  World world = watched_world(scenario_of(fmt::format(R"toml(
format = 1
title = "A class starts"
horizon = "20 min"
warm-up = "0 s"
routers = 1
[cluster]
heartbeat = "5 s"
report-every = "{}"
nodes = [{{ count = 8, cores = 16, memory = "1 TiB" }}]
[[users]]
name = "class"
count = 80
burst = {{ at = "10 min", within = "5 min" }}
kinds = {{ job = 1.0 }}
[kind.job]
start = {{ solo = "2 min", cpu = "2 min", memory = "0 B", timeout = "30 min" }}
expected-memory = "0 B"
length = "2 h"
actions = false
[[strategy]]
name = "{}"
)toml",
                                                      report_every, strategy)),
                              seed);
  world.run();
  std::int64_t worst = 0;
  for (std::size_t i = 0; i < 8; ++i) worst = std::max(worst, count_on(world, i));
  return static_cast<double>(worst);
}

void add_class_start(std::vector<Row>& rows) {
  Row row;
  row.name = "class-start";
  row.section = kSection;
  row.title = "80 logins in 5 minutes on 8 machines, one processor for 2 minutes each: sessions of the fullest machine";
  row.formula =
      "orderings: least sessions < random < 5-minute load reported every 60 s; 15 s reports are no better than random";
  row.source = "simulation.md 1.4 (11.1; 14.7; 21.3; 15.1)";
  row.mutates = false;
  row.quick = 7;
  row.predict = [] {
    return std::vector<Quantity>{shown(mean_quantity("sessions", 11.1)),
                                 shown(mean_quantity("random", 14.7, 1)),
                                 shown(mean_quantity("system-load, 15 s", 15.1, 2)),
                                 shown(mean_quantity("system-load, 60 s", 21.3, 3)),
                                 {.name = "random - sessions", .check = Check::kAbove, .first = 4},
                                 {.name = "system-load 60 s - random", .check = Check::kAbove, .first = 5},
                                 {.name = "system-load 60 s - 15 s", .check = Check::kAbove, .first = 6}};
  };
  row.replicate = [](std::uint64_t seed, double) {
    const double least = worst_of_class("sessions", "5 s", seed);
    const double any = worst_of_class("random", "5 s", seed);
    const double fresh = worst_of_class("system-load", "15 s", seed);
    const double stale = worst_of_class("system-load", "60 s", seed);
    return std::vector<double>{least, any, fresh, stale, any - least, stale - any, stale - fresh};
  };
  rows.push_back(std::move(row));
}

// Eight machines of 64 GiB, three quarters full: sessions take lognormal memory of mean 2 GiB and squared variation 4
// at their start, D = 4 h. Coefficient of variation across machines of the memory in use, looked at every quarter of an
// hour over a day.
double memory_spread(const char* strategy, std::uint64_t seed) {
  World world = watched_world(scenario_of(fmt::format(R"toml(
format = 1
title = "Memory"
horizon = "24 h"
warm-up = "20 h"
routers = 1
[cluster]
heartbeat = "15 s"
nodes = [{{ count = 8, cores = 16, memory = "64 GiB" }}]
[[stream]]
name = "everyone"
rate = "48 per h"
kind = "job"
[kind.job]
start = {{ solo = "0 s", cpu = "0 s", memory = "lognormal(median 960390758 B, sigma 1.2686)" }}
expected-memory = "2 GiB"
length = "exponential(4 h)"
actions = false
[[strategy]]
name = "{}"
)toml",
                                                      strategy)),
                              seed);
  constexpr std::int64_t kQuarter = 900'000'000'000;
  double spread = 0.0;
  for (std::int64_t at = kQuarter; at <= 96 * kQuarter; at += kQuarter) {
    world.run_until(at);
    double sum = 0.0, squares = 0.0;
    for (const Machine& machine : world.machines()) {
      const double used = static_cast<double>(machine.memory_used) / 1073741824.0;
      sum += used;
      squares += used * used;
    }
    const double mean = sum / 8;
    if (mean > 0) spread += std::sqrt(std::max(0.0, squares / 8 / mean / mean - 1)) / 96;
  }
  return spread;
}

void add_memory(std::vector<Row>& rows) {
  Row row;
  row.name = "memory-spread";
  row.section = kSection;
  row.title = "8 machines of 64 GiB three quarters full, sessions of 2 GiB (CV 2): CoV of the machines' memory in use";
  row.formula = "orderings: least-memory < sessions < random";
  row.source = "simulation.md 1.6 (0.083; 0.212; 0.231 where what does not fit is refused)";
  row.mutates = false;
  row.predict = [] {
    return std::vector<Quantity>{shown(mean_quantity("least-memory", 0.083)),
                                 shown(mean_quantity("sessions", 0.212, 1)),
                                 shown(mean_quantity("random", 0.231, 2)),
                                 {.name = "sessions - least-memory", .check = Check::kAbove, .first = 3},
                                 {.name = "random - sessions", .check = Check::kAbove, .first = 4}};
  };
  row.replicate = [](std::uint64_t seed, double) {
    const double memory = memory_spread("least-memory", seed);
    const double least = memory_spread("sessions", seed);
    const double any = memory_spread("random", seed);
    return std::vector<double>{memory, least, any, least - memory, any - least};
  };
  rows.push_back(std::move(row));
}

}  // namespace

void add_crossing_rows(std::vector<Row>& rows) {
  add_drain(rows);
  add_refill(rows);
  add_catching_up(rows);
  add_class_start(rows);
  if (is_strategy("least-memory")) add_memory(rows);
}

std::vector<Uncovered> uncovered_rows() {
  return {
      {"one queue", "M/M/1, p99 of the sojourn 4.605/(1-r) under processor sharing",
       "that is first come first served: row mg1-fifo-scv1; the sharing rows have their own exact law"},
      {"places", "pooling, random split without overflow: 12.17 % lost",
       "the router never sends anybody to a full machine, so ten machines lose as one of 100 places: rows pooling-*; "
       "12.17 % is row loss-10-8-exponential"},
      {"places", "Erlang C and B for 50 and 100 places",
       "their waits and losses are so rare that 1 % needs hours; smaller systems run the same code"},
      {"supermarket model", "lambda 0.99, and n = 8 and 10 at other loads",
       "0.99 needs 100 times the time for 1 %; the figures for small n have no stated error, exact chains of 2 and 3 "
       "nodes stand instead"},
      {"supermarket model", "tails s_1, s_2, ...", "known only in the limit of infinitely many queues"},
      {"sessions on many nodes", "JSQ and JSQ(d) of 10 and 100 nodes",
       "figures of another simulator without an error: shown beside (rows hundred-*); exact for 2 and 3 nodes"},
      {"hashing", "ring, jump, Maglev, multi-probe; CH with bounded loads on a ring",
       "no such strategy here: rendezvous hashing instead"},
      {"failures", "repairman with one crew",
       "repairs do not wait for each other here; the column of 8 crews is k of n"},
      {"dynamics", "stale boards of queue lengths, T = 0.1 to 50 mean services",
       "no strategy here forgets the placements made since a report: claims are rows of the store that every router "
       "reads; the stale signal that exists is the load average: row class-start"},
      {"dynamics", "memory-aware placement, shares blocked",
       "a session's memory is not known before it runs, so nothing is refused for it: only the spread is a row"},
  };
}

}  // namespace homing::sim
