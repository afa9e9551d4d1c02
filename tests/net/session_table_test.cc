// SPDX-License-Identifier: Apache-2.0
//
// Every meeting of one reader with one writer: a call of the other side is put between any two steps of either, and
// what the reader says must have been so at a moment within its call. The order in which stores become visible is the
// sanitizer's and route_table_test's business.
#include "router/net/session_table.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace homing::net {
namespace {

using core::SessionId;

// What happens at the `at`-th step of a side, once.
struct Hook {
  int at = -1;  // none
  int passed = 0;
  std::function<void()> what;
  void step() {
    if (passed++ != at) return;
    at = -1;
    const std::function<void()> now = what;  // it may set the next
    now();
  }
};

struct Steps {
  static Hook& reader_hook() {
    static Hook hook;
    return hook;
  }
  static Hook& writer_hook() {
    static Hook hook;
    return hook;
  }
  static void reader() { reader_hook().step(); }
  static void writer() { writer_hook().step(); }
};

struct Pair {
  std::uint64_t one = 0;
  std::uint64_t two = 0;
  friend bool operator==(const Pair&, const Pair&) = default;
};
struct Nothing {};
using Table = SessionTable<Pair, Nothing, Steps>;
using Model = std::map<SessionId, Pair>;

Pair pair_of(const SessionId& id, std::uint64_t version) {
  return {id.lo * 1000 + version, id.lo * 1000 + version};
}

// A table of a few dozen sessions in an index of 64, so that searches run over each other, and what it should hold.
struct World {
  Table table;
  Model model;

