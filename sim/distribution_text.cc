// SPDX-License-Identifier: Apache-2.0
#include "sim/distribution_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "router/base/suggest.h"
#include "router/base/units.h"

namespace homing::sim {
namespace {

using core::Distribution;
using Error = std::unexpected<std::string>;

// One "[name ]value" between the parentheses.
struct Argument {
  std::string name;  // empty: positional
  std::string text;
};

enum class Takes { kQuantity, kRatio };  // in the unit of what is drawn | a bare number

struct Parameter {
  const char* name;
  Takes takes;
};

struct Form {
  const char* name;
  std::array<Parameter, 2> parameters;
  std::size_t count;
  const char* example;
};

constexpr std::array kForms = {
    Form{"uniform", {{{"low", Takes::kQuantity}, {"high", Takes::kQuantity}}}, 2, "uniform(1 s, 5 s)"},
    Form{"exponential", {{{"mean", Takes::kQuantity}, {"", Takes::kRatio}}}, 1, "exponential(mean 4 h)"},
    Form{"normal", {{{"mean", Takes::kQuantity}, {"sd", Takes::kQuantity}}}, 2, "normal(mean 10 s, sd 2 s)"},
    Form{"gamma", {{{"shape", Takes::kRatio}, {"scale", Takes::kQuantity}}}, 2, "gamma(1.74, 2.06 h)"},
    Form{"weibull", {{{"shape", Takes::kRatio}, {"scale", Takes::kQuantity}}}, 2, "weibull(0.7, 3 h)"},
};
constexpr const char* kLognormalExample = "lognormal(median 2 s, p90 5 s)";

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "median 2 s" is the name "median" and "2 s"; "2 s" has no name.
Argument split_argument(std::string_view text) {
  text = trim(text);
  if (text.empty() || !is_letter(text.front())) return {"", std::string(text)};
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, blank)), std::string(trim(text.substr(blank)))};
}

std::vector<Argument> split_arguments(std::string_view inside) {
  std::vector<Argument> arguments;
  while (true) {
    const std::size_t comma = inside.find(',');
    arguments.push_back(split_argument(inside.substr(0, comma)));
    if (comma == std::string_view::npos) return arguments;
    inside.remove_prefix(comma + 1);
  }
}

std::expected<double, std::string> parse_ratio(const std::string& text) {
  const auto quantity = base::parse_quantity(text);
  if (!quantity) return Error(quantity.error());
  if (!quantity->unit.empty()) return Error(fmt::format("\"{}\" has a unit; expected a bare number", text));
  return quantity->value();
}

std::expected<double, std::string> parse_in_unit(const std::string& text, Unit unit) {
  switch (unit) {
    case Unit::kDuration: {
      const auto duration = base::parse_duration(text);
      if (!duration) return Error(duration.error());
      return static_cast<double>(duration->count());
    }
    case Unit::kBytes: {
      const auto bytes = base::parse_bytes(text);
      if (!bytes) return Error(bytes.error());
      return static_cast<double>(*bytes);
    }
    case Unit::kNumber:
      break;
  }
  return parse_ratio(text);
}

// Gamma and Weibull are also known by their mean in the place of the scale, which it gives.
constexpr std::size_t kScale = 1;

bool has_scale(const Form& form) {
  return std::string_view(form.parameters[kScale].name) == "scale";
}

// The values of a form's parameters, given all by position or all by name.
std::expected<std::array<double, 2>, std::string> bind(const Form& form, const std::vector<Argument>& arguments,
                                                       Unit unit) {
  if (arguments.size() != form.count) {
    return Error(fmt::format("{} takes {} parameters, found {}; expected e.g. \"{}\"", form.name, form.count,
                             arguments.size(), form.example));
  }
  std::array<double, 2> values{};
  std::array<bool, 2> given{};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Argument& argument = arguments[i];
    std::size_t place = i;
    if (argument.name == "mean" && has_scale(form)) {
      place = kScale;
    } else if (!argument.name.empty()) {
      place = 0;
      while (place < form.count && argument.name != form.parameters[place].name) ++place;
      if (place == form.count) {
        return Error(
            fmt::format("{} has no parameter \"{}\"; expected e.g. \"{}\"", form.name, argument.name, form.example));
      }
    }
    if (given[place] || argument.name.empty() != arguments[0].name.empty()) {
      return Error(
          fmt::format("parameters must be all named once or all in order; expected e.g. \"{}\"", form.example));
    }
    given[place] = true;
    const auto value =
        form.parameters[place].takes == Takes::kRatio ? parse_ratio(argument.text) : parse_in_unit(argument.text, unit);
    if (!value) return Error(fmt::format("{} of {}: {}", form.parameters[place].name, form.name, value.error()));
    if (*value < 0)
      return Error(fmt::format("{} of {} is negative; expected 0 or more", form.parameters[place].name, form.name));
    values[place] = *value;
  }
  return values;
}

