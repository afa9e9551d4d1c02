// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/witness.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>

namespace homing::launcher {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
const WitnessMessage kQuestion{core::NodeId{2}, core::Incarnation{3}, 99, false};

TEST(Witness, AMessageOpensOnlyUnderTheSecretItWasSealedWithAndUnchanged) {
  const std::string sealed = seal_witness(kQuestion, kSecret);
  EXPECT_EQ(open_witness(sealed, kSecret), kQuestion);
  EXPECT_FALSE(open_witness(sealed, "another secret of thirty-two byte").has_value());
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(open_witness(changed, kSecret).has_value()) << i;
    EXPECT_FALSE(open_witness(std::string_view(sealed).substr(0, i), kSecret).has_value()) << i;
  }
}

struct Pair {
  // Both ends on loopback; the launcher's port is chosen by trying, since Endpoint 0 means "none".
  Pair() {
    for (std::uint16_t port = 42'801; port < 42'900; ++port) {
      address = base::Endpoint{"127.0.0.1", port};
      witness = std::make_unique<Witness>(io.get_executor(), core::NodeId{1}, std::string(kSecret),
                                          [this] { return vouches; });
      if (!witness->open(address)) return;
    }
    ADD_FAILURE() << "no free UDP port";
  }
  int answers(core::NodeId node, std::string_view secret) {
    int count = 0;
    WitnessAsker asker(io.get_executor(), {base::Endpoint{}, address, address}, std::string(secret),
                       [&](core::NodeId n, core::Incarnation i) {
                         EXPECT_EQ(n, node);
                         EXPECT_EQ(i, core::Incarnation{7});
                         ++count;
                       });
    asker.ask(node, core::Incarnation{7});
    io.restart();
    io.run_for(std::chrono::milliseconds(200));
    return count;
  }
  boost::asio::io_context io;
  base::Endpoint address;
  bool vouches = true;
  std::unique_ptr<Witness> witness;
};

TEST(Witness, ALauncherThatVouchesAnswersOnceAndOneThatDoesNotIsSilent) {
  Pair p;
  EXPECT_EQ(p.answers(core::NodeId{1}, kSecret), 1);
  p.vouches = false;
  EXPECT_EQ(p.answers(core::NodeId{1}, kSecret), 0);
}

TEST(Witness, ALauncherAnswersForItsOwnNodeOnlyAndOnlyMembers) {
  Pair p;
  EXPECT_EQ(p.answers(core::NodeId{2}, kSecret), 0) << "asked about another node";
  EXPECT_EQ(p.answers(core::NodeId{1}, "not the secret of this cluster!!"), 0);
  EXPECT_EQ(p.answers(core::NodeId{0}, kSecret), 0) << "no address: nobody is asked";
}

}  // namespace
}  // namespace homing::launcher
