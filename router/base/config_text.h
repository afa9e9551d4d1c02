// SPDX-License-Identifier: Apache-2.0
//
// Reading a configuration or scenario file: TOML 1.0 text -> typed values with units, limits and good error messages.
//
//   Document file = Document::load("homing.toml");
//   Section root = file.root();
//   auto heartbeat = root.section("cluster").find("heartbeat").as_duration().value_or(1s);   // optional key
//   std::string name = root.need("node").as_string().value_or("");                           // required key
//   for (Section node : root.sections("node")) {...}                                          // [[node]]
//   for (Entry kind : root.named("kind")) read_kind(kind.name, kind.section());               // [kind.NAME]
//   if (!file.finish()) { std::cerr << file.report(); return kBadInputExit; }
//
// Reading is total: a getter that meets a wrong type, a missing key or a value out of range records a diagnostic and
// returns nothing, and the reader goes on with a default. Every key that no getter asked for is an error in finish(),
// with the nearest of the names that were asked for in that table, so the reader *is* the list of known keys.
// Each value keeps its line and column; later checks report at that place through Document::error_at.
//
// Section and Value are handles into their Document: cheap to copy, valid until it is moved, replaced into or gone. A
// Document is a value: a copy has a tree of its own, in which nothing was asked for and no error was found yet but
// those of parsing.
// Thread class: thread-compatible (const handles still mark keys as asked for).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/base/diagnostics.h"
#include "router/base/suggest.h"
#include "router/base/units.h"

namespace homing::base {

struct ConfigNode;
class Document;
class Section;

// What a duration may be. The default refuses negative values and zero.
struct DurationLimits {
  std::chrono::nanoseconds least{1};
  std::chrono::nanoseconds most = std::chrono::nanoseconds::max();
};
inline constexpr DurationLimits kFromZero{std::chrono::nanoseconds(0), std::chrono::nanoseconds::max()};
inline constexpr DurationLimits kAnyDuration{std::chrono::nanoseconds::min(), std::chrono::nanoseconds::max()};

// One value of the file, or its absence. Every as_...() returns nothing when the value is absent (silently: need() has
// already complained) or of another type or out of range (with a diagnostic).
class Value {
 public:
  bool present() const { return node_ != nullptr; }
  explicit operator bool() const { return present(); }
  Where where() const;                             // of the value; of the enclosing table when absent
  const std::string& key() const { return key_; }  // full dotted path
  // What the file holds: "string", "integer", "number", "boolean", "date", "list", "table", or "nothing".
  const char* type_name() const;
  bool is_string() const;
  bool is_list() const;
  bool is_table() const;
  bool is_number() const;  // integer or floating point

  std::optional<std::string> as_string() const;  // not empty
  std::optional<std::string> as_any_string() const;
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_integer(std::int64_t least = 0,
                                         std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  std::optional<double> as_number(double least = 0, double most = std::numeric_limits<double>::max()) const;
  std::optional<double> as_fraction() const;  // 0 to 1, or "25 %"
  std::optional<std::chrono::nanoseconds> as_duration(DurationLimits limits = {}) const;
  std::optional<std::int64_t> as_bytes(std::int64_t least = 1) const;
  std::optional<std::string> as_choice(std::span<const std::string> choices) const;
  // E is any copyable type: value.as_choice<ListenOn>({{"unix", ListenOn::kUnix}, {"loopback", ListenOn::kLoopback}}).
  template <typename E>
  std::optional<E> as_choice(std::initializer_list<std::pair<const char*, E>> choices) const {
    std::vector<std::string> names;
    for (const auto& [name, choice] : choices) names.emplace_back(name);
    const std::optional<std::string> chosen = as_choice(std::span<const std::string>(names));
    if (!chosen) return std::nullopt;
    for (const auto& [name, choice] : choices) {
      if (*chosen == name) return choice;
    }
    return std::nullopt;
  }
  std::optional<std::vector<Value>> as_list() const;           // the elements, keys "node[1]", "node[2]", ...
  std::optional<std::vector<std::string>> as_strings() const;  // an array of strings (all of them right)
  std::optional<Section> as_section() const;                   // a table, inline or not
  Section section() const;                                     // the same; when it is none, an absent section

  // The value as TOML text in one line, for `--print` and for hashing.
  std::string text() const;
  // Records a diagnostic at this value (at the enclosing table when absent).
  void error(std::string text) const;

 private:
  friend class Section;
  friend class Document;
  Value(Document* document, ConfigNode* node, Where near, std::string key)
      : document_(document), node_(node), near_(near), key_(std::move(key)) {}

  Document* document_;
  ConfigNode* node_;
  Where near_;
  std::string key_;
};

// A key of a free-key table: [kind.NAME], kinds = { NAME = 0.6 }.
struct Entry;

// One table of the file, or its absence: an absent section has no keys, and need() in it complains about nothing.
class Section {
 public:
  bool present() const { return node_ != nullptr; }
  explicit operator bool() const { return present(); }
  Where where() const { return where_; }
  const std::string& key() const { return key_; }  // full dotted path; "" for the root

