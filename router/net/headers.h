// SPDX-License-Identifier: Apache-2.0
//
// What an answer's head must be, what is asked of heads, and what is taken out of them before they are handed on.
//
// Intuition: two parsers that read one head differently are a hole. So a request's head is judged by router/wire before
// Beast sees it (exchange.h); an answer's framing is checked here; what is handed on is written anew from the parsed
// fields. A head that is not plain is refused, never repaired.
//
// Order when handing on a request: names listed in Connection first (so that nobody strips what we add), hop-by-hop
// names, our cookies, every spelling of an identity or forwarding header; then ours are set.
// Thread class: pure functions.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homing::net {

namespace http = boost::beast::http;
using Fields = http::fields;
using RequestHead = http::request_header<Fields>;
using ResponseHead = http::response_header<Fields>;

inline constexpr std::size_t kMaxHeadBytes = 32 * 1024;

struct HeadError {
  http::status status = http::status::bad_request;
  std::string why;
};

// ASCII only, case ignored.
bool same_text(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);
// Elements of a comma list, trimmed, empty ones left out.
std::vector<std::string_view> list_items(std::string_view list);
// Every item of every field of this name.
std::vector<std::string_view> field_items(const Fields& fields, std::string_view name);
std::string_view field_value(const Fields& fields, std::string_view name);  // first one, or empty
std::size_t field_count(const Fields& fields, std::string_view name);
void erase_field(Fields& fields, std::string_view name);  // all of them

// A sentence for the log when the answer of a session process cannot be handed on.
std::optional<std::string> check_response_head(const ResponseHead& head);

// These speak of heads that router/wire has accepted.
bool has_body(const RequestHead& head);
// The protocol asked for by a well-formed Upgrade request; empty: an ordinary request. An `h2c` wish is ignored.
std::string_view upgrade_protocol(const RequestHead& head);
// True when `answer` is a 101 that completes exactly the handshake of `request`.
bool completes_upgrade(const RequestHead& request, const ResponseHead& answer);
std::string websocket_accept(std::string_view key);

// A person looks at a page that is loading: Sec-Fetch-Mode says navigate or, from programs that do not send it, a GET
// that prefers HTML. Never an upgrade.
bool is_navigation(const RequestHead& head);
bool accepts_html(const RequestHead& head);
// Origin, when sent, names the host of the request: nobody else's page is speaking.
bool same_origin(const RequestHead& head);

// Refused when Connection names a field that is not the client's to remove.
std::optional<HeadError> strip_connection_fields(Fields& fields);
// The same without a verdict, for answers.
void strip_answer_fields(Fields& fields);
// Identity and forwarding headers in every spelling (`_` for `-` too), and `trusted_header`.
void strip_identity_fields(Fields& fields, std::string_view trusted_header);

// First value of a cookie, or nothing.
std::optional<std::string_view> cookie_value(const Fields& fields, std::string_view name);
// Removes every cookie whose name is ours (begins with "homing_" or "__Host-homing_").
void strip_own_cookies(Fields& fields);
// Removes Set-Cookie fields for such names: only we set those.
void strip_own_set_cookies(Fields& fields);

}  // namespace homing::net
