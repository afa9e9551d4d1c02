// SPDX-License-Identifier: Apache-2.0
//
// Launchers and processes: what a start costs, what people's actions cost, memory, and how processes end.
//
// A start lasts its solo time on an idle machine: the part that is not CPU passes by the clock, then the CPU part
// shares the processors like everything else. The launcher refuses what the real one refuses (an epoch not above the
// highest it has seen, orders past its lease) and kills unfinished starts at their deadline and past the lease.
#include <algorithm>
#include <utility>

#include "router/core/check.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kSlowFloorNs = 1'000'000'000;
constexpr std::int64_t kSlowFactor = 3;  // model.md: slower than max(1 s, 3 x solo) is felt

std::string cause_of(core::EndReason reason) {
  switch (reason) {
    case core::EndReason::kNodeDead:
      return "node-crash";
    case core::EndReason::kOutOfMemory:
      return "out-of-memory";
    case core::EndReason::kFenced:
      return "fenced";
    default:
      return std::string(core::to_string(reason));
  }
}

bool is_planned(core::EndReason reason) {
  return reason == core::EndReason::kOwner || reason == core::EndReason::kIdle || reason == core::EndReason::kDrained;
}

}  // namespace

std::uint32_t World::visit_of(const core::SessionId& session) const {
  const auto found = visit_by_session_.find(session);
  return found == visit_by_session_.end() ? kNone : found->second;
}

void World::count_sessions(std::uint32_t machine) {
  journal_.sessions(now_ns(), machine, static_cast<std::int64_t>(machines_[machine].processes.size()));
}

void World::start_process(std::uint32_t machine, const core::StartSession& order) {
  Machine& of = machines_[machine];
  const auto refuse = [&](core::EndReason reason) {
    deliver(machine, core::SessionFailed{order.session, order.epoch, reason}, scenario_->delay.peer);
  };
  core::Epoch& highest = of.highest[order.session];
  if (order.epoch <= highest) return refuse(core::EndReason::kFenced);
  if (of.lease_until <= now_) return refuse(core::EndReason::kLauncherAway);
  highest = order.epoch;
  const auto older = of.processes.lower_bound({order.session, core::Epoch{}});
  if (older != of.processes.end() && older->first.first == order.session) {
    end_process(older->second, core::EndReason::kFenced, true);
  }

  std::uint32_t slot = kNone;
  if (free_processes_.empty()) {
    slot = static_cast<std::uint32_t>(processes_.size());
    processes_.emplace_back();
  } else {
    slot = free_processes_.back();
    free_processes_.pop_back();
  }
  Process& process = processes_[slot];
  const std::uint32_t generation = process.generation + 1;
  const std::uint32_t fresh_life = process.life + 1;
  process = Process{};
  process.generation = generation;
  process.life = fresh_life;
  process.state = Process::State::kStarting;
  process.session = order.session;
  process.epoch = order.epoch;
  process.kind = order.kind;
  process.machine = machine;
  process.visit = visit_of(order.session);
  of.processes[{order.session, order.epoch}] = slot;
  if (process.visit != kNone) {
    Stay& stay = stays_[process.visit];
    ++stay.alive;
    process.cost = start_cost(kind_of(process.visit), plan_->seed, visit(process.visit),
                              order.epoch.value + (stay.session_attempt << 16));
    if (stay.saved_memory > 0) add_resume_cost(process);
    if (now_ < warm_start_over_) process.cost.solo_ns = process.cost.cpu_ns = 0;
  }
  if (slow_starts_[machine]) process.cost.solo_ns = slow_starts_[machine]->count();
  if (process.visit != kNone) journal_.process_begins(now_ns(), slot, machine, process.visit);
  count_sessions(machine);
  if (order.deadline != core::kNever) {
    at(std::max(now_, of.clock.true_time(order.deadline)), What::kStartDeadline, slot, process.life);
  }
  const std::uint32_t life = process.life;
  grow(slot, process.cost.memory);
  Process& still = processes_[slot];
  if (still.life != life || still.state != Process::State::kStarting) return;  // out of memory at once
  if (of.gray) return;                                                         // it hangs until the launcher gives up
  const std::int64_t idle = still.cost.solo_ns - still.cost.cpu_ns;
  if (idle > 0) {
    still.timer_armed = true;
    at(now_ + core::Duration(idle), What::kProcessTimer, slot, ++still.generation);
  } else if (still.cost.cpu_ns > 0) {
    compute(slot, 1, still.cost.cpu_ns);
  } else {
    start_is_done(slot);
  }
}

void World::start_is_done(std::uint32_t slot) {
  Process& process = processes_[slot];
  process.state = Process::State::kReady;
  process.since = now_;
  process.used = now_;
  if (process.visit != kNone && stays_[process.visit].session == process.session) {
    Stay& stay = stays_[process.visit];
    stay.saved_memory = 0;
    ready_changes(process.visit, +1);
    stay.newest = std::max(stay.newest, process.epoch);
  }
  deliver(process.machine, core::SessionStarted{process.session, process.epoch}, scenario_->delay.peer);
  const std::uint32_t life = process.life;
  if (process.visit != kNone) feel(process.visit);
  if (processes_[slot].life == life) begin_leak(slot);
}

