// SPDX-License-Identifier: Apache-2.0
//
// What people were told and what became of them: answers, the state after the quiet time, the journal.
#include <fmt/format.h>

#include <algorithm>

#include "router/base/store.h"
#include "sim/faults.h"
#include "tests/swarm/checkers.h"

namespace homing::sim::swarm {
namespace {

using core::SessionState;

class AnswerChecker final : public Checker {
 public:
  explicit AnswerChecker(Stage& stage) : Checker(stage), open_(stage.swarm_case.scenario->nodes.size()) {}

  void event(std::uint32_t machine, const core::Event& event) override {
    auto& open = open_[machine];
    if (std::holds_alternative<core::Boot>(event)) {
      open.clear();
    } else if (const auto* wanted = std::get_if<core::SessionWanted>(&event)) {
      ++intents_[static_cast<std::size_t>(wanted->intent)];
      open[wanted->request] = {*wanted, stage_.now(), {}};
    } else if (const auto* withdrawn = std::get_if<core::WantWithdrawn>(&event)) {
      open.erase(withdrawn->request);
    }
  }

  void effect(std::uint32_t machine, const core::Effect& effect) override {
    if (const auto* made = std::get_if<core::DecisionMade>(&effect)) {
      for (std::size_t i = 0; i < made->record.refused.size(); ++i) node_refusals_[i] += made->record.refused[i];
      return;
    }
    const auto* answer = std::get_if<core::Answer>(&effect);
    if (answer == nullptr) return;
    ++refusals_[static_cast<std::size_t>(answer->refusal)];
    ++reasons_[static_cast<std::size_t>(answer->reason)];
    auto& open = open_[machine];
    const auto found = open.find(answer->request);
    if (found == open.end()) {
      return stage_.fail("answers", fmt::format("router {} answers a request that is not open", machine));
    }
    Open& of = found->second;
    if (answer->outcome == core::Outcome::kRefused) can_be_true(machine, *answer, of.wanted);
    if (answer->outcome == core::Outcome::kForward || answer->outcome == core::Outcome::kRefused) {
      open.erase(found);
    } else {
      // A line may be as long as it is; patience counts from its end.
      if (of.last == core::Outcome::kQueued) of.since = stage_.now();
      of.last = answer->outcome;
    }
  }

  void end() override {
    // Only a line for which there is no room may last.
    const core::Duration patience = stage_.swarm_case.quiet;
    for (std::uint32_t machine = 0; machine < open_.size(); ++machine) {
      if (!stage_.world->machines()[machine].core) continue;
      for (const auto& [request, of] : open_[machine]) {
        if (stage_.now() - of.since < patience || of.last == core::Outcome::kQueued) continue;
        stage_.fail("answers", fmt::format("router {} owes an answer since {} s", machine,
                                           (stage_.now() - of.since) / core::seconds(1)));
      }
    }
  }

  void count(Coverage& coverage) const override {
    for (std::size_t i = 1; i <= static_cast<std::size_t>(core::Refusal::kTimelineChange); ++i) {
      coverage.hit("refusal", core::to_string(static_cast<core::Refusal>(i)), refusals_[i]);
    }
    for (std::size_t i = 1; i <= static_cast<std::size_t>(core::EndReason::kFenced); ++i) {
      coverage.hit("end-reason", core::to_string(static_cast<core::EndReason>(i)), reasons_[i]);
    }
    for (std::size_t i = 0; i < node_refusals_.size(); ++i) {
      coverage.hit("node-refusal", core::to_string(static_cast<core::NodeRefusal>(i)), node_refusals_[i]);
    }
    static constexpr std::array<const char*, 4> kIntents = {"reach", "wake", "start", "restart"};
    for (std::size_t i = 0; i < intents_.size(); ++i) coverage.hit("intent", kIntents[i], intents_[i]);
  }

 private:
  struct Open {
    core::SessionWanted wanted;
    core::Instant since{};
    std::optional<core::Outcome> last;
  };

