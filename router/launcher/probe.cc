// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/probe.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string_view>

namespace homing::launcher {

namespace asio = boost::asio;
using boost::system::error_code;
using Stream = asio::generic::stream_protocol::socket;

namespace {

asio::generic::stream_protocol::endpoint address_of(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) return asio::local::stream_protocol::endpoint(endpoint.unix_path);
  return asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), endpoint.port);
}

bool is_good_status(std::string_view head) {
  return head.size() >= 12 && head.starts_with("HTTP/1.") && head[8] == ' ' && head[9] >= '1' && head[9] <= '4';
}

}  // namespace

asio::awaitable<bool> answers(const Endpoint& endpoint, const std::string& target, std::chrono::milliseconds patience) {
  const auto executor = co_await asio::this_coro::executor;
  const auto stream = std::make_shared<Stream>(executor);
  asio::steady_timer timer(executor, patience);
  timer.async_wait([weak = std::weak_ptr<Stream>(stream)](error_code error) {
    error_code ignored;
    if (const auto live = weak.lock(); live && !error) live->close(ignored);
  });
  error_code error;
  co_await stream->async_connect(address_of(endpoint), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return false;
  std::string request = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  if (!endpoint.secret.empty()) {
    request += "X-Homing-Secret: " + endpoint.secret + "\r\nAuthorization: token " + endpoint.secret + "\r\n";
  }
  request += "\r\n";
  co_await asio::async_write(*stream, asio::buffer(request), asio::redirect_error(asio::use_awaitable, error));
  std::string head;
  while (!error && head.size() < 12) {
    char piece[64];
    const std::size_t n =
        co_await stream->async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    head.append(piece, n);
  }
  co_return is_good_status(head);
}

}  // namespace homing::launcher
