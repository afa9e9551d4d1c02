// SPDX-License-Identifier: Apache-2.0
#include "router/base/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "router/base/config_node.h"

namespace homing::base {
namespace {

using Kind = ConfigNode::Kind;

bool is_bare_key(std::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    const bool bare =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!bare) return false;
  }
  return true;
}

std::string toml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string path_of(const std::string& parent, std::string_view name) {
  std::string last = is_bare_key(name) ? std::string(name) : toml_quoted(name);
  return parent.empty() ? last : parent + "." + last;
}

std::string element_path(const std::string& list, std::size_t index) {
  return fmt::format("{}[{}]", list, index + 1);
}

ConfigNode* member(ConfigNode* table, std::string_view name) {
  if (table == nullptr || table->kind != Kind::kTable) return nullptr;
  for (ConfigNode& child : table->children) {
    if (child.name == name) return &child;
  }
  return nullptr;
}

// The element of a list that is called by its number from 1, or by its `name`.
ConfigNode* element(ConfigNode* list, std::string_view called) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(called.data(), called.data() + called.size(), number);
  if (error == std::errc() && end == called.data() + called.size()) {
    return number >= 1 && number <= list->children.size() ? &list->children[number - 1] : nullptr;
  }
  for (ConfigNode& child : list->children) {
    const ConfigNode* name = child.kind == Kind::kTable ? member(&child, "name") : nullptr;
    if (name != nullptr && name->kind == Kind::kString && name->text == called) return &child;
  }
  return nullptr;
}

void mark_known(ConfigNode* table, std::string_view name) {
  if (table == nullptr) return;
  if (std::find(table->known.begin(), table->known.end(), name) == table->known.end()) {
    table->known.emplace_back(name);
  }
}

void forget_reads(ConfigNode& node) {
  node.asked = false;
  node.opened = false;
  node.known.clear();
  for (ConfigNode& child : node.children) forget_reads(child);
}

std::string node_text(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::kString:
      return toml_quoted(node.text);
    case Kind::kInteger:
      return fmt::format("{}", node.integer);
    case Kind::kNumber: {
      std::string text = fmt::format("{}", node.number);
      if (text.find_first_of(".en") == std::string::npos) text += ".0";
      return text;
    }
    case Kind::kBoolean:
      return node.boolean ? "true" : "false";
    case Kind::kDate:
      return node.text;
    case Kind::kList: {
      std::string text = "[";
      for (std::size_t i = 0; i < node.children.size(); ++i) {
        text += (i > 0 ? ", " : "") + node_text(node.children[i]);
      }
      return text + "]";
    }
    case Kind::kTable: {
      std::vector<std::string> members;
      for (const ConfigNode& child : node.children)
        members.push_back(path_of("", child.name) + " = " + node_text(child));
      std::sort(members.begin(), members.end());
      return members.empty() ? "{}" : fmt::format("{{ {} }}", fmt::join(members, ", "));
    }
  }
  return "";
}

void canonical_lines(const ConfigNode& node, const std::string& path, std::vector<std::string>& lines) {
  if (node.kind == Kind::kTable && (!node.children.empty() || path.empty())) {
    for (const ConfigNode& child : node.children) canonical_lines(child, path_of(path, child.name), lines);
  } else {
    lines.push_back(path + " = " + node_text(node) + "\n");
  }
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kString:
      return "string";
    case Kind::kInteger:
      return "integer";
    case Kind::kNumber:
      return "number";
    case Kind::kBoolean:
      return "boolean";
    case Kind::kDate:
      return "date";
    case Kind::kList:
      return "list";
    case Kind::kTable:
      return "table";
  }
  return "nothing";
}

// "a string" but "an integer".
std::string with_article(const char* name) {
  return (name[0] == 'i' ? "an " : "a ") + std::string(name);
}

// How a message shows the value it complains about: short ones in full.
std::string shown(const ConfigNode& node) {
  if (node.kind == Kind::kList || node.kind == Kind::kTable) return with_article(kind_name(node.kind));
  const std::string text = node_text(node);
  return text.size() > 60 ? with_article(kind_name(node.kind)) : text;
}

// A number where a text with a unit was meant gets the fix spelt out.
std::string bare_number(const ConfigNode& node, const char* unit) {
  return fmt::format("{} has no unit; write a unit, e.g. \"{} {}\"", node_text(node), node_text(node), unit);
}

