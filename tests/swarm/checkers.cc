// SPDX-License-Identifier: Apache-2.0
//
// The frame of the checkers, and those that look at the store: rows and deaths.
#include "tests/swarm/checkers.h"

#include <fmt/format.h>

#include "router/base/store.h"

namespace homing::sim::swarm {
namespace {

using core::SessionState;

constexpr int kStates = 7;
constexpr int kNothing = kStates;  // no row yet

std::string state_name(int state) {
  return state == kNothing ? "none" : std::string(core::to_string(static_cast<SessionState>(state)));
}

// A session's row on one epoch.
bool is_arrow(SessionState from, SessionState to) {
  switch (from) {
    case SessionState::kPlaced:
      return to == SessionState::kStarting || to == SessionState::kRefused || to == SessionState::kLost ||
             to == SessionState::kEnded;
    case SessionState::kStarting:
      return to == SessionState::kReady || to == SessionState::kRefused || to == SessionState::kLost ||
             to == SessionState::kEnded;
    case SessionState::kReady:
      return to == SessionState::kSuspended || to == SessionState::kLost || to == SessionState::kEnded;
    case SessionState::kSuspended:
    case SessionState::kLost:
    case SessionState::kRefused:
      return to == SessionState::kEnded;
    case SessionState::kEnded:
      return false;
  }
  return false;
}

class StoreChecker final : public Checker {
 public:
  using Checker::Checker;

  void won(std::uint32_t, const core::CompareAndSet&) override {
    for (const Change& change : stage_.mirror.changes()) {
      if (const auto* row = std::get_if<core::SessionRow>(&change.after)) session(change, *row);
    }
    for (const Change& change : stage_.mirror.changes()) {
      if (const auto* row = std::get_if<core::UserRow>(&change.after)) {
        const int live = stage_.mirror.live(row->user);
        if (live != static_cast<int>(row->live)) {
          stage_.fail("store",
                      fmt::format("user {:x} counts {} live sessions and has {}", row->user.value, row->live, live));
        }
      }
    }
  }

  void count(Coverage& coverage) const override {
    for (int from = 0; from <= kStates; ++from) {
      for (int to = 0; to < kStates; ++to) {
        const std::uint64_t times = arrows_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
        if (times > 0) coverage.hit("row", fmt::format("{} -> {}", state_name(from), state_name(to)), times);
      }
    }
    for (std::size_t i = 1; i < reasons_.size(); ++i) {
      if (reasons_[i] > 0) coverage.hit("end-reason", core::to_string(static_cast<core::EndReason>(i)), reasons_[i]);
    }
  }

 private:
  void session(const Change& change, const core::SessionRow& row) {
    const core::SessionRow* old = change.before ? &std::get<core::SessionRow>(change.before->held.row) : nullptr;
    const auto from = static_cast<std::size_t>(old == nullptr ? kNothing : static_cast<int>(old->state));
    ++arrows_[from][static_cast<std::size_t>(row.state)];
    ++reasons_[static_cast<std::size_t>(row.reason)];
    const bool user_counted = (old != nullptr && holds(old->state)) == holds(row.state);
    bool user_written = false;
    for (const Change& other : stage_.mirror.changes()) user_written |= other.key.kind == core::RowKind::kUser;
    if (!user_counted && !user_written) wrong("changed a user's count without writing it", old, row);
    // What a holder says after a failover; it also tells of a session that fell asleep in what was lost.
    const bool announced = row.state == SessionState::kStarting || row.state == SessionState::kReady ||
                           row.state == SessionState::kSuspended;
    if (old == nullptr) {
      if (row.state == SessionState::kPlaced || (announced && stage_.mirror.failed_over())) return;
      return wrong("began", old, row);
    }
    if (row.user != old->user) return wrong("changed its owner", old, row);
    // A holder may say after a failover what ran there: then epochs jump and states turn back.
    if (stage_.mirror.failed_over() && announced && row.epoch >= old->epoch) return;
    if (row.epoch < old->epoch) return wrong("fell back to an older epoch", old, row);
    if (row.epoch == old->epoch) {
      if (!is_arrow(old->state, row.state)) return wrong("left the arrows", old, row);
      if (row.node != old->node || row.incarnation != old->incarnation) wrong("moved within an epoch", old, row);
      return;
    }
    if (row.state != SessionState::kPlaced) return wrong("began an epoch", old, row);
    if (row.epoch.value != old->epoch.value + 1) return wrong("skipped an epoch", old, row);
    if (old->state == SessionState::kEnded) return wrong("came back from the end", old, row);
    if (old->state == SessionState::kReady && !stage_.mirror.gone(old->node, old->incarnation)) {
      wrong("was taken from a living holder", old, row);
    }
  }

