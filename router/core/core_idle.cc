// SPDX-License-Identifier: Apache-2.0
//
// Idle rules and start slots of this node.
//
// An idle rule is one deadline a session, not an event a request: when it could fire the core asks its driver when the
// session was last used, and either moves the deadline to where it could fire next, or acts. `end` ends the session as
// its owner would. `suspend` orders the launcher; the process saves its state and exits; only that fact writes the row
// (`suspended`: no process, no place on the node, the user's count goes down), so that never a second process starts
// while the first still writes. Waking is an ordinary placement with the next epoch (core_wishes.cc).
//
// A person who comes back while the suspend is under way waits for its end, then wakes the session: taking a suspend
// back would race with the process. A suspend the launcher does not answer in time counts as not done.
//
// How long the next start may take stands in the row. A session that runs will start afresh, if ever: its kind's
// start-timeout. A suspended one is loaded first, which takes as long as it is large: its kind's resume-timeout, kept
// over refusals and deaths until it is ready, and twice as long after each time-out. Without that a session too large
// for the time-out would be loaded and killed for ever and its owner never got the work back. (Workbench kills no start
// at all: it answers 502 after 10 s and waits for the same process again on the next request.)
//
// Start slots: starts of sessions that are accepted wait for a free one in the order of their claims; their time-outs
// run meanwhile, so a node that cannot keep up gives its starts back to be placed elsewhere.
#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {
namespace {

constexpr Duration kLongestResume = seconds(86'400);

}  // namespace

// Of a session that is ready here: sets the deadline of its idle rule, if it has one.
void Core::State::watch_idle(SessionId id, const Hosted& h) {
  if (h.fact != Fact::kRunning || is_armed(Timer::kIdle, id) || h.kind.value >= config.kinds.size()) return;
  const Duration after = config.kinds[h.kind.value].idle_after;
  if (after != Duration{0}) arm(Timer::kIdle, id, now + after);
}

void Core::State::idle_due(SessionId id) {
  const auto it = hosted.find(id);
  if (it == hosted.end()) return;
  Hosted& h = it->second;
  if (h.kind.value >= config.kinds.size()) return;
  const Duration after = config.kinds[h.kind.value].idle_after;
  if (h.fact == Fact::kSuspending) {  // the launcher does not answer
    h.fact = Fact::kRunning;
    starts_changed = starts_changed || boot.start_slots != 0;
    watch_idle(id, h);
    return;
  }
  if (after == Duration{0} || h.fact != Fact::kRunning) return;
  arm(Timer::kIdle, id, now + std::max(config.heartbeat, after / 4));  // should the answer never come
  emit(AskActivity{id, h.epoch});
}

void Core::State::on(const ActivitySeen& e) {
  const auto it = hosted.find(e.session);
  const Known* known = find(e.session);
  if (it == hosted.end() || known == nullptr || it->second.epoch != e.epoch || known->epoch != e.epoch ||
      known->state != SessionState::kReady || it->second.fact != Fact::kRunning ||
      it->second.kind.value >= config.kinds.size()) {
    ++counters.stale_events;
    return;
  }
  Hosted& h = it->second;
  const KindConfig& kind = config.kinds[h.kind.value];
  if (kind.idle_after == Duration{0}) return;
  if (e.last + kind.idle_after > now) {
    arm(Timer::kIdle, e.session, e.last + kind.idle_after);
    return;
  }
  const bool able = may_order() && !store_away && synced && !h.frozen && !h.call_under_way && launcher_up;
  if (!able || (kind.idle_then == IdleThen::kSuspend && !has_free_slot())) {
    arm(Timer::kIdle, e.session, now + config.heartbeat);
    return;
  }
  if (kind.idle_then == IdleThen::kEnd) {
    ends.emplace(e.session, EndReason::kIdle);
    advance_end(e.session);
    return;
  }
  if (!kind.can_suspend) return;
  h.fact = Fact::kSuspending;
  const Instant deadline = now + kind.resume_timeout;
  arm(Timer::kIdle, e.session, deadline);
  emit(SuspendSession{e.session, h.epoch, deadline});
}

void Core::State::on(const SessionSuspended& e) {
  if (e.saved) amend_inventory(e.session, e.epoch, false);
  const auto it = hosted.find(e.session);
  const bool expected = it != hosted.end() && it->second.epoch == e.epoch &&
                        (it->second.fact == Fact::kSuspending || it->second.fact == Fact::kRunning);
  if (!expected) {
    ++counters.stale_events;
    return;
  }
  Hosted& h = it->second;
  starts_changed = starts_changed || boot.start_slots != 0;
  disarm(Timer::kIdle, e.session);
  h.frozen = h.frozen && !e.saved;
  h.fact = e.saved ? Fact::kSuspended : Fact::kRunning;
  advance_hosted(e.session);
}

// --- how long a start may take ---

Duration Core::State::start_timeout(KindId kind) const {
  return kind.value < config.kinds.size() ? config.kinds[kind.value].start_timeout : seconds(60);
}

// For a row that says how a session is: what a start from there may take.
void Core::State::set_next_timeout(SessionRow& row) const {
  if (row.state == SessionState::kReady) row.timeout = start_timeout(row.kind);
  if (row.state == SessionState::kSuspended && row.kind.value < config.kinds.size()) {
    row.timeout = config.kinds[row.kind.value].resume_timeout;
  }
}

// For the next epoch of a session of which `known` is known, if anything is.
Duration Core::State::time_for_start(const Known* known, KindId kind) const {
  const Duration fresh = start_timeout(kind);
  if (known == nullptr) return fresh;
  if (known->state == SessionState::kSuspended)
    return std::max(known->timeout, config.kinds[kind.value].resume_timeout);
  const bool resumes = known->timeout > fresh;
  if (!resumes) return fresh;
  const bool ran_out = known->state == SessionState::kRefused && known->reason == EndReason::kStartTimeout;
  return ran_out ? std::min(2 * known->timeout, kLongestResume) : known->timeout;
}

// --- start slots ---

bool Core::State::has_free_slot() const {
  if (boot.start_slots == 0) return true;
  const auto busy = std::count_if(hosted.begin(), hosted.end(), [](const auto& item) {
    return item.second.fact == Fact::kOrdered || item.second.fact == Fact::kSuspending;
  });
  return busy < static_cast<std::ptrdiff_t>(boot.start_slots);
}

void Core::State::serve_starts() {
  starts_changed = false;
  if (boot.start_slots == 0) return;
  std::vector<std::pair<Version, SessionId>> waiting;
  for (const auto& [id, h] : hosted) {
    const Known* known = find(id);
    if (known == nullptr || known->state != SessionState::kStarting || h.fact != Fact::kNone ||
        h.accept_sent == Instant{}) {
      continue;
    }
    waiting.emplace_back(known->claimed, id);
  }
  std::sort(waiting.begin(), waiting.end());
  for (const auto& [claimed, id] : waiting) {
    if (!has_free_slot()) break;
    advance_hosted(id, true);
  }
  starts_changed = false;
}

}  // namespace homing::core
