// SPDX-License-Identifier: Apache-2.0
//
// Seeded disorder on the small cluster: machines and routers die and return, stores go silent for some, fail over and
// lose their tail, starts hang and fail, messages take any time. A fault phase and a healing phase; then everything
// must have converged. HOMING_CHAOS_SEEDS sets the number of seeds, HOMING_CHAOS_FIRST the first one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/core/cluster_harness.h"

namespace homing::core::testing {
namespace {

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

struct Options {
  bool outages = false;    // some nodes lose sight of the store
  bool failovers = false;  // the store loses its tail
  bool idle = false;       // idle rules suspend and end what nobody uses, and nodes have two start slots
};

class Chaos {
 public:
  Chaos(std::uint64_t seed, Options options)
      : options_(options), rng_(seed), cluster_(4, [&](Config& c) {
          c.queue_ask_max = seconds(6);
          if (!options.idle) return;
          c.kinds.push_back(c.kinds[0]);
          for (KindConfig& kind : c.kinds) kind.idle_after = seconds(4);
          for (int k = 0; k < 2; ++k) c.kinds[static_cast<std::size_t>(k)].can_suspend = true;
          for (int k = 0; k < 2; ++k) c.kinds[static_cast<std::size_t>(k)].idle_then = IdleThen::kSuspend;
        }) {
    cluster_.jitter = [this] {
      return milliseconds(static_cast<std::int64_t>(below(20) < 19 ? below(10) : below(1500)));
    };
    cluster_.after_step = [this] { check(); };
    for (int i = 0; i < 4; ++i) {
      cluster_.nodes[static_cast<std::size_t>(i)].max_sessions = 6;
      if (options_.idle) cluster_.nodes[static_cast<std::size_t>(i)].start_slots = 2;
      if (options_.idle) cluster_.kill_machine(i);  // born again, with the slots
      if (options_.idle) cluster_.boot(i);
    }
  }

  static std::uint64_t suspended;  // sessions that ended a run suspended: the rules were at work

  std::string run() {
    cluster_.run(seconds(3));
    for (int i = 0; i < 120 && problem_.empty(); ++i) {
      act();
      cluster_.run(milliseconds(static_cast<std::int64_t>(below(800))));
      if (i % 10 == 9) old_stores_.push_back(cluster_.store);
    }
    heal();
    cluster_.run(seconds(60));
    if (problem_.empty()) converged();
    return problem_;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return rng_() % n; }
  int any_node() { return static_cast<int>(below(4)); }

  void act() {
    const int i = any_node();
    Cluster::Node& n = cluster_.nodes[static_cast<std::size_t>(i)];
    const SessionId id = session_id(below(24));
    const UserId user{id.lo % 10};
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        cluster_.want(i, id, user,
                      below(2) == 0   ? Intent::kStart
                      : options_.idle ? Intent::kWake
                                      : Intent::kRestart,
                      KindId{static_cast<std::uint16_t>(id.lo % (options_.idle ? 3 : 2))});
        break;
      case 4:
        cluster_.feed(i, EndWanted{id, EndReason::kOwner});
        break;
      case 5:
        if (n.core) cluster_.kill_machine(i);
        break;
      case 6:
        if (n.core) cluster_.kill_router(i);
        break;
      case 7:
      case 8:
        for (int k = 0; k < 4; ++k) {
          if (!cluster_.nodes[static_cast<std::size_t>(k)].core) cluster_.boot(k);
        }
        break;
      case 9:
        n.start_fails = below(3) == 0;
        n.start_hangs = below(4) == 0;
        n.start_takes = milliseconds(static_cast<std::int64_t>(below(4000)));
        n.suspend_takes = n.start_takes * 2;
        n.suspend_fails = n.start_fails;
        break;
      case 10:
        if (options_.outages) n.store_up = below(2) == 0;
        break;
      case 11:
        if (options_.failovers && !old_stores_.empty() && cluster_.now > last_failover_ + seconds(25)) {
          last_failover_ = cluster_.now;
          const Timeline next{cluster_.store.timeline.value + 1};
          cluster_.store = old_stores_.back();
          cluster_.store.timeline = next;
          old_stores_.clear();
        }
        break;
    }
  }

