// SPDX-License-Identifier: Apache-2.0
#include "tests/core/strategy_models.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <string_view>

#include <gtest/gtest.h>

#include "router/core/draws.h"
#include "router/core/exact_math.h"

namespace homing::core::testing {
namespace {

using Ranked = std::vector<Candidate>;

std::uint64_t hash(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  x ^= x >> 31;
  return x;
}

std::uint64_t per_weight(const NodeFigures& f) {
  return std::uint64_t{f.sessions} * 100'000'000u / std::max(f.weight, 1u);
}

// The figure that a strategy of the "least" kind compares.
std::uint64_t key_of(const std::string& name, const NodeFigures& f) {
  if (name == "system-load") return std::uint64_t{f.load5_milli} * 1'000'000u / std::max(f.cores_milli, 1u);
  if (name == "least-memory") return (1ull << 62) - std::min<std::uint64_t>(f.memory_available, 1ull << 62);
  if (name == "sessions" || name == "p2c-sessions") return per_weight(f);
  return 0;
}

DrawSequence draws(const std::string& purpose_name, const PlacementQuery& q) {
  return Draws(q.seed, purpose(purpose_name))
      .at({.high = q.session.hi, .low = q.session.lo, .visit = q.epoch.value, .attempt = 0});
}

Figures without(Figures nodes, std::span<const NodeId> excluded) {
  for (const NodeId id : excluded) nodes.erase(id.value);
  return nodes;
}

bool better(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score < b.score : a.node < b.node;
}

Ranked all_with_keys(const std::string& name, const Figures& nodes) {
  Ranked all;
  for (const auto& [id, f] : nodes) all.push_back({NodeId{id}, key_of(name, f)});
  return all;
}

// The least; ties from a drawn one round the circle; then the others.
Ranked least(const std::string& name, const Figures& nodes, const PlacementQuery& q) {
  Ranked all = all_with_keys(name, nodes);
  std::sort(all.begin(), all.end(), better);
  std::size_t ties = 0;
  while (ties < all.size() && all[ties].score == all[0].score) ++ties;
  if (ties > 1) {
    const auto j = static_cast<std::ptrdiff_t>(draws("strategy." + name + ".tie", q).below(ties));
    std::rotate(all.begin(), all.begin() + j, all.begin() + static_cast<std::ptrdiff_t>(ties));
  }
  return all;
}

// Eight draws from an urn.
Ranked uniform(const std::string& name, const Figures& nodes, const PlacementQuery& q) {
  Ranked urn = all_with_keys(name, nodes);
  DrawSequence sequence = draws("strategy." + name + ".choice", q);
  Ranked drawn;
  while (!urn.empty() && drawn.size() < kMaxCandidates) {
    const auto at = urn.begin() + static_cast<std::ptrdiff_t>(sequence.below(urn.size()));
    drawn.push_back(*at);
    urn.erase(at);
  }
  return drawn;
}

Ranked circle(const Figures& nodes, std::uint32_t from) {
  Ranked all = all_with_keys("", nodes);
  const auto at = std::find_if(all.begin(), all.end(), [&](const Candidate& c) { return c.node.value >= from; });
  std::rotate(all.begin(), at == all.end() ? all.begin() : at, all.end());
  return all;
}

Ranked rendezvous(const Figures& nodes, const PlacementQuery& q) {
  Ranked all;
  for (const auto& [id, f] : nodes) {
    const std::uint64_t h = hash(hash(q.user.value) ^ hash((id + 1ull) * 0x9e3779b97f4a7c15u));
    const double u = static_cast<double>((h >> 11) | 1u) / 9007199254740992.0;
    const auto whole = static_cast<std::uint64_t>(-exact_log(u) * 72057594037927936.0);
    all.push_back({NodeId{id}, whole / std::max(f.weight, 1u)});
  }
  std::sort(all.begin(), all.end(), better);
  return all;
}

// max(floor, ceil((1 + epsilon) (m + 1) w / W)) > sessions, for numbers that leave room in 64 bits.
bool has_room(const Figures& nodes, const NodeFigures& f, const Variant& variant) {
  const StrategyParams params = variant.values();
  std::uint64_t epsilon = 0, floor = 0, weight = 0, sessions = 0;
  for (const StrategyParam& p : strategy_params(variant.name)) {
    if (p.name == "epsilon") epsilon = static_cast<std::uint64_t>(params[p]);
    if (p.name == "floor") floor = static_cast<std::uint64_t>(params[p]);
  }
  for (const auto& [id, g] : nodes) {
    weight += std::max(g.weight, 1u);
    sessions += g.sessions;
  }
  const std::uint64_t above = (1'000'000 + epsilon) * (sessions + 1) * std::max(f.weight, 1u);
  const std::uint64_t below = 1'000'000 * weight;
  return f.sessions < std::max(floor, (above + below - 1) / below);
}

int choices_of(const Variant& variant) {
  const StrategyParams params = variant.values();
  for (const StrategyParam& p : strategy_params(variant.name)) {
    if (p.name == "d") return static_cast<int>(params[p]);
  }
  return 0;
}

Picked picked(const Ranked& list, std::size_t ranked) {
  Picked result;
  result.count = static_cast<std::uint8_t>(std::min<std::size_t>(list.size(), kMaxCandidates));
  std::copy_n(list.begin(), result.count, result.candidates.begin());
  result.ranked = static_cast<std::uint8_t>(std::min<std::size_t>(ranked, result.count));
  return result;
}

}  // namespace

StrategyParams Variant::values() const {
  StrategyParams result;
  for (const auto& [key, value] : params) result.set(key, value);
  return result;
}

std::string Variant::label() const {
  std::string text = name;
  for (const auto& [key, value] : params) text += "_" + key + std::to_string(value);
  for (char& c : text) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return text;
}

std::vector<Variant> every_variant() {
  std::vector<Variant> all;
  for (const std::string_view name : strategy_names()) all.push_back({std::string(name), {}});
  all.push_back({"p2c-sessions", {{"d", 3}}});
  all.push_back({"p2c-sessions", {{"d", 8}}});
  all.push_back({"user-hash-bounded", {{"epsilon", 0}, {"floor", 0}}});
  all.push_back({"user-hash-bounded", {{"epsilon", 1'000'000}, {"floor", 2}}});
  return all;
}

Model::Model(const Variant& variant) : variant_(variant) {}

Picked Model::pick(const Figures& nodes, const PlacementQuery& q, std::span<const NodeId> excluded) {
  const std::string& name = variant_.name;
  const Figures left = without(nodes, excluded);
  if (name == "sessions" || name == "system-load" || name == "least-memory") {
    return picked(least(name, left, q), kMaxCandidates);
  }
  if (name == "random") return picked(uniform(name, left, q), 0);
  if (name == "p2c-sessions") {
    Ranked drawn = uniform(name, left, q);
    const auto choices = std::min<std::size_t>(static_cast<std::size_t>(choices_of(variant_)), drawn.size());
    for (std::size_t i = 0; i < choices; ++i) {  // the least, the first drawn among equals, goes before the others
      const auto from = drawn.begin() + static_cast<std::ptrdiff_t>(i);
      const auto lowest = std::min_element(from, drawn.begin() + static_cast<std::ptrdiff_t>(choices),
                                           [](const Candidate& a, const Candidate& b) { return a.score < b.score; });
      std::rotate(from, lowest, lowest + 1);
    }
    return picked(drawn, choices);
  }
  if (name == "round-robin") {
    const Ranked order = circle(left, cursor_);
    if (!order.empty()) cursor_ = order[0].node.value + 1;
    return picked(order, 0);
  }
  if (name == "user-hash") {
    if (nodes.empty()) return {};
    const auto home = std::next(nodes.begin(), static_cast<std::ptrdiff_t>(hash(q.user.value) % nodes.size()));
    return picked(circle(left, home->first), 0);
  }
  Ranked order = rendezvous(left, q);
  if (name == "user-hash-bounded") {
    for (Candidate& c : order) c.score += has_room(nodes, nodes.at(c.node.value), variant_) ? 0 : 1ull << 63;
    std::sort(order.begin(), order.end(), better);
  } else if (name != "user-hash-rendezvous") {
    ADD_FAILURE() << "strategy " << name << " has no model; write its rule into tests/core/strategy_models.cc";
  }
  return picked(order, 0);
}

std::map<std::uint64_t, double> Model::chances(const Figures& nodes) const {
  const std::string& name = variant_.name;
  std::map<std::uint64_t, double> result;
  double sum = 0;
  const auto add = [&](std::uint32_t id, double share) {
    if (share > 0) result[id] += share;
    sum += share;
  };
  if (name == "p2c-sessions") {  // every subset of d nodes is as likely as any other
    std::vector<std::pair<std::uint32_t, std::uint64_t>> keys;
    for (const auto& [id, f] : nodes) keys.emplace_back(id, per_weight(f));
    const int choices = std::min<int>(choices_of(variant_), static_cast<int>(keys.size()));
    for (std::uint32_t set = 0; set < (1u << keys.size()); ++set) {
      if (std::popcount(set) != choices) continue;
      std::uint64_t lowest = ~0ull;
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if ((set >> i & 1) != 0) lowest = std::min(lowest, keys[i].second);
      }
      std::vector<std::uint32_t> winners;
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if ((set >> i & 1) != 0 && keys[i].second == lowest) winners.push_back(keys[i].first);
      }
      for (const std::uint32_t id : winners) add(id, 1.0 / static_cast<double>(winners.size()));
    }
  } else if (name == "sessions" || name == "system-load" || name == "least-memory") {
    std::uint64_t lowest = ~0ull;
    for (const auto& [id, f] : nodes) lowest = std::min(lowest, key_of(name, f));
    for (const auto& [id, f] : nodes) add(id, key_of(name, f) == lowest ? 1 : 0);
  } else if (name.starts_with("user-hash-")) {  // the race of exponentials, among those that may take one
    for (const auto& [id, f] : nodes) {
      const bool runs = name == "user-hash-rendezvous" || has_room(nodes, f, variant_);
      add(id, runs ? static_cast<double>(std::max(f.weight, 1u)) : 0);
    }
  } else {
    for (const auto& [id, f] : nodes) add(id, 1);
  }
  for (auto& [id, share] : result) share /= sum;
  return result;
}

bool Model::by_user() const {
  return variant_.name.starts_with("user-hash");
}

bool Model::moves_least() const {
  return by_user() && variant_.name != "user-hash";
}

}  // namespace homing::core::testing
