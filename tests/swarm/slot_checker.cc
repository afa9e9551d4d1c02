// SPDX-License-Identifier: Apache-2.0
//
// Start slots: when a machine orders a start or a suspend, no more than its slots are at work there, itself included.
// Starts are counted where they are, among the machine's processes; a suspend counts from its order until the process
// is gone, or its deadline, when the launcher's word counts no more (core effect.h). A router that starts beside a
// living launcher, or hears that its launcher is back, does not know which suspends go on: these do not count.
//
// And a machine sends to sleep only what it holds.
#include <fmt/format.h>

#include "router/base/store.h"
#include "tests/swarm/checkers.h"

namespace homing::sim::swarm {
namespace {

class SlotChecker final : public Checker {
 public:
  explicit SlotChecker(Stage& stage) : Checker(stage), suspends_(stage.swarm_case.scenario->nodes.size()) {}

  void event(std::uint32_t machine, const core::Event& event) override {
    const bool anew = std::holds_alternative<core::Boot>(event) || std::holds_alternative<core::LauncherUp>(event);
    if (anew) suspends_[machine].clear();
  }

  void effect(std::uint32_t machine, const core::Effect& effect) override {
    if (std::holds_alternative<core::StartSession>(effect)) {
      look(machine, "start");
    } else if (const auto* suspend = std::get_if<core::SuspendSession>(&effect)) {
      look(machine, "suspend");
      ++ordered_;
      suspends_[machine][{suspend->session, suspend->epoch}] = suspend->deadline;
      const core::SessionRow* row = stage_.mirror.session(suspend->session);
      if (row == nullptr || row->epoch > suspend->epoch || stage_.mirror.failed_over()) return;  // it has moved on
      if (row->epoch < suspend->epoch || row->node.value != machine) {
        stage_.fail("slots", fmt::format("machine {} sends epoch {} to sleep, which it does not hold: {}", machine,
                                         suspend->epoch.value, base::describe(*row)));
      }
    }
  }

  void count(Coverage& coverage) const override {
    coverage.hit("slots", "the last one taken", last_taken_);
    coverage.hit("slots", "suspends ordered", ordered_);
  }

 private:
  void look(std::uint32_t machine, const char* what) {
    const int slots = stage_.swarm_case.scenario->nodes[machine].start_slots;
    if (slots == 0) return;
    const Machine& of = stage_.world->machines()[machine];
    const core::Instant local = of.clock.local(stage_.now());
    int busy = 0;
    for (const auto& [name, slot] : of.processes) {
      const Process::State state = stage_.world->processes()[slot].state;
      if (state == Process::State::kStarting) ++busy;
      if (state != Process::State::kSuspending) continue;
      const auto order = suspends_[machine].find(name);
      if (order != suspends_[machine].end() && local < order->second) ++busy;
    }
    if (busy + 1 == slots) ++last_taken_;
    if (busy < slots) return;
    stage_.fail("slots", fmt::format("machine {} orders a {} with {} of {} slots taken", machine, what, busy, slots));
  }

  using Name = std::pair<core::SessionId, core::Epoch>;
  std::vector<absl::flat_hash_map<Name, core::Instant>> suspends_;  // by machine: their deadlines
  std::uint64_t last_taken_ = 0;
  std::uint64_t ordered_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_slot_checker(Stage& stage) {
  return std::make_unique<SlotChecker>(stage);
}

}  // namespace homing::sim::swarm
