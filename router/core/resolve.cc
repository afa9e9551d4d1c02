// SPDX-License-Identifier: Apache-2.0
#include "router/core/resolve.h"

namespace homing::core {

namespace {

Resolution refuse(Refusal why) {
  return {ResolveAction::kRefuse, kNoNode, Epoch{}, why};
}

}  // namespace

Resolution resolve(const RouteValue* route, NodeId self, UserId user, bool wakes, const RouteHint* hint) {
  if (route == nullptr) {
    if (hint != nullptr && hint->node != kNoNode && hint->node != self) {
      return {ResolveAction::kForward, hint->node, hint->epoch, Refusal::kNone};
    }
    return {};  // kAsk
  }
  if (route->user != user) return refuse(Refusal::kNotOwner);
  switch (route->state) {
    case SessionState::kReady:
      return {route->node == self ? ResolveAction::kServe : ResolveAction::kForward, route->node, route->epoch,
              Refusal::kNone};
    case SessionState::kPlaced:
    case SessionState::kStarting:
    case SessionState::kRefused:
      return {};
    case SessionState::kSuspended:
      if (wakes) return {};
      return refuse(Refusal::kSuspended);
    case SessionState::kEnded:
      return refuse(Refusal::kEnded);
    case SessionState::kLost:
      return refuse(Refusal::kLost);
  }
  return {};
}

}  // namespace homing::core
