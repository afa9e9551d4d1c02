// SPDX-License-Identifier: Apache-2.0
//
// What people at this router wait for. A wish is one session with everybody here who wants to reach it; advance_wish
// compares what the newest row says with how far the wish may go, and makes the one next step: answer, watch somebody's
// claim, claim, join the line, or wait for the store. It is run again after every row, answer and deadline.
//
// A claim is a compare-and-set of the session's row (epoch + 1) and the user's count, so that of two routers that place
// the same session at the same instant one loses, reads what the other wrote, and watches that.
#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

namespace {
constexpr std::uint8_t kMaxConflicts = 50;  // claims lost in a row; more means the store is not behaving
}

void Core::State::on(const SessionWanted& e) {
  const auto answer = [&](Outcome outcome, Refusal why, const Known* known) {
    Answer a;
    a.request = e.request;
    a.session = e.session;
    a.outcome = outcome;
    a.refusal = why;
    if (known != nullptr) {
      a.node = known->node;
      a.epoch = known->epoch;
      a.reason = known->reason;
    }
    emit(a);
  };
  const Known* known = find(e.session);
  if (known != nullptr && known->user != e.user) return answer(Outcome::kRefused, Refusal::kNotOwner, nullptr);
  if (known != nullptr && known->state == SessionState::kReady && !instance_gone(*known)) {
    return answer(Outcome::kForward, Refusal::kNone, known);
  }
  if (known == nullptr && e.kind.value >= config.kinds.size()) {
    return answer(Outcome::kRefused, Refusal::kUnknownKind, nullptr);
  }
  if (!config.serve) return answer(Outcome::kRefused, Refusal::kOverloaded, nullptr);
  if (known == nullptr && routes.size() >= config.max_routes) {
    return answer(Outcome::kRefused, Refusal::kOverloaded, nullptr);
  }
  if (requests.size() >= config.max_wishes) return answer(Outcome::kRefused, Refusal::kOverloaded, nullptr);
  auto it = wishes.find(e.session);
  if (it != wishes.end() && it->second.user != e.user) return answer(Outcome::kRefused, Refusal::kNotOwner, nullptr);
  if (it == wishes.end()) {
    Wish wish;
    wish.user = e.user;
    wish.kind = known != nullptr ? known->kind : e.kind;
    wish.wanted_at = now;
    it = wishes.emplace(e.session, std::move(wish)).first;
  }
  Wish& wish = it->second;
  wish.waiters.push_back({e.request, e.intent});
  requests[e.request] = e.session;
  if (wish.answered) {  // tell the newcomer where things stand
    Answer a = wish.last_answer;
    a.request = e.request;
    emit(a);
  }
  // Who has stood in line through another router keeps his place by asking through this one.
  if (stands_in_line(e.session) && !is_armed(Timer::kQueueAsk, e.session)) {
    arm(Timer::kQueueAsk, e.session, now + config.queue_ask_max / 3);
  }
  advance_wish(e.session);
}

void Core::State::on(const WantWithdrawn& e) {
  const auto it = requests.find(e.request);
  if (it == requests.end()) return;
  const SessionId id = it->second;
  requests.erase(it);
  const auto w = wishes.find(id);
  if (w == wishes.end()) return;
  std::erase_if(w->second.waiters, [&](const Waiter& x) { return x.request == e.request; });
  if (!w->second.waiters.empty() || w->second.call_under_way) return;
  // Nobody waits here any more. A claim already made goes its way; a ticket is given back.
  wishes.erase(w);
  disarm(Timer::kWish, id);
  leave_queue(id);
}