  void wrong(const char* what, const core::SessionRow* old, const core::SessionRow& row) {
    stage_.fail("store", fmt::format("a session {}: {} after {}", what, base::describe(row),
                                     old == nullptr ? "nothing" : base::describe(*old)));
  }

  std::array<std::array<std::uint64_t, kStates>, kStates + 1> arrows_{};
  std::array<std::uint64_t, 32> reasons_{};
};

class DeathChecker final : public Checker {
 public:
  using Checker::Checker;

  void won(std::uint32_t machine, const core::CompareAndSet&) override {
    for (const Change& change : stage_.mirror.changes()) {
      if (const auto* row = std::get_if<core::NodeRow>(&change.after)) node(machine, change, *row);
      if (const auto* row = std::get_if<core::SessionRow>(&change.after)) session(machine, change, *row);
    }
  }

 private:
  void node(std::uint32_t machine, const Change& change, const core::NodeRow& row) {
    if (!change.before) {
      renewed_[row.node.value] = stage_.now();
      return;
    }
    const auto& old = std::get<core::NodeRow>(change.before->held.row);
    if (row.incarnation < old.incarnation) {
      stage_.fail("deaths", fmt::format("node {} fell back to incarnation {}", row.node.value, row.incarnation.value));
    }
    if (row.lease != old.lease) renewed_[row.node.value] = stage_.now();
    if (row.life == core::NodeLife::kDead && old.life != core::NodeLife::kDead) {
      const core::Duration silent = stage_.now() - renewed_[row.node.value];
      // One part in a hundred for clocks that drift.
      if (silent < stage_.cluster().dead - stage_.cluster().dead / 100) {
        stage_.fail("deaths", fmt::format("router {} declared node {} dead after {} ms of silence", machine,
                                          row.node.value, silent / core::milliseconds(1)));
      }
    }
    if (row.life == core::NodeLife::kUp && old.life == core::NodeLife::kDead && row.incarnation == old.incarnation) {
      stage_.fail("deaths",
                  fmt::format("node {} rose from the dead as incarnation {}", row.node.value, row.incarnation.value));
    }
  }

  // Only its holder says that a session of a living instance is lost; anybody may end it for its owner or a drain.
  void session(std::uint32_t machine, const Change& change, const core::SessionRow& row) {
    if (row.state != SessionState::kLost || row.reason == core::EndReason::kDrained || row.node.value == machine)
      return;
    if (!stage_.mirror.gone(row.node, row.incarnation)) {
      stage_.fail("deaths", fmt::format("machine {} declared lost what a living node {} holds: {}", machine,
                                        row.node.value, base::describe(change.after)));
    }
  }

