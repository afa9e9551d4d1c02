// SPDX-License-Identifier: Apache-2.0
#include "bench/beast_layer.h"

#include <algorithm>
#include <cstdint>

namespace homing::bench {

namespace {

constexpr std::size_t kMaxFields = 128;
constexpr std::size_t kMaxTargetBytes = 8 * 1024;

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Boost's string_view to the standard one.
template <class View>
std::string_view view(const View& text) {
  return {text.data(), text.size()};
}

HeadError bad(std::string why) {
  return {http::status::bad_request, std::move(why)};
}

std::optional<HeadError> check_host(std::string_view host) {
  if (host.empty() || host.size() > 255) return bad("Host is empty or too long");
  const bool v6 = host.front() == '[';
  const std::size_t end = v6 ? host.find(']') : host.find(':');
  if (v6 && end == std::string_view::npos) return bad("Host is not host[:port]");
  const std::string_view name = host.substr(0, v6 ? end + 1 : end);
  const std::string_view rest = end == std::string_view::npos ? "" : host.substr(v6 ? end + 1 : end);
  const auto name_char = [v6](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || (v6 && (c == ':' || c == '[' || c == ']'));
  };
  if (name.empty() || !std::ranges::all_of(name, name_char)) return bad("Host is not host[:port]");
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!rest.empty() && (rest.front() != ':' || rest.size() > 6 || !std::ranges::all_of(rest.substr(1), digit))) {
    return bad("Host is not host[:port]");
  }
  return std::nullopt;
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

std::optional<HeadError> check_raw_head(std::string_view head) {
  std::size_t lines = 0;
  std::size_t begin = 0;
  while (begin < head.size()) {
    const std::size_t end = head.find("\r\n", begin);
    if (end == std::string_view::npos) return bad("a line without CRLF");
    const std::string_view line = head.substr(begin, end - begin);
    for (const char c : line) {
      const auto byte = static_cast<std::uint8_t>(c);
      if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return bad("a control byte");
    }
    if (lines > 0 && !line.empty()) {
      if (line.front() == ' ' || line.front() == '\t') return bad("a folded line");
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos || colon == 0 || !std::ranges::all_of(line.substr(0, colon), is_token_char)) {
        return bad("a field name that is no token");
      }
    }
    if (lines == 0 && line.find('\t') != std::string_view::npos) return bad("a tab in the first line");
    ++lines;
    begin = end + 2;
  }
  if (lines > kMaxFields + 2) return HeadError{http::status::request_header_fields_too_large, "too many fields"};
  return std::nullopt;
}

std::optional<HeadError> check_request_head(const RequestHead& head) {
  if (head.version() != 10 && head.version() != 11) {
    return HeadError{http::status::http_version_not_supported, "only HTTP/1.0 and HTTP/1.1"};
  }
  switch (head.method()) {
    case http::verb::unknown:
      return HeadError{http::status::not_implemented, "an unknown method"};
    case http::verb::connect:
    case http::verb::trace:
      return HeadError{http::status::method_not_allowed, "CONNECT and TRACE are not served"};
    default:
      break;
  }
  const std::string_view target = view(head.target());
  if (target.size() > kMaxTargetBytes) return HeadError{http::status::uri_too_long, "the target is too long"};
  if (!target.starts_with('/')) return bad("the target must begin with '/'");
  for (const char c : target) {
    if (static_cast<std::uint8_t>(c) < 0x21 || static_cast<std::uint8_t>(c) > 0x7e || c == '#') {
      return bad("a byte in the target that does not belong there");
    }
  }
  if (field_count(head, "host") != 1) return bad("exactly one Host is needed");
  if (auto error = check_host(field_value(head, "host"))) return error;
  if (auto error = check_framing(head, head.version() == 11)) return error;
  for (const std::string_view item : field_items(head, "expect")) {
    if (!same_text(item, "100-continue")) return HeadError{http::status::expectation_failed, "an unknown expectation"};
  }
  return std::nullopt;
}

}  // namespace homing::bench
