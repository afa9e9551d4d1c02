// SPDX-License-Identifier: Apache-2.0
//
// The two store calls and their answers, and what each row means to the tables. Every table changes here only, from
// rows that were won or read, so calls may be lost, late or doubled.
#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

SessionRow placed_at(SessionRow row, Version version) {
  if (row.claimed == Version{}) row.claimed = version;
  return row;
}

}  // namespace

void Core::State::read_now() {
  if (read_token != StoreToken{}) {
    read_again = true;
    return;
  }
  read_token = StoreToken{next_token++};
  read_sent = now;
  read_again = false;
  emit(ReadSince{read_token, timeline, cursor});
}

StoreToken Core::State::call(Call c) {
  const StoreToken token{next_token++};
  c.timeline = timeline;
  c.sent = now;
  emit(CompareAndSet{token, timeline, c.writes});
  calls.add(token, std::move(c));
  return token;
}

void Core::State::on(const Rows& rows) {
  if (rows.token != read_token || read_token == StoreToken{}) {
    ++counters.stale_events;
    return;
  }
  read_token = StoreToken{};
  set_store_away(false);
  if (rows.timeline != timeline) change_timeline(rows.timeline);
  for (const VersionedRow& row : rows.rows) apply(row);
  cursor = rows.cursor;
  while (!finished.empty() && finished.begin()->first <= cursor) {
    routes.erase(finished.begin()->second);
    finished.erase(finished.begin());
  }
  if (!rows.complete) {
    read_now();
    return;
  }
  reads.read_succeeded(read_sent, now);
  const bool first = !synced;
  synced = true;
  check_thresholds();
  if (join != JoinState::kJoined) try_join();
  if (first) {
    announce();
    reconcile();
  } else if (hosted_stale) {
    announce();  // an announcement that was met by silence is made again
  }
  if (sweep_self && join == JoinState::kJoined && node_entry(self).row.incarnation == own_incarnation) {
    sweep_self = false;
    start_sweep(self);
  }
  write_admins();
  if (first || hosted_stale) {
    hosted_stale = false;
    advance_all_hosted();
  }
  if (any_frozen) thaw_all();
  advance_all_wishes();  // some waited for a fresh look
  std::vector<SessionId> ending;
  for (const auto& [id, reason] : ends) ending.push_back(id);
  for (const SessionId id : ending) advance_end(id);
  std::vector<NodeId> sweeping;
  for (const auto& [id, sessions] : sweeps) sweeping.push_back(id);
  for (const NodeId id : sweeping) continue_sweep(id);
  if (read_again) read_now();
}

void Core::State::on(const Won& won) {
  Call* const made = calls.take(won.token);
  if (made == nullptr) {
    ++counters.stale_events;
    return;
  }
  const Call c = std::move(*made);
  if (c.timeline != timeline) return;  // won on a history that is no longer true
  set_store_away(false);
  tentative(c, -1);
  if (c.purpose == CallPurpose::kPlace) {
    ++counters.placements;
    if (const auto wish = wishes.find(c.session); wish != wishes.end()) {
      wish->second.attempts = c.decision->attempt;
      wish->second.conflicts = 0;
    }
    CHECK(c.decision.has_value());
    emit(DecisionMade{*c.decision});
  }
  if (c.purpose == CallPurpose::kDeclare) ++counters.takeovers;
  if (c.purpose == CallPurpose::kSweep) ++counters.sessions_declared_lost;
  // Flags first: applying a row runs the machines, which must not believe that this call is still under way.
  finish_call(c);
  for (const RowWrite& w : c.writes) apply({w.row, won.version});
  switch (c.purpose) {
    case CallPurpose::kRenew:
      on_renewed(c);
      break;
    case CallPurpose::kPlace:
      if (c.decision->chosen != self) emit(HintPeer{c.decision->chosen});
      break;
    case CallPurpose::kHosted:
      if (std::get<SessionRow>(c.writes.front().row).state != SessionState::kStarting) emit(HintPeer{kNoNode});
      break;
    case CallPurpose::kAnnounce:
    case CallPurpose::kDeclare:
    case CallPurpose::kSweep:
      emit(HintPeer{kNoNode});
      break;
    case CallPurpose::kEnd:
      if (c.node != self) emit(HintPeer{c.node});
      emit(HintPeer{kNoNode});
      break;
    default:
      break;
  }
  // A read may have shown the row before this answer came; then applying it again moved nothing.
  if (c.purpose == CallPurpose::kHosted || c.purpose == CallPurpose::kAnnounce) advance_hosted(c.session);
  if (c.purpose == CallPurpose::kPlace) advance_wish(c.session);
  if (c.purpose == CallPurpose::kDeclare) start_sweep(c.node);
  if (c.purpose == CallPurpose::kAdmin) {  // said; what others say later is not to be undone
    const auto word = admins.find(c.node);
    const bool same = word != admins.end() && word->second.admin == std::get<NodeRow>(c.writes.front().row).admin;
    if (same) admins.erase(word);
  }
  if (c.purpose == CallPurpose::kSweep) continue_sweep(c.node);
  if (c.purpose == CallPurpose::kEnd) advance_end(c.session);
}

