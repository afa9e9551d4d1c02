// SPDX-License-Identifier: Apache-2.0
#include "router/base/memory_store.h"

#include <algorithm>

#include "router/core/check.h"

namespace homing::base {
namespace {

constexpr std::size_t kSweepFloor = 64;  // logs shorter than this are never worth sweeping

// The node a row is about, or kNoNode.
core::NodeId node_of(const core::Row& row) {
  if (const auto* node = std::get_if<core::NodeRow>(&row)) return node->node;
  if (const auto* session = std::get_if<core::SessionRow>(&row)) return session->node;
  return core::kNoNode;
}

bool is_final(const core::Row& row) {
  if (const auto* session = std::get_if<core::SessionRow>(&row)) return session->state == core::SessionState::kEnded;
  if (const auto* queued = std::get_if<core::QueueRow>(&row)) return !queued->waiting;
  return false;
}

template <typename Log>
auto first_above(Log& log, core::Version cursor) {
  return std::upper_bound(log.begin(), log.end(), cursor,
                          [](core::Version version, const auto& entry) { return version < entry.version; });
}

}  // namespace

const core::VersionedRow* MemoryStore::find(const core::RowKey& key) const {
  const auto found = index_.find(key);
  if (found == index_.end() || slots_[found->second].version == core::Version{}) return nullptr;
  return &slots_[found->second];
}

core::VersionedRow MemoryStore::current(const core::RowKey& key) const {
  const core::VersionedRow* row = find(key);
  return row != nullptr ? *row : core::VersionedRow{empty_row(key), core::Version{}};
}

ReadAnswer MemoryStore::read_since(const core::ReadSince& call) {
  core::Rows answer;
  answer.token = call.token;
  answer.timeline = timeline_;
  answer.cursor = latest_;
  const bool same = call.timeline == core::Timeline{} || call.timeline == timeline_;
  for (auto entry = first_above(log_, same ? call.cursor : core::Version{}); entry != log_.end(); ++entry) {
    const core::VersionedRow& row = slots_[entry->slot];
    if (row.version != entry->version) continue;  // changed again since; comes later
    if (answer.rows.size() >= options_.max_rows_per_read && answer.rows.back().version != row.version) {
      answer.cursor = answer.rows.back().version;
      answer.complete = false;
      break;
    }
    answer.rows.push_back(row);
  }
  return answer;
}

core::Rows MemoryStore::read_about(const core::ReadSince& call, core::NodeId node) {
  CHECK(options_.index_by_node);
  core::Rows answer;
  answer.token = call.token;
  answer.timeline = timeline_;
  answer.cursor = latest_;
  if (node.value >= by_node_.size()) return answer;
  const bool same = call.timeline == core::Timeline{} || call.timeline == timeline_;
  auto& log = by_node_[node.value].entries;
  for (auto entry = first_above(log, same ? call.cursor : core::Version{}); entry != log.end(); ++entry) {
    const core::VersionedRow& row = slots_[entry->slot];
    if (row.version == core::Version{} || lives_[entry->slot] != entry->life) continue;
    // A row that went to another node is told here as it stands now, however often it changed there.
    if (row.version == entry->version || node_of(row.row) != node) answer.rows.push_back(row);
  }
  std::sort(answer.rows.begin(), answer.rows.end(), [](const core::VersionedRow& a, const core::VersionedRow& b) {
    if (a.version != b.version) return a.version < b.version;
    return core::key_of(a.row) < core::key_of(b.row);
  });
  answer.rows.erase(std::unique(answer.rows.begin(), answer.rows.end()), answer.rows.end());
  return answer;
}

WriteAnswer MemoryStore::compare_and_set(const core::CompareAndSet& call) {
  CHECK(!call.writes.empty() && call.writes.size() <= static_cast<std::size_t>(core::kMaxWrites));
  bool wins = call.timeline == core::Timeline{} || call.timeline == timeline_;
  std::array<core::RowKey, core::kMaxWrites> keys{};
  for (std::size_t i = 0; i < call.writes.size(); ++i) {
    keys[i] = core::key_of(call.writes[i].row);
    for (std::size_t j = 0; j < i; ++j) CHECK(keys[i] != keys[j]);
    const core::VersionedRow* row = find(keys[i]);
    wins = wins && (row != nullptr ? row->version : core::Version{}) == call.writes[i].expected;
  }
  if (!wins) {
    core::Lost lost{call.token, timeline_, {}};
    for (std::size_t i = 0; i < call.writes.size(); ++i) lost.current.push_back(current(keys[i]));
    return lost;
  }
  latest_ = core::Version(latest_.value + 1);
  for (std::size_t i = 0; i < call.writes.size(); ++i) write(slot_of(keys[i]), call.writes[i].row);
  sweep();
  return core::Won{call.token, latest_};
}

std::uint32_t MemoryStore::slot_of(const core::RowKey& key) {
  const auto [found, fresh] = index_.try_emplace(key, 0);
  if (!fresh) return found->second;
  if (free_slots_.empty()) {
    found->second = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
    lives_.push_back(0);
  } else {
    found->second = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[found->second] = core::VersionedRow{empty_row(key), core::Version{}};
  return found->second;
}

void MemoryStore::write(std::uint32_t slot, const core::Row& row) {
  core::VersionedRow& held = slots_[slot];
  const bool existed = held.version != core::Version{};
  core::Row before = held.row;
  if (options_.kept_history > 0) {
    history_.push_back(Undo{latest_, slot, held});
    // Undo whole commits only: what the oldest kept entry belongs to may be cut in the middle.
    while (history_.size() > options_.kept_history) {
      forgotten_ = history_.front().version;
      history_.pop_front();
    }
  } else {
    forgotten_ = latest_;
  }
  held.row = row;
  held.version = latest_;
  log_.push_back(LogEntry{latest_, slot, lives_[slot]});
  if (options_.index_by_node) note_for_nodes(slot, before, existed);
}

void MemoryStore::note_for_nodes(std::uint32_t slot, const core::Row& before, bool existed) {
  const core::NodeId now = node_of(slots_[slot].row);
  const core::NodeId then = existed ? node_of(before) : core::kNoNode;
  for (const core::NodeId node : {now, then == now ? core::kNoNode : then}) {
    if (node == core::kNoNode) continue;
    if (by_node_.size() <= node.value) by_node_.resize(node.value + 1);
    NodeLog& log = by_node_[node.value];
    log.entries.push_back(LogEntry{latest_, slot, lives_[slot]});
    if (log.entries.size() < log.sweep_at) continue;
    std::erase_if(log.entries, [&](const LogEntry& entry) {
      const core::VersionedRow& row = slots_[entry.slot];
      return row.version == core::Version{} || lives_[entry.slot] != entry.life ||
             (row.version != entry.version && node_of(row.row) == node);
    });
    log.sweep_at = std::max(kSweepFloor, 2 * log.entries.size());
  }
}

void MemoryStore::sweep() {
  if (log_.size() < kSweepFloor || log_.size() < 2 * index_.size()) return;
  std::erase_if(log_, [this](const LogEntry& entry) { return slots_[entry.slot].version != entry.version; });
}

core::Version MemoryStore::oldest_rewind() const {
  return forgotten_;
}

bool MemoryStore::rewind_to(core::Version version, core::Timeline timeline) {
  if (version < forgotten_ || version > latest_) return false;
  while (!history_.empty() && history_.back().version > version) {
    slots_[history_.back().slot] = std::move(history_.back().before);
    history_.pop_back();
  }
  latest_ = version;
  timeline_ = timeline;
  rebuild_log();
  return true;
}

void MemoryStore::rebuild_log() {
  log_.clear();
  by_node_.clear();
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].version != core::Version{}) log_.push_back(LogEntry{slots_[slot].version, slot, lives_[slot]});
  }
  std::sort(log_.begin(), log_.end(), [](const LogEntry& a, const LogEntry& b) {
    return a.version != b.version ? a.version < b.version : a.slot < b.slot;
  });
  if (!options_.index_by_node) return;
  for (const LogEntry& entry : log_) {
    const core::NodeId node = node_of(slots_[entry.slot].row);
    if (node == core::kNoNode) continue;
    if (by_node_.size() <= node.value) by_node_.resize(node.value + 1);
    by_node_[node.value].entries.push_back(entry);
  }
}

std::size_t MemoryStore::forget_final(core::Version version) {
  while (!history_.empty() && history_.front().version <= version) history_.pop_front();
  forgotten_ = std::max(forgotten_, std::min(version, latest_));
  std::size_t dropped = 0;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    core::VersionedRow& held = slots_[slot];
    if (held.version == core::Version{} || held.version > version || !is_final(held.row)) continue;
    index_.erase(core::key_of(held.row));
    held.version = core::Version{};
    ++lives_[slot];
    free_slots_.push_back(slot);
    ++dropped;
  }
  return dropped;
}

}  // namespace homing::base
