// SPDX-License-Identifier: Apache-2.0
//
// The schedule of faults; machines are born, crash, come back, and are drained; routers die alone.
//
// A crash takes router, launcher and sessions at once; what was written to disk (the launcher's highest epochs) stays.
// The machine that comes back has a new boot id, so the others learn that its sessions are gone even when nobody had
// declared it dead yet. A drain is what an operator does before maintenance: nothing new goes there, at the deadline
// what still runs is ended as a planned stop, and after five minutes of maintenance the machine is ready again.
#include "router/core/archive.h"
#include "router/core/check.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr core::Duration kOperatorRetry = core::seconds(10);

}  // namespace

void World::boot(std::uint32_t machine) {
  Machine& of = machines_[machine];
  CHECK(!of.on);
  const NodeSpec& spec = scenario_->nodes[machine];
  of.on = true;
  ++of.machine_boot;
  of.station.emplace(now_, static_cast<std::uint32_t>(spec.cores), spec.speed * of.slowness);
  ++of.station_armed;
  of.station_due = core::kNever;
  of.lease_until = of.lease_shown = core::kNever;
  of.lease_armed = false;
  journal_.up(now_ns(), machine, true, 0);
  if (of.router_held == 0) start_router(machine);
}

// A router starts beside the launcher that runs: with the machine, or after it died alone.
void World::start_router(std::uint32_t machine) {
  Machine& of = machines_[machine];
  CHECK(of.on && !of.core);
  const NodeSpec& spec = scenario_->nodes[machine];
  ++of.boot;
  core::Config config = core_config(machine);
  freezes_.clear();
  for (const core::KindConfig& kind : config.kinds) {
    freezes_.push_back(kind.without_store == core::WithoutStore::kFreeze);
  }
  of.core.emplace(core::NodeId(machine), std::move(config));
  if (explained_user_) of.core->explain_decisions(explained_user_);
  of.armed = core::kNever;
  ++of.timer_generation;
  of.cursor = {};
  of.blind_armed = false;
  core::Boot birth;
  birth.machine = (std::uint64_t{machine} + 1) << 32 | of.machine_boot;
  birth.labels = label_bits(spec.labels);
  birth.weight = static_cast<std::uint32_t>(spec.weight);
  birth.max_sessions = static_cast<std::uint32_t>(spec.max_sessions);
  birth.start_slots = static_cast<std::uint32_t>(spec.start_slots);
  deliver(machine, birth);
  core::LauncherUp inventory;
  for (const auto& [name, slot] : of.processes) {
    inventory.processes.push_back({name.first, name.second, processes_[slot].state != Process::State::kStarting});
  }
  deliver(machine, std::move(inventory));
  deliver(machine, measure(machine));
  journal_.ready(now_ns(), machine, !of.draining);
  if (!of.serves) return;
  // At the birth of the cluster the front has seen everyone; later it takes one check.
  if (of.boot == 1 && !of.late) {
    front_sees_[machine] = true;
  } else {
    front_will_find(machine);
  }
}

void World::stop_router(std::uint32_t machine) {
  Machine& of = machines_[machine];
  if (!of.core) return;
  core::Hasher hasher(dead_streams_);
  hasher(machine, of.core->fingerprint());
  dead_streams_ = hasher.value();
  of.core.reset();
  of.routes.clear();
  journal_.ready(now_ns(), machine, false);
}

void World::crash(std::uint32_t machine) {
  power_off(machine, core::EndReason::kNodeDead);
}

void World::power_off(std::uint32_t machine, core::EndReason reason) {
  Machine& of = machines_[machine];
  if (!of.on) return;
  const bool served = of.core && of.serves;
  stop_router(machine);
  of.on = false;
  std::vector<std::uint32_t> gone;
  for (const auto& [name, slot] : of.processes) gone.push_back(slot);
  for (const std::uint32_t slot : gone) end_process(slot, reason, false);
  if (of.own_leak_per_hour != 0) leak(machine, 0);
  CHECK(of.memory_used == 0 && of.leak_per_hour == 0);
  journal_.up(now_ns(), machine, false, 0);
  if (!served) return;
  people_lose(machine);
  front_will_miss(machine);
}

void World::come_back(std::uint32_t machine) {
  if (!machines_[machine].on) boot(machine);
}

World::FaultActs World::fault_acts(FaultKind kind) {
  switch (kind) {
    case FaultKind::kCrash:
    case FaultKind::kShortReboot:
    case FaultKind::kRack:
      return {&World::crash_begins, &World::crash_ends};
    case FaultKind::kDrain:
      return {&World::drain_begins, &World::drain_ends};
    case FaultKind::kSlowNode:
      return {&World::slow_begins, &World::slow_ends};
    case FaultKind::kGray:
      return {&World::gray_begins, &World::gray_ends};
    case FaultKind::kMemoryLeak:
      return {&World::leak_begins, &World::leak_ends};
    case FaultKind::kReloginStorm:
      return {&World::storm_begins, &World::crash_ends};
    case FaultKind::kRouterCrash:
      return {&World::router_crash_begins, &World::router_crash_ends};
    case FaultKind::kFlapping:
      return {&World::flapping_begins, &World::flapping_ends};
    case FaultKind::kPartition:
      return {&World::partition_begins, &World::partition_ends};
    case FaultKind::kOneWayPartition:
      return {&World::one_way_begins, &World::one_way_ends};
    case FaultKind::kSlowLink:
      return {&World::slow_link_begins, &World::slow_link_ends};
    case FaultKind::kHeartbeatLoss:
      return {&World::heartbeat_loss_begins, &World::heartbeat_loss_ends};
    case FaultKind::kSlowStore:
      return {&World::slow_store_begins, &World::slow_store_ends};
    case FaultKind::kStoreOutage:
      return {&World::store_outage_begins, &World::store_outage_ends};
    case FaultKind::kStoreReadOnly:
      return {&World::store_read_only_begins, &World::store_read_only_ends};
    case FaultKind::kStoreFailover:
      return {&World::store_outage_begins, &World::store_failover_ends};
    case FaultKind::kClockStep:
      return {&World::clock_step_begins, nullptr};
    case FaultKind::kClockDrift:
      return {&World::clock_drift_begins, &World::clock_drift_ends};
    case FaultKind::kRollingUpgrade:
    case FaultKind::kScaleIn:
      return {&World::operation_begins, nullptr};
    case FaultKind::kScaleOut:
      return {&World::scale_out_begins, nullptr};
  }
  CHECK(false);
  return {};
}

