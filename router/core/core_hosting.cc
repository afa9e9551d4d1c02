// SPDX-License-Identifier: Apache-2.0
//
// What this node runs. For each session whose claim names this instance, or whose process we still have, two things are
// known: the row (the right) and what the launcher said (the fact). advance_hosted looks at both and makes the one next
// step; it is run again after every answer, so lost and doubled answers need no special case.
//
//   row \ fact   none            ordered   running          failed          exited
//   placed       accept/refuse   write starting / ready (lost history)    accept/refuse
//   starting     order           wait      write ready      write refused   write refused
//   ready        write lost      -         serve            -               write lost
//
// Idle rules add two facts (core_idle.cc): suspending (ordered, the process still lives) and suspended (write so).
//
//   elsewhere, over, another epoch: kill what runs, forget
#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

namespace {

// What the store should say of a process that was ordered or runs.
SessionState state_of(Fact fact) {
  if (fact == Fact::kSuspended) return SessionState::kSuspended;
  return fact == Fact::kRunning || fact == Fact::kSuspending ? SessionState::kReady : SessionState::kStarting;
}
EndReason reason_of(Fact fact) {
  return fact == Fact::kSuspended ? EndReason::kIdle : EndReason::kNone;
}

}  // namespace

// A row of this session changed: does it concern a process of ours?
void Core::State::sync_hosted(SessionId id) {
  const Known* known = find(id);
  CHECK(known != nullptr);  // what a failover made unknown is announced, not synced
  const auto it = hosted.find(id);
  const bool mine = known->node == self && known->incarnation == own_incarnation && own_incarnation != Incarnation{} &&
                    holds_place(known->state);
  if (it == hosted.end()) {
    if (!mine) return;
    Hosted h;
    h.epoch = known->epoch;
    h.kind = known->kind;
    h.user = known->user;
    hosted.emplace(id, h);
  } else if (!mine || it->second.epoch != known->epoch) {
    const bool over = known->epoch == it->second.epoch && known->reason != EndReason::kNone;
    drop_hosted(id, over ? known->reason : EndReason::kFenced);
    if (mine) sync_hosted(id);
    return;
  }
  advance_hosted(id);
}

// Ends the process, if there may be one, and forgets it.
void Core::State::drop_hosted(SessionId id, EndReason why) {
  const auto it = hosted.find(id);
  if (it == hosted.end()) return;
  const Hosted h = it->second;
  hosted.erase(it);
  disarm(Timer::kHostedStart, id);
  disarm(Timer::kIdle, id);
  starts_changed = starts_changed || boot.start_slots != 0;
  if (h.fact == Fact::kOrdered || h.fact == Fact::kRunning || h.fact == Fact::kSuspending) {
    if (why == EndReason::kFenced) ++counters.fenced;
    emit(KillSession{id, h.epoch, why});
  }
}

