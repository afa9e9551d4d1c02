// SPDX-License-Identifier: Apache-2.0
#include "router/wire/names.h"

#include <gtest/gtest.h>

#include <string>

namespace homing::wire {
namespace {

TEST(NamesTest, EveryNameIsFoundInEveryCase) {
  for (std::size_t i = 0; i < kNames; ++i) {
    const auto name = static_cast<Name>(i);
    std::string text(to_string(name));
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(find_name(text), name) << text;
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    EXPECT_EQ(find_name(text), name) << text;
    text.front() = '!';
    EXPECT_EQ(find_name(text), Name::kOther) << text;
    EXPECT_EQ(find_name(std::string(to_string(name)) + "x"), Name::kOther);
  }
  EXPECT_EQ(find_name(""), Name::kOther);
}

TEST(NamesTest, SpellingsOfIdentityNamesAreIdentityNames) {
  for (const char* name : {"X-Forwarded-For", "x_forwarded_for", "X.Forwarded-For", "X--Forwarded__For",
                           "X-Homing-User", "x_homing_user", "Homing-Forward", "HOMING_ANYTHING", "Remote_User",
                           "X-Forwarded-New", "X-RStudio-Username", "x_rstudio_username", "X_Real_IP", "Forwarded"}) {
    EXPECT_NE(classify(name).traits & kIdentity, 0) << name;
  }
  for (const char* name : {"X-Other", "Forward", "X_Custom_Thing", "Homing", "My-Remote-User"}) {
    EXPECT_EQ(classify(name).traits & kIdentity, 0) << name;
  }
}

TEST(NamesTest, SpellingsOfFramingNamesAreAliases) {
  for (const char* name : {"Content_Length", "Transfer_Encoding", "Transfer---Encoding", "Transfer___Encoding",
                           "content.length", "Sec_WebSocket_Key"}) {
    EXPECT_NE(classify(name).traits & kAlias, 0) << name;
    EXPECT_EQ(classify(name).name, Name::kOther) << name;
  }
  for (const char* name : {"Content-Length", "Host", "Content-Type", "X_Content_Length", "Content_Language"}) {
    EXPECT_EQ(classify(name).traits & kAlias, 0) << name;
  }
}

}  // namespace
}  // namespace homing::wire
