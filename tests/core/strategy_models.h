// SPDX-License-Identifier: Apache-2.0
//
// Every strategy's rule once more, the slow way: all nodes in a map, sorted or walked anew at every pick, no index, no
// pruning. And what each rule promises about chances, so that one suite (strategy_model_test.cc) can hold every
// registered strategy to its rule. A new strategy needs a row in models() or the suite says so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "router/core/strategy.h"

namespace homing::core::testing {

using Figures = std::map<std::uint32_t, NodeFigures>;

// A registered strategy with parameters.
struct Variant {
  std::string name;
  std::vector<std::pair<std::string, std::int64_t>> params;

  StrategyParams values() const;
  std::unique_ptr<Strategy> make() const { return make_strategy(name, values()); }
  std::string label() const;  // letters and digits only
  friend std::ostream& operator<<(std::ostream& out, const Variant& v) { return out << v.label(); }
};

// Every registered strategy with its defaults, then some with other parameters.
std::vector<Variant> every_variant();

// What a strategy must answer, from its rule alone. State (a cursor) lies in the model.
class Model {
 public:
  explicit Model(const Variant& variant);
  Picked pick(const Figures& nodes, const PlacementQuery& query, std::span<const NodeId> excluded);

  // The chance that a node is chosen, over sessions and users drawn at random. Empty: the rule is not known here.
  std::map<std::uint64_t, double> chances(const Figures& nodes) const;
  // True when the choice depends on the user and not on session, epoch or what came before.
  bool by_user() const;
  // By user, and nobody moves but those whose home changed.
  bool moves_least() const;

 private:
  Variant variant_;
  std::uint32_t cursor_ = 0;
};

}  // namespace homing::core::testing
