// SPDX-License-Identifier: Apache-2.0
//
// The network goes wrong: partitions, cut and slow links, lost store calls, a port that flaps; and the clocks.
//
// A partition parts machines from machines; which side keeps the store, and which side the users reach, is said by the
// fault. A store call needs its way out (else nothing happens) and its answer the way in (else it has happened and the
// router does not know). A person is cut when their router cannot talk with the holder both ways. When a link changes,
// everybody who is present looks again; the front finds out by its own checks.
//
// A launcher whose router is away answers "router down, sessions alive" when it has living sessions and the question
// and its answer get through.
//
// Clocks: a router's monotonic clock drifts (router_clock.h) and is the core's `now`; wall clock and store clock are
// data that nothing decides by, so stepping them changes nothing (a test).
#include <algorithm>

#include "router/core/check.h"
#include "router/core/draws.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

// Words of the keys, in the order of the table in faults.cc.
enum Side : std::int64_t { kBoth = 0, kOthers = 1, kTargets = 2, kNobody = 3 };
enum Loses : std::int64_t { kSent = 0, kReceived = 1 };
enum SlowTo : std::int64_t { kAll = 0, kPeers = 1, kToStore = 2, kToUsers = 3 };
enum Flaps : std::int64_t { kNetwork = 0, kRouter = 1, kMachine = 2 };

constexpr std::int64_t kShortestFlap = 1'000'000;

bool keeps(std::int64_t side, bool target) {
  return side == kBoth || (side == kTargets && target) || (side == kOthers && !target);
}

}  // namespace

void World::cut_store(std::uint32_t machine, int change) {
  links_.store(machine, Way::kOut).cuts += change;
  links_.store(machine, Way::kIn).cuts += change;
}

void World::cut_users(std::uint32_t machine, int change) {
  const bool before = links_.users_reach(machine);
  links_.user(machine, Way::kOut).cuts += change;
  links_.user(machine, Way::kIn).cuts += change;
  const bool after = links_.users_reach(machine);
  if (before == after || !machines_[machine].serves || !machines_[machine].core) return;
  if (after) {
    front_will_find(machine);
  } else {
    people_lose(machine);
    front_will_miss(machine);
  }
}

void World::everybody_looks_again() {
  for (std::uint32_t v = 0; v < stays_.size(); ++v) {
    if (stays_[v].phase != Stay::Phase::kPresent) continue;
    feel(v);
    if (stays_[v].click_due) click(v);
  }
}

void World::partition_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  links_.part(index, fault.nodes, true, true);
  for (std::uint32_t i = 0; i < machines_.size(); ++i) {
    const bool target = std::find(fault.nodes.begin(), fault.nodes.end(), i) != fault.nodes.end();
    if (!keeps(fault.value("store"), target)) cut_store(i, +1);
    if (!keeps(fault.value("users"), target)) cut_users(i, +1);
  }
  everybody_looks_again();
  end_at_planned(index);
}

void World::partition_ends(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  links_.heal(index);
  for (std::uint32_t i = 0; i < machines_.size(); ++i) {
    const bool target = std::find(fault.nodes.begin(), fault.nodes.end(), i) != fault.nodes.end();
    if (!keeps(fault.value("store"), target)) cut_store(i, -1);
    if (!keeps(fault.value("users"), target)) cut_users(i, -1);
  }
  everybody_looks_again();
}

void World::one_way_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  const bool sent = fault.value("loses") == kSent;
  links_.part(index, fault.nodes, sent, !sent);
  for (const std::uint32_t node : fault.nodes) links_.store(node, sent ? Way::kOut : Way::kIn).cuts += 1;
  everybody_looks_again();
  end_at_planned(index);
}

void World::one_way_ends(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  const bool sent = fault.value("loses") == kSent;
  links_.heal(index);
  for (const std::uint32_t node : fault.nodes) links_.store(node, sent ? Way::kOut : Way::kIn).cuts -= 1;
  everybody_looks_again();
}

void World::slow_link(const PlannedFault& fault, int sign) {
  const core::Duration delay(sign * fault.value("delay"));
  const std::int64_t to = fault.value("to");
  for (const std::uint32_t node : fault.nodes) {
    for (const Way way : {Way::kOut, Way::kIn}) {
      if (to == kAll || to == kPeers) links_.peer(node, way).delay += delay;
      if (to == kAll || to == kToStore) links_.store(node, way).delay += delay;
      if (to == kAll || to == kToUsers) links_.user(node, way).delay += delay;
    }
  }
}

void World::slow_link_begins(std::uint32_t index) {
  slow_link(faults_[index], +1);
  end_at_planned(index);
}