  void can_be_true(std::uint32_t machine, const core::Answer& answer, const core::SessionWanted& wanted) {
    const Tuning& tuning = stage_.swarm_case.tuning;
    const core::SessionRow* row = stage_.mirror.session(wanted.session);
    bool can = true;
    switch (answer.refusal) {
      case core::Refusal::kUserLimit:
        can = tuning.user_limit != 0;
        break;
      case core::Refusal::kQueueFull:
        can = tuning.max_queue < 1000;
        break;
      case core::Refusal::kNotOwner:
        // Or somebody else asked for it at a router that has not heard of it yet.
        can = row == nullptr || row->user != wanted.user ||
              std::any_of(open_[machine].begin(), open_[machine].end(), [&](const auto& other) {
                return other.second.wanted.session == wanted.session && other.second.wanted.user != wanted.user;
              });
        break;
      case core::Refusal::kUnknownKind:
        can = wanted.kind.value >= stage_.swarm_case.scenario->kinds.size();
        break;
      case core::Refusal::kUnknownSession:
        can = wanted.intent < core::Intent::kStart;
        break;
      case core::Refusal::kLost:
        can = wanted.intent < core::Intent::kRestart;
        break;
      case core::Refusal::kSuspended:
        can = wanted.intent < core::Intent::kWake;
        break;
      case core::Refusal::kNone:
        can = false;
        break;
      default:
        break;
    }
    if (!can) {
      stage_.fail("answers", fmt::format("router {} refuses with intent {} because {}", machine,
                                         static_cast<int>(wanted.intent), core::to_string(answer.refusal)));
    }
  }

  std::vector<absl::flat_hash_map<core::RequestId, Open>> open_;  // by machine
  std::array<std::uint64_t, 32> refusals_{};
  std::array<std::uint64_t, 32> reasons_{};
  std::array<std::uint64_t, core::kNodeRefusals> node_refusals_{};
  std::array<std::uint64_t, 4> intents_{};
};

class HealedChecker final : public Checker {
 public:
  explicit HealedChecker(Stage& stage)
      : Checker(stage),
        words_(stage.swarm_case.scenario->nodes.size()),
        changed_(stage.swarm_case.scenario->nodes.size()),
        full_(stage.swarm_case.scenario->kinds.size()) {}

  void count(Coverage& coverage) const override { coverage.hit("looks", "views compared", compared_); }

  void event(std::uint32_t machine, const core::Event& event) override {
    if (const auto* wanted = std::get_if<core::SessionWanted>(&event)) heard_[wanted->session] = stage_.now();
    if (const auto* word = std::get_if<core::AdminWanted>(&event)) words_[word->node.value].say(++words_said_, machine);
    if (!std::holds_alternative<core::Boot>(event)) return;
    for (OperatorWords& words : words_) words.forgets(machine);
  }
  void effect(std::uint32_t, const core::Effect& effect) override {
    const auto* answer = std::get_if<core::Answer>(&effect);
    if (answer != nullptr) heard_[answer->session] = stage_.now();
    const auto* call = std::get_if<core::CompareAndSet>(&effect);
    const auto* row = call == nullptr ? nullptr : std::get_if<core::SessionRow>(&call->writes.front().row);
    if (row != nullptr) changed_[row->node.value] = stage_.now();  // who claims counts it from now on
  }
  void won(std::uint32_t machine, const core::CompareAndSet&) override {
    const core::Duration left = stage_.swarm_case.scenario->horizon - core::nanoseconds(stage_.world->now_ns());
    for (std::uint32_t kind = 0; left <= moment() && kind < full_.size(); ++kind) full_[kind] |= full(kind);
    for (const Change& change : stage_.mirror.changes()) {
      if (const auto* session = std::get_if<core::SessionRow>(&change.after)) {
        changed_[session->node.value] = stage_.now();
        if (change.before) changed_[std::get<core::SessionRow>(change.before->held.row).node.value] = stage_.now();
      }
      const auto* row = std::get_if<core::NodeRow>(&change.after);
      if (row == nullptr || !change.before) continue;
      if (std::get<core::NodeRow>(change.before->held.row).admin == row->admin) continue;
      words_[row->node.value].write(machine);
    }
  }

