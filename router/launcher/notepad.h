// SPDX-License-Identifier: Apache-2.0
//
// The notepad: a tiny session program, for tests, demonstrations and machines without Jupyter.
//
// Intuition: it behaves like a real session where a proxy can notice: state that lives only in its memory (a counter),
// long-lived streams (a WebSocket, server-sent events), large bodies both ways, and hunger for CPU and memory on
// request. Whoever reaches the wrong process, or a new one, sees another counter.
//
//   GET  {prefix}                      a page with the counter, buttons and a WebSocket
//   GET  {prefix}api/counter           {"counter":3};  POST adds 1, or ?add=N
//   GET  {prefix}api/who               {"session":..,"epoch":..,"pid":..,"user":..,"node":..,...}
//   GET  {prefix}api/headers           the request as it came: method, target, headers
//   POST {prefix}api/burn?cpu=2&seconds=5      two threads busy for five seconds
//   POST {prefix}api/memory?bytes=N    holds N touched bytes (0 lets go)
//   GET  {prefix}api/bytes?n=N         N bytes 'a'..'z' repeated;  &rate=R bytes/s, &chunked=1
//   POST {prefix}api/sink              {"bytes":N,"fnv":H} of the body;  ?rate=R reads no faster
//   GET  {prefix}api/events            server-sent events: data: {"counter":3}
//   POST {prefix}api/exit?status=N     ends the process
//   GET  {prefix}ws                    WebSocket: "+1" adds one, any other message comes back unchanged; each change of
//                                      the counter is pushed to everybody as {"counter":3}
//
// With a secret, every request (upgrades too) must carry it in X-Homing-Secret, else 403.
// Thread class: single-owner; burning happens on threads that share nothing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace homing::launcher {

struct NotepadOptions {
  std::string socket_path;  // listen here, else on 127.0.0.1:port
  std::uint16_t port = 0;
  std::string prefix = "/";  // begins and ends with '/'
  std::string secret;        // empty: none asked
  std::string session, user, node;
  std::uint64_t epoch = 0;
};

class Notepad {
 public:
  using Stream = boost::asio::generic::stream_protocol::socket;

  // A WebSocket or an event stream that wants to hear of changes.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void counter_changed(std::int64_t counter) = 0;
  };

  explicit Notepad(NotepadOptions options) : options_(std::move(options)) {}

  const NotepadOptions& options() const { return options_; }
  std::int64_t counter() const { return counter_; }
  void add(std::int64_t n);
  void count_message() { ++messages_; }
  void hold(std::size_t bytes);
  std::string who() const;

  void join(Listener* listener) { listeners_.insert(listener); }
  void leave(Listener* listener) { listeners_.erase(listener); }

  // Serves one connection until it ends. Declared here, written in notepad_http.cc.
  boost::asio::awaitable<void> serve(Stream stream);

 private:
  NotepadOptions options_;
  std::int64_t counter_ = 0;
  std::int64_t messages_ = 0;
  std::vector<char> held_;
  std::set<Listener*> listeners_;
};

// Binds and accepts until the process ends. Throws boost::system::system_error when it cannot listen.
void listen_and_serve(boost::asio::io_context& io, Notepad& notepad);

// The page, one HTML document that only uses addresses relative to its own.
extern const char* const kNotepadPage;

}  // namespace homing::launcher
