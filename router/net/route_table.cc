// SPDX-License-Identifier: Apache-2.0
#include "router/net/route_table.h"

#include <algorithm>
#include <mutex>

namespace homing::net {

void RouteTable::publish(const core::SessionId& session, const core::RouteValue& route) {
  std::optional<core::UserId> before;
  {
    Shard& place = shard(session);
    const std::unique_lock lock(place.mutex);
    const auto [it, added] = place.routes.try_emplace(session, route);
    if (added) {
      size_.fetch_add(1, std::memory_order_relaxed);
    } else {
      before = it->second.user;
      it->second = route;
    }
  }
  if (before == route.user) return;
  if (before) disown(session, *before);
  Shard& owner = owner_shard(route.user);
  const std::unique_lock lock(owner.mutex);
  owner.owned[route.user].insert(session);
}

void RouteTable::drop(const core::SessionId& session) {
  core::UserId user;
  {
    Shard& place = shard(session);
    const std::unique_lock lock(place.mutex);
    const auto it = place.routes.find(session);
    if (it == place.routes.end()) return;
    user = it->second.user;
    place.routes.erase(it);
    size_.fetch_sub(1, std::memory_order_relaxed);
  }
  disown(session, user);
}

void RouteTable::disown(const core::SessionId& session, core::UserId user) {
  Shard& owner = owner_shard(user);
  const std::unique_lock lock(owner.mutex);
  const auto it = owner.owned.find(user);
  if (it == owner.owned.end()) return;
  it->second.erase(session);
  if (it->second.empty()) owner.owned.erase(it);
}

std::optional<core::RouteValue> RouteTable::find(const core::SessionId& session) const {
  const Shard& place = shard(session);
  const std::shared_lock lock(place.mutex);
  const auto it = place.routes.find(session);
  if (it == place.routes.end()) return std::nullopt;
  return it->second;
}

std::vector<std::pair<core::SessionId, core::RouteValue>> RouteTable::of_user(core::UserId user) const {
  std::vector<core::SessionId> ids;
  {
    const Shard& owner = shards_[user.value % kShards];
    const std::shared_lock lock(owner.mutex);
    if (const auto it = owner.owned.find(user); it != owner.owned.end())
      ids.assign(it->second.begin(), it->second.end());
  }
  std::ranges::sort(ids);
  std::vector<std::pair<core::SessionId, core::RouteValue>> out;
  for (const core::SessionId& id : ids) {
    if (const auto route = find(id); route && route->user == user) out.emplace_back(id, *route);
  }
  return out;
}

void RouteTable::publish_process(const core::SessionId& session, LocalProcess process) {
  Shard& place = shard(session);
  const std::unique_lock lock(place.mutex);
  LocalProcess& known = place.processes[session];
  if (known.epoch <= process.epoch) known = std::move(process);
}

void RouteTable::drop_process(const core::SessionId& session, core::Epoch epoch) {
  Shard& place = shard(session);
  const std::unique_lock lock(place.mutex);
  const auto it = place.processes.find(session);
  if (it != place.processes.end() && it->second.epoch == epoch) place.processes.erase(it);
}

void RouteTable::replace_processes(const std::vector<std::pair<core::SessionId, LocalProcess>>& processes) {
  std::array<absl::flat_hash_map<core::SessionId, LocalProcess>, kShards> fresh;
  for (const auto& [session, process] : processes) fresh[session.lo % kShards][session] = process;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::unique_lock lock(shards_[i].mutex);
    shards_[i].processes.swap(fresh[i]);
  }
}

std::optional<LocalProcess> RouteTable::process(const core::SessionId& session, core::Epoch epoch) const {
  const Shard& place = shard(session);
  const std::shared_lock lock(place.mutex);
  const auto it = place.processes.find(session);
  if (it == place.processes.end() || it->second.epoch != epoch) return std::nullopt;
  return it->second;
}

}  // namespace homing::net
