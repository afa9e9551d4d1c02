// SPDX-License-Identifier: Apache-2.0
//
// router/dist/homing.example.toml with the keys that it has in comments switched on.
#pragma once

#include <regex>
#include <sstream>
#include <string>

#include "tests/base/temp_dir.h"

namespace homing::base {

struct WholeExample {
  std::string text;
  int switched_on = 0;
};

inline WholeExample whole_example() {
  static const std::regex kSwitchedOff(R"(# (\[[a-z-]+\]|[a-z-]+ = .*|  \{ cert = .*|\]))");
  std::istringstream example(slurp("router/dist/homing.example.toml"));
  WholeExample whole;
  for (std::string line; std::getline(example, line);) {
    std::smatch match;
    // Strategy `sessions` takes no parameters.
    if (!line.starts_with("# params") && std::regex_match(line, match, kSwitchedOff)) {
      line = match[1];
      ++whole.switched_on;
    }
    whole.text += line + "\n";
  }
  return whole;
}

}  // namespace homing::base
