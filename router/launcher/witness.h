// SPDX-License-Identifier: Apache-2.0
//
// One signed question between nodes: "your router does not renew its lease; do its sessions live?" A router asks the
// launcher of the other node by UDP, on a port of the launcher's own; only a launcher whose router is away and that has
// living sessions answers. That answer holds back the declaration of death: a router that is down costs nobody a
// session.
//
// A datagram is the question (node, incarnation, nonce, and whether it is the answer) and its HMAC-SHA-256 under a key
// derived from the cluster's secret. The answer repeats the nonce, so an old one says nothing. Lost datagrams are as
// good as silence: the question comes again each heartbeat.
// The launcher speaks of living processes only, so one that started after the machine did answers nothing for sessions
// that went down with it.
// Thread class: single-owner (the executor's thread).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/base/endpoint.h"
#include "router/core/ids.h"

namespace homing::launcher {

struct WitnessMessage {
  core::NodeId node{};
  core::Incarnation incarnation{};
  std::uint64_t nonce = 0;
  bool answer = false;
  friend bool operator==(const WitnessMessage&, const WitnessMessage&) = default;
  template <class A>
  void archive(A& a) {
    a(node, incarnation, nonce, answer);
  }
};

// `secret`: the cluster's secret. open() returns nothing for what is cut, forged or longer than it should be.
std::string seal_witness(const WitnessMessage& message, std::string_view secret);
std::optional<WitnessMessage> open_witness(std::string_view datagram, std::string_view secret);

// The launcher's side.
class Witness {
 public:
  // `vouches` is asked at each valid question: router away, sessions alive?
  Witness(boost::asio::any_io_executor executor, core::NodeId self, std::string secret, std::function<bool()> vouches);
  ~Witness();
  // The error is one sentence with the fix.
  std::optional<std::string> open(const base::Endpoint& address);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// The router's side.
class WitnessAsker {
 public:
  // `launchers`: by node. `on_alive`: a launcher vouched for that instance.
  WitnessAsker(boost::asio::any_io_executor executor, const std::vector<base::Endpoint>& launchers, std::string secret,
               std::function<void(core::NodeId, core::Incarnation)> on_alive);
  ~WitnessAsker();
  // Never blocks; what cannot be sent is silence.
  void ask(core::NodeId node, core::Incarnation incarnation);
  void close();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace homing::launcher
