// SPDX-License-Identifier: Apache-2.0
//
// Names of hosts to addresses, off the loop's thread: the system's resolver blocks. What was found is believed for
// kBelieved, that there is nothing for a second; whoever asks meanwhile waits for the same look-up, so that a slow name
// server costs one thread a name. Nodes of a cluster are mostly named by address, which needs no look-up.
// Thread class: pure functions; the cache is thread-safe.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "router/io/loop.h"
#include "router/io/task.h"

namespace homing::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Of an address as text; nothing for a name.
std::optional<SocketAddress> numeric_address(const std::string& host, std::uint16_t port);
SocketAddress unix_address(const std::string& path);  // REQUIRES: shorter than 108 bytes

inline constexpr std::int64_t kBelievedMs = 30'000;
// Nothing when the name is not known or `limit_ms` is over.
Task<std::optional<SocketAddress>> resolve(Loop& loop, std::string host, std::uint16_t port, std::int64_t limit_ms);

}  // namespace homing::io
