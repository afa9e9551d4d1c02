// SPDX-License-Identifier: Apache-2.0
#include "router/wire/request_head.h"

#include <algorithm>
#include <array>

#include "router/core/check.h"
#include "router/wire/text.h"

namespace homing::wire {

namespace {

constexpr std::array<std::string_view, 18> kMethods = {"GET",   "HEAD",     "POST",      "PUT",    "DELETE",  "OPTIONS",
                                                       "PATCH", "PROPFIND", "PROPPATCH", "MKCOL",  "COPY",    "MOVE",
                                                       "LOCK",  "UNLOCK",   "SEARCH",    "REPORT", "CONNECT", "TRACE"};

// A first line is refused when it is not over by here.
constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kMaxConnectionItems = 32;  // each is looked for among all fields
constexpr std::size_t kMaxFirstLine = kMaxMethodBytes + 1 + kMaxTargetBytes + 1 + 8 + 2;

Method find_method(std::string_view text) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    if (kMethods[i] == text) return static_cast<Method>(i);
  }
  return Method::kOther;
}

// Looks at every byte: targets are good, and a loop without a way out is quicker.
bool is_target_text(std::string_view text) {
  bool bad = false;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    bad |= byte <= 0x20 || byte >= 0x7f || c == '#';
  }
  return !bad;
}

bool is_version(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
}

// 16 bytes in base64: 22 letters that matter and two of padding.
bool is_websocket_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  return std::ranges::all_of(key.substr(0, 22),
                             [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/'; });
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, is_digit);
}

}  // namespace

std::string_view to_string(Method method) {
  const auto i = static_cast<std::size_t>(method);
  return i < kMethods.size() ? kMethods[i] : std::string_view();
}

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  const bool v6 = text.front() == '[';
  const std::size_t end = v6 ? text.find(']') : text.find(':');
  if (v6 && end == std::string_view::npos) return false;
  const std::string_view name = v6 ? text.substr(1, end - 1) : text.substr(0, end);
  const auto in_name = [v6](char c) {
    if (v6) return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
    return is_alpha(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
  };
  if (name.empty() || !std::ranges::all_of(name, in_name)) return false;
  if (end == std::string_view::npos) return true;
  const std::string_view rest = text.substr(v6 ? end + 1 : end);
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

void RequestHead::release() {
  reset();
  fields_.release();
}

void RequestHead::begin() {
  state_ = State::kFirstLine;
  begin_ = 0;
  position_ = 0;
  trust_ = Trust::kPlain;
  oddity_ = {};
  authority_size_ = 0;
  upgrade_at_ = 0;
  upgrade_size_ = 0;
  wants_upgrade_ = false;
  is_websocket_ = false;
  expects_continue_ = false;
  framing_ = {};
}

Parsed RequestHead::refuse(std::uint16_t status, std::string_view why) {
  state_ = State::kFresh;
  return {Parsed::State::kRefused, 0, status, why};
}

void RequestHead::once(std::string_view oddity) {
  trust_ = Trust::kOnce;
  oddity_ = oddity;
}

Parsed RequestHead::parse(std::string_view so_far, const RequestRules& rules) {
  if (state_ == State::kFresh) begin();
  if (state_ == State::kFirstLine) {
    const Parsed line = first_line(so_far, rules);
    if (line.refused() || state_ == State::kFirstLine) return line;
  }
  switch (fields_.scan(so_far)) {
    case Fields::Scan::kBad:
      return refuse(fields_.too_many() ? 431 : 400, fields_.why());
    case Fields::Scan::kMore:
      if (so_far.size() >= kMaxHeadBytes) return refuse(431, "the head is too long");
      return {};
    case Fields::Scan::kDone:
      break;
  }
  return finish(so_far, rules);
}

// On kMore the state says whether the line is over.
Parsed RequestHead::first_line(std::string_view so_far, const RequestRules& rules) {
  if (position_ == 0 && so_far.starts_with('\r')) {
    if (so_far.size() < 2) return {};
    if (so_far[1] != '\n') return refuse(400, "CR without LF");
    begin_ = position_ = 2;
    once("an empty line before the request");
  }
  const std::string_view line = so_far.substr(0, std::min(so_far.size(), begin_ + kMaxFirstLine));
  position_ = find_control(line, position_);
  if (position_ == line.size() || (line[position_] == '\r' && position_ + 1 == line.size())) {
    if (line.size() < begin_ + kMaxFirstLine) return {};
    return refuse(414, "the first line is too long");
  }
  if (line[position_] != '\r') {
    return refuse(400, line[position_] == '\n' ? "a line that ends without CR" : "a control byte in the first line");
  }
  if (line[position_ + 1] != '\n') return refuse(400, "CR without LF");
  return read_first_line(so_far, position_, rules);
}

Parsed RequestHead::read_first_line(std::string_view so_far, std::size_t end, const RequestRules& rules) {
  const std::string_view line = so_far.substr(begin_, end - begin_);
  const std::size_t space = line.find(' ');
  const std::string_view method = line.substr(0, space);
  if (!is_token(method)) return refuse(400, "the method is no token");
  if (space == std::string_view::npos) return refuse(400, "the first line is not METHOD target HTTP/1.x");
  const std::size_t second = line.find(' ', space + 1);
  if (second == std::string_view::npos) return refuse(400, "the first line is not METHOD target HTTP/1.x");
  const std::string_view version = line.substr(second + 1);
  if (!is_version(version)) return refuse(400, "the first line is not METHOD target HTTP/1.x");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505, "only HTTP/1.0 and HTTP/1.1");
  version_ = version.back() == '1' ? Version::k11 : Version::k10;
  method_ = find_method(method);
  if (method_ == Method::kConnect || method_ == Method::kTrace) return refuse(405, "CONNECT and TRACE are not served");
  if ((rules.methods & method_bit(method_)) == 0) {
    return method_ == Method::kOther ? refuse(501, "an unknown method") : refuse(405, "a method that is not served");
  }
  method_at_ = static_cast<std::uint16_t>(begin_);
  method_size_ = static_cast<std::uint16_t>(method.size());
  target_at_ = static_cast<std::uint16_t>(begin_ + space + 1);
  target_size_ = static_cast<std::uint16_t>(second - space - 1);
  const Parsed target = read_target(so_far);
  if (target.refused()) return target;
  state_ = State::kFields;
  fields_.reset(end + 2);
  return {};
}

