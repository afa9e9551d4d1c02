// SPDX-License-Identifier: Apache-2.0
//
// Reads the body of a message out of the caller's buffer, piece by piece, without copying; and writes chunks.
//
// Intuition: the reader is told bytes and says which of them are payload, how many it has taken and whether the body is
// over. It counts, so that the bytes promised are the bytes seen: a body that ends early is short, never whole.
//
// Rules for chunks: a size is one to sixteen hex digits below 2^63, directly followed by CRLF or an extension; an
// extension is `;name[=token|"quoted"]` without white space, is dropped, and is at most kMaxExtensionBytes a line; what
// lines cost beyond their payload is bounded over the body too (a gigabyte of one-byte chunks with extensions is an
// attack, not a message); the data ends in CRLF. Trailers obey the rules of fields.h within kMaxTrailerBytes and
// kMaxTrailers; one that frames, routes or identifies makes the body bad; the others are dropped, unless the caller
// asks for them.
//
// Invariants: never takes a byte behind the body's end; the payload and the verdict do not depend on how the bytes were
// split (only the size of the pieces does). Memory is constant; trailers alone allocate, at most kMaxTrailerBytes.
// Source: RFC 9112 section 7.1; CVE-2023-39326 and "funky chunks" for the caps.
// Thread class: single-owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "router/wire/fields.h"
#include "router/wire/head.h"

namespace homing::wire {

inline constexpr std::size_t kMaxExtensionBytes = 4 * 1024;
inline constexpr std::size_t kMaxChunkOverhead = 64 * 1024;  // beyond 16 bytes a chunk and an eighth of the payload
inline constexpr std::size_t kMaxTrailerBytes = 8 * 1024;
inline constexpr std::size_t kMaxTrailers = 32;

class BodyReader {
 public:
  enum class State : std::uint8_t {
    kMore,   // the body goes on
    kDone,   // all of it was seen
    kShort,  // the connection ended in the middle
    kBad,    // not a body; why() says it
  };
  struct Piece {
    std::size_t used = 0;      // bytes of the input that are dealt with
    std::string_view payload;  // of those, what belongs to the body
    State state = State::kMore;
  };

  BodyReader() = default;
  explicit BodyReader(const Framing& framing) { start(framing); }
  void start(const Framing& framing);

  // Takes from the front of `bytes` up to and including one run of payload. Call again with the rest while there is
  // one and the state is kMore; with kMore and used == size, more bytes are needed.
  Piece read(std::string_view bytes);
  // The connection ended where the last read() did: kDone for a body that lasts until then, else kShort.
  State end_of_input();

  State state() const { return state_; }
  std::string_view why() const { return why_; }
  std::uint64_t payload_bytes() const { return payload_bytes_; }  // seen so far
  // Of a body with a length, or of the current chunk: payload that is still to come.
  std::uint64_t left() const { return left_; }
  // The trailers, after kDone of a chunked body; nullptr before, and when there were none.
  const Fields* trailers() const {
    return state_ == State::kDone && trailers_ && trailers_->fields.size() > 0 ? &trailers_->fields : nullptr;
  }

 private:
  enum class At : std::uint8_t {
    kSizeFirst,  // the first digit
    kSize,
    kExtensionName,
    kExtensionValueFirst,
    kExtensionToken,
    kExtensionQuoted,
    kExtensionEscaped,
    kExtensionQuoteEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailers,
  };
  struct Trailers {
    std::string bytes;
    Fields fields;
  };

  Piece finish(Piece piece, State state);
  Piece read_chunked(std::string_view bytes);
  bool step(char c);
  bool step_extension(char c);
  bool end_of_size_line(char c, std::string_view otherwise);
  bool begin_chunk();
  Piece read_trailers(std::string_view bytes, std::size_t used);
  bool judge_trailers();
  bool wrong(std::string_view why);

  BodyKind kind_ = BodyKind::kNone;
  State state_ = State::kDone;
  At at_ = At::kSizeFirst;
  std::uint8_t digits_ = 0;
  bool extension_empty_ = false;
  std::uint16_t extension_bytes_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::uint64_t line_bytes_ = 0;  // of the current chunk's line
  std::uint64_t overhead_ = 0;
  std::string_view why_;
  std::unique_ptr<Trailers> trailers_;
};

// The line before a chunk of `size` bytes, written to the end of `buffer`; kChunkEnd comes behind the bytes.
// REQUIRES: size > 0 (a chunk of none would end the body).
std::string_view chunk_line(std::uint64_t size, std::array<char, 20>& buffer);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace homing::wire
