// SPDX-License-Identifier: Apache-2.0
//
// A file of lines written by many workers, none of which ever waits for it.
//
//   worker: Lane::line() ── append ── end_line() ─┐  a block of whole lines, when 32 KiB are there or a second is over
//   worker: Lane ───────────────────────────────┐ │
//                                               ▼ ▼
//                              the writer's thread: one write(2) a block ──> the file (O_APPEND)
//
// Intuition: a worker fills a buffer of its own and hands it over by one atomic pointer; the writer gives the emptied
// one back the same way. A disk or pipe that is slow slows the writer's thread alone: then blocks are not taken, lanes
// fill up to Options::most, and further lines are dropped and counted. Nothing is locked on the way and nothing
// allocates once the buffers have grown.
//
// Lines of one lane stay in order; those of different lanes are mixed by the second, each line says when it began.
// A write that fails loses its lines, which are counted; one that stops within a line is ended by a line feed before
// the next, so that at most one line is unreadable. Another process may rotate the file: reopen() takes its new
// namesake.
//
// Invariants: every line that end_line() took is written whole, or is in dropped(). Between two whole lines in the file
// there is never part of a third, but for a write that failed within it.
// Thread class: a Lane belongs to its worker; reopen() and the counters are thread-safe. Destruction REQUIRES that no
// worker uses its lane any more: what lanes still hold is written then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "router/core/instant.h"

namespace homing::net {

struct LogSinkOptions {
  std::size_t block = 32 * 1024;  // handed over from here on
  std::size_t most = 256 * 1024;  // a lane holds at most this, but for its last line
  core::Duration at_least_every = core::seconds(1);
  core::Duration patience = core::seconds(1);  // for a pipe that takes nothing
};

class LogSink {
 public:
  using Options = LogSinkOptions;

  class Lane {
   public:
    // What to append one line to, without its line feed; nullptr when the lane is full: the line counts as dropped.
    // REQUIRES: after a line, end_line() before the next.
    std::string* line();
    void end_line(core::Instant now);
    // Hands over what is old enough. Once a turn, and at least once in Options::at_least_every while holds_lines().
    void tick(core::Instant now);
    bool holds_lines() const { return !filling_.empty(); }

   private:
    friend class LogSink;
    explicit Lane(LogSink& sink) : sink_(sink) {}
    void hand_over();

    LogSink& sink_;
    std::string filling_;
    core::Instant oldest_{};  // when filling_ got its first line
    // One block on its way at a time: the worker sets it from null, the writer sets it back.
    std::atomic<std::string*> full_{nullptr};
    std::string there_;  // what full_ points to
  };

  // Opens or makes the file (mode 0640). The error is one sentence. A named pipe must have its reader.
  static std::expected<std::unique_ptr<LogSink>, std::string> open(std::string path, Options options = {});
  // Writes to a descriptor that it closes at its end; there is nothing to reopen.
  static std::unique_ptr<LogSink> over(int descriptor, Options options = {});
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  // [any thread] The lane lives as long as the sink.
  Lane& add_lane();
  // [any thread] Opens the file again under its name; the next block goes there. On an error, one sentence, the old one
  // stays.
  std::optional<std::string> reopen();

  // [any thread] Lines.
  std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  LogSink(std::string path, int descriptor, Options options);
  void run();
  void write_lanes();
  void write_block(std::string_view block);
  std::size_t write_some(std::string_view bytes);
  void wake();

  const std::string path_;
  const Options options_;
  int descriptor_;     // the writer's
  bool torn_ = false;  // the writer's: the last write ended within a line
  std::atomic<int> next_descriptor_{-1};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint32_t> bell_{0};
  std::atomic<bool> stopping_{false};
  std::mutex lanes_mutex_;  // of the list; workers never take it
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::thread writer_;
};

}  // namespace homing::net
