// SPDX-License-Identifier: Apache-2.0
#include "router/wire/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace homing::wire {
namespace {

TEST(TextTest, TheFastSearchFindsWhatThePlainOneFinds) {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t size = 0; size < 40; ++size) {
      std::string text(40, 'a');
      text[size] = static_cast<char>(c);
      for (const std::size_t from : {std::size_t{0}, std::size_t{3}, size, std::size_t{40}}) {
        ASSERT_EQ(find_control(text, from), find_control_plain(text, from)) << c << " at " << size << " from " << from;
      }
    }
  }
}

TEST(TextTest, NumbersAreDigitsOnlyAndFit) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("007"), 7U);
  EXPECT_EQ(parse_number("999999999999999999"), 999999999999999999U);
  for (const char* text : {"", "1000000000000000000", "+1", "-1", " 1", "1 ", "0x1", "1e1", "\xb2"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
  std::array<char, 20> buffer{};
  EXPECT_EQ(decimal(0, buffer), "0");
  EXPECT_EQ(decimal(18446744073709551615U, buffer), "18446744073709551615");
}

TEST(TextTest, ListsAreReadWithoutEmptyItems) {
  std::vector<std::string> items;
  for_each_item(" a ,, b\t, ,c", [&](std::string_view item) { items.emplace_back(item); });
  EXPECT_EQ(items, (std::vector<std::string>{"a", "b", "c"}));
}

}  // namespace
}  // namespace homing::wire
