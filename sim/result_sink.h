// SPDX-License-Identifier: Apache-2.0
//
// ResultSink: the one thread that writes a result file while others simulate.
//
// submit() hands over a finished run and returns at once, unless kMaxWaiting runs wait already: then it waits, so that
// a slow disk slows the simulation and does not fill the memory. After the first failed write nothing more is written;
// finish() tells. Thread class: submit() is thread-safe; the rest is single-owner.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "sim/results.h"

namespace homing::sim {

class ResultSink {
 public:
  static constexpr std::size_t kMaxWaiting = 16;

  explicit ResultSink(ResultWriter writer) : writer_(std::move(writer)), thread_([this] { work(); }) {}
  ResultSink(const ResultSink&) = delete;
  ResultSink& operator=(const ResultSink&) = delete;
  ~ResultSink() { (void)finish(); }

  // False when writing has failed and going on is pointless.
  bool submit(RunRecord run) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_.size() < kMaxWaiting || error_; });
    if (error_) return false;
    waiting_.push_back(std::move(run));
    changed_.notify_all();
    return true;
  }

  // Waits until everything that was submitted is in the file, or writing has failed.
  void drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return (waiting_.empty() && !writing_) || error_; });
  }

  // Writes what waits, ends the thread, returns the number of runs in the file or why one could not be written.
  std::expected<int, std::string> finish() {
    {
      const std::scoped_lock lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (error_) return std::unexpected(*error_);
    return written_;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !waiting_.empty() || closing_; });
      if (waiting_.empty()) return;
      const RunRecord run = std::move(waiting_.front());
      waiting_.pop_front();
      writing_ = true;
      lock.unlock();
      const auto done = writer_.write(run);
      lock.lock();
      writing_ = false;
      if (done) {
        ++written_;
      } else {
        error_ = done.error();
        waiting_.clear();
      }
      changed_.notify_all();
      if (error_) return;
    }
  }

  ResultWriter writer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<RunRecord> waiting_;
  std::optional<std::string> error_;
  int written_ = 0;
  bool writing_ = false;
  bool closing_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace homing::sim
