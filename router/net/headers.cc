// SPDX-License-Identifier: Apache-2.0
#include "router/net/headers.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "router/core/check.h"

namespace homing::net {

namespace {

constexpr std::string_view kWebSocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Boost's string_view to the standard one.
template <class View>
std::string_view view(const View& text) {
  return {text.data(), text.size()};
}

HeadError bad(std::string why) {
  return {http::status::bad_request, std::move(why)};
}

constexpr std::array<std::string_view, 9> kHopByHop = {"connection",         "keep-alive", "proxy-connection",
                                                       "proxy-authenticate", "te",         "proxy-authorization",
                                                       "transfer-encoding",  "trailer",    "upgrade"};

// Names that a client may not have removed by listing them in Connection.
constexpr std::array<std::string_view, 8> kProtected = {"host",   "cookie",  "authorization", "content-length",
                                                        "origin", "referer", "forwarded",     "set-cookie"};

std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) out.push_back(c == '_' ? '-' : lower(c));
  return out;
}

bool is_identity_name(std::string_view folded_name) {
  for (const std::string_view prefix : {"homing-", "x-homing-", "x-forwarded-", "x-rstudio-"}) {
    if (folded_name.starts_with(prefix)) return true;
  }
  for (const std::string_view name : {"forwarded", "x-real-ip", "remote-user", "x-remote-user", "x-auth-user",
                                      "x-authenticated-user", "x-request-id", "x-original-url", "x-rewrite-url"}) {
    if (folded_name == name) return true;
  }
  return false;
}

bool is_own_cookie(std::string_view name) {
  return name.starts_with("homing_") || name.starts_with("__Host-homing_");
}

std::optional<HeadError> check_framing(const Fields& fields, bool http11) {
  const std::size_t encodings = field_count(fields, "transfer-encoding");
  const std::size_t lengths = field_count(fields, "content-length");
  if (encodings > 0) {
    if (!http11) return bad("Transfer-Encoding in HTTP/1.0");
    if (lengths > 0) return bad("Transfer-Encoding together with Content-Length");
    if (encodings > 1) return bad("more than one Transfer-Encoding");
    if (!same_text(field_value(fields, "transfer-encoding"), "chunked")) {
      return HeadError{http::status::not_implemented, "a Transfer-Encoding other than chunked"};
    }
  }
  if (lengths > 1) return bad("more than one Content-Length");
  if (lengths == 1) {
    const std::string_view value = field_value(fields, "content-length");
    if (value.empty() || value.size() > 18 ||
        !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
      return bad("Content-Length is not a number");
    }
  }
  return std::nullopt;
}

}  // namespace

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> list_items(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view item = trim(list.substr(0, comma));
    if (!item.empty()) out.push_back(item);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return out;
}

std::vector<std::string_view> field_items(const Fields& fields, std::string_view name) {
  std::vector<std::string_view> out;
  for (const auto& field : fields) {
    if (!same_text(view(field.name_string()), name)) continue;
    for (const std::string_view item : list_items(view(field.value()))) out.push_back(item);
  }
  return out;
}

std::string_view field_value(const Fields& fields, std::string_view name) {
  for (const auto& field : fields) {
    if (same_text(view(field.name_string()), name)) return trim(view(field.value()));
  }
  return {};
}

std::size_t field_count(const Fields& fields, std::string_view name) {
  std::size_t count = 0;
  for (const auto& field : fields) count += same_text(view(field.name_string()), name) ? 1 : 0;
  return count;
}

void erase_field(Fields& fields, std::string_view name) {
  for (auto it = fields.begin(); it != fields.end();) {
    it = same_text(view(it->name_string()), name) ? fields.erase(it) : std::next(it);
  }
}

std::optional<std::string> check_response_head(const ResponseHead& head) {
  if (const auto error = check_framing(head, head.version() == 11)) return error->why;
  if (head.result_int() < 100 || head.result_int() > 999) return "a status that is none";
  return std::nullopt;
}

bool has_body(const RequestHead& head) {
  if (field_count(head, "transfer-encoding") > 0) return true;
  const std::string_view length = field_value(head, "content-length");
  return length.find_first_not_of('0') != std::string_view::npos;
}

std::string_view upgrade_protocol(const RequestHead& head) {
  if (head.version() != 11) return {};
  const auto options = field_items(head, "connection");
  if (!std::ranges::any_of(options, [](std::string_view o) { return same_text(o, "upgrade"); })) return {};
  for (const std::string_view item : field_items(head, "upgrade")) {
    if (!same_text(item, "h2c")) return item;
  }
  return {};
}

std::string websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + std::string(kWebSocketGuid);
  std::array<unsigned char, 20> digest{};
  unsigned int size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1 && size == digest.size());
  std::array<unsigned char, 32> out{};
  const int written = EVP_EncodeBlock(out.data(), digest.data(), static_cast<int>(digest.size()));
  return {out.begin(), out.begin() + written};
}

