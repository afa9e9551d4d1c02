// SPDX-License-Identifier: Apache-2.0
#include "router/net/credentials.h"

#include <algorithm>
#include <chrono>

#include "router/core/archive.h"

namespace homing::net {

namespace {

constexpr std::size_t kCheckBytes = 4;
constexpr std::size_t kMaxText = 2048;  // longer texts are not looked at
constexpr std::size_t kMaxUserName = 64;

std::string bytes_of(const core::SessionId& id) {
  std::string out;
  for (const std::uint64_t half : {id.hi, id.lo}) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>((half >> shift) & 0xff));
  }
  return out;
}

template <class T>
std::string pack(const T& value) {
  core::Writer writer;
  writer(value);
  return writer.take();
}

template <class T>
std::optional<T> unpack(const std::optional<std::string>& bytes) {
  if (!bytes) return std::nullopt;
  T value{};
  core::Reader reader(*bytes);
  reader(value);
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return value;
}

struct LoginText {
  std::string user;
  WallSeconds expires = 0;
  template <class A>
  void archive(A& a) {
    a(user, expires);
  }
};

std::string bound_to(std::string_view method, std::string_view target, std::string_view host) {
  std::string out(method);
  out += '\n';
  out += target;
  out += '\n';
  out += host;
  return out;
}

}  // namespace

bool plain_user_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxUserName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '@' || c == '-';
  });
}

core::UserId user_id_of(std::string_view name) {
  const Digest digest = sha256(name);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = (value << 8) | digest[i];
  return core::UserId{value};
}

std::optional<User> make_user(std::string_view name) {
  if (!plain_user_name(name)) return std::nullopt;
  return User{std::string(name), user_id_of(name)};
}

WallSeconds wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Credentials::Credentials(std::string_view secret)
    : session_key_(secret, "session id"),
      token_key_(secret, "login token"),
      login_key_(secret, "login cookie"),
      route_key_(secret, "route cookie"),
      forward_key_(secret, "forwarded head"),
      hint_key_(secret, "hint") {}

core::SessionId Credentials::new_session_id() {
  core::SessionId id;
  random_bytes(&id.hi, sizeof id.hi);
  random_bytes(&id.lo, sizeof id.lo);
  return id;
}

std::string Credentials::session_text(const core::SessionId& id) const {
  const std::string bytes = bytes_of(id);
  return to_base32(bytes + session_key_.sign(bytes, kCheckBytes));
}

std::optional<core::SessionId> Credentials::session_from(std::string_view text) const {
  if (text.size() != 32) return std::nullopt;
  const auto bytes = from_base32(text);
  if (!bytes || bytes->size() != 16 + kCheckBytes) return std::nullopt;
  const std::string_view id_bytes = std::string_view(*bytes).substr(0, 16);
  if (!equal_in_constant_time(std::string_view(*bytes).substr(16), session_key_.sign(id_bytes, kCheckBytes))) {
    return std::nullopt;
  }
  core::SessionId id;
  for (std::size_t i = 0; i < 8; ++i) id.hi = (id.hi << 8) | static_cast<std::uint8_t>(id_bytes[i]);
  for (std::size_t i = 8; i < 16; ++i) id.lo = (id.lo << 8) | static_cast<std::uint8_t>(id_bytes[i]);
  return id;
}

std::string Credentials::login_text(const Key& key, const User& user, WallSeconds expires) const {
  return key.seal(pack(LoginText{user.name, expires}));
}

std::optional<Credentials::Login> Credentials::open_login(const Key& key, std::string_view text,
                                                          WallSeconds now) const {
  if (text.size() > kMaxText) return std::nullopt;
  const auto login = unpack<LoginText>(key.open(text));
  if (!login || login->expires <= now) return std::nullopt;
  auto user = make_user(login->user);
  if (!user) return std::nullopt;
  return Login{std::move(*user), login->expires};
}

std::string Credentials::login_token(const User& user, WallSeconds expires) const {
  return login_text(token_key_, user, expires);
}

std::optional<User> Credentials::open_login_token(std::string_view text, WallSeconds now) const {
  auto login = open_login(token_key_, text, now);
  if (!login) return std::nullopt;
  return std::move(login->user);
}

std::string Credentials::login_cookie(const User& user, WallSeconds expires) const {
  return login_text(login_key_, user, expires);
}

std::optional<Credentials::Login> Credentials::open_login_cookie(std::string_view text, WallSeconds now) const {
  return open_login(login_key_, text, now);
}

std::string Credentials::route_cookie(const RouteCookie& cookie) const {
  return route_key_.seal(pack(cookie));
}

std::optional<RouteCookie> Credentials::open_route_cookie(std::string_view text, const core::SessionId& session,
                                                          core::UserId user, WallSeconds now) const {
  if (text.size() > kMaxText) return std::nullopt;
  const auto cookie = unpack<RouteCookie>(route_key_.open(text));
  if (!cookie || cookie->session != session || cookie->user != user || cookie->expires <= now) return std::nullopt;
  return cookie;
}

std::string Credentials::forward(const ForwardClaims& claims, std::string_view method, std::string_view target,
                                 std::string_view host) const {
  return forward_key_.seal(pack(claims), bound_to(method, target, host));
}

std::optional<ForwardClaims> Credentials::open_forward(std::string_view text, std::string_view method,
                                                       std::string_view target, std::string_view host,
                                                       WallSeconds now) const {
  if (text.size() > kMaxText) return std::nullopt;
  const auto claims = unpack<ForwardClaims>(forward_key_.open(text, bound_to(method, target, host)));
  if (!claims || claims->time < now - kForwardSeconds || claims->time > now + kForwardSeconds) return std::nullopt;
  if (!plain_user_name(claims->user)) return std::nullopt;
  return claims;
}

std::string Credentials::hint(core::NodeId from) const {
  return hint_key_.seal(pack(from));
}

std::optional<core::NodeId> Credentials::open_hint(std::string_view text) const {
  if (text.size() > kMaxText) return std::nullopt;
  return unpack<core::NodeId>(hint_key_.open(text));
}

}  // namespace homing::net
