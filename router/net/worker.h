// SPDX-License-Identifier: Apache-2.0
//
// One thread's share of the proxy: its loop, its spare workspaces, its connections to session processes and peers that
// may be used again.
//
// Reuse: a connection is kept under a key that names session, epoch and user (or peer and user), so that what one
// person's request left on it can never reach another's. Before reuse it is looked at: anything readable on an idle
// connection (an answer nobody asked for, an end) makes it unusable.
// Thread class: single-owner (the worker's thread), except what the loop says.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/core/ids.h"
#include "router/io/stream.h"
#include "router/net/access_log.h"
#include "router/net/headers.h"
#include "router/net/log_sink.h"
#include "router/wire/answer_head.h"
#include "router/wire/request_head.h"

namespace homing::net {

// What is known of one request for the access log, beside its head. Strings keep their room from request to request.
struct Access {
  std::string id;  // of this request, here and upstream: 15 hexadecimal digits, which std::string holds inline
  std::string client_address;
  std::string session;  // its id as text
  std::string hop;      // "here", "to n2", "for n1", "none"
  std::string detail;
  std::string_view kind;  // of the configuration in force, as `node`
  std::string_view node;  // where it was served
  EndedBy ended_by = EndedBy::kNobody;
  EndPhase ended_in = EndPhase::kAnswerBody;
  unsigned status = 0;
  unsigned retries = 0;
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  // Of the loop's clock; 0: not reached.
  std::int64_t began_ns = 0;       // the head's first byte
  std::int64_t head_ns = 0;        // its last
  std::int64_t ready_ns = 0;       // the session may be asked
  std::int64_t connected_ns = 0;   // there is a connection to it
  std::int64_t first_byte_ns = 0;  // the answer's head was there

  void clear();
  void ended(EndedBy who, EndPhase phase) { ended_by = who, ended_in = phase; }
};

// The room that one request needs while it is served; kept between requests, so that they allocate nothing. A
// connection that waits, and a tunnel, hold none.
struct Workspace {
  wire::RequestHead request;
  wire::AnswerHead answer;
  FieldList request_fields;
  FieldList answer_fields;
  FieldList answer_added;
  std::string up;    // a head on its way to the session
  std::string down;  // a head on its way to the client
  std::string forwarded;
  Access access;
};

struct PoolKey {
  core::UserId user{};
  core::SessionId session;  // of a process here; else
  core::NodeId peer = core::kNoNode;
  core::Epoch epoch{};
  friend bool operator==(const PoolKey&, const PoolKey&) = default;
  template <class H>
  friend H AbslHashValue(H h, const PoolKey& k) {
    return H::combine(std::move(h), k.user, k.session, k.peer, k.epoch);
  }
};

class IdleStreams {
 public:
  static constexpr std::size_t kMaxPerKey = 64;
  static constexpr std::size_t kMax = 4096;
  static constexpr std::int64_t kIdleMs = 15'000;

  // A connection that still seems fit, or nullptr.
  std::unique_ptr<io::Stream> take(const PoolKey& key);
  // At a maximum the connection is closed instead.
  void give(const PoolKey& key, std::unique_ptr<io::Stream> stream);
  void clear();
  std::size_t size() const { return count_; }

 private:
  void purge();

  absl::flat_hash_map<PoolKey, std::vector<std::unique_ptr<io::Stream>>> idle_;
  std::size_t count_ = 0;
};

class Tunnel;
struct Settings;

// Hands the worker's lines over when they are old enough, however quiet the loop is.
class LaneTimer final : public io::Timer {
 public:
  explicit LaneTimer(io::Loop& loop) : loop_(loop) {}
  LogSink::Lane* lane = nullptr;  // nullptr: no access log
  void line_ended() {
    if (!is_set()) set(loop_.wheel(), loop_.now_ms() + kEveryMs);
  }

 private:
  static constexpr std::int64_t kEveryMs = 1000;
  void fire() override {
    lane->tick(core::Instant(core::Duration(loop_.now_ns())));
    if (lane->holds_lines() && !loop_.closing()) set(loop_.wheel(), loop_.now_ms() + kEveryMs);
  }
  io::Loop& loop_;
};

struct Worker {
  static constexpr std::size_t kScratchBytes = 64 * 1024;
  static constexpr std::size_t kSpares = 64;

  std::unique_ptr<Workspace> take_workspace();
  void give_workspace(std::unique_ptr<Workspace> workspace);

  io::Loop loop;
  std::shared_ptr<const Settings> settings;  // in force for what begins now
  LaneTimer access{loop};
  IdleStreams idle;
  std::vector<std::unique_ptr<Workspace>> spares;
  std::array<char, kScratchBytes> scratch{};
  // Everything that is open here, so that it can be closed.
  absl::flat_hash_set<io::Stream*> clients;
  absl::flat_hash_set<Tunnel*> tunnels;
  std::int64_t requests_in_hand = 0;
  // Another process has the doors: what runs is finished, and no connection serves another request.
  bool retiring = false;
  std::uint64_t next_request_id() {
    request_id_ += 0x9e3779b97f4a7c15ULL;  // odd: every value once
    return request_id_ ^ (request_id_ >> 29);
  }

 private:
  std::uint64_t request_id_ = random_start();
  static std::uint64_t random_start();
};

}  // namespace homing::net
