// SPDX-License-Identifier: Apache-2.0
//
// The store as a copyable value in memory: what the simulator's routers share, and what every test can hold in one
// line.
//
// Intuition: a table of newest rows, and a log of (version, row) in commit order. A read walks the log from its cursor
// and skips entries whose row has changed again since (they come later, with the newest value), so it costs what
// changed since then, not what there is. The log is swept when more than half of it is skipped entries: O(1) amortised.
// Values before a write are kept for the last `kept_history` writes, so that a failover that lost its tail can be
// played: rewind_to() makes the table what it was, under another timeline.
//
// A machine that places nothing reads only what concerns it; read_about() does that from a log per node (Options).
// What is final (ended sessions, queue entries that were served) may be dropped by forget_final() once every reader has
// passed it; long simulations would otherwise remember every session that ever was.
// Invariants: log versions never fall; a row's newest version has exactly one log entry.
// Thread class: single-owner.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "router/base/block_vector.h"
#include "router/base/store.h"

namespace homing::base {

struct MemoryStoreOptions {
  core::Timeline timeline{1};
  std::size_t max_rows_per_read = kMaxRowsPerRead;
  std::size_t kept_history = 4096;  // writes that rewind_to can undo
  bool index_by_node = false;       // needed by read_about
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(MemoryStoreOptions options = {}) : options_(options), timeline_(options.timeline) {}

  ReadAnswer read_since(const core::ReadSince& call) override;
  WriteAnswer compare_and_set(const core::CompareAndSet& call) override;

  // Rows above the cursor that name `node` (as itself, holder or last holder) or ceased to; otherwise as read_since.
  // REQUIRES: Options::index_by_node.
  core::Rows read_about(const core::ReadSince& call, core::NodeId node);

  // A failover to a copy that had seen nothing above `version`. Later commits continue from it under `timeline`.
  // False, and nothing done, when `version` lies before oldest_rewind() or above latest().
  bool rewind_to(core::Version version, core::Timeline timeline);
  core::Version oldest_rewind() const;

  // Drops ended sessions and left queue entries last written at or below `version`; returns how many. Costs what it
  // drops. REQUIRES: every reader's cursor has passed `version`.
  std::size_t forget_final(core::Version version);

  core::Version latest() const { return latest_; }
  core::Timeline timeline() const { return timeline_; }
  std::size_t row_count() const { return index_.size() + node_rows_; }
  // The newest row, or nullptr. Valid until the next write.
  const core::VersionedRow* find(const core::RowKey& key) const;

 private:
  static constexpr std::uint32_t kNoSlot = ~0u;
  struct LogEntry {
    core::Version version;
    std::uint32_t slot;
    std::uint32_t life;  // of the slot, when this was written
  };
  struct NodeLog {
    std::vector<LogEntry> entries;
    std::size_t sweep_at = 64;
  };
  struct Undo {
    core::Version version;  // of the write that is undone
    std::uint32_t slot;
    core::VersionedRow before;
  };

  std::uint32_t find_slot(const core::RowKey& key) const;  // kNoSlot: none
  std::uint32_t slot_of(const core::RowKey& key);
  core::VersionedRow current(const core::RowKey& key) const;
  void write(std::uint32_t slot, const core::Row& row);
  void note_for_nodes(std::uint32_t slot, core::NodeId then);
  void sweep();
  void rebuild_log();

  MemoryStoreOptions options_;
  core::Timeline timeline_;
  core::Version latest_{};
  BlockVector<core::VersionedRow, 1024> slots_;  // version 0: free, or written and rewound
  std::vector<std::uint32_t> lives_;             // by slot: how often it was given away by forget_final
  std::vector<std::uint32_t> free_slots_;
  absl::flat_hash_map<core::RowKey, std::uint32_t> index_;  // looked up, never iterated; all rows but the nodes'
  std::size_t node_rows_ = 0;
  std::vector<std::uint32_t> node_slots_;  // by node: their rows change most often
  std::vector<LogEntry> log_;
  std::deque<Undo> history_;
  std::deque<LogEntry> final_;  // writes that ended something, in order; stale when the row changed again
  core::Version forgotten_{};   // nothing at or below it can be rewound
  std::vector<NodeLog> by_node_;
};

}  // namespace homing::base
