// SPDX-License-Identifier: Apache-2.0
#include "sim/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "router/base/diagnostics.h"
#include "router/core/check.h"
#include "sim/commands.h"
#include "sim/experiment.h"
#include "sim/sweep.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kCopiesPerVisit = 16;
constexpr std::uint32_t kMaxSessionAttempts = 16;  // sessions of one visit that a session id is looked for among

double seconds_between(std::int64_t from_ns, std::int64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) * 1e-9;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool is_session_hex(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

double VisitStory::minutes_lost() const {
  return user_minutes_lost(downs, 0, std::numeric_limits<std::int64_t>::max());
}

int VisitStory::losses() const {
  return static_cast<int>(std::count_if(moments.begin(), moments.end(),
                                        [](const Moment& moment) { return moment.feeling == Feeling::kLost; }));
}

// ---- the watch

VisitWatch::VisitWatch(const World& world, std::uint32_t visit)
    : downs_(world.plan().visits[visit].user, visit,
             world.scenario().kinds[world.plan().visits[visit].kind].patience.count()) {
  story_.visit = visit;
}

void VisitWatch::feel(std::int64_t now_ns, Feeling feeling) {
  if (now_) {
    const double lasted = seconds_between(now_->at_ns, now_ns);
    if (now_->feeling == Feeling::kWaiting) story_.waiting_s += lasted;
    if (now_->feeling == Feeling::kCut) story_.cut_s += lasted;
    if (now_->feeling == Feeling::kLost) story_.lost_s += lasted;
  }
  now_ = Moment{now_ns, feeling};
}

void VisitWatch::look(const World& world) {
  const Stay& stay = world.stays()[story_.visit];
  const std::int64_t now_ns = world.now_ns();
  if (stay.phase == Stay::Phase::kToCome) return;
  if (phase_ == Stay::Phase::kToCome) {
    story_.arrived_ns = now_ns;
    phase_ = Stay::Phase::kPresent;
  }
  if (stay.phase == Stay::Phase::kPresent) {
    if (!now_ || now_->feeling != stay.feeling) {
      feel(now_ns, stay.feeling);
      downs_.feel(now_ns, stay.feeling, story_.downs);
      story_.moments.push_back({now_ns, stay.feeling});
      if (stay.feeling == Feeling::kWorking && !story_.first_wait_s) {
        story_.first_wait_s = seconds_between(story_.arrived_ns, now_ns);
      }
    }
    if (story_.routers.empty() || stay.router != router_) {
      story_.routers.emplace_back(now_ns, stay.router);
      router_ = stay.router;
    }
    look_at_work(world);
  } else if (phase_ == Stay::Phase::kPresent) {
    feel(now_ns, Feeling::kWorking);
    downs_.end(now_ns, false, story_.downs);
    story_.left_ns = now_ns;
  }
  look_at_row(world);
  phase_ = stay.phase;
}

// An action is slow from the moment on at which it ought to have been done.
void VisitWatch::look_at_work(const World& world) {
  const Stay& stay = world.stays()[story_.visit];
  std::optional<core::Instant> slow_after;
  if (!story_.epochs.empty() && story_.epochs.back().node < world.machines().size()) {
    const auto& processes = world.machines()[story_.epochs.back().node].processes;
    const auto found = processes.find({stay.session, story_.epochs.back().epoch});
    if (found != processes.end()) {
      const Process& process = world.processes()[found->second];
      if (process.computing && process.state == Process::State::kReady) slow_after = process.slow_after;
    }
  }
  if (slow_after_ && !slow_after && world.now() > *slow_after_) {
    story_.slow_s += static_cast<double>((world.now() - *slow_after_).count()) * 1e-9;
  }
  slow_after_ = slow_after;
}

void VisitWatch::look_at_row(const World& world) {
  const Stay& stay = world.stays()[story_.visit];
  const auto* row = world.store().find({core::RowKind::kSession, stay.session.hi, stay.session.lo});
  if (row == nullptr || row->version == row_version_) return;
  row_version_ = row->version;
  const auto& session = std::get<core::SessionRow>(row->row);
  const std::int64_t now_ns = world.now_ns();
  auto& epochs = story_.epochs;
  if (epochs.empty() || epochs.back().session != session.session || epochs.back().epoch != session.epoch) {
    // A new epoch is the end of the one before, when nobody had said so.
    if (!epochs.empty() && !epochs.back().ended_ns) {
      epochs.back().ended_ns = now_ns;
      epochs.back().reason = "placed again";
    }
    epochs.push_back({session.session, session.epoch, session.node.value, now_ns, {}, {}, "", ""});
  }
  EpochLife& life = epochs.back();
  life.state = std::string(core::to_string(session.state));
  if (session.state == core::SessionState::kReady && !life.ready_ns) life.ready_ns = now_ns;
  const bool over = session.state == core::SessionState::kLost || session.state == core::SessionState::kEnded ||
                    session.state == core::SessionState::kRefused || session.state == core::SessionState::kSuspended;
  if (over && !life.ended_ns) {
    life.ended_ns = now_ns;
    life.reason = std::string(core::to_string(session.reason));
  }
}

VisitStory VisitWatch::story(const World& world) const {
  VisitWatch copy = *this;
  if (phase_ == Stay::Phase::kPresent) {
    const std::int64_t until =
        world.next_event_ns() >= world.scenario().horizon.count() ? world.scenario().horizon.count() : world.now_ns();
    copy.feel(until, Feeling::kWorking);
    copy.downs_.end(until, true, copy.story_.downs);
  }
  return copy.story_;
}

// ---- making a run again

std::expected<RunAgain, WhyError> run_again(const ResultReader& results, const RunRow& run,
                                            const std::string& scenario_file) {
  const auto& scenarios = results.scenarios();
  const auto row = std::find_if(scenarios.begin(), scenarios.end(),
                                [&](const ScenarioRow& scenario) { return scenario.id == run.scenario; });
  if (row == scenarios.end()) return std::unexpected(WhyError{"the result names a scenario that it does not have"});
  const auto text = results.scenario_text(run.scenario);
  if (!text) return std::unexpected(WhyError{text.error()});
  ScenariosResult read = scenario_file.empty() ? parse_scenarios(*text, row->name + ".toml", known_names())
                                               : load_scenarios(scenario_file, known_names());
  if (!read.ok()) {
    return std::unexpected(WhyError{
        fmt::format("the scenario of {} cannot be read again; if it refers to other files, --scenario FILE says "
                    "where it lies; else the homing-sim that wrote the result reads it:\n{}",
                    results.path(), base::render_report(read.diagnostics))});
  }
  // A file with a [sweep] is many scenarios, and the run is of one of them.
  const auto same = std::find_if(read.scenarios.begin(), read.scenarios.end(),
                                 [&](const Scenario& scenario) { return scenario.hash == row->hash; });
  if (same == read.scenarios.end()) {
    return std::unexpected(
        WhyError{fmt::format("{} is not the scenario of the run: {}, the run's was {}",
                             scenario_file.empty() ? "the text in the result" : scenario_file,
                             read.scenarios.size() == 1
                                 ? "its hash is " + read.scenarios[0].hash
                                 : fmt::format("it has {} points and other hashes", read.scenarios.size()),
                             row->hash),
                 true});
  }
  auto scenario = std::make_shared<Scenario>(std::move(*same));
  // `run --strategies` may have chosen others than the file: the result says which.
  const auto strategy = std::find_if(row->strategies.begin(), row->strategies.end(),
                                     [&](const StrategyRow& s) { return s.id == run.strategy; });
  if (strategy == row->strategies.end()) {
    return std::unexpected(WhyError{fmt::format("run {} names a strategy that the result does not have", run.id)});
  }
  const auto in_file = std::find_if(scenario->strategies.begin(), scenario->strategies.end(),
                                    [&](const StrategySpec& s) { return s.name == strategy->name; });
  int index = static_cast<int>(in_file - scenario->strategies.begin());
  if (in_file == scenario->strategies.end()) {
    scenario->strategies.push_back({strategy->name, strategy->base, {}});
    const ScenarioNames names = known_names();
    if (std::find(names.strategies.begin(), names.strategies.end(), strategy->base) == names.strategies.end()) {
      return std::unexpected(WhyError{fmt::format("this program has no strategy \"{}\"", strategy->base)});
    }
  }
  auto plan = std::make_shared<const Plan>(draw_plan(*scenario, run.seed));
  const std::string hash = fmt::format("{:016x}", plan->hash);
  if (hash != run.plan_hash) {
    return std::unexpected(WhyError{
        fmt::format("the plan of run {} cannot be drawn again: it was {}, now it is {}. Another version of homing-sim "
                    "wrote {}; use that one, or run the scenario again",
                    run.id, run.plan_hash, hash, results.path()),
        true});
  }
  return RunAgain{std::move(scenario), std::move(plan), index};
}

WhyAnswer why(const RunAgain& run, std::uint32_t visit) {
  CHECK(visit < run.plan->visits.size());
  const Visit& planned = run.plan->visits[visit];
  World world(run.scenario, run.strategy, run.plan);
  world.run_until(planned.arrival_ns);
  world.explain(user_id(run.plan->seed, planned.user));
  VisitWatch watch(world, visit);
  const std::int64_t horizon = run.scenario->horizon.count();
  const std::int64_t apart =
      std::max<std::int64_t>(1, (std::min(planned.end_ns, horizon) - planned.arrival_ns) / kCopiesPerVisit);
  auto before = std::make_shared<const Placement::Before>(Placement::Before{world, watch});
  std::int64_t next_copy_ns = planned.arrival_ns + apart;
  struct Found {
    std::size_t index;  // in world.explained()
    std::shared_ptr<const Placement::Before> before;
  };
  std::vector<Found> found;
  while (!watch.over() && world.step()) {
    watch.look(world);
    for (std::size_t i = found.size(); i < world.explained().size(); ++i) found.push_back({i, before});
    if (world.now_ns() >= next_copy_ns) {
      before = std::make_shared<const Placement::Before>(Placement::Before{world, watch});
      next_copy_ns = world.now_ns() + apart;
    }
  }
  WhyAnswer answer;
  answer.story = watch.story(world);
  for (const Found& one : found) {
    const ExplainedPlacement& explained = world.explained()[one.index];
    const auto& epochs = answer.story.epochs;
    const bool of_visit = std::any_of(epochs.begin(), epochs.end(), [&](const EpochLife& life) {
      return life.session == explained.table.record.session && life.epoch == explained.table.record.epoch;
    });
    if (!explained.made || !of_visit) continue;
    const std::int64_t at_ns = (explained.table.at - world.now()).count() + world.now_ns();
    answer.placements.push_back({explained.machine, at_ns, explained.table, one.before, explained.event});
  }
  return answer;
}

WhatIf what_if(const RunAgain& run, const Placement& placement, std::uint32_t node) {
  Placement::Before real = *placement.before;
  while (real.world.events() + 1 < placement.event && real.world.step()) real.watch.look(real.world);
  Placement::Before fork = real;
  const core::DecisionRecord& record = placement.table.record;
  fork.world.want_place(placement.machine, {record.session, record.epoch, core::NodeId(node)});
  WhatIf answer;
  for (Placement::Before* way : {&real, &fork}) {
    const std::uint64_t first = way->world.explained().size();
    while (way->world.step()) way->watch.look(way->world);
    if (way != &fork) continue;
    const auto& explained = way->world.explained();
    for (std::size_t i = first; i < explained.size(); ++i) {
      const core::DecisionRecord& made = explained[i].table.record;
      if (made.session == record.session && made.epoch == record.epoch && explained[i].made)
        answer.went_to = made.chosen;
    }
  }
  answer.real = real.watch.story(real.world);
  answer.fork = fork.watch.story(fork.world);
  answer.real_run = close_run(real.world, run.strategy, run.plan->seed);
  answer.fork_run = close_run(fork.world, run.strategy, run.plan->seed);
  return answer;
}

std::expected<std::uint32_t, std::string> visit_named(const Plan& plan, const std::string& text) {
  const auto visits = static_cast<std::uint32_t>(plan.visits.size());
  if (is_session_hex(text)) {
    for (std::uint32_t v = 0; v < visits; ++v) {
      for (std::uint32_t attempt = 0; attempt < kMaxSessionAttempts; ++attempt) {
        const core::SessionId id = session_id(plan.seed, plan.visits[v], attempt);
        if (fmt::format("{:016x}{:016x}", id.hi, id.lo) == text) return v;
      }
    }
    return std::unexpected(fmt::format("no visit of this run has a session {}", text));
  }
  const std::size_t slash = text.find('/');
  const auto visit =
      number(slash == std::string::npos ? std::string_view(text) : std::string_view(text).substr(slash + 1));
  const auto user = slash == std::string::npos ? std::nullopt : number(std::string_view(text).substr(0, slash));
  if (!visit || (slash != std::string::npos && !user)) {
    return std::unexpected(fmt::format(
        "\"{}\" is no session; expected USER/VISIT (as the list of a run shows), a visit's number, or 32 hex digits",
        text));
  }
  if (*visit >= visits) {
    return std::unexpected(fmt::format("there is no visit {}; the plan has visits 0 to {}", *visit, visits - 1));
  }
  if (user && plan.visits[*visit].user != *user) {
    return std::unexpected(fmt::format("visit {} is user {}'s, not user {}'s: write {}/{}", *visit,
                                       plan.visits[*visit].user, *user, plan.visits[*visit].user, *visit));
  }
  return *visit;
}

}  // namespace homing::sim
