// SPDX-License-Identifier: Apache-2.0
//
// Everything this cluster signs: session ids, login links and cookies, route cookies, heads forwarded between nodes.
//
// Intuition: a forged text is the same as no text. Nothing here says why something did not open, so that nobody learns
// by trying; nothing here is ever logged.
//
// Session id as text: 128 random bits and a 32-bit keyed check, 32 characters of base 32. The check refuses made-up
// ids without a look-up; what protects a session is that its owner is asked for on every request.
// Times are wall seconds, used for expiry only; nothing else depends on them.
// Thread class: Credentials is immutable, so thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "router/core/ids.h"
#include "router/net/crypto.h"

namespace homing::net {

// Seconds of wall time since 1970.
using WallSeconds = std::int64_t;

// A signed-in person. `name` is plain: [A-Za-z0-9._@-], 1 to 64 characters.
struct User {
  std::string name;
  core::UserId id{};
};

bool plain_user_name(std::string_view name);
// The core's name of a user: the first eight bytes of SHA-256 of the name, big-endian.
core::UserId user_id_of(std::string_view name);
// Nothing unless the name is plain.
std::optional<User> make_user(std::string_view name);

// A hint in the browser: where the session was when it last answered.
struct RouteCookie {
  core::SessionId session;
  core::UserId user{};
  core::NodeId node = core::kNoNode;
  core::Incarnation incarnation{};
  core::Epoch epoch{};
  WallSeconds expires = 0;
  template <class A>
  void archive(A& a) {
    a(session, user, node, incarnation, epoch, expires);
  }
};

// What a node says of a request that it hands to the holder. The seal also covers method, target and Host.
struct ForwardClaims {
  core::NodeId from = core::kNoNode;
  core::Incarnation from_incarnation{};
  core::NodeId to = core::kNoNode;
  core::SessionId session;
  core::Epoch epoch{};
  std::string user;
  std::string client;      // address of the person's client
  std::string scheme;      // http or https, as the client spoke
  std::string request_id;  // the same in both nodes' logs
  WallSeconds time = 0;
  std::uint64_t nonce = 0;
  template <class A>
  void archive(A& a) {
    a(from, from_incarnation, to, session, epoch, user, client, scheme, request_id, time, nonce);
  }
};

inline constexpr WallSeconds kLoginSeconds = 12 * 3600;
inline constexpr WallSeconds kRouteSeconds = 7 * 24 * 3600;
inline constexpr WallSeconds kForwardSeconds = 5;  // a forwarded head is believed this long, either way

inline constexpr std::string_view kLoginCookie = "homing_login";
inline constexpr std::string_view kRouteCookie = "homing_route";

class Credentials {
 public:
  explicit Credentials(std::string_view secret);

  static core::SessionId new_session_id();
  std::string session_text(const core::SessionId& id) const;
  // Nothing for a text that this cluster did not make.
  std::optional<core::SessionId> session_from(std::string_view text) const;

  // A link's token names a user once and for all until it expires; the cookie is what it is exchanged for.
  std::string login_token(const User& user, WallSeconds expires) const;
  std::optional<User> open_login_token(std::string_view text, WallSeconds now) const;
  std::string login_cookie(const User& user, WallSeconds expires) const;
  struct Login {
    User user;
    WallSeconds expires = 0;
  };
  std::optional<Login> open_login_cookie(std::string_view text, WallSeconds now) const;

  std::string route_cookie(const RouteCookie& cookie) const;
  // Nothing unless it was made for this session and this user and has not expired.
  std::optional<RouteCookie> open_route_cookie(std::string_view text, const core::SessionId& session, core::UserId user,
                                               WallSeconds now) const;

  std::string forward(const ForwardClaims& claims, std::string_view method, std::string_view target,
                      std::string_view host) const;
  // Nothing unless sealed for exactly this head within kForwardSeconds. The nonce is the caller's to remember.
  std::optional<ForwardClaims> open_forward(std::string_view text, std::string_view method, std::string_view target,
                                            std::string_view host, WallSeconds now) const;

  // Datagrams between nodes that say "look at the store".
  std::string hint(core::NodeId from) const;
  std::optional<core::NodeId> open_hint(std::string_view text) const;

 private:
  std::string login_text(const Key& key, const User& user, WallSeconds expires) const;
  std::optional<Login> open_login(const Key& key, std::string_view text, WallSeconds now) const;
  Key session_key_;
  Key token_key_;
  Key login_key_;
  Key route_key_;
  Key forward_key_;
  Key hint_key_;
};

WallSeconds wall_seconds();

}  // namespace homing::net
