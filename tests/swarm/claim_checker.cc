// SPDX-License-Identifier: Apache-2.0
//
// Claims and starts: what a core may order. Judged by what this core had read when it ordered, so that news that was
// still on its way is no offence; limits are judged when the store accepts.
#include <fmt/format.h>

#include "router/base/store.h"
#include "tests/swarm/checkers.h"

namespace homing::sim::swarm {
namespace {

using core::Intent;
using core::SessionState;

class ClaimChecker final : public Checker {
 public:
  explicit ClaimChecker(Stage& stage) : Checker(stage), seen_(stage.swarm_case.scenario->nodes.size()) {}

  void event(std::uint32_t machine, const core::Event& event) override {
    Seen& seen = seen_[machine];
    if (std::holds_alternative<core::Boot>(event)) {
      seen = Seen{};
    } else if (const auto* rows = std::get_if<core::Rows>(&event)) {
      // After a failover nothing starts for a lease time; one part in a hundred for clocks that drift.
      const core::Duration wait = stage_.cluster().lease_ttl - stage_.cluster().lease_ttl / 100;
      if (seen.timeline != core::Timeline{} && seen.timeline != rows->timeline) seen.waits_until = stage_.now() + wait;
      seen.timeline = rows->timeline;
    } else if (const auto* won = std::get_if<core::Won>(&event)) {
      const auto sent = seen.renewals.find(won->token);
      if (sent == seen.renewals.end()) return;
      seen.lease_sent = sent->second;
      seen.renewals.erase(sent);
    } else if (const auto* wanted = std::get_if<core::SessionWanted>(&event)) {
      Wishes& wishes = seen.wishes[wanted->session];
      if (wishes.requests.empty()) wishes.since = stage_.now();
      wishes.requests[wanted->request] = wanted->intent;
      seen.requests[wanted->request] = wanted->session;
    } else if (const auto* withdrawn = std::get_if<core::WantWithdrawn>(&event)) {
      forget(seen, withdrawn->request);
    }
  }

  void effect(std::uint32_t machine, const core::Effect& effect) override {
    Seen& seen = seen_[machine];
    if (const auto* read = std::get_if<core::ReadSince>(&effect)) {
      seen.cursor = read->timeline == stage_.mirror.timeline() ? read->cursor : core::Version{};
    } else if (const auto* answer = std::get_if<core::Answer>(&effect)) {
      if (answer->outcome == core::Outcome::kForward || answer->outcome == core::Outcome::kRefused) {
        forget(seen, answer->request);
      }
    } else if (const auto* write = std::get_if<core::CompareAndSet>(&effect)) {
      for (const core::RowWrite& row : write->writes) {
        if (std::holds_alternative<core::NodeRow>(row.row) && std::get<core::NodeRow>(row.row).node.value == machine) {
          seen.renewals[write->token] = stage_.now();
        }
        const auto* session = std::get_if<core::SessionRow>(&row.row);
        if (session != nullptr && session->state == SessionState::kPlaced) claim(machine, *session, *write);
      }
    } else if (const auto* start = std::get_if<core::StartSession>(&effect)) {
      began(machine, *start);
    } else if (const auto* changed = std::get_if<core::RouteChanged>(&effect)) {
      const core::RouteValue& route = changed->route;
      if (route.state == SessionState::kReady && !ready_.contains({changed->session, route.epoch, route.node})) {
        stage_.fail("claims", fmt::format("router {} publishes a route to epoch {} on node {}, which never was ready",
                                          machine, route.epoch.value, route.node.value));
      }
    }
  }