void Core::State::on(const Lost& lost) {
  Call* const made = calls.take(lost.token);
  if (made == nullptr) {
    ++counters.stale_events;
    return;
  }
  const Call c = std::move(*made);
  set_store_away(false);
  if (c.timeline != timeline) return;
  tentative(c, -1);
  finish_call(c);
  if (lost.timeline != timeline) {  // failed over: a read brings the new history
    read_now();
    return;
  }
  if (c.purpose == CallPurpose::kPlace) {
    ++counters.claims_lost;
    const auto wish = wishes.find(c.session);
    if (wish != wishes.end() && wish->second.conflicts < 255) ++wish->second.conflicts;
  }
  for (const VersionedRow& row : lost.current) {
    if (row.version != Version{}) apply(row);
  }
  switch (c.purpose) {
    case CallPurpose::kRenew:
      if (join == JoinState::kJoined) {
        renew();
      } else {
        try_join();
      }
      break;
    case CallPurpose::kPlace:
      advance_wish(c.session);
      break;
    case CallPurpose::kHosted:
      advance_hosted(c.session);
      break;
    case CallPurpose::kAnnounce:
      announce();
      break;
    case CallPurpose::kEnd:
      advance_end(c.session);
      break;
    case CallPurpose::kSweep:
      continue_sweep(c.node);
      break;
    case CallPurpose::kAdmin:
      write_admins();
      break;
    default:
      break;
  }
}

void Core::State::on(const Silent& silent) {
  if (silent.token == read_token && read_token != StoreToken{}) {
    read_token = StoreToken{};
    reads.read_failed();
    set_store_away(true);
    return;
  }
  Call* const made = calls.take(silent.token);
  if (made == nullptr) {
    ++counters.stale_events;
    return;
  }
  const Call c = std::move(*made);
  if (c.timeline != timeline) return;
  tentative(c, -1);
  finish_call(c);
  set_store_away(true);
  hosted_stale = true;
  // Whether it was written is unknown: nothing more is done for this session before a read that is sent from now on.
  const auto wish = wishes.find(c.session);
  if (c.purpose == CallPurpose::kPlace && wish != wishes.end()) wish->second.recheck_at = now;
}

// Takes back the mark "a call is under way" wherever the call had set it.
void Core::State::finish_call(const Call& c) {
  switch (c.purpose) {
    case CallPurpose::kRenew:
      renewing = false;
      break;
    case CallPurpose::kDeclare:
      node_entry(c.node).declaring = false;
      break;
    case CallPurpose::kPlace:
      if (const auto it = wishes.find(c.session); it != wishes.end()) it->second.call_under_way = false;
      break;
    case CallPurpose::kHosted:
    case CallPurpose::kAnnounce:
      if (const auto it = hosted.find(c.session); it != hosted.end()) it->second.call_under_way = false;
      break;
    case CallPurpose::kQueueJoin:
    case CallPurpose::kQueueAsk:
    case CallPurpose::kQueueLeave:
      if (const auto it = queue.find(c.session); it != queue.end()) it->second.call_under_way = false;
      if (c.purpose == CallPurpose::kQueueJoin) own_tickets.erase(c.session);
      break;
    case CallPurpose::kSweep:
      sweeps[c.node].push_back(c.session);
      break;  // dropped there when it was done
    default:
      break;
  }
}

void Core::State::set_store_away(bool away) {
  if (store_away == away) return;
  store_away = away;
  hosted_stale = true;
  if (away) advance_all_wishes();
}

void Core::State::apply(const VersionedRow& row) {
  std::visit(Overloaded{[&](const NodeRow& r) { apply_node(r, row.version); },
                        [&](const SessionRow& r) { apply_session(placed_at(r, row.version), row.version); },
                        [&](const UserRow& r) { apply_user(r, row.version); },
                        [&](const QueueRow& r) { apply_queue(r, row.version); }},
             row.row);
}

void Core::State::apply_user(const UserRow& row, Version version) {
  UserEntry& u = users[row.user];
  if (version > u.version) u = {row.live, version};
}

