// SPDX-License-Identifier: Apache-2.0
//
// Where an experiment stands, told once a second: JSON lines for programs, one line that rewrites itself for people.
//
// Time that the program was stopped (Ctrl-Z) does not count: events a second and the time left are of work done. JSON
// ends with a line of its own when the last run is in the file, so that a short experiment says at least that.
// Thread class: single-owner.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "sim/experiment.h"

namespace homing::sim {

enum class ProgressMode { kNone, kLine, kJson };

// One JSON object: run_id, run, percent, runs, finished, simulated_s, events, events_per_s, eta_s.
std::string progress_json(const Progress& progress, double seconds);
// "42.0 %  8 of 20 runs  ...": for people.
std::string progress_words(const Progress& progress, double seconds);

class ProgressLine {
 public:
  ProgressLine(ProgressMode mode, std::ostream& out, std::int64_t now_ms)
      : mode_(mode), out_(out), begun_ms_(now_ms), shown_ms_(now_ms - kEveryMs + kFirstMs) {}

  void show(const Progress& progress, std::int64_t now_ms);
  // The program is about to stop, and goes on again.
  void pause(std::int64_t now_ms);
  void resume(std::int64_t now_ms);
  // No more: JSON tells the end, the line goes away.
  void finish(std::int64_t now_ms);

 private:
  static constexpr std::int64_t kEveryMs = 1000;
  static constexpr std::int64_t kFirstMs = 300;  // the first line comes sooner

  double seconds(std::int64_t now_ms) const { return static_cast<double>(now_ms - begun_ms_ - paused_ms_) * 1e-3; }
  void clear();

  ProgressMode mode_;
  std::ostream& out_;
  std::int64_t begun_ms_;
  std::int64_t shown_ms_;
  std::int64_t paused_ms_ = 0;
  std::int64_t pause_began_ms_ = 0;
  bool drawn_ = false;
  Progress last_;
};

}  // namespace homing::sim
