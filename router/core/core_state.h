// SPDX-License-Identifier: Apache-2.0
//
// The inside of a core: its tables and the machines that work on them. Private to the core's .cc files.
//
//   core.cc          entrance, exit, dispatch, snapshot
//   core_store.cc    the two store calls, their answers, and what each row means
//   core_nodes.cc    own lease and join, membership, failure detection, eligibility
//   core_takeover.cc declaration of death, its sessions declared lost
//   core_wishes.cc   what people wait for: claim, watch, claim again, answer
//   core_explain.cc  an operator's word for a placement; the full table of one
//   core_hosting.cc  what this node runs: accept, order, ready, end, fence, reconcile with the launcher
//   core_idle.cc     idle rules: ask, suspend or end; start slots
//   core_queue.cc    waiting in line
//
// Invariants: `routes` holds the newest version seen of every session that is not over; a table changes only in
// apply_* (rows won or read), so a lost, late or doubled answer can do no harm. Every machine is re-entrant by state:
// "what is, what is wanted, is a call under way?", so that it can be run again after any answer.
// Thread class: single-owner.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "router/core/call_table.h"
#include "router/core/check.h"
#include "router/core/core.h"
#include "router/core/deadline_index.h"
#include "router/core/failure_detector.h"
#include "router/core/load_view.h"
#include "router/core/node_table.h"
#include "router/core/strategy.h"

