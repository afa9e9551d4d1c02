// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <algorithm>

#include "router/core/archive.h"
#include "router/core/check.h"

namespace homing::sim {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBirth = 1000 * kSecond;  // Instant 0 is nobody's birthday
// Heartbeats beyond this are closed-form workloads: the cluster is born within a moment instead of over a heartbeat.
constexpr core::Duration kLongHeartbeat = core::seconds(300);
constexpr core::Duration kAskEvery = core::milliseconds(20);  // visits of the warm start

}  // namespace

World::World(std::shared_ptr<const Scenario> scenario, int strategy, std::shared_ptr<const Plan> plan,
             WorldOptions options)
    : scenario_(std::move(scenario)),
      plan_(std::move(plan)),
      options_(std::move(options)),
      strategy_(strategy),
      faults_(plan_->faults),
      store_(base::MemoryStoreOptions{.kept_history = history_to_keep(*plan_, options_),
                                      .index_by_node = scenario_->routers < static_cast<int>(scenario_->nodes.size())}),
      links_(scenario_->nodes.size()),
      operations_(plan_->faults.size()),
      journal_(*scenario_, plan_->visits.size(), options_.record_series, options_.record_feelings) {
  const std::size_t count = scenario_->nodes.size();
  if (options_.probe) journal_.watch(plan_->visits.size());
  machines_.resize(count);
  slow_starts_.resize(count);
  stays_.resize(plan_->visits.size());
  front_sees_.resize(count, false);
  for (const NodeSpec& node : scenario_->nodes) {
    labels_.insert(labels_.end(), node.labels.begin(), node.labels.end());
  }
  for (const KindSpec& kind : scenario_->kinds) labels_.insert(labels_.end(), kind.needs.begin(), kind.needs.end());
  std::sort(labels_.begin(), labels_.end());
  labels_.erase(std::unique(labels_.begin(), labels_.end()), labels_.end());
  CHECK(labels_.size() <= 64);
  for (const Fed what : {Fed::kStickiness, Fed::kWithoutStore, Fed::kDoubleLife, Fed::kWorkLost}) journal_.feeds(what);
  prepare_store();
  lay_out_time();
}

void World::lay_out_time() {
  const auto count = static_cast<std::int64_t>(machines_.size());
  const core::Duration heartbeat = scenario_->cluster.heartbeat;
  const bool brief = heartbeat > kLongHeartbeat;
  const core::Duration apart = brief ? core::milliseconds(1) : heartbeat / count;
  const core::Duration settle = brief ? apart * count + core::seconds(2) : heartbeat * 3;
  const auto& visits = plan_->visits;
  const std::int64_t warm_up = scenario_->warm_up.count();
  first_fresh_ = static_cast<std::uint32_t>(
      std::partition_point(visits.begin(), visits.end(), [&](const Visit& v) { return v.arrival_ns < -warm_up; }) -
      visits.begin());
  const std::uint32_t first = scenario_->warm_start ? 0 : first_fresh_;  // from empty: who was there never came
  const core::Instant birth{core::Duration(kBirth)};
  const core::Duration asking = kAskEvery * static_cast<std::int64_t>(first_fresh_ - first);
  const std::int64_t whole = (asking.count() + kSecond - 1) / kSecond * kSecond;
  zero_ns_ = (birth + settle).time_since_epoch().count() + whole + warm_up;
  warm_start_over_ = birth + settle + core::Duration(whole);
  now_ = birth;
  for (std::int64_t i = 0; i < count; ++i) {
    Machine& machine = machines_[static_cast<std::size_t>(i)];
    machine.serves = i < scenario_->routers;
    set_drift(static_cast<std::uint32_t>(i), own_drift(static_cast<std::uint32_t>(i)));
    machine.late = std::any_of(faults_.begin(), faults_.end(), [i](const PlannedFault& fault) {
      return fault.kind == FaultKind::kScaleOut && fault.node == static_cast<std::uint32_t>(i);
    });
    if (machine.late) {
      machine.held_down = 1;
      journal_.ready(now_ns(), static_cast<std::uint32_t>(i), false);
      journal_.up(now_ns(), static_cast<std::uint32_t>(i), false, 0);
      continue;
    }
    at(birth + apart * i, What::kBoot, static_cast<std::uint32_t>(i));
    at(birth + settle - core::seconds(1), What::kNudge, static_cast<std::uint32_t>(i));
  }
  at(from_scenario(0), What::kMeasuringBegins, 0);
  if (first < visits.size()) at(arrival_of(first), What::kArrive, first);
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    at(from_scenario(faults_[i].start_ns), What::kFaultBegin, static_cast<std::uint32_t>(i));
  }
}

