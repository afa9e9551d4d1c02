// SPDX-License-Identifier: Apache-2.0
#include "sim/progress_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "sim/json_text.h"
#include "sim/why_text.h"

namespace homing::sim {
namespace {

double rate_of(const Progress& progress, double seconds) {
  return seconds > 0 ? static_cast<double>(progress.events) / seconds : 0.0;
}

double left_of(const Progress& progress, double seconds) {
  return progress.fraction > 0 ? seconds * (1 - progress.fraction) / progress.fraction : 0.0;
}

}  // namespace

std::string progress_json(const Progress& progress, double seconds) {
  return fmt::format(
      R"({{"run_id":{},"run":{},"percent":{:.1f},"runs":{},"finished":{},"simulated_s":{:.0f},"events":{},"events_per_s":{:.0f},"eta_s":{:.1f}}})",
      progress.run_id < 0 ? "null" : fmt::format("{}", progress.run_id), json_quoted(progress.running),
      progress.fraction * 100, progress.runs, progress.finished, progress.simulated_s, progress.events,
      rate_of(progress, seconds), left_of(progress, seconds));
}

std::string progress_words(const Progress& progress, double seconds) {
  return fmt::format("{:5.1f} %  {} of {} runs  {}  at {:.1f} h  {:.1f} M events/s  {} left", progress.fraction * 100,
                     progress.finished, progress.runs, progress.running, progress.simulated_s / 3600,
                     rate_of(progress, seconds) / 1e6, span_text(left_of(progress, seconds)));
}

void ProgressLine::show(const Progress& progress, std::int64_t now_ms) {
  last_ = progress;
  if (mode_ == ProgressMode::kNone || now_ms - shown_ms_ < kEveryMs) return;
  shown_ms_ = now_ms;
  if (mode_ == ProgressMode::kJson) {
    out_ << progress_json(progress, seconds(now_ms)) << std::endl;
  } else {
    out_ << "\r\033[K" << progress_words(progress, seconds(now_ms)) << std::flush;
    drawn_ = true;
  }
}

void ProgressLine::pause(std::int64_t now_ms) {
  pause_began_ms_ = now_ms;
  if (mode_ == ProgressMode::kJson) out_ << R"({"paused":true})" << std::endl;
  clear();
}

void ProgressLine::resume(std::int64_t now_ms) {
  const std::int64_t away = std::max<std::int64_t>(0, now_ms - pause_began_ms_);
  paused_ms_ += away;
  if (mode_ == ProgressMode::kJson) {
    out_ << fmt::format(R"({{"paused":false,"paused_s":{:.1f}}})", static_cast<double>(away) * 1e-3) << std::endl;
  }
}

void ProgressLine::finish(std::int64_t now_ms) {
  if (mode_ == ProgressMode::kJson) out_ << progress_json(last_, seconds(now_ms)) << std::endl;
  clear();
}

void ProgressLine::clear() {
  if (drawn_) out_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

}  // namespace homing::sim
