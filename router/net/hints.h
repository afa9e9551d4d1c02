// SPDX-License-Identifier: Apache-2.0
//
// Datagrams between nodes that say "look at the store now". A hint is never believed, so a lost, late, doubled or
// forged one costs at most a read of the store, and a burst of them costs one: they are gathered for kGather. The
// socket is UDP on the cluster listener's address. Thread class: single-owner (the driver's thread).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "router/base/router_config.h"
#include "router/net/credentials.h"

namespace homing::net {

class HintSocket {
 public:
  static constexpr std::chrono::milliseconds kGather{2};

  HintSocket(boost::asio::any_io_executor executor, const base::RouterConfig& config, const Credentials& credentials,
             std::function<void()> on_hint);
  ~HintSocket();

  // `inherited`: the descriptor of the router that hands over to this one, or -1. The error is one sentence.
  std::optional<std::string> open(int inherited = -1);
  int descriptor() const;  // for a router that takes over
  // To one node, or to all others for kNoNode. Never blocks.
  void send(core::NodeId node);
  void close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace homing::net
