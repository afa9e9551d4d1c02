// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "router/base/suggest.h"

namespace homing::sim {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// Two digits at `place`, below `limit`.
std::optional<int> two_digits(std::string_view text, std::size_t place, int limit) {
  const char tens = text[place];
  const char ones = text[place + 1];
  if (tens < '0' || tens > '9' || ones < '0' || ones > '9') return std::nullopt;
  const int value = 10 * (tens - '0') + (ones - '0');
  return value < limit ? std::optional<int>(value) : std::nullopt;
}

}  // namespace

std::optional<Duration> parse_week_time(std::string_view text) {
  if (text.size() != 9 || text[3] != ' ' || text[6] != ':') return std::nullopt;
  const auto day = std::find(kDays.begin(), kDays.end(), text.substr(0, 3));
  const auto hour = two_digits(text, 4, 24);
  const auto minute = two_digits(text, 7, 60);
  if (day == kDays.end() || !hour || !minute) return std::nullopt;
  const auto days = static_cast<int>(day - kDays.begin());
  return std::chrono::hours(24 * days + *hour) + std::chrono::minutes(*minute);
}

std::optional<std::string> choose_strategies(Scenario& scenario, std::span<const std::string> bases,
                                             const ScenarioNames& names) {
  std::vector<StrategySpec> chosen;
  for (const std::string& base_name : bases) {
    if (base_name == "all") {
      for (const std::string& name : names.strategies) chosen.push_back({name, name, {}});
      continue;
    }
    const auto own = std::find_if(scenario.strategies.begin(), scenario.strategies.end(),
                                  [&](const StrategySpec& strategy) { return strategy.name == base_name; });
    if (own != scenario.strategies.end()) {
      chosen.push_back(*own);
    } else if (std::find(names.strategies.begin(), names.strategies.end(), base_name) != names.strategies.end()) {
      chosen.push_back({base_name, base_name, {}});
    } else {
      std::string text = fmt::format("no strategy is called \"{}\"; expected \"all\" or {}", base_name,
                                     base::quoted_list(names.strategies));
      if (const auto near = base::nearest_name(base_name, names.strategies))
        text += fmt::format("; did you mean \"{}\"?", *near);
      return text;
    }
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    for (std::size_t j = i + 1; j < chosen.size(); ++j) {
      if (chosen[i].name == chosen[j].name) return fmt::format("strategy \"{}\" is named twice", chosen[i].name);
    }
  }
  if (chosen.empty()) return "no strategy is named; expected \"all\" or a list such as \"sessions,random\"";
  const std::string baseline =
      scenario.strategies.empty() ? "sessions" : scenario.strategies[static_cast<std::size_t>(scenario.baseline)].name;
  const auto find = [&](const std::string& name) {
    return std::find_if(chosen.begin(), chosen.end(),
                        [&](const StrategySpec& strategy) { return strategy.name == name; });
  };
  auto place = find(baseline);
  if (place == chosen.end()) place = find("sessions");
  scenario.baseline = place == chosen.end() ? 0 : static_cast<int>(place - chosen.begin());
  scenario.strategies = std::move(chosen);
  return std::nullopt;
}

std::string print_settings(const Scenario& scenario) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  constexpr std::size_t kWidest = 48;
  for (const Setting& setting : scenario.settings) {
    key_width = std::max(key_width, setting.key.size());
    value_width = std::max(value_width, std::min(setting.value.size(), kWidest));
  }
  std::string text;
  for (const Setting& setting : scenario.settings) {
    text += fmt::format("{:<{}} = {:<{}}  # {}\n", setting.key, key_width, setting.value, value_width, setting.source);
  }
  for (const std::string& note : scenario.notes) text += "note: " + note + "\n";
  return text;
}

}  // namespace homing::sim