  void heal() {
    for (int k = 0; k < 4; ++k) {
      Cluster::Node& n = cluster_.nodes[static_cast<std::size_t>(k)];
      n.store_up = true;
      n.start_fails = n.start_hangs = false;
      n.start_takes = n.suspend_takes = milliseconds(300);
      n.suspend_fails = false;
      for (std::uint64_t s = 0; s < 24; s += 2) n.used[session_id(s)] = Instant::max();  // these are used to the end
      if (!n.core) cluster_.boot(k);
    }
  }

  // While every router sees the store: never two processes that answer.
  void check() {
    if (!problem_.empty() || options_.outages) return;
    std::map<SessionId, int> serving;
    for (std::size_t i = 0; i < cluster_.nodes.size(); ++i) {
      for (const auto& [id, epoch] : cluster_.nodes[i].serving) {
        const auto [it, fresh] = serving.try_emplace(id, static_cast<int>(i));
        if (!fresh && cluster_.nodes[i].core && cluster_.nodes[static_cast<std::size_t>(it->second)].core) {
          const auto a = cluster_.nodes[i].core->route(id);
          const auto b = cluster_.nodes[static_cast<std::size_t>(it->second)].core->route(id);
          // Both nodes' own routers would hand requests to their own process.
          if (a && b && a->node.value == i && a->state == SessionState::kReady &&
              b->node.value == static_cast<std::uint32_t>(it->second) && b->state == SessionState::kReady) {
            problem_ = "two serving processes of session " + std::to_string(id.lo) + " on nodes " +
                       std::to_string(it->second) + " and " + std::to_string(i);
          }
        }
      }
    }
  }

