// SPDX-License-Identifier: Apache-2.0
//
// What the loop does over and over costs no allocation once it has been done before. The program's operator new counts.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "router/io/stream.h"
#include "router/io/waiting.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace homing::io {
namespace {

Task<std::size_t> echo(Stream& stream) {
  std::size_t total = 0;
  for (;;) {
    const Io result = stream.fill();
    if (result == Io::kAgain) {
      stream.input().release();
      stream.read_within(10'000);
      co_await stream.readable();
      continue;
    }
    if (result != Io::kOk) co_return total;
    iovec piece{const_cast<char*>(stream.input().data().data()), stream.input().size()};
    total += piece.iov_len;
    if (!co_await stream.write_all({&piece, 1})) co_return total;
    stream.input().consume(stream.input().size());
  }
}

TEST(AllocationTest, AnEchoAllocatesNothingOnceItIsWarm) {
  Loop loop;
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()), 0);
  Stream stream(loop, fds[0]);
  std::size_t total = 0;
  const auto run = [](Stream& s, std::size_t& out) -> Task<void> { out = co_await echo(s); };
  spawn(run(stream, total));
  const auto round = [&] {
    char byte = 'x';
    ASSERT_EQ(::write(fds[1], &byte, 1), 1);
    while (::read(fds[1], &byte, 1) != 1) loop.turn(1000);
  };
  for (int i = 0; i < 10; ++i) round();
  const std::uint64_t before = allocations.load();
  for (int i = 0; i < 1000; ++i) round();
  EXPECT_EQ(allocations.load() - before, 0U);
  ::close(fds[1]);
  while (total == 0) loop.turn(1000);
  EXPECT_EQ(total, 1010U);
}

TEST(AllocationTest, TasksEventsAndSleepsAllocateNothingOnceWarm) {
  Loop loop;
  const auto child = [](Loop& l) -> Task<void> { co_await Sleep(l, 1); };
  const auto parent = [](Loop& l, auto make, int& over) -> Task<void> {
    co_await both(make(l), make(l));
    ++over;
  };
  int over = 0;
  const auto round = [&] {
    const int before = over;
    spawn(parent(loop, child, over));
    while (over == before) loop.turn(1000);
  };
  for (int i = 0; i < 3; ++i) round();
  const std::uint64_t before = allocations.load();
  for (int i = 0; i < 50; ++i) round();
  EXPECT_EQ(allocations.load() - before, 0U);
}

TEST(AllocationTest, AnIdleStreamHoldsNoBlockAndABurstIsGivenBack) {
  BlockPool pool;
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (int i = 0; i < 200; ++i) {
    buffers.push_back(std::make_unique<Buffer>(pool));
    buffers.back()->room(i % 2 == 0);
    buffers.back()->release();
  }
  const std::uint64_t before = allocations.load();
  for (auto& buffer : buffers) {
    buffer->room(true);
    buffer->release();
  }
  EXPECT_EQ(allocations.load() - before, 0U) << "one block is handed around";
}

TEST(AllocationTest, FramesOfABurstAreGivenBack) {
  constexpr std::size_t kBurst = 1000;
  for (const std::size_t size : {std::size_t{200}, std::size_t{100'000}}) {
    std::vector<void*> all(kBurst);
    const auto round = [&] {
      const std::uint64_t before = allocations.load();
      for (void*& frame : all) {
        frame = allocate_frame(size);
        std::memset(frame, 0xa5, size);
      }
      for (void* frame : all) free_frame(frame, size);
      return allocations.load() - before;
    };
    round();
    EXPECT_GT(round(), kBurst / 2) << "most of the burst went back to the heap";
  }
}

}  // namespace
}  // namespace homing::io