void Core::State::advance_hosted(SessionId id, bool may_start) {
  const auto it = hosted.find(id);
  const Known* known = find(id);
  if (it == hosted.end() || known == nullptr || join != JoinState::kJoined) return;
  Hosted& h = it->second;
  if (h.call_under_way || store_away || inventory_pending) return;
  if (known->epoch != h.epoch || known->node != self || known->incarnation != own_incarnation) return;
  switch (known->state) {
    case SessionState::kPlaced: {
      if (h.fact != Fact::kNone && h.fact != Fact::kFailed && h.fact != Fact::kExited) {
        // Accepted in a history that a failover has lost: what was true is said again, also before the wait is over.
        if (lease_stands()) write_hosted(id, h, *known, state_of(h.fact), reason_of(h.fact));
        return;
      }
      if (!may_order()) return;
      if (!launcher_up) {
        write_hosted(id, h, *known, SessionState::kRefused, EndReason::kLauncherAway);
        return;
      }
      const NodeRow& me = node_entry(self).row;
      std::uint32_t others = 0;
      for (const auto& [other, o] : hosted) {
        if (me.max_sessions == 0) break;
        if (other == id) continue;
        const Known* k = find(other);
        // One whose acceptance is under way, or was met by silence, will hold a place, also when it was claimed later.
        const bool accepting = o.accept_sent != Instant{};
        if (k == nullptr || k->state != SessionState::kPlaced || k->claimed < known->claimed || accepting) ++others;
      }
      if (me.max_sessions != 0 && others >= me.max_sessions) {
        write_hosted(id, h, *known, SessionState::kRefused, EndReason::kNodeFull);
        return;
      }
      h.accept_sent = now;
      h.timeout = row_of(id, *known).timeout;
      write_hosted(id, h, *known, SessionState::kStarting, EndReason::kNone);
      return;
    }
    case SessionState::kStarting: {
      const bool overdue = h.accept_sent != Instant{} && now >= h.accept_sent + h.timeout - config.lease_margin &&
                           h.fact != Fact::kRunning && h.fact != Fact::kSuspending && h.fact != Fact::kSuspended;
      if (h.fact == Fact::kRunning || h.fact == Fact::kSuspending || h.fact == Fact::kSuspended) {
        // Saying that it runs orders nothing: also in the wait after a timeline change, whose new history may have
        // forgotten that it was ready.
        if (lease_stands()) write_hosted(id, h, *known, state_of(h.fact), reason_of(h.fact));
      } else if (h.fact == Fact::kFailed || h.fact == Fact::kExited) {
        write_hosted(id, h, *known, SessionState::kRefused, h.fact_reason);
      } else if (overdue) {
        if (h.fact == Fact::kOrdered) emit(KillSession{id, h.epoch, EndReason::kStartTimeout});
        h.fact = Fact::kFailed;
        h.fact_reason = EndReason::kStartTimeout;
        starts_changed = starts_changed || boot.start_slots != 0;
        write_hosted(id, h, *known, SessionState::kRefused, h.fact_reason);
      } else if (h.fact == Fact::kOrdered) {
        arm(Timer::kHostedStart, id, h.accept_sent + h.timeout - config.lease_margin);
      } else if (h.fact == Fact::kNone) {
        // accept_sent is unset when an earlier router of this node accepted: its order may or may not have gone out.
        if (h.accept_sent == Instant{}) {
          emit(KillSession{id, h.epoch, EndReason::kStartFailed});
          write_hosted(id, h, *known, SessionState::kRefused, EndReason::kStartFailed);
        } else if (may_order() && launcher_up) {
          const Instant deadline = h.accept_sent + h.timeout - config.lease_margin;
          if (boot.start_slots != 0 && !may_start) {  // its turn comes in serve_starts(), or the time-out does
            starts_changed = true;
            arm(Timer::kHostedStart, id, deadline);
            return;
          }
          h.fact = Fact::kOrdered;
          emit(StartSession{id, h.epoch, h.kind, h.user, deadline});
          arm(Timer::kHostedStart, id, deadline);
        } else {
          write_hosted(id, h, *known, SessionState::kRefused, EndReason::kLauncherAway);
        }
      }
      return;
    }
    case SessionState::kReady:
      disarm(Timer::kHostedStart, id);
      if (h.fact == Fact::kExited || h.fact == Fact::kFailed) {
        write_hosted(id, h, *known, SessionState::kLost, h.fact_reason);
      } else if (h.fact == Fact::kNone && launcher_up) {
        write_hosted(id, h, *known, SessionState::kLost, EndReason::kProcessGone);
      } else if (h.fact == Fact::kSuspended) {
        write_hosted(id, h, *known, SessionState::kSuspended, EndReason::kIdle);
      } else {
        watch_idle(id, h);
      }
      return;
    default:
      return;
  }
}

void Core::State::write_hosted(SessionId id, Hosted& h, const Known& known, SessionState state, EndReason reason) {
  SessionRow row = row_of(id, known);
  row.state = state;
  row.reason = reason;
  set_next_timeout(row);
  Call c;
  c.purpose = CallPurpose::kHosted;
  c.session = id;
  c.node = self;
  c.writes.push_back({row, known.version});
  if (!holds_place(state)) add_user_write(c.writes, known.user, -1);
  h.call_under_way = true;
  call(std::move(c));
}

