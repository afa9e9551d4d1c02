// SPDX-License-Identifier: Apache-2.0
//
// Ways to be connected, and not to be.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/io/resolver.h"
#include "router/io/stream.h"

namespace homing::io {
namespace {

// A listening socket whose queue has the least length there is.
class Listener {
 public:
  explicit Listener(int queue = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, queue), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  explicit Listener(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const SocketAddress address = unix_address(path);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size), 0);
    EXPECT_EQ(::listen(fd_, 0), 0);
  }
  ~Listener() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void accept() const { ::close(::accept(fd_, nullptr, nullptr)); }
  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

class ConnectTest : public testing::Test {
 protected:
  ConnectTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "homing-io-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  ~ConnectTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  struct Attempt {
    explicit Attempt(Loop& loop) : stream(loop, -1) {}
    Stream stream;
    std::optional<int> outcome;
  };
  static Task<void> run(Attempt& attempt, Address address, std::int64_t limit_ms) {
    attempt.outcome = co_await connect(attempt.stream, address, limit_ms);
  }
  std::unique_ptr<Attempt> start(const Address& address, std::int64_t limit_ms = 10'000) {
    auto attempt = std::make_unique<Attempt>(loop_);
    spawn(run(*attempt, address, limit_ms));
    return attempt;
  }
  void finish(Attempt& attempt) {
    for (int i = 0; i < 2000 && !attempt.outcome; ++i) loop_.turn(20);
    ASSERT_TRUE(attempt.outcome);
  }
  int outcome(const Address& address, std::int64_t limit_ms = 10'000) {
    const auto attempt = start(address, limit_ms);
    finish(*attempt);
    EXPECT_EQ(attempt->outcome == 0, attempt->stream.is_open());
    return attempt->outcome.value_or(-1);
  }

  Loop loop_;
  std::string directory_;
};

TEST_F(ConnectTest, AListenerIsReachedByAddressByNameAndByPath) {
  const Listener tcp;
  EXPECT_EQ(outcome({"", "127.0.0.1", tcp.port()}), 0);
  const Listener local(directory_ + "/s");
  EXPECT_EQ(outcome({directory_ + "/s", "", 0}), 0);
}

TEST_F(ConnectTest, NobodyThereIsARefusal) {
  Listener gone;
  gone.close();
  EXPECT_EQ(outcome({"", "127.0.0.1", gone.port()}), ECONNREFUSED);
  {
    const Listener left(directory_ + "/left");
  }
  EXPECT_EQ(outcome({directory_ + "/left", "", 0}), ECONNREFUSED);
  EXPECT_EQ(outcome({directory_ + "/never", "", 0}), ENOENT);
  EXPECT_EQ(outcome({directory_ + "/" + std::string(200, 'x'), "", 0}), ENAMETOOLONG);
}

TEST_F(ConnectTest, SomebodyWhoDoesNotAcceptRunsIntoTheLimit) {
  const Listener full;
  const Address address{"", "127.0.0.1", full.port()};
  // A full queue drops what comes: two fill it.
  std::vector<std::unique_ptr<Attempt>> first;
  for (int i = 0; i < 4; ++i) first.push_back(start(address, 60'000));
  for (int i = 0; i < 10; ++i) loop_.turn(20);
  EXPECT_EQ(outcome(address, 100), ETIMEDOUT);
  for (auto& attempt : first) {
    attempt->stream.close();
    finish(*attempt);
  }
}

TEST_F(ConnectTest, ABusyUnixSocketIsAskedAgainUntilThereIsRoom) {
  const Listener full(directory_ + "/full");
  const Address address{directory_ + "/full", "", 0};
  std::vector<std::unique_ptr<Attempt>> held;
  do {
    held.push_back(start(address, 60'000));
    ASSERT_LT(held.size(), 10U);
  } while (held.back()->outcome == 0);
  EXPECT_FALSE(held.back()->outcome) << "it waits";
  EXPECT_EQ(outcome(address, 60), ETIMEDOUT) << "but not for ever";
  full.accept();
  finish(*held.back());
  EXPECT_EQ(held.back()->outcome, 0);
}

TEST_F(ConnectTest, TheEndOfTheLoopEndsAnAttempt) {
  const Listener full;
  const Address address{"", "127.0.0.1", full.port()};
  std::vector<std::unique_ptr<Attempt>> all;
  for (int i = 0; i < 4; ++i) all.push_back(start(address, 3600'000));
  for (int i = 0; i < 5; ++i) loop_.turn(10);
  all.push_back(start({"", "name.invalid", 80}, 3600'000));
  loop_.shut_down();
  for (auto& attempt : all) EXPECT_TRUE(attempt->outcome);
  const auto late = start(address);
  ASSERT_TRUE(late->outcome);
  EXPECT_EQ(late->outcome, ECANCELED) << "nobody begins to connect on a loop that ends";
}

TEST_F(ConnectTest, ANameIsFoundOnceForAllWhoAsk) {
  const Listener tcp(100);
  std::vector<std::unique_ptr<Attempt>> all;
  for (int i = 0; i < 50; ++i) all.push_back(start({"", "localhost", tcp.port()}));
  for (auto& attempt : all) {
    finish(*attempt);
    // localhost may be ::1 first, where nobody listens.
    EXPECT_TRUE(attempt->outcome == 0 || attempt->outcome == ECONNREFUSED) << *attempt->outcome;
    EXPECT_EQ(attempt->outcome, all.front()->outcome);
  }
}

int threads_of_this_process() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
  }
  return 0;
}

TEST_F(ConnectTest, ANameThatNobodyKnowsCostsOneThreadHoweverManyAsk) {
  const int before = threads_of_this_process();
  std::vector<std::unique_ptr<Attempt>> all;
  for (int i = 0; i < 200; ++i) all.push_back(start({"", "no-such-name.invalid", 80}));
  EXPECT_LE(threads_of_this_process(), before + 1);
  for (auto& attempt : all) {
    finish(*attempt);
    EXPECT_EQ(attempt->outcome, EHOSTUNREACH);
  }
}

TEST_F(ConnectTest, AddressesAreReadAndNamesAreNot) {
  EXPECT_EQ(numeric_address("192.0.2.1", 80)->storage.ss_family, AF_INET);
  EXPECT_EQ(numeric_address("2001:db8::1", 80)->storage.ss_family, AF_INET6);
  for (const char* name : {"", "localhost", "192.0.2", "192.0.2.1.5", "0x7f.1", "1", "::1%lo", "[::1]"}) {
    EXPECT_FALSE(numeric_address(name, 80)) << name;
  }
  EXPECT_EQ((Address{"", "::1", 80}.text()), "[::1]:80");
  EXPECT_EQ((Address{"/run/x", "", 0}.text()), "unix:/run/x");
}

}  // namespace
}  // namespace homing::io
