// SPDX-License-Identifier: Apache-2.0
#include "router/net/credentials.h"

#include <gtest/gtest.h>

#include "router/net/crypto.h"

namespace homing::net {
namespace {

const std::string kSecret = "0123456789abcdef0123456789abcdef";
constexpr WallSeconds kNow = 1'700'000'000;

std::string with_changed_character(std::string text, std::size_t at) {
  text[at] = text[at] == 'b' ? 'c' : 'b';
  return text;
}

TEST(CryptoTest, HmacMatchesTheVectorOfRfc4231) {
  const Digest digest = hmac_sha256("Jefe", "what do ya want for nothing?");
  EXPECT_EQ(digest[0], 0x5b);
  EXPECT_EQ(digest[1], 0xdc);
  EXPECT_EQ(digest[31], 0x43);
}

TEST(CryptoTest, EncodingsComeBackAndHaveOneTextAValue) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 37 + size);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    EXPECT_EQ(from_base32(to_base32(bytes)), bytes);
  }
  EXPECT_EQ(from_base64url("A"), std::nullopt);   // six bits are no byte
  EXPECT_EQ(from_base64url("AB"), std::nullopt);  // left-over bits are not zero
  EXPECT_EQ(from_base64url("AA=="), std::nullopt);
  EXPECT_EQ(from_base32("A"), std::nullopt);
}

TEST(CryptoTest, ATextSealedForOnePurposeDoesNotOpenForAnother) {
  const Key one(kSecret, "one");
  const Key two(kSecret, "two");
  const std::string text = one.seal("payload", "bound");
  EXPECT_EQ(one.open(text, "bound"), "payload");
  EXPECT_EQ(two.open(text, "bound"), std::nullopt);
  EXPECT_EQ(one.open(text, "other"), std::nullopt);
  EXPECT_EQ(one.open(text + "A", "bound"), std::nullopt);
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(one.open(with_changed_character(text, i), "bound"), std::nullopt) << i;
  }
}

TEST(CredentialsTest, ASessionIdComesBackFromItsText) {
  const Credentials credentials(kSecret);
  const core::SessionId id = Credentials::new_session_id();
  const std::string text = credentials.session_text(id);
  EXPECT_EQ(text.size(), 32U);
  EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
  EXPECT_EQ(credentials.session_from(text), id);
}

TEST(CredentialsTest, AForgedSessionIdIsNoSessionId) {
  const Credentials credentials(kSecret);
  const Credentials other(kSecret + "x");
  const std::string text = credentials.session_text(Credentials::new_session_id());
  EXPECT_EQ(other.session_from(text), std::nullopt);
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(credentials.session_from(with_changed_character(text, i)), std::nullopt) << i;
  }
  EXPECT_EQ(credentials.session_from(text.substr(1)), std::nullopt);
  EXPECT_EQ(credentials.session_from(text + "a"), std::nullopt);
  EXPECT_EQ(credentials.session_from(""), std::nullopt);
}

TEST(CredentialsTest, ALoginCookieNamesItsUserUntilItExpires) {
  const Credentials credentials(kSecret);
  const User anna = *make_user("anna");
  const std::string cookie = credentials.login_cookie(anna, kNow + 10);
  ASSERT_TRUE(credentials.open_login_cookie(cookie, kNow));
  EXPECT_EQ(credentials.open_login_cookie(cookie, kNow)->user.name, "anna");
  EXPECT_EQ(credentials.open_login_cookie(cookie, kNow)->user.id, user_id_of("anna"));
  EXPECT_FALSE(credentials.open_login_cookie(cookie, kNow + 10));
  EXPECT_FALSE(Credentials(kSecret + "x").open_login_cookie(cookie, kNow));
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    EXPECT_FALSE(credentials.open_login_cookie(with_changed_character(cookie, i), kNow)) << i;
  }
}

TEST(CredentialsTest, ALinksTokenIsNotACookieAndTheOtherWayRound) {
  const Credentials credentials(kSecret);
  const User anna = *make_user("anna");
  EXPECT_FALSE(credentials.open_login_cookie(credentials.login_token(anna, kNow + 10), kNow));
  EXPECT_FALSE(credentials.open_login_token(credentials.login_cookie(anna, kNow + 10), kNow));
}

TEST(CredentialsTest, OnlyPlainNamesAreUsers) {
  EXPECT_TRUE(make_user("a.b-c_d@example.org"));
  EXPECT_FALSE(make_user(""));
  EXPECT_FALSE(make_user("a b"));
  EXPECT_FALSE(make_user("a/b"));
  EXPECT_FALSE(make_user("a\nb"));
  EXPECT_FALSE(make_user(std::string(65, 'a')));
}

TEST(CredentialsTest, ARouteCookieHoldsForItsSessionAndItsUserOnly) {
  const Credentials credentials(kSecret);
  const core::SessionId session = Credentials::new_session_id();
  const core::UserId anna = user_id_of("anna");
  const std::string text =
      credentials.route_cookie({session, anna, core::NodeId{2}, core::Incarnation{3}, core::Epoch{4}, kNow + 10});
  const auto cookie = credentials.open_route_cookie(text, session, anna, kNow);
  ASSERT_TRUE(cookie);
  EXPECT_EQ(cookie->node, core::NodeId{2});
  EXPECT_EQ(cookie->incarnation, core::Incarnation{3});
  EXPECT_EQ(cookie->epoch, core::Epoch{4});
  EXPECT_FALSE(credentials.open_route_cookie(text, Credentials::new_session_id(), anna, kNow));
  EXPECT_FALSE(credentials.open_route_cookie(text, session, user_id_of("ben"), kNow));
  EXPECT_FALSE(credentials.open_route_cookie(text, session, anna, kNow + 10));
}

TEST(CredentialsTest, AForwardedHeadIsBelievedForItsOwnRequestAndFiveSeconds) {
  const Credentials credentials(kSecret);
  ForwardClaims claims;
  claims.from = core::NodeId{0};
  claims.to = core::NodeId{1};
  claims.session = Credentials::new_session_id();
  claims.user = "anna";
  claims.time = kNow;
  claims.nonce = 7;
  const std::string text = credentials.forward(claims, "GET", "/s/x/", "h");
  ASSERT_TRUE(credentials.open_forward(text, "GET", "/s/x/", "h", kNow + 5));
  EXPECT_EQ(credentials.open_forward(text, "GET", "/s/x/", "h", kNow)->user, "anna");
  EXPECT_FALSE(credentials.open_forward(text, "GET", "/s/x/", "h", kNow + 6));
  EXPECT_FALSE(credentials.open_forward(text, "GET", "/s/x/", "h", kNow - 6));
  EXPECT_FALSE(credentials.open_forward(text, "POST", "/s/x/", "h", kNow));
  EXPECT_FALSE(credentials.open_forward(text, "GET", "/s/y/", "h", kNow));
  EXPECT_FALSE(credentials.open_forward(text, "GET", "/s/x/", "other", kNow));
  EXPECT_FALSE(Credentials(kSecret + "x").open_forward(text, "GET", "/s/x/", "h", kNow));
}

TEST(CredentialsTest, AHintNamesItsSender) {
  const Credentials credentials(kSecret);
  EXPECT_EQ(credentials.open_hint(credentials.hint(core::NodeId{5})), core::NodeId{5});
  EXPECT_EQ(credentials.open_hint("rubbish"), std::nullopt);
  EXPECT_EQ(Credentials(kSecret + "x").open_hint(credentials.hint(core::NodeId{5})), std::nullopt);
}

}  // namespace
}  // namespace homing::net
