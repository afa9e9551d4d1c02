// SPDX-License-Identifier: Apache-2.0
//
// Traces of real cores on the memory store: whole, cut, damaged, and of a core that decided otherwise.
#include "router/base/trace.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>

#include "router/base/memory_store.h"
#include "tests/base/temp_dir.h"

namespace homing::base {
namespace {

using core::Core;
using core::Event;
using core::Instant;
using core::milliseconds;
using core::SessionId;

core::Config config() {
  core::Config config;
  core::KindConfig kind;
  kind.name = "notepad";
  config.kinds.push_back(kind);
  config.strategy = "p2c-sessions";
  return config;
}

// Three routers on one store under a virtual clock; what enters router 0 is recorded.
class Drive {
 public:
  explicit Drive(std::uint64_t seed = 1) : random_(seed) {
    for (std::uint32_t i = 0; i < 3; ++i) {
      cores_.emplace_back(core::NodeId(i), config());
      at(now_, i, core::Boot{i + 100, 0, 100, 0});
      at(now_, i, core::LauncherUp{});
    }
  }

  void record(const std::string& path, TraceOptions options) {
    auto made = TraceRecorder::create(path, std::move(options), cores_[0]);
    ASSERT_TRUE(made.has_value()) << made.error();
    recorder_.emplace(std::move(*made));
  }

  // Runs until router 0 has had `inputs` more inputs.
  void run(std::uint64_t inputs) {
    const std::uint64_t end = inputs_ + inputs;
    while (inputs_ < end) step();
  }

  Core& core() { return cores_[0]; }
  TraceRecorder& recorder() { return *recorder_; }
  Instant now() const { return now_; }
  // The next event of router 0 is recorded as another one than it gets.
  void lie() { lie_ = true; }

 private:
  void at(Instant when, std::size_t router, Event event) { queue_.emplace(when, std::pair(router, std::move(event))); }

  void step() {
    Instant next = next_wish_;
    for (const Core& core : cores_) next = std::min(next, core.next_deadline());
    if (!queue_.empty()) next = std::min(next, queue_.begin()->first);
    now_ = std::max(now_, next);
    for (std::size_t i = 0; i < cores_.size(); ++i) {
      if (cores_[i].next_deadline() <= now_) return feed(i, std::nullopt);
    }
    if (!queue_.empty() && queue_.begin()->first <= now_) {
      const auto [router, event] = queue_.begin()->second;
      queue_.erase(queue_.begin());
      return feed(router, event);
    }
    next_wish_ = now_ + milliseconds(20);
    wish();
  }

  void wish() {
    const std::uint64_t id = random_() % 200;
    const auto router = static_cast<std::size_t>(random_() % 3);
    if (random_() % 4 == 0) {
      at(now_, router, core::EndWanted{SessionId{round_[id], id}, core::EndReason::kOwner});
      ++round_[id];
    } else {
      at(now_, router,
         core::SessionWanted{core::RequestId(++requests_), SessionId{round_[id], id}, core::UserId(id), core::KindId(0),
                             core::Intent::kRestart});
    }
  }

  void feed(std::size_t router, const std::optional<Event>& event) {
    Core& core = cores_[router];
    if (router == 0) {
      ++inputs_;
      if (recorder_) note(event);
    }
    if (event) {
      core.handle(now_, *event);
    } else {
      core.handle_deadline(now_);
    }
    for (const core::Effect& effect : core.effects()) act(router, effect);
    core.clear_effects();
  }

  void note(const std::optional<Event>& event) {
    if (!event) return recorder_->deadline(cores_[0], now_);
    const auto* wanted = std::get_if<core::SessionWanted>(&*event);
    if (!lie_ || wanted == nullptr) return recorder_->event(cores_[0], now_, *event);
    core::SessionWanted other = *wanted;
    other.session.lo += 1000;
    lie_ = false;
    lied_at = recorder_->position();
    recorder_->event(cores_[0], now_, other);
  }

  void act(std::size_t router, const core::Effect& effect) {
    if (const auto* read = std::get_if<core::ReadSince>(&effect)) {
      const ReadAnswer answer = store_.read_since(*read);
      at(now_ + milliseconds(1), router, std::get<core::Rows>(answer));
    } else if (const auto* write = std::get_if<core::CompareAndSet>(&effect)) {
      const WriteAnswer answer = store_.compare_and_set(*write);
      if (const auto* won = std::get_if<core::Won>(&answer)) at(now_ + milliseconds(1), router, *won);
      if (const auto* lost = std::get_if<core::Lost>(&answer)) at(now_ + milliseconds(1), router, *lost);
    } else if (const auto* start = std::get_if<core::StartSession>(&effect)) {
      const Instant then = now_ + milliseconds(100 + static_cast<std::int64_t>(random_() % 300));
      if (random_() % 20 == 0) {
        at(then, router, core::SessionFailed{start->session, start->epoch, core::EndReason::kStartFailed});
      } else {
        at(then, router, core::SessionStarted{start->session, start->epoch});
      }
    } else if (const auto* kill = std::get_if<core::KillSession>(&effect)) {
      at(now_ + milliseconds(5), router, core::SessionExited{kill->session, kill->epoch, kill->reason});
    }
  }