void Core::State::advance_all_hosted() {
  std::vector<SessionId> ids;
  for (const auto& [id, h] : hosted) ids.push_back(id);
  for (const SessionId id : ids) advance_hosted(id);
}

// --- the launcher's word ---

void Core::State::on(const LauncherUp& e) {
  launcher_up = true;
  inventory = e.processes;
  inventory_pending = true;
  reconcile();
}

void Core::State::on(const LauncherDown&) {
  launcher_up = false;
}

// Compares what the launcher has with what the store says, once both are known.
void Core::State::reconcile() {
  if (!inventory_pending || !synced || join != JoinState::kJoined) return;
  std::vector<SessionId> mine;
  for (const auto& [id, known] : routes) {
    if (known.node == self && known.incarnation == own_incarnation && holds_place(known.state)) mine.push_back(id);
  }
  std::sort(mine.begin(), mine.end());
  for (const SessionId id : mine) sync_hosted(id);
  absl::btree_set<SessionId> seen;
  for (const ProcessInfo& p : inventory) {
    const auto it = hosted.find(p.session);
    const Known* known = find(p.session);
    if (it == hosted.end() || known == nullptr || it->second.epoch != p.epoch) {
      ++counters.fenced;
      emit(KillSession{p.session, p.epoch, EndReason::kFenced});
      continue;
    }
    seen.insert(p.session);
    Hosted& h = it->second;
    if (p.answers) {
      h.fact = Fact::kRunning;
      // An earlier router of this node may have frozen it: the next look at the store thaws it.
      h.frozen =
          h.kind.value < config.kinds.size() && config.kinds[h.kind.value].without_store == WithoutStore::kFreeze;
      any_frozen = any_frozen || h.frozen;
    } else if (h.fact == Fact::kNone) {
      h.fact = Fact::kOrdered;
      if (h.accept_sent == Instant{}) {
        h.accept_sent = now;
        h.timeout = row_of(p.session, *known).timeout;
        arm(Timer::kHostedStart, p.session, now + h.timeout - config.lease_margin);
      }
    }
  }
  for (auto& [id, h] : hosted) {
    if (seen.contains(id)) continue;
    if (h.fact == Fact::kRunning || h.fact == Fact::kOrdered || h.fact == Fact::kSuspending) {
      h.fact = Fact::kExited;
      h.fact_reason = EndReason::kProcessGone;
    }
  }
  inventory.clear();
  inventory_pending = false;
  starts_changed = starts_changed || boot.start_slots != 0;
  advance_all_hosted();
}

// News of a process that the inventory, still to be compared, lists.
bool Core::State::amend_inventory(SessionId session, Epoch epoch, bool lives) {
  if (!inventory_pending) return false;
  for (auto it = inventory.begin(); it != inventory.end(); ++it) {
    if (it->session != session || it->epoch != epoch) continue;
    if (lives) {
      it->answers = true;
    } else {
      inventory.erase(it);
    }
    return true;
  }
  return false;
}

void Core::State::on(const SessionStarted& e) {
  if (amend_inventory(e.session, e.epoch, true)) return;
  const auto it = hosted.find(e.session);
  if (it == hosted.end() || it->second.epoch != e.epoch || it->second.fact == Fact::kFailed) {
    ++counters.stale_events;
    emit(KillSession{e.session, e.epoch, EndReason::kFenced});
    return;
  }
  it->second.fact = Fact::kRunning;
  starts_changed = starts_changed || boot.start_slots != 0;
  advance_hosted(e.session);
}

void Core::State::on(const SessionFailed& e) {
  if (amend_inventory(e.session, e.epoch, false)) return;
  const auto it = hosted.find(e.session);
  if (it == hosted.end() || it->second.epoch != e.epoch) {
    ++counters.stale_events;
    return;
  }
  it->second.fact = Fact::kFailed;
  it->second.fact_reason = e.reason;
  starts_changed = starts_changed || boot.start_slots != 0;
  advance_hosted(e.session);
}

