// SPDX-License-Identifier: Apache-2.0
//
// The head of an answer, from a session process or a peer, parsed as strictly as a request's.
//
// Intuition: a session process is some program of a user's, so its answer is as foreign as a request: when it can be
// read in two ways, the answer of the next request on that connection could be somebody's choice. A malformed head is
// refused (the caller answers 502 and never uses the connection again).
//
// Rules, beside those of fields.h: the first line is `HTTP/1.0|1.1 SP 3DIGIT [SP reason]`; one framing, as for
// requests; a status of 100 to 999. Answers to HEAD, and 1xx, 204 and 304, have no body whatever their fields say; with
// neither length nor chunked a body ends with the connection.
// Trusted once: a framing field where there can be no body (1xx, 204), an HTTP/1.0 answer that asks for keep-alive, and
// `close` with `keep-alive`. Protected names that Connection lists are kept, without a verdict: a server may be
// careless.
//
// Invariants: as request_head.h.
// Source: RFC 9112 sections 4 and 6.3.
// Thread class: single-owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "router/wire/fields.h"
#include "router/wire/head.h"
#include "router/wire/request_head.h"

namespace homing::wire {

class AnswerHead {
 public:
  // As RequestHead::parse. `asked` is the method of the request that is answered; the same in each call for one answer.
  Parsed parse(std::string_view so_far, Method asked);
  void reset() { state_ = State::kFresh; }
  void release();

  // All below: REQUIRES the last parse() said done.
  std::uint16_t status() const { return status_; }
  Version version() const { return version_; }
  bool is_interim() const { return status_ < 200 && status_ != 101; }
  const Framing& framing() const { return framing_; }
  // What Content-Length says, of a body that is not sent (HEAD, 304) too; nullopt: it says nothing.
  std::optional<std::uint64_t> promised_length() const { return promised_; }
  // The server will answer another request on this connection, as far as this head says.
  bool keep_alive() const { return keep_alive_ && trust_ == Trust::kPlain && framing_.kind != BodyKind::kUntilClose; }
  Trust trust() const { return trust_; }
  std::string_view oddity() const { return oddity_; }
  // The one protocol that a 101 switches to; empty when it names none, or several.
  std::string_view upgrade() const { return fields_.at(upgrade_at_, upgrade_size_); }
  const Fields& fields() const { return fields_; }

 private:
  enum class State : std::uint8_t { kFresh, kFirstLine, kFields };

  void begin();
  Parsed refuse(std::string_view why);
  Parsed first_line(std::string_view so_far);
  Parsed finish(std::string_view so_far, Method asked);
  Parsed judge_framing(Method asked);
  Parsed judge_connection();
  void judge_upgrade();
  void once(std::string_view oddity);

  State state_ = State::kFresh;
  std::size_t position_ = 0;
  std::uint16_t status_ = 0;
  Version version_ = Version::k11;
  Trust trust_ = Trust::kPlain;
  bool keep_alive_ = false;
  bool wants_upgrade_ = false;
  std::uint16_t upgrade_at_ = 0;
  std::uint16_t upgrade_size_ = 0;
  Framing framing_;
  std::optional<std::uint64_t> promised_;
  std::string_view oddity_;
  Fields fields_;
};

// True when `answer` is a 101 that completes exactly the handshake of `request`. `accept` is what Sec-WebSocket-Accept
// must be for the request's key (RFC 6455 section 1.3; computed by the caller, who has SHA-1); ignored for others.
bool completes_upgrade(const RequestHead& request, const AnswerHead& answer, std::string_view accept);

}  // namespace homing::wire
