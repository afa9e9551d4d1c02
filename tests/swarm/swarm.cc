// SPDX-License-Identifier: Apache-2.0
#include "tests/swarm/swarm.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "router/core/draws.h"
#include "sim/faults.h"

namespace homing::sim::swarm {
namespace {

constexpr std::uint64_t kCutOneIn = 16;
constexpr std::uint64_t kMostAtOnce = 200'000;  // events at one instant; more is a world that runs away
constexpr std::int64_t kHurtBeat = 5 * kSec;    // how often a hurt that goes on does something

// What some hurts wait for. Must outlive the world.
struct Ears {
  std::vector<std::uint32_t> heirs;           // who won a declaration of death since the last look
  std::vector<core::SessionId> falls_asleep;  // `suspended` is being written
  // By session: the commits that made its newest epoch placed, starting and ready.
  absl::flat_hash_map<core::SessionId, std::array<core::Version, 3>> steps;

  bool any() const { return !heirs.empty() || !falls_asleep.empty(); }

  void wrote(std::uint32_t machine, const core::CompareAndSet& call, std::optional<core::Version> won) {
    if (!won) return;
    const core::Row& row = call.writes.front().row;
    if (const auto* node = std::get_if<core::NodeRow>(&row)) {
      if (node->life == core::NodeLife::kDead && node->declared_by.value == machine) heirs.push_back(machine);
    } else if (const auto* session = std::get_if<core::SessionRow>(&row)) {
      const auto step = static_cast<std::size_t>(session->state);
      if (step < 3) steps[session->session][step] = *won;
    }
  }
  void ordered(const core::Effect& effect) {
    const auto* call = std::get_if<core::CompareAndSet>(&effect);
    if (call == nullptr) return;
    const auto* row = std::get_if<core::SessionRow>(&call->writes.front().row);
    if (row != nullptr && row->state == core::SessionState::kSuspended) falls_asleep.push_back(row->session);
  }
};
static_assert(static_cast<int>(core::SessionState::kReady) == 2);

// Applies the case's hurts at their times.
class Hurter {
 public:
  Hurter(const SwarmCase& swarm_case, World& world, Ears& ears) : case_(swarm_case), world_(world), ears_(ears) {
    for (std::uint32_t i = 0; i < case_.hurts.size(); ++i) due_.push_back({case_.hurts[i].begin_ns, i, false});
  }

  // Between two events: before an heir hears that it has won, and before the store has the sleeper's row.
  void listen() {
    for (const std::uint32_t heir : std::exchange(ears_.heirs, {})) {
      if (!heirs_fall_silent_) continue;
      world_.isolate(heir, true);
      silent_.push_back(heir);
    }
    for (const core::SessionId& sleeper : std::exchange(ears_.falls_asleep, {})) {
      if (forgets_ == nullptr) continue;
      // Back to before the claim, to the claim, or to its acceptance.
      core::DrawSequence d = draws(*forgets_, world_.now_ns());
      const std::uint64_t what = d.below(3);
      const auto& steps = ears_.steps[sleeper];
      const std::uint64_t to = what == 0 ? steps[0].value - 1 : steps[what - 1].value;
      const std::uint64_t latest = world_.store().latest().value;
      if (steps[0].value > 0 && to < latest && world_.lose_tail(latest - to)) forgets_ = nullptr;  // once
    }
  }

  std::int64_t next_ns() const {
    std::int64_t next = std::numeric_limits<std::int64_t>::max();
    for (const Due& due : due_) next = std::min(next, due.at_ns);
    return next;
  }

