// SPDX-License-Identifier: Apache-2.0
#include "tests/swarm/coverage.h"

#include <fmt/format.h>

#include "router/core/decision.h"
#include "router/core/strategy.h"
#include "sim/faults.h"
#include "tests/swarm/swarm_case.h"

namespace homing::sim::swarm {
namespace {

// What cannot be met in the simulator, and why.
struct Excuse {
  std::string_view group;
  std::string_view what;
  std::string_view because;
};
constexpr std::array<Excuse, 0> kExcuses{};

const Excuse* excuse_of(std::string_view group, std::string_view what) {
  for (const Excuse& excuse : kExcuses) {
    if (excuse.group == group && excuse.what == what) return &excuse;
  }
  return nullptr;
}

}  // namespace

void Coverage::hit(std::string_view group, std::string_view what, std::uint64_t times) {
  auto in = counts_.find(group);
  if (in == counts_.end()) in = counts_.emplace(group, std::map<std::string, std::uint64_t, std::less<>>{}).first;
  auto at = in->second.find(what);
  if (at == in->second.end()) at = in->second.emplace(what, 0).first;
  at->second += times;
}

void Coverage::add(const Coverage& other) {
  for (const auto& [group, counters] : other.counts_) {
    for (const auto& [what, count] : counters) hit(group, what, count);
  }
}

void Coverage::expect_all() {
  // The arrows of core::SessionState, those of a next epoch included.
  for (const char* arrow :
       {"none -> placed", "placed -> starting", "starting -> ready", "ready -> ended", "ready -> lost",
        "placed -> refused", "placed -> lost", "placed -> ended", "starting -> refused", "starting -> lost",
        "starting -> ended", "lost -> placed", "refused -> placed", "placed -> placed", "starting -> placed",
        "ready -> placed", "lost -> ended", "refused -> ended", "ready -> suspended", "suspended -> placed",
        "suspended -> ended",
        // What holders say after a failover.
        "none -> starting", "none -> ready", "none -> suspended", "placed -> ready", "placed -> suspended",
        "starting -> suspended"}) {
    hit("row", arrow, 0);
  }
  for (int i = 1; i <= static_cast<int>(core::Refusal::kTimelineChange); ++i) {
    hit("refusal", core::to_string(static_cast<core::Refusal>(i)), 0);
  }
  for (int i = 0; i < core::kNodeRefusals; ++i) {
    hit("node-refusal", core::to_string(static_cast<core::NodeRefusal>(i)), 0);
  }
  for (int i = 1; i <= static_cast<int>(core::EndReason::kFenced); ++i) {
    hit("end-reason", core::to_string(static_cast<core::EndReason>(i)), 0);
  }
  for (const FaultInfo& info : fault_kinds()) hit("fault", info.name, 0);
  for (int i = 0; i < kHurtKinds; ++i) hit("hurt", to_string(static_cast<HurtKind>(i)), 0);
  for (const auto name : core::strategy_names()) hit("strategy", std::string_view(name.data(), name.size()), 0);
}

std::string Coverage::table(std::uint64_t least) const {
  std::string text;
  for (const auto& [group, counters] : counts_) {
    for (const auto& [what, count] : counters) {
      const Excuse* excuse = count < least ? excuse_of(group, what) : nullptr;
      text += fmt::format("{:<14} {:<24} {:>12}{}\n", group, what, count,
                          count >= least      ? ""
                          : excuse != nullptr ? fmt::format("  (excused: {})", excuse->because)
                                              : "  <- too few");
    }
  }
  return text;
}

std::string Coverage::missing(std::uint64_t least) const {
  std::string text;
  for (const auto& [group, counters] : counts_) {
    for (const auto& [what, count] : counters) {
      if (count < least && excuse_of(group, what) == nullptr) text += fmt::format("{}: {} ({})\n", group, what, count);
    }
  }
  return text;
}

std::uint64_t Coverage::count(std::string_view group, std::string_view what) const {
  const auto in = counts_.find(group);
  if (in == counts_.end()) return 0;
  const auto at = in->second.find(what);
  return at == in->second.end() ? 0 : at->second;
}

}  // namespace homing::sim::swarm
