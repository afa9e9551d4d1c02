// SPDX-License-Identifier: Apache-2.0
#include "tests/swarm/mirror.h"

#include <fmt/format.h>

#include "router/base/store.h"

namespace homing::sim::swarm {
namespace {

// What the store may have forgotten, so that a row like it begins anew.
bool is_final(const core::Row& row) {
  if (const auto* session = std::get_if<core::SessionRow>(&row)) return session->state == core::SessionState::kEnded;
  if (const auto* queued = std::get_if<core::QueueRow>(&row)) return !queued->waiting;
  return false;
}

}  // namespace

const MirrorRow* Mirror::find(const core::RowKey& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

const core::SessionRow* Mirror::session(const core::SessionId& id) const {
  const MirrorRow* row = find({core::RowKind::kSession, id.hi, id.lo});
  return row == nullptr ? nullptr : &std::get<core::SessionRow>(row->held.row);
}

int Mirror::live(core::UserId user) const {
  const auto found = live_.find(user);
  return found == live_.end() ? 0 : found->second;
}

int Mirror::started(core::NodeId node, core::Incarnation incarnation) const {
  const auto found = started_.find({node, incarnation});
  return found == started_.end() ? 0 : found->second;
}

int Mirror::holding(core::NodeId node) const {
  const auto found = holding_.find(node);
  return found == holding_.end() ? 0 : found->second;
}

bool Mirror::gone(core::NodeId node, core::Incarnation incarnation) const {
  const MirrorRow* held = this->node(node.value);
  if (held == nullptr) return false;
  const auto& row = std::get<core::NodeRow>(held->held.row);
  return row.incarnation > incarnation || (row.incarnation == incarnation && row.life != core::NodeLife::kUp);
}

void Mirror::count(const core::SessionRow& row, int delta) {
  if (!holds(row.state)) return;
  live_[row.user] += delta;
  holding_[row.node] += delta;
  if (row.state != core::SessionState::kPlaced) started_[{row.node, row.incarnation}] += delta;
}

void Mirror::put(const core::RowKey& key, std::optional<MirrorRow> row) {
  const auto found = rows_.find(key);
  if (found != rows_.end()) {
    if (const auto* old = std::get_if<core::SessionRow>(&found->second.held.row)) count(*old, -1);
  }
  if (!row) {
    if (found != rows_.end()) rows_.erase(found);
    return;
  }
  if (const auto* fresh = std::get_if<core::SessionRow>(&row->held.row)) count(*fresh, +1);
  rows_[key] = std::move(*row);
}

void Mirror::take_back(core::Version above) {
  while (!undo_.empty() && undo_.back().version > above) {
    const Undo& last = undo_.back();
    if (const MirrorRow* held = find(last.key); held != nullptr && last.before) {
      const auto* now = std::get_if<core::NodeRow>(&held->held.row);
      const auto* then = std::get_if<core::NodeRow>(&last.before->held.row);
      if (now != nullptr && now->admin != then->admin) words_lost_.insert(now->node.value);
    }
    put(undo_.back().key, std::move(undo_.back().before));
    undo_.pop_back();
  }
  latest_ = above;
}

void Mirror::settle(core::Version latest, core::Timeline timeline) {
  if (timeline == timeline_) return;
  timeline_ = timeline;
  failed_over_ = true;
  take_back(latest);
}

std::string Mirror::written(core::Instant now, const core::CompareAndSet& call, std::optional<core::Version> won,
                            core::Timeline timeline) {
  changes_.clear();
  if (won && timeline != timeline_) settle(core::Version(won->value - 1), timeline);
  bool may = call.timeline == timeline;
  bool unsure = false;  // the store may or may not have forgotten it
  std::string unmet;
  for (const core::RowWrite& write : call.writes) {
    const MirrorRow* held = find(key_of(write.row));
    const core::Version version = held == nullptr ? core::Version{} : held->held.version;
    if (version == write.expected) continue;
    if (write.expected == core::Version{} && held != nullptr && is_final(held->held.row)) {
      unsure = true;
      continue;
    }
    may = false;
    unmet = fmt::format("{} expected version {}, which is {}", base::describe(write.row), write.expected.value,
                        version.value);
  }
  if (!won) {
    return may && !unsure && timeline == timeline_
               ? "a write whose expectations hold was refused: " + base::describe(call.writes.front().row)
               : "";
  }
  if (!may) return "a write was accepted though " + (unmet.empty() ? "it is of another timeline" : unmet);
  if (won->value != latest_.value + 1) {
    return fmt::format("commit {} follows commit {}", won->value, latest_.value);
  }
  latest_ = *won;
  for (const core::RowWrite& write : call.writes) {
    const core::RowKey key = key_of(write.row);
    const MirrorRow* held = find(key);
    std::optional<MirrorRow> before;
    if (held != nullptr) before = *held;
    MirrorRow next{{write.row, *won}, now, *won, now};
    if (const auto* node = std::get_if<core::NodeRow>(&write.row); node != nullptr && before) {
      const auto& old = std::get<core::NodeRow>(before->held.row);
      const bool same = old.life == node->life && old.admin == node->admin && old.incarnation == node->incarnation;
      if (same) next.since = before->since;
      if (old.admin != node->admin) words_lost_.erase(node->node.value);
    }
    if (auto* session = std::get_if<core::SessionRow>(&next.held.row)) {
      if (session->claimed == core::Version{}) session->claimed = *won;
      if (before) {
        const auto& old = std::get<core::SessionRow>(before->held.row);
        if (old.epoch == session->epoch && old.state == session->state) next.state_since = before->state_since;
      }
    }
    changes_.push_back({key, before, write.row});
    undo_.push_back({*won, key, std::move(before)});
    put(key, std::move(next));
  }
  return "";
}

}  // namespace homing::sim::swarm
