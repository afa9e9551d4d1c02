// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "router/base/store.h"
#include "router/core/draws.h"
#include "tests/sim/worlds.h"

namespace homing::sim::testing {

std::uint64_t seed_count(std::uint64_t usual) {
  if (const char* count = std::getenv("HOMING_SEEDS")) return std::strtoull(count, nullptr, 10);
#ifdef NDEBUG
  return usual;
#else
  return usual / 10;
#endif
}

std::shared_ptr<const Scenario> empty_cluster() {
  static const std::shared_ptr<const Scenario> kScenario = scenario_from(R"toml(
format = 1
title = "Nobody comes"
horizon = "10 min"
warm-up = "0 s"
[cluster]
heartbeat = "1 s"
nodes = [{ count = 3, cores = 4, memory = "16 GiB", max-sessions = 2 }]
[[users]]
name = "late"
count = 1
burst = { at = "Mon 00:09", within = "1 s" }
kinds = { notepad = 1.0 }
)toml");
  return kScenario;
}

World empty_world(std::uint64_t seed, WorldOptions options) {
  return world_of(empty_cluster(), seed, 0, std::move(options));
}

Wanted wanted(std::uint64_t seed, std::uint32_t number) {
  core::DrawSequence draws(seed, core::purpose("wanted"), {.high = 0, .low = number, .visit = 0, .attempt = 0});
  Wanted what;
  what.session.hi = draws.u64();
  what.session.lo = draws.u64();
  what.user = core::UserId(number + 1);
  return what;
}

void want(World& world, std::uint32_t router, const Wanted& what, core::Intent intent) {
  world.tell(router, core::SessionWanted{core::RequestId{}, what.session, what.user, core::KindId(0), intent});
}

std::vector<std::uint32_t> processes_of(const World& world, const core::SessionId& session) {
  std::vector<std::uint32_t> slots;
  for (std::uint32_t slot = 0; slot < world.processes().size(); ++slot) {
    const Process& process = world.processes()[slot];
    if (process.state != Process::State::kFree && process.session == session) slots.push_back(slot);
  }
  return slots;
}

std::uint32_t only_process(const World& world, const core::SessionId& session) {
  const auto slots = processes_of(world, session);
  return slots.size() == 1 ? slots.front() : kNone;
}

void OneServingProcess::look(const World& world) {
  constexpr core::Duration kBelieveAnything = core::seconds(3600);
  constexpr core::Duration kFence = core::milliseconds(2200);
  for (const Wanted& what : sessions_) {
    std::uint32_t first = kNone;
    for (std::uint32_t router = 0; router < world.machines().size(); ++router) {
      const Machine& machine = world.machines()[router];
      if (world.now() - machine.saw_store > reads_within_) continue;
      if (machine.saw_timeline != world.store().timeline() && reads_within_ < kBelieveAnything) continue;
      const Reach reach = world.reach(router, what.session, what.user);
      if (!reach.served) continue;
      ++served_;
      if (first == kNone) first = reach.process;
      if (reach.process == first) continue;
      const Process& one = world.processes()[first];
      const Process& other = world.processes()[reach.process];
      if (world.now() - std::max(one.since, other.since) <= kFence) continue;
      ++violations_;
      if (!first_.empty()) continue;
      first_ = fmt::format("at {} ms router {} reaches epoch {} on {}, another epoch {} on {}", world.now_ns() / kMs,
                           router, other.epoch.value, other.machine, one.epoch.value, one.machine);
    }
  }
}

void NeverTwoServing::look(const World& world) {
  for (const Wanted& what : sessions_) {
    std::uint32_t first = kNone;
    for (std::uint32_t router = 0; router < world.machines().size(); ++router) {
      const Reach reach = world.reach(router, what.session, what.user);
      if (!reach.served) continue;
      ++served_;
      if (first == kNone) first = reach.process;
      if (reach.process == first || ++violations_ > 1) continue;
      const Process& one = world.processes()[first];
      const Process& other = world.processes()[reach.process];
      first_ = fmt::format("at {} ms epoch {} serves on {} and epoch {} on {}", world.now_ns() / kMs, one.epoch.value,
                           one.machine, other.epoch.value, other.machine);
    }
  }
}

std::string not_converged(const World& world, const std::vector<Wanted>& sessions) {
  for (const Wanted& what : sessions) {
    const core::VersionedRow* held = world.store().find({core::RowKind::kSession, what.session.hi, what.session.lo});
    const auto slots = processes_of(world, what.session);
    const auto text = [&](const std::string& wrong) {
      return fmt::format("{} ({})", wrong, held == nullptr ? "no row" : base::describe(held->row));
    };
    if (slots.size() > 1) return text(fmt::format("{} processes", slots.size()));
    const auto* row = held == nullptr ? nullptr : &std::get<core::SessionRow>(held->row);
    const bool ready = row != nullptr && row->state == core::SessionState::kReady;
    if (ready != (slots.size() == 1)) return text(fmt::format("{} processes", slots.size()));
    if (ready) {
      const Process& process = world.processes()[slots.front()];
      if (process.machine != row->node.value || process.epoch != row->epoch) return text("another process runs");
    }
    for (std::uint32_t router = 0; router < world.machines().size(); ++router) {
      if (!world.machines()[router].core) continue;
      const Reach reach = world.reach(router, what.session, what.user);
      if (reach.served != ready) return text(fmt::format("router {} {}", router, ready ? "misses it" : "serves it"));
    }
  }
  return "";
}

}  // namespace homing::sim::testing