void unknown_keys(const ConfigNode& table, const std::string& path, Document& document) {
  for (const ConfigNode& child : table.children) {
    const std::string child_path = table.kind == Kind::kTable
                                       ? path_of(path, child.name)
                                       : element_path(path, static_cast<std::size_t>(&child - table.children.data()));
    if (table.kind == Kind::kTable && table.opened && !child.asked) {
      std::string text = "unknown key";
      if (const auto near = nearest_name(child.name, table.known)) {
        text += fmt::format("; did you mean \"{}\"?", *near);
      } else if (!table.known.empty()) {
        std::vector<std::string> names = table.known;
        std::sort(names.begin(), names.end());
        text += fmt::format("; expected {}", quoted_list(names, 20));
      }
      document.error_at(child.name_where, child_path, text);
      continue;
    }
    unknown_keys(child, child_path, document);
  }
}

}  // namespace

// ---- Value

Where Value::where() const {
  return present() ? node_->where : near_;
}

const char* Value::type_name() const {
  return present() ? kind_name(node_->kind) : "nothing";
}
bool Value::is_string() const {
  return present() && node_->kind == Kind::kString;
}
bool Value::is_list() const {
  return present() && node_->kind == Kind::kList;
}
bool Value::is_table() const {
  return present() && node_->kind == Kind::kTable;
}
bool Value::is_number() const {
  return present() && (node_->kind == Kind::kInteger || node_->kind == Kind::kNumber);
}

void Value::error(std::string text) const {
  document_->error_at(where(), key_, std::move(text));
}

std::optional<std::string> Value::as_any_string() const {
  if (!present()) return std::nullopt;
  if (node_->kind != Kind::kString) {
    error(fmt::format("expected a text in quotes, found {}", shown(*node_)));
    return std::nullopt;
  }
  return node_->text;
}

std::optional<std::string> Value::as_string() const {
  auto text = as_any_string();
  if (text && text->empty()) {
    error("is empty; expected a text");
    return std::nullopt;
  }
  return text;
}

std::optional<bool> Value::as_bool() const {
  if (!present()) return std::nullopt;
  if (node_->kind != Kind::kBoolean) {
    error(fmt::format("expected true or false, found {}", shown(*node_)));
    return std::nullopt;
  }
  return node_->boolean;
}

std::optional<std::int64_t> Value::as_integer(std::int64_t least, std::int64_t most) const {
  if (!present()) return std::nullopt;
  if (node_->kind != Kind::kInteger) {
    error(fmt::format("expected a whole number, found {}", shown(*node_)));
    return std::nullopt;
  }
  if (node_->integer < least || node_->integer > most) {
    const std::string range = most == std::numeric_limits<std::int64_t>::max() ? fmt::format("{} or more", least)
                                                                               : fmt::format("{} to {}", least, most);
    error(fmt::format("{} is out of range; expected {}", node_->integer, range));
    return std::nullopt;
  }
  return node_->integer;
}

std::optional<double> Value::as_number(double least, double most) const {
  if (!present()) return std::nullopt;
  if (!is_number()) {
    error(fmt::format("expected a number, found {}", shown(*node_)));
    return std::nullopt;
  }
  const double number = node_->kind == Kind::kInteger ? static_cast<double>(node_->integer) : node_->number;
  if (!(number >= least && number <= most)) {
    const std::string range = most == std::numeric_limits<double>::max() ? fmt::format("{} or more", least)
                                                                         : fmt::format("{} to {}", least, most);
    error(fmt::format("{} is out of range; expected {}", node_text(*node_), range));
    return std::nullopt;
  }
  return number;
}

std::optional<double> Value::as_fraction() const {
  if (!present()) return std::nullopt;
  if (node_->kind != Kind::kString) return as_number(0, 1);
  const auto fraction = parse_fraction(node_->text);
  if (!fraction) {
    error(fraction.error());
    return std::nullopt;
  }
  if (!(*fraction >= 0 && *fraction <= 1)) {
    error(fmt::format("\"{}\" is out of range; expected 0 to 1, or \"0 %\" to \"100 %\"", node_->text));
    return std::nullopt;
  }
  return *fraction;
}

