// SPDX-License-Identifier: Apache-2.0
//
// The checkers' own copy of the store, kept from the writes that were executed: a map and a rule, so that the store of
// the simulator is judged by other code than its own. After a failover that lost its tail, what was written above the
// first new commit is taken back.
// Thread class: value.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/core/instant.h"
#include "router/core/rows.h"

namespace homing::sim::swarm {

struct MirrorRow {
  core::VersionedRow held;
  core::Instant at{};           // of its newest write
  core::Version since{};        // nodes: when life, admin or incarnation last changed
  core::Instant state_since{};  // sessions: when epoch or state last changed
};

struct Change {
  core::RowKey key;
  std::optional<MirrorRow> before;
  core::Row after;
};

class Mirror {
 public:
  // Takes what the store answered to a write. Returns what is wrong with the answer, or "".
  std::string written(core::Instant now, const core::CompareAndSet& call, std::optional<core::Version> won,
                      core::Timeline timeline);
  // After the end: forgets what a failover without a later write took back.
  void settle(core::Version latest, core::Timeline timeline);

  const std::vector<Change>& changes() const { return changes_; }  // of the last write, when it was won
  const MirrorRow* find(const core::RowKey& key) const;
  const core::SessionRow* session(const core::SessionId& id) const;
  const MirrorRow* node(std::uint32_t id) const { return find({core::RowKind::kNode, 0, id}); }
  // Rows that hold a place: of a user; started (starting, ready) on an instance.
  int live(core::UserId user) const;
  int started(core::NodeId node, core::Incarnation incarnation) const;
  int holding(core::NodeId node) const;
  const std::map<core::RowKey, MirrorRow>& rows() const { return rows_; }
  core::Timeline timeline() const { return timeline_; }
  bool failed_over() const { return failed_over_; }
  // A failover has taken back the newest change of what operators ask of this node.
  bool word_lost(std::uint32_t node) const { return words_lost_.contains(node); }
  // That instance cannot come back: declared dead, left, or followed by another.
  bool gone(core::NodeId node, core::Incarnation incarnation) const;

 private:
  struct Undo {
    core::Version version;
    core::RowKey key;
    std::optional<MirrorRow> before;
  };
  void put(const core::RowKey& key, std::optional<MirrorRow> row);
  void count(const core::SessionRow& row, int delta);
  void take_back(core::Version above);

  std::map<core::RowKey, MirrorRow> rows_;
  std::vector<Undo> undo_;
  std::vector<Change> changes_;
  absl::flat_hash_map<core::UserId, int> live_;
  std::map<std::pair<core::NodeId, core::Incarnation>, int> started_;
  std::map<core::NodeId, int> holding_;
  core::Version latest_{};
  absl::flat_hash_set<std::uint32_t> words_lost_;
  core::Timeline timeline_{1};
  bool failed_over_ = false;
};

inline bool holds(core::SessionState s) {
  return s == core::SessionState::kPlaced || s == core::SessionState::kStarting || s == core::SessionState::kReady;
}

}  // namespace homing::sim::swarm
