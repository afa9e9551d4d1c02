// SPDX-License-Identifier: Apache-2.0
//
// What the launcher must not forget when it is killed: the highest epoch of each session ever started here, and which
// processes are alive.
//
// Intuition: an append-only text file, one record a line, each with its own check sum. What fences (an epoch, a process
// just made) is on the disk before anybody hears of it; the rest is written and left to the kernel, which a killed
// process does not lose. Loading keeps every whole record; a torn last line is what a power cut leaves, and is dropped.
// The file is rewritten (beside, fsync, rename) when it is mostly history.
//
//   M machine boot-id                                                   first record
//   E session epoch                                                     the epoch counts as started
//   P session epoch kind user prefix pid start-time port deadline-ns    its process exists
//   A session epoch                                                     it answered
//   X session epoch                                                     it is over
//
// Invariants: highest(session) never falls while the session is remembered. At most kMaxRemembered sessions are; the
// longest untouched ones without a process go first (the store's epochs still fence those).
// When the machine has rebooted since, no process is alive: `live` is empty and `machine` is new.
// Thread class: thread-compatible.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/ids.h"
#include "router/core/instant.h"
#include "router/launcher/descriptor.h"

namespace homing::launcher {

struct ProcessRecord {
  core::SessionId session;
  core::Epoch epoch{};
  std::string kind, user, prefix;
  std::int32_t pid = 0;
  std::uint64_t start_time = 0;  // /proc/PID/stat field 22: with the pid it names the process
  std::uint16_t port = 0;
  core::Instant deadline{};
  bool answered = false;
};

class Journal {
 public:
  static constexpr std::size_t kMaxRemembered = 65'536;

  // Reads `path`, or begins it. `boot_id` is the kernel's. Errors: one sentence with the fix.
  static std::expected<Journal, std::string> open(const std::string& path, const std::string& boot_id);

  std::uint64_t machine() const { return machine_; }
  core::Epoch highest(const core::SessionId& session) const;
  const std::map<core::SessionId, ProcessRecord>& live() const { return live_; }

  // Durable when they return; false when the disk refused, and then nothing may be started.
  [[nodiscard]] bool record_epoch(const core::SessionId& session, core::Epoch epoch);
  [[nodiscard]] bool record_process(const ProcessRecord& process);

  // Written, not flushed.
  void record_answer(const core::SessionId& session, core::Epoch epoch);
  void record_end(const core::SessionId& session, core::Epoch epoch);

 private:
  struct Remembered {
    core::Epoch epoch{};
    std::uint64_t touched = 0;
  };

  Journal() = default;
  void apply(std::string_view record, const std::string& boot_id);
  void touch(const core::SessionId& session, core::Epoch epoch);
  void forget_the_oldest();
  bool append(const std::string& record, bool durable);
  bool rewrite();

  std::string path_;
  std::string boot_id_;
  std::uint64_t machine_ = 0;
  Descriptor file_;
  std::size_t lines_ = 0;
  std::uint64_t touches_ = 0;
  std::map<core::SessionId, Remembered> highest_;
  std::map<core::SessionId, ProcessRecord> live_;
};

}  // namespace homing::launcher
