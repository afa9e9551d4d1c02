// SPDX-License-Identifier: Apache-2.0
//
// TLS on a stream, step by step: what a peer can do with it that it cannot do in the clear.
#include "router/net/tls_stream.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "router/net/tls_peers.h"
#include "tests/base/temp_dir.h"
#include "tests/net/certificates.h"
#include "tests/net/rig.h"

namespace homing::net {
namespace {

class TlsStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    n1_ = peers("n1");
    n2_ = peers("n2");
    rig_.connect(true);
    rig_.client->secure(std::make_unique<TlsStream>(n1_->accept_ssl(), rig_.client->fd()));
    far_ = n2_->connect_ssl("n1");
    SSL_set_fd(far_.get(), rig_.person->fd());
    io::spawn(greet(*rig_.client, begun_));
    for (int i = 0; i < 2000 && !(begun_ && SSL_is_init_finished(far_.get()) == 1); ++i) {
      SSL_do_handshake(far_.get());
      rig_.worker->loop.turn(1);
    }
    ASSERT_EQ(begun_, true);
    char byte = 0;
    ASSERT_EQ(SSL_peek(far_.get(), &byte, 1), -1) << "tickets are read";
  }
  std::shared_ptr<const TlsPeers> peers(const std::string& node) {
    const MadeCertificate made = authority_.issue({.common_name = node, .uris = {"homing:node:" + node}});
    auto loaded = TlsPeers::load({dir_.write(node + ".pem", made.cert), dir_.write(node + ".key", made.key, 0600),
                                  dir_.write("ca.pem", authority_.pem())},
                                 node);
    EXPECT_TRUE(loaded) << loaded.error();
    return *loaded;
  }
  static io::Task<void> greet(io::Stream& stream, std::optional<bool>& begun) { begun = co_await stream.handshake(); }

  struct Reader {
    std::string all;
    int tries = 0;
    io::Io end = io::Io::kOk;
  };
  // Gives up after many tries, so that a test of trying for ever ends.
  static io::Task<void> read_on(io::Stream& stream, Reader& out) {
    while (out.tries < 1000) {
      ++out.tries;
      const io::Io result = stream.fill();
      if (result == io::Io::kAgain) {
        co_await stream.readable();
      } else if (result == io::Io::kOk) {
        out.all += stream.input().data();
        stream.input().clear();
      } else {
        out.end = result;
        co_return;
      }
    }
  }

  base::TempDir dir_;
  TestAuthority authority_{"cluster"};
  std::shared_ptr<const TlsPeers> n1_;
  std::shared_ptr<const TlsPeers> n2_;
  Rig rig_;
  SslPtr far_;
  std::optional<bool> begun_;
};

TEST_F(TlsStreamTest, AKeyUpdateAskedForBySomebodyWhoReadsNothingDoesNotTieUpTheThread) {
  // What we send is full, so a read that must answer cannot.
  const std::string noise(1 << 16, 'n');
  while (::send(rig_.client->fd(), noise.data(), noise.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
  }
  Reader reader;
  io::spawn(read_on(*rig_.client, reader));
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(SSL_key_update(far_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_write(far_.get(), "x", 1), 1);
    rig_.turn(3);
  }
  EXPECT_LT(reader.tries, 200) << "tried again and again";
  // When there is room again it goes on.
  for (int i = 0; i < 200 && reader.all.size() < 30; ++i) {
    rig_.person->listen();
    rig_.worker->loop.turn(5);
  }
  EXPECT_EQ(reader.all, std::string(30, 'x'));
  rig_.client->close();
  rig_.turn(3);
  EXPECT_EQ(reader.end, io::Io::kError);
}

TEST_F(TlsStreamTest, AGoodbyeIsAnEndAndAnEndWithoutOneIsNone) {
  for (const bool goodbye : {true, false}) {
    ASSERT_EQ(SSL_write(far_.get(), "half", 4), 4);
    if (goodbye) SSL_shutdown(far_.get());
    rig_.person->end_of_sending();
    Reader reader;
    io::spawn(read_on(*rig_.client, reader));
    ASSERT_TRUE(rig_.turn_until([&] { return reader.end != io::Io::kOk; }));
    EXPECT_EQ(reader.all, "half");
    EXPECT_EQ(reader.end, goodbye ? io::Io::kEnd : io::Io::kError);
    if (goodbye) {
      begun_.reset();
      SetUp();
    }
  }
}

TEST_F(TlsStreamTest, BytesThatTlsHoldsMakeAConnectionUnfit) {
  EXPECT_TRUE(rig_.client->is_quiet());
  ASSERT_EQ(SSL_write(far_.get(), "answer", 6), 6);
  ASSERT_EQ(SSL_write(far_.get(), "and another", 11), 11);
  // A room that ends with the first answer: the rest was taken from the socket and is nowhere to be seen.
  std::array<char, 6> room;
  std::size_t size = 0;
  ASSERT_TRUE(rig_.turn_until([&] { return rig_.client->read_some(room, size) == io::Io::kOk; }));
  ASSERT_EQ(size, 6U);
  EXPECT_FALSE(rig_.client->is_quiet());
}

TEST_F(TlsStreamTest, ManyPiecesAndASlowReaderArriveWhole) {
  std::vector<std::string> parts;
  std::string all;
  for (int i = 0; i < 300; ++i) {
    parts.emplace_back(static_cast<std::size_t>(i * 977 % 40'000), static_cast<char>('a' + i % 26));
    all += parts.back();
  }
  std::optional<bool> over;
  const auto write = [](io::Stream& stream, std::vector<std::string>& what,
                        std::optional<bool>& done) -> io::Task<void> {
    std::vector<iovec> pieces;
    for (std::string& part : what) pieces.push_back({part.data(), part.size()});
    done = co_await stream.write_all(pieces);
  };
  io::spawn(write(*rig_.client, parts, over));
  EXPECT_FALSE(over);
  std::string got;
  std::array<char, 5000> room;
  for (int i = 0; i < 100'000 && got.size() < all.size(); ++i) {
    const int n = SSL_read(far_.get(), room.data(), static_cast<int>(room.size()));
    if (n > 0) got.append(room.data(), static_cast<std::size_t>(n));
    rig_.turn();
  }
  EXPECT_EQ(over, true);
  EXPECT_TRUE(got == all);
}

}  // namespace
}  // namespace homing::net
