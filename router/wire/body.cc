// SPDX-License-Identifier: Apache-2.0
#include "router/wire/body.h"

#include <algorithm>

#include "router/core/check.h"
#include "router/wire/text.h"

namespace homing::wire {

namespace {

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Names that say how the message is framed, where it goes or who sent it: too late behind the body.
bool may_be_trailer(const Field& field) {
  return (field.traits & (kHopByHop | kIdentity | kProtected | kAlias)) == 0;
}

}  // namespace

void BodyReader::start(const Framing& framing) {
  kind_ = framing.kind;
  left_ = framing.kind == BodyKind::kLength ? framing.length : 0;
  const bool empty = kind_ == BodyKind::kNone || (kind_ == BodyKind::kLength && left_ == 0);
  state_ = empty ? State::kDone : State::kMore;
  at_ = At::kSizeFirst;
  payload_bytes_ = 0;
  overhead_ = 0;
  line_bytes_ = 0;
  why_ = {};
  trailers_.reset();
}

BodyReader::Piece BodyReader::finish(Piece piece, State state) {
  state_ = state;
  piece.state = state;
  return piece;
}

BodyReader::Piece BodyReader::read(std::string_view bytes) {
  if (state_ != State::kMore) return {0, {}, state_};
  switch (kind_) {
    case BodyKind::kNone:
      break;
    case BodyKind::kUntilClose:
      payload_bytes_ += bytes.size();
      return {bytes.size(), bytes, State::kMore};
    case BodyKind::kLength: {
      const std::string_view payload =
          bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
      left_ -= payload.size();
      payload_bytes_ += payload.size();
      return finish({payload.size(), payload, State::kMore}, left_ == 0 ? State::kDone : State::kMore);
    }
    case BodyKind::kChunked:
      return read_chunked(bytes);
  }
  return finish({}, State::kDone);
}

BodyReader::State BodyReader::end_of_input() {
  if (state_ == State::kMore) state_ = kind_ == BodyKind::kUntilClose ? State::kDone : State::kShort;
  return state_;
}

BodyReader::Piece BodyReader::read_chunked(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    if (at_ == At::kTrailers) return read_trailers(bytes, used);
    if (at_ == At::kData) {
      const std::string_view payload =
          bytes.substr(used, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used)));
      left_ -= payload.size();
      payload_bytes_ += payload.size();
      if (left_ == 0) at_ = At::kDataCr;
      return {used + payload.size(), payload, State::kMore};
    }
    if (!step(bytes[used])) return finish({used, {}, State::kBad}, State::kBad);
    ++used;
  }
  return {used, {}, State::kMore};
}

bool BodyReader::wrong(std::string_view why) {
  why_ = why;
  return false;
}

// One byte that is neither payload nor trailer.
bool BodyReader::step(char c) {
  switch (at_) {
    case At::kSizeFirst:
      left_ = 0;
      digits_ = 0;
      extension_bytes_ = 0;
      line_bytes_ = 0;
      at_ = At::kSize;
      if (hex_digit(c) < 0) return wrong("a chunk size that does not begin with a hex digit");
      [[fallthrough]];
    case At::kSize: {
      ++line_bytes_;
      const int digit = hex_digit(c);
      if (digit < 0) {
        if (c != ';') return end_of_size_line(c, "a byte in a chunk size that is no hex digit");
        at_ = At::kExtensionName;
        extension_empty_ = true;
        return true;
      }
      if (++digits_ > 16 || left_ > (std::uint64_t{1} << 59U) - 1) return wrong("a chunk size that is too large");
      left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
      return true;
    }
    case At::kSizeLf:
      return c == '\n' ? begin_chunk() : wrong("CR without LF behind a chunk size");
    case At::kDataCr:
      at_ = At::kDataLf;
      return c == '\r' || wrong("a chunk that is longer than its size");
    case At::kDataLf:
      at_ = At::kSizeFirst;
      return c == '\n' || wrong("CR without LF behind a chunk");
    default:
      return step_extension(c);
  }
}

