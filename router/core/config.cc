// SPDX-License-Identifier: Apache-2.0
#include "router/core/config.h"

#include <algorithm>

#include "router/core/strategy.h"

namespace homing::core {

namespace {

std::string in_seconds(Duration d) {
  const std::int64_t ms = d.count() / 1'000'000;
  std::string text = std::to_string(ms / 1000);
  if (ms % 1000 != 0) text += "." + std::to_string(1000 + ms % 1000).substr(1);
  return text + " s";
}

void check_strategy(const Config& config, std::vector<ConfigError>& errors) {
  const std::vector<std::string_view> names = strategy_names();
  if (!std::binary_search(names.begin(), names.end(), std::string_view(config.strategy))) {
    errors.push_back({"strategy.name", "no strategy is called '" + config.strategy + "' in this build"});
    return;
  }
  const auto declared = strategy_params(config.strategy);
  for (const StrategyParams::Set& set : config.strategy_params.all_set()) {
    const auto param =
        std::find_if(declared.begin(), declared.end(), [&](const auto& p) { return p.name == set.name; });
    const std::string field = "strategy.params." + set.name;
    if (param == declared.end()) {
      errors.push_back({field, "strategy '" + config.strategy + "' has no such parameter"});
    } else if (set.value < param->least || set.value > param->most) {
      errors.push_back({field, "is " + std::to_string(set.value) + "; expected " + std::to_string(param->least) +
                                   " to " + std::to_string(param->most)});
    }
  }
}

}  // namespace

void scale_to_heartbeat(Config& config, Duration heartbeat) {
  config.heartbeat = heartbeat;
  config.suspect = heartbeat * 3;
  config.lease_ttl = heartbeat * 8;
  config.dead = heartbeat * 10;
  if (config.lease_margin > heartbeat) config.lease_margin = heartbeat;
}

std::vector<ConfigError> validate(const Config& config) {
  std::vector<ConfigError> errors;
  const auto fail = [&errors](std::string field, std::string text) {
    errors.push_back({std::move(field), std::move(text)});
  };
  if (config.heartbeat <= Duration{0}) fail("heartbeat", "must be longer than 0 s; the default is 1 s");
  if (config.suspect <= config.heartbeat * 2) {
    fail("suspect", "must be longer than 2 heartbeats (" + in_seconds(config.heartbeat * 2) + "), is " +
                        in_seconds(config.suspect) + "; one late heartbeat must not make a node suspect");
  }
  if (config.lease_ttl <= config.suspect) {
    fail("lease-ttl", "must be longer than suspect (" + in_seconds(config.suspect) + "), is " +
                          in_seconds(config.lease_ttl) + "; use 8 heartbeats");
  }
  if (config.dead <= config.lease_ttl) {
    fail("dead", "must be longer than lease-ttl (" + in_seconds(config.lease_ttl) + "), is " + in_seconds(config.dead) +
                     "; use 10 heartbeats");
  }
  if (config.lease_margin <= Duration{0} || config.lease_margin >= config.lease_ttl - config.heartbeat) {
    fail("lease-margin", "must lie between 0 s and lease-ttl less a heartbeat (" +
                             in_seconds(config.lease_ttl - config.heartbeat) + "), is " +
                             in_seconds(config.lease_margin));
  }
  if (config.report_every < Duration{0}) fail("report-every", "must not be negative; 0 s reports on every heartbeat");
  if (config.accept_max <= Duration{0}) fail("accept-max", "must be longer than 0 s; the default is 5 s");
  if (config.queue_ask_max <= config.heartbeat) {
    fail("queue-ask-max", "must be longer than a heartbeat, else waiting people lose their place");
  }
  if (config.max_attempts == 0 || config.max_attempts > 100) fail("max-attempts", "must lie between 1 and 100");
  if (config.max_nodes == 0) fail("max-nodes", "must be at least 1");
  if (config.max_routes == 0) fail("max-routes", "must be at least 1");
  if (config.max_wishes == 0) fail("max-wishes", "must be at least 1");
  check_strategy(config, errors);
  if (config.kinds.empty()) fail("kind", "at least one kind of session is needed");
  for (const KindConfig& kind : config.kinds) {
    if (kind.start_timeout <= config.lease_margin) {
      fail("kind." + kind.name + ".start-timeout", "must be longer than lease-margin (" +
                                                       in_seconds(config.lease_margin) + "), is " +
                                                       in_seconds(kind.start_timeout));
    }
    if (kind.can_suspend && kind.resume_timeout < kind.start_timeout) {
      fail("kind." + kind.name + ".resume-timeout",
           "must not be shorter than start-timeout (" + in_seconds(kind.start_timeout) +
               "), since a resume is a start that also loads what was saved; is " + in_seconds(kind.resume_timeout));
    }
    if (kind.idle_after != Duration{0} && kind.idle_after <= config.heartbeat) {
      fail("kind." + kind.name + ".idle", "after must be longer than a heartbeat (" + in_seconds(config.heartbeat) +
                                              "), is " + in_seconds(kind.idle_after) + "; 0 s means no idle rule");
    }
    if (kind.idle_after != Duration{0} && kind.idle_then == IdleThen::kSuspend && !kind.can_suspend) {
      fail("kind." + kind.name + ".idle",
           "says suspend, but sessions of this kind cannot be suspended; expected then = \"end\"");
    }
  }
  return errors;
}

}  // namespace homing::core