void Core::State::on(const SessionExited& e) {
  if (amend_inventory(e.session, e.epoch, false)) return;
  const auto it = hosted.find(e.session);
  if (it == hosted.end() || it->second.epoch != e.epoch) {
    ++counters.stale_events;
    return;
  }
  it->second.fact = Fact::kExited;
  it->second.fact_reason = e.reason;
  starts_changed = starts_changed || boot.start_slots != 0;
  advance_hosted(e.session);
}

// --- without the store ---

// The lease is about to lapse for others. Unfinished starts are killed; `freeze` kinds stop; `keep` kinds serve on.
void Core::State::freeze_all() {
  for (auto& [id, h] : hosted) {
    const Known* known = find(id);
    if (h.fact == Fact::kOrdered) {
      h.fact = Fact::kFailed;
      h.fact_reason = EndReason::kStartTimeout;
      emit(KillSession{id, h.epoch, EndReason::kStartTimeout});
    } else if (h.fact == Fact::kRunning && known != nullptr && known->state == SessionState::kStarting) {
      h.fact = Fact::kFailed;
      h.fact_reason = EndReason::kStartTimeout;
      emit(KillSession{id, h.epoch, EndReason::kStartTimeout});
    } else if ((h.fact == Fact::kRunning || h.fact == Fact::kSuspending) && !h.frozen &&
               h.kind.value < config.kinds.size() &&
               config.kinds[h.kind.value].without_store == WithoutStore::kFreeze) {
      h.frozen = true;
      h.fact = Fact::kRunning;  // a suspend that is not done stops here
      any_frozen = true;
      emit(FreezeSession{id, h.epoch});
    }
  }
}

// After a complete read: what is still hosted has its epoch confirmed.
void Core::State::thaw_all() {
  if (!may_order()) return;
  any_frozen = false;
  for (auto& [id, h] : hosted) {
    if (!h.frozen) continue;
    h.frozen = false;
    emit(ThawSession{id, h.epoch});
  }
}

// After a failover, before anybody starts anything: say what runs here. A claim that was in the lost tail is written
// again; a claim the new history knows better about (a higher epoch, another holder) wins.
void Core::State::announce() {
  if (join != JoinState::kJoined) return;
  std::vector<SessionId> ids;
  for (const auto& [id, h] : hosted) ids.push_back(id);
  for (const SessionId id : ids) {
    Hosted& h = hosted.at(id);
    const Known* known = find(id);
    if (h.call_under_way) continue;
    const bool newer =
        known != nullptr && (known->epoch > h.epoch || (known->epoch == h.epoch && known->node != self) ||
                             (known->epoch == h.epoch && known->incarnation != own_incarnation));
    if (newer || h.fact == Fact::kNone || h.fact == Fact::kFailed || h.fact == Fact::kExited) {
      if (known == nullptr || newer) drop_hosted(id, EndReason::kFenced);
      continue;
    }
    if (known != nullptr && known->epoch == h.epoch && holds_place(known->state)) continue;  // known as it is
    SessionRow row;
    row.session = id;
    row.user = h.user;
    row.kind = h.kind;
    row.state = state_of(h.fact);
    row.reason = reason_of(h.fact);
    row.epoch = h.epoch;
    row.node = self;
    row.incarnation = own_incarnation;
    row.previous_node = known != nullptr ? known->node : kNoNode;
    row.timeout = h.timeout > Duration{0} ? h.timeout : start_timeout(h.kind);
    set_next_timeout(row);
    row.attempt = 1;
    Call c;
    c.purpose = CallPurpose::kAnnounce;
    c.session = id;
    c.node = self;
    c.writes.push_back({row, known != nullptr ? known->version : Version{}});
    const bool asleep = h.fact == Fact::kSuspended;
    const bool held = known != nullptr && holds_place(known->state);
    if (held == asleep) add_user_write(c.writes, h.user, asleep ? -1 : +1);
    h.call_under_way = true;
    call(std::move(c));
  }
}

}  // namespace homing::core