  void won(std::uint32_t machine, const core::CompareAndSet&) override {
    for (const Change& change : stage_.mirror.changes()) {
      const auto* row = std::get_if<core::SessionRow>(&change.after);
      if (row == nullptr) continue;
      if (row->state == SessionState::kReady) ready_.insert({row->session, row->epoch, row->node});
      if (row->state == SessionState::kPlaced) {
        const std::uint32_t limit = stage_.swarm_case.tuning.user_limit;
        if (limit != 0 && stage_.mirror.live(row->user) > static_cast<int>(limit)) {
          stage_.fail("claims", fmt::format("a claim gives user {:x} {} live sessions of {}", row->user.value,
                                            stage_.mirror.live(row->user), limit));
        }
      }
      if (row->state == SessionState::kStarting) {
        accepted_[row->session] = {row->epoch, row->node};
        if (row->node.value != machine) {
          stage_.fail("claims", fmt::format("machine {} accepted for node {}", machine, row->node.value));
        }
        const int limit = stage_.swarm_case.scenario->nodes[row->node.value].max_sessions;
        const int started = stage_.mirror.started(row->node, row->incarnation);
        if (limit != 0 && started > limit && !stage_.mirror.failed_over()) {
          stage_.fail("claims",
                      fmt::format("node {} accepted its {}th session of {}", row->node.value, started, limit));
        }
      }
    }
  }

 private:
  struct Wishes {
    core::Instant since{};
    absl::flat_hash_map<core::RequestId, Intent> requests;

    Intent strongest() const {
      Intent all = Intent::kReach;
      for (const auto& [request, intent] : requests) all = std::max(all, intent);
      return all;
    }
  };
  struct Seen {
    core::Version cursor{};
    core::Timeline timeline{};
    core::Instant waits_until{};
    core::Instant lease_sent{};
    absl::flat_hash_map<core::StoreToken, core::Instant> renewals;
    absl::flat_hash_map<core::SessionId, Wishes> wishes;
    absl::flat_hash_map<core::RequestId, core::SessionId> requests;
  };

  void forget(Seen& seen, core::RequestId request) {
    const auto found = seen.requests.find(request);
    if (found == seen.requests.end()) return;
    const auto wishes = seen.wishes.find(found->second);
    if (wishes != seen.wishes.end()) {
      wishes->second.requests.erase(request);
      if (wishes->second.requests.empty()) seen.wishes.erase(wishes);
    }
    seen.requests.erase(found);
  }

  core::Instant lease_over(const Seen& seen) const {
    const ClusterSpec& cluster = stage_.cluster();
    const core::Duration margin = std::min(core::seconds(1), (cluster.lease_ttl - cluster.heartbeat) / 2);
    return seen.lease_sent + cluster.lease_ttl - margin;
  }

  void claim(std::uint32_t machine, const core::SessionRow& row, const core::CompareAndSet& write) {
    Seen& seen = seen_[machine];
    if (stage_.now() >= lease_over(seen)) {
      stage_.fail("claims", fmt::format("machine {} claims past its lease: {}", machine, base::describe(row)));
    }
    if (stage_.now() < seen.waits_until) {
      stage_.fail("claims",
                  fmt::format("machine {} claims in the wait after a failover: {}", machine, base::describe(row)));
    }
    const Scenario& scenario = *stage_.swarm_case.scenario;
    if (row.node.value >= scenario.nodes.size()) {
      return stage_.fail("claims", fmt::format("a claim on node {}", row.node.value));
    }
    const NodeSpec& spec = scenario.nodes[row.node.value];
    for (const std::string& label : scenario.kinds[row.kind.value].needs) {
      if (std::find(spec.labels.begin(), spec.labels.end(), label) == spec.labels.end()) {
        stage_.fail("claims", fmt::format("node {} lacks label {}: {}", spec.name, label, base::describe(row)));
      }
    }
    if (const MirrorRow* held = stage_.mirror.node(row.node.value)) {
      const auto& node = std::get<core::NodeRow>(held->held.row);
      const bool willing = node.life == core::NodeLife::kUp && node.admin == core::NodeAdmin::kReady;
      if (!willing && seen.cursor >= held->since) {
        stage_.fail("claims", fmt::format("router {} places on node {}, which it knows to be {} and {}: {}", machine,
                                          row.node.value, core::to_string(node.life), core::to_string(node.admin),
                                          base::describe(row)));
      }
    }
    if (!will_lose(write)) intent(machine, seen, row, write);
  }

