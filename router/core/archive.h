// SPDX-License-Identifier: Apache-2.0
//
// One description of a struct's fields, three uses: write it, read it back, hash it. A struct says
// `template <class A> void archive(A& a) { a(field, ...); }`; Writer, Reader and Hasher walk it.
//
// Encoding: unsigned integers as LEB128, signed ones zig-zag first, enums and bools as their integer, strings and
// vectors with a length in front, variants with their index in front, times as nanoseconds. Not self-describing: the
// trace's format number names the layout.
// The hash takes the same values as 64-bit words: h = fold(h ^ word, constant), a 64x64->128 multiply folded by xor
// (the mixing step of wyhash). It is for fingerprints, not for security.
// Thread class: thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "router/core/instant.h"

namespace homing::core {

class Writer {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  void put_varint(std::uint64_t v) {
    while (v >= 0x80) {
      bytes_.push_back(static_cast<char>((v & 0x7f) | 0x80));
      v >>= 7;
    }
    bytes_.push_back(static_cast<char>(v));
  }
  template <class T>
  void put(const T& v) {
    if constexpr (std::is_enum_v<T>) {
      put_varint(static_cast<std::uint64_t>(static_cast<std::underlying_type_t<T>>(v)));
    } else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>) {
      put_varint(v);
    } else if constexpr (std::is_integral_v<T>) {
      const auto s = static_cast<std::int64_t>(v);
      put_varint((static_cast<std::uint64_t>(s) << 1) ^ static_cast<std::uint64_t>(s >> 63));
    } else {
      const_cast<T&>(v).archive(*this);
    }
  }
  void put(const Duration& d) { put(d.count()); }
  void put(const Instant& t) { put(t.time_since_epoch().count()); }
  void put(const std::string& s) {
    put_varint(s.size());
    bytes_ += s;
  }
  template <class T>
  void put(const std::vector<T>& v) {
    put_varint(v.size());
    for (const auto& item : v) put(item);
  }
  template <class T, std::size_t N>
  void put(const std::array<T, N>& v) {
    for (const auto& item : v) put(item);
  }
  template <class T>
  void put(const std::optional<T>& v) {
    put(v.has_value());
    if (v) put(*v);
  }
  template <class A, class B>
  void put(const std::pair<A, B>& v) {
    put(v.first);
    put(v.second);
  }
  template <class... T>
  void put(const std::variant<T...>& v) {
    put_varint(v.index());
    std::visit([this](const auto& item) { this->put(item); }, v);
  }
  std::string bytes_;
};

// Reads what Writer wrote. On malformed input every further value is its default and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::uint64_t get_varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (bytes_.empty()) break;
      const auto byte = static_cast<std::uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      if (shift < 64) v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return v;
    }
    ok_ = false;
    bytes_ = {};
    return 0;
  }
  template <class T>
  void get(T& v) {
    if constexpr (std::is_enum_v<T>) {
      v = static_cast<T>(static_cast<std::underlying_type_t<T>>(get_varint()));
    } else if constexpr (std::is_same_v<T, bool>) {
      v = get_varint() != 0;
    } else if constexpr (std::is_integral_v<T> && std::is_unsigned_v<T>) {
      v = static_cast<T>(get_varint());
    } else if constexpr (std::is_integral_v<T>) {
      const std::uint64_t z = get_varint();
      v = static_cast<T>(static_cast<std::int64_t>((z >> 1) ^ (~(z & 1) + 1)));
    } else {
      v.archive(*this);
    }
  }
  void get(Duration& d) {
    std::int64_t n = 0;
    get(n);
    d = Duration{n};
  }
  void get(Instant& t) {
    Duration d{};
    get(d);
    t = Instant{d};
  }
  std::size_t get_length() {
    const std::uint64_t n = get_varint();
    if (n > bytes_.size()) {  // every element takes at least a byte
      ok_ = false;
      bytes_ = {};
      return 0;
    }
    return static_cast<std::size_t>(n);
  }
  void get(std::string& s) {
    const std::size_t n = get_length();
    s.assign(bytes_.substr(0, n));
    bytes_.remove_prefix(n);
  }
  template <class T>
  void get(std::vector<T>& v) {
    const std::size_t n = get_length();
    v.clear();
    v.reserve(n);
    for (std::size_t i = 0; i < n && ok_; ++i) {
      T item{};
      get(item);
      v.push_back(std::move(item));
    }
  }
  template <class T, std::size_t N>
  void get(std::array<T, N>& v) {
    for (auto& item : v) get(item);
  }
  template <class T>
  void get(std::optional<T>& v) {
    bool has = false;
    get(has);
    v.reset();
    if (has) {
      T item{};
      get(item);
      v = std::move(item);
    }
  }
  template <class A, class B>
  void get(std::pair<A, B>& v) {
    get(v.first);
    get(v.second);
  }
  template <class... T>
  void get(std::variant<T...>& v) {
    const std::uint64_t index = get_varint();
    if (index >= sizeof...(T)) {
      ok_ = false;
      bytes_ = {};
      return;
    }
    get_alternative(v, index, std::index_sequence_for<T...>{});
  }
  template <class V, std::size_t... I>
  void get_alternative(V& v, std::uint64_t index, std::index_sequence<I...>) {
    (void)((I == index ? (v.template emplace<I>(), get(std::get<I>(v)), true) : false) || ...);
  }
  std::string_view bytes_;
  bool ok_ = true;
};

class Hasher {
 public:
  Hasher() = default;
  explicit Hasher(std::uint64_t state) : state_(state) {}
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  std::uint64_t value() const { return state_; }
  void word(std::uint64_t w) { state_ = fold(state_ ^ w, 0x9e3779b97f4a7c15ull) + 0xe7037ed1a0b428dbull; }

 private:
  __extension__ using Wide = unsigned __int128;
  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    const Wide m = static_cast<Wide>(a ^ 0xa0761d6478bd642full) * b;
    return static_cast<std::uint64_t>(m) ^ static_cast<std::uint64_t>(m >> 64);
  }
  template <class T>
  void put(const T& v) {
    if constexpr (std::is_enum_v<T>) {
      word(static_cast<std::uint64_t>(static_cast<std::underlying_type_t<T>>(v)));
    } else if constexpr (std::is_integral_v<T>) {
      word(static_cast<std::uint64_t>(v));
    } else {
      const_cast<T&>(v).archive(*this);
    }
  }
  void put(const Duration& d) { word(static_cast<std::uint64_t>(d.count())); }
  void put(const Instant& t) { put(t.time_since_epoch()); }
  void put(const std::string& s) {
    word(s.size());
    std::uint64_t w = 0;
    int n = 0;
    for (const char c : s) {
      w = (w << 8) | static_cast<std::uint8_t>(c);
      if (++n == 8) {
        word(w);
        w = 0;
        n = 0;
      }
    }
    if (n != 0) word(w);
  }
  template <class T>
  void put(const std::vector<T>& v) {
    word(v.size());
    for (const auto& item : v) put(item);
  }
  template <class T, std::size_t N>
  void put(const std::array<T, N>& v) {
    for (const auto& item : v) put(item);
  }
  template <class T>
  void put(const std::optional<T>& v) {
    put(v.has_value());
    if (v) put(*v);
  }
  template <class A, class B>
  void put(const std::pair<A, B>& v) {
    put(v.first);
    put(v.second);
  }
  template <class... T>
  void put(const std::variant<T...>& v) {
    word(v.index());
    std::visit([this](const auto& item) { this->put(item); }, v);
  }
  std::uint64_t state_ = 0x2545f4914f6cdd1dull;
};

}  // namespace homing::core
