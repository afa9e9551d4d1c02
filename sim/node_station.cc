// SPDX-License-Identifier: Apache-2.0
#include "sim/node_station.h"

#include <algorithm>

#include "router/core/check.h"

namespace homing::sim {

NodeStation::NodeStation(core::Instant birth, std::uint32_t cores, double speed)
    : cores_(cores), speed_(speed), now_(birth), load_(birth) {
  CHECK(cores > 0);
  CHECK(speed > 0.0);
}

std::vector<NodeStation::Task>::const_iterator NodeStation::find(TaskId task) const {
  return std::find_if(tasks_.begin(), tasks_.end(), [task](const Task& other) { return other.task == task; });
}

double NodeStation::rate() const {
  if (runnable_ <= cores_) return speed_;
  return speed_ * static_cast<double>(cores_) / static_cast<double>(runnable_);
}

void NodeStation::advance(core::Instant now) {
  CHECK(now >= now_);
  load_.advance(now, runnable_);
  if (now == now_) return;
  const double elapsed = static_cast<double>((now - now_).count());
  virtual_ns_ += elapsed * rate();
  busy_core_ns_ += elapsed * static_cast<double>(std::min(runnable_, cores_));
  now_ = now;
}

void NodeStation::add(core::Instant now, TaskId task, std::uint32_t threads, std::int64_t cpu_ns) {
  CHECK(threads > 0);
  CHECK(cpu_ns >= 0);
  advance(now);
  const double ends_at = virtual_ns_ + static_cast<double>(cpu_ns) / static_cast<double>(threads);
  CHECK(find(task) == tasks_.end());
  const Task fresh{ends_at, task, threads};
  tasks_.insert(std::lower_bound(tasks_.begin(), tasks_.end(), fresh, ends_later), fresh);
  runnable_ += threads;
  ++generation_;
}

std::optional<std::int64_t> NodeStation::remove(core::Instant now, TaskId task) {
  advance(now);
  const auto found = find(task);
  if (found == tasks_.end()) return std::nullopt;
  const Task gone = *found;
  tasks_.erase(found);
  runnable_ -= gone.threads;
  ++generation_;
  const double left = (gone.ends_at - virtual_ns_) * static_cast<double>(gone.threads);
  return static_cast<std::int64_t>(std::max(0.0, left));
}

std::optional<std::int64_t> NodeStation::left(core::Instant now, TaskId task) const {
  const auto found = find(task);
  if (found == tasks_.end()) return std::nullopt;
  const double reached = virtual_ns_ + static_cast<double>((now - now_).count()) * rate();
  const double left = (found->ends_at - reached) * static_cast<double>(found->threads);
  return static_cast<std::int64_t>(std::max(0.0, left));
}

void NodeStation::set_speed(core::Instant now, double speed) {
  CHECK(speed > 0.0);
  advance(now);
  speed_ = speed;
  ++generation_;
}

core::Instant NodeStation::next_completion() const {
  if (tasks_.empty()) return core::kNever;
  const double left = tasks_.back().ends_at - virtual_ns_;
  if (left <= 0.0) return now_;
  const double wait = left / rate();
  if (wait >= 9e18) return core::kNever;
  auto whole = static_cast<std::int64_t>(wait);
  if (static_cast<double>(whole) < wait) ++whole;
  return now_ + core::Duration(whole);
}

void NodeStation::take_completed(core::Instant now, std::vector<TaskId>& done) {
  done.clear();
  const bool head_is_due = next_completion() <= now;
  advance(now);
  // Rounding may leave V a hair below the head's end although its instant has come: the head goes by its instant.
  if (head_is_due && !tasks_.empty()) virtual_ns_ = std::max(virtual_ns_, tasks_.back().ends_at);
  while (!tasks_.empty() && tasks_.back().ends_at <= virtual_ns_) {
    runnable_ -= tasks_.back().threads;
    done.push_back(tasks_.back().task);
    tasks_.pop_back();
  }
  if (!done.empty()) ++generation_;
}

}  // namespace homing::sim
