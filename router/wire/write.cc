// SPDX-License-Identifier: Apache-2.0
#include "router/wire/write.h"

#include <algorithm>
#include <array>

#include "router/core/check.h"
#include "router/wire/text.h"

namespace homing::wire {

namespace {

void append_field(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_framing(const Framing& framing, std::string& out) {
  std::array<char, 20> digits{};
  if (framing.kind == BodyKind::kChunked) append_field("Transfer-Encoding", "chunked", out);
  if (framing.kind == BodyKind::kLength) append_field("Content-Length", decimal(framing.length, digits), out);
}

// Names whose value the plan decides.
bool is_planned(Name name) {
  return name == Name::kConnection || name == Name::kContentLength || name == Name::kTransferEncoding ||
         name == Name::kUpgrade || name == Name::kTrailer || name == Name::kKeepAlive || name == Name::kExpect;
}

bool are_fields(std::span<const OwnField> ours) {
  return std::ranges::all_of(ours, [](const OwnField& own) {
    return is_token(own.name) && !is_planned(find_name(own.name)) && !has_control(own.value) &&
           trim(own.value).size() == own.value.size();
  });
}

bool is_among(std::span<const OwnField> ours, std::string_view name) {
  return std::ranges::any_of(ours, [&](const OwnField& own) { return same_text(own.name, name); });
}

// Two names that a program behind a gateway may take for one.
bool same_plain(std::string_view a, std::string_view b) {
  const auto plain = [](char c) { return c == '_' || c == '.' ? '-' : lower(c); };
  return a.size() == b.size() && std::ranges::equal(a, b, {}, plain, plain);
}

bool is_target(std::string_view target) {
  return target == "*" || (target.starts_with('/') && target.size() <= kMaxTargetBytes &&
                           std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; }));
}

// The pairs of a Cookie field that are not ours; nothing is written when none is left.
void append_cookies(std::string_view name, std::string_view value, std::string& out) {
  const std::size_t before = out.size();
  bool any = false;
  while (!value.empty()) {
    const std::size_t end = value.find(';');
    const std::string_view pair = trim(value.substr(0, end));
    if (!pair.empty() && !is_own_cookie(trim(pair.substr(0, pair.find('='))))) {
      if (any) {
        out.append("; ");
      } else {
        out.append(name).append(": ");
      }
      out.append(pair);
      any = true;
    }
    if (end == std::string_view::npos) break;
    value.remove_prefix(end + 1);
  }
  if (any) out.append("\r\n");
  CHECK(any || out.size() == before);
}

bool names_own_cookie(std::string_view cookies) {
  // Cheap and never wrong the dangerous way: a pair of ours holds this text.
  return cookies.find("homing_") != std::string_view::npos;
}

void append_status_line(unsigned status, std::string& out) {
  CHECK(status >= 100 && status <= 999);
  const char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                         static_cast<char>('0' + status % 10)};
  out.append("HTTP/1.1 ").append(digits, sizeof digits).append(" ").append(reason_phrase(status)).append("\r\n");
}

void append_own(std::span<const OwnField> ours, std::string& out) {
  for (const OwnField& own : ours) append_field(own.name, own.value, out);
  out.append("\r\n");
}

// Left out of every message: what this connection alone is about, and what we write ourselves.
bool is_left_out(const Field& field) {
  return (field.traits & (kHopByHop | kListed | kAlias)) != 0 || field.name == Name::kContentLength;
}

}  // namespace

bool write_request(const RequestHead& head, const RequestPlan& plan, std::string& out) {
  const std::string_view target = plan.target.empty() ? head.target() : plan.target;
  if (!are_fields(plan.ours) || !is_target(target)) return false;
  out.append(head.method_text()).append(" ").append(target).append(" HTTP/1.1\r\n");
  const Fields& fields = head.fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    const std::string_view name = fields.name(field);
    if (is_left_out(field) || (field.traits & kIdentity) != 0 || field.name == Name::kExpect) continue;
    if (!plan.trusted_header.empty() && same_plain(name, plan.trusted_header)) continue;
    if (!plan.ours.empty() && is_among(plan.ours, name)) continue;
    if (field.name == Name::kCookie && names_own_cookie(fields.value(field))) {
      append_cookies(name, fields.value(field), out);
    } else {
      append_field(name, fields.value(field), out);
    }
  }
  if (plan.upgrade && !head.upgrade().empty()) {
    append_field("Connection", "Upgrade", out);
    append_field("Upgrade", head.upgrade(), out);
  }
  if (plan.expect_continue) append_field("Expect", "100-continue", out);
  append_framing(plan.framing.value_or(head.framing()), out);
  append_own(plan.ours, out);
  return true;
}

