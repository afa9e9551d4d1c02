// SPDX-License-Identifier: Apache-2.0
//
// A desk: one core, its store, and a test that decides which call is executed when. For stories of one core; those of
// several have cluster_harness.h. Thread class: single-owner.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "router/core/core.h"
#include "tests/core/cluster_harness.h"

namespace homing::core::testing {

// One core and its store. Calls wait until the test executes them.
class Desk {
 public:
  explicit Desk(Config config) : core_(NodeId{0}, std::move(config)) {}

  // The router of a machine that has just been switched on, joined, its launcher there.
  void boot(std::uint32_t max_sessions = 0, std::uint32_t start_slots = 0) {
    Boot boot;
    boot.machine = 1;
    boot.max_sessions = max_sessions;
    boot.start_slots = start_slots;
    tell(boot);
    tell(LauncherUp{});
    answer_all();
  }
  void tell(const Event& event) {
    core_.handle(now, event);
    take();
  }
  void pass(Duration d) {
    now += d;
    while (core_.next_deadline() <= now) {
      core_.handle_deadline(now);
      take();
    }
  }
  // Executes the waiting calls, and those that their answers make, at most `rounds` times.
  void answer_all(int rounds = 20) {
    for (int i = 0; i < rounds && !calls.empty(); ++i) answer_one();
  }
  void answer_one() {
    const CompareAndSet* write = std::get_if<CompareAndSet>(&calls.front());
    Event answer;
    if (write != nullptr) {
      answer = store.write(*write);
    } else {
      Rows rows = store.read(std::get<ReadSince>(calls.front()));
      std::erase_if(rows.rows, [&](const VersionedRow& row) { return hidden(row); });
      answer = rows;
    }
    calls.erase(calls.begin());
    tell(answer);
  }
  // Writes of this session that wait.
  std::vector<SessionRow> writes_of(SessionId session) const {
    std::vector<SessionRow> rows;
    for (const Effect& call : calls) {
      const auto* write = std::get_if<CompareAndSet>(&call);
      if (write == nullptr) continue;
      const auto* row = std::get_if<SessionRow>(&write->writes.front().row);
      if (row != nullptr && row->session == session) rows.push_back(*row);
    }
    return rows;
  }
  void put(const Row& row) { store.write({StoreToken{999}, store.timeline, {{row, store.version_of(key_of(row))}}}); }

  // The store says nothing to any call that waits.
  void silence() {
    const std::vector<Effect> unanswered = std::exchange(calls, {});
    for (const Effect& call : unanswered) {
      const auto* write = std::get_if<CompareAndSet>(&call);
      tell(Silent{write != nullptr ? write->token : std::get<ReadSince>(call).token});
    }
  }
  // `d` goes by in which every call is answered at once.
  void live(Duration d) {
    for (const Instant until = now + d; now < until;) {
      pass(std::min<Duration>(milliseconds(100), until - now));
      answer_all(1000);
    }
  }
  // Somebody else's row is in the store, and this router looks.
  void show(const Row& row) {
    put(row);
    tell(StoreHint{});
    answer_all(1000);
  }
  // Every effect of one type since the last forget(), in order.
  template <class E>
  std::vector<E> said() const {
    std::vector<E> found;
    for (const Effect& effect : effects_) {
      if (const auto* e = std::get_if<E>(&effect)) found.push_back(*e);
    }
    return found;
  }
  void forget() { effects_.clear(); }
  // Calls that wait to change this row.
  int writes_of(const RowKey& key) const {
    int found = 0;
    for (const Effect& call : calls) {
      const auto* write = std::get_if<CompareAndSet>(&call);
      if (write == nullptr) continue;
      for (const RowWrite& w : write->writes) found += key_of(w.row) == key ? 1 : 0;
    }
    return found;
  }

  Core& core() { return core_; }
  const CoreCounters& counters() const { return core_.counters(); }

  PlainStore store;
  Instant now{seconds(1000)};
  std::vector<Effect> calls;
  std::vector<Answer> answers;
  std::vector<KillSession> kills;
  std::vector<FreezeSession> freezes;
  std::vector<ThawSession> thaws;
  // Rows of which this machine is not told by a read: it serves nobody, and they name another node.
  std::function<bool(const VersionedRow&)> hidden = [](const VersionedRow&) { return false; };

 private:
  void take() {
    for (const Effect& effect : core_.effects()) {
      effects_.push_back(effect);
      if (std::holds_alternative<ReadSince>(effect) || std::holds_alternative<CompareAndSet>(effect)) {
        calls.push_back(effect);
      }
      if (const auto* answer = std::get_if<Answer>(&effect)) answers.push_back(*answer);
      if (const auto* kill = std::get_if<KillSession>(&effect)) kills.push_back(*kill);
      if (const auto* freeze = std::get_if<FreezeSession>(&effect)) freezes.push_back(*freeze);
      if (const auto* thaw = std::get_if<ThawSession>(&effect)) thaws.push_back(*thaw);
    }
    core_.clear_effects();
  }

  Core core_;
  std::vector<Effect> effects_;
};

inline Config config_of(bool serve) {
  Config config;
  config.serve = serve;
  config.kinds.push_back(KindConfig{"notepad", 0, 0, seconds(20), seconds(40), WithoutStore::kKeep});
  return config;
}

// Another machine that is up and says no more of itself.
inline NodeRow machine(std::uint32_t node, std::uint32_t sessions = 0) {
  NodeRow row;
  row.node = NodeId{node};
  row.incarnation = Incarnation{1};
  row.machine = node;
  row.load.sessions = sessions;
  return row;
}

inline SessionRow placed(SessionId session, UserId user, std::uint32_t node, std::uint32_t incarnation,
                         std::uint32_t epoch) {
  SessionRow row;
  row.session = session;
  row.user = user;
  row.state = SessionState::kPlaced;
  row.epoch = Epoch{epoch};
  row.node = NodeId{node};
  row.incarnation = Incarnation{incarnation};
  row.timeout = seconds(20);
  row.attempt = 1;
  return row;
}

}  // namespace homing::core::testing
