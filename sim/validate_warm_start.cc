// SPDX-License-Identifier: Apache-2.0
//
// The row of the warm start: a day that begins with visits asked for at zero latency and a day of warm-up, against the
// same day at the end of three weeks that began with an empty cluster. The visits of the day are the same, draw for
// draw.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "sim/plan.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr int kUsers = 200;
constexpr std::size_t kNodes = 8;

std::string office(std::int64_t users, const char* warm_up) {
  return fmt::format(R"toml(
format = 1
title = "An office day"
start = "Tue 00:00"
horizon = "24 h"
warm-up = "{}"
routers = 1
[cluster]
heartbeat = "60 s"
nodes = [{{ count = {}, cores = 4, memory = "256 GiB" }}]
[[users]]
name = "everyone"
count = {}
day-shape = "office"
kinds = {{ work = 1.0 }}
[kind.work]
[[strategy]]
name = "sessions"
)toml",
                     warm_up, kNodes, users);
}

struct Day {
  double sessions = 0.0, squares = 0.0;  // on a node
  double memory = 0.0;                   // GiB a node, looked at every quarter of an hour
  double runnable = 0.0;                 // threads a node, likewise
};

Day day_of(const std::string& text, bool from_empty, std::uint64_t seed) {
  const auto scenario = scenario_of(text);
  Plan plan = draw_plan(*scenario, seed);
  // Nobody is there when the weeks begin.
  if (from_empty) {
    std::erase_if(plan.visits, [&](const Visit& v) { return v.arrival_ns < -scenario->warm_up.count(); });
  }
  WorldOptions options;
  options.probe = true;
  options.record_feelings = false;
  World world(scenario, 0, std::make_shared<const Plan>(std::move(plan)), options);
  Day day;
  constexpr std::int64_t kQuarter = 900'000'000'000;
  for (std::int64_t at = kQuarter; at <= 96 * kQuarter; at += kQuarter) {
    world.run_until(at);
    for (const Machine& machine : world.machines()) {
      day.memory += static_cast<double>(machine.memory_used) / (96.0 * kNodes) / 1073741824.0;
      day.runnable += machine.station ? static_cast<double>(machine.station->runnable()) / (96.0 * kNodes) : 0.0;
    }
  }
  world.finish();
  day.sessions = probe_of(world).on_node().mean();
  day.squares = probe_of(world).on_node().mean_square();
  return day;
}

}  // namespace

void add_warm_start_row(std::vector<Row>& rows) {
  Row row;
  row.name = "warm-start";
  row.section = "warm start";
  row.title = fmt::format("an office day of {} users after 24 h of warm-up / after three weeks from empty", kUsers);
  row.formula = "the ratio is 1: sessions on a node, their mean square, memory, threads that want a processor";
  row.source = "model.md 2, warm start";
  row.predict = [] {
    std::vector<Quantity> quantities;
    int place = 0;
    for (const char* name : {"sessions", "mean square of sessions", "memory", "runnable threads"}) {
      quantities.push_back(
          {.name = name, .predicted = 1.0, .reads = Reads::kRatio, .first = place, .second = place + 4});
      ++place;
    }
    return quantities;
  };
  row.replicate = [](std::uint64_t seed, double off) {
    const Day warm = day_of(office(std::lround(kUsers * off), "24 h"), false, seed);
    const Day cold = day_of(office(kUsers, "504 h"), true, seed);
    return std::vector<double>{warm.sessions, warm.squares, warm.memory, warm.runnable,
                               cold.sessions, cold.squares, cold.memory, cold.runnable};
  };
  rows.push_back(std::move(row));
}

}  // namespace homing::sim
