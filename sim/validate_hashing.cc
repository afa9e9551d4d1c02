// SPDX-License-Identifier: Apache-2.0
//
// Rows of hashing: who moves when a machine leaves. The strategies themselves, asked for every user.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "router/core/strategy.h"
#include "sim/plan.h"
#include "sim/validate_world.h"

namespace homing::sim {
namespace {

constexpr std::uint32_t kUsers = 20'000;

std::uint32_t home_of(core::Strategy& strategy, std::uint64_t seed, std::uint32_t user) {
  core::PlacementQuery query;
  query.seed = seed;
  query.session = core::SessionId{seed, user};
  query.user = user_id(seed, user);
  const core::Picked picked = strategy.pick(query, {});
  return picked.candidates[0].node.value;
}

void add_modulus(std::vector<Row>& rows, std::uint32_t nodes, int quick) {
  Row row;
  row.name = fmt::format("mod-{}", nodes);
  row.section = "hashing";
  row.title = fmt::format("user-hash: users who move when one of {} nodes leaves", nodes);
  row.formula = "1 - 1/N when N becomes N-1";
  row.source = "simulation.md 2.4";
  row.quick = quick;
  row.mutates = false;
  row.predict = [nodes] { return std::vector<Quantity>{mean_quantity("moved", 1 - 1.0 / nodes)}; };
  row.replicate = [nodes](std::uint64_t seed, double) {
    const auto before = core::make_strategy("user-hash", {});
    for (std::uint32_t n = 0; n < nodes; ++n) before->update(core::NodeId(n), {});
    const auto after = before->clone();
    after->remove(core::NodeId(nodes - 1));
    double moved = 0.0;
    for (std::uint32_t user = 0; user < kUsers; ++user) {
      moved += home_of(*before, seed, user) != home_of(*after, seed, user) ? 1 : 0;
    }
    return std::vector<double>{moved / kUsers};
  };
  rows.push_back(std::move(row));
}

// Weighted highest random weight: shares follow the weights, and only the users of the node that leaves move.
void add_rendezvous(std::vector<Row>& rows, std::uint32_t nodes, int quick) {
  Row row;
  row.name = fmt::format("rendezvous-{}", nodes);
  row.section = "hashing";
  row.title = fmt::format("user-hash-rendezvous: {} nodes, the first of double weight", nodes);
  row.formula = "share of a node = w / sum w; a node that leaves moves its own users and nobody else's";
  row.source = "Thaler and Ravishankar 1998, weighted; simulation.md 2.4";
  row.quick = quick;
  row.mutates = false;
  row.predict = [nodes] {
    const double all = nodes + 1.0;
    return std::vector<Quantity>{mean_quantity("share of the double one", 2 / all),
                                 mean_quantity("share of the last", 1 / all, 1),
                                 {.name = "moved - users of the one that left", .check = Check::kIdentity, .first = 2}};
  };
  row.replicate = [nodes](std::uint64_t seed, double) {
    const auto before = core::make_strategy("user-hash-rendezvous", {});
    for (std::uint32_t n = 0; n < nodes; ++n) {
      core::NodeFigures figures;
      figures.weight = n == 0 ? 200 : 100;
      before->update(core::NodeId(n), figures);
    }
    const auto after = before->clone();
    after->remove(core::NodeId(nodes - 1));
    double on_double = 0.0, on_last = 0.0, moved = 0.0;
    for (std::uint32_t user = 0; user < kUsers; ++user) {
      const std::uint32_t home = home_of(*before, seed, user);
      on_double += home == 0 ? 1 : 0;
      on_last += home == nodes - 1 ? 1 : 0;
      moved += home != home_of(*after, seed, user) ? 1 : 0;
    }
    return std::vector<double>{on_double / kUsers, on_last / kUsers, moved - on_last};
  };
  rows.push_back(std::move(row));
}

}  // namespace

void add_hashing_rows(std::vector<Row>& rows) {
  add_modulus(rows, 4, 7);
  add_modulus(rows, 10, 0);
  add_modulus(rows, 50, 0);
  if (!is_strategy("user-hash-rendezvous")) return;
  add_rendezvous(rows, 4, 7);
  add_rendezvous(rows, 50, 0);
}

}  // namespace homing::sim
