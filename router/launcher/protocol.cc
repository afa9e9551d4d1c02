// SPDX-License-Identifier: Apache-2.0
#include "router/launcher/protocol.h"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <type_traits>
#include <utility>

#include "router/core/check.h"

namespace homing::launcher {
namespace {

class Encoder {
 public:
  template <class... T>
  void operator()(T&... fields) {
    (put(fields), ...);
  }
  std::string take() { return std::move(out_); }

  template <std::integral T>
  void put(const T& value) {
    auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i, bits >>= 8) out_.push_back(static_cast<char>(bits & 0xff));
  }
  template <class T>
    requires std::is_enum_v<T>
  void put(const T& value) {
    put(static_cast<std::underlying_type_t<T>>(value));
  }
  void put(const std::string& text) {
    // Text is cut rather than refused: it is for people, and the names in it were checked on the way in.
    const std::size_t n = std::min(text.size(), kMaxTextBytes);
    put(static_cast<std::uint32_t>(n));
    out_.append(text, 0, n);
  }
  void put(const core::Duration& value) { put(value.count()); }
  void put(const core::Instant& value) { put(value.time_since_epoch().count()); }
  template <class T>
  void put(std::vector<T>& list) {
    CHECK(list.size() <= kMaxListItems);
    put(static_cast<std::uint32_t>(list.size()));
    for (T& item : list) item.archive(*this);
  }
  template <class T>
    requires requires(T& t, Encoder& a) { t.archive(a); }
  void put(T& value) {
    value.archive(*this);
  }

 private:
  std::string out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  template <class... T>
  void operator()(T&... fields) {
    (get(fields), ...);
  }
  bool complete() const { return ok_ && in_.empty(); }

  template <std::integral T>
  void get(T& value) {
    std::uint64_t bits = 0;
    if (!take(sizeof(T))) return;
    for (std::size_t i = 0; i < sizeof(T); ++i) bits |= std::uint64_t{static_cast<unsigned char>(taken_[i])} << (8 * i);
    if constexpr (std::same_as<T, bool>) {
      ok_ = ok_ && bits <= 1;
      value = bits == 1;
    } else {
      value = static_cast<T>(bits);
    }
  }
  template <class T>
    requires std::is_enum_v<T>
  void get(T& value) {
    std::underlying_type_t<T> bits{};
    get(bits);
    if (bits > static_cast<std::underlying_type_t<T>>(last(T{}))) ok_ = false;
    value = static_cast<T>(bits);
  }
  void get(std::string& text) {
    std::uint32_t n = 0;
    get(n);
    if (n > kMaxTextBytes) ok_ = false;
    if (ok_ && take(n)) text.assign(taken_);
  }
  void get(core::Duration& value) {
    std::int64_t n = 0;
    get(n);
    value = core::Duration{n};
  }
  void get(core::Instant& value) {
    core::Duration since{};
    get(since);
    value = core::Instant{since};
  }
  template <class T>
  void get(std::vector<T>& list) {
    std::uint32_t n = 0;
    get(n);
    if (n > kMaxListItems) ok_ = false;
    for (std::uint32_t i = 0; ok_ && i < n; ++i) list.emplace_back().archive(*this);
  }
  template <class T>
    requires requires(T& t, Decoder& a) { t.archive(a); }
  void get(T& value) {
    value.archive(*this);
  }

 private:
  static constexpr FailReason last(FailReason) { return FailReason::kLeaseLost; }
  static constexpr ProcessState last(ProcessState) { return ProcessState::kEnded; }

  bool take(std::size_t n) {
    if (!ok_ || in_.size() < n) {
      ok_ = false;
      return false;
    }
    taken_ = in_.substr(0, n);
    in_.remove_prefix(n);
    return true;
  }

  std::string_view in_;
  std::string_view taken_;
  bool ok_ = true;
};

template <class Variant>
std::string encode_variant(Variant message) {
  Encoder encoder;
  encoder.put(static_cast<std::uint8_t>(message.index()));
  std::visit([&](auto& m) { m.archive(encoder); }, message);
  std::string body = encoder.take();
  Encoder length;
  length.put(static_cast<std::uint32_t>(body.size()));
  return length.take() + body;
}

template <class Variant, std::size_t I = 0>
std::expected<Variant, std::string> decode_variant(std::size_t number, std::string_view fields) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return std::unexpected("message number " + std::to_string(number) + " is unknown");
  } else {
    if (number != I) return decode_variant<Variant, I + 1>(number, fields);
    std::variant_alternative_t<I, Variant> message;
    Decoder decoder(fields);
    message.archive(decoder);
    if (!decoder.complete()) return std::unexpected("message number " + std::to_string(number) + " is malformed");
    return Variant(std::move(message));
  }
}

