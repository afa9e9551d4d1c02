// SPDX-License-Identifier: Apache-2.0
//
// The one virtual interface: a rule that ranks eligible nodes in a placement.
//
// A strategy object serves one label class (all kinds that demand the same labels). The core tells it about every
// change of an eligible node; it keeps its own index and answers `pick` from it. Eligibility (membership, drain,
// limits, labels) is decided before, the same for every strategy.
//
// To add a strategy: one file in strategies/, named as the strategy with '-' written '_', that defines
//     std::unique_ptr<Strategy> make_<file name>(const StrategyParams&);
//     std::span<const StrategyParam> params_<file name>();    // what it can be told; {} when nothing
// Nothing else: the build lists the folder and generates the registry.
//
// Invariants: the answer depends on the set of eligible nodes and their views, the query, and saved state; never on the
// order in which the index was built (one parametric test holds every strategy to it). Randomness comes only from the
// query's keyed draws.
// Thread class: single-owner.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "router/core/archive.h"
#include "router/core/decision.h"
#include "router/core/ids.h"
#include "router/core/instant.h"
#include "router/core/strategy_params.h"

namespace homing::core {

// The fields a strategy may read of a node, with their age: `sessions` is current up to this core's view of the store
// (claims and ends newer than the report are counted); loads and memory are as old as the last report (report_every +
// the way through the store).
struct NodeFigures {
  std::uint32_t sessions = 0;
  std::uint32_t weight = 100;
  std::uint32_t load1_milli = 0;
  std::uint32_t load5_milli = 0;
  std::uint32_t load15_milli = 0;
  std::uint32_t cores_milli = 1000;
  std::uint64_t memory_total = 0;
  std::uint64_t memory_available = 0;  // less what claims since the report are expected to take
  friend bool operator==(const NodeFigures&, const NodeFigures&) = default;
};

struct PlacementQuery {
  std::uint64_t seed = 0;
  SessionId session;
  UserId user{};
  KindId kind{};
  Epoch epoch{};
};

// Best first. `candidates[0]` is the choice. Scores: lower is better.
struct Picked {
  std::uint8_t count = 0;
  std::array<Candidate, kMaxCandidates> candidates{};
  std::uint8_t ranked = 0;  // so many of the first were compared by score and ascend; 0: random, round-robin, hash
};

class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual std::unique_ptr<Strategy> clone() const = 0;

  // `node` is eligible with these figures (now, or newly so).
  virtual void update(NodeId node, const NodeFigures& figures) = 0;
  // `node` is no longer eligible.
  virtual void remove(NodeId node) = 0;
  virtual std::uint32_t eligible() const = 0;

  // Ranks up to kMaxCandidates nodes; `excluded` (sorted, few) are skipped. count == 0: none.
  virtual Picked pick(const PlacementQuery& query, std::span<const NodeId> excluded) = 0;

  // State that cannot be rebuilt from update() calls (a cursor). Default: none.
  virtual void save(Writer&) const {}
  virtual void load(Reader&) {}
};

// Registered names, sorted.
std::vector<std::string_view> strategy_names();
// What the strategy of that name can be told, in the order in which it declares it; empty for an unknown name.
std::span<const StrategyParam> strategy_params(std::string_view name);
// Returns nullptr for an unknown name. REQUIRES: every value set is declared and within its range (validate(Config)).
std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyParams& params);

}  // namespace homing::core
