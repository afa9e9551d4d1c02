// SPDX-License-Identifier: Apache-2.0
#include "bench/beast_headers.h"

#include <algorithm>
#include <array>

namespace homing::bench {

namespace {

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

void strip_identity_fields(Fields& fields, std::string_view trusted_header) {
  const std::string trusted = folded(trusted_header);
  for (auto it = fields.begin(); it != fields.end();) {
    const std::string name = folded(view(it->name_string()));
    it = is_identity_name(name) || name == trusted ? fields.erase(it) : std::next(it);
  }
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

}  // namespace homing::bench
