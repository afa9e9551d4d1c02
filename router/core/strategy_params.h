// SPDX-License-Identifier: Apache-2.0
//
// Parameters of strategies: what a strategy declares beside its factory, and the values that a configuration sets.
//
// A value is one exact 64-bit integer whose unit the declaration names: a count, millionths, nanoseconds or bytes. So
// a configuration means the same bits on every machine, whatever text it came from; text is read and written in
// router/base/strategy_text.
//
// Invariant: StrategyParams holds only what was set, sorted by name; everything else has its declared default.
// Thread class: plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace homing::core {

enum class ParamUnit : std::uint8_t { kCount = 0, kFraction, kDuration, kBytes };

// What 1.0 is in a kFraction.
inline constexpr std::int64_t kWhole = 1'000'000;

struct StrategyParam {
  std::string_view name;  // as in configuration text
  ParamUnit unit = ParamUnit::kCount;
  std::int64_t standard = 0;  // the default
  std::int64_t least = 0;
  std::int64_t most = 0;
  std::string_view meaning;  // one line
  std::string_view source;   // where the default comes from
};

class StrategyParams {
 public:
  struct Set {
    std::string name;
    std::int64_t value = 0;
    friend bool operator==(const Set&, const Set&) = default;
    template <class A>
    void archive(A& a) {
      a(name, value);
    }
  };

  void set(std::string_view name, std::int64_t value) {
    const auto at = std::lower_bound(set_.begin(), set_.end(), name,
                                     [](const Set& one, std::string_view wanted) { return one.name < wanted; });
    if (at != set_.end() && at->name == name) {
      at->value = value;
    } else {
      set_.insert(at, {std::string(name), value});
    }
  }
  // The value in force.
  std::int64_t operator[](const StrategyParam& param) const {
    const auto at = std::find_if(set_.begin(), set_.end(), [&](const Set& one) { return one.name == param.name; });
    return at == set_.end() ? param.standard : at->value;
  }
  const std::vector<Set>& all_set() const { return set_; }

  friend bool operator==(const StrategyParams&, const StrategyParams&) = default;
  template <class A>
  void archive(A& a) {
    a(set_);
  }

 private:
  std::vector<Set> set_;
};

}  // namespace homing::core
