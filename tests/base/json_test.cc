// SPDX-License-Identifier: Apache-2.0
#include "router/base/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace homing::base {
namespace {

TEST(JsonTest, KeysKeepTheOrderInWhichTheyWereWritten) {
  JsonWriter json;
  json.begin_object()
      .member("b", 1)
      .member("a", "x")
      .key("list")
      .begin_array()
      .value(true)
      .null()
      .value(-2.5)
      .end_array();
  json.key("none").begin_object().end_object().end_object();
  EXPECT_EQ(json.text(), R"({"b":1,"a":"x","list":[true,null,-2.5],"none":{}})");
}

TEST(JsonTest, PrettyIsIndentedAndEndsItsLine) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.begin_object()
      .member("a", 1)
      .key("b")
      .begin_array()
      .value(1)
      .value(2)
      .end_array()
      .key("c")
      .begin_array()
      .end_array();
  json.end_object();
  EXPECT_EQ(json.text(), "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": []\n}\n");
}

TEST(JsonTest, TextIsAlwaysValidUtf8) {
  EXPECT_EQ(json_quoted("a\"\\\n\t\x01"), "\"a\\\"\\\\\\n\\t\\u0001\"");
  EXPECT_EQ(json_quoted("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8d"), "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8d\"");
  EXPECT_EQ(json_quoted("a\xff z"), "\"a\xef\xbf\xbd z\"");
  EXPECT_EQ(json_quoted("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json_quoted("\xc3"), "\"\xef\xbf\xbd\"");
}

TEST(JsonTest, NumbersReadBackTheSame) {
  JsonWriter json;
  json.begin_array()
      .value(0.1)
      .value(std::numeric_limits<std::uint64_t>::max())
      .value(std::numeric_limits<std::int64_t>::min());
  json.value(std::numeric_limits<double>::quiet_NaN()).value(std::numeric_limits<double>::infinity()).end_array();
  EXPECT_EQ(json.text(), "[0.1,18446744073709551615,-9223372036854775808,null,null]");
}

}  // namespace
}  // namespace homing::base
