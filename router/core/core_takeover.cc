// SPDX-License-Identifier: Apache-2.0
//
// Taking over from a dead node. First the declaration of death is won, by the same compare-and-set the node would renew
// with, so that one of the two loses. Only then are its sessions declared lost, each once, each by compare-and-set, so
// that two sweepers do no harm. A sweeper that dies is replaced: every core treats a claim on a gone instance as lost,
// and the next one who is asked for such a session writes it.
#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

namespace {
constexpr int kSweepWidth = 16;  // compare-and-sets of one sweep under way at once
}

void Core::State::declare(NodeId id) {
  NodeEntry& n = nodes[id.value];
  if (n.declaring || !config.serve || !may_order() || n.version == Version{}) return;
  NodeRow row = n.row;
  row.life = NodeLife::kDead;
  row.declared_by = self;
  n.declaring = true;
  Call c;
  c.purpose = CallPurpose::kDeclare;
  c.node = id;
  c.writes.push_back({row, n.version});
  call(std::move(c));
}

// The instance that holds this claim is no more: declared dead, left, or replaced by a later incarnation.
bool Core::State::instance_gone(const Known& k) const {
  if (k.node == kNoNode || k.node.value >= nodes.size()) return false;
  const NodeEntry& n = nodes[k.node.value];
  if (!n.known) return false;
  if (n.row.incarnation > k.incarnation) return true;
  return n.row.incarnation == k.incarnation && n.row.life != NodeLife::kUp;
}

void Core::State::start_sweep(NodeId id) {
  std::vector<SessionId> gone;
  for (const auto& [session, known] : routes) {
    if (known.node == id && holds_place(known.state) && instance_gone(known)) gone.push_back(session);
  }
  if (gone.empty()) return;
  std::sort(gone.begin(), gone.end(), std::greater<>());  // taken from the back: lowest id first
  sweeps[id] = std::move(gone);
  continue_sweep(id);
}

void Core::State::continue_sweep(NodeId id) {
  const auto it = sweeps.find(id);
  if (it == sweeps.end() || store_away) return;
  const auto under_way =
      calls.count_if([&](const Call& c) { return c.purpose == CallPurpose::kSweep && c.node == id; });
  auto room = kSweepWidth - static_cast<int>(under_way);
  std::vector<SessionId>& left = it->second;
  while (room > 0 && !left.empty()) {
    const SessionId session = left.back();
    left.pop_back();
    const Known* known = find(session);
    if (known == nullptr || !holds_place(known->state) || !instance_gone(*known)) continue;
    // One user's rows one after the other: two writes of the same user row would make one of them lose.
    const bool user_busy = calls.any_of([&](const Call& c) {
      const Known* other = c.purpose == CallPurpose::kSweep ? find(c.session) : nullptr;
      return other != nullptr && other->user == known->user;
    });
    if (user_busy) {
      left.insert(left.begin(), session);
      break;
    }
    SessionRow row = row_of(session, *known);
    row.state = SessionState::kLost;
    switch (nodes[id.value].row.life) {
      case NodeLife::kDead:
        row.reason = EndReason::kNodeDead;
        break;
      case NodeLife::kLeft:
        row.reason = EndReason::kDrained;
        break;
      case NodeLife::kUp:
        row.reason = EndReason::kProcessGone;
        break;
    }
    Call c;
    c.purpose = CallPurpose::kSweep;
    c.session = session;
    c.node = id;
    c.writes.push_back({row, known->version});
    add_user_write(c.writes, known->user, -1);
    call(std::move(c));
    --room;
  }
  if (left.empty()) {
    if (under_way == 0 && room == kSweepWidth) sweeps.erase(it);
  }
}

}  // namespace homing::core
