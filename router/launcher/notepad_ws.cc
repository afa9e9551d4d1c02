// SPDX-License-Identifier: Apache-2.0
//
// One coroutine reads, one writes what is queued; the queue is bounded by the reader, which waits while it is long.
#include "router/launcher/notepad_ws.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <memory>
#include <utility>

namespace homing::launcher {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace {

constexpr std::size_t kMaxQueued = 64;
constexpr std::size_t kMaxMessageBytes = std::size_t{64} << 20;

class WebSocket final : public Notepad::Listener, public std::enable_shared_from_this<WebSocket> {
 public:
  WebSocket(Notepad& notepad, Notepad::Stream stream)
      : notepad_(notepad), ws_(std::move(stream)), wake_(ws_.get_executor()) {
    wake_.expires_at(asio::steady_timer::time_point::max());
  }

  asio::awaitable<void> run(beast::http::request<beast::http::empty_body> upgrade) {
    ws_.read_message_max(kMaxMessageBytes);
    error_code error;
    co_await ws_.async_accept(upgrade, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    notepad_.join(this);
    counter_changed(notepad_.counter());
    asio::co_spawn(ws_.get_executor(), write_all(shared_from_this()), asio::detached);
    co_await read_all();
    notepad_.leave(this);
    closed_ = true;
    wake_.cancel();
  }

  void counter_changed(std::int64_t counter) override {
    // Only the newest value matters to a slow reader: an unsent older one is replaced.
    std::string text = "{\"counter\":" + std::to_string(counter) + "}";
    if (!queue_.empty() && queue_.back().is_counter && !(sending_ && queue_.size() == 1))
      queue_.back().bytes = std::move(text);
    else
      push({.bytes = std::move(text), .text = true, .is_counter = true});
  }

 private:
  struct Message {
    std::string bytes;
    bool text = true;
    bool is_counter = false;
  };

  void push(Message message) {
    queue_.push_back(std::move(message));
    wake_.cancel();
  }

  asio::awaitable<void> read_all() {
    beast::flat_buffer buffer;
    error_code error;
    for (;;) {
      co_await ws_.async_read(buffer, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      std::string bytes = beast::buffers_to_string(buffer.data());
      buffer.consume(buffer.size());
      notepad_.count_message();
      if (ws_.got_text() && bytes == "+1") {
        notepad_.add(1);
      } else {
        push({.bytes = std::move(bytes), .text = ws_.got_text(), .is_counter = false});
      }
      while (queue_.size() > kMaxQueued && !closed_) {
        co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
    }
  }

  asio::awaitable<void> write_all(std::shared_ptr<WebSocket> keep_alive) {
    error_code error;
    while (!closed_) {
      if (queue_.empty()) {
        co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      ws_.text(queue_.front().text);
      sending_ = true;
      co_await ws_.async_write(asio::buffer(queue_.front().bytes), asio::redirect_error(asio::use_awaitable, error));
      sending_ = false;
      queue_.pop_front();
      wake_.cancel();  // the reader may wait for room
      if (error) closed_ = true;
    }
    if (error && error != asio::error::operation_aborted) ws_.next_layer().close(error);
  }

  Notepad& notepad_;
  websocket::stream<Notepad::Stream> ws_;
  asio::steady_timer wake_;  // never expires; cancelled to wake whoever waits
  std::deque<Message> queue_;
  bool sending_ = false;
  bool closed_ = false;
};

}  // namespace

asio::awaitable<void> serve_websocket(Notepad& notepad, Notepad::Stream stream,
                                      beast::http::request<beast::http::empty_body> upgrade) {
  auto socket = std::make_shared<WebSocket>(notepad, std::move(stream));
  co_await socket->run(std::move(upgrade));
}

std::string json_quoted(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 0xf];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace homing::launcher
