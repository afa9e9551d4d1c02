// SPDX-License-Identifier: Apache-2.0
//
// Session ids in URLs: one text an id, and no text that this cluster did not make.
#include "router/core/check.h"
#include "router/net/crypto.h"
#include "tests/fuzz/seal_inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace homing;
  const net::Credentials& credentials = fuzz::credentials();
  const std::string_view raw = fuzz::text_of(data, size);
  // A check of 32 bits could be met by luck; then it must be the id's own text.
  if (const auto id = credentials.session_from(raw)) CHECK(credentials.session_text(*id) == raw);
  for (const auto decode : {net::from_base32, net::from_base64url}) {
    if (const auto bytes = decode(raw)) {
      CHECK((decode == net::from_base32 ? net::to_base32(*bytes) : net::to_base64url(*bytes)) == raw);
    }
  }
  CHECK(net::from_base32(net::to_base32(raw)) == raw);
  CHECK(net::from_base64url(net::to_base64url(raw)) == raw);

  fuzz::Bytes input(data, size);
  core::SessionId id;
  id.hi = fuzz::number64(input);
  id.lo = fuzz::number64(input);
  const std::string text = credentials.session_text(id);
  CHECK(text.size() == 32 && credentials.session_from(text) == id);
  const std::string other = fuzz::spoiled(text, input);
  if (const auto opened = credentials.session_from(other)) CHECK(credentials.session_text(*opened) == other);
  return 0;
}
