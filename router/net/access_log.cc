// SPDX-License-Identifier: Apache-2.0
#include "router/net/access_log.h"

#include <array>
#include <charconv>
#include <chrono>

#include "router/base/json.h"

namespace homing::net {

namespace {

constexpr std::string_view kCut = "...";

// ---------------------------------------------------------------- pieces of both forms

void append_number(std::int64_t number, std::string& out) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end.ptr);
}

void append_number(std::uint64_t number, std::string& out) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end.ptr);
}

// `width` digits with zeros in front.
void append_padded(std::uint64_t number, std::size_t width, std::string& out) {
  const std::size_t begin = out.size();
  out.append(width, '0');
  for (std::size_t i = out.size(); i > begin && number > 0; number /= 10)
    out[--i] = static_cast<char>('0' + number % 10);
}

struct Wall {
  std::chrono::year_month_day day;
  std::uint64_t second_of_day = 0;
  std::uint64_t microsecond = 0;
};

Wall wall_of(std::int64_t unix_ns) {
  using std::chrono::days;
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::nanoseconds> at{std::chrono::nanoseconds(unix_ns)};
  const auto day = floor<days>(at);
  const auto inside = static_cast<std::uint64_t>((at - day).count());
  return {std::chrono::year_month_day(day), inside / 1'000'000'000, inside / 1'000 % 1'000'000};
}

void append_clock(std::uint64_t second_of_day, std::string& out) {
  append_padded(second_of_day / 3600, 2, out);
  out += ':';
  append_padded(second_of_day / 60 % 60, 2, out);
  out += ':';
  append_padded(second_of_day % 60, 2, out);
}

// 2026-11-23T07:20:01.000123Z
void append_rfc3339(std::int64_t unix_ns, std::string& out) {
  const Wall wall = wall_of(unix_ns);
  append_padded(static_cast<std::uint64_t>(static_cast<int>(wall.day.year())), 4, out);
  out += '-';
  append_padded(static_cast<unsigned>(wall.day.month()), 2, out);
  out += '-';
  append_padded(static_cast<unsigned>(wall.day.day()), 2, out);
  out += 'T';
  append_clock(wall.second_of_day, out);
  out += '.';
  append_padded(wall.microsecond, 6, out);
  out += 'Z';
}

// [23/Nov/2026:07:20:01 +0000]
void append_apache_time(std::int64_t unix_ns, std::string& out) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const Wall wall = wall_of(unix_ns);
  out += '[';
  append_padded(static_cast<unsigned>(wall.day.day()), 2, out);
  out += '/';
  out += kMonths.substr((static_cast<unsigned>(wall.day.month()) - 1) * 3, 3);
  out += '/';
  append_padded(static_cast<std::uint64_t>(static_cast<int>(wall.day.year())), 4, out);
  out += ':';
  append_clock(wall.second_of_day, out);
  out += " +0000]";
}

// Gives `append` the text, or its beginning and then `...`.
template <class Append>
void cut(std::string_view text, Append append) {
  append(text.substr(0, kMaxLoggedText));
  if (text.size() > kMaxLoggedText) append(kCut);
}

// Calls `see` for the pieces of a target whose query keeps its names only.
template <class See>
void pieces_without_values(std::string_view target, See see) {
  const std::size_t question = target.find('?');
  see(target.substr(0, question));
  if (question == std::string_view::npos) return;
  std::string_view query = target.substr(question + 1);
  see("?");
  for (bool first = true; !query.empty(); first = false) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (!first) see("&");
    // What has no name may be a secret as a whole.
    if (equals == std::string_view::npos) {
      if (!pair.empty()) see("*");
    } else {
      see(pair.substr(0, equals));
      see("=*");
    }
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
}

std::string_view without_query(std::string_view reference) {
  return reference.substr(0, reference.find_first_of("?#"));
}

// ---------------------------------------------------------------- JSON

void json_text(std::string_view name, std::string_view text, std::string& out) {
  (((out += ',') += '"') += name) += "\":";
  if (text.size() <= kMaxLoggedText) return base::append_json_quoted(text, out);
  base::append_json_quoted(text.substr(0, kMaxLoggedText), out);
  out.insert(out.size() - 1, kCut);
}

template <class Number>
void json_number(std::string_view name, Number number, std::string& out) {
  (((out += ',') += '"') += name) += "\":";
  append_number(number, out);
}

void json_time(std::string_view name, std::int64_t microseconds, std::string& out) {
  if (microseconds != kNotReached) return json_number(name, microseconds, out);
  (((out += ',') += '"') += name) += "\":null";
}

