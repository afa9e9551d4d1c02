// SPDX-License-Identifier: Apache-2.0
//
// The only file that includes toml++ (header-only, some ten seconds to compile).
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 1
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "router/base/config_node.h"

namespace homing::base {
namespace {

Where place(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

ConfigNode converted(const toml::node& node);

void convert_members(const toml::table& table, ConfigNode& out) {
  out.kind = ConfigNode::Kind::kTable;
  for (const auto& [key, value] : table) {
    ConfigNode child = converted(value);
    child.name = std::string(key.str());
    child.name_where = place(key.source());
    out.children.push_back(std::move(child));
  }
  // toml++ sorts members by name; people think in the order of their file.
  std::sort(out.children.begin(), out.children.end(),
            [](const ConfigNode& a, const ConfigNode& b) { return a.name_where < b.name_where; });
}

template <typename Date>
void convert_date(const Date& date, ConfigNode& out) {
  std::ostringstream text;
  text << date;
  out.kind = ConfigNode::Kind::kDate;
  out.text = text.str();
}

ConfigNode converted(const toml::node& node) {
  ConfigNode out;
  out.where = place(node.source());
  switch (node.type()) {
    case toml::node_type::table:
      convert_members(*node.as_table(), out);
      break;
    case toml::node_type::array:
      out.kind = ConfigNode::Kind::kList;
      for (const toml::node& element : *node.as_array()) out.children.push_back(converted(element));
      break;
    case toml::node_type::string:
      out.kind = ConfigNode::Kind::kString;
      out.text = node.as_string()->get();
      break;
    case toml::node_type::integer:
      out.kind = ConfigNode::Kind::kInteger;
      out.integer = node.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      out.kind = ConfigNode::Kind::kNumber;
      out.number = node.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      out.kind = ConfigNode::Kind::kBoolean;
      out.boolean = node.as_boolean()->get();
      break;
    case toml::node_type::date:
      convert_date(node.as_date()->get(), out);
      break;
    case toml::node_type::time:
      convert_date(node.as_time()->get(), out);
      break;
    case toml::node_type::date_time:
      convert_date(node.as_date_time()->get(), out);
      break;
    case toml::node_type::none:
      break;
  }
  return out;
}

}  // namespace

std::expected<ConfigNode, Diagnostic> parse_toml(std::string_view text, const std::string& name) {
  const toml::parse_result result = toml::parse(text, std::string_view(name));
  if (!result) {
    const toml::parse_error& error = result.error();
    return std::unexpected(
        Diagnostic{name, place(error.source()), "", "not valid TOML: " + std::string(error.description())});
  }
  ConfigNode root;
  root.where = Where{1, 1};
  convert_members(result.table(), root);
  return root;
}

}  // namespace homing::base
