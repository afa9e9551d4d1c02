// SPDX-License-Identifier: Apache-2.0
//
// A handful of cores on one store under a virtual clock, for tests of the core's machines: no physics, no people, just
// latencies and a launcher that starts what it is told after a while. Everything can be switched off and on. The store
// is the tests' own forty lines (a map and a rule), so that the core is not judged by the code it will run with.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "router/core/core.h"
#include "router/core/strategy.h"

namespace homing::core::testing {

class PlainStore {
 public:
  Rows read(const ReadSince& call) const {
    Rows answer;
    answer.token = call.token;
    answer.timeline = timeline;
    const Version from = call.timeline == timeline ? call.cursor : Version{};
    std::map<Version, std::vector<VersionedRow>> by_version;
    for (const auto& [key, row] : rows) {
      if (row.version > from) by_version[row.version].push_back(row);
    }
    for (const auto& [version, items] : by_version) answer.rows.insert(answer.rows.end(), items.begin(), items.end());
    answer.cursor = latest;
    return answer;
  }
  Event write(const CompareAndSet& call) {
    bool ok = call.timeline == timeline;
    for (const RowWrite& w : call.writes) ok = ok && version_of(key_of(w.row)) == w.expected;
    if (!ok) {
      Lost lost{call.token, timeline, {}};
      for (const RowWrite& w : call.writes) {
        const auto it = rows.find(key_of(w.row));
        lost.current.push_back(it == rows.end() ? VersionedRow{w.row, Version{}} : it->second);
      }
      return lost;
    }
    latest = Version{latest.value + 1};
    for (const RowWrite& w : call.writes) rows[key_of(w.row)] = {w.row, latest};
    return Won{call.token, latest};
  }
  Version version_of(const RowKey& key) const {
    const auto it = rows.find(key);
    return it == rows.end() ? Version{} : it->second.version;
  }
  std::optional<SessionRow> session(SessionId id) const {
    const auto it = rows.find({RowKind::kSession, id.hi, id.lo});
    if (it == rows.end()) return std::nullopt;
    return std::get<SessionRow>(it->second.row);
  }
  NodeRow node(std::uint32_t id) const { return std::get<NodeRow>(rows.at({RowKind::kNode, 0, id}).row); }
  std::uint32_t live(UserId user) const {
    const auto it = rows.find({RowKind::kUser, 0, user.value});
    return it == rows.end() ? 0 : std::get<UserRow>(it->second.row).live;
  }

  std::map<RowKey, VersionedRow> rows;
  Version latest{};
  Timeline timeline{1};
};

class Cluster {
 public:
  struct Node {
    std::optional<Core> core;
    std::map<SessionId, Epoch> processes;  // the launcher's table: what runs, or is on its way
    std::map<SessionId, Epoch> serving;    // of these, what answers
    std::set<SessionId> frozen;
    std::uint64_t machine = 1;
    bool store_up = true;
    bool launcher_up = true;
    bool launcher_vouches = false;  // true: it answers when its router is down
    std::uint32_t max_sessions = 0;
    std::uint32_t start_slots = 0;
    std::map<SessionId, Instant> used;  // when somebody last used a session; Instant::max(): at it all the time
    Duration suspend_takes = milliseconds(500);
    bool suspend_fails = false;
    std::set<SessionId> starting;
    std::size_t most_starting = 0;
    std::vector<SessionId> start_order;
    Duration start_takes = milliseconds(500);
    bool start_fails = false;
    bool start_hangs = false;
    std::vector<Answer> answers;
    std::vector<DecisionRecord> decisions;
    std::vector<NodeChanged> changes;
    std::uint64_t generation = 0;  // of the core instance: stale events are dropped
  };

  explicit Cluster(int count, std::function<void(Config&)> adjust = {}) : nodes(static_cast<std::size_t>(count)) {
    config.seed = 7;
    config.kinds.push_back(KindConfig{"notepad", 0, 0, seconds(20), seconds(40), WithoutStore::kKeep});
    config.kinds.push_back(KindConfig{"frozen", 0, 0, seconds(20), seconds(40), WithoutStore::kFreeze});
    if (adjust) adjust(config);
    for (int i = 0; i < count; ++i) boot(i);
  }

