// SPDX-License-Identifier: Apache-2.0
//
// Replaying traces (trace.h).
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "router/base/trace.h"

namespace homing::base {
namespace {

// Feeds a restored core and compares as it goes. One object, one replay.
class Replay {
 public:
  Replay(core::Core core, const ReplayOptions& options, ReplayReport& report)
      : core_(std::move(core)), options_(options), report_(report), verify_(options.strategy.empty()) {}

  // False: stop here.
  bool input(const TraceInput& input) {
    const auto before = static_cast<std::uint32_t>(core_.fingerprint());
    if (verify_ && before != input.fingerprint_before) {
      const std::uint64_t culprit = position() == report_.first ? position() : position() - 1;
      return mismatch(culprit, input.fingerprint_before, before,
                      "the effects of this input differ from the recorded ones");
    }
    if (!verify_) fire_own_deadlines(input.now);
    if (input.event) {
      core_.handle(input.now, *input.event);
    } else if (input.now >= core_.next_deadline()) {
      core_.handle_deadline(input.now);
    } else if (verify_) {
      return mismatch(position(), low(input.now), low(core_.next_deadline()),
                      "a deadline was recorded here and none is due in the replay");
    }
    drain(input.now);
    ++report_.inputs;
    return true;
  }

  bool snapshot(const TraceSnapshot& recorded) {
    if (!verify_) return true;
    ++report_.snapshots;
    if (recorded.fingerprint != core_.fingerprint()) {
      return mismatch(position() - 1, recorded.fingerprint, core_.fingerprint(),
                      "the effects of this input differ from the recorded ones");
    }
    if (recorded.position != position() || recorded.core != core_.snapshot()) {
      return mismatch(position(), recorded.position, position(),
                      "the effects agree, but the state before this input differs from the recorded snapshot");
    }
    return true;
  }

  bool end(const TraceEnd& end) {
    report_.finished = true;
    if (verify_ && end.fingerprint != core_.fingerprint()) {
      return mismatch(position() == 0 ? 0 : position() - 1, end.fingerprint, core_.fingerprint(),
                      "the effects of this input differ from the recorded ones");
    }
    return true;
  }

  std::uint64_t fingerprint() const { return core_.fingerprint(); }

 private:
  static std::uint64_t low(core::Instant instant) {
    return static_cast<std::uint64_t>(instant.time_since_epoch().count());
  }
  std::uint64_t position() const { return report_.first + report_.inputs; }

  bool mismatch(std::uint64_t position, std::uint64_t recorded, std::uint64_t replayed, std::string what) {
    report_.mismatch = ReplayMismatch{position, recorded, replayed, std::move(what)};
    return false;
  }

  // Under another strategy the recorded deadlines are no longer this core's.
  void fire_own_deadlines(core::Instant now) {
    if (!changed_) {
      core::Config config = core_.config();
      config.strategy = options_.strategy;
      config.strategy_params = {};
      core_.handle(now, core::ConfigChanged{std::move(config)});
      drain(now);
      changed_ = true;
    }
    while (core_.next_deadline() <= now) {
      const core::Instant due = std::max(core_.next_deadline(), last_);
      core_.handle_deadline(due);
      drain(due);
    }
  }

  void drain(core::Instant now) {
    last_ = now;
    if (options_.on_effect) {
      for (const core::Effect& effect : core_.effects()) options_.on_effect(position(), now, effect);
    }
    core_.clear_effects();
  }

  core::Core core_;
  const ReplayOptions& options_;
  ReplayReport& report_;
  bool verify_;
  bool changed_ = false;
  core::Instant last_ = core::Instant::min();
};

}  // namespace

std::string ReplayReport::sentence() const {
  std::string text = fmt::format("{} inputs from position {}", inputs, first);
  if (mismatch) {
    text += fmt::format(": MISMATCH at position {}: {} (recorded {:016x}, replayed {:016x})", mismatch->position,
                        mismatch->what, mismatch->recorded, mismatch->replayed);
  } else {
    text += fmt::format(": identical effects, {} snapshots equal, fingerprint {:016x}", snapshots, fingerprint);
  }
  if (cut) text += "; the tail of the trace is missing";
  if (!cut && !finished && !mismatch) text += "; the trace has no end record";
  return text;
}

std::expected<ReplayReport, std::string> replay_trace(const std::string& path, const ReplayOptions& options) {
  auto reader = TraceReader::open(path);
  if (!reader) return std::unexpected(reader.error());
  auto start = reader->seek(options.from);
  if (!start) return std::unexpected(start.error());
  auto core = core::Core::restore(start->core);
  if (!core) return std::unexpected(fmt::format("{}: snapshot cannot be restored: {}", path, core.error()));
  ReplayReport report;
  report.header = reader->header();
  report.first = start->position;
  Replay replay(std::move(*core), options, report);
  for (bool going = true; going;) {
    auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    if (const auto* input = std::get_if<TraceInput>(&*record)) {
      going = replay.input(*input);
    } else if (const auto* snapshot = std::get_if<TraceSnapshot>(&*record)) {
      going = replay.snapshot(*snapshot);
    } else {
      if (const auto* end = std::get_if<TraceEnd>(&*record)) replay.end(*end);
      report.cut = std::holds_alternative<TraceCut>(*record);
      going = false;
    }
  }
  report.fingerprint = replay.fingerprint();
  return report;
}

}  // namespace homing::base