void Core::State::advance_wish(SessionId id) {
  const auto it = wishes.find(id);
  if (it == wishes.end()) return;
  Wish& wish = it->second;
  if (wish.call_under_way) return;
  if (wish.waiters.empty() && !stands_in_line(id)) return finish_wish(id, {});
  const Intent intent = intent_of(id, wish);
  const Known* known = find(id);
  if (known == nullptr) {
    disarm(Timer::kWish, id);
    const bool fresh =
        synced && reads.going() && read_token == StoreToken{} && reads.observed_until() >= wish.wanted_at;
    if (intent >= Intent::kStart) {
      if (synced) {
        place(id, wish);
      } else {
        Answer a;
        a.outcome = Outcome::kWaiting;
        a.refusal = store_away ? Refusal::kStoreAway : Refusal::kNone;
        tell(id, wish, a);
      }
    } else if (fresh) {
      refuse_wish(id, Refusal::kUnknownSession, EndReason::kNone);
    } else if (read_token == StoreToken{} && !store_away) {
      read_now();
    }
    return;
  }
  if (known->user != wish.user) return refuse_wish(id, Refusal::kNotOwner, EndReason::kNone);
  const bool gone = holds_place(known->state) && instance_gone(*known);
  // A failover may have taken the start back: what an older epoch ended as is then judged afresh.
  const bool was_started = wish.started != Epoch{} && known->epoch >= wish.started;
  switch (known->state) {
    case SessionState::kReady: {
      if (!gone) {
        Answer a;
        a.outcome = Outcome::kForward;
        a.node = known->node;
        a.epoch = known->epoch;
        return finish_wish(id, a);
      }
      wish.last_reason = EndReason::kNodeDead;
      if (intent == Intent::kRestart) return place(id, wish);
      return refuse_wish(id, Refusal::kLost, EndReason::kNodeDead);
    }
    case SessionState::kPlaced:
    case SessionState::kStarting:
      if (gone) return claim_failed(id, wish, *known, EndReason::kNodeDead);
      return watch_claim(id, wish, *known);
    case SessionState::kSuspended:
      if (intent < Intent::kWake) return refuse_wish(id, Refusal::kSuspended, known->reason);
      return place(id, wish);
    case SessionState::kRefused:
      if (was_started) return claim_failed(id, wish, *known, known->reason);
      if (intent == Intent::kRestart || intent == Intent::kStart) return place(id, wish);
      return refuse_wish(id, Refusal::kStartFailed, known->reason);
    case SessionState::kLost:
      // Lost while it was being started for this wish: nobody had it yet, so go on.
      if (was_started) return claim_failed(id, wish, *known, known->reason);
      if (intent == Intent::kRestart) return place(id, wish);
      return refuse_wish(id, Refusal::kLost, known->reason);
    case SessionState::kEnded:
      return refuse_wish(id, Refusal::kEnded, known->reason);
  }
}

// How far the wish may go: as far as the strongest of those who wait here, and all the way while its ticket stands in
// line (whoever took it had the right to). One who left takes his intent along.
Intent Core::State::intent_of(SessionId id, const Wish& wish) const {
  if (stands_in_line(id)) return Intent::kRestart;
  Intent strongest = Intent::kReach;
  for (const Waiter& w : wish.waiters) strongest = std::max(strongest, w.intent);
  return strongest;
}

// Somebody's claim is on its way to ready. Time-outs count from when this core first received the row.
void Core::State::watch_claim(SessionId id, Wish& wish, const Known& known) {
  if (wish.started == Epoch{}) wish.started = known.epoch;
  wish.attempts = std::max(wish.attempts, known.attempt);
  if (wish.watched_since == Instant{} || wish.watched_epoch != known.epoch || wish.watched_state != known.state) {
    wish.watched_epoch = known.epoch;
    wish.watched_state = known.state;
    wish.watched_since = now;
  }
  const Duration allowed =
      known.state == SessionState::kPlaced ? config.accept_max : row_of(id, known).timeout + config.lease_margin;
  // In the wait after a timeline change a holder may not go on with a start: that time is not its fault.
  const Instant until = std::max(wish.watched_since, hold_until) + allowed;
  if (now >= until) {
    claim_failed(id, wish, known,
                 known.state == SessionState::kPlaced ? EndReason::kNotAccepted : EndReason::kStartTimeout);
    return;
  }
  arm(Timer::kWish, id, until);
  Answer a;
  a.outcome = Outcome::kWaiting;
  a.node = known.node;
  a.epoch = known.epoch;
  tell(id, wish, a);
}

// This epoch will not become ready: place the next one elsewhere, or tell the user why not.
void Core::State::claim_failed(SessionId id, Wish& wish, const Known& known, EndReason reason) {
  wish.last_reason = reason;
  if (reason != EndReason::kNodeDead && known.node != kNoNode) {
    const auto at = std::lower_bound(wish.excluded.begin(), wish.excluded.end(), known.node);
    if (at == wish.excluded.end() || *at != known.node) wish.excluded.insert(at, known.node);
  }
  if (wish.attempts >= config.max_attempts) return refuse_wish(id, Refusal::kStartFailed, reason);
  place(id, wish);
}

