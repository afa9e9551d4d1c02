// SPDX-License-Identifier: Apache-2.0
//
// Traces: every call that entered a core, in order, so that replaying it re-makes every decision.
//
// Intuition: the core is a function of (snapshot, inputs). A trace file is a snapshot, then each input, an (instant,
// event) or an (instant, deadline), with the low half of the core's effect fingerprint as it stood just before. Equal
// fingerprints after a replay mean an identical stream of effects; the first input whose number differs is the first
// one after a decision that came out otherwise. Every `snapshot_every` inputs another snapshot is embedded, from which
// a replay may start and still be verified to the end.
//
// File: the magic "HOMTRACE", then records: type (1 byte), length (4), payload in the core's archive coding, CRC-32 of
// all of that (4); integers little-endian. Record types are in trace.cc. A file cut in the middle of a record (crash,
// full disk) is read up to there and the report says so; a record whose checksum is wrong is corruption and ends the
// replay with its offset. The format number rises when the archive coding of an event or snapshot changes: a trace is
// replayed by a build of the same format.
//
// A recorder that reaches its limit or cannot write stops, says so once (stopped()), and never disturbs its router.
// Thread class: single-owner.
#pragma once

#include <cstdint>
#include <cstdio>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "router/core/core.h"
#include "router/core/event.h"
#include "router/core/instant.h"

namespace homing::base {

inline constexpr std::uint32_t kTraceFormat = 5;

struct TraceHeader {
  std::uint32_t format = kTraceFormat;
  std::string build;         // of the recording program
  std::string node;          // name, for people
  std::string wall_start;    // RFC 3339, for people
  std::uint64_t cut_at = 0;  // the position at which cut_trace cut; 0: whole
  template <class A>
  void archive(A& a) {
    a(format, build, node, wall_start, cut_at);
  }
};

// Complete state before input number `position` (the first input of a router's life is 0).
struct TraceSnapshot {
  std::uint64_t position = 0;
  std::uint64_t fingerprint = 0;
  std::string core;  // Core::snapshot()
  template <class A>
  void archive(A& a) {
    a(position, fingerprint, core);
  }
};

struct TraceInput {
  core::Instant now{};
  std::uint32_t fingerprint_before = 0;  // low half
  std::optional<core::Event> event;      // nothing: a deadline
  template <class A>
  void archive(A& a) {
    a(now, fingerprint_before, event);
  }
};

struct TraceEnd {
  std::uint64_t position = 0;  // inputs before the end
  std::uint64_t fingerprint = 0;
  std::string why;  // "finished" or "limit"
  template <class A>
  void archive(A& a) {
    a(position, fingerprint, why);
  }
};

struct TraceOptions {
  std::string build = {};
  std::string node = {};
  std::string wall_start = {};
  std::uint64_t limit = 1ULL << 30;  // bytes
  std::uint64_t snapshot_every = 10'000;
};

class TraceRecorder {
 public:
  // Starts a file with a snapshot of `core`. A file that is there already is kept as PATH.previous.
  // REQUIRES: core.effects().empty().
  static std::expected<TraceRecorder, std::string> create(const std::string& path, TraceOptions options,
                                                          const core::Core& core);
  TraceRecorder(TraceRecorder&&) noexcept;
  TraceRecorder& operator=(TraceRecorder&&) noexcept;
  ~TraceRecorder();  // without finish(): the file ends as if cut

  // Call just before core.handle(now, event) or core.handle_deadline(now). REQUIRES: core.effects().empty().
  void event(const core::Core& core, core::Instant now, const core::Event& event);
  void deadline(const core::Core& core, core::Instant now);
  // Writes what is buffered to the file.
  void flush();
  // Writes the end record. Nothing is recorded afterwards. REQUIRES: core.effects().empty().
  void finish(const core::Core& core);

  std::uint64_t position() const;
  // Why recording stopped before finish(), in words for a log; nothing while it runs.
  const std::optional<std::string>& stopped() const;

 private:
  struct Parts;
  explicit TraceRecorder(std::unique_ptr<Parts> parts);
  void input(const core::Core& core, const TraceInput& input);
  std::unique_ptr<Parts> parts_;
};

// One record, or how the file ends: TraceCut for a tail that is missing.
struct TraceCut {
  std::uint64_t offset = 0;  // of the record that is not whole
};
struct TraceEof {};
using TraceRecord = std::variant<TraceSnapshot, TraceInput, TraceEnd, TraceCut, TraceEof>;

class TraceReader {
 public:
  static std::expected<TraceReader, std::string> open(const std::string& path);
  const TraceHeader& header() const { return header_; }
  // The next record, or what is wrong ("PATH: record at offset N: ...").
  std::expected<TraceRecord, std::string> next();
  // The first snapshot at or after `position`, skipping everything before; `record_offset` is where its record begins.
  std::expected<TraceSnapshot, std::string> seek(std::uint64_t position, std::uint64_t* record_offset = nullptr);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  explicit TraceReader(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  // Type and payload; type 0: end of file, 255: cut.
  std::expected<std::pair<std::uint8_t, std::string>, std::string> record();

  std::unique_ptr<std::FILE, Close> file_;
  std::string path_;
  TraceHeader header_;
  std::uint64_t offset_ = 0;
};

struct ReplayOptions {
  // Start at the first snapshot at or after this position.
  std::uint64_t from = 0;
  // Replay under another strategy; nothing is verified then.
  std::string strategy = {};
  // Sees every effect: (position of the input, instant, effect).
  std::function<void(std::uint64_t, core::Instant, const core::Effect&)> on_effect = {};
};

struct ReplayMismatch {
  std::uint64_t position = 0;  // of the input whose effects differ from the recorded ones (or the state before it)
  std::uint64_t recorded = 0;
  std::uint64_t replayed = 0;
  std::string what;  // one sentence
};

struct ReplayReport {
  TraceHeader header;
  std::uint64_t first = 0;                 // position of the snapshot the replay started from
  std::uint64_t inputs = 0;                // replayed
  std::uint64_t snapshots = 0;             // embedded ones that were compared, byte for byte
  std::uint64_t fingerprint = 0;           // of the replayed core at the end
  bool finished = false;                   // the trace has its end record
  bool cut = false;                        // its tail is missing; everything up to there was replayed
  std::optional<ReplayMismatch> mismatch;  // the first; the replay goes no further

  bool identical() const { return !mismatch; }
  std::string sentence() const;
};

// The error is about the file (cannot be read, other format, corrupt, no snapshot at or after `from`).
std::expected<ReplayReport, std::string> replay_trace(const std::string& path, const ReplayOptions& options = {});

// Copies `from` to `to` so that it starts at the first snapshot at or after `position`; returns that snapshot's
// position.
std::expected<std::uint64_t, std::string> cut_trace(const std::string& from, const std::string& to,
                                                    std::uint64_t position);

}  // namespace homing::base
