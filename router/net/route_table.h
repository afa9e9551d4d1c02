// SPDX-License-Identifier: Apache-2.0
//
// What the core has published, for every worker to read: session -> route, session -> address of its local process,
// owner -> sessions. core::resolve decides on it; a request of a routed session never enters the core.
//
// Simple and correct first: 64 shards with a reader-writer lock each. A reader copies a value out and holds nothing.
// Its size is the core's (max_routes): what the core drops is dropped here.
// Thread class: thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "router/core/ids.h"
#include "router/core/resolve.h"

namespace homing::net {

// Where a session process of this node listens.
struct LocalProcess {
  core::Epoch epoch{};
  std::string unix_path;  // or
  std::uint16_t port = 0;
  std::string secret;  // sent with every request to a port
};

class RouteTable {
 public:
  void publish(const core::SessionId& session, const core::RouteValue& route);
  void drop(const core::SessionId& session);
  std::optional<core::RouteValue> find(const core::SessionId& session) const;
  // Ordered by session id.
  std::vector<std::pair<core::SessionId, core::RouteValue>> of_user(core::UserId user) const;
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  void publish_process(const core::SessionId& session, LocalProcess process);
  // Only when it is (still) this epoch's.
  void drop_process(const core::SessionId& session, core::Epoch epoch);
  // What the launcher lists is all there is.
  void replace_processes(const std::vector<std::pair<core::SessionId, LocalProcess>>& processes);
  // Nothing unless the process of exactly this epoch is known.
  std::optional<LocalProcess> process(const core::SessionId& session, core::Epoch epoch) const;

 private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    mutable std::shared_mutex mutex;
    absl::flat_hash_map<core::SessionId, core::RouteValue> routes;
    absl::flat_hash_map<core::SessionId, LocalProcess> processes;
    absl::flat_hash_map<core::UserId, absl::flat_hash_set<core::SessionId>> owned;  // shard by owner
  };
  Shard& shard(const core::SessionId& session) { return shards_[session.lo % kShards]; }
  const Shard& shard(const core::SessionId& session) const { return shards_[session.lo % kShards]; }
  Shard& owner_shard(core::UserId user) { return shards_[user.value % kShards]; }
  void disown(const core::SessionId& session, core::UserId user);

  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace homing::net
