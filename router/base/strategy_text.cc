// SPDX-License-Identifier: Apache-2.0
#include "router/base/strategy_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "router/base/suggest.h"
#include "router/base/units.h"
#include "router/core/strategy.h"

namespace homing::base {
namespace {

using core::kWhole;
using core::ParamUnit;
using core::StrategyParam;

// Millionths of a number that has at most six decimals.
std::optional<std::int64_t> read_fraction(const StrategyParam& param, const Value& value) {
  const auto number =
      value.as_number(static_cast<double>(param.least) / kWhole, static_cast<double>(param.most) / kWhole);
  if (!number) return std::nullopt;
  const double scaled = *number * static_cast<double>(kWhole);
  const double whole = std::nearbyint(scaled);
  if (std::abs(scaled - whole) > 1e-3) {
    value.error(fmt::format("{} has more than six decimals; expected e.g. {}", *number,
                            param_text(param, static_cast<std::int64_t>(whole))));
    return std::nullopt;
  }
  return static_cast<std::int64_t>(whole);
}

std::optional<std::int64_t> read_value(const StrategyParam& param, const Value& value) {
  switch (param.unit) {
    case ParamUnit::kCount:
      return value.as_integer(param.least, param.most);
    case ParamUnit::kFraction:
      return read_fraction(param, value);
    case ParamUnit::kDuration:
      if (const auto time = value.as_duration({core::Duration(param.least), core::Duration(param.most)}))
        return time->count();
      return std::nullopt;
    case ParamUnit::kBytes: {
      const auto bytes = value.as_bytes(param.least);
      if (!bytes || *bytes <= param.most) return bytes;
      value.error(fmt::format("{} is too much; expected at most {}", format_bytes(*bytes), format_bytes(param.most)));
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::string unknown(std::string_view strategy, const std::string& written, const std::vector<std::string>& known) {
  if (known.empty()) return fmt::format("strategy \"{}\" takes no parameters; take it out", strategy);
  std::string text =
      fmt::format("strategy \"{}\" has no parameter \"{}\"; expected {}", strategy, written, quoted_list(known));
  if (const auto near = nearest_name(written, known)) text += fmt::format("; did you mean \"{}\"?", *near);
  return text;
}

}  // namespace

core::StrategyParams read_strategy_params(const Section& section, std::string_view strategy) {
  const auto declared = core::strategy_params(strategy);
  const auto registered = core::strategy_names();
  const bool is_known = std::binary_search(registered.begin(), registered.end(), strategy);
  std::vector<std::string> known;
  for (const StrategyParam& param : declared) known.emplace_back(param.name);
  core::StrategyParams params;
  for (const Entry& entry : section.named("params")) {
    const auto param =
        std::find_if(declared.begin(), declared.end(), [&](const StrategyParam& p) { return p.name == entry.name; });
    if (param != declared.end()) {
      if (const auto value = read_value(*param, entry.value)) params.set(param->name, *value);
    } else if (is_known) {
      entry.value.error(unknown(strategy, entry.name, known));
    }
  }
  return params;
}

std::string param_text(const StrategyParam& param, std::int64_t value) {
  switch (param.unit) {
    case ParamUnit::kCount:
      return fmt::format("{}", value);
    case ParamUnit::kFraction:
      return fmt::format("{}", static_cast<double>(value) / static_cast<double>(kWhole));
    case ParamUnit::kDuration:
      return fmt::format("\"{}\"", format_duration(core::Duration(value)));
    case ParamUnit::kBytes:
      return fmt::format("\"{}\"", format_bytes(value));
  }
  return "?";
}

std::string strategy_in_words(std::string_view strategy, const core::StrategyParams& params) {
  std::string text(strategy);
  std::string inner;
  for (const StrategyParam& param : core::strategy_params(strategy)) {
    inner += fmt::format("{}{} = {}", inner.empty() ? "" : ", ", param.name, param_text(param, params[param]));
  }
  if (!inner.empty()) text += " (" + inner + ")";
  return text;
}

}  // namespace homing::base
