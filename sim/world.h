// SPDX-License-Identifier: Apache-2.0
//
// The world: the second driver of the production core. One core::Core a machine, each with its own partial view; one
// store; launchers with processes that share processors and memory; people who come, think, compute, lose patience and
// click; machines that crash or are drained. What the core, resolve() and the store contract decide is never decided
// here.
//
// How a turn goes: the earliest event is taken from the queue; it changes the physics, or calls a core; the core's
// effects are executed in order (a store call leaves with its delay, a start order goes to the launcher, a route is
// published); every consequence is another event. Between events everything is piecewise constant, so what people feel
// is integrated, not sampled, and a request that only follows a published route is no event at all.
//
//   plan.h         what happens whichever strategy runs      node_station.h  processors and load averages of a machine
//   world_drive    events, cores, effects, the store         world_launch    processes, memory, launchers
//   world_people   visits, the front, clicks, feelings       world_faults    the schedule; machines and routers die
//   world_links    partitions, cut and slow links, clocks    world_store     the store's own faults
//   world_operate  upgrades, growing and shrinking
//   journal.h      what is measured
//
// Times: inside, Instants count from the birth of the cluster; outside, nanoseconds since the scenario's start. The
// cluster is born, settles for two heartbeats, visits alive at the beginning of the warm-up are asked for in the order
// of their true starts at zero start latency, then the warm-up runs, then time 0 comes and measuring begins.
//
// Invariants: a copy goes on identically; equal (scenario, strategy, plan, options) give equal fingerprints.
// Thread class: value; single-owner. One world a thread, nothing shared but the immutable scenario and plan.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "router/base/memory_store.h"
#include "router/core/core.h"
#include "sim/event_queue.h"
#include "sim/journal.h"
#include "sim/links.h"
#include "sim/node_station.h"
#include "sim/plan.h"
#include "sim/router_clock.h"
#include "sim/scenario.h"

