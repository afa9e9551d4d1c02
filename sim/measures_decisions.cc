// SPDX-License-Identifier: Apache-2.0
#include "sim/measures_decisions.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "router/core/check.h"

namespace homing::sim {
namespace {

constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

// Mixes a visit's number so that one in 2^k of them is picked without a pattern (the finaliser of MurmurHash3).
std::uint32_t mixed(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x85ebca6bU;
  x ^= x >> 13;
  x *= 0xc2b2ae35U;
  return x ^ (x >> 16);
}

}  // namespace

// ---- churn

Churn::Churn(std::vector<std::int64_t> cores)
    : cores_(std::move(cores)), ready_(cores_.size(), true), history_{ready_}, joined_{-1.0} {}

void Churn::ready(std::size_t node, bool ready) {
  if (ready_[node] == ready) return;
  ready_[node] = ready;
  history_.push_back(ready_);
  joined_.assign(history_.size(), -1.0);
  ++changes_;
}

Churn::Home& Churn::home(std::vector<Home>& homes, std::uint32_t index) {
  if (index >= homes.size()) homes.resize(index + 1);
  return homes[index];
}

double Churn::joined_share(std::uint32_t since) {
  double& known = joined_[since];
  if (known >= 0.0) return known;
  std::int64_t all = 0;
  std::int64_t joined = 0;
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    if (!ready_[i]) continue;
    all += cores_[i];
    if (!history_[since][i]) joined += cores_[i];
  }
  return known = all > 0 ? static_cast<double>(joined) / static_cast<double>(all) : 0.0;
}

void Churn::placed(std::uint32_t user, std::uint32_t visit, std::uint32_t node) {
  const auto version = static_cast<std::uint32_t>(history_.size() - 1);
  Home& person = home(users_, user);
  if (person.node != kNowhere && person.version != version) {
    const double least = ready_[person.node] ? joined_share(person.version) : 1.0;
    users_moved_ += (person.node != node ? 1.0 : 0.0) - least;
  }
  person = {node, version};
  Home& session = home(visits_, visit);
  if (session.node != kNowhere && session.node != node && ready_[session.node]) sessions_moved_ += 1.0;
  session = {node, version};
}

void Churn::restart() {
  changes_ = 0;
  users_moved_ = sessions_moved_ = 0.0;
}

std::optional<double> Churn::users() const {
  if (changes_ == 0) return std::nullopt;
  return users_moved_ / changes_;
}

std::optional<double> Churn::sessions() const {
  if (changes_ == 0) return std::nullopt;
  return sessions_moved_ / changes_;
}

// ---- regret

Regret::Regret(std::vector<Place> nodes) {
  for (const Place& place : nodes) nodes_.push_back({place, true, 0, {}, {}});
}

bool Regret::picked(std::uint32_t visit) const {
  std::uint32_t mask = 0;
  while (live_ > kLooks * (std::size_t{mask} + 1)) mask = 2 * mask + 1;
  return (mixed(visit) & mask) == 0;
}

double Regret::company(const Node& node, std::int64_t now_ns, std::int64_t end_ns, double enough) const {
  double shared = 0.0;
  for (const std::int64_t other_end_ns : node.ends_ns) {
    const std::int64_t until = std::min(other_end_ns, end_ns);
    if (until <= now_ns) continue;
    shared += static_cast<double>(until - now_ns);
    if (shared >= enough) return shared;
  }
  return shared;
}

void Regret::begins(std::int64_t now_ns, std::uint32_t slot, std::uint32_t node, std::uint32_t visit,
                    std::int64_t end_ns, const Needs& needs) {
  if (slot >= slots_.size()) slots_.resize(slot + 1);
  CHECK(slots_[slot].node == kNowhere);
  if (end_ns > now_ns && end_ns != std::numeric_limits<std::int64_t>::max() && picked(visit)) {
    const double own = company(nodes_[node], now_ns, end_ns, std::numeric_limits<double>::infinity());
    double best = own;
    for (std::size_t i = 0; i < nodes_.size() && best > 0.0; ++i) {
      const Node& other = nodes_[i];
      if (i == node || !other.ready || (needs.nodes != nullptr && !(*needs.nodes)[i])) continue;
      if (other.place.max_sessions > 0 && static_cast<std::int64_t>(other.slots.size()) >= other.place.max_sessions) {
        continue;
      }
      if (other.used + needs.memory_bytes > other.place.memory_bytes) continue;
      best = std::min(best, company(other, now_ns, end_ns, best));
    }
    sum_ += (own - best) / static_cast<double>(end_ns - now_ns);
    ++judged_;
  }
  slots_[slot] = {node, static_cast<std::uint32_t>(nodes_[node].slots.size())};
  nodes_[node].slots.push_back(slot);
  nodes_[node].ends_ns.push_back(end_ns);
  ++live_;
}

void Regret::ends(std::uint32_t slot) {
  if (slot >= slots_.size() || slots_[slot].node == kNowhere) return;
  std::vector<std::uint32_t>& there = nodes_[slots_[slot].node].slots;
  std::vector<std::int64_t>& ends_ns = nodes_[slots_[slot].node].ends_ns;
  const std::uint32_t place = slots_[slot].place;
  there[place] = there.back();
  slots_[there[place]].place = place;
  there.pop_back();
  ends_ns[place] = ends_ns.back();
  ends_ns.pop_back();
  slots_[slot] = {};
  --live_;
}

void Regret::restart() {
  sum_ = 0.0;
  judged_ = 0;
}

std::optional<double> Regret::mean() const {
  if (judged_ == 0) return std::nullopt;
  return sum_ / static_cast<double>(judged_);
}

// ---- queue positions

void QueueErrors::told(std::uint32_t visit, std::uint32_t position) {
  if (visit >= tickets_.size()) tickets_.resize(visit + 1);
  if (!tickets_[visit].open) tickets_[visit] = {true, position, started_};
}

void QueueErrors::started(std::uint32_t visit) {
  if (visit >= tickets_.size() || !tickets_[visit].open) return;
  Ticket& ticket = tickets_[visit];
  const std::int64_t before = started_ - ticket.started_before;
  const std::int64_t promised = static_cast<std::int64_t>(ticket.position) - 1;
  sum_ += static_cast<double>(std::abs(promised - before));
  ++count_;
  ++started_;
  ticket.open = false;
}

void QueueErrors::left(std::uint32_t visit) {
  if (visit < tickets_.size()) tickets_[visit].open = false;
}

std::optional<double> QueueErrors::mean() const {
  if (count_ == 0) return std::nullopt;
  return sum_ / static_cast<double>(count_);
}

}  // namespace homing::sim
