// SPDX-License-Identifier: Apache-2.0
#include "router/wire/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

namespace homing::wire {
namespace {

using Family = ProxyHeader::Family;
using State = ProxyHeader::State;
using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

// Verdict in words; the same at every two-way split and byte by byte.
std::string judged(const std::string& raw, ProxyHeader& header) {
  const auto words = [](const ProxyHeader::Result& r) {
    return std::to_string(static_cast<int>(r.state)) + " " + std::to_string(r.size) + " " + std::string(r.why);
  };
  const std::string whole = words(header.parse(raw));
  for (std::size_t i = 0; i <= raw.size(); ++i) {
    ProxyHeader split;
    ProxyHeader::Result result = split.parse(std::string_view(raw).substr(0, i));
    if (result.state == State::kMore) result = split.parse(raw);
    EXPECT_EQ(words(result), whole) << "split at " << i;
  }
  ProxyHeader slow;
  ProxyHeader::Result result;
  for (std::size_t i = 1; i <= raw.size() && result.state == State::kMore; ++i) {
    result = slow.parse(std::string_view(raw).substr(0, i));
  }
  EXPECT_EQ(words(result), whole) << "byte by byte";
  return whole;
}

bool refused(const std::string& raw) {
  ProxyHeader header;
  return judged(raw, header).starts_with("2");
}

std::string binary(char command, char family, const std::string& body) {
  return kSignature + command + family + static_cast<char>(body.size() >> 8U) + static_cast<char>(body.size() & 0xffU) +
         body;
}

TEST(ProxyHeaderTest, ALineSaysWhereTheClientIs) {
  ProxyHeader header;
  EXPECT_EQ(judged("PROXY TCP4 192.168.0.1 10.1.2.3 56324 443\r\nGET /", header), "1 43 ");
  EXPECT_EQ(header.family(), Family::kIpv4);
  EXPECT_EQ(header.source().bytes[0], 192);
  EXPECT_EQ(header.source().bytes[3], 1);
  EXPECT_EQ(header.source().port, 56324);
  EXPECT_EQ(header.destination().port, 443);
  EXPECT_EQ(judged("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", header), "1 36 ");
  EXPECT_EQ(header.family(), Family::kIpv6);
  EXPECT_EQ(header.source().bytes[0], 0x20);
  EXPECT_EQ(header.destination().bytes[15], 1);
}

TEST(ProxyHeaderTest, UnknownLocalAndUnspecSayNothing) {
  for (const std::string& raw : {"PROXY UNKNOWN\r\n"s, "PROXY UNKNOWN ffff::1 x y z\r\n"s,
                                 binary(0x20, 0x11, "ignored"), binary(0x20, 0x00, ""), binary(0x21, 0x00, "tlvs")}) {
    ProxyHeader header;
    EXPECT_EQ(judged(raw + "rest", header), "1 " + std::to_string(raw.size()) + " ");
    EXPECT_EQ(header.family(), Family::kNone);
    EXPECT_EQ(header.source(), ProxyAddress{});
  }
}

TEST(ProxyHeaderTest, ALineThatIsNotExactIsRefused) {
  for (const char* line : {"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
                           "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3 1 2\r\n",
                           "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
                           "PROXY TCP4 ::1 ::1 1 2\r\n",
                           "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n",
                           "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
                           "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n",
                           "PROXY UNIX /a /b\r\n",
                           "PROXY\r\n",
                           "PROXY \r\n",
                           "GET / HTTP/1.1\r\n",
                           "\r\nPROXY"}) {
    EXPECT_TRUE(refused(line)) << line;
  }
  EXPECT_FALSE(refused("PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n"));
  EXPECT_TRUE(refused("PROXY UNKNOWN " + std::string(108 - 16, 'x') + "\r\n"));
  EXPECT_TRUE(refused("PROXY UNKNOWN " + std::string(300, 'x')));
}

TEST(ProxyHeaderTest, TheBinaryFormSaysWhereTheClientIs) {
  ProxyHeader header;
  const std::string four = "\x01\x02\x03\x04\x0a\x0b\x0c\x0d\x12\x34\x00\x50"s;
  EXPECT_EQ(judged(binary(0x21, 0x11, four) + "GET", header), "1 28 ");
  EXPECT_EQ(header.family(), Family::kIpv4);
  EXPECT_EQ(header.source().bytes[1], 2);
  EXPECT_EQ(header.source().port, 0x1234);
  EXPECT_EQ(header.destination().bytes[0], 10);
  EXPECT_EQ(header.destination().port, 80);
  EXPECT_EQ(judged(binary(0x21, 0x21, std::string(32, 'a') + four.substr(8) + "tlv"), header), "1 55 ");
  EXPECT_EQ(header.family(), Family::kIpv6);
  EXPECT_EQ(header.destination().bytes[15], 'a');
  EXPECT_EQ(header.destination().port, 80);
}

TEST(ProxyHeaderTest, ABinaryFormThatIsNotExactIsRefused) {
  const std::string six(36, 'a');
  EXPECT_TRUE(refused(binary(0x11, 0x11, six)));  // version 1
  EXPECT_TRUE(refused(binary(0x22, 0x11, six)));  // an unknown command
  EXPECT_TRUE(refused(binary(0x21, 0x12, six)));  // UDP
  EXPECT_TRUE(refused(binary(0x21, 0x22, six)));
  EXPECT_TRUE(refused(binary(0x21, 0x31, std::string(216, 'a'))));  // a Unix socket
  EXPECT_TRUE(refused(binary(0x21, 0x41, six)));
  EXPECT_TRUE(refused(binary(0x21, 0x11, six.substr(0, 11))));
  EXPECT_TRUE(refused(binary(0x21, 0x21, six.substr(0, 35))));
  EXPECT_TRUE(refused(binary(0x21, 0x11, std::string(kMaxProxyBytes + 1, 'a'))));
  EXPECT_FALSE(refused(binary(0x21, 0x11, std::string(kMaxProxyBytes, 'a'))));
  EXPECT_TRUE(refused(kSignature.substr(0, 11) + "X"));
}

}  // namespace
}  // namespace homing::wire