namespace homing::sim {

// What a world may be given beyond its scenario; tests stage mixed fates with it.
struct WorldOptions {
  bool record_series = false;
  bool probe = false;           // watch what validate's rows need (probe.h)
  bool record_feelings = true;  // down intervals and waits; closed-form runs do without
  // Keyed by (seed, machine, store token), in thousandths: a call that never arrives, an answer that never comes back.
  int lost_calls_milli = 0;
  int lost_answers_milli = 0;
  core::Duration silent_after = core::seconds(2);  // then the driver tells the core Silent
  // Up to this much is added to a store call's way, keyed the same.
  core::Duration store_jitter{0};
  std::size_t kept_history = 0;  // commits that lose_tail() can take back
  // Called on every core's configuration before its birth.
  std::function<void(core::NodeId, core::Config&)> adjust;
  // Called before the world acts on it: what a core is told, what it orders, what the store made of a write (nothing:
  // lost; the answer may still get lost on its way back). Copies of the world call them too.
  std::function<void(std::uint32_t machine, const core::Event&)> on_event;
  std::function<void(std::uint32_t machine, const core::Effect&)> on_effect;
  std::function<void(std::uint32_t machine, const core::CompareAndSet&, std::optional<core::Version>)> on_write;
};

// A placement that explain() watches, made again in full.
struct ExplainedPlacement {
  std::uint32_t machine = 0;  // whose router decided
  std::uint64_t event = 0;    // World::events() when that turn was over
  core::DecisionTable table;
  bool made = false;  // the store took it; false: another router was faster, or the answer is not here yet
};

// Where a person's request would end up.
struct Reach {
  bool served = false;
  std::uint32_t process = 0;  // slot, when served
};

__extension__ using Int128 = __int128;

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

// A session process on a machine.
struct Process {
  enum class State : std::uint8_t { kFree, kStarting, kReady, kSuspending };
  State state = State::kFree;
  bool frozen = false;
  bool computing = false;    // an action (or the start's CPU part) is in the station
  bool timer_armed = false;  // a think or start timer runs
  core::SessionId session;
  core::Epoch epoch{};
  core::KindId kind{};
  std::uint32_t machine = kNone;
  std::uint32_t visit = kNone;
  std::uint32_t generation = 0;  // of its think and start timers; survives the reuse of the slot
  std::uint32_t life = 0;        // which process of this slot
  std::int64_t memory = 0;
  core::Instant since{};  // state kReady: when it became so
  StartCost cost;
  std::int64_t frozen_work = 0;  // CPU-ns that wait for the thaw
  std::uint32_t frozen_threads = 0;
  core::Instant slow_after{};  // an action that is not done by then is slow
  core::Instant used{};        // last activity: a key pressed, an action done
  core::Instant think_due{};   // while timer_armed in kReady: when the person presses the next key
  std::int64_t leak_per_hour = 0;
  core::Instant leaks_since{};
  std::int64_t unsaved_ns = 0;  // CPU of actions done since the last save point before `used`
};

// A machine: router, launcher, processes, processors.
struct Machine {
  std::optional<core::Core> core;  // nothing while its router is down
  bool on = false;                 // launcher, processes and processors run
  std::uint32_t boot = 0;          // rises at each start of its router; messages for another are dropped
  std::uint32_t machine_boot = 0;  // rises when the machine itself starts
  std::uint32_t held_down = 0;     // faults that keep the machine off at this moment
  std::uint32_t router_held = 0;   // faults that keep its router off
  bool late = false;               // joins in the course of the scenario
  RouterClock clock;               // the core's `now`
  core::Duration wall_offset{};    // data: nothing is decided by it
  bool serves = true;
  bool draining = false;  // as the operator asked (for the population of the balance measure)
  std::uint32_t timer_generation = 0;
  core::Instant armed = core::kNever;
  core::Version cursor{};                    // of its last read, so that the store may forget
  core::Instant saw_store{};                 // when a read of the store last came back
  core::Timeline saw_timeline{};             // and of which history
  core::Instant lease_until = core::kNever;  // true time
  core::Instant lease_shown = core::kNever;  // as its clock will show then
  std::uint32_t front_news = 0;              // generation of the front's latest look at it
  std::uint32_t serving = 0;                 // people who work through its router
  bool blind = false;                        // it has not seen the store for a lease time
  bool blind_armed = false;
  bool lease_armed = false;
  absl::flat_hash_map<core::SessionId, core::RouteValue> routes;                      // looked up only
  absl::btree_map<std::pair<core::SessionId, core::Epoch>, std::uint32_t> processes;  // slot
  absl::flat_hash_map<core::SessionId, core::Epoch> highest;                          // on disk; looked up only
  std::int64_t memory_used = 0;                                                       // without what leaked since
  std::int64_t leak_per_hour = 0;  // sum over its processes and its own daemons
  Int128 leak_offset = 0;          // sum of leak x since: what leaked by t is (leak_per_hour * t - leak_offset) an hour
  std::int64_t own_leak_per_hour = 0;
  core::Instant own_leak_since{};
  std::uint32_t memory_generation = 0;
  double slowness = 1.0;  // its speed is the node's times this
  bool gray = false;      // its starts hang
  std::optional<NodeStation> station;
  std::uint64_t station_armed = 0;           // generation of the event in the queue that counts
  core::Instant station_due = core::kNever;  // and when it comes
};

// A visit while it goes on.
struct Stay {
  enum class Phase : std::uint8_t { kToCome, kPresent, kClosing, kOver };
  Phase phase = Phase::kToCome;
  bool request_open = false;
  bool ever_served = false;  // a session of this visit once answered
  bool click_due = false;    // the person has noticed and acts as soon as there is something to click
  bool asleep = false;     // an idle rule took the process; the person does not know yet, so still feels to be working
  bool waking = false;     // knows, and waits for it to resume
  bool thought = false;    // has already thought about the next action
  bool left_open = false;  // has gone home without closing it
  // In a re-login storm: comes back within so much, then tries again, with longer and longer pauses or every second.
  core::Duration storm_within{};
  bool storm_backs_off = false;
  std::uint8_t storm_tries = 0;
  Feeling feeling = Feeling::kWaiting;
  core::SessionId session;
  std::uint32_t session_attempt = 0;
  std::uint32_t router = kNone;
  std::uint32_t news = 0;  // bad news so far: key of reaction draws
  std::uint32_t react_generation = 0;
  std::uint32_t want_generation = 0;
  std::int64_t saved_memory = 0;  // of the suspended process: what a resume must load
  ActionCursor actions;           // the next one, or the one that goes on
  std::uint32_t alive = 0;        // processes of the session, starting or ready
  std::uint32_t ready = 0;        // of these, ready and not frozen
  std::uint32_t farewells = 0;    // times the end was asked for
  std::uint32_t tries = 0;        // clicks in a row without an answer
  std::uint32_t retry_generation = 0;
  std::uint32_t served_by = kNone;  // the router through which this person works
  core::Epoch newest{};             // of the session's processes that ever answered
  bool stale = false;               // works with a process that is no longer the current one
  core::RequestId request{};
};

class World {
 public:
  // From the end of a drain until the machine is ready again.
  static constexpr core::Duration kMaintenance = core::seconds(300);

