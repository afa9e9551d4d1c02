// SPDX-License-Identifier: Apache-2.0
#include "router/wire/fields.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "router/core/check.h"
#include "router/wire/text.h"

namespace homing::wire {

void Fields::reset(std::size_t begin) {
  position_ = begin;
  line_ = begin;
  in_value_ = false;
  too_many_ = false;
  has_alias_ = false;
  why_ = {};
  count_ = 0;
  first_.fill(kMaxFields);
}

Fields::Scan Fields::bad(std::string_view why) {
  why_ = why;
  return Scan::kBad;
}

// At the end of a name or of the section.
Fields::Scan Fields::scan_name(std::string_view bytes) {
  while (position_ < bytes.size() && is_token(bytes[position_])) ++position_;
  if (position_ == bytes.size()) return Scan::kMore;
  const char c = bytes[position_];
  if (c == ':' && position_ > line_) {
    colon_ = position_++;
    in_value_ = true;
    return Scan::kDone;
  }
  if (position_ == line_) {
    if (c == ' ' || c == '\t') return bad("a line that begins with white space");
    if (c == ':') return bad("a field without a name");
    if (c == '\n') return bad("a line that ends without CR");
    return c == '\r' ? Scan::kDone : bad("a field name that is no token");
  }
  return bad(c == ' ' || c == '\t' ? "white space before the colon" : "a field name that is no token");
}

Fields::Scan Fields::scan(std::string_view bytes) {
  if (bytes.size() > kMaxHeadBytes) bytes = bytes.substr(0, kMaxHeadBytes);
  for (;;) {
    if (!in_value_) {
      const Scan name = scan_name(bytes);
      if (name != Scan::kDone) return name;
    }
    if (in_value_) {
      position_ = find_control(bytes, position_);
      if (position_ == bytes.size()) return Scan::kMore;
    }
    const char c = bytes[position_];
    if (c != '\r') return bad(c == '\n' ? "a line that ends without CR" : "a control byte in a field's value");
    if (position_ + 1 == bytes.size()) return Scan::kMore;
    if (bytes[position_ + 1] != '\n') return bad("CR without LF");
    if (!in_value_) {
      position_ += 2;
      return Scan::kDone;
    }
    if (!add(bytes, position_)) return Scan::kBad;
    position_ += 2;
    line_ = position_;
    in_value_ = false;
  }
}

bool Fields::add(std::string_view bytes, std::size_t value_end) {
  if (count_ == kMaxFields) {
    too_many_ = true;
    why_ = "too many fields";
    return false;
  }
  const std::string_view name = bytes.substr(line_, colon_ - line_);
  std::size_t begin = colon_ + 1;
  while (begin < value_end && (bytes[begin] == ' ' || bytes[begin] == '\t')) ++begin;
  while (value_end > begin && (bytes[value_end - 1] == ' ' || bytes[value_end - 1] == '\t')) --value_end;
  const auto [known, traits] = classify(name);
  Field& field = fields_[count_];
  field.name_at = static_cast<std::uint16_t>(line_);
  field.name_size = static_cast<std::uint16_t>(name.size());
  field.value_at = static_cast<std::uint16_t>(begin);
  field.value_size = static_cast<std::uint16_t>(value_end - begin);
  field.name = known;
  field.traits = traits;
  field.next = kMaxFields;
  has_alias_ = has_alias_ || (traits & kAlias) != 0;
  if (known != Name::kOther) {
    const auto i = static_cast<std::size_t>(known);
    if (first_[i] == kMaxFields) {
      first_[i] = static_cast<std::uint8_t>(count_);
    } else {
      fields_[last_[i]].next = static_cast<std::uint8_t>(count_);
    }
    last_[i] = static_cast<std::uint8_t>(count_);
  }
  ++count_;
  return true;
}

void Fields::adopt(std::string_view head) {
  CHECK(head.size() == position_ && head.size() <= kMaxHeadBytes);
  if (capacity_ < head.size()) {
    capacity_ = std::max<std::size_t>(1024, std::bit_ceil(head.size()));
    buffer_ = std::make_unique<char[]>(capacity_);
  }
  std::memcpy(buffer_.get(), head.data(), head.size());
}

void Fields::release() {
  reset(0);
  buffer_.reset();
  capacity_ = 0;
}

std::size_t Fields::count(Name name) const {
  std::size_t count = 0;
  for_each(name, [&](std::string_view) { ++count; });
  return count;
}

std::optional<std::string_view> Fields::find(Name name) const {
  const std::uint8_t i = first_[static_cast<std::size_t>(name)];
  if (i == kMaxFields) return std::nullopt;
  return value(fields_[i]);
}

void Fields::mark_listed(std::string_view name) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (same_text(this->name(fields_[i]), name)) fields_[i].traits |= kListed;
  }
}

}  // namespace homing::wire