  void add(std::uint64_t lo, std::uint64_t version = 1) {
    const SessionId id{0, lo};
    table.add(id, pair_of(id, version));
    model[id] = pair_of(id, version);
  }
  void set(std::uint64_t lo, std::uint64_t version) {
    const SessionId id{0, lo};
    table.set(table.number_of(id), pair_of(id, version));
    model[id] = pair_of(id, version);
  }
  void drop(std::uint64_t lo) {
    table.drop(table.number_of(SessionId{0, lo}));
    model.erase(SessionId{0, lo});
  }
};

constexpr std::uint64_t kSessions = 46;  // two more and the index of 64 grows

struct Change {
  std::string name;
  std::function<void(World&)> run;
};

std::vector<Change> changes(std::uint64_t about) {
  const std::uint64_t other = (about + 7) % kSessions;
  return {
      {"set", [=](World& w) { w.set(about, 2); }},
      {"set twice", [=](World& w) { w.set(about, 2), w.set(about, 3); }},
      {"drop", [=](World& w) { w.drop(about); }},
      {"drop another", [=](World& w) { w.drop(other); }},
      {"drop all others",
       [=](World& w) {
         for (std::uint64_t i = 0; i < kSessions; ++i) {
           if (i != about) w.drop(i);
         }
       }},
      {"drop and add again", [=](World& w) { w.drop(about), w.add(about, 2); }},
      {"its record goes to another", [=](World& w) { w.drop(about), w.add(1000); }},
      {"it takes the record of another", [=](World& w) { w.drop(other), w.drop(about), w.add(1000), w.add(about, 2); }},
      {"add and grow", [=](World& w) { w.add(1000), w.add(1001), w.add(1002), w.add(1003); }},
      {"grow, then drop", [=](World& w) { w.add(1000), w.add(1001), w.add(1002), w.add(1003), w.drop(about); }},
      {"grow, then move", [=](World& w) { w.add(1000), w.add(1001), w.add(1002), w.drop(about), w.add(about, 2); }},
  };
}

std::optional<Pair> in(const Model& model, const SessionId& id) {
  const auto at = model.find(id);
  return at == model.end() ? std::nullopt : std::optional(at->second);
}

TEST(SessionTableTest, AChangeAtAnyStepOfAReaderIsSeenWholeOrNotAtAll) {
  for (std::uint64_t about = 0; about < kSessions; ++about) {
    for (const Change& change : changes(about)) {
      bool reached = true;
      for (int at = 0; reached; ++at) {
        World world;
        for (std::uint64_t i = 0; i < kSessions; ++i) world.add(i);
        const SessionId id{0, about};
        const std::optional<Pair> before = in(world.model, id);
        Steps::reader_hook() = {at, 0, [&] { change.run(world); }};
        Pair seen;
        const Table::Seen said = world.table.try_find(id, seen);
        reached = std::exchange(Steps::reader_hook(), {}).at == -1;
        const std::optional<Pair> after = in(world.model, id);
        if (said == Table::Seen::kBusy) continue;
        const std::optional<Pair> found = said == Table::Seen::kValue ? std::optional(seen) : std::nullopt;
        // A session that was dropped and added within the call was absent at a moment of it.
        const bool gap = change.name.find("drop and add") == 0 || change.name.find("takes") != std::string::npos ||
                         change.name.find("then move") != std::string::npos;
        EXPECT_TRUE(found == before || found == after || (gap && !found))
            << change.name << " of " << about << " at step " << at;
      }
    }
  }
}

TEST(SessionTableTest, AReaderAtAnyStepOfAChangeSeesBeforeOrAfter) {
  for (std::uint64_t about = 0; about < kSessions; ++about) {
    for (const Change& change : changes(about)) {
      bool reached = true;
      for (int at = 0; reached; ++at) {
        World world;
        for (std::uint64_t i = 0; i < kSessions; ++i) world.add(i);
        const Model before = world.model;
        std::map<SessionId, std::optional<Pair>> found;
        Steps::writer_hook() = {at, 0, [&] {
                                  for (std::uint64_t i = 0; i < kSessions; ++i) {
                                    Pair seen;
                                    const Table::Seen said = world.table.try_find(SessionId{0, i}, seen);
                                    if (said == Table::Seen::kValue) found[SessionId{0, i}] = seen;
                                    if (said == Table::Seen::kNothing) found[SessionId{0, i}] = std::nullopt;
                                  }
                                }};
        change.run(world);
        reached = std::exchange(Steps::writer_hook(), {}).at == -1;
        for (const auto& [id, value] : found) {
          const bool between = id.lo == about && (!value || *value == pair_of(id, 2));
          EXPECT_TRUE(value == in(before, id) || value == in(world.model, id) || between)
              << change.name << " of " << about << " at step " << at << ": " << id.lo;
        }
      }
    }
  }
}

// The two sides in turns: the writer to its step `first`, the reader to its step `pause`, the writer to its step
// `second`, the reader to its end, the writer to its own. The session that is looked for is there all the time.
struct Turns {
  int first = 0;
  int pause = 0;
  int second = 0;
};

// What the reader said; nothing when the writer had fewer steps.
std::optional<Table::Seen> in_turns(World& world, const SessionId& id, const Turns& turns,
                                    const std::function<void()>& write) {
  std::binary_semaphore to_writer{0};
  std::binary_semaphore to_reader{0};
  bool begun = false;
  bool over = false;
  std::optional<Table::Seen> said;
  Steps::reader_hook() = {turns.pause, 0, [&] { to_writer.release(), to_reader.acquire(); }};
  std::thread reader([&] {
    to_reader.acquire();
    Pair seen;
    if (begun) said = world.table.try_find(id, seen);
    over = true;
    to_writer.release();
  });
  const auto give_turn = [&] { to_reader.release(), to_writer.acquire(); };
  const auto at_second = [&] {
    if (!over) give_turn();
  };
  const auto at_first = [&] {
    begun = true;
    give_turn();
    Steps::writer_hook() = {turns.second - turns.first - 1, 0, at_second};
  };
  Steps::writer_hook() = {turns.first, 0, at_first};
  write();
  if (!over) give_turn();
  reader.join();
  Steps::writer_hook() = {};
  Steps::reader_hook() = {};
  return said;
}

TEST(SessionTableTest, AReaderNeverMissesWhatIsThereHoweverTheirStepsInterleave) {
  std::mt19937 random(11);
  const auto below = [&](std::uint32_t n) { return random() % n; };
  int found = 0;
  for (int round = 0; round < 6'000; ++round) {
    World world;
    for (std::uint64_t i = 0; i < kSessions; ++i) world.add(i);
    const std::uint64_t about = below(kSessions);
    std::vector<std::uint64_t> leaving;
    for (std::uint64_t i = 0; i < kSessions; ++i) {
      if (i != about && below(4) == 0) leaving.push_back(i);
    }
    Turns turns;
    turns.first = static_cast<int>(below(100));
    turns.pause = static_cast<int>(below(8));
    turns.second = turns.first + 1 + static_cast<int>(below(12));
    const auto said = in_turns(world, SessionId{0, about}, turns, [&] {
      for (const std::uint64_t i : leaving) world.drop(i);
    });
    if (said == Table::Seen::kValue) ++found;
    EXPECT_NE(said, Table::Seen::kNothing) << "round " << round;
  }
  EXPECT_GT(found, 1'000);
}

}  // namespace
}  // namespace homing::net
