// SPDX-License-Identifier: Apache-2.0
//
// What this router remembers of its sessions' fates, to answer "why is it there, why is it gone" in words: placement
// decisions it made, and every change of state it saw, whoever made it.
//
// Bounded: the oldest entries of all sessions are forgotten first. The trace keeps everything; this is what an operator
// asks at the terminal.
// Thread class: single-owner (the driver's thread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "router/core/decision.h"
#include "router/core/resolve.h"

namespace homing::net {

struct HistoryEntry {
  std::int64_t at_ns = 0;  // wall time since 1970, for people
  core::SessionId session;
  std::string text;  // a sentence or two
};

// Names for what the core numbers.
struct Names {
  std::vector<std::string> nodes;
  std::vector<std::string> kinds;
  std::string node(core::NodeId id) const;
  std::string kind(core::KindId id) const;
};

class History {
 public:
  explicit History(Names names, std::size_t max_entries = 20'000) : names_(std::move(names)), max_(max_entries) {}

  void add(const core::DecisionRecord& record, std::string_view strategy, std::int64_t at_ns);
  // `before` is nullptr for a session not seen until now.
  void add(const core::SessionId& session, const core::RouteValue* before, const core::RouteValue& after,
           std::int64_t at_ns);
  void note(const core::SessionId& session, std::string text, std::int64_t at_ns);
  std::vector<HistoryEntry> of(const core::SessionId& session) const;
  const Names& names() const { return names_; }

 private:
  void push(HistoryEntry entry);
  Names names_;
  std::size_t max_;
  std::deque<HistoryEntry> entries_;
};

// "placed on n2 (epoch 1): fewest ... ; next n1, ..." for people.
std::string in_words(const core::DecisionRecord& record, std::string_view strategy, const Names& names);
// "lost: its node was declared dead (was on n2, epoch 1)".
std::string in_words(const core::RouteValue* before, const core::RouteValue& after, const Names& names);

}  // namespace homing::net
