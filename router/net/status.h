// SPDX-License-Identifier: Apache-2.0
//
// The statuses that the router itself answers with (RFC 9110 section 15).
// Thread class: plain values.
#pragma once

#include <cstdint>

namespace homing::net {

enum class Status : std::uint16_t {
  kOk = 200,
  kCreated = 201,
  kAccepted = 202,
  kSeeOther = 303,
  kPermanentRedirect = 308,
  kBadRequest = 400,
  kUnauthorized = 401,
  kForbidden = 403,
  kNotFound = 404,
  kMethodNotAllowed = 405,
  kRequestTimeout = 408,
  kConflict = 409,
  kGone = 410,
  kPayloadTooLarge = 413,
  kMisdirectedRequest = 421,
  kUnprocessable = 422,
  kTooManyRequests = 429,
  kBadGateway = 502,
  kServiceUnavailable = 503,
  kGatewayTimeout = 504,
};

constexpr unsigned number(Status status) {
  return static_cast<unsigned>(status);
}

}  // namespace homing::net
