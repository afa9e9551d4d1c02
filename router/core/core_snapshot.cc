// SPDX-License-Identifier: Apache-2.0
//
// Snapshot and restore: every table as bytes. The strategies' indexes are not written: they are rebuilt from the nodes,
// and only what those lack (a cursor) is saved. Hash tables are written in the order of their keys.
#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

namespace {

// An associative container as a vector of its items, in the order of the keys.
template <class Map>
auto sorted_items(const Map& map) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> items(map.begin(), map.end());
  std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return items;
}

template <class Map>
void write_map(Writer& w, const Map& map) {
  w(sorted_items(map));
}
template <class Map>
void read_map(Reader& r, Map& map) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> items;
  r(items);
  map.clear();
  for (auto& item : items) map.insert(std::move(item));
}
template <class Set>
void write_set(Writer& w, const Set& set) {
  w(std::vector<typename Set::value_type>(set.begin(), set.end()));
}
template <class Set>
void read_set(Reader& r, Set& set) {
  std::vector<typename Set::value_type> items;
  r(items);
  set.clear();
  for (auto& item : items) set.insert(std::move(item));
}

// The plain fields, in one place for both directions.
template <class A, class S>
void archive_fields(A& a, S& s) {
  a(s.now, s.counters, s.deadlines, s.timeline, s.cursor, s.next_token, s.read_token, s.read_sent, s.read_again,
    s.synced, s.store_away, s.reads, s.booted, s.boot, s.measured, s.has_measured, s.reported_at, s.reported_once,
    s.join, s.renewing, s.sweep_self, s.own_incarnation, s.own_generation, s.lease_sent, s.hold_until, s.standing,
    s.standing_why, s.launcher_up, s.inventory_pending, s.hosted_stale, s.any_frozen, s.starts_changed, s.inventory,
    s.nodes);
}

}  // namespace

void Core::State::save(Writer& w) const {
  w(self, config, fingerprint.value());
  archive_fields(w, *this);
  write_set(w, thresholds);
  calls.save(w);
  write_map(w, routes);
  write_set(w, finished);
  write_map(w, users);
  write_map(w, hosted);
  write_map(w, wishes);
  write_map(w, requests);
  write_map(w, ends);
  write_map(w, admins);
  write_map(w, sweeps);
  write_map(w, queue);
  write_set(w, line);
  write_set(w, own_tickets);
  w(capacity_changed, line_changed);
  write_map(w, places);
  w(static_cast<std::uint64_t>(classes.size()));
  for (const auto& [labels, c] : classes) {
    Writer extra;
    c.strategy->save(extra);
    w(labels, extra.take());
  }
}

void Core::State::load(Reader& r) {
  archive_fields(r, *this);
  read_set(r, thresholds);
  calls.load(r);
  read_map(r, routes);
  read_set(r, finished);
  read_map(r, users);
  read_map(r, hosted);
  read_map(r, wishes);
  read_map(r, requests);
  read_map(r, ends);
  read_map(r, admins);
  read_map(r, sweeps);
  read_map(r, queue);
  read_set(r, line);
  read_set(r, own_tickets);
  bool capacity = false;
  bool line_moved = false;
  r(capacity, line_moved);
  read_map(r, places);
  build_classes();
  if (!r.ok()) return;
  for (std::size_t i = 0; i < nodes.size(); ++i) refresh_node(NodeId{static_cast<std::uint32_t>(i)});
  capacity_changed = capacity;
  line_changed = line_moved;
  std::uint64_t count = 0;
  r(count);
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    std::uint64_t labels = 0;
    std::string bytes;
    r(labels, bytes);
    const auto c = classes.find(labels);
    if (c == classes.end()) continue;
    Reader extra(bytes);
    c->second.strategy->load(extra);
  }
}

std::string Core::snapshot() const {
  CHECK(state_->effects.empty());
  Writer w;
  state_->save(w);
  return w.take();
}

std::expected<Core, std::string> Core::restore(std::string_view bytes) {
  Reader r(bytes);
  NodeId self{};
  Config config;
  std::uint64_t hash = 0;
  r(self, config, hash);
  if (!r.ok()) return std::unexpected("the snapshot is cut or damaged: its configuration cannot be read");
  const std::vector<ConfigError> errors = validate(config);
  if (!errors.empty()) {
    return std::unexpected("the snapshot's configuration is not valid: " + errors.front().field + " " +
                           errors.front().text);
  }
  Core core(self, std::move(config));
  core.state_->load(r);
  core.state_->fingerprint = Hasher(hash);
  if (!r.ok() || !r.at_end()) return std::unexpected("the snapshot is cut or damaged");
  return core;
}

}  // namespace homing::core
