// SPDX-License-Identifier: Apache-2.0
#include "router/net/exchange.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <cstdio>
#include <memory>

#include "router/wire/request_head.h"

namespace homing::net {

namespace {

using namespace asio::experimental::awaitable_operators;

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kPieceBytes = 32 * 1024;
constexpr int kMaxInterim = 8;
constexpr std::size_t kHeadPiece = 4 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

bool is_chunked(const RequestHead& head) {
  return field_count(head, "transfer-encoding") > 0;
}

// Reads until the next head is judged. Still kMore: the connection is over.
Task<wire::Parsed> read_judged_head(Stream& client, wire::RequestHead& head, Millis whole) {
  auto& buffer = client.buffer();
  client.read_within(whole);
  for (;;) {
    const wire::Parsed parsed = head.parse({static_cast<const char*>(buffer.data().data()), buffer.size()});
    if (parsed.state != wire::Parsed::State::kMore) {
      client.read_whenever();
      co_return parsed;
    }
    const auto [error, size] = co_await client.socket().async_read_some(buffer.prepare(kHeadPiece), kUse);
    if (error) co_return wire::Parsed{};
    buffer.commit(size);
  }
}

// Beast gets what the strict parser has accepted, and only so that the exchange has its types.
std::optional<HeadError> hand_to_beast(std::string_view bytes, const wire::RequestHead& head, RequestParser& parser) {
  // Such a message is trusted once (router/wire); Beast's types cannot say that, so it is not served here.
  if (bytes.starts_with('\r')) return HeadError{http::status::bad_request, "an empty line before the request"};
  parser.header_limit(kMaxHeadBytes);
  parser.body_limit(boost::none);
  error_code error;
  const std::size_t used = parser.put(asio::buffer(bytes), error);
  if (error || !parser.is_header_done() || used != bytes.size()) {
    return HeadError{http::status::bad_request, "no HTTP request: " + error.message()};
  }
  const std::string_view target = head.target();  // origin form, whatever was sent
  parser.get().target({target.data(), target.size()});
  return std::nullopt;
}

}  // namespace

std::string_view to_string(End end) {
  switch (end) {
    case End::kDone:
      return "done";
    case End::kStopped:
      return "stopped";
    case End::kUnreachable:
      return "upstream closed";
    case End::kSilent:
      return "upstream silent";
    case End::kBadAnswer:
      return "bad answer";
    case End::kCut:
      return "upstream cut";
    case End::kClientGone:
      return "client gone";
    case End::kClientSlow:
      return "client slow";
    case End::kTunnelClosed:
      return "tunnel closed";
  }
  return "?";
}

Task<HeadRead> read_request_head(Stream& client, RequestParser& parser, Millis idle, Millis whole) {
  auto& buffer = client.buffer();
  if (buffer.size() == 0) {  // idle between requests costs no read buffer
    buffer.shrink_to_fit();
    client.read_within(idle);
    const auto [error] = co_await client.socket().async_wait(Socket::wait_read, kUse);
    if (error) co_return HeadRead{};
  }
  const auto head = std::make_unique<wire::RequestHead>();
  const wire::Parsed parsed = co_await read_judged_head(client, *head, whole);
  if (parsed.state == wire::Parsed::State::kMore) co_return HeadRead{};
  if (parsed.refused()) {
    co_return HeadRead{true, HeadError{static_cast<http::status>(parsed.status), std::string(parsed.why)}};
  }
  auto bad = hand_to_beast({static_cast<const char*>(buffer.data().data()), parsed.size}, *head, parser);
  buffer.consume(parsed.size);
  co_return HeadRead{true, std::move(bad)};
}

Task<void> Exchange::run() {
  http11_ = request_.get().version() == 11;
  wants_body_ = has_body(request_.get());
  if (!co_await send_head()) co_return;
  if (!wants_body_) {
    body_sent_ = true;
    co_await pump_answer(false);
    co_return;
  }
  if (confirm_first) {
    if (!co_await read_answer_head(true)) co_return;
    if (!got_continue_) {  // decided on the head alone
      co_await pump_answer(true);
      co_return;
    }
  }
  if (http11_ && field_count(request_.get(), "expect") > 0) {
    client_.write_within(limits_.write_stall);
    const auto [error, n] = co_await asio::async_write(client_.socket(), asio::buffer(kContinue), kUse);
    client_.write_whenever();
    if (error) {
      end = End::kClientGone;
      co_return;
    }
  }
  co_await (pump_request() && pump_answer(false));
}

// The head goes alone; body pieces follow by pump_request.
Task<bool> Exchange::send_head() {
  outgoing.version(11);
  erase_field(outgoing, "expect");
  erase_field(outgoing, "transfer-encoding");
  if (wants_body_) {
    if (is_chunked(request_.get())) outgoing.set(http::field::transfer_encoding, "chunked");
    if (confirm_first) outgoing.set(http::field::expect, "100-continue");
  }
  http::request<http::empty_body> message(outgoing);
  http::request_serializer<http::empty_body> serializer(message);
  upstream_.write_within(limits_.write_stall);
  const auto [error, n] = co_await http::async_write_header(upstream_.socket(), serializer, kUse);
  upstream_.write_whenever();
  if (error) end = End::kUnreachable;
  co_return !error;
}

Task<void> Exchange::pump_request() {
  http::request<http::buffer_body> message;
  const bool chunked = is_chunked(request_.get());
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  bool failed = false;
  while (!request_.is_done() && !failed) {
    auto& body = request_.get().body();
    body.data = piece.get();
    body.size = kPieceBytes;
    body_touched = true;
    client_.read_within(limits_.body_stall);
    auto [error, n] = co_await http::async_read_some(client_.socket(), client_.buffer(), request_, kUse);
    client_.read_whenever();
    if (error == http::error::need_buffer) error = {};
    if (error) {
      client_failed_ = !answer_over_;
      failed = true;
      break;
    }
    const std::size_t size = kPieceBytes - request_.get().body().size;
    if (size == 0) continue;
    bytes_up += size;
    char prefix[24];
    const int prefix_size = chunked ? std::snprintf(prefix, sizeof prefix, "%zx\r\n", size) : 0;
    const std::array<asio::const_buffer, 3> pieces = {asio::buffer(prefix, static_cast<std::size_t>(prefix_size)),
                                                      asio::buffer(piece.get(), size),
                                                      asio::buffer("\r\n", chunked ? 2 : 0)};
    upstream_.write_within(limits_.write_stall);
    const auto [write_error, written] = co_await asio::async_write(upstream_.socket(), pieces, kUse);
    upstream_.write_whenever();
    // The upstream may have answered and closed: its answer is still to be read.
    failed = static_cast<bool>(write_error);
  }
  if (!failed && chunked) {
    upstream_.write_within(limits_.write_stall);
    const auto [error, n] = co_await asio::async_write(upstream_.socket(), asio::buffer("0\r\n\r\n", 5), kUse);
    upstream_.write_whenever();
    failed = static_cast<bool>(error);
  }
  body_sent_ = !failed;
  if (client_failed_) upstream_.close();  // a body that ends early must not look whole
}

// Skips interim answers. False: none came (end says why).
Task<bool> Exchange::read_answer_head(bool stop_at_continue) {
  for (int i = 0; i < kMaxInterim; ++i) {
    answer_.emplace();
    answer_->header_limit(kMaxHeadBytes);
    answer_->body_limit(boost::none);
    if (request_.get().method() == http::verb::head) answer_->skip(true);
    upstream_.read_within(limits_.answer);
    const auto [error, n] = co_await http::async_read_header(upstream_.socket(), upstream_.buffer(), *answer_, kUse);
    upstream_.read_whenever();
    if (error) {
      // Errors of Beast's are about what was said; all others are about the connection.
      const bool said = error.category() == make_error_code(http::error::bad_status).category() &&
                        error != http::error::end_of_stream && error != http::error::partial_message;
      end = client_failed_     ? End::kClientGone
            : upstream_.late() ? End::kSilent
            : said             ? End::kBadAnswer
                               : End::kUnreachable;
      note = error.message();
      co_return false;
    }
    const unsigned code = answer_->get().result_int();
    if (code == 100) got_continue_ = true;
    const bool interim = code >= 100 && code < 200 && code != 101;
    if (!interim || (stop_at_continue && code == 100)) co_return true;
  }
  end = End::kBadAnswer;
  note = "too many interim answers";
  co_return false;
}

Task<void> Exchange::pump_answer(bool head_read) {
  if (head_read || co_await read_answer_head(false)) {
    answer_at = std::chrono::steady_clock::now();
    status = answer_->get().result_int();
    if (auto why = check_response_head(answer_->get())) {
      end = End::kBadAnswer;
      note = *why;
    } else if (status != 101) {
      co_await relay_answer();
    } else if (!upgrade_protocol(outgoing).empty() && completes_upgrade(outgoing, answer_->get())) {
      co_await tunnel();
    } else {
      end = End::kBadAnswer;
      note = "a 101 that does not complete the handshake";
    }
  }
  answer_over_ = true;
  if (!body_sent_) {  // the body pump has nobody left to pump for
    error_code ignored;
    client_.socket().cancel(ignored);
    upstream_.close();
  }
}

// Makes the head that the client gets. False: it gets none.
bool Exchange::edit_answer(http::response<http::buffer_body>& message, bool client_keep) {
  std::vector<std::pair<std::string, std::string>> ours;
  for (const auto& field : message) {
    if (keep_homing_fields && same_text(view(field.name_string()).substr(0, 7), "homing-")) {
      ours.emplace_back(view(field.name_string()), view(field.value()));
    }
  }
  strip_answer_fields(message);
  for (const auto& [name, value] : ours) message.insert(name, value);
  if (on_answer && !on_answer(message)) return false;
  message.version(11);
  if (!client_keep) message.set(http::field::connection, "close");
  return true;
}

Task<void> Exchange::relay_answer() {
  http::response<http::buffer_body> message;
  message.base() = answer_->get().base();
  const bool bodiless = request_.get().method() == http::verb::head || status == 204 || status == 304;
  const bool has_length = field_count(message, "content-length") > 0;
  const bool client_keep = http11_ && request_.keep_alive();
  if (!edit_answer(message, client_keep)) {
    end = End::kStopped;
    co_return;
  }
  answered = true;
  if (!bodiless) {
    // Without a length: chunked, or for HTTP/1.0 until the connection closes.
    if (!has_length && http11_) message.set(http::field::transfer_encoding, "chunked");
    co_await relay_body(message);
    if (end != End::kDone) co_return;
  } else {
    http::response_serializer<http::buffer_body> serializer(message);
    client_.write_within(limits_.write_stall);
    const auto [error, n] = co_await http::async_write_header(client_.socket(), serializer, kUse);
    client_.write_whenever();
    if (error) {
      end = client_.late() ? End::kClientSlow : End::kClientGone;
      co_return;
    }
  }
  finish(client_keep);
}

Task<void> Exchange::relay_body(http::response<http::buffer_body>& message) {
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  message.body().data = nullptr;
  message.body().more = true;
  http::response_serializer<http::buffer_body> serializer(message);
  // The head waits for a first piece of the body only when one is there already.
  bool head_first = upstream_.buffer().size() == 0 && !answer_->is_done();
  bool more = true;
  while (more) {
    std::size_t size = 0;
    if (!head_first && !answer_->is_done()) {
      answer_->get().body().data = piece.get();
      answer_->get().body().size = kPieceBytes;
      upstream_.read_within(limits_.answer_stall);
      auto [error, n] = co_await http::async_read_some(upstream_.socket(), upstream_.buffer(), *answer_, kUse);
      upstream_.read_whenever();
      if (error == http::error::need_buffer) error = {};
      if (error) {
        end = client_failed_ ? End::kClientGone : End::kCut;
        note = error.message();
        client_.close();  // half an answer must not look whole
        co_return;
      }
      size = kPieceBytes - answer_->get().body().size;
    }
    more = !answer_->is_done();
    if (size == 0 && more && !head_first) continue;
    message.body().data = size == 0 ? nullptr : piece.get();
    message.body().size = size;
    message.body().more = more;
    bytes_down += size;
    client_.write_within(limits_.write_stall);
    auto [error, n] = head_first ? co_await http::async_write_header(client_.socket(), serializer, kUse)
                                 : co_await http::async_write(client_.socket(), serializer, kUse);
    client_.write_whenever();
    head_first = false;
    if (error == http::error::need_buffer) error = {};
    if (error) {
      end = client_.late() ? End::kClientSlow : End::kClientGone;
      upstream_.close();
      co_return;
    }
  }
}

void Exchange::finish(bool client_keep) {
  end = End::kDone;
  const bool asked_upgrade = !upgrade_protocol(outgoing).empty();
  const bool odd_body =
      wants_body_ && (request_.get().method() == http::verb::get || request_.get().method() == http::verb::head ||
                      request_.get().method() == http::verb::options);
  client_reusable = client_keep && request_.is_done() && !odd_body && !asked_upgrade;
  upstream_reusable = answer_->keep_alive() && request_.is_done() && body_sent_ && !odd_body && !asked_upgrade &&
                      upstream_.buffer().size() == 0;
}

Task<void> Exchange::tunnel() {
  http::response<http::empty_body> message;
  message.base() = answer_->get().base();
  const std::string protocol(field_value(message, "upgrade"));
  strip_answer_fields(message);
  erase_field(message, "content-length");
  message.set(http::field::connection, "Upgrade");
  message.set(http::field::upgrade, protocol);
  if (on_answer && !on_answer(message)) {
    end = End::kStopped;
    co_return;
  }
  http::response_serializer<http::empty_body> serializer(message);
  answered = true;
  client_.write_within(limits_.write_stall);
  const auto [error, n] = co_await http::async_write_header(client_.socket(), serializer, kUse);
  client_.write_whenever();
  end = End::kTunnelClosed;
  if (error) co_return;
  error_code ignored;
  client_.socket().non_blocking(true, ignored);
  upstream_.socket().non_blocking(true, ignored);
  co_await (flow(client_, upstream_, bytes_up) && flow(upstream_, client_, bytes_down));
  client_.close();
  upstream_.close();
}

// One direction of a tunnel. While nothing comes it holds no buffer: it waits, then reads into the worker's scratch
// space, and keeps only what the other side did not take at once.
Task<void> Exchange::flow(Stream& from, Stream& to, std::uint64_t& bytes) {
  if (const auto held = from.buffer().data(); held.size() > 0) {
    const std::string first(static_cast<const char*>(held.data()), held.size());
    from.buffer().consume(held.size());
    bytes += first.size();
    to.write_within(limits_.write_stall);
    const auto [error, n] = co_await asio::async_write(to.socket(), asio::buffer(first), kUse);
    to.write_whenever();
    if (error) from.close();
  }
  from.buffer().shrink_to_fit();
  for (;;) {
    from.read_within(limits_.tunnel_idle);
    const auto [wait_error] = co_await from.socket().async_wait(Socket::wait_read, kUse);
    if (wait_error) break;
    error_code error;
    const std::size_t size = from.socket().read_some(asio::buffer(scratch_.data(), scratch_.size()), error);
    if (error == asio::error::would_block) continue;
    if (error) break;
    bytes += size;
    std::size_t written = to.socket().write_some(asio::buffer(scratch_.data(), size), error);
    if (error == asio::error::would_block)
      written = 0;
    else if (error)
      break;
    if (written == size) continue;
    const std::string rest(scratch_.data() + written, size - written);
    to.write_within(limits_.write_stall);
    const auto [write_error, n] = co_await asio::async_write(to.socket(), asio::buffer(rest), kUse);
    to.write_whenever();
    if (write_error) break;
  }
  to.shut_down_sending();
  // The other direction may finish what it is saying; not for long.
  to.read_within(limits_.tunnel_rest);
}

}  // namespace homing::net
