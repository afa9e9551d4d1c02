// SPDX-License-Identifier: Apache-2.0
//
// What a store implementation looks like to the one who executes a core's store effects. The contract itself is
// router/core/rows.h; the two calls and their answers are the core's own types, so that a driver only carries them.
//
//   MemoryStore  (memory_store.h)  a copyable value; the simulator's
//   SqliteStore  (sqlite_store.h)  one machine, several processes
//   PostgreSQL joins with the cluster edition; all of them pass tests/base/store_contract_test.cc.
//
// Calls block; a driver with a loop makes them on a thread of its own. An implementation that cannot answer says
// Silent, never throws. Answers carry the token of their call.
//
// At a maximum: a ReadSince answer holds at most kMaxRowsPerRead rows (rows of one commit are never parted, so it may
// exceed it by kMaxWrites - 1); `complete` is false then.
// Thread class: as each implementation says.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include "router/core/rows.h"

namespace homing::base {

using ReadAnswer = std::variant<core::Rows, core::Silent>;
using WriteAnswer = std::variant<core::Won, core::Lost, core::Silent>;

inline constexpr std::size_t kMaxRowsPerRead = 10'000;

class Store {
 public:
  virtual ~Store() = default;

  // A call that names another timeline than the store's (and not 0) is answered from the beginning.
  virtual ReadAnswer read_since(const core::ReadSince& call) = 0;

  // REQUIRES: 1 to kMaxWrites writes with distinct keys.
  // Won: every row carries the new version. Lost: nothing was written; `current` has one entry a write, in its order.
  // A call that names another timeline than the store's (and not 0) is Lost.
  virtual WriteAnswer compare_and_set(const core::CompareAndSet& call) = 0;
};

// The row that holds nothing but its key: what a Lost answer shows for a row that does not exist.
core::Row empty_row(const core::RowKey& key);

// One line for a person: "session 0123..cdef epoch 3 ready on node 2".
std::string describe(const core::Row& row);

// 32 lower-case hexadecimal digits, and back; parse gives false for anything else.
std::string to_hex(const core::SessionId& id);
bool from_hex(const std::string& text, core::SessionId& id);

}  // namespace homing::base