  bool will_lose(const core::CompareAndSet& write) const {
    if (write.timeline != stage_.world->store().timeline()) return true;
    return std::any_of(write.writes.begin(), write.writes.end(), [&](const core::RowWrite& row) {
      const MirrorRow* held = stage_.mirror.find(key_of(row.row));
      return (held == nullptr ? core::Version{} : held->held.version) != row.expected;
    });
  }

  // Somebody must wait for it, and may go as far as the row's last state asks.
  void intent(std::uint32_t machine, Seen& seen, const core::SessionRow& row, const core::CompareAndSet& write) {
    // A claim that takes a ticket out of the line serves whoever stood there: any router may.
    for (const core::RowWrite& other : write.writes) {
      const auto* ticket = std::get_if<core::QueueRow>(&other.row);
      if (ticket != nullptr && ticket->session == row.session && !ticket->waiting) return;
    }
    const MirrorRow* before = stage_.mirror.find({core::RowKind::kSession, row.session.hi, row.session.lo});
    const auto wishes = seen.wishes.find(row.session);
    if (wishes == seen.wishes.end()) {
      return stage_.fail("claims",
                         fmt::format("router {} places what nobody there waits for: {}", machine, base::describe(row)));
    }
    Intent needed = Intent::kStart;
    if (before != nullptr) {
      const SessionState was = std::get<core::SessionRow>(before->held.row).state;
      if (was == SessionState::kLost || was == SessionState::kReady) needed = Intent::kRestart;
      // Whoever waited while the start failed goes on waiting for the next.
      if (wishes->second.since <= before->state_since) needed = Intent::kReach;
      if (was == SessionState::kPlaced || was == SessionState::kStarting) needed = Intent::kReach;
      // Nobody had it yet; a router that saw its start may not have read of its end.
      const core::SessionRow& old = std::get<core::SessionRow>(before->held.row);
      const bool ended_early = was == SessionState::kLost || was == SessionState::kRefused;
      const bool fresh_news = stage_.now() - before->state_since <= 3 * stage_.cluster().heartbeat;
      if (ended_early && fresh_news && !ready_.contains({old.session, old.epoch, old.node})) needed = Intent::kReach;
      // No claim leads to this state: whoever waited through the start has been served since.
      if (was == SessionState::kSuspended) needed = Intent::kWake;
    }
    const Intent strongest = wishes->second.strongest();
    if (strongest < needed) {
      stage_.fail("claims", fmt::format("router {} places with intent {} where {} is needed: {}", machine,
                                        static_cast<int>(strongest), static_cast<int>(needed), base::describe(row)));
    }
  }

  void began(std::uint32_t machine, const core::StartSession& start) {
    if (stage_.now() >= lease_over(seen_[machine])) {
      stage_.fail("claims", fmt::format("machine {} starts a session past its lease", machine));
    }
    if (stage_.now() < seen_[machine].waits_until) {
      stage_.fail("claims", fmt::format("machine {} starts a session in the wait after a failover", machine));
    }
    const auto accepted = accepted_.find(start.session);
    if (accepted == accepted_.end() || accepted->second != std::pair(start.epoch, core::NodeId(machine))) {
      stage_.fail("claims", fmt::format("machine {} starts epoch {} of a session that it has not accepted", machine,
                                        start.epoch.value));
    }
  }

  struct Epoch {
    core::SessionId session;
    core::Epoch epoch{};
    core::NodeId node{};
    friend bool operator==(const Epoch&, const Epoch&) = default;
    template <class H>
    friend H AbslHashValue(H h, const Epoch& e) {
      return H::combine(std::move(h), e.session, e.epoch, e.node);
    }
  };

  std::vector<Seen> seen_;  // by machine
  absl::flat_hash_map<core::SessionId, std::pair<core::Epoch, core::NodeId>> accepted_;
  absl::flat_hash_set<Epoch> ready_;
};

}  // namespace

std::unique_ptr<Checker> make_claim_checker(Stage& stage) {
  return std::make_unique<ClaimChecker>(stage);
}

}  // namespace homing::sim::swarm