 public:
  std::uint64_t lied_at = 0;

 private:
  std::mt19937_64 random_;
  MemoryStore store_;
  std::vector<Core> cores_;
  std::multimap<Instant, std::pair<std::size_t, Event>> queue_;
  std::map<std::uint64_t, std::uint64_t> round_;
  std::optional<TraceRecorder> recorder_;
  Instant now_{core::seconds(1000)};
  Instant next_wish_{core::seconds(1001)};
  std::uint64_t requests_ = 0;
  std::uint64_t inputs_ = 0;
  bool lie_ = false;
};

ReplayReport replay(const std::string& path, const ReplayOptions& options = {}) {
  const auto report = replay_trace(path, options);
  EXPECT_TRUE(report.has_value()) << report.error();
  return report.value_or(ReplayReport{});
}

TraceOptions every(std::uint64_t inputs) {
  TraceOptions options;
  options.build = "test build";
  options.node = "n0";
  options.wall_start = "2026-11-22T18:20:01Z";
  options.snapshot_every = inputs;
  return options;
}

TEST(TraceTest, AReplayMakesEveryDecisionAgain) {
  const TempDir dir;
  Drive drive;
  drive.record(dir.file("t"), every(1000));
  drive.run(5000);
  drive.recorder().finish(drive.core());
  const ReplayReport report = replay(dir.file("t"));
  EXPECT_TRUE(report.identical()) << report.sentence();
  EXPECT_TRUE(report.finished);
  EXPECT_EQ(report.inputs, 5000U);
  EXPECT_EQ(report.snapshots, 4U);
  EXPECT_EQ(report.fingerprint, drive.core().fingerprint());
  EXPECT_GT(drive.core().counters().placements, 100U) << "the drive must decide something";
  EXPECT_EQ(report.header.build, "test build");
  EXPECT_EQ(report.header.node, "n0");
}

TEST(TraceTest, ATraceMayBeginInTheMiddleOfARoutersLife) {
  const TempDir dir;
  Drive drive;
  drive.run(777);
  drive.record(dir.file("t"), every(1000));
  drive.run(500);
  drive.recorder().finish(drive.core());
  const ReplayReport report = replay(dir.file("t"));
  EXPECT_TRUE(report.identical()) << report.sentence();
  EXPECT_EQ(report.fingerprint, drive.core().fingerprint());
}

TEST(TraceTest, ATraceCutAtALaterSnapshotIsVerifiedToItsEnd) {
  const TempDir dir;
  Drive drive;
  drive.record(dir.file("t"), every(10'000));
  drive.run(23'456);
  drive.recorder().finish(drive.core());
  EXPECT_EQ(cut_trace(dir.file("t"), dir.file("cut"), 10'000), 10'000U);
  EXPECT_LT(std::filesystem::file_size(dir.file("cut")), std::filesystem::file_size(dir.file("t")));
  const ReplayReport report = replay(dir.file("cut"));
  EXPECT_TRUE(report.identical()) << report.sentence();
  EXPECT_EQ(report.header.cut_at, 10'000U);
  EXPECT_EQ(report.first, 10'000U);
  EXPECT_EQ(report.inputs, 13'456U);
  EXPECT_EQ(report.fingerprint, drive.core().fingerprint());
  EXPECT_EQ(replay(dir.file("t"), {.from = 10'001}).first, 20'000U);
  const auto late = cut_trace(dir.file("t"), dir.file("none"), 20'001);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error(), dir.file("t") + ": has no snapshot at or after position 20001");
  EXPECT_FALSE(std::filesystem::exists(dir.file("none")));
}

TEST(TraceTest, AMissingTailIsToldAndTheRestReplayed) {
  const TempDir dir;
  Drive drive;
  drive.record(dir.file("t"), every(100));
  drive.run(250);
  drive.recorder().flush();  // a crash: no end record
  const std::string bytes = slurp(dir.file("t"));
  const ReplayReport whole = replay(dir.file("t"));
  EXPECT_FALSE(whole.finished);
  EXPECT_FALSE(whole.cut);
  EXPECT_EQ(whole.inputs, 250U);
  EXPECT_NE(whole.sentence().find("no end record"), std::string::npos);
  std::mt19937_64 random(3);
  for (int i = 0; i < 40; ++i) {
    const std::size_t keep = bytes.size() - 1 - random() % (bytes.size() / 3);
    const auto report = replay_trace(dir.write("cut", bytes.substr(0, keep)));
    ASSERT_TRUE(report.has_value()) << report.error();
    EXPECT_TRUE(report->identical()) << report->sentence();
    EXPECT_LT(report->inputs, 250U);
    EXPECT_FALSE(report->finished);
  }
}

TEST(TraceTest, ADamagedByteIsFoundWithItsPlace) {
  const TempDir dir;
  Drive drive;
  drive.record(dir.file("t"), every(100));
  drive.run(250);
  drive.recorder().finish(drive.core());
  const std::string bytes = slurp(dir.file("t"));
  for (std::size_t at = 40; at < bytes.size(); at += bytes.size() / 37) {
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const auto report = replay_trace(dir.write("bad", bad));
    // A damaged length may look like a missing tail; nothing may look right.
    const bool noticed = !report.has_value() || report->cut || !report->identical();
    EXPECT_TRUE(noticed) << "byte " << at;
    if (!report) {
      EXPECT_NE(report.error().find("offset"), std::string::npos) << report.error();
    }
  }
}

TEST(TraceTest, TheFirstInputThatComesOutOtherwiseIsNamed) {
  const TempDir dir;
  Drive drive;
  drive.record(dir.file("t"), every(10'000));
  drive.run(300);
  drive.lie();
  drive.run(700);
  drive.recorder().finish(drive.core());
  ASSERT_GE(drive.lied_at, 300U);
  const ReplayReport report = replay(dir.file("t"));
  ASSERT_TRUE(report.mismatch.has_value());
  EXPECT_EQ(report.mismatch->position, drive.lied_at);
  EXPECT_NE(report.sentence().find("MISMATCH at position " + std::to_string(drive.lied_at)), std::string::npos);
}

TEST(TraceTest, UnderAnotherStrategyTheSameInputsDecideOtherwise) {
  const TempDir dir;
  Drive drive(5);
  drive.record(dir.file("t"), every(10'000));
  drive.run(2000);
  drive.recorder().finish(drive.core());
  ReplayOptions options;
  options.strategy = "sessions";
  std::map<core::NodeId, int> chosen, recorded;
  options.on_effect = [&chosen](std::uint64_t, Instant, const core::Effect& effect) {
    if (const auto* made = std::get_if<core::DecisionMade>(&effect)) ++chosen[made->record.chosen];
  };
  const ReplayReport other = replay(dir.file("t"), options);
  EXPECT_TRUE(other.identical()) << "nothing is verified under another strategy";
  EXPECT_NE(other.fingerprint, drive.core().fingerprint());
  EXPECT_FALSE(chosen.empty());
  options.strategy.clear();
  options.on_effect = [&recorded](std::uint64_t, Instant, const core::Effect& effect) {
    if (const auto* made = std::get_if<core::DecisionMade>(&effect)) ++recorded[made->record.chosen];
  };
  EXPECT_TRUE(replay(dir.file("t"), options).identical());
  EXPECT_FALSE(recorded.empty());
}

TEST(TraceTest, AtItsLimitARecorderStopsSaysSoAndLeavesAWholeTrace) {
  const TempDir dir;
  Drive drive;
  TraceOptions options = every(10'000);
  options.limit = 20'000;
  drive.record(dir.file("t"), options);
  drive.run(5000);
  ASSERT_TRUE(drive.recorder().stopped().has_value());
  EXPECT_EQ(*drive.recorder().stopped(), "trace " + dir.file("t") + ": trace-limit is reached; recording stopped");
  EXPECT_LT(drive.recorder().position(), 5000U);
  EXPECT_LT(std::filesystem::file_size(dir.file("t")), 40'000U);
  const ReplayReport report = replay(dir.file("t"));
  EXPECT_TRUE(report.identical()) << report.sentence();
  EXPECT_TRUE(report.finished);
}

TEST(TraceTest, AFullDiskStopsTheRecordingNotTheRouter) {
  const TempDir dir;
  std::filesystem::create_symlink("/dev/full", dir.file("t"));
  Drive drive;
  const auto made = TraceRecorder::create(dir.file("t"), every(100), drive.core());
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error(),
            "trace " + dir.file("t") + ": cannot be written (No space left on device); recording stopped");
  EXPECT_TRUE(std::filesystem::exists("/dev/full")) << "devices are never moved aside";
}

TEST(TraceTest, TheTraceOfTheLastLifeIsKept) {
  const TempDir dir;
  for (const std::uint64_t inputs : {50U, 80U}) {
    Drive drive;
    drive.record(dir.file("t"), every(100));
    drive.run(inputs);
    drive.recorder().finish(drive.core());
  }
  EXPECT_EQ(replay(dir.file("t.previous")).inputs, 50U);
  EXPECT_EQ(replay(dir.file("t")).inputs, 80U);
}

TEST(TraceTest, FilesThatAreNoTraceOfThisFormatAreRefusedInOneSentence) {
  const TempDir dir;
  const auto error = [](const std::string& path) { return replay_trace(path).error(); };
  EXPECT_EQ(error(dir.file("none")), dir.file("none") + ": cannot be read: No such file or directory");
  EXPECT_EQ(error(dir.write("text", "format = 1\n")),
            dir.file("text") + ": is no trace; expected a file that trace = \"FILE\" recorded");
  Drive drive;
  drive.record(dir.file("t"), every(100));
  drive.recorder().finish(drive.core());
  EXPECT_EQ(replay(dir.file("t")).inputs, 0U);
  EXPECT_EQ(error(dir.write("head", "HOMTRACE")), dir.file("head") + ": has no header");
}

}  // namespace
}  // namespace homing::base
