// SPDX-License-Identifier: Apache-2.0
#include "router/net/settings.h"

#include <chrono>

namespace homing::net {

namespace {

std::int64_t ms(core::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

FrontLimits FrontLimits::from(const base::LimitsConfig& config) {
  FrontLimits limits;
  limits.first_head = ms(config.header_deadline);
  limits.keep_alive = ms(config.keep_alive);
  limits.connect = ms(config.connect);
  limits.upgrade = ms(config.upgrade_deadline);
  limits.max_connections = config.max_connections;
  limits.per_address = config.connections_per_address;
  limits.per_user = config.connections_per_user;
  limits.exchange.answer = ms(config.first_byte);
  limits.exchange.body_stall = ms(config.body_stall);
  limits.exchange.body_grace = ms(config.body_grace);
  limits.exchange.body_min_rate = config.body_min_rate;
  limits.exchange.answer_stall = ms(config.answer_stall);
  limits.exchange.write_stall = ms(config.write_stall);
  limits.exchange.tunnel_idle = ms(config.tunnel_idle);
  return limits;
}

std::string Settings::text() const {
  std::string text;
  if (tls) {
    text += "tls: " + tls->text() + "\n";
    for (const std::string& warning : tls->warnings()) text += "tls: warning: " + warning + "\n";
  }
  if (peers) {
    text += "cluster-tls: read\n";
    for (const std::string& warning : peers->warnings()) text += "cluster-tls: warning: " + warning + "\n";
  }
  return text;
}

std::expected<std::shared_ptr<const Settings>, std::string> Settings::make(base::RouterConfig config,
                                                                           const Settings* before,
                                                                           const std::optional<FrontLimits>& limits) {
  auto settings = std::make_shared<Settings>();
  settings->limits = limits.value_or(FrontLimits::from(config.limits));
  std::string errors;
  const auto note = [&errors](const std::string& error) { errors += (errors.empty() ? "" : "\n") + error; };
  if (config.tls.on()) {
    auto tls = TlsServer::load(config.tls, before != nullptr ? before->tls.get() : nullptr);
    if (tls) {
      settings->tls = std::move(*tls);
    } else {
      note(tls.error());
    }
  }
  if (config.cluster_tls) {
    auto peers = TlsPeers::load(*config.cluster_tls, config.node);
    if (peers) {
      settings->peers = std::move(*peers);
    } else {
      note(peers.error());
    }
  }
  if (!errors.empty()) return std::unexpected(errors);
  settings->config = std::move(config);
  return settings;
}

}  // namespace homing::net
