// SPDX-License-Identifier: Apache-2.0
//
// The notepad's requests, one coroutine a connection. Thread class: see notepad.h.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "router/launcher/notepad.h"
#include "router/launcher/notepad_ws.h"

namespace homing::launcher {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kMaxHeldBytes = std::size_t{16} << 30;
constexpr std::int64_t kMaxBurnThreads = 64;
constexpr std::int64_t kMaxBurnSeconds = 3600;

std::string_view view(beast::string_view s) {
  return {s.data(), s.size()};
}

// The number after `name=` in a target's query, else `otherwise`.
std::int64_t number(std::string_view target, std::string_view name, std::int64_t otherwise) {
  const std::size_t mark = target.find('?');
  if (mark == target.npos) return otherwise;
  std::string_view query = target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.size() <= name.size() || !pair.starts_with(name) || pair[name.size()] != '=') continue;
    std::int64_t value = otherwise;
    const std::string_view digits = pair.substr(name.size() + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  return otherwise;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

void burn(std::int64_t threads, std::int64_t seconds) {
  const auto until = Clock::now() + std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kMaxBurnSeconds));
  for (std::int64_t i = 0; i < std::clamp<std::int64_t>(threads, 0, kMaxBurnThreads); ++i) {
    std::thread([until] {
      volatile unsigned work = 1;
      while (Clock::now() < until) {
        for (int k = 0; k < 100'000; ++k) work = work * 1'664'525U + 1'013'904'223U;
      }
    }).detach();
  }
}

// Sleeps so that `done` bytes since `begin` go no faster than `rate` a second (0: as fast as it goes).
asio::awaitable<void> pace(std::int64_t rate, std::uint64_t done, Clock::time_point begin) {
  if (rate <= 0) co_return;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const double due_s = static_cast<double>(done) / static_cast<double>(rate);
  timer.expires_at(begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due_s)));
  co_await timer.async_wait(asio::use_awaitable);
}

// One connection: the request being served, and the ways to answer it.
class Connection {
 public:
  Connection(Notepad& notepad, Notepad::Stream stream) : notepad_(notepad), stream_(std::move(stream)) {}

  asio::awaitable<void> run() {
    while (co_await serve_one()) {
    }
  }

 private:
  // Returns false when the connection is over. A broken connection throws.
  asio::awaitable<bool> serve_one() {
    http::request_parser<http::empty_body> head;
    head.header_limit(64 * 1024);
    head.body_limit(boost::none);
    error_code error;
    co_await http::async_read_header(stream_, buffer_, head, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    target_ = std::string(view(head.get().target()));
    keep_alive_ = head.get().keep_alive();
    version_ = head.get().version();
    const bool allowed = notepad_.options().secret.empty() ||
                         equal_in_constant_time(view(head.get()["X-Homing-Secret"]), notepad_.options().secret);
    const std::string_view prefix = notepad_.options().prefix;
    std::string_view path = std::string_view(target_).substr(0, target_.find('?'));
    if (allowed && path.starts_with(prefix)) {
      path.remove_prefix(prefix.size());
      if (path == "ws" && view(head.get()[http::field::upgrade]).size() == 9) {
        co_await serve_websocket(notepad_, std::move(stream_), head.release());
        co_return false;
      }
    } else {
      path = allowed ? std::string_view("\n") : std::string_view("\r");
    }
    if (view(head.get()[http::field::expect]) == "100-continue") {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream_, asio::buffer(kContinue), asio::use_awaitable);
    }
    const std::string headers = describe(head.get());
    const bool post = head.get().method() == http::verb::post;
    head_only_ = head.get().method() == http::verb::head;
    const Body body = co_await read_body(head, path == "api/sink" ? number(target_, "rate", 0) : 0);
    co_await answer(std::string(path), post, headers, body);
    co_return keep_alive_;
  }

  struct Body {
    std::uint64_t bytes = 0;
    std::uint64_t fnv = 14695981039346656037ULL;
  };

  asio::awaitable<Body> read_body(http::request_parser<http::empty_body>& head, std::int64_t rate) {
    http::request_parser<http::buffer_body> parser(std::move(head));
    parser.body_limit(boost::none);
    Body body;
    std::vector<char> piece(kPiece);
    const auto begin = Clock::now();
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      error_code error;
      co_await http::async_read_some(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
      if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
      const std::size_t n = piece.size() - parser.get().body().size;
      for (std::size_t i = 0; i < n; ++i)
        body.fnv = (body.fnv ^ static_cast<unsigned char>(piece[i])) * 1099511628211ULL;
      body.bytes += n;
      co_await pace(rate, body.bytes, begin);
    }
    co_return body;
  }

