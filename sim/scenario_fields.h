// SPDX-License-Identifier: Apache-2.0
//
// ScenarioFields: reads single keys of a scenario and remembers what is in force and why.
//
// Each getter takes the key, the default and the reason for the default; it returns the value in force and adds a
// Setting for `homing-sim check --print`. Wrong values are diagnostics of the document; the default then stands in.
// Thread class: single-owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/config_text.h"
#include "sim/distribution_text.h"
#include "sim/scenario.h"

namespace homing::sim {

class ScenarioFields {
 public:
  explicit ScenarioFields(std::vector<Setting>& settings) : settings_(settings) {}

  Duration duration(const base::Section& section, const char* key, Duration fallback, const char* source,
                    base::DurationLimits limits = {});
  std::int64_t bytes(const base::Section& section, const char* key, std::int64_t fallback, const char* source,
                     std::int64_t least = 1);
  int integer(const base::Section& section, const char* key, int fallback, const char* source, int least, int most);
  double number(const base::Section& section, const char* key, double fallback, const char* source, double least,
                double most);
  bool boolean(const base::Section& section, const char* key, bool fallback, const char* source);
  // `fallback` is written as in a scenario and must parse.
  Distribution distribution(const base::Section& section, const char* key, Unit unit, const char* fallback,
                            const char* source);

  void note(const base::Value& value, const std::string& text, const char* source);
  void note(std::string key, std::string text, std::string source);

 private:
  std::vector<Setting>& settings_;
};

}  // namespace homing::sim
