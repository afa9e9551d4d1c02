// SPDX-License-Identifier: Apache-2.0
//
// What the core has published, for every worker to read: session -> route, session -> address of its local process,
// owner -> sessions. core::resolve decides on it; a request of a routed session never enters the core.
//
// find() and process() are the hot path: they take no lock, allocate nothing and write nothing (session_table.h says
// how). What they return is the reader's own copy: it may be kept across waiting, and there is nothing to announce.
// of_user() serves lists for people and takes the writers' mutex. Owners are chains through the routes' own records, so
// that an owner needs no memory of his own.
//
// Its size is the core's (max_routes): what the core drops is dropped here. Memory follows the most there ever was: at
// most 96 bytes a route, from a thousand routes on.
// Thread class: thread-safe; written by one thread mostly (the driver's), whose call returns once all readers see it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "router/core/ids.h"
#include "router/core/resolve.h"
#include "router/net/session_table.h"

namespace homing::net {

// Where a session process of this node listens.
struct LocalProcess {
  core::Epoch epoch{};
  std::string unix_path;  // or
  std::uint16_t port = 0;
  std::string secret;  // sent with every request to a port
};

// The same without an allocation.
class ProcessAddress {
 public:
  static constexpr std::size_t kMaxPath = 107;  // what a Unix socket's address holds
  static constexpr std::size_t kMaxSecret = 124;

  ProcessAddress() = default;
  // Nothing when a text is longer than its maximum: no socket can be reached by such an address.
  static std::optional<ProcessAddress> of(const LocalProcess& process);

  core::Epoch epoch() const { return epoch_; }
  std::string_view unix_path() const { return {path_.data(), path_size_}; }  // empty: the port of the loopback address
  const char* unix_path_c_str() const { return path_.data(); }
  std::uint16_t port() const { return port_; }
  std::string_view secret() const { return {secret_.data(), secret_size_}; }

 private:
  core::Epoch epoch_{};
  std::uint16_t port_ = 0;
  std::uint8_t path_size_ = 0;
  std::uint8_t secret_size_ = 0;
  std::array<char, kMaxPath + 1> path_{};  // ends in a zero
  std::array<char, kMaxSecret> secret_{};
};

class RouteTable {
 public:
  RouteTable();

  void publish(const core::SessionId& session, const core::RouteValue& route);
  void drop(const core::SessionId& session);
  // False, with `out` unchanged: no such route.
  bool find(const core::SessionId& session, core::RouteValue& out) const { return routes_.find(session, out); }
  std::optional<core::RouteValue> find(const core::SessionId& session) const;
  // Ordered by session id.
  std::vector<std::pair<core::SessionId, core::RouteValue>> of_user(core::UserId user) const;
  std::size_t size() const { return routes_.size(); }

  // News of an older epoch than the known one are dropped. False: no socket can be reached by that address; the session
  // has none from now on.
  bool publish_process(const core::SessionId& session, const LocalProcess& process);
  // Only when it is (still) this epoch's.
  void drop_process(const core::SessionId& session, core::Epoch epoch);
  // What the launcher lists is all there is. Returns how many addresses no socket can be reached by.
  std::size_t replace_processes(const std::vector<std::pair<core::SessionId, LocalProcess>>& processes);
  // False, with `out` unchanged, unless the process of exactly this epoch is known.
  bool process(const core::SessionId& session, core::Epoch epoch, ProcessAddress& out) const;
  std::optional<LocalProcess> process(const core::SessionId& session, core::Epoch epoch) const;

  // Memory of the routes: of records, indexes and owners.
  std::size_t route_bytes() const;

 private:
  // Places in the chain of an owner's bucket: number + 1, 0 at the ends.
  struct OwnerLinks {
    std::uint32_t next = 0;
    std::uint32_t previous = 0;
  };
  struct Nothing {};
  using Routes = SessionTable<core::RouteValue, OwnerLinks>;
  using Processes = SessionTable<ProcessAddress, Nothing>;

  std::size_t bucket_of(core::UserId user) const;
  void own(Routes::Number number, core::UserId user);
  void disown(Routes::Number number, core::UserId user);
  void grow_owners();

  Routes routes_;
  Processes processes_;
  std::vector<std::uint32_t> owners_;  // under the lock of routes_; a power of two of buckets, at least one a session
};

}  // namespace homing::net
