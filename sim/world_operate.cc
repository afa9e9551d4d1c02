// SPDX-License-Identifier: Apache-2.0
//
// What operators do: upgrade the machines one after the other, take machines in, and take them out.
//
// An upgrade of a machine: drain it; when it is empty, or at its deadline, stop what still runs as planned and wait for
// that; take its router out of the front; let it leave cleanly; switch off, maintain, switch on; make it ready; pause;
// the next. Taking a machine out is the same without the way back. A machine that joins boots for the first time.
#include <algorithm>

#include "router/core/check.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr core::Duration kLook = core::seconds(10);  // an operator's script looks this often
constexpr core::Duration kStopping = core::seconds(10);
constexpr core::Duration kLeaving = core::seconds(2);

}  // namespace

void World::operation_begins(std::uint32_t index) {
  operations_[index] = Operation{};
  operate(index);
}

void World::operate(std::uint32_t index) {
  using Phase = Operation::Phase;
  const PlannedFault& fault = faults_[index];
  Operation& at_work = operations_[index];
  const std::uint32_t node = fault.nodes[at_work.position];
  Machine& of = machines_[node];
  core::Duration next{};
  switch (at_work.phase) {
    case Phase::kAsk:
    case Phase::kDrain:
      next = operate_drain(index);
      break;
    case Phase::kLeave:
      if (of.core && of.serves) front_down(node);
      if (of.core) deliver(node, core::LeaveWanted{});
      at_work.phase = Phase::kOff;
      next = kLeaving;
      break;
    case Phase::kOff:
      ++of.held_down;
      power_off(node, core::EndReason::kDrained);
      if (fault.kind == FaultKind::kScaleIn) return finish_operation(index);
      at_work.phase = Phase::kOn;
      next = core::Duration(fault.value("maintenance"));
      break;
    case Phase::kOn:
      hold_machine(node, -1);
      at_work.phase = Phase::kReady;
      next = 2 * scenario_->cluster.heartbeat;
      break;
    case Phase::kReady: {
      const std::uint32_t router = any_router();
      next = kLook;
      if (router == kNone) break;
      of.draining = false;
      journal_.ready(now_ns(), node, of.core.has_value());
      deliver(router, core::AdminWanted{core::NodeId(node), core::NodeAdmin::kReady}, scenario_->delay.user);
      if (++at_work.position == fault.nodes.size()) return finish_operation(index);
      at_work.phase = Phase::kAsk;
      next = core::Duration(fault.value("pause"));
      break;
    }
  }
  at(now_ + next, What::kFaultStep, index, 0);
}

// Drains, and looks until the machine is empty or the deadline has come. Returns when to come back.
core::Duration World::operate_drain(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  Operation& at_work = operations_[index];
  const std::uint32_t node = fault.nodes[at_work.position];
  const std::uint32_t router = any_router();
  if (router == kNone) return kLook;
  if (at_work.phase == Operation::Phase::kAsk) {
    machines_[node].draining = true;
    journal_.ready(now_ns(), node, false);
    deliver(router, core::AdminWanted{core::NodeId(node), core::NodeAdmin::kDrain}, scenario_->delay.user);
    at_work.deadline = now_ + core::Duration(fault.value("deadline"));
    at_work.phase = Operation::Phase::kDrain;
    return std::min(kLook, at_work.deadline - now_);
  }
  const auto& left = machines_[node].processes;
  if (!left.empty() && now_ < at_work.deadline) return std::min(kLook, at_work.deadline - now_);
  for (const auto& [name, slot] : left) {
    deliver(router, core::EndWanted{name.first, core::EndReason::kDrained}, scenario_->delay.user);
  }
  at_work.phase = Operation::Phase::kLeave;
  return left.empty() ? core::Duration{} : kStopping;
}

void World::finish_operation(std::uint32_t index) {
  faults_[index].end_ns = now_ns();
}

// The router died in the moment it was told: the operator sees an error and asks another a little later.
void World::tell_again(std::uint32_t machine, core::AdminWanted word) {
  const std::uint32_t router = any_router();
  deliver(router == kNone ? machine : router, word, kLook);
}

void World::scale_out_begins(std::uint32_t index) {
  for (const std::uint32_t node : faults_[index].nodes) hold_machine(node, -1);
}

}  // namespace homing::sim