Parsed RequestHead::read_target(std::string_view so_far) {
  const std::string_view target = so_far.substr(target_at_, target_size_);
  if (target.size() > kMaxTargetBytes) return refuse(414, "the target is too long");
  if (target.empty() || !is_target_text(target)) {
    return refuse(400, "a byte in the target that does not belong there");
  }
  if (target.front() == '/') return {};
  if (target == "*" && method_ == Method::kOptions) return {};
  const std::size_t scheme = same_text(target.substr(0, 7), "http://")    ? 7
                             : same_text(target.substr(0, 8), "https://") ? 8
                                                                          : 0;
  if (scheme == 0) return refuse(400, "the target must begin with '/'");
  const std::size_t path = std::min(target.find_first_of("/?", scheme), target.size());
  if (!is_host(target.substr(scheme, path - scheme))) return refuse(400, "the target's authority is not host[:port]");
  authority_at_ = static_cast<std::uint16_t>(target_at_ + scheme);
  authority_size_ = static_cast<std::uint16_t>(path - scheme);
  return {};
}

Parsed RequestHead::finish(std::string_view so_far, const RequestRules& rules) {
  const std::size_t size = fields_.end();
  fields_.adopt(so_far.substr(0, size));
  if (fields_.has_alias()) return refuse(400, "another spelling of a field that frames or routes the message");
  Parsed verdict = judge_target();
  if (!verdict.refused()) verdict = judge_framing(rules);
  if (!verdict.refused()) verdict = judge_connection();
  if (!verdict.refused()) verdict = judge_upgrade();
  if (verdict.refused()) return verdict;
  state_ = State::kFresh;
  return {Parsed::State::kDone, size, 0, {}};
}

Parsed RequestHead::judge_target() {
  if (fields_.count(Name::kHost) != 1) return refuse(400, "exactly one Host is needed");
  if (!is_host(host())) return refuse(400, "Host is not host[:port]");
  if (authority_size_ == 0) return {};
  if (!same_text(fields_.at(authority_at_, authority_size_), host())) {
    return refuse(400, "the target's authority is not Host");
  }
  const std::size_t target_end = std::size_t{target_at_} + target_size_;
  const std::size_t path = std::size_t{authority_at_} + authority_size_;
  std::size_t begin = path;
  if (path == target_end || fields_.bytes()[path] == '?') {
    // No path: the last byte of the authority, which nobody reads again, becomes it.
    begin = path - 1;
    fields_.bytes()[begin] = path == target_end && method_ == Method::kOptions ? '*' : '/';
  }
  target_at_ = static_cast<std::uint16_t>(begin);
  target_size_ = static_cast<std::uint16_t>(target_end - begin);
  return {};
}

