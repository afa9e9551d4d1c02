// SPDX-License-Identifier: Apache-2.0
//
// Faults: what may go wrong in a scenario, as one table.
//
// A kind of fault is one row here (its name, what it hits, its own keys with unit, default and source), one function of
// the world that does it (World::fault_acts, world_faults.cc), and nothing else: the reader, `check --print`, the plan,
// its hash and the record of a run follow from the row.
//
// A fault begins in one of three ways. Scripted: `at`, with `stagger` from one target to the next. Drawn: `every` is
// the time from one repair to the next failure, drawn for each target alone; the process began long before the
// scenario, so that the first failure is no special one. Replayed: the rows of a failure trace (failure_trace.h).
// Victims are named, `any` (drawn in the plan), `all`, or `busiest`: that one is known only when it happens, so the
// runs of two strategies are no pair any more and the result says so.
//
// Every number of a fault is an integer in the plan (ns, bytes, millionths, the place of a word), drawn from keyed
// draws before any core exists. Thread class: values and pure functions.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/distributions.h"
#include "router/core/instant.h"

namespace homing::sim {

struct Scenario;

enum class FaultKind : int {
  kCrash,
  kDrain,
  kShortReboot,
  kRack,
  kSlowNode,
  kGray,
  kMemoryLeak,
  kReloginStorm,
  kRouterCrash,
  kFlapping,
  kPartition,
  kOneWayPartition,
  kSlowLink,
  kHeartbeatLoss,
  kSlowStore,
  kStoreOutage,
  kStoreReadOnly,
  kStoreFailover,
  kClockStep,
  kClockDrift,
  kRollingUpgrade,
  kScaleOut,
  kScaleIn,
};

// What `target` means for a kind.
enum class FaultHits {
  kEachNode,  // every target has a fault of its own
  kNodeSet,   // one fault takes all targets together
  kCluster,   // no target: the store, everybody
};

enum class FaultLasts {
  kToHorizon,  // may be left out: to the horizon
  kDefault,    // may be left out: FaultInfo::lasts
  kNever,      // has no length of its own; the key is refused
};

// Types of a fault's own keys, and what the integer in the plan then is.
enum class FaultValue {
  kDuration,  // ns; a distribution is welcome
  kSigned,    // ns, may be negative
  kBytes,     // a distribution is welcome
  kNumber,    // millionths
  kCount,
  kWord,  // place among FaultKey::words
};

struct FaultKey {
  const char* name;
  FaultValue type;
  const char* fallback;  // as a scenario would write it (a bare number or word without quotes)
  const char* source;    // of the default
  double least = 0.0;    // kNumber and kCount only
  double most = 0.0;
  std::vector<const char*> words = {};  // kWord only
};

struct FaultInfo {
  FaultKind kind;
  const char* name;
  const char* what;  // one line for people
  FaultHits hits;
  FaultLasts lasts;
  const char* lasts_default;  // FaultLasts::kDefault only
  const char* lasts_source;
  std::vector<FaultKey> keys;
};

// Every kind there is, in the order of FaultKind.
std::span<const FaultInfo> fault_kinds();
const FaultInfo& fault_info(FaultKind kind);

// One key's value as the scenario has it: drawn from `distribution` for every fault (a constant mostly).
struct FaultSetting {
  core::Distribution distribution;
  std::int64_t fixed = 0;  // kSigned, kNumber, kCount, kWord
};

struct FaultSpec {
  enum class Victims { kNamed, kAny, kBusiest };
  // A row of a failure trace, already in the scenario's terms.
  struct TraceRow {
    int target = 0;  // place in `targets`
    core::Duration start{};
    core::Duration lasts{};
  };

  FaultKind kind = FaultKind::kCrash;
  std::string label;                        // "crash of n3, n7"
  core::Duration at{};                      // scripted: since start
  core::Duration stagger{};                 // the i-th target begins at at + i * stagger
  std::optional<core::Distribution> every;  // drawn: ns from repair to failure
  std::vector<TraceRow> trace;              // replayed
  bool replayed = false;                    // the trace may hold nothing for these targets
  Victims victims = Victims::kNamed;
  int count = 1;                            // of victims that are not named
  std::vector<int> targets;                 // indices into Scenario::nodes; of kAny the ones to choose from
  std::optional<core::Distribution> lasts;  // ns; nothing: to the horizon
  std::vector<FaultSetting> settings;       // by FaultInfo::keys
};

inline constexpr std::uint32_t kNoFaultNode = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::int64_t kNoPlannedEnd = std::numeric_limits<std::int64_t>::max();

// One thing that goes wrong once.
struct PlannedFault {
  FaultKind kind = FaultKind::kCrash;
  // The node, or the first of them. kNoFaultNode: none (FaultHits::kCluster), or known only when it begins (`busiest`).
  std::uint32_t node = kNoFaultNode;
  std::int64_t start_ns = 0;
  std::int64_t end_ns = kNoPlannedEnd;
  std::vector<std::uint32_t> nodes;  // all of them; empty where node is kNoFaultNode
  bool busiest = false;              // the node with most sessions when it begins
  std::vector<std::int64_t> values;  // by FaultInfo::keys
  std::uint32_t spec = 0;            // index into Scenario::faults
  std::string label;

  // The value of one of the kind's keys. REQUIRES: there is such a key.
  std::int64_t value(std::string_view key) const;
};

// Everything that goes wrong before the horizon, in order of start.
std::vector<PlannedFault> draw_faults(const Scenario& scenario, std::uint64_t seed);

// Faults whose victims depend on what a strategy did: runs of two strategies cannot be paired.
bool victims_depend_on_state(const Scenario& scenario);

}  // namespace homing::sim