  void boot(int i) {
    Node& n = nodes[static_cast<std::size_t>(i)];
    n.core.emplace(NodeId{static_cast<std::uint32_t>(i)}, config);
    ++n.generation;
    Boot b;
    b.machine = n.machine;
    b.max_sessions = n.max_sessions;
    b.start_slots = n.start_slots;
    feed(i, b);
    LauncherUp up;
    for (const auto& [id, epoch] : n.processes) up.processes.push_back({id, epoch, n.serving.contains(id)});
    if (n.launcher_up) feed(i, up);
  }
  void kill_router(int i) {
    nodes[static_cast<std::size_t>(i)].launcher_vouches = true;
    ++nodes[static_cast<std::size_t>(i)].generation;
    nodes[static_cast<std::size_t>(i)].core.reset();
  }
  void kill_machine(int i) {
    Node& n = nodes[static_cast<std::size_t>(i)];
    kill_router(i);
    n.launcher_vouches = false;
    n.processes.clear();
    n.serving.clear();
    n.frozen.clear();
    n.starting.clear();
    ++n.machine;
  }

  RequestId want(int router, SessionId session, UserId user, Intent intent = Intent::kStart, KindId kind = KindId{0}) {
    const RequestId request{++requests_};
    feed(router, SessionWanted{request, session, user, kind, intent});
    return request;
  }
  // The newest answer to a request.
  std::optional<Answer> answer(int router, RequestId request) const {
    std::optional<Answer> found;
    for (const Answer& a : nodes[static_cast<std::size_t>(router)].answers) {
      if (a.request == request) found = a;
    }
    return found;
  }

  void run(Duration d) {
    const Instant until = now + d;
    while (step(until)) {
      if (after_step) after_step();
    }
    now = until;
  }

  void feed(int i, const Event& event) {
    Node& n = nodes[static_cast<std::size_t>(i)];
    if (!n.core) return;
    n.core->handle(now, event);
    drain(i);
  }
  // Later, and only if the same core instance still lives.
  void feed_later(int i, Duration after, Event event) {
    const std::uint64_t generation = nodes[static_cast<std::size_t>(i)].generation;
    later(after, [this, i, generation, event = std::move(event)] {
      if (nodes[static_cast<std::size_t>(i)].generation == generation) feed(i, event);
    });
  }
  void later(Duration after, std::function<void()> what) {
    queue_.emplace(now + after + (jitter ? jitter() : Duration{0}), std::move(what));
  }

  std::vector<Node> nodes;
  PlainStore store;
  Config config;
  Instant now = Instant{seconds(1000)};
  Duration latency = milliseconds(2);
  std::function<Duration()> jitter;  // added to every message when set
  bool hints = true;
  std::function<void()> after_step;