template <class Variant>
std::expected<Variant, std::string> decode_payload(std::string_view payload) {
  if (payload.empty()) return std::unexpected("an empty message");
  return decode_variant<Variant>(static_cast<unsigned char>(payload.front()), payload.substr(1));
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '-' && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) { return is_plain(c) || c == '@'; });
}

bool is_plain_prefix(std::string_view path) {
  if (path.size() < 2 || path.size() > 256 || path.front() != '/' || path.back() != '/') return false;
  if (path.find("//") != path.npos || path.find("/./") != path.npos || path.find("/../") != path.npos) return false;
  return std::ranges::all_of(path, [](char c) { return is_plain(c) || c == '/' || c == '~'; });
}

std::string refuse_contents(const Request& request) {
  if (const auto* hello = std::get_if<Hello>(&request); hello != nullptr && hello->version != kProtocolVersion) {
    return "protocol version " + std::to_string(hello->version) + "; this launcher speaks " +
           std::to_string(kProtocolVersion) + ": run router and launcher of one release";
  }
  const auto* start = std::get_if<Start>(&request);
  if (start == nullptr) return "";
  if (!is_plain_name(start->kind)) return "the kind's name is not plain (letters, digits, . _ - @, at most 64)";
  if (!is_plain_name(start->user)) return "the user's name is not plain (letters, digits, . _ - @, at most 64)";
  if (!is_plain_prefix(start->prefix)) return "the prefix is not a plain path that begins and ends with '/'";
  if (start->epoch == core::Epoch{}) return "epoch 0 is never started";
  return "";
}

}  // namespace

std::string encode(const Request& request) {
  return encode_variant(request);
}
std::string encode(const Event& event) {
  return encode_variant(event);
}

std::expected<Request, std::string> decode_request(std::string_view payload) {
  auto request = decode_payload<Request>(payload);
  if (!request) return request;
  if (std::string why = refuse_contents(*request); !why.empty()) return std::unexpected(std::move(why));
  return request;
}

std::expected<Event, std::string> decode_event(std::string_view payload) {
  return decode_payload<Event>(payload);
}

std::expected<std::optional<std::string>, std::string> FrameReader::next() {
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  if (rest.size() < 4) return std::nullopt;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= std::uint32_t{static_cast<unsigned char>(rest[i])} << (8 * i);
  if (length == 0 || length > max_frame_bytes_) {
    return std::unexpected("a message of " + std::to_string(length) + " bytes; allowed are 1 to " +
                           std::to_string(max_frame_bytes_));
  }
  if (rest.size() < 4 + std::size_t{length}) return std::nullopt;
  std::string payload(rest.substr(4, length));
  begin_ += 4 + std::size_t{length};
  if (begin_ == buffer_.size() || begin_ > 64 * 1024) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  return payload;
}

std::string to_hex(const core::SessionId& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::uint64_t half : {id.hi, id.lo}) {
    for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[(half >> shift) & 0xf]);
  }
  return out;
}

std::optional<core::SessionId> session_from_hex(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  core::SessionId id;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    std::uint64_t& half = i < 16 ? id.hi : id.lo;
    half = half << 4 | digit;
  }
  return id;
}

std::string_view to_string(FailReason reason) {
  switch (reason) {
    case FailReason::kOldEpoch:
      return "old-epoch";
    case FailReason::kNoLease:
      return "no-lease";
    case FailReason::kUnknownKind:
      return "unknown-kind";
    case FailReason::kFull:
      return "full";
    case FailReason::kCommand:
      return "command";
    case FailReason::kTimeout:
      return "timeout";
    case FailReason::kKilled:
      return "killed";
    case FailReason::kLeaseLost:
      return "lease-lost";
  }
  return "?";
}

std::string_view to_string(ProcessState state) {
  switch (state) {
    case ProcessState::kStarting:
      return "starting";
    case ProcessState::kRunning:
      return "running";
    case ProcessState::kFrozen:
      return "frozen";
    case ProcessState::kStopping:
      return "stopping";
    case ProcessState::kEnded:
      return "ended";
  }
  return "?";
}

}  // namespace homing::launcher
