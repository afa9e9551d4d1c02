// SPDX-License-Identifier: Apache-2.0
//
// One process a session. Judged where requests would end, router by router: a router that has looked at the store later
// than fence_max after a newer process answered must reach no older one, and no two of such routers reach different
// processes. A router that has not looked since then is exempt (cluster.md 4: `keep` kinds serve on without the store).
//
// Sessions with more than one process, or with a process below the highest epoch that ever answered, are looked at
// after every event; all others every two minutes.
#include <fmt/format.h>

#include <set>

#include "tests/swarm/checkers.h"

namespace homing::sim::swarm {
namespace {

constexpr core::Duration kFenceMax = core::seconds(2);
constexpr core::Duration kLookEvery = core::seconds(120);

class ReachChecker final : public Checker {
 public:
  using Checker::Checker;

  void effect(std::uint32_t machine, const core::Effect& effect) override {
    const auto* start = std::get_if<core::StartSession>(&effect);
    if (start == nullptr) return;
    for (std::uint32_t m = 0; m < stage_.world->machines().size(); ++m) {
      const auto& processes = stage_.world->machines()[m].processes;
      const auto found = processes.lower_bound({start->session, core::Epoch{}});
      if (m != machine && found != processes.end() && found->first.first == start->session) {
        watched_.insert(start->session);
        ++doubles_;
        return;
      }
    }
  }

  void won(std::uint32_t, const core::CompareAndSet&) override {
    for (const Change& change : stage_.mirror.changes()) {
      const auto* row = std::get_if<core::SessionRow>(&change.after);
      if (row == nullptr) continue;
      if (row->reason == core::EndReason::kDrained) drained_.insert(row->session);
      if (row->state == core::SessionState::kReady) ready_.insert({row->session, {row->epoch, row->node}});
    }
  }

  void event(std::uint32_t, const core::Event& event) override {
    const auto* started = std::get_if<core::SessionStarted>(&event);
    if (started == nullptr) return;
    Newest& newest = newest_[started->session];
    if (started->epoch > newest.epoch) newest = {started->epoch, stage_.now()};
  }

  void step() override {
    if (!watched_.empty()) {
      for (auto it = watched_.begin(); it != watched_.end();) {
        const core::SessionId session = *it;
        ++it;
        if (!look(session)) watched_.erase(session);
      }
    }
    if (stage_.now() < next_look_) return;
    next_look_ = stage_.now() + kLookEvery;
    for (const Stay& stay : stage_.world->stays()) {
      if (stay.phase == Stay::Phase::kPresent && stay.alive > 0 && look(stay.session)) watched_.insert(stay.session);
    }
  }

  void count(Coverage& coverage) const override {
    coverage.hit("looks", "two processes", doubles_);
    coverage.hit("looks", "served", served_);
  }

 private:
  // Returns whether the session needs a closer watch.
  bool look(const core::SessionId& session) {
    const World& world = *stage_.world;
    std::uint32_t alive = 0;
    std::uint32_t running = 0;
    bool older = false;
    core::Epoch top{};
    core::Instant since{};
    core::KindId kind{};
    for (const Machine& machine : world.machines()) {
      for (auto it = machine.processes.lower_bound({session, core::Epoch{}});
           it != machine.processes.end() && it->first.first == session; ++it) {
        const Process& process = world.processes()[it->second];
        ++alive;
        kind = process.kind;
        if (process.state != Process::State::kReady) continue;
        top = std::max(top, process.epoch);
        since = std::max(since, process.since);
        // One whose readiness could not be written yet serves nobody; it ends when its holder looks again.
        const bool serves = ready_.contains({session, {process.epoch, core::NodeId(process.machine)}});
        if (!process.frozen && serves) ++running;
      }
    }
    if (alive == 0) return false;
    const auto newest = newest_.find(session);
    if (newest != newest_.end() && top < newest->second.epoch) {
      older = true;
      since = std::max(since, newest->second.at);
    }
    if (running > 1) both_run(session, kind, since);
    reached(session, since, older ? newest->second.epoch : top);
    return alive > 1 || older;
  }

  void reached(const core::SessionId& session, core::Instant since, core::Epoch newest) {
    const World& world = *stage_.world;
    const core::SessionRow* row = stage_.mirror.session(session);
    if (row == nullptr) return;
    const core::Duration late = kFenceMax + world.scenario().delay.store + 2 * stage_.swarm_case.tuning.store_jitter;
    std::uint32_t first = kNone;
    for (std::uint32_t router = 0; router < static_cast<std::uint32_t>(world.scenario().routers); ++router) {
      const Machine& machine = world.machines()[router];
      if (!machine.core || machine.saw_store <= since + late) continue;
      if (machine.saw_timeline != world.store().timeline()) continue;  // it has not read the present history
      const Reach way = world.reach(router, session, row->user);
      if (!way.served) continue;
      ++served_;
      const Process& process = world.processes()[way.process];
      if (process.epoch < newest && !stage_.failed_over()) {
        stage_.fail("reach", fmt::format("router {} reaches epoch {} on {} though epoch {} has answered", router,
                                         process.epoch.value, process.machine, newest.value));
      }
      if (first != kNone && first != way.process) {
        const Process& other = world.processes()[first];
        stage_.fail("reach", fmt::format("router {} reaches epoch {} on {}, another epoch {} on {}", router,
                                         process.epoch.value, process.machine, other.epoch.value, other.machine));
      }
      first = way.process;
    }
  }

  // `freeze` kinds never run twice, but for fence_max.
  // A planned stop is written before the holder hears of it, at its next look at the store: known, and not judged here.
  void both_run(const core::SessionId& session, core::KindId kind, core::Instant since) {
    if (stage_.swarm_case.tuning.without_store[kind.value] != core::WithoutStore::kFreeze) return;
    if (drained_.contains(session)) return;
    if (stage_.now() <= since + kFenceMax || stage_.failed_over()) return;
    stage_.fail("reach", fmt::format("two processes of a session that freezes run for {} ms",
                                     (stage_.now() - since) / core::milliseconds(1)));
  }

  absl::flat_hash_set<core::SessionId> watched_;
  absl::flat_hash_set<core::SessionId> drained_;
  std::set<std::pair<core::SessionId, std::pair<core::Epoch, core::NodeId>>> ready_;
  struct Newest {
    core::Epoch epoch{};
    core::Instant at{};
  };
  absl::flat_hash_map<core::SessionId, Newest> newest_;  // that answered
  core::Instant next_look_{};
  std::uint64_t doubles_ = 0;
  std::uint64_t served_ = 0;
};

}  // namespace

std::unique_ptr<Checker> make_reach_checker(Stage& stage) {
  return std::make_unique<ReachChecker>(stage);
}

}  // namespace homing::sim::swarm