void World::end_process(std::uint32_t slot, core::EndReason reason, bool tell_core) {
  Process& process = processes_[slot];
  const std::int64_t lost_work = work_lost(slot);
  const bool idle = reason == core::EndReason::kIdle;
  if (idle && process.state == Process::State::kReady) falls_asleep(slot);
  const Process was = process;
  Machine& of = machines_[was.machine];
  if (was.computing) {
    of.station->remove(now_, slot);
    arm_station(was.machine);
  }
  forget_memory(was);
  of.processes.erase({was.session, was.epoch});
  process.state = Process::State::kFree;
  process.computing = process.timer_armed = false;
  process.visit = kNone;
  ++process.life;
  free_processes_.push_back(slot);
  journal_.process_ends(slot);
  journal_.memory(now_ns(), was.machine, memory_used(was.machine));
  count_sessions(was.machine);
  if (tell_core) {
    if (was.state != Process::State::kStarting) {
      deliver(was.machine, core::SessionExited{was.session, was.epoch, reason}, scenario_->delay.peer);
    } else {
      deliver(was.machine, core::SessionFailed{was.session, was.epoch, reason}, scenario_->delay.peer);
    }
  }
  if (was.visit == kNone) return;
  Stay& stay = stays_[was.visit];
  if (was.session != stay.session) return;  // of an earlier session of the visit
  --stay.alive;
  if (was.state == Process::State::kReady && !was.frozen) ready_changes(was.visit, -1);
  const bool present = stay.phase == Stay::Phase::kPresent;
  if (was.state != Process::State::kStarting && (present || stay.left_open) && stay.ready == 0 && !is_planned(reason)) {
    stay.asleep = false;  // a suspend that came to nothing
    journal_.lost(now_ns(), was.visit, visit(was.visit).user, was.machine, kind_of(was.visit).name, present,
                  cause_of(reason));
    journal_.work_lost(static_cast<double>(lost_work) * 1e-9);
  }
  if (stay.phase == Stay::Phase::kClosing && stay.alive == 0 &&
      !(stay.left_open && idle && kind_of(was.visit).idle_suspends)) {
    stay.phase = Stay::Phase::kOver;
    visit_by_session_.erase(stay.session);
  }
  feel(was.visit);
}

// Two processes of one session that run at once: after a false declaration of death, until something fences the older.
void World::ready_changes(std::uint32_t v, int by) {
  Stay& stay = stays_[v];
  const auto doubles = [&] { return stay.ready > 1 ? static_cast<int>(stay.ready) - 1 : 0; };
  const int before = doubles();
  stay.ready = static_cast<std::uint32_t>(static_cast<int>(stay.ready) + by);
  if (doubles() != before) journal_.double_life(now_ns(), doubles() - before);
}

void World::kill_unfinished(std::uint32_t machine) {
  std::vector<std::uint32_t> unfinished;
  for (const auto& [name, slot] : machines_[machine].processes) {
    if (processes_[slot].state == Process::State::kStarting) unfinished.push_back(slot);
  }
  for (const std::uint32_t slot : unfinished) end_process(slot, core::EndReason::kLauncherAway, true);
}

// Past the lease the launcher stops what must not run beside a successor, also when its router is down or has not seen
// the store since it started. A router that has joined has just ordered the same; it thaws when it sees the store, and
// one that starts anew takes for frozen what may be.
void World::freeze_alone(std::uint32_t machine) {
  std::vector<std::pair<core::SessionId, core::Epoch>> stopped;
  for (const auto& [name, slot] : machines_[machine].processes) {
    const std::size_t kind = processes_[slot].kind.value;
    if (kind < freezes_.size() && freezes_[kind]) stopped.push_back(name);
  }
  for (const auto& [session, epoch] : stopped) freeze(machine, session, epoch, true);
}

void World::freeze(std::uint32_t machine, const core::SessionId& session, core::Epoch epoch, bool frozen) {
  const auto found = machines_[machine].processes.find({session, epoch});
  if (found == machines_[machine].processes.end()) return;
  const std::uint32_t slot = found->second;
  Process& process = processes_[slot];
  const bool known = process.visit != kNone && stays_[process.visit].session == session;
  if (process.state == Process::State::kSuspending) {  // what it saved so far is thrown away
    process.state = Process::State::kReady;
    process.timer_armed = false;
    process.frozen_threads = 0;
    if (process.computing) machines_[machine].station->remove(now_, slot);
    process.computing = false;
    arm_station(machine);
    if (known) stays_[process.visit].asleep = false;
    if (known) ready_changes(process.visit, +1);
  }
  if (process.state != Process::State::kReady || process.frozen == frozen) return;
  process.frozen = frozen;
  if (known) ready_changes(process.visit, frozen ? -1 : +1);
  if (frozen && process.computing) {
    process.frozen_work = machines_[machine].station->remove(now_, slot).value_or(0);
    process.computing = false;
    arm_station(machine);
  } else if (!frozen && process.frozen_threads > 0) {
    compute(slot, process.frozen_threads, std::exchange(process.frozen_work, 0));
  }
  if (known) feel(process.visit);
}

