// SPDX-License-Identifier: Apache-2.0
//
// People: they come, ask the router that the front gives them, work, and leave. When something breaks they notice after
// the reaction time that the plan gives them, and click as soon as there is something to click.
//
// What a person feels follows from the published routes, the processes and the front alone: working when a request
// would reach a living process; cut when a process lives but is not reached; lost when there was one and is none;
// waiting until the first one answers.
#include <algorithm>
#include <utility>

#include "router/core/check.h"
#include "router/core/draws.h"
#include "sim/world.h"

namespace homing::sim {
namespace {

constexpr core::Duration kFarewellAgain = core::seconds(60);
constexpr std::uint32_t kMaxFarewells = 120;  // two hours; then what still runs is an orphan (a test looks for these)
constexpr core::Duration kNoRouterRetry = core::seconds(10);

}  // namespace

Reach World::reach(std::uint32_t router, core::SessionId session, core::UserId user) const {
  const Machine& front = machines_[router];
  if (!front.core) return {};
  const auto route = front.routes.find(session);
  if (route == front.routes.end()) return {};
  const auto way = core::resolve(&route->second, core::NodeId(router), user, false, nullptr);
  if (way.action != core::ResolveAction::kServe && way.action != core::ResolveAction::kForward) return {};
  if (way.node.value >= machines_.size()) return {};
  const Machine& holder = machines_[way.node.value];
  if (!holder.core) return {};
  if (!links_.peers_talk(router, way.node.value)) return {};
  if (way.action == core::ResolveAction::kForward) {
    // The holder has the last word: it serves only what its own table gives it.
    const auto own = holder.routes.find(session);
    if (own == holder.routes.end()) return {};
    const auto last = core::resolve(&own->second, way.node, user, false, nullptr);
    if (last.action != core::ResolveAction::kServe || last.epoch != way.epoch) return {};
  }
  const auto process = holder.processes.find({session, way.epoch});
  if (process == holder.processes.end()) return {};
  const Process& found = processes_[process->second];
  if (found.state != Process::State::kReady || found.frozen) return {};
  return {true, process->second};
}

std::uint32_t World::choose_router(std::uint32_t v) const {
  const auto routers = static_cast<std::uint32_t>(scenario_->routers);
  std::uint32_t first = 0;
  switch (scenario_->front.policy) {
    case FrontPolicy::kRoundRobin:
      first = (v + stays_[v].tries) % routers;
      break;
    case FrontPolicy::kStickyCookie:
    case FrontPolicy::kOwnNode:
      first = user_choice(plan_->seed, visit(v).user, routers);
      break;
    case FrontPolicy::kOneNode:
      return 0;
  }
  if (scenario_->front.policy == FrontPolicy::kOwnNode) return first;
  for (std::uint32_t i = 0; i < routers; ++i) {
    if (front_sees_[(first + i) % routers]) return (first + i) % routers;
  }
  return kNone;
}

std::uint32_t World::any_router() const {
  for (std::uint32_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i].serves && answers_people(i) && links_.sees_store(i)) return i;
  }
  return kNone;
}

void World::arrive(std::uint32_t v) {
  Stay& stay = stays_[v];
  CHECK(stay.phase == Stay::Phase::kToCome);
  stay.phase = Stay::Phase::kPresent;
  stay.session = session_id(plan_->seed, visit(v), 0);
  visit_by_session_[stay.session] = v;
  stay.router = choose_router(v);
  const std::int64_t arrival = v < first_fresh_ ? now_ns() : visit(v).arrival_ns;
  journal_.visit_begins(arrival, v, visit(v).user, kind_of(v).patience.count(), visit(v).kind, visit(v).end_ns);
  if (visit(v).end_ns != kNoPlannedEnd) at(std::max(now_, from_scenario(visit(v).end_ns)), What::kLeave, v);
  stay.click_due = true;
  click(v);
}

void World::ask(std::uint32_t v, core::Intent intent) {
  Stay& stay = stays_[v];
  CHECK(!stay.request_open);
  stay.request = core::RequestId(++requests_);
  stay.request_open = true;
  visit_by_request_[stay.request] = v;
  const core::SessionWanted wanted{stay.request, stay.session, user_id(plan_->seed, visit(v).user),
                                   core::KindId(static_cast<std::uint16_t>(visit(v).kind)), intent};
  deliver(stay.router, wanted, scenario_->delay.user + links_.user(stay.router, Way::kIn).delay);
}

void World::answered(std::uint32_t machine, const core::Answer& answer) {
  if (answer.outcome == core::Outcome::kWaiting) return;
  const auto found = visit_by_request_.find(answer.request);
  if (found == visit_by_request_.end()) return;
  const std::uint32_t v = found->second;
  if (answer.outcome == core::Outcome::kQueued) return journal_.queued(v, answer.position);
  visit_by_request_.erase(found);
  Stay& stay = stays_[v];
  if (!stay.request_open || stay.request != answer.request || stay.router != machine) return;
  stay.request_open = false;
  if (stay.phase != Stay::Phase::kPresent) return;
  if (answer.outcome == core::Outcome::kRefused && answer.refusal == core::Refusal::kEnded) {
    new_session(v);
    stay.click_due = true;
    return click(v);
  }
  feel(v);
  if (stay.feeling != Feeling::kWorking) bad_news(v);
}

