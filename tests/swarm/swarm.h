// SPDX-License-Identifier: Apache-2.0
//
// Runs one seed: the world of its case, its hurts, the checkers around it; and, for one seed in sixteen, the same world
// again, cut at random points and restored from its cores' snapshots and a copy, which must go on identically.
// Thread class: thread-compatible; seeds may run on several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/swarm/checkers.h"
#include "tests/swarm/coverage.h"
#include "tests/swarm/swarm_case.h"

namespace homing::sim::swarm {

struct Outcome {
  std::optional<Violation> violation;
  std::uint64_t events = 0;
  std::uint64_t fingerprint = 0;
};

// `log`: prints every write of the store.
Outcome run_case(const SwarmCase& swarm_case, Coverage& coverage, bool log = false);
// With the cut twin where the seed asks for it.
Outcome run_seed(std::uint64_t seed, Coverage& coverage);

// Takes faults, hurts and visits out as long as the same checker still speaks. `tries`: worlds to run at most.
Kept shrink(const SwarmCase& swarm_case, const std::string& checker, int tries = 60);
// "faults 0,2; hurts none; visits 3-17,20" and back.
std::string kept_text(const Kept& kept);
bool parse_kept(const std::string& faults, const std::string& hurts, const std::string& visits, Kept& kept);

}  // namespace homing::sim::swarm
