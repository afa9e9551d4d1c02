// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/notepad.h"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "router/launcher/notepad_ws.h"

namespace homing::launcher {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

template <class Acceptor>
asio::awaitable<void> accept_all(Acceptor acceptor, Notepad& notepad) {
  for (;;) {
    error_code error;
    auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      // Out of descriptors, most likely: they come back when connections end.
      asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    Notepad::Stream stream(std::move(socket));
    asio::co_spawn(acceptor.get_executor(), notepad.serve(std::move(stream)), asio::detached);
  }
}

}  // namespace

void Notepad::add(std::int64_t n) {
  counter_ += n;
  for (Listener* listener : listeners_) listener->counter_changed(counter_);
}

void Notepad::hold(std::size_t bytes) {
  held_ = std::vector<char>();
  held_.assign(bytes, 'x');
}

std::string Notepad::who() const {
  return "{\"session\":" + json_quoted(options_.session) + ",\"epoch\":" + std::to_string(options_.epoch) +
         ",\"pid\":" + std::to_string(::getpid()) + ",\"user\":" + json_quoted(options_.user) +
         ",\"node\":" + json_quoted(options_.node) + ",\"counter\":" + std::to_string(counter_) +
         ",\"messages\":" + std::to_string(messages_) + ",\"held\":" + std::to_string(held_.size()) + "}";
}

void listen_and_serve(asio::io_context& io, Notepad& notepad) {
  const NotepadOptions& options = notepad.options();
  if (!options.socket_path.empty()) {
    ::unlink(options.socket_path.c_str());
    asio::local::stream_protocol::acceptor acceptor(io, asio::local::stream_protocol::endpoint(options.socket_path));
    asio::co_spawn(io, accept_all(std::move(acceptor), notepad), asio::detached);
  } else {
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), options.port});
    asio::co_spawn(io, accept_all(std::move(acceptor), notepad), asio::detached);
  }
}

}  // namespace homing::launcher
