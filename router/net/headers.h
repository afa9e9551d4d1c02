// SPDX-License-Identifier: Apache-2.0
//
// What the router asks of a head that router/wire has accepted, beyond its syntax.
// Thread class: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "router/core/check.h"
#include "router/wire/request_head.h"
#include "router/wire/write.h"

namespace homing::net {

// Fields of a message in the making. Values are views; those made for the occasion are kept in `owned`.
class FieldList {
 public:
  static constexpr std::size_t kMax = 64;
  void set(std::string_view name, std::string_view value) {
    CHECK(size_ < kMax);
    items_[size_++] = {name, value};
  }
  void own(std::string_view name, std::string value) {
    CHECK(owned_size_ < owned_.size());
    std::string& kept = owned_[owned_size_++];
    kept = std::move(value);
    set(name, kept);
  }
  bool has_room() const { return size_ < kMax && owned_size_ < owned_.size(); }
  void clear() { size_ = owned_size_ = 0; }
  std::span<const wire::OwnField> all() const { return {items_.data(), size_}; }

 private:
  std::array<wire::OwnField, kMax> items_;
  std::size_t size_ = 0;
  std::array<std::string, 40> owned_;
  std::size_t owned_size_ = 0;
};

// By any name, case ignored; the wire's own names are asked for by wire::Name.
std::size_t field_count(const wire::RequestHead& head, std::string_view name);
std::string_view field_value(const wire::RequestHead& head, std::string_view name);  // first one, or empty
std::string_view field_value(const wire::AnswerHead& head, std::string_view name);

// What Sec-WebSocket-Accept must be for a key.
std::string websocket_accept(std::string_view key);

// A person looks at a page that is loading: Sec-Fetch-Mode says navigate or, from programs that do not send it, a GET
// that prefers HTML. Never an upgrade.
bool is_navigation(const wire::RequestHead& head);
bool accepts_html(const wire::RequestHead& head);

}  // namespace homing::net
