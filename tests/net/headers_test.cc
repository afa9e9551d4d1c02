// SPDX-License-Identifier: Apache-2.0
#include "router/net/headers.h"

#include <gtest/gtest.h>

namespace homing::net {
namespace {

wire::RequestHead head(const std::string& lines, const std::string& first = "GET /x HTTP/1.1") {
  wire::RequestHead out;
  EXPECT_TRUE(out.parse(first + "\r\nHost: h.example:8800\r\n" + lines + "\r\n").done()) << lines;
  return out;
}

TEST(HeadersTest, TheWebSocketAnswerIsTheRfcs) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 section 1.3
}

TEST(HeadersTest, APageIsToldFromAPollAndFromAWebSocket) {
  EXPECT_TRUE(is_navigation(head("Sec-Fetch-Mode: navigate\r\n")));
  EXPECT_FALSE(is_navigation(head("Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n")));
  EXPECT_TRUE(is_navigation(head("Accept: application/xml;q=0.9, text/html;q=0.8\r\n")));
  EXPECT_FALSE(is_navigation(head("Accept: text/html\r\nContent-Length: 0\r\n", "POST /x HTTP/1.1")));
  EXPECT_FALSE(is_navigation(head("Accept: */*\r\n")));
  EXPECT_FALSE(
      is_navigation(head("Accept: text/html\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")));
}

TEST(HeadersTest, FieldsAreAskedForByAnyNameInAnyCase) {
  const wire::RequestHead asked = head("My-User: anna\r\nmy-user: ben\r\n");
  EXPECT_EQ(field_count(asked, "MY-USER"), 2U);
  EXPECT_EQ(field_value(asked, "my-user"), "anna");
  EXPECT_EQ(field_value(asked, "nothing"), "");
}

TEST(HeadersTest, AListKeepsWhatWasMadeForIt) {
  FieldList fields;
  for (int round = 0; round < 2; ++round) {
    fields.own("X-A", "made for the occasion");
    fields.set("X-B", "there already");
    ASSERT_EQ(fields.all().size(), 2U);
    EXPECT_EQ(fields.all()[0].value, "made for the occasion");
    EXPECT_EQ(fields.all()[1].name, "X-B");
    fields.clear();
    EXPECT_TRUE(fields.all().empty());
  }
}

}  // namespace
}  // namespace homing::net
