// SPDX-License-Identifier: Apache-2.0
//
// One epoch of one session, as sessions.cc and session_life.cc share it.
// Thread class: single-owner.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <string>
#include <string_view>

#include "router/launcher/sessions.h"

namespace homing::launcher {

struct Sessions::Session {
  Session(boost::asio::io_context& io, const core::SessionId& i, core::Epoch e) : id(i), epoch(e), pidfd(io) {}

  // A kind that left the configuration is treated as the stricter one.
  bool freezes() const { return kind == nullptr || kind->without_store == core::WithoutStore::kFreeze; }

  core::SessionId id;
  core::Epoch epoch;
  const base::KindEntry* kind = nullptr;  // null: adopted, and the configuration no longer has it
  std::string kind_name, user, prefix;
  std::uint64_t memory_bytes = 0;
  core::Instant deadline{};
  ProcessState state = ProcessState::kStarting;
  pid_t pid = 0;  // 0: not yet, or no more
  boost::asio::posix::stream_descriptor pidfd;
  Descriptor exec_error;
  Endpoint endpoint;
  bool answered = false;
  bool leader_gone = false;
  bool on_request = false;
  int exit_status = -1;
  int signal = 0;
  FailReason failure = FailReason::kCommand;
  std::string failure_text;  // why it was stopped, or could not start; empty: it ended by itself
};

// Where an epoch listens; the secret is read from the session's folder.
Endpoint endpoint_in(const std::string& folder, core::Epoch epoch, std::uint16_t port);

}  // namespace homing::launcher