  void act() {
    const std::int64_t now = next_ns();
    for (std::size_t i = 0; i < due_.size(); ++i) {
      if (due_[i].at_ns != now) continue;
      const Hurt& hurt = case_.hurts[due_[i].hurt];
      if (!due_[i].begun) {
        begin(hurt);
        due_[i].begun = true;
        due_[i].at_ns = next_beat(hurt, now);
      } else if (now >= hurt.end_ns) {
        finish(hurt);
        // An operator looks whether the machine is ready again, and says it once more.
        const bool again = hurt.kind == HurtKind::kMaintenance && !is_ready(hurt.machine);
        due_[i].at_ns = again ? now + 6 * kHurtBeat : std::numeric_limits<std::int64_t>::max();
      } else {
        beat(hurt, now);
        due_[i].at_ns = next_beat(hurt, now);
      }
    }
  }

 private:
  struct Due {
    std::int64_t at_ns = 0;
    std::uint32_t hurt = 0;
    bool begun = false;
  };

  static std::int64_t next_beat(const Hurt& hurt, std::int64_t now) { return std::min(hurt.end_ns, now + kHurtBeat); }

  core::DrawSequence draws(const Hurt& hurt, std::int64_t now) const {
    return {case_.seed,
            core::purpose("hurt"),
            {.high = hurt.draw, .low = static_cast<std::uint64_t>(now), .visit = 0, .attempt = 0}};
  }

