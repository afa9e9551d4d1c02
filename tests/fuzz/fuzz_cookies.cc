// SPDX-License-Identifier: Apache-2.0
//
// Cookies: the first of a name is found as a plain reading of the field finds it, ours are never written on, and a
// login or route cookie opens only when it is whole, ours, this user's, this session's and in time.
#include <optional>
#include <string>
#include <vector>

#include "router/core/archive.h"
#include "router/core/check.h"
#include "router/wire/write.h"
#include "tests/fuzz/seal_inputs.h"

namespace {

using namespace homing;

std::string trimmed(std::string text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The definition: fields in order, pieces between semicolons in order, the first with this name.
std::optional<std::string> plainly(const std::vector<std::string>& fields, const std::string& name) {
  for (const std::string& field : fields) {
    std::size_t begin = 0;
    while (begin <= field.size()) {
      const std::size_t end = std::min(field.find(';', begin), field.size());
      const std::string pair = trimmed(field.substr(begin, end - begin));
      if (pair.starts_with(name + "=")) return pair.substr(name.size() + 1);
      begin = end + 1;
    }
  }
  return std::nullopt;
}

void check_head(const std::vector<std::string>& cookies) {
  std::string raw = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (const std::string& cookie : cookies) {
    if (cookie.find_first_of("\r\n") != std::string::npos) return;
    raw += "Cookie: " + cookie + "\r\n";
  }
  raw += "\r\n";
  wire::RequestHead head;
  if (!head.parse(raw).done()) return;
  for (const std::string name : {"homing_login", "homing_route", "a", "b"}) {
    const auto found = wire::cookie_value(head, name);
    const auto expected = plainly(cookies, name);
    CHECK(found.has_value() == expected.has_value());
    CHECK(!found || *found == *expected);
  }
  std::string out;
  CHECK(wire::write_request(head, {}, out));
  wire::RequestHead again;
  CHECK(again.parse(out).done());
  CHECK(!wire::cookie_value(again, net::kLoginCookie) && !wire::cookie_value(again, net::kRouteCookie));
  for (const std::string name : {"a", "b"}) {
    const auto kept = wire::cookie_value(again, name);
    const auto expected = plainly(cookies, name);
    CHECK(kept.has_value() == expected.has_value() && (!kept || *kept == *expected));
  }
}

// A login cookie made from the input, spoiled or not.
std::string check_login(fuzz::Bytes& input) {
  const auto user = net::make_user(input.word());
  const net::WallSeconds expires = fuzz::kNow + static_cast<net::WallSeconds>(input.number(1)) - 128;
  const net::User whom = user ? *user : net::User{"ada", net::user_id_of("ada")};
  const std::string text = fuzz::credentials().login_cookie(whom, expires);
  const auto opened = fuzz::credentials().open_login_cookie(text, fuzz::kNow);
  CHECK(opened.has_value() == (expires > fuzz::kNow));
  CHECK(!opened || (opened->user.name == whom.name && opened->user.id == whom.id && opened->expires == expires));
  CHECK(!fuzz::credentials().open_login_token(text, fuzz::kNow));  // another purpose, another key
  const std::string other = fuzz::spoiled(text, input);
  CHECK(other == text || !fuzz::credentials().open_login_cookie(other, fuzz::kNow));
  return other;
}

std::string check_route(fuzz::Bytes& input) {
  net::RouteCookie cookie;
  cookie.session.hi = fuzz::number64(input);
  cookie.session.lo = fuzz::number64(input);
  cookie.user = core::UserId{fuzz::number64(input)};
  cookie.node = core::NodeId{input.number(4)};
  cookie.incarnation = core::Incarnation{input.number(4)};
  cookie.epoch = core::Epoch{input.number(4)};
  cookie.expires = fuzz::kNow + static_cast<net::WallSeconds>(input.number(1)) - 128;
  const std::string text = fuzz::credentials().route_cookie(cookie);
  const auto open = [&](const std::string& what, const core::SessionId& session, core::UserId user) {
    return fuzz::credentials().open_route_cookie(what, session, user, fuzz::kNow);
  };
  const auto opened = open(text, cookie.session, cookie.user);
  CHECK(opened.has_value() == (cookie.expires > fuzz::kNow));
  CHECK(!opened || (opened->node == cookie.node && opened->incarnation == cookie.incarnation &&
                    opened->epoch == cookie.epoch && opened->expires == cookie.expires));
  CHECK(!open(text, {cookie.session.hi, cookie.session.lo ^ 1U}, cookie.user));
  CHECK(!open(text, cookie.session, core::UserId{cookie.user.value ^ 1U}));
  const std::string other = fuzz::spoiled(text, input);
  CHECK(other == text || !open(other, cookie.session, cookie.user));
  return other;
}

// Any payload under a true signature.
void check_payload(std::string_view payload) {
  const std::string login = net::Key(fuzz::kSecret, "login cookie").seal(payload);
  const auto opened = fuzz::credentials().open_login_cookie(login, fuzz::kNow);
  CHECK(!opened || (net::plain_user_name(opened->user.name) && opened->expires > fuzz::kNow));
  const std::string route = net::Key(fuzz::kSecret, "route cookie").seal(payload);
  const auto hint = fuzz::credentials().open_route_cookie(route, {}, {}, fuzz::kNow);
  CHECK(!hint || hint->expires > fuzz::kNow);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw = fuzz::text_of(data, size);
  // The fuzzer learns good texts by watching comparisons, and each value has one text only.
  if (const auto login = fuzz::credentials().open_login_cookie(raw, fuzz::kNow)) {
    CHECK(fuzz::credentials().login_cookie(login->user, login->expires) == raw);
  }
  fuzz::Bytes input(data, size);
  const std::uint32_t what = input.number(1);
  if (what % 4 == 3) {
    check_payload(raw.substr(1));
    return 0;
  }
  std::string ours;
  if (what % 4 == 1) ours = "homing_login=" + check_login(input) + "; ";
  if (what % 4 == 2) ours = "homing_route=" + check_route(input) + "; ";
  const std::string first(trimmed(std::string(input.word())));
  const std::string second(trimmed(ours + std::string(input.word())));
  check_head({first, second});
  return 0;
}
