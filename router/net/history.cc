// SPDX-License-Identifier: Apache-2.0
#include "router/net/history.h"

#include <fmt/format.h>

namespace homing::net {

std::string Names::node(core::NodeId id) const {
  if (id == core::kNoNode) return "no node";
  return id.value < nodes.size() ? nodes[id.value] : fmt::format("node {}", id.value);
}

std::string Names::kind(core::KindId id) const {
  return id.value < kinds.size() ? kinds[id.value] : fmt::format("kind {}", id.value);
}

void History::push(HistoryEntry entry) {
  entries_.push_back(std::move(entry));
  if (entries_.size() > max_) entries_.pop_front();
}

void History::add(const core::DecisionRecord& record, std::string_view strategy, std::int64_t at_ns) {
  push({at_ns, record.session, in_words(record, strategy, names_)});
}

void History::add(const core::SessionId& session, const core::RouteValue* before, const core::RouteValue& after,
                  std::int64_t at_ns) {
  push({at_ns, session, in_words(before, after, names_)});
}

void History::note(const core::SessionId& session, std::string text, std::int64_t at_ns) {
  push({at_ns, session, std::move(text)});
}

std::vector<HistoryEntry> History::of(const core::SessionId& session) const {
  std::vector<HistoryEntry> out;
  for (const HistoryEntry& entry : entries_) {
    if (entry.session == session) out.push_back(entry);
  }
  return out;
}

std::string in_words(const core::DecisionRecord& record, std::string_view strategy, const Names& names) {
  std::string out =
      fmt::format("strategy {} chose {} for epoch {}", strategy, names.node(record.chosen), record.epoch.value);
  if (record.attempt > 1) out += fmt::format(" (attempt {})", record.attempt);
  out += fmt::format(" out of {} eligible", record.eligible);
  if (record.runner_up != core::kNoNode) {
    out += fmt::format("; next best was {}", names.node(record.runner_up));
    if (record.score_gap != 0) out += fmt::format(", {} worse by score", record.score_gap);
  }
  std::string refused;
  for (int i = 0; i < core::kNodeRefusals; ++i) {
    const std::uint32_t count = record.refused[static_cast<std::size_t>(i)];
    if (count == 0) continue;
    if (!refused.empty()) refused += ", ";
    refused += fmt::format("{} {}", count, core::to_string(static_cast<core::NodeRefusal>(i)));
  }
  if (!refused.empty()) out += "; not considered: " + refused;
  out += fmt::format("; load figures up to {} ms old", record.view_age.count() / 1'000'000);
  return out;
}

std::string in_words(const core::RouteValue* before, const core::RouteValue& after, const Names& names) {
  std::string out =
      fmt::format("{} on {} (epoch {})", core::to_string(after.state), names.node(after.node), after.epoch.value);
  if (after.reason != core::EndReason::kNone) out += fmt::format(": {}", core::to_string(after.reason));
  if (before != nullptr && before->node != after.node) out += fmt::format("; it was on {}", names.node(before->node));
  return out;
}

}  // namespace homing::net
