// SPDX-License-Identifier: Apache-2.0
//
// The driver proper: events into cores, effects out of them, and the store between them.
#include <algorithm>
#include <utility>

#include "router/core/check.h"
#include "router/core/draws.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr std::uint64_t kForgetEvery = 8192;  // commits
constexpr core::Purpose kStoreFate = core::purpose("store-fate");
constexpr core::Purpose kLinkLoss = core::purpose("link-loss");

}  // namespace

void World::call_core(std::uint32_t machine, const core::Event& event) {
  if (options_.on_event) options_.on_event(machine, event);
  machines_[machine].core->handle(machines_[machine].clock.local(now_), event);
  after_core(machine);
}

void World::after_core(std::uint32_t machine) {
  core::Core& core = *machines_[machine].core;
  if (explained_user_) collect_tables(machine);
  std::vector<core::Effect> effects = std::move(effects_);
  core.take_effects(effects);
  for (core::Effect& effect : effects) {
    if (options_.on_effect) options_.on_effect(machine, effect);
    execute(machine, effect);
  }
  effects.clear();
  effects_ = std::move(effects);
  const core::Instant due = core.next_deadline();
  Machine& of = machines_[machine];
  if (due == of.armed) return;
  of.armed = due;
  ++of.timer_generation;
  if (due == core::kNever) return;
  at(std::max(of.clock.true_time(due), now_), What::kCoreTimer, machine, of.timer_generation);
}

core::LoadMeasured World::measure(std::uint32_t machine) {
  Machine& of = machines_[machine];
  const NodeSpec& spec = scenario_->nodes[machine];
  of.station->advance(now_);
  const LoadAverage& average = of.station->load();
  core::LoadMeasured measured;
  measured.load.load1_milli = average.one_milli();
  measured.load.load5_milli = average.five_milli();
  measured.load.load15_milli = average.fifteen_milli();
  measured.load.cores_milli = static_cast<std::uint32_t>(spec.cores) * 1000;
  measured.load.memory_total = static_cast<std::uint64_t>(spec.memory_bytes);
  measured.load.memory_available =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, spec.memory_bytes - memory_used(machine)));
  if (of.leak_per_hour > 0) journal_.memory(now_ns(), machine, memory_used(machine));
  journal_.load(now_ns(), machine, average.five_milli() * 1e-3);
  return measured;
}

void World::execute(std::uint32_t machine, core::Effect& effect) {
  Machine& of = machines_[machine];
  if (const auto* read = std::get_if<core::ReadSince>(&effect)) {
    send_to_store(machine, *read);
  } else if (auto* write = std::get_if<core::CompareAndSet>(&effect)) {
    send_to_store(machine, std::move(*write));
  } else if (const auto* start = std::get_if<core::StartSession>(&effect)) {
    start_process(machine, *start);
  } else if (const auto* kill = std::get_if<core::KillSession>(&effect)) {
    const auto found = of.processes.find({kill->session, kill->epoch});
    if (found != of.processes.end()) {
      end_process(found->second, kill->reason, true);
    } else {
      deliver(machine, core::SessionExited{kill->session, kill->epoch, kill->reason}, scenario_->delay.peer);
    }
  } else if (const auto* rest = std::get_if<core::SuspendSession>(&effect)) {
    begin_suspend(machine, *rest);
  } else if (const auto* question = std::get_if<core::AskActivity>(&effect)) {
    tell_activity(machine, *question);
  } else if (const auto* stop = std::get_if<core::FreezeSession>(&effect)) {
    freeze(machine, stop->session, stop->epoch, true);
  } else if (const auto* go = std::get_if<core::ThawSession>(&effect)) {
    freeze(machine, go->session, go->epoch, false);
  } else if (const auto* lease = std::get_if<core::LeaseUntil>(&effect)) {
    of.lease_shown = lease->until;
    of.lease_until = of.clock.true_time(lease->until);
    if (!of.lease_armed && lease->until != core::kNever) {
      of.lease_armed = true;
      at(std::max(now_, of.lease_until), What::kLeaseEnd, machine, of.machine_boot);
    }
  } else if (const auto* changed = std::get_if<core::RouteChanged>(&effect)) {
    of.routes[changed->session] = changed->route;
    route_changed(machine, changed->session);
  } else if (const auto* dropped = std::get_if<core::RouteDropped>(&effect)) {
    of.routes.erase(dropped->session);
    route_changed(machine, dropped->session);
  } else if (const auto* answer = std::get_if<core::Answer>(&effect)) {
    answered(machine, *answer);
  } else if (const auto* look = std::get_if<core::HintPeer>(&effect)) {
    hint(machine, look->node);
  } else if (const auto* absent = std::get_if<core::AskAlive>(&effect)) {
    ask_launcher(machine, *absent);
  } else if (const auto* decision = std::get_if<core::DecisionMade>(&effect)) {
    ++decisions_;
    journal_.decided(decision->record.view_age.count());
    if (explained_user_) placement_made(machine, decision->record);
  }
  // NodeChanged and StandingChanged are for logs and status pages.
}

