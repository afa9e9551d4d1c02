// SPDX-License-Identifier: Apache-2.0
//
// "Why is it there, why is it gone", asked of the whole cluster: a router remembers the placements it made itself, so
// the one that is asked asks the others, over their cluster doors, and merges what they say.
// Thread class: as Call.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "router/net/front.h"

namespace homing::net {

inline constexpr std::string_view kPeerWhy = "/peer/why/";

// The admin door's GET /v1/sessions/ID/why. Peers that do not answer within a second are left out.
Task<void> serve_why(Call& call, std::string id);
// The cluster door's GET /peer/why/ID, sealed like a forwarded head: this router's own memory.
Task<void> serve_peer_why(Call& call);

}  // namespace homing::net