  World(std::shared_ptr<const Scenario> scenario, int strategy, std::shared_ptr<const Plan> plan,
        WorldOptions options = {});

  // Takes one event. False, and nothing done, when the horizon has come.
  bool step();
  // When the next event is due; the horizon when there is none before it.
  std::int64_t next_event_ns() const;
  // Runs until `scenario_ns` (at most the horizon); may be called again.
  void run_until(std::int64_t scenario_ns);
  void run() { run_until(scenario_->horizon.count()); }

  // Nanoseconds since the scenario's start; negative in the warm-up.
  std::int64_t now_ns() const { return to_scenario(now_); }
  std::uint64_t events() const { return events_; }
  // The events so far by what they were; in the order of first mention in the code, without the ones that never came.
  std::vector<std::pair<std::string, std::uint64_t>> events_by_type() const;
  std::uint64_t decisions() const { return decisions_; }
  // Hash of the plan's hash and of every core's (instant, effect) stream, machine by machine, dead cores included.
  std::uint64_t fingerprint() const;
  const Journal& journal() const { return journal_; }
  // Closes what the horizon cuts. The world must not be stepped afterwards.
  Journal& finish();

  const Scenario& scenario() const { return *scenario_; }
  const Plan& plan() const { return *plan_; }
  core::Instant now() const { return now_; }

  // ---- for checkers and tests: looking, and hurting ---------------------------------------------------------------
  const std::vector<Machine>& machines() const { return machines_; }
  const std::vector<Process>& processes() const { return processes_; }
  const std::vector<Stay>& stays() const { return stays_; }
  const base::MemoryStore& store() const { return store_; }
  // Where a request of the session's owner through `router` ends: resolve() there, then at the holder.
  Reach reach(std::uint32_t router, core::SessionId session, core::UserId user) const;
  // Replaces every core by one restored from its snapshot.
  void cut_and_restore();
  // Hands an event to a machine's core now. Returns the id for SessionWanted, which it fills in.
  void tell(std::uint32_t machine, core::Event event);
  void crash(std::uint32_t machine);
  void come_back(std::uint32_t machine);
  // The store fails over to a copy that lacks the last `commits` commits. False when its history is too short.
  bool lose_tail(std::uint64_t commits);
  // Machines in the set neither reach the store nor hear from it.
  void isolate(std::uint32_t machine, bool isolated);
  const Links& links() const { return links_; }
  // As WorldOptions say, from now on.
  void store_loss(int lost_calls_milli, int lost_answers_milli);
  // From now on every placement of this user is made again in full, in the cores there are and that come.
  void explain(core::UserId user);
  const std::vector<ExplainedPlacement>& explained() const { return explained_; }
  // An operator's word to the core of a machine, before the next event: this epoch of the session goes to that node.
  void want_place(std::uint32_t machine, const core::PlaceWanted& wanted);
  // Overrides the plan's start cost for every start on this machine; nothing: the plan's.
  void slow_starts(std::uint32_t machine, std::optional<core::Duration> solo);
  // The machine's processors run at this part of their speed. REQUIRES: part > 0.
  void slow_down(std::uint32_t machine, double part);
  // Every start there hangs, although everything that probes it answers.
  void make_gray(std::uint32_t machine, bool gray);
  // Its own daemons grow by so much; 0: they were restarted and gave it all back.
  void leak(std::uint32_t machine, std::int64_t bytes_per_hour);
  // Bytes that sessions and leaks have taken on the machine.
  std::int64_t memory_used(std::uint32_t machine) const;
  // The process in this slot ends by itself. REQUIRES: there is one.
  void let_exit(std::uint32_t slot, core::EndReason reason);