  // Who is content, and at the end which processes there are: so that the news of a moment is no offence.
  void step() override {
    if (stage_.now() < next_roll_call_) return;
    const auto& stays = stage_.world->stays();
    worked_.resize(stays.size());
    for (std::size_t v = 0; v < stays.size(); ++v) {
      if (stays[v].feeling == Feeling::kWorking) worked_[v] = stage_.now();
    }
    const core::Duration left = stage_.swarm_case.scenario->horizon - core::nanoseconds(stage_.world->now_ns());
    next_roll_call_ = stage_.now() + (left > moment() ? core::seconds(5) : core::seconds(1));
    if (left > moment() + core::seconds(5)) return;
    for (const Machine& machine : stage_.world->machines()) {
      for (const auto& [name, slot] : machine.processes) lived_.insert(name);
    }
  }

  void end() override {
    nodes();
    rows();
    processes();
    stays();
    views();
  }

 private:
  // How long an order, its answer and the news of it may take without a fault.
  core::Duration moment() const { return 3 * stage_.cluster().heartbeat + core::seconds(2); }
  core::Duration a_start() const {
    const auto& kinds = stage_.swarm_case.scenario->kinds;
    return kinds.front().start.timeout + stage_.swarm_case.tuning.accept_max + moment();
  }
  void stuck(std::string text) { stage_.fail("healed", std::move(text)); }

  void nodes() {
    for (std::uint32_t m = 0; m < stage_.world->machines().size(); ++m) {
      const Machine& machine = stage_.world->machines()[m];
      if (left_for_good(m)) continue;
      if (!machine.core) {
        stuck(fmt::format("machine {} is still down", m));
        continue;
      }
      const MirrorRow* held = stage_.mirror.node(m);
      if (held == nullptr) {
        stuck(fmt::format("machine {} has no row", m));
        continue;
      }
      const auto& row = std::get<core::NodeRow>(held->held.row);
      const OperatorWords& words = words_[m];
      const bool left_with_it =
          words.newest_at != kNone && !words.written && !stage_.world->machines()[words.newest_at].core;
      const bool excused = stage_.mirror.word_lost(m) || words.overtaken || words.forgotten || left_with_it;
      if (row.life != core::NodeLife::kUp || (row.admin != core::NodeAdmin::kReady && !excused)) {
        stuck(fmt::format("node {} is {} and {}", m, core::to_string(row.life), core::to_string(row.admin)));
      }
      if (!machine.core->may_order(stage_.now())) stuck(fmt::format("machine {} may not order", m));
    }
  }

  // By a scale-in of the plan.
  bool left_for_good(std::uint32_t machine) const {
    for (const PlannedFault& fault : stage_.swarm_case.plan->faults) {
      if (fault.kind == FaultKind::kScaleIn && fault.node == machine) return true;
    }
    return false;
  }

  void rows() {
    for (const auto& [key, held] : stage_.mirror.rows()) {
      if (const auto* row = std::get_if<core::SessionRow>(&held.held.row)) {
        const core::Duration age = stage_.now() - held.state_since;
        const bool under_way = row->state == SessionState::kPlaced || row->state == SessionState::kStarting;
        if (under_way && age > a_start()) {
          stuck(fmt::format("for {} s: {}", age / core::seconds(1), base::describe(*row)));
        }
        if (row->state == SessionState::kReady && age > moment()) ready(*row);
      }
      const auto* ticket = std::get_if<core::QueueRow>(&held.held.row);
      if (ticket != nullptr && ticket->waiting && stage_.now() - held.at > stage_.swarm_case.quiet) {
        stuck(fmt::format("a ticket stands in line for {} s: {}", (stage_.now() - held.at) / core::seconds(1),
                          base::describe(*ticket)));
      }
    }
  }

