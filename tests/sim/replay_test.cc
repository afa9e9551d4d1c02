// SPDX-License-Identifier: Apache-2.0
//
// homing-sim replay: a recorded core is re-made, another strategy is answered, a damaged file is refused in words.
#include "sim/replay.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "router/base/memory_store.h"
#include "router/base/trace.h"
#include "router/core/core.h"

namespace homing::sim {
namespace {

class ReplayTest : public ::testing::Test {
 public:
  ReplayTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "homing-replay-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ReplayTest() override { std::filesystem::remove_all(folder_); }

  // One router with a store of its own, recorded: `sessions` starts and ends, heartbeats between.
  std::string record(int sessions) {
    core::Config config;
    config.kinds.push_back({.name = "notepad"});
    core::Core core(core::NodeId(0), config);
    base::TraceOptions options;
    options.snapshot_every = 100;
    std::string path = folder_ + "/router.trace";
    auto recorder = base::TraceRecorder::create(path, options, core);
    EXPECT_TRUE(recorder.has_value());
    base::MemoryStore store;
    core::Instant now{core::seconds(1000)};
    std::deque<core::Event> waiting;
    const auto carry = [&] {
      for (const core::Effect& effect : core.effects()) {
        if (const auto* read = std::get_if<core::ReadSince>(&effect)) {
          std::visit([&](const auto& answer) { waiting.emplace_back(answer); }, store.read_since(*read));
        } else if (const auto* write = std::get_if<core::CompareAndSet>(&effect)) {
          std::visit([&](const auto& answer) { waiting.emplace_back(answer); }, store.compare_and_set(*write));
        } else if (const auto* start = std::get_if<core::StartSession>(&effect)) {
          waiting.emplace_back(core::SessionStarted{start->session, start->epoch});
        } else if (const auto* kill = std::get_if<core::KillSession>(&effect)) {
          waiting.emplace_back(core::SessionExited{kill->session, kill->epoch, kill->reason});
        }
      }
      core.clear_effects();
    };
    const auto tell = [&](core::Event event) {
      waiting.push_back(std::move(event));
      while (!waiting.empty()) {
        const core::Event next = std::move(waiting.front());
        waiting.pop_front();
        recorder->event(core, now, next);
        core.handle(now, next);
        carry();
      }
    };
    tell(core::Boot{.machine = 1});
    tell(core::LauncherUp{});
    for (int i = 0; i < sessions; ++i) {
      const core::SessionId id{7, static_cast<std::uint64_t>(i)};
      tell(core::SessionWanted{core::RequestId(static_cast<std::uint64_t>(i) + 1), id, core::UserId(1), core::KindId(0),
                               core::Intent::kStart});
      now = core.next_deadline();
      recorder->deadline(core, now);
      core.handle_deadline(now);
      carry();
      tell(core::StoreHint{});
      if (i % 3 == 0) tell(core::EndWanted{id, core::EndReason::kOwner});
    }
    recorder->finish(core);
    return path;
  }

  int replay(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    return replay_command(arguments, out_, err_);
  }

  std::string folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ReplayTest, ARecordedRouterIsReMadeToTheSameEffects) {
  const std::string path = record(100);
  EXPECT_EQ(replay({path}), 0) << out_.str() << err_.str();
  EXPECT_NE(out_.str().find("100 placements, 100 on node 0"), std::string::npos) << out_.str();
}

TEST_F(ReplayTest, AReplayMayBeginAtASnapshotAndTheCutFileIsATraceOfItsOwn) {
  const std::string path = record(100);
  EXPECT_EQ(replay({path, "--from", "200", "--cut", folder_ + "/cut.trace"}), 0) << out_.str() << err_.str();
  EXPECT_EQ(replay({folder_ + "/cut.trace"}), 0) << out_.str() << err_.str();
}

TEST_F(ReplayTest, AnotherStrategyIsAnsweredAndAnUnknownOneRefused) {
  const std::string path = record(20);
  EXPECT_EQ(replay({path, "--strategy", "random"}), 0) << out_.str() << err_.str();
  EXPECT_EQ(replay({path, "--strategy", "randm"}), 2);
  EXPECT_NE(err_.str().find("randm"), std::string::npos);
}

TEST_F(ReplayTest, ADamagedTraceIsNotTakenForATrueOne) {
  const std::string path = record(50);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
  file.put('\x5a');
  file.put('\x5a');
  file.close();
  EXPECT_NE(replay({path}), 0);
  EXPECT_FALSE((out_.str() + err_.str()).empty());
}

TEST_F(ReplayTest, WrongArgumentsSayWhatIsExpected) {
  EXPECT_EQ(replay({}), 2);
  EXPECT_NE(err_.str().find("usage: homing-sim replay"), std::string::npos);
  EXPECT_EQ(replay({"x", "--from", "minus"}), 2);
  EXPECT_EQ(replay({folder_ + "/none.trace"}), 2);
}

}  // namespace
}  // namespace homing::sim
