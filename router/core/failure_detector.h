// SPDX-License-Identifier: Apache-2.0
//
// When is a node's lease expired? A lease is a counter in the node's row. For an observer its age is the time between
// *receiving* the answer that first showed the counter and *sending* the newest read that still showed it, with no
// failed read between; no clock but the observer's own takes part. After a failed read every age starts again at the
// next answer: after a store outage nobody is dead until reading has worked for the whole time.
//
// The detector is a pure leaf: told `now`, it asks nobody. One Continuity a core, one LeaseWatch a node.
// Thread class: single-owner values.
#pragma once

#include "router/core/archive.h"
#include "router/core/effect.h"
#include "router/core/instant.h"

namespace homing::core {

// The run of successful reads that is going on.
class Continuity {
 public:
  // A complete read, sent at `sent`, was answered at `received`.
  void read_succeeded(Instant sent, Instant received) {
    if (!going_) {
      going_ = true;
      since_ = received;
    }
    observed_until_ = sent;
  }
  void read_failed() { going_ = false; }
  bool going() const { return going_; }
  Instant since() const { return since_; }
  Instant observed_until() const { return observed_until_; }
  template <class A>
  void archive(A& a) {
    a(going_, since_, observed_until_);
  }

 private:
  bool going_ = false;
  Instant since_{};
  Instant observed_until_{};
};

struct LeaseLimits {
  Duration suspect;
  Duration lease_ttl;
  Duration dead;
};

class LeaseWatch {
 public:
  // The answer received at `received` shows `counter`; any change of it is a renewal.
  // Returns whether it was one.
  bool shown(std::uint64_t counter, Instant received) {
    if (seen_ && counter == counter_) return false;
    seen_ = true;
    counter_ = counter;
    first_shown_ = received;
    return true;
  }

  Duration age(const Continuity& reads) const {
    if (!seen_ || !reads.going()) return Duration{0};
    const Instant from = first_shown_ > reads.since() ? first_shown_ : reads.since();
    const Duration d = reads.observed_until() - from;
    return d < Duration{0} ? Duration{0} : d;
  }

  NodeView view(const Continuity& reads, const LeaseLimits& limits) const {
    const Duration d = age(reads);
    if (d >= limits.lease_ttl) return NodeView::kLeaseExpired;
    if (d >= limits.suspect) return NodeView::kSuspect;
    return NodeView::kUp;
  }
  bool dead(const Continuity& reads, const LeaseLimits& limits) const { return age(reads) >= limits.dead; }

  // Earliest instant at which a read would have to be sent for the view to change next.
  Instant next_threshold(const Continuity& reads, const LeaseLimits& limits) const {
    const Instant from = first_shown_ > reads.since() ? first_shown_ : reads.since();
    const Duration d = age(reads);
    if (d < limits.suspect) return from + limits.suspect;
    if (d < limits.lease_ttl) return from + limits.lease_ttl;
    return from + limits.dead;
  }

  template <class A>
  void archive(A& a) {
    a(seen_, counter_, first_shown_);
  }

 private:
  bool seen_ = false;
  std::uint64_t counter_ = 0;
  Instant first_shown_{};
};

}  // namespace homing::core