void Core::State::place(SessionId id, Wish& wish) {
  const Known* known = find(id);
  disarm(Timer::kWish, id);
  Answer waiting;
  waiting.outcome = Outcome::kWaiting;
  if (store_away || !standing || !synced) {
    waiting.refusal =
        store_away ? Refusal::kStoreAway : (standing_why == Refusal::kNone ? Refusal::kLeaseExpired : standing_why);
    return tell(id, wish, waiting);
  }
  if (wish.recheck_at != Instant{}) {
    if (!reads.going() || reads.observed_until() < wish.recheck_at) {
      if (read_token == StoreToken{}) read_now();
      return tell(id, wish, waiting);
    }
    wish.recheck_at = Instant{};
  }
  if (wish.conflicts > kMaxConflicts) return refuse_wish(id, Refusal::kOverloaded, wish.last_reason);
  const bool was_holding = known != nullptr && holds_place(known->state);
  if (config.max_sessions_per_user != 0 && !was_holding) {
    const auto u = users.find(wish.user);
    if (u != users.end() && u->second.live >= config.max_sessions_per_user) {
      return refuse_wish(id, Refusal::kUserLimit, EndReason::kNone);
    }
  }
  const std::uint64_t labels = labels_of(wish.kind);
  const auto head = head_of(labels);
  const bool must_wait = head.has_value() && *head != id;
  Call c;
  DecisionRecord record;
  const Epoch epoch{(known != nullptr ? known->epoch.value : 0) + 1};
  if (must_wait || !choose(id, wish, epoch, record)) return join_queue(id, wish);

  const NodeEntry& target = nodes[record.chosen.value];
  SessionRow row;
  row.session = id;
  row.user = wish.user;
  row.kind = wish.kind;
  row.state = SessionState::kPlaced;
  row.epoch = epoch;
  row.node = record.chosen;
  row.incarnation = target.row.incarnation;
  row.previous_node = known != nullptr ? known->node : kNoNode;
  row.timeout = time_for_start(known, wish.kind);
  row.attempt = static_cast<std::uint8_t>(wish.attempts + 1);
  c.purpose = CallPurpose::kPlace;
  c.session = id;
  c.node = record.chosen;
  c.decision = record;
  c.writes.push_back({row, known != nullptr ? known->version : Version{}});
  if (!was_holding) add_user_write(c.writes, wish.user, +1);
  if (const auto q = queue.find(id); q != queue.end() && q->second.row.waiting) {
    QueueRow served = q->second.row;
    served.ticket = q->second.ticket;
    served.waiting = false;
    c.writes.push_back({served, q->second.version});
  }
  wish.call_under_way = true;
  if (wish.started == Epoch{}) wish.started = epoch;
  wish.watched_since = Instant{};
  tentative(c, +1);
  call(std::move(c));
  waiting.node = record.chosen;
  waiting.epoch = epoch;
  tell(id, wish, waiting);
}

// Own claims count as load from the moment they are sent, so that a burst is spread.
void Core::State::tentative(const Call& c, int delta) {
  if (c.purpose != CallPurpose::kPlace) return;
  const KindId kind = c.decision->kind;
  node_entry(c.node).load.tentative(delta, config.kinds[kind.value].memory_bytes);
  refresh_node(c.node);
}

// Asks the strategy, then looks for fit: a candidate that lacks memory is popped, at most max_misfits times, then all
// eligible nodes are scanned in order of their number.
bool Core::State::choose(SessionId id, const Wish& wish, Epoch epoch, DecisionRecord& record) {
  const std::uint64_t labels = labels_of(wish.kind);
  LabelClass& c = classes.at(labels);
  const std::uint64_t memory = config.kinds[wish.kind.value].memory_bytes;
  record.session = id;
  record.user = wish.user;
  record.kind = wish.kind;
  record.epoch = epoch;
  record.attempt = static_cast<std::uint8_t>(wish.attempts + 1);
  record.eligible = c.strategy->eligible();
  record.refused = c.refused;
  record.view = cursor;
  const PlacementQuery query{config.seed, id, wish.user, wish.kind, epoch};
  std::vector<NodeId> excluded = wish.excluded;
  const bool explained = explained_user == wish.user;
  const std::unique_ptr<Strategy> before = explained ? c.strategy->clone() : nullptr;
  Picked picked = c.strategy->pick(query, excluded);
  if (picked.count == 0 && !excluded.empty()) {  // better a node that failed before than none
    excluded.clear();
    picked = c.strategy->pick(query, excluded);
  }
  record.refused[static_cast<std::size_t>(NodeRefusal::kExcluded)] = static_cast<std::uint32_t>(excluded.size());
  const auto fits = [&](NodeId node) {
    return memory == 0 || c.told[node.value].memory_total == 0 || c.told[node.value].memory_available >= memory;
  };
  int best = -1;
  for (int i = 0; i < picked.count && i < static_cast<int>(config.max_misfits); ++i) {
    if (fits(picked.candidates[static_cast<std::size_t>(i)].node)) {
      best = i;
      break;
    }
    ++counters.misfits;
    ++record.refused[static_cast<std::size_t>(NodeRefusal::kMemory)];
  }
  if (best < 0 && picked.count > 0) {
    ++counters.misfit_scans;
    NodeId found = kNoNode;
    for (std::uint32_t n = 0; n < nodes.size(); ++n) {
      const bool is_excluded = std::binary_search(excluded.begin(), excluded.end(), NodeId{n});
      if (c.verdict[n] != kEligible || is_excluded || !fits(NodeId{n})) continue;
      if (found == kNoNode || c.told[n].sessions < c.told[found.value].sessions) found = NodeId{n};
    }
    if (found == kNoNode) return false;
    picked.candidates[0] = {found, 0};
    picked.ranked = 0;
    best = 0;
  }
  if (best < 0) return false;
  const auto chosen = picked.candidates[static_cast<std::size_t>(best)];
  const NodeId wanted = wanted_place(id, epoch);
  const bool by_word = wanted != kNoNode && wanted != chosen.node && may_choose(c, excluded, wanted, memory);
  record.chosen = by_word ? wanted : chosen.node;
  record.candidate_count = picked.count;
  record.candidates = picked.candidates;
  for (int i = 0; i < picked.count; ++i) {
    const Candidate& other = picked.candidates[static_cast<std::size_t>(i)];
    if (i == best) continue;
    record.runner_up = other.node;
    record.score_gap =
        i < picked.ranked && best < picked.ranked && other.score > chosen.score ? other.score - chosen.score : 0;
    break;
  }
  Instant oldest = now;
  for (int i = 0; i < picked.count; ++i) {
    oldest = std::min(oldest, nodes[picked.candidates[static_cast<std::size_t>(i)].node.value].report_received);
  }
  record.view_age = now - oldest;
  if (by_word) {  // the strategy's own choice comes second
    record.runner_up = chosen.node;
    record.score_gap = 0;
  }
  if (explained) explain(c, *before, excluded, record, by_word);
  return true;
}