  Value find(std::string_view name) const;       // an optional key
  Value need(std::string_view name) const;       // a required key: its absence is a diagnostic
  Section section(std::string_view name) const;  // an optional sub-table; absent or wrong: an absent section
  std::vector<Section> sections(std::string_view name) const;  // an array of tables; absent: none
  std::vector<Entry> named(std::string_view name) const;       // the free keys of a sub-table, in file order
  std::vector<Entry> entries() const;                          // the free keys of this table, in file order

  // Names that are legal here but not read this time (they must not be "unknown").
  void also_known(std::initializer_list<const char*> names) const;
  // Records a diagnostic at the table's head.
  void error(std::string text) const;

 private:
  friend class Value;
  friend class Document;
  Section(Document* document, ConfigNode* node, Where where, std::string key)
      : document_(document), node_(node), where_(where), key_(std::move(key)) {}

  Document* document_;
  ConfigNode* node_;
  Where where_;
  std::string key_;
};

struct Entry {
  std::string name;
  Where where;  // of the key
  Value value;
  Section section() const { return value.section(); }
};

class Document {
 public:
  // A file that cannot be read or is no TOML gives a document with an empty root and one diagnostic; nothing throws.
  static Document load(const std::string& path);
  static Document parse(std::string_view text, std::string name);

  Document(const Document& other);
  Document(Document&& other) noexcept;
  Document& operator=(const Document& other);
  Document& operator=(Document&& other) noexcept;
  ~Document();

  Section root();
  const std::string& name() const { return name_; }  // the path, as it stands in messages
  const std::string& text() const { return text_; }  // the bytes that were read

  void error_at(Where where, std::string key, std::string text);
  // Adds a diagnostic for every key that nobody asked for. Returns ok().
  bool finish();
  bool ok() const { return diagnostics_.empty(); }
  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }
  std::string report() const { return render_report(diagnostics_); }

  // Puts a copy of `value` in the place of the dotted path, keeping the place of `value` for messages: what a parameter
  // sweep does. Members of tables are created as needed; an element of a list is called by its number from 1 or, when
  // it is a table with a `name`, by that ("strategy.bounded-25.params.epsilon"). False when there is no such element or
  // the path leads through a value that is neither table nor list.
  bool replace(std::string_view dotted_path, const Value& value);
  // Takes out what is at the dotted path, as replace() reads it. False when nothing is there.
  bool remove(std::string_view dotted_path);
  // The whole document as canonical text, itself TOML: one "dotted.path = value" a line, sorted. Comments and layout do
  // not show.
  std::string canonical_text() const;

 private:
  Document(std::string name, std::string text);
  friend class Value;
  friend class Section;

  std::string name_;
  std::string text_;
  std::unique_ptr<ConfigNode> root_;
  std::vector<Diagnostic> diagnostics_;
  std::size_t parse_errors_ = 0;  // the first ones of diagnostics_
};

}  // namespace homing::base
