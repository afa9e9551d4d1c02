// SPDX-License-Identifier: Apache-2.0
//
// The field section of a message: one owned buffer of bytes and an array of offsets into it, filled incrementally.
//
// Intuition: a head is judged line by line as it arrives; when its empty line is there, its bytes are copied once into
// a buffer that is kept for the next head, and everything after asks by Name. Nothing allocates once the buffer has
// grown to the usual head.
//
// Rules: lines end in CRLF exactly; no line begins with a space (obs-fold); a name is a token directly followed by
// `:`; a value has no control byte but the tab. Bytes of 0x80 and above are allowed in values: clients do send names of
// files and people so, and they reach no decision of ours, because every field that we read has a grammar of ASCII
// (Host, Content-Length, Transfer-Encoding, Connection, Expect, Upgrade, Sec-WebSocket-*).
//
// Invariants: at most kMaxFields fields and kMaxHeadBytes bytes; each byte is scanned once however the input is split,
// and the verdict does not depend on the split.
// Source: RFC 9112 section 5.
// Thread class: single-owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "router/wire/names.h"

namespace homing::wire {

inline constexpr std::size_t kMaxHeadBytes = 32 * 1024;
inline constexpr std::size_t kMaxFields = 128;

struct Field {
  std::uint16_t name_at = 0;
  std::uint16_t name_size = 0;
  std::uint16_t value_at = 0;
  std::uint16_t value_size = 0;  // without the white space around it
  Name name = Name::kOther;
  std::uint8_t traits = 0;  // bits of names.h
  std::uint8_t next = 0;    // the next field of the same known name; kMaxFields: none
};

class Fields {
 public:
  enum class Scan : std::uint8_t { kMore, kDone, kBad };

  Fields() { reset(0); }

  // The section begins at `begin` of what scan() will be given.
  void reset(std::size_t begin);
  // `bytes` is everything so far, from the message's first byte; each call's bytes begin with those of the last.
  // REQUIRES: no verdict yet since reset().
  Scan scan(std::string_view bytes);
  std::string_view why() const { return why_; }  // after kBad
  bool too_many() const { return too_many_; }    // after kBad: there are more than kMaxFields
  std::size_t end() const { return position_; }  // after kDone: behind the empty line
  // Copies the message's head; from here on the fields can be read. REQUIRES: kDone, `head` ends at end().
  void adopt(std::string_view head);
  // Gives the buffer back, for a connection that will be idle or is a tunnel.
  void release();

  std::size_t size() const { return count_; }
  const Field& operator[](std::size_t i) const { return fields_[i]; }
  std::string_view name(const Field& field) const { return at(field.name_at, field.name_size); }
  std::string_view value(const Field& field) const { return at(field.value_at, field.value_size); }
  std::string_view at(std::size_t offset, std::size_t size) const { return {buffer_.get() + offset, size}; }
  char* bytes() { return buffer_.get(); }
  std::size_t capacity() const { return capacity_; }

  // REQUIRES: `name` is not kOther.
  bool has(Name name) const { return first_[static_cast<std::size_t>(name)] != kMaxFields; }
  std::size_t count(Name name) const;
  // Value of the first field of this name.
  std::optional<std::string_view> find(Name name) const;
  std::string_view value_of(Name name) const { return find(name).value_or(std::string_view()); }
  // Calls `see(value)` for every field of this name, in order.
  template <class See>
  void for_each(Name name, See see) const {
    for (std::uint8_t i = first_[static_cast<std::size_t>(name)]; i != kMaxFields; i = fields_[i].next) {
      see(value(fields_[i]));
    }
  }
  // Marks every field of this name, case ignored, as listed in Connection.
  void mark_listed(std::string_view name);
  bool has_alias() const { return has_alias_; }

 private:
  Scan bad(std::string_view why);
  Scan scan_name(std::string_view bytes);
  bool add(std::string_view bytes, std::size_t value_end);

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t position_ = 0;  // first byte not scanned
  std::size_t line_ = 0;      // where the current line begins
  std::size_t colon_ = 0;     // of the current line, when in_value_
  bool in_value_ = false;
  bool too_many_ = false;
  bool has_alias_ = false;
  std::string_view why_;
  std::size_t count_ = 0;
  std::array<std::uint8_t, kNames> first_;  // first field of each known name; kMaxFields: none
  std::array<std::uint8_t, kNames> last_;
  std::array<Field, kMaxFields> fields_;
};

}  // namespace homing::wire
