// SPDX-License-Identifier: Apache-2.0
#include "sim/faults.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <tuple>
#include <utility>

#include "router/core/check.h"
#include "router/core/draws.h"
#include "sim/scenario.h"

namespace homing::sim {
namespace {

using core::Draws;
using core::DrawSequence;
using core::purpose;

// A drawn process of failures begins this many mean times between failures before the scenario's start.
constexpr double kLookBackMeans = 20.0;

const std::vector<FaultInfo>& table() {
  static const std::vector<FaultInfo> kinds = {
      {FaultKind::kCrash,
       "crash",
       "the machine stops: router, launcher and sessions at once",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {}},
      {FaultKind::kDrain,
       "drain",
       "nothing new goes there; what still runs at the end is stopped",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {}},
      {FaultKind::kShortReboot,
       "short-reboot",
       "a machine is back before the others declare it dead",
       FaultHits::kEachNode,
       FaultLasts::kDefault,
       "6 s",
       "assumed: a virtual machine's reset",
       {}},
      {FaultKind::kRack,
       "rack",
       "machines that share power or a switch stop together and come back together",
       FaultHits::kNodeSet,
       FaultLasts::kToHorizon,
       "",
       "",
       {}},
      {FaultKind::kSlowNode,
       "slow-node",
       "the processors run at a part of their speed; nothing that probes notices",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"speed", FaultValue::kNumber, "0.2", "assumed: five times slower, of the two to ten that are reported", 0.001,
         1.0}}},
      {FaultKind::kGray,
       "gray",
       "probes pass, what runs goes on, and every start hangs",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {}},
      {FaultKind::kMemoryLeak,
       "memory-leak",
       "something on the machine that is no session takes ever more memory; at the end it is restarted",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"per-hour", FaultValue::kBytes, "8 GiB", "assumed"}}},
      {FaultKind::kReloginStorm,
       "relogin-storm",
       "a crash whose users all come back at once and try again when refused",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"within", FaultValue::kDuration, "10 s", "the re-login storm of the failure scenarios"},
        {"retry",
         FaultValue::kWord,
         "back-off",
         "assumed: 1 s, doubled with each refusal up to a minute, half of it random; \"none\": every second",
         0.0,
         0.0,
         {"back-off", "none"}}}},
      {FaultKind::kRouterCrash,
       "router-crash",
       "the router dies alone; launcher and sessions live",
       FaultHits::kEachNode,
       FaultLasts::kDefault,
       "5 s",
       "assumed: systemd starts it again",
       {}},
      {FaultKind::kFlapping,
       "flapping",
       "down and up again and again",
       FaultHits::kEachNode,
       FaultLasts::kDefault,
       "10 min",
       "assumed: until somebody pulls the plug",
       {{"down", FaultValue::kDuration, "uniform(5 s, 30 s)", "assumed: around the time that declares a node dead"},
        {"up", FaultValue::kDuration, "uniform(5 s, 60 s)", "assumed"},
        {"what", FaultValue::kWord, "network", "a bad port or cable", 0, 0, {"network", "router", "machine"}}}},
      {FaultKind::kPartition,
       "partition",
       "the targets and the other machines do not reach each other",
       FaultHits::kNodeSet,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"store",
         FaultValue::kWord,
         "others",
         "the store is on the larger side",
         0,
         0,
         {"both", "others", "targets", "nobody"}},
        {"users",
         FaultValue::kWord,
         "both",
         "users come from outside",
         0,
         0,
         {"both", "others", "targets", "nobody"}}}},
      {FaultKind::kOneWayPartition,
       "one-way-partition",
       "what the targets send to other machines and the store is lost, or what they are sent",
       FaultHits::kNodeSet,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"loses", FaultValue::kWord, "sent", "a broken transmitter", 0, 0, {"sent", "received"}}}},
      {FaultKind::kSlowLink,
       "slow-link",
       "messages to and from the machine take longer",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"delay", FaultValue::kDuration, "100 ms", "assumed, each way"},
        {"to", FaultValue::kWord, "all", "its own port", 0, 0, {"all", "peers", "store", "users"}}}},
      {FaultKind::kHeartbeatLoss,
       "heartbeat-loss",
       "calls of the machine to the store get lost",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"loss", FaultValue::kNumber, "0.5", "assumed: every second call", 0.0, 1.0}}},
      {FaultKind::kSlowStore,
       "slow-store",
       "every call to the store takes longer",
       FaultHits::kCluster,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"delay", FaultValue::kDuration, "500 ms", "assumed: a checkpoint on a slow disk"}}},
      {FaultKind::kStoreOutage,
       "store-outage",
       "the store does not answer",
       FaultHits::kCluster,
       FaultLasts::kDefault,
       "5 min",
       "assumed",
       {}},
      {FaultKind::kStoreReadOnly,
       "store-read-only",
       "the store answers reads and refuses writes",
       FaultHits::kCluster,
       FaultLasts::kDefault,
       "5 min",
       "assumed: a full disk",
       {}},
      {FaultKind::kStoreFailover,
       "store-failover",
       "the store is away, then a copy takes over that lacks the last commits",
       FaultHits::kCluster,
       FaultLasts::kDefault,
       "20 s",
       "assumed: detection and promotion",
       {{"lost-tail", FaultValue::kDuration, "1 s", "assumed: asynchronous replication"}}},
      {FaultKind::kClockStep,
       "clock-step",
       "a wall clock is set; nothing may depend on it",
       FaultHits::kEachNode,
       FaultLasts::kNever,
       "",
       "",
       {{"by", FaultValue::kSigned, "1 h", "somebody's mistake with a time zone"},
        {"clock", FaultValue::kWord, "machine", "of the target", 0, 0, {"machine", "store"}}}},
      {FaultKind::kClockDrift,
       "clock-drift",
       "a router's monotonic clock runs fast (or slow)",
       FaultHits::kEachNode,
       FaultLasts::kToHorizon,
       "",
       "",
       {{"ppm", FaultValue::kNumber, "500", "the most that NTP slews", -100'000.0, 100'000.0}}},
      {FaultKind::kRollingUpgrade,
       "rolling-upgrade",
       "node after node is drained, stopped, maintained and made ready again",
       FaultHits::kNodeSet,
       FaultLasts::kNever,
       "",
       "",
       {{"deadline", FaultValue::kDuration, "30 min", "assumed: what still runs then is stopped"},
        {"maintenance", FaultValue::kDuration, "5 min", "assumed: a package upgrade and a restart"},
        {"pause", FaultValue::kDuration, "1 min", "assumed: a look before the next node"}}},
      {FaultKind::kScaleOut,
       "scale-out",
       "the targets are no part of the cluster until then",
       FaultHits::kEachNode,
       FaultLasts::kNever,
       "",
       "",
       {}},
      {FaultKind::kScaleIn,
       "scale-in",
       "the targets are drained and leave for good",
       FaultHits::kEachNode,
       FaultLasts::kNever,
       "",
       "",
       {{"deadline", FaultValue::kDuration, "30 min", "assumed: what still runs then is stopped"}}},
  };
  return kinds;
}