namespace homing::core {

enum class Timer : std::uint8_t {
  kHeartbeat = 0,
  kStanding,     // the own lease lapses
  kHold,         // the wait after a timeline change ends
  kSweep,        // sessions of a dead node that nobody declared lost
  kWish,         // a claim others made is taking too long
  kHostedStart,  // a start of ours is taking too long
  kQueueAsk,     // refresh our ticket
  kQueueExpire,  // nobody asked for a ticket
  kQueueHead,    // nobody serves the head of the line
  kIdle,         // an idle rule would fire, or a suspend is taking too long
};

// A session's newest row, packed: what is cached of sessions that live elsewhere.
struct Known {
  Version version{};
  Version claimed{};
  UserId user{};
  Epoch epoch{};
  NodeId node = kNoNode;
  Incarnation incarnation{};
  KindId kind{};
  SessionState state = SessionState::kPlaced;
  EndReason reason = EndReason::kNone;
  std::uint8_t attempt = 0;
  NodeId previous_node = kNoNode;
  Duration timeout{};
  template <class A>
  void archive(A& a) {
    a(version, claimed, user, epoch, node, incarnation, kind, state, reason, attempt, previous_node, timeout);
  }
};

inline bool holds_place(SessionState s) {
  return s == SessionState::kPlaced || s == SessionState::kStarting || s == SessionState::kReady;
}

struct NodeEntry {
  bool known = false;  // its row has been seen
  NodeRow row;
  Version version{};
  LeaseWatch lease;
  NodeView view = NodeView::kUp;
  LoadView load;
  Instant report_received{};
  bool declaring = false;  // our declaration of death is under way
  Instant vouched{};       // when its launcher last said that its sessions live
  template <class A>
  void archive(A& a) {
    a(known, row, version, lease, view, load, report_received, declaring, vouched);
  }
};

// What the launcher told us of a process of ours.
enum class Fact : std::uint8_t { kNone = 0, kOrdered, kRunning, kFailed, kExited, kSuspending, kSuspended };

struct Hosted {
  Epoch epoch{};
  KindId kind{};
  UserId user{};
  Fact fact = Fact::kNone;
  EndReason fact_reason = EndReason::kNone;
  bool call_under_way = false;
  bool frozen = false;
  Instant accept_sent{};
  Duration timeout{};
  template <class A>
  void archive(A& a) {
    a(epoch, kind, user, fact, fact_reason, call_under_way, frozen, accept_sent, timeout);
  }
};

struct Waiter {
  RequestId request{};
  Intent intent = Intent::kReach;
  template <class A>
  void archive(A& a) {
    a(request, intent);
  }
};

// What somebody at this router waits for, or the line without anybody here. It ends when neither is left.
struct Wish {
  UserId user{};
  KindId kind{};
  std::vector<Waiter> waiters;
  bool call_under_way = false;
  Epoch started{};  // the first placement made or watched for this wish, or 0: go on after one that failed
  std::uint8_t attempts = 0;
  std::uint8_t conflicts = 0;    // claims lost to others in a row
  std::vector<NodeId> excluded;  // sorted
  EndReason last_reason = EndReason::kNone;
  Instant wanted_at{};    // a read sent later is needed before "no such session" is true
  Instant recheck_at{};   // a claim of ours was met by silence then: a read sent later is needed before the next
  Epoch watched_epoch{};  // the claim whose progress is watched ...
  SessionState watched_state = SessionState::kPlaced;
  Instant watched_since{};  // ... and when it was first received
  Answer last_answer;
  bool answered = false;
  template <class A>
  void archive(A& a) {
    a(user, kind, waiters, call_under_way, started, attempts, conflicts, excluded, last_reason, wanted_at, recheck_at,
      watched_epoch, watched_state, watched_since, last_answer, answered);
  }
};

// An operator's word for a node.
struct AdminWish {
  NodeAdmin admin{};
  Instant since{};  // a read sent later is needed before "it is so already" is true
  template <class A>
  void archive(A& a) {
    a(admin, since);
  }
};

struct QueueEntry {
  QueueRow row;
  Version version{};
  Version ticket{};
  Instant asked_seen{};
  bool call_under_way = false;
  template <class A>
  void archive(A& a) {
    a(row, version, ticket, asked_seen, call_under_way);
  }
};

struct UserEntry {
  std::uint32_t live = 0;
  Version version{};
  template <class A>
  void archive(A& a) {
    a(live, version);
  }
};

enum class CallPurpose : std::uint8_t {
  kRenew = 0,
  kDeclare,
  kAdmin,
  kPlace,
  kHosted,
  kEnd,
  kSweep,
  kQueueJoin,
  kQueueAsk,
  kQueueLeave,
  kAnnounce,
};

// A compare-and-set under way.
struct Call {
  CallPurpose purpose = CallPurpose::kRenew;
  Timeline timeline{};
  Instant sent{};
  SessionId session;
  NodeId node = kNoNode;
  std::vector<RowWrite> writes;
  std::optional<DecisionRecord> decision;
  template <class A>
  void archive(A& a) {
    a(purpose, timeline, sent, session, node, writes, decision);
  }
};

// All kinds that demand the same labels share a strategy object and the bookkeeping of who is eligible.
struct LabelClass {
  std::unique_ptr<Strategy> strategy;
  // Where this core serves nobody, nothing by node is kept.
  std::vector<std::uint8_t> verdict;  // by node: kEligible or the NodeRefusal
  std::vector<NodeFigures> told;      // by node: figures the strategy has
  std::array<std::uint32_t, kNodeRefusals> refused{};
};
inline constexpr std::uint8_t kEligible = 255;
inline constexpr std::uint8_t kUnseen = 254;

enum class JoinState : std::uint8_t { kReading = 0, kJoining, kJoined, kLeaving, kLeft };

// The index of E among a variant's alternatives.
template <class E, class... T>
constexpr std::uint64_t place_in(const std::variant<T...>*) {
  std::uint64_t place = 0;
  (void)((std::is_same_v<E, T> ? true : (++place, false)) || ...);
  return place;
}

struct Core::State {
  State(NodeId self_id, Config c);
  State(const State& other);

  // --- tables (all of it is the snapshot) ---
  NodeId self{};
  Config config;
  Instant now{};
  CoreCounters counters;
  Hasher fingerprint;
  DeadlineIndex deadlines;

  Timeline timeline{};
  Version cursor{};
  std::uint64_t next_token = 1;
  StoreToken read_token{};  // 0: no read under way
  Instant read_sent{};
  bool read_again = false;
  bool synced = false;      // a complete read of this timeline has been applied
  bool store_away = false;  // the last answer was silence
  Continuity reads;
  CallTable<Call> calls;

