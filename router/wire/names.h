// SPDX-License-Identifier: Apache-2.0
//
// The field names that anything of ours asks for, as a small enum found by one hash and one comparison, and what a name
// means for a proxy: belongs to one connection, says who somebody is, or is just carried.
//
// Intuition: names are compared once, when a head is parsed; after that all code asks by enumerator. A name that is not
// in the table is kOther and is carried.
//
// Spellings: programs behind gateways in the style of CGI read `X_Forwarded_For`, `X.Forwarded.For` and sometimes
// `X--Forwarded-For` as `X-Forwarded-For`. plain_name() undoes that; a spelling of a framing name is refused, one of an
// identity name is treated as that name.
//
// Invariant: enumerators stand in the order of the table in names.cc; a static_assert there shows that no two names
// share a slot.
// Thread class: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace homing::wire {

enum class Name : std::uint8_t {
  kHost = 0,
  kConnection,
  kContentLength,
  kTransferEncoding,
  kExpect,
  kUpgrade,
  kTe,
  kTrailer,
  kKeepAlive,
  kProxyConnection,
  kProxyAuthenticate,
  kProxyAuthorization,
  kForwarded,
  kXForwardedFor,
  kXForwardedProto,
  kXForwardedHost,
  kXForwardedPort,
  kXForwardedPrefix,
  kXForwardedServer,
  kXForwardedUser,
  kXRealIp,
  kRemoteUser,
  kXRemoteUser,
  kXAuthUser,
  kXAuthenticatedUser,
  kXRequestId,
  kXOriginalUrl,
  kXRewriteUrl,
  kCookie,
  kSetCookie,
  kAuthorization,
  kOrigin,
  kReferer,
  kLocation,
  kSecWebSocketKey,
  kSecWebSocketVersion,
  kSecWebSocketAccept,
  kSecWebSocketProtocol,
  kSecWebSocketExtensions,
  kSecFetchMode,
  kSecFetchSite,
  kSecFetchDest,
  kSecFetchUser,
  kAccept,
  kAcceptEncoding,
  kAcceptLanguage,
  kCacheControl,
  kContentType,
  kContentEncoding,
  kDate,
  kServer,
  kUserAgent,
  kTraceparent,
  kTracestate,
  kIfNoneMatch,
  kIfModifiedSince,
  kEtag,
  kLastModified,
  kVary,
  kRange,
  kVia,
  kXRequestedWith,
  kXXsrftoken,
  kUpgradeInsecureRequests,
  kPriority,
  kPragma,
  kSecChUa,
  kSecChUaMobile,
  kSecChUaPlatform,
  kHttp2Settings,
  kOther,
};
inline constexpr std::size_t kNames = static_cast<std::size_t>(Name::kOther);

// What is done with a field on the way through, as bits of Field::traits.
inline constexpr std::uint8_t kHopByHop = 1;   // belongs to one connection: never passed on
inline constexpr std::uint8_t kIdentity = 2;   // says who somebody is or where they came from: only we say that
inline constexpr std::uint8_t kHoming = 4;     // one of ours (Homing-...): also identity
inline constexpr std::uint8_t kProtected = 8;  // a client may not have it removed by listing it in Connection
inline constexpr std::uint8_t kListed = 16;    // Connection lists it: never passed on
inline constexpr std::uint8_t kAlias = 32;     // another spelling of a name that decides about framing or routing

struct NameTraits {
  Name name = Name::kOther;
  std::uint8_t traits = 0;
};

// REQUIRES: `name` is a token. Case is ignored.
Name find_name(std::string_view name);
// The same with its traits, other spellings included; `name` is kOther for a spelling.
NameTraits classify(std::string_view name);
// As in the table, in lower case; empty for kOther.
std::string_view to_string(Name name);

}  // namespace homing::wire