// The busiest machine that is up: most sessions, then the lowest number.
bool World::name_the_victim(PlannedFault& fault) {
  for (std::uint32_t i = 0; i < machines_.size(); ++i) {
    if (!machines_[i].on) continue;
    if (fault.node == kNoFaultNode || machines_[i].processes.size() > machines_[fault.node].processes.size()) {
      fault.node = i;
    }
  }
  if (fault.node == kNoFaultNode) return false;
  fault.nodes = {fault.node};
  fault.label = scenario_->nodes[fault.node].name + " (the busiest) " + fault_info(fault.kind).name;
  return true;
}

void World::fault_begin(std::uint32_t index) {
  PlannedFault& fault = faults_[index];
  if (fault.busiest && fault.node == kNoFaultNode && !name_the_victim(fault)) return;
  (this->*fault_acts(fault.kind).begin)(index);
}

void World::fault_end(std::uint32_t index) {
  (this->*fault_acts(faults_[index].kind).end)(index);
}

void World::end_at_planned(std::uint32_t index) {
  const std::int64_t end = faults_[index].end_ns;
  if (end != kNoPlannedEnd) at(std::max(now_, from_scenario(end)), What::kFaultEnd, index);
}

void World::fault_step(std::uint32_t index, std::uint64_t step) {
  if (faults_[index].kind == FaultKind::kFlapping) {
    flap(index, step);
  } else {
    operate(index);
  }
}

// One more fault keeps the machine off, or one less; the last one lets it come back.
void World::hold_machine(std::uint32_t machine, int change) {
  Machine& of = machines_[machine];
  of.held_down = static_cast<std::uint32_t>(static_cast<int>(of.held_down) + change);
  if (of.held_down > 0) {
    crash(machine);
  } else {
    come_back(machine);
  }
}

void World::hold_router(std::uint32_t machine, int change) {
  Machine& of = machines_[machine];
  of.router_held = static_cast<std::uint32_t>(static_cast<int>(of.router_held) + change);
  if (of.router_held == 0) {
    if (of.on && !of.core) start_router(machine);
    return;
  }
  if (!of.core) return;
  stop_router(machine);
  if (!of.serves) return;
  people_lose(machine);
  front_will_miss(machine);
}

void World::crash_begins(std::uint32_t index) {
  for (const std::uint32_t node : faults_[index].nodes) hold_machine(node, +1);
  end_at_planned(index);
}

void World::crash_ends(std::uint32_t index) {
  for (const std::uint32_t node : faults_[index].nodes) hold_machine(node, -1);
}

// The router dies alone: its sessions live and are cut until it is started again.
void World::router_crash_begins(std::uint32_t index) {
  for (const std::uint32_t node : faults_[index].nodes) hold_router(node, +1);
  // People at other routers reach their sessions here through this one.
  everybody_looks_again();
  end_at_planned(index);
}

void World::router_crash_ends(std::uint32_t index) {
  for (const std::uint32_t node : faults_[index].nodes) hold_router(node, -1);
}

void World::drain_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  const std::uint32_t router = any_router();
  if (router == kNone) {
    at(now_ + kOperatorRetry, What::kFaultBegin, index);
    return;
  }
  machines_[fault.node].draining = true;
  journal_.ready(now_ns(), fault.node, false);
  deliver(router, core::AdminWanted{core::NodeId(fault.node), core::NodeAdmin::kDrain}, scenario_->delay.user);
  if (fault.end_ns != kNoPlannedEnd) at(std::max(now_, from_scenario(fault.end_ns)), What::kFaultEnd, index);
}

void World::drain_ends(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  const std::uint32_t router = any_router();
  if (router == kNone) {
    at(now_ + kOperatorRetry, What::kFaultEnd, index);
    return;
  }
  for (const auto& [name, slot] : machines_[fault.node].processes) {
    deliver(router, core::EndWanted{name.first, core::EndReason::kDrained}, scenario_->delay.user);
  }
  at(now_ + kMaintenance, What::kMaintained, index);
}

void World::maintained(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  const std::uint32_t router = any_router();
  if (router == kNone) {
    at(now_ + kOperatorRetry, What::kMaintained, index);
    return;
  }
  machines_[fault.node].draining = false;
  journal_.ready(now_ns(), fault.node, machines_[fault.node].core.has_value());
  deliver(router, core::AdminWanted{core::NodeId(fault.node), core::NodeAdmin::kReady}, scenario_->delay.user);
}

}  // namespace homing::sim