Parsed RequestHead::judge_framing(const RequestRules& rules) {
  const std::size_t encodings = fields_.count(Name::kTransferEncoding);
  const std::size_t lengths = fields_.count(Name::kContentLength);
  if (encodings > 0) {
    const std::string_view encoding = fields_.value_of(Name::kTransferEncoding);
    if (version_ == Version::k10) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (lengths > 0) return refuse(400, "Transfer-Encoding together with Content-Length");
    if (encodings > 1) return refuse(400, "more than one Transfer-Encoding");
    if (!is_token(encoding)) return refuse(400, "Transfer-Encoding is not one token");
    if (!same_text(encoding, "chunked")) return refuse(501, "a Transfer-Encoding other than chunked");
    framing_.kind = BodyKind::kChunked;
  }
  if (lengths > 1) return refuse(400, "more than one Content-Length");
  if (lengths == 1) {
    const auto length = parse_number(fields_.value_of(Name::kContentLength));
    if (!length) return refuse(400, "Content-Length is not a number");
    if (*length > rules.max_body) return refuse(413, "the body is too long");
    framing_ = {BodyKind::kLength, *length};
  }
  const bool odd = method_ == Method::kGet || method_ == Method::kHead || method_ == Method::kOptions;
  if (odd && has_body()) once("a body on GET, HEAD or OPTIONS");
  bool unknown = false;
  bool waits = false;
  fields_.for_each(Name::kExpect, [&](std::string_view value) {
    if (same_text(value, "100-continue")) {
      waits = true;
    } else {
      unknown = true;
    }
  });
  if (unknown) return refuse(417, "an unknown expectation");
  expects_continue_ = waits && version_ == Version::k11 && has_body();
  return {};
}

Parsed RequestHead::judge_connection() {
  bool close = false;
  bool keep = false;
  std::size_t items = 0;
  std::string_view wrong;
  fields_.for_each(Name::kConnection, [&](std::string_view value) {
    for_each_item(value, [&](std::string_view item) {
      if (++items > kMaxConnectionItems) {
        wrong = "Connection names too many fields";
      } else if (!is_token(item)) {
        wrong = "Connection is not a list of tokens";
      } else if (same_text(item, "close")) {
        close = true;
      } else if (same_text(item, "keep-alive")) {
        keep = true;
      } else if (same_text(item, "upgrade")) {
        wants_upgrade_ = version_ == Version::k11;
      } else if ((classify(item).traits & (kProtected | kAlias)) != 0) {
        wrong = "Connection names a field that is not the client's to remove";
      } else {
        fields_.mark_listed(item);
      }
    });
  });
  if (!wrong.empty()) return refuse(400, wrong);
  if (close && keep) once("close and keep-alive together");
  keep_alive_ = version_ == Version::k11 && !close;
  return {};
}

Parsed RequestHead::judge_upgrade() {
  if (!wants_upgrade_) return {};
  std::string_view wanted;
  bool wrong = false;
  fields_.for_each(Name::kUpgrade, [&](std::string_view value) {
    for_each_item(value, [&](std::string_view item) {
      wrong = wrong || has_obs_text(item) || item.find_first_of(" \t;\"") != std::string_view::npos;
      if (wanted.empty() && !same_text(item, "h2c")) wanted = item;
    });
  });
  if (wrong) return refuse(400, "Upgrade is not a list of protocols");
  if (wanted.empty()) return {};
  if (method_ != Method::kGet) return refuse(400, "an upgrade must be a GET");
  if (has_body()) return refuse(400, "an upgrade must not have a body");
  is_websocket_ = same_text(wanted, "websocket");
  if (is_websocket_) {
    if (fields_.count(Name::kSecWebSocketKey) != 1 || !is_websocket_key(fields_.value_of(Name::kSecWebSocketKey))) {
      return refuse(400, "Sec-WebSocket-Key is missing or wrong");
    }
    if (fields_.count(Name::kSecWebSocketVersion) != 1 || fields_.value_of(Name::kSecWebSocketVersion) != "13") {
      return refuse(426, "only version 13 of WebSocket");
    }
  }
  upgrade_at_ = static_cast<std::uint16_t>(wanted.data() - fields_.bytes());
  upgrade_size_ = static_cast<std::uint16_t>(wanted.size());
  return {};
}

}  // namespace homing::wire