  // What the store calls ready runs where it says, and every router reaches it.
  void ready(const core::SessionRow& row) {
    const World& world = *stage_.world;
    const auto& processes = world.machines()[row.node.value].processes;
    const auto found = processes.find({row.session, row.epoch});
    if (found == processes.end()) {
      if (!lived_.contains({row.session, row.epoch})) stuck("no process of " + base::describe(row));
      return;  // the news of its end is on its way
    }
    const Process& process = world.processes()[found->second];
    if (process.state == Process::State::kSuspending) return;  // on its way to sleep; its owner waits for it
    if (process.frozen) stuck("still frozen: " + base::describe(row));
    for (std::uint32_t router = 0; router < static_cast<std::uint32_t>(world.scenario().routers); ++router) {
      if (left_for_good(router)) continue;
      if (!world.reach(router, row.session, row.user).served) {
        return stuck(fmt::format("router {} does not reach {}", router, base::describe(row)));
      }
    }
  }

  void processes() {
    for (const Machine& machine : stage_.world->machines()) {
      for (const auto& [name, slot] : machine.processes) {
        const Process& process = stage_.world->processes()[slot];
        const MirrorRow* held = stage_.mirror.find({core::RowKind::kSession, name.first.hi, name.first.lo});
        const auto* row = held == nullptr ? nullptr : &std::get<core::SessionRow>(held->held.row);
        const bool right = row != nullptr && row->epoch == name.second && row->node.value == process.machine &&
                           (row->state == SessionState::kStarting || row->state == SessionState::kReady);
        if (right || (held != nullptr && stage_.now() - held->at < moment())) continue;
        stuck(fmt::format("an orphan of epoch {} of session {} on machine {}: {}", name.second.value,
                          base::to_hex(name.first), process.machine, row == nullptr ? "no row" : base::describe(*row)));
      }
    }
  }

  // Everybody who is there is served, was told why not a moment ago, or stands in a line for which there is no room.
  void stays() {
    const World& world = *stage_.world;
    for (std::uint32_t v = 0; v < world.stays().size(); ++v) {
      const Stay& stay = world.stays()[v];
      const Visit& visit = world.plan().visits[v];
      if (stay.phase == Stay::Phase::kToCome) stuck(fmt::format("visit {} never came", v));
      if (stay.phase != Stay::Phase::kPresent || stay.feeling == Feeling::kWorking) continue;
      // With policies that stay with one router there may be nobody to ask any more.
      if (stay.router != kNone && left_for_good(stay.router)) continue;
      // A person reacts to the last news as slowly as the plan says.
      core::Duration allowed = a_start() * 3 + core::seconds(120);
      if (stay.news > 0) allowed += core::Duration(reaction_ns(world.plan().seed, visit, stay.news - 1));
      const auto heard = heard_.find(stay.session);
      const core::Instant last = std::max(heard == heard_.end() ? core::Instant{} : heard->second, worked_[v]);
      const core::SessionRow* row = stage_.mirror.session(stay.session);
      if (stage_.now() - last <= allowed || full_[visit.kind] || full(visit.kind)) continue;
      stuck(fmt::format("visit {} has waited without a word for {} s (request open: {}, router {}): {}", v,
                        (stage_.now() - last) / core::seconds(1), stay.request_open, stay.router,
                        row == nullptr ? "no row" : base::describe(*row)));
    }
  }

  // Not while it is out of service, as it may stay when an operator's word was lost; nodes() judges that.
  bool takes_sessions(std::uint32_t node) const {
    const MirrorRow* held = stage_.mirror.node(node);
    return held != nullptr && std::get<core::NodeRow>(held->held.row).admin == core::NodeAdmin::kReady;
  }

