// SPDX-License-Identifier: Apache-2.0
//
// The store goes wrong: slow, away, read-only, or failed over to a copy that lacks the last commits. And what is
// counted apart because of it: how long people are served through routers that have not seen the store for a lease
// time. Such a router is found by its silence: the first unanswered call arms one look, a lease time after it last saw
// the store; a cluster whose store answers pays nothing.
#include <algorithm>

#include "router/core/check.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr std::size_t kHistory = 65'536;  // writes that a failover can take back

}  // namespace

void World::prepare_store() {
  remembers_commits_ = std::any_of(faults_.begin(), faults_.end(),
                                   [](const PlannedFault& fault) { return fault.kind == FaultKind::kStoreFailover; });
}

std::size_t World::history_to_keep(const Plan& plan, const WorldOptions& options) {
  const bool fails_over = std::any_of(plan.faults.begin(), plan.faults.end(), [](const PlannedFault& fault) {
    return fault.kind == FaultKind::kStoreFailover;
  });
  return fails_over ? std::max(kHistory, options.kept_history) : options.kept_history;
}

void World::slow_store_begins(std::uint32_t index) {
  store_slow_ += core::Duration(faults_[index].value("delay"));
  end_at_planned(index);
}

void World::slow_store_ends(std::uint32_t index) {
  store_slow_ -= core::Duration(faults_[index].value("delay"));
}

void World::store_outage_begins(std::uint32_t index) {
  ++store_outages_;
  end_at_planned(index);
}

void World::store_outage_ends(std::uint32_t) {
  --store_outages_;
}

void World::store_read_only_begins(std::uint32_t index) {
  ++store_read_only_;
  end_at_planned(index);
}

void World::store_read_only_ends(std::uint32_t) {
  --store_read_only_;
}

// The copy that takes over had not yet seen what was committed in the last moments before the outage.
void World::store_failover_ends(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  const core::Instant seen = from_scenario(fault.start_ns) - core::Duration(fault.value("lost-tail"));
  core::Version target{};
  for (const auto& [when, version] : commits_) {
    if (when <= seen) target = version;
  }
  target = std::max(target, store_.oldest_rewind());
  CHECK(store_.rewind_to(std::min(target, store_.latest()), core::Timeline(store_.timeline().value + 1)));
  while (!commits_.empty() && commits_.back().second > target) commits_.pop_back();
  --store_outages_;
}

void World::remember_commit() {
  constexpr core::Duration kKept = core::seconds(600);
  if (!remembers_commits_) return;
  commits_.emplace_back(now_, store_.latest());
  while (commits_.size() > 1 && commits_[1].first < now_ - kKept) commits_.pop_front();
}

void World::saw_store(std::uint32_t machine, const core::Event& answer) {
  Machine& of = machines_[machine];
  if (const auto* rows = std::get_if<core::Rows>(&answer)) {
    of.saw_store = now_;
    of.saw_timeline = rows->timeline;
  }
  if (!of.serves) return;
  if (std::holds_alternative<core::Silent>(answer)) {
    if (of.blind || of.blind_armed) return;
    of.blind_armed = true;
    at(std::max(now_, of.saw_store + scenario_->cluster.lease_ttl), What::kBlind, machine, of.boot);
  } else if (std::holds_alternative<core::Rows>(answer) && of.blind) {
    of.blind = false;
    journal_.without_store(now_ns(), -static_cast<int>(of.serving));
  }
}

void World::look_whether_blind(std::uint32_t machine) {
  Machine& of = machines_[machine];
  of.blind_armed = false;
  if (of.blind || of.saw_store + scenario_->cluster.lease_ttl > now_) return;  // the next silence arms it again
  of.blind = true;
  journal_.without_store(now_ns(), static_cast<int>(of.serving));
}

}  // namespace homing::sim