// The load of nodes as seen from here: the change of one session row, told to the views of the nodes it touches.
// A session never seen before may have been claimed and left again in between: both changes are told, and each view
// drops what its node's report already counts.
void Core::State::apply_session(const SessionRow& row, Version version) {
  Known* old = find(row.session);
  if (old != nullptr && version <= old->version) return;
  // A machine that serves nobody also hears what became of a session it once held: the row moved on to another node.
  const bool ours = row.node == self || hosted.contains(row.session) || (!config.serve && old != nullptr);
  if (!config.serve && !ours) return;
  if (old == nullptr && routes.size() >= config.max_routes && !ours && !wishes.contains(row.session)) return;

  if (!places.empty()) {
    const auto wanted = places.find(row.session);
    if (wanted != places.end() && row.epoch >= wanted->second.epoch) places.erase(wanted);
  }

  const bool holds = holds_place(row.state);
  const bool new_epoch = old == nullptr || old->epoch != row.epoch;
  const bool held = old != nullptr && holds_place(old->state);
  if (held && (!holds || new_epoch)) note_place(old->node, old->incarnation, version, -1, old->kind);
  // Unknown, yet the cursor has passed it: over and purged, seen again in the answer to a lost call. A machine that
  // serves nobody has read only what names it, so its cursor says nothing of claims on others.
  const bool counted_before = old == nullptr && version <= cursor && (config.serve || row.node == self);
  if (counted_before && row.state != SessionState::kEnded) return;  // an answer so late that it is no longer true
  if (((holds && (!held || new_epoch)) || old == nullptr) && !counted_before) {
    note_place(row.node, row.incarnation, new_epoch ? row.claimed : version, +1, row.kind);
  }
  if (old == nullptr && !holds && !counted_before) note_place(row.node, row.incarnation, version, -1, row.kind);

  const Known known{version,  row.claimed, row.user,   row.epoch,   row.node,          row.incarnation,
                    row.kind, row.state,   row.reason, row.attempt, row.previous_node, row.timeout};
  const bool over = row.state == SessionState::kEnded;
  emit(RouteChanged{row.session, {row.user, row.node, row.epoch, row.incarnation, row.kind, row.state, row.reason}});
  if (old != nullptr) {
    *old = known;
  } else {
    routes.emplace(row.session, known);
  }
  if (holds && instance_gone(known)) {  // claimed by somebody who had not heard that the instance is no more
    if (row.node == self) sweep_self = true;
    arm(Timer::kSweep, SessionId{row.node.value, 0}, now + config.dead);
  }
  sync_hosted(row.session);
  advance_wish(row.session);
  if (over) {  // kept until the cursor has passed it, so that reading it again counts nothing twice
    finished.insert({version, row.session});
    ends.erase(row.session);
    emit(RouteDropped{row.session});
  } else if (!config.serve && row.node != self && !hosted.contains(row.session)) {
    routes.erase(row.session);  // no news of it will come here
    emit(RouteDropped{row.session});
  }
}

void Core::State::note_place(NodeId node, Incarnation incarnation, Version at, int delta, KindId kind) {
  if (node == kNoNode || node.value >= config.max_nodes) return;
  const std::uint64_t memory = kind.value < config.kinds.size() ? config.kinds[kind.value].memory_bytes : 0;
  node_entry(node).load.change(incarnation, at, delta, memory);
  refresh_node(node);
}

SessionRow Core::State::row_of(SessionId id, const Known& known) const {
  SessionRow row;
  row.session = id;
  row.user = known.user;
  row.kind = known.kind;
  row.state = known.state;
  row.reason = known.reason;
  row.epoch = known.epoch;
  row.node = known.node;
  row.incarnation = known.incarnation;
  row.previous_node = known.previous_node;
  row.claimed = known.claimed;
  row.timeout = known.timeout > Duration{0} ? known.timeout : start_timeout(known.kind);
  row.attempt = known.attempt;
  return row;
}

void Core::State::add_user_write(std::vector<RowWrite>& writes, UserId user, int delta) const {
  const auto it = users.find(user);
  const UserEntry u = it == users.end() ? UserEntry{} : it->second;
  const std::int64_t live = static_cast<std::int64_t>(u.live) + delta;
  writes.push_back({UserRow{user, live < 0 ? 0u : static_cast<std::uint32_t>(live)}, u.version});
}

// The store's history was replaced (failover, restore): nothing known of it counts any more. What runs here is kept and
// announced; nothing starts for one lease time, so that every holder can say so first.
void Core::State::change_timeline(Timeline to) {
  const bool first = timeline == Timeline{};
  timeline = to;
  if (first) return;
  calls.for_each([this](const Call& c) { finish_call(c); });
  std::vector<SessionId> dropped;
  for (const auto& [id, known] : routes) dropped.push_back(id);
  std::sort(dropped.begin(), dropped.end());
  cursor = Version{};
  routes.clear();
  finished.clear();
  for (const SessionId id : dropped) {
    if (!hosted.contains(id)) emit(RouteDropped{id});
  }
  users.clear();
  own_tickets.clear();
  for (const auto& [id, entry] : queue) disarm(Timer::kQueueExpire, id);
  queue.clear();
  line.clear();
  absl::erase_if(wishes, [this](const auto& wish) {  // taken up from a line that is no more
    if (!wish.second.waiters.empty()) return false;
    disarm(Timer::kWish, wish.first);
    return true;
  });
  sweeps.clear();
  nodes.for_each_written([](NodeEntry& n) {
    n.known = false;
    n.version = Version{};
    n.load = LoadView{};
    n.declaring = false;
  });
  reads.read_failed();
  synced = false;
  sweep_self = true;
  hold_until = now + config.lease_ttl;
  arm(Timer::kHold, hold_until);
  for (std::size_t i = 0; i < nodes.size(); ++i) refresh_node(NodeId{static_cast<std::uint32_t>(i)});
  check_standing();  // from here on, not from the end of this turn: the rows that follow make wishes take their step
}

}  // namespace homing::core