  bool full(std::uint32_t kind) const {
    const Scenario& scenario = *stage_.swarm_case.scenario;
    for (std::uint32_t n = 0; n < scenario.nodes.size(); ++n) {
      const NodeSpec& spec = scenario.nodes[n];
      if (left_for_good(n) || !takes_sessions(n)) continue;
      const bool fits = std::includes(spec.labels.begin(), spec.labels.end(), scenario.kinds[kind].needs.begin(),
                                      scenario.kinds[kind].needs.end());
      const int held = stage_.mirror.holding(core::NodeId(n));
      const std::int64_t free = spec.memory_bytes - stage_.world->machines()[n].memory_used;
      // What was started is told as memory taken only with the next report.
      if (fits && (spec.max_sessions == 0 || held < spec.max_sessions) &&
          free > 4 * scenario.kinds[kind].memory_expected) {
        return false;
      }
    }
    return true;
  }

  // Every router's count of a node's sessions is the store's, once the node has reported since they changed: a router
  // that reads only the newest row of a session may miss that it was claimed and refused on a node in between, and the
  // node's report may have counted just that.
  void views() {
    const World& world = *stage_.world;
    const core::Duration news = stage_.cluster().report_every + 3 * stage_.cluster().heartbeat;
    for (std::uint32_t router = 0; router < static_cast<std::uint32_t>(world.scenario().routers); ++router) {
      if (!world.machines()[router].core || left_for_good(router)) continue;
      for (std::uint32_t n = 0; n < world.machines().size(); ++n) {
        if (left_for_good(n)) continue;  // nobody asks any more
        if (stage_.now() - changed_[n] <= news) continue;
        ++compared_;
        const auto seen = world.machines()[router].core->node(core::NodeId(n), stage_.now()).sessions_seen;
        const int held = stage_.mirror.holding(core::NodeId(n));
        if (static_cast<int>(seen) != held) {
          stuck(fmt::format("router {} counts {} sessions on node {}, the store {}", router, seen, n, held));
        }
      }
    }
  }

  // What operators said of a node. They say it once; a router keeps it until the store has it. It comes to nothing when
  // a failover takes it back (Mirror::word_lost), when the router that keeps it dies or leaves, and when another
  // router, which could not write an older one, writes that after it.
  struct OperatorWords {
    std::uint64_t newest = 0;
    std::uint32_t newest_at = kNone;  // router
    bool written = false;             // the newest
    bool overtaken = false;
    bool forgotten = false;
    absl::flat_hash_map<std::uint32_t, std::uint64_t> said_to;  // by router: the newest it was told

    void say(std::uint64_t number, std::uint32_t router) {
      newest = said_to[router] = number;
      newest_at = router;
      written = overtaken = forgotten = false;
    }
    void write(std::uint32_t router) {
      const auto said = said_to.find(router);
      written = said != said_to.end() && said->second == newest;
      overtaken = !written;
    }
    void forgets(std::uint32_t router) {
      said_to.erase(router);
      forgotten = forgotten || (newest_at == router && !written);
    }
  };

  std::vector<OperatorWords> words_;  // by node
  std::uint64_t words_said_ = 0;
  absl::flat_hash_map<core::SessionId, core::Instant> heard_;  // last request or answer
  std::vector<core::Instant> worked_;                          // by visit: last seen at work
  std::vector<core::Instant> changed_;                         // by node: when a session came or went, or was about to
  std::vector<char> full_;  // by kind: at some instant of the last moment there was no room, so the line still moves
  std::uint64_t compared_ = 0;
  absl::flat_hash_set<std::pair<core::SessionId, core::Epoch>> lived_;  // in the last moment
  core::Instant next_roll_call_{};
};

class JournalChecker final : public Checker {
 public:
  using Checker::Checker;