// The query's names come in pieces, so each piece is quoted and the quotes between two are taken out.
void json_path(std::string_view target, std::string& out) {
  out += ",\"path\":\"";
  pieces_without_values(target.substr(0, kMaxLoggedText), [&out](std::string_view piece) {
    const std::size_t begin = out.size();
    base::append_json_quoted(piece, out);
    out.pop_back();
    out.erase(begin, 1);
  });
  if (target.size() > kMaxLoggedText) out += kCut;
  out += '"';
}

// ---------------------------------------------------------------- combined

// As nginx and Apache escape: what would end a quoted text or a line, and all bytes that are not printable ASCII.
void append_escaped(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      ((out += "\\x") += kHex[byte >> 4U]) += kHex[byte & 15U];
    }
  }
}

// A text between spaces: `-` when there is none, and no space in it.
void append_word(std::string_view text, std::string& out) {
  if (text.empty()) {
    out += '-';
    return;
  }
  const std::size_t begin = out.size();
  cut(text, [&out](std::string_view piece) { append_escaped(piece, out); });
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (out[i] == ' ') out[i] = '_';
  }
}

void append_quoted(std::string_view text, std::string& out) {
  out += " \"";
  if (text.empty()) out += '-';
  cut(text, [&out](std::string_view piece) { append_escaped(piece, out); });
  out += '"';
}

}  // namespace

std::string_view to_string(EndedBy who) {
  switch (who) {
    case EndedBy::kNobody:
      return "nobody";
    case EndedBy::kClient:
      return "client";
    case EndedBy::kProcess:
      return "session process";
    case EndedBy::kPeer:
      return "peer";
    case EndedBy::kRouter:
      return "router";
    case EndedBy::kOperator:
      return "operator";
  }
  return "?";
}

std::string_view to_string(EndPhase phase) {
  switch (phase) {
    case EndPhase::kHead:
      return "in the request head";
    case EndPhase::kQueue:
      return "before the session was ready";
    case EndPhase::kConnect:
      return "while connecting";
    case EndPhase::kRequestBody:
      return "in the request body";
    case EndPhase::kFirstByte:
      return "before the first byte";
    case EndPhase::kAnswerBody:
      return "in the answer";
    case EndPhase::kTunnel:
      return "in the tunnel";
  }
  return "?";
}

void append_end(EndedBy who, EndPhase phase, std::string& out) {
  if (who == EndedBy::kNobody) {
    out += "done";
    return;
  }
  ((out += to_string(who)) += ' ') += to_string(phase);
}

void append_without_query_values(std::string_view target, std::string& out) {
  pieces_without_values(target, [&out](std::string_view piece) { out += piece; });
}

void append_json(const AccessRecord& record, std::string& out) {
  out += "{\"ts\":\"";
  append_rfc3339(record.began_ns, out);
  out += "\",\"event\":\"access\"";
  json_text("request", record.request, out);
  json_text("client", record.client, out);
  json_text("user", record.user, out);
  json_text("session", record.session, out);
  json_text("kind", record.kind, out);
  json_text("node", record.node, out);
  json_text("door", record.door, out);
  json_text("hop", record.hop, out);
  json_text("method", record.method, out);
  json_text("host", record.host, out);
  json_path(record.target, out);
  json_text("protocol", record.protocol, out);
  json_number("status", std::uint64_t{record.status}, out);
  json_time("received_us", record.times.received, out);
  json_time("queued_us", record.times.queued, out);
  json_time("connected_us", record.times.connected, out);
  json_time("first_byte_us", record.times.first_byte, out);
  json_time("total_us", record.times.total, out);
  json_number("bytes_up", record.bytes_up, out);
  json_number("bytes_down", record.bytes_down, out);
  out += ",\"end\":\"";
  append_end(record.ended_by, record.ended_in, out);
  out += '"';
  json_text("detail", record.detail, out);
  json_number("retries", std::uint64_t{record.retries}, out);
  json_text("referer", without_query(record.referer), out);
  json_text("user_agent", record.user_agent, out);
  out += '}';
}

void append_combined(const AccessRecord& record, std::string& out) {
  append_word(record.client, out);
  out += " - ";
  append_word(record.user, out);
  out += ' ';
  append_apache_time(record.began_ns, out);
  out += " \"";
  append_word(record.method, out);
  out += ' ';
  if (record.target.empty()) out += '-';
  pieces_without_values(record.target.substr(0, kMaxLoggedText),
                        [&out](std::string_view piece) { append_escaped(piece, out); });
  if (record.target.size() > kMaxLoggedText) out += kCut;
  out += ' ';
  append_word(record.protocol, out);
  out += "\" ";
  append_padded(record.status, 3, out);
  out += ' ';
  append_number(record.bytes_down, out);
  append_quoted(without_query(record.referer), out);
  append_quoted(record.user_agent, out);
  out += ' ';
  append_word(record.request, out);
  out += " \"";
  append_end(record.ended_by, record.ended_in, out);
  out += '"';
}

}  // namespace homing::net