  asio::awaitable<void> answer(const std::string& path, bool post, const std::string& headers, const Body& body) {
    if (path == "\r")
      co_return co_await reply(http::status::forbidden, "text/plain", "the session's secret is missing\n");
    if (path.empty()) co_return co_await reply(http::status::ok, "text/html; charset=utf-8", kNotepadPage);
    if (path == "api/who") co_return co_await reply_json(notepad_.who());
    if (path == "api/headers") co_return co_await reply_json(headers);
    if (path == "api/bytes") co_return co_await send_bytes();
    if (path == "api/events") co_return co_await send_events();
    if (path == "api/sink") {
      co_return co_await reply_json("{\"bytes\":" + std::to_string(body.bytes) +
                                    ",\"fnv\":" + std::to_string(body.fnv) + "}");
    }
    if (path == "api/counter") {
      if (post) notepad_.add(number(target_, "add", 1));
      co_return co_await reply_json("{\"counter\":" + std::to_string(notepad_.counter()) + "}");
    }
    const bool wants_post = path == "api/burn" || path == "api/memory" || path == "api/exit";
    if (wants_post && !post) {
      co_return co_await reply(http::status::method_not_allowed, "text/plain", "POST, please\n");
    }
    if (path == "api/burn") burn(number(target_, "cpu", 1), number(target_, "seconds", 1));
    if (path == "api/memory") {
      const std::int64_t bytes = std::max<std::int64_t>(0, number(target_, "bytes", 0));
      notepad_.hold(std::min(static_cast<std::size_t>(bytes), kMaxHeldBytes));
    }
    if (path == "api/exit") std::_Exit(static_cast<int>(number(target_, "status", 0)));
    if (wants_post) co_return co_await reply_json("{\"ok\":true}");
    co_await reply(http::status::not_found, "text/plain", "the notepad has no such page\n");
  }

  asio::awaitable<void> reply(http::status status, std::string_view type, std::string_view text) {
    http::response<http::string_body> response(status, version_);
    response.set(http::field::content_type, beast::string_view(type.data(), type.size()));
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(keep_alive_);
    response.body() = text;
    response.prepare_payload();
    http::response_serializer<http::string_body> serializer(response);
    if (head_only_)
      co_await http::async_write_header(stream_, serializer, asio::use_awaitable);
    else
      co_await http::async_write(stream_, serializer, asio::use_awaitable);
  }

  asio::awaitable<void> reply_json(const std::string& json) {
    co_await reply(http::status::ok, "application/json", json + "\n");
  }

  asio::awaitable<void> send_bytes() {
    const auto total = static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(target_, "n", 0)));
    const bool chunked = number(target_, "chunked", 0) != 0;
    const std::int64_t rate = number(target_, "rate", 0);
    http::response<http::empty_body> response(http::status::ok, version_);
    response.set(http::field::content_type, "application/octet-stream");
    response.keep_alive(keep_alive_);
    if (chunked)
      response.chunked(true);
    else
      response.content_length(total);
    http::response_serializer<http::empty_body> serializer(response);
    co_await http::async_write_header(stream_, serializer, asio::use_awaitable);
    if (head_only_) co_return;
    const auto begin = Clock::now();
    const std::size_t piece =
        rate > 0 ? std::clamp<std::size_t>(static_cast<std::size_t>(rate) / 20, 1, kPiece) : kPiece;
    std::string text;
    for (std::uint64_t at = 0; at < total;) {
      text.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece, total - at)));
      for (char& c : text) c = static_cast<char>('a' + at++ % 26);
      if (chunked)
        co_await asio::async_write(stream_, http::make_chunk(asio::buffer(text)), asio::use_awaitable);
      else
        co_await asio::async_write(stream_, asio::buffer(text), asio::use_awaitable);
      co_await pace(rate, at, begin);
    }
    if (chunked) co_await asio::async_write(stream_, http::make_chunk_last(), asio::use_awaitable);
  }

  asio::awaitable<void> send_events() {
    struct Wake final : Notepad::Listener {
      explicit Wake(asio::steady_timer& t) : timer(t) {}
      void counter_changed(std::int64_t) override {
        changed = true;
        timer.cancel();
      }
      asio::steady_timer& timer;
      bool changed = true;
    };
    http::response<http::empty_body> response(http::status::ok, version_);
    response.set(http::field::content_type, "text/event-stream");
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(false);
    keep_alive_ = false;
    http::response_serializer<http::empty_body> serializer(response);
    co_await http::async_write_header(stream_, serializer, asio::use_awaitable);
    asio::steady_timer timer(stream_.get_executor());
    Wake wake(timer);
    struct Membership {
      Membership(Notepad& n, Notepad::Listener* l) : notepad(n), listener(l) { notepad.join(listener); }
      ~Membership() { notepad.leave(listener); }
      Notepad& notepad;
      Notepad::Listener* listener;
    } membership(notepad_, &wake);
    for (;;) {
      const bool changed = std::exchange(wake.changed, false);
      const std::string text =
          changed ? "data: {\"counter\":" + std::to_string(notepad_.counter()) + "}\n\n" : ": still here\n\n";
      co_await asio::async_write(stream_, asio::buffer(text), asio::use_awaitable);
      if (wake.changed) continue;
      timer.expires_after(std::chrono::seconds(15));
      error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  static std::string describe(const http::request<http::empty_body>& request);

  Notepad& notepad_;
  Notepad::Stream stream_;
  beast::flat_buffer buffer_;
  std::string target_;
  bool keep_alive_ = true;
  bool head_only_ = false;
  unsigned version_ = 11;
};

std::string Connection::describe(const http::request<http::empty_body>& request) {
  std::string out = "{\"method\":" + json_quoted(view(request.method_string())) +
                    ",\"target\":" + json_quoted(view(request.target())) + ",\"headers\":[";
  bool first = true;
  for (const auto& field : request) {
    out += first ? "" : ",";
    out += "[" + json_quoted(view(field.name_string())) + "," + json_quoted(view(field.value())) + "]";
    first = false;
  }
  return out + "]}";
}

}  // namespace

asio::awaitable<void> Notepad::serve(Stream stream) {
  try {
    Connection connection(*this, std::move(stream));
    co_await connection.run();
  } catch (const boost::system::system_error&) {
    // The peer went away in the middle of something: nothing to do for it, nothing to say.
  }
}

}  // namespace homing::launcher
