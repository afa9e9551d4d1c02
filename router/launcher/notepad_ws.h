// SPDX-License-Identifier: Apache-2.0
//
// The notepad's WebSocket, and the JSON quoting that its parts share.
// Thread class: single-owner.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <string>
#include <string_view>

#include "router/launcher/notepad.h"

namespace homing::launcher {

// Answers the upgrade and speaks until either side closes.
boost::asio::awaitable<void> serve_websocket(Notepad& notepad, Notepad::Stream stream,
                                             boost::beast::http::request<boost::beast::http::empty_body> upgrade);

// `text` as a JSON string, quotes included.
std::string json_quoted(std::string_view text);

}  // namespace homing::launcher