  void converged() {
    std::map<UserId, std::uint32_t> live;
    std::map<SessionId, int> processes;
    for (const auto& n : cluster_.nodes) {
      for (const auto& [id, epoch] : n.processes) ++processes[id];
    }
    for (const auto& [key, row] : cluster_.store.rows) {
      const auto* s = std::get_if<SessionRow>(&row.row);
      if (s == nullptr) continue;
      const bool holds =
          s->state == SessionState::kPlaced || s->state == SessionState::kStarting || s->state == SessionState::kReady;
      if (holds) ++live[s->user];
      if (s->state == SessionState::kSuspended) ++suspended;
      if (holds && options_.idle && s->session.lo % 2 == 1)
        fail(s->session, "is idle, and still there: " + std::string(to_string(s->state)) + " on node " +
                             std::to_string(s->node.value) + " epoch " + std::to_string(s->epoch.value));
      if (s->state == SessionState::kSuspended && s->kind == KindId{2}) fail(s->session, "cannot be, but is suspended");
      if (holds && s->state != SessionState::kReady)
        fail(s->session, "still " + std::string(to_string(s->state)) + " on node " + std::to_string(s->node.value) +
                             " epoch " + std::to_string(s->epoch.value) + " incarnation " +
                             std::to_string(s->incarnation.value) + ", the node is " +
                             std::to_string(cluster_.store.node(s->node.value).incarnation.value) + ", version " +
                             std::to_string(row.version.value) + " of " + std::to_string(cluster_.store.latest.value));
      if (holds) {
        const auto& holder = cluster_.nodes[s->node.value];
        const auto p = holder.serving.find(s->session);
        if (p == holder.serving.end())
          fail(s->session, "ready without a process on node " + std::to_string(s->node.value) + " epoch " +
                               std::to_string(s->epoch.value) + " incarnation " + std::to_string(s->incarnation.value) +
                               ", the node is " + std::to_string(cluster_.store.node(s->node.value).incarnation.value) +
                               ", version " + std::to_string(row.version.value) + " of " +
                               std::to_string(cluster_.store.latest.value));
        else if (p->second != s->epoch)
          fail(s->session, "serves another epoch");
        if (processes[s->session] != 1) fail(s->session, "has " + std::to_string(processes[s->session]) + " processes");
        if (holder.frozen.contains(s->session)) fail(s->session, "still frozen");
      } else if (processes[s->session] != 0) {
        fail(s->session, "is " + std::string(to_string(s->state)) + " but has a process");
      }
      for (const auto& n : cluster_.nodes) {
        const auto route = n.core->route(s->session);
        if (s->state == SessionState::kEnded
                ? route.has_value()
                : !route.has_value() || route->epoch != s->epoch || route->state != s->state) {
          fail(s->session, "a router has not heard");
        }
      }
    }
    for (const auto& [key, row] : cluster_.store.rows) {
      const auto* u = std::get_if<UserRow>(&row.row);
      if (u != nullptr && u->live != live[u->user]) {
        note("user " + std::to_string(u->user.value) + " counts " + std::to_string(u->live) + " live, has " +
             std::to_string(live[u->user]));
      }
      const auto* q = std::get_if<QueueRow>(&row.row);
      if (q != nullptr && q->waiting) fail(q->session, "still in line");
    }
    for (std::size_t i = 0; i < cluster_.nodes.size(); ++i) {
      const NodeRow row = cluster_.store.node(static_cast<std::uint32_t>(i));
      if (row.life != NodeLife::kUp) note("node " + std::to_string(i) + " is not up");
      for (std::uint32_t n = 0; n < 4; ++n) {
        const auto seen = cluster_.nodes[i].core->node(NodeId{n}, cluster_.now).sessions_seen;
        if (seen != cluster_.nodes[n].serving.size()) {
          note("router " + std::to_string(i) + " sees " + std::to_string(seen) + " sessions on node " +
               std::to_string(n) + ", which has " + std::to_string(cluster_.nodes[n].serving.size()) +
               "; its own view " + std::to_string(cluster_.nodes[n].core->node(NodeId{n}, cluster_.now).sessions_seen) +
               ", reported " + std::to_string(cluster_.store.node(n).load.sessions));
        }
      }
    }
  }
  void fail(SessionId id, const std::string& what) { note("session " + std::to_string(id.lo) + " " + what); }
  void note(const std::string& what) {
    if (problem_.empty()) problem_ = what;
  }

  Options options_;
  std::mt19937_64 rng_;
  Cluster cluster_;
  std::vector<PlainStore> old_stores_;
  Instant last_failover_{};
  std::string problem_;
};

std::uint64_t Chaos::suspended = 0;

void run_all(Options options) {
  const int seeds = from_environment("HOMING_CHAOS_SEEDS", 200);
  const int first = from_environment("HOMING_CHAOS_FIRST", 1);
  for (int seed = first; seed < first + seeds; ++seed) {
    const std::string problem = Chaos(static_cast<std::uint64_t>(seed), options).run();
    ASSERT_EQ(problem, "") << "seed " << seed;
  }
}

TEST(CoreChaos, CrashesAndBadStartsConvergeAndNeverServeTwice) {
  run_all({});
}
TEST(CoreChaos, IdleRulesAndStartSlotsUnderAllOfItConverge) {
  const std::uint64_t before = Chaos::suspended;
  run_all({.outages = false, .failovers = false, .idle = true});
  run_all({.outages = true, .failovers = true, .idle = true});
  EXPECT_GT(Chaos::suspended, before);
}
TEST(CoreChaos, StoreOutagesOfSingleNodesConverge) {
  run_all({.outages = true, .failovers = false});
}
TEST(CoreChaos, FailoversThatLoseTheirTailConvergeAndNeverServeTwice) {
  run_all({.outages = false, .failovers = true});
}
TEST(CoreChaos, EverythingAtOnceConverges) {
  run_all({.outages = true, .failovers = true});
}

}  // namespace
}  // namespace homing::core::testing
