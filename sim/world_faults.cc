// SPDX-License-Identifier: Apache-2.0
//
// Machines are born, crash, come back, and are drained.
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
  CHECK(!of.core);
  const NodeSpec& spec = scenario_->nodes[machine];
  ++of.boot;
  of.core.emplace(core::NodeId(machine), core_config(machine));
  if (explained_user_) of.core->explain_decisions(explained_user_);
  of.station.emplace(now_, static_cast<std::uint32_t>(spec.cores), spec.speed * of.slowness);
  ++of.station_armed;
  of.station_due = core::kNever;
  of.armed = core::kNever;
  ++of.timer_generation;
  of.cursor = {};
  of.lease_until = core::kNever;
  of.lease_armed = false;
  core::Boot birth;
  birth.machine = (std::uint64_t{machine} + 1) << 32 | of.boot;
  birth.labels = label_bits(spec.labels);
  birth.weight = static_cast<std::uint32_t>(spec.weight);
  birth.max_sessions = static_cast<std::uint32_t>(spec.max_sessions);
  birth.start_slots = static_cast<std::uint32_t>(spec.start_slots);
  deliver(machine, birth);
  deliver(machine, core::LauncherUp{});
  deliver(machine, measure(machine));
  journal_.up(now_ns(), machine, true, 0);
  journal_.ready(now_ns(), machine, !of.draining);
  if (!of.serves) return;
  // At the birth of the cluster the front has seen everyone; later it takes one check.
  if (of.boot == 1) {
    front_sees_[machine] = true;
  } else {
    at(now_ + scenario_->front.check_every, What::kFrontUp, machine, of.boot);
  }
}

void World::crash(std::uint32_t machine) {
  Machine& of = machines_[machine];
  if (!of.core) return;
  core::Hasher hasher(dead_streams_);
  hasher(machine, of.core->fingerprint());
  dead_streams_ = hasher.value();
  of.core.reset();
  of.routes.clear();
  journal_.ready(now_ns(), machine, false);
  std::vector<std::uint32_t> gone;
  for (const auto& [name, slot] : of.processes) gone.push_back(slot);
  for (const std::uint32_t slot : gone) end_process(slot, core::EndReason::kNodeDead, false);
  if (of.own_leak_per_hour != 0) leak(machine, 0);
  CHECK(of.memory_used == 0 && of.leak_per_hour == 0);
  journal_.up(now_ns(), machine, false, 0);
  if (!of.serves) return;
  for (std::uint32_t v = 0; v < stays_.size(); ++v) {
    Stay& stay = stays_[v];
    if (stay.phase != Stay::Phase::kPresent || stay.router != machine) continue;
    if (stay.request_open) {
      stay.request_open = false;
      visit_by_request_.erase(stay.request);
    }
    feel(v);
  }
  at(now_ + scenario_->front.check_every * scenario_->front.fail_after, What::kFrontDown, machine, of.boot);
}

void World::come_back(std::uint32_t machine) {
  if (machines_[machine].core) return;
  boot(machine);
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
  }
  CHECK(false);
  return {};
}

// The busiest machine that is up: most sessions, then the lowest number.
bool World::name_the_victim(PlannedFault& fault) {
  for (std::uint32_t i = 0; i < machines_.size(); ++i) {
    if (!machines_[i].core) continue;
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

void World::crash_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  for (const std::uint32_t node : fault.nodes) {
    ++machines_[node].held_down;
    crash(node);
  }
  if (fault.end_ns != kNoPlannedEnd) at(std::max(now_, from_scenario(fault.end_ns)), What::kFaultEnd, index);
}

void World::crash_ends(std::uint32_t index) {
  for (const std::uint32_t node : faults_[index].nodes) {
    if (--machines_[node].held_down == 0) come_back(node);
  }
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