core::Instant World::arrival_of(std::uint32_t v) const {
  if (v >= first_fresh_) return from_scenario(visit(v).arrival_ns);
  return warm_start_over_ - kAskEvery * static_cast<std::int64_t>(first_fresh_ - v);
}

std::uint64_t World::label_bits(const std::vector<std::string>& names) const {
  std::uint64_t bits = 0;
  for (const std::string& name : names) {
    const auto place = std::lower_bound(labels_.begin(), labels_.end(), name) - labels_.begin();
    bits |= std::uint64_t{1} << place;
  }
  return bits;
}

core::Config World::core_config(std::uint32_t machine) const {
  core::Config config;
  const ClusterSpec& cluster = scenario_->cluster;
  config.seed = plan_->seed;
  config.strategy = scenario_->strategies[static_cast<std::size_t>(strategy_)].base;
  config.strategy_params = scenario_->strategies[static_cast<std::size_t>(strategy_)].params;
  config.serve = machines_[machine].serves;
  config.heartbeat = cluster.heartbeat;
  config.report_every = cluster.report_every;
  config.suspect = cluster.suspect;
  config.lease_ttl = cluster.lease_ttl;
  config.dead = cluster.dead;
  // Heartbeats far from the usual: keep what must lie between them there.
  config.queue_ask_max = std::max(config.queue_ask_max, 3 * cluster.heartbeat);
  config.lease_margin = std::min(config.lease_margin, (cluster.lease_ttl - cluster.heartbeat) / 2);
  for (const KindSpec& kind : scenario_->kinds) {
    core::KindConfig& to = config.kinds.emplace_back();
    to.name = kind.name;
    to.labels = label_bits(kind.needs);
    to.memory_bytes = static_cast<std::uint64_t>(kind.memory_expected);
    to.start_timeout = kind.start.timeout;
    to.resume_timeout = kind.resume_timeout;
    to.idle_after = kind.idle_after.value_or(core::Duration{0});
    to.can_suspend = kind.idle_suspends;
    to.idle_then = kind.idle_suspends ? core::IdleThen::kSuspend : core::IdleThen::kEnd;
  }
  if (options_.adjust) options_.adjust(core::NodeId(machine), config);
  CHECK(core::validate(config).empty());
  return config;
}

void World::at(core::Instant when, What what, std::uint32_t a, std::uint64_t b) {
  // At one instant faults come first and deadlines last: an answer that arrives in time is in time.
  std::uint8_t priority = 1;
  if (what == What::kFaultBegin || what == What::kFaultEnd || what == What::kFaultStep) priority = 0;
  if (what == What::kCoreTimer) priority = 2;
  if (what == What::kFreezeAlone)
    priority = 3;  // a renewal of this very instant still counts, and the router goes first
  queue_.push(when.time_since_epoch().count(), priority, Note{what, a, b});
}

bool World::step() {
  if (queue_.empty() || queue_.top().time_ns >= from_scenario(scenario_->horizon.count()).time_since_epoch().count()) {
    return false;
  }
  const auto entry = queue_.pop();
  if (!queue_.empty()) fetch_ahead(queue_.top().payload);
  now_ = core::Instant(core::Duration(entry.time_ns));
  ++events_;
  ++events_by_type_[static_cast<std::size_t>(entry.payload.what)];
  dispatch(entry.payload);
  return true;
}

std::string_view World::to_string(What what) {
  switch (what) {
    case What::kDeliver:
      return "message";
    case What::kStoreCall:
      return "store-call";
    case What::kCoreTimer:
      return "core-timer";
    case What::kStation:
      return "processors";
    case What::kProcessTimer:
      return "process-timer";
    case What::kStartDeadline:
      return "start-deadline";
    case What::kLeaseEnd:
      return "lease-end";
    case What::kFreezeAlone:
      return "freeze-alone";
    case What::kArrive:
    case What::kLeave:
    case What::kMakeSureGone:
    case What::kReact:
    case What::kWantsBack:
      return "people";
    case What::kMemory:
    case What::kMemoryLimit:
      return "memory";
    case What::kFrontDown:
    case What::kFrontUp:
      return "front";
    default:
      return "other";
  }
}

