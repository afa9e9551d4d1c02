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

// Readers are nearly always close behind: steps back from the end that double, then a search between the last two.
template <typename Log>
auto first_above(Log& log, core::Version cursor) {
  auto to = log.end();
  std::ptrdiff_t step = 1;
  auto from = to;
  while (from != log.begin()) {
    from = to - std::min(step, to - log.begin());
    if (from->version <= cursor) break;
    to = from;
    step *= 2;
  }
  return std::upper_bound(from, to, cursor,
                          [](core::Version version, const auto& entry) { return version < entry.version; });
}

}  // namespace

const core::VersionedRow* MemoryStore::find(const core::RowKey& key) const {
  const std::uint32_t slot = find_slot(key);
  if (slot == kNoSlot || slots_[slot].version == core::Version{}) return nullptr;
  return &slots_[slot];
}

std::uint32_t MemoryStore::find_slot(const core::RowKey& key) const {
  if (key.kind == core::RowKind::kNode) return key.lo < node_slots_.size() ? node_slots_[key.lo] : kNoSlot;
  const auto found = index_.find(key);
  return found == index_.end() ? kNoSlot : found->second;
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
  auto entry = first_above(log_, same ? call.cursor : core::Version{});
  answer.rows.reserve(std::min<std::size_t>(static_cast<std::size_t>(log_.end() - entry), 128));
  for (; entry != log_.end(); ++entry) {
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
  if (answer.rows.size() < 2) return answer;
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
  std::array<std::uint32_t, core::kMaxWrites> slots{};
  for (std::size_t i = 0; i < call.writes.size(); ++i) {
    keys[i] = core::key_of(call.writes[i].row);
    for (std::size_t j = 0; j < i; ++j) CHECK(keys[i] != keys[j]);
    slots[i] = find_slot(keys[i]);
    wins = wins && (slots[i] != kNoSlot ? slots_[slots[i]].version : core::Version{}) == call.writes[i].expected;
  }
  if (!wins) {
    core::Lost lost{call.token, timeline_, {}};
    for (std::size_t i = 0; i < call.writes.size(); ++i) lost.current.push_back(current(keys[i]));
    return lost;
  }
  latest_ = core::Version(latest_.value + 1);
  for (std::size_t i = 0; i < call.writes.size(); ++i) {
    write(slots[i] != kNoSlot ? slots[i] : slot_of(keys[i]), call.writes[i].row);
  }
  sweep();
  return core::Won{call.token, latest_};
}

// Gives a key that has none a slot.
std::uint32_t MemoryStore::slot_of(const core::RowKey& key) {
  std::uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back({});
    lives_.push_back(0);
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot] = core::VersionedRow{empty_row(key), core::Version{}};
  if (key.kind == core::RowKind::kNode) {
    if (key.lo >= node_slots_.size()) node_slots_.resize(key.lo + 1, kNoSlot);
    node_slots_[key.lo] = slot;
    ++node_rows_;
  } else {
    index_.emplace(key, slot);
  }
  return slot;
}

void MemoryStore::write(std::uint32_t slot, const core::Row& row) {
  core::VersionedRow& held = slots_[slot];
  const core::NodeId then = held.version != core::Version{} ? node_of(held.row) : core::kNoNode;
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
  if (is_final(row)) final_.push_back(log_.back());
  if (options_.index_by_node) note_for_nodes(slot, then);
}

void MemoryStore::note_for_nodes(std::uint32_t slot, core::NodeId then) {
  const core::NodeId now = node_of(slots_[slot].row);
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
  if (log_.size() < kSweepFloor || log_.size() < 2 * row_count()) return;
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
  final_.clear();
  by_node_.clear();
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].version != core::Version{}) log_.push_back(LogEntry{slots_[slot].version, slot, lives_[slot]});
  }
  std::sort(log_.begin(), log_.end(), [](const LogEntry& a, const LogEntry& b) {
    return a.version != b.version ? a.version < b.version : a.slot < b.slot;
  });
  for (const LogEntry& entry : log_) {
    if (is_final(slots_[entry.slot].row)) final_.push_back(entry);
  }
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
  for (; !final_.empty() && final_.front().version <= version; final_.pop_front()) {
    const std::uint32_t slot = final_.front().slot;
    core::VersionedRow& held = slots_[slot];
    if (held.version != final_.front().version || lives_[slot] != final_.front().life) continue;
    index_.erase(core::key_of(held.row));
    held.version = core::Version{};
    ++lives_[slot];
    free_slots_.push_back(slot);
    ++dropped;
  }
  return dropped;
}

}  // namespace homing::base
