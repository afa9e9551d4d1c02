// SPDX-License-Identifier: Apache-2.0
//
// Waiting in line. A waiting placement is a store row; its ticket is the version of the write that joined, so the order
// is the same on every router, any router can show the position and any may serve the head by compare-and-set (the
// claim itself also takes the ticket out of the line). A ticket nobody asks for any more leaves.
//
// The head of a line is the lowest ticket of its label class: somebody who waits for a GPU node does not block the
// rest. The router at which the person waits serves the head at once; another only when two heartbeats have passed.
#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

std::uint64_t Core::State::labels_of(KindId kind) const {
  return kind.value < config.kinds.size() ? config.kinds[kind.value].labels : 0;
}

void Core::State::apply_queue(const QueueRow& row, Version version) {
  if (!config.serve) return;
  const auto it = queue.find(row.session);
  if (it != queue.end() && version <= it->second.version) return;
  line_changed = true;
  if (it != queue.end()) line.erase({it->second.ticket, row.session});
  if (!row.waiting) {  // a tombstone: keep its version while somebody here may join again
    disarm(Timer::kQueueExpire, row.session);
    disarm(Timer::kQueueAsk, row.session);
    if (wishes.contains(row.session)) {
      QueueEntry& e = queue[row.session];
      e.row = row;
      e.version = version;
      if (!waits_here(row.session)) advance_wish(row.session);  // taken up from the line, and over with it
    } else if (it != queue.end()) {
      queue.erase(it);
    }
    return;
  }
  QueueEntry& e = queue[row.session];
  e.row = row;
  e.version = version;
  e.ticket = row.ticket == Version{} ? version : row.ticket;
  e.asked_seen = now;
  line.insert({e.ticket, row.session});
  arm(Timer::kQueueExpire, row.session, now + config.queue_ask_max);
  if (waits_here(row.session)) arm(Timer::kQueueAsk, row.session, now + config.queue_ask_max / 3);
}

bool Core::State::stands_in_line(SessionId id) const {
  const auto it = queue.find(id);
  return it != queue.end() && it->second.row.waiting;
}

// Somebody here wants it. A wish that this router took up from the line keeps no ticket alive: its owner may be gone.
bool Core::State::waits_here(SessionId id) const {
  const auto it = wishes.find(id);
  return it != wishes.end() && !it->second.waiters.empty();
}

std::optional<SessionId> Core::State::head_of(std::uint64_t labels) const {
  for (const auto& [ticket, id] : line) {
    if (labels_of(queue.at(id).row.kind) == labels) return id;
  }
  return std::nullopt;
}

std::uint32_t Core::State::position_of(SessionId id) const {
  const auto me = queue.find(id);
  if (me == queue.end()) return 0;
  const std::uint64_t labels = labels_of(me->second.row.kind);
  std::uint32_t position = 1;
  for (const auto& [ticket, other] : line) {
    if (other == id) return position;
    if (labels_of(queue.at(other).row.kind) == labels) ++position;
  }
  return 0;
}

void Core::State::join_queue(SessionId id, Wish& wish) {
  // No node could run this kind even if all were empty and willing: waiting would be in vain.
  const std::uint64_t labels = labels_of(wish.kind);
  const bool possible = nodes.any_of(
      [&](const NodeEntry& n) { return n.known && n.row.life == NodeLife::kUp && (n.row.labels & labels) == labels; });
  if (!possible) return refuse_wish(id, Refusal::kNoNode, wish.last_reason);
  Answer a;
  a.outcome = Outcome::kQueued;
  const auto it = queue.find(id);
  if (it != queue.end() && it->second.row.waiting) {
    a.position = position_of(id);
    return tell(id, wish, a);
  }
  if (own_tickets.contains(id)) return;  // the join is under way
  if (line.size() >= config.max_queue) return refuse_wish(id, Refusal::kQueueFull, EndReason::kNone);
  QueueRow row;
  row.session = id;
  row.user = wish.user;
  row.kind = wish.kind;
  row.asked = 1;
  Call c;
  c.purpose = CallPurpose::kQueueJoin;
  c.session = id;
  c.writes.push_back({row, it == queue.end() ? Version{} : it->second.version});
  own_tickets.insert(id);
  call(std::move(c));
  a.position = static_cast<std::uint32_t>(line.size()) + 1;
  tell(id, wish, a);
}

