// SPDX-License-Identifier: Apache-2.0
//
// Writes a head anew from its structure: what goes to a session process or a peer, and what goes back to the client.
//
// Intuition: no byte of a head is passed on because it was there. Each field is looked at and carried or left out, and
// the framing is ours. The order matters: first what Connection lists and what belongs to one connection is left out
// (so that nobody removes what we add), then every spelling of an identity or forwarding name and our own cookies, and
// only then ours are written.
//
// Invariants: what is written parses again by the same rules to the same method, target, host, framing and carried
// fields, unless what we add takes a head that is at a limit of fields.h over it (then the next reader says 431);
// writing what was parsed from written bytes gives the same bytes. A head without anything to leave out keeps the order
// of its fields. Nothing allocates but the growth of `out`. Source: RFC 9110 section 7.6; CVE-2024-45410 for the order.
// Thread class: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "router/wire/answer_head.h"
#include "router/wire/request_head.h"

namespace homing::wire {

// A field that we set. Another field of that name, in any case, is not carried beside it.
struct OwnField {
  std::string_view name;
  std::string_view value;
};

struct RequestPlan {
  std::string_view target;          // empty: the head's own
  std::string_view trusted_header;  // the configured identity header: left out in every spelling, if not empty
  std::optional<Framing> framing;   // of the body we will send; nullopt: the head's own
  bool upgrade = false;             // ask for the head's upgrade(), if it has one
  bool expect_continue = false;     // ask for 100 before the body
  std::span<const OwnField> ours = {};
};

struct AnswerPlan {
  std::optional<Framing> framing;   // of the body we will send; nullopt: answer_framing() for HTTP/1.1
  bool close = false;               // the connection ends with this answer
  bool keep_homing_fields = false;  // the answer is a peer's: its Homing-* fields are ours
  std::span<const OwnField> ours = {};
  bool drop_cookies = false;             // the answer's own Set-Cookie are not carried: `added` has them, rewritten
  std::span<const OwnField> added = {};  // beside those of the same name that are carried: cookies
};

// Appends to `out`. False, with `out` unchanged: one of `ours` is not a field (name no token, a control byte in the
// value), or names one that only the plan may set (Connection, framing, Upgrade), or the target has a byte that does
// not belong there.
bool write_request(const RequestHead& head, const RequestPlan& plan, std::string& out);
bool write_answer(const AnswerHead& head, const AnswerPlan& plan, std::string& out);
// An answer of ours. REQUIRES: `status` is 100 to 999.
bool write_own_answer(unsigned status, const Framing& framing, bool close, std::span<const OwnField> ours,
                      std::string& out);

// How the body of `head` is framed for a client of this version: without a length it is chunked, or, in HTTP/1.0, lasts
// until the connection closes.
Framing answer_framing(const AnswerHead& head, Version client);
std::string_view reason_phrase(unsigned status);  // empty: no common status

// First value of a cookie of the request, or nothing.
std::optional<std::string_view> cookie_value(const RequestHead& head, std::string_view name);
// True for names of cookies that only we set: homing_..., __Host-homing_..., __Secure-homing_...
bool is_own_cookie(std::string_view name);
// True when Origin is absent or names the host of the request: nobody else's page is speaking.
bool same_origin(const RequestHead& head);

}  // namespace homing::wire
