// SPDX-License-Identifier: Apache-2.0
//
// Asking a world why: placements of one user made again in full, and an operator's word for one of them. Neither
// touches anything that a fingerprint sees, unless the word sends a session elsewhere.
#include <utility>

#include "router/core/check.h"
#include "sim/world.h"

namespace homing::sim {

void World::explain(core::UserId user) {
  explained_user_ = user;
  for (Machine& machine : machines_) {
    if (machine.core) machine.core->explain_decisions(user);
  }
}

void World::collect_tables(std::uint32_t machine) {
  for (core::DecisionTable& table : machines_[machine].core->take_decision_tables()) {
    explained_.push_back({machine, events_, std::move(table), false});
  }
}

void World::placement_made(std::uint32_t machine, const core::DecisionRecord& record) {
  for (auto it = explained_.rbegin(); it != explained_.rend(); ++it) {
    const core::DecisionRecord& of = it->table.record;
    if (it->machine != machine || of.session != record.session || of.epoch != record.epoch) continue;
    it->made = true;
    return;
  }
}

void World::want_place(std::uint32_t machine, const core::PlaceWanted& wanted) {
  CHECK(machines_[machine].core.has_value());
  call_core(machine, wanted);
}

}  // namespace homing::sim