// The wish is over, served or given up: take its ticket out of the line if it is still there.
void Core::State::leave_queue(SessionId id) {
  const auto it = queue.find(id);
  if (it == queue.end()) return;
  disarm(Timer::kQueueAsk, id);
  if (!it->second.row.waiting) {
    queue.erase(it);
    return;
  }
  if (it->second.call_under_way || store_away) return;  // the ticket expires
  QueueRow row = it->second.row;
  row.ticket = it->second.ticket;
  row.waiting = false;
  Call c;
  c.purpose = CallPurpose::kQueueLeave;
  c.session = id;
  c.writes.push_back({row, it->second.version});
  it->second.call_under_way = true;
  call(std::move(c));
}

void Core::State::ask_again(SessionId id) {
  const auto it = queue.find(id);
  if (it == queue.end() || !it->second.row.waiting || !waits_here(id)) return;
  arm(Timer::kQueueAsk, id, now + config.queue_ask_max / 3);
  if (it->second.call_under_way || store_away) return;
  QueueRow row = it->second.row;
  row.ticket = it->second.ticket;
  row.asked += 1;
  Call c;
  c.purpose = CallPurpose::kQueueAsk;
  c.session = id;
  c.writes.push_back({row, it->second.version});
  it->second.call_under_way = true;
  call(std::move(c));
}

// Nobody asked for this ticket as long as this core has been able to look.
void Core::State::expire_ticket(SessionId id) {
  const auto it = queue.find(id);
  if (it == queue.end() || !it->second.row.waiting) return;
  const Instant from = std::max(it->second.asked_seen, reads.since());
  if (!reads.going() || now < from + config.queue_ask_max || waits_here(id)) {
    arm(Timer::kQueueExpire, id, now + config.queue_ask_max);
    return;
  }
  arm(Timer::kQueueExpire, id, now + config.queue_ask_max);
  leave_queue(id);
}

void Core::State::serve_line() {
  line_changed = false;
  capacity_changed = false;
  if (!config.serve || line.empty()) return;
  for (const auto& [labels, c] : classes) {
    const auto head = head_of(labels);
    if (!head.has_value()) continue;
    if (c.strategy->eligible() > 0 && standing) {
      if (wishes.contains(*head)) {
        advance_wish(*head);
      } else {
        arm(Timer::kQueueHead, SessionId{labels, 0}, now + config.heartbeat * 2);
      }
    }
  }
  // New positions for those who wait here.
  std::vector<SessionId> waiting;
  for (const auto& [id, wish] : wishes) {
    const auto it = queue.find(id);
    if (it != queue.end() && it->second.row.waiting && !wish.call_under_way) waiting.push_back(id);
  }
  for (const SessionId id : waiting) {
    const auto it = wishes.find(id);
    if (it == wishes.end() || it->second.call_under_way) continue;
    Answer a;
    a.outcome = Outcome::kQueued;
    a.position = position_of(id);
    tell(id, it->second, a);
  }
}

// The head's own router did not serve it (it may be dead): place it here, for nobody in particular.
void Core::State::serve_head(std::uint64_t labels) {
  const auto head = head_of(labels);
  if (!head.has_value() || !standing || wishes.contains(*head)) return;
  const auto c = classes.find(labels);
  if (c == classes.end() || c->second.strategy->eligible() == 0) return;
  const QueueRow& row = queue.at(*head).row;
  Wish wish;
  wish.user = row.user;
  wish.kind = row.kind;
  wish.wanted_at = now;
  wishes.emplace(*head, std::move(wish));
  advance_wish(*head);
}

}  // namespace homing::core