std::optional<std::chrono::nanoseconds> Value::as_duration(DurationLimits limits) const {
  if (!present()) return std::nullopt;
  if (is_number()) {
    error(bare_number(*node_, "s"));
    return std::nullopt;
  }
  if (node_->kind != Kind::kString) {
    error(fmt::format("expected a duration, e.g. \"15 s\", found {}", shown(*node_)));
    return std::nullopt;
  }
  const auto duration = parse_duration(node_->text);
  if (!duration) {
    error(duration.error());
    return std::nullopt;
  }
  if (*duration >= limits.least && *duration <= limits.most) return *duration;
  if (*duration < std::chrono::nanoseconds(0) && limits.least >= std::chrono::nanoseconds(0)) {
    error(fmt::format("\"{}\" is negative; expected {}", node_->text,
                      limits.least.count() == 0 ? "a duration of 0 s or more" : "a duration above 0 s"));
  } else if (limits.least.count() == 1 && *duration < limits.least) {
    error(fmt::format("\"{}\" is too short; expected a duration above 0 s", node_->text));
  } else if (*duration < limits.least) {
    error(fmt::format("\"{}\" is too short; expected {} or more", node_->text, format_duration(limits.least)));
  } else {
    error(fmt::format("\"{}\" is too long; expected {} or less", node_->text, format_duration(limits.most)));
  }
  return std::nullopt;
}

std::optional<std::int64_t> Value::as_bytes(std::int64_t least) const {
  if (!present()) return std::nullopt;
  if (is_number()) {
    error(bare_number(*node_, "MiB"));
    return std::nullopt;
  }
  if (node_->kind != Kind::kString) {
    error(fmt::format("expected a size, e.g. \"64 GiB\", found {}", shown(*node_)));
    return std::nullopt;
  }
  const auto bytes = parse_bytes(node_->text);
  if (!bytes) {
    error(bytes.error());
    return std::nullopt;
  }
  if (*bytes < least) {
    error(fmt::format("\"{}\" is {}; expected {} or more", node_->text, *bytes < 0 ? "negative" : "too small",
                      format_bytes(least)));
    return std::nullopt;
  }
  return *bytes;
}

std::optional<std::string> Value::as_choice(std::span<const std::string> choices) const {
  const auto text = as_any_string();
  if (!text) return std::nullopt;
  for (const std::string& choice : choices) {
    if (choice == *text) return choice;
  }
  std::string message = fmt::format("unknown value \"{}\"; expected {}", *text, quoted_list(choices));
  if (const auto near = nearest_name(*text, choices)) message += fmt::format("; did you mean \"{}\"?", *near);
  error(message);
  return std::nullopt;
}

std::optional<std::vector<Value>> Value::as_list() const {
  if (!present()) return std::nullopt;
  if (node_->kind != Kind::kList) {
    error(fmt::format("expected a list in brackets, found {}", shown(*node_)));
    return std::nullopt;
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < node_->children.size(); ++i) {
    ConfigNode& child = node_->children[i];
    values.push_back(Value(document_, &child, child.where, element_path(key_, i)));
  }
  return values;
}

std::optional<std::vector<std::string>> Value::as_strings() const {
  const auto values = as_list();
  if (!values) return std::nullopt;
  std::vector<std::string> strings;
  for (const Value& value : *values) {
    if (auto text = value.as_any_string()) strings.push_back(std::move(*text));
  }
  if (strings.size() != values->size()) return std::nullopt;
  return strings;
}

std::optional<Section> Value::as_section() const {
  if (!present()) return std::nullopt;
  if (node_->kind != Kind::kTable) {
    error(fmt::format("expected a table, e.g. {{ key = value }}, found {}", shown(*node_)));
    return std::nullopt;
  }
  node_->opened = true;
  return Section(document_, node_, node_->where, key_);
}

Section Value::section() const {
  return as_section().value_or(Section(document_, nullptr, where(), key_));
}

std::string Value::text() const {
  return present() ? node_text(*node_) : "";
}

// ---- Section

Value Section::find(std::string_view name) const {
  mark_known(node_, name);
  ConfigNode* child = member(node_, name);
  if (child != nullptr) child->asked = true;
  return Value(document_, child, child != nullptr ? child->where : where_, path_of(key_, name));
}

Value Section::need(std::string_view name) const {
  Value value = find(name);
  if (present() && !value.present()) document_->error_at(where_, value.key(), "is missing; it must be given");
  return value;
}

Section Section::section(std::string_view name) const {
  return find(name).section();
}

std::vector<Section> Section::sections(std::string_view name) const {
  std::vector<Section> tables;
  const Value value = find(name);
  if (value.is_table()) {
    value.error(fmt::format("expected a list of tables; write [[{}]] with two brackets", value.key()));
    return tables;
  }
  for (const Value& element : value.as_list().value_or(std::vector<Value>{})) {
    if (auto table = element.as_section()) tables.push_back(*table);
  }
  return tables;
}

std::vector<Entry> Section::named(std::string_view name) const {
  return section(name).entries();
}