// --- answers ---

void Core::State::tell(SessionId id, Wish& wish, Answer answer) {
  answer.session = id;
  answer.reason = wish.last_reason;
  const Answer& last = wish.last_answer;
  if (wish.answered && last.outcome == answer.outcome && last.node == answer.node && last.epoch == answer.epoch &&
      last.position == answer.position && last.refusal == answer.refusal) {
    return;
  }
  wish.last_answer = answer;
  wish.answered = true;
  for (const Waiter& w : wish.waiters) {
    answer.request = w.request;
    emit(answer);
  }
}

void Core::State::finish_wish(SessionId id, Answer answer) {
  const auto it = wishes.find(id);
  if (it == wishes.end()) return;
  const Wish wish = std::move(it->second);
  wishes.erase(it);
  disarm(Timer::kWish, id);
  leave_queue(id);
  answer.session = id;
  for (const Waiter& w : wish.waiters) {
    requests.erase(w.request);
    answer.request = w.request;
    emit(answer);
  }
}

void Core::State::refuse_wish(SessionId id, Refusal why, EndReason reason) {
  Answer a;
  a.outcome = Outcome::kRefused;
  a.refusal = why;
  a.reason = reason;
  finish_wish(id, a);
}

void Core::State::advance_all_wishes() {
  std::vector<SessionId> ids;
  for (const auto& [id, wish] : wishes) ids.push_back(id);
  for (const SessionId id : ids) advance_wish(id);
}

// --- wanted ends ---

void Core::State::on(const EndWanted& e) {
  const Known* known = find(e.session);
  if (known == nullptr && synced) return;
  ends[e.session] = e.reason;
  advance_end(e.session);
}

void Core::State::advance_end(SessionId id) {
  const auto it = ends.find(id);
  if (it == ends.end() || store_away || !synced) return;
  const Known* known = find(id);
  const bool lost_to_drain = it->second == EndReason::kDrained;
  if (known == nullptr || known->state == SessionState::kEnded || (lost_to_drain && !holds_place(known->state))) {
    ends.erase(it);
    return;
  }
  const bool under_way = calls.any_of([&](const Call& c) { return c.purpose == CallPurpose::kEnd && c.session == id; });
  if (under_way) return;
  SessionRow row = row_of(id, *known);
  // A planned stop leaves the session to its owner: lost to the plan, startable elsewhere by a click.
  row.state = lost_to_drain ? SessionState::kLost : SessionState::kEnded;
  row.reason = it->second;
  Call c;
  c.purpose = CallPurpose::kEnd;
  c.session = id;
  c.node = known->node;
  c.writes.push_back({row, known->version});
  if (holds_place(known->state)) add_user_write(c.writes, known->user, -1);
  call(std::move(c));
}

}  // namespace homing::core