 private:
  enum class What : std::uint8_t {
    kDeliver,        // a: message slot
    kStoreCall,      // a: call slot
    kCoreTimer,      // a: machine, b: timer generation
    kStation,        // a: machine, b: station generation
    kProcessTimer,   // a: process, b: its generation
    kStartDeadline,  // a: process, b: its life
    kLeaseEnd,       // a: machine, b: machine boot
    kFreezeAlone,    // a: machine, b: machine boot: the launcher itself, past the lease
    kArrive,         // a: visit
    kLeave,          // a: visit
    kMakeSureGone,   // a: visit
    kReact,          // a: visit, b: its react generation
    kFrontDown,      // a: machine, b: front_news
    kFrontUp,        // a: machine, b: front_news
    kRetry,          // a: visit, b: its retry generation
    kBlind,          // a: machine, b: boot: has its router seen the store?
    kBoot,           // a: machine
    kFaultBegin,     // a: fault
    kFaultEnd,       // a: fault
    kFaultStep,      // a: fault, b: how many steps before
    kMaintained,     // a: fault: a drained machine is ready again
    kNudge,          // a: machine: reads the store once after everyone was born
    kMeasuringBegins,
    kWantsBack,    // a: visit, b: its want generation: the person turns to a session that is asleep
    kMemory,       // a: machine, b: memory generation: it would have none left
    kMemoryLimit,  // a: process, b: its life: it would have reached its session's limit
  };
  static std::string_view to_string(What what);
  static constexpr std::size_t kTypes = 64;  // room for every What
  struct Note {
    What what;
    std::uint32_t a;
    std::uint64_t b;
  };
  struct Message {
    std::uint32_t machine = 0;
    std::uint32_t boot = 0;
    core::Event event;
  };
  struct StoreCall {
    std::uint32_t machine = 0;
    std::uint32_t boot = 0;
    std::variant<core::ReadSince, core::CompareAndSet> call;
    core::Duration back{};
    bool answer_lost = false;
  };
  template <class T>
  struct Pool {
    std::deque<T> slots;  // stays where it is while more are put
    std::vector<std::uint32_t> free;
    // A slot that is free, with what it last held: to be filled in its place.
    std::uint32_t take() {
      if (free.empty()) {
        slots.emplace_back();
        return static_cast<std::uint32_t>(slots.size() - 1);
      }
      const std::uint32_t slot = free.back();
      free.pop_back();
      return slot;
    }
    void drop(std::uint32_t slot) { free.push_back(slot); }
  };

