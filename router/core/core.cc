// SPDX-License-Identifier: Apache-2.0
//
// Entrance and exit of the core: dispatch, deadlines, the effect stream and its fingerprint, copies. See core_state.h.
#include "router/core/core.h"

#include <algorithm>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

Core::State::State(NodeId self_id, Config c) : self(self_id), config(std::move(c)) {
  build_classes();
}

Core::State::State(const State& other)
    : self(other.self),
      config(other.config),
      now(other.now),
      counters(other.counters),
      fingerprint(other.fingerprint),
      deadlines(other.deadlines),
      timeline(other.timeline),
      cursor(other.cursor),
      next_token(other.next_token),
      read_token(other.read_token),
      read_sent(other.read_sent),
      read_again(other.read_again),
      synced(other.synced),
      store_away(other.store_away),
      reads(other.reads),
      calls(other.calls),
      booted(other.booted),
      boot(other.boot),
      measured(other.measured),
      has_measured(other.has_measured),
      reported_at(other.reported_at),
      reported_once(other.reported_once),
      join(other.join),
      renewing(other.renewing),
      sweep_self(other.sweep_self),
      own_incarnation(other.own_incarnation),
      own_generation(other.own_generation),
      lease_sent(other.lease_sent),
      hold_until(other.hold_until),
      standing(other.standing),
      standing_why(other.standing_why),
      launcher_up(other.launcher_up),
      inventory_pending(other.inventory_pending),
      hosted_stale(other.hosted_stale),
      any_frozen(other.any_frozen),
      starts_changed(other.starts_changed),
      inventory(other.inventory),
      nodes(other.nodes),
      thresholds(other.thresholds),
      routes(other.routes),
      finished(other.finished),
      users(other.users),
      hosted(other.hosted),
      wishes(other.wishes),
      requests(other.requests),
      ends(other.ends),
      admins(other.admins),
      sweeps(other.sweeps),
      queue(other.queue),
      line(other.line),
      own_tickets(other.own_tickets),
      capacity_changed(other.capacity_changed),
      line_changed(other.line_changed),
      places(other.places),
      effects(other.effects),
      explained_user(other.explained_user),
      tables(other.tables) {
  for (const auto& [labels, c] : other.classes) {
    LabelClass& mine = classes[labels];
    mine.strategy = c.strategy->clone();
    mine.verdict = c.verdict;
    mine.told = c.told;
    mine.refused = c.refused;
  }
}

Core::Core(NodeId self, Config config) : state_(std::make_unique<State>(self, std::move(config))) {
  CHECK(validate(state_->config).empty());
}
Core::Core(const Core& other) : state_(std::make_unique<State>(*other.state_)) {}
Core& Core::operator=(const Core& other) {
  if (this != &other) state_ = std::make_unique<State>(*other.state_);
  return *this;
}
Core::Core(Core&&) noexcept = default;
Core& Core::operator=(Core&&) noexcept = default;
Core::~Core() = default;

void Core::handle(Instant now, const Event& event) {
  State& s = *state_;
  CHECK(now >= s.now);
  s.now = now;
  ++s.counters.events;
  s.dispatch(event);
  s.settle();
}

void Core::handle_deadline(Instant now) {
  State& s = *state_;
  CHECK(now >= s.now);
  CHECK(now >= s.deadlines.next());
  s.now = now;
  ++s.counters.deadlines;
  s.run_deadlines();
  s.settle();
}

Instant Core::next_deadline() const {
  return state_->deadlines.next();
}
Instant Core::heartbeat_due() const {
  return state_->deadlines.due(deadline_key(Timer::kHeartbeat));
}
std::span<const Effect> Core::effects() const {
  return state_->effects;
}
void Core::take_effects(std::vector<Effect>& into) {
  CHECK(into.empty());
  std::swap(into, state_->effects);
}
void Core::clear_effects() {
  state_->effects.clear();
}
std::uint64_t Core::fingerprint() const {
  return state_->fingerprint.value();
}

void Core::State::dispatch(const Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

// What several machines may have asked for in one turn is done once at its end.
void Core::State::settle() {
  check_standing();
  if (starts_changed) serve_starts();
  if (capacity_changed || line_changed) serve_line();
}

void Core::State::run_deadlines() {
  while (const auto key = deadlines.pop_due(now)) {
    const SessionId session{key->hi, key->lo};
    switch (static_cast<Timer>(key->purpose)) {
      case Timer::kHeartbeat:
        heartbeat();
        break;
      case Timer::kStanding:
      case Timer::kHold:
        break;  // settle() looks at it
      case Timer::kSweep:
        start_sweep(NodeId{static_cast<std::uint32_t>(key->hi)});
        break;
      case Timer::kWish:
        advance_wish(session);
        break;
      case Timer::kHostedStart:
        advance_hosted(session);
        break;
      case Timer::kQueueAsk:
        ask_again(session);
        break;
      case Timer::kQueueExpire:
        expire_ticket(session);
        break;
      case Timer::kQueueHead:
        serve_head(key->hi);
        break;
      case Timer::kIdle:
        idle_due(session);
        break;
    }
  }
}

NodeId Core::self() const {
  return state_->self;
}
const Config& Core::config() const {
  return state_->config;
}
const CoreCounters& Core::counters() const {
  return state_->counters;
}
std::uint32_t Core::node_count() const {
  return static_cast<std::uint32_t>(state_->nodes.size());
}
std::uint32_t Core::hosted_count() const {
  return static_cast<std::uint32_t>(state_->hosted.size());
}
std::uint32_t Core::queue_length() const {
  return static_cast<std::uint32_t>(state_->line.size());
}
bool Core::may_order(Instant now) const {
  const State& s = *state_;
  return s.join == JoinState::kJoined && now < s.lease_sent + s.config.lease_ttl - s.config.lease_margin &&
         now >= s.hold_until;
}

NodeStatus Core::node(NodeId id, Instant now) const {
  NodeStatus status;
  if (id.value >= state_->nodes.size()) return status;
  const NodeEntry& n = state_->nodes[id.value];
  status.row = n.row;
  status.version = n.version;
  status.view = n.view;
  status.sessions_seen = n.load.sessions();
  status.report_age = now - n.report_received;
  status.known = n.known;
  return status;
}

namespace {

RouteValue to_route(const Known& k) {
  return {k.user, k.node, k.epoch, k.incarnation, k.kind, k.state, k.reason};
}

}  // namespace

std::optional<RouteValue> Core::route(SessionId id) const {
  const auto it = state_->routes.find(id);
  if (it == state_->routes.end() || it->second.state == SessionState::kEnded) return std::nullopt;
  return to_route(it->second);
}

std::vector<std::pair<SessionId, RouteValue>> Core::routes() const {
  std::vector<std::pair<SessionId, RouteValue>> all;
  all.reserve(state_->routes.size());
  for (const auto& [id, known] : state_->routes) {
    if (known.state != SessionState::kEnded) all.emplace_back(id, to_route(known));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

}  // namespace homing::core