  void begin(const Hurt& hurt) {
    core::DrawSequence d = draws(hurt, hurt.begin_ns);
    switch (hurt.kind) {
      case HurtKind::kIsolate:
        world_.isolate(hurt.machine, true);
        break;
      case HurtKind::kLoseTail:
        world_.lose_tail(d.below(30));
        break;
      case HurtKind::kSlowStarts:
        world_.slow_starts(hurt.machine, core::milliseconds(static_cast<std::int64_t>(d.below(90'000))));
        break;
      case HurtKind::kLossyStore: {
        const int calls = static_cast<int>(d.below(150));
        const int answers = static_cast<int>(d.below(150));
        world_.store_loss(calls, answers);
        break;
      }
      case HurtKind::kLauncherAway:
        if (world_.machines()[hurt.machine].core) world_.tell(hurt.machine, core::LauncherDown{});
        break;
      case HurtKind::kMaintenance:
        tell_operator(hurt.machine, core::NodeAdmin::kMaintenance);
        break;
      case HurtKind::kSilentHeirs:
        heirs_fall_silent_ = true;
        break;
      case HurtKind::kForgottenSleep:
        forgets_ = &hurt;
        break;
      default:
        beat(hurt, hurt.begin_ns);
        break;
    }
  }

  void finish(const Hurt& hurt) {
    switch (hurt.kind) {
      case HurtKind::kIsolate:
        world_.isolate(hurt.machine, false);
        break;
      case HurtKind::kSlowStarts:
        world_.slow_starts(hurt.machine, std::nullopt);
        break;
      case HurtKind::kLossyStore:
        world_.store_loss(0, 0);
        break;
      case HurtKind::kLauncherAway: {
        if (!world_.machines()[hurt.machine].core) break;
        core::LauncherUp up;
        for (const auto& [name, slot] : world_.machines()[hurt.machine].processes) {
          up.processes.push_back(
              {name.first, name.second, world_.processes()[slot].state != Process::State::kStarting});
        }
        world_.tell(hurt.machine, up);
        break;
      }
      case HurtKind::kMaintenance:
        tell_operator(hurt.machine, core::NodeAdmin::kReady);
        break;
      case HurtKind::kSilentHeirs:
        heirs_fall_silent_ = false;
        heirs_speak_again();
        break;
      case HurtKind::kForgottenSleep:
        forgets_ = nullptr;
        break;
      default:
        break;
    }
  }

  // An operator asks routers until one is there; what a crash forgets is asked again at the next beat.
  void tell_operator(std::uint32_t machine, core::NodeAdmin admin) {
    const std::uint32_t router = any_router(machine);
    if (router != kNone) world_.tell(router, core::AdminWanted{core::NodeId(machine), admin});
  }

  void heirs_speak_again() {
    for (const std::uint32_t heir : silent_) world_.isolate(heir, false);
    silent_.clear();
  }

  // Owners of what the dead held and nobody has declared lost yet.
  void click_for_the_dead(core::DrawSequence& d) {
    for (std::uint32_t v = 0; v < world_.stays().size(); ++v) {
      const Stay& stay = world_.stays()[v];
      if (stay.phase != Stay::Phase::kPresent || stay.feeling == Feeling::kWorking) continue;
      const core::VersionedRow* held = world_.store().find({core::RowKind::kSession, stay.session.hi, stay.session.lo});
      if (held == nullptr || std::get<core::SessionRow>(held->row).state != core::SessionState::kReady) continue;
      const core::NodeId node = std::get<core::SessionRow>(held->row).node;
      const core::VersionedRow* holder = world_.store().find({core::RowKind::kNode, 0, node.value});
      if (holder == nullptr || std::get<core::NodeRow>(holder->row).life != core::NodeLife::kDead) continue;
      const std::uint32_t router = any_router(d.u64());
      if (router == kNone) return;
      const Visit& visit = case_.plan->visits[v];
      world_.tell(router, core::SessionWanted{{},
                                              stay.session,
                                              user_id(case_.seed, visit.user),
                                              core::KindId(static_cast<std::uint16_t>(visit.kind)),
                                              core::Intent::kRestart});
    }
  }

  bool is_ready(std::uint32_t machine) const {
    const core::VersionedRow* row = world_.store().find({core::RowKind::kNode, 0, machine});
    return row != nullptr && std::get<core::NodeRow>(row->row).admin == core::NodeAdmin::kReady;
  }

  std::uint32_t any_router(std::uint64_t from) const {
    const auto routers = static_cast<std::uint64_t>(case_.scenario->routers);
    for (std::uint64_t i = 0; i < routers; ++i) {
      const auto router = static_cast<std::uint32_t>((from + i) % routers);
      if (world_.machines()[router].core) return router;
    }
    return kNone;
  }

  void beat(const Hurt& hurt, std::int64_t now) {
    core::DrawSequence d = draws(hurt, now);
    const std::uint32_t router = any_router(d.u64());
    const auto& stays = world_.stays();
    if (stays.empty()) return;  // a case made smaller may have no visit left
    const auto v = static_cast<std::uint32_t>(d.below(stays.size()));
    const core::SessionId session = stays[v].session;
    const Visit& visit = case_.plan->visits[v];
    const core::UserId owner = user_id(case_.seed, visit.user);
    const core::KindId kind(static_cast<std::uint16_t>(visit.kind));
    const std::uint64_t which = d.below(4);
    if (router == kNone) return;
    const bool exists = session != core::SessionId{};
    switch (hurt.kind) {
      case HurtKind::kLossyStore: {
        const int calls = static_cast<int>(d.below(150));
        const int answers = static_cast<int>(d.below(150));
        world_.store_loss(calls, answers);
        break;
      }
      case HurtKind::kExits: {
        std::vector<std::uint32_t> live;
        for (std::uint32_t slot = 0; slot < world_.processes().size(); ++slot) {
          if (world_.processes()[slot].state != Process::State::kFree) live.push_back(slot);
        }
        if (live.empty()) break;
        const std::uint32_t slot = live[d.below(live.size())];
        const bool starting = world_.processes()[slot].state == Process::State::kStarting;
        world_.let_exit(slot, starting ? core::EndReason::kStartFailed : core::EndReason::kProcessExited);
        break;
      }
      case HurtKind::kPolls:
        if (!exists) break;
        world_.tell(router, core::SessionWanted{
                                {}, session, owner, kind, which == 0 ? core::Intent::kWake : core::Intent::kReach});
        break;
      case HurtKind::kStrangers:
        if (which == 0) {
          world_.tell(router, core::SessionWanted{{}, {d.u64(), 1}, owner, kind, core::Intent::kReach});
        } else if (which == 1) {
          world_.tell(router, core::SessionWanted{{}, {d.u64(), 1}, owner, core::KindId(99), core::Intent::kStart});
        } else if (world_.store().find({core::RowKind::kSession, session.hi, session.lo}) != nullptr) {
          world_.tell(router,
                      core::SessionWanted{{}, session, core::UserId(owner.value + 1), kind, core::Intent::kRestart});
        }
        break;
      case HurtKind::kClicks:
        if (!exists || stays[v].phase != Stay::Phase::kPresent) break;
        world_.tell(router, core::SessionWanted{
                                {}, session, owner, kind, which == 0 ? core::Intent::kStart : core::Intent::kRestart});
        break;
      case HurtKind::kIdleEnds:
        if (exists) world_.tell(router, core::EndWanted{session, core::EndReason::kIdle});
        break;
      case HurtKind::kSilentHeirs:
        if (!silent_.empty()) click_for_the_dead(d);
        heirs_speak_again();
        break;
      default:
        break;
    }
  }

  const SwarmCase& case_;
  World& world_;
  Ears& ears_;
  std::vector<Due> due_;
  bool heirs_fall_silent_ = false;
  std::vector<std::uint32_t> silent_;
  const Hurt* forgets_ = nullptr;
};

WorldOptions options_of(const SwarmCase& swarm_case, Ears& ears) {
  WorldOptions options;
  options.on_write = [&ears](std::uint32_t machine, const core::CompareAndSet& call, std::optional<core::Version> won) {
    ears.wrote(machine, call, won);
  };
  options.on_effect = [&ears](std::uint32_t, const core::Effect& effect) { ears.ordered(effect); };
  options.kept_history = 256;
  options.store_jitter = swarm_case.tuning.store_jitter;
  options.adjust = [&swarm_case](core::NodeId, core::Config& config) {
    const Tuning& tuning = swarm_case.tuning;
    config.max_sessions_per_user = tuning.user_limit;
    config.max_queue = tuning.max_queue;
    config.max_wishes = tuning.max_wishes;
    config.queue_ask_max = tuning.queue_ask_max;
    config.accept_max = tuning.accept_max;
    for (std::size_t kind = 0; kind < config.kinds.size(); ++kind) {
      config.kinds[kind].without_store = tuning.without_store[kind];
    }
  };
  return options;
}

template <class AfterStep>
void play(const SwarmCase& swarm_case, World& world, Ears& ears, AfterStep after_step) {
  Hurter hurter(swarm_case, world, ears);
  const std::int64_t horizon = swarm_case.scenario->horizon.count();
  for (;;) {
    const std::int64_t hurt = std::min(horizon, hurter.next_ns());
    while (world.next_event_ns() < hurt && world.step()) {
      if (ears.any()) hurter.listen();
      if (!after_step()) return;
    }
    if (hurt >= horizon) return;
    hurter.act();
  }
}

}  // namespace

Outcome run_case(const SwarmCase& swarm_case, Coverage& coverage, bool log) {
  Checkers checkers(swarm_case);
  checkers.log = log;
  Ears ears;
  WorldOptions options = options_of(swarm_case, ears);
  checkers.listen(options);
  World world(swarm_case.scenario, 0, swarm_case.plan, std::move(options));
  checkers.attach(world);
  core::Instant instant{};
  std::uint64_t at_once = 0;
  play(swarm_case, world, ears, [&] {
    checkers.step();
    at_once = world.now() == instant ? at_once + 1 : 0;
    instant = world.now();
    if (at_once > kMostAtOnce) checkers.runs_away();
    return !checkers.violation();
  });
  if (!checkers.violation()) checkers.end();
  checkers.count(coverage);
  return {checkers.violation(), world.events(), world.fingerprint()};
}

Outcome run_seed(std::uint64_t seed, Coverage& coverage) {
  const SwarmCase swarm_case = draw_case(seed);
  Outcome outcome = run_case(swarm_case, coverage);
  for (const PlannedFault& fault : swarm_case.plan->faults) {
    coverage.hit("fault", fault_info(fault.kind).name);
  }
  for (const Hurt& hurt : swarm_case.hurts) coverage.hit("hurt", to_string(hurt.kind));
  coverage.hit("strategy", swarm_case.scenario->strategies.front().base);
  if (outcome.violation || seed % kCutOneIn != 0) return outcome;

  Ears ears;
  World twin(swarm_case.scenario, 0, swarm_case.plan, options_of(swarm_case, ears));
  core::DrawSequence draws(seed, core::purpose("cut"), {});
  std::uint64_t next_cut = draws.below(20'000);
  std::uint64_t cuts = 0;
  play(swarm_case, twin, ears, [&] {
    if (twin.events() < next_cut) return true;
    next_cut = twin.events() + 1 + draws.below(20'000);
    if (draws.below(2) == 0) {
      twin.cut_and_restore();
    } else {
      World copy = twin;
      twin = std::move(copy);
    }
    ++cuts;
    return true;
  });
  coverage.hit("looks", "cuts", cuts);
  if (twin.fingerprint() != outcome.fingerprint) {
    outcome.violation = Violation{"restore", fmt::format("a world cut {} times went another way", cuts), twin.now_ns()};
  }
  return outcome;
}

// ---- making a violation smaller -------------------------------------------------------------------------------------

namespace {

bool still(const SwarmCase& whole, const Kept& kept, const std::string& checker, int& tries) {
  if (tries-- <= 0) return false;
  Coverage ignored;
  const Outcome outcome = run_case(reduced(whole, kept), ignored);
  return outcome.violation && outcome.violation->checker == checker;
}

std::string list_text(const std::vector<bool>& kept) {
  std::string text;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) continue;
    std::size_t last = i;
    while (last + 1 < kept.size() && kept[last + 1]) ++last;
    text += (text.empty() ? "" : ",") + (last == i ? fmt::format("{}", i) : fmt::format("{}-{}", i, last));
    i = last;
  }
  return text.empty() ? "none" : text;
}

bool parse_list(const std::string& text, std::vector<bool>& kept) {
  if (text == "all") return true;
  kept.assign(kept.size(), false);
  if (text == "none") return true;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, comma - at);
    const std::size_t dash = part.find('-');
    const std::size_t first = std::strtoull(part.c_str(), nullptr, 10);
    const std::size_t last = dash == std::string::npos ? first : std::strtoull(part.c_str() + dash + 1, nullptr, 10);
    if (part.empty() || first > last || last >= kept.size()) return false;
    for (std::size_t i = first; i <= last; ++i) kept[i] = true;
    at = comma + 1;
  }
  return true;
}

}  // namespace

Kept shrink(const SwarmCase& swarm_case, const std::string& checker, int tries) {
  Kept kept = keep_all(swarm_case);
  const auto without = [&](std::vector<bool> Kept::* part) {
    for (std::size_t i = 0; i < (kept.*part).size(); ++i) {
      Kept less = kept;
      (less.*part)[i] = false;
      if (still(swarm_case, less, checker, tries)) kept = less;
    }
  };
  without(&Kept::faults);
  without(&Kept::hurts);
  // Visits by halves, quarters, eighths.
  for (std::size_t parts = 2; parts <= 16; parts *= 2) {
    const std::size_t size = (kept.visits.size() + parts - 1) / parts;
    for (std::size_t from = 0; from < kept.visits.size(); from += size) {
      Kept less = kept;
      for (std::size_t i = from; i < std::min(from + size, less.visits.size()); ++i) less.visits[i] = false;
      if (less.visits != kept.visits && still(swarm_case, less, checker, tries)) kept = less;
    }
  }
  return kept;
}

std::string kept_text(const Kept& kept) {
  return fmt::format("--faults {} --hurts {} --visits {}", list_text(kept.faults), list_text(kept.hurts),
                     list_text(kept.visits));
}

bool parse_kept(const std::string& faults, const std::string& hurts, const std::string& visits, Kept& kept) {
  return parse_list(faults, kept.faults) && parse_list(hurts, kept.hurts) && parse_list(visits, kept.visits);
}

}  // namespace homing::sim::swarm
