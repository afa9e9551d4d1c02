// SPDX-License-Identifier: Apache-2.0
//
// One thread's share of the proxy: its loop, its reaper, its connections to session processes and peers that may be
// used again.
//
// Reuse: a connection is kept under a key that names the session's epoch (or the peer and the user), so that what one
// person's request left on it can never reach another's. Before reuse it is looked at: anything readable on an idle
// connection (an answer nobody asked for, an end) makes it unusable.
// Thread class: single-owner (the worker's thread), except `io`.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "router/net/stream.h"

namespace homing::net {

class IdleStreams {
 public:
  static constexpr std::size_t kMaxPerKey = 8;
  static constexpr std::size_t kMax = 1024;
  static constexpr Millis kIdle{15'000};

  // A connection that still seems fit, or nullptr.
  std::unique_ptr<Stream> take(const std::string& key);
  // At a maximum the connection is closed instead.
  void give(const std::string& key, std::unique_ptr<Stream> stream);
  void clear();

 private:
  absl::flat_hash_map<std::string, std::vector<std::unique_ptr<Stream>>> idle_;
  std::size_t count_ = 0;
};

struct Worker {
  static constexpr std::size_t kScratchBytes = 64 * 1024;

  Reaper reaper;  // before io: what io still holds when it ends refers to it
  asio::io_context io{1};
  IdleStreams idle;
  std::array<char, kScratchBytes> scratch{};
};

}  // namespace homing::net
