// SPDX-License-Identifier: Apache-2.0
#include "router/net/log_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/base/temp_dir.h"

namespace homing::net {
namespace {

using core::Instant;
using core::milliseconds;
using core::seconds;

constexpr Instant kStart{seconds(1'000)};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

bool write_line(LogSink::Lane& lane, std::string_view text, Instant now = kStart) {
  std::string* line = lane.line();
  if (line == nullptr) return false;
  *line += text;
  lane.end_line(now);
  return true;
}

// For what another thread must do; far beyond any pause of a busy machine.
template <class Condition>
bool soon(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

class LogSinkTest : public testing::Test {
 protected:
  base::TempDir dir_;
  std::string path_ = dir_.file("access.log");
  std::unique_ptr<LogSink> open(LogSink::Options options = {}) {
    auto sink = LogSink::open(path_, options);
    EXPECT_TRUE(sink) << sink.error();
    return std::move(*sink);
  }
};

TEST_F(LogSinkTest, LinesOfAllLanesArriveWholeAndInTheirOrder) {
  constexpr int kLanes = 3;
  constexpr int kLines = 20'000;
  auto sink = open();
  std::vector<std::thread> workers;
  for (int w = 0; w < kLanes; ++w) {
    workers.emplace_back([&sink, w] {
      LogSink::Lane& lane = sink->add_lane();
      for (int i = 0; i < kLines;) {
        if (write_line(lane, std::to_string(w) + " " + std::to_string(i) + std::string(40, 'x')))
          ++i;
        else
          std::this_thread::yield();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  sink.reset();
  std::map<int, int> next;
  for (const std::string& line : lines_of(path_)) {
    std::istringstream words(line);
    int lane = -1;
    int number = -1;
    words >> lane >> number;
    ASSERT_TRUE(line.ends_with(std::string(40, 'x'))) << line;
    ASSERT_EQ(number, next[lane]++) << line;
  }
  for (int w = 0; w < kLanes; ++w) EXPECT_EQ(next[w], kLines);
}

TEST_F(LogSinkTest, ALineIsWrittenAfterASecondAtTheLatest) {
  auto sink = open();
  LogSink::Lane& lane = sink->add_lane();
  EXPECT_FALSE(lane.holds_lines());
  write_line(lane, "one");
  write_line(lane, "two", kStart + milliseconds(500));
  EXPECT_TRUE(lane.holds_lines());
  lane.tick(kStart + milliseconds(999));
  EXPECT_TRUE(lane.holds_lines());
  lane.tick(kStart + seconds(1));
  EXPECT_FALSE(lane.holds_lines());
  EXPECT_TRUE(soon([&] { return sink->written() == 2; }));
  EXPECT_EQ(lines_of(path_), (std::vector<std::string>{"one", "two"}));
  lane.tick(kStart + seconds(5));  // nothing to hand over
  write_line(lane, "three", kStart + seconds(6));
  lane.tick(kStart + seconds(6) + milliseconds(999));
  EXPECT_TRUE(lane.holds_lines());
}

TEST_F(LogSinkTest, AFullBlockGoesAtOnce) {
  auto sink = open({.block = 100});
  LogSink::Lane& lane = sink->add_lane();
  write_line(lane, std::string(98, 'a'));
  EXPECT_TRUE(lane.holds_lines());
  write_line(lane, "b");
  EXPECT_FALSE(lane.holds_lines());
  EXPECT_TRUE(soon([&] { return sink->written() == 2; }));
}

TEST_F(LogSinkTest, WhatIsHeldIsWrittenAtTheEnd) {
  auto sink = open();
  write_line(sink->add_lane(), "first lane");
  write_line(sink->add_lane(), "second lane");
  sink.reset();
  EXPECT_EQ(lines_of(path_), (std::vector<std::string>{"first lane", "second lane"}));
}

TEST_F(LogSinkTest, AFileIsAppendedToAndNotForEverybody) {
  {
    auto sink = open();
    write_line(sink->add_lane(), "before");
  }
  {
    auto sink = open();
    write_line(sink->add_lane(), "after");
  }
  EXPECT_EQ(lines_of(path_), (std::vector<std::string>{"before", "after"}));
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07U, 0U);
}

TEST_F(LogSinkTest, RotationLosesNoLine) {
  auto sink = open({.block = 1});
  LogSink::Lane& lane = sink->add_lane();
  const std::string old = dir_.file("access.log.1");
  write_line(lane, "before");
  ASSERT_TRUE(soon([&] { return sink->written() == 1; }));
  std::filesystem::rename(path_, old);
  write_line(lane, "between");  // still to the renamed file
  ASSERT_TRUE(soon([&] { return sink->written() == 2; }));
  EXPECT_EQ(sink->reopen(), std::nullopt);
  write_line(lane, "after");
  sink.reset();
  EXPECT_EQ(lines_of(old), (std::vector<std::string>{"before", "between"}));
  EXPECT_EQ(lines_of(path_), (std::vector<std::string>{"after"}));
}

TEST_F(LogSinkTest, AFileThatCannotBeOpenedAgainLeavesTheOldOne) {
  auto sink = open({.block = 1});
  LogSink::Lane& lane = sink->add_lane();
  const std::string old = dir_.file("access.log.1");
  std::filesystem::rename(path_, old);
  std::filesystem::create_directory(path_);
  const auto error = sink->reopen();
  ASSERT_TRUE(error);
  EXPECT_NE(error->find(path_), std::string::npos) << *error;
  write_line(lane, "still here");
  sink.reset();
  EXPECT_EQ(lines_of(old), (std::vector<std::string>{"still here"}));
  EXPECT_FALSE(LogSink::open(path_).has_value());
}

TEST(LogSinkErrorsTest, AFullDiskLosesLinesAndCountsThem) {
  auto sink = LogSink::open("/dev/full", {.block = 1});
  ASSERT_TRUE(sink) << sink.error();
  LogSink::Lane& lane = (*sink)->add_lane();
  for (int i = 0; i < 100; ++i) write_line(lane, "line");
  EXPECT_TRUE(soon([&] {
    lane.tick(kStart + seconds(10));
    return (*sink)->dropped() == 100;
  }));
  EXPECT_EQ((*sink)->written(), 0U);
}

// A pipe that nobody reads for a while, then somebody does.
TEST_F(LogSinkTest, AStuckPipeStopsNoWorkerAndEveryLineIsWrittenOrCounted) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  constexpr std::uint64_t kLines = 4'000;
  const std::string filler(500, 'x');
  std::uint64_t written = 0;
  std::uint64_t dropped = 0;
  std::string got;
  {
    auto sink = open({.block = 4'000, .most = 16'000, .patience = milliseconds(20)});
    LogSink::Lane& lane = sink->add_lane();
    // 2 MB go to a pipe of 64 KiB that nobody reads: this loop must come to its end all the same.
    for (std::uint64_t i = 0; i < kLines; ++i) write_line(lane, std::to_string(i) + filler);
    EXPECT_GT(sink->dropped(), 0U);
    std::vector<char> buffer(1 << 16);
    std::uint64_t more = 0;
    EXPECT_TRUE(soon([&] {
      for (ssize_t n = 0; (n = ::read(reader, buffer.data(), buffer.size())) > 0;)
        got.append(buffer.data(), static_cast<std::size_t>(n));
      if (write_line(lane, "late")) ++more;
      return got.find("\nlate\n") != std::string::npos;
    }));
    const std::uint64_t before_end = sink->written();
    EXPECT_GT(before_end, 0U);
    written = sink->written();
    dropped = sink->dropped();
    EXPECT_GT(more, 0U);
  }
  for (std::vector<char> buffer(1 << 16);;) {
    const ssize_t n = ::read(reader, buffer.data(), buffer.size());
    if (n <= 0) break;
    got.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(reader);
  EXPECT_GT(dropped, 0U);
  // Whole lines are as many as were counted or more (those of the end); a torn one is none of them.
  std::istringstream in(got);
  std::uint64_t whole = 0;
  std::int64_t last = -1;
  std::uint64_t torn = 0;
  for (std::string line; std::getline(in, line);) {
    if (line == "late") {
      ++whole;
    } else if (line.ends_with(filler)) {
      ++whole;
      EXPECT_GT(std::stoll(line), last) << "lines of a lane stay in order";
      last = std::stoll(line);
    } else {
      ++torn;
    }
  }
  EXPECT_GE(whole, written);
  EXPECT_LE(torn, dropped);
}

TEST_F(LogSinkTest, ALineThatWasTornEndsBeforeTheNext) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  auto sink = open({.block = 200'000, .most = 400'000, .patience = milliseconds(10)});
  LogSink::Lane& lane = sink->add_lane();
  // One block of 200 lines of 1,001 bytes: a pipe that nobody reads takes a part, which ends within a line.
  for (int i = 0; i < 200; ++i) write_line(lane, std::string(1'000, 'x'));
  ASSERT_TRUE(soon([&] { return sink->written() + sink->dropped() == 200; }));
  const std::uint64_t whole = sink->written();
  EXPECT_GT(sink->dropped(), 0U);
  std::string got;
  const auto drain = [&] {
    std::vector<char> buffer(1 << 16);
    for (ssize_t n = 0; (n = ::read(reader, buffer.data(), buffer.size())) > 0;)
      got.append(buffer.data(), static_cast<std::size_t>(n));
  };
  drain();
  ASSERT_NE(got.size() % 1'001, 0U) << "it ended within a line";
  write_line(lane, "next");
  lane.tick(kStart + seconds(2));
  ASSERT_TRUE(soon([&] { return sink->written() == whole + 1; }));
  drain();
  ::close(reader);
  EXPECT_TRUE(got.ends_with("x\nnext\n"));
}

TEST_F(LogSinkTest, APipeWhoseReaderLeftIsAnErrorNotTheEnd) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const int reader = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  auto sink = open({.block = 1});
  LogSink::Lane& lane = sink->add_lane();
  ::close(reader);
  write_line(lane, "to nobody");
  EXPECT_TRUE(soon([&] { return sink->dropped() == 1; }));
}

}  // namespace
}  // namespace homing::net
