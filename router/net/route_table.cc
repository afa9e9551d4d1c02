// SPDX-License-Identifier: Apache-2.0
#include "router/net/route_table.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <bit>

namespace homing::net {

namespace {

constexpr std::size_t kFirstOwners = 64;

}  // namespace

// ---------------------------------------------------------------- routes and their owners

RouteTable::RouteTable() : owners_(kFirstOwners, 0) {}

std::size_t RouteTable::bucket_of(core::UserId user) const {
  const std::uint64_t mixed = user.value * 0x9e3779b97f4a7c15U;
  return mixed >> (64U - static_cast<unsigned>(std::countr_zero(owners_.size())));
}

void RouteTable::own(Routes::Number number, core::UserId user) {
  std::uint32_t& first = owners_[bucket_of(user)];
  routes_.note(number) = {first, 0};
  if (first != 0) routes_.note(first - 1).previous = number + 1;
  first = number + 1;
}

void RouteTable::disown(Routes::Number number, core::UserId user) {
  const OwnerLinks links = routes_.note(number);
  if (links.next != 0) routes_.note(links.next - 1).previous = links.previous;
  if (links.previous != 0) {
    routes_.note(links.previous - 1).next = links.next;
  } else {
    owners_[bucket_of(user)] = links.next;
  }
}

void RouteTable::grow_owners() {
  owners_ = std::vector<std::uint32_t>(owners_.size() * 2, 0);
  routes_.each([this](Routes::Number number) { own(number, routes_.value(number).user); });
}

void RouteTable::publish(const core::SessionId& session, const core::RouteValue& route) {
  const auto held = routes_.lock();
  Routes::Number number = routes_.number_of(session);
  if (number == Routes::kNone) {
    number = routes_.add(session, route);
    own(number, route.user);
    if (routes_.size() > owners_.size()) grow_owners();
    return;
  }
  const core::UserId before = routes_.value(number).user;
  routes_.set(number, route);
  if (before == route.user) return;
  disown(number, before);
  own(number, route.user);
}

void RouteTable::drop(const core::SessionId& session) {
  const auto held = routes_.lock();
  const Routes::Number number = routes_.number_of(session);
  if (number == Routes::kNone) return;
  disown(number, routes_.value(number).user);
  routes_.drop(number);
}

std::optional<core::RouteValue> RouteTable::find(const core::SessionId& session) const {
  core::RouteValue route;
  if (!find(session, route)) return std::nullopt;
  return route;
}

std::vector<std::pair<core::SessionId, core::RouteValue>> RouteTable::of_user(core::UserId user) const {
  std::vector<std::pair<core::SessionId, core::RouteValue>> out;
  {
    const auto held = routes_.lock();
    for (std::uint32_t at = owners_[bucket_of(user)]; at != 0; at = routes_.note(at - 1).next) {
      const core::RouteValue route = routes_.value(at - 1);
      if (route.user == user) out.emplace_back(routes_.session(at - 1), route);
    }
  }
  std::ranges::sort(out, {}, [](const auto& entry) { return entry.first; });
  return out;
}

std::size_t RouteTable::route_bytes() const {
  const auto held = routes_.lock();
  return routes_.bytes() + owners_.capacity() * sizeof owners_[0];
}

// ---------------------------------------------------------------- processes of this node

std::optional<ProcessAddress> ProcessAddress::of(const LocalProcess& process) {
  if (process.unix_path.size() > kMaxPath || process.secret.size() > kMaxSecret) return std::nullopt;
  ProcessAddress out;
  out.epoch_ = process.epoch;
  out.port_ = process.port;
  out.path_size_ = static_cast<std::uint8_t>(process.unix_path.size());
  out.secret_size_ = static_cast<std::uint8_t>(process.secret.size());
  std::ranges::copy(process.unix_path, out.path_.begin());
  std::ranges::copy(process.secret, out.secret_.begin());
  return out;
}

bool RouteTable::publish_process(const core::SessionId& session, const LocalProcess& process) {
  const auto address = ProcessAddress::of(process);
  const auto held = processes_.lock();
  const Processes::Number number = processes_.number_of(session);
  if (number == Processes::kNone) {
    if (address) processes_.add(session, *address);
  } else if (processes_.value(number).epoch() <= process.epoch) {
    if (address) {
      processes_.set(number, *address);
    } else {
      processes_.drop(number);
    }
  }
  return address.has_value();
}

void RouteTable::drop_process(const core::SessionId& session, core::Epoch epoch) {
  const auto held = processes_.lock();
  const Processes::Number number = processes_.number_of(session);
  if (number != Processes::kNone && processes_.value(number).epoch() == epoch) processes_.drop(number);
}

std::size_t RouteTable::replace_processes(const std::vector<std::pair<core::SessionId, LocalProcess>>& processes) {
  const auto held = processes_.lock();
  absl::flat_hash_set<core::SessionId> listed;
  std::size_t refused = 0;
  for (const auto& [session, process] : processes) {
    const auto address = ProcessAddress::of(process);
    if (!address) {
      ++refused;
      continue;
    }
    listed.insert(session);
    const Processes::Number number = processes_.number_of(session);
    if (number == Processes::kNone) {
      processes_.add(session, *address);
    } else {
      processes_.set(number, *address);
    }
  }
  std::vector<Processes::Number> gone;
  processes_.each([&](Processes::Number number) {
    if (!listed.contains(processes_.session(number))) gone.push_back(number);
  });
  for (const Processes::Number number : gone) processes_.drop(number);
  return refused;
}

bool RouteTable::process(const core::SessionId& session, core::Epoch epoch, ProcessAddress& out) const {
  ProcessAddress address;
  if (!processes_.find(session, address) || address.epoch() != epoch) return false;
  out = address;
  return true;
}

std::optional<LocalProcess> RouteTable::process(const core::SessionId& session, core::Epoch epoch) const {
  ProcessAddress address;
  if (!process(session, epoch, address)) return std::nullopt;
  return LocalProcess{address.epoch(), std::string(address.unix_path()), address.port(), std::string(address.secret())};
}

}  // namespace homing::net
