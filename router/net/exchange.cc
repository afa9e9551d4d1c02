// SPDX-License-Identifier: Apache-2.0
#include "router/net/exchange.h"

#include <algorithm>
#include <array>

namespace homing::net {

namespace {

constexpr int kMaxInterim = 8;
constexpr std::uint64_t kFlows = 8 * 1024;  // a body with more than this to come is read into large blocks
constexpr std::size_t kShare = 512 * 1024;  // of a body, before everybody else on this thread has a turn
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

iovec piece_of(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

bool flows(const wire::BodyReader& body, wire::BodyKind kind) {
  return kind != wire::BodyKind::kLength || body.left() > kFlows;
}

}  // namespace

// ---------------------------------------------------------------- gathering

void Gather::push(std::string_view bytes) {
  pieces_[size_++] = piece_of(bytes);
}

void Gather::take(wire::BodyReader& body, std::string_view bytes, bool chunked) {
  first_ = size_ = kFront;
  used_ = payload_ = 0;
  stuck_ = false;
  while (size_ < kFront + kRuns && body.state() == wire::BodyReader::State::kMore) {
    const auto piece = body.read(bytes.substr(used_));
    used_ += piece.used;
    if (!piece.payload.empty()) {
      push(piece.payload);
      payload_ += piece.payload.size();
    } else if (piece.state == wire::BodyReader::State::kMore && used_ == bytes.size()) {
      stuck_ = true;
    }
    if (used_ == bytes.size()) break;
  }
  if (chunked && payload_ > 0) {
    pieces_[--first_] = piece_of(wire::chunk_line(payload_, line_));
    push(wire::kChunkEnd);
  }
}

void Gather::put_head(std::string_view head) {
  pieces_[--first_] = piece_of(head);
}

void Gather::finish(bool chunked) {
  if (chunked) push(wire::kLastChunk);
}

// ---------------------------------------------------------------- the exchange

Task<void> Exchange::run() {
  const wire::RequestHead& request = work_.request;
  work_.answer.reset();
  wants_body_ = request.has_body();
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
  if (request.expects_continue()) {
    std::array<iovec, 1> line = {piece_of(kContinue)};
    if (!co_await send(client_, line)) {
      end = End::kClientGone;
      co_return;
    }
  }
  co_await io::both(pump_request(), pump_answer(false));
}

// All of `pieces`, waiting for the other side as long as write_stall allows without progress.
Task<bool> Exchange::send(io::Stream& to, std::span<iovec> pieces) {
  for (;;) {
    const io::Io result = to.write_some(pieces);
    if (result != io::Io::kAgain) {
      to.write_whenever();
      co_return result == io::Io::kOk;
    }
    to.write_within(limits_.write_stall);
    co_await to.writable();
  }
}

// The head goes alone; body pieces follow by pump_request.
Task<bool> Exchange::send_head() {
  plan.expect_continue = wants_body_ && confirm_first;
  plan.ours = work_.request_fields.all();
  work_.up.clear();
  if (!wire::write_request(work_.request, plan, work_.up)) {
    end = End::kBadAnswer;
    note = "a request that cannot be written";
    co_return false;
  }
  std::array<iovec, 1> head = {piece_of(work_.up)};
  std::span<iovec> pieces = head;
  bool sent = upstream_.write_some(pieces) == io::Io::kOk;
  if (!sent && upstream_.is_open() && !pieces.empty()) sent = co_await send(upstream_, pieces);
  if (!sent) end = End::kUnreachable;
  sent_at_ns = upstream_.loop().now_ns();
  co_return sent;
}

void Exchange::client_failed() {
  if (answer_over_) return;
  client_failed_ = true;
  upstream_.close();  // what it got is not what was promised
}

// How long its next byte may take: after the grace every byte buys time, so that a body in drops ends too. Only waiting
// for the client counts, not what the other side takes.
std::int64_t Exchange::patience(std::uint64_t got, std::int64_t waited_ms) const {
  if (limits_.body_min_rate == 0) return limits_.body_stall;
  constexpr std::uint64_t kMsPerSecond = 1000;
  const auto bought = static_cast<std::int64_t>(got / limits_.body_min_rate * kMsPerSecond +
                                                got % limits_.body_min_rate * kMsPerSecond / limits_.body_min_rate);
  return std::clamp<std::int64_t>(limits_.body_grace + bought - waited_ms, 0, limits_.body_stall);
}

Task<void> Exchange::pump_request() {
  const wire::BodyKind kind = work_.request.framing().kind;
  const bool chunked = kind == wire::BodyKind::kChunked;
  Gather gather;
  std::size_t share = 0;
  std::uint64_t got = 0;
  std::int64_t waited_ms = 0;
  body_touched = true;
  while (body_.state() == wire::BodyReader::State::kMore && !answer_over_) {
    gather.take(body_, client_.input().data(), chunked);
    if (body_.state() == wire::BodyReader::State::kBad) {
      end = End::kClientBad;
      co_return client_failed();
    }
    const bool over = body_.state() == wire::BodyReader::State::kDone;
    if (over) gather.finish(chunked);
    bytes_up += gather.payload();
    got += gather.used();
    if (!gather.pieces().empty() && !co_await send(upstream_, gather.pieces())) {
      // The upstream may have answered and closed: its answer is still to be read.
      co_return;
    }
    client_.input().consume(gather.used());
    if (over) {
      body_sent_ = true;
      await_answer();
      co_return;
    }
    share += gather.used();
    if (share >= kShare) {
      share = 0;
      co_await client_.loop().yield();
      continue;
    }
    if (!client_.input().empty() && !gather.stuck()) continue;
    const io::Io result = client_.fill(flows(body_, kind));
    if (result == io::Io::kAgain) {
      client_.input().release();
      const std::int64_t from_ms = client_.loop().now_ms();
      client_.read_within(patience(got, waited_ms));
      co_await client_.readable();
      if (client_.late()) co_return client_failed();
      client_.read_whenever();
      waited_ms += client_.loop().now_ms() - from_ms;
      share = 0;
    } else if (result != io::Io::kOk) {
      co_return client_failed();
    }
  }
}

// The answer is owed from when the whole request is sent; while a body is on its way its own limits hold.
void Exchange::await_answer() {
  if (!answer_begun_) upstream_.read_within(limits_.answer);
}

// Reads until a final answer, 101, or the 100 that was waited for. Others on the way (103) are handed on.
Task<bool> Exchange::read_answer_head(bool stop_at_continue) {
  io::Buffer& input = upstream_.input();
  for (int interim = 0; interim < kMaxInterim;) {
    const wire::Parsed parsed =
        input.empty() ? wire::Parsed{} : work_.answer.parse(input.data(), work_.request.method());
    if (parsed.refused()) {
      end = End::kBadAnswer;
      note = parsed.why;
      co_return false;
    }
    if (parsed.done()) {
      input.consume(parsed.size);
      upstream_.read_whenever();
      if (!work_.answer.is_interim()) co_return true;
      odd_interim_ = odd_interim_ || work_.answer.trust() != wire::Trust::kPlain;
      if (work_.answer.status() == 100) {
        got_continue_ = true;
        if (stop_at_continue) co_return true;
      } else if (!co_await relay_interim()) {
        co_return false;
      }
      ++interim;
      continue;
    }
    const io::Io result = upstream_.fill();
    if (result == io::Io::kOk) continue;
    if (result == io::Io::kAgain) {
      input.release();
      if (stop_at_continue || body_sent_) await_answer();
      co_await upstream_.readable();
      continue;
    }
    end = client_failed_     ? (end == End::kClientBad ? end
                                : client_.late()       ? End::kClientSlow
                                                       : End::kClientGone)
          : upstream_.late() ? End::kSilent
                             : End::kUnreachable;
    if (!input.empty() && end == End::kUnreachable) {
      end = End::kBadAnswer;
      note = "the connection ended inside the head of its answer";
    }
    co_return false;
  }
  end = End::kBadAnswer;
  note = "too many interim answers";
  co_return false;
}

Task<bool> Exchange::relay_interim() {
  if (work_.request.version() == wire::Version::k10) co_return true;
  wire::AnswerPlan answer;
  work_.down.clear();
  if (!wire::write_answer(work_.answer, answer, work_.down)) co_return true;
  std::array<iovec, 1> head = {piece_of(work_.down)};
  if (co_await send(client_, head)) co_return true;
  end = client_.late() ? End::kClientSlow : End::kClientGone;
  upstream_.close();
  co_return false;
}

Task<void> Exchange::pump_answer(bool head_read) {
  const bool head_there = head_read || co_await read_answer_head(false);
  answer_begun_ = true;
  if (head_there) {
    answer_at_ns = upstream_.loop().now_ns();
    status = work_.answer.status();
    if (status != 101) {
      co_await relay_answer();
    } else if (plan.upgrade && !work_.request.upgrade().empty() &&
               wire::completes_upgrade(work_.request, work_.answer,
                                       work_.request.is_websocket() ? websocket_accept(work_.request.fields().value_of(
                                                                          wire::Name::kSecWebSocketKey))
                                                                    : std::string())) {
      co_await accept_tunnel();
    } else {
      end = End::kBadAnswer;
      note = "a 101 that does not complete the handshake";
    }
  }
  answer_over_ = true;
  if (!body_sent_) {  // the body pump has nobody left to pump for
    upstream_.close();
    client_.wake_reader();
  }
}

// What the client gets of this head. False: nothing.
bool Exchange::plan_answer(wire::AnswerPlan& out) {
  work_.answer_fields.clear();
  work_.answer_added.clear();
  if (editor != nullptr && !editor->edit(work_.answer, work_)) {
    end = End::kStopped;
    return false;
  }
  out.framing = wire::answer_framing(work_.answer, work_.request.version());
  out.close = !(work_.request.keep_alive() && out.framing->kind != wire::BodyKind::kUntilClose &&
                work_.answer.trust() == wire::Trust::kPlain && !odd_interim_ && (last == nullptr || !*last));
  out.keep_homing_fields = keep_homing_fields;
  out.drop_cookies = drop_cookies;
  out.ours = work_.answer_fields.all();
  out.added = work_.answer_added.all();
  work_.down.clear();
  if (wire::write_answer(work_.answer, out, work_.down)) return true;
  end = End::kBadAnswer;
  note = "an answer that cannot be written";
  return false;
}

Task<void> Exchange::relay_answer() {
  wire::AnswerPlan answer;
  if (!plan_answer(answer)) co_return;
  answered = true;
  co_await relay_body(*answer.framing);
  if (end != End::kDone) co_return;
  finish();
  client_reusable = client_reusable && !answer.close;
}

// `framing`: towards the client.
Task<void> Exchange::relay_body(const wire::Framing& framing) {
  wire::BodyReader body(work_.answer.framing());
  const wire::BodyKind kind = work_.answer.framing().kind;
  const bool chunked = framing.kind == wire::BodyKind::kChunked;
  io::Buffer& input = upstream_.input();
  Gather gather;
  std::size_t share = 0;
  bool head_sent = false;
  for (;;) {
    gather.take(body, input.data(), chunked);
    if (body.state() == wire::BodyReader::State::kBad) {
      note = body.why();
      break;
    }
    const bool over = body.state() == wire::BodyReader::State::kDone;
    if (over) gather.finish(chunked);
    if (!head_sent) gather.put_head(work_.down);
    head_sent = true;
    bytes_down += gather.payload();
    std::span<iovec> pieces = gather.pieces();
    const io::Io sent = pieces.empty() ? io::Io::kOk : client_.write_some(pieces);
    if (sent != io::Io::kOk && !(sent == io::Io::kAgain && co_await send(client_, pieces))) {
      end = client_.late() ? End::kClientSlow : End::kClientGone;
      upstream_.close();
      co_return;
    }
    input.consume(gather.used());
    if (over) co_return;
    share += gather.used();
    if (share >= kShare) {
      share = 0;
      co_await client_.loop().yield();
      continue;
    }
    if (!input.empty() && !gather.stuck()) continue;
    const io::Io result = upstream_.fill(flows(body, kind));
    if (result == io::Io::kAgain) {
      input.release();
      upstream_.read_within(limits_.answer_stall);
      co_await upstream_.readable();
      upstream_.read_whenever();
      share = 0;
    } else if (result == io::Io::kEnd && body.end_of_input() == wire::BodyReader::State::kDone) {
      gather.take(body, {}, chunked);
      gather.finish(chunked);
      if (!gather.pieces().empty() && !co_await send(client_, gather.pieces())) end = End::kClientGone;
      co_return;
    } else if (result != io::Io::kOk) {
      break;
    }
  }
  end = client_failed_ ? End::kClientGone : End::kCut;
  cut_client(framing);
}

// Half an answer must not look whole: where the connection's end is the body's end, it is reset.
void Exchange::cut_client(const wire::Framing& framing) {
  if (framing.kind == wire::BodyKind::kUntilClose) {
    client_.reset();
  } else {
    client_.close();
  }
}

void Exchange::finish() {
  const wire::RequestHead& request = work_.request;
  const bool whole = body_sent_ && body_.state() == wire::BodyReader::State::kDone;
  const bool plain = request.trust() == wire::Trust::kPlain && request.upgrade().empty() && !odd_interim_ &&
                     work_.answer.trust() == wire::Trust::kPlain;
  client_reusable = whole && plain && request.keep_alive();
  upstream_reusable = whole && plain && work_.answer.keep_alive() && upstream_.input().empty();
}

Task<void> Exchange::accept_tunnel() {
  wire::AnswerPlan answer;
  if (!plan_answer(answer)) co_return;
  answered = true;
  std::array<iovec, 1> head = {piece_of(work_.down)};
  end = End::kTunnel;
  if (!co_await send(client_, head)) {
    end = End::kClientGone;
    upstream_.close();
  }
}

}  // namespace homing::net