// What is over cannot be restarted: the person opens another session.
void World::new_session(std::uint32_t v) {
  Stay& stay = stays_[v];
  visit_by_session_.erase(stay.session);
  stay.session = session_id(plan_->seed, visit(v), ++stay.session_attempt);
  ready_changes(v, -static_cast<int>(stay.ready));
  stay.alive = 0;
  stay.saved_memory = 0;
  stay.newest = {};
  visit_by_session_[stay.session] = v;
}

void World::feel(std::uint32_t v) {
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kPresent || stay.asleep) return;
  Reach way;
  if (stay.ready > 0 && stay.router != kNone && links_.users_reach(stay.router)) {
    way = reach(stay.router, stay.session, user_id(plan_->seed, visit(v).user));
  }
  Feeling feeling = Feeling::kWaiting;
  if (way.served) {
    feeling = Feeling::kWorking;
  } else if (stay.ever_served && !stay.waking && stay.saved_memory == 0) {
    feeling = stay.ready > 0 ? Feeling::kCut : Feeling::kLost;
  }
  count_served(v, way.served ? stay.router : kNone);
  // The newer process has answered, and the older one still gets this person's bytes.
  const bool stale = way.served && processes_[way.process].epoch < stay.newest &&
                     now_ - machines_[stay.router].saw_store <= scenario_->cluster.lease_ttl;
  if (stale && !stay.stale) journal_.stickiness_violation();
  stay.stale = stale;
  const Feeling before = std::exchange(stay.feeling, feeling);
  if (feeling != before) journal_.feels(now_ns(), v, feeling);
  if (feeling == Feeling::kWorking) {
    if (before != Feeling::kWorking) {
      stay.ever_served = true;
      stay.waking = false;
      stay.storm_within = {};
      stay.click_due = false;
      stay.tries = 0;
      ++stay.react_generation;
      ++stay.retry_generation;
      journal_.signed_in(now_ns(), v);
    }
    go_on_working(way.process);
  } else if (before == Feeling::kWorking) {
    bad_news(v);
  }
}

void World::bad_news(std::uint32_t v) {
  Stay& stay = stays_[v];
  stay.click_due = false;
  core::Duration reaction(reaction_ns(plan_->seed, visit(v), stay.news));
  if (stay.storm_within.count() > 0) {
    reaction = storm_reaction(v);
    if (stay.storm_tries < 255) ++stay.storm_tries;
  }
  ++stay.news;
  at(now_ + reaction, What::kReact, v, ++stay.react_generation);
}

void World::react(std::uint32_t v) {
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kPresent || stay.feeling == Feeling::kWorking) return;
  stay.click_due = true;
  click(v);
}

// Does what a person can do at this moment; when there is nothing, route_changed() and the front come back here.
void World::click(std::uint32_t v) {
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kPresent || !stay.click_due || stay.request_open) return;
  if (stay.router == kNone || !answers_people(stay.router)) return no_answer(v);
  const Machine& router = machines_[stay.router];
  const auto route = router.routes.find(stay.session);
  const core::RouteValue* known = route == router.routes.end() ? nullptr : &route->second;
  const auto way = core::resolve(known, core::NodeId(stay.router), user_id(plan_->seed, visit(v).user), true, nullptr);
  const bool fresh = !stay.ever_served && stay.news == 0;
  switch (way.action) {
    case core::ResolveAction::kServe:
    case core::ResolveAction::kForward:
      return no_answer(v);  // the holder does not answer: an error page
    case core::ResolveAction::kAsk:
      break;
    case core::ResolveAction::kRefuse:
      if (way.refusal == core::Refusal::kEnded) new_session(v);
      break;
  }
  const bool sleeps = known != nullptr && known->state == core::SessionState::kSuspended;
  ask(v, fresh ? core::Intent::kStart : sleeps ? core::Intent::kWake : core::Intent::kRestart);
}

void World::route_changed(std::uint32_t machine, const core::SessionId& session) {
  const std::uint32_t v = visit_of(session);
  if (v == kNone) return;
  ended_by_rule(machine, session);
  feel(v);
  if (stays_[v].router == machine && stays_[v].click_due) click(v);
}

void World::leave(std::uint32_t v) {
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kPresent) return;
  journal_.visit_ends(now_ns(), v);
  stay.phase = Stay::Phase::kClosing;
  count_served(v, kNone);
  if (stay.request_open) {
    stay.request_open = false;
    visit_by_request_.erase(stay.request);
    if (answers_people(stay.router)) deliver(stay.router, core::WantWithdrawn{stay.request}, scenario_->delay.user);
  }
  if (kind_of(v).stays_open && stay.alive > 0) {
    stay.left_open = true;
    return;
  }
  say_farewell(v);
}

