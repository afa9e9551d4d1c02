// SPDX-License-Identifier: Apache-2.0
//
// Memory of machines and sessions. A process takes its rest at the start, a step at the end of each action, and what
// it leaks, linearly in time. So the memory of a machine is a line between two changes, and the instant at which it
// crosses what there is can be named: the first nanosecond at which the sum exceeds memory less the reserve. Sums are
// kept as integers (bytes, and bytes an hour times nanoseconds), so nothing drifts.
//
// Past the machine's limit the largest session ends (the kernel's choice), or all (a machine that panics or an operator
// who reboots); past a session's own limit that session ends (its cgroup).
#include <algorithm>
#include <utility>

#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr Int128 kHourNs = 3'600'000'000'000;

std::int64_t ns_of(core::Instant t) {
  return t.time_since_epoch().count();
}

}  // namespace

std::int64_t World::memory_of(const Process& process) const {
  if (process.leak_per_hour == 0) return process.memory;
  const Int128 leaked = static_cast<Int128>(process.leak_per_hour) * (now_ - process.leaks_since).count() / kHourNs;
  return process.memory + static_cast<std::int64_t>(leaked);
}

// Bytes times kHourNs.
Int128 World::leaked_scaled(const Machine& machine) const {
  return static_cast<Int128>(machine.leak_per_hour) * ns_of(now_) - machine.leak_offset;
}

std::int64_t World::memory_used(std::uint32_t machine) const {
  return machines_[machine].memory_used + static_cast<std::int64_t>(leaked_scaled(machines_[machine]) / kHourNs);
}

std::int64_t World::memory_limit(std::uint32_t machine) const {
  const std::int64_t total = scenario_->nodes[machine].memory_bytes;
  return total - static_cast<std::int64_t>(static_cast<double>(total) * scenario_->cluster.memory_reserve);
}

void World::grow(std::uint32_t slot, std::int64_t bytes) {
  Process& process = processes_[slot];
  const std::uint32_t machine = process.machine;
  process.memory += bytes;
  machines_[machine].memory_used += bytes;
  journal_.memory(now_ns(), machine, memory_used(machine));
  check_limit(slot);
  check_memory(machine);
}

void World::begin_leak(std::uint32_t slot) {
  Process& process = processes_[slot];
  const std::int64_t rate = scenario_->kinds[process.kind.value].leak_per_hour;
  if (rate == 0) return;
  Machine& of = machines_[process.machine];
  process.leak_per_hour = rate;
  process.leaks_since = now_;
  of.leak_per_hour += rate;
  of.leak_offset += static_cast<Int128>(rate) * ns_of(now_);
  check_limit(slot);
  check_memory(process.machine);
}

void World::forget_memory(const Process& was) {
  Machine& of = machines_[was.machine];
  of.memory_used -= was.memory;
  of.leak_per_hour -= was.leak_per_hour;
  of.leak_offset -= static_cast<Int128>(was.leak_per_hour) * ns_of(was.leaks_since);
  ++of.memory_generation;
  // With the leak of others or of the machine still going on, the crossing lies later now.
  if (of.leak_per_hour > 0 && of.core) at(now_, What::kMemory, was.machine, of.memory_generation);
}

void World::leak(std::uint32_t machine, std::int64_t bytes_per_hour) {
  Machine& of = machines_[machine];
  of.leak_per_hour -= of.own_leak_per_hour;
  of.leak_offset -= static_cast<Int128>(of.own_leak_per_hour) * ns_of(of.own_leak_since);
  of.own_leak_per_hour = bytes_per_hour;
  of.own_leak_since = now_;
  of.leak_per_hour += bytes_per_hour;
  of.leak_offset += static_cast<Int128>(bytes_per_hour) * ns_of(now_);
  ++of.memory_generation;
  if (of.core) check_memory(machine);
}

// Ends who must end now, and says when to look again.
void World::check_memory(std::uint32_t machine) {
  Machine& of = machines_[machine];
  const std::int64_t limit = memory_limit(machine);
  const auto left = [&] { return static_cast<Int128>(limit - of.memory_used) * kHourNs - leaked_scaled(of); };
  while (left() < 0 && !of.processes.empty()) {
    std::uint32_t largest = of.processes.begin()->second;
    for (const auto& [name, other] : of.processes) {
      if (memory_of(processes_[other]) > memory_of(processes_[largest])) largest = other;
    }
    end_process(largest, core::EndReason::kOutOfMemory, true);
    while (scenario_->cluster.kill_all && !of.processes.empty()) {
      end_process(of.processes.begin()->second, core::EndReason::kOutOfMemory, true);
    }
  }
  if (of.leak_per_hour <= 0 || left() < 0) return;
  const Int128 crossing = left() / of.leak_per_hour + 1;  // the first whole nanosecond beyond
  constexpr Int128 kFar = std::int64_t{1} << 60;
  if (crossing < kFar) {
    at(now_ + core::Duration(static_cast<std::int64_t>(crossing)), What::kMemory, machine, ++of.memory_generation);
  }
}

void World::check_limit(std::uint32_t slot) {
  const Process& process = processes_[slot];
  const std::int64_t limit = scenario_->kinds[process.kind.value].memory_limit;
  if (limit == 0) return;
  if (memory_of(process) > limit) return end_process(slot, core::EndReason::kOutOfMemory, true);
  if (process.leak_per_hour == 0) return;
  const Int128 left = static_cast<Int128>(limit - process.memory + 1) * kHourNs;
  const Int128 after = (left + process.leak_per_hour - 1) / process.leak_per_hour;  // since leaks_since
  constexpr Int128 kFar = std::int64_t{1} << 60;
  if (after < kFar) {
    at(process.leaks_since + core::Duration(static_cast<std::int64_t>(after)), What::kMemoryLimit, slot, process.life);
  }
}

// --- slow and gray machines ---

void World::slow_down(std::uint32_t machine, double part) {
  Machine& of = machines_[machine];
  of.slowness = part;
  if (!of.core) return;
  of.station->set_speed(now_, scenario_->nodes[machine].speed * part);
  arm_station(machine);
}

void World::make_gray(std::uint32_t machine, bool gray) {
  machines_[machine].gray = gray;
}

}  // namespace homing::sim
