// SPDX-License-Identifier: Apache-2.0
#include "sim/probe.h"

#include <utility>

#include "router/core/check.h"

namespace homing::sim {

void Probe::Histogram::add(std::int64_t count, std::int64_t elapsed_ns) {
  if (elapsed_ns <= 0) return;
  const auto place = static_cast<std::size_t>(count);
  if (place >= ns_.size()) ns_.resize(place + 1, 0.0);
  ns_[place] += static_cast<double>(elapsed_ns);
}

double Probe::Histogram::at_most(std::int64_t count) const {
  double whole = 0.0, part = 0.0;
  for (std::size_t i = 0; i < ns_.size(); ++i) {
    whole += ns_[i];
    if (static_cast<std::int64_t>(i) <= count) part += ns_[i];
  }
  CHECK(whole > 0.0);
  return part / whole;
}

double Probe::Histogram::mean() const {
  double whole = 0.0, sum = 0.0;
  for (std::size_t i = 0; i < ns_.size(); ++i) {
    whole += ns_[i];
    sum += static_cast<double>(i) * ns_[i];
  }
  CHECK(whole > 0.0);
  return sum / whole;
}

double Probe::Histogram::mean_square() const {
  double whole = 0.0, sum = 0.0;
  for (std::size_t i = 0; i < ns_.size(); ++i) {
    whole += ns_[i];
    sum += static_cast<double>(i) * static_cast<double>(i) * ns_[i];
  }
  CHECK(whole > 0.0);
  return sum / whole;
}

Probe::Probe(std::size_t nodes, std::size_t visits) : nodes_(nodes), lives_(visits) {}

void Probe::advance_all(std::int64_t now_ns) {
  for (Node& node : nodes_) on_node_.add(node.count, now_ns - std::exchange(node.since_ns, now_ns));
  in_all_.add(all_, now_ns - std::exchange(all_since_ns_, now_ns));
  machines_up_.add(up_, now_ns - std::exchange(up_since_ns_, now_ns));
}

void Probe::begin(std::int64_t now_ns) {
  advance_all(now_ns);
  on_node_.clear();
  in_all_.clear();
  machines_up_.clear();
  processes_ = 0;
}

void Probe::sessions(std::int64_t now_ns, std::size_t node, std::int64_t count) {
  Node& of = nodes_[node];
  on_node_.add(of.count, now_ns - std::exchange(of.since_ns, now_ns));
  in_all_.add(all_, now_ns - std::exchange(all_since_ns_, now_ns));
  all_ += count - std::exchange(of.count, count);
}

void Probe::up(std::int64_t now_ns, std::size_t node, bool up) {
  machines_up_.add(up_, now_ns - std::exchange(up_since_ns_, now_ns));
  up_ += static_cast<int>(up) - static_cast<int>(std::exchange(nodes_[node].up, up));
}

void Probe::served(std::int64_t now_ns, std::size_t visit) {
  if (lives_[visit].served == kNever) lives_[visit].served = now_ns;
}

void Probe::finish(std::int64_t now_ns) {
  advance_all(now_ns);
}

}  // namespace homing::sim
