// SPDX-License-Identifier: Apache-2.0
//
// Faults of a machine's body that do not stop it (slow, gray, leaking), and the crash after which everybody comes back
// at once.
//
// The re-login storm: who was on the dead machine turns up within a few seconds instead of at their own pace. Whoever
// is refused then tries again, either with a pause that doubles up to a minute and is half random (as AWS advises:
// Brooker, Exponential backoff and jitter, 2015) or every second. Whether that keeps a cluster down is for the
// strategies and start slots to show (Huang et al., Metastable failures in the wild, OSDI 2022).
#include <algorithm>

#include "router/core/draws.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr double kMillion = 1e6;
constexpr std::int64_t kRetryNs = 1'000'000'000;
constexpr std::int64_t kLongestRetryNs = 60 * kRetryNs;
constexpr core::Purpose kStorm = core::purpose("relogin-storm");

}  // namespace

void World::end_later(std::uint32_t index) {
  const std::int64_t end_ns = faults_[index].end_ns;
  if (end_ns != kNoPlannedEnd) at(std::max(now_, from_scenario(end_ns)), What::kFaultEnd, index);
}

void World::slow_begins(std::uint32_t index) {
  slow_down(faults_[index].node, static_cast<double>(faults_[index].value("speed")) / kMillion);
  end_later(index);
}
void World::slow_ends(std::uint32_t index) {
  slow_down(faults_[index].node, 1.0);
}

void World::gray_begins(std::uint32_t index) {
  make_gray(faults_[index].node, true);
  end_later(index);
}
void World::gray_ends(std::uint32_t index) {
  make_gray(faults_[index].node, false);
}

void World::leak_begins(std::uint32_t index) {
  if (machines_[faults_[index].node].core) leak(faults_[index].node, faults_[index].value("per-hour"));
  end_later(index);
}
void World::leak_ends(std::uint32_t index) {
  leak(faults_[index].node, 0);
}

void World::storm_begins(std::uint32_t index) {
  const PlannedFault& fault = faults_[index];
  for (const auto& [name, slot] : machines_[fault.node].processes) {
    const std::uint32_t v = processes_[slot].visit;
    if (v == kNone || stays_[v].session != name.first || stays_[v].phase != Stay::Phase::kPresent) continue;
    stays_[v].storm_within = core::Duration(std::max<std::int64_t>(1, fault.value("within")));
    stays_[v].storm_backs_off = fault.value("retry") == 0;
    stays_[v].storm_tries = 0;
  }
  crash_begins(index);
}

core::Duration World::storm_reaction(std::uint32_t v) const {
  const Stay& stay = stays_[v];
  core::DrawSequence draws = core::Draws(plan_->seed, kStorm)
                                 .at({.high = 0, .low = visit(v).user, .visit = visit(v).number, .attempt = stay.news});
  if (stay.storm_tries == 0) {
    return core::Duration(
        static_cast<std::int64_t>(draws.below(static_cast<std::uint64_t>(stay.storm_within.count()))));
  }
  if (!stay.storm_backs_off) return core::Duration(kRetryNs);
  const std::int64_t longest = std::min(kLongestRetryNs, kRetryNs << std::min<int>(stay.storm_tries - 1, 6));
  const auto half = static_cast<std::uint64_t>(longest / 2);
  return core::Duration(longest / 2 + static_cast<std::int64_t>(draws.below(half + 1)));
}

}  // namespace homing::sim
