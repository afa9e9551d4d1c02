// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario_fields.h"

#include <fmt/format.h>

#include <utility>

#include "router/base/units.h"
#include "router/core/check.h"

namespace homing::sim {

void ScenarioFields::note(std::string key, std::string text, std::string source) {
  settings_.push_back({std::move(key), std::move(text), std::move(source)});
}

// A value of the file shows as written there, a default as `text`.
void ScenarioFields::note(const base::Value& value, const std::string& text, const char* source) {
  if (value.present()) {
    note(value.key(), value.text(), "file");
  } else {
    note(value.key(), text, source);
  }
}

Duration ScenarioFields::duration(const base::Section& section, const char* key, Duration fallback, const char* source,
                                  base::DurationLimits limits) {
  const base::Value value = section.find(key);
  note(value, fmt::format("\"{}\"", base::format_duration(fallback)), source);
  return value.as_duration(limits).value_or(fallback);
}

std::int64_t ScenarioFields::bytes(const base::Section& section, const char* key, std::int64_t fallback,
                                   const char* source, std::int64_t least) {
  const base::Value value = section.find(key);
  note(value, fmt::format("\"{}\"", base::format_bytes(fallback)), source);
  return value.as_bytes(least).value_or(fallback);
}

int ScenarioFields::integer(const base::Section& section, const char* key, int fallback, const char* source, int least,
                            int most) {
  const base::Value value = section.find(key);
  note(value, fmt::format("{}", fallback), source);
  return static_cast<int>(value.as_integer(least, most).value_or(fallback));
}

double ScenarioFields::number(const base::Section& section, const char* key, double fallback, const char* source,
                              double least, double most) {
  const base::Value value = section.find(key);
  note(value, fmt::format("{}", fallback), source);
  return value.as_number(least, most).value_or(fallback);
}

bool ScenarioFields::boolean(const base::Section& section, const char* key, bool fallback, const char* source) {
  const base::Value value = section.find(key);
  note(value, fallback ? "true" : "false", source);
  return value.as_bool().value_or(fallback);
}

Distribution ScenarioFields::distribution(const base::Section& section, const char* key, Unit unit,
                                          const char* fallback, const char* source) {
  const base::Value value = section.find(key);
  note(value, fmt::format("\"{}\"", fallback), source);
  const auto standard = parse_distribution(fallback, unit);
  CHECK(standard.has_value());
  const std::optional<std::string> text = value.as_string();
  if (!text) return *standard;
  const auto parsed = parse_distribution(*text, unit);
  if (!parsed) {
    value.error(parsed.error());
    return *standard;
  }
  return *parsed;
}

}  // namespace homing::sim
