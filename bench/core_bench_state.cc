// SPDX-License-Identifier: Apache-2.0
//
// What a whole core costs.
//
//   handle/NODES/EVENT     one router among NODES, all of whose people knock at it: sessions are wanted, claimed,
//   started,
//                          ended and lost; the others' heartbeats come in; everything through a store of twenty lines
//                          here. Every call of handle() is timed. Wall time, the clock's own cost included (first row).
//   bytes/hosted/N         live heap bytes a session adds to the core of the node that runs it
//   bytes/route/N          live heap bytes that a session elsewhere adds: its route and its owner's row, every session
//                          another owner. route-alone: all of one owner. N matters: a hash table that has just doubled
//                          is half empty
//
// Counters: p50, p99, max in nanoseconds; of_limit = p99 / 50 microseconds, or bytes / the budget (2,048 and 96).
// Heap bytes are counted by an operator new of this program, as the allocator rounds them.
#include "bench/core_bench_state.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "router/core/check.h"
#include "router/core/core.h"

namespace {

std::int64_t live_bytes = 0;  // single-threaded program; the one global that a replaced operator new cannot do without

void* counted(std::size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) std::abort();
  live_bytes += static_cast<std::int64_t>(malloc_usable_size(p));
  return p;
}

void uncounted(void* p) {
  if (p != nullptr) live_bytes -= static_cast<std::int64_t>(malloc_usable_size(p));
  std::free(p);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void operator delete(void* p) noexcept {
  uncounted(p);
}
void operator delete[](void* p) noexcept {
  uncounted(p);
}
void operator delete(void* p, std::size_t) noexcept {
  uncounted(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  uncounted(p);
}

namespace homing::bench {
namespace {

using namespace core;  // NOLINT(google-build-using-namespace): every name here is the core's

constexpr double kEventLimitNs = 50'000;  // design: core event p99
constexpr double kHostedLimit = 2048;
constexpr double kRouteLimit = 96;

// The store: newest value of each row, and the order of commits.
class Store {
 public:
  Version commit(const std::vector<Row>& rows) {
    ++latest_;
    for (const Row& row : rows) {
      const RowKey key = key_of(row);
      rows_[key] = {row, Version{latest_}};
      log_.emplace_back(latest_, key);
    }
    return Version{latest_};
  }
  Event answer(const CompareAndSet& call) {
    Lost lost{call.token, kTimeline, {}};
    std::vector<Row> rows;
    for (const RowWrite& w : call.writes) {
      const auto it = rows_.find(key_of(w.row));
      lost.current.push_back(it == rows_.end() ? VersionedRow{w.row, Version{}} : it->second);
      rows.push_back(w.row);
    }
    for (std::size_t i = 0; i < call.writes.size(); ++i) {
      if (lost.current[i].version != call.writes[i].expected) return lost;
    }
    return Won{call.token, commit(rows)};
  }
  Event answer(const ReadSince& call) const {
    Rows rows{call.token, kTimeline, Version{latest_}, true, {}};
    auto it = std::lower_bound(log_.begin(), log_.end(), std::pair{call.cursor.value + 1, RowKey{}});
    for (; it != log_.end(); ++it) {
      const VersionedRow& row = rows_.at(it->second);
      if (row.version.value == it->first) rows.rows.push_back(row);
    }
    return rows;
  }
  const VersionedRow* find(const RowKey& key) const {
    const auto it = rows_.find(key);
    return it == rows_.end() ? nullptr : &it->second;
  }
  std::uint32_t live(UserId user) const {
    const auto it = rows_.find({RowKind::kUser, 0, user.value});
    return it == rows_.end() ? 0 : std::get<UserRow>(it->second.row).live;
  }
  Version latest() const { return Version{latest_}; }

 private:
  static constexpr Timeline kTimeline{1};
  absl::flat_hash_map<RowKey, VersionedRow> rows_;
  std::vector<std::pair<std::uint64_t, RowKey>> log_;
  std::uint64_t latest_ = 0;
};

SessionId session_id(std::uint64_t n) {
  return {n * 0x9e3779b97f4a7c15u, n};
}

// What is measured apart: the alternatives of Event, by the names of their types, and Rows by what they carry.
constexpr std::size_t kEvents = std::variant_size_v<Event>;

template <class T>
std::string type_name() {  // "... [T = homing::core::Boot]" or "... [with T = homing::core::Boot; ...]"
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t begin = text.find("homing::core::", text.find("T = ")) + std::string_view("homing::core::").size();
  return std::string(text.substr(begin, text.find_first_of("];", begin) - begin));
}

template <std::size_t... I>
std::string event_name(std::size_t index, std::index_sequence<I...>) {
  std::string name;
  static_cast<void>(((I == index ? (name = type_name<std::variant_alternative_t<I, Event>>(), true) : false) || ...));
  return name;
}

constexpr std::size_t kHeartbeatRows = kEvents;  // Rows with every node's heartbeat
constexpr std::size_t kDeadline = kHeartbeatRows + 1;
constexpr std::size_t kClock = kDeadline + 1;
constexpr std::size_t kTimings = kClock + 1;

std::string timing_name(std::size_t i) {
  if (i == kHeartbeatRows) return "Rows-of-all-heartbeats";
  if (i == kDeadline) return "deadline";
  return i == kClock ? "clock-alone" : event_name(i, std::make_index_sequence<kEvents>{});
}

// One core with everything around it played by hand: store, launcher, the other nodes.
class Router {
 public:
  Router(std::uint32_t nodes, const std::string& strategy, bool timed)
      : timed_(timed), core_(NodeId{0}, config(strategy)) {
    others_.resize(nodes);
    for (std::uint32_t n = 1; n < nodes; ++n) {
      others_[n].node = NodeId{n};
      others_[n].incarnation = Incarnation{1};
      others_[n].load.cores_milli = 16'000;
    }
    beat_others();
    Boot boot;
    boot.machine = 5;
    feed(boot);
    feed(LauncherUp{});
    second();
    CHECK(core_.may_order(now_));
  }

  Core& core() { return core_; }
  std::vector<double>& timings(std::size_t i) { return timings_[i]; }

  void feed(const Event& event) {
    pending_.push_back(event);
    while (!pending_.empty()) {
      const Event next = std::move(pending_.front());
      pending_.pop_front();
      time(carries_heartbeats(next) ? kHeartbeatRows : next.index(), [&] { core_.handle(now_, next); });
      drain();
    }
  }

  // The next second: deadlines, the others' heartbeats, what a driver measures.
  void second() {
    const Instant until = now_ + seconds(1);
    beat_others();
    while (core_.next_deadline() <= until) {
      now_ = std::max(now_, core_.next_deadline());
      time(kDeadline, [&] { core_.handle_deadline(now_); });
      drain();
      while (!pending_.empty()) {
        const Event next = std::move(pending_.front());
        pending_.pop_front();
        feed(next);
      }
    }
    now_ = until;
    NodeLoad load;
    load.cores_milli = 16'000;
    load.load5_milli = static_cast<std::uint32_t>(now_.time_since_epoch().count() / 1'000'000 % 16'000);
    feed(LoadMeasured{load});
  }

  void want(std::uint64_t n, UserId user, Intent intent) {
    feed(SessionWanted{RequestId{++requests_}, session_id(n), user, KindId{0}, intent});
  }
  RequestId last_request() const { return RequestId{requests_}; }

  // What the node that won a placement would do: accept it and have it run. Then the hint that there is news.
  void run_elsewhere(std::uint64_t n) {
    const RowKey key{RowKind::kSession, session_id(n).hi, session_id(n).lo};
    const VersionedRow* found = store_.find(key);
    if (found == nullptr) return;
    SessionRow row = std::get<SessionRow>(found->row);
    if (row.node == NodeId{0} || row.state != SessionState::kPlaced) return;
    if (row.claimed == Version{}) row.claimed = found->version;
    row.state = SessionState::kStarting;
    store_.commit({row});
    row.state = SessionState::kReady;
    store_.commit({row});
    ++others_[row.node.value].load.sessions;
    feed(StoreHint{});
  }

  // Somebody else changes the row of `user` while our next claim is on its way: it loses.
  void spoil_next_claim(UserId user) { spoil_ = user; }
  void silence_next_claim() { silence_ = true; }

  // A session elsewhere, straight into the store.
  void put_elsewhere(std::uint64_t n, UserId user, bool with_user_row) {
    SessionRow row;
    row.session = session_id(n);
    row.user = user;
    row.state = SessionState::kReady;
    row.epoch = Epoch{1};
    row.node = NodeId{1 + static_cast<std::uint32_t>(n % (others_.size() - 1))};
    row.incarnation = Incarnation{1};
    row.claimed = Version{store_.latest().value + 1};
    std::vector<Row> rows{row};
    if (with_user_row) rows.push_back(UserRow{user, 1});
    store_.commit(rows);
    ++others_[row.node.value].load.sessions;
  }

 private:
  static Config config(const std::string& strategy) {
    Config c;
    c.strategy = strategy;
    KindConfig kind;
    kind.name = "notepad";
    c.kinds.push_back(kind);
    CHECK(validate(c).empty());
    return c;
  }

  bool carries_heartbeats(const Event& event) const {
    const auto* rows = std::get_if<Rows>(&event);
    if (rows == nullptr) return false;
    const auto beats = std::count_if(rows->rows.begin(), rows->rows.end(),
                                     [](const VersionedRow& r) { return std::holds_alternative<NodeRow>(r.row); });
    return others_.size() > 1 && static_cast<std::size_t>(beats) + 1 >= others_.size();
  }

  void beat_others() {
    for (std::uint32_t n = 1; n < others_.size(); ++n) {
      NodeRow& row = others_[n];
      ++row.lease;
      row.load.counted = store_.latest();
      row.load.load5_milli = static_cast<std::uint32_t>((row.lease * 7919 + n * 104'729) % 16'000);
    }
    const Version before = store_.latest();
    for (std::uint32_t n = 1; n < others_.size(); ++n) {
      others_[n].load.counted = before;
      store_.commit({others_[n]});
    }
  }

  void drain() {
    const std::vector<Effect> effects(core_.effects().begin(), core_.effects().end());
    core_.clear_effects();
    for (const Effect& effect : effects) {
      if (const auto* read = std::get_if<ReadSince>(&effect)) {
        pending_.push_back(store_.answer(*read));
      } else if (const auto* write = std::get_if<CompareAndSet>(&effect)) {
        pending_.push_back(answer(*write));
      } else if (const auto* start = std::get_if<StartSession>(&effect)) {
        pending_.push_back(SessionStarted{start->session, start->epoch});
      }
    }
  }

  Event answer(const CompareAndSet& call) {
    const bool claim = std::holds_alternative<SessionRow>(call.writes.front().row);
    if (claim && silence_) {
      silence_ = false;
      return Silent{call.token};
    }
    if (claim && spoil_ != UserId{}) {
      store_.commit({UserRow{spoil_, store_.live(spoil_)}});
      spoil_ = UserId{};
    }
    return store_.answer(call);
  }

  template <class F>
  void time(std::size_t what, const F& f) {
    if (!timed_) {
      f();
      return;
    }
    const auto start = std::chrono::steady_clock::now();
    f();
    const auto end = std::chrono::steady_clock::now();
    timings_[what].push_back(std::chrono::duration<double, std::nano>(end - start).count());
  }

  bool timed_;
  Instant now_{seconds(1)};
  Store store_;
  std::vector<NodeRow> others_;
  Core core_;
  std::deque<Event> pending_;
  std::uint64_t requests_ = 0;
  UserId spoil_{};
  bool silence_ = false;
  std::array<std::vector<double>, kTimings> timings_;
};

// A morning at one router: `wishes` people, fifty a second; one in ten comes back, one in five leaves, a few accidents.
std::unique_ptr<Router> morning(std::uint32_t nodes, std::uint64_t wishes) {
  auto router = std::make_unique<Router>(nodes, "sessions", true);
  for (std::uint64_t n = 1; n <= wishes; ++n) {
    const UserId user{n % 997 + 1};
    if (n % 50 == 0) router->second();
    if (n % 101 == 0) router->spoil_next_claim(user);
    if (n % 211 == 0) router->silence_next_claim();
    router->want(n, user, Intent::kStart);
    if (n % 17 == 0) {
      router->feed(WantWithdrawn{router->last_request()});
    }
    if (n % 211 == 0) router->feed(StoreHint{});  // the store answers again: the claim is made once more
    router->run_elsewhere(n);
    if (n % 10 == 0) router->want(n / 2 + 1, UserId{(n / 2 + 1) % 997 + 1}, Intent::kReach);
    if (n % 5 == 0) router->feed(EndWanted{session_id(n / 5), EndReason::kOwner});
    if (n % 50 == 1) router->feed(TrafficSummary{NodeId{1}, Instant{}, Instant{}, 100, 0, 0, 5});
    if (n % 40 == 3) router->feed(SessionExited{session_id(n), Epoch{1}, EndReason::kProcessExited});
    if (n % 500 == 7)
      router->feed(AdminWanted{NodeId{nodes - 1}, n % 1000 == 7 ? NodeAdmin::kDrain : NodeAdmin::kReady});
    if (n % 500 == 11) router->feed(ConfigChanged{router->core().config()});
  }
  for (int i = 0; i < 10'000; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto end = std::chrono::steady_clock::now();
    router->timings(kClock).push_back(std::chrono::duration<double, std::nano>(end - start).count());
  }
  return router;
}

struct LazyMorning {
  std::uint32_t nodes;
  std::uint64_t wishes;
  std::unique_ptr<Router> router;
};

void report_event(benchmark::State& state, const std::shared_ptr<LazyMorning>& day, std::size_t what) {
  if (day->router == nullptr) day->router = morning(day->nodes, day->wishes);
  std::vector<double>& t = day->router->timings(what);
  if (t.empty()) {  // not part of the morning: a launcher away, a leave
    for (auto _ : state) state.SetIterationTime(0);
    state.SetLabel("did not happen");
    return;
  }
  std::sort(t.begin(), t.end());
  double sum = 0;
  for (const double x : t) sum += x;
  for (auto _ : state) state.SetIterationTime(sum / static_cast<double>(t.size()) * 1e-9);
  const double p99 = t[(t.size() * 99 + 99) / 100 - 1];  // nearest rank
  state.counters["n"] = static_cast<double>(t.size());
  state.counters["p50"] = t[t.size() / 2];
  state.counters["p99"] = p99;
  state.counters["max"] = t.back();
  if (what != kClock) state.counters["of_limit"] = p99 / kEventLimitNs;
}

void report_bytes(benchmark::State& state, double bytes, double limit) {
  for (auto _ : state) state.SetIterationTime(1e-9);
  state.counters["bytes"] = bytes;
  state.counters["of_limit"] = bytes / limit;
}

// Everything the core keeps, less what it kept before; call capacity and the bench's own store do not count.
std::int64_t bytes_of_copy(const Core& core) {
  const std::int64_t before = live_bytes;
  const Core copy(core);  // NOLINT(performance-unnecessary-copy-initialization): its bytes are the question
  return live_bytes - before;
}

void run_hosted(benchmark::State& state, std::uint64_t sessions) {
  Router router(1, "sessions", false);
  const std::int64_t before = bytes_of_copy(router.core());
  for (std::uint64_t n = 1; n <= sessions; ++n) {
    router.want(n, UserId{n}, Intent::kStart);
    if (n % 500 == 0) router.second();
  }
  router.second();
  router.second();
  CHECK(router.core().hosted_count() == sessions);
  const std::int64_t bytes = bytes_of_copy(router.core()) - before;
  report_bytes(state, static_cast<double>(bytes) / static_cast<double>(sessions), kHostedLimit);
}

void run_routes(benchmark::State& state, std::uint64_t routes, bool with_users) {
  Router router(4, "sessions", false);
  const std::int64_t before = bytes_of_copy(router.core());
  for (std::uint64_t n = 1; n <= routes; ++n) router.put_elsewhere(n, UserId{with_users ? n : 1}, with_users);
  for (int i = 0; i < 3; ++i) router.second();
  CHECK(router.core().routes().size() == routes);
  const std::int64_t bytes = bytes_of_copy(router.core()) - before;
  report_bytes(state, static_cast<double>(bytes) / static_cast<double>(routes), kRouteLimit);
}

}  // namespace

void register_state_benchmarks(Effort effort) {
  const bool smoke = effort == Effort::kSmoke;
  const auto once = [](benchmark::internal::Benchmark* b) { b->Iterations(1)->UseManualTime(); };
  for (const std::uint32_t nodes : smoke ? std::vector<std::uint32_t>{4} : std::vector<std::uint32_t>{4, 64, 1024}) {
    const auto day = std::make_shared<LazyMorning>(LazyMorning{nodes, smoke ? 300u : 10'000u, nullptr});
    for (std::size_t what = kTimings; what-- > 0;) {
      if (what == 6 || what == 8 || what == 12)
        continue;  // LauncherDown, SessionFailed, LeaveWanted: as cheap as flags
      const std::string title = "handle/" + std::to_string(nodes) + "/" + timing_name(what);
      once(benchmark::RegisterBenchmark(title.c_str(), report_event, day, what));
    }
  }
  for (const std::uint64_t n : smoke ? std::vector<std::uint64_t>{100} : std::vector<std::uint64_t>{200, 1000, 3000}) {
    once(benchmark::RegisterBenchmark(("bytes/hosted/" + std::to_string(n)).c_str(), run_hosted, n));
  }
  for (const std::uint64_t n :
       smoke ? std::vector<std::uint64_t>{1000} : std::vector<std::uint64_t>{60'000, 100'000, 200'000}) {
    once(benchmark::RegisterBenchmark(("bytes/route/" + std::to_string(n)).c_str(), run_routes, n, true));
    once(benchmark::RegisterBenchmark(("bytes/route-alone/" + std::to_string(n)).c_str(), run_routes, n, false));
  }
}

}  // namespace homing::bench
