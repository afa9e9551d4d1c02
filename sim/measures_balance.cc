// SPDX-License-Identifier: Apache-2.0
#include "sim/measures_balance.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "router/core/check.h"

namespace homing::sim {

std::int64_t best_split_squares(std::int64_t units, std::int64_t nodes) {
  CHECK(nodes > 0);
  const std::int64_t low = units / nodes;
  const std::int64_t with_one_more = units - low * nodes;
  return (nodes - with_one_more) * low * low + with_one_more * (low + 1) * (low + 1);
}

// ---- the largest

MaxTree::MaxTree(std::size_t n) : leaves_(std::bit_ceil(std::max<std::size_t>(n, 1))), tree_(2 * leaves_, kAbsent) {}

void MaxTree::set(std::size_t i, std::int64_t value) {
  std::size_t at = leaves_ + i;
  if (tree_[at] == value) return;
  tree_[at] = value;
  for (at /= 2; at >= 1; at /= 2) {
    const std::int64_t winner = std::max(tree_[2 * at], tree_[2 * at + 1]);
    if (tree_[at] == winner) return;
    tree_[at] = winner;
  }
}

// ---- one resource

BalanceGauge::BalanceGauge(std::size_t nodes, bool divisible, std::int64_t from_ns)
    : nodes_(nodes),
      largest_(nodes),
      divisible_(divisible),
      now_ns_(from_ns),
      ready_(static_cast<std::int64_t>(nodes)) {
  CHECK(nodes > 0);
  for (std::size_t i = 0; i < nodes; ++i) largest_.set(i, 0);
}

BalanceGauge::Sums BalanceGauge::sums(std::int64_t now_ns) const {
  Sums sums = sums_;
  add_span(now_ns, sums);
  return sums;
}

void BalanceGauge::add_span(std::int64_t now_ns, Sums& sums) const {
  CHECK(now_ns >= now_ns_);
  if (now_ns == now_ns_) return;
  const double span = static_cast<double>(now_ns - now_ns_);
  if (above_ > 0) sums.above += span;
  if (sum_ == 0) return;
  const double m = static_cast<double>(ready_);
  const double inverse = 1.0 / static_cast<double>(sum_);
  const double ratio = std::max(1.0, m * static_cast<double>(squares_) * inverse * inverse);
  double weight = static_cast<double>(sum_);
  double best = 1.0;
  if (!divisible_) {
    weight = static_cast<double>(units_);
    best = m * static_cast<double>(best_split_squares(units_, ready_)) / (weight * weight);
  }
  sums.felt += span * weight * ratio;
  sums.best += span * weight * best;
  sums.weight += span * weight;
  if (!counts_) return;
  sums.jain += span / ratio;
  sums.cov += span * std::sqrt(ratio - 1.0);
  sums.max_over_mean += span * m * static_cast<double>(largest_.max()) * inverse;
  sums.counted += span;
}

void BalanceGauge::advance(std::int64_t now_ns) {
  if (now_ns == now_ns_) return;
  add_span(now_ns, sums_);
  now_ns_ = now_ns;
}

void BalanceGauge::count(const Node& node, std::int64_t sign) {
  sum_ += sign * node.x;
  squares_ += sign * node.x * node.x;
  units_ += sign * node.units;
  above_ += sign * (node.above ? 1 : 0);
}

void BalanceGauge::set(std::int64_t now_ns, std::size_t node, std::int64_t x, std::int64_t units, bool above) {
  CHECK(x >= 0 && units >= 0);
  Node& place = nodes_[node];
  if (place.x == x && place.units == units && place.above == above) return;
  if (!place.ready) {
    place = {x, units, above, false};
    return;
  }
  advance(now_ns);
  count(place, -1);
  place = {x, units, above, true};
  count(place, 1);
  largest_.set(node, x);
}

void BalanceGauge::set_ready(std::int64_t now_ns, std::size_t node, bool ready) {
  Node& place = nodes_[node];
  if (place.ready == ready) return;
  advance(now_ns);
  place.ready = ready;
  ready_ += ready ? 1 : -1;
  count(place, ready ? 1 : -1);
  largest_.set(node, ready ? place.x : MaxTree::kAbsent);
}

void BalanceGauge::set_counts(std::int64_t now_ns, bool counts) {
  advance(now_ns);
  counts_ = counts;
}

void BalanceGauge::restart(std::int64_t now_ns) {
  advance(now_ns);
  sums_ = {};
}

// ---- the cluster

Balance::Balance(std::vector<Capacity> nodes, std::int64_t from_ns)
    : capacity_(std::move(nodes)),
      gauges_{BalanceGauge(capacity_.size(), false, from_ns), BalanceGauge(capacity_.size(), false, from_ns),
              BalanceGauge(capacity_.size(), true, from_ns)},
      is_ready_(capacity_.size(), true),
      side_(capacity_.size(), 0),
      ready_nodes_(static_cast<std::int64_t>(capacity_.size())),
      from_ns_(from_ns),
      now_ns_(from_ns) {
  for (const Capacity& node : capacity_) {
    CHECK(node.cores > 0 && node.memory_bytes > 0);
    cores_ += node.cores;
    limited_ = limited_ || node.max_sessions > 0;
  }
}

void Balance::advance(std::int64_t now_ns) {
  const double span = static_cast<double>(now_ns - now_ns_);
  if (counts_) {
    counted_ns_ += span;
    counted_node_ns_ += span * static_cast<double>(ready_nodes_);
  }
  out_ns_ += span * static_cast<double>(cores_out_);
  now_ns_ = now_ns;
}

void Balance::look_at_gate(std::int64_t now_ns) {
  const bool counts = ready_nodes_ > 0 && gauges_[kSessions].sum() >= kFewestSessions * ready_nodes_;
  if (counts == counts_) return;
  advance(now_ns);
  counts_ = counts;
  for (BalanceGauge& gauge : gauges_) gauge.set_counts(now_ns, counts);
}

void Balance::sessions(std::int64_t now_ns, std::size_t node, std::int64_t count) {
  const std::int64_t limit = capacity_[node].max_sessions;
  gauges_[kSessions].set(now_ns, node, count, count, limit > 0 && 10 * count > 9 * limit);
  look_at_gate(now_ns);
  if (!counts_ || !is_ready_[node]) return;
  const std::int64_t mine = 4 * count * ready_nodes_;
  const std::int64_t sum = gauges_[kSessions].sum();
  const int side = mine >= 5 * sum ? 1 : mine <= 3 * sum ? -1 : 0;
  if (side == 0) return;
  if (side_[node] == -side) ++swings_;
  side_[node] = static_cast<std::int8_t>(side);
}

void Balance::cpu(std::int64_t now_ns, std::size_t node, std::int64_t runnable_threads) {
  const std::int64_t cores = capacity_[node].cores;
  const std::int64_t x = std::min(runnable_threads * kThreadScale / cores, kLargestX);
  gauges_[kCpu].set(now_ns, node, x, runnable_threads, 10 * runnable_threads > 9 * cores);
}

void Balance::memory(std::int64_t now_ns, std::size_t node, std::int64_t bytes) {
  const double share = static_cast<double>(bytes) / static_cast<double>(capacity_[node].memory_bytes);
  const auto x = static_cast<std::int64_t>(share * static_cast<double>(kMemoryScale) + 0.5);
  gauges_[kMemory].set(now_ns, node, x, 0, 10 * x > 9 * kMemoryScale);
}

void Balance::ready(std::int64_t now_ns, std::size_t node, bool ready) {
  if (is_ready_[node] == ready) return;
  advance(now_ns);
  is_ready_[node] = ready;
  side_[node] = 0;
  ready_nodes_ += ready ? 1 : -1;
  cores_out_ += ready ? -capacity_[node].cores : capacity_[node].cores;
  for (BalanceGauge& gauge : gauges_) gauge.set_ready(now_ns, node, ready);
  look_at_gate(now_ns);
}

void Balance::restart(std::int64_t now_ns) {
  for (BalanceGauge& gauge : gauges_) gauge.restart(now_ns);
  from_ns_ = now_ns_ = now_ns;
  counted_ns_ = counted_node_ns_ = out_ns_ = 0.0;
  swings_ = 0;
}

Balance::Result Balance::result(Resource resource, std::int64_t now_ns) const {
  const BalanceGauge::Sums sums = gauges_[resource].sums(now_ns);
  Result result;
  if (sums.weight > 0) result.felt = (sums.felt - sums.best) / sums.weight;
  if (sums.counted > 0) {
    result.jain = sums.jain / sums.counted;
    result.cov = sums.cov / sums.counted;
    result.max_over_mean = sums.max_over_mean / sums.counted;
  }
  if (now_ns > from_ns_ && (resource != kSessions || limited_)) {
    result.above = sums.above / static_cast<double>(now_ns - from_ns_);
  }
  return result;
}

double Balance::counted_share(std::int64_t now_ns) const {
  CHECK(now_ns > from_ns_);
  const double open = counts_ ? static_cast<double>(now_ns - now_ns_) : 0.0;
  return (counted_ns_ + open) / static_cast<double>(now_ns - from_ns_);
}

double Balance::not_ready_share(std::int64_t now_ns) const {
  CHECK(now_ns > from_ns_);
  const double open = static_cast<double>(now_ns - now_ns_) * static_cast<double>(cores_out_);
  return (out_ns_ + open) / static_cast<double>(now_ns - from_ns_) / static_cast<double>(cores_);
}

std::optional<double> Balance::swings_per_node_hour(std::int64_t now_ns) const {
  const double open = counts_ ? static_cast<double>(now_ns - now_ns_) * static_cast<double>(ready_nodes_) : 0.0;
  const double node_ns = counted_node_ns_ + open;
  if (node_ns == 0.0) return std::nullopt;
  return static_cast<double>(swings_) / (node_ns / 3600e9);
}

}  // namespace homing::sim
