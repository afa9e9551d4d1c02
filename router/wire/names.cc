// SPDX-License-Identifier: Apache-2.0
#include "router/wire/names.h"

#include <array>
#include <cstring>

#include "router/wire/text.h"

namespace homing::wire {

namespace {

constexpr std::array<std::string_view, kNames> kTexts = {
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-user",
    "x-real-ip",
    "remote-user",
    "x-remote-user",
    "x-auth-user",
    "x-authenticated-user",
    "x-request-id",
    "x-original-url",
    "x-rewrite-url",
    "cookie",
    "set-cookie",
    "authorization",
    "origin",
    "referer",
    "location",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-dest",
    "sec-fetch-user",
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "content-encoding",
    "date",
    "server",
    "user-agent",
    "traceparent",
    "tracestate",
    "if-none-match",
    "if-modified-since",
    "etag",
    "last-modified",
    "vary",
    "range",
    "via",
    "x-requested-with",
    "x-xsrftoken",
    "upgrade-insecure-requests",
    "priority",
    "pragma",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "http2-settings",
};

// Letters get their lower case, `-` and digits stay: all that the table's names are made of.
constexpr std::uint32_t low(char c) {
  return static_cast<std::uint8_t>(c) | 0x20U;
}

// The multipliers were found by trial; the static_assert below is what counts.
constexpr std::size_t slot(std::string_view name) {
  const std::size_t n = name.size();
  return (n * 101U + low(name[0]) * 41U + low(name[n - 1]) * 136U + low(name[n / 2]) * 116U +
          low(name[n * 3 / 4]) * 204U) &
         255U;
}

constexpr std::array<Name, 256> make_slots() {
  std::array<Name, 256> slots{};
  slots.fill(Name::kOther);
  for (std::size_t i = 0; i < kNames; ++i) slots[slot(kTexts[i])] = static_cast<Name>(i);
  return slots;
}
constexpr std::array<Name, 256> kSlots = make_slots();

constexpr bool every_name_has_its_slot() {
  for (std::size_t i = 0; i < kNames; ++i) {
    if (kSlots[slot(kTexts[i])] != static_cast<Name>(i)) return false;
  }
  return true;
}
static_assert(every_name_has_its_slot());

constexpr std::uint8_t traits_of(Name name) {
  switch (name) {
    case Name::kConnection:
    case Name::kTe:
    case Name::kTrailer:
    case Name::kKeepAlive:
    case Name::kProxyConnection:
    case Name::kProxyAuthenticate:
    case Name::kProxyAuthorization:
    case Name::kUpgrade:
    case Name::kHttp2Settings:
      return kHopByHop;
    case Name::kTransferEncoding:
      return kHopByHop | kProtected;
    case Name::kHost:
    case Name::kContentLength:
    case Name::kCookie:
    case Name::kSetCookie:
    case Name::kAuthorization:
    case Name::kOrigin:
    case Name::kReferer:
    case Name::kExpect:
    case Name::kSecWebSocketKey:
    case Name::kSecWebSocketVersion:
    case Name::kSecWebSocketAccept:
      return kProtected;
    case Name::kForwarded:
    case Name::kXForwardedFor:
    case Name::kXForwardedProto:
    case Name::kXForwardedHost:
    case Name::kXForwardedPort:
    case Name::kXForwardedPrefix:
    case Name::kXForwardedServer:
    case Name::kXForwardedUser:
    case Name::kXRealIp:
    case Name::kRemoteUser:
    case Name::kXRemoteUser:
    case Name::kXAuthUser:
    case Name::kXAuthenticatedUser:
    case Name::kXRequestId:
    case Name::kXOriginalUrl:
    case Name::kXRewriteUrl:
      return kIdentity | kProtected;
    default:
      return 0;
  }
}

constexpr std::array<std::uint8_t, kNames + 1> make_traits() {
  std::array<std::uint8_t, kNames + 1> traits{};
  for (std::size_t i = 0; i <= kNames; ++i) traits[i] = traits_of(static_cast<Name>(i));
  return traits;
}
constexpr std::array<std::uint8_t, kNames + 1> kTraits = make_traits();

// Spellings of these are refused: a server that undoes them frames or routes the message differently.
constexpr bool decides(Name name) {
  return name <= Name::kUpgrade || name == Name::kTrailer || name == Name::kSecWebSocketKey ||
         name == Name::kSecWebSocketVersion;
}

// REQUIRES: `name` is in lower case.
std::uint8_t traits_by_prefix(std::string_view name) {
  if (name.starts_with("homing-") || name.starts_with("x-homing-")) return kIdentity | kHoming | kProtected;
  if (name.starts_with("x-forwarded-") || name.starts_with("x-rstudio-")) return kIdentity | kProtected;
  return 0;
}

bool is_separator(char c) {
  return c == '-' || c == '_' || c == '.';
}

bool is_spelling(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '_' || c == '.' || (c == '-' && i + 1 < name.size() && is_separator(name[i + 1]))) return true;
  }
  return false;
}

// Runs of separators become one `-`; letters lower case. Cut at the size of the buffer: longer than any known name.
std::string_view plain_name(std::string_view name, std::array<char, 64>& out) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < name.size() && size < out.size(); ++i) {
    if (is_separator(name[i])) {
      if (size == 0 || out[size - 1] != '-') out[size++] = '-';
    } else {
      out[size++] = lower(name[i]);
    }
  }
  return {out.data(), size};
}

}  // namespace

Name find_name(std::string_view name) {
  if (name.empty()) return Name::kOther;
  const Name candidate = kSlots[slot(name)];
  if (candidate == Name::kOther) return Name::kOther;
  const std::string_view text = kTexts[static_cast<std::size_t>(candidate)];
  if (text.size() != name.size()) return Name::kOther;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {  // low(), eight at a time
    std::uint64_t ours = 0;
    std::uint64_t theirs = 0;
    std::memcpy(&ours, text.data() + i, 8);
    std::memcpy(&theirs, name.data() + i, 8);
    if ((theirs | 0x2020202020202020U) != ours) return Name::kOther;
  }
  for (; i < text.size(); ++i) {
    if (low(name[i]) != static_cast<std::uint8_t>(text[i])) return Name::kOther;
  }
  return candidate;
}

NameTraits classify(std::string_view name) {
  const Name known = find_name(name);
  if (known != Name::kOther) return {known, kTraits[static_cast<std::size_t>(known)]};
  const bool spelling = is_spelling(name);
  const std::uint32_t first = name.empty() ? 0 : low(name[0]);
  if (!spelling && first != 'h' && first != 'x') return {};
  std::array<char, 64> buffer{};
  const std::string_view plain = plain_name(name, buffer);
  const std::uint8_t by_prefix = traits_by_prefix(plain);
  if (by_prefix != 0 || !spelling) return {Name::kOther, by_prefix};
  const Name meant = find_name(plain);
  if (meant == Name::kOther) return {};
  const std::uint8_t traits = kTraits[static_cast<std::size_t>(meant)];
  if (decides(meant)) return {Name::kOther, static_cast<std::uint8_t>(traits | kAlias)};
  return {Name::kOther, traits};
}

std::string_view to_string(Name name) {
  return name == Name::kOther ? std::string_view() : kTexts[static_cast<std::size_t>(name)];
}

}  // namespace homing::wire