  std::int64_t to_scenario(core::Instant t) const { return t.time_since_epoch().count() - zero_ns_; }
  core::Instant from_scenario(std::int64_t ns) const { return core::Instant(core::Duration(ns + zero_ns_)); }
  void at(core::Instant when, What what, std::uint32_t a, std::uint64_t b = 0);
  void dispatch(const Note& note);
  void fetch_ahead(const Note& next) const;
  const Visit& visit(std::uint32_t v) const { return plan_->visits[v]; }
  const KindSpec& kind_of(std::uint32_t v) const { return scenario_->kinds[plan_->visits[v].kind]; }
  // What the person does next, or the action that goes on; null: nothing any more.
  const PlannedAction* next_action(std::uint32_t v) {
    return stays_[v].actions.look(kind_of(v), plan_->seed, visit(v));
  }

  // world.cc: beginning and end
  void lay_out_time();
  core::Config core_config(std::uint32_t machine) const;
  std::uint64_t label_bits(const std::vector<std::string>& names) const;
  core::Instant arrival_of(std::uint32_t v) const;

  // world_drive.cc: cores, effects, store
  template <class E>  // core::Event or one of its alternatives
  void deliver(std::uint32_t machine, E&& event, core::Duration delay = {}) {
    const std::uint32_t slot = messages_.take();
    Message& message = messages_.slots[slot];
    message.machine = machine;
    message.boot = machines_[machine].boot;
    message.event = std::forward<E>(event);
    at(now_ + delay, What::kDeliver, slot);
  }
  void call_core(std::uint32_t machine, const core::Event& event);
  void after_core(std::uint32_t machine);
  core::LoadMeasured measure(std::uint32_t machine);
  void execute(std::uint32_t machine, core::Effect& effect);
  template <class Call>  // core::ReadSince or core::CompareAndSet
  void send_to_store(std::uint32_t machine, Call call);
  void store_call(StoreCall& call);
  bool answer_arrives(const StoreCall& call, core::StoreToken token);
  void hint(std::uint32_t from, core::NodeId node);
  void forget_old_rows();

  // world_explain.cc
  void collect_tables(std::uint32_t machine);
  void placement_made(std::uint32_t machine, const core::DecisionRecord& record);

  // world_launch.cc: launchers and processes
  void start_process(std::uint32_t machine, const core::StartSession& order);
  void start_is_done(std::uint32_t slot);
  void end_process(std::uint32_t slot, core::EndReason reason, bool tell_core);
  void kill_unfinished(std::uint32_t machine);
  void freeze_alone(std::uint32_t machine);
  void freeze(std::uint32_t machine, const core::SessionId& session, core::Epoch epoch, bool frozen);
  void process_timer(std::uint32_t slot);
  void station_event(std::uint32_t machine);
  void arm_station(std::uint32_t machine);
  void compute(std::uint32_t slot, std::uint32_t threads, std::int64_t cpu_ns);
  void computed(std::uint32_t slot);
  void go_on_working(std::uint32_t slot);
  void ready_changes(std::uint32_t v, int by);

  // world_idle.cc: suspend, resume, what the absent-minded feel
  void begin_suspend(std::uint32_t machine, const core::SuspendSession& order);
  void suspend_is_done(std::uint32_t slot);
  void falls_asleep(std::uint32_t slot);
  void ended_by_rule(std::uint32_t machine, const core::SessionId& session);
  void wants_back(std::uint32_t v);
  void tell_activity(std::uint32_t machine, const core::AskActivity& question);
  void add_resume_cost(Process& process) const;
  std::int64_t work_lost(std::uint32_t slot) const;

  // world_memory.cc
  void grow(std::uint32_t slot, std::int64_t bytes);
  void begin_leak(std::uint32_t slot);
  void forget_memory(const Process& was);
  void check_memory(std::uint32_t machine);
  void check_limit(std::uint32_t slot);
  std::int64_t memory_of(const Process& process) const;
  Int128 leaked_scaled(const Machine& machine) const;
  std::int64_t memory_limit(std::uint32_t machine) const;
  std::uint32_t visit_of(const core::SessionId& session) const;

