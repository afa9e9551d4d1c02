// SPDX-License-Identifier: Apache-2.0
#include "router/wire/rewrite.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "router/wire/path.h"
#include "router/wire/text.h"

namespace homing::wire {

namespace {

bool starts_with_text(std::string_view text, std::string_view lower_case) {
  return text.size() >= lower_case.size() && same_text(text.substr(0, lower_case.size()), lower_case);
}

bool is_slash(char c) {
  return c == '/' || c == '\\';
}

bool inside(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || std::string_view("/?#").find(path[prefix.size()]) != std::string_view::npos;
}

// A host and port without the port that is the scheme's own.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view port = same_text(scheme, "https") ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  if (authority.ends_with(':')) authority.remove_suffix(1);
  return authority;
}

// prefix + path, where `reference` begins with a path that is absolute or empty. Without dot segments it stays as it
// was written.
void append_prefixed(std::string_view reference, std::string_view prefix, std::string& out) {
  const std::size_t end = std::min(reference.find_first_of("?#"), reference.size());
  const std::string_view path = end == 0 ? "/" : reference.substr(0, end);
  std::string plain;
  append_without_dots(path, plain);
  if (plain.size() == path.size()) plain = path;
  plain.front() = '/';
  if (!inside(plain, prefix)) out += prefix;
  out += plain;
  out += reference.substr(end);
}

// The last segment of the target replaced by the relative path.
std::string merged(std::string_view target, std::string_view relative) {
  const std::string_view path = target.substr(0, target.find_first_of("?#"));
  const std::size_t slash = path.rfind('/');
  std::string out(slash == std::string_view::npos ? "/" : path.substr(0, slash + 1));
  return out += relative;
}

bool has_dot_segment(std::string_view path) {
  path = path.substr(0, path.find_first_of("?#"));
  std::string plain;
  const std::string absolute = "/" + std::string(path);
  append_without_dots(absolute, plain);
  return plain.size() != absolute.size();
}

// `scheme:` at the front, or nothing: RFC 3986 3.1.
std::optional<std::string_view> scheme_of(std::string_view reference) {
  if (reference.empty() || !is_alpha(reference.front())) return std::nullopt;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const char c = reference[i];
    if (c == ':') return reference.substr(0, i);
    if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return std::nullopt;
  }
  return std::nullopt;
}

// `after` stands behind `scheme://` or `//`. False: another origin's.
bool rewrite_authority(std::string_view scheme, std::string_view after, const Stripped& where, std::string& out) {
  const std::size_t end = std::min(after.find_first_of("/\\?#"), after.size());
  const std::string_view authority = after.substr(0, end);
  if (authority.empty() ||
      !same_text(without_default_port(authority, scheme), without_default_port(where.host, where.scheme))) {
    return false;
  }
  // From plain to TLS on one host: that is what it wants to say. All else is this very origin, and a program behind a
  // proxy may be wrong about the scheme: then only the path is said.
  if (same_text(scheme, "https") && !same_text(where.scheme, "https")) {
    (((out += scheme) += "://") += authority);
  }
  append_prefixed(after.substr(end), where.prefix, out);
  return true;
}

std::string without_tabs(std::string_view text) {
  std::string out(text);
  std::erase(out, '\t');
  return out;
}

bool covers(std::string_view domain, std::string_view host) {
  if (domain.starts_with('.')) domain.remove_prefix(1);
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && !host.ends_with(']')) host = host.substr(0, colon);
  if (domain.empty() || domain.size() > host.size()) return false;
  if (!same_text(host.substr(host.size() - domain.size()), domain)) return false;
  return domain.size() == host.size() || host[host.size() - domain.size() - 1] == '.';
}

}  // namespace

void append_stripped_target(std::string_view rest, std::string& out) {
  while (!rest.empty() && is_slash(rest.front())) rest.remove_prefix(1);
  out += '/';
  out += rest;
}

bool rewrite_location(std::string_view location, const Stripped& where, std::string& out) {
  // Browsers leave tabs out before they read a URL.
  if (location.find('\t') != std::string_view::npos) {
    rewrite_location(without_tabs(location), where, out);
    return true;
  }
  const std::size_t begin = out.size();
  bool passed_on = false;
  if (const auto scheme = scheme_of(location)) {
    const std::string_view after = location.substr(scheme->size() + 1);
    const bool web = same_text(*scheme, "http") || same_text(*scheme, "https");
    passed_on = !web || !after.starts_with("//") || !rewrite_authority(*scheme, after.substr(2), where, out);
  } else if (location.starts_with("//")) {
    passed_on = !rewrite_authority(where.scheme, location.substr(2), where, out);
  } else if (!location.empty() && is_slash(location.front())) {
    append_prefixed(location, where.prefix, out);
  } else if (has_dot_segment(location)) {
    append_prefixed(merged(where.target, location), where.prefix, out);
  } else {
    passed_on = true;
  }
  if (passed_on) out += location;
  return std::string_view(out).substr(begin) != location;
}

bool rewrite_set_cookie(std::string_view value, const Stripped& where, std::string& out) {
  const std::size_t begin = out.size();
  const std::string_view original = value;
  const std::size_t pair_end = std::min(value.find(';'), value.size());
  const std::string_view pair = value.substr(0, pair_end);
  const bool host_cookie = starts_with_text(trim(pair), "__host-");
  out += pair;
  value.remove_prefix(pair_end);
  while (!value.empty()) {  // begins with `;`
    const std::size_t end = std::min(value.find(';', 1), value.size());
    const std::string_view attribute = value.substr(0, end);
    value.remove_prefix(end);
    const std::size_t equals = attribute.find('=');
    const std::string_view name = trim(attribute.substr(1, equals == std::string_view::npos ? equals : equals - 1));
    const std::string_view is = equals == std::string_view::npos ? "" : trim(attribute.substr(equals + 1));
    if (same_text(name, "domain") && covers(is, where.host)) continue;
    if (same_text(name, "path") && is.starts_with('/') && !host_cookie && !inside(is, where.prefix)) {
      out += attribute.substr(0, equals + 1);
      out += where.prefix;
      if (is != "/") out += is;  // `/s/ID` covers itself and all below
      continue;
    }
    out += attribute;
  }
  return std::string_view(out).substr(begin) != original;
}

}  // namespace homing::wire
