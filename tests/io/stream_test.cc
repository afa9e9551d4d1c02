// SPDX-License-Identifier: Apache-2.0
//
// Streams over real sockets: what comes in pieces, too late, or not at all.
#include "router/io/stream.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>

namespace homing::io {
namespace {

class StreamTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_.data()), 0);
    stream_ = std::make_unique<Stream>(loop_, fds_[0]);
  }
  void TearDown() override {
    if (there() >= 0) ::close(there());
  }
  int there() const { return fds_[1]; }
  void hang_up() { ::close(std::exchange(fds_[1], -1)); }
  void say(const std::string& text) const {
    ASSERT_EQ(::write(there(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string heard() const {
    std::string all;
    std::array<char, 65536> bytes;
    for (ssize_t got = 0; (got = ::read(there(), bytes.data(), bytes.size())) > 0;) {
      all.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return all;
  }
  // Two TCP sockets instead, which can be reset.
  void use_tcp() {
    hang_up();
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    fds_[1] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(fds_[1], reinterpret_cast<sockaddr*>(&address), size), 0);
    stream_ = std::make_unique<Stream>(loop_, ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    ::close(listener);
  }
  void reset() {
    const linger now{1, 0};
    ASSERT_EQ(::setsockopt(there(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    hang_up();
  }
  template <class Done>
  void turn_until(Done done) {
    for (int i = 0; i < 2000 && !done(); ++i) loop_.turn(20);
    EXPECT_TRUE(done());
  }

  Loop loop_;
  std::array<int, 2> fds_ = {-1, -1};
  std::unique_ptr<Stream> stream_;
};

struct Reader {
  std::string all;
  Io end = Io::kOk;
  int waits = 0;
};

Task<void> read_to_the_end(Stream& stream, Reader& out) {
  for (;;) {
    const Io result = stream.fill();
    if (result == Io::kAgain) {
      ++out.waits;
      co_await stream.readable();
    } else if (result == Io::kOk) {
      out.all += stream.input().data();
      stream.input().consume(stream.input().size());
    } else {
      out.end = result;
      co_return;
    }
  }
}

Task<void> write_everything(Stream& stream, std::vector<std::string>& parts, std::optional<bool>& over) {
  std::vector<iovec> pieces;
  for (std::string& part : parts) pieces.push_back({part.data(), part.size()});
  over = co_await stream.write_all(pieces);
}

TEST_F(StreamTest, WhatIsWrittenInManyPiecesToASlowReaderArrivesWhole) {
  std::vector<std::string> parts;
  std::string all;
  for (int i = 0; i < 100; ++i) {  // more pieces than one system call takes, some of them empty
    parts.emplace_back(static_cast<std::size_t>(i % 7) * 5000, static_cast<char>('a' + i % 26));
    all += parts.back();
  }
  std::optional<bool> over;
  spawn(write_everything(*stream_, parts, over));
  EXPECT_FALSE(over) << "a socket holds less than this";
  std::string got;
  turn_until([&] {
    got += heard();
    return over.has_value();
  });
  got += heard();
  EXPECT_EQ(over, true);
  EXPECT_TRUE(got == all);
}

TEST_F(StreamTest, WhatWasSaidBeforeAHangUpIsReadBeforeTheEnd) {
  Reader reader;
  spawn(read_to_the_end(*stream_, reader));
  EXPECT_EQ(reader.waits, 1);
  const std::string text(100'000, 'x');
  say(text);
  hang_up();
  turn_until([&] { return reader.end != Io::kOk; });
  EXPECT_EQ(reader.end, Io::kEnd);
  EXPECT_TRUE(reader.all == text);
}

TEST_F(StreamTest, AHalfCloseIsAnEndToReadAndNoEndToWrite) {
  ASSERT_EQ(::shutdown(there(), SHUT_WR), 0);
  Reader reader;
  spawn(read_to_the_end(*stream_, reader));
  turn_until([&] { return reader.end != Io::kOk; });
  EXPECT_EQ(reader.end, Io::kEnd);
  std::vector<std::string> parts = {"still here"};
  std::optional<bool> over;
  spawn(write_everything(*stream_, parts, over));
  EXPECT_EQ(over, true);
  stream_->shut_down_sending();
  EXPECT_EQ(heard(), "still here");
}

TEST_F(StreamTest, AResetIsAnErrorToTheReaderAlsoWhenAWriterHeardOfItFirst) {
  for (const bool writer_first : {false, true}) {
    use_tcp();
    loop_.turn(0);
    say("half");
    Reader reader;
    if (!writer_first) spawn(read_to_the_end(*stream_, reader));
    reset();
    if (writer_first) {
      // Until the reset is here.
      iovec piece{const_cast<char*>("x"), 1};
      for (int i = 0; i < 1000; ++i) {
        std::span<iovec> pieces(&piece, 1);
        if (stream_->write_some(pieces) == Io::kError) break;
        piece = {const_cast<char*>("x"), 1};
        std::this_thread::yield();
      }
      spawn(read_to_the_end(*stream_, reader));
    }
    turn_until([&] { return reader.end != Io::kOk; });
    EXPECT_EQ(reader.end, Io::kError) << "half of something must not look whole";
  }
}

TEST_F(StreamTest, ADeadlineOfReadingLeavesWritingAndIsToldApartFromAClose) {
  Reader reader;
  stream_->read_within(50);
  spawn(read_to_the_end(*stream_, reader));
  turn_until([&] { return reader.end != Io::kOk; });
  EXPECT_EQ(reader.end, Io::kError);
  EXPECT_TRUE(stream_->late());
  EXPECT_TRUE(stream_->is_open()) << "who was too slow can still be told";
  std::vector<std::string> parts = {"too slow"};
  std::optional<bool> over;
  spawn(write_everything(*stream_, parts, over));
  EXPECT_EQ(over, true);
}

TEST_F(StreamTest, ADeadlineThatNobodyWaitsForCloses) {
  stream_->read_within(50);
  turn_until([&] { return !stream_->is_open(); });
  EXPECT_TRUE(stream_->late());
}

TEST_F(StreamTest, AWriterWhoseReaderSleepsRunsIntoItsDeadline) {
  std::vector<std::string> parts = {std::string(1'000'000, 'x')};
  std::optional<bool> over;
  stream_->write_within(50);
  spawn(write_everything(*stream_, parts, over));
  turn_until([&] { return over.has_value(); });
  EXPECT_EQ(over, false);
  EXPECT_TRUE(stream_->late());
}

TEST_F(StreamTest, ADeadlineThatIsMovedOrTakenBackDoesNotClose) {
  stream_->read_within(1);
  stream_->read_within(3600'000);
  stream_->write_within(1);
  stream_->write_whenever();
  const std::int64_t until = loop_.now_ms() + 100;
  while (loop_.now_ms() < until) loop_.turn(10);
  EXPECT_TRUE(stream_->is_open());
  stream_->write_within(40);  // nearer than the timer that is set
  turn_until([&] { return !stream_->is_open(); });
  EXPECT_TRUE(stream_->late());
}

TEST_F(StreamTest, CloseResumesBothWhoWait) {
  Reader reader;
  std::vector<std::string> parts = {std::string(1'000'000, 'x')};
  std::optional<bool> over;
  spawn(read_to_the_end(*stream_, reader));
  spawn(write_everything(*stream_, parts, over));
  stream_->close();
  EXPECT_EQ(reader.end, Io::kOk) << "not from inside close()";
  turn_until([&] { return over.has_value() && reader.end != Io::kOk; });
  EXPECT_EQ(over, false);
  EXPECT_EQ(reader.end, Io::kError);
  EXPECT_FALSE(stream_->late());
  stream_->close();
}

TEST_F(StreamTest, OnlyAConnectionWithoutAnythingToReadIsQuiet) {
  EXPECT_TRUE(stream_->is_quiet());
  say("x");
  EXPECT_TRUE(stream_->is_quiet()) << "the loop has not heard of it yet, and no call is made to ask";
  turn_until([&] { return !stream_->is_quiet(); });
  EXPECT_EQ(stream_->fill(), Io::kOk);
  EXPECT_FALSE(stream_->is_quiet()) << "read, not used";
  stream_->input().consume(1);
  EXPECT_TRUE(stream_->is_quiet());
  hang_up();
  turn_until([&] { return !stream_->is_quiet(); });
  stream_->close();
  EXPECT_FALSE(stream_->is_quiet());
}

TEST_F(StreamTest, TheEndOfTheLoopClosesWhatHasADeadline) {
  Reader reader;
  stream_->read_within(3600'000);
  spawn(read_to_the_end(*stream_, reader));
  loop_.shut_down();
  EXPECT_EQ(reader.end, Io::kError);
  EXPECT_FALSE(stream_->late()) << "nobody was late";
}

// A reader that always finds more would be alone on its thread.
TEST_F(StreamTest, WhoYieldsLetsOthersGoFirst) {
  bool other = false;
  int rounds = 0;
  const auto busy = [](Loop& loop, const bool& stop, int& n) -> Task<void> {
    while (!stop && n < 1000) {
      ++n;
      co_await loop.yield();
    }
  };
  spawn(busy(loop_, other, rounds));
  loop_.post([&other] { other = true; });
  for (int i = 0; i < 10 && !other; ++i) loop_.turn(10'000);  // does not sleep while somebody wants to go on
  EXPECT_TRUE(other);
  EXPECT_LT(rounds, 10);
}

}  // namespace
}  // namespace homing::io