bool write_answer(const AnswerHead& head, const AnswerPlan& plan, std::string& out) {
  if (!are_fields(plan.ours) || !are_fields(plan.added)) return false;
  append_status_line(head.status(), out);
  const Fields& fields = head.fields();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    const std::string_view name = fields.name(field);
    const std::string_view value = fields.value(field);
    if (is_left_out(field)) continue;
    if ((field.traits & kHoming) != 0 && !plan.keep_homing_fields) continue;
    if (field.name == Name::kSetCookie && plan.drop_cookies) continue;
    if (field.name == Name::kSetCookie && is_own_cookie(trim(value.substr(0, value.find('='))))) continue;
    if (!plan.ours.empty() && is_among(plan.ours, name)) continue;
    append_field(name, value, out);
  }
  const bool switches = head.status() == 101 && !head.upgrade().empty();
  if (switches) {
    append_field("Connection", "Upgrade", out);
    append_field("Upgrade", head.upgrade(), out);
  } else if (plan.close) {
    append_field("Connection", "close", out);
  }
  const Framing framing = plan.framing.value_or(answer_framing(head, Version::k11));
  append_framing(framing, out);
  // Of a body that is not sent: what HEAD and 304 say about it.
  if (framing.kind == BodyKind::kNone && head.promised_length()) {
    append_framing({BodyKind::kLength, *head.promised_length()}, out);
  }
  for (const OwnField& own : plan.added) append_field(own.name, own.value, out);
  append_own(plan.ours, out);
  return true;
}

bool write_own_answer(unsigned status, const Framing& framing, bool close, std::span<const OwnField> ours,
                      std::string& out) {
  if (!are_fields(ours)) return false;
  append_status_line(status, out);
  if (close) append_field("Connection", "close", out);
  append_framing(framing, out);
  append_own(ours, out);
  return true;
}

Framing answer_framing(const AnswerHead& head, Version client) {
  const Framing& framing = head.framing();
  if (framing.kind == BodyKind::kNone || framing.kind == BodyKind::kLength) return framing;
  return {client == Version::k11 ? BodyKind::kChunked : BodyKind::kUntilClose, 0};
}

std::string_view reason_phrase(unsigned status) {
  struct Phrase {
    unsigned status;
    std::string_view text;
  };
  static constexpr std::array<Phrase, 45> kPhrases = {{{100, "Continue"},
                                                       {101, "Switching Protocols"},
                                                       {102, "Processing"},
                                                       {103, "Early Hints"},
                                                       {200, "OK"},
                                                       {201, "Created"},
                                                       {202, "Accepted"},
                                                       {203, "Non-Authoritative Information"},
                                                       {204, "No Content"},
                                                       {205, "Reset Content"},
                                                       {206, "Partial Content"},
                                                       {207, "Multi-Status"},
                                                       {300, "Multiple Choices"},
                                                       {301, "Moved Permanently"},
                                                       {302, "Found"},
                                                       {303, "See Other"},
                                                       {304, "Not Modified"},
                                                       {307, "Temporary Redirect"},
                                                       {308, "Permanent Redirect"},
                                                       {400, "Bad Request"},
                                                       {401, "Unauthorized"},
                                                       {403, "Forbidden"},
                                                       {404, "Not Found"},
                                                       {405, "Method Not Allowed"},
                                                       {406, "Not Acceptable"},
                                                       {408, "Request Timeout"},
                                                       {409, "Conflict"},
                                                       {410, "Gone"},
                                                       {411, "Length Required"},
                                                       {412, "Precondition Failed"},
                                                       {413, "Content Too Large"},
                                                       {414, "URI Too Long"},
                                                       {415, "Unsupported Media Type"},
                                                       {416, "Range Not Satisfiable"},
                                                       {417, "Expectation Failed"},
                                                       {421, "Misdirected Request"},
                                                       {422, "Unprocessable Content"},
                                                       {426, "Upgrade Required"},
                                                       {429, "Too Many Requests"},
                                                       {431, "Request Header Fields Too Large"},
                                                       {500, "Internal Server Error"},
                                                       {501, "Not Implemented"},
                                                       {502, "Bad Gateway"},
                                                       {503, "Service Unavailable"},
                                                       {504, "Gateway Timeout"}}};
  const auto found = std::ranges::lower_bound(kPhrases, status, {}, &Phrase::status);
  return found != kPhrases.end() && found->status == status ? found->text : std::string_view();
}

std::optional<std::string_view> cookie_value(const RequestHead& head, std::string_view name) {
  std::optional<std::string_view> value;
  head.fields().for_each(Name::kCookie, [&](std::string_view cookies) {
    while (!cookies.empty() && !value) {
      const std::size_t end = cookies.find(';');
      const std::string_view pair = trim(cookies.substr(0, end));
      const std::size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) value = pair.substr(equals + 1);
      if (end == std::string_view::npos) break;
      cookies.remove_prefix(end + 1);
    }
  });
  return value;
}

bool is_own_cookie(std::string_view name) {
  for (const std::string_view prefix : {"__Host-", "__Secure-"}) {
    if (name.size() >= prefix.size() && same_text(name.substr(0, prefix.size()), prefix)) {
      name.remove_prefix(prefix.size());
      break;
    }
  }
  return name.starts_with("homing_");
}

bool same_origin(const RequestHead& head) {
  const std::size_t count = head.fields().count(Name::kOrigin);
  if (count != 1) return count == 0;
  const std::string_view origin = head.fields().value_of(Name::kOrigin);
  const std::size_t slashes = origin.find("://");
  return slashes != std::string_view::npos && same_text(origin.substr(slashes + 3), head.host());
}

}  // namespace homing::wire