  // world_people.cc: visits
  void arrive(std::uint32_t v);
  void leave(std::uint32_t v);
  void make_sure_gone(std::uint32_t v);
  void ask(std::uint32_t v, core::Intent intent);
  void answered(std::uint32_t machine, const core::Answer& answer);
  void refused(std::uint32_t v, const core::Answer& answer);
  void feel(std::uint32_t v);
  void bad_news(std::uint32_t v);
  void react(std::uint32_t v);
  void click(std::uint32_t v);
  void new_session(std::uint32_t v);
  void route_changed(std::uint32_t machine, const core::SessionId& session);
  std::uint32_t choose_router(std::uint32_t v) const;
  void front_down(std::uint32_t machine);
  void front_up(std::uint32_t machine);
  std::uint32_t any_router() const;
  void say_farewell(std::uint32_t v);
  bool answers_people(std::uint32_t machine) const { return machines_[machine].core && links_.users_reach(machine); }
  void people_lose(std::uint32_t machine);
  void front_will_miss(std::uint32_t machine);
  void front_will_find(std::uint32_t machine);
  void no_answer(std::uint32_t v);
  void retry(std::uint32_t v);
  void count_served(std::uint32_t v, std::uint32_t router);

  // world_faults.cc: the schedule, and what each kind does. `fault` is an index into faults_.
  using FaultAct = void (World::*)(std::uint32_t fault);
  struct FaultActs {
    FaultAct begin;
    FaultAct end;  // never called where end_ns is kNoPlannedEnd; nothing: the kind has no end
  };
  static FaultActs fault_acts(FaultKind kind);
  bool name_the_victim(PlannedFault& fault);
  void boot(std::uint32_t machine);
  void fault_begin(std::uint32_t fault);
  void fault_end(std::uint32_t fault);
  void crash_begins(std::uint32_t fault);
  void crash_ends(std::uint32_t fault);
  void drain_begins(std::uint32_t fault);
  void drain_ends(std::uint32_t fault);
  void router_crash_begins(std::uint32_t fault);
  void router_crash_ends(std::uint32_t fault);
  void hold_machine(std::uint32_t machine, int change);
  void hold_router(std::uint32_t machine, int change);
  void start_router(std::uint32_t machine);
  void stop_router(std::uint32_t machine);
  void power_off(std::uint32_t machine, core::EndReason reason);
  void end_at_planned(std::uint32_t fault);
  void fault_step(std::uint32_t fault, std::uint64_t step);

  // world_links.cc
  void partition_begins(std::uint32_t fault);
  void partition_ends(std::uint32_t fault);
  void one_way_begins(std::uint32_t fault);
  void one_way_ends(std::uint32_t fault);
  void slow_link_begins(std::uint32_t fault);
  void slow_link_ends(std::uint32_t fault);
  void slow_link(const PlannedFault& fault, int sign);
  void heartbeat_loss_begins(std::uint32_t fault);
  void heartbeat_loss_ends(std::uint32_t fault);
  void flapping_begins(std::uint32_t fault);
  void flapping_ends(std::uint32_t fault);
  void flap(std::uint32_t fault, std::uint64_t step);
  void flap_to(std::uint32_t fault, bool down);
  void cut_store(std::uint32_t machine, int change);
  void cut_users(std::uint32_t machine, int change);
  void cut_machine(std::uint32_t machine, int change);
  void everybody_looks_again();
  void ask_launcher(std::uint32_t from, const core::AskAlive& question);
  void clock_step_begins(std::uint32_t fault);
  void clock_drift_begins(std::uint32_t fault);
  void clock_drift_ends(std::uint32_t fault);
  void set_drift(std::uint32_t machine, std::int64_t drift);
  std::int64_t own_drift(std::uint32_t machine) const;

  // world_store.cc
  void slow_store_begins(std::uint32_t fault);
  void slow_store_ends(std::uint32_t fault);
  void store_outage_begins(std::uint32_t fault);
  void store_outage_ends(std::uint32_t fault);
  void store_read_only_begins(std::uint32_t fault);
  void store_read_only_ends(std::uint32_t fault);
  void store_failover_ends(std::uint32_t fault);
  void prepare_store();
  static std::size_t history_to_keep(const Plan& plan, const WorldOptions& options);
  void remember_commit();
  void saw_store(std::uint32_t machine, const core::Event& answer);
  void look_whether_blind(std::uint32_t machine);

