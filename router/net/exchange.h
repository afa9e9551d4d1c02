// SPDX-License-Identifier: Apache-2.0
//
// One request and its answer between two streams: head, body up, answer down, or a verified 101 that makes a tunnel.
//
// Intuition: what was parsed is written anew with exactly one framing, ours; payload goes from the block it was read
// into to the other socket without a copy, and the next block is read when it is gone. So memory does not grow with
// bodies, a slow reader slows the writer, and a small answer leaves in one system call, head and body together. A body
// that never has to wait lets others go first every kShare bytes.
//
// Invariants: no byte of the client's goes upstream after an Upgrade head until a 101 that completes exactly that
// handshake came back. With `confirm_first` no byte of a body goes up before the other side said 100. The bytes
// promised are the bytes sent, or the connection ends. A connection is used again only when both messages ended cleanly
// and neither was trusted once only. Source: Pingora's CVE-2026-2833 and -2835 are the mistakes this avoids. Thread
// class: single-owner (the worker's thread).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "router/io/stream.h"
#include "router/io/task.h"
#include "router/net/worker.h"
#include "router/wire/body.h"
#include "router/wire/write.h"

namespace homing::net {

template <class T = void>
using Task = io::Task<T>;

// Milliseconds.
struct ExchangeLimits {
  std::int64_t answer = 10 * 60'000;     // from the whole request sent to the answer's head; RStudio holds polls 50 s
  std::int64_t body_stall = 60'000;      // no byte of a request body
  std::int64_t body_grace = 20'000;      // of waiting for the client, after which body_min_rate counts
  std::uint64_t body_min_rate = 0;       // bytes a second of waiting for the client; 0: no limit
  std::int64_t answer_stall = 3600'000;  // no byte of an answer's body (event streams are quiet)
  std::int64_t write_stall = 60'000;     // the other side takes nothing
  std::int64_t tunnel_idle = 8 * 3600'000;
  std::int64_t tunnel_rest = 30'000;  // after one side of a tunnel closed
};

// Judges a client that sends its body too slowly: only the time in which we waited for it counts.
class SlowBody {
 public:
  explicit SlowBody(const ExchangeLimits& limits) : limits_(limits) {}
  // Another wait of `ns` is over; `bytes` of the body have come. True: too slow.
  bool waited(std::int64_t ns, std::uint64_t bytes) {
    waited_ns_ += ns;
    const std::int64_t beyond_ns = waited_ns_ - limits_.body_grace * 1'000'000;
    if (limits_.body_min_rate == 0 || beyond_ns <= 0) return false;
    return static_cast<double>(bytes) <
           static_cast<double>(limits_.body_min_rate) * static_cast<double>(beyond_ns) / 1e9;
  }

 private:
  const ExchangeLimits& limits_;
  std::int64_t waited_ns_ = 0;
};

// How it ended.
enum class End : std::uint8_t {
  kDone = 0,
  kStopped,      // the editor did not want this answer; nothing was sent to the client
  kUnreachable,  // the upstream closed before an answer's head
  kSilent,       // no answer in time
  kBadAnswer,    // an answer that cannot be handed on
  kCut,          // the upstream went away in the middle of its answer
  kClientGone,
  kClientSlow,
  kClientBad,  // its body is none
  kTunnel,     // 101 was sent: the two streams are a tunnel from here on
};

class AnswerEditor {
 public:
  virtual ~AnswerEditor() = default;
  // Sees the answer's head before the client does; may put fields into work.answer_fields (instead of the answer's own)
  // and work.answer_added (beside them). Returns false to stop: then nothing goes to the client.
  virtual bool edit(const wire::AnswerHead& answer, Workspace& work) = 0;
};

class Exchange {
 public:
  // REQUIRES: workspace.request holds a judged head, `body` was started with its framing and has read nothing; all
  // references outlive the exchange.
  Exchange(io::Stream& client, wire::BodyReader& body, io::Stream& upstream, Workspace& workspace,
           const ExchangeLimits& limits)
      : client_(client), body_(body), upstream_(upstream), work_(workspace), limits_(limits) {}

  wire::RequestPlan plan;           // what goes upstream
  bool confirm_first = false;       // send Expect and wait for 100 before a body
  bool drop_cookies = false;        // the editor puts the answer's cookies into work.answer_added
  bool keep_homing_fields = false;  // the upstream is a peer: its Homing-* fields are ours
  const bool* last = nullptr;       // when true, the client's connection ends with this answer
  AnswerEditor* editor = nullptr;   // none: the answer is not edited

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
  std::int64_t sent_at_ns = 0;    // when the whole head was sent
  std::int64_t answer_at_ns = 0;  // when the answer's head was there
  std::string_view note;          // detail for the log; a literal

 private:
  Task<bool> send_head();
  Task<void> pump_request();
  Task<void> pump_answer(bool head_read);
  Task<bool> read_answer_head(bool stop_at_continue);
  Task<bool> relay_interim();
  Task<void> relay_answer();
  Task<void> relay_body(const wire::Framing& framing);
  Task<void> accept_tunnel();
  Task<bool> send(io::Stream& to, std::span<iovec> pieces);
  bool plan_answer(wire::AnswerPlan& out);
  void await_answer();
  void cut_client(const wire::Framing& framing);
  void finish();
  void client_failed();
  std::int64_t patience(std::uint64_t got, std::int64_t waited_ms) const;

  io::Stream& client_;
  wire::BodyReader& body_;
  io::Stream& upstream_;
  Workspace& work_;
  const ExchangeLimits& limits_;
  bool wants_body_ = false;
  bool got_continue_ = false;
  bool body_sent_ = false;
  bool answer_begun_ = false;  // its head is there, or the exchange failed
  bool answer_over_ = false;
  bool client_failed_ = false;
  bool odd_interim_ = false;
};

// Gathers the payload of a body that is in a stream's input, for one writev, as one chunk when the way on is chunked.
class Gather {
 public:
  // Reads what is there. Views into `bytes`.
  void take(wire::BodyReader& body, std::string_view bytes, bool chunked);
  std::span<iovec> pieces() { return {pieces_.data() + first_, size_ - first_}; }
  std::size_t used() const { return used_; }        // of the input
  std::size_t payload() const { return payload_; }  // bytes
  bool stuck() const { return stuck_; }             // nothing more can be read out of what is there

  // Room in front, for a head that goes with the first piece.
  void put_head(std::string_view head);
  void finish(bool chunked);  // the body is over

 private:
  static constexpr std::size_t kFront = 2;  // a head and a chunk's line
  static constexpr std::size_t kRuns = 12;
  void push(std::string_view bytes);
  std::array<iovec, kFront + kRuns + 2> pieces_{};
  std::array<char, 20> line_{};
  std::size_t first_ = kFront;
  std::size_t size_ = kFront;
  std::size_t used_ = 0;
  std::size_t payload_ = 0;
  bool stuck_ = false;
};

}  // namespace homing::net
