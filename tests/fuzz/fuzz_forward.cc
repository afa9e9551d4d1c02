// SPDX-License-Identifier: Apache-2.0
//
// The header of a forwarded head: what was sealed opens for exactly its head and time; nothing else does, whatever the
// bytes; and any payload under a true signature is read without harm and keeps the promises of ForwardClaims.
#include "router/core/check.h"
#include "tests/fuzz/seal_inputs.h"

namespace {

using namespace homing;

struct Head {
  std::string method;
  std::string target;
  std::string host;
};

net::ForwardClaims claims_from(fuzz::Bytes& input) {
  net::ForwardClaims claims;
  claims.from = core::NodeId{input.number(4)};
  claims.from_incarnation = core::Incarnation{input.number(4)};
  claims.to = core::NodeId{input.number(4)};
  claims.session.hi = fuzz::number64(input);
  claims.session.lo = fuzz::number64(input);
  claims.epoch = core::Epoch{input.number(4)};
  claims.user = input.word();
  claims.client = input.word();
  claims.scheme = input.word();
  claims.request_id = input.word();
  claims.time = fuzz::kNow + static_cast<net::WallSeconds>(input.number(1) % 16) - 8;
  claims.nonce = fuzz::number64(input);
  return claims;
}

bool same(const net::ForwardClaims& a, const net::ForwardClaims& b) {
  return a.from == b.from && a.from_incarnation == b.from_incarnation && a.to == b.to && a.session == b.session &&
         a.epoch == b.epoch && a.user == b.user && a.client == b.client && a.scheme == b.scheme &&
         a.request_id == b.request_id && a.time == b.time && a.nonce == b.nonce;
}

auto open(std::string_view text, const Head& head) {
  return fuzz::credentials().open_forward(text, head.method, head.target, head.host, fuzz::kNow);
}

void check_opened(const net::ForwardClaims& claims) {
  CHECK(net::plain_user_name(claims.user));
  CHECK(claims.time >= fuzz::kNow - net::kForwardSeconds && claims.time <= fuzz::kNow + net::kForwardSeconds);
}

void check_sealed(fuzz::Bytes& input, const Head& head) {
  const net::ForwardClaims claims = claims_from(input);
  const std::string text = fuzz::credentials().forward(claims, head.method, head.target, head.host);
  const auto opened = open(text, head);
  const bool timely =
      claims.time >= fuzz::kNow - net::kForwardSeconds && claims.time <= fuzz::kNow + net::kForwardSeconds;
  CHECK(opened.has_value() == (timely && net::plain_user_name(claims.user) && text.size() <= 2048));
  CHECK(!opened || same(*opened, claims));
  const std::string other = fuzz::spoiled(text, input);
  CHECK(other == text || !open(other, head));
  // The head it is bound to: a line feed is in none of its parts.
  const Head another{fuzz::spoiled(head.method, input), fuzz::spoiled(head.target, input),
                     fuzz::spoiled(head.host, input)};
  const auto bound = [](const Head& h) { return h.method + "\n" + h.target + "\n" + h.host; };
  CHECK(bound(another) == bound(head) || !open(text, another));
}

void check_payload(const Head& head, std::string_view rest) {
  const net::Key key(fuzz::kSecret, "forwarded head");
  const std::string text = key.seal(rest, head.method + "\n" + head.target + "\n" + head.host);
  const auto opened = open(text, head);
  if (opened) {
    check_opened(*opened);
    const auto again = open(fuzz::credentials().forward(*opened, head.method, head.target, head.host), head);
    CHECK(again && same(*again, *opened));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes input(data, size);
  const std::uint32_t what = input.number(1);
  Head head;
  head.method = input.word();
  head.target = input.word();
  head.host = input.word();
  const std::string_view rest = fuzz::text_of(data, size).substr(size < 32 ? size : 32);
  // The fuzzer learns good texts by watching comparisons, and each value has one text only.
  if (const auto claims = open(fuzz::text_of(data, size), head)) {
    CHECK(fuzz::credentials().forward(*claims, head.method, head.target, head.host) == fuzz::text_of(data, size));
  }
  if (what % 2 == 0) {
    check_sealed(input, head);
  } else {
    check_payload(head, rest);
  }
  return 0;
}
