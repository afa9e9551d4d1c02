// SPDX-License-Identifier: Apache-2.0
#include "router/io/loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "router/io/task.h"
#include "router/io/waiting.h"

namespace homing::io {
namespace {

// Two connected sockets that do not block.
struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0); }
  ~Pair() {
    for (const int fd : fds) {
      if (fd >= 0) ::close(fd);
    }
  }
  void hang_up() { ::close(std::exchange(fds[1], -1)); }
  int here() const { return fds[0]; }
  int there() const { return fds[1]; }
  std::array<int, 2> fds = {-1, -1};
};

// Fills what the kernel holds for the other side.
void stuff(int fd) {
  const std::array<char, 4096> bytes{};
  while (::write(fd, bytes.data(), bytes.size()) > 0) {
  }
}

void empty(int fd) {
  std::array<char, 65536> bytes;
  while (::read(fd, bytes.data(), bytes.size()) > 0) {
  }
}

void say(int fd) {
  ASSERT_EQ(::write(fd, "x", 1), 1);
}

Task<void> count_readable(Watch& watch, int& times) {
  watch.read_drained();
  co_await watch.readable();
  ++times;
}

TEST(LoopTest, WhoWaitsForADescriptorGoesOnWhenItCanBeRead) {
  Loop loop;
  Pair pair;
  Watch watch(loop, pair.here());
  loop.turn(0);
  int times = 0;
  spawn(count_readable(watch, times));
  loop.turn(0);
  EXPECT_EQ(times, 0);
  say(pair.there());
  loop.turn(1000);
  EXPECT_EQ(times, 1);
}

TEST(LoopTest, WhatComesBetweenAShortReadAndTheWaitIsNotLost) {
  Loop loop;
  Pair pair;
  Watch watch(loop, pair.here());
  loop.turn(0);
  empty(pair.here());
  say(pair.there());  // after the read, before its caller has noted that it came back empty
  int times = 0;
  spawn(count_readable(watch, times));
  loop.turn(1000);
  EXPECT_EQ(times, 1);
}

TEST(LoopTest, AWriterGoesOnWhenThereIsRoomAgainAndTheKernelIsNotAskedAnyMore) {
  Loop loop;
  Pair pair;
  Watch watch(loop, pair.here());
  stuff(pair.here());
  watch.write_blocked();
  int times = 0;
  const auto wait = [](Watch& w, int& t) -> Task<void> {
    co_await w.writable();
    ++t;
  };
  spawn(wait(watch, times));
  loop.turn(0);
  EXPECT_EQ(times, 0);
  empty(pair.there());
  loop.turn(1000);
  EXPECT_EQ(times, 1);
  EXPECT_TRUE(watch.can_write());
}

// Two descriptors are ready in one turn; whoever is first abandons or destroys the other.
struct Rivals {
  explicit Rivals(Loop& loop) {
    for (std::size_t i = 0; i < 2; ++i) watches[i] = std::make_unique<Watch>(loop, pairs[i].here());
  }
  std::array<Pair, 2> pairs;
  std::array<std::unique_ptr<Watch>, 2> watches;
  int resumed = 0;
};

TEST(LoopTest, AWatchThatIsAbandonedByAnEarlierOneOfTheSameBatchIsLeftAlone) {
  for (const bool writing : {false, true}) {
    Loop loop;
    Rivals rivals(loop);
    loop.turn(0);
    const auto rival = [](Rivals& all, std::size_t me) -> Task<void> {
      all.watches[me]->read_drained();
      co_await all.watches[me]->readable();
      ++all.resumed;
      if (!all.watches[me]->abandoned()) all.watches[1 - me]->abandon();
    };
    for (std::size_t i = 0; i < 2; ++i) {
      if (writing) {
        stuff(rivals.pairs[i].here());
        rivals.watches[i]->write_blocked();
      }
      spawn(rival(rivals, i));
    }
    loop.turn(0);
    ASSERT_EQ(rivals.resumed, 0);
    // Hang-ups make them readable and writable at once.
    for (Pair& pair : rivals.pairs) pair.hang_up();
    loop.turn(1000);
    EXPECT_EQ(rivals.resumed, 2) << "the second goes on because it was abandoned";
    EXPECT_NE(rivals.watches[0]->abandoned(), rivals.watches[1]->abandoned());
  }
}

TEST(LoopTest, AWatchThatIsDestroyedByAnEarlierOneOfTheSameBatchIsNotTouched) {
  Loop loop;
  auto rivals = std::make_unique<Rivals>(loop);
  loop.turn(0);
  const auto rival = [](Rivals& all, std::size_t me) -> Task<void> {
    all.watches[me]->read_drained();
    co_await all.watches[me]->readable();
    ++all.resumed;
    const auto other = std::move(all.watches[1 - me]);
    if (other) other->abandon();  // who waits there is resumed later in the turn, and finds nothing
  };
  const auto bystander = [](Rivals& all, std::size_t me, int& seen) -> Task<void> {
    if (!all.watches[me]) co_return;
    co_await all.watches[me]->writable();
    ++seen;
  };
  int writers = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    stuff(rivals->pairs[i].here());
    rivals->watches[i]->write_blocked();
    spawn(rival(*rivals, i));
    spawn(bystander(*rivals, i, writers));
  }
  loop.turn(0);
  for (Pair& pair : rivals->pairs) pair.hang_up();
  loop.turn(1000);
  EXPECT_EQ(rivals->resumed, 2);
  EXPECT_EQ(writers, 2);
  EXPECT_EQ((rivals->watches[0] ? 1 : 0) + (rivals->watches[1] ? 1 : 0), 0) << "each took the other";
}