 private:
  bool step(Instant until) {
    Instant next = kNever;
    int who = -1;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].core && nodes[i].core->next_deadline() < next) {
        next = nodes[i].core->next_deadline();
        who = static_cast<int>(i);
      }
    }
    if (!queue_.empty() && queue_.begin()->first <= next) {
      if (queue_.begin()->first > until) return false;
      now = std::max(now, queue_.begin()->first);
      const auto what = queue_.begin()->second;
      queue_.erase(queue_.begin());
      what();
      return true;
    }
    if (who < 0 || next > until) return false;
    now = std::max(now, next);
    nodes[static_cast<std::size_t>(who)].core->handle_deadline(now);
    drain(who);
    return true;
  }

  void drain(int i) {
    Node& n = nodes[static_cast<std::size_t>(i)];
    const std::vector<Effect> effects(n.core->effects().begin(), n.core->effects().end());
    n.core->clear_effects();
    for (const Effect& e : effects) std::visit([this, i](const auto& x) { act(i, x); }, e);
  }

  void act(int i, const ReadSince& call) {
    const std::uint64_t generation = nodes[static_cast<std::size_t>(i)].generation;
    later(latency, [this, i, call, generation] {
      Node& n = nodes[static_cast<std::size_t>(i)];
      if (n.generation != generation) return;
      if (n.store_up) {
        feed_later(i, latency, store.read(call));
      } else {
        feed_later(i, milliseconds(500), Silent{call.token});
      }
    });
  }
  void act(int i, const CompareAndSet& call) {
    const std::uint64_t generation = nodes[static_cast<std::size_t>(i)].generation;
    later(latency, [this, i, call, generation] {
      Node& n = nodes[static_cast<std::size_t>(i)];
      if (n.store_up) {
        const Event answer = store.write(call);
        if (n.generation == generation) feed_later(i, latency, answer);
      } else if (n.generation == generation) {
        feed_later(i, milliseconds(500), Silent{call.token});
      }
    });
  }
  void act(int i, const StartSession& s) {
    Node& n = nodes[static_cast<std::size_t>(i)];
    if (!n.launcher_up) return;
    n.processes[s.session] = s.epoch;
    n.serving.erase(s.session);
    n.starting.insert(s.session);
    n.most_starting = std::max(n.most_starting, n.starting.size());
    n.start_order.push_back(s.session);
    later(n.start_takes, [this, i, s] {
      Node& m = nodes[static_cast<std::size_t>(i)];
      const auto it = m.processes.find(s.session);
      if (it == m.processes.end() || it->second != s.epoch || m.start_hangs) return;
      m.starting.erase(s.session);
      if (m.start_fails) {
        m.processes.erase(it);
        feed(i, SessionFailed{s.session, s.epoch, EndReason::kStartFailed});
        return;
      }
      m.serving[s.session] = s.epoch;
      if (m.used[s.session] != Instant::max()) m.used[s.session] = now;
      feed(i, SessionStarted{s.session, s.epoch});
    });
  }
  void act(int i, const KillSession& k) {
    Node& n = nodes[static_cast<std::size_t>(i)];
    const auto it = n.processes.find(k.session);
    if (it == n.processes.end() || it->second != k.epoch) return;
    n.processes.erase(it);
    n.serving.erase(k.session);
    n.frozen.erase(k.session);
    n.starting.erase(k.session);
  }
  void act(int i, const SuspendSession& s) {
    later(nodes[static_cast<std::size_t>(i)].suspend_takes, [this, i, s] {
      Node& m = nodes[static_cast<std::size_t>(i)];
      const auto it = m.processes.find(s.session);
      if (it == m.processes.end() || it->second != s.epoch || m.frozen.contains(s.session)) return;
      if (!m.suspend_fails) {
        m.processes.erase(it);
        m.serving.erase(s.session);
      }
      feed(i, SessionSuspended{s.session, s.epoch, !m.suspend_fails});
    });
  }
  void act(int i, const AskActivity& a) {
    const auto it = nodes[static_cast<std::size_t>(i)].used.find(a.session);
    const Instant last = it == nodes[static_cast<std::size_t>(i)].used.end() ? Instant{} : it->second;
    feed_later(i, Duration{0}, ActivitySeen{a.session, a.epoch, std::min(last, now)});
  }
  void act(int i, const FreezeSession& f) { nodes[static_cast<std::size_t>(i)].frozen.insert(f.session); }
  void act(int i, const ThawSession& t) { nodes[static_cast<std::size_t>(i)].frozen.erase(t.session); }
  void act(int, const LeaseUntil&) {}
  void act(int, const RouteChanged&) {}
  void act(int, const RouteDropped&) {}
  void act(int i, const Answer& a) { nodes[static_cast<std::size_t>(i)].answers.push_back(a); }
  void act(int, const HintPeer& h) {
    if (!hints) return;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (h.node == kNoNode || h.node.value == i) feed_later(static_cast<int>(i), latency, StoreHint{});
    }
  }
  void act(int i, const DecisionMade& d) { nodes[static_cast<std::size_t>(i)].decisions.push_back(d.record); }
  void act(int i, const NodeChanged& c) { nodes[static_cast<std::size_t>(i)].changes.push_back(c); }
  void act(int, const StandingChanged&) {}
  void act(int i, const AskAlive& a) {
    const Node& asked = nodes[a.node.value];
    // The launcher answers for a router that is down; a machine that is off answers nothing.
    if (asked.launcher_vouches && !asked.core) feed_later(i, latency * 2, StillAlive{a.node, a.incarnation});
  }

  std::multimap<Instant, std::function<void()>> queue_;
  std::uint64_t requests_ = 0;
};

inline SessionId session_id(std::uint64_t n) {
  return SessionId{0xabc0 + n, n};
}

}  // namespace homing::core::testing