  bool booted = false;
  Boot boot;
  NodeLoad measured;
  bool has_measured = false;
  Instant reported_at{};
  bool reported_once = false;
  JoinState join = JoinState::kReading;
  bool renewing = false;
  bool sweep_self = false;  // claims of earlier incarnations of this node may still stand
  Incarnation own_incarnation{};
  std::uint32_t own_generation = 0;
  Instant lease_sent{};  // when the last successful renewal was sent
  Instant hold_until{};  // after a timeline change
  bool standing = false;
  Refusal standing_why = Refusal::kNone;
  bool launcher_up = false;
  bool inventory_pending = false;
  bool hosted_stale = false;  // some hosted session could not make its step: again after the next read
  bool any_frozen = false;
  bool starts_changed = false;  // with start slots: somebody waits for one, or one became free
  std::vector<ProcessInfo> inventory;

  NodeTable<NodeEntry> nodes;
  absl::btree_set<std::pair<Instant, NodeId>> thresholds;  // when a node's view may change; lazily corrected
  std::map<std::uint64_t, LabelClass> classes;             // by label set

  absl::flat_hash_map<SessionId, Known> routes;
  absl::btree_set<std::pair<Version, SessionId>> finished;  // ended ones still in `routes`
  absl::flat_hash_map<UserId, UserEntry> users;
  absl::btree_map<SessionId, Hosted> hosted;
  absl::btree_map<SessionId, Wish> wishes;
  absl::btree_map<RequestId, SessionId> requests;
  absl::btree_map<SessionId, EndReason> ends;              // wanted ends not yet written
  absl::btree_map<NodeId, AdminWish> admins;               // wanted admin states not yet known to be written
  absl::btree_map<NodeId, std::vector<SessionId>> sweeps;  // sessions of dead instances still to be declared lost
  absl::btree_map<SessionId, QueueEntry> queue;
  absl::btree_set<std::pair<Version, SessionId>> line;  // the queue in order
  absl::btree_set<SessionId> own_tickets;               // joins wanted or made for local wishes
  bool capacity_changed = false;
  bool line_changed = false;

  absl::btree_map<SessionId, PlaceWanted> places;  // at most max_wishes; more are dropped

  // --- not state ---
  std::vector<Effect> effects;
  std::optional<UserId> explained_user;
  std::vector<DecisionTable> tables;

  // core.cc
  template <class E>
  void emit(E effect) {  // hashed as the variant is, built in its place
    fingerprint(now, place_in<E>(static_cast<const Effect*>(nullptr)), effect);
    effects.emplace_back(std::in_place_type<E>, std::move(effect));
  }
  void dispatch(const Event& event);
  void settle();
  void run_deadlines();
  void save(Writer& w) const;
  void load(Reader& r);

  // core_store.cc
  void read_now();
  StoreToken call(Call c);
  void on(const Rows& rows);
  void on(const Won& won);
  void on(const Lost& lost);
  void on(const Silent& silent);
  void on(const StoreHint&) { read_now(); }
  void apply(const VersionedRow& row);
  void apply_session(const SessionRow& row, Version version);
  void apply_user(const UserRow& row, Version version);
  void change_timeline(Timeline to);
  SessionRow row_of(SessionId id, const Known& known) const;
  void add_user_write(std::vector<RowWrite>& writes, UserId user, int delta) const;
  void finish_call(const Call& c);
  void set_store_away(bool away);

  // core_nodes.cc, core_takeover.cc
  NodeEntry& node_entry(NodeId id);
  void apply_node(const NodeRow& row, Version version);
  void on(const Boot& e);
  void on(const LoadMeasured& e);
  void on(const AdminWanted& e);
  void on(const LeaveWanted& e);
  void on(const ConfigChanged& e);
  void on(const TrafficSummary& e);
  void on(const StillAlive& e);
  void heartbeat();
  void try_join();
  void renew();
  void on_renewed(const Call& c);
  void fence_self();
  bool lease_stands() const;
  bool may_order() const;
  void check_standing();
  LeaseLimits limits() const;
  void watch_node(NodeId id);
  void check_thresholds();
  void set_view(NodeId id, NodeView view);
  void declare(NodeId id);
  void start_sweep(NodeId id);
  void continue_sweep(NodeId id);
  void write_admins();
  void build_classes();
  void refresh_node(NodeId id);
  std::uint8_t judge(const NodeEntry& n, std::uint64_t labels) const;
  NodeFigures figures_of(const NodeEntry& n) const;
  bool instance_gone(const Known& k) const;
  void note_place(NodeId node, Incarnation incarnation, Version at, int delta, KindId kind);