void World::hint(std::uint32_t from, core::NodeId node) {
  if (node != core::kNoNode) {
    if (node.value < machines_.size() && links_.peer_up(from, node.value)) {
      deliver(node.value, core::StoreHint{}, scenario_->delay.peer + links_.peer_delay(from, node.value));
    }
    return;
  }
  // Everybody is every router: they are on the first machines.
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(scenario_->routers); ++i) {
    if (i == from || !links_.peer_up(from, i)) continue;
    deliver(i, core::StoreHint{}, scenario_->delay.peer + links_.peer_delay(from, i));
  }
}

template <class Call>
void World::send_to_store(std::uint32_t machine, Call call) {
  const core::StoreToken token = call.token;
  core::Duration there = scenario_->delay.store / 2;
  core::Duration back = scenario_->delay.store - there;
  const Link& out = links_.store(machine, Way::kOut);
  const Link& in = links_.store(machine, Way::kIn);
  there += out.delay;
  back += in.delay;
  bool call_lost = !out.up();
  bool answer_lost = false;
  if (options_.lost_calls_milli > 0 || options_.lost_answers_milli > 0 || options_.store_jitter.count() > 0) {
    core::DrawSequence draws =
        core::Draws(plan_->seed, kStoreFate)
            .at({.high = machine, .low = token.value, .visit = machines_[machine].boot, .attempt = 0});
    const auto fate = static_cast<int>(draws.below(1000));
    const auto jitter = static_cast<std::uint64_t>(options_.store_jitter.count()) + 1;
    there += core::Duration(static_cast<std::int64_t>(draws.below(jitter)));
    back += core::Duration(static_cast<std::int64_t>(draws.below(jitter)));
    call_lost = call_lost || fate < options_.lost_calls_milli;
    answer_lost = !call_lost && fate < options_.lost_calls_milli + options_.lost_answers_milli;
  }
  if (out.loss > 0 && !call_lost) {
    const core::DrawId id{.high = machine, .low = token.value, .visit = machines_[machine].boot, .attempt = 0};
    call_lost = core::Draws(plan_->seed, kLinkLoss).below(id, 1'000'000) < static_cast<std::uint64_t>(out.loss);
  }
  if (call_lost || answer_lost) deliver(machine, core::Silent{token}, options_.silent_after);
  if (call_lost) return;
  const std::uint32_t slot = calls_.take();
  StoreCall& sent = calls_.slots[slot];
  sent.machine = machine;
  sent.boot = machines_[machine].boot;
  sent.call = std::move(call);
  sent.back = back;
  sent.answer_lost = answer_lost;
  if (there.count() == 0) {
    store_call(sent);
    calls_.drop(slot);
  } else {
    at(now_ + there, What::kStoreCall, slot);
  }
}

// Whether an answer finds its way home; a router whose way in is cut is told so later.
bool World::answer_arrives(const StoreCall& call, core::StoreToken token) {
  const Machine& of = machines_[call.machine];
  if (call.answer_lost || !of.core || of.boot != call.boot) return false;
  if (links_.store(call.machine, Way::kIn).up()) return true;
  deliver(call.machine, core::Silent{token}, options_.silent_after);
  return false;
}

void World::store_call(StoreCall& call) {
  Machine& of = machines_[call.machine];
  const bool refuses =
      store_outages_ > 0 || (store_read_only_ > 0 && std::holds_alternative<core::CompareAndSet>(call.call));
  if (refuses) {
    // A store that is away says nothing; one that only reads says so, and the driver reports it the same way.
    if (!of.core || of.boot != call.boot) return;
    const core::StoreToken token = std::visit([](const auto& c) { return c.token; }, call.call);
    deliver(call.machine, core::Silent{token}, store_outages_ > 0 ? options_.silent_after : call.back);
    return;
  }
  call.back += store_slow_;
  if (const auto* read = std::get_if<core::ReadSince>(&call.call)) {
    if (!of.core || of.boot != call.boot) return;
    core::Rows rows = of.serves ? std::get<core::Rows>(store_.read_since(*read))
                                : store_.read_about(*read, core::NodeId(call.machine));
    of.cursor = read->cursor;
    if (answer_arrives(call, read->token)) deliver(call.machine, std::move(rows), call.back);
    return;
  }
  // A write counts even when its writer died on the way.
  const auto& write = std::get<core::CompareAndSet>(call.call);
  auto written = store_.compare_and_set(write);
  const auto* won = std::get_if<core::Won>(&written);
  if (options_.on_write) options_.on_write(call.machine, write, won ? std::optional(won->version) : std::nullopt);
  if (won != nullptr) {
    if (++commits_since_forget_ >= kForgetEvery) forget_old_rows();
    remember_commit();
  }
  if (!answer_arrives(call, write.token)) return;
  if (won != nullptr) {
    deliver(call.machine, *won, call.back);
  } else {
    deliver(call.machine, std::get<core::Lost>(std::move(written)), call.back);
  }
}

// What is final, known to every core and not of today may go: long runs would otherwise keep every session that ever
// was.
void World::forget_old_rows() {
  commits_since_forget_ = 0;
  if (options_.kept_history > 0 || remembers_commits_) return;
  core::Version known = std::exchange(forget_next_, store_.latest());
  for (const Machine& machine : machines_) {
    if (machine.core) known = std::min(known, machine.cursor);
  }
  store_.forget_final(known);
}

}  // namespace homing::sim