std::int64_t draw_value(const FaultKey& key, const FaultSetting& setting, DrawSequence draws) {
  const bool drawn = key.type == FaultValue::kDuration || key.type == FaultValue::kBytes;
  return drawn ? core::sample_whole(setting.distribution, draws) : setting.fixed;
}

class FaultMaker {
 public:
  FaultMaker(const Scenario& scenario, std::uint64_t seed) : scenario_(scenario), seed_(seed) {}

  std::vector<PlannedFault> make() {
    for (std::size_t f = 0; f < scenario_.faults.size(); ++f) {
      const FaultSpec& spec = scenario_.faults[f];
      if (spec.replayed) {
        replay(f, spec);
      } else if (spec.every) {
        draw(f, spec);
      } else {
        follow_script(f, spec);
      }
    }
    std::sort(faults_.begin(), faults_.end(), [](const PlannedFault& a, const PlannedFault& b) {
      return std::tie(a.start_ns, a.node, a.kind, a.spec, a.end_ns) <
             std::tie(b.start_ns, b.node, b.kind, b.spec, b.end_ns);
    });
    return std::move(faults_);
  }

 private:
  // `group`: which of the spec's targets; `again`: how often it has happened to it before.
  void follow_script(std::size_t f, const FaultSpec& spec) {
    const auto groups = victims(f, spec);
    for (std::uint32_t group = 0; group < groups.size(); ++group) {
      const std::int64_t start = spec.at.count() + static_cast<std::int64_t>(group) * spec.stagger.count();
      add(f, spec, group, 0, groups[group], start, length(f, spec, group, 0));
    }
  }

  void draw(std::size_t f, const FaultSpec& spec) {
    const auto groups = victims(f, spec);
    const Draws gaps(seed_, purpose("fault-gap"));
    for (std::uint32_t group = 0; group < groups.size(); ++group) {
      auto at = static_cast<std::int64_t>(-kLookBackMeans * core::mean_of(*spec.every));
      for (std::uint32_t again = 0; at < scenario_.horizon.count(); ++again) {
        DrawSequence gap = gaps.at({.high = 0, .low = f, .visit = group, .attempt = again});
        at += std::max<std::int64_t>(1, core::sample_whole(*spec.every, gap));
        const std::optional<std::int64_t> lasts = length(f, spec, group, again);
        add(f, spec, group, again, groups[group], at, lasts);
        if (!lasts && fault_info(spec.kind).lasts != FaultLasts::kNever) break;
        at += lasts.value_or(0);
      }
    }
  }