  // core_wishes.cc
  void on(const SessionWanted& e);
  void on(const WantWithdrawn& e);
  void on(const EndWanted& e);
  void advance_wish(SessionId id);
  Intent intent_of(SessionId id, const Wish& wish) const;
  void watch_claim(SessionId id, Wish& wish, const Known& known);
  void claim_failed(SessionId id, Wish& wish, const Known& known, EndReason reason);
  void place(SessionId id, Wish& wish);
  bool choose(SessionId id, const Wish& wish, Epoch epoch, DecisionRecord& record);
  void tell(SessionId id, Wish& wish, Answer answer);
  void finish_wish(SessionId id, Answer answer);
  void refuse_wish(SessionId id, Refusal why, EndReason reason);
  void advance_all_wishes();
  void advance_end(SessionId id);
  void tentative(const Call& c, int delta);

  // core_explain.cc
  void on(const PlaceWanted& e);
  NodeId wanted_place(SessionId id, Epoch epoch) const;
  bool may_choose(const LabelClass& c, std::span<const NodeId> excluded, NodeId node, std::uint64_t memory) const;
  void explain(const LabelClass& c, const Strategy& strategy, std::span<const NodeId> excluded,
               const DecisionRecord& record, bool wanted);

  // core_hosting.cc
  void on(const LauncherUp& e);
  void on(const LauncherDown& e);
  void on(const SessionStarted& e);
  void on(const SessionFailed& e);
  void on(const SessionExited& e);
  bool amend_inventory(SessionId session, Epoch epoch, bool lives);
  void sync_hosted(SessionId id);
  // `may_start`: a start slot is free for it.
  void advance_hosted(SessionId id, bool may_start = false);
  void write_hosted(SessionId id, Hosted& h, const Known& known, SessionState state, EndReason reason);
  void drop_hosted(SessionId id, EndReason why);
  void advance_all_hosted();
  void reconcile();
  void freeze_all();
  void thaw_all();
  void announce();

  // core_idle.cc
  void on(const SessionSuspended& e);
  void on(const ActivitySeen& e);
  void watch_idle(SessionId id, const Hosted& h);
  void idle_due(SessionId id);
  Duration start_timeout(KindId kind) const;
  void set_next_timeout(SessionRow& row) const;
  Duration time_for_start(const Known* known, KindId kind) const;
  bool has_free_slot() const;
  void serve_starts();

  // core_queue.cc
  void apply_queue(const QueueRow& row, Version version);
  void join_queue(SessionId id, Wish& wish);
  void leave_queue(SessionId id);
  void ask_again(SessionId id);
  void expire_ticket(SessionId id);
  void serve_line();
  void serve_head(std::uint64_t labels);
  bool stands_in_line(SessionId id) const;
  bool waits_here(SessionId id) const;
  std::uint64_t labels_of(KindId kind) const;
  std::optional<SessionId> head_of(std::uint64_t labels) const;
  std::uint32_t position_of(SessionId id) const;

  void arm(Timer t, Instant at) { deadlines.arm({static_cast<std::uint8_t>(t), 0, 0}, at); }
  void arm(Timer t, SessionId s, Instant at) { deadlines.arm({static_cast<std::uint8_t>(t), s.hi, s.lo}, at); }
  void disarm(Timer t) { deadlines.disarm({static_cast<std::uint8_t>(t), 0, 0}); }
  void disarm(Timer t, SessionId s) { deadlines.disarm({static_cast<std::uint8_t>(t), s.hi, s.lo}); }
  bool is_armed(Timer t, SessionId s) const {
    return deadlines.due({static_cast<std::uint8_t>(t), s.hi, s.lo}) != kNever;
  }
  Known* find(SessionId id) {
    const auto it = routes.find(id);
    return it == routes.end() ? nullptr : &it->second;
  }
};

}  // namespace homing::core
