// SPDX-License-Identifier: Apache-2.0
//
// What may change while the router runs, as one immutable value: a reload makes another and gives it to every worker.
// A request keeps the one that it began with; a connection asks anew for each request.
// Thread class: immutable.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "router/base/router_config.h"
#include "router/net/exchange.h"
#include "router/net/tls.h"
#include "router/net/tls_peers.h"

namespace homing::net {

// Milliseconds, where nothing else is said.
struct FrontLimits {
  std::int64_t first_head = 30'000;  // for a whole head, once it began
  std::int64_t keep_alive = 75'000;  // between requests
  std::int64_t navigation = 1'500;   // a page waits this long for its session before it is told to wait
  std::int64_t poll = 5'000;         // any other request
  std::int64_t connect = 3'000;
  std::int64_t max_connections = 20'000;  // further ones are closed at once
  std::int64_t upgrade = 8 * 3600'000;    // tunnels of a router that handed over
  std::int64_t per_address = 0;           // connections; 0: no limit
  std::int64_t per_user = 0;
  ExchangeLimits exchange;

  static FrontLimits from(const base::LimitsConfig& config);
};

struct Settings {
  base::RouterConfig config;
  FrontLimits limits;
  std::shared_ptr<const TlsServer> tls;   // of the public door; nothing: plain HTTP
  std::shared_ptr<const TlsPeers> peers;  // of the cluster door and of what we forward; nothing: in the clear

  // A line about each kind of files that were read, with what is odd about them; empty when there are none.
  std::string text() const;

  // Opens the files that the configuration names. The error names each file and its fix. `before`: those in force.
  // `limits`: instead of the configuration's.
  static std::expected<std::shared_ptr<const Settings>, std::string> make(base::RouterConfig config,
                                                                          const Settings* before,
                                                                          const std::optional<FrontLimits>& limits);
};

}  // namespace homing::net
