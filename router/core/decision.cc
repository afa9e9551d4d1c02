// SPDX-License-Identifier: Apache-2.0
#include "router/core/decision.h"

#include "router/core/effect.h"

namespace homing::core {

std::string_view to_string(SessionState state) {
  switch (state) {
    case SessionState::kPlaced:
      return "placed";
    case SessionState::kStarting:
      return "starting";
    case SessionState::kReady:
      return "ready";
    case SessionState::kSuspended:
      return "suspended";
    case SessionState::kEnded:
      return "ended";
    case SessionState::kLost:
      return "lost";
    case SessionState::kRefused:
      return "refused";
  }
  return "?";
}

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::kNone:
      return "none";
    case EndReason::kOwner:
      return "closed by its owner";
    case EndReason::kIdle:
      return "idle for too long";
    case EndReason::kDrained:
      return "planned stop of its node";
    case EndReason::kProcessExited:
      return "its process ended by itself";
    case EndReason::kOutOfMemory:
      return "out of memory";
    case EndReason::kNodeDead:
      return "its node was declared dead";
    case EndReason::kProcessGone:
      return "its node lives but the process is gone";
    case EndReason::kNodeFull:
      return "the node was full";
    case EndReason::kStartFailed:
      return "the start command failed";
    case EndReason::kStartTimeout:
      return "it did not answer in time";
    case EndReason::kNotAccepted:
      return "the node did not accept in time";
    case EndReason::kLauncherAway:
      return "the node's launcher does not answer";
    case EndReason::kFenced:
      return "a newer epoch took over";
  }
  return "?";
}

std::string_view to_string(NodeLife life) {
  switch (life) {
    case NodeLife::kUp:
      return "up";
    case NodeLife::kLeft:
      return "left";
    case NodeLife::kDead:
      return "dead";
  }
  return "?";
}

std::string_view to_string(NodeAdmin admin) {
  switch (admin) {
    case NodeAdmin::kReady:
      return "ready";
    case NodeAdmin::kDrain:
      return "drain";
    case NodeAdmin::kMaintenance:
      return "maint";
  }
  return "?";
}

std::string_view to_string(NodeRefusal refusal) {
  switch (refusal) {
    case NodeRefusal::kNotUp:
      return "not up";
    case NodeRefusal::kSuspect:
      return "suspect";
    case NodeRefusal::kAdmin:
      return "drain or maintenance";
    case NodeRefusal::kLabels:
      return "lacks a label";
    case NodeRefusal::kFull:
      return "full";
    case NodeRefusal::kMemory:
      return "too little memory";
    case NodeRefusal::kExcluded:
      return "refused this session before";
  }
  return "?";
}

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kUnknownSession:
      return "no such session";
    case Refusal::kNotOwner:
      return "belongs to somebody else";
    case Refusal::kEnded:
      return "the session is over";
    case Refusal::kLost:
      return "the session was lost; its owner can start it again";
    case Refusal::kSuspended:
      return "the session is asleep and this request does not wake it";
    case Refusal::kUserLimit:
      return "the user has as many sessions as allowed";
    case Refusal::kNoNode:
      return "no node of the cluster can run this kind";
    case Refusal::kQueueFull:
      return "the queue is full";
    case Refusal::kStartFailed:
      return "it could not be started";
    case Refusal::kStoreAway:
      return "the store does not answer; nothing new can start";
    case Refusal::kLeaseExpired:
      return "this node could not renew its lease";
    case Refusal::kOverloaded:
      return "this router is at its limit";
    case Refusal::kUnknownKind:
      return "unknown kind of session";
    case Refusal::kTimelineChange:
      return "the store failed over a moment ago; starts wait";
  }
  return "?";
}

std::string_view to_string(NodeView view) {
  switch (view) {
    case NodeView::kUp:
      return "up";
    case NodeView::kSuspect:
      return "suspect";
    case NodeView::kLeaseExpired:
      return "lease expired";
    case NodeView::kDead:
      return "dead";
    case NodeView::kLeft:
      return "left";
  }
  return "?";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kForward:
      return "forward";
    case Outcome::kWaiting:
      return "waiting";
    case Outcome::kQueued:
      return "queued";
    case Outcome::kRefused:
      return "refused";
  }
  return "?";
}

}  // namespace homing::core