std::expected<Distribution, std::string> lognormal(const std::vector<Argument>& arguments, Unit unit) {
  const std::string expected =
      fmt::format("expected e.g. \"{}\", or p95, p99, or sigma and a bare number", kLognormalExample);
  if (arguments.size() != 2 || arguments[0].name != "median")
    return Error("lognormal needs a median and a spread; " + expected);
  const auto median = parse_in_unit(arguments[0].text, unit);
  if (!median) return Error(fmt::format("median of lognormal: {}", median.error()));
  if (*median <= 0) return Error("median of lognormal must be greater than 0");
  const Argument& spread = arguments[1];
  if (spread.name == "sigma") {
    const auto sigma = parse_ratio(spread.text);
    if (!sigma) return Error(fmt::format("sigma of lognormal: {}", sigma.error()));
    if (*sigma < 0) return Error("sigma of lognormal is negative; expected 0 or more");
    return Distribution::lognormal(*median, *sigma);
  }
  double probability = 0;
  if (spread.name == "p90") probability = 0.90;
  if (spread.name == "p95") probability = 0.95;
  if (spread.name == "p99") probability = 0.99;
  if (probability == 0) return Error(fmt::format("lognormal has no parameter \"{}\"; {}", spread.name, expected));
  const auto value = parse_in_unit(spread.text, unit);
  if (!value) return Error(fmt::format("{} of lognormal: {}", spread.name, value.error()));
  if (*value < *median) return Error(fmt::format("{} of lognormal is below its median", spread.name));
  return Distribution::lognormal_by_quantile(*median, probability, *value);
}

std::expected<Distribution, std::string> build(const Form& form, const std::array<double, 2>& values, bool by_mean) {
  const std::string_view name = form.name;
  if (name == "uniform") {
    if (values[0] > values[1]) return Error("uniform: low is above high");
    return Distribution::uniform(values[0], values[1]);
  }
  if (name == "exponential") return Distribution::exponential(values[0]);
  if (name == "normal") return Distribution::normal(values[0], values[1]);
  if (values[0] <= 0) return Error(fmt::format("shape of {} must be greater than 0", name));
  const auto of_scale = name == "gamma" ? Distribution::gamma : Distribution::weibull;
  return of_scale(values[0], by_mean ? values[kScale] / core::mean_of(of_scale(values[0], 1.0)) : values[kScale]);
}

}  // namespace

std::expected<Distribution, std::string> parse_distribution(std::string_view text, Unit unit) {
  text = trim(text);
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) {
    const auto value = parse_in_unit(std::string(text), unit);
    if (!value) return Error(value.error());
    if (*value < 0) return Error(fmt::format("\"{}\" is negative; expected 0 or more", text));
    return Distribution::constant(*value);
  }
  if (text.back() != ')') return Error(fmt::format("\"{}\" has no closing parenthesis at its end", text));
  const std::string name(trim(text.substr(0, open)));
  const std::vector<Argument> arguments = split_arguments(text.substr(open + 1, text.size() - open - 2));
  if (name == "lognormal") return lognormal(arguments, unit);
  std::vector<std::string> known = {"lognormal"};
  for (const Form& form : kForms) {
    known.emplace_back(form.name);
    if (name != form.name) continue;
    const auto values = bind(form, arguments, unit);
    if (!values) return Error(values.error());
    const bool by_mean = has_scale(form) && std::any_of(arguments.begin(), arguments.end(),
                                                        [](const Argument& a) { return a.name == "mean"; });
    return build(form, *values, by_mean);
  }
  std::string message = fmt::format("unknown distribution \"{}\"; expected {}", name, base::quoted_list(known));
  if (const auto near = base::nearest_name(name, known)) message += fmt::format("; did you mean \"{}\"?", *near);
  return Error(message);
}

}  // namespace homing::sim
