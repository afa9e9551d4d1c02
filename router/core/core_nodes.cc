// SPDX-License-Identifier: Apache-2.0
//
// Nodes: this one's lease and standing, the others' membership as their rows and the failure detector show it, and who
// is eligible for which label class. Taking over from a dead node is core_takeover.cc.
#include <algorithm>
#include <iterator>
#include <utility>

#include "router/core/core_state.h"

namespace homing::core {

NodeEntry& Core::State::node_entry(NodeId id) {
  CHECK(id.value < config.max_nodes);
  if (id.value >= nodes.size()) {
    nodes.grow(id.value + 1);
    for (auto& [labels, c] : classes) {
      if (!config.serve) break;  // it places nothing
      c.verdict.resize(nodes.size(), kUnseen);
      c.told.resize(nodes.size());
    }
  }
  return nodes[id.value];
}

LeaseLimits Core::State::limits() const {
  return {config.suspect, config.lease_ttl, config.dead};
}

void Core::State::on(const Boot& e) {
  booted = true;
  boot = e;
  arm(Timer::kHeartbeat, now + config.heartbeat);
  read_now();
}

void Core::State::on(const LoadMeasured& e) {
  measured = e.load;
  has_measured = true;
}

// Once a heartbeat: renew the lease, look at the store. A renewal still unanswered is not repeated: the driver reports
// its silence.
void Core::State::heartbeat() {
  arm(Timer::kHeartbeat, now + config.heartbeat);
  if (join == JoinState::kLeft) return;
  if (join == JoinState::kJoined) {
    renew();
  } else {
    try_join();
  }
  read_now();
}

// First renewal of a router's life, or of a new incarnation. The incarnation is kept when the row is up and names the
// same boot of the machine: then a launcher with living sessions stands beside us.
void Core::State::try_join() {
  if (!booted || !synced || renewing || join == JoinState::kLeft || join == JoinState::kLeaving) return;
  NodeEntry& me = node_entry(self);
  NodeRow row;
  if (me.version != Version{}) row = me.row;
  const bool same = me.version != Version{} && row.life == NodeLife::kUp && row.machine == boot.machine;
  row.node = self;
  row.incarnation = same ? row.incarnation : Incarnation{row.incarnation.value + 1};
  if (row.incarnation < own_incarnation) row.incarnation = own_incarnation;
  row.generation = same ? row.generation + 1 : 1;
  row.lease += 1;
  row.life = NodeLife::kUp;
  row.declared_by = kNoNode;
  row.labels = boot.labels;
  row.weight = boot.weight;
  row.max_sessions = boot.max_sessions;
  row.machine = boot.machine;
  join = JoinState::kJoining;
  renewing = true;
  Call c;
  c.purpose = CallPurpose::kRenew;
  c.node = self;
  c.writes.push_back({row, me.version});
  call(std::move(c));
}

void Core::State::renew() {
  if (renewing || join != JoinState::kJoined) return;
  NodeEntry& me = node_entry(self);
  NodeRow row = me.row;
  if (me.version == Version{}) {  // a failover forgot us
    if (!synced) return;
    row.node = self;
    row.incarnation = own_incarnation;
    row.generation = own_generation;
    row.life = NodeLife::kUp;
    row.labels = boot.labels;
    row.weight = boot.weight;
    row.max_sessions = boot.max_sessions;
    row.machine = boot.machine;
  } else if (row.incarnation != own_incarnation || row.life != NodeLife::kUp) {
    if (row.incarnation < own_incarnation) {  // a failover put back an older row of ours
      row.incarnation = own_incarnation;
      row.life = NodeLife::kUp;
      row.declared_by = kNoNode;
    } else {
      fence_self();
      return;
    }
  }
  row.lease += 1;
  const bool report_due = !reported_once || now >= reported_at + config.report_every;
  if (report_due && synced) {
    me.load.advance(own_incarnation, cursor);
    refresh_node(self);
    if (has_measured) row.load = measured;
    row.load.sessions = me.load.counted_sessions();
    row.load.counted = me.load.counted();
    reported_at = now;
    reported_once = true;
  }
  renewing = true;
  Call c;
  c.purpose = CallPurpose::kRenew;
  c.node = self;
  c.writes.push_back({row, me.version});
  call(std::move(c));
}

void Core::State::on_renewed(const Call& c) {
  const NodeRow& row = std::get<NodeRow>(c.writes.front().row);
  if (row.life == NodeLife::kLeft) {
    join = JoinState::kLeft;
    disarm(Timer::kHeartbeat);
    return;
  }
  lease_sent = c.sent;
  const Instant until = lease_sent + config.lease_ttl - config.lease_margin;
  emit(LeaseUntil{until});
  arm(Timer::kStanding, until);
  if (join == JoinState::kJoining) {
    join = JoinState::kJoined;
    own_incarnation = row.incarnation;
    own_generation = row.generation;
    node_entry(self).load.advance(own_incarnation, cursor);
    refresh_node(self);
    sweep_self = true;
    reconcile();
  }
  if (sweep_self && synced) {  // what an earlier incarnation of this node held is gone
    sweep_self = false;
    start_sweep(self);
  }
  check_standing();
}

void Core::State::on(const LeaveWanted&) {
  if (join != JoinState::kJoined) {
    join = JoinState::kLeft;
    return;
  }
  NodeEntry& me = node_entry(self);
  NodeRow row = me.row;
  row.life = NodeLife::kLeft;
  row.lease += 1;
  join = JoinState::kLeaving;
  renewing = true;
  Call c;
  c.purpose = CallPurpose::kRenew;
  c.node = self;
  c.writes.push_back({row, me.version});
  call(std::move(c));
}

// Somebody won the declaration of our death, or a newer instance of us joined. Whatever runs here may already run
// elsewhere: end it, then come back as a new incarnation.
void Core::State::fence_self() {
  std::vector<SessionId> ids;
  for (const auto& [id, h] : hosted) ids.push_back(id);
  for (const SessionId id : ids) drop_hosted(id, EndReason::kFenced);
  lease_sent = Instant{};
  join = JoinState::kReading;
  check_standing();
  read_now();
}

bool Core::State::lease_stands() const {
  return join == JoinState::kJoined && now < lease_sent + config.lease_ttl - config.lease_margin;
}

bool Core::State::may_order() const {
  return lease_stands() && now >= hold_until;
}

// Notices that this node may order again, or no longer; runs once a turn and when the lease would lapse.
void Core::State::check_standing() {
  const bool orders = may_order();
  Refusal why = Refusal::kNone;
  // The lease comes first: it may lapse in the wait after a timeline change, and what must not run without it stops.
  if (!orders) why = lease_stands() ? Refusal::kTimelineChange : Refusal::kLeaseExpired;
  if (orders == standing && why == standing_why) return;
  standing = orders;
  standing_why = why;
  emit(StandingChanged{orders, why});
  if (why == Refusal::kLeaseExpired) {
    freeze_all();
  } else if (orders) {
    advance_all_hosted();
    advance_all_wishes();
    capacity_changed = true;
  }
}

// --- the others ---

namespace {

// Fields in the order of how often they change.
bool same_but_lease(const NodeRow& a, const NodeRow& b) {
  return a.load == b.load && a.life == b.life && a.incarnation == b.incarnation && a.generation == b.generation &&
         a.admin == b.admin && a.declared_by == b.declared_by && a.labels == b.labels && a.weight == b.weight &&
         a.max_sessions == b.max_sessions && a.machine == b.machine && a.node == b.node;
}

}  // namespace

void Core::State::apply_node(const NodeRow& row, Version version) {
  if (row.node.value >= config.max_nodes) return;
  if (!config.serve && row.node != self) return;
  NodeEntry& n = node_entry(row.node);
  if (n.version != Version{} && version <= n.version) return;
  if (row.node != self && n.known && n.view == NodeView::kUp && same_but_lease(n.row, row)) {
    // A heartbeat that says nothing new, as nearly all do when figures are reported less often.
    n.row.lease = row.lease;
    n.version = version;
    n.lease.shown(row.lease, now);
    return;
  }
  const bool first = !n.known;
  const NodeRow before = n.row;
  n.known = true;
  n.row = row;
  n.version = version;
  const bool instance_changed =
      first || before.incarnation != row.incarnation || before.life != row.life || before.admin != row.admin;
  if (first || before.load.counted != row.load.counted || before.incarnation != row.incarnation)
    n.report_received = now;
  if (row.node != self) n.load.report(row.incarnation, row.load.sessions, row.load.counted);
  if (row.node == self && (first || before.incarnation < row.incarnation)) sweep_self = true;
  const bool renewed = n.lease.shown(row.lease, now);
  NodeView view = n.view;
  if (row.life == NodeLife::kDead) {
    view = NodeView::kDead;
  } else if (row.life == NodeLife::kLeft) {
    view = NodeView::kLeft;
  } else if (renewed || first) {
    view = NodeView::kUp;
  }
  if (row.life == NodeLife::kUp && row.node != self && (first || before.life != NodeLife::kUp)) watch_node(row.node);
  if (row.life != NodeLife::kUp && instance_changed) {
    arm(Timer::kSweep, SessionId{row.node.value, 0}, now + config.dead);  // should who declared it die on the way
  }
  const bool view_changed = view != n.view;
  n.view = view;
  if (view_changed || instance_changed) emit(NodeChanged{row.node, row.incarnation, view, row.admin});
  refresh_node(row.node);
  if (row.node == self && join == JoinState::kJoined && !renewing &&
      (row.incarnation > own_incarnation || (row.incarnation == own_incarnation && row.life == NodeLife::kDead))) {
    fence_self();
  }
  if (instance_changed && row.node != self) {  // claims on an instance that is no more
    std::vector<SessionId> ids;
    for (const auto& [id, wish] : wishes) ids.push_back(id);
    for (const SessionId id : ids) advance_wish(id);
  }
  if (instance_changed && row.life == NodeLife::kUp && before.incarnation < row.incarnation && row.node != self) {
    capacity_changed = true;
  }
}

void Core::State::watch_node(NodeId id) {
  if (!config.serve) return;
  for (auto it = thresholds.begin(); it != thresholds.end();) {
    it = it->second == id ? thresholds.erase(it) : std::next(it);
  }
  thresholds.emplace(nodes[id.value].lease.next_threshold(reads, limits()), id);
}

void Core::State::set_view(NodeId id, NodeView view) {
  NodeEntry& n = nodes[id.value];
  if (n.view == view) return;
  n.view = view;
  emit(NodeChanged{id, n.row.incarnation, view, n.row.admin});
  refresh_node(id);
}

// After a complete read: looks only at nodes whose view may have changed by now. An entry that a renewal made stale is
// put back at its true threshold, so a renewal itself costs nothing here.
void Core::State::check_thresholds() {
  if (!config.serve) return;
  const Instant until = reads.observed_until();
  std::vector<NodeId> due;
  while (!thresholds.empty() && thresholds.begin()->first <= until) {
    due.push_back(thresholds.begin()->second);
    thresholds.erase(thresholds.begin());
  }
  for (const NodeId id : due) {
    NodeEntry& n = nodes[id.value];
    if (n.row.life != NodeLife::kUp) continue;  // watched again when it comes back
    set_view(id, n.lease.view(reads, limits()));
    Instant next = n.lease.next_threshold(reads, limits());
    if (n.view == NodeView::kLeaseExpired) {
      emit(AskAlive{id, n.row.incarnation});
      const Duration counts_for = config.dead - config.lease_ttl + config.heartbeat;
      const bool vouched = n.vouched != Instant{} && now - n.vouched <= counts_for;
      if (n.lease.dead(reads, limits()) && !vouched) declare(id);
      next = std::min(next, until + config.heartbeat);
    }
    if (next <= until) next = until + config.heartbeat;
    thresholds.emplace(next, id);
  }
}

// Its router is down, its launcher is not: users are cut, not lost, until the router is started again.
void Core::State::on(const StillAlive& e) {
  if (e.node.value >= nodes.size() || nodes[e.node.value].row.incarnation != e.incarnation) {
    ++counters.stale_events;
    return;
  }
  nodes[e.node.value].vouched = now;
}

// --- operators ---

void Core::State::on(const AdminWanted& e) {
  admins[e.node] = {e.admin, now};
  write_admins();
}

void Core::State::write_admins() {
  if (!synced || timeline == Timeline{}) return;
  for (auto it = admins.begin(); it != admins.end();) {
    const NodeId id = it->first;
    const NodeAdmin admin = it->second.admin;
    const bool known = id.value < nodes.size() && nodes[id.value].known && nodes[id.value].version != Version{};
    if (known && nodes[id.value].row.admin == admin) {
      const bool fresh = reads.going() && reads.observed_until() > it->second.since;
      it = fresh ? admins.erase(it) : std::next(it);
      continue;
    }
    ++it;
    const bool under_way =
        calls.any_of([&](const Call& c) { return c.purpose == CallPurpose::kAdmin && c.node == id; });
    if (!known || under_way) continue;
    NodeRow row = nodes[id.value].row;
    row.admin = admin;
    Call c;
    c.purpose = CallPurpose::kAdmin;
    c.node = id;
    c.writes.push_back({row, nodes[id.value].version});
    call(std::move(c));
  }
}

void Core::State::on(const ConfigChanged& e) {
  if (!validate(e.config).empty()) return;  // the driver has refused it with words; the old one stays
  config = e.config;
  build_classes();
  hosted_stale = true;  // kinds may have idle rules now
  for (std::size_t i = 0; i < nodes.size(); ++i) refresh_node(NodeId{static_cast<std::uint32_t>(i)});
  capacity_changed = true;
}

// A peer that stopped answering may be dead: look at the store now instead of at the next heartbeat.
void Core::State::on(const TrafficSummary& e) {
  if (e.connect_failed > 0) read_now();
}

// --- eligibility ---

void Core::State::build_classes() {
  classes.clear();
  for (const KindConfig& kind : config.kinds) {
    LabelClass& c = classes[kind.labels];
    if (c.strategy != nullptr) continue;
    c.strategy = make_strategy(config.strategy, config.strategy_params);
    CHECK(c.strategy != nullptr);
    const std::size_t judged = config.serve ? nodes.size() : 0;
    c.verdict.assign(judged, kUnseen);
    c.told.assign(judged, NodeFigures{});
    c.refused.fill(0);
  }
}

std::uint8_t Core::State::judge(const NodeEntry& n, std::uint64_t labels) const {
  if (!n.known) return kUnseen;
  const auto no = [](NodeRefusal r) { return static_cast<std::uint8_t>(r); };
  if (n.row.life != NodeLife::kUp) return no(NodeRefusal::kNotUp);
  if (n.view != NodeView::kUp) return no(NodeRefusal::kSuspect);
  if (n.row.admin != NodeAdmin::kReady) return no(NodeRefusal::kAdmin);
  if ((n.row.labels & labels) != labels) return no(NodeRefusal::kLabels);
  if (n.row.max_sessions != 0 && n.load.sessions() >= n.row.max_sessions) return no(NodeRefusal::kFull);
  return kEligible;
}

NodeFigures Core::State::figures_of(const NodeEntry& n) const {
  const std::uint64_t pending = n.load.memory_pending();
  const std::uint64_t available = n.row.load.memory_available;
  return {n.load.sessions(),       n.row.weight,
          n.row.load.load1_milli,  n.row.load.load5_milli,
          n.row.load.load15_milli, n.row.load.cores_milli,
          n.row.load.memory_total, available > pending ? available - pending : 0};
}

// Re-judges one node in every label class and tells the strategies. O(classes x index update).
void Core::State::refresh_node(NodeId id) {
  if (!config.serve) return;
  const NodeEntry& n = nodes[id.value];
  for (auto& [labels, c] : classes) {
    std::uint8_t& verdict = c.verdict[id.value];
    const std::uint8_t next = judge(n, labels);
    if (next != verdict) {
      if (verdict < kNodeRefusals) --c.refused[verdict];
      if (next < kNodeRefusals) ++c.refused[next];
      if (next == kEligible) capacity_changed = true;
    }
    if (next == kEligible) {
      const NodeFigures f = figures_of(n);
      if (verdict != kEligible || f != c.told[id.value]) {
        c.strategy->update(id, f);
        c.told[id.value] = f;
      }
    } else if (verdict == kEligible) {
      c.strategy->remove(id);
    }
    verdict = next;
  }
}

}  // namespace homing::core