TEST(LoopTest, OneWhoIsResumedMayDestroyHisOwnWatch) {
  Loop loop;
  Pair pair;
  auto watch = std::make_unique<Watch>(loop, pair.here());
  loop.turn(0);
  int writers = 0;
  const auto reader = [](std::unique_ptr<Watch>& mine) -> Task<void> {
    co_await mine->readable();
    mine.reset();
  };
  const auto writer = [](std::unique_ptr<Watch>& mine, int& times) -> Task<void> {
    co_await mine->writable();
    ++times;
    mine->abandon();
  };
  watch->read_drained();
  stuff(pair.here());
  watch->write_blocked();
  spawn(reader(watch));
  spawn(writer(watch, writers));
  pair.hang_up();
  loop.turn(1000);
  EXPECT_EQ(writers, 1);
  EXPECT_FALSE(watch);
}

TEST(LoopTest, AReadThatHasToWriteFirstWaitsForRoomAndNotForBytes) {
  Loop loop;
  Pair pair;
  Watch watch(loop, pair.here());
  loop.turn(0);
  stuff(pair.here());
  int times = 0;
  const auto reader = [](Watch& w, int& n) -> Task<void> {
    w.read_waits_for_writing();
    co_await w.readable();
    ++n;
  };
  spawn(reader(watch, times));
  for (int i = 0; i < 3; ++i) loop.turn(0);
  EXPECT_EQ(times, 0) << "there is no room";
  empty(pair.there());
  loop.turn(1000);
  EXPECT_EQ(times, 1);
}

TEST(LoopTest, AWriteThatHasToReadFirstWaitsForBytesAndNotForRoom) {
  Loop loop;
  Pair pair;
  Watch watch(loop, pair.here());
  loop.turn(0);
  int times = 0;
  const auto writer = [](Watch& w, int& n) -> Task<void> {
    w.write_waits_for_reading();
    co_await w.writable();
    ++n;
  };
  spawn(writer(watch, times));
  for (int i = 0; i < 3; ++i) loop.turn(0);
  EXPECT_EQ(times, 0);
  say(pair.there());
  loop.turn(1000);
  EXPECT_EQ(times, 1);
}

TEST(LoopTest, CallsFromManyThreadsRunOnceEachAndInTheOrderOfTheirThread) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 5000;
  Loop loop;
  std::array<int, kThreads> next{};
  int total = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        loop.post([&, t, i] {
          EXPECT_EQ(next[static_cast<std::size_t>(t)]++, i);
          if (++total == kThreads * kCalls) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, kThreads * kCalls);
}

TEST(LoopTest, StopFromAnotherThreadEndsASleepWithoutEnd) {
  Loop loop;
  std::thread other([&loop] { loop.stop(); });
  loop.run();
  other.join();
}

TEST(LoopTest, WhatIsPostedBehindTheEndIsDropped) {
  auto held = std::make_shared<int>(1);
  std::shared_ptr<Mailbox> mailbox;
  {
    Loop loop;
    mailbox = loop.mailbox();
    mailbox->post([held] { ADD_FAILURE() << "run by nobody"; });
  }
  EXPECT_EQ(held.use_count(), 1) << "what was posted and not run is given back";
  mailbox->post([held] { ADD_FAILURE(); });
  EXPECT_EQ(held.use_count(), 1);
}

TEST(LoopTest, ShutDownResumesEverybodyWhoWaits) {
  Loop loop;
  Pair pair;
  Watch watch(loop, pair.here());
  loop.turn(0);
  Event event(loop);
  int over = 0;
  const auto sleeper = [](Loop& l, int& n) -> Task<void> {
    co_await Sleep(l, 3600'000);
    EXPECT_TRUE(l.closing());
    co_await Sleep(l, 3600'000);  // at once
    ++n;
  };
  const auto waiter = [](Event& e, int& n) -> Task<void> {
    EXPECT_FALSE(co_await e.within(3600'000));
    EXPECT_FALSE(co_await e.within(3600'000));
    ++n;
  };
  spawn(sleeper(loop, over));
  spawn(waiter(event, over));
  spawn(count_readable(watch, over));
  loop.post([&] { spawn(sleeper(loop, over)); });
  loop.turn(0);
  loop.post([&over] { ++over; });
  EXPECT_EQ(over, 0);
  watch.abandon();
  loop.shut_down();
  EXPECT_EQ(over, 5);
  EXPECT_EQ(loop.wheel().size(), 0U);
}

TEST(LoopTest, AnEventIsHeardOnceAndATimeOutIsNotAnEvent) {
  Loop loop;
  Event event(loop);
  std::vector<bool> heard;
  const auto waiter = [](Event& e, std::vector<bool>& out, std::int64_t ms) -> Task<void> {
    out.push_back(co_await e.within(ms));
  };
  spawn(waiter(event, heard, 1));
  while (heard.empty()) loop.turn(1000);
  EXPECT_FALSE(heard[0]);
  spawn(waiter(event, heard, 3600'000));
  event.set_now();
  event.set_now();
  EXPECT_EQ(heard.size(), 1U) << "not from inside set_now()";
  loop.turn(0);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_TRUE(heard[1]);
  spawn(waiter(event, heard, 1));
  ASSERT_EQ(heard.size(), 3U);
  EXPECT_TRUE(heard[2]) << "what has happened has happened";
}

}  // namespace
}  // namespace homing::io
