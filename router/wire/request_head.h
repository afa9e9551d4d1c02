// SPDX-License-Identifier: Apache-2.0
//
// The head of a request, parsed strictly into a bounded structure of our own.
//
// Intuition: two programs that read one message differently are a hole, so what we cannot read in exactly one way is
// refused, never repaired; and what goes on is written anew from this structure (write.h), never as the bytes that
// came.
//
// Rules, beside those of fields.h:
// - the first line is exactly `METHOD SP target SP HTTP/1.0|1.1`; one empty line before it is skipped, but then the
//   message is trusted once only (old clients send one after a POST; so does somebody whose length was off by two);
// - a method of the caller's allow-list; CONNECT and TRACE never;
// - the target begins with `/`, or is `*` for OPTIONS, or is `http(s)://` with an authority equal to Host, of which the
//   origin form is made; bytes 0x21 to 0x7e without `#`;
// - exactly one Host of the form host[:port], in HTTP/1.0 too: without it neither a route nor the page that is speaking
//   (Origin) can be judged, and a probe can be told to send it;
// - one framing: Transfer-Encoding is exactly `chunked`, once, in HTTP/1.1, without Content-Length; Content-Length is
//   digits, once;
// - Expect is `100-continue` or absent;
// - Connection is a list of tokens and names nothing that is not the client's to remove;
// - an Upgrade is a GET without a body; a WebSocket's has one good key and version 13. A wish for h2c is ignored;
// - other spellings (`Content_Length`, `Transfer--Encoding`) of a field that frames or routes are refused.
// Trusted once: a body on GET, HEAD or OPTIONS; `close` and `keep-alive` together; the empty line above.
//
// Invariants: at most kMaxHeadBytes, kMaxTargetBytes, kMaxFields; each byte is scanned once; the verdict does not
// depend on how the bytes were split. Views are good until the next parse() or release().
// Source: RFC 9112; the lists of llhttp's strict mode and of AWS's desync guardian are its tests.
// Thread class: single-owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "router/wire/fields.h"
#include "router/wire/head.h"

namespace homing::wire {

inline constexpr std::size_t kMaxTargetBytes = 8 * 1024;

enum class Method : std::uint8_t {
  kGet = 0,
  kHead,
  kPost,
  kPut,
  kDelete,
  kOptions,
  kPatch,
  kPropfind,
  kProppatch,
  kMkcol,
  kCopy,
  kMove,
  kLock,
  kUnlock,
  kSearch,
  kReport,
  kConnect,
  kTrace,
  kOther,
};
std::string_view to_string(Method method);
constexpr std::uint32_t method_bit(Method method) {
  return std::uint32_t{1} << static_cast<unsigned>(method);
}

struct RequestRules {
  // Methods served: all that have a name here, but CONNECT and TRACE, which are refused whatever this says.
  std::uint32_t methods = method_bit(Method::kConnect) - 1;
  std::uint64_t max_body = std::numeric_limits<std::uint64_t>::max();  // of a Content-Length; beyond: 413
};

class RequestHead {
 public:
  // `so_far` is everything received of this message, from its first byte; it may hold bytes of the body and of further
  // messages. After kMore, call again with the same bytes and more; after any other answer a call begins a new message.
  Parsed parse(std::string_view so_far, const RequestRules& rules = {});
  void reset() { state_ = State::kFresh; }
  void release();

  // All below: REQUIRES the last parse() said done.
  Method method() const { return method_; }
  std::string_view method_text() const { return fields_.at(method_at_, method_size_); }
  std::string_view target() const { return fields_.at(target_at_, target_size_); }  // origin form, or `*`
  Version version() const { return version_; }
  std::string_view host() const { return fields_.value_of(Name::kHost); }
  const Framing& framing() const { return framing_; }
  bool has_body() const { return framing_.kind == BodyKind::kChunked || framing_.length > 0; }
  // The client may send another request after this one. HTTP/1.0: never, whatever it asks for.
  bool keep_alive() const { return keep_alive_ && trust_ == Trust::kPlain; }
  Trust trust() const { return trust_; }
  std::string_view oddity() const { return oddity_; }  // why it is trusted once only
  // The client waits for 100 before it sends its body (HTTP/1.0 cannot mean it).
  bool expects_continue() const { return expects_continue_; }
  // The protocol that a well-formed Upgrade asks for; empty: an ordinary request.
  std::string_view upgrade() const { return fields_.at(upgrade_at_, upgrade_size_); }
  bool is_websocket() const { return is_websocket_; }
  const Fields& fields() const { return fields_; }

 private:
  enum class State : std::uint8_t { kFresh, kFirstLine, kFields };

  void begin();
  Parsed refuse(std::uint16_t status, std::string_view why);
  Parsed first_line(std::string_view so_far, const RequestRules& rules);
  Parsed read_first_line(std::string_view so_far, std::size_t end, const RequestRules& rules);
  Parsed read_target(std::string_view so_far);
  Parsed finish(std::string_view so_far, const RequestRules& rules);
  Parsed judge_target();
  Parsed judge_framing(const RequestRules& rules);
  Parsed judge_connection();
  Parsed judge_upgrade();
  void once(std::string_view oddity);

  State state_ = State::kFresh;
  std::size_t begin_ = 0;     // of the first line
  std::size_t position_ = 0;  // first byte not scanned, in the first line
  Method method_ = Method::kOther;
  Version version_ = Version::k11;
  Trust trust_ = Trust::kPlain;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
  bool wants_upgrade_ = false;
  bool is_websocket_ = false;
  std::uint16_t method_at_ = 0;
  std::uint16_t method_size_ = 0;
  std::uint16_t target_at_ = 0;
  std::uint16_t target_size_ = 0;
  std::uint16_t authority_at_ = 0;  // of an absolute form
  std::uint16_t authority_size_ = 0;
  std::uint16_t upgrade_at_ = 0;
  std::uint16_t upgrade_size_ = 0;
  Framing framing_;
  std::string_view oddity_;
  Fields fields_;
};

// What `Host` must be (RFC 3986: a name or an address, and a port if any), in the letters that names are made of.
bool is_host(std::string_view text);

}  // namespace homing::wire