std::vector<Entry> Section::entries() const {
  std::vector<Entry> all;
  if (!present()) return all;
  for (ConfigNode& child : node_->children) {
    child.asked = true;
    all.push_back(
        Entry{child.name, child.name_where, Value(document_, &child, child.where, path_of(key_, child.name))});
  }
  return all;
}

void Section::also_known(std::initializer_list<const char*> names) const {
  for (const char* name : names) {
    mark_known(node_, name);
    if (ConfigNode* child = member(node_, name)) child->asked = true;
  }
}

void Section::error(std::string text) const {
  document_->error_at(where_, key_, std::move(text));
}

// ---- Document

Document::Document(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)), root_(std::make_unique<ConfigNode>()) {
  root_->where = Where{1, 1};
}

Document::Document(const Document& other)
    : name_(other.name_),
      text_(other.text_),
      root_(std::make_unique<ConfigNode>(*other.root_)),
      diagnostics_(other.diagnostics_.begin(),
                   other.diagnostics_.begin() + static_cast<std::ptrdiff_t>(other.parse_errors_)),
      parse_errors_(other.parse_errors_) {
  forget_reads(*root_);
}

Document::Document(Document&& other) noexcept = default;
Document& Document::operator=(Document&& other) noexcept = default;
Document::~Document() = default;

Document& Document::operator=(const Document& other) {
  if (this != &other) *this = Document(other);
  return *this;
}

Document Document::load(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  std::error_code ignored;
  const bool directory = std::filesystem::is_directory(path, ignored);
  if (in && !directory) {
    if (in.peek() != std::ifstream::traits_type::eof()) bytes << in.rdbuf();
  }
  if (!in.is_open() || directory || in.bad()) {
    const int reason = directory ? EISDIR : errno;
    Document document(path, "");
    document.error_at(Where{}, "", fmt::format("cannot be read: {}", std::generic_category().message(reason)));
    document.parse_errors_ = 1;
    return document;
  }
  return parse(bytes.str(), path);
}

Document Document::parse(std::string_view text, std::string name) {
  Document document(std::move(name), std::string(text));
  auto tree = parse_toml(document.text_, document.name_);
  if (tree) {
    *document.root_ = std::move(*tree);
  } else {
    document.diagnostics_.push_back(std::move(tree.error()));
    document.parse_errors_ = 1;
  }
  return document;
}

Section Document::root() {
  root_->opened = true;
  // Nothing is known of a file that could not be parsed: an absent root keeps need() quiet.
  return Section(this, parse_errors_ > 0 ? nullptr : root_.get(), root_->where, "");
}

void Document::error_at(Where where, std::string key, std::string text) {
  diagnostics_.push_back(Diagnostic{name_, where, std::move(key), std::move(text)});
}

bool Document::finish() {
  unknown_keys(*root_, "", *this);
  return ok();
}

bool Document::replace(std::string_view dotted_path, const Value& value) {
  ConfigNode* table = root_.get();
  std::string_view rest = dotted_path;
  while (true) {
    if (table->kind != Kind::kTable && table->kind != Kind::kList) return false;
    const std::size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    ConfigNode* child = table->kind == Kind::kTable ? member(table, name) : element(table, name);
    if (child == nullptr && table->kind == Kind::kList) return false;
    if (child == nullptr) {
      ConfigNode fresh;
      fresh.name = std::string(name);
      fresh.name_where = fresh.where = value.where();
      table->children.push_back(std::move(fresh));
      child = &table->children.back();
    }
    if (dot == std::string_view::npos) {
      const std::string kept = child->name;
      const Where kept_where = child->name_where;
      *child = ConfigNode(*value.node_);
      child->name = kept;
      child->name_where = kept_where;
      forget_reads(*child);
      return true;
    }
    table = child;
    rest.remove_prefix(dot + 1);
  }
}

bool Document::remove(std::string_view dotted_path) {
  ConfigNode* parent = root_.get();
  std::string_view rest = dotted_path;
  while (true) {
    const std::size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    ConfigNode* child = nullptr;
    if (parent->kind == Kind::kTable) child = member(parent, name);
    if (parent->kind == Kind::kList) child = element(parent, name);
    if (child == nullptr) return false;
    if (dot == std::string_view::npos) {
      parent->children.erase(parent->children.begin() + (child - parent->children.data()));
      return true;
    }
    parent = child;
    rest.remove_prefix(dot + 1);
  }
}

std::string Document::canonical_text() const {
  std::vector<std::string> lines;
  canonical_lines(*root_, "", lines);
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

}  // namespace homing::base