bool BodyReader::end_of_size_line(char c, std::string_view otherwise) {
  if (c != '\r') return wrong(otherwise);
  at_ = At::kSizeLf;
  return true;
}

bool BodyReader::step_extension(char c) {
  constexpr std::string_view kWhy = "a chunk extension that is not ;name[=value]";
  ++line_bytes_;
  if (++extension_bytes_ > kMaxExtensionBytes) return wrong("chunk extensions that are too long");
  switch (at_) {
    case At::kExtensionName:
      if (is_token(c)) {
        extension_empty_ = false;
        return true;
      }
      if (extension_empty_) return wrong(kWhy);
      if (c == '=') {
        at_ = At::kExtensionValueFirst;
        return true;
      }
      break;
    case At::kExtensionValueFirst:
      at_ = c == '"' ? At::kExtensionQuoted : At::kExtensionToken;
      return c == '"' || is_token(c) || wrong(kWhy);
    case At::kExtensionToken:
      if (is_token(c)) return true;
      break;
    case At::kExtensionQuoted:
      if (c == '"') at_ = At::kExtensionQuoteEnd;
      if (c == '\\') at_ = At::kExtensionEscaped;
      return !is_control(c) || wrong(kWhy);
    case At::kExtensionEscaped:
      at_ = At::kExtensionQuoted;
      return !is_control(c) || wrong(kWhy);
    default:
      break;
  }
  if (c == ';') {
    at_ = At::kExtensionName;
    extension_empty_ = true;
    return true;
  }
  return end_of_size_line(c, kWhy);
}

bool BodyReader::begin_chunk() {
  const std::uint64_t paid = 16 + left_ / 8;
  overhead_ += line_bytes_;
  overhead_ -= std::min(overhead_, paid);
  if (overhead_ > kMaxChunkOverhead) return wrong("more chunk extensions than payload");
  at_ = left_ == 0 ? At::kTrailers : At::kData;
  return true;
}

// Without trailers, the usual case, nothing is kept: CRLF ends the body at once.
BodyReader::Piece BodyReader::read_trailers(std::string_view bytes, std::size_t used) {
  if (!trailers_) {
    if (bytes.substr(used).starts_with("\r\n")) return finish({used + 2, {}, State::kMore}, State::kDone);
    trailers_ = std::make_unique<Trailers>();
  }
  std::string& kept = trailers_->bytes;
  const std::size_t before = kept.size();
  kept.append(bytes.substr(used, kMaxTrailerBytes - before));
  switch (trailers_->fields.scan(kept)) {
    case Fields::Scan::kBad:
      wrong(trailers_->fields.why());
      return finish({used, {}, State::kBad}, State::kBad);
    case Fields::Scan::kMore:
      if (kept.size() < kMaxTrailerBytes) return {bytes.size(), {}, State::kMore};
      wrong("trailers that are too long");
      return finish({used, {}, State::kBad}, State::kBad);
    case Fields::Scan::kDone:
      break;
  }
  kept.resize(trailers_->fields.end());
  used += kept.size() - before;
  return finish({used, {}, State::kMore}, judge_trailers() ? State::kDone : State::kBad);
}

bool BodyReader::judge_trailers() {
  Fields& fields = trailers_->fields;
  fields.adopt(trailers_->bytes);
  if (fields.size() > kMaxTrailers) return wrong("too many trailers");
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!may_be_trailer(fields[i])) return wrong("a trailer that belongs into the head");
  }
  return true;
}

std::string_view chunk_line(std::uint64_t size, std::array<char, 20>& buffer) {
  CHECK(size > 0);
  std::size_t at = buffer.size();
  buffer[--at] = '\n';
  buffer[--at] = '\r';
  for (; size != 0; size /= 16) buffer[--at] = "0123456789abcdef"[size % 16];
  return {buffer.data() + at, buffer.size() - at};
}

}  // namespace homing::wire