void World::slow_link_ends(std::uint32_t index) {
  slow_link(faults_[index], -1);
}

void World::heartbeat_loss_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  for (const std::uint32_t node : fault.nodes) links_.store(node, Way::kOut).loss += fault.value("loss");
  end_at_planned(index);
}

void World::heartbeat_loss_ends(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  for (const std::uint32_t node : fault.nodes) links_.store(node, Way::kOut).loss -= fault.value("loss");
}

// ---- flapping: down, up, down, ... each for its own draw

void World::flapping_begins(std::uint32_t index) {
  end_at_planned(index);
  flap(index, 0);
}

void World::flap(std::uint32_t index, std::uint64_t step) {
  const PlannedFault& fault = faults_[index];
  if (now_ns() >= fault.end_ns) return;
  const bool down = step % 2 == 0;
  flap_to(index, down);
  // `down` is the kind's first key, `up` its second.
  const FaultSetting& lasts = scenario_->faults[fault.spec].settings[down ? 0 : 1];
  core::DrawSequence draws =
      core::Draws(plan_->seed, core::purpose("flap"))
          .at({.high = fault.node, .low = fault.spec, .visit = index, .attempt = static_cast<std::uint32_t>(step)});
  const std::int64_t length = std::max(kShortestFlap, core::sample_whole(lasts.distribution, draws));
  at(now_ + core::Duration(length), What::kFaultStep, index, step + 1);
}

void World::flapping_ends(std::uint32_t index) {
  flap_to(index, false);
}

void World::flap_to(std::uint32_t index, bool down) {
  const PlannedFault& fault = faults_[index];
  if ((operations_[index].position == 1) == down) return;
  operations_[index].position = down ? 1 : 0;
  for (const std::uint32_t node : fault.nodes) {
    switch (fault.value("what")) {
      case kNetwork:
        cut_machine(node, down ? +1 : -1);
        break;
      case kRouter:
        hold_router(node, down ? +1 : -1);
        break;
      default:
        hold_machine(node, down ? +1 : -1);
    }
  }
  everybody_looks_again();
}

// The machine's own port: nothing in, nothing out.
void World::cut_machine(std::uint32_t machine, int change) {
  links_.peer(machine, Way::kOut).cuts += change;
  links_.peer(machine, Way::kIn).cuts += change;
  cut_store(machine, change);
  cut_users(machine, change);
}

// ---- the launcher's word

void World::ask_launcher(std::uint32_t from, const core::AskAlive& question) {
  const std::uint32_t node = question.node.value;
  if (node >= machines_.size()) return;
  const Machine& asked = machines_[node];
  if (!asked.on || asked.core || asked.processes.empty() || !links_.peers_talk(from, node)) return;
  const core::Duration way = 2 * scenario_->delay.peer + links_.peer_delay(from, node) + links_.peer_delay(node, from);
  deliver(from, core::StillAlive{question.node, question.incarnation}, way);
}

// ---- clocks

std::int64_t World::own_drift(std::uint32_t machine) const {
  const std::int64_t most = scenario_->cluster.clock_drift;
  if (most == 0) return 0;
  const core::DrawId id{.high = 0, .low = machine, .visit = 0, .attempt = 0};
  const auto span = static_cast<std::uint64_t>(2 * most + 1);
  return static_cast<std::int64_t>(core::Draws(plan_->seed, core::purpose("drift")).below(id, span)) - most;
}

// The clock goes on from what it shows; what waits on it is due at another true time now.
void World::set_drift(std::uint32_t machine, std::int64_t drift) {
  Machine& of = machines_[machine];
  if (of.clock.drift() == drift) return;
  of.clock.set_drift(now_, drift);
  if (of.lease_shown != core::kNever) of.lease_until = of.clock.true_time(of.lease_shown);
  if (!of.core || of.armed == core::kNever) return;
  ++of.timer_generation;
  at(std::max(of.clock.true_time(of.armed), now_), What::kCoreTimer, machine, of.timer_generation);
}

void World::clock_drift_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  // The key is in millionths of a ppm, as the clock is.
  for (const std::uint32_t node : fault.nodes) set_drift(node, fault.value("ppm"));
  end_at_planned(index);
}

void World::clock_drift_ends(std::uint32_t index) {
  for (const std::uint32_t node : faults_[index].nodes) set_drift(node, own_drift(node));
}

void World::clock_step_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  const core::Duration by(fault.value("by"));
  if (fault.value("clock") == 1) {
    store_clock_offset_ += by;
    return;
  }
  for (const std::uint32_t node : fault.nodes) machines_[node].wall_offset += by;
}

}  // namespace homing::sim
