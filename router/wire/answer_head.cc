// SPDX-License-Identifier: Apache-2.0
#include "router/wire/answer_head.h"

#include <algorithm>

#include "router/wire/text.h"

namespace homing::wire {

namespace {
constexpr std::size_t kMaxStatusLine = 1024;
constexpr std::size_t kMaxConnectionItems = 32;
}  // namespace

void AnswerHead::release() {
  reset();
  fields_.release();
}

void AnswerHead::begin() {
  state_ = State::kFirstLine;
  position_ = 0;
  trust_ = Trust::kPlain;
  oddity_ = {};
  upgrade_at_ = 0;
  upgrade_size_ = 0;
  wants_upgrade_ = false;
  framing_ = {};
  promised_.reset();
}

Parsed AnswerHead::refuse(std::string_view why) {
  state_ = State::kFresh;
  return {Parsed::State::kRefused, 0, 502, why};
}

void AnswerHead::once(std::string_view oddity) {
  trust_ = Trust::kOnce;
  oddity_ = oddity;
}

Parsed AnswerHead::parse(std::string_view so_far, Method asked) {
  if (state_ == State::kFresh) begin();
  if (state_ == State::kFirstLine) {
    const Parsed line = first_line(so_far);
    if (line.refused() || state_ == State::kFirstLine) return line;
  }
  switch (fields_.scan(so_far)) {
    case Fields::Scan::kBad:
      return refuse(fields_.why());
    case Fields::Scan::kMore:
      if (so_far.size() >= kMaxHeadBytes) return refuse("the head is too long");
      return {};
    case Fields::Scan::kDone:
      break;
  }
  return finish(so_far, asked);
}

// On kMore the state says whether the line is over.
Parsed AnswerHead::first_line(std::string_view so_far) {
  const std::string_view line = so_far.substr(0, std::min(so_far.size(), kMaxStatusLine));
  position_ = find_control(line, position_);
  if (position_ == line.size() || (line[position_] == '\r' && position_ + 1 == line.size())) {
    return line.size() < kMaxStatusLine ? Parsed{} : refuse("the status line is too long");
  }
  if (line[position_] != '\r' || line[position_ + 1] != '\n') return refuse("a control byte in the status line");
  const std::string_view text = line.substr(0, position_);
  const bool versioned = text.starts_with("HTTP/1.1 ") || text.starts_with("HTTP/1.0 ");
  if (!versioned) return refuse("the status line does not begin with HTTP/1.1 or HTTP/1.0");
  if (text.size() < 12 || !is_digit(text[9]) || !is_digit(text[10]) || !is_digit(text[11]) || text[9] == '0' ||
      (text.size() > 12 && text[12] != ' ')) {
    return refuse("the status is not three digits");
  }
  version_ = text[7] == '1' ? Version::k11 : Version::k10;
  status_ = static_cast<std::uint16_t>((text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0'));
  state_ = State::kFields;
  fields_.reset(position_ + 2);
  return {};
}

Parsed AnswerHead::finish(std::string_view so_far, Method asked) {
  const std::size_t size = fields_.end();
  fields_.adopt(so_far.substr(0, size));
  Parsed verdict = judge_framing(asked);
  if (!verdict.refused()) verdict = judge_connection();
  if (verdict.refused()) return verdict;
  judge_upgrade();
  state_ = State::kFresh;
  return {Parsed::State::kDone, size, 0, {}};
}

Parsed AnswerHead::judge_framing(Method asked) {
  const std::size_t encodings = fields_.count(Name::kTransferEncoding);
  const std::size_t lengths = fields_.count(Name::kContentLength);
  framing_.kind = BodyKind::kUntilClose;
  if (encodings > 0) {
    if (version_ == Version::k10) return refuse("Transfer-Encoding in HTTP/1.0");
    if (lengths > 0) return refuse("Transfer-Encoding together with Content-Length");
    if (encodings > 1) return refuse("more than one Transfer-Encoding");
    if (!same_text(fields_.value_of(Name::kTransferEncoding), "chunked")) {
      return refuse("a Transfer-Encoding other than chunked");
    }
    framing_.kind = BodyKind::kChunked;
  }
  if (lengths > 1) return refuse("more than one Content-Length");
  if (lengths == 1) {
    promised_ = parse_number(fields_.value_of(Name::kContentLength));
    if (!promised_) return refuse("Content-Length is not a number");
    framing_ = {BodyKind::kLength, *promised_};
  }
  const bool never = status_ < 200 || status_ == 204;
  if (never && encodings + lengths > 0) once("a framing field in an answer that cannot have a body");
  if (never) promised_.reset();
  if (never || status_ == 304 || asked == Method::kHead) framing_ = {};
  return {};
}

Parsed AnswerHead::judge_connection() {
  bool close = false;
  bool keep = false;
  std::size_t items = 0;
  std::string_view wrong;
  fields_.for_each(Name::kConnection, [&](std::string_view value) {
    for_each_item(value, [&](std::string_view item) {
      if (++items > kMaxConnectionItems) {
        wrong = "Connection names too many fields";
      } else if (!is_token(item)) {
        wrong = "Connection is not a list of tokens";
      } else if (same_text(item, "close")) {
        close = true;
      } else if (same_text(item, "keep-alive")) {
        keep = true;
      } else if (same_text(item, "upgrade")) {
        wants_upgrade_ = version_ == Version::k11;
      } else if ((classify(item).traits & kProtected) == 0) {
        fields_.mark_listed(item);
      }
    });
  });
  if (!wrong.empty()) return refuse(wrong);
  if (close && keep) once("close and keep-alive together");
  if (version_ == Version::k10 && keep) once("keep-alive in HTTP/1.0");
  keep_alive_ = version_ == Version::k11 && !close;
  return {};
}

void AnswerHead::judge_upgrade() {
  if (status_ != 101 || !wants_upgrade_) return;
  std::string_view offered;
  std::size_t count = 0;
  fields_.for_each(Name::kUpgrade, [&](std::string_view value) {
    for_each_item(value, [&](std::string_view item) {
      offered = item;
      ++count;
    });
  });
  if (count != 1) return;
  upgrade_at_ = static_cast<std::uint16_t>(offered.data() - fields_.at(0, 0).data());
  upgrade_size_ = static_cast<std::uint16_t>(offered.size());
}

bool completes_upgrade(const RequestHead& request, const AnswerHead& answer, std::string_view accept) {
  if (answer.status() != 101 || request.upgrade().empty()) return false;
  if (!same_text(answer.upgrade(), request.upgrade())) return false;
  if (!request.is_websocket()) return true;
  return answer.fields().count(Name::kSecWebSocketAccept) == 1 &&
         answer.fields().value_of(Name::kSecWebSocketAccept) == accept;
}

}  // namespace homing::wire
