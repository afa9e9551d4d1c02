// SPDX-License-Identifier: Apache-2.0
//
// Sessions that fall asleep. The core asks when a session was last used; what counts is a key pressed and computing, as
// Workbench counts for R (an open tab does not). A suspend is a start the other way round: a fixed part and one for
// each GiB, partly CPU that shares the processors; a resume is a start that also loads what was saved.
//
// What the person feels: nothing, while thinking. Who turns to a session that sleeps (or that a rule has ended) waits
// until it is back, and goes on with the thought they had. A suspend under way is not taken back: they wait for its end
// too.
#include <algorithm>

#include "router/core/check.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr core::Duration kTidyUp = core::seconds(60);

// The part for the fixed cost and each GiB, in nanoseconds. No libm: one multiplication and one division.
std::int64_t cost_of(const KindSpec::Suspend& cost, std::int64_t memory) {
  const Int128 scaled = static_cast<Int128>(cost.per_gib.count()) * memory / kGiB;
  return cost.base.count() + static_cast<std::int64_t>(scaled);
}

std::int64_t part_of(std::int64_t whole, double share) {
  return static_cast<std::int64_t>(static_cast<double>(whole) * share);
}

}  // namespace

void World::tell_activity(std::uint32_t machine, const core::AskActivity& question) {
  const auto found = machines_[machine].processes.find({question.session, question.epoch});
  if (found == machines_[machine].processes.end()) return;
  const Process& process = processes_[found->second];
  const bool busy = process.computing || process.state != Process::State::kReady;
  deliver(machine, core::ActivitySeen{question.session, question.epoch,
                                      machines_[machine].clock.local(busy ? now_ : process.used)});
}

void World::begin_suspend(std::uint32_t machine, const core::SuspendSession& order) {
  const auto found = machines_[machine].processes.find({order.session, order.epoch});
  if (found == machines_[machine].processes.end()) return;  // its end is on the way to the core
  const std::uint32_t slot = found->second;
  if (processes_[slot].state == Process::State::kSuspending) return;
  if (processes_[slot].state != Process::State::kReady || processes_[slot].computing || processes_[slot].frozen) {
    deliver(machine, core::SessionSuspended{order.session, order.epoch, false}, scenario_->delay.peer);
    return;
  }
  falls_asleep(slot);
  Process& process = processes_[slot];
  const KindSpec& kind = scenario_->kinds[process.kind.value];
  process.state = Process::State::kSuspending;
  if (process.visit != kNone && stays_[process.visit].session == process.session) ready_changes(process.visit, -1);
  process.cost.solo_ns = cost_of(kind.suspend, memory_of(process));
  process.cost.cpu_ns = part_of(process.cost.solo_ns, kind.suspend.cpu);
  process.timer_armed = true;
  at(now_ + core::Duration(process.cost.solo_ns - process.cost.cpu_ns), What::kProcessTimer, slot,
     ++process.generation);
}

// The rule has the process now. Its owner goes on thinking and turns to it when they would have pressed the next key.
void World::falls_asleep(std::uint32_t slot) {
  Process& process = processes_[slot];
  const bool thinking = process.timer_armed;
  process.timer_armed = false;
  ++process.generation;
  const std::uint32_t v = process.visit;
  if (v == kNone || stays_[v].session != process.session || stays_[v].phase != Stay::Phase::kPresent) return;
  Stay& stay = stays_[v];
  if (stay.feeling != Feeling::kWorking) return;
  stay.asleep = true;
  if (thinking) at(std::max(now_, process.think_due), What::kWantsBack, v, ++stay.want_generation);
}

// A rule that ends is heard of by its route before the order to the process: the owner, who thinks, notices neither.
void World::ended_by_rule(std::uint32_t machine, const core::SessionId& session) {
  const auto route = machines_[machine].routes.find(session);
  if (route == machines_[machine].routes.end() || route->second.state != core::SessionState::kEnded ||
      route->second.reason != core::EndReason::kIdle || route->second.node.value >= machines_.size()) {
    return;
  }
  const Machine& holder = machines_[route->second.node.value];
  const auto process = holder.processes.find({session, route->second.epoch});
  if (process != holder.processes.end()) falls_asleep(process->second);
}

void World::suspend_is_done(std::uint32_t slot) {
  const Process& process = processes_[slot];
  const core::SessionSuspended done{process.session, process.epoch, true};
  const std::uint32_t machine = process.machine;
  const std::uint32_t v = process.visit;
  if (v != kNone && stays_[v].session == process.session) {
    stays_[v].saved_memory = std::max<std::int64_t>(1, memory_of(process));
    // Nobody comes back to what they left open: each visit opens its own. It is thrown away later.
    if (stays_[v].left_open) at(now_ + kTidyUp, What::kMakeSureGone, v);
  }
  end_process(slot, core::EndReason::kIdle, false);
  deliver(machine, done, scenario_->delay.peer);
}

void World::wants_back(std::uint32_t v) {
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kPresent || !stay.asleep) return;
  stay.asleep = false;
  stay.waking = true;
  stay.thought = true;
  if (!kind_of(v).idle_suspends) new_session(v);  // the old one is over
  stay.feeling = Feeling::kWaiting;
  journal_.feels(now_ns(), v, Feeling::kWaiting);
  stay.click_due = true;
  click(v);
}

void World::add_resume_cost(Process& process) const {
  const KindSpec& kind = scenario_->kinds[process.kind.value];
  const std::int64_t saved = stays_[process.visit].saved_memory;
  const std::int64_t more = cost_of(kind.resume, saved);
  process.cost.solo_ns += more;
  process.cost.cpu_ns += part_of(more, kind.resume.cpu);
  process.cost.memory = std::max(process.cost.memory, saved);
}

// CPU-nanoseconds since the last save point, if the process ended now. What an action computes counts as saved at the
// first save point after its end.
std::int64_t World::work_lost(std::uint32_t slot) const {
  const Process& process = processes_[slot];
  if (process.state != Process::State::kReady || process.visit == kNone) return 0;
  const std::int64_t every = kind_of(process.visit).save_every.count();
  const auto saves = [&](core::Instant t) { return every == 0 ? 0 : (t - process.since).count() / every; };
  // `used` is the start of the action that goes on, or the end of the last one.
  std::int64_t lost = saves(process.used) == saves(now_) ? process.unsaved_ns : 0;
  const PlannedAction* const action = stays_[process.visit].actions.current();
  if ((process.computing || process.frozen_threads > 0) && action != nullptr) {
    const std::int64_t left = process.computing
                                  ? machines_[process.machine].station->left(now_, slot).value_or(action->cpu_ns)
                                  : process.frozen_work;
    lost += std::max<std::int64_t>(0, action->cpu_ns - left);
  }
  return lost;
}

}  // namespace homing::sim