  void end() override {
    const World& world = *stage_.world;
    std::uint64_t served = 0;
    std::uint64_t gave_up = 0;
    std::uint64_t waiting = 0;
    for (const Stay& stay : world.stays()) {
      if (stay.phase == Stay::Phase::kToCome) continue;
      served += stay.ever_served ? 1 : 0;
      gave_up += !stay.ever_served && stay.phase != Stay::Phase::kPresent ? 1 : 0;
      waiting += !stay.ever_served && stay.phase == Stay::Phase::kPresent ? 1 : 0;
      ++came_;
    }
    served_ = served;
    gave_up_ = gave_up;
    waiting_ = waiting;
    // The journal closes what the horizon cuts; the world is not stepped again.
    World copy = world;
    const Journal& journal = copy.finish();
    double down = 0.0;
    const std::int64_t horizon = world.scenario().horizon.count();
    for (const DownInterval& interval : journal.downs()) {
      if (interval.from_ns >= interval.to_ns || interval.from_ns < 0 || interval.to_ns > horizon) {
        stage_.fail("journal",
                    fmt::format("visit {} is down from {} to {}", interval.visit, interval.from_ns, interval.to_ns));
      }
      const Visit& visit = world.plan().visits[interval.visit];
      if (interval.user != visit.user || interval.from_ns < visit.arrival_ns || interval.to_ns > visit.end_ns) {
        stage_.fail("journal", fmt::format("visit {} is down outside its plan", interval.visit));
      }
      down += static_cast<double>(interval.to_ns - interval.from_ns);
    }
    double planned = 0.0;
    for (const Visit& visit : world.plan().visits) {
      planned += static_cast<double>(std::min(horizon, visit.end_ns) - visit.arrival_ns);
    }
    if (down > planned) stage_.fail("journal", "people were down longer than they wanted to be there");
    // Whoever was there when measuring began (a visit of days ago) is not written down: the length would be cut.
    std::uint64_t over = 0;
    for (std::uint32_t v = 0; v < world.stays().size(); ++v) {
      const Stay::Phase phase = world.stays()[v].phase;
      const bool ended = phase == Stay::Phase::kClosing || phase == Stay::Phase::kOver;
      over += ended && world.plan().visits[v].arrival_ns >= 0 ? 1 : 0;
    }
    if (journal.sojourns().count != over) {
      stage_.fail("journal", fmt::format("{} visits ended and {} were written down", over, journal.sojourns().count));
    }
    for (const SessionLoss& loss : journal.losses()) {
      if (loss.back_ns && *loss.back_ns < loss.at_ns) stage_.fail("journal", "a loss was mended before it came");
    }
    losses_ = journal.losses().size();
    if (losses_ > answered_) {
      stage_.fail("journal",
                  fmt::format("{} losses were written down, {} processes ever answered", losses_, answered_));
    }
  }

  void event(std::uint32_t, const core::Event& event) override {
    if (std::holds_alternative<core::SessionStarted>(event)) ++answered_;
  }

  void count(Coverage& coverage) const override {
    coverage.hit("visit", "came", came_);
    coverage.hit("visit", "served", served_);
    coverage.hit("visit", "gave up", gave_up_);
    coverage.hit("visit", "still waiting", waiting_);
    coverage.hit("visit", "losses", losses_);
  }

 private:
  std::uint64_t came_ = 0;
  std::uint64_t served_ = 0;
  std::uint64_t gave_up_ = 0;
  std::uint64_t waiting_ = 0;
  std::uint64_t losses_ = 0;
  std::uint64_t answered_ = 0;  // that ever answered: none is lost twice
};

}  // namespace

std::unique_ptr<Checker> make_answer_checker(Stage& stage) {
  return std::make_unique<AnswerChecker>(stage);
}
std::unique_ptr<Checker> make_healed_checker(Stage& stage) {
  return std::make_unique<HealedChecker>(stage);
}
std::unique_ptr<Checker> make_journal_checker(Stage& stage) {
  return std::make_unique<JournalChecker>(stage);
}

}  // namespace homing::sim::swarm
