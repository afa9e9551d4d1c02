// SPDX-License-Identifier: Apache-2.0
//
// How a request is carried to a session: the ways there, and what can become of them. The servants themselves are
// declared in front.h.
// Thread class: as Call.
#pragma once

#include <string>

#include "router/net/front.h"
#include "router/wire/rewrite.h"

namespace homing::net {

// One way to a session: to its process here or to the node that holds it. The fields that go there are in the call's
// workspace.
struct Way {
  core::NodeId node = core::kNoNode;
  const ProcessAddress* process = nullptr;  // here, or
  const base::NodeEntry* holder = nullptr;  // the node that holds it
  PoolKey key;                              // connections are reused only under the same key
  std::string_view target;                  // empty: as it was asked for
  bool to_peer = false;
  const wire::Stripped* stripped = nullptr;  // the kind's prefix is taken away: answers get it again
  AnswerEditor* editor = nullptr;
};

enum class Carried : std::uint8_t {
  kAnswered = 0,  // the client has its answer (or is gone)
  kMisdirected,   // the peer does not hold it; nothing was sent to the client, no byte of a body was used
  kUnreachable,
  kSilent,
  kBad,
  kClientBad,   // the body of the request is none
  kClientSlow,  // it did not come in time
};

// REQUIRES: the call's body is unread.
Task<Carried> carry(Call& call, const Way& way);
Task<void> refuse_carried(Call& call, Carried carried, Trouble unreachable);
// To the process of `route` on this node.
Task<void> serve_here(Call& call, const core::SessionId& session, const core::RouteValue& route, AnswerEditor* editor);

std::string login_set_cookie(const Call& call, const User& user, WallSeconds now);

}  // namespace homing::net
