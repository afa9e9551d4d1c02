// SPDX-License-Identifier: Apache-2.0
#include "sim/measures.h"

#include <algorithm>

#include "router/core/check.h"

namespace homing::sim {
namespace {

constexpr double kNsPerMinute = 60e9;

}  // namespace

// ---- sessions lost

bool is_loss(core::EndReason reason) {
  return reason != core::EndReason::kOwner && reason != core::EndReason::kIdle && reason != core::EndReason::kDrained;
}

int sessions_lost(std::span<const ProcessEnding> endings, std::int64_t from_ns, std::int64_t to_ns) {
  return static_cast<int>(std::count_if(endings.begin(), endings.end(), [&](const ProcessEnding& ending) {
    return is_loss(ending.reason) && ending.at_ns >= from_ns && ending.at_ns < to_ns;
  }));
}

// ---- user-minutes lost

VisitFeeling::VisitFeeling(std::uint32_t user, std::uint32_t visit, std::int64_t patience_ns)
    : user_(user), visit_(visit), patience_ns_(patience_ns) {
  CHECK(patience_ns >= 0);
}

void VisitFeeling::close(std::int64_t now_ns, bool cut, std::vector<DownInterval>& out) {
  CHECK(now_ns >= since_ns_);
  if (feeling_ == Feeling::kWorking || feeling_ == Feeling::kSlow) return;
  std::int64_t from = since_ns_;
  if (feeling_ == Feeling::kWaiting) {
    if (now_ns - since_ns_ <= patience_ns_) return;
    from += patience_ns_;
  }
  if (from < now_ns) out.push_back({user_, visit_, from, now_ns, feeling_, cut});
}

void VisitFeeling::feel(std::int64_t now_ns, Feeling feeling, std::vector<DownInterval>& out) {
  if (feeling == feeling_) return;
  close(now_ns, false, out);
  feeling_ = feeling;
  since_ns_ = now_ns;
}

void VisitFeeling::end(std::int64_t now_ns, bool cut_by_horizon, std::vector<DownInterval>& out) {
  close(now_ns, cut_by_horizon, out);
  feeling_ = Feeling::kWorking;
  since_ns_ = now_ns;
}

double user_minutes_lost(std::span<const DownInterval> intervals, std::int64_t from_ns, std::int64_t to_ns,
                         std::optional<Feeling> cause) {
  std::int64_t total = 0;
  for (const DownInterval& interval : intervals) {
    if (cause && interval.cause != *cause) continue;
    const std::int64_t from = std::max(interval.from_ns, from_ns);
    const std::int64_t to = std::min(interval.to_ns, to_ns);
    if (from < to) total += to - from;
  }
  return static_cast<double>(total) / kNsPerMinute;
}

// ---- quantiles

std::optional<std::int64_t> nearest_rank(std::vector<std::int64_t>& values, int per_mille) {
  CHECK(per_mille > 0 && per_mille <= 1000);
  if (values.empty()) return std::nullopt;
  const std::size_t rank = (values.size() * static_cast<std::size_t>(per_mille) + 999) / 1000;  // from 1
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace homing::sim
