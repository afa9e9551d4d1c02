// SPDX-License-Identifier: Apache-2.0
//
// The full table of one placement: every node, why it was not eligible or what it scored. It is made again by replay
// (homing-sim why, homingctl session why) and never stored: a DecisionRecord is O(1), this is O(nodes).
// Thread class: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "router/core/decision.h"
#include "router/core/ids.h"
#include "router/core/instant.h"
#include "router/core/strategy.h"

namespace homing::core {

// One node in one placement, as the deciding core saw it.
struct NodeWeighed {
  NodeId node = kNoNode;
  std::optional<NodeRefusal> refusal;  // why it was passed over; nothing: it could be chosen
  std::uint32_t rank = 0;              // 1: the strategy's first; 0: not eligible
  std::uint64_t score = 0;             // lower is better; meaningful when the strategy ranks
  NodeFigures figures;                 // what the strategy may read
  Duration report_age{};               // since the figures that a report brings were received
};

struct DecisionTable {
  Instant at{};
  DecisionRecord record;
  std::uint32_t ranked = 0;        // scores of so many of the first were compared; 0: random, round-robin, hash
  bool wanted = false;             // an operator's word (PlaceWanted) chose, not the strategy
  std::uint32_t eligible = 0;      // nodes with a rank
  std::vector<NodeWeighed> nodes;  // every node that was ever seen, by rank, then the others by id
};

}  // namespace homing::core
