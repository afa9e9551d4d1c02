// SPDX-License-Identifier: Apache-2.0
//
// Part of the peer of wire_bench: what a proxy over Beast asks of a head and takes out of it. It served the front door
// before router/wire; nothing but the benchmark uses it. Thread class: pure functions.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace homing::bench {

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

// Refused when Connection names a field that is not the client's to remove.
std::optional<HeadError> strip_connection_fields(Fields& fields);
// Identity and forwarding headers in every spelling (`_` for `-` too), and `trusted_header`.
void strip_identity_fields(Fields& fields, std::string_view trusted_header);

// Removes every cookie whose name is ours (begins with "homing_" or "__Host-homing_").
void strip_own_cookies(Fields& fields);

}  // namespace homing::bench
