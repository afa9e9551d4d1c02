// SPDX-License-Identifier: Apache-2.0
#include "router/net/stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "router/base/endpoint.h"

namespace homing::net {

namespace {

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);

std::int64_t steady_ms() {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Task<void> Reaper::run() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    now_ms_ = steady_ms();
    // Closing a stream only fails its operations: nothing is destroyed before this turn ends.
    for (Stream* stream : streams_) {
      if (stream->late_ || (now_ms_ < stream->read_until_ms_ && now_ms_ < stream->write_until_ms_)) continue;
      stream->late_ = true;
      stream->close();
    }
    timer.expires_after(kTick);
    const auto [error] = co_await timer.async_wait(kUse);
    if (error) co_return;
  }
}

void Reaper::close_all() {
  closing_ = true;
  for (Stream* stream : streams_) stream->close();
}

Stream::Stream(Socket socket, Reaper& reaper) : socket_(std::move(socket)), reaper_(reaper) {
  place_ = reaper_.streams_.insert(reaper_.streams_.end(), this);
  if (reaper_.now_ms_ == 0) reaper_.now_ms_ = steady_ms();
  if (reaper_.closing_) close();
}

Stream::~Stream() {
  reaper_.streams_.erase(place_);
}

void Stream::close() {
  error_code ignored;
  socket_.close(ignored);
}

void Stream::shut_down_sending() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

std::string Address::text() const {
  return unix_path.empty() ? base::Endpoint{host, port}.text() : "unix:" + unix_path;
}

Task<error_code> connect(Stream& stream, const Address& address, Millis limit) {
  Socket::endpoint_type endpoint;
  if (!address.unix_path.empty()) {
    if (address.unix_path.size() >= 108) co_return asio::error::name_too_long;
    endpoint = asio::local::stream_protocol::endpoint(address.unix_path);
  } else {
    error_code parse_error;
    const auto ip = asio::ip::make_address(address.host, parse_error);
    if (!parse_error) {
      endpoint = asio::ip::tcp::endpoint(ip, address.port);
    } else {
      asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
      const auto [error, found] = co_await resolver.async_resolve(address.host, std::to_string(address.port), kUse);
      if (error) co_return error;
      endpoint = found.begin()->endpoint();
    }
  }
  stream.write_within(limit);
  const auto [error] = co_await stream.socket().async_connect(endpoint, kUse);
  stream.write_whenever();
  if (stream.late()) co_return asio::error::timed_out;
  if (!error && address.unix_path.empty()) {
    error_code ignored;
    stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  co_return error;
}

std::string peer_text(const Socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error || endpoint.protocol().family() == AF_UNIX) return "unix";
  asio::ip::tcp::endpoint tcp;
  if (endpoint.size() > tcp.capacity()) return "unix";
  tcp.resize(endpoint.size());
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  return tcp.address().to_string();
}

}  // namespace homing::net