void World::say_farewell(std::uint32_t v) {
  Stay& stay = stays_[v];
  const bool own = stay.router != kNone && answers_people(stay.router) && links_.sees_store(stay.router);
  const std::uint32_t router = own ? stay.router : any_router();
  ++stay.farewells;
  if (router != kNone) deliver(router, core::EndWanted{stay.session, core::EndReason::kOwner}, scenario_->delay.user);
  at(now_ + (router != kNone ? kFarewellAgain : kNoRouterRetry), What::kMakeSureGone, v);
}

// Closing is repeated until the process is gone, as a home page does that still lists the session.
void World::make_sure_gone(std::uint32_t v) {
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kClosing) return;
  // Somebody who closes while the start is under way looks once more.
  if ((stay.alive > 0 || stay.farewells < 2) && stay.farewells < kMaxFarewells) return say_farewell(v);
  stay.phase = Stay::Phase::kOver;
  visit_by_session_.erase(stay.session);
}

// ---- the front
// ---------------------------------------------------------------------------------------------------------

// Open requests through a router that is gone are gone with it; who worked through it notices.
void World::people_lose(std::uint32_t machine) {
  for (std::uint32_t v = 0; v < stays_.size(); ++v) {
    Stay& stay = stays_[v];
    if (stay.phase != Stay::Phase::kPresent || stay.router != machine) continue;
    if (stay.request_open) {
      stay.request_open = false;
      visit_by_request_.erase(stay.request);
    }
    feel(v);
  }
}

// From now on the front's checks fail, or succeed again.
void World::front_will_miss(std::uint32_t machine) {
  at(now_ + scenario_->front.check_every * scenario_->front.fail_after, What::kFrontDown, machine,
     ++machines_[machine].front_news);
}

void World::front_will_find(std::uint32_t machine) {
  at(now_ + scenario_->front.check_every, What::kFrontUp, machine, ++machines_[machine].front_news);
}

// The router, or the machine behind it, says nothing. People who wait are brought back by the front; others try again.
void World::no_answer(std::uint32_t v) {
  Stay& stay = stays_[v];
  const FrontSpec::Retry& how = scenario_->front.retry;
  if (how.policy == RetryPolicy::kWait || stay.feeling == Feeling::kWorking) return;
  const std::uint32_t doublings = how.policy == RetryPolicy::kBackOff ? std::min<std::uint32_t>(stay.tries, 20) : 0;
  const core::Duration pause = std::min(how.every * (std::int64_t{1} << doublings), std::max(how.every, how.most));
  // Half to one and a half of it, so that a crowd does not come as one.
  const core::DrawId id{.high = 0, .low = visit(v).user, .visit = visit(v).number, .attempt = stay.tries + stay.news};
  const std::uint64_t share = core::Draws(plan_->seed, core::purpose("retry")).below(id, 1000);
  at(now_ + pause / 2 + pause * static_cast<std::int64_t>(share) / 1000, What::kRetry, v, ++stay.retry_generation);
}

void World::retry(std::uint32_t v) {
  Stay& stay = stays_[v];
  if (stay.phase != Stay::Phase::kPresent || stay.feeling == Feeling::kWorking || stay.request_open) return;
  ++stay.tries;
  stay.router = choose_router(v);
  feel(v);
  if (stay.feeling == Feeling::kWorking) return;
  stay.click_due = true;
  click(v);
}

// Who works through a router that sees no store is counted apart.
void World::count_served(std::uint32_t v, std::uint32_t router) {
  const std::uint32_t before = std::exchange(stays_[v].served_by, router);
  if (before == router) return;
  if (before != kNone) {
    --machines_[before].serving;
    if (machines_[before].blind) journal_.without_store(now_ns(), -1);
  }
  if (router != kNone) {
    ++machines_[router].serving;
    if (machines_[router].blind) journal_.without_store(now_ns(), +1);
  }
}

void World::front_down(std::uint32_t machine) {
  front_sees_[machine] = false;
  for (std::uint32_t v = 0; v < stays_.size(); ++v) {
    Stay& stay = stays_[v];
    if (stay.phase != Stay::Phase::kPresent || stay.router != machine) continue;
    if (stay.request_open) {  // what was asked through it ends with the connection, though the router may live
      stay.request_open = false;
      visit_by_request_.erase(stay.request);
      if (machines_[machine].core) deliver(machine, core::WantWithdrawn{stay.request}, scenario_->delay.user);
    }
    stay.router = choose_router(v);
    feel(v);
    if (stay.feeling == Feeling::kWorking) continue;
    stay.click_due = true;
    click(v);
  }
}

void World::front_up(std::uint32_t machine) {
  front_sees_[machine] = true;
  for (std::uint32_t v = 0; v < stays_.size(); ++v) {
    Stay& stay = stays_[v];
    if (stay.phase != Stay::Phase::kPresent || (stay.router != machine && stay.router != kNone)) continue;
    if (stay.router == kNone) stay.router = choose_router(v);
    feel(v);
    if (stay.feeling == Feeling::kWorking) continue;
    stay.click_due = true;
    click(v);
  }
}

}  // namespace homing::sim