  void replay(std::size_t f, const FaultSpec& spec) {
    const auto groups = victims(f, spec);
    std::vector<std::uint32_t> before(groups.size(), 0);
    for (const FaultSpec::TraceRow& row : spec.trace) {
      const auto group = static_cast<std::uint32_t>(row.target);
      if (group >= groups.size()) continue;
      add(f, spec, group, before[group]++, groups[group], row.start.count(), row.lasts.count());
    }
  }

  // The nodes of each single fault. An empty set: nobody is named.
  std::vector<std::vector<std::uint32_t>> victims(std::size_t f, const FaultSpec& spec) const {
    const FaultHits hits = fault_info(spec.kind).hits;
    if (hits == FaultHits::kCluster) return {{}};
    if (spec.victims == FaultSpec::Victims::kBusiest) {
      return std::vector<std::vector<std::uint32_t>>(static_cast<std::size_t>(spec.count));
    }
    std::vector<std::uint32_t> nodes(spec.targets.begin(), spec.targets.end());
    if (spec.victims == FaultSpec::Victims::kAny) choose(f, spec.count, nodes);
    if (hits == FaultHits::kNodeSet) return {nodes};
    std::vector<std::vector<std::uint32_t>> each;
    for (const std::uint32_t node : nodes) each.push_back({node});
    return each;
  }

  // The first steps of a shuffle.
  void choose(std::size_t f, int count, std::vector<std::uint32_t>& nodes) const {
    const auto wanted = std::min(static_cast<std::size_t>(count), nodes.size());
    for (std::size_t i = 0; i < wanted; ++i) {
      const std::uint64_t which =
          Draws(seed_, purpose("fault-victim"))
              .below({.high = 0, .low = f, .visit = static_cast<std::uint32_t>(i), .attempt = 0}, nodes.size() - i);
      std::swap(nodes[i], nodes[i + which]);
    }
    nodes.resize(wanted);
  }

  std::optional<std::int64_t> length(std::size_t f, const FaultSpec& spec, std::uint32_t group,
                                     std::uint32_t again) const {
    if (!spec.lasts) return std::nullopt;
    DrawSequence draws = Draws(seed_, purpose("fault")).at({.high = 0, .low = f, .visit = group, .attempt = again});
    return std::max<std::int64_t>(1, core::sample_whole(*spec.lasts, draws));
  }

  void add(std::size_t f, const FaultSpec& spec, std::uint32_t group, std::uint32_t again,
           const std::vector<std::uint32_t>& nodes, std::int64_t start, std::optional<std::int64_t> lasts) {
    PlannedFault fault;
    fault.start_ns = start;
    if (lasts) fault.end_ns = start + *lasts;
    // What has begun before the scenario did and is not over goes on in it; the warm-up is free of faults.
    if (fault.start_ns >= scenario_.horizon.count() || (start < 0 && fault.end_ns <= 0)) return;
    fault.start_ns = std::max<std::int64_t>(0, start);
    fault.kind = spec.kind;
    fault.spec = static_cast<std::uint32_t>(f);
    fault.nodes = nodes;
    if (!nodes.empty()) fault.node = nodes.front();
    fault.busiest = spec.victims == FaultSpec::Victims::kBusiest;
    const FaultInfo& info = fault_info(spec.kind);
    for (std::size_t k = 0; k < info.keys.size(); ++k) {
      const DrawSequence draws =
          Draws(seed_, purpose("fault-key")).at({.high = k + 1, .low = f, .visit = group, .attempt = again});
      fault.values.push_back(draw_value(info.keys[k], spec.settings[k], draws));
    }
    fault.label = label(info, fault);
    faults_.push_back(std::move(fault));
  }

  std::string label(const FaultInfo& info, const PlannedFault& fault) const {
    if (fault.busiest) return std::string("busiest node ") + info.name;
    std::string names;
    for (const std::uint32_t node : fault.nodes) names += scenario_.nodes[node].name + " ";
    return names + info.name;
  }

  const Scenario& scenario_;
  std::uint64_t seed_;
  std::vector<PlannedFault> faults_;
};

}  // namespace

std::span<const FaultInfo> fault_kinds() {
  return table();
}

const FaultInfo& fault_info(FaultKind kind) {
  const FaultInfo& info = table()[static_cast<std::size_t>(kind)];
  CHECK(info.kind == kind);
  return info;
}

std::int64_t PlannedFault::value(std::string_view key) const {
  const std::vector<FaultKey>& keys = fault_info(kind).keys;
  for (std::size_t k = 0; k < keys.size(); ++k) {
    if (key == keys[k].name) return values[k];
  }
  CHECK(false);
  return 0;
}

std::vector<PlannedFault> draw_faults(const Scenario& scenario, std::uint64_t seed) {
  return FaultMaker(scenario, seed).make();
}

bool victims_depend_on_state(const Scenario& scenario) {
  return std::any_of(scenario.faults.begin(), scenario.faults.end(),
                     [](const FaultSpec& fault) { return fault.victims == FaultSpec::Victims::kBusiest; });
}

}  // namespace homing::sim