  absl::flat_hash_map<std::uint32_t, core::Instant> renewed_;
};

}  // namespace

std::unique_ptr<Checker> make_store_checker(Stage& stage) {
  return std::make_unique<StoreChecker>(stage);
}
std::unique_ptr<Checker> make_death_checker(Stage& stage) {
  return std::make_unique<DeathChecker>(stage);
}

Checkers::Checkers(const SwarmCase& swarm_case) : stage_{swarm_case, nullptr, {}, {}} {
  all_.push_back(make_store_checker(stage_));
  all_.push_back(make_claim_checker(stage_));
  all_.push_back(make_slot_checker(stage_));
  all_.push_back(make_death_checker(stage_));
  all_.push_back(make_reach_checker(stage_));
  all_.push_back(make_answer_checker(stage_));
  all_.push_back(make_healed_checker(stage_));
  all_.push_back(make_journal_checker(stage_));
}

void Checkers::listen(WorldOptions& options) {
  options.on_event = [this](std::uint32_t machine, const core::Event& event) {
    if (log) log_event(machine, event);
    for (const auto& checker : all_) checker->event(machine, event);
  };
  options.on_effect = [this, before = std::move(options.on_effect)](std::uint32_t machine, const core::Effect& effect) {
    if (before) before(machine, effect);
    const auto* answer = std::get_if<core::Answer>(&effect);
    if (log && answer != nullptr) {
      fmt::print("{:10.3f} s machine {} answers {} of {}: {} {}\n", static_cast<double>(stage_.world->now_ns()) * 1e-9,
                 machine, answer->request.value, base::to_hex(answer->session), core::to_string(answer->outcome),
                 core::to_string(answer->refusal));
    }
    for (const auto& checker : all_) checker->effect(machine, effect);
  };
  options.on_write = [this, before = std::move(options.on_write)](
                         std::uint32_t machine, const core::CompareAndSet& call, std::optional<core::Version> won) {
    if (before) before(machine, call, won);
    std::string wrong = stage_.mirror.written(stage_.now(), call, won, stage_.world->store().timeline());
    if (!wrong.empty()) stage_.fail("store", std::move(wrong));
    if (log) {
      fmt::print("{:10.3f} s machine {} {}", static_cast<double>(stage_.world->now_ns()) * 1e-9, machine,
                 won ? fmt::format("commits {}:", won->value) : "loses:");
      for (const core::RowWrite& write : call.writes) {
        fmt::print(" [{}, was {}]", base::describe(write.row), write.expected.value);
      }
      fmt::print("\n");
    }
    if (!won) {
      last_lost_ = call.writes;
      return;
    }
    for (const auto& checker : all_) checker->won(machine, call);
  };
}

void Checkers::log_event(std::uint32_t machine, const core::Event& event) const {
  std::string what;
  if (const auto* wanted = std::get_if<core::SessionWanted>(&event)) {
    what = fmt::format("hears {}: wanted, {} with intent {}", wanted->request.value, base::to_hex(wanted->session),
                       static_cast<int>(wanted->intent));
  } else if (const auto* withdrawn = std::get_if<core::WantWithdrawn>(&event)) {
    what = fmt::format("hears {}: withdrawn", withdrawn->request.value);
  } else if (const auto* word = std::get_if<core::AdminWanted>(&event)) {
    what = fmt::format("hears: node {} shall be {}", word->node.value, core::to_string(word->admin));
  } else if (std::holds_alternative<core::Boot>(event)) {
    what = "boots";
  }
  if (what.empty()) return;
  fmt::print("{:10.3f} s machine {} {}\n", static_cast<double>(stage_.world->now_ns()) * 1e-9, machine, what);
}

void Checkers::runs_away() {
  std::string text = "the world runs away at one instant; the last lost write:";
  for (const core::RowWrite& write : last_lost_) {
    const MirrorRow* held = stage_.mirror.find(key_of(write.row));
    text += fmt::format(" [{} expecting version {}; the store has {} at version {}]", base::describe(write.row),
                        write.expected.value, held == nullptr ? "nothing" : base::describe(held->held.row),
                        held == nullptr ? 0 : held->held.version.value);
  }
  stage_.fail("pace", std::move(text));
}

void Checkers::end() {
  stage_.mirror.settle(stage_.world->store().latest(), stage_.world->store().timeline());
  for (const auto& checker : all_) checker->end();
}

}  // namespace homing::sim::swarm