std::vector<std::pair<std::string, std::uint64_t>> World::events_by_type() const {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (std::size_t i = 0; i < kTypes; ++i) {
    if (events_by_type_[i] == 0) continue;
    const std::string name(to_string(static_cast<What>(i)));
    const auto same = std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == name; });
    if (same == counts.end()) {
      counts.emplace_back(name, events_by_type_[i]);
    } else {
      same->second += events_by_type_[i];
    }
  }
  return counts;
}

std::int64_t World::next_event_ns() const {
  const std::int64_t horizon = scenario_->horizon.count();
  if (queue_.empty()) return horizon;
  return std::min(horizon, to_scenario(core::Instant(core::Duration(queue_.top().time_ns))));
}

void World::run_until(std::int64_t scenario_ns) {
  while (next_event_ns() < scenario_ns && step()) {
  }
}

// What the next event is about is on its way to the cache while this one is worked on: with thousands of machines and
// sessions everything an event touches has been pushed out since it was touched last.
void World::fetch_ahead(const Note& next) const {
  const auto fetch = [](const auto& subject) {
    const char* const bytes = reinterpret_cast<const char*>(&subject);
    for (std::size_t line = 0; line < sizeof subject && line < 256; line += 64) __builtin_prefetch(bytes + line);
  };
  switch (next.what) {
    case What::kDeliver:
      fetch(messages_.slots[next.a]);
      break;
    case What::kStoreCall:
      fetch(calls_.slots[next.a]);
      break;
    case What::kCoreTimer:
    case What::kStation:
      fetch(machines_[next.a]);
      break;
    case What::kProcessTimer:
    case What::kStartDeadline:
      fetch(processes_[next.a]);
      break;
    case What::kLeave:
    case What::kMakeSureGone:
      fetch(stays_[next.a]);
      break;
    default:
      break;
  }
}

void World::dispatch(const Note& note) {
  const std::uint32_t a = note.a;
  switch (note.what) {
    case What::kDeliver: {
      const Message& message = messages_.slots[a];
      Machine& machine = machines_[message.machine];
      if (machine.core && machine.boot == message.boot) {
        saw_store(message.machine, message.event);
        call_core(message.machine, message.event);
      } else if (const auto* word = std::get_if<core::AdminWanted>(&message.event)) {
        tell_again(message.machine, *word);
      }
      messages_.drop(a);
      break;
    }
    case What::kStoreCall:
      store_call(calls_.slots[a]);
      calls_.drop(a);
      break;
    case What::kCoreTimer: {
      Machine& machine = machines_[a];
      if (!machine.core || note.b != machine.timer_generation) break;
      machine.armed = core::kNever;
      // Load figures are wanted by heartbeats only, so they are taken just before.
      const core::Instant local = machine.clock.local(now_);
      if (machine.core->heartbeat_due() <= local) machine.core->handle(local, measure(a));
      machine.core->handle_deadline(local);
      after_core(a);
      break;
    }
    case What::kStation:
      if (machines_[a].on && machines_[a].station_armed == note.b) station_event(a);
      break;
    case What::kProcessTimer:
      if (processes_[a].timer_armed && processes_[a].generation == note.b) process_timer(a);
      break;
    case What::kStartDeadline:
      if (processes_[a].life == note.b && processes_[a].state == Process::State::kStarting) {
        end_process(a, core::EndReason::kStartTimeout, true);
      }
      break;
    case What::kLeaseEnd: {
      Machine& machine = machines_[a];
      if (!machine.on || machine.machine_boot != note.b) break;
      machine.lease_armed = false;
      if (machine.lease_until > now_) {
        machine.lease_armed = true;
        at(machine.lease_until, What::kLeaseEnd, a, machine.machine_boot);
      } else {
        kill_unfinished(a);
        const bool any = std::find(freezes_.begin(), freezes_.end(), true) != freezes_.end();
        if (any) at(now_, What::kFreezeAlone, a, machine.machine_boot);
      }
      break;
    }
    case What::kFreezeAlone:
      if (machines_[a].on && machines_[a].machine_boot == note.b && machines_[a].lease_until <= now_) freeze_alone(a);
      break;
    case What::kArrive:
      if (a + 1 < plan_->visits.size()) at(arrival_of(a + 1), What::kArrive, a + 1);
      arrive(a);
      break;
    case What::kLeave:
      leave(a);
      break;
    case What::kMakeSureGone:
      make_sure_gone(a);
      break;
    case What::kReact:
      if (stays_[a].react_generation == note.b) react(a);
      break;
    case What::kFrontDown:
      if (machines_[a].front_news == note.b && !answers_people(a)) front_down(a);
      break;
    case What::kFrontUp:
      if (machines_[a].front_news == note.b && answers_people(a)) front_up(a);
      break;
    case What::kRetry:
      if (stays_[a].retry_generation == note.b) retry(a);
      break;
    case What::kBlind:
      if (machines_[a].core && machines_[a].boot == note.b) look_whether_blind(a);
      break;
    case What::kFaultStep:
      fault_step(a, note.b);
      break;
    case What::kBoot:
      boot(a);
      break;
    case What::kFaultBegin:
      fault_begin(a);
      break;
    case What::kFaultEnd:
      fault_end(a);
      break;
    case What::kMaintained:
      maintained(a);
      break;
    case What::kNudge:
      deliver(a, core::StoreHint{});
      break;
    case What::kMeasuringBegins:
      journal_.begin_measuring(0);
      break;
    case What::kWantsBack:
      if (stays_[a].want_generation == note.b) wants_back(a);
      break;
    case What::kMemory:
      if (machines_[a].memory_generation == note.b) check_memory(a);
      break;
    case What::kMemoryLimit:
      if (processes_[a].life == note.b && processes_[a].state != Process::State::kFree) check_limit(a);
      break;
  }
}