  // world_operate.cc
  struct Operation {  // what an operator is doing
    enum class Phase : std::uint8_t { kAsk, kDrain, kLeave, kOff, kOn, kReady };
    Phase phase = Phase::kAsk;
    std::uint32_t position = 0;  // among the fault's nodes
    core::Instant deadline{};
  };
  void operation_begins(std::uint32_t fault);
  void operate(std::uint32_t fault);
  core::Duration operate_drain(std::uint32_t fault);
  void finish_operation(std::uint32_t fault);
  void tell_again(std::uint32_t machine, core::AdminWanted word);
  void scale_out_begins(std::uint32_t fault);
  void maintained(std::uint32_t fault);

  // world_body_faults.cc: what does not stop a machine, and the storm after a stop
  void end_later(std::uint32_t fault);
  void slow_begins(std::uint32_t fault);
  void slow_ends(std::uint32_t fault);
  void gray_begins(std::uint32_t fault);
  void gray_ends(std::uint32_t fault);
  void leak_begins(std::uint32_t fault);
  void leak_ends(std::uint32_t fault);
  void storm_begins(std::uint32_t fault);
  core::Duration storm_reaction(std::uint32_t v) const;
  void count_sessions(std::uint32_t machine);

  std::shared_ptr<const Scenario> scenario_;
  std::shared_ptr<const Plan> plan_;
  WorldOptions options_;
  int strategy_;
  std::int64_t zero_ns_ = 0;  // Instant of the scenario's start
  core::Instant now_{};
  core::Instant warm_start_over_{};
  std::uint64_t events_ = 0;
  std::array<std::uint64_t, kTypes> events_by_type_{};
  std::uint64_t decisions_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t commits_since_forget_ = 0;
  core::Version forget_next_{};     // latest commit when old rows were last forgotten
  std::uint64_t dead_streams_ = 0;  // hash of the streams of cores that died

  EventQueue<Note> queue_;
  std::vector<PlannedFault> faults_;   // the plan's; victims that depend on state are named when they are hit
  std::vector<core::Effect> effects_;  // empty; storage that after_core() uses again
  std::vector<TaskId> completed_;      // empty; storage that station_event() uses again
  Pool<Message> messages_;
  Pool<StoreCall> calls_;
  base::MemoryStore store_;
  std::vector<Machine> machines_;
  Links links_;
  std::int32_t store_outages_ = 0;
  std::int32_t store_read_only_ = 0;
  core::Duration store_slow_{};
  core::Duration store_clock_offset_{};  // data: nothing is decided by it
  bool remembers_commits_ = false;
  std::deque<std::pair<core::Instant, core::Version>> commits_;  // the last ones, when a failover is planned
  std::vector<Operation> operations_;                            // by fault
  std::vector<std::optional<core::Duration>> slow_starts_;
  std::optional<core::UserId> explained_user_;
  std::vector<ExplainedPlacement> explained_;
  std::vector<Process> processes_;
  std::vector<std::uint32_t> free_processes_;
  std::vector<Stay> stays_;          // by visit
  std::vector<bool> freezes_;        // by kind: without-store = "freeze"; the launchers' own file of kinds
  std::vector<std::string> labels_;  // of the cluster; a label's bit is its place here
  std::uint32_t first_fresh_ = 0;    // visits before it are alive when the warm-up begins
  std::vector<bool> front_sees_;     // which routers the front believes in
  absl::flat_hash_map<core::SessionId, std::uint32_t> visit_by_session_;  // looked up only
  absl::flat_hash_map<core::RequestId, std::uint32_t> visit_by_request_;  // looked up only
  Journal journal_;
};

}  // namespace homing::sim
