// SPDX-License-Identifier: Apache-2.0
//
// One request and its answer between two streams: head, body up, answer down, or a tunnel after a verified 101.
//
// Intuition: two pumps, each holding one buffer, each waiting for the slower side; so memory does not grow with bodies
// and a slow reader slows the writer. What was parsed is written anew with exactly one framing, ours; the number of
// bytes promised is the number of bytes sent, or the connection ends.
//
// Invariants: no byte of the client's goes upstream after an Upgrade head until a 101 that completes exactly that
// handshake came back. With `confirm_first` no byte of a body goes up before the other side said 100. An upstream
// connection is reusable only when both messages ended cleanly.
// Source: the relay of Beast's examples; Pingora's CVE-2026-2833 and -2835 are the mistakes this avoids.
// Thread class: single-owner (the worker's thread).
#pragma once

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "router/net/headers.h"
#include "router/net/stream.h"

namespace homing::net {

using RequestParser = http::request_parser<http::buffer_body>;

struct ExchangeLimits {
  Millis answer{10 * 60'000};     // from the whole head sent to the answer's head; RStudio holds polls for 50 s
  Millis body_stall{60'000};      // no byte of a request body
  Millis answer_stall{3600'000};  // no byte of an answer's body (event streams are quiet)
  Millis write_stall{60'000};     // the other side takes nothing
  Millis tunnel_idle{8 * 3600'000};
  Millis tunnel_rest{30'000};  // after one side of a tunnel closed
};

// How it ended; words for the access log.
enum class End : std::uint8_t {
  kDone = 0,
  kStopped,      // `on_answer` did not want this answer; nothing was sent to the client
  kUnreachable,  // the upstream closed before an answer's head
  kSilent,       // no answer in time
  kBadAnswer,    // an answer that cannot be handed on
  kCut,          // the upstream went away in the middle of its answer
  kClientGone,
  kClientSlow,
  kTunnelClosed,  // an upgraded connection ended
};
std::string_view to_string(End end);

// Reads the next head, judges it (router/wire) and puts it into `parser`. `alive` false: the connection ended or was
// too slow, there is nobody to answer.
struct HeadRead {
  bool alive = false;
  std::optional<HeadError> error;
};
Task<HeadRead> read_request_head(Stream& client, RequestParser& parser, Millis idle, Millis whole);

class Exchange {
 public:
  // REQUIRES: `request` holds a checked head and an unread body; all references outlive the exchange.
  Exchange(Stream& client, RequestParser& request, Stream& upstream, std::span<char> scratch,
           const ExchangeLimits& limits)
      : client_(client), request_(request), upstream_(upstream), scratch_(scratch), limits_(limits) {}

  RequestHead outgoing;        // what goes upstream; framing is set here
  bool confirm_first = false;  // send Expect and wait for 100 before a body
  // Sees the answer's head before the client does, and edits it (hop-by-hop fields are already gone when
  // `keep_answer_fields` is false). Returns false to stop: then nothing goes to the client.
  std::function<bool(ResponseHead&)> on_answer;
  bool keep_homing_fields = false;  // the upstream is a peer: its Homing-* fields are ours

  Task<void> run();

  // Results.
  End end = End::kDone;
  unsigned status = 0;  // of the answer; 0: none came
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  bool answered = false;      // the client got (at least the beginning of) an answer
  bool body_touched = false;  // bytes of the request's body were consumed
  bool client_reusable = false;
  bool upstream_reusable = false;
  std::chrono::steady_clock::time_point answer_at;  // when the answer's head was there
  std::string note;                                 // detail for the log

 private:
  using AnswerParser = http::response_parser<http::buffer_body>;
  Task<bool> send_head();
  Task<void> pump_request();
  Task<void> pump_answer(bool head_read);
  Task<bool> read_answer_head(bool stop_at_continue);
  Task<void> relay_answer();
  bool edit_answer(http::response<http::buffer_body>& message, bool client_keep);
  Task<void> relay_body(http::response<http::buffer_body>& message);
  Task<void> tunnel();
  Task<void> flow(Stream& from, Stream& to, std::uint64_t& bytes);
  void finish(bool client_keep);

  Stream& client_;
  RequestParser& request_;
  Stream& upstream_;
  std::span<char> scratch_;
  const ExchangeLimits& limits_;
  bool http11_ = true;
  bool wants_body_ = false;
  bool got_continue_ = false;
  bool body_sent_ = false;
  bool answer_over_ = false;
  bool client_failed_ = false;
  std::optional<AnswerParser> answer_;
};

}  // namespace homing::net