std::uint64_t World::fingerprint() const {
  core::Hasher hasher;
  hasher(plan_->hash, dead_streams_);
  for (const Machine& machine : machines_) hasher(machine.core ? machine.core->fingerprint() : 0);
  return hasher.value();
}

Journal& World::finish() {
  const std::int64_t horizon = scenario_->horizon.count();
  for (const PlannedFault& fault : faults_) {
    if (fault.start_ns >= horizon) continue;
    FaultRecord record;
    record.node = fault.node == kNoFaultNode ? -1 : static_cast<int>(fault.node);
    record.kind = fault_info(fault.kind).name;
    record.start_ns = fault.start_ns;
    const std::int64_t after = fault.kind == FaultKind::kDrain ? kMaintenance.count() : 0;
    if (fault.end_ns < horizon - after) record.end_ns = fault.end_ns + after;
    record.label = fault.label;
    journal_.fault(std::move(record));
  }
  journal_.finish(horizon);
  return journal_;
}

void World::cut_and_restore() {
  for (Machine& machine : machines_) {
    if (!machine.core) continue;
    auto again = core::Core::restore(machine.core->snapshot());
    CHECK(again.has_value());
    *machine.core = std::move(*again);
  }
}

bool World::lose_tail(std::uint64_t commits) {
  if (commits > store_.latest().value) return false;
  const core::Version to(store_.latest().value - commits);
  return store_.rewind_to(to, core::Timeline(store_.timeline().value + 1));
}

void World::isolate(std::uint32_t machine, bool isolated) {
  // Said twice is said once.
  const int change = (isolated ? 1 : 0) - (links_.sees_store(machine) ? 0 : 1);
  if (change != 0) cut_store(machine, change);
}

void World::store_loss(int lost_calls_milli, int lost_answers_milli) {
  options_.lost_calls_milli = lost_calls_milli;
  options_.lost_answers_milli = lost_answers_milli;
}

void World::slow_starts(std::uint32_t machine, std::optional<core::Duration> solo) {
  slow_starts_[machine] = solo;
}

void World::let_exit(std::uint32_t slot, core::EndReason reason) {
  CHECK(processes_[slot].state != Process::State::kFree);
  end_process(slot, reason, true);
}

void World::tell(std::uint32_t machine, core::Event event) {
  if (auto* wanted = std::get_if<core::SessionWanted>(&event)) wanted->request = core::RequestId(++requests_);
  deliver(machine, std::move(event));
}

}  // namespace homing::sim
