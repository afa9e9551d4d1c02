// SPDX-License-Identifier: Apache-2.0
//
// The checkers: they look at a world from outside (what each core is told and orders, what the store makes of writes,
// which processes there are, where a request would end) and know nothing of how a core decides. One class a promise:
//
//   store     a write wins exactly when its expectations hold; a session's row moves along its arrows; counts add up
//   claims    limits, labels, drains, deaths and leases bind every claim and start; nothing wakes that may not
//   slots     a node starts and suspends no more at once than it has start slots; it suspends what it holds
//   deaths    nobody is declared dead whose lease is younger than `dead`; only a gone instance loses its sessions
//   reach     one process a session for every router that looked later than fence_max after the second start
//   answers   every request is answered once, and with a reason that can be true
//   healed    after the quiet time nothing is stuck, orphaned or miscounted, and everybody is served or told why not
//   journal   what was measured agrees with what was seen
//
// Thread class: single-owner.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/world.h"
#include "tests/swarm/coverage.h"
#include "tests/swarm/mirror.h"
#include "tests/swarm/swarm_case.h"

namespace homing::sim::swarm {

struct Violation {
  std::string checker;
  std::string text;
  std::int64_t at_ns = 0;
};

// What all checkers of one world share.
struct Stage {
  const SwarmCase& swarm_case;
  const World* world = nullptr;  // set when it exists
  Mirror mirror;
  std::optional<Violation> violation;  // the first

  void fail(const char* checker, std::string text) {
    if (!violation) violation = Violation{checker, std::move(text), world->now_ns()};
  }
  const ClusterSpec& cluster() const { return swarm_case.scenario->cluster; }
  core::Instant now() const { return world->now(); }
  // Also when nothing has been written since, of which alone the mirror would know.
  bool failed_over() const { return mirror.failed_over() || world->store().timeline() != mirror.timeline(); }
};

class Checker {
 public:
  explicit Checker(Stage& stage) : stage_(stage) {}
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;
  virtual ~Checker() = default;
  virtual void event(std::uint32_t, const core::Event&) {}
  virtual void effect(std::uint32_t, const core::Effect&) {}
  // A write was won; the mirror has it.
  virtual void won(std::uint32_t, const core::CompareAndSet&) {}
  virtual void step() {}
  virtual void end() {}
  virtual void count(Coverage&) const {}

 protected:
  Stage& stage_;
};

// All of them around one world.
class Checkers {
 public:
  explicit Checkers(const SwarmCase& swarm_case);
  // Puts the ears into the options of the world that will be made.
  void listen(WorldOptions& options);
  void attach(const World& world) { stage_.world = &world; }
  void step() {
    for (const auto& checker : all_) checker->step();
  }
  void end();
  // Time has stopped: something is ordered, answered and ordered again at one instant.
  void runs_away();
  bool log = false;  // print every write of the store, and what is asked and answered
  const std::optional<Violation>& violation() const { return stage_.violation; }
  void count(Coverage& coverage) const {
    for (const auto& checker : all_) checker->count(coverage);
  }

 private:
  void log_event(std::uint32_t machine, const core::Event& event) const;

  Stage stage_;
  std::vector<core::RowWrite> last_lost_;
  std::vector<std::unique_ptr<Checker>> all_;
};

std::unique_ptr<Checker> make_store_checker(Stage& stage);
std::unique_ptr<Checker> make_claim_checker(Stage& stage);
std::unique_ptr<Checker> make_slot_checker(Stage& stage);
std::unique_ptr<Checker> make_death_checker(Stage& stage);
std::unique_ptr<Checker> make_reach_checker(Stage& stage);
std::unique_ptr<Checker> make_answer_checker(Stage& stage);
std::unique_ptr<Checker> make_healed_checker(Stage& stage);
std::unique_ptr<Checker> make_journal_checker(Stage& stage);

}  // namespace homing::sim::swarm
