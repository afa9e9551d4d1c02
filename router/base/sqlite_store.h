// SPDX-License-Identifier: Apache-2.0
//
// The store of one machine: a SQLite file that several routers (processes) share.
//
// Intuition: one table a row kind with typed columns, so that `sqlite3 FILE` shows a person what the cluster thinks,
// and one counter. A compare-and-set is one BEGIN IMMEDIATE transaction: take the write lock, compare versions, count
// up, write, commit. Commits are therefore numbered in the order in which they become visible, and a read (one
// snapshot) may hand out the newest number as next cursor. WAL mode, synchronous=FULL: what was answered Won survives a
// power cut.
//
// Timeline: drawn at random when the file is created; drawn anew when the file turns out to be another one than it was
// (its inode changed: restored from a copy) or when a reader's cursor lies above the newest commit (its tail is lost).
// A call that cannot be answered (lock held longer than the busy timeout, I/O error) is Silent; last_error() says why.
// Refused at open, with one sentence and the fix: network file systems, newer schemas, files that are no store.
//
// Users' names live beside the rows: the core knows a user as 64 bits only.
// Thread class: single-owner; open one a thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/base/store.h"

namespace homing::base {

struct SqliteStoreOptions {
  int busy_timeout_ms = 2000;
  std::size_t max_rows_per_read = kMaxRowsPerRead;
  bool survive_power_cut = true;  // false: commits survive the process, not the machine; for tests
};

class SqliteStore final : public Store {
 public:
  static constexpr int kSchemaVersion = 1;

  // Opens or creates the file.
  static std::expected<std::unique_ptr<SqliteStore>, std::string> open(const std::string& path,
                                                                       SqliteStoreOptions options = {});
  ~SqliteStore() override;

  ReadAnswer read_since(const core::ReadSince& call) override;
  WriteAnswer compare_and_set(const core::CompareAndSet& call) override;

  core::Version latest();
  core::Timeline timeline();
  // What SQLite said when a call was last answered Silent.
  const std::string& last_error() const;

  // False when the store does not answer. An existing name is kept when it is the same and replaced when it is not.
  bool remember_user(core::UserId user, std::string_view name);
  std::optional<std::string> user_name(core::UserId user);
  std::vector<std::pair<core::UserId, std::string>> users();

 private:
  struct Parts;
  explicit SqliteStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace homing::base