bool completes_upgrade(const RequestHead& request, const ResponseHead& answer) {
  if (answer.result() != http::status::switching_protocols) return false;
  const auto options = field_items(answer, "connection");
  if (!std::ranges::any_of(options, [](std::string_view o) { return same_text(o, "upgrade"); })) return false;
  const auto offered = field_items(answer, "upgrade");
  if (offered.size() != 1 || !same_text(offered.front(), upgrade_protocol(request))) return false;
  if (!same_text(offered.front(), "websocket")) return true;
  return field_count(answer, "sec-websocket-accept") == 1 &&
         field_value(answer, "sec-websocket-accept") == websocket_accept(field_value(request, "sec-websocket-key"));
}

bool accepts_html(const RequestHead& head) {
  for (const std::string_view item : field_items(head, "accept")) {
    if (same_text(trim(item.substr(0, item.find(';'))), "text/html")) return true;
  }
  return false;
}

bool is_navigation(const RequestHead& head) {
  if (!upgrade_protocol(head).empty()) return false;
  const std::string_view mode = field_value(head, "sec-fetch-mode");
  if (!mode.empty()) return same_text(mode, "navigate");
  return head.method() == http::verb::get && accepts_html(head);
}

bool same_origin(const RequestHead& head) {
  const std::size_t count = field_count(head, "origin");
  if (count == 0) return true;
  if (count > 1) return false;
  std::string_view origin = field_value(head, "origin");
  const std::size_t slashes = origin.find("://");
  if (slashes == std::string_view::npos) return false;
  return same_text(origin.substr(slashes + 3), field_value(head, "host"));
}

std::optional<HeadError> strip_connection_fields(Fields& fields) {
  std::vector<std::string> named;
  for (const std::string_view item : field_items(fields, "connection")) named.emplace_back(item);
  for (const std::string& name : named) {
    const std::string plain = folded(name);
    if (std::ranges::find(kProtected, plain) != kProtected.end() || is_identity_name(plain)) {
      return bad("Connection names a field that it may not remove");
    }
  }
  for (const std::string& name : named) {
    // What these two ask for is done by us, on this connection.
    if (!same_text(name, "close") && !same_text(name, "keep-alive")) erase_field(fields, name);
  }
  for (const std::string_view name : kHopByHop) erase_field(fields, name);
  return std::nullopt;
}

void strip_answer_fields(Fields& fields) {
  std::vector<std::string> named;
  for (const std::string_view item : field_items(fields, "connection")) named.emplace_back(item);
  for (const std::string& name : named) {
    if (std::ranges::find(kProtected, folded(name)) == kProtected.end()) erase_field(fields, name);
  }
  for (const std::string_view name : kHopByHop) erase_field(fields, name);
  for (auto it = fields.begin(); it != fields.end();) {
    it = folded(view(it->name_string())).starts_with("homing-") ? fields.erase(it) : std::next(it);
  }
  strip_own_set_cookies(fields);
}

void strip_identity_fields(Fields& fields, std::string_view trusted_header) {
  const std::string trusted = folded(trusted_header);
  for (auto it = fields.begin(); it != fields.end();) {
    const std::string name = folded(view(it->name_string()));
    it = is_identity_name(name) || name == trusted ? fields.erase(it) : std::next(it);
  }
}

std::optional<std::string_view> cookie_value(const Fields& fields, std::string_view name) {
  for (const auto& field : fields) {
    if (!same_text(view(field.name_string()), "cookie")) continue;
    std::string_view rest = view(field.value());
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      const std::string_view pair = trim(rest.substr(0, end));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
  }
  return std::nullopt;
}

void strip_own_cookies(Fields& fields) {
  std::vector<std::string> kept;
  bool changed = false;
  for (const auto& field : fields) {
    if (!same_text(view(field.name_string()), "cookie")) continue;
    std::string_view rest = view(field.value());
    std::string out;
    while (!rest.empty()) {
      const std::size_t end = rest.find(';');
      const std::string_view pair = trim(rest.substr(0, end));
      if (is_own_cookie(trim(pair.substr(0, pair.find('='))))) {
        changed = true;
      } else if (!pair.empty()) {
        if (!out.empty()) out += "; ";
        out += pair;
      }
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    kept.push_back(std::move(out));
  }
  if (!changed) return;
  erase_field(fields, "cookie");
  for (const std::string& value : kept) {
    if (!value.empty()) fields.insert(http::field::cookie, value);
  }
}

void strip_own_set_cookies(Fields& fields) {
  for (auto it = fields.begin(); it != fields.end();) {
    const bool own = same_text(view(it->name_string()), "set-cookie") &&
                     is_own_cookie(trim(view(it->value()).substr(0, view(it->value()).find('='))));
    it = own ? fields.erase(it) : std::next(it);
  }
}

}  // namespace homing::net