void World::compute(std::uint32_t slot, std::uint32_t threads, std::int64_t cpu_ns) {
  Process& process = processes_[slot];
  process.computing = true;
  process.frozen_threads = threads;
  machines_[process.machine].station->add(now_, slot, threads, cpu_ns);
  arm_station(process.machine);
}

void World::arm_station(std::uint32_t machine) {
  Machine& of = machines_[machine];
  journal_.cpu(now_ns(), machine, of.station->runnable());
  const core::Instant next = of.station->next_completion();
  // Somebody more or less on processors that suffice for all changes nobody's end: the event in the queue stays good.
  if (next == of.station_due) return;
  of.station_due = next;
  ++of.station_armed;
  if (next != core::kNever) at(next, What::kStation, machine, of.station_armed);
}

void World::station_event(std::uint32_t machine) {
  Machine& of = machines_[machine];
  of.station_due = core::kNever;
  std::vector<TaskId> done = std::move(completed_);
  of.station->take_completed(now_, done);
  for (const TaskId slot : done) {
    processes_[slot].computing = false;
    processes_[slot].frozen_threads = 0;
  }
  for (const TaskId slot : done) {
    const std::uint32_t life = processes_[slot].life;
    if (processes_[slot].state != Process::State::kFree && processes_[slot].life == life) computed(slot);
  }
  completed_ = std::move(done);
  arm_station(machine);
}

void World::process_timer(std::uint32_t slot) {
  Process& process = processes_[slot];
  process.timer_armed = false;
  if (process.state == Process::State::kStarting) {
    if (process.cost.cpu_ns > 0) {
      compute(slot, 1, process.cost.cpu_ns);
    } else {
      start_is_done(slot);
    }
    return;
  }
  if (process.state == Process::State::kSuspending) {
    if (process.cost.cpu_ns > 0) {
      compute(slot, 1, process.cost.cpu_ns);
    } else {
      suspend_is_done(slot);
    }
    return;
  }
  // The person has thought; nobody who is cut off can press a key.
  const std::uint32_t v = process.visit;
  if (v == kNone || process.frozen || stays_[v].feeling != Feeling::kWorking) return;
  const PlannedAction* const action = next_action(v);
  if (action == nullptr) return;  // another process of the visit has done the last one
  process.unsaved_ns = work_lost(slot);
  process.used = now_;
  const std::int64_t solo = action->cpu_ns / action->threads;
  process.slow_after = now_ + core::Duration(std::max(kSlowFloorNs, kSlowFactor * solo));
  compute(slot, static_cast<std::uint32_t>(action->threads), action->cpu_ns);
}

void World::computed(std::uint32_t slot) {
  Process& process = processes_[slot];
  if (process.state == Process::State::kStarting) return start_is_done(slot);
  if (process.state == Process::State::kSuspending) return suspend_is_done(slot);
  const std::int64_t unsaved = work_lost(slot);
  process.used = now_;
  const std::uint32_t v = process.visit;
  if (v == kNone || stays_[v].phase != Stay::Phase::kPresent || next_action(v) == nullptr) return;
  if (now_ > process.slow_after) journal_.slow(to_scenario(process.slow_after), now_ns());
  const PlannedAction action = *next_action(v);
  process.unsaved_ns = unsaved + action.cpu_ns;
  stays_[v].actions.done();
  if (kind_of(v).ends == Ends::kWorkDone && next_action(v) == nullptr) return leave(v);
  const std::uint32_t life = process.life;
  grow(slot, action.memory_step);
  if (processes_[slot].life == life) go_on_working(slot);
}

// The next action of the person who is at this process, if they are.
void World::go_on_working(std::uint32_t slot) {
  Process& process = processes_[slot];
  const std::uint32_t v = process.visit;
  if (v == kNone || process.state != Process::State::kReady || process.frozen || process.computing ||
      process.timer_armed) {
    return;
  }
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kPresent || stay.feeling != Feeling::kWorking) return;
  const PlannedAction* const action = next_action(v);
  if (action == nullptr) return;
  process.timer_armed = true;
  const bool thought = std::exchange(stay.thought, false);
  const std::int64_t think = thought ? 0 : action->think_ns;
  process.think_due = now_ + core::Duration(think);
  at(process.think_due, What::kProcessTimer, slot, ++process.generation);
}

}  // namespace homing::sim
